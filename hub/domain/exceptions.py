"""Customs' answers explained: what a receipt's code or text means and what to do next, in both languages (pure).

The sentences are data: the code lists ``customsResult``, ``resultText``, ``returnStatus``, ``importException``,
``exportException``, ``transportError`` and ``advice`` of ``schemas/codes``. The same number below zero means different
things on the import and the export side, hence the message. What is in no list has no explanation and stays as it is.
"""

from __future__ import annotations

import re

import msgspec

from schemas.codes import Certainty, Code, Range, code_list
from schemas.model import message_types

_RESULT = re.compile(r"\[Code[:：]\s*([0-9]{1,9})")
_SIDES = {
    "import": ("importException",),
    "export": ("exportException",),
    "both": ("importException", "exportException"),
}


class Explanation(msgspec.Struct, frozen=True):
    """What was explained (``code``: a status, a result code, or the words found), its meaning, and what to do next."""

    code: str
    message: str
    message_zh: str
    remedy: str
    remedy_zh: str
    certainty: Certainty


def explain(message: str, status: str, info: str = "") -> Explanation | None:
    """What the receipt of a message (``CEB622``, or ``CEB621`` that it answers) says; None where nothing is known.

    CEB900 answers both sides: name the message it answers, else only what means the same on both is explained.
    A result code in the text (``[Code:1332;Desc:…]``) tells more than words in it, and they more than the status.
    """
    results = code_list("customsResult").codes
    for number in _RESULT.findall(info):
        if number in results:
            return _of("customsResult", number, results[number])
    for words, entry in code_list("resultText").codes.items() if info else ():
        if words in info:
            return _of("resultText", words, entry)
    if status.startswith("-"):
        mt = message_types().get(message)
        return _exception(_SIDES[mt.side], status) if mt is not None else None
    found = code_list("returnStatus").codes.get(status)
    return _of("returnStatus", status, found) if found is not None else None


def explain_transport(code: str) -> Explanation | None:
    """What an answer of the data exchange platform says (``ResponseCode`` of DxpRep), None for users' own codes."""
    found = code_list("transportError").codes.get(code)
    return _of("transportError", code, found) if found is not None else None


def _exception(lists: tuple[str, ...], status: str) -> Explanation | None:
    found = [said for name in lists if (said := _below_zero(name, status)) is not None]
    return found[0] if len({said.message for said in found}) == 1 else None


def _below_zero(name: str, status: str) -> Explanation | None:
    known = code_list(name)
    entry = known.codes.get(status)
    if entry is not None:
        return _of(name, status, entry)
    digits = status[1:]
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
        return None
    number = -int(digits)
    return next((_of(name, status, span) for span in known.ranges if span.first <= number <= span.last), None)


def _of(name: str, code: str, entry: Code | Range) -> Explanation:
    advice = code_list("advice").codes[entry.advice]
    return Explanation(code, entry.en, entry.zh, advice.en, advice.zh, code_list(name).certainty_of(code))


#: What customs calls a failed check of a field, by message (specification, table 7-2; export: the first number of the range
#: of business checks, table 7-3). Export returns have no published codes.
_CHECK_FAILED = {
    "CEB311": "-301008", "CEB411": "-401009", "CEB511": "-504011", "CEB513": "-505011", "CEB621": "-621001",
    "CEB623": "-623001", "CEB625": "-625001", "CEB711": "-800001", "CEB303": "-303001", "CEB403": "-403001",
    "CEB505": "-503001", "CEB507": "-803001", "CEB509": "-507001", "CEB603": "-603001", "CEB605": "-607001",
    "CEB607": "-903001", "CEB701": "-703001",
}  # fmt: skip
#: Codes that only say which document's check failed.
_CHECKS = frozenset({"-301008", "-621001"})
#: A line number that repeats: orders have a code for it, declarations another.
_LINE_NUMBER, _LINES = "-301002", {"CEB311": "-301002", "CEB621": "-621027"}


def customs_code(message: str, code: str) -> str:
    """The code customs has for a message where a fault's own (``ceb_code``) is that of an import order or declaration.

    Codes of results (1332 and the like) are the same for all; the numbers below zero are the message's.
    """
    if code == _LINE_NUMBER:
        return _LINES.get(message, _CHECK_FAILED.get(message, ""))
    mt = message_types().get(message)
    if code in _CHECKS or (code.startswith("-") and mt is not None and mt.side == "export"):
        return _CHECK_FAILED.get(message, "")
    return code

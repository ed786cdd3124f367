"""The one strict JSON reader (pure): two readers must not see two different messages.

No name twice in an object, no number that a reader may round, no half characters, bounded depth and number of values.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from hub.domain.faults import Refused, fault

#: Deeper than any twin is; more values than a hundred documents of a hundred lines have; digits of an exact integer.
MAX_DEPTH = 32
MAX_VALUES = 1_000_000
_DIGITS = 15

#: To its end or, unclosed, to the end of the text, never looked at twice: from each quote anew it would take time by the square
#: of the length, and hold the interpreter all the while.
_STRING = re.compile(r'"(?:[^"\\]++|\\.?)*+"?', re.DOTALL)
_NOT_BRACKETS = re.compile(r"[^\[\]{}]+")
_SURROGATE = re.compile("[\ud800-\udfff]")


def loads(data: bytes, *, texts: bool = False) -> Any:  # Any: JSON
    """The value of a JSON body; raises Refused (family ``json``).

    ``texts``: numbers are taken as the texts that stand there, so that nobody rounds them.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused([fault("json.encoding", line=data.count(b"\n", 0, error.start) + 1)]) from None
    if text.startswith("\ufeff"):
        _refuse("json.encoding", line=1)
    if sum(map(text.count, ",:[{")) > MAX_VALUES:
        _refuse("json.size", limit=MAX_VALUES)
    if _deepest(text) > MAX_DEPTH:
        _refuse("json.depth")
    try:
        value = json.loads(
            text, object_pairs_hook=_object, parse_constant=_number, parse_float=_as_text if texts else _number,
            parse_int=_as_text if texts else _integer,
        )  # fmt: skip
    except json.JSONDecodeError as error:
        raise Refused([fault("json.malformed", line=error.lineno)]) from None
    if "\\u" in text and _SURROGATE.search(json.dumps(value, ensure_ascii=False)):
        _refuse("json.encoding")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        name = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        _refuse("json.duplicate_key", name=_SURROGATE.sub("?", name[:60]))
    return made


def _number(_: str) -> NoReturn:
    """NaN, Infinity, and fractions: ``1.50`` loses its zero in most readers, so amounts are strings."""
    _refuse("json.number")


def _as_text(text: str) -> str:
    """As it was written; with an exponent, or longer than any amount, it is none that anybody wrote."""
    if "e" in text or "E" in text or len(text) > 2 * _DIGITS:
        _refuse("json.number")
    return text


def _integer(text: str) -> int:
    if len(text) > _DIGITS:
        _refuse("json.number")
    return int(text)


def _deepest(text: str) -> int:
    """The deepest nesting, strings aside; found before the parser recurses."""
    depth = deepest = 0
    for bracket in _NOT_BRACKETS.sub("", _STRING.sub("", text)):
        if bracket in "[{":
            depth += 1
            deepest = max(deepest, depth)
        else:
            depth -= 1
    return deepest


def _refuse(code: str, line: int = 0, **values: Any) -> NoReturn:
    raise Refused([fault(code, line=line, **values)])

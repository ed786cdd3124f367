"""Made-up messages of any type, straight from the catalogue: of the right form, without meaning.

For documents that also agree with each other see ``schemas.samples``. Everything follows from a seed. Nobody here
exists: codes of enterprises and identity numbers have reserved districts.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from string import ascii_uppercase, digits
from typing import Any, cast

import msgspec

from schemas.codes import code_list
from schemas.documents import STRUCTS, Document, Extension, Subscription, Transfer
from schemas.model import EDITIONS, Field, MessageType, Part
from schemas.render import render
from schemas.samples import buyer

_CHARACTERS = ascii_uppercase + digits + "示范商品测试与（）·&<>\"'- "
_COMPANIES = ("9901D00001", "9901D00002", "9901D00003", "9901D00004", "9901D00005")
#: How many lines where the schema allows any number.
_MOST_LINES = 4


def _time(draw: Random, length: int) -> str:
    day = f"2026{draw.randint(1, 12):02d}{draw.randint(1, 28):02d}"
    rest = f"{draw.randint(0, 23):02d}{draw.randint(0, 59):02d}{draw.randint(0, 59):02d}{draw.randint(0, 999):03d}"
    return (day + rest)[:length]


def _guid(draw: Random) -> str:
    number = f"{draw.getrandbits(128):032X}"
    return "-".join((number[:8], number[8:12], number[12:16], number[16:20], number[20:]))


def _identity(draw: Random) -> str:
    return buyer(draw.randrange(100_000)).identity


_BY_NAME: dict[str, Callable[[Random], str]] = {
    "guid": _guid,
    "buyerIdNumber": _identity,
    "payerIdNumber": _identity,
    "dxpMode": lambda _: "DXP",
    "dxpId": lambda _: "DXPENT0000990001",
    "buyerIdType": lambda _: "1",
    "payerIdType": lambda _: "1",
}
_CODES = frozenset(
    ["copCode", "ebpCode", "ebcCode", "payCode", "logisticsCode", "agentCode", "assureCode", "areaCode", "operatorCode", "ownerCode", "declAgentCode", "iacCode"]
)
_LENGTHS = {"time14": 14, "time17": 17, "date8": 8}


def _text(field: Field, draw: Random) -> str:
    low = max(field.min, 1)
    high = low + 12 if field.max is None else field.max
    wanted = draw.choice((low, min(high, low + draw.randint(0, 12)), high if draw.random() < 0.1 else low))
    text = "".join(draw.choice(_CHARACTERS) for _ in range(wanted))
    # blanks at the ends, or several, would not survive where the schema collapses them
    return ("X".join(text.split(" ")) if field.collapse else text) or "X"


def _number(field: Field, draw: Random) -> str:
    if field.base == "int":
        return str(draw.randint(1, 10 ** min(field.digits or 4, 4) - 1))
    places = draw.randint(0, field.fraction)
    return f"{draw.randint(0, 10**6)}" + (f".{draw.randint(1, 9):0<{places}}" if places else "")


def value(field: Field, draw: Random) -> str:
    """A value the schema takes, of a code list where the field has one."""
    if field.fixed:
        return field.fixed
    if field.codes:
        fitting = [c for c in code_list(field.codes).codes if field.min <= len(c) <= (field.max or len(c))]
        if fitting:
            return draw.choice(fitting)
    if field.format:
        return _time(draw, _LENGTHS[field.format])
    made = _BY_NAME.get(field.name)
    if made is not None:
        return made(draw)
    if field.name in _CODES:
        return draw.choice(_COMPANIES)
    return _number(field, draw) if field.number else _text(field, draw)


def _part(part: Part, edition: str, draw: Random, number: int = 0) -> dict[str, str]:
    texts = {}
    for field in part.in_edition(edition):
        if field.required or draw.random() < 0.6:
            texts[field.name] = str(number) if field.name == "gnum" and number else value(field, draw)
    return texts


def document(mt: MessageType, draw: Random, edition: str = "") -> Document:
    """One made-up document, as ``edition`` (default: the newest that has the message) wants it."""
    edition = edition or next(e for e in EDITIONS if e in mt.editions)
    made: dict[str, Any] = {"head": _part(mt.head, edition, draw)}
    if mt.list is not None:
        low, high = mt.list.occurs(edition)
        count = draw.randint(low, min(high or _MOST_LINES, max(low, _MOST_LINES)))
        made["list"] = [_part(mt.list, edition, draw, n) for n in range(1, count + 1)]
    return cast("Document", msgspec.convert(made, STRUCTS[mt.struct]))


def message(mt: MessageType, *, seed: int, documents: int = 1, edition: str = "") -> bytes:
    """A made-up message, unsigned; with a transfer and sometimes subscribers and custom data where they may stand."""
    draw = Random(f"{mt.type} {seed}")
    found = [document(mt, draw, edition) for _ in range(documents)]
    transfer = Transfer(copCode=draw.choice(_COMPANIES), copName="示范企业", dxpMode="DXP", dxpId="DXPENT0000990001")
    subscribers = [
        Subscription(status=draw.choice(("ALL", "DATA", "RET")), dxpMode="DXP", dxpAddress=f"DXPENT000099000{n}")
        for n in range(2, 2 + draw.choice((0, 0, 1, 3)))
    ]
    custom = Extension(name="X", version="1.0", Message='<x a="1">&amp;示范<y/></x>') if draw.random() < 0.2 else None
    framed = "BaseTransfer" in mt.frame
    return render(
        mt, found, guid=_guid(draw), transfer=transfer if framed else None,
        subscribe=subscribers if framed else (), extend=custom if framed else None,
    )  # fmt: skip

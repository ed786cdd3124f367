"""Made-up messages of any type, straight from the catalogue: of the right form, without meaning.

For documents that also agree with each other see ``schemas.samples``; for what can be wrong, :func:`flaws` and
:func:`flawed`. Everything follows from a seed. Nobody here exists: codes of enterprises and identity numbers have
reserved districts.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from string import ascii_uppercase, digits
from typing import Any, cast

import msgspec
from lxml import etree

from schemas.codes import code_list
from schemas.documents import STRUCTS, Document, Extension, Subscription, Transfer
from schemas.flaws import Flaw, flaws, meaning_flaws, spoil
from schemas.model import DS, Field, MessageType, Part
from schemas.render import render
from schemas.samples import Parties, buyer

__all__ = ["Flaw", "document", "flawed", "flaws", "meaning_flaws", "message", "value"]

#: Has the form of a signature, for schemas that demand one; it signs nothing.
SEAL = (
    f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="urn:none"/>'
    '<ds:SignatureMethod Algorithm="urn:none"/><ds:Reference URI=""><ds:DigestMethod Algorithm="urn:none"/>'
    "<ds:DigestValue>MA==</ds:DigestValue></ds:Reference></ds:SignedInfo><ds:SignatureValue>MA==</ds:SignatureValue>"
    "</ds:Signature>"
)
_CHARACTERS = ascii_uppercase + digits + "示范商品测试与（）·&<>\"'- "
#: field → the demo's enterprise in that part; a platform, a payment company … exists once
_PARTIES = Parties()
_CODES = {
    "ebpCode": _PARTIES.platform, "ebcCode": _PARTIES.merchant, "payCode": _PARTIES.payer,
    "logisticsCode": _PARTIES.carrier, "agentCode": _PARTIES.agent, "declAgentCode": _PARTIES.agent,
    "assureCode": _PARTIES.merchant, "ownerCode": _PARTIES.merchant, "areaCode": _PARTIES.area,
    "iacCode": _PARTIES.area, "operatorCode": "9901D00006", "copCode": _PARTIES.platform,
}  # fmt: skip
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
_LENGTHS = {"time14": 14, "time17": 17, "date8": 8}


def _text(field: Field, draw: Random) -> str:
    low = max(field.min, 1)
    high = low + 12 if field.max is None else field.max
    wanted = draw.choice((low, min(high, low + draw.randint(0, 12)), high if draw.random() < 0.1 else low))
    text = "".join(draw.choice(_CHARACTERS) for _ in range(wanted))
    # blanks at the ends, or several, would not survive where the schema collapses them
    # and nothing but blanks is nothing where some edition collapses them
    return "X".join(text.split(" ")) if field.collapse or text.isspace() else text


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
        return _CODES[field.name]
    return _number(field, draw) if field.number else _text(field, draw)


def _part(part: Part, edition: str, draw: Random, often: float, number: int = 0) -> dict[str, str]:
    texts = {}
    for field in part.in_edition(edition):
        if field.required or draw.random() < often:
            texts[field.name] = str(number) if field.name == "gnum" and number else value(field, draw)
    return texts


def document(mt: MessageType, draw: Random, edition: str = "", often: float = 0.6) -> Document:
    """One made-up document as ``edition`` (default: the newest that has the message) wants it.

    ``often``: how probably an optional field is there.
    """
    edition = edition or mt.editions[0]
    made: dict[str, Any] = {"head": _part(mt.head, edition, draw, often)}
    if mt.list is not None:
        low, high = mt.list.occurs(edition)
        low = max(low, int(often))
        count = draw.randint(low, min(high or _MOST_LINES, max(low, _MOST_LINES)))
        made["list"] = [_part(mt.list, edition, draw, often, n) for n in range(1, count + 1)]
    return cast("Document", msgspec.convert(made, STRUCTS[mt.struct]))


def message(
    mt: MessageType, *, seed: int, documents: int = 1, edition: str = "", sealed: bool = False, whole: bool = False
) -> bytes:  # fmt: skip
    """A made-up message, unsigned; with a transfer and sometimes subscribers and custom data where they may stand.

    ``sealed``: with something of a signature's form where the schema demands one; ``whole``: with every optional
    field and part, and that form wherever it may stand. Who transports is the first enterprise of the message's key.
    """
    draw = Random(f"{mt.type} {seed}")
    often = 1.0 if whole else 0.6
    found = [document(mt, draw, edition, often) for _ in range(documents)]
    company = _CODES.get(mt.key[0], _PARTIES.agent)
    transfer = Transfer(
        copCode=company, copName="示范企业", dxpMode="DXP", dxpId=_exchange(company), note="示范" if whole else None
    )
    subscribers = [
        Subscription(
            status=draw.choice(("ALL", "DATA", "RET")), dxpMode="DXP", dxpAddress=f"DXPENT000099000{n}",
            note="示范" if whole else None,
        )
        for n in range(2, 2 + draw.choice((1, 3) if whole else (0, 0, 1, 3)))
    ]  # fmt: skip
    custom = draw.random() < (1 if whole else 0.2)
    extend = Extension(name="X", version="1.0", Message='<x a="1">&amp;示范<y/></x>') if custom else None
    framed = "BaseTransfer" in mt.frame
    xml = render(
        mt, found, guid=_guid(draw), transfer=transfer if framed else None,
        subscribe=subscribers if framed else (), extend=extend if framed else None,
    )  # fmt: skip
    return _sealed(xml, mt) if (sealed and mt.signature == "required") or (whole and "Signature" in mt.frame) else xml


def _exchange(company: str) -> str:
    """The number on the exchange platform; the demo's platform is its merchant too."""
    return f"DXPENT000099000{1 if company == _PARTIES.merchant else company[-1]}"


def _sealed(xml: bytes, mt: MessageType) -> bytes:
    custom = xml.rfind(b"<ceb:ExtendMessage>")
    before = custom if custom > 0 and mt.frame.index("Signature") < mt.frame.index("ExtendMessage") else xml.rindex(b"</")
    return xml[:before] + SEAL.encode() + xml[before:]


def flawed(mt: MessageType, flaw: Flaw, seed: int) -> bytes:
    """A whole message with exactly that flaw (of :func:`flaws` or :func:`meaning_flaws`), sealed, in the flaw's edition."""
    edition = flaw.edition if flaw.edition in mt.editions else mt.editions[0]
    root = etree.fromstring(message(mt, seed=seed, edition=edition, whole=True))  # noqa: TID251 - our own text
    return etree.tostring(spoil(root, mt, flaw), xml_declaration=True, encoding="UTF-8")

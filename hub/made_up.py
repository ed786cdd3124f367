"""Messages with sense of the demo's enterprises: an export sale, and what follows a declaration (``hub samples``)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lxml import etree

from adapters import strict_json, xml
from hub.demo import transfer_of
from hub.domain.faults import Refused
from schemas import catalog, samples, twin

Json = dict[str, Any]
#: A generated document struct.
Document = Any
#: Kinds of an export sale → their message.
_EXPORT = {
    "order": "CEB303", "waybill": "CEB505", "declaration": "CEB603", "collection": "CEB403", "consolidation": "CEB607",
    "arrival": "CEB507", "departure": "CEB509",
}  # fmt: skip
#: Message → the messages it follows.
FOLLOWS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("CEB623", "CEB625", "CEB711"), ("CEB621",)),
    **dict.fromkeys(("CEB605", "CEB213", "CEB607", "CEB507", "CEB509", "CEB701"), ("CEB603",)),
    "CEB215": ("CEB603", "CEB213"),
    "CEB513": ("CEB511",),
}
_OF_A_BILL = frozenset({"CEB711", "CEB607", "CEB507", "CEB509"})


class SenselessError(ValueError):
    """What is asked for cannot be made; the text says why."""


def export_sale(now: int, mode: str, flag: str, *, collected: bool) -> dict[str, tuple[catalog.MessageType, Document]]:
    """Kind → message and document of a sale abroad with a bill of its own, and of what follows it at the site."""
    # two hundred numbers share a bill
    sale = samples.export_set(now // 1000 * 200, trade_mode=mode, statistics=flag, collected=collected, at=now)
    made: dict[str, Document] = {k: document for k, document in sale._asdict().items() if document is not None}
    for kind, make in (
        ("consolidation", samples.consolidation),
        ("arrival", samples.arrival),
        ("departure", samples.departure),
    ):
        [made[kind]] = make([sale.declaration], at=now)
    return {kind: (catalog.message(_EXPORT[kind]), document) for kind, document in made.items()}


def follow_up(mt: catalog.MessageType, files: Sequence[Path], invt_nos: Sequence[str], now: int) -> Document:
    """The message that follows these files' documents; SenselessError where none does."""
    if mt.type not in FOLLOWS:
        raise SenselessError(f"{mt.type} follows no other message: --of goes with {', '.join(sorted(FOLLOWS))}")
    found = [document for file in files for document in _read(file, FOLLOWS[mt.type], mt.type)]
    first = found[0]
    if mt.type in _OF_A_BILL:
        if len({document.head.billNo for document in found}) > 1:
            raise SenselessError(f"{mt.type} is of one bill, and these declarations have several billNo")
        return _BILLS[mt.type](found, now)
    if mt.type == "CEB513":
        return samples.waybill_status(first, at=now)
    if mt.type == "CEB215" and hasattr(first.head, "coElNo"):
        return samples.tally(first, at=now)
    if not invt_nos:
        raise SenselessError(
            f"{mt.type} names the declaration by customs' number: --invt-no, as hub trace prints it once customs has stored it"
        )
    if mt.type == "CEB701":
        return _summary(first.head, invt_nos, now)
    if len(found) > 1 or len(invt_nos) > 1:
        raise SenselessError(f"{mt.type} is of one declaration")
    if mt.type in ("CEB623", "CEB605"):
        return samples.cancellation(first, invt_nos[0], at=now)
    application = samples.returned(first, invt_nos[0], at=now)
    return samples.tally(application, at=now) if mt.type == "CEB215" else application  # type: ignore[arg-type]


_BILLS: dict[str, Callable[[list[Document], int], Document]] = {
    "CEB711": lambda of, now: samples.warehouse_entry(of, at=now),
    "CEB607": lambda of, now: samples.consolidation(of, at=now)[0],
    "CEB507": lambda of, now: samples.arrival(of, at=now)[0],
    "CEB509": lambda of, now: samples.departure(of, at=now)[0],
}


def _summary(head: Any, invt_nos: Sequence[str], now: int) -> Document:
    names = {"customs": head.customsCode, "agent": head.agentCode, "agent_name": head.agentName,
             "merchant": head.ebcCode, "merchant_name": head.ebcName}  # fmt: skip
    who = samples.Parties(**{name: value for name, value in names.items() if value})
    return samples.summary(invt_nos, number=now // 1000, parties=who, at=now)[0]


def _read(file: Path, wanted: tuple[str, ...], for_: str) -> list[Document]:
    """The documents of a message's file, XML or JSON twin."""
    try:
        mt, documents = _understood(file.read_bytes())
    except (ValueError, KeyError, TypeError, IndexError, Refused) as error:
        raise SenselessError(f"{file} cannot be read as a message; hub check says why") from error
    if mt.type not in wanted:
        raise SenselessError(f"{for_} follows {' or '.join(wanted)}, and {file} is {mt.type}")
    return documents


def _understood(data: bytes) -> tuple[catalog.MessageType, list[Document]]:
    if data.lstrip()[:1] == b"{":
        value = strict_json.loads(data)
        mt = catalog.message(str(value["message"]))
        found, wrong = twin.read(value, mt)
        if wrong:
            raise ValueError(wrong)
        return mt, list(found.documents)
    root = xml.parse(data, xml.SCHEMA_ONLY).root
    named = catalog.message_of(root)
    if named is None:
        raise ValueError(root.tag)
    documents = list(catalog.documents(root, named))
    if not documents:
        raise ValueError(named.type)
    return named, documents


def rendered(mt: catalog.MessageType, document: Document, principal: str) -> bytes:
    """The unsigned message of a demo enterprise, for people: an element a line."""
    return indented(catalog.render(mt, [document], guid=document.head.guid, transfer=transfer_of(principal)))


def twin_of(mt: catalog.MessageType, document: Document, principal: str) -> Json:
    """The same as its JSON twin."""
    return twin.write(mt, [document], guid=document.head.guid, transfer=transfer_of(principal))


def indented(message: bytes) -> bytes:
    """An unsigned message with an element a line, so that a fault's line leads to its place."""
    root = xml.parse(message, xml.SCHEMA_ONLY).root
    etree.indent(root, " ")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + etree.tostring(root, encoding="unicode").encode()

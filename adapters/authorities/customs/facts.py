"""What the sandbox customs keeps of a document: what its receipts must name, and what it compares.

Persons are kept as digests only: names, identity numbers and telephones are compared, never shown.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from hashlib import blake2b
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from adapters.authorities.customs.uploads import upload
from hub.domain import keys
from hub.domain.kinds import DECLARATION, ORDER, PAYMENT, WAYBILL
from hub.domain.money import SCALE, number
from schemas import catalog

#: Before the kind in the keys of what export documents are: the two sides are two systems.
_EXPORT = "E"
#: Amounts beyond this many units (a hundred thousand million) are all the same to a sandbox: the schema allows nineteen
#: digits, and a sum of a hundred lines has to fit into 64 bits.
_MOST = 100_000_000_000 * SCALE
#: A foreign platform without a code.
NO_PLATFORM = "无"


class Line(msgspec.Struct, frozen=True, array_like=True):
    """A line of goods as far as it is compared; amounts scaled."""

    number: str
    quantity: int
    price: int
    total: int


class Facts(msgspec.Struct, frozen=True, omit_defaults=True):
    """A document in short. ``type``: its message; ``head``: fields that receipts, scenarios and look-ups name.

    ``persons``: buyer (name and number), number, name, phone; digests. ``paid``, ``value``: scaled. ``codes``: HS codes
    of the lines; ``merges``: what else of a line must be alike to be summarised. ``members``: waybills or customs
    numbers that a list names.
    """

    kind: str
    key: str
    guid: str
    app_type: str
    app_time: str
    app_status: str
    receivers: tuple[str, ...]
    head: dict[str, str]
    type: str
    persons: dict[str, str] = {}
    paid: int = 0
    value: int = 0
    pay_code: str = ""
    lines: tuple[Line, ...] = ()
    codes: tuple[str, ...] = ()
    merges: tuple[str, ...] = ()
    members: tuple[str, ...] = ()

    @property
    def export(self) -> bool:
        """Which side it is on."""
        return self.key.startswith(_EXPORT)

    @property
    def place(self) -> str:
        """With what it belongs together: its order, the declaration it refers to, the other parts of it; else empty."""
        fields, head = upload(self.type).place, self.head
        if "msgSeqNo" in head:
            return self.key.rpartition(":")[0]
        if not fields:
            return ""
        first = head.get(fields[0], "")
        if self.export and first == NO_PLATFORM:
            first = head.get("ebcCode", "")
        side = _EXPORT if self.export else ""
        return f"{side}{first}:{head.get(fields[1], '')}" if len(fields) > 1 else f"{fields[0]}/{first}"

    @property
    def refers(self) -> str:
        """The waybill a declaration names, or the bill that a list is about; else empty."""
        head = self.head
        if self.kind == DECLARATION:
            return waybill_key(self.export, head.get("logisticsCode", ""), head.get("logisticsNo", ""))
        if upload(self.type).bill and head.get("billNo"):
            return f"bill/{head.get('logisticsCode', '')}:{head['billNo']}"
        return ""


def waybill_key(export: bool, carrier: str, no: str) -> str:
    """The key of a waybill."""
    key = keys.register_key(WAYBILL, keys.waybill_key(carrier, no))
    return _EXPORT + key if export else key


class _Kept(NamedTuple):
    """What is kept of a message's documents: ``names`` of fields and what takes them from a head; how lines are read."""

    names: tuple[str, ...]
    take: Callable[[Any], tuple[str | None, ...]]  # Any: the document's head
    export: bool
    listed: bool
    goods: bool
    priced: bool
    coded: bool
    merged: bool


@cache
def _kept(type_: str) -> _Kept:
    """Fields that the receipt names, and further ones."""
    mt = catalog.message(type_)
    named = {field.name for field in catalog.message(mt.receipt).fields} if mt.receipt else set()
    wanted = (named | set(upload(type_).keep)) - {"guid", "preNo"}
    names = tuple(field.name for field in mt.fields if field.name in wanted)
    line = {field.name for field in mt.list.fields} if mt.list is not None else set()
    export = mt.side == "export"
    return _Kept(
        names, attrgetter(*names), export, listed=mt.list is not None, goods="qty" in line, priced="price" in line,
        coded="gcode" in line, merged=export and mt.kind == DECLARATION,
    )  # fmt: skip


def of(mt: catalog.MessageType, document: Any, receivers: tuple[str, ...]) -> Facts:  # Any: a generated struct
    """The facts of a document that the schema has approved."""
    head, kind, kept = document.head, mt.kind, _kept(mt.type)
    lines = document.list if kept.listed else ()
    persons, paid, value, pay_code = _particulars(kind, head, lines)
    key = keys.register_key(kind, catalog.business_key(document))
    return Facts(
        kind=kind,
        key=_EXPORT + key if kept.export else key,
        guid=head.guid or "",
        app_type=head.appType or "1",
        app_time=head.appTime or "",
        app_status=head.appStatus or "2",
        receivers=receivers,
        head={name: text for name, text in zip(kept.names, kept.take(head), strict=True) if text},
        type=mt.type,
        persons=persons,
        paid=paid,
        value=value,
        pay_code=pay_code,
        lines=tuple([_line(line, kept.priced) for line in lines]) if kept.goods else (),
        codes=tuple([line.gcode or "" for line in lines]) if kept.coded else (),
        merges=tuple([f"{line.country} {line.currency}" for line in lines]) if kept.merged else (),
        members=_members(kept.export, head, lines) if kept.listed and not kept.goods else (),
    )


def _members(export: bool, head: Any, lines: Any) -> tuple[str, ...]:  # Any: generated structs
    """The waybills or, in an application for a summary, the customs numbers that a list names."""
    if lines and hasattr(lines[0], "logisticsNo"):
        carrier = head.logisticsCode or ""
        return tuple([waybill_key(export, carrier, line.logisticsNo or "") for line in lines])
    return tuple([getattr(line, "invtNo", None) or "" for line in lines])


def _particulars(kind: str, head: Any, lines: Any) -> tuple[dict[str, str], int, int, str]:  # Any: as above
    if kind == ORDER:
        return _buyer(head), _bounded(head.acturalPaid), 0, head.payCode or ""
    if kind == PAYMENT:
        payer = {"buyer": _digest(head.payerName, head.payerIdNumber)}
        return payer, _bounded(head.amountPaid), 0, head.payCode or ""
    if kind == DECLARATION:
        goods = sum([_bounded(line.totalPrice) for line in lines])
        return _buyer(head), 0, goods + _bounded(head.freight) + _bounded(head.insuredFee), ""
    return {}, 0, 0, ""


def _buyer(head: Any) -> dict[str, str]:  # Any: the head of an order or a declaration
    if not head.buyerIdNumber:
        return {}  # export names no buyer
    return {
        "buyer": _digest(head.buyerName, head.buyerIdNumber),
        "number": _digest(head.buyerIdNumber),
        "name": _digest(head.buyerName),
        "phone": _digest(head.buyerTelephone),
    }


def _digest(*parts: str | None) -> str:
    return blake2b("\0".join([part or "" for part in parts]).encode(), digest_size=12).hexdigest()


def _line(line: Any, priced: bool) -> Line:  # Any: a generated line struct
    if not priced:
        return Line(line.gnum or "", _bounded(line.qty), 0, 0)
    return Line(line.gnum or "", _bounded(line.qty), _bounded(line.price), _bounded(line.totalPrice))


@lru_cache(maxsize=65_536)
def _bounded(text: str | None) -> int:
    return max(min(number(text), _MOST), -_MOST)

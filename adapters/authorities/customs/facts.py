"""What the sandbox customs keeps of a document: what its receipts must name, and what it compares.

Persons are kept as digests only: names, identity numbers and telephones are compared, never shown.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import msgspec

from hub.domain import keys
from hub.domain.kinds import DECLARATION, ORDER, PAYMENT, WAYBILL
from hub.domain.money import amount
from schemas import catalog

#: A message customs could not read; its "document" is the message.
MESSAGE = "message"

#: Fields of the head that receipts and scenarios name.
_NAMED = {
    ORDER: ("ebpCode", "ebcCode", "orderNo"),
    PAYMENT: ("payCode", "payTransactionId", "ebpCode", "orderNo"),
    WAYBILL: ("logisticsCode", "logisticsNo", "orderNo"),
    DECLARATION: (
        "customsCode", "ebpCode", "ebcCode", "agentCode", "copNo", "orderNo", "logisticsCode", "logisticsNo",
        "tradeMode", "portCode", "country",
    ),
}  # fmt: skip


class Line(msgspec.Struct, frozen=True, array_like=True):
    """A line of goods as far as it is compared; amounts scaled."""

    number: str
    quantity: int
    price: int
    total: int


class Facts(msgspec.Struct, frozen=True, omit_defaults=True):
    """A document in short. ``persons``: buyer (name and number), buyer_name, phone; digests. ``paid``: scaled."""

    kind: str
    key: str
    guid: str
    app_type: str
    app_time: str
    app_status: str
    receivers: tuple[str, ...]
    head: dict[str, str]
    persons: dict[str, str] = {}
    paid: int = 0
    value: int = 0
    pay_code: str = ""
    lines: tuple[Line, ...] = ()

    @property
    def order(self) -> str:
        """The order a document belongs to: ``ebpCode:orderNo``; a waybill names no platform."""
        return f"{self.head.get('ebpCode', '')}:{self.head.get('orderNo', '')}"

    @property
    def waybill(self) -> str:
        """The key of the waybill a declaration names."""
        return f"{WAYBILL}/{self.head.get('logisticsCode', '')}:{self.head.get('logisticsNo', '')}"


def of(kind: str, document: Any, receivers: tuple[str, ...]) -> Facts:  # Any: a generated document struct
    """The facts of a document that the schema has approved."""
    head = document.head
    persons, paid, value, pay_code = _particulars(kind, document)
    return Facts(
        kind=kind,
        key=keys.register_key(kind, catalog.business_key(document)),
        guid=head.guid or "",
        app_type=head.appType or "1",
        app_time=head.appTime or "",
        app_status=head.appStatus or "2",
        receivers=receivers,
        head={name: text for name in _NAMED[kind] if (text := getattr(head, name))},
        persons=persons,
        paid=paid,
        value=value,
        pay_code=pay_code,
        lines=tuple(_line(line) for line in getattr(document, "list", ())),
    )


def _particulars(kind: str, document: Any) -> tuple[dict[str, str], int, int, str]:  # Any: as above
    head = document.head
    if kind == ORDER:
        return _buyer(head), amount(head.acturalPaid), 0, head.payCode or ""
    if kind == PAYMENT:
        payer = {"buyer": _digest(head.payerName, head.payerIdNumber)}
        return payer, amount(head.amountPaid), 0, head.payCode or ""
    if kind == DECLARATION:
        goods = sum(amount(line.totalPrice) for line in document.list)
        return _buyer(head), 0, goods + amount(head.freight) + amount(head.insuredFee), ""
    return {}, 0, 0, ""


def _buyer(head: Any) -> dict[str, str]:  # Any: the head of an order or a declaration
    return {
        "buyer": _digest(head.buyerName, head.buyerIdNumber),
        "number": _digest(head.buyerIdNumber),
        "name": _digest(head.buyerName),
        "phone": _digest(head.buyerTelephone),
    }


def _digest(*parts: str | None) -> str:
    return blake2b("\0".join(part or "" for part in parts).encode(), digest_size=12).hexdigest()


def _line(line: Any) -> Line:  # Any: a generated line struct
    return Line(line.gnum or "", amount(line.qty), amount(line.price), amount(line.totalPrice))

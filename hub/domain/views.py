"""What match and the rules need of a document, without persons: the only form in which stages see a document.

A view holds amounts as integers (``hub.domain.money``), codes and numbers as they are, and of everything personal only
keyed digests of the normalised text (``normal``), so that two views can be compared and nobody can be read from them.
Goods names are digested too, for their length. The door makes views of documents that have passed their schema; behind it
nobody opens a document but to show it.
Written as msgpack arrays: fields are appended, never moved.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec

from hub.domain.money import number

#: A keyed digest of normalised text; the same text gives the same digest as long as the key stays.
Digest = Callable[[str], str]

#: What the identity number of a view is: its check digit holds, it does not, or it is of a kind without one.
VALID, INVALID, OTHER = "valid", "invalid", "other"

_BLANKS = {ord(c): None for c in " \t\r\n\u00a0\u3000-"}


class LineView(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A line of goods; ``names`` are the digests of its names (a declaration may carry two)."""

    gnum: str
    names: tuple[str, ...]
    model: str
    qty: int
    unit: str
    price: int
    total: int
    country: str
    gcode: str = ""


class OrderView(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An order."""

    platform: str
    merchant: str
    goods: int
    freight: int
    discount: int
    tax: int
    paid: int
    buyer_name: str
    buyer_id: str
    buyer_telephone: str
    identity: str
    pay_code: str
    transaction: str
    consignee: str
    consignee_telephone: str
    consignee_address: str
    lines: tuple[LineView, ...]


class PaymentView(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A payment."""

    platform: str
    pay_code: str
    transaction: str
    paid: int
    payer_name: str
    payer_id: str
    identity: str


class WaybillView(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A waybill."""

    carrier: str
    number: str
    consignee: str
    consignee_telephone: str
    consignee_address: str
    weight: int


class DeclarationView(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A declaration."""

    platform: str
    merchant: str
    carrier: str
    waybill: str
    declarant: str
    office: str
    mode: str
    buyer_name: str
    buyer_id: str
    buyer_telephone: str
    identity: str
    address: str
    freight: int
    insurance: int
    lines: tuple[LineView, ...]


def normal(text: str | None) -> str:
    """Text without its width, case and blanks: what two people mean when they write the same name differently."""
    if not text:
        return ""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return text.translate(_BLANKS).upper()


def identity_of(kind: str | None, text: str | None) -> str:
    """What a check digit (GB 11643) says about an identity number of type 1; other types have none."""
    if kind not in (None, "", "1"):
        return OTHER
    text = (text or "").strip().upper()
    if len(text) != 18 or not text.isascii() or not text[:17].isdigit():
        return INVALID
    # The weights are the powers of 2 modulo 11, and 13 is 2 modulo 11: the weighted sum is the number read to base 13.
    return VALID if text[17] == "0123456789X"[(1 - 2 * int(text[:17], 13)) % 11] else INVALID


#: Texts whose digest is remembered: the four documents of a sale repeat each other's, and come close together.
_REMEMBERED = 16_384


class Viewer:
    """Makes views."""

    def __init__(self, digest: Digest) -> None:
        def person(text: str | None) -> str:
            plain = normal(text)
            return digest(plain) if plain else ""

        #: The digest of a name, number, telephone or address; empty stays empty.
        self.person: Callable[[str | None], str] = lru_cache(_REMEMBERED)(person)

    def _lines(self, lines: Any, names: tuple[str, ...]) -> tuple[LineView, ...]:
        person = self.person
        return tuple(
            LineView(
                line.gnum or "",
                tuple([person(text) for name in names if (text := getattr(line, name))]),
                person(line.gmodel),
                number(line.qty),
                line.unit or "",
                number(line.price),
                number(line.totalPrice),
                line.country or "",
                getattr(line, "gcode", None) or "",
            )
            for line in lines
        )

    def order(self, document: Any) -> OrderView:
        """Any: ``schemas.documents.Order`` or a part of it."""
        head, person = document.head, self.person
        return OrderView(
            head.ebpCode or "",
            head.ebcCode or "",
            number(head.goodsValue),
            number(head.freight),
            number(head.discount),
            number(head.taxTotal),
            number(head.acturalPaid),
            person(head.buyerName),
            person(head.buyerIdNumber),
            person(head.buyerTelephone),
            identity_of(head.buyerIdType, head.buyerIdNumber),
            head.payCode or "",
            head.payTransactionId or "",
            person(head.consignee),
            person(head.consigneeTelephone),
            person(head.consigneeAddress),
            self._lines(document.list, ("itemName",)),
        )

    def payment(self, document: Any) -> PaymentView:
        """Any: ``schemas.documents.Payment`` or a part of it."""
        head = document.head
        return PaymentView(
            head.ebpCode or "",
            head.payCode or "",
            head.payTransactionId or "",
            number(head.amountPaid),
            self.person(head.payerName),
            self.person(head.payerIdNumber),
            identity_of(head.payerIdType, head.payerIdNumber),
        )

    def waybill(self, document: Any) -> WaybillView:
        """Any: ``schemas.documents.Waybill`` or a part of it."""
        head, person = document.head, self.person
        return WaybillView(
            head.logisticsCode or "",
            head.logisticsNo or "",
            person(head.consignee),
            person(head.consigneeTelephone),
            person(head.consigneeAddress),
            number(head.weight),
        )

    def declaration(self, document: Any) -> DeclarationView:
        """Any: ``schemas.documents.Declaration`` or a part of it."""
        head, person = document.head, self.person
        return DeclarationView(
            head.ebpCode or "",
            head.ebcCode or "",
            head.logisticsCode or "",
            head.logisticsNo or "",
            head.agentCode or "",
            head.customsCode or "",
            head.tradeMode or "",
            person(head.buyerName),
            person(head.buyerIdNumber),
            person(head.buyerTelephone),
            identity_of(head.buyerIdType, head.buyerIdNumber),
            person(head.consigneeAddress),
            number(head.freight),
            number(head.insuredFee),
            self._lines(document.list, ("gname", "itemName")),
        )


View = OrderView | PaymentView | WaybillView | DeclarationView

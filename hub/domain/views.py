"""What match and the rules need of a document, without persons: the only form in which stages see a document.

A view holds amounts as integers (``hub.domain.money``), codes and numbers as they are, and of everything personal only
keyed digests of the normalised text (``hub.domain.normal``), so that two views can be compared and nobody can be read from them.
Goods names are digested to be compared, for their length; a declaration's lines keep theirs in clear too: the zone's lists are
searched in them, and its register keeps those of exports. The door makes views of documents that have passed their schema; behind it
nobody opens a document but to show it.
Written as msgpack arrays: fields are appended, never moved.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec

from hub.domain.kinds import EXPORT, IMPORT
from hub.domain.money import SCALE, number
from hub.domain.normal import ALIKE, alike_address, alike_name, normal, normal_telephone
from hub.domain.screening import goods_text
from hub.domain.units import converted
from schemas.codec import business_key

#: A keyed digest of normalised text; the same text gives the same digest as long as the key stays.
Digest = Callable[[str], str]

#: What the identity number of a view is: its check digit holds, it does not, or it is of a kind without one.
VALID, INVALID, OTHER = "valid", "invalid", "other"


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
    currency: str = ""
    #: of a declaration's line: quantity in the first and second statutory unit
    unit1: str = ""
    qty1: int = 0
    unit2: str = ""
    qty2: int = 0
    #: of an export declaration's line: the goods' name, which the zone's register keeps
    name: str = ""
    #: of a declaration's line: its names and model, as the zone's lists are searched in them (``hub.domain.screening``)
    text: str = ""

    def quantity(self, unit: str) -> int | None:
        """How much it is in a unit, an amount, the most of what the line says: a small quantity beside a great one hides nothing.

        None where it is said neither in that unit nor in one of the same measure.
        """
        said = ((self.unit, self.qty), (self.unit1, self.qty1), (self.unit2, self.qty2))
        found = [quantity if of == unit else converted(quantity, of, unit) for of, quantity in said if of]
        return max((quantity for quantity in found if quantity is not None), default=None)


class Spelling(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How a name or address is written, where that is not its normal text: digests of the text itself and of the form in which
    it is alike (``alike_name``, ``alike_address`` of that version); empty is the digest of the normal text.
    """

    written: str = ""
    alike: str = ""
    version: int = ALIKE


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
    #: I import, E B2C export, B B2B export, W overseas-warehouse booking
    type: str = "I"
    currency: str = ""
    #: when it was made (appTime, yyyyMMddHHmmss)
    time: str = ""
    #: field of this view → how it is written; so in the views below
    spelled: dict[str, Spelling] = {}


class PaymentView(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A payment."""

    platform: str
    pay_code: str
    transaction: str
    paid: int
    payer_name: str
    payer_id: str
    identity: str
    #: when it was paid (payTime, yyyyMMddHHmmss)
    time: str = ""
    spelled: dict[str, Spelling] = {}


class CollectionView(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A collection: what an exporter was paid."""

    platform: str
    merchant: str
    pay_code: str
    transaction: str
    charge: int
    currency: str


class WaybillView(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A waybill."""

    carrier: str
    number: str
    consignee: str
    consignee_telephone: str
    consignee_address: str
    weight: int
    #: of an export waybill, where it names one
    merchant: str = ""
    spelled: dict[str, Spelling] = {}


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
    side: str = IMPORT
    #: export: A statistics only, B summarised into entries
    flag: str = ""
    bill: str = ""
    weight: int = 0
    currency: str = ""
    owner: str = ""
    traffic: str = ""
    port: str = ""
    country: str = ""
    #: import: the enterprise that guarantees the tax (assureCode)
    guarantor: str = ""
    #: export: the day of export (ieDate, yyyyMMdd)
    date: str = ""
    spelled: dict[str, Spelling] = {}


class StatusView(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A waybill status (513): the waybill's carrier and number, the status and its time (yyyyMMddHHmmss)."""

    carrier: str
    number: str
    status: str
    time: str


class AppliedLine(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A line of a return application: number and code of the original line, quantity."""

    gnum: str
    gcode: str
    qty: int


class ApplicationView(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A cancellation or return application, or a tally of returned goods: about which declaration, which lines.

    ``invt_no`` is the declaration's number; a tally may name the waybill only.
    """

    invt_no: str
    carrier: str = ""
    waybill: str = ""
    merchant: str = ""
    order: str = ""
    lines: tuple[AppliedLine, ...] = ()


class Parcel(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A line of a bill document: the waybill's number, and the declaration's where it names one."""

    number: str
    invt_no: str = ""


class BillView(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One part of a warehouse-entry list, arrival, departure or consolidation: ``part`` of ``count`` of ``document``.

    ``document`` is the business key without the part's number; ``bill`` the master bill, empty for mail; ``time`` when
    it happened where the message says so (yyyyMMddHHmmss).
    """

    carrier: str
    bill: str
    document: str
    count: int
    part: int
    parcels: tuple[Parcel, ...]
    time: str = ""
    place: str = ""


class SummaryView(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One part of a summary application: the declarations it lists, or the period it takes whole."""

    merchant: str
    document: str
    count: int
    part: int
    declarations: tuple[str, ...] = ()
    start: str = ""
    end: str = ""


#: The same goods come again and again.
_goods_text = lru_cache(16_384)(goods_text)


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

        def telephone(text: str | None) -> str:
            return self.person(normal_telephone(text))

        #: That of a telephone number.
        self.telephone: Callable[[str | None], str] = lru_cache(_REMEMBERED)(telephone)

        def spelling(text: str, address: bool) -> Spelling | None:
            plain = normal(text)
            # Of nothing but punctuation nothing is left, and nothing is like nothing.
            alike = (alike_address(text) if address else alike_name(text)) or plain
            if text == plain == alike:
                return None
            return Spelling(digest(text) if text != plain else "", digest(alike) if alike != plain else "")

        #: How a text is written; None where it is its own normal form.
        self._spelling: Callable[[str, bool], Spelling | None] = lru_cache(_REMEMBERED)(spelling)

    def _spelled(self, **texts: str | None) -> dict[str, Spelling]:
        """How texts are written, by the view's field; only what is not its own normal form."""
        found = {}
        for name, text in texts.items():
            if text and (spelling := self._spelling(text, name.endswith("address"))) is not None:
                found[name] = spelling
        return found

    def _lines(self, lines: Any, names: tuple[str, ...], side: str = IMPORT) -> tuple[LineView, ...]:
        if len(names) > 1:  # a declaration's
            return tuple([self._declared(line, names, side) for line in lines])
        return tuple([
            LineView(*self._common(line, names), currency=line.currency or "" if side == EXPORT else "") for line in lines
        ])  # fmt: skip

    def _common(self, line: Any, names: tuple[str, ...]) -> tuple[str, tuple[str, ...], str, int, str, int, int, str]:
        """What lines of orders and of declarations both say."""
        person = self.person
        return (
            line.gnum or "",
            tuple([person(text) for name in names if (text := getattr(line, name))]),
            person(line.gmodel),
            number(line.qty),
            line.unit or "",
            number(line.price),
            number(line.totalPrice),
            line.country or "",
        )

    def _declared(self, line: Any, names: tuple[str, ...], side: str) -> LineView:
        return LineView(
            *self._common(line, names),
            line.gcode or "",
            line.currency or "" if side == EXPORT else "",
            line.unit1 or "",
            number(line.qty1),
            line.unit2 or "",
            number(line.qty2),
            line.gname or "" if side == EXPORT else "",
            _goods_text(line.gname, line.itemName, line.gmodel),
        )

    def order(self, document: Any, side: str = IMPORT) -> OrderView:
        """Any: ``schemas.documents.Order`` or a part of it."""
        head, person = document.head, self.person
        if side == EXPORT:
            return self._export_order(document)
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
            self.telephone(head.buyerTelephone),
            identity_of(head.buyerIdType, head.buyerIdNumber),
            head.payCode or "",
            head.payTransactionId or "",
            person(head.consignee),
            self.telephone(head.consigneeTelephone),
            person(head.consigneeAddress),
            self._lines(document.list, ("itemName",)),
            time=head.appTime or "",
            spelled=self._spelled(
                buyer_name=head.buyerName, consignee=head.consignee, consignee_address=head.consigneeAddress
            ),
        )

    def _export_order(self, document: Any) -> OrderView:
        head = document.head
        goods, freight = number(head.goodsValue), number(head.freight)
        nobody = ("", "", "", OTHER, "", "", "", "", "")
        lines = self._lines(document.list, ("itemName",), EXPORT)
        values = (goods, freight, 0, 0, goods + freight)
        return OrderView(
            head.ebpCode or "", head.ebcCode or "", *values, *nobody, lines, head.orderType or "", head.currency or ""
        )

    def payment(self, document: Any, side: str = IMPORT) -> PaymentView:  # noqa: ARG002 - import only
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
            head.payTime or "",
            self._spelled(payer_name=head.payerName),
        )

    def collection(self, document: Any, side: str = EXPORT) -> CollectionView:  # noqa: ARG002 - export only
        """Any: ``schemas.documents.Collection``."""
        head = document.head
        return CollectionView(
            head.ebpCode or "",
            head.ebcCode or "",
            head.payCode or "",
            head.payNo or "",
            number(head.charge),
            head.currency or "",
        )

    def waybill(self, document: Any, side: str = IMPORT) -> WaybillView:
        """Any: ``schemas.documents.Waybill`` or a part of it."""
        head, person = document.head, self.person
        if side == EXPORT:
            carrier, waybill = head.logisticsCode or "", head.logisticsNo or ""
            return WaybillView(carrier, waybill, "", "", "", number(head.grossWeight), head.ebcCode or "")
        return WaybillView(
            head.logisticsCode or "",
            head.logisticsNo or "",
            person(head.consignee),
            self.telephone(head.consigneeTelephone),
            person(head.consigneeAddress),
            number(head.weight),
            spelled=self._spelled(consignee=head.consignee, consignee_address=head.consigneeAddress),
        )

    def declaration(self, document: Any, side: str = IMPORT) -> DeclarationView:
        """Any: ``schemas.documents.Declaration`` or a part of it."""
        head, person = document.head, self.person
        common = (
            head.ebpCode or "",
            head.ebcCode or "",
            head.logisticsCode or "",
            head.logisticsNo or "",
            head.agentCode or "",
            head.customsCode or "",
            head.tradeMode or "",
        )
        if side == EXPORT:
            return DeclarationView(
                *common, "", "", "", OTHER, "", number(head.freight), number(head.insuredFee),
                self._lines(document.list, ("gname", "itemName"), EXPORT), EXPORT, head.statisticsFlag or "",
                head.billNo or "", number(head.grossWeight), document.list[0].currency or "" if document.list else "",
                head.ownerCode or "", head.trafMode or "", head.portCode or "", head.country or "", date=head.ieDate or "",
            )  # fmt: skip
        return DeclarationView(
            *common,
            person(head.buyerName),
            person(head.buyerIdNumber),
            self.telephone(head.buyerTelephone),
            identity_of(head.buyerIdType, head.buyerIdNumber),
            person(head.consigneeAddress),
            number(head.freight),
            number(head.insuredFee),
            self._lines(document.list, ("gname", "itemName")),
            guarantor=head.assureCode or "",
            spelled=self._spelled(buyer_name=head.buyerName, address=head.consigneeAddress),
        )


def status(document: Any, side: str = IMPORT) -> StatusView:  # noqa: ARG001 - import only
    """Any: ``schemas.documents.WaybillStatus``."""
    head = document.head
    return StatusView(
        head.logisticsCode or "", head.logisticsNo or "", head.logisticsStatus or "", head.logisticsTime or ""
    )


def application(document: Any, side: str = IMPORT) -> ApplicationView:  # noqa: ARG001 - alike on both sides
    """Any: a cancellation, return or tally of either side (``schemas.documents``)."""
    head = document.head
    lines = getattr(document, "list", ())
    return ApplicationView(
        head.invtNo or "",
        getattr(head, "logisticsCode", None) or "",
        getattr(head, "logisticsNo", None) or "",
        getattr(head, "ebcCode", None) or "",
        getattr(head, "orderNo", None) or "",
        tuple([AppliedLine(_whole(line.gnum), line.gcode or "", number(line.qty)) for line in lines]),
    )


def bill(document: Any, side: str = IMPORT) -> BillView:
    """Any: a warehouse-entry list, arrival, departure or consolidation (``schemas.documents``)."""
    head = document.head
    count, part = (head.msgCount, head.msgSeqNo) if side == EXPORT else ("1", "1")
    return BillView(
        head.logisticsCode or "",
        head.billNo or "",
        _without_part(document, side),
        _count(count),
        _count(part),
        tuple([Parcel(line.logisticsNo or "", getattr(line, "invtNo", None) or "") for line in document.list]),
        getattr(head, "leaveTime", None) or "",
        getattr(head, "loctNo", None) or getattr(head, "unloadLocation", None) or "",
    )


def summary(document: Any, side: str = EXPORT) -> SummaryView:
    """Any: ``schemas.documents.Summary``."""
    head = document.head
    return SummaryView(
        head.ebcCode or "",
        _without_part(document, side),
        _count(head.msgCount),
        _count(head.msgSeqNo),
        tuple([line.invtNo or "" for line in document.list]),
        head.startTime or "",
        head.endTime or "",
    )


def goods(document: Any) -> bytes:  # Any: a declaration
    """What a return is checked against: number, code, quantity and value of each line, as msgpack."""
    return _pack(
        [(_whole(line.gnum), line.gcode or "", number(line.qty), number(line.totalPrice)) for line in document.list]
    )


Goods = tuple[str, str, int, int]
_pack = msgspec.msgpack.Encoder().encode
goods_of: Callable[[bytes], list[Goods]] = msgspec.msgpack.Decoder(list[Goods]).decode


def _without_part(document: Any, side: str) -> str:
    key = business_key(document)
    return key.rpartition(":")[0] if side == EXPORT else key


def _whole(text: str | None) -> str:
    """A whole number without leading zeros or signs, so that two spellings are one."""
    return str(number(text) // SCALE)


def _count(text: str | None) -> int:
    return max(1, number(text) // SCALE)


View = OrderView | PaymentView | CollectionView | WaybillView | DeclarationView

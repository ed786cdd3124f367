"""The three-document match: what differs between a declaration and the order, payment and waybill behind it.

Checks 5–9 and 11–14 of the checks between the documents; 1–3 (they exist) are the business of the stage.
Customs publishes no tolerance: amounts are compared exactly to two decimals, the tolerance is a setting. Names and addresses
are the same where they are alike (``hub.domain.normal``); what is written differently all the same is a note, no difference.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import msgspec

from hub.domain.faults import Both, Fault, fault
from hub.domain.history import short
from hub.domain.kinds import COLLECTION, ORDER, PAYMENT, WAYBILL
from hub.domain.money import text
from hub.domain.views import CollectionView, DeclarationView, LineView, OrderView, PaymentView, Spelling, WaybillView

#: One fen, as an amount: what is smaller is no difference between two amounts of money.
_FEN = 1000


class MatchSettings(msgspec.Struct, frozen=True):
    """Numbers that no official text gives (P): times of waiting in ms, the tolerance of amounts, what of a line counts.

    ``grace`` is how long a document may be alone before anybody is told; ``warn`` and ``expire`` as it waits on;
    ``keep`` how long what was matched is remembered, so that a changed version can be matched again. ``elsewhere``: how
    long after customs has stored a declaration what is missing here counts as having gone to customs directly.
    """

    grace: int = 2_000
    warn: int = 2 * 3_600_000
    expire: int = 24 * 3_600_000
    keep: int = 48 * 3_600_000
    elsewhere: int = 60_000
    tolerance: int = 0
    compare_model: bool = False
    most_documents: int = 64
    most_differences: int = 25
    #: a collection may come long after the goods have left
    expire_collection: int = 30 * 24 * 3_600_000

    def steps(self, kind: str) -> tuple[tuple[int, int], ...]:
        """How long a document of a kind may wait until each further word: 0 told, 1 warned, 2 expired."""
        return _steps(self, kind == COLLECTION)


#: Kind → the differences in which its sender may be the one who is wrong; a declaration is told all of them.
_CONCERNS: dict[str, frozenset[str]] = {
    PAYMENT: frozenset({"match.paid", "match.payment_company", "match.payment_number", "match.payer"}),
    WAYBILL: frozenset({"match.consignee", "match.address", "match.weight"}),
    COLLECTION: frozenset({"match.collected"}),
}


def concerning(kind: str, found: tuple[Fault, ...]) -> tuple[Fault, ...]:
    """Of the differences of a declaration those a document behind it may have caused; an order may have caused any."""
    if not found or kind == ORDER:
        return found
    concerns = _CONCERNS.get(kind, frozenset())
    return tuple([fault for fault in found if fault.code in concerns])


@cache
def _steps(settings: MatchSettings, collection: bool) -> tuple[tuple[int, int], ...]:
    if collection:
        return ((0, settings.grace), (1, settings.expire_collection // 2), (2, settings.expire_collection))
    return ((0, settings.grace), (1, settings.warn), (2, settings.expire))


def differences(
    declaration: DeclarationView,
    order: OrderView | None,
    payment: PaymentView | None,
    waybill: WaybillView | None,
    settings: MatchSettings,
    *,
    twin: bool = False,
    again: bool = False,
) -> tuple[Fault, ...]:
    """What differs, in the order of the checks; documents that are not here are not compared.

    ``twin``: the order was handed in for another platform too; ``again``: it, or the waybill, is in another declaration too.
    """
    found: list[Fault] = []
    if again:
        found.append(fault("match.second_declaration", path="InventoryHead/copNo"))
    if twin:
        found.append(fault("match.second_platform", path="InventoryHead/ebpCode"))
    if order is not None and payment is not None:
        _order_payment(order, payment, settings, found)
    if order is not None:
        _order_declaration(order, declaration, found)
    if order is not None and waybill is not None:
        _order_waybill(order, waybill, found)
    _address(declaration, order, waybill, found)
    if order is not None:
        _lines(order.lines, declaration.lines, settings, found)
    return tuple(found[: settings.most_differences])


def same_order(one: OrderView, other: OrderView) -> bool:
    """Whether two orders are one, made by the same buyer for the same goods and money, whatever platform each names."""
    if not one.buyer_id or (one.buyer_id, one.paid) != (other.buyer_id, other.paid):
        return False
    return _goods(one) == _goods(other)


def _goods(order: OrderView) -> list[tuple[tuple[str, ...], int, int]]:
    """What an order is for, whatever order its lines have."""
    return sorted([(line.names, line.qty, line.total) for line in order.lines])


def export_differences(
    declaration: DeclarationView,
    order: OrderView | None,
    collection: CollectionView | None,
    waybill: WaybillView | None,
    settings: MatchSettings,
) -> tuple[Fault, ...]:
    """The same for export (check 30): merchant, platform, type of order for the mode, lines, money, weight."""
    found: list[Fault] = []
    if order is not None:
        if order.merchant != declaration.merchant:
            found.append(fault("match.merchant", path="InventoryHead/ebcCode"))
        if order.platform != declaration.platform:
            found.append(fault("match.platform", path="InventoryHead/ebpCode"))
        wanted = _ORDER_TYPES.get(declaration.mode, "E")
        if order.type != wanted:
            found.append(fault("match.order_type", path="OrderHead/orderType", mode=declaration.mode, wanted=wanted))
        _lines(order.lines, declaration.lines, settings, found, _EXPORT_FIELDS)
    if (
        order is not None
        and collection is not None
        and collection.currency == order.currency
        and _apart(collection.charge, order.paid, settings)
    ):
        paid, charge = text(order.paid), text(collection.charge)
        found.append(fault("match.collected", path="charge", order=paid, collection=charge))
    if waybill is not None:
        if waybill.merchant and waybill.merchant != declaration.merchant:
            found.append(fault("match.merchant", path="ebcCode"))
        if waybill.weight and declaration.weight > waybill.weight:
            declared, carried = text(declaration.weight), text(waybill.weight)
            path = "InventoryHead/grossWeight"
            found.append(fault("match.weight", path=path, declaration=declared, waybill=carried))
    return tuple(found[: settings.most_differences])


class _Text(NamedTuple):
    """A name or address of a document as digests: its normal text, the text as written, the form in which it is alike."""

    normal: str
    written: str
    alike: str
    version: int


_PLAIN = Spelling()


_View = OrderView | PaymentView | WaybillView | DeclarationView


def _text(view: _View, field: str) -> _Text:
    plain = getattr(view, field)
    spelled = view.spelled.get(field, _PLAIN)
    return _Text(plain, spelled.written or plain, spelled.alike or plain, spelled.version)


def _same(one: _Text, other: _Text) -> bool:
    return one.normal == other.normal or (one.version == other.version and one.alike == other.alike)


def _agree(one: _View, field: str, other: _View, other_field: str) -> bool:
    """Whether a field of a document is the same as one of another; nearly always it is so as written."""
    return getattr(one, field) == getattr(other, other_field) or _same(_text(one, field), _text(other, other_field))


def _written_alike(one: _View, field: str, other: _View, other_field: str) -> bool:
    """Whether two fields are the same with nothing to note about it."""
    return getattr(one, field) == getattr(other, other_field) and one.spelled.get(field) == other.spelled.get(other_field)


def notes(
    declaration: DeclarationView, order: OrderView | None, payment: PaymentView | None, waybill: WaybillView | None
) -> tuple[Fault, ...]:
    """Names and addresses that are the same only once normalised: what is written, as digests, and by which version."""
    found: list[Fault] = []
    if order is not None:
        if payment is not None:
            _note(order, "buyer_name", payment, "payer_name", "PaymentHead/payerName", (_ORDER, _PAYMENT), found)
        _note(order, "buyer_name", declaration, "buyer_name", "InventoryHead/buyerName", (_ORDER, _DECLARATION), found)
        if waybill is not None:
            between = (_ORDER, _WAYBILL)
            _note(order, "consignee", waybill, "consignee", "LogisticsHead/consignee", between, found)
            path = "LogisticsHead/consigneeAddress"
            _note(order, "consignee_address", waybill, "consignee_address", path, between, found)
    known = [(view, name) for view, name in ((order, _ORDER), (waybill, _WAYBILL)) if view is not None and view.consignee_address]
    if any(_written_alike(view, "consignee_address", declaration, "address") for view, _ in known):
        return tuple(found)
    declared = _text(declaration, "address")
    same = [(view, name) for view, name in known if _agree(view, "consignee_address", declaration, "address")]
    if same and all(_text(view, "consignee_address").written != declared.written for view, _ in same):
        view, name = same[0]
        _note(view, "consignee_address", declaration, "address", "InventoryHead/consigneeAddress", (name, _DECLARATION), found)
    return tuple(found)


_ORDER, _PAYMENT, _WAYBILL = Both("order", "订单"), Both("payment", "支付单"), Both("waybill", "运单")
_DECLARATION = Both("declaration", "清单")


def _note(
    view: _View, field: str, other_view: _View, other_field: str, path: str, between: tuple[Both, Both], found: list[Fault]
) -> None:
    if _written_alike(view, field, other_view, other_field):
        return
    one, other = _text(view, field), _text(other_view, other_field)
    if one.written == other.written or not one.normal or not _same(one, other):
        return
    found.append(
        fault(
            "match.spelling",
            path=path,
            field=path.rpartition("/")[2],
            version=one.version,
            one=between[0],
            other=between[1],
            one_digest=short(one.written),
            other_digest=short(other.written),
        )
    )


#: Trade mode → type of the order behind it (message table of CEB303): B2B direct, overseas warehouse, else B2C.
_ORDER_TYPES = {"9710": "B", "9810": "W"}


def _apart(one: int, other: int, settings: MatchSettings) -> bool:
    # Round both to fen first, half up, as they would be written.
    return abs((one + 500) // _FEN - (other + 500) // _FEN) * _FEN > settings.tolerance


def _order_payment(order: OrderView, payment: PaymentView, settings: MatchSettings, found: list[Fault]) -> None:
    if _apart(order.paid, payment.paid, settings):
        found.append(
            fault("match.paid", path="OrderHead/acturalPaid", order=text(order.paid), payment=text(payment.paid))
        )
    if order.pay_code and order.pay_code != payment.pay_code:
        found.append(fault("match.payment_company", path="OrderHead/payCode"))
    if order.transaction and order.transaction != payment.transaction:
        found.append(fault("match.payment_number", path="OrderHead/payTransactionId"))
    fields = []
    if not _agree(order, "buyer_name", payment, "payer_name"):
        fields.append("payerName")
    if order.buyer_id != payment.payer_id:
        fields.append("payerIdNumber")
    if fields:
        found.append(fault("match.payer", path=f"PaymentHead/{fields[0]}", fields=", ".join(fields)))


def _order_declaration(order: OrderView, declaration: DeclarationView, found: list[Fault]) -> None:
    if order.merchant != declaration.merchant:
        found.append(fault("match.merchant", path="InventoryHead/ebcCode"))
    fields = []
    if not _agree(order, "buyer_name", declaration, "buyer_name"):
        fields.append("buyerName")
    if order.buyer_id != declaration.buyer_id:
        fields.append("buyerIdNumber")
    if fields:
        found.append(fault("match.buyer", path=f"InventoryHead/{fields[0]}", fields=", ".join(fields)))
    if order.buyer_telephone != declaration.buyer_telephone:
        found.append(fault("match.buyer_telephone", path="InventoryHead/buyerTelephone"))


def _order_waybill(order: OrderView, waybill: WaybillView, found: list[Fault]) -> None:
    fields = []
    if not _agree(order, "consignee", waybill, "consignee"):
        fields.append("consignee")
    if order.consignee_telephone != waybill.consignee_telephone:
        fields.append("consigneeTelephone")
    if not _agree(order, "consignee_address", waybill, "consignee_address"):
        fields.append("consigneeAddress")
    if fields:
        found.append(fault("match.consignee", path=f"LogisticsHead/{fields[0]}", fields=", ".join(fields)))


def _address(
    declaration: DeclarationView, order: OrderView | None, waybill: WaybillView | None, found: list[Fault]
) -> None:
    known = [view for view in (order, waybill) if view is not None and view.consignee_address]
    if known and declaration.address and not any(_agree(declaration, "address", view, "consignee_address") for view in known):
        found.append(fault("match.address", path="InventoryHead/consigneeAddress"))


def _lines(
    ordered: tuple[LineView, ...],
    declared: tuple[LineView, ...],
    settings: MatchSettings,
    found: list[Fault],
    compared: frozenset[str] | None = None,
) -> None:
    if len(ordered) != len(declared):
        found.append(fault("match.line_count", path="InventoryList", order=len(ordered), declaration=len(declared)))
    by_number = {line.gnum: line for line in ordered}
    for index, line in enumerate(declared, 1):
        other = by_number.get(line.gnum)
        if other is None:
            if len(ordered) == len(declared):
                found.append(_line(index, line.gnum, "gnum"))
            continue
        fields = _line_fields(other, line, settings)
        if compared is not None:
            fields = [name for name in fields if name in compared]
        if fields:
            found.append(_line(index, line.gnum, ", ".join(fields)))


#: What of an export line is linked to the order's; its country is the destination, which an order line does not name.
_EXPORT_FIELDS = frozenset({"qty", "price", "totalPrice", "unit", "currency"})


def _line(index: int, gnum: str, fields: str) -> Fault:
    return fault("match.line", path=f"InventoryList[{index}]", gnum=gnum, fields=fields)


def _line_fields(ordered: LineView, declared: LineView, settings: MatchSettings) -> list[str]:
    fields = []
    if declared.names and ordered.names and not set(ordered.names) & set(declared.names):
        fields.append("gname")
    if ordered.qty != declared.qty:
        fields.append("qty")
    if _apart(ordered.price, declared.price, settings):
        fields.append("price")
    if _apart(ordered.total, declared.total, settings):
        fields.append("totalPrice")
    if ordered.unit != declared.unit:
        fields.append("unit")
    if ordered.country != declared.country:
        fields.append("country")
    if ordered.currency != declared.currency:
        fields.append("currency")
    if settings.compare_model and ordered.model != declared.model:
        fields.append("gmodel")
    return fields

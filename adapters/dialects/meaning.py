"""What a document says that cannot be: dates, sums, fixed values, conditional fields (pure).

Checks 4, 15 to 18 and 20 between fields, the check digits, and what the message tables of the CEB specification
(202205) fix on the import side. A fault of meaning flags its document; its sender hears what customs will say.
Texts stay texts: only the few amounts that a check needs become integers. Documents have passed their schema.

This runs for every document: one call a field costs more than the check itself, hence the long functions.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from hub.domain.identifiers import company_code_fault, resident_id_fault
from hub.domain.money import SCALE, number

_BONDED = frozenset({"1210", "1239"})
#: The trade modes of an import declaration (code list: trade modes).
_MODES = _BONDED | {"9610"}
_DIRECT_FIELDS = ("trafNo", "voyageNo", "billNo")
_BONDED_FIELDS = ("emsNo", "areaCode", "areaName")
_APP_TYPES = frozenset({"1", "2", "3"})
_APP_STATUSES = frozenset({"1", "2"})
_CNY = "142"
#: A fifth digit may be rounded away where price times quantity has more of them: half a fen.
_HALF_FEN = SCALE // 200 * SCALE


class Found(NamedTuple):
    """A fault before it is said: code, path below the document (``OrderHead/orderNo``), values of its sentence."""

    code: str
    path: str
    values: dict[str, Any]


@lru_cache(maxsize=16_384)
def is_day(text: str) -> bool:
    """Whether ``yyyyMMdd`` is a day of the calendar."""
    if len(text) != 8 or not (text.isascii() and text.isdigit()):
        return False
    try:
        date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return False
    return True


@lru_cache(maxsize=16_384)
def is_time(text: str) -> bool:
    """Whether ``yyyyMMddHHmmss`` is a second of the calendar."""
    if len(text) != 14 or not (text.isascii() and text.isdigit()):
        return False
    return text[8:10] < "24" and text[10:12] < "60" and text[12:] < "60" and is_day(text[:8])


_company = lru_cache(maxsize=16_384)(company_code_fault)
_person = lru_cache(maxsize=16_384)(resident_id_fault)


class Checker:
    """Collects what one document is flagged for; one a message. ``value``: of the last declaration, what is dutiable."""

    def __init__(self, today: date) -> None:
        self._today = today
        # A day of grace for clocks and zones. A later appTime would shut out every correction until then.
        self._latest = f"{today + timedelta(days=1):%Y%m%d}"
        self.found: list[Found] = []
        self.value = 0

    def check(self, kind: str, document: Any) -> list[Found]:
        """Everything wrong in meaning with a document of the kind (Any: its struct); an empty list mostly."""
        self.found = []
        _CHECKS[kind](self, document)
        return self.found

    def _note(self, code: str, path: str, **values: Any) -> None:
        self.found.append(Found(code, path, values))

    # ---- what all have

    def _head(self, head: Any, where: str, companies: tuple[str | None, ...], names: tuple[str, ...]) -> None:
        """Submission fields, currency and codes of companies."""
        if not is_time(head.appTime):
            self._note("meaning.date", f"{where}/appTime", name="appTime")
        elif head.appTime[:8] > self._latest:
            self._note("meaning.future", f"{where}/appTime", name="appTime")
        if head.appType not in _APP_TYPES:
            self._note("meaning.code", f"{where}/appType", name="appType", allowed="1, 2, 3")
        if head.appStatus not in _APP_STATUSES:
            self._note("meaning.code", f"{where}/appStatus", name="appStatus", allowed="1, 2")
        if head.currency != _CNY:
            self._fixed(f"{where}/currency", _CNY)
        for code, name in zip(companies, names, strict=True):
            if code and (wrong := _company(code)):
                self._note(wrong, f"{where}/{name}", name=name)

    def _fixed(self, path: str, value: str) -> None:
        self._note("meaning.fixed", path, name=path.rpartition("/")[2], value=value)

    def _buyer(self, kind: str, identity: str, where: str, side: str) -> None:
        """``side``: buyer or payer. Only resident IDs are taken, and they have a check digit."""
        if kind != "1":
            self._fixed(f"{where}/{side}IdType", "1")
        elif wrong := _person(identity, self._today):
            self._note(wrong, f"{where}/{side}IdNumber", name=f"{side}IdNumber")

    def _not_negative(self, where: str, **amounts: str | None) -> None:
        for name, text in amounts.items():
            if text is not None and text[:1] == "-" and number(text) < 0:
                self._note("meaning.negative", f"{where}/{name}", name=name)

    def _positive(self, path: str) -> None:
        self._note("meaning.not_positive", path, name=path.rpartition("/")[2])

    def _lines(self, lines: Any, where: str) -> int:
        """Numbers, quantities and totals of the lines; the sum of the totals."""
        total = 0
        for place, line in enumerate(lines, 1):
            if line.gnum != str(place) and number(line.gnum) != place * SCALE:
                self._note("meaning.line_number", f"{where}[{place}]/gnum")
            qty, price, whole = number(line.qty), number(line.price), number(line.totalPrice)
            total += whole
            if qty <= 0:
                self._positive(f"{where}[{place}]/qty")
            if price < 0:
                self._note("meaning.negative", f"{where}[{place}]/price", name="price")
            if not -_HALF_FEN <= price * qty - whole * SCALE <= _HALF_FEN:
                self._note("meaning.line_total", f"{where}[{place}]/totalPrice")
            if line.currency != _CNY:
                self._fixed(f"{where}[{place}]/currency", _CNY)
        return total

    def _parcel(self, packs: str, where: str) -> None:
        if packs != "1" and number(packs) != SCALE:
            self._fixed(f"{where}/packNo", "1")

    # ---- the four

    def _order(self, document: Any) -> None:
        head, where = document.head, "OrderHead"
        self.value = 0
        self._head(head, where, (head.ebpCode, head.ebcCode, head.payCode), ("ebpCode", "ebcCode", "payCode"))
        if head.orderType != "I":
            self._fixed("OrderHead/orderType", "I")
        self._buyer(head.buyerIdType, head.buyerIdNumber, where, "buyer")
        goods, freight, tax = number(head.goodsValue), number(head.freight), number(head.taxTotal)
        discount, paid = number(head.discount), number(head.acturalPaid)
        if min(goods, freight, tax, discount, paid) < 0:
            self._not_negative(
                where, goodsValue=head.goodsValue, freight=head.freight, discount=head.discount,
                taxTotal=head.taxTotal, acturalPaid=head.acturalPaid,
            )  # fmt: skip
        if paid != goods + freight + tax - discount:
            self._note("meaning.paid_total", "OrderHead/acturalPaid")
        if self._lines(document.list, "OrderList") != goods:
            self._note("meaning.goods_value", "OrderHead/goodsValue")

    def _payment(self, document: Any) -> None:
        head, where = document.head, "PaymentHead"
        self.value = 0
        self._head(head, where, (head.payCode, head.ebpCode), ("payCode", "ebpCode"))
        self._buyer(head.payerIdType, head.payerIdNumber, where, "payer")
        if not is_time(head.payTime):
            self._note("meaning.date", "PaymentHead/payTime", name="payTime")
        if number(head.amountPaid) <= 0:
            self._positive("PaymentHead/amountPaid")

    def _waybill(self, document: Any) -> None:
        head, where = document.head, "LogisticsHead"
        self.value = 0
        self._head(head, where, (head.logisticsCode,), ("logisticsCode",))
        self._parcel(head.packNo, where)
        self._not_negative(where, freight=head.freight, insuredFee=head.insuredFee)
        if number(head.weight) <= 0:
            self._positive("LogisticsHead/weight")

    def _declaration(self, document: Any) -> None:
        head, where = document.head, "InventoryHead"
        companies = (head.ebpCode, head.ebcCode, head.logisticsCode, head.agentCode, head.assureCode, head.areaCode)
        self._head(
            head, where, companies, ("ebpCode", "ebcCode", "logisticsCode", "agentCode", "assureCode", "areaCode")
        )
        if head.ieFlag != "I":
            self._fixed("InventoryHead/ieFlag", "I")
        self._parcel(head.packNo, where)
        self._buyer(head.buyerIdType, head.buyerIdNumber, where, "buyer")
        freight, insurance = number(head.freight), number(head.insuredFee)
        if freight < 0 or insurance < 0:
            self._not_negative(where, freight=head.freight, insuredFee=head.insuredFee)
        if not is_day(head.declTime):
            self._note("meaning.date", "InventoryHead/declTime", name="declTime")
        if head.ieDate and not is_day(head.ieDate):
            self._note("meaning.date", "InventoryHead/ieDate", name="ieDate")
        self._mode(document, head, where)
        gross, net = number(head.grossWeight), number(head.netWeight)
        if gross <= 0:
            self._positive("InventoryHead/grossWeight")
        if net <= 0:
            self._positive("InventoryHead/netWeight")
        if net > gross:
            self._note("meaning.weight", "InventoryHead/netWeight")
        self.value = self._lines(document.list, "InventoryList") + freight + insurance
        self._quantities(document.list)

    def _mode(self, document: Any, head: Any, where: str) -> None:
        mode = head.tradeMode
        if mode == "9610":
            if not (head.trafNo and head.voyageNo and head.billNo):
                self._needed(head, where, _DIRECT_FIELDS, mode)
            return
        if mode not in _MODES:
            self._note("meaning.code", f"{where}/tradeMode", name="tradeMode", allowed="9610, 1210, 1239")
            return
        self._needed(head, where, _BONDED_FIELDS, mode)
        for name in _DIRECT_FIELDS:
            if getattr(head, name):
                self._note("meaning.not_used", f"{where}/{name}", name=name, mode=mode)
        if head.country != _CNY:
            self._fixed(f"{where}/country", _CNY)
        for place, line in enumerate(document.list, 1):
            if not line.itemRecordNo:
                path = f"InventoryList[{place}]/itemRecordNo"
                self._note("meaning.needed", path, name="itemRecordNo", mode=mode)

    def _needed(self, head: Any, where: str, names: tuple[str, ...], mode: str) -> None:
        for name in names:
            if not getattr(head, name):
                self._note("meaning.needed", f"{where}/{name}", name=name, mode=mode)

    def _quantities(self, lines: Any) -> None:
        for place, line in enumerate(lines, 1):
            first = number(line.qty1)
            if first <= 0:
                self._positive(f"InventoryList[{place}]/qty1")
            if line.unit == line.unit1 and number(line.qty) != first:
                self._note("meaning.unit_quantity", f"InventoryList[{place}]/qty1")
            second, unit = line.qty2, line.unit2
            if (second or unit) and (not second or not unit or number(second) <= 0):
                self._note("meaning.second_unit", f"InventoryList[{place}]/qty2")


_CHECKS: dict[str, Callable[[Checker, Any], None]] = {
    "order": Checker._order,
    "payment": Checker._payment,
    "waybill": Checker._waybill,
    "declaration": Checker._declaration,
}

"""What a document says that cannot be: dates, sums, fixed values, conditional fields (pure).

Checks 4, 15–18 and 20 between fields, the check digits, and what the message tables of the CEB specification (202205)
fix on the import side. A fault of meaning flags its document; its sender hears what customs will say.
Texts stay texts: only the few amounts that a check needs become integers.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

from hub.domain.identifiers import company_code_fault, resident_id_fault
from hub.domain.money import SCALE, amount

#: The heads and lines are generated structs; Any stands for them throughout.
_Note = Callable[..., None]

_TIME = re.compile(r"\d{14}", re.ASCII)
_DAY = re.compile(r"\d{8}", re.ASCII)
_BONDED = frozenset({"1210", "1239"})
#: The trade modes of an import declaration (code list: trade modes).
_MODES = frozenset({"9610", "1210", "1239"})
_DIRECT_FIELDS = ("trafNo", "voyageNo", "billNo")
_BONDED_FIELDS = ("emsNo", "areaCode", "areaName")
#: A fifth digit may be rounded away where price times quantity has more of them: half a fen.
_HALF_FEN = SCALE // 200


class Found(NamedTuple):
    """A fault before it is said: its code, the path below the document (``OrderHead/orderNo``), values of its sentence."""

    code: str
    path: str
    values: dict[str, Any]


@lru_cache(maxsize=8192)
def is_day(text: str) -> bool:
    """Whether ``yyyyMMdd`` is a day of the calendar."""
    if not _DAY.fullmatch(text):
        return False
    try:
        date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return False
    return True


@lru_cache(maxsize=8192)
def is_time(text: str) -> bool:
    """Whether ``yyyyMMddHHmmss`` is a second of the calendar."""
    return bool(_TIME.fullmatch(text)) and is_day(text[:8]) and text[8:10] < "24" and text[10:12] < "60" and text[12:] < "60"


_company = lru_cache(maxsize=8192)(company_code_fault)
_amount = lru_cache(maxsize=65536)(amount)


class Checker:
    """Collects what one document is flagged for; one instance a message, ``found`` emptied for each document."""

    def __init__(self, today: date) -> None:
        self._today = today
        self.found: list[Found] = []

    def check(self, kind: str, document: Any) -> list[Found]:
        """Everything wrong in meaning with a document of the kind; an empty list mostly."""
        self.found = []
        _CHECKS[kind](self, document)
        return self.found

    def note(self, code: str, path: str, **values: Any) -> None:
        self.found.append(Found(code, path, values))

    # ---- what all have

    def _submission(self, head: Any, where: str) -> None:
        if not is_time(head.appTime):
            self.note("meaning.date", f"{where}/appTime", name="appTime")
        if head.appType not in ("1", "2", "3"):
            self.note("meaning.code", f"{where}/appType", name="appType", allowed="1, 2, 3")
        if head.appStatus not in ("1", "2"):
            self.note("meaning.code", f"{where}/appStatus", name="appStatus", allowed="1, 2")

    def _companies(self, head: Any, where: str, names: tuple[str, ...]) -> None:
        for name in names:
            code = getattr(head, name)
            if code and (wrong := _company(code)):
                self.note(wrong, f"{where}/{name}", name=name)

    def _fixed(self, part: Any, where: str, **wanted: str) -> None:
        for name, value in wanted.items():
            if getattr(part, name) != value:
                self.note("meaning.fixed", f"{where}/{name}", name=name, value=value)

    def _person(self, kind: str | None, number: str | None, where: str, name: str) -> None:
        if kind == "1" and (wrong := resident_id_fault(number or "", self._today)):
            self.note(wrong, f"{where}/{name}", name=name)

    def _lines(self, lines: Any, where: str) -> int:
        """Numbers and totals of the lines; the sum of their totals."""
        total = 0
        for number, line in enumerate(lines, 1):
            place = f"{where}[{number}]"
            gnum = line.gnum
            if gnum != str(number) and gnum.lstrip("+0") != str(number):
                self.note("meaning.line_number", f"{place}/gnum")
            qty, price, price_total = _amount(line.qty), _amount(line.price), _amount(line.totalPrice)
            total += price_total
            if qty <= 0:
                self.note("meaning.not_positive", f"{place}/qty", name="qty")
            if price < 0:
                self.note("meaning.negative", f"{place}/price", name="price")
            if abs(price * qty - price_total * SCALE) > _HALF_FEN * SCALE:
                self.note("meaning.line_total", f"{place}/totalPrice")
            if line.currency != "142":
                self.note("meaning.fixed", f"{place}/currency", name="currency", value="142")
        return total

    def _amounts(self, head: Any, where: str, names: tuple[str, ...]) -> None:
        for name in names:
            text = getattr(head, name)
            if text is not None and text[:1] == "-" and _amount(text) < 0:
                self.note("meaning.negative", f"{where}/{name}", name=name)

    # ---- the four

    def _order(self, document: Any) -> None:
        head = document.head
        self._submission(head, "OrderHead")
        self._companies(head, "OrderHead", ("ebpCode", "ebcCode", "payCode"))
        self._fixed(head, "OrderHead", orderType="I", currency="142", buyerIdType="1")
        self._person(head.buyerIdType, head.buyerIdNumber, "OrderHead", "buyerIdNumber")
        self._amounts(head, "OrderHead", ("goodsValue", "freight", "discount", "taxTotal", "acturalPaid"))
        goods = _amount(head.goodsValue)
        due = goods + _amount(head.freight) + _amount(head.taxTotal) - _amount(head.discount)
        if _amount(head.acturalPaid) != due:
            self.note("meaning.paid_total", "OrderHead/acturalPaid")
        if self._lines(document.list, "OrderList") != goods:
            self.note("meaning.goods_value", "OrderHead/goodsValue")

    def _payment(self, document: Any) -> None:
        head = document.head
        self._submission(head, "PaymentHead")
        self._companies(head, "PaymentHead", ("payCode", "ebpCode"))
        self._fixed(head, "PaymentHead", currency="142", payerIdType="1")
        self._person(head.payerIdType, head.payerIdNumber, "PaymentHead", "payerIdNumber")
        if not is_time(head.payTime):
            self.note("meaning.date", "PaymentHead/payTime", name="payTime")
        if _amount(head.amountPaid) <= 0:
            self.note("meaning.not_positive", "PaymentHead/amountPaid", name="amountPaid")

    def _waybill(self, document: Any) -> None:
        head = document.head
        self._submission(head, "LogisticsHead")
        self._companies(head, "LogisticsHead", ("logisticsCode",))
        self._fixed(head, "LogisticsHead", currency="142")
        self._one_parcel(head, "LogisticsHead")
        self._amounts(head, "LogisticsHead", ("freight", "insuredFee"))
        if _amount(head.weight) <= 0:
            self.note("meaning.not_positive", "LogisticsHead/weight", name="weight")

    def _declaration(self, document: Any) -> None:
        head = document.head
        where = "InventoryHead"
        self._submission(head, where)
        self._companies(head, where, ("ebpCode", "ebcCode", "logisticsCode", "agentCode", "assureCode", "areaCode"))
        self._fixed(head, where, ieFlag="I", currency="142", buyerIdType="1")
        self._one_parcel(head, where)
        self._person(head.buyerIdType, head.buyerIdNumber, where, "buyerIdNumber")
        self._amounts(head, where, ("freight", "insuredFee"))
        if not is_day(head.declTime):
            self.note("meaning.date", f"{where}/declTime", name="declTime")
        if head.ieDate and not is_day(head.ieDate):
            self.note("meaning.date", f"{where}/ieDate", name="ieDate")
        self._mode(document, head, where)
        self._weights(head, where)
        self._lines(document.list, "InventoryList")
        self._quantities(document.list)

    def _one_parcel(self, head: Any, where: str) -> None:
        if head.packNo != "1" and head.packNo.lstrip("+0") != "1":
            self.note("meaning.fixed", f"{where}/packNo", name="packNo", value="1")

    def _mode(self, document: Any, head: Any, where: str) -> None:
        mode = head.tradeMode
        if mode not in _MODES:
            self.note("meaning.code", f"{where}/tradeMode", name="tradeMode", allowed="9610, 1210, 1239")
            return
        bonded = mode in _BONDED
        for name in _BONDED_FIELDS if bonded else _DIRECT_FIELDS:
            if not getattr(head, name):
                self.note("meaning.needed", f"{where}/{name}", name=name, mode=mode)
        if not bonded:
            return
        for name in _DIRECT_FIELDS:
            if getattr(head, name):
                self.note("meaning.not_used", f"{where}/{name}", name=name, mode=mode)
        if head.country != "142":
            self.note("meaning.fixed", f"{where}/country", name="country", value="142")
        for number, line in enumerate(document.list, 1):
            if not line.itemRecordNo:
                place = f"InventoryList[{number}]/itemRecordNo"
                self.note("meaning.needed", place, name="itemRecordNo", mode=mode)

    def _weights(self, head: Any, where: str) -> None:
        gross, net = _amount(head.grossWeight), _amount(head.netWeight)
        for name, value in (("grossWeight", gross), ("netWeight", net)):
            if value <= 0:
                self.note("meaning.not_positive", f"{where}/{name}", name=name)
        if net > gross:
            self.note("meaning.weight", f"{where}/netWeight")

    def _quantities(self, lines: Any) -> None:
        for number, line in enumerate(lines, 1):
            place = f"InventoryList[{number}]"
            first = _amount(line.qty1)
            if first <= 0:
                self.note("meaning.not_positive", f"{place}/qty1", name="qty1")
            if line.unit == line.unit1 and _amount(line.qty) != first:
                self.note("meaning.unit_quantity", f"{place}/qty1")
            if bool(line.qty2) != bool(line.unit2) or (line.qty2 and _amount(line.qty2) <= 0):
                self.note("meaning.second_unit", f"{place}/qty2")


_CHECKS: dict[str, Callable[[Checker, Any], None]] = {
    "order": Checker._order,
    "payment": Checker._payment,
    "waybill": Checker._waybill,
    "declaration": Checker._declaration,
}

"""What a document says that cannot be: dates, sums, fixed values, conditional fields (pure).

Checks 4, 15 to 18 and 20 between fields, the check digits, and what the message tables of the CEB specification
(202205) fix. A fault of meaning flags its document; its sender hears what customs will say.
Texts stay texts: only the few amounts that a check needs become integers. Documents have passed their schema.

The four import documents come by the million: for them one call a field costs more than the check itself, hence the long
functions. Of all others each field is asked what the catalogue knows of it (``_catalogued``), and then what is their own.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import cache, lru_cache
from typing import Any, NamedTuple

from adapters.dialects import lists
from adapters.dialects.lists import Found
from hub.domain.identifiers import (
    company_code_fault,
    guid_fault,
    pre_number_fault,
    resident_id_fault,
    tariff_code_fault,
)
from hub.domain.money import MOST, SCALE, number
from schemas.model import MessageType, message_types

_BONDED = frozenset({"1210", "1239"})
#: The trade modes of an import declaration (code list: trade modes).
_MODES = _BONDED | {"9610"}
_DIRECT_FIELDS = ("trafNo", "voyageNo", "billNo")
_BONDED_FIELDS = ("emsNo", "areaCode", "areaName")
_CNY = "142"
#: A fifth digit may be rounded away where price times quantity has more of them: half a fen.
_HALF_FEN = SCALE // 200 * SCALE


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
_tariff = lru_cache(maxsize=16_384)(tariff_code_fault)


@lru_cache(maxsize=8)
def _day_after(day: date) -> str:
    """``YYYYMMDD`` of the next day."""
    return f"{day + timedelta(days=1):%Y%m%d}"


class Checker:
    """Collects what one document is flagged for; one a message. ``value``: of the last declaration, what is dutiable."""

    def __init__(self, mt: MessageType, edition: str, today: date) -> None:
        self._mt, self._edition = mt, edition
        self._check = _CHECKS.get(mt.type, Checker._any)
        self._today = today
        # A day of grace for clocks and zones. A later appTime would shut out every correction until then.
        self._latest = _day_after(today)
        self.found: list[Found] = []
        self.value = 0

    def check(self, document: Any) -> list[Found]:
        """Everything wrong in meaning with a document of the message (Any: its struct); an empty list mostly."""
        self.found = []
        self._check(self, document)
        self.value = min(self.value, MOST)
        if listed := lists.check_document(self._mt.type, self._edition, document):
            # What is known to be one value here need not also be told to be of a list.
            told = {found.path for found in self.found}
            self.found += [found for found in listed if found.path not in told]
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

    def _too_large(self, where: str, **amounts: int) -> None:
        for name, value in amounts.items():
            if value >= MOST:
                self._note("meaning.too_large", f"{where}/{name}", name=name)

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
            if whole >= MOST or qty >= MOST or price >= MOST:
                self._too_large(f"{where}[{place}]", qty=qty, price=price, totalPrice=whole)
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

    # ---- the four of import

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
        if max(goods, freight, tax, discount, paid) >= MOST:
            self._too_large(where, goodsValue=goods, freight=freight, taxTotal=tax, discount=discount, acturalPaid=paid)
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
        if not head.copNo:
            self._note("meaning.empty", "InventoryHead/copNo", name="copNo")
        if head.assureCode not in (head.ebpCode, head.ebcCode, head.logisticsCode, head.agentCode):
            self._note("meaning.guarantor", "InventoryHead/assureCode")
        if head.preNo or head.invtNo:
            self._given(head, where, "I")
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
            if head.country == _CNY:
                self._note("meaning.home_country", f"{where}/country", name="country")
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

    def _given(self, head: Any, where: str, flag: str) -> None:
        """Numbers customs gave, where a document repeats them."""
        if head.preNo and (wrong := pre_number_fault(head.preNo)):
            self._note(wrong, f"{where}/preNo", name="preNo")
        if head.invtNo:
            self._declaration_number(head.invtNo, f"{where}/invtNo", flag)

    def _quantities(self, lines: Any) -> None:
        for place, line in enumerate(lines, 1):
            if wrong := _tariff(line.gcode):
                self._note(wrong, f"InventoryList[{place}]/gcode", name="gcode")
            first = number(line.qty1)
            if first <= 0:
                self._positive(f"InventoryList[{place}]/qty1")
            if line.unit == line.unit1 and number(line.qty) != first:
                self._note("meaning.unit_quantity", f"InventoryList[{place}]/qty1")
            second, unit = line.qty2, line.unit2
            if (second or unit) and (not second or not unit or number(second) <= 0):
                self._note("meaning.second_unit", f"InventoryList[{place}]/qty2")

    # ---- all others

    def _any(self, document: Any) -> None:
        """What the catalogue knows of each field, and lines that count from 1."""
        mt, head = self._mt, document.head
        where = "" if mt.flat else f"{mt.head.element}/"
        self.value = 0
        self._catalogued(_known(mt.type, mt.head.role), head, where)
        if wrong := guid_fault(head.guid):
            self._note(wrong, f"{where}guid", name="guid")
        if len(head.appTime) == 14 and head.appTime[:8] > self._latest and is_time(head.appTime):
            self._note("meaning.future", f"{where}appTime", name="appTime")
        if mt.list is None:
            return
        known = _known(mt.type, mt.list.role)
        for place, line in enumerate(document.list, 1):
            self._catalogued(known, line, f"{mt.list.element}[{place}]/")

    def _catalogued(self, known: _Known, struct: Any, where: str) -> None:
        for name in known.filled:
            if getattr(struct, name) == "":
                self._note("meaning.empty", f"{where}{name}", name=name)
        for name, judge in known.times:
            value = getattr(struct, name)
            if value and not judge(value):
                self._note("meaning.date", f"{where}{name}", name=name)
        for name in known.amounts:
            value = getattr(struct, name)
            if value is not None and len(value) > 9 and abs(number(value)) >= MOST:
                self._note("meaning.too_large", f"{where}{name}", name=name)
            if value is not None and value[:1] == "-" and number(value) < 0:
                self._note("meaning.negative", f"{where}{name}", name=name)
        for name in known.companies:
            value = getattr(struct, name)
            if value and value != _NO_COMPANY.get(name) and (wrong := _company(value)):
                self._note(wrong, f"{where}{name}", name=name)

    def _numbered(self, lines: Any, where: str) -> None:
        for place, line in enumerate(lines, 1):
            if line.gnum != str(place) and number(line.gnum) != place * SCALE:
                self._note("meaning.line_number", f"{where}[{place}]/gnum")

    def _totals(self, lines: Any, where: str) -> int:
        """Quantities and totals of export lines; the sum of the totals."""
        total = 0
        for place, line in enumerate(lines, 1):
            qty, price, whole = number(line.qty), number(line.price), number(line.totalPrice)
            total += whole
            if qty <= 0:
                self._positive(f"{where}[{place}]/qty")
            if not -_HALF_FEN <= price * qty - whole * SCALE <= _HALF_FEN:
                self._note("meaning.line_total", f"{where}[{place}]/totalPrice")
        return total

    def _export_order(self, document: Any) -> None:
        self._any(document)
        self._numbered(document.list, "OrderList")
        if self._totals(document.list, "OrderList") != number(document.head.goodsValue):
            self._note("meaning.goods_value", "OrderHead/goodsValue")
        if document.head.orderType == "I":
            self._note("meaning.code", "OrderHead/orderType", name="orderType", allowed="E, B, W")
        for place, line in enumerate(document.list, 1):
            if line.currency != document.head.currency:
                self._note("meaning.other_currency", f"OrderList[{place}]/currency")

    def _collection(self, document: Any) -> None:
        self._any(document)
        if number(document.head.charge) <= 0:
            self._positive("charge")

    def _export_waybill(self, document: Any) -> None:
        self._any(document)
        if number(document.head.grossWeight) <= 0:
            self._positive("grossWeight")
        if number(document.head.packNo) <= 0:
            self._positive("packNo")

    def _export_declaration(self, document: Any) -> None:
        self._any(document)
        head, where = document.head, "InventoryHead"
        if head.ieFlag == "I":
            self._note("meaning.code", f"{where}/ieFlag", name="ieFlag", allowed="E")
        mode = head.tradeMode
        if mode not in _EXPORT_MODES:
            self._note("meaning.code", f"{where}/tradeMode", name="tradeMode", allowed=", ".join(_EXPORT_MODES))
        elif mode in _BONDED:
            self._needed(head, where, _ZONE_FIELDS, mode)
            for place, line in enumerate(document.list, 1):
                if not line.itemRecordNo:
                    path = f"InventoryList[{place}]/itemRecordNo"
                    self._note("meaning.needed", path, name="itemRecordNo", mode=mode)
        if head.preNo or head.invtNo:
            self._given(head, where, "E")
        if head.country == _CNY:
            self._note("meaning.home_country", f"{where}/country", name="country")
        if number(head.packNo) <= 0:
            self._positive(f"{where}/packNo")
        gross, net = number(head.grossWeight), number(head.netWeight)
        if gross <= 0:
            self._positive(f"{where}/grossWeight")
        if net <= 0:
            self._positive(f"{where}/netWeight")
        if net > gross:
            self._note("meaning.weight", f"{where}/netWeight")
        self._numbered(document.list, "InventoryList")
        self.value = self._totals(document.list, "InventoryList")
        self._quantities(document.list)
        self._channel(head, document.list, where)

    def _channel(self, head: Any, lines: Any, where: str) -> None:
        """Whether a list may be declared at all, or a full entry is needed (rules E3, E5 and E6 of the trade rules)."""
        if head.licenseNo and (head.tradeMode in _B2B or head.statisticsFlag == "A"):
            name = "tradeMode" if head.tradeMode in _B2B else "statisticsFlag"
            self._note("meaning.licensed", f"{where}/licenseNo", name=name, value=getattr(head, name))
        # Other currencies need a rate, which the door does not have.
        in_yuan = all(line.currency == _CNY for line in lines)
        if in_yuan and head.tradeMode in _B2B and self.value > _LIST_LIMIT:
            self._note("meaning.full_entry", f"{where}/tradeMode", mode=head.tradeMode, limit=_LIST_LIMIT // SCALE)

    def _import_application(self, document: Any) -> None:
        self._any(document)
        head, where = document.head, "" if self._mt.flat else f"{self._mt.head.element}/"
        if head.buyerIdType != "1":
            self._fixed(f"{where}buyerIdType", "1")
        elif wrong := _person(head.buyerIdNumber, self._today):
            self._note(wrong, f"{where}buyerIdNumber", name="buyerIdNumber")
        if self._mt.flat and head.appType != "1":
            self._fixed(f"{where}appType", "1")  # a cancellation cannot be changed (message table of CEB623)
        if not head.copNo:
            self._note("meaning.empty", f"{where}copNo", name="copNo")
        self._declaration_number(head.invtNo, f"{where}invtNo", "I")
        self._returned(document)

    def _export_application(self, document: Any) -> None:
        self._any(document)
        where = "" if self._mt.flat else f"{self._mt.head.element}/"
        if document.head.invtNo:
            self._declaration_number(document.head.invtNo, f"{where}invtNo", "E")
        self._returned(document)
        if getattr(document.head, "ieFlag", None) == "E":  # what comes back comes in
            self._note("meaning.code", f"{where}ieFlag", name="ieFlag", allowed="I")
        if self._mt.kind != "return":
            return
        if not document.head.tradeMode:  # optional by the schema, mandatory by the text
            self._note("meaning.empty", f"{where}tradeMode", name="tradeMode")
        if document.head.country == _CNY:
            self._note("meaning.home_country", f"{where}country", name="country")

    def _declaration_number(self, text: str, path: str, flag: str) -> None:
        """Four digits of the office, four of the year, I or E, nine digits (export up to eleven)."""
        if not (17 < len(text) <= 20 and text[:8].isdigit() and text[8] == flag and text[9:].isdigit()):
            self._note("meaning.declaration_number", path, name=path.rpartition("/")[2], flag=flag)

    def _returned(self, document: Any) -> None:
        if self._mt.list is None:
            return
        seen: set[int] = set()
        for place, line in enumerate(document.list, 1):
            where = f"{self._mt.list.element}[{place}]"
            gnum = number(line.gnum)
            if gnum <= 0 or gnum in seen:
                self._note("meaning.line_repeated", f"{where}/gnum")
            seen.add(gnum)
            if wrong := _tariff(line.gcode):
                self._note(wrong, f"{where}/gcode", name="gcode")
            for name in ("qty", "qty1"):
                value = getattr(line, name, None)
                if value is not None and number(value) <= 0:
                    self._positive(f"{where}/{name}")
            second, unit = getattr(line, "qty2", None), getattr(line, "unit2", None)
            if (second or unit) and (not second or not unit or number(second) <= 0):
                self._note("meaning.second_unit", f"{where}/qty2")

    def _bill(self, document: Any) -> None:
        self._any(document)
        mt, head = self._mt, document.head
        assert mt.list is not None
        where = f"{mt.head.element}/"
        self._numbered(document.list, mt.list.element)
        if mt.side == "export":
            self._parts(head, where)
        else:
            if head.ieFlag == "E":
                self._fixed(f"{where}ieFlag", "I")
            if not head.copNo:
                self._note("meaning.empty", f"{where}copNo", name="copNo")
        if head.trafMode != _MAIL:
            for name in _UNLESS_MAIL.get(mt.type, ()):
                if not getattr(head, name):
                    self._note("meaning.needed_unless_mail", f"{where}{name}", name=name)
        weight = getattr(head, "grossWeight", None)
        if weight is not None and number(weight) <= 0:
            self._positive(f"{where}grossWeight")
        seen: set[str] = set()
        for place, line in enumerate(document.list, 1):
            if invt_no := getattr(line, "invtNo", None):
                self._declaration_number(invt_no, f"{mt.list.element}[{place}]/invtNo", "E")
            if line.logisticsNo in seen:
                self._note("meaning.repeated", f"{mt.list.element}[{place}]/logisticsNo", name="logisticsNo")
            seen.add(line.logisticsNo)

    def _summary(self, document: Any) -> None:
        self._any(document)
        head, where = document.head, "SummaryApplyHead/"
        self._parts(head, where)
        if bool(head.startTime) != bool(head.endTime):
            name = "endTime" if head.startTime else "startTime"
            self._note("meaning.period", f"{where}{name}")
        elif head.startTime and head.endTime < head.startTime:
            self._note("meaning.period", f"{where}endTime")
        elif not head.startTime and not document.list:
            self._note("meaning.period", f"{where}startTime")
        seen: set[str] = set()
        for place, line in enumerate(document.list, 1):
            path = f"SummaryApplyList[{place}]/invtNo"
            self._declaration_number(line.invtNo, path, "E")
            if line.invtNo in seen:
                self._note("meaning.repeated", path, name="invtNo")
            seen.add(line.invtNo)

    def _parts(self, head: Any, where: str) -> None:
        count, part = number(head.msgCount), number(head.msgSeqNo)
        if count < SCALE:
            self._positive(f"{where}msgCount")
        if not SCALE <= part <= max(count, SCALE):
            self._note("meaning.part", f"{where}msgSeqNo", count=max(1, count // SCALE))


class _Known(NamedTuple):
    """What the catalogue knows of a part's fields: mandatory texts, times, amounts, codes of companies."""

    filled: tuple[str, ...]
    times: tuple[tuple[str, Callable[[str], bool]], ...]
    amounts: tuple[str, ...]
    companies: tuple[str, ...]


@cache
def _known(message: str, role: str) -> _Known:
    mt = message_types()[message]
    fields = next(part.fields for part in mt.parts if part.role == role)
    judges = {"time14": is_time, "date8": is_day}
    return _Known(
        filled=tuple([f.name for f in fields if f.required and f.base == "string" and not f.min and not f.schema_default]),
        times=tuple([(f.name, judges[f.format]) for f in fields if f.format in judges]),
        amounts=tuple([f.name for f in fields if f.base == "decimal"]),
        companies=tuple([f.name for f in fields if f.name in _COMPANIES]),
    )


#: Fields that hold the code of an enterprise.
_COMPANIES = frozenset(
    {
        "ebpCode", "ebcCode", "payCode", "logisticsCode", "agentCode", "operatorCode", "declAgentCode", "ownerCode",
        "iacCode",
    }
)  # fmt: skip
#: What stands in their place where there is none: a foreign platform, a producer not registered (export only).
_NO_COMPANY = {"ebpCode": "无", "ownerCode": "NO"}
_EXPORT_MODES = ("9610", "1210", "1239", "9710", "9810")
#: Exports to companies and overseas warehouses; a list of theirs may be worth so much (5,000 yuan, rule E6).
_B2B = frozenset({"9710", "9810"})
_LIST_LIMIT = 5_000 * SCALE
_ZONE_FIELDS = ("iacCode", "iacName", "emsNo")
#: Mail has no master bill (message tables of CEB507 and CEB509).
_MAIL = "6"
_UNLESS_MAIL = {"CEB507": ("billNo",), "CEB509": ("billNo", "trafName", "voyageNo"), "CEB607": ("billNo",)}

_CHECKS: dict[str, Callable[[Checker, Any], None]] = {
    "CEB311": Checker._order,
    "CEB411": Checker._payment,
    "CEB511": Checker._waybill,
    "CEB621": Checker._declaration,
    "CEB303": Checker._export_order,
    "CEB403": Checker._collection,
    "CEB505": Checker._export_waybill,
    "CEB603": Checker._export_declaration,
    "CEB623": Checker._import_application,
    "CEB625": Checker._import_application,
    "CEB605": Checker._export_application,
    "CEB213": Checker._export_application,
    "CEB215": Checker._export_application,
    "CEB507": Checker._bill,
    "CEB509": Checker._bill,
    "CEB607": Checker._bill,
    "CEB711": Checker._bill,
    "CEB701": Checker._summary,
}

"""Made-up documents: an order with its payment, waybill and declaration that agree with each other.

Everything follows from a number and a moment, so the same call gives the same documents. Nobody here exists:
resident identity numbers have the reserved district 990000 (with a right check digit), enterprise codes the unused
customs district 9901.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache
from random import Random
from typing import Any, NamedTuple

import msgspec

from schemas.documents import (
    Declaration,
    DeclarationHead,
    DeclarationLine,
    Order,
    OrderHead,
    OrderLine,
    Payment,
    PaymentHead,
    Subscription,
    Transfer,
    Waybill,
    WaybillHead,
)

#: 2026-06-01 12:00 in China, for callers to whom the moment does not matter (ms since the epoch)
DEFAULT_AT = 1_780_286_400_000
#: by the 2018 law a transaction stays below this, in fen
LIMIT_FEN = 500_000


class Parties(msgspec.Struct, frozen=True, kw_only=True):
    """Who takes part; the defaults are the demo's principals."""

    platform: str = "9901D00001"
    platform_name: str = "示范电商平台"
    merchant: str = "9901D00002"
    merchant_name: str = "示范电商企业"
    payer: str = "9901D00003"
    payer_name: str = "示范支付企业"
    carrier: str = "9901D00004"
    carrier_name: str = "示范物流企业"
    agent: str = "9901D00005"
    agent_name: str = "示范申报企业"
    area: str = "9901D00007"
    area_name: str = "示范区内仓储企业"
    customs: str = "2921"
    port: str = "2921"
    account_book: str = "T2921W000001"


class DeclarationSet(NamedTuple):
    """Four documents of one sale; the names are the kinds."""

    order: Order
    payment: Payment
    waybill: Waybill
    declaration: Declaration


class _Good(NamedTuple):
    code: str  # HS code
    name: str
    model: str
    unit: str
    country: str
    fen: int  # lowest price
    vat: int  # percent
    consumption: int  # tax, percent
    grams: int

    def tax(self, fen: int) -> int:
        """VAT and consumption tax of so much of it, at 70 % (Caiguanshui 2016-18), each rounded half up to a fen."""
        rest = (100 - self.consumption) * 100
        return sum((2 * fen * rate * 70 + rest) // (2 * rest) for rate in (self.consumption, self.vat))


_GOODS = (
    _Good("1901101000", "婴幼儿配方奶粉", "900克/罐|3段|示范牌", "122", "609", 18_800, 13, 0, 1_150),
    _Good("1905310000", "黄油曲奇饼干", "500克/盒|示范牌", "140", "302", 5_900, 13, 0, 650),
    _Good("2106909090", "维生素软胶囊", "100粒/瓶|示范牌", "142", "502", 12_800, 13, 0, 250),
    _Good("3304990039", "保湿面霜", "50毫升/瓶|示范牌", "142", "116", 23_600, 13, 0, 220),
    _Good("3304100012", "唇膏", "3克/支|示范牌", "012", "305", 19_900, 13, 15, 60),
    _Good("3305100090", "洗发水", "400毫升/瓶|示范牌", "142", "116", 4_900, 13, 0, 480),
    _Good("4202220000", "帆布手提包", "35×25厘米|示范牌", "007", "307", 39_900, 13, 0, 700),
    _Good("9619001100", "婴儿纸尿裤", "L码|54片/包|示范牌", "125", "116", 9_900, 13, 0, 2_100),
)
_SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨"
_GIVEN = ("一", "二", "三", "四", "五", "六", "七", "八", "九", "十")
_CHECK_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


class _Buyer(NamedTuple):
    name: str
    identity: str
    telephone: str
    address: str


@lru_cache(maxsize=65_536)
def buyer(index: int) -> _Buyer:
    """The made-up person of that index; some 14 million differ."""
    born = date(1960, 1, 1) + timedelta(days=index // 1000 % 14_600)
    first = f"990000{born:%Y%m%d}{index % 1000:03d}"
    check = "10X98765432"[sum(int(d) * w for d, w in zip(first, _CHECK_WEIGHTS, strict=True)) % 11]
    name = _SURNAMES[index % 16] + _GIVEN[index // 16 % 10] + _GIVEN[index // 160 % 10]
    road = f"示范省示范市示范路{index % 9_999 + 1}号"
    return _Buyer(name, first + check, f"199{index % 100_000_000:08d}", road)


@lru_cache(maxsize=1024)
def _moment(second: int) -> tuple[str, str]:
    """Time and day of a second since the epoch, as CEB writes them (China time)."""
    text = time.strftime("%Y%m%d%H%M%S", time.gmtime(second + 8 * 3600))
    return text, text[:8]


def _yuan(fen: int) -> str:
    whole, rest = divmod(fen, 100)
    return f"{whole}.{rest:02d}".rstrip("0").rstrip(".") if rest else str(whole)


def _guid(kind: int, number: int) -> str:
    return f"{number & 0xFFFFFFFF:08X}-990{kind}-4000-8000-{number >> 32 & 0xFFFFFFFFFFFF:012X}"


class _Sold(NamedTuple):
    good: _Good
    quantity: int
    fen: int  # price of one

    @property
    def total(self) -> int:
        return self.fen * self.quantity


def _basket(draw: Random) -> list[_Sold]:
    sold: list[_Sold] = []
    value = 0
    for good in draw.sample(_GOODS, draw.choice((1, 1, 1, 2, 2, 3))):
        line = _Sold(good, draw.choice((1, 1, 1, 2, 3)), good.fen + draw.randrange(0, 2_000))
        if (value := value + line.total * 13 // 10) < LIMIT_FEN:
            sold.append(line)
    return sold


def declaration_set(
    number: int,
    *,
    parties: Parties | None = None,
    buyers: int = 100_000,
    trade_mode: str = "9610",
    at: int = DEFAULT_AT,
    overrides: Mapping[str, str | None] | None = None,
) -> DeclarationSet:
    """The four documents of sale ``number``: sums right, check digits right, below the transaction limit.

    ``buyers``: how many people buy; ``trade_mode``: 9610 direct purchase, 1210 or 1239 bonded; ``at``: when it was
    sold, ms since the epoch. ``overrides`` change single fields afterwards, without mending what depends on them:
    ``{"order.orderNo": "X", "declaration.list.0.qty": None}``.
    """
    who = parties or Parties()
    draw = Random(number)
    person = buyer(draw.randrange(buyers))
    sold = _basket(draw)
    freight = draw.choice((0, 0, 800, 1_200))
    when, day = _moment(at // 1000)
    sale = _Sale(number, who, person, sold, freight, when, day, trade_mode)
    made = DeclarationSet(_order(sale), _payment(sale), _waybill(sale), _declaration(sale))
    return changed(made, overrides) if overrides else made


class _Sale(NamedTuple):
    number: int
    who: Parties
    person: _Buyer
    sold: list[_Sold]
    freight: int
    when: str
    day: str
    trade_mode: str

    @property
    def order_no(self) -> str:
        return f"DD{self.number:014d}"

    @property
    def value(self) -> int:
        return sum(line.total for line in self.sold)

    @property
    def tax(self) -> int:
        """Of goods and freight, which is spread over the lines by their value."""
        shares = [self.freight * line.total // self.value for line in self.sold]
        shares[-1] += self.freight - sum(shares)
        return sum(line.good.tax(line.total + share) for line, share in zip(self.sold, shares, strict=True))

    @property
    def paid(self) -> str:
        return _yuan(self.value + self.freight + self.tax)

    @property
    def grams(self) -> int:
        return sum(line.good.grams * line.quantity for line in self.sold)


def _order(sale: _Sale) -> Order:
    who, person = sale.who, sale.person
    head = OrderHead(
        guid=_guid(1, sale.number), appType="1", appTime=sale.when, appStatus="2", orderType="I",
        orderNo=sale.order_no, ebpCode=who.platform, ebpName=who.platform_name, ebcCode=who.merchant,
        ebcName=who.merchant_name, goodsValue=_yuan(sale.value), freight=_yuan(sale.freight), discount="0",
        taxTotal=_yuan(sale.tax), acturalPaid=sale.paid, currency="142", buyerRegNo=f"U{person.telephone}",
        buyerName=person.name, buyerTelephone=person.telephone, buyerIdType="1", buyerIdNumber=person.identity,
        payCode=who.payer, payName=who.payer_name, payTransactionId=f"ZF{sale.number:014d}", consignee=person.name,
        consigneeTelephone=person.telephone, consigneeAddress=person.address,
    )  # fmt: skip
    lines = tuple(
        OrderLine(
            gnum=str(n), itemNo=f"SKU{line.good.code}", itemName=line.good.name, gmodel=line.good.model, barCode="无",
            unit=line.good.unit, qty=str(line.quantity), price=_yuan(line.fen), totalPrice=_yuan(line.total),
            currency="142", country=line.good.country,
        )
        for n, line in enumerate(sale.sold, 1)
    )  # fmt: skip
    return Order(head=head, list=lines)


def _payment(sale: _Sale) -> Payment:
    who, person = sale.who, sale.person
    return Payment(head=PaymentHead(
        guid=_guid(2, sale.number), appType="1", appTime=sale.when, appStatus="2", payCode=who.payer,
        payName=who.payer_name, payTransactionId=f"ZF{sale.number:014d}", orderNo=sale.order_no,
        ebpCode=who.platform, ebpName=who.platform_name, payerIdType="1", payerIdNumber=person.identity,
        payerName=person.name, telephone=person.telephone, amountPaid=sale.paid, currency="142", payTime=sale.when,
    ))  # fmt: skip


def _waybill(sale: _Sale) -> Waybill:
    who, person = sale.who, sale.person
    return Waybill(head=WaybillHead(
        guid=_guid(3, sale.number), appType="1", appTime=sale.when, appStatus="2", logisticsCode=who.carrier,
        logisticsName=who.carrier_name, logisticsNo=f"YD{sale.number:014d}",
        billNo=_bill(sale) if sale.trade_mode == "9610" else None, orderNo=sale.order_no,
        freight=_yuan(sale.freight), insuredFee="0", currency="142", weight=_kilograms(sale.grams + 200),
        packNo="1", goodsInfo=sale.sold[0].good.name, consignee=person.name, consigneeAddress=person.address,
        consigneeTelephone=person.telephone,
    ))  # fmt: skip


def _bill(sale: _Sale) -> str:
    return f"990-{sale.number // 200 % 100_000_000:08d}"  # two hundred parcels a master waybill


def _kilograms(grams: int) -> str:
    return f"{grams // 1000}.{grams % 1000:03d}".rstrip("0").rstrip(".")


def _declaration(sale: _Sale) -> Declaration:
    who, person = sale.who, sale.person
    direct = sale.trade_mode == "9610"
    head = DeclarationHead(
        guid=_guid(4, sale.number), appType="1", appTime=sale.when, appStatus="2", orderNo=sale.order_no,
        ebpCode=who.platform, ebpName=who.platform_name, ebcCode=who.merchant, ebcName=who.merchant_name,
        logisticsNo=f"YD{sale.number:014d}", logisticsCode=who.carrier, logisticsName=who.carrier_name,
        copNo=f"QD{sale.number:014d}", assureCode=who.merchant, ieFlag="I", declTime=sale.day,
        customsCode=who.customs, portCode=who.port, ieDate=sale.day, buyerIdType="1", buyerIdNumber=person.identity,
        buyerName=person.name, buyerTelephone=person.telephone, consigneeAddress=person.address,
        agentCode=who.agent, agentName=who.agent_name, tradeMode=sale.trade_mode, trafMode="5" if direct else "4",
        emsNo=None if direct else who.account_book, areaCode=None if direct else who.area,
        areaName=None if direct else who.area_name, trafNo="示范航空" if direct else None,
        voyageNo="SF990" if direct else None, billNo=_bill(sale) if direct else None,
        country=sale.sold[0].good.country if direct else "142", freight=_yuan(sale.freight), insuredFee="0",
        currency="142", wrapType="2", packNo="1", grossWeight=_kilograms(sale.grams + 200),
        netWeight=_kilograms(sale.grams),
    )  # fmt: skip
    lines = tuple(
        DeclarationLine(
            gnum=str(n), itemRecordNo=None if direct else f"R{line.good.code}", itemNo=f"SKU{line.good.code}",
            itemName=line.good.name, gcode=line.good.code, gname=line.good.name, gmodel=line.good.model, barCode="无",
            country=line.good.country, tradeCountry=line.good.country, currency="142", qty=str(line.quantity),
            unit=line.good.unit, qty1=_kilograms(line.good.grams * line.quantity), unit1="035",
            price=_yuan(line.fen), totalPrice=_yuan(line.total),
        )
        for n, line in enumerate(sale.sold, 1)
    )  # fmt: skip
    return Declaration(head=head, list=lines)


def changed(made: DeclarationSet, overrides: Mapping[str, str | None]) -> DeclarationSet:
    """A set with single fields changed: ``kind.field`` of the head, ``kind.list.N.field`` of a line (from 0)."""
    documents: dict[str, Any] = made._asdict()  # Any: the four structs
    for path, value in overrides.items():
        kind, *rest = path.split(".")
        document = documents[kind]
        if len(rest) == 1:
            head = msgspec.structs.replace(document.head, **{rest[0]: value})
            documents[kind] = msgspec.structs.replace(document, head=head)
        else:
            lines = list(document.list)
            lines[int(rest[1])] = msgspec.structs.replace(lines[int(rest[1])], **{rest[2]: value})
            documents[kind] = msgspec.structs.replace(document, list=tuple(lines))
    return DeclarationSet(**documents)


#: Faults of meaning, each a change of :func:`declaration_set`: the schema accepts them, the door flags them.
FLAWS: dict[str, dict[str, str | None]] = {
    "sum": {"order.acturalPaid": "0.01"},
    "line_total": {"order.list.0.totalPrice": "1"},
    "identity": {"order.buyerIdNumber": "990000196001010001"},
    "date": {"order.appTime": "20260231120000"},
    "weight": {"declaration.netWeight": "99"},
    "conditional": {"declaration.billNo": None, "declaration.emsNo": None},
    "quantity": {"declaration.list.0.qty": "-1"},
    "parcels": {"waybill.packNo": "2"},
    "id_type": {"payment.payerIdType": "2"},
}


def invalid(flaw: str, number: int, **options: Any) -> DeclarationSet:  # Any: the arguments of declaration_set
    """A set that is wrong in one way (a name of :data:`FLAWS`)."""
    return changed(declaration_set(number, **options), FLAWS[flaw])


def base_transfer(cop_code: str, cop_name: str = "示范企业", dxp_id: str = "DXPENT0000990001") -> Transfer:
    """The transporting company of a made-up message."""
    return Transfer(copCode=cop_code, copName=cop_name, dxpMode="DXP", dxpId=dxp_id)


def subscription(dxp_address: str, status: str = "RET") -> Subscription:
    """One further subscriber."""
    return Subscription(status=status, dxpMode="DXP", dxpAddress=dxp_address)

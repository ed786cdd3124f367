"""An export sale: an order with its waybill and declaration that agree with each other, and the money that came in."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from schemas.documents import (
    Collection,
    CollectionHead,
    Declaration,
    DeclarationHead,
    DeclarationLine,
    Order,
    OrderHead,
    OrderLine,
    Waybill,
    WaybillHead,
)
from schemas.samples.common import DEFAULT_AT, EXPORTED, Parties, Sold, basket, guid, kilograms, moment, yuan

#: A foreign platform without a code, and what its field holds then (CEB specification 202205, ebpCode).
NO_PLATFORM = "无"
#: Trade mode → type of the order (CEB303): sale to a person, to a company, booking of an overseas warehouse.
_ORDER_TYPES = {"9610": "E", "1210": "E", "1239": "E", "9710": "B", "9810": "W"}
_DOLLARS, _AMERICA = "502", "502"
_PLATFORM_NAMES = {"9710": "示范B2B平台", "9810": "示范海外仓"}


class ExportSet(NamedTuple):
    """The documents of one sale abroad; the names are the kinds."""

    order: Order
    waybill: Waybill
    declaration: Declaration
    collection: Collection | None


def export_set(
    number: int,
    *,
    parties: Parties | None = None,
    trade_mode: str = "9610",
    statistics: str = "B",
    foreign_platform: bool = False,
    collected: bool = False,
    at: int = DEFAULT_AT,
) -> ExportSet:
    """The documents of export sale ``number``; two hundred share a bill.

    ``trade_mode``: 9610, 1210 or 1239 (bonded zone), 9710 (to a company), 9810 (overseas warehouse); ``statistics``:
    A simplified, B to be summarised; ``foreign_platform``: one without a code; ``collected``: with a collection.
    """
    draw = Random(f"export {number}")
    sold = basket(draw, EXPORTED)
    freight = draw.choice((500, 800, 1_200))
    who = parties or Parties()
    platform = (NO_PLATFORM, "境外电商平台") if foreign_platform else (who.platform, who.platform_name)
    name = _PLATFORM_NAMES.get(trade_mode, platform[1])
    sale = _Sale(number, who, sold, freight, *moment(at // 1000), trade_mode, platform[0], name)
    made = _collection(sale) if collected else None
    return ExportSet(_order(sale), _waybill(sale), _declaration(sale, statistics), made)


class _Sale(NamedTuple):
    number: int
    who: Parties
    sold: list[Sold]
    freight: int
    when: str
    day: str
    trade_mode: str
    platform: str
    platform_name: str

    @property
    def order_no(self) -> str:
        return f"CK{self.number:014d}"

    @property
    def waybill_no(self) -> str:
        return f"CY{self.number:014d}"

    @property
    def bill(self) -> str:
        return f"991-{self.number // 200 % 100_000_000:08d}"

    @property
    def value(self) -> int:
        return sum(line.total for line in self.sold)

    @property
    def grams(self) -> int:
        return sum(line.good.grams * line.quantity for line in self.sold)


def _order(sale: _Sale) -> Order:
    who = sale.who
    head = OrderHead(
        guid=guid(5, sale.number), appType="1", appTime=sale.when, appStatus="2",
        orderType=_ORDER_TYPES[sale.trade_mode], orderNo=sale.order_no, ebpCode=sale.platform,
        ebpName=sale.platform_name, ebcCode=who.merchant, ebcName=who.merchant_name, goodsValue=yuan(sale.value),
        freight=yuan(sale.freight), currency=_DOLLARS,
    )  # fmt: skip
    lines = tuple(
        OrderLine(
            gnum=str(n), itemNo=f"SKU{line.good.code}", itemName=line.good.name, barCode="无", unit=line.good.unit,
            currency=_DOLLARS, qty=str(line.quantity), price=yuan(line.fen), totalPrice=yuan(line.total),
        )
        for n, line in enumerate(sale.sold, 1)
    )  # fmt: skip
    return Order(head=head, list=lines)


def _collection(sale: _Sale) -> Collection:
    who = sale.who
    return Collection(head=CollectionHead(
        guid=guid(6, sale.number), appType="1", appTime=sale.when, appStatus="2", ebpCode=sale.platform,
        ebpName=sale.platform_name, ebcCode=who.merchant, ebcName=who.merchant_name, orderNo=sale.order_no,
        payCode=who.payer, payName=who.payer_name, payNo=f"SK{sale.number:014d}",
        charge=yuan(sale.value + sale.freight), currency=_DOLLARS, accountingDate=sale.when,
    ))  # fmt: skip


def _waybill(sale: _Sale) -> Waybill:
    who = sale.who
    return Waybill(head=WaybillHead(
        guid=guid(7, sale.number), appType="1", appTime=sale.when, appStatus="2", logisticsCode=who.carrier,
        logisticsName=who.carrier_name, logisticsNo=sale.waybill_no, freight=yuan(sale.freight), insuredFee="0",
        currency=_DOLLARS, grossWeight=kilograms(sale.grams + 200), packNo="1", goodsInfo=sale.sold[0].good.name,
        ebcCode=who.merchant, ebcName=who.merchant_name, ebcTelephone="19900000000",
    ))  # fmt: skip


def _declaration(sale: _Sale, statistics: str) -> Declaration:
    who = sale.who
    zone = sale.trade_mode in ("1210", "1239")
    by_sea = sale.trade_mode == "9810"
    head = DeclarationHead(
        guid=guid(8, sale.number), appType="1", appTime=sale.when, appStatus="2", customsCode=who.customs,
        ebpCode=sale.platform, ebpName=sale.platform_name, orderNo=sale.order_no, logisticsCode=who.carrier,
        logisticsName=who.carrier_name, logisticsNo=sale.waybill_no, copNo=f"CD{sale.number:014d}", ieFlag="E",
        portCode=who.port, ieDate=sale.day, statisticsFlag=statistics, agentCode=who.agent, agentName=who.agent_name,
        ebcCode=who.merchant, ebcName=who.merchant_name, ownerCode=who.merchant, ownerName=who.merchant_name,
        iacCode=who.area if zone else None, iacName=who.area_name if zone else None,
        emsNo=who.account_book if zone else None, tradeMode=sale.trade_mode, trafMode="2" if by_sea else "5",
        trafName="示范轮" if by_sea else "示范航空", voyageNo="SF991", billNo=sale.bill, country=_AMERICA, POD=_AMERICA,
        freight=yuan(sale.freight), fCurrency=_DOLLARS, fFlag="3", insuredFee="0", iCurrency=_DOLLARS, iFlag="3",
        wrapType="2", packNo="1", grossWeight=kilograms(sale.grams + 200), netWeight=kilograms(sale.grams),
    )  # fmt: skip
    lines = tuple(
        DeclarationLine(
            gnum=str(n), itemNo=f"SKU{line.good.code}", itemRecordNo=f"R{line.good.code}" if zone else None,
            itemName=line.good.name, gcode=line.good.code, gname=line.good.name, gmodel=line.good.model, barCode="无",
            country=_AMERICA, currency=_DOLLARS, qty=str(line.quantity),
            qty1=kilograms(line.good.grams * line.quantity), unit=line.good.unit, unit1="035", price=yuan(line.fen),
            totalPrice=yuan(line.total),
        )
        for n, line in enumerate(sale.sold, 1)
    )  # fmt: skip
    return Declaration(head=head, list=lines)

"""An import sale: an order with its payment, waybill and declaration that agree with each other."""

from __future__ import annotations

from collections.abc import Mapping
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
    Waybill,
    WaybillHead,
)
from schemas.samples.common import DEFAULT_AT, Buyer, Parties, Sold, basket, buyer, guid, kilograms, moment, yuan


class DeclarationSet(NamedTuple):
    """Four documents of one sale; the names are the kinds."""

    order: Order
    payment: Payment
    waybill: Waybill
    declaration: Declaration


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
    sold = basket(draw)
    freight = draw.choice((0, 0, 800, 1_200))
    made = import_sale(number, who=who, person=person, sold=sold, freight=freight, trade_mode=trade_mode, at=at)
    return changed(made, overrides) if overrides else made


def import_sale(
    number: int,
    *,
    who: Parties,
    person: Buyer,
    sold: list[Sold],
    freight: int = 0,
    trade_mode: str = "9610",
    at: int = DEFAULT_AT,
) -> DeclarationSet:
    """The four documents of a sale of these goods to this person; ``freight`` in fen, ``at`` ms since the epoch."""
    when, day = moment(at // 1000)
    paid_at, _ = moment(at // 1000 + 30)
    sale = _Sale(number, who, person, sold, freight, when, day, trade_mode, paid_at)
    return DeclarationSet(_order(sale), _payment(sale), _waybill(sale), _declaration(sale))


class _Sale(NamedTuple):
    number: int
    who: Parties
    person: Buyer
    sold: list[Sold]
    freight: int
    when: str
    day: str
    trade_mode: str
    paid_at: str

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
        return yuan(self.value + self.freight + self.tax)

    @property
    def grams(self) -> int:
        return sum(line.good.grams * line.quantity for line in self.sold)


def _order(sale: _Sale) -> Order:
    who, person = sale.who, sale.person
    head = OrderHead(
        guid=guid(1, sale.number), appType="1", appTime=sale.when, appStatus="2", orderType="I",
        orderNo=sale.order_no, ebpCode=who.platform, ebpName=who.platform_name, ebcCode=who.merchant,
        ebcName=who.merchant_name, goodsValue=yuan(sale.value), freight=yuan(sale.freight), discount="0",
        taxTotal=yuan(sale.tax), acturalPaid=sale.paid, currency="142", buyerRegNo=f"U{person.telephone}",
        buyerName=person.name, buyerTelephone=person.telephone, buyerIdType="1", buyerIdNumber=person.identity,
        payCode=who.payer, payName=who.payer_name, payTransactionId=f"ZF{sale.number:014d}", consignee=person.name,
        consigneeTelephone=person.telephone, consigneeAddress=person.address,
    )  # fmt: skip
    lines = tuple(
        OrderLine(
            gnum=str(n), itemNo=f"SKU{line.good.code}", itemName=line.good.name, gmodel=line.good.model, barCode="无",
            unit=line.good.unit, qty=str(line.quantity), price=yuan(line.fen), totalPrice=yuan(line.total),
            currency="142", country=line.good.country,
        )
        for n, line in enumerate(sale.sold, 1)
    )  # fmt: skip
    return Order(head=head, list=lines)


def _payment(sale: _Sale) -> Payment:
    who, person = sale.who, sale.person
    return Payment(head=PaymentHead(
        guid=guid(2, sale.number), appType="1", appTime=sale.when, appStatus="2", payCode=who.payer,
        payName=who.payer_name, payTransactionId=f"ZF{sale.number:014d}", orderNo=sale.order_no,
        ebpCode=who.platform, ebpName=who.platform_name, payerIdType="1", payerIdNumber=person.identity,
        payerName=person.name, telephone=person.telephone, amountPaid=sale.paid, currency="142", payTime=sale.paid_at,
    ))  # fmt: skip


def _waybill(sale: _Sale) -> Waybill:
    who, person = sale.who, sale.person
    return Waybill(head=WaybillHead(
        guid=guid(3, sale.number), appType="1", appTime=sale.when, appStatus="2", logisticsCode=who.carrier,
        logisticsName=who.carrier_name, logisticsNo=f"YD{sale.number:014d}",
        billNo=_bill(sale) if sale.trade_mode == "9610" else None, orderNo=sale.order_no,
        freight=yuan(sale.freight), insuredFee="0", currency="142", weight=kilograms(sale.grams + 200),
        packNo="1", goodsInfo=sale.sold[0].good.name, consignee=person.name, consigneeAddress=person.address,
        consigneeTelephone=person.telephone,
    ))  # fmt: skip


def _bill(sale: _Sale) -> str:
    return f"990-{sale.number // 200 % 100_000_000:08d}"  # two hundred parcels a master waybill


def _declaration(sale: _Sale) -> Declaration:
    who, person = sale.who, sale.person
    direct = sale.trade_mode == "9610"
    head = DeclarationHead(
        guid=guid(4, sale.number), appType="1", appTime=sale.when, appStatus="2", orderNo=sale.order_no,
        ebpCode=who.platform, ebpName=who.platform_name, ebcCode=who.merchant, ebcName=who.merchant_name,
        logisticsNo=f"YD{sale.number:014d}", logisticsCode=who.carrier, logisticsName=who.carrier_name,
        copNo=f"QD{sale.number:014d}", assureCode=who.merchant, ieFlag="I", declTime=sale.day,
        customsCode=who.customs, portCode=who.port, ieDate=sale.day, buyerIdType="1", buyerIdNumber=person.identity,
        buyerName=person.name, buyerTelephone=person.telephone, consigneeAddress=person.address,
        agentCode=who.agent, agentName=who.agent_name, tradeMode=sale.trade_mode, trafMode="5" if direct else "4",
        emsNo=None if direct else who.account_book, areaCode=None if direct else who.area,
        areaName=None if direct else who.area_name, trafNo="示范航空" if direct else None,
        voyageNo="SF990" if direct else None, billNo=_bill(sale) if direct else None,
        country=sale.sold[0].good.country if direct else "142", freight=yuan(sale.freight), insuredFee="0",
        currency="142", wrapType="2", packNo="1", grossWeight=kilograms(sale.grams + 200),
        netWeight=kilograms(sale.grams),
    )  # fmt: skip
    lines = tuple(
        DeclarationLine(
            gnum=str(n), itemRecordNo=None if direct else f"R{line.good.code}", itemNo=f"SKU{line.good.code}",
            itemName=line.good.name, gcode=line.good.code, gname=line.good.name, gmodel=line.good.model, barCode="无",
            country=line.good.country, tradeCountry=line.good.country, currency="142", qty=str(line.quantity),
            unit=line.good.unit, qty1=kilograms(line.good.grams * line.quantity), unit1="035",
            price=yuan(line.fen), totalPrice=yuan(line.total),
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

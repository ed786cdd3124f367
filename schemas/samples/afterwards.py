"""What follows a sale: a parcel's status, cancellation, return and tally, and the lists of a bill.

Everything is taken from the declarations given, which are those of :func:`declaration_set` or :func:`export_set`;
the numbers customs gave (``invtNo``) are arguments.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any, TypeVar

from schemas.documents import (
    Arrival,
    ArrivalHead,
    ArrivalLine,
    Cancellation,
    CancellationHead,
    Consolidation,
    ConsolidationHead,
    ConsolidationLine,
    Declaration,
    DeclarationLine,
    Departure,
    DepartureHead,
    DepartureLine,
    ExportReturn,
    ExportReturnHead,
    ExportReturnLine,
    Return,
    ReturnHead,
    ReturnLine,
    ReturnTally,
    ReturnTallyHead,
    Summary,
    SummaryHead,
    SummaryLine,
    WarehouseEntry,
    WarehouseEntryHead,
    WarehouseEntryLine,
    Waybill,
    WaybillStatus,
    WaybillStatusHead,
)
from schemas.samples.common import DEFAULT_AT, Parties, guid, moment

_T = TypeVar("_T")
#: Trade mode of an export → that of its return (CEB specification 202205, CEB213).
_RETURN_MODES = {"1210": "1261", "1239": "1261"}
#: Names of the declaration's head that an application about it repeats.
_OF_ORDER = ("orderNo", "ebpCode", "ebpName", "ebcCode", "ebcName", "agentCode", "agentName")
_OF_WAYBILL = ("logisticsNo", "logisticsCode", "logisticsName")
_OF_BUYER = ("buyerIdType", "buyerIdNumber", "buyerName", "buyerTelephone")


def waybill_status(waybill: Waybill, *, at: int = DEFAULT_AT, status: str = "S") -> WaybillStatus:
    """CEB513: signed for by the consignee."""
    when, _ = moment(at // 1000)
    named = _named(waybill.head, ("logisticsCode", "logisticsName", "logisticsNo"))
    return WaybillStatus(head=WaybillStatusHead(
        guid=guid(9, _number(waybill.head.logisticsNo)), appType="1", appTime=when, appStatus="2", **named,
        logisticsStatus=status, logisticsTime=when,
    ))  # fmt: skip


def cancellation(
    declaration: Declaration, invt_no: str, *, at: int = DEFAULT_AT, reason: str = "买家取消订单"
) -> Cancellation:
    """CEB623 of an import declaration, CEB605 of an export one."""
    head, when = declaration.head, moment(at // 1000)[0]
    names = ("ebcCode", "ebcName", "agentCode", "agentName")
    named = _named(head, names if head.ieFlag == "E" else (*_OF_ORDER, *_OF_WAYBILL, *_OF_BUYER))
    return Cancellation(head=CancellationHead(
        guid=guid(10, _number(head.copNo)), appType="1", appTime=when, appStatus="2", customsCode=head.customsCode,
        copNo=f"CX{_number(head.copNo):014d}", invtNo=invt_no, reason=reason, **named,
    ))  # fmt: skip


def returned(
    declaration: Declaration,
    invt_no: str,
    *,
    quantities: Mapping[str, int] | None = None,
    turn: int = 1,
    at: int = DEFAULT_AT,
    reason: str = "买家退货",
) -> Return | ExportReturn:
    """CEB625 of an import declaration, CEB213 of an export one.

    ``quantities``: how many of which line (its gnum); everything where nothing is said. ``turn``: which return of
    the declaration this is.
    """
    wanted = quantities or {line.gnum or "": int(line.qty or 0) for line in declaration.list}
    lines = [(line, wanted[line.gnum or ""]) for line in declaration.list if line.gnum in wanted]
    number, when = _number(declaration.head.copNo), moment(at // 1000)[0]
    own: dict[str, Any] = {  # Any: texts, for heads of two types
        "guid": guid(11 + 16 * turn % 240, number), "appType": "1", "appTime": when, "appStatus": "2",
        "customsCode": declaration.head.customsCode, "invtNo": invt_no, "reason": reason,
    }  # fmt: skip
    if declaration.head.ieFlag == "E":
        return _export_return(declaration, own, f"TH{number:014d}-{turn}", lines)
    named = _named(declaration.head, (*_OF_ORDER, *_OF_WAYBILL, *_OF_BUYER))
    return Return(
        head=ReturnHead(copNo=f"TH{number:014d}-{turn}", **own, **named),
        list=tuple(
            ReturnLine(gnum=line.gnum, gcode=line.gcode, gname=line.gname, qty=str(quantity), unit=line.unit)
            for line, quantity in lines
        ),
    )


def _export_return(
    declaration: Declaration, own: dict[str, Any], number: str, lines: list[tuple[DeclarationLine, int]]
) -> ExportReturn:
    head = declaration.head
    named = _named(
        head, (*_OF_ORDER[1:], *_OF_WAYBILL, "billNo", "trafMode", "trafName", "voyageNo", "portCode", "country")
    )
    return ExportReturn(
        head=ExportReturnHead(
            coElNo=number, tradeMode=_RETURN_MODES.get(head.tradeMode or "", "9661"), ieFlag="I", **own, **named
        ),
        list=tuple(
            ExportReturnLine(
                gnum=line.gnum, gcode=line.gcode, gname=line.gname, gmodel=line.gmodel, qty=str(quantity),
                qty1=str((Decimal(line.qty1 or 0) * quantity / Decimal(line.qty or 1)).quantize(Decimal("0.001"))),
                unit=line.unit, unit1=line.unit1,
            )
            for line, quantity in lines
        ),
    )  # fmt: skip


def tally(application: ExportReturn, *, parties: Parties | None = None, at: int = DEFAULT_AT) -> ReturnTally:
    """CEB215: the goods of an export return are counted at the site."""
    who, head = parties or Parties(), application.head
    names = ("customsCode", *_OF_WAYBILL, "invtNo", "coElNo", "billNo", "trafMode", "trafName", "voyageNo")
    return ReturnTally(head=ReturnTallyHead(
        guid=guid(12, _number(head.coElNo)), appType="1", appTime=moment(at // 1000)[0], appStatus="2", ieFlag="I",
        operatorCode=who.site, operatorName=who.site_name, location="示范库区", **_named(head, names),
    ))  # fmt: skip


def warehouse_entry(
    declarations: Sequence[Declaration], *, parties: Parties | None = None, at: int = DEFAULT_AT
) -> WarehouseEntry:
    """CEB711: the parcels of a master bill came into the site; the bill is that of the first declaration."""
    who, head = parties or Parties(), declarations[0].head
    bill = head.billNo or f"990-{_number(head.copNo):08d}"
    return WarehouseEntry(
        head=WarehouseEntryHead(
            guid=guid(13, _number(bill)), appType="1", appTime=moment(at // 1000)[0], appStatus="2",
            customsCode=head.customsCode, copNo=f"RK{_number(bill):014d}", operatorCode=who.site,
            operatorName=who.site_name, ieFlag="I", trafMode=head.trafMode, trafNo=head.trafNo or "示范航空",
            voyageNo=head.voyageNo or "SF990", billNo=bill, logisticsCode=head.logisticsCode,
            logisticsName=head.logisticsName, unloadLocation="示范库区",
        ),
        list=tuple(WarehouseEntryLine(gnum=str(n), logisticsNo=no) for n, no in enumerate(_waybills(declarations), 1)),
    )  # fmt: skip


def consolidation(declarations: Sequence[Declaration], *, parts: int = 1, at: int = DEFAULT_AT) -> list[Consolidation]:
    """CEB607 of export declarations of one bill, in so many messages."""
    head = declarations[0].head
    weight = sum((Decimal(declaration.head.grossWeight or 0) for declaration in declarations), Decimal(0))
    named = _named(head, ("customsCode", "agentCode", "agentName", "trafMode", "trafName", "voyageNo", "billNo",
                          "logisticsCode", "logisticsName"))  # fmt: skip
    return [
        Consolidation(
            head=ConsolidationHead(
                **_part(14, head.billNo, "ZF", n, parts, at),
                **named,
                domesticTrafNo="示A99001",
                grossWeight=str(weight),
            ),
            list=tuple(ConsolidationLine(gnum=str(g), totalPackageNo="P1", logisticsNo=no) for g, no in chunk),
        )
        for n, chunk in enumerate(_chunks(_waybills(declarations), parts), 1)
    ]


def arrival(
    declarations: Sequence[Declaration],
    *,
    parts: int = 1,
    listed: bool = True,
    parties: Parties | None = None,
    at: int = DEFAULT_AT,
) -> list[Arrival]:
    """CEB507 of export declarations of one bill, in so many messages; not ``listed``: the bill alone is named."""
    who, head = parties or Parties(), declarations[0].head
    named = _named(head, ("customsCode", "trafMode", "billNo", "logisticsCode", "logisticsName"))
    return [
        Arrival(
            head=ArrivalHead(
                **_part(15, head.billNo, "YD", n, parts, at), **named, operatorCode=who.site, operatorName=who.site_name,
                ieFlag="E", domesticTrafNo="示A99001",
            ),
            list=tuple(ArrivalLine(gnum=str(g), logisticsNo=no, totalPackageNo="P1") for g, no in chunk) if listed else (),
        )
        for n, chunk in enumerate(_chunks(_waybills(declarations), parts), 1)
    ]  # fmt: skip


def departure(declarations: Sequence[Declaration], *, parts: int = 1, at: int = DEFAULT_AT) -> list[Departure]:
    """CEB509 of export declarations of one bill, in so many messages."""
    head, when = declarations[0].head, moment(at // 1000)[0]
    named = _named(
        head, ("customsCode", "logisticsCode", "logisticsName", "trafMode", "trafName", "voyageNo", "billNo")
    )
    return [
        Departure(
            head=DepartureHead(**_part(16, head.billNo, "LJ", n, parts, at), **named, leaveTime=when),
            list=tuple(DepartureLine(gnum=str(g), totalPackageNo="P1", logisticsNo=no) for g, no in chunk),
        )
        for n, chunk in enumerate(_chunks(_waybills(declarations), parts), 1)
    ]


def summary(
    invt_nos: Sequence[str] = (),
    *,
    number: int = 1,
    period: tuple[int, int] | None = None,
    by_owner: bool = False,
    parts: int = 1,
    parties: Parties | None = None,
    at: int = DEFAULT_AT,
) -> list[Summary]:
    """CEB701 for export declarations by their customs numbers, or all closed in a ``period`` (ms, both included)."""
    who = parties or Parties()
    times = (
        {}
        if period is None
        else dict(zip(("startTime", "endTime"), (moment(t // 1000)[0] for t in period), strict=True))
    )
    return [
        Summary(
            head=SummaryHead(
                **_part(17, str(number), "HZ", n, parts, at), customsCode=who.customs, agentCode=who.agent,
                agentName=who.agent_name, ebcCode=who.merchant, ebcName=who.merchant_name, declAgentCode=who.agent,
                declAgentName=who.agent_name, summaryFlag="2" if by_owner else "1", itemNameFlag="1", **times,
            ),
            list=tuple(SummaryLine(invtNo=invt_no) for _, invt_no in chunk),
        )
        for n, chunk in enumerate(_chunks(list(invt_nos), parts), 1)
    ]  # fmt: skip


def _named(head: object, names: Iterable[str]) -> dict[str, Any]:  # Any: texts, for heads of many types
    return {name: getattr(head, name) for name in names}


def _number(text: str | None) -> int:
    """The number a sample's own number was made from."""
    digits = "".join(c for c in text or "" if c.isdigit())
    return int(digits or 0)


def _part(kind: int, of: str | None, letters: str, part: int, parts: int, at: int) -> dict[str, Any]:  # Any: texts
    number = _number(of)
    return {
        "guid": guid(kind, number * 1000 + part), "appType": "1", "appTime": moment(at // 1000)[0], "appStatus": "2",
        "copNo": f"{letters}{number:014d}", "msgCount": str(parts), "msgSeqNo": str(part),
    }  # fmt: skip


def _waybills(declarations: Iterable[Declaration]) -> list[str | None]:
    return [declaration.head.logisticsNo for declaration in declarations]


def _chunks(items: Sequence[_T], parts: int) -> list[list[tuple[int, _T]]]:
    """Items in so many parts, about alike, each numbered from 1 in its part."""
    cuts = [len(items) * n // parts for n in range(parts + 1)]
    return [list(enumerate(items[a:b], 1)) for a, b in pairwise(cuts)]

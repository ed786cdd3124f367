"""What the sandbox customs writes: receipts, tax bills, summary results, in the wire format of the catalogue.

A receipt is made from the catalogue: of each field of its head the common value, else the number customs gives, else
what the upload's head has under the same name. Texts and numbers: CEB specification 202205 and real receipts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from hashlib import blake2b
from typing import Any, cast

import msgspec

from adapters.authorities.customs.facts import Facts, Line
from adapters.authorities.customs.uploads import SUMMARY_RESULT, TAX_BILL, TAX_BILL_STATUS, upload
from hub.domain.kinds import DECLARATION, ORDER, PAYMENT, WAYBILL
from hub.domain.money import SCALE
from schemas import catalog, documents
from schemas.taxes import rates_of, taxes

#: Most receipts in one message.
MOST = 100

SINGLE_LIMIT_REFUSED = "-621005"
FORMAT_REFUSED = "-999999"
#: Beyond this a single piece is taxed in full (Caiguanshui 2018-49); scaled.
SINGLE_LIMIT = 5_000 * SCALE
_PER_FEN = SCALE // 100

_TEXTS = {
    "1": "电子口岸已暂存",
    "3": "发送海关成功",
    "4": "发送海关失败",
    "100": "[Code:1300;Desc:人工退单]",
    "120": "[Code:1800;Desc:逻辑校验通过]",
    "300": "[Code:1200;Desc:待人工审核]",
    "399": "[Code:2300;Desc:审核通过]",
    "500": "[Code:2400;Desc:查验]",
    "800": "[Code:2600;Desc:放行]",
    "899": "[Code:2700;Desc:结关]",
}
_TEXTS_OF_KIND = {("cancellation", "399"): "[Code:2300;Desc:审核通过],撤单申请审核通过,清单已成功撤单"}
_WORDS = {"1": "新增", "2": "变更", "3": "删除"}
_NOUNS = {ORDER: "订单", PAYMENT: "支付单", WAYBILL: "运单"}


class Planned(msgspec.Struct, frozen=True, array_like=True):
    """Something to send: its status, its own time, when to send it, how often still; ``form``: as which message, where
    it is not the receipt of the document's own.
    """

    status: str
    at: int
    due: int
    info: str
    times: int = 1
    form: str = ""


def accepted(facts: Facts, missing: Iterable[str] = ()) -> str:
    """The text of status 2; for a declaration with the documents customs does not have yet."""
    done = f"{upload(facts.type).noun}{_WORDS.get(facts.app_type, '新增')}申报成功"
    if facts.kind != DECLARATION:
        return f"{done}[{facts.guid}]"
    head = facts.head
    words = f"{done}[电商企业编码：{head.get('ebcCode', '')}订单编号：{head.get('orderNo', '')}]"
    where = f"对应电商平台为[{head.get('ebpCode', '')}]订单号为[{head.get('orderNo', '')}]"
    return "; ".join([words, *(f"{where}{_NOUNS[kind]}信息不存在" for kind in missing)])


def usual(kind: str, status: str) -> str:
    """The text a status usually comes with."""
    return _TEXTS_OF_KIND.get((kind, status)) or _TEXTS.get(status, f"状态{status}")


def refused(facts: Facts, words: str) -> str:
    """The text of a negative status: names the document by merchant and order, or its own number."""
    head = facts.head
    if facts.kind in (ORDER, DECLARATION):
        name = f"[电商企业编码：{head.get('ebcCode', '')},订单编号：{head.get('orderNo', '')}]"
    else:
        name = f"[{facts.key.partition('/')[2]}]"
    return f"{upload(facts.type).noun}{name}{words}"


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    return (datetime.fromtimestamp(seconds, UTC) + timedelta(hours=8)).strftime("%Y%m%d%H%M%S")


def return_time(at: int) -> str:
    """A moment (ms) as ``yyyyMMddHHmmssSSS`` of China."""
    return f"{_second(at // 1000)}{at % 1000:03d}"


def guid(*parts: str) -> str:
    """A number of 36 characters that is the same for the same parts."""
    digits = blake2b("\0".join(parts).encode(), digest_size=16).hexdigest().upper()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


# ---- numbers customs gives: they follow from the running number of the row, so nothing has to be kept


def pre_number(letter: str, number: int, at: int) -> str:
    """The E-port's number: letter, day, nine digits."""
    return f"{letter}{_second(at // 1000)[:8]}{number % 1_000_000_000:09d}"


def customs_number(letter: str, number: int, at: int, office: str) -> str:
    """A number of customs: office, year, letter (I and E of declarations), nine digits."""
    return f"{office[:4]:0>4}{_second(at // 1000)[:4]}{letter}{number % 1_000_000_000:09d}"


def inventory_number(facts: Facts, number: int, arrived: int) -> str:
    """Customs' number of a declaration."""
    return customs_number("E" if facts.export else "I", number, arrived, facts.head.get("customsCode", ""))


def row_number(inventory: str) -> int:
    """The running number in a customs number, -1 where it is none."""
    tail = inventory[9:]
    return int(tail) if len(inventory) == 18 and tail.isascii() and tail.isdigit() else -1


def _own_number(facts: Facts, number: int, arrived: int, status: str) -> str | None:
    if facts.kind == "declaration":
        return inventory_number(facts, number, arrived) if numbered(status) else None
    return facts.head.get("invtNo")


def _entry_number(facts: Facts, number: int, arrived: int, status: str) -> str | None:
    return customs_number("R", number, arrived, facts.head.get("customsCode", "")) if numbered(status) else None


_NUMBERS: dict[str, Callable[[Facts, int, int, str], str | None]] = {
    "preNo": lambda facts, number, arrived, _: pre_number(upload(facts.type).letter, number, arrived),
    "invtNo": _own_number,
    "rkdNo": _entry_number,
}


@lru_cache(maxsize=64)
def numbered(status: str) -> bool:
    """Whether customs itself speaks: from 120 on a declaration has its number."""
    return status.isdigit() and int(status) >= 120


# ---- receipts


class _Maker:
    """How the receipts of one message are made."""

    __slots__ = ("copied", "document", "fitted", "head", "needed", "numbers")

    def __init__(self, mt: catalog.MessageType) -> None:
        self.document: Callable[..., Any] = documents.STRUCTS[mt.struct]  # Any: the receipt's struct
        self.head: Callable[..., Any] = documents.STRUCTS[mt.head.struct]  # Any: its head's
        names = [f.name for f in mt.fields if f.name not in ("guid", "returnStatus", "returnTime", "returnInfo")]
        self.copied = [name for name in names if name not in _NUMBERS]
        self.numbers = [(name, _NUMBERS[name]) for name in names if name in _NUMBERS]
        # a receipt's schema demands what the upload's may leave out or leave empty
        given = {f.name for f in catalog.message(mt.receipt_of).fields if f.required and f.min} if mt.receipt_of else ()
        sure = {"preNo", *given}
        self.fitted = _narrower(mt)
        self.needed = [(f.name, f.min) for f in mt.fields if f.required and f.name in names and f.name not in sure]


def _narrower(mt: catalog.MessageType) -> list[tuple[str, int, int]]:
    """(name, shortest, longest) of what a receipt may leave out and takes less of than the upload: a wrong number."""
    wide = {f.name: f for f in catalog.message(mt.receipt_of).fields} if mt.receipt_of else {}
    return [
        (f.name, f.min, f.max or 0)
        for f in mt.fields
        if not f.required and f.name in wide and (f.min > wide[f.name].min or (f.max or 0) < (wide[f.name].max or 0))
    ]


@cache
def answer(type_: str) -> str:
    """The message that answers documents of a message; CEB900 is its own."""
    return catalog.message(type_).receipt or type_


@cache
def _maker(type_: str) -> _Maker:
    """How documents of an upload message are answered."""
    return _Maker(catalog.message(answer(type_)))


def form_of(facts: Facts, planned: Planned) -> str:
    """The message as which something is sent."""
    return planned.form or answer(facts.type)


def receivers_of(facts: Facts, planned: Planned) -> tuple[str, ...]:
    """Who gets it: receipts the transporter and the subscribers, what else follows a declaration its transporter."""
    return facts.receivers[:1] if planned.form else facts.receivers


def document(facts: Facts, planned: Planned, number: int, arrived: int) -> documents.Document:
    """One receipt as a canonical document; ``number`` is the document's running number, ``arrived`` its arrival."""
    if planned.form:
        return _FORMS[planned.form](facts, planned, number, arrived)
    status = planned.status
    own = facts.guid if status == "2" and facts.guid else guid(facts.key, status, str(planned.at))
    maker, given = _maker(facts.type), facts.head.get
    values = {name: given(name) for name in maker.copied}
    for name, numbered_by in maker.numbers:
        values[name] = numbered_by(facts, number, arrived, status)
    for name, shortest in maker.needed:
        if not values[name]:
            values[name] = own[:20] if shortest else ""
    for name, shortest, longest in maker.fitted:
        if (text := values[name]) and not shortest <= len(text) <= longest:
            values[name] = None
    values["guid"] = own
    values["returnStatus"] = status
    values["returnTime"] = return_time(planned.at)
    values["returnInfo"] = planned.info[:1000] or usual(facts.kind, status)
    return cast("documents.Document", maker.document(head=maker.head(**values)))


def message(type_: str, receipts: list[documents.Document], number: str) -> bytes:
    """The message with documents of one type, unsigned as customs sends it; ``number`` is its guid."""
    return catalog.render(catalog.message(type_), receipts, guid=number)


# ---- tax bills


def tax_number(facts: Facts, number: int, arrived: int) -> tuple[str, str]:
    """(customs number, number of the tax bill) of a declaration's first bill, or of the one that replaces it."""
    inventory = facts.head.get("invtNo") or inventory_number(facts, number, arrived)
    return inventory, facts.head.get("taxNo") or f"{inventory}_0"


def _tax_bill(facts: Facts, planned: Planned, number: int, arrived: int) -> documents.Document:
    inventory, bill = tax_number(facts, number, arrived)
    lines = [
        _taxed(line, code, extra, facts)
        for line, code, extra in zip(facts.lines, facts.codes, _spread(facts), strict=True)
    ]
    named = {
        name: facts.head.get(name) for name in ("assureCode", "ebcCode", "logisticsCode", "agentCode", "customsCode")
    }
    head = documents.TaxBillHead(
        guid=guid(bill, planned.status, str(planned.at)),
        returnTime=return_time(planned.at),
        invtNo=inventory,
        taxNo=bill,
        customsTax="0",
        valueAddedTax=_yuan(sum(vat for _, vat, _ in lines)),
        consumptionTax=_yuan(sum(consumption for _, _, consumption in lines)),
        status=planned.status,
        **named,
    )
    return documents.TaxBill(head=head, list=tuple(line for line, _, _ in lines))


def _spread(facts: Facts) -> list[int]:
    """Freight and insurance by line, in proportion to its value; the last takes the rest."""
    goods = sum(line.total for line in facts.lines)
    extra = facts.value - goods
    shares = [extra * line.total // goods // _PER_FEN * _PER_FEN if goods else 0 for line in facts.lines]
    return [*shares[:-1], extra - sum(shares[:-1])] if shares else []


def _taxed(line: Line, code: str, extra: int, facts: Facts) -> tuple[documents.TaxBillLine, int, int]:
    value = max(line.total + extra, 0)
    share = 100 if facts.value > SINGLE_LIMIT else 70
    vat, consumption = taxes(value, rates_of(code), unit=_PER_FEN, share=share)
    made = documents.TaxBillLine(
        gnum=line.number, gcode=code, taxPrice=_yuan(value // _PER_FEN), customsTax="0", valueAddedTax=_yuan(vat),
        consumptionTax=_yuan(consumption),
    )  # fmt: skip
    return made, vat, consumption


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def _tax_bill_status(facts: Facts, planned: Planned, number: int, arrived: int) -> documents.Document:
    inventory, bill = tax_number(facts, number, arrived)
    summarised = planned.status == "2"
    head = documents.TaxBillStatusHead(
        guid=guid(bill, planned.status, str(planned.at)),
        returnTime=return_time(planned.at),
        invtNo=inventory,
        taxNo=bill,
        status=planned.status,
        # one payment book an office and day
        entDutyNo=f"{_second(planned.at // 1000)[:8]}{facts.head.get('customsCode', ''):0>4}01" if summarised else None,
        assureCode=facts.head.get("assureCode"),
    )
    return documents.TaxBillStatus(head=head)


# ---- results of a summary


def summary_line(inventory: str, waybill: str, entry_line: int, line: str, code: str) -> str:
    """A line of a summary's result as it is kept among the members."""
    return "\t".join((inventory, waybill, str(entry_line), line, code))


def _summary_result(facts: Facts, planned: Planned, number: int, arrived: int) -> documents.Document:
    office = facts.head.get("customsCode", "")
    head = documents.SummaryResultHead(
        **facts.head,
        guid=guid(facts.key, str(planned.at)),
        opDate=return_time(planned.at),
        declSeqNo=customs_number("D", number, arrived, office),
        entryId=customs_number("0", number, arrived, office),  # the ninth digit of an entry: 0 export, 1 import
        decState=planned.status,
        msgCount="1",
        msgSeqNo="1",
    )
    lines = (documents.SummaryResultLine(*member.split("\t")) for member in facts.members)
    return documents.SummaryResult(head=head, list=tuple(lines))


_FORMS: dict[str, Callable[[Facts, Planned, int, int], documents.Document]] = {
    TAX_BILL: _tax_bill,
    TAX_BILL_STATUS: _tax_bill_status,
    SUMMARY_RESULT: _summary_result,
}


def by_form(facts: Facts, due: list[Planned]) -> list[Planned]:
    """Of what is due of one row, what goes into the message of the first."""
    first = form_of(facts, due[0])
    return [planned for planned in due if form_of(facts, planned) == first]

"""Receipts of the sandbox customs: their texts, heads and messages, in the wire format of the catalogue."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import msgspec

from adapters.authorities.customs.facts import MESSAGE, Facts
from hub.domain.kinds import DECLARATION, ORDER, PAYMENT, WAYBILL
from schemas import catalog, documents

#: Kind of document → the receipt that answers it.
ANSWERS = {ORDER: "CEB312", PAYMENT: "CEB412", WAYBILL: "CEB512", DECLARATION: "CEB622", MESSAGE: "CEB900"}
#: Most receipts in one message.
MOST = 100

#: Kind → (unchanged existing, nothing there to change, state does not allow it, older than what is there, parameters).
REFUSALS = {
    ORDER: ("-301010", "-301009", "-301011", "-301014", "-301008"),
    PAYMENT: ("-401007", "-401006", "-401008", "-401012", "-401009"),
    WAYBILL: ("-504015", "-504014", "-504016", "-504015", "-504011"),
    DECLARATION: ("-621004", "-621011", "-621012", "-621004", "-621001"),
}
EXISTS, MISSING, STATE, OLD, PARAMETER = range(5)
SIGNATURE_REFUSED, SINGLE_LIMIT_REFUSED = "-621029", "-621005"
FORMAT_REFUSED = "-999999"

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
_WORDS = {"1": "新增", "2": "变更", "3": "删除"}
_NOUNS = {ORDER: "订单", PAYMENT: "支付单", WAYBILL: "运单", DECLARATION: "清单"}


class Planned(msgspec.Struct, frozen=True, array_like=True):
    """A receipt to send: its own time, when to send it, and how often still."""

    status: str
    at: int
    due: int
    info: str
    times: int = 1


def accepted(facts: Facts, missing: Iterable[str] = ()) -> str:
    """The text of status 2; for a declaration with the documents customs does not have yet."""
    done = f"{_NOUNS[facts.kind]}{_WORDS.get(facts.app_type, '新增')}申报成功"
    if facts.kind != DECLARATION:
        return f"{done}[{facts.guid}]"
    head = facts.head
    words = f"{done}[电商企业编码：{head.get('ebcCode', '')}订单编号：{head.get('orderNo', '')}]"
    where = f"对应电商平台为[{head.get('ebpCode', '')}]订单号为[{head.get('orderNo', '')}]"
    return "; ".join([words, *(f"{where}{_NOUNS[kind]}信息不存在" for kind in missing)])


def usual(status: str) -> str:
    """The text a status usually comes with."""
    return _TEXTS.get(status, f"状态{status}")


def refused(facts: Facts, words: str) -> str:
    """The text of a negative status: names the document by merchant and order, or its own number."""
    head = facts.head
    if facts.kind in (ORDER, DECLARATION):
        name = f"[电商企业编码：{head.get('ebcCode', '')},订单编号：{head.get('orderNo', '')}]"
    else:
        name = f"[{facts.key.partition('/')[2]}]"
    return f"{_NOUNS[facts.kind]}{name}{words}"


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


def pre_number(number: int, at: int) -> str:
    """The E-port's number of the declaration with this running number."""
    return f"B{_second(at // 1000)[:8]}{number % 1_000_000_000:09d}"


def inventory_number(number: int, at: int, office: str) -> str:
    """Customs' number of the declaration with this running number."""
    return f"{office:0>4}{_second(at // 1000)[:4]}I{number % 1_000_000_000:09d}"


#: Statuses that customs itself gives: from 120 on the declaration has its number.
_NUMBERED = frozenset({"120", "300", "399", "500", "501", "502", "503", "599", "600", "700", "800", "899"})


def document(facts: Facts, planned: Planned, number: int, arrived: int) -> documents.Document:
    """One receipt as a canonical document; ``number`` is the document's running number, ``arrived`` its arrival."""
    own = facts.guid if planned.status == "2" and facts.guid else guid(facts.key, planned.status, str(planned.at))
    common = {
        "guid": own,
        "returnStatus": planned.status,
        "returnTime": return_time(planned.at),
        "returnInfo": planned.info[:1000] or usual(planned.status),
    }
    made: documents.Document = _MAKERS[facts.kind](facts.head, common, number, arrived)
    return made


def _order(head: dict[str, str], common: dict[str, str], number: int, arrived: int) -> documents.Document:
    del number, arrived
    named = {name: head.get(name) for name in ("ebpCode", "ebcCode", "orderNo")}
    return documents.OrderReceipt(head=documents.OrderReceiptHead(**named, **common))


def _payment(head: dict[str, str], common: dict[str, str], number: int, arrived: int) -> documents.Document:
    del number, arrived
    named = {name: head.get(name) for name in ("payCode", "payTransactionId")}
    return documents.PaymentReceipt(head=documents.PaymentReceiptHead(**named, **common))


def _waybill(head: dict[str, str], common: dict[str, str], number: int, arrived: int) -> documents.Document:
    del number, arrived
    named = {name: head.get(name) for name in ("logisticsCode", "logisticsNo")}
    return documents.WaybillReceipt(head=documents.WaybillReceiptHead(**named, **common))


def _declaration(head: dict[str, str], common: dict[str, str], number: int, arrived: int) -> documents.Document:
    named = {name: head.get(name) for name in ("customsCode", "ebpCode", "ebcCode", "agentCode")}
    invt = inventory_number(number, arrived, head.get("customsCode", ""))
    return documents.DeclarationReceipt(
        head=documents.DeclarationReceiptHead(
            **named,
            copNo=head.get("copNo") or common["guid"][:20],  # the schema of the receipt demands one
            preNo=pre_number(number, arrived),
            invtNo=invt if common["returnStatus"] in _NUMBERED else None,
            **common,
        )
    )


def _message(head: dict[str, str], common: dict[str, str], number: int, arrived: int) -> documents.Document:
    del number, arrived
    return documents.FormatReceipt(head=documents.FormatReceiptHead(**common, **head))


_MAKERS: dict[str, Any] = {  # Any: functions of one signature, called in one place
    ORDER: _order,
    PAYMENT: _payment,
    WAYBILL: _waybill,
    DECLARATION: _declaration,
    MESSAGE: _message,
}


def message(kind: str, receipts: list[documents.Document], number: str) -> bytes:
    """The receipt message for documents of one kind, unsigned as customs sends it; ``number`` is its guid."""
    return catalog.render(catalog.message(ANSWERS[kind]), receipts, guid=number)

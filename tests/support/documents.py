"""Made-up documents that belong together, and the submissions the door would make of them.

Nobody here exists: identity numbers have the reserved district 990000.
"""

from __future__ import annotations

from hashlib import blake2b
from itertools import count
from typing import Any

import msgspec

from hub import codec
from hub.domain.events import Submission, SubmittedDocument
from hub.domain.kinds import DECLARATION, ORDER, PAYMENT, RECEIPT, WAYBILL
from hub.domain.money import amount
from hub.domain.views import Viewer
from schemas import documents as ceb
from schemas.catalog import business_key
from tests.support.stage_harness import NOON, digest

PLATFORM, MERCHANT, PAYER, CARRIER, AGENT = "3301000001", "3301000002", "3301000003", "3301000004", "3301000005"
BUYER_ID = "990000199001010019"
MESSAGES = {ORDER: "CEB311", PAYMENT: "CEB411", WAYBILL: "CEB511", DECLARATION: "CEB621"}
_ids = count(1)
_viewer = Viewer(digest)


def identity(seed: int) -> str:
    """A made-up resident ID number with the right check digit."""
    first = f"990000{1960 + seed % 40}0101{seed % 1000:03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return first + "10X98765432"[sum(int(d) * w for d, w in zip(first, weights, strict=True)) % 11]


def four(no: str = "NO1", *, price: str = "100", tax: str = "9.1", buyer: int = 1, **changes: Any) -> dict[str, Any]:
    """Order, payment, waybill and declaration of one made-up sale; ``changes`` as ``order_buyerName=…``."""
    time, name, id_, phone = "20260601120000", f"买家{buyer}", identity(buyer), "13900000000"
    paid = codec_text(amount(price) + amount(tax))
    line = {"gnum": "1", "unit": "011", "qty": "1", "price": price, "totalPrice": price, "country": "116"}
    heads: dict[str, dict[str, str]] = {
        ORDER: {
            "orderNo": no, "ebpCode": PLATFORM, "ebcCode": MERCHANT, "goodsValue": price, "freight": "0",
            "discount": "0", "taxTotal": tax, "acturalPaid": paid, "currency": "142", "buyerName": name,
            "buyerIdType": "1", "buyerIdNumber": id_, "buyerTelephone": phone, "payCode": PAYER,
            "payTransactionId": f"T{no}", "consignee": name, "consigneeTelephone": phone,
            "consigneeAddress": "某市某路1号", "orderType": "I",
        },
        PAYMENT: {
            "payCode": PAYER, "payTransactionId": f"T{no}", "orderNo": no, "ebpCode": PLATFORM, "payerIdType": "1",
            "payerIdNumber": id_, "payerName": name, "amountPaid": paid, "currency": "142",
        },
        WAYBILL: {
            "logisticsCode": CARRIER, "logisticsNo": f"W{no}", "orderNo": no, "weight": "1", "consignee": name,
            "consigneeAddress": "某市某路1号", "consigneeTelephone": phone,
        },
        DECLARATION: {
            "orderNo": no, "ebpCode": PLATFORM, "ebcCode": MERCHANT, "logisticsNo": f"W{no}",
            "logisticsCode": CARRIER, "copNo": f"C{no}", "agentCode": AGENT, "customsCode": "2900",
            "tradeMode": "9610", "buyerIdType": "1", "buyerIdNumber": id_, "buyerName": name,
            "buyerTelephone": phone, "consigneeAddress": "某市某路1号", "freight": "0", "insuredFee": "0",
        },
    }  # fmt: skip
    for kind, head in heads.items():
        head |= {"guid": f"{kind[:4]}-{no}", "appType": "1", "appTime": time, "appStatus": "2"}
        head |= {
            name.partition("_")[2]: value
            for name, value in changes.items()
            if name.startswith(f"{kind}_") and not name.endswith("_lines")
        }
    ordered = ceb.OrderLine(itemName="奶粉", gmodel="900g", **line)
    declared = ceb.DeclarationLine(gname="奶粉", gmodel="900g", gcode="1901101000", **line)
    return {
        ORDER: ceb.Order(head=ceb.OrderHead(**heads[ORDER]), list=changes.get("order_lines", (ordered,))),
        PAYMENT: ceb.Payment(head=ceb.PaymentHead(**heads[PAYMENT])),
        WAYBILL: ceb.Waybill(head=ceb.WaybillHead(**heads[WAYBILL])),
        DECLARATION: ceb.Declaration(
            head=ceb.DeclarationHead(**heads[DECLARATION]), list=changes.get("declaration_lines", (declared,))
        ),
    }


def codec_text(value: int) -> str:
    """The decimal of an amount."""
    from hub.domain.money import text

    return text(value)


def with_head(document: Any, **fields: str) -> Any:
    """A document with other fields in its head."""
    return msgspec.structs.replace(document, head=msgspec.structs.replace(document.head, **fields))


def kind_of(document: Any) -> str:
    """The kind of a canonical document."""
    return {"Order": ORDER, "Payment": PAYMENT, "Waybill": WAYBILL, "Declaration": DECLARATION}[type(document).__name__]


def key_of(document: Any) -> str:
    """The register key of a canonical document."""
    kind = kind_of(document)
    return f"{kind}/{business_key(document)}"


def submitted(document: Any, index: int = 0) -> SubmittedDocument:
    """What the door hands on."""
    kind, head = kind_of(document), document.head
    platform = "" if kind == WAYBILL else head.ebpCode
    value = 0
    if kind == DECLARATION:
        value = sum(amount(line.totalPrice) for line in document.list) + amount(head.freight) + amount(head.insuredFee)
    return SubmittedDocument(
        index=index,
        kind=kind,
        key=business_key(document),
        view=msgspec.Raw(codec.pack(getattr(_viewer, kind)(document))),
        content=blake2b(codec.pack(document), digest_size=12).digest(),
        guid=head.guid,
        app_type=head.appType,
        app_time=head.appTime,
        app_status=head.appStatus,
        order=(platform, head.orderNo),
        buyer=digest(head.buyerIdNumber) if kind == DECLARATION else "",
        value=value,
    )


def submission(*documents: Any, principal: str = "someone", at: int = NOON, id_: str = "") -> Submission:
    """One message of documents of one kind."""
    kind = kind_of(documents[0])
    return Submission(
        id=id_ or f"s{next(_ids)}",
        principal=principal,
        sender="DXPTEST000000001",
        received_at=at,
        message=MESSAGES[kind],
        guid="",
        edition="202205",
        documents=tuple(submitted(document, index) for index, document in enumerate(documents)),
        dxp_id="DXPTEST000000001",
    )


def receipt_for(document: Any, code: str, time: str, *, info: str = "", **numbers: str) -> Submission:
    """A receipt of customs about a document, as a submission of the principal ``customs``."""
    kind, head = kind_of(document), document.head
    common = {"returnStatus": code, "returnTime": time, "returnInfo": info, "guid": head.guid}
    body: Any
    if kind == ORDER:
        names = {"ebpCode": head.ebpCode, "ebcCode": head.ebcCode, "orderNo": head.orderNo}
        body, message = ceb.OrderReceipt(head=ceb.OrderReceiptHead(**common, **names)), "CEB312"
    elif kind == PAYMENT:
        names = {"payCode": head.payCode, "payTransactionId": head.payTransactionId}
        body, message = ceb.PaymentReceipt(head=ceb.PaymentReceiptHead(**common, **names)), "CEB412"
    elif kind == WAYBILL:
        names = {"logisticsCode": head.logisticsCode, "logisticsNo": head.logisticsNo}
        body, message = ceb.WaybillReceipt(head=ceb.WaybillReceiptHead(**common, **names)), "CEB512"
    else:
        names = {"agentCode": head.agentCode, "copNo": head.copNo} | numbers
        body, message = ceb.DeclarationReceipt(head=ceb.DeclarationReceiptHead(**common, **names)), "CEB622"
    return receipts(message, body)


def receipts(message: str, *bodies: Any, at: int = NOON) -> Submission:
    """A receipt message of customs."""
    return Submission(
        id=f"r{next(_ids)}",
        principal="customs",
        sender="customs",
        received_at=at,
        message=message,
        guid="",
        edition="202205",
        documents=tuple(
            SubmittedDocument(index=index, kind=RECEIPT, key="", view=msgspec.Raw(codec.pack(body)))
            for index, body in enumerate(bodies)
        ),
        authority="customs",
    )

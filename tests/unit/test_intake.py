"""What the door says about a message: what it understood, and each fault by its code, path and line."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters import signature
from adapters.certificates import fingerprint
from adapters.dialects.dxp import Envelope, Node, write
from adapters.intake import Judge, Judged, Postponed, judge_schema
from adapters.xml import parse
from hub import codec
from hub.domain.access import Access, Principal
from hub.domain.faults import Refused, kind_of
from hub.domain.keys import china_day
from hub.domain.orders import Orders
from hub.domain.reference import Reference, ReferenceRecord
from hub.domain.views import Viewer
from schemas import catalog
from schemas import documents as ceb
from tests.support.intake import (
    CODES,
    CUSTOMS,
    DXP_IDS,
    JSON,
    MESSAGES,
    PRINCIPALS,
    XML,
    a_judge,
    a_twin,
    codes,
    digest,
    documents,
    enveloped,
    judged,
    message,
    refused,
    rendered,
)
from tests.support.signing import NOW, a_signer, an_sm2_signer

KINDS = tuple(MESSAGES)
_viewer = Viewer(partial(digest, "match"))


# ---- what is taken


@pytest.mark.parametrize("kind", KINDS)
def test_a_sound_message_is_understood(kind: str) -> None:
    made = documents(kind, 3)
    found = judged(message(kind, made), kind)
    assert (found.message, found.edition, found.sender) == (MESSAGES[kind], "202205", DXP_IDS[kind])
    assert [d.faults for d in found.documents] == [()] * 3
    assert [d.key for d in found.documents] == [catalog.business_key(d) for d in made]
    assert [bytes(d.view) for d in found.documents] == [codec.pack(getattr(_viewer, kind)(document)) for document in made]
    assert len({d.content for d in found.documents}) == 3
    assert [d.order[1] for d in found.documents] == [d.head.orderNo for d in made]
    assert found.messages == ()


def test_a_declaration_has_its_buyer_and_what_is_dutiable() -> None:
    document = documents("declaration", freight="1.5", insuredFee="0.5")[0]
    (found,) = judged(message("declaration", [document]), "declaration").documents
    goods = sum(round(float(line.totalPrice) * 100_000) for line in document.list)
    assert found.value == goods + 200_000
    assert found.buyer == judged(message("order")).documents[0].buyer != ""


def test_a_hundred_documents_with_three_wrong_in_meaning_are_taken_and_three_flagged() -> None:
    made = documents("order", 100)
    for index in (3, 50, 99):
        head = msgspec.structs.replace(made[index].head, acturalPaid="0.01")
        made[index] = msgspec.structs.replace(made[index], head=head)
    found = judged(message("order", made)).documents
    assert [d.index for d in found if d.faults] == [3, 50, 99]
    fault = found[50].faults[0]
    assert (fault.code, fault.path, fault.document) == (
        "meaning.paid_total", "/CEB311Message/Order[51]/OrderHead/acturalPaid", 50,
    )  # fmt: skip


def test_a_fault_of_meaning_names_the_line_it_stands_in() -> None:
    lined = rendered("order", documents("order", 2, bad=1, acturalPaid="0.01")).replace(b"><ceb:", b">\n<ceb:")
    wanted = lined[: lined.index(b"<ceb:acturalPaid>0.01<")].count(b"\n") + 1
    found = judged(signature.sign(lined, a_signer()))
    assert found.documents[1].faults[0].line == wanted


def test_two_documents_of_one_key_in_one_message_flag_the_second() -> None:
    found = judged(message("order", documents("order", 1) * 2)).documents
    assert [codes(d.faults) for d in found] == [[], ["duplicate.same_message"]]


def test_what_only_the_older_edition_allows_is_taken_by_that_edition() -> None:
    made = documents("declaration", list__0__itemNo="N" * 25)
    assert judged(message("declaration", made), "declaration").edition == "2018"


def test_a_message_in_an_envelope_travels_on_as_its_own_bytes() -> None:
    content = message("order")
    found = judged(enveloped(content, DXP_IDS["order"], "CEB311Message"))
    assert (found.messages, found.copmsg_id) == ((content,), "ID-1")


def routed(content: bytes, sender: str, type_: str = "CEB311Message") -> bytes:
    """In a DxpMsg in a DxpMsgSv, as a node of the exchange platform hands it on."""
    node = Node("00000002202606011200000000000001", "00000002", "46000002", NOW)
    return write(Envelope("ID-1", sender, ("DXPEDCCEB0000002",), type_, content, NOW, node))


def test_a_message_of_a_transport_node_is_taken_like_that_of_a_terminal() -> None:
    content = message("order")
    found = judged(routed(content, DXP_IDS["order"]))
    assert (found.messages, found.copmsg_id) == ((content,), "ID-1")
    error = refused(routed(content, "DXPENT0000999999"))
    assert [(f.code, f.path) for f in error.faults] == [
        ("access.envelope_sender", "/DxpMsgSv/DxpMsg/TransInfo/SenderId")
    ]  # fmt: skip


def test_signatures_of_envelopes_are_checked_on_each_layer() -> None:
    for sound in (enveloped(message("order"), DXP_IDS["order"], "CEB311Message"), routed(message("order"), DXP_IDS["order"])):
        signed = signature.sign(sound, a_signer())
        assert judged(signed).messages
        assert codes(refused(signed.replace(b">ID-1<", b">ID-2<")).faults) == ["signature.digest"]
        assert codes(refused(signature.sign(sound, a_signer(which=1))).faults) == ["signature.untrusted"]
    inner = signature.sign(enveloped(message("order"), DXP_IDS["order"], "CEB311Message"), a_signer())
    outer = routed(message("order"), DXP_IDS["order"]).decode()
    whole = outer[: outer.index("<DxpMsg ")] + inner.decode().partition("?>\n")[2] + "</DxpMsgSv>"
    assert judged(whole.encode()).messages
    assert codes(refused(whole.replace(">ID-1<", ">ID-2<").encode()).faults) == ["signature.digest"]


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("<EndNode>46000002</EndNode>", "", "/DxpMsgSv/SvNo/StaNode"),
        ("<StaNode>00000002</StaNode>", "<StaNode>000000021</StaNode>", "/DxpMsgSv/SvNo/StaNode"),
        ("</Data>", "</Data><Data>QQ==</Data>", "/DxpMsgSv/DxpMsg/Data"),
        ("</DxpMsg>", "</DxpMsg><DxpMsg/>", "/DxpMsgSv/DxpMsg"),
        ('<DxpMsg ver="1.0">', '<DxpMsg ver="2">', "/DxpMsgSv/DxpMsg/@ver"),
        ("<ReceiverIds>", "<ReceiverIds>" + "<ReceiverId>A</ReceiverId>" * 5, "/DxpMsgSv/DxpMsg/TransInfo/ReceiverIds/ReceiverId"),
    ],
)  # fmt: skip
def test_an_envelope_that_is_wrong_in_form_is_refused_at_its_place(old: str, new: str, path: str) -> None:
    sound = routed(message("order"), DXP_IDS["order"]).decode()
    assert old in sound
    error = refused(sound.replace(old, new, 1).encode())
    assert (error.status, [(f.code, f.path, f.line > 0) for f in error.faults]) == (400, [("schema.envelope", path, True)])
    assert error.faults[0].message_zh


def test_an_envelope_in_an_envelope_is_no_message() -> None:
    twice = enveloped(enveloped(message("order"), DXP_IDS["order"], ""), DXP_IDS["order"], "")
    assert codes(refused(twice).faults) == ["schema.unknown_message"]


def test_an_odd_signature_is_noted_and_flags_nothing() -> None:
    signed = message("order")
    serial = signed[signed.index(b"<ds:KeyName>") : signed.index(b"</ds:KeyName>")]
    found = judged(signed.replace(serial, b"<ds:KeyName>0001"))
    assert codes(found.notes) == ["signature.key_name"]
    assert found.documents[0].faults == ()


def test_unsigned_messages_are_taken_where_only_the_schema_decides() -> None:
    assert judged(rendered("order", documents("order")), signatures="by-schema").documents[0].faults == ()
    assert codes(refused(rendered("order", documents("order"))).faults) == ["signature.missing"]
    unsigned = rendered("declaration", documents("declaration"))
    assert "schema.missing" in codes(refused(unsigned, "declaration", signatures="by-schema").faults)


def test_an_explanation_may_be_put_off() -> None:
    spoilt = message("order", documents("order", orderNo=""))
    with pytest.raises(Postponed):
        a_judge()(spoilt, XML, PRINCIPALS["order"], NOW, quick=True)
    assert a_judge()(message("order"), XML, PRINCIPALS["order"], NOW, quick=True).documents


# ---- meaning and identity: what flags


MEANING: list[tuple[str, dict[str, str | None], str, str]] = [
    ("order", {"appTime": "20260231120000"}, "meaning.date", "OrderHead/appTime"),
    ("order", {"appTime": "20260228246000"}, "meaning.date", "OrderHead/appTime"),
    ("order", {"appTime": "20991231000000"}, "meaning.future", "OrderHead/appTime"),
    ("order", {"appType": "9"}, "meaning.code", "OrderHead/appType"),
    ("order", {"appStatus": "7"}, "meaning.code", "OrderHead/appStatus"),
    ("order", {"orderType": "E"}, "meaning.fixed", "OrderHead/orderType"),
    ("order", {"buyerIdType": "2"}, "meaning.fixed", "OrderHead/buyerIdType"),
    ("order", {"buyerIdNumber": "990000196001010001"}, "identity.resident_id_check", "OrderHead/buyerIdNumber"),
    ("order", {"buyerIdNumber": "99000019600231001X"}, "identity.resident_id_date", "OrderHead/buyerIdNumber"),
    ("order", {"buyerIdNumber": "12345"}, "identity.resident_id_form", "OrderHead/buyerIdNumber"),
    ("order", {"payCode": "不是代码"}, "identity.company_code", "OrderHead/payCode"),
    ("order", {"payCode": "91330100MA27XYZ123"}, "identity.credit_code_form", "OrderHead/payCode"),
    ("order", {"payCode": "91990000000000010A"}, "identity.credit_code_check", "OrderHead/payCode"),
    ("order", {"acturalPaid": "0.01"}, "meaning.paid_total", "OrderHead/acturalPaid"),
    ("order", {"freight": "-1"}, "meaning.negative", "OrderHead/freight"),
    ("order", {"list__0__totalPrice": "1"}, "meaning.line_total", "OrderList[1]/totalPrice"),
    ("order", {"list__0__qty": "-1"}, "meaning.not_positive", "OrderList[1]/qty"),
    ("order", {"list__0__price": "-1"}, "meaning.negative", "OrderList[1]/price"),
    ("order", {"list__0__gnum": "2"}, "meaning.line_number", "OrderList[1]/gnum"),
    ("payment", {"payTime": "00000000000000"}, "meaning.date", "PaymentHead/payTime"),
    ("payment", {"payerIdType": "2"}, "meaning.fixed", "PaymentHead/payerIdType"),
    ("payment", {"amountPaid": "0"}, "meaning.not_positive", "PaymentHead/amountPaid"),
    ("waybill", {"packNo": "2"}, "meaning.fixed", "LogisticsHead/packNo"),
    ("waybill", {"weight": "0"}, "meaning.not_positive", "LogisticsHead/weight"),
    ("waybill", {"freight": "-0.1"}, "meaning.negative", "LogisticsHead/freight"),
    ("declaration", {"declTime": "20261301"}, "meaning.date", "InventoryHead/declTime"),
    ("declaration", {"ieDate": "20260230"}, "meaning.date", "InventoryHead/ieDate"),
    ("declaration", {"ieFlag": "E"}, "meaning.fixed", "InventoryHead/ieFlag"),
    ("declaration", {"packNo": "3"}, "meaning.fixed", "InventoryHead/packNo"),
    ("declaration", {"tradeMode": "9710"}, "meaning.code", "InventoryHead/tradeMode"),
    ("declaration", {"billNo": None}, "meaning.needed", "InventoryHead/billNo"),
    ("declaration", {"tradeMode": "1210"}, "meaning.needed", "InventoryHead/emsNo"),
    ("declaration", {"tradeMode": "1210"}, "meaning.not_used", "InventoryHead/trafNo"),
    ("declaration", {"tradeMode": "1239"}, "meaning.fixed", "InventoryHead/country"),
    ("declaration", {"tradeMode": "1210"}, "meaning.needed", "InventoryList[1]/itemRecordNo"),
    ("declaration", {"netWeight": "99"}, "meaning.weight", "InventoryHead/netWeight"),
    ("declaration", {"grossWeight": "0", "netWeight": "-1"}, "meaning.not_positive", "InventoryHead/grossWeight"),
    ("declaration", {"list__0__qty1": "0"}, "meaning.not_positive", "InventoryList[1]/qty1"),
    ("declaration", {"list__0__unit1": "122", "list__0__unit": "122"}, "meaning.unit_quantity", "InventoryList[1]/qty1"),
    ("declaration", {"list__0__qty2": "1"}, "meaning.second_unit", "InventoryList[1]/qty2"),
    ("declaration", {"list__0__unit2": "035"}, "meaning.second_unit", "InventoryList[1]/qty2"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "changes", "code", "path"), MEANING)
def test_what_cannot_be_meant_flags_its_document(kind: str, changes: dict[str, Any], code: str, path: str) -> None:
    (found,) = judged(message(kind, documents(kind, **changes)), kind).documents
    place = f"/{MESSAGES[kind]}Message/{catalog.message(MESSAGES[kind]).document}[1]/{path}"
    assert (code, place) in [(f.code, f.path) for f in found.faults]
    assert kind_of(code).status == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"list__0__qty": "3", "list__0__price": "0.33333", "list__0__totalPrice": "1", "goodsValue": "1"},
        {"list__0__price": "0", "list__0__totalPrice": "0", "goodsValue": "0"},  # a gift
        {"goodsValue": "0" * 6000 + "1", "list__0__qty": "1", "list__0__price": "1", "list__0__totalPrice": "+1.00"},
    ],
)
def test_amounts_are_compared_as_numbers_to_the_fen(changes: dict[str, str]) -> None:
    order = documents("order", **changes)[0]
    order = msgspec.structs.replace(order, list=order.list[:1])
    (found,) = judged(message("order", [order])).documents
    assert {f.code for f in found.faults} <= {"meaning.paid_total"}


def test_customs_own_code_for_a_failed_check_depends_on_the_message() -> None:
    wanted = {"order": "-301008", "payment": "-401009", "waybill": "-504011", "declaration": "-621001"}
    for kind, code in wanted.items():
        (found,) = judged(message(kind, documents(kind, appType="9")), kind).documents
        assert [f.ceb_code for f in found.faults] == [code]


def test_an_enterprise_that_is_not_filed_flags_where_filings_are_asked_for() -> None:
    known = set(CODES.values()) - {CODES["payment"]}
    (found,) = judged(message("order"), filed=known.__contains__).documents
    assert {f.path.rpartition("/")[2] for f in found.faults if f.code == "identity.unknown_enterprise"} == {
        "ebcCode", "payCode",
    }  # fmt: skip


# ---- format: what refuses


def test_every_document_wrong_by_the_schema_is_named() -> None:
    made = documents("order", 5, bad=1, orderNo="")
    made[3] = documents("order", 4, bad=3, goodsValue="viel")[3]
    error = refused(message("order", made))
    assert error.status == 422
    assert {(f.code, f.document) for f in error.faults} == {("schema.empty", 1), ("schema.type", 3)}
    assert all(f.path and f.line for f in error.faults)


@pytest.mark.parametrize(
    ("data", "code", "status"),
    [
        (b"", "xml.malformed", 400),
        (b"not XML", "xml.malformed", 400),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "xml.doctype", 400),
        ('<?xml version="1.0" encoding="GBK"?><a>中</a>'.encode("gbk"), "xml.encoding", 400),
        (b"<a/>", "schema.unknown_message", 400),
        (b'<CEB311Message xmlns="urn:other"/>', "schema.unknown_message", 400),
        (b'<CEB999Message xmlns="http://www.chinaport.gov.cn/ceb"/>', "schema.unknown_message", 400),
        (b'<DxpMsg xmlns="http://www.chinaport.gov.cn/dxp"/>', "schema.envelope", 400),
        (enveloped(b"<a", DXP_IDS["order"], "CEB311Message"), "xml.malformed", 400),
        (enveloped(message("order"), DXP_IDS["order"], "CEB411Message"), "schema.message_type", 422),
        (enveloped(message("order"), "DXPENT0000999999", "CEB311Message"), "access.envelope_sender", 403),
        (enveloped(message("order"), "D" * 17, "CEB311Message"), "schema.envelope", 400),
        (
            enveloped(message("order"), DXP_IDS["order"], "CEB311Message").replace(b"<Data>", b"<Data>*"),
            "schema.envelope", 400,
        ),
        (message("order").replace(b"<ceb:freight>", b"<ceb:freight>1"), "signature.digest", 422),
        (message("order", dxpId="DXPENT0000999999"), "access.transporter", 403),
        (message("order", copCode="9901D00099"), "access.transporter", 403),
        (message("order", documents("order", ebpCode="9901D00098", ebcCode="9901D00099")), "access.own_code", 403),
        (message("payment"), "access.sender", 403),
    ],
)  # fmt: skip
def test_what_is_wrong_in_form_refuses_the_whole_message(data: bytes, code: str, status: int) -> None:
    error = refused(data)
    assert (error.faults[0].code, error.status) == (code, status)


def test_the_order_of_the_edition_of_2016_is_refused_with_that_explanation() -> None:
    lined = rendered("waybill", documents("waybill", freight="1")).decode()
    freight = lined[lined.index("<ceb:freight>") : lined.index("</ceb:freight>") + len("</ceb:freight>")]
    old = lined.replace(freight, "").replace("<ceb:orderNo>", freight + "<ceb:orderNo>")
    [fault] = refused(signature.sign(old.encode(), a_signer()), "waybill").faults
    assert (fault.code, fault.path) == ("schema.edition_2016", "/CEB511Message/Logistics[1]/LogisticsHead/freight")
    assert "freight belongs after orderNo" in fault.message


def test_a_suspended_principal_sends_nothing() -> None:
    suspended = msgspec.structs.replace(PRINCIPALS["order"], suspended=True)
    assert codes(refused(message("order"), suspended).faults) == ["access.suspended"]


def test_a_certificate_that_is_not_filed_is_not_trusted() -> None:
    other = signature.sign(rendered("order", documents("order")), a_signer(which=1))
    assert codes(refused(other).faults) == ["signature.untrusted"]


# ---- receipts


def receipt(**head: str) -> bytes:
    return catalog.render(
        catalog.message("CEB622"), [ceb.DeclarationReceipt(head=ceb.DeclarationReceiptHead(**head))], guid="R" * 36
    )


SOUND = {
    "guid": "g" * 36, "customsCode": "2900", "agentCode": "9901D00005", "copNo": "C1", "preNo": "B20260601000000001",
    "returnStatus": "2", "returnTime": "20260601120000000", "returnInfo": "新增申报成功",
}  # fmt: skip


def taken_from_customs(data: bytes) -> Judged:
    return a_judge()(data, XML, CUSTOMS, NOW)


def test_a_receipt_of_customs_is_taken_bare_and_in_its_envelope() -> None:
    bare = taken_from_customs(receipt(**SOUND))
    assert (bare.authority, bare.sender, bare.documents[0].key) == ("customs", "customs", "9901D00005:C1")
    assert bare.documents[0].faults == ()
    inside = taken_from_customs(enveloped(receipt(**SOUND), "DXPEDCCEB0000002", "CEB622Message"))
    assert inside.documents[0].view == bare.documents[0].view
    assert inside.notes == ()
    routed_ = taken_from_customs(routed(receipt(**SOUND), "DXPEDCCEB0000002", "CEB622Message"))
    assert (routed_.documents, routed_.notes) == (inside.documents, ())


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("CEB622Message", "CEB312Message", "schema.message_type"),
        (' xmlns="http://www.chinaport.gov.cn/dxp"', "", "schema.envelope"),
        ("<SenderId>DXPEDCCEB0000002</SenderId>", "", "schema.envelope"),
        ("<CreatTime>", "<More/><CreatTime>", "schema.envelope"),
        ("<Data>", "<Data> \n", None),
    ],
)
def test_an_authoritys_odd_envelope_is_opened_all_the_same_and_noted(old: str, new: str, code: str | None) -> None:
    sound = enveloped(receipt(**SOUND), "DXPEDCCEB0000002", "CEB622Message").decode()
    assert old in sound
    found = taken_from_customs(sound.replace(old, new, 1).encode())
    assert found.documents == taken_from_customs(sound.encode()).documents
    assert set(codes(found.notes)) == ({code} if code else set())


@pytest.mark.parametrize(
    "data",
    [
        receipt(**{k: v for k, v in SOUND.items() if k not in ("copNo", "preNo")}),
        receipt(**SOUND).replace(b"</ceb:guid>", b"</ceb:guid><ceb:more>x</ceb:more>"),
        receipt(**SOUND).replace(b"ceb:", b"").replace(b'xmlns:ceb="http://www.chinaport.gov.cn/ceb"', b""),
        receipt(**SOUND).decode().replace("UTF-8", "gb2312").encode("gb2312"),
    ],
)
def test_a_receipt_that_is_not_as_the_schema_wants_it_is_taken_all_the_same(data: bytes) -> None:
    (found,) = taken_from_customs(data).documents
    head = msgspec.msgpack.decode(found.view, type=ceb.DeclarationReceipt).head
    assert (head.returnStatus, head.returnInfo) == ("2", "新增申报成功")


def test_deviations_of_receipts_are_noted() -> None:
    (found,) = taken_from_customs(receipt(**{**SOUND, "preNo": ""})).documents
    assert found.faults
    assert all(code.startswith("schema.") for code in codes(found.faults))


def test_nobody_but_an_authority_hands_in_receipts_and_it_hands_in_nothing_else() -> None:
    assert codes(refused(receipt(**SOUND)).faults) == ["access.receipt"]
    assert codes(refused(json.dumps({"message": "CEB622"}).encode(), media_type=JSON).faults) == ["access.receipt"]
    with pytest.raises(Refused) as error:
        a_judge("by-schema")(rendered("order", documents("order")), XML, CUSTOMS, NOW)
    assert codes(error.value.faults) == ["access.sender"]
    assert "platform, merchant" in error.value.faults[0].message
    assert "订单（CEB311）由电商平台、电商企业报送" in error.value.faults[0].message_zh


# ---- JSON


def as_bytes(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


@pytest.mark.parametrize("kind", KINDS)
def test_behind_the_door_no_person_can_be_read(kind: str) -> None:
    made = documents(kind)
    (found,) = judged(message(kind, made), kind).documents
    handed_on = codec.pack(found)
    head = msgspec.structs.asdict(made[0].head)
    personal = [text for name, text in head.items() if text and name.startswith(("buyer", "payer", "consignee"))]
    long = [text for text in personal if len(text) > 3]
    assert long
    assert [text for text in long if text.encode() in handed_on] == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_twin_becomes_one_signed_message_a_document_that_the_door_would_take(kind: str) -> None:
    made = documents(kind, 3)
    found = judged(as_bytes(a_twin(kind, made)), kind, JSON)
    assert [d.faults for d in found.documents] == [()] * 3
    assert len(found.messages) == 3
    alone = [judged(message, kind).documents[0] for message in found.messages]
    assert [(d.view, d.content) for d in alone] == [(d.view, d.content) for d in found.documents]
    assert [d.key for d in alone] == [d.key for d in found.documents]


def test_a_twin_is_signed_with_the_hosted_sm2_key() -> None:
    key = an_sm2_signer()
    judge = Judge(
        access=lambda: Access(filed={code: p.name for p in PRINCIPALS.values() for code in p.codes}),
        signatures="required",
        digest=digest,
        signing_key=lambda _: key,
        certificates=lambda _: {fingerprint(key.certificate)},
    )
    found = judge(as_bytes(a_twin("order", documents("order", 2))), JSON, PRINCIPALS["order"], NOW)
    for one in found.messages:
        assert signature.verify(parse(one).root, one, {fingerprint(key.certificate)}, NOW).algorithm == "sm2-sm3"
        assert judge(one, XML, PRINCIPALS["order"], NOW).notes == ()


def test_faults_of_a_twin_are_found_where_json_has_them() -> None:
    made = documents("declaration", 2, bad=1, netWeight="99", list__0__qty1="0")
    found = judged(as_bytes(a_twin("declaration", made)), "declaration", JSON)
    assert [f.path for f in found.documents[1].faults] == ["/documents/1/head/netWeight", "/documents/1/list/0/qty1"]


SPOILT: list[tuple[Any, str, str]] = [
    (lambda t: t["documents"][0]["head"].pop("orderNo"), "schema.missing", "/documents/0/head/orderNo"),
    (lambda t: t["documents"][0]["head"].update(orderNo=""), "schema.empty", "/documents/0/head/orderNo"),
    (lambda t: t["documents"][0]["head"].update(nothing="x"), "schema.unexpected", "/documents/0/head/nothing"),
    (lambda t: t["documents"][0]["head"].update(freight=12), "schema.type", "/documents/0/head/freight"),
    (lambda t: t["documents"][0]["list"][0].update(qty="viel"), "schema.type", "/documents/0/list/0/qty"),
    (lambda t: t["documents"][0].update(list=[]), "schema.missing", "/documents/0/list"),
    (lambda t: t.update(documents=[]), "schema.missing", "/documents"),
    (lambda t: t.update(guid="short"), "schema.too_short", "/guid"),
    (lambda t: t.pop("transfer"), "schema.missing", "/transfer"),
    (lambda t: t["transfer"].update(dxpMode="D"), "schema.too_short", "/transfer/dxpMode"),
    (lambda t: t["documents"][0]["head"].update(buyerName="a\x01"), "json.characters", ""),
    (lambda t: t.update(message="CEB000"), "schema.unknown_message", "/message"),
    (lambda t: t.update(message=["CEB311"]), "schema.unknown_message", "/message"),
]


def test_an_unknown_name_hides_no_other_fault_of_a_twin() -> None:
    value = a_twin("order")
    head = value["documents"][0]["head"]
    head["ordrNo"] = head.pop("orderNo")
    head["freight"] = 12
    value["documents"][0]["list"][0]["qty"] = "viel"
    found = refused(as_bytes(value), media_type=JSON).faults
    assert sorted((f.code, f.path) for f in found) == [
        ("schema.missing", "/documents/0/head/orderNo"),
        ("schema.type", "/documents/0/head/freight"),
        ("schema.type", "/documents/0/list/0/qty"),
        ("schema.unexpected", "/documents/0/head/ordrNo"),
    ]


def test_numbers_that_readers_round_are_named_with_their_places() -> None:
    value = a_twin("order")
    value["documents"][0]["head"]["freight"] = 1.25
    value["documents"][0]["list"][0]["price"] = 1e30
    found = refused(as_bytes(value), media_type=JSON).faults
    assert {(f.code, f.path) for f in found} == {
        ("json.number", "/documents/0/head/freight"), ("json.number", "/documents/0/list/0/price"),
    }  # fmt: skip


def test_a_root_in_a_wrong_namespace_is_told_the_right_one() -> None:
    for data in (b'<CEB311Message xmlns="urn:other"/>', b"<CEB311Message/>"):
        [found] = refused(data).faults
        assert (found.code, found.line) == ("schema.unknown_message", 1)
        assert "http://www.chinaport.gov.cn/ceb" in found.message
        assert "http://www.chinaport.gov.cn/ceb" in found.message_zh
    assert "namespace" not in refused(b"<Invoice/>").faults[0].message


def test_json_that_is_none_is_told_what_is_wrong_and_where() -> None:
    [found] = refused(b'{"message": "CEB311",\n "guid" "x"}', media_type=JSON).faults
    assert (found.code, found.line) == ("json.malformed", 2)
    assert "line 2, column 9: a colon is expected" in found.message
    assert "第 2 行第 9 列" in found.message_zh


@pytest.mark.parametrize(("spoil", "code", "path"), SPOILT)
def test_a_twin_that_is_wrong_in_form_is_refused_with_a_pointer(spoil: Any, code: str, path: str) -> None:
    value = a_twin("order")
    spoil(value)
    assert (code, path) in [(f.code, f.path) for f in refused(as_bytes(value), media_type=JSON).faults]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "json.malformed"),
        (b"{", "json.malformed"),
        (b"\xff{}", "json.encoding"),
        (b"\xef\xbb\xbf{}", "json.encoding"),
        (b'{"message": "\\ud800"}', "json.encoding"),
        (b'{"a": 1, "a": 2}', "json.duplicate_key"),
        (b'{"a": NaN}', "json.number"),
        (b'{"a": -Infinity}', "json.number"),
        (b'{"a": 1.5}', "json.number"),
        (b'{"a": 1e999}', "json.number"),
        (b'{"a": %s}' % (b"9" * 5000), "json.number"),
        (b"[" * 100_000, "json.depth"),
        # Read twice from every quote, this would take minutes.
        (b'"\\' * 300_000, "json.malformed"),
        (b'["' + b"\\" * 300_001, "json.malformed"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "json.depth"),
        (b"[" + b"1," * 1_000_001 + b"1]", "json.size"),
        (b"[]", "schema.unknown_message"),
        (b"null", "schema.unknown_message"),
    ],
)
def test_json_is_read_strictly(data: bytes, code: str) -> None:
    error = refused(data, media_type=JSON)
    assert error.faults[0].code == code
    assert error.status == 400


def test_without_a_mandate_unsigned_json_is_refused_where_a_signature_is_demanded() -> None:
    body = as_bytes(a_twin("order"))
    assert codes(refused(body, media_type=JSON, mandate=False).faults) == ["json.no_mandate"]
    taken = judged(body, media_type=JSON, mandate=False, signatures="by-schema")
    assert b"Signature" not in taken.messages[0]


# ---- by the schema alone


def test_the_schema_alone_asks_for_nothing_else() -> None:
    assert judge_schema(message("order", documents("order", 2, acturalPaid="0.01")))[2] == 2
    newer = message("declaration", documents("declaration", list__0__itemNo="N" * 25))
    assert judge_schema(newer)[1] == "2018"
    with pytest.raises(Refused):
        judge_schema(newer, "202205")


# ---- whatever comes


SEEDS = [message(kind) for kind in KINDS] + [as_bytes(a_twin("order")), receipt(**SOUND)]


def taken_or_refused(data: bytes, principal: Principal, media_type: str) -> None:
    try:
        assert a_judge()(data, media_type, principal, NOW).documents
    except Refused as error:
        assert error.status >= 400  # noqa: PT017 - either is right


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=400), st.sampled_from([*PRINCIPALS.values(), CUSTOMS]), st.sampled_from([XML, JSON]))
@example(b"\xff\xfe<\x00", CUSTOMS, XML)
def test_random_bytes_are_taken_or_refused(data: bytes, principal: Principal, media_type: str) -> None:
    taken_or_refused(data, principal, media_type)


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from(SEEDS), st.integers(0, 1 << 16), st.integers(0, 40), st.binary(max_size=12),
    st.sampled_from([*PRINCIPALS.values(), CUSTOMS]),
)  # fmt: skip
def test_messages_spoilt_at_any_place_are_taken_or_refused(
    seed: bytes, place: int, length: int, insert: bytes, principal: Principal
) -> None:
    at = place % len(seed)
    media_type = JSON if seed.startswith(b"{") else XML
    taken_or_refused(seed[:at] + insert + seed[at + length :], principal, media_type)


@settings(deadline=None, max_examples=200)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
        max_leaves=12,
    ),
    st.sampled_from(["documents", "transfer", "subscribe", "extend", "guid", "version"]),
)
def test_any_json_in_any_member_is_taken_or_refused(value: Any, member: str) -> None:
    data = json.dumps({**a_twin("order"), member: value}).encode()
    taken_or_refused(data, PRINCIPALS["order"], JSON)


def test_messages_of_an_enterprise_are_refused_while_an_authority_orders_it() -> None:
    data = Reference()
    value = {"authority": "customs", "what": "refuse", "enterprise": PRINCIPALS["order"].codes[0], "reason": "suspended"}
    for version, more in ((1, {}), (2, {"revoked": True})):
        data.put(ReferenceRecord("order", "customs~1", version, "2020-01-01", value={**value, **more}), version)
    orders = Orders(data)

    def until(offset: int) -> Callable[[Collection[str], int], str]:
        return lambda codes, at: orders.refusing(china_day(at), offset, codes)

    assert refused(message("order"), refusing=until(1)).faults[0].code == "access.by_order"
    assert "customs" in refused(as_bytes(a_twin("order")), media_type=JSON, refusing=until(1)).faults[0].message
    assert judged(message("waybill"), "waybill", refusing=until(1)).documents, "another enterprise's"
    assert judged(message("order"), refusing=until(0)).documents, "not yet known"
    assert judged(message("order"), refusing=until(2)).documents, "revoked"

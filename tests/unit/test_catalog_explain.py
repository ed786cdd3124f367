"""Explanations: every fault with its path and line, nothing of what was in the fields."""

import re
import time

import pytest
from lxml import etree

from schemas import catalog, made, mutations, samples

MT = catalog.message("CEB311")
UP = {"CEB311": 0, "CEB411": 1, "CEB511": 2, "CEB621": 3}


def _root(*documents: object, type_: str = "CEB311", edit: tuple[str, str] | None = None) -> etree._Element:
    mt = catalog.message(type_)
    xml = catalog.render(mt, documents, guid="9" * 36, transfer=samples.base_transfer("9901D00001")).decode()
    xml = re.sub(r"(</[^>]+>)<", r"\1\n<", xml)
    if edit:
        assert edit[0] in xml
        xml = xml.replace(edit[0], edit[1], 1)
    return etree.fromstring(xml.encode())


def _order(**changes: str | None) -> object:
    return samples.declaration_set(1, overrides={f"order.{k}": v for k, v in changes.items()}).order


def _told(root: etree._Element) -> list[tuple[str, str]]:
    return [(f.path.removeprefix("/CEB311Message/"), f.reason) for f in catalog.explain(root, MT)]


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("orderNo", None, "missing"),
        ("orderNo", "", "empty"),
        ("orderNo", "x" * 61, "too_long"),
        ("appTime", "2026", "too_short"),
        ("guid", "", "empty"),
        ("goodsValue", "12,50", "type"),
        ("goodsValue", "", "empty"),
        ("goodsValue", "1.123456", "too_long"),
        ("goodsValue", "12345678901234567890", "too_long"),
        ("currency", "840", "not_allowed"),
        ("consigneeDistrict", "3301", "too_short"),
    ],
)
def test_a_wrong_field_is_named_with_its_reason(field: str, value: str | None, reason: str) -> None:
    assert _told(_root(_order(**{field: value}))) == [(f"Order[1]/OrderHead/{field}", reason)]


def test_every_missing_field_of_a_part_is_named_not_only_the_first() -> None:
    missing = ("appStatus", "ebcCode", "goodsValue", "consigneeAddress")
    told = _told(_root(_order(**dict.fromkeys(missing))))
    assert told == [(f"Order[1]/OrderHead/{name}", "missing") for name in missing]


def test_what_stands_behind_a_missing_field_is_still_judged() -> None:
    told = _told(_root(_order(ebcCode=None, goodsValue="x", currency="143")))
    assert set(told) == {
        ("Order[1]/OrderHead/ebcCode", "missing"),
        ("Order[1]/OrderHead/goodsValue", "type"),
        ("Order[1]/OrderHead/currency", "not_allowed"),
    }


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (("<ceb:orderNo>", "<ceb:orderNumber>1</ceb:orderNumber><ceb:orderNo>"), ("OrderHead/orderNumber", "unexpected")),
        (("<ceb:note", "<ceb:note"), None),
        (("<ceb:orderType>I</ceb:orderType>", "<ceb:orderType>I</ceb:orderType>" * 2), ("OrderHead/orderType", "too_many")),
        (("<ceb:orderType>", '<ceb:orderType x="1">'), ("OrderHead/orderType/@x", "unexpected")),
        (("<ceb:orderType>I", "<ceb:orderType>I<ceb:x/>"), ("OrderHead/orderType/x", "unexpected")),
        (("</ceb:orderType>", "</ceb:orderType>text"), ("OrderHead", "not_allowed")),
    ],
)  # fmt: skip
def test_a_wrong_structure_is_named(edit: tuple[str, str], expected: tuple[str, str] | None) -> None:
    if expected is None:
        assert _told(_root(_order())) == []
        return
    path, reason = expected
    assert _told(_root(_order(), edit=edit)) == [(f"Order[1]/{path}", reason)]


def test_faults_of_a_hundred_documents_name_their_document_and_line() -> None:
    orders = [samples.declaration_set(n).order for n in range(100)]
    for n in (3, 50, 99):
        orders[n] = samples.declaration_set(n, overrides={"order.orderNo": ""}).order
    faults = catalog.explain(_root(*orders), MT)
    assert [(f.document, f.path) for f in faults] == [
        (n, f"/CEB311Message/Order[{n + 1}]/OrderHead/orderNo") for n in (3, 50, 99)
    ]
    lines = [f.line for f in faults]
    assert lines == sorted(set(lines))


def test_a_missing_transfer_does_not_hide_the_documents_faults() -> None:
    xml = catalog.render(MT, [_order(ebcCode=None, orderNo="")], guid="9" * 36)
    assert set(_told(etree.fromstring(xml))) == {
        ("BaseTransfer", "missing"),
        ("Order[1]/OrderHead/ebcCode", "missing"),
        ("Order[1]/OrderHead/orderNo", "empty"),
    }


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"guid": None}, ("@guid", "missing")),
        ({"guid": "x"}, ("@guid", "too_short")),
        ({"version": ""}, ("@version", "empty")),
        ({"other": "1"}, ("@other", "unexpected")),
    ],
)
def test_wrong_attributes_of_the_root_are_named(change: dict[str, str | None], expected: tuple[str, str]) -> None:
    root = _root(_order())
    for name, value in change.items():
        root.attrib.pop(name, None)
        if value is not None:
            root.set(name, value)
    assert _told(root) == [expected]


def test_a_declaration_without_signature_is_told_so() -> None:
    root = _root(samples.declaration_set(1).declaration, type_="CEB621")
    [fault] = catalog.explain(root, "CEB621")
    assert (fault.path, fault.reason, fault.document) == ("/CEB621Message/ds:Signature", "missing", -1)


def test_there_are_never_more_faults_than_the_limit() -> None:
    orders = [samples.declaration_set(n, overrides={"order.orderNo": "", "order.ebpCode": ""}).order for n in range(40)]
    assert len(catalog.explain(_root(*orders), MT)) == 25
    assert len(catalog.explain(_root(*orders), MT, limit=3)) == 3


def test_default_namespace_messages_have_the_same_paths() -> None:
    xml = catalog.render(MT, [_order(orderNo="")], guid="9" * 36, transfer=samples.base_transfer("9901D00001"))
    plain = xml.replace(b"ceb:", b"").replace(b"xmlns:ceb", b"xmlns")
    assert _told(etree.fromstring(plain)) == _told(etree.fromstring(xml)) == [("Order[1]/OrderHead/orderNo", "empty")]


@pytest.mark.parametrize("type_", UP)
def test_no_explanation_repeats_what_was_in_a_field(type_: str) -> None:
    document = samples.declaration_set(1)[UP[type_]]
    root = _root(document, type_=type_)
    for leaf in root.iter(etree.Element):
        if len(leaf) == 0 and leaf.text and not leaf.text.isascii():
            leaf.text = "CANARY" + leaf.text
    for seed in range(400):
        spoilt, _ = mutations.mutated(root, seed)
        for leaf in spoilt.iter(etree.Element):
            if len(leaf) == 0 and seed % 3 == 0:
                leaf.text = "CANARY" * 40
        for fault in catalog.explain(spoilt, type_):
            assert "CANARY" not in fault.message + fault.message_zh + fault.path


@pytest.mark.parametrize("type_", UP)
def test_what_the_schema_refuses_is_explained_and_what_it_accepts_is_not(type_: str) -> None:
    root = _root(samples.declaration_set(1)[UP[type_]], type_=type_)
    for seed in range(300):
        spoilt = etree.fromstring(etree.tostring(mutations.mutated(root, seed)[0]))
        assert bool(catalog.explain(spoilt, type_)) != catalog.validator(type_)(spoilt)


# ---- order, and what the other edition says


def _moved(root: etree._Element, part: str, name: str, before: str) -> etree._Element:
    element, place = (root.find(f".//{{*}}{part}/{{*}}{n}") for n in (name, before))
    assert element is not None
    assert place is not None
    place.addprevious(element)
    return etree.fromstring(etree.tostring(root))


@pytest.mark.parametrize(
    ("type_", "part", "name", "before", "after"),
    [
        ("CEB511", "LogisticsHead", "freight", "orderNo", "orderNo"),
        ("CEB511", "LogisticsHead", "orderNo", "consignee", "billNo"),
        ("CEB311", "OrderList", "itemDescribe", "gmodel", "gmodel"),
    ],
)
def test_the_order_of_2016_is_told_with_the_place_of_today(type_: str, part: str, name: str, before: str, after: str) -> None:
    overrides = {
        "waybill.freight": "0", "waybill.billNo": "B1", "order.list.0.itemDescribe": "x", "order.note": "n",
        "order.consigneeDistrict": "330100",
    }  # fmt: skip
    root = _moved(_root(samples.declaration_set(1, overrides=overrides)[UP[type_]], type_=type_), part, name, before)
    [fault] = [f for f in catalog.explain(root, type_) if not f.path.endswith("Signature")]
    assert fault.reason == "edition_2016"
    assert fault.path.rpartition("/")[2] == name
    assert "2016" in fault.message
    assert "2016" in fault.message_zh
    assert fault.message.endswith(f"; {name} belongs after {after}")
    assert f"应位于 {after} 之后" in fault.message_zh


@pytest.mark.parametrize(
    ("type_", "part", "name", "before"),
    [("CEB311", "OrderHead", "note", "guid"), ("CEB621", "InventoryHead", "appType", "guid"),
     ("CEB311", "OrderHead", "ebpName", "ebpCode")],
)  # fmt: skip
def test_an_order_no_edition_had_is_not_called_that_of_2016(type_: str, part: str, name: str, before: str) -> None:
    root = _moved(_root(samples.declaration_set(1, overrides={"order.note": "n"})[UP[type_]], type_=type_), part, name, before)
    [fault] = [f for f in catalog.explain(root, type_) if not f.path.endswith("Signature")]
    assert fault.reason == "unexpected"
    assert "belongs after" in fault.message


def test_every_document_in_the_order_of_2016_is_named() -> None:
    root = _root(*[samples.declaration_set(n).waybill for n in range(3)], type_="CEB511")
    for head in root.iter("{*}LogisticsHead"):
        head.append(head.find("{*}orderNo"))
    told = [(f.path, f.reason) for f in catalog.explain(etree.fromstring(etree.tostring(root)), "CEB511")]
    assert told == [(f"/CEB511Message/Logistics[{n}]/LogisticsHead/orderNo", "edition_2016") for n in (1, 2, 3)]


def test_another_wrong_order_names_what_belongs_there_and_where_it_belongs() -> None:
    root = _moved(_root(_order(ebcCode=None)), "OrderHead", "goodsValue", "orderNo")
    told = {f.path.rpartition("/")[2]: f for f in catalog.explain(root, MT)}
    assert {name: f.reason for name, f in told.items()} == {"goodsValue": "unexpected", "ebcCode": "missing"}
    assert told["goodsValue"].message.endswith("; orderNo belongs here; goodsValue belongs after ebcName")
    assert told["goodsValue"].message_zh.endswith("；此处应为 orderNo；goodsValue 应位于 ebcName 之后")
    root = _root(_order(), edit=("<ceb:orderNo>", "<ceb:orderNumber>1</ceb:orderNumber><ceb:orderNo>"))
    [fault] = catalog.explain(root, MT)
    assert fault.message.endswith("; orderNo belongs here")


def _export(type_: str, edition: str) -> etree._Element:
    return etree.fromstring(made.message(catalog.message(type_), seed=1, documents=1, edition=edition))


@pytest.mark.parametrize(
    ("type_", "edition", "name", "value", "said"),
    [
        ("CEB604", "2018", "invtNo", "29002026E00000000001", "; edition 202205 allows it (C0..20)"),
        ("CEB505", "202205", "logisticsNo", "W" * 80, "; edition 2018 allows it (C1..80)"),
        ("CEB621", "202205", "itemNo", "N" * 25, "; edition 2018 allows it (C0..30)"),
        ("CEB505", "202205", "logisticsNo", "W" * 81, ")"),
        ("CEB505", "2018", "logisticsNo", "W" * 81, ")"),
    ],
)
def test_what_only_the_other_edition_allows_is_said(type_: str, edition: str, name: str, value: str, said: str) -> None:
    root = _export(type_, edition)
    leaf = next(root.iter(f"{{*}}{name}"), None)
    assert leaf is not None
    leaf.text = value
    [fault] = [f for f in catalog.explain(root, type_, edition) if f.path.endswith(name)]
    assert fault.reason == "too_long"
    assert fault.message.endswith(said)
    assert ("edition" in fault.message) == ("edition" in said)


def test_an_element_that_only_one_edition_knows_or_wants_is_told_with_it() -> None:
    mt = catalog.message("CEB792")
    roots = (etree.fromstring(made.message(mt, seed=seed, documents=1, edition="202205")) for seed in range(50))
    newer = next(root for root in roots if len(list(root.iter("{*}gseqno"))) == 1)
    [fault] = [f for f in catalog.explain(newer, "CEB792", "2018") if f.path.endswith("gseqno")]
    assert (fault.reason, "edition 202205 allows it" in fault.message) == ("unexpected", True)
    for element in list(newer.iter("{*}gseqno")):
        element.getparent().remove(element)
    [fault] = [f for f in catalog.explain(newer, "CEB792", "202205") if f.path.endswith("gseqno")]
    assert (fault.reason, "edition 2018 allows it" in fault.message) == ("missing", True)


@pytest.mark.parametrize("junk", ["<ceb:zz/>", "<ceb:guid>x</ceb:guid>", "<ceb:note>x</ceb:note><ceb:guid>x</ceb:guid>"])
def test_an_explanation_of_a_hundred_thousand_wrong_children_takes_seconds_not_minutes(junk: str) -> None:
    root = _root(_order(), edit=("<ceb:orderNo>", junk * 100_000 + "<ceb:orderNo>"))
    begun = time.process_time()
    faults = catalog.explain(root, MT)
    assert faults
    assert {f.path.rpartition("/")[2] for f in faults} <= {"zz", "guid", "note"}
    assert time.process_time() - begun < 20

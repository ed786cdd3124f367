"""Explanations: every fault with its path and line, nothing of what was in the fields."""

import re

import pytest
from lxml import etree

from schemas import catalog, mutations, samples

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

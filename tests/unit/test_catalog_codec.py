"""Structs and messages: round trips, and the corners where reading could go wrong."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from hub.domain import keys
from schemas import catalog, samples, twin
from schemas.documents import STRUCTS, Extension, Subscription

UP = ("CEB311", "CEB411", "CEB511", "CEB621")
_SAYABLE = st.characters(
    exclude_categories=("Cs", "Cc"), include_characters="\t\n\r", exclude_characters="\ufffe\uffff"
)


def _part(part: catalog.Part) -> st.SearchStrategy:
    """Structs of a part: required fields always, optional ones sometimes; texts may hold anything XML can carry."""
    leaves = {}
    for field in part.fields:
        if field.fixed:
            leaf = st.just(field.fixed)
        elif field.number:
            leaf = st.sampled_from(("0", "1", "12", "1234"))
        else:
            low, high = field.min, field.max if field.max is not None else 20
            leaf = st.text(_SAYABLE, min_size=low, max_size=max(low, min(high, 12)))
            if field.collapse:
                leaf = leaf.map(lambda text: "".join(text.split()) or "X").filter(lambda text, low=low: len(text) >= low)
            if field.schema_default:
                leaf = leaf.filter(bool)
        leaves[field.name] = leaf if field.required else st.none() | leaf
    return st.builds(STRUCTS[part.struct], **leaves)


def _documents(mt: catalog.MessageType) -> st.SearchStrategy:
    parts = {"head": _part(mt.head)}
    if mt.list is not None:
        parts["list"] = st.lists(_part(mt.list), min_size=mt.list.min, max_size=3).map(tuple)
    most = 1 if mt.max_documents == 1 else 3
    return st.lists(st.builds(STRUCTS[mt.struct], **parts), min_size=1, max_size=most)


def _xml(mt: catalog.MessageType, documents: list, **rest: object) -> bytes:
    transfer = samples.base_transfer("9901D00001") if mt.direction == "up" else None
    return catalog.render(mt, documents, guid="9" * 36, transfer=transfer, **rest)


@pytest.mark.parametrize("mt", catalog.messages(), ids=lambda mt: mt.type)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_what_is_rendered_is_valid_and_read_back_the_same(mt: catalog.MessageType, data: st.DataObject) -> None:
    documents = data.draw(_documents(mt))
    root = etree.fromstring(_xml(mt, documents))
    faults = catalog.explain(root, mt)
    assert [f for f in faults if not f.path.endswith("/ds:Signature")] == []
    assert catalog.documents(root, mt) == documents
    assert catalog.documents(root, mt, approved=True) == documents


@pytest.mark.parametrize("mt", catalog.messages(), ids=lambda mt: mt.type)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_twin_is_read_back_the_same(mt: catalog.MessageType, data: st.DataObject) -> None:
    documents = data.draw(_documents(mt))
    read, faults = twin.read(twin.write(mt, documents, guid="G"), mt)
    assert faults == []
    assert read.documents == documents


def test_transfer_subscribers_and_custom_data_come_back() -> None:
    mt = catalog.message("CEB311")
    subscribe = (samples.subscription("DXP1"), Subscription(status="ALL", dxpMode="DXP", dxpAddress="2", note=""))
    extend = Extension(name="n & m", version="1", Message='<x xmlns="urn:x" a="1">y<z/></x>')
    root = etree.fromstring(_xml(mt, [samples.declaration_set(1).order], subscribe=subscribe, extend=extend))
    assert catalog.validator(mt)(root)
    assert catalog.transfer(root) == samples.base_transfer("9901D00001")
    assert catalog.subscribers(root) == subscribe
    found = catalog.extension(root)
    assert (found.name, found.version) == ("n & m", "1")
    inner = etree.fromstring(found.Message)
    assert (inner.tag, inner.text) == ("{urn:x}x", "y")


def test_messages_without_a_frame_have_none_of_it() -> None:
    root = etree.Element(f"{{{catalog.CEB}}}CEB312Message")
    assert catalog.transfer(root) is None
    assert catalog.subscribers(root) == ()
    assert catalog.extension(root) is None


@pytest.mark.parametrize(
    "custom", ["no xml", "<a/><b/>", "<!DOCTYPE a><a/>", "<!-- a --><!DOCTYPE a><a/>", "<a>&b;</a>"]
)
def test_custom_data_that_is_not_one_element_is_refused(custom: str) -> None:
    with pytest.raises(ValueError, match="ExtendMessage"):
        _xml(catalog.message("CEB311"), [], extend=Extension(name="", version="", Message=custom))


@pytest.mark.parametrize("bad", ["\x00", "\x0b", "\ud800", "\ufffe"])
def test_what_xml_cannot_carry_is_refused_with_its_place(bad: str) -> None:
    order = samples.declaration_set(1, overrides={"order.buyerName": f"a{bad}"}).order
    with pytest.raises(ValueError, match="OrderHead/buyerName"):
        _xml(catalog.message("CEB311"), [order])


@pytest.mark.parametrize("approved", [False, True])
@pytest.mark.parametrize("inside", ["AB<!-- x -->CD", "AB<?p x?>CD", "<!---->ABCD", "AB<![CDATA[CD]]>", "A&#66;CD"])
def test_a_text_is_read_whole_whatever_stands_inside(inside: str, approved: bool) -> None:
    order = samples.declaration_set(1, overrides={"order.orderNo": "NUMBER"}).order
    xml = _xml(catalog.message("CEB311"), [order]).replace(b"NUMBER", inside.encode())
    root = etree.fromstring(xml, etree.XMLParser(strip_cdata=False))
    assert catalog.validator("CEB311")(root)
    [read] = catalog.documents(root, catalog.message("CEB311"), approved=approved)
    assert read.head.orderNo == "ABCD"
    assert read.list == order.list


@pytest.mark.parametrize("approved", [False, True])
def test_an_empty_currency_is_the_fixed_one_as_the_schema_says(approved: bool) -> None:
    order = samples.declaration_set(1, overrides={"order.currency": ""}).order
    root = etree.fromstring(_xml(catalog.message("CEB311"), [order]))
    assert catalog.validator("CEB311")(root)
    [read] = catalog.documents(root, catalog.message("CEB311"), approved=approved)
    assert read.head.currency == "142"


@pytest.mark.parametrize("approved", [False, True])
def test_numbers_lose_their_blanks_and_texts_keep_them(approved: bool) -> None:
    change = {"order.goodsValue": " 1.5\n", "order.buyerName": " 甲 ", "order.list.0.gnum": "\t1"}
    root = etree.fromstring(_xml(catalog.message("CEB311"), [samples.declaration_set(1, overrides=change).order]))
    assert catalog.validator("CEB311")(root)
    [read] = catalog.documents(root, catalog.message("CEB311"), approved=approved)
    assert (read.head.goodsValue, read.head.buyerName, read.list[0].gnum) == ("1.5", " 甲 ", "1")


def test_documents_with_as_many_but_other_fields_are_not_mistaken() -> None:
    optional = [f.name for f in catalog.message("CEB311").fields if not f.required]
    made = samples.declaration_set(1, overrides=dict.fromkeys(f"order.{name}" for name in optional))
    orders = [
        samples.changed(made, {f"order.{name}": value}).order for name in optional for value in ("AAAAAA", "BBBBBB")
    ]
    root = etree.fromstring(_xml(catalog.message("CEB311"), orders))
    assert catalog.validator("CEB311")(root)
    assert catalog.documents(root, catalog.message("CEB311"), approved=True) == orders


def test_an_unknown_element_is_never_read_as_another() -> None:
    xml = _xml(catalog.message("CEB311"), [samples.declaration_set(1).order]).replace(b"ceb:ebcName", b"ceb:other")
    with pytest.raises(KeyError):
        catalog.documents(etree.fromstring(xml), catalog.message("CEB311"))


def test_default_namespace_and_prefix_are_read_alike() -> None:
    mt = catalog.message("CEB411")
    payment = samples.declaration_set(3).payment
    xml = _xml(mt, [payment]).replace(b"ceb:", b"").replace(b"xmlns:ceb", b"xmlns")
    assert catalog.documents(etree.fromstring(xml), mt) == [payment]


def test_business_keys_are_those_of_the_specification() -> None:
    order, payment, waybill, declaration = samples.declaration_set(7)
    assert catalog.business_key(order) == f"9901D00001:9901D00002:{order.head.orderNo}"
    assert catalog.business_key(payment) == f"9901D00003:{payment.head.payTransactionId}"
    assert catalog.business_key(waybill) == f"9901D00004:{waybill.head.logisticsNo}"
    assert catalog.business_key(declaration) == f"9901D00005:{declaration.head.copNo}"


@pytest.mark.parametrize("number", [None, ""])
def test_a_declaration_without_a_number_is_known_by_its_guid(number: str | None) -> None:
    declaration = samples.declaration_set(7, overrides={"declaration.copNo": number}).declaration
    assert catalog.business_key(declaration) == f"9901D00005:~{declaration.head.guid}"


def test_two_documents_share_no_key_by_colons_in_the_wrong_place() -> None:
    def key(code: str, number: str) -> str:
        made = samples.declaration_set(1, overrides={"declaration.agentCode": code, "declaration.copNo": number})
        return catalog.business_key(made.declaration)

    assert key("A:B", "C") == keys.waybill_key("A:B", "C") != key("A", "B:C") == "A:B:C"
    assert key("A%3AB", "C") == keys.waybill_key("A%3AB", "C")

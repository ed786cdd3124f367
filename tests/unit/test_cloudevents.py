"""What authorities tell by CloudEvents: read strictly, sent by the right one only, put where it belongs."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.dialects import cloudevents
from adapters.dialects.cloudevents import BATCH, EVENT, MOST_EVENTS, moment, read
from adapters.intake import Judge, Judged
from hub.domain.access import Access, Principal
from hub.domain.faults import Fault, Refused
from hub.domain.notices import NOTICES, TELLERS, authority_of
from tests.support.stage_harness import NOON

DOCUMENT = "declaration/9901D00005:C1"
#: Data that each type takes.
DATA: dict[str, dict[str, Any]] = {
    **{f"{name}.receipt.given.v1": {"item": "i1", "outcome": "accepted", "document": DOCUMENT} for name in TELLERS},
    "tax.bill.paid.v1": {"tax_no": "T1", "amount": "9.10", "document": DOCUMENT},
    "tax.refund.decided.v1": {"decision": "approved", "amount": "13", "inventory": "29002026E000000001"},
    "forex.attention.placed.v1": {"enterprise": "9901D00002", "level": "B", "reason": "receipts without exports"},
    "forex.attention.lifted.v1": {"enterprise": "9901D00002", "reason": "explained"},
    "market.recall.issued.v1": {"name": "a toy", "instrument": "SAMR 1 of 2026", "terms": ["玩具"]},
    "market.recall.withdrawn.v1": {"name": "a toy"},
    "market.complaint.received.v1": {"complaint": "12315-1", "enterprise": "9901D00002", "matter": "quality"},
    "market.brand.found.v1": {"document": DOCUMENT, "brand": "B", "finding": "infringing"},
    "commerce.permit.granted.v1": {"merchant": "9901D00002", "control": "6A002", "number": "XK1", "quantity": "10", "unit": "011"},
    "commerce.permit.changed.v1": {"merchant": "9901D00002", "control": "6A002", "number": "XK1", "quantity": "5", "unit": "011"},
    "commerce.permit.revoked.v1": {"merchant": "9901D00002", "control": "6A002"},
    "commerce.enterprise.listed.v1": {"enterprise": "9901D00002", "instrument": "MOFCOM 1 of 2026"},
    "commerce.enterprise.delisted.v1": {"enterprise": "9901D00002", "instrument": "MOFCOM 2 of 2026"},
}


def event(type_: str = "tax.bill.paid.v1", number: int = 1, /, **changes: Any) -> dict[str, Any]:
    """An event that is taken; ``changes`` replace attributes, None takes one away."""
    made = {
        "specversion": "1.0", "id": str(number), "source": "/authority", "type": type_, "time": "2026-06-01T11:59:00+08:00",
        "datacontenttype": "application/json", "data": DATA[type_], **changes,
    }  # fmt: skip
    return {name: value for name, value in made.items() if value is not None}


def body(*events: Any) -> tuple[bytes, str]:
    """The bytes and the media type."""
    if len(events) == 1:
        return json.dumps(events[0]).encode(), EVENT
    return json.dumps(list(events)).encode(), BATCH


def a_judge(**settings: Any) -> Judge:
    return Judge(
        access=Access, signatures="required", digest=lambda kind, text: text, signing_key=lambda _: None, certificates=lambda _: None,
        **settings,
    )  # fmt: skip


def judged(*events: Any, who: str = "tax", **settings: Any) -> Judged:
    data, media_type = body(*events)
    return a_judge(**settings)(data, media_type, Principal(who, (who,)), NOON)


def codes(*events: Any, who: str = "tax") -> list[tuple[str, str]]:
    """(code, path) of what refuses the events; empty where they are taken."""
    try:
        judged(*events, who=who)
    except Refused as refused:
        return [(fault.code, fault.path) for fault in refused.faults]
    return []


def test_every_type_has_data_here() -> None:
    assert DATA.keys() == NOTICES.keys()


@pytest.mark.parametrize("type_", NOTICES)
def test_each_type_is_taken_of_its_authority_and_of_nobody_else(type_: str) -> None:
    own = authority_of(type_)
    found = judged(event(type_), who=own)
    assert (found.message, found.authority, found.sender) == ("CloudEvents", own, own)
    assert [(d.kind, d.guid) for d in found.documents] == [("notice", "1")]
    others = {"customs", "office", "operator", "platform", "merchant", "declarant", *TELLERS} - {own}
    for who in others:
        assert codes(event(type_), who=who) == [("access.event_type", "/type")]


def test_a_batch_is_refused_whole_and_every_fault_is_told() -> None:
    good, wrong = event(), event("tax.bill.paid.v1", 2, data={"tax_no": "T", "amount": "-1", "document": DOCUMENT})
    found = codes(good, wrong, {**event(), "id": "3", "type": "tax.nothing.v1"}, event("tax.bill.paid.v1", 4, time="noon"))
    assert found == [("json.event_data", "/1/data/amount"), ("json.event_type", "/2/type"), ("json.event", "/3/time")]


def test_one_authority_speaks_in_a_batch_and_says_nothing_twice() -> None:
    assert codes(event(), event("forex.attention.lifted.v1", 2)) == [("json.event_mixed", "/1/type")]
    assert codes(event(), event()) == [("json.event", "/1/id")]


@pytest.mark.parametrize(("count", "taken"), [(0, False), (2, True), (MOST_EVENTS, True), (MOST_EVENTS + 1, False)])
def test_a_batch_is_bounded(count: int, *, taken: bool) -> None:
    data = json.dumps([event("tax.bill.paid.v1", number) for number in range(count)]).encode()
    if taken:
        assert len(read(data, BATCH, "tax")) == count
    else:
        with pytest.raises(Refused) as refused:
            read(data, BATCH, "tax")
        assert [fault.code for fault in refused.value.faults] == ["json.event_count"]


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type", "time", "data"])
def test_an_event_without_what_it_needs_is_refused(name: str) -> None:
    assert codes(event(**{name: None})) == [("json.event", f"/{name}")]


@pytest.mark.parametrize(("changes", "path"), [
    ({"specversion": "0.3"}, "/specversion"),
    ({"id": ""}, "/id"),
    ({"id": 7}, "/id"),
    ({"source": "x" * 257}, "/source"),
    ({"time": "2026-06-01T12:00:00"}, "/time"),
    ({"time": "2026-13-01T12:00:00Z"}, "/time"),
    ({"datacontenttype": "text/plain"}, "/datacontenttype"),
    ({"data_base64": "AAAA"}, "/data_base64"),
    ({"Extension": "x"}, "/Extension"),
    ({"subject": {}}, "/subject"),
    ({"id": "a\x00b"}, "/id"),
    ({"source": "/authority\n"}, "/source"),
    ({"time": "0001-01-01T00:00:00+23:59"}, "/time"),
    ({"time": "9999-12-31T23:59:59-23:59"}, "/time"),
    ({"time": "2026-06-02T12:00:01+08:00"}, "/time"),
])  # fmt: skip
def test_an_attribute_that_is_wrong_is_named(changes: dict[str, Any], path: str) -> None:
    assert codes(event(**changes)) == [("json.event", path)]


def test_a_clock_may_be_a_day_ahead() -> None:
    assert codes(event(time="2026-06-02T12:00:00+08:00")) == []


@pytest.mark.parametrize("odd", ["\n", "\x00", "\x1b[2J", "\u2028", "\u202e"])
@pytest.mark.parametrize(("type_", "name"), [
    ("market.complaint.received.v1", "enterprise"), ("market.complaint.received.v1", "complaint"), ("market.brand.found.v1", "document"),
    ("forex.attention.placed.v1", "reason"), ("commerce.permit.granted.v1", "merchant"), ("tax.bill.paid.v1", "amount"),
])  # fmt: skip
def test_no_text_of_an_authority_holds_a_control_character(type_: str, name: str, odd: str) -> None:
    assert codes(event(type_, data={**DATA[type_], name: DATA[type_][name] + odd}), who=authority_of(type_)) == [("json.event_data", f"/data/{name}")]


def test_controls_are_found_in_lists_and_ideographic_spaces_are_none() -> None:
    recall = "market.recall.issued.v1"
    assert codes(event(recall, data={**DATA[recall], "terms": ["玩具", "玩\x07具"]}), who="market") == [("json.event_data", "/data/terms/1")]
    assert codes(event(recall, data={**DATA[recall], "terms": ["玩\u3000具"]}), who="market") == []


def test_extensions_are_taken() -> None:
    assert codes(event(traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")) == []


@pytest.mark.parametrize(("type_", "changes", "path"), [
    ("tax.receipt.given.v1", {"outcome": "perhaps"}, "/data/outcome"),
    ("tax.receipt.given.v1", {"document": "order/1:2"}, "/data/document"),
    ("tax.receipt.given.v1", {"reasons": [{"code": "1", "message": "m", "more": 1}]}, "/data/reasons/0"),
    ("tax.bill.paid.v1", {"amount": "1e3"}, "/data/amount"),
    ("tax.bill.paid.v1", {"buyer": "Li"}, "/data"),
    ("forex.attention.placed.v1", {"level": "A"}, "/data/level"),
    ("forex.attention.placed.v1", {"first": "2026-02-31"}, "/data"),
    ("forex.attention.placed.v1", {"first": "2026-05-31"}, "/data"),
    ("forex.attention.placed.v1", {"first": "2026-06-02", "until": "2026-06-02"}, "/data"),
    ("market.recall.issued.v1", {"terms": []}, "/data"),
    ("market.recall.issued.v1", {"codes": ["12x"]}, "/data"),
    ("commerce.permit.granted.v1", {"unit": "999"}, "/data"),
    ("commerce.permit.granted.v1", {"control": "6A~2"}, "/data/control"),
])  # fmt: skip
def test_data_that_are_wrong_are_named(type_: str, changes: dict[str, Any], path: str) -> None:
    assert codes(event(type_, data=DATA[type_] | changes), who=authority_of(type_)) == [("json.event_data", path)]


def test_a_suspended_authority_tells_nothing() -> None:
    data, media_type = body(event())
    with pytest.raises(Refused) as refused:
        a_judge()(data, media_type, Principal("tax", ("tax",), suspended=True), NOON)
    assert [fault.code for fault in refused.value.faults] == ["access.event_type"]


def test_an_enterprise_nobody_has_filed_is_flagged_and_the_event_taken() -> None:
    known = judged(event("forex.attention.placed.v1"), who="forex", filed=lambda code: True)
    unknown = judged(event("forex.attention.placed.v1"), who="forex", filed=lambda code: False)
    assert [fault.code for document in known.documents for fault in document.faults] == []
    (flagged,) = unknown.documents[0].faults
    assert (flagged.code, flagged.path) == ("identity.unknown_enterprise", "/data/enterprise")


def test_the_same_event_has_the_same_id_whatever_comes_with_it_and_another_senders_has_another() -> None:
    one = read(*body(event()), "tax")[0].notice.id
    assert read(*body(event("tax.bill.paid.v1", 2), event()), "tax")[1].notice.id == one
    assert read(*body(event()), "tax2")[0].notice.id != one
    assert read(*body(event(source="/other")), "tax")[0].notice.id != one


@pytest.mark.parametrize(("text", "ms"), [
    ("1970-01-01T00:00:00Z", 0), ("1970-01-01T08:00:00.250+08:00", 250), ("1970-01-01 00:00:00Z", None), ("now", None),
    ("1970-01-01T00:00:00", None), ("1970-01-01T25:00:00Z", None),
])  # fmt: skip
def test_moments(text: str, ms: int | None) -> None:
    assert moment(text) == ms


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(value=_JSON, media_type=st.sampled_from((EVENT, BATCH)))
def test_whatever_json_comes_it_is_refused_with_a_code(value: Any, media_type: str) -> None:
    with pytest.raises(Refused) as refused:
        read(json.dumps(value).encode(), media_type, "tax")
    assert {fault.code.partition(".")[0] for fault in refused.value.faults} == {"json"}


@given(type_=st.sampled_from(sorted(NOTICES)), name=st.sampled_from(sorted(event())), value=_JSON)
def test_an_event_with_anything_in_one_place_is_taken_as_it_stands_or_refused_there(type_: str, name: str, value: Any) -> None:
    made = event(type_) | {name: value}
    found: list[cloudevents.Event] = []
    faults: tuple[Fault, ...] = ()
    try:
        found = read(json.dumps(made).encode(), EVENT, "x")
    except Refused as refused:
        faults = refused.faults
    assert bool(found) != bool(faults)
    # The data are held against the type: where that is another, it is they that do not fit.
    assert all(fault.path.startswith((f"/{name}", "/data")) for fault in faults)
    for one in found:
        assert (msgspec.json.decode(one.notice.data), one.notice.type) == (made["data"], made["type"])


@given(type_=st.sampled_from(sorted(NOTICES)), field=st.text(min_size=1, max_size=8), value=_JSON)
def test_nothing_unknown_slips_into_the_data(type_: str, field: str, value: Any) -> None:
    if field in NOTICES[type_].__struct_fields__:
        return
    made = event(type_, data=DATA[type_] | {field: value})
    with pytest.raises(Refused):
        read(json.dumps(made).encode(), EVENT, "x")


@given(st.binary(max_size=60))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    with pytest.raises(Refused):
        cloudevents.read(data, EVENT, "tax")

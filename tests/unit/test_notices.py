"""What authorities say comes to the document, to officers, or into reference data; customs' status stays customs'."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.dialects import receipts
from hub import codec, topics
from hub.domain import decrees
from hub.domain.access import Principal
from hub.domain.decrees import Decree, amended
from hub.domain.events import Submission, SubmissionSummary
from hub.domain.keys import china_day
from hub.domain.notices import NOTICES, Notice, authority_of
from hub.domain.reference import Reference, ReferenceRecord, day_number
from hub.domain.screening import RECALLS
from hub.infra.reference import as_versions
from hub.web import story
from hub.web.sight import timeline_for
from tests.support.stage_harness import NOON, World, timeline
from tests.support.zone import ALL, Zone
from tests.unit.test_cloudevents import DATA, a_judge, body, event
from tests.unit.test_zone_import import sold


def tell(world: World, *events: dict[str, Any], id_: str = "") -> None:
    """Hand in events as their authority does, through the door's judge."""
    who = authority_of(events[0]["type"])
    data, media_type = body(*events)
    judged = a_judge()(data, media_type, Principal(who, (who,)), world.now.at)
    submission = Submission(
        id=id_ or f"n{len(world.queues)}-{world.events}", principal=who, sender=judged.sender, received_at=world.now.at,
        message=judged.message, guid="", edition="", documents=judged.documents, authority=judged.authority,
    )  # fmt: skip
    world.submit(submission)
    world.run()


def said(type_: str, number: int = 1, time: str = "2026-06-01T12:00:10+08:00", /, **data: Any) -> dict[str, Any]:
    return event(type_, number, time=time, data=DATA[type_] | data)


# ---- about a document ----------------------------------------------------------------------------------------------------


def test_taxs_word_is_a_line_a_fact_and_an_answer_and_customs_status_stays() -> None:
    zone = Zone()
    _, key, _ = sold(zone)
    before = zone.status(key)
    tell(zone.world, said("tax.receipt.given.v1", document=key, item="tax-bill:1"))
    after = zone.status(key)
    assert timeline(after)[-1] == "receipt accepted"
    assert (after.timeline[-1].by, after.timeline[-1].detail) == ("tax", "tax-bill:1")
    assert after.facts["taxReceipt"] == "accepted"
    assert (after.state, after.code, after.since, after.text) == (before.state, before.code, before.since, before.text)
    answer = zone.world.answers()[-1]
    assert (answer.participant, answer.authority, answer.message, answer.code) == (ALL.name, "tax", "tax.receipt.given.v1", "accepted")
    assert answer.document == key


def test_a_word_finds_its_declaration_by_customs_number() -> None:
    zone = Zone()
    _, key, number = sold(zone)
    tell(zone.world, event("tax.bill.paid.v1", data={"tax_no": "T1", "amount": "9.1", "inventory": number}))
    status = zone.status(key)
    assert timeline(status)[-1] == "tax bill paid"
    assert status.facts["taxPaid"] == str(1_780_286_340_000)


def test_reasons_are_told() -> None:
    zone = Zone()
    _, key, _ = sold(zone)
    reasons = [{"code": "T01", "message": "no such bill"}]
    tell(zone.world, said("tax.receipt.given.v1", document=key, outcome="refused", reasons=reasons))
    assert zone.status(key).timeline[-1].detail == "i1 T01 no such bill"
    assert zone.world.answers()[-1].info == "T01 no such bill"


def test_the_greatest_time_wins_and_what_comes_late_is_told() -> None:
    zone = Zone()
    _, key, _ = sold(zone)
    tell(zone.world, said("tax.refund.decided.v1", 1, "2026-06-01T12:00:20+08:00", document=key, decision="approved"))
    tell(zone.world, said("tax.refund.decided.v1", 2, "2026-06-01T12:00:10+08:00", document=key, decision="refused"))
    status = zone.status(key)
    assert status.facts["refund"] == "approved"
    assert timeline(status)[-2:] == ["refund approved", "older: refund refused"]


def test_the_same_event_again_has_one_effect() -> None:
    zone = Zone()
    _, key, _ = sold(zone)
    word = said("tax.receipt.given.v1", document=key)
    tell(zone.world, word)
    answers = len(zone.world.answers())
    tell(zone.world, word, id_="another message with the same event")
    assert timeline(zone.status(key)).count("receipt accepted") == 1
    assert timeline(zone.status(key))[-1] == "receipt repeated"
    assert len(zone.world.answers()) == answers


def test_receipts_of_different_items_are_in_nobodys_way() -> None:
    zone = Zone()
    _, key, _ = sold(zone)
    tell(zone.world, said("tax.receipt.given.v1", 1, "2026-06-01T12:00:20+08:00", document=key, item="a", outcome="accepted"))
    tell(zone.world, said("tax.receipt.given.v1", 2, "2026-06-01T12:00:10+08:00", document=key, item="b", outcome="refused"))
    tell(zone.world, said("tax.receipt.given.v1", 3, "2026-06-01T12:00:15+08:00", document=key, item="a", outcome="refused"))
    status = zone.status(key)
    assert timeline(status)[-3:] == ["receipt accepted", "receipt refused", "older: receipt refused"]
    assert status.facts["taxReceipt"] == "accepted", "the last word of all"


def test_of_many_items_the_last_are_told_apart() -> None:
    zone = Zone()
    _, key, _ = sold(zone)
    for number in range(40):
        tell(zone.world, said("tax.receipt.given.v1", number, document=key, item=f"item {number}"))
    more = zone.world.register_states()[key].more
    assert more is not None
    assert len(more.words) == 16
    assert "taxReceipt item 39" in more.words


@pytest.mark.parametrize("authority", ["forex", "market", "commerce"])
def test_what_was_told_for_an_officers_sake_is_no_participants_business(authority: str) -> None:
    zone = Zone()
    _, key, _ = sold(zone)
    answers = len(zone.world.answers())
    tell(zone.world, said(f"{authority}.receipt.given.v1", document=key))
    status = zone.status(key)
    assert status.timeline[-1].by == authority
    assert f"{authority}Receipt" not in status.facts
    assert len(zone.world.answers()) == answers
    officer = Principal(authority, ("customs",))
    assert [entry.by for entry in timeline_for(officer, status)][-1] == authority
    assert authority not in {entry.by for entry in timeline_for(ALL, status)}
    assert {entry.by for entry in timeline_for(ALL, status)} >= {"hub", "customs"}


@pytest.mark.parametrize("lead", [{"document": "declaration/9901D00005:NOWHERE"}, {"inventory": "29002026I999999999"}])
def test_a_word_that_fits_nothing_is_parked_and_alarmed(lead: dict[str, str]) -> None:
    world = World()
    data = {"item": "i1", "outcome": "accepted", **lead}
    tell(world, event("tax.receipt.given.v1", data=data))
    assert world.alerts() == []
    world.tick(11 * 60_000)
    assert [alert.rule for alert in world.alerts()] == ["hub.unmatched-receipt"]


def test_a_word_before_its_document_waits_for_it() -> None:
    zone = Zone()
    tell(zone.world, said("tax.receipt.given.v1", document=_key_of_first(zone)))
    _, key, _ = sold(zone)
    assert zone.status(key).facts["taxReceipt"] == "accepted"
    assert zone.status(key).code == "899"


def _key_of_first(zone: Zone) -> str:
    other = Zone()
    _, key, _ = sold(other)
    del zone
    return key


def test_words_do_not_get_into_a_message_of_receipts() -> None:
    zone = Zone()
    _, key, _ = sold(zone)
    tell(zone.world, said("tax.receipt.given.v1", document=key))
    answers = zone.world.answers()
    xml, count = receipts.message(answers[-1:])
    assert (xml, count) == (None, 1)
    xml, _ = receipts.message(answers)
    assert xml is not None
    assert b"tax.receipt" not in xml


# ---- about enterprises and goods -------------------------------------------------------------------------------------------


def test_a_complaint_alarms_and_counts_once_in_the_profile() -> None:
    world = World()
    complaint = said("market.complaint.received.v1", complaint="12315-7")
    tell(world, complaint)
    tell(world, complaint, id_="again")
    assert {(alert.rule, alert.agency, alert.enterprises) for alert in world.alerts()} == {
        ("market.complaint", ("market", "office"), ("9901D00002",))
    }
    assert len({alert.id for alert in world.alerts()}) == 1
    world.tick(11 * 60_000)
    (value,) = [value for _, value, _ in world.published[topics.PROFILES]]
    assert codec.profile(value).complaints == 1


@pytest.mark.parametrize(("finding", "severity"), [("infringing", "red"), ("genuine", "green")])
def test_a_finding_about_a_brand_goes_to_customs(finding: str, severity: str) -> None:
    world = World()
    tell(world, said("market.brand.found.v1", finding=finding))
    (alert,) = world.alerts()
    assert (alert.severity, alert.agency, alert.declaration) == (severity, ("customs", "market"), "declaration/9901D00005:C1")
    assert {topic for topic in world.published if topic.startswith("out.")} == {"out.customs", "out.market"}


REFERENCED = [type_ for type_ in NOTICES if decrees._CHANGES.get(NOTICES[type_])]


@pytest.mark.parametrize("type_", REFERENCED)
def test_a_change_of_reference_data_goes_to_the_one_who_writes_them(type_: str) -> None:
    world = World()
    tell(world, said(type_))
    ((key, value, _),) = world.published[topics.NOTICES]
    decree = codec.decoder(Decree)(value)
    assert key.decode() == f"{decree.kind}/{decree.id}"
    assert decree.first == china_day(NOON)
    assert topics.REFERENCE not in world.published


# ---- changes of reference data -----------------------------------------------------------------------------------------------


def decree(type_: str, number: int = 1, day: int = 20260601, /, **data: Any) -> Decree:
    made = Notice(f"n{number}", type_, NOON, json.dumps(DATA[type_] | data).encode())
    found = decrees.decree_of(made, day, "authority")
    assert found is not None
    assert decrees.wrong_with(found) == []
    return found


def make(data: Reference, *changes: Decree) -> None:
    """Write what the changes make, as who numbers the versions does."""
    for change in changes:
        for record in as_versions(amended(data, change), data):
            data.put(record, data.reached + 1)


def recalls(data: Reference, day: int) -> set[str]:
    return {entry["name"] for entry in (data.find("list", RECALLS, day) or {}).get("entries", ())}


def test_a_recall_holds_from_its_day_to_its_end_beside_what_officers_listed() -> None:
    data = Reference()
    officers = {"entries": [{"name": "theirs", "terms": ["x"]}], "source": "officers"}
    data.put(ReferenceRecord("list", RECALLS, 1, "2026-01-01", value=officers), 0)
    make(data, decree("market.recall.issued.v1", first="2026-06-10", until="2026-07-01"))
    assert recalls(data, 20260609) == {"theirs"}
    assert recalls(data, 20260610) == recalls(data, 20260630) == {"theirs", "a toy"}
    assert recalls(data, 20260701) == {"theirs"}
    assert data.find("list", RECALLS, 20260610)["source"] == "officers"  # type: ignore[index]


def test_a_recall_before_one_that_is_to_come_keeps_it() -> None:
    data = Reference()
    make(
        data,
        decree("market.recall.issued.v1", 1, first="2026-07-01"),
        decree("market.recall.issued.v1", 2, name="another", first="2026-06-15"),
        decree("market.recall.withdrawn.v1", 3, first="2026-08-01"),
    )
    by_day = {day: recalls(data, day) for day in (20260614, 20260615, 20260701, 20260801)}
    assert by_day == {20260614: set(), 20260615: {"another"}, 20260701: {"another", "a toy"}, 20260801: {"another"}}


def test_what_was_in_force_is_never_rewritten() -> None:
    data = Reference()
    make(data, decree("market.recall.issued.v1", 1, 20260601))
    known = data.reached
    make(data, decree("market.recall.withdrawn.v1", 2, 20260610))
    assert {entry["name"] for entry in data.find("list", RECALLS, 20260605)["entries"]} == {"a toy"}  # type: ignore[index]
    assert recalls(data, 20260610) == set()
    # … and what was known then of the days after stays what it was.
    assert data.find("list", RECALLS, 20260610, known)["entries"]  # type: ignore[index]
    with pytest.raises(ValueError, match="not rewritten"):
        decree("market.recall.issued.v1", 3, 20260610, first="2026-06-09")


def test_a_permit_is_granted_changed_and_revoked() -> None:
    data = Reference()
    id_ = "9901D00002~6A002"
    make(data, decree("commerce.permit.revoked.v1", 0))
    assert data.find("permit", id_, 20260601) is None
    make(data, decree("commerce.permit.granted.v1", 1, until="2027-01-01"), decree("commerce.permit.changed.v1", 2, first="2026-07-01", until="2027-01-01"))
    assert [data.find("permit", id_, day)["quantity"] for day in (20260601, 20260701)] == ["10", "5"]  # type: ignore[index]
    make(data, decree("commerce.permit.revoked.v1", 3, first="2026-08-01"))
    assert data.find("permit", id_, 20260731)["quantity"] == "5"  # type: ignore[index]
    assert data.find("permit", id_, 20260801) == {"number": "XK1", "quantity": "0", "unit": "011", "notice": "n3"}
    assert data.find("permit", id_, 20270101) is None


@pytest.mark.parametrize(("put", "taken", "id_", "level"), [
    ("forex.attention.placed.v1", "forex.attention.lifted.v1", "9901D00002~safe", ("B", "A")),
    ("commerce.enterprise.listed.v1", "commerce.enterprise.delisted.v1", "9901D00002~screening", ("listed", "cleared")),
])  # fmt: skip
def test_an_enterprise_is_put_on_a_list_and_taken_off(put: str, taken: str, id_: str, level: tuple[str, str]) -> None:
    data = Reference()
    make(data, decree(put, 1), decree(taken, 2, first="2026-07-01"))
    assert tuple(data.find("credit", id_, day)["level"] for day in (20260601, 20260701)) == level  # type: ignore[index]
    assert data.find("credit", id_, 20260601)["recorded_by"] == "authority"  # type: ignore[index]


_DAYS = st.integers(1, 28).map(lambda day: f"2026-06-{day:02d}")
_CHANGES = st.lists(
    st.tuples(st.sampled_from(("a", "b", "c")), _DAYS, st.integers(0, 10), st.booleans()), min_size=1, max_size=6
)


@given(changes=_CHANGES, cut=st.integers(0, 40))
def test_an_interrupted_change_is_completed_and_a_repeated_one_changes_nothing(changes: list[tuple[str, str, int, bool]], cut: int) -> None:
    made = []
    for number, (name, first, length, issued) in enumerate(changes):
        until = f"2026-06-{min(29, int(first[-2:]) + length):02d}"
        if issued:
            span = {"until": until} if length and until > first else {}
            made.append(decree("market.recall.issued.v1", number, name=name, first=first, **span))
        else:
            made.append(decree("market.recall.withdrawn.v1", number, name=name, first=first))
    whole, broken = Reference(), Reference()
    written = 0
    for change in made:
        make(whole, change)
        for record in as_versions(amended(broken, change), broken):
            written += 1
            if written == cut:
                break  # killed in the middle of the records of one change
            broken.put(record, broken.reached + 1)
        make(broken, change, change)
    for day in range(20260601, 20260631):
        assert recalls(whole, day) == recalls(broken, day)
        expected: set[str] = set()
        for change in made:
            if change.first <= day < (change.until or 99_999_999):
                expected = expected | {change.value["name"]} if change.act == "enter" else expected - {change.value["name"]}
        assert recalls(whole, day) == expected
    assert all(day_number(record.valid_from) >= 20260601 for record in whole.versions("list", RECALLS))


def test_an_authority_reads_that_its_event_was_received() -> None:
    summary = SubmissionSummary(
        "s", "tax", "tax", NOON, "CloudEvents", "", "", "0" * 64, 1, "application/cloudevents+json", ((0, "notice", "n1", ()),)
    )
    [row] = story.submission_json(Principal("tax", ("tax",)), summary, [], refused=False)["documents"]
    assert (row["kind"], row["status"], row["state"]) == ("notice", "accepted", "received")
    [row] = story.submission_json(Principal("tax", ("tax",)), summary, [], refused=True)["documents"]
    assert row["state"] == "refused"

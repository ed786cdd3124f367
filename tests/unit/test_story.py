"""The story of what follows a declaration: facts, days left, applications, bills, summaries, answers explained."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import click
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from hub.cli.trace import is_over, told
from hub.domain import summary
from hub.domain.access import ROLES, Principal
from hub.domain.events import SubmissionSummary
from hub.domain.reading import HandOverRow, bill_of, later, need, need_at
from hub.domain.summary import Closed
from hub.web import sight, story
from schemas import samples
from tests.support.kept import Kept
from tests.support.zone import ALL, DXP_ID, WHO, Zone
from tests.unit.test_zone_export import bill, closed, sale, shipped
from tests.unit.test_zone_import import DAY, STORED, never_summarised, sold

SENDERS = {"waybill": "carrier", "departure": "carrier", "arrival": "site", "warehouse_entry": "site"}
CARRIER = Principal(name="carrier", roles=("carrier",))
STRANGER = Principal(name="somebody", roles=("declarant",), codes=("9901D00099",))


async def read(zone: Zone, number: str, viewer: Principal = ALL, kept: Kept | None = None) -> dict[str, Any]:
    found = await story.find(kept or Kept(zone), viewer, number)
    assert found is not None, number
    return json.loads(json.dumps(story.declaration_json(viewer, found, zone.now)))


def lines(body: dict[str, Any], language: str = "en") -> str:
    return click.unstyle("\n".join(told(body, language)))


async def test_facts_are_told_with_the_days_that_are_left() -> None:
    zone = Zone(never_summarised())
    _, key, number = sold(zone)
    zone.days(2.5)
    body = await read(zone, number)
    assert body["facts"]["released"].endswith("Z")
    assert (body["facts"]["taxNo"], body["facts"]["taxStatus"]) == (f"{number}_0", "1")
    assert (body["days_left"]["returnBy"], body["days_left"]["taxBy"]) == (27, 42)
    assert "goodsBackBy" not in body["days_left"], "nothing is on its way back"
    assert (body["message"], body["need"]) == ("CEB621", "")
    assert "27 days left" in lines(body)
    assert "剩余 27 天" in lines(body, "zh")
    zone.days(29)
    body = await read(zone, number)
    assert ("returnBy" in body["days_left"], body["need"], body["turn"]) == (False, "tax", "declarant")
    zone.days(15)
    body = await read(zone, number)
    assert (body["need"], body["days_left"]["taxBy"] < 0) == ("tax overdue", True)
    assert need(zone.status(key)) == "", "the projection knows no time"


async def test_applications_are_in_the_declarations_story_and_tell_their_own() -> None:
    zone = Zone()
    made, key, number = sold(zone)
    quantity = int(made.declaration.list[0].qty or 0)
    zone.send("CEB625", samples.returned(made.declaration, number, quantities={"1": quantity}, at=zone.now))
    zone.settle()
    again = zone.send("CEB625", samples.returned(made.declaration, number, quantities={"1": 1}, turn=2, at=zone.now))[0]
    assert need(zone.status(again)) == "doubtful"
    body = await read(zone, number)
    assert body["key"] == key.partition("/")[2]
    assert [d["kind"] for d in body["documents"]].count("return") == 2
    assert [f["code"] for d in body["documents"] for f in d["differences"]] == ["application.quantity"]
    assert "application.quantity" in lines(body)
    own = await read(zone, again)
    assert (own["kind"], own["message"], own["need"], own["turn"]) == ("return", "CEB625", "doubtful", "declarant")
    assert [f["code"] for f in own["match"]["differences"]] == ["application.quantity"]
    become = story._become(ALL, zone.status(again))
    assert [f["code"] for f in become["differences"]] == ["application.quantity"]
    assert "declaration" in {d["kind"] for d in own["documents"]}
    zone.settle()
    answered = await read(zone, again)
    assert answered["status"]["explanation"]
    assert answered["status"]["next_zh"] in lines(answered, "zh")


async def test_customs_answer_is_explained_beside_its_own_text() -> None:
    zone = Zone(STORED)
    made, key, _ = sold(zone)
    head = made.declaration.head
    zone.receive(
        "CEB622", guid="9" * 36, agentCode=head.agentCode or "", copNo=head.copNo or "", returnStatus="-621001",
        returnTime="20260602120500000", returnInfo="made up",
    )  # fmt: skip
    status = zone.status(key)
    assert status.code == "-621001"
    shown = story.status_json(status)
    assert (shown["text"], bool(shown["explanation"]), bool(shown["next_zh"])) == ("made up", True, True)
    work = story.work_json(ALL, status, zone.now)
    assert (work["need"], work["next_step"], work["next_step_zh"]) == ("rejected", shown["next"], shown["next_zh"])
    summary = SubmissionSummary(
        id=status.submission, principal=status.principal, sender="", received_at=zone.now, message="CEB621", guid="",
        edition="202205", digest="", size=1, media_type="", documents=((status.index, status.kind, story.business(key), ()),),
    )  # fmt: skip
    [row] = story.submission_json(ALL, summary, [status], refused=False)["documents"]
    assert {name: row[name] for name in ("text", "explanation", "next_zh")} == {
        name: shown[name] for name in ("text", "explanation", "next_zh")
    }
    assert "explanation" not in story.status_json(msgspec.structs.replace(status, code="4711", text=""))


@pytest.mark.parametrize(("note", "known"), [("2001 no such receiver", True), ("HTTP 400 0002 schema", True), ("4711 own", False), ("HTTP 500", False), ("20011", False), ("", False)])
async def test_an_answer_of_the_exchange_platform_is_explained_where_it_is_one(note: str, known: bool) -> None:
    zone = Zone(STORED)
    _, key, number = sold(zone)
    kept = Kept(zone)
    kept.rows = [HandOverRow(zone.status(key).submission, "customs", "", "refused", zone.now, 1, note)]
    body = await read(zone, number, kept=kept)
    row = next(one for one in body["handovers"] if one["note"] == note and one["at"])
    assert ("explanation" in row and "next_zh" in row) == known
    assert not known or row["explanation"] in lines(body)


async def test_a_bills_number_leads_to_its_documents_and_they_list_what_became_of_the_parcels() -> None:
    zone = Zone("silence")
    made = [sale(zone, number)[0] for number in (1, 2)]
    part = bill(zone, "CEB607", samples.consolidation([m.declaration for m in made], at=zone.now))[0]
    number = zone.status(part).numbers["billNo"]
    zone.tick(1000)
    body = await read(zone, number)
    assert (body["kind"], body["message"]) == ("consolidation", "CEB607")
    assert (body["parcels"]["count"], body["parcels"]["complete"]) == (2, True)
    assert {one["kind"] for one in body["parcels"]["items"]} == {"declaration"}
    declared = await read(zone, made[0].declaration.head.copNo or "")
    assert "consolidation" in {d["kind"] for d in declared["documents"]}
    assert "parcels" not in declared
    # The carrier reads its waybills; of the declarations, which are another's, nothing.
    zone_ = Kept(zone, SENDERS)
    departure = bill(zone, "CEB509", samples.departure([m.declaration for m in made], at=zone.now))[0]
    zone_ = Kept(zone, SENDERS)
    carried = await read(zone, departure, CARRIER, zone_)
    assert {one["kind"] for one in carried["parcels"]["items"]} == {"waybill"}
    assert len(carried["parcels"]["items"]) == 2
    assert await story.find(zone_, STRANGER, number) is None
    assert "1 part 2" not in lines(body)


async def test_a_part_that_is_missing_is_said_to_be() -> None:
    zone = Zone("silence")
    made = [sale(zone, number)[0] for number in (1, 2)]
    parts = samples.consolidation([m.declaration for m in made], parts=2, at=zone.now)
    key = bill(zone, "CEB607", [parts[0]])[0]
    zone.tick(6000)
    assert need(zone.status(key)) == "parts missing"
    body = await read(zone, key)
    assert "awaited: part 2" in lines(body)
    assert "待到: 第 2 份" in lines(body, "zh")
    waybill = zone.send("CEB505", samples.export_set(9, at=zone.now).waybill)[0]
    assert need(zone.status(waybill)) == "not named"
    stored = msgspec.structs.replace(zone.status(waybill), code="120")
    assert need(stored) == "not named", "customs having stored it does not name it"


async def test_an_import_parcels_bill_is_known_by_the_word_of_its_warehouse_entry() -> None:
    zone = Zone()
    made, key, _ = sold(zone)
    entry = zone.send("CEB711", samples.warehouse_entry([made.declaration], at=zone.now))[0]
    zone.settle()
    assert bill_of(zone.status(key)) == bill_of(zone.status(entry)) == zone.status(entry).numbers["billNo"]
    body = await read(zone, key)
    assert "warehouse_entry" in {d["kind"] for d in body["documents"]}


async def test_closed_exports_are_to_be_summarised_until_a_summary_names_them_and_again_if_it_is_refused() -> None:
    zone = Zone()
    _, keys, numbers = closed(zone)
    declarations = [one["declaration"] for one in keys]
    for key in declarations:
        status = zone.status(key)
        assert status.goods is not None
        coming = later(status)
        assert coming is not None
        assert (coming.need, coming.begins) == ("summary", status.since)
        assert need_at(status, coming.by) == "summary overdue"
        assert need_at(status, zone.now) == "summary"
    [application] = samples.summary(numbers, at=zone.now)
    key = zone.send("CEB701", application)[0]
    assert [later(zone.status(one)) for one in declarations] == [None, None]
    refused = msgspec.structs.replace(zone.status(declarations[0]), facts={**zone.status(declarations[0]).facts, "summary": ""})
    assert later(refused) is not None
    zone.settle(8)
    body = await read(zone, key)
    assert body["kind"] == "summary"
    number = zone.status(key).numbers["sumNo"]
    by_number = await read(zone, number)
    assert (by_number["kind"], by_number["parcels"]["count"]) == ("summary", 2)
    declared = await read(zone, declarations[0])
    assert declared["facts"]["summary"] == "concluded"
    assert "summary" in {d["kind"] for d in declared["documents"]}
    assert "报关单 " in lines(by_number, "zh")


def test_only_exports_that_are_summarised_keep_their_goods() -> None:
    zone = Zone("silence")
    _, b2b = sale(zone, 1, mode="9710")
    _, sold_ = sale(zone, 2)
    assert zone.status(b2b["declaration"]).goods is None
    assert zone.status(sold_["declaration"]).goods is not None
    zone2 = Zone()
    _, key, _ = sold(zone2)
    assert zone2.status(key).goods is None


def test_goods_of_a_return_are_awaited_from_ten_days_before_they_are_due() -> None:
    zone = Zone()
    made, key, number = sold(zone)
    zone.send("CEB625", samples.returned(made.declaration, number, quantities={"1": 1}, at=zone.now))
    facts = {name: value for name, value in zone.status(key).facts.items() if not name.startswith("tax")}
    status = msgspec.structs.replace(zone.status(key), facts=facts)
    by = int(facts["goodsBackBy"])
    assert [need_at(status, at) for at in (zone.now, by - 10 * DAY, by - 1, by)] == ["", "goods back", "goods back", "goods back overdue"]


async def test_a_story_about_others_is_over_when_customs_has_concluded_it() -> None:
    zone = Zone()
    made = [sale(zone)[0]]
    zone.settle()
    shipped(zone, made)
    key = next(key for key in zone.world.statuses() if key.startswith("consolidation/"))
    body = await read(zone, key)
    assert is_over(body)
    body["status"]["code"] = "120"
    assert not is_over(body)


def test_the_application_written_from_the_preview_is_taken_by_the_door_and_by_customs() -> None:
    zone = Zone()
    _, keys, numbers = closed(zone, (1, 2, 3))
    statuses = [zone.status(one["declaration"]) for one in keys]
    members = [Closed(WHO.agent, status.numbers["invtNo"], status.goods) for status in statuses if status.goods]
    found = summary.entries(members)
    assert sorted(number for entry in found for number in entry.declarations) == sorted(numbers)
    twin = summary.application(found, "2026-06", zone.now, names={}, dxp_id=DXP_ID, by_owner=True, most=2)
    assert twin is not None
    parts = zone.send_twin(twin)
    assert [zone.status(part).faults for part in parts] == [(), ()]
    zone.settle(8)
    assert {zone.status(status.key).facts["summary"] for status in statuses} == {"concluded"}
    assert all(zone.status(part).code == "399" for part in parts)


principals = some.builds(
    Principal,
    name=some.sampled_from(("all", "carrier", "site", "somebody")),
    roles=some.lists(some.sampled_from(ROLES), max_size=2).map(tuple),
    codes=some.lists(some.sampled_from((WHO.platform, WHO.merchant, WHO.carrier, WHO.agent, WHO.site, "9901D00099")), max_size=2).map(tuple),
    suspended=some.booleans(),
)


@pytest.fixture(scope="module")
def shipped_zone() -> Kept:
    """A sale that was shipped, summarised and in part returned, handed in by several."""
    zone = Zone()
    made, _, numbers = closed(zone, (1,))
    zone.send("CEB701", samples.summary(numbers, at=zone.now)[0])
    zone.send("CEB213", samples.returned(made[0].declaration, numbers[0], quantities={"1": 1}, at=zone.now))
    zone.settle(8)
    return Kept(zone, SENDERS)


@given(principals, some.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_nobody_is_told_what_is_not_theirs_of_what_follows(shipped_zone: Kept, viewer: Principal, data: some.DataObject) -> None:
    number = data.draw(some.sampled_from(sorted(shipped_zone.by_key)))
    found = asyncio.run(story.find(shipped_zone, viewer, number))  # type: ignore[arg-type]  # it has what a story asks for
    readable = {key for key, status in shipped_zone.by_key.items() if sight.may_read(viewer, status)}
    if found is None:
        assert number not in readable
        return
    assert found.subject.key in readable
    body = story.declaration_json(viewer, found, 1)
    own = {key.partition("/")[2] for key in readable}
    assert {one["key"] for one in body.get("parcels", {"items": []})["items"]} <= own
    assert {line["key"] for line in body["timeline"]} <= own
    for document in body["documents"]:
        if f"{document['kind']}/{document['key']}" not in readable:
            assert (document["submission"], document["message"], document["faults"], document["differences"]) == ("", "", [], [])
    if not sight.is_officer(viewer):
        assert "findings" not in body

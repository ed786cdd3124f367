"""Topics → projector → PostgreSQL → HTTP, on a real Kafka and a real PostgreSQL."""

import asyncio
import contextlib
import json
import re
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import asyncpg
import msgspec
import pytest
from aiohttp import ClientSession, web

from adapters.dialects import receipts
from hub import codec, topics
from hub.domain.desk import Action, Came, case_of
from hub.domain.events import Alert, Finding, HeldBy, Hold, Profile, Registered, RegisteredLine, Tick
from hub.domain.faults import Fault
from hub.domain.kinds import BILL_KINDS
from hub.domain.reading import DeskFilter
from hub.domain.summary import due_of, month_of
from hub.infra.database import migrate
from hub.infra.feed import Feeds
from hub.infra.reading import PostgresReader
from hub.infra.readmodel import TABLES, PostgresWriter
from hub.infra.records import KafkaRecords
from hub.web.app import make_app
from hub.web.ports import Parts
from hub.wiring import ITEMS
from schemas import samples
from streams.api import Record
from streams.project import Projector
from streams.stages.desk import Desk
from tests.support.following import events, some
from tests.support.kept import Kept
from tests.support.reading import (
    CALLERS,
    MIDNIGHT,
    PARTITIONS,
    Case,
    FixedClock,
    PlainSealer,
    alert_of,
    answer_of,
    assessment_of,
    feed,
    make_topics,
    original,
    refusal_record,
    status_record,
    story_of,
    submission_record,
)
from tests.support.zone import Zone
from tests.unit.test_zone_export import closed
from tests.unit.test_zone_import import never_summarised, sold

FAULT = Fault("schema.length", "/CEB621Message/Inventory[1]", 12, "too long", "超长")


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 20) -> None:
    """Wait for a condition; a test fails when it does not come."""
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, "the condition did not come"
        await asyncio.sleep(0.05)


@dataclass
class House:
    """One read model with its own topics, fed and read by the test."""

    kafka: str
    dsn: str
    prefix: str
    url: str = ""
    session: ClientSession | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    clock: FixedClock = field(default_factory=lambda: FixedClock(MIDNIGHT + 10_000))

    async def feed(self, records: list[Any]) -> None:
        await feed(self.kafka, records, self.prefix)

    @contextlib.asynccontextmanager
    async def projecting(self) -> AsyncIterator[Projector]:
        writer = PostgresWriter(self.dsn)
        projector = Projector(self.kafka, writer, prefix=self.prefix)
        task = asyncio.create_task(projector.run())
        try:
            yield projector
        finally:
            projector.stop()
            await asyncio.wait_for(task, 15)
            await writer.close()

    async def caught_up(self, seconds: float = 30) -> None:
        records = KafkaRecords(self.kafka, self.prefix)
        reader = PostgresReader(self.dsn)

        async def level() -> bool:
            ends = await records.ends([topic.name for topic in topics.TOPICS])
            applied = await reader.applied()
            return all(applied.get(place, 0) == end for place, end in ends.items())

        try:
            await until(level, seconds)
        finally:
            await records.close()
            await reader.close()

    async def contents(self) -> dict[str, list[tuple[Any, ...]]]:
        connection = await asyncpg.connect(self.dsn)
        try:
            return {
                table: sorted(tuple(map(str, row)) for row in await connection.fetch(f"SELECT * FROM {table}"))
                for table in TABLES
            }
        finally:
            await connection.close()

    async def get(self, path: str, key: str = "key-agent", **headers: str) -> tuple[int, Any]:
        assert self.session is not None
        async with self.session.get(self.url + path, headers={"Authorization": f"Bearer {key}", **headers}) as answer:
            body = await answer.read()
            self.headers = answer.headers
            return answer.status, json.loads(body) if "json" in answer.content_type else body


@pytest.fixture
async def house(kafka: str, database: str) -> AsyncIterator[House]:
    made = House(kafka, database, f"test-{secrets.token_hex(6)}-")
    await migrate(database)
    await make_topics(kafka, made.prefix)
    reader, records = PostgresReader(database), KafkaRecords(kafka, made.prefix)
    feeds = Feeds(kafka, PARTITIONS, ITEMS, prefix=made.prefix)
    parts = Parts(
        read=reader,
        records=records,
        sealer=PlainSealer(),
        clock=made.clock,
        by_key=CALLERS.get,
        by_name=lambda name: CALLERS.get(f"key-{name}"),
        session_secret=b"s" * 32,
        receipt_xml=receipts.message,
        feed=feeds.of,
        partitions=PARTITIONS,
    )
    runner = web.AppRunner(make_app(parts))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with ClientSession() as session:
        made.session = session
        yield made
    await runner.cleanup()
    await feeds.close()
    await records.close()
    await reader.close()


async def test_a_released_declaration_is_told_from_any_of_its_numbers(house: House) -> None:
    case = Case(7)
    async with house.projecting():
        await house.feed(story_of(case))
        await house.caught_up()
        numbers = (
            case.business("declaration"),
            f"{case.platform}:NO000007",
            "NO000007",
            "WB000007",
            "COP000007",
            f"I{7:017d}",
            case.submission("declaration"),
            case.keys["declaration"],
        )
        for number in numbers:
            status, body = await house.get(f"/v1/declarations/{number}")
            assert status == 200, number
            assert body["key"] == case.business("declaration"), number
    assert body["status"]["code"] == "800"
    assert [document["kind"] for document in body["documents"]] == ["order", "payment", "waybill", "declaration"]
    assert [line["what"] for line in body["timeline"] if line["by"] == "customs"] == ["2", "120", "800"]
    assert body["match"] == {"state": "matched", "awaited": [], "due": "", "differences": [], "notes": []}
    assert {one["recipient"] for one in body["handovers"]} == {"customs"}


async def test_a_tax_bills_number_leads_to_its_declaration(house: House) -> None:
    case, number = Case(8), "29212026I000000008"
    async with house.projecting():
        await house.feed(story_of(case))
        final = case.released("declaration")
        await house.feed([status_record(msgspec.structs.replace(final, revision=99, numbers={"invtNo": number}))])
        await house.caught_up()
        for asked in (number, f"{number}_0", f"{number}_12"):
            assert (await house.get(f"/v1/declarations/{asked}"))[1].get("key") == case.business("declaration"), asked
        assert (await house.get("/v1/declarations/29212026I000000009_0"))[0] == 404


async def test_findings_scores_and_alerts_are_for_officers_only(house: House) -> None:
    case = Case(8)
    key = case.business("declaration")
    async with house.projecting():
        await house.feed(story_of(case))
        await house.caught_up()
        _, officer = await house.get(f"/v1/declarations/{key}", "key-customs")
        _, declarant = await house.get(f"/v1/declarations/{key}")
        assert officer["findings"][0]["code"] == "R06"
        assert (officer["score"], officer["recommendation"]) == (12, "release")
        assert not {"findings", "score", "recommendation", "level", "assessment"} & declarant.keys()
        assert "secret" not in json.dumps(declarant)
        assert (await house.get("/v1/alerts", "key-customs"))[1]["items"][0]["id"] == "al-8"
        assert (await house.get("/v1/alerts/al-8", "key-customs"))[0] == 200
        assert (await house.get("/v1/alerts", "key-tax"))[1]["items"] == []
        for stranger in ("key-agent", "key-platform", "key-operator"):
            assert (await house.get("/v1/alerts", stranger))[0] == 404
            assert (await house.get("/v1/alerts/al-8", stranger))[0] == 404


async def test_what_is_anothers_is_answered_like_what_does_not_exist(house: House) -> None:
    case = Case(9)
    async with house.projecting():
        await house.feed(story_of(case))
        await house.caught_up()
        submission = case.submission("declaration")
        strangers = ("key-stranger", "key-operator", "key-carrier")

        async def told_apart(path: str) -> None:
            """What does not exist and what is another's are each looked for during two seconds: all of them at a time."""
            nowhere = path.replace(submission, "0" * 32).replace("COP", "NIL")
            (status, missing), *theirs = await asyncio.gather(
                house.get(nowhere, "key-stranger"), *[house.get(path, caller) for caller in strangers]
            )
            assert status == 404
            for caller, (found, said) in zip(strangers, theirs, strict=True):
                assert found == 404, (path, caller)
                assert {**said, "instance": ""} == {**missing, "instance": ""}
            assert (await house.get(path, "no such key"))[0] == 401

        await asyncio.gather(*map(told_apart, (
            f"/v1/declarations/{case.business('declaration')}",
            f"/v1/submissions/{submission}",
            f"/v1/submissions/{submission}/original",
            f"/v1/submissions/{submission}/acknowledgement",
        )))
        for path in ("/v1/worklist", "/v1/search", f"/v1/search?number={case.business('order')}", "/v1/receipts"):
            assert (await house.get(path, "key-stranger"))[1]["items"] == []
        carrier = (await house.get("/v1/declarations/WB000009", "key-carrier"))[1]
        assert carrier["kind"] == "waybill"
        assert {one["submission"] for one in carrier["documents"] if one["kind"] != "waybill"} == {""}
        assert {line["document"] for line in carrier["timeline"]} == {"waybill"}


async def test_original_bytes_and_acknowledgement_go_to_their_sender_only(house: House) -> None:
    case = Case(10)
    async with house.projecting():
        await house.feed(story_of(case))
        await house.caught_up()
        path = f"/v1/submissions/{case.submission('declaration')}"
        assert (await house.get(f"{path}/original"))[1] == original(case, "declaration")
        assert (await house.get(f"{path}/acknowledgement"))[1] == {"made": "up"}
        status, refused = await house.get(f"{path}/original", "key-customs")
        assert (status, refused["faults"][0]["code"]) == (403, "access.purpose_missing")
        assert (await house.get(f"{path}/original?purpose=case+7", "key-customs"))[0] == 503, "nothing is recorded here"
        assert (await house.get(f"{path}/original?purpose=case+7", "key-office"))[0] == 404
        _, shown = await house.get(path)
        assert (shown["status"], shown["documents"][0]["state"]) == ("accepted", "released")


async def test_what_was_refused_can_be_read_back_by_its_sender_only(house: House) -> None:
    case = Case(13)
    async with house.projecting():
        record = refusal_record(case, "declaration", FAULT)
        await house.feed([record])
        await house.caught_up()
        path = f"/v1/submissions/{record[1].decode()}/original"
        assert (await house.get(path))[:2] == (200, original(case, "declaration"))
        assert (await house.get(path, "key-stranger"))[0] == 404


async def test_a_suspended_account_is_told_so_and_nothing_else(house: House) -> None:
    for path in ("/v1/alerts", "/v1/search", "/v1/receipts", "/v1/submissions/x", "/v1/declarations/x"):
        status, answer = await house.get(path, "key-suspended")
        assert (status, answer["faults"][0]["code"]) == (403, "access.suspended"), path


async def test_the_read_model_rebuilt_from_the_first_offset_is_the_same(house: House) -> None:
    cases = [Case(number, MIDNIGHT + number * 300) for number in range(100, 130)]
    async with house.projecting():
        for case in cases:  # little by little, so that batches differ from the rebuild's
            await house.feed(story_of(case))
        await house.feed([submission_record(cases[0], "order"), refusal_record(cases[1], "declaration", FAULT)])
        await house.feed(story_of(cases[2]))  # a stage that was killed says everything again
        await house.caught_up()
    before = await house.contents()
    assert len(before["documents"]) == 4 * len(cases)
    documents = [row for row in before["throughput"] if row[2] == "documents"]
    assert sum(int(row[4]) for row in documents) == 4 * len(cases)
    writer = PostgresWriter(house.dsn)
    await writer.reset()
    await writer.close()
    assert not (await house.contents())["documents"]
    async with house.projecting():
        await house.caught_up()
    assert await house.contents() == before


async def test_two_projectors_apply_every_record_once(house: House) -> None:
    cases = [Case(number) for number in range(200, 240)]
    async with house.projecting(), house.projecting():
        for case in cases:
            await house.feed(story_of(case))
        await house.caught_up(60)
    counted = [row for row in (await house.contents())["throughput"] if row[2] in ("documents", "receipts")]
    assert sum(int(row[4]) for row in counted) == 7 * len(cases)


async def test_an_older_revision_behind_a_newer_one_changes_nothing(house: House) -> None:
    case = Case(11)
    async with house.projecting():
        await house.feed([status_record(case.released("declaration"))])
        await house.caught_up()
        await house.feed([status_record(case.status("declaration", 2, "waiting", match="waiting"))])
        await house.caught_up()
        assert (await house.get(f"/v1/declarations/{case.business('declaration')}"))[1]["status"]["code"] == "800"


async def test_a_record_that_cannot_be_read_stops_nobody(house: House) -> None:
    case = Case(12)
    poison = [(topic, b"k", b"\xff not json", []) for topic in (topics.STATUSES, topics.ALERTS, topics.ANSWERS)]
    foreign = (topics.SUBMISSIONS, b"k", b"", [("summary", b"\xc1")])
    async with house.projecting() as projector:
        await house.feed([*poison, foreign, (topics.SUBMISSIONS, b"\x00tick", b"", []), *story_of(case)])
        await house.caught_up()
        assert projector.skipped == 4
        assert (await house.get("/v1/declarations/COP000012"))[0] == 200


async def test_the_projector_waits_for_postgresql_and_catches_up(house: House) -> None:
    case = Case(13)
    connection = await asyncpg.connect(house.dsn)
    async with house.projecting():
        await house.caught_up()
        await connection.execute("ALTER TABLE documents RENAME TO away")
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'hub project' "
            "AND datname = current_database()"
        )
        await connection.execute("ALTER TABLE away RENAME TO documents")
        await house.feed(story_of(case))
        await house.caught_up()
        assert (await house.get("/v1/declarations/COP000013"))[1]["status"]["code"] == "800"
    await connection.close()


async def test_a_declaration_just_submitted_is_waited_for(house: House) -> None:
    case = Case(14)
    async with house.projecting():
        await house.caught_up()
        asked = asyncio.create_task(house.get(f"/v1/declarations/{case.business('declaration')}"))
        await house.feed(story_of(case))
        assert (await asked)[0] == 200


async def test_the_worklist_says_what_is_open_and_the_next_step(house: House) -> None:
    stuck, wrong, fine = Case(20), Case(21), Case(22)
    waiting = stuck.status("declaration", 2, "waiting", match="waiting", awaited=("payment",), turn="payer")
    rejected = wrong.status("declaration", 5, "rejected", code="100", turn="sender")
    async with house.projecting():
        await house.feed([status_record(waiting), status_record(rejected), status_record(fine.released("declaration"))])
        await house.caught_up()
        _, work = await house.get("/v1/worklist")
        assert {item["key"]: (item["need"], item["turn"]) for item in work["items"]} == {
            stuck.business("declaration"): ("waiting", "payer"),
            wrong.business("declaration"): ("rejected", "sender"),
        }
        assert all(item["next_step"] and item["next_step_zh"] for item in work["items"])
        assert {name: total["count"] for name, total in work["totals"].items()} == {"waiting": 1, "rejected": 1}
        assert (await house.get("/v1/worklist", "key-market"))[1]["totals"].keys() == {"waiting", "rejected"}
        _, found = await house.get("/v1/search?status=rejected&from=2025-11-10&to=2025-11-12")
        assert [item["key"] for item in found["items"]] == [wrong.business("declaration")]
        assert found["covered"] == {"from": "2025-11-09T16:00:00.000Z", "to": "2025-11-11T16:00:00.000Z"}
        assert (await house.get("/v1/search?from=yesterday"))[1]["faults"][0]["code"] == "transport.bad_query"


async def test_closed_exports_are_grouped_previewed_and_written_as_an_application(house: House) -> None:
    zone = Zone()
    _, keys, numbers = closed(zone, (1, 2, 3))
    kept = Kept(zone, {"declaration": "agent", "order": "platform", "waybill": "carrier", "consolidation": "agent"})
    closed_at = max(zone.status(one["declaration"]).since for one in keys)
    month, due = month_of(closed_at), due_of(month_of(closed_at))
    house.clock.at = due - 3 * 86_400_000 - 1
    async with house.projecting():
        await house.feed([status_record(status) for status in kept.by_key.values()])
        await house.caught_up()
        _, work = await house.get("/v1/worklist")
        [group] = work["summaries"]
        assert (group["month"], group["count"], group["days_left"], group["need"]) == (month, 3, 3, "summary")
        assert work["items"] == [], "a thousand declarations are one entry, not a thousand"
        assert (await house.get("/v1/worklist", "key-stranger"))[1]["summaries"] == []
        assert (await house.get("/v1/worklist", "key-customs"))[1]["summaries"] == [group]
        _, shown = await house.get(group["preview"])
        assert (shown["declarations"], shown["complete"], shown["days_left"]) == (3, True, 3)
        assert sorted(number for entry in shown["entries"] for number in entry["declarations"]) == sorted(numbers)
        goods = [(zone.status(one["declaration"]).goods) for one in keys]
        value = sum(line.total for one in goods if one for line in one.lines)
        assert sum(round(float(total) * 100_000) for entry in shown["entries"] for total in entry["totals"].values()) == value
        assert (await house.get(group["preview"], "key-stranger"))[1]["declarations"] == 0
        _, csv = await house.get(f"{group['preview']}&format=csv")
        assert [line.rpartition(b",")[2].decode() for line in csv.split()[1:]] == [
            number for entry in shown["entries"] for number in entry["declarations"]
        ]
        status, message = await house.get(f"{group['preview']}&format=message")
        assert (status, message["message"]) == (200, "CEB701")
        assert sorted(line["invtNo"] for document in message["documents"] for line in document["list"]) == sorted(numbers)
        assert (await house.get(f"{group['preview']}&format=message", "key-customs"))[0] == 403
        assert (await house.get("/v1/worklist/summary?month=2026-13"))[1]["faults"][0]["code"] == "transport.bad_query"
        found = (await house.get(f"/v1/search?status=summary&kind=declaration&from=2026-01-01&to={month}-28"))[1]["items"]
        assert {item["need"] for item in found} == {"summary"}
        house.clock.at = due
        assert (await house.get("/v1/worklist"))[1]["summaries"][0]["need"] == "summary overdue"

        zone.send("CEB701", samples.summary(numbers[:2], at=zone.now)[0])
        await house.feed([status_record(status) for status in Kept(zone, {"declaration": "agent"}).by_key.values()])
        await house.caught_up()
        assert (await house.get("/v1/worklist"))[1]["summaries"][0]["count"] == 1
        _, bill = await house.get(f"/v1/declarations/{kept.by_key[keys[0]['declaration']].facts['billNo']}")
        assert (bill["kind"] in BILL_KINDS, bill["parcels"]["states"]) == (True, {"closed": 3})


async def test_what_time_makes_a_need_of_is_on_the_worklist_when_its_time_has_come(house: House) -> None:
    zone = Zone(never_summarised())
    made, _, number = sold(zone)
    quantity = int(made.declaration.list[0].qty or 0)
    zone.send("CEB625", samples.returned(made.declaration, number, quantities={"1": quantity + 1}, at=zone.now))
    statuses = Kept(zone, {"declaration": "agent", "return": "agent"}).by_key.values()
    facts = next(status.facts for status in statuses if status.kind == "declaration")
    house.clock.at = zone.now
    async with house.projecting():
        await house.feed([status_record(status) for status in statuses])
        await house.caught_up()
        seen = []
        for at in (zone.now, int(facts["taxFrom"]) - 1, int(facts["taxFrom"]), int(facts["taxBy"]) - 1, int(facts["taxBy"])):
            house.clock.at = at
            _, work = await house.get("/v1/worklist")
            seen.append([item["need"] for item in work["items"] if item["kind"] == "declaration"])
            assert {item["need"] for item in work["items"]} == work["totals"].keys()
            for need in work["totals"]:
                _, found = await house.get(f"/v1/search?status={need.replace(' ', '%20')}&from=2026-01-01")
                assert {item["need"] for item in found["items"]} == {need}
        assert seen == [[], [], ["tax"], ["tax"], ["tax overdue"]]
        doubtful = [item for item in work["items"] if item["kind"] == "return"]
        assert [(item["need"], item["differences"][0]["code"]) for item in doubtful] == [("doubtful", "application.quantity")]
        _, body = await house.get(f"/v1/declarations/{number}")
        assert [d["kind"] for d in body["documents"] if d["differences"]] == ["return"]


async def test_receipts_are_read_on_from_the_cursor_without_loss_or_repeat(house: House) -> None:
    case = Case(30)
    answers = [answer_of(case, code, n) for n, code in enumerate(("1", "2", "3", "120", "300", "800"))]
    records = [(topics.ANSWERS, b"agent", codec.to_json(answer), []) for answer in answers]
    async with house.projecting():
        await house.feed([*records[:4], records[1], *records[4:]])
        await house.caught_up()
        seen, after = [], ""
        for _ in range(4):
            _, page = await house.get(f"/v1/receipts?limit=2&after={after}")
            seen += [item["code"] for item in page["items"]]
            after = page["after"]
    assert seen == ["1", "2", "3", "120", "300", "800"]


async def test_receipts_come_as_ceb_messages_too_and_end_with_nothing_more(house: House) -> None:
    case = Case(33)
    answers = [answer_of(case, code, n) for n, code in enumerate(("1", "2", "120", "800"))]
    async with house.projecting():
        await house.feed([(topics.ANSWERS, b"agent", codec.to_json(answer), []) for answer in answers])
        await house.caught_up()
        seen, after = [], ""
        for _ in range(2):
            status, body = await house.get(f"/v1/receipts?limit=2&after={after}", accept="application/xml")
            after = house.headers["Hub-Cursor"]
            seen += re.findall(rb"<ceb:returnStatus>(\d+)<", body)
            assert (status, house.headers["Content-Type"]) == (200, "application/xml; charset=utf-8")
        status, body = await house.get(f"/v1/receipts?after={after}", accept="application/xml")
    assert seen == [b"1", b"2", b"120", b"800"]
    assert (status, body, house.headers["Hub-Cursor"]) == (204, b"", after)


async def test_a_refused_message_can_be_read_with_its_faults(house: House) -> None:
    case = Case(31)
    async with house.projecting():
        await house.feed([refusal_record(case, "declaration", FAULT)])
        await house.caught_up()
        _, shown = await house.get("/v1/submissions/refused000031")
        assert (shown["status"], shown["faults"][0]["code"]) == ("refused", "schema.length")
        assert (await house.get("/v1/submissions/refused000031", "key-payer"))[0] == 404


async def test_throughput_counts_by_kind_and_streams(house: House) -> None:
    case = replace(Case(32), at=MIDNIGHT + 7_000)
    async with house.projecting():
        await house.feed(story_of(case))
        await house.caught_up()
        _, all_of_it = await house.get("/v1/throughput", "key-office")
        _, own = await house.get("/v1/throughput", "key-payer")
        assert all_of_it["per_second"]["documents"] == 0.8
        assert (own["per_second"]["documents"], own["per_second"]["payment"]) == (0.2, 0.2)
        assert own["lag"] is None
        assert all_of_it["lag"]["statuses"] == 0
        assert all_of_it["latency_ms"]["release"]["p50"] == 2600
        status, events = await house.get("/v1/throughput/stream?limit=2", "key-office")
        assert (status, events.count(b"event: figures\n")) == (200, 2)


async def test_readiness_tells_the_reasons(house: House) -> None:
    status, body = await house.get("/readyz")
    assert (status, body) == (200, {"ready": True, "reasons": [], "notes": []})


async def test_the_newest_alerts_come_filtered_with_a_cursor_that_leaves_nothing_out(house: House) -> None:
    alerts = [msgspec.structs.replace(alert_of(Case(number, MIDNIGHT + number)), office="2900" if number == 41 else "") for number in range(40, 45)]
    records = [(topics.ALERTS, alert.id.encode(), codec.to_json(alert), []) for alert in alerts]
    async with house.projecting():
        await house.feed(records)
        await house.caught_up()
        _, newest = await house.get("/v1/alerts?limit=2", "key-customs")
        assert [one["id"] for one in newest["items"]] == ["al-43", "al-44"]
        assert (await house.get("/v1/alerts?severity=orange", "key-office"))[1]["items"] == []
        assert [one["id"] for one in (await house.get("/v1/alerts?office=2900", "key-office"))[1]["items"]] == ["al-41"]
        for wrong in ("severity=high", "family=nonsense"):
            status, problem = await house.get(f"/v1/alerts?{wrong}", "key-office")
            assert (status, wrong.partition("=")[0] in problem["detail"]) == (400, True)
        assert len((await house.get("/v1/alerts?enterprise=EBC0000001", "key-office"))[1]["items"]) == 5
    # the read model stands still now, and the log goes on
    later = [alert_of(Case(number, MIDNIGHT + number)) for number in (45, 46)]
    await house.feed([(topics.ALERTS, alert.id.encode(), codec.to_json(alert), []) for alert in later])
    _, again = await house.get("/v1/alerts?limit=2", "key-customs")
    assert again == newest
    _, behind = await house.get(f"/v1/alerts?after={again['after']}", "key-customs")
    assert sorted(one["id"] for one in behind["items"]) == ["al-45", "al-46"]


async def test_receipts_are_followed_and_the_cursor_is_that_of_pages(house: House) -> None:
    case = Case(34)
    answers = [answer_of(case, code, n) for n, code in enumerate(("1", "2", "120", "800"))]
    records = [(topics.ANSWERS, b"agent", codec.to_json(answer), []) for answer in answers]
    others = msgspec.structs.replace(answers[0], id="an-other", participant="payer")
    assert house.session is not None
    async with house.projecting():
        await house.feed([*records[:2], (topics.ANSWERS, b"payer", codec.to_json(others), [])])
        await house.caught_up()
        _, page = await house.get("/v1/receipts?limit=1")
        headers = {"Authorization": "Bearer key-agent", "Last-Event-ID": page["after"]}
        async with house.session.get(house.url + "/v1/receipts/stream", headers=headers) as answer:
            stream = events(answer)
            first = await some(stream, 1)
            await house.feed(records[2:])
            found = [*first, *await some(stream, 2)]
        _, rest = await house.get(f"/v1/receipts?after={found[0].id}")
    assert [(event.event, event.data["code"]) for event in found] == [("receipt", "2"), ("receipt", "120"), ("receipt", "800")]
    assert [one["code"] for one in rest["items"]] == ["120", "800"]


def _desk_records(*events: Came | Action) -> list[Any]:
    """What the desk publishes about one case, first to last, and the alerts as they were raised."""
    desk, state, records = Desk(), None, list[Any]()
    for event in events:
        if isinstance(event, Came):
            records.append((topics.ALERTS, event.alert.id.encode(), codec.to_json(event.alert), []))
        step = desk.handle(state, Record(b"k", codec.pack(event), (), 0), Tick(MIDNIGHT, 0, ""))
        assert step is not None
        state = step.state
        records += [(out.topic, out.key, out.value, []) for out in step.outputs if not out.topic.startswith("out.")]
    return records


async def test_alerts_and_cases_are_read_as_the_desk_last_said_in_whatever_order_it_is_told(house: House) -> None:
    def one(number: int, agency: tuple[str, ...] = ("customs",), severity: str = "red") -> Alert:
        return msgspec.structs.replace(alert_of(Case(number, MIDNIGHT + number)), agency=agency, severity=severity)

    def act(what: str, n: int, **more: Any) -> Action:
        return Action(f"{what}{n}", "wang", "customs", MIDNIGHT + n, what, **more)

    a, b, c = one(80), one(81, ("tax",)), one(82, ("customs", "market"), "yellow")
    c = msgspec.structs.replace(c, evidence={"unit": "quarantine"})
    of_a = [Came(a, ""), act("acknowledge", 1), act("join", 2, to="forex"), act("close", 3, verdict="true", text="so it was")]
    records = [*_desk_records(*of_a), *_desk_records(Came(b, "")), *_desk_records(Came(c, ""), act("assign", 1, to="li"))]
    await house.feed([*records, records[0], records[3]])  # a stage that was killed says it again
    async with house.projecting():
        await house.caught_up()
        await house.feed([records[0]])
        await house.caught_up()
        before = await house.contents()
        _, seen = await house.get("/v1/alerts/al-80", "key-forex")
        assert (seen["handling"]["state"], seen["handling"]["verdict"], seen["handling"]["shared"]) == ("closed", "true", ["forex"])
        for path, ids in (("state=closed", ["al-80"]), ("state=open", ["al-82"]), ("assignee=li", ["al-82"]), ("state=raised", []), ("unit=quarantine", ["al-82"])):
            assert [item["id"] for item in (await house.get(f"/v1/alerts?{path}", "key-customs"))[1]["items"]] == ids
        for path, ids in (("", ["al-80", "al-82"]), ("?state=open", ["al-82"]), ("?assignee=li", ["al-82"]), ("?severity=red", ["al-80"]),
                          ("?authority=tax", []), ("?overdue=1", []), ("?limit=1", ["al-80"]), ("?limit=1&skip=1", ["al-82"])):  # fmt: skip
            found = (await house.get(f"/v1/cases{path}", "key-customs"))[1]["items"]
            assert [item["id"] for item in found] == [case_of(a if id == "al-80" else c).id for id in ids], path
        assert {item["owner"] for item in (await house.get("/v1/cases", "key-office"))[1]["items"]} == {"customs", "tax"}
        assert [item["joint"] for item in (await house.get("/v1/cases", "key-forex"))[1]["items"]] == [["forex"]]
        _, case = await house.get(f"/v1/cases/{case_of(a).id}", "key-forex")
        assert ([line["what"] for line in case["history"]], len(case["alerts"])) == (["raised", "acknowledge", "join", "close"], 1)
        assert (await house.get(f"/v1/cases/{case_of(a).id}", "key-agent"))[0] == 404
        _, told = await house.get("/v1/rules?from=2025-11-11&to=2025-11-11", "key-customs")
        (rule,) = [item for item in told["items"] if item["code"] == "R06"]
        assert [rule[name] for name in ("decided", "decided_true", "undecided")] == [1, 1, 2]
        reader = PostgresReader(house.dsn)
        try:
            wanted = DeskFilter(authorities=("customs", "forex"), state="")
            assert [found.id for found in await reader.at_desk(wanted)] == ["al-80", "al-82"], "the gravest first"
            assert await reader.desk_counts(msgspec.structs.replace(wanted, severity="red")) == {"red": 1, "yellow": 1}
            assert await reader.desk_counts(msgspec.structs.replace(wanted, state="open", rule="R06")) == {"yellow": 1}
            assert [found.id for found in await reader.at_desk(DeskFilter(authorities=("forex",), state="closed"))] == ["al-80"]
            assert [found.id for found in await reader.at_desk(msgspec.structs.replace(wanted, unit="quarantine"))] == ["al-82"]
            assert await reader.desk_counts(msgspec.structs.replace(wanted, unit="quarantine")) == {"yellow": 1}
        finally:
            await reader.close()
    writer = PostgresWriter(house.dsn)
    await writer.reset()
    await writer.close()
    async with house.projecting():
        await house.caught_up()
    assert await house.contents() == before


async def test_officers_see_how_often_rules_hit_and_how_often_customs_answer_confirmed_them(house: House) -> None:
    cases = [Case(number, MIDNIGHT) for number in range(60, 66)]
    found = {60: ("R01", "R02"), 61: ("R01",), 62: ("R01",), 63: ("R01",)}
    codes = {60: "100", 61: "599", 62: "899", 64: "100"}
    records = [assessed(case, 4, found.get(case.number, ())) for case in cases]
    records.append(assessed(cases[0], 5, ("R01",)))  # its documents changed: assessed again
    records.append(records[0])  # a stage that was killed says it again
    records.append(assessed(Case(69, MIDNIGHT - 86_400_000), 4, ("R01",)))
    lots = {70: ("floor", "500"), 71: ("class", "800"), 72: ("floor", "100"), 73: ("customs~1", "100"), 74: ("", "100")}
    drawn = [Case(number, MIDNIGHT) for number in lots]
    records += [assessed(case, 4, (), lots[case.number][0]) for case in drawn]
    records += [assessed(Case(75, MIDNIGHT), 4, ("R01",), "floor", "red")]
    codes |= {number: code for number, (_, code) in lots.items()}
    for case in [*cases, *drawn]:
        code = codes.get(case.number, "120")
        records.append(status_record(case.status("declaration", 7, "some state", code=code)))
    async with house.projecting():
        await house.feed(records)
        await house.caught_up()
        status, told = await house.get("/v1/rules?from=2025-11-11&to=2025-11-11", "key-customs")
        assert (status, told["assessed"], told["from"], told["to"]) == (200, 13, "2025-11-11", "2025-11-11")
        # examined and not answered yet, let pass, returned; what an order selects says nothing about the rest
        assert told["drawn"] == {"declarations": 3, "confirmed": 1, "cleared": 1, "missed": 0.5}
        rules = {item["code"]: item for item in told["items"]}
        figures = ("hits", "shadow_hits", "hit_rate", "confirmed", "cleared", "precision")
        assert [rules["R01"][name] for name in figures] == [6, 0, round(6 / 13, 6), 2, 1, round(2 / 3, 4)]
        assert [rules["R02"][name] for name in figures] == [0, 1, round(1 / 13, 6), 1, 0, 1.0]
        assert [rules["T05"][name] for name in figures] == [0, 0, 0.0, 0, 0, None]
        assert rules["T05"]["values"]["LIMIT"] == "5000"
        assert (rules["T05"]["certainty"], rules["T05"]["in_force"], rules["T05"]["shadow"]) == ("official", True, False)
        _, week = await house.get("/v1/rules?to=2025-11-11", "key-office")
        assert {item["code"]: item["hits"] for item in week["items"]}["R01"] == 7
        assert (await house.get("/v1/rules?from=2025-01-01&to=2025-11-11", "key-customs"))[0] == 400
        _, old = await house.get("/v1/rules?from=2014-11-30&to=2014-11-30", "key-customs")
        assert (old["items"], old["assessed"]) == ([], 0)
        for other in ("key-agent", "key-platform", "key-operator"):
            assert (await house.get("/v1/rules", other))[0] == 404


def assessed(case: Case, revision: int, rules: tuple[str, ...], selected: str = "", level: str = "green") -> Any:
    """An assessment in which these rules found something, R02 in shadow; ``selected``: by what it was drawn."""
    findings = tuple(Finding("rule.made_up", "", rule=rule, shadow=rule == "R02") for rule in rules)
    one = msgspec.structs.replace(assessment_of(case, revision), findings=findings, selected=selected, level=level)
    return topics.ASSESSMENTS, one.declaration.encode(), codec.to_json(one), []


async def test_an_export_once_registered_is_never_changed_and_a_later_version_stands_beside_it(house: House) -> None:
    case, other = Case(90, MIDNIGHT), Case(91, MIDNIGHT + 1)

    def exported(of: Case, revision: int, total: str, merchant: str = "EBC") -> Any:
        lines = tuple(RegisteredLine(name, "011", "3", "2.5", total, "502") for name in ("毛巾", "茶"))
        kept = Registered(merchant, "9610", of.at, "20251112", lines)
        one = msgspec.structs.replace(assessment_of(of, revision), registered=kept, id=f"{of.number}@{revision}.{total}")
        return topics.ASSESSMENTS, one.declaration.encode(), codec.to_json(one), []

    await house.feed([exported(case, 4, "7.5"), exported(case, 4, "999"), exported(case, 6, "8"), exported(other, 4, "1", "OTHER")])
    await house.feed([status_record(case.status("declaration", 7, "closed", code="899"))])
    async with house.projecting():
        await house.caught_up()
    status, found = await house.get("/v1/exports/register?from=2025-11-11&to=2025-11-11&merchant=EBC", "key-tax")
    assert status == 200
    shown = [(item["version"], item["line"], item["name"], item["amount"], item["current"], item["code"]) for item in found["items"]]
    assert shown == [
        (4, 1, "毛巾", "7.5", False, "899"), (4, 2, "茶", "7.5", False, "899"),
        (6, 1, "毛巾", "8", True, "899"), (6, 2, "茶", "8", True, "899"),
    ]  # fmt: skip
    _, page = await house.get("/v1/exports/register?from=2025-11-11&to=2025-11-11&skip=3&limit=2", "key-customs")
    assert [item["merchant"] for item in page["items"]] == ["EBC", "OTHER"]
    assert page["next"] == 5
    _, later = await house.get("/v1/exports/register?from=2025-11-12&to=2025-11-12", "key-tax")
    assert later["items"] == []


async def test_a_merchant_finds_the_orders_and_declarations_that_name_it(house: House) -> None:
    case = Case(76, MIDNIGHT)
    records = [
        status_record(case.status("order", 3)),
        status_record(case.status("payment", 3)),
        status_record(case.status("declaration", 7, "assessed", merchant="EBC0000001")),
        status_record(Case(77, MIDNIGHT).status("declaration", 3)),
    ]
    async with house.projecting():
        await house.feed(records)
        await house.caught_up()
        _, found = await house.get("/v1/search?from=2025-11-10&to=2025-11-12&enterprise=EBC0000001", "key-customs")
        keys = {item["key"] for item in found["items"]}
    assert {case.business("order"), case.business("declaration")} <= keys
    assert not keys & {case.business("payment"), Case(77, MIDNIGHT).business("declaration")}


async def test_the_newest_word_about_an_enterprise_is_read_whatever_comes_again(house: House) -> None:
    def profile(at: int, grade: str) -> Any:
        made = Profile(enterprise="M", at=at, control_class=3, suggested=3, grade=grade)
        return topics.PROFILES, b"M", codec.to_json(made), []

    await house.feed([profile(1, "BB"), profile(3, "AA"), profile(2, "A"), (topics.PROFILES, b"N", b"no JSON", [])])
    async with house.projecting():
        await house.caught_up()
        await house.feed([profile(2, "A")])
        await house.caught_up()
        reader = PostgresReader(house.dsn)
        try:
            assert await reader.profile("M") == Profile(enterprise="M", at=3, control_class=3, suggested=3, grade="AA")
            assert await reader.profile("N") is None
        finally:
            await reader.close()


async def test_what_is_held_is_read_by_authority_in_the_order_it_goes_on(house: House) -> None:
    def hold(name: str, revision: int, until: int, authority: str = "customs", state: str = "held", ended: str = "") -> Any:
        order = HeldBy(f"{authority}~1", authority, until, ("declaration/AGT0000001:C1",), True, ended)
        made = Hold(name, revision, state, "agent", "DXP", MIDNIGHT, MIDNIGHT, (), (order,))
        return topics.HOLDS, name.encode(), codec.to_json(made), []

    later, sooner = hold("a", 1, MIDNIGHT + 2000), hold("b", 1, MIDNIGHT + 1000)
    over = [hold("c", 2, MIDNIGHT + 500, state="gone", ended="decided"), hold("c", 1, MIDNIGHT + 500)]
    await house.feed([later, sooner, *over, hold("d", 1, MIDNIGHT + 100, "tax"), later])
    async with house.projecting():
        await house.caught_up()
        reader = PostgresReader(house.dsn)
        try:
            assert [one.submission for one in await reader.holds("held", ("customs",), 10)] == ["b", "a"]
            assert [one.submission for one in await reader.holds("held", None, 10)] == ["d", "b", "a"]
            assert [one.submission for one in await reader.holds("held", ("customs", "tax"), 1)] == ["d"]
            assert [one.submission for one in await reader.holds("gone", ("customs",), 10)] == ["c"]
            found = await reader.hold("c")
            assert found is not None
            assert (found.revision, found.state) == (2, "gone")
            assert await reader.hold("nothing") is None
        finally:
            await reader.close()
    status, items = await house.get("/v1/held", "key-customs")
    assert (status, [item["submission"] for item in items["items"]]) == (200, ["b", "a"])
    assert (await house.get("/v1/held", "key-agent"))[0] == 404

"""Nobody reads what the access table does not give (I8): random principals ask every call and page for everything there is.

Every piece of content carries a mark. Who may see it is said here once more, in words of its own; an answer that shows a mark
to anybody else fails. The calls are those the application has, so that a new one is asked too.
"""

from __future__ import annotations

import asyncio
import random
import re
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import quote

import msgspec
import pytest
from aiohttp import ClientSession, ClientTimeout, web

from adapters.dialects import receipts
from hub import codec, topics
from hub.domain.access import ROLES, Principal
from hub.domain.cursor import Cursor
from hub.domain.desk import Case, CaseAlert, CaseLine, Verdict
from hub.domain.events import (
    Alert,
    Answer,
    Assessment,
    Decision,
    Finding,
    HeldBy,
    Hold,
    Profile,
    ProfileRemark,
    StandingReason,
    Status,
    SubmissionSummary,
    TimelineEntry,
)
from hub.domain.faults import Fault
from hub.domain.handling import Handling
from hub.domain.reference import Reference, ReferenceRecord
from hub.domain.subscriptions import ALWAYS, SUBSCRIPTION
from hub.infra.database import migrate
from hub.infra.feed import Feeds
from hub.infra.reading import PostgresReader
from hub.infra.readmodel import PostgresWriter
from hub.infra.records import KafkaRecords
from hub.web.app import make_app
from hub.web.ports import Parts
from hub.web.views import common
from hub.wiring import ITEMS
from streams.project import SOURCES, Projector
from tests.support.reading import (
    MIDNIGHT,
    PARTITIONS,
    FixedClock,
    PlainSealer,
    Record,
    feed,
    make_topics,
    status_record,
)

pytestmark = pytest.mark.slow

NAMES = [f"e{n}" for n in range(6)]
CODES = {name: f"990100000{n}" for n, name in enumerate(NAMES)}
#: Which authority reads which kinds, in this test's own words; customs and the office read all.
MONEY, GOODS = {"order", "payment", "declaration"}, {"order", "declaration"}
READS = {"customs": MONEY | {"waybill"}, "office": MONEY | {"waybill"}, "tax": MONEY, "forex": MONEY, "market": GOODS, "commerce": GOODS}
OFFICERS = set(READS)

MARK = re.compile(rb"\bmark[0-9]+x")


class Mark(NamedTuple):
    """A piece of content and who may see it; ``what`` is for the failure's text."""

    text: str
    what: str
    may: Callable[[Principal], bool]


@dataclass
class World:
    """Everything there is, the marks in it, and the numbers one may ask by."""

    records: list[Record] = field(default_factory=list)
    marks: dict[str, Mark] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)
    references: Reference = field(default_factory=Reference)

    def mark(self, what: str, may: Callable[[Principal], bool]) -> str:
        text = f"mark{len(self.marks) + 1}x"
        self.marks[text] = Mark(text, what, may)
        return text

    def put(self, topic: str, key: str, value: bytes, headers: list[tuple[str, bytes]] | None = None) -> None:
        self.records.append((topic, key.encode(), value, headers or []))


def officer(viewer: Principal) -> bool:
    return not OFFICERS.isdisjoint(viewer.roles)


def reads(kind: str, owner: str, *codes: str) -> Callable[[Principal], bool]:
    """Its own, one that names its code, or one its authority is entitled to."""

    def may(viewer: Principal) -> bool:
        named = not set(viewer.codes).isdisjoint(codes)
        return viewer.name == owner or named or any(kind in READS.get(role, ()) for role in viewer.roles)

    return may


def either(*rules: Callable[[Principal], bool]) -> Callable[[Principal], bool]:
    return lambda viewer: any(rule(viewer) for rule in rules)


def both(*rules: Callable[[Principal], bool]) -> Callable[[Principal], bool]:
    return lambda viewer: all(rule(viewer) for rule in rules)


def is_(name: str) -> Callable[[Principal], bool]:
    return lambda viewer: viewer.name == name


def has(*roles: str) -> Callable[[Principal], bool]:
    return lambda viewer: not set(roles).isdisjoint(viewer.roles)


def a_world(chance: random.Random) -> World:
    world = World()
    for number in range(1, 5):
        a_sale(world, number, *chance.sample(NAMES, 4))
    for number, agency in enumerate([("customs",), ("tax", "office"), ("forex",), ("market", "commerce"), ()], 1):
        an_alert(world, number, agency)
    for name in NAMES[:3]:
        a_profile(world, CODES[name])
    for number, (owner, shared) in enumerate([("customs", ()), ("tax", ("forex",)), ("market", ())], 1):
        a_case(world, number, owner, shared)
    for authority in topics.AUTHORITIES:
        told = world.mark(f"a view in out.{authority}", has(authority))
        heads = [("ce_id", f"v-{authority}".encode()), ("ce_type", b"hub.tax-bill.issued.v1"), ("ce_time", b"2025-11-11T00:00:00Z")]
        world.put(topics.out(authority), "sender", msgspec.json.encode({"declaration": told}), heads)
    for name in ("the platform", *NAMES[:2]):
        a_subscription(world, name)
    return world


def a_sale(world: World, number: int, *owners: str) -> None:
    """An order, a payment, a waybill and a declaration of four parties, with all that is kept about them."""
    seller, payer, carrier, agent = owners
    platform = CODES[seller]
    keys = {
        "order": f"order/{platform}:{platform}:NO{number}",
        "payment": f"payment/{CODES[payer]}:PT{number}",
        "waybill": f"waybill/{CODES[carrier]}:WB{number}",
        "declaration": f"declaration/{CODES[agent]}:COP{number}",
    }
    codes = {"order": (platform,), "payment": (CODES[payer], platform), "waybill": (CODES[carrier],), "declaration": (CODES[agent], platform)}
    for (kind, key), owner in zip(keys.items(), owners, strict=True):
        may = reads(kind, owner, *codes[kind])
        submission = f"{number:02d}{kind}"
        line = world.mark(f"timeline of {key}", may)
        judged = world.mark(f"what the assessment wrote into the timeline of {key}", both(officer, may))
        known = world.mark(f"fault of {key}", may)
        guarded = world.mark(f"finding shown as a fault of {key}", both(officer, may))
        status = Status(
            key, kind, 7, submission, 0, owner, f"DXP{owner}", MIDNIGHT, "stored by customs",
            code="120", since=MIDNIGHT + 900, text=world.mark(f"text of {key}", may),
            order=("", "") if kind == "waybill" else (platform, f"NO{number}"),
            numbers={"preNo": f"I{number:017d}"} if kind == "declaration" else {},
            faults=(Fault("meaning.total", "/a", 1, known, known), Fault("rule.price_low", "/a", 1, guarded, guarded)),
            match="matched", counterparts={other: at for other, at in keys.items() if other != kind},
            differences=(Fault("match.amount", "/a", 1, world.mark(f"difference of {key}", may), ""),),
            assessed_at=MIDNIGHT + 90, handed_over={"customs": "delivered"}, version=4, customs_office="2900",
            timeline=(TimelineEntry(MIDNIGHT, "hub", "received"), TimelineEntry(MIDNIGHT + 90, "hub", "assessed", judged),
                      TimelineEntry(MIDNIGHT + 900, "customs", "120", line)),
            merchant=platform if kind == "declaration" else "",
        )  # fmt: skip
        world.records.append(status_record(status))
        world.ids |= {key.partition("/")[2], submission, key.rpartition(":")[2], *status.numbers.values()}
        a_submission(world, submission, kind, key, owner)
        info = world.mark(f"receipt about {key}", is_(owner))
        answer = Answer(f"an-{submission}", owner, MIDNIGHT + 800, "customs", "CEB622", key, submission, "120", "20251111000006", info, {},
                        receipt={"returnInfo": info, "returnStatus": "120", "guid": "g", "copNo": f"COP{number}"})  # fmt: skip
        world.put(topics.ANSWERS, owner, codec.to_json(answer))
    declaration = keys["declaration"]
    found = world.mark(f"finding about {declaration}", officer)
    finding = Finding("R06", "", found, found, "GACC 2018-194", {"count": found}, 12)
    assessment = Assessment(f"as-{number}", declaration, 4, 1, MIDNIGHT + 90, 3, "d", "k1:b", 1, (finding,), 12, "green", "release")
    world.put(topics.ASSESSMENTS, declaration, codec.to_json(assessment))
    a_hold(world, number, agent, declaration)


def a_submission(world: World, submission: str, kind: str, key: str, owner: str) -> None:
    content, seen = world.mark(f"bytes of {submission}", is_(owner)), either(is_(owner), has("customs", "office"))
    guid = world.mark(f"head of {submission}", seen)
    proof = world.mark(f"acknowledgement of {submission}", seen)
    body = content.encode()
    summary = SubmissionSummary(submission, owner, f"DXP{owner}", MIDNIGHT, "CEB311", guid, "202205", "0" * 64, len(body), "application/xml",
                                ((0, kind, key.partition("/")[2], ()),))  # fmt: skip
    record = codec.SubmissionRecord(b"sealed:", b"sealed:" + body, (), msgspec.json.encode({"made": proof}))
    world.put(topics.SUBMISSIONS, submission, codec.pack(record), [(codec.SUMMARY_HEADER, codec.pack(summary))])
    refused = f"r{submission}"
    why = world.mark(f"fault of what was refused, {refused}", seen)
    content = world.mark(f"bytes of {refused}", is_(owner))
    head = msgspec.structs.replace(summary, id=refused, guid=world.mark(f"head of {refused}", seen), status=422,
                                   faults=(Fault("schema.length", "/a", 1, why, why),))  # fmt: skip
    world.put(topics.REFUSALS, refused, b"sealed:" + content.encode(), [(codec.SUMMARY_HEADER, codec.pack(head))])
    world.ids.add(refused)


def a_hold(world: World, number: int, agent: str, declaration: str) -> None:
    authority = ("customs", "tax")[number % 2]
    may = has(authority, "office")
    submission, reason = f"{number:02d}declaration", world.mark(f"why an officer of {authority} released {declaration}", may)
    order = world.mark(f"the order of {authority} that holds {declaration}", may)
    hold = Hold(submission, 1, ("held", "gone")[number > 2], agent, f"DXP{agent}", MIDNIGHT, MIDNIGHT, (declaration,),
                (HeldBy(order, authority, MIDNIGHT + 60_000, (declaration,), True),),
                (Decision(authority, "release", "o1", reason, MIDNIGHT + 5),))  # fmt: skip
    world.put(topics.HOLDS, submission, codec.to_json(hold))


def an_alert(world: World, number: int, agency: tuple[str, ...]) -> None:
    may = has(*agency, "office") if agency else officer
    text = world.mark(f"alert for {agency or 'every officer'}", may)
    alert = Alert(f"al-{number}", MIDNIGHT + 95, "R06", "red", "trading", agency, "declaration/9901000001:COP1", ("9901000001",), "2900",
                  text, text, {"count": text})  # fmt: skip
    world.put(topics.ALERTS, alert.id, codec.to_json(alert))
    world.ids.add(alert.id)


def a_case(world: World, number: int, owner: str, shared: tuple[str, ...]) -> None:
    """A case of one authority, perhaps with another that was invited; the office sees all cases."""
    may = has(owner, *shared, "office")
    said = world.mark(f"comment in a case of {owner}", may)
    reason = world.mark(f"reason of a decision in a case of {owner}", may)
    id = f"declaration-{number:016d}"
    alert = CaseAlert(f"al-case-{number}", "R06", "red", MIDNIGHT, (owner, *shared), Handling("decided", id, verdict="true", revision=3))
    case = Case(
        id, 3, "declaration", f"declaration/9901000001:COP{number}", owner, MIDNIGHT, MIDNIGHT + 9, "decided", "red", (owner, *shared), shared,
        alerts=(alert,), decisions=(Verdict(owner, "true", reason, "o1", MIDNIGHT + 8),),
        history=(CaseLine(MIDNIGHT, "raised", alerts=(alert.id,), count=1), CaseLine(MIDNIGHT + 5, "comment", "o1", owner, said)),
    )  # fmt: skip
    world.put(topics.CASES, id, codec.to_json(case))
    text = world.mark(f"alert in a case of {owner}", may)
    whole = Alert(alert.id, MIDNIGHT, "R06", "red", "trading", (owner, *shared), f"declaration/9901000001:COP{number}", (), "2900", text, text,
                  {"count": text}, handling=alert.handling)  # fmt: skip
    world.put(topics.ALERTS, alert.id, codec.to_json(whole), [("ce_type", b"hub.alert.changed.v1"), ("ce_id", f"{alert.id}@3".encode())])
    world.ids |= {id, alert.id}


def a_subscription(world: World, name: str) -> None:
    """What it is called is shown to whoever watches deliveries; where it leads only to its owner."""
    title = world.mark(f"title of a subscription of {name}", either(is_(name), has("operator", "office")))
    url = world.mark(f"address of a subscription of {name}", is_(name))
    id = f"sub-{name[-2:]}"
    value = {"principal": name, "feed": "answers", "created_at": MIDNIGHT, "url": f"https://{url}.example.org/hook", "title": title}
    world.references.put(ReferenceRecord(SUBSCRIPTION, id, 1, ALWAYS, value=value), world.references.reached + 1)
    world.ids.add(id)


def a_profile(world: World, code: str) -> None:
    watched = world.mark(f"what is remarkable about {code}", officer)
    reason = world.mark(f"a reason of the standing of {code}", officer)
    profile = Profile(code, MIDNIGHT, 3, 4, remarks=(ProfileRemark(watched, "2025-11-01", "red"),),
                      reasons=(StandingReason(reason, "x", 4, "in force"),))  # fmt: skip
    world.put(topics.PROFILES, code, codec.to_json(profile))
    world.ids.add(code)


# ---- asking


@dataclass
class House:
    """The application over a read model with the world in it."""

    app: web.Application
    url: str
    session: ClientSession
    callers: dict[str, Principal]


@pytest.fixture
def world() -> World:
    return a_world(random.Random(7))


@asynccontextmanager
async def housed(kafka: str, database: str, world: World) -> AsyncIterator[House]:
    prefix, callers = f"test-{secrets.token_hex(6)}-", dict[str, Principal]()
    await migrate(database)
    await make_topics(kafka, prefix, [*SOURCES, *map(topics.out, topics.AUTHORITIES)])
    await feed(kafka, world.records, prefix)
    writer, reader, records = PostgresWriter(database), PostgresReader(database), KafkaRecords(kafka, prefix)
    projector = Projector(kafka, writer, prefix=prefix)
    projecting = asyncio.create_task(projector.run())
    feeds = Feeds(kafka, PARTITIONS, ITEMS, prefix=prefix)
    parts = Parts(
        read=reader, records=records, sealer=PlainSealer(), clock=FixedClock(MIDNIGHT + 10_000),
        by_key=callers.get, by_name=callers.get, session_secret=b"s" * 32, receipt_xml=receipts.message, feed=feeds.of, reference=world.references, partitions=PARTITIONS,
    )  # fmt: skip
    app = make_app(parts)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        ends = await records.ends(SOURCES)
        async with asyncio.timeout(60):
            while not _all_applied(await reader.applied(), ends):  # noqa: ASYNC110 - another task writes it
                await asyncio.sleep(0.05)
        async with ClientSession(timeout=ClientTimeout(total=20)) as session:
            yield House(app, f"http://127.0.0.1:{runner.addresses[0][1]}", session, callers)
    finally:
        await runner.cleanup()
        await feeds.close()
        projector.stop()
        await asyncio.wait_for(projecting, 15)
        await asyncio.gather(writer.close(), reader.close(), records.close())


def _all_applied(applied: dict[tuple[str, int], int], ends: dict[tuple[str, int], int]) -> bool:
    return all(applied.get(place, 0) >= end for place, end in ends.items() if end)


def a_principal(chance: random.Random) -> Principal:
    """Any roles, any codes; an authority that is also an enterprise is possible, and so is one with nothing at all."""
    name = chance.choice([*NAMES, "stranger"])
    roles = tuple(chance.sample(ROLES, chance.choice([0, 1, 1, 1, 2, 3])))
    codes = tuple(chance.sample(sorted(CODES.values()), chance.choice([0, 0, 1])))
    own = (CODES[name],) if name in CODES and chance.random() < 0.7 else ()
    return Principal(name=name, roles=roles, codes=tuple(dict.fromkeys((*own, *codes))), suspended=chance.random() < 0.1)


def paths(app: web.Application, ids: list[str]) -> Iterator[tuple[str, str]]:
    """(method, path) of every call the application has, with each id in each place of an address."""
    for route in app.router.routes():
        if route.resource is None or route.method in ("HEAD", "*"):
            continue
        form = route.resource.canonical
        places = re.findall(r"\{[^}]+\}", form)
        for id in ids if places else [""]:
            path = form
            for place in places:
                path = path.replace(place, quote(id, safe=":"))
            yield route.method, path
        if not places and route.method == "GET" and "stream" not in form and form not in BEHIND:
            for query in ("?limit=500&all=1&state=gone", "?kind=declaration", "?from=2025-11-01&to=2025-11-30", "?number=COP1"):
                yield route.method, form + query


#: Calls that read the log behind a cursor: here from its beginning.
BEHIND = {
    "/v1/alerts": [topics.ALERTS], "/v1/receipts": [topics.ANSWERS], "/v1/out": [topics.out(authority) for authority in topics.AUTHORITIES],
}  # fmt: skip


def followed() -> Iterator[str]:
    """Pages and streams of the log, of every topic and for every authority."""
    for path, names in BEHIND.items():
        for name in names:
            which = f"&authority={name.partition('.')[2]}" if path == "/v1/out" else ""
            yield f"{path}?after={Cursor(name).text()}{which}"
            yield f"{path}/stream?after={Cursor(name).text()}{which}"


async def asked(house: House, viewer: Principal, method: str, path: str) -> bytes:
    """Everything an answer says, headers too; of a stream what comes in a moment."""
    house.callers["key"] = house.callers[viewer.name] = viewer
    heads = {"Authorization": "Bearer key"}
    body = b"" if method == "GET" else b'{"action":"comment","text":"x","decision":"release","reason":"x","id":"x","what":"hold"}'
    if method != "GET":
        heads["Content-Type"] = "application/json"
    said = bytearray()
    async with house.session.request(method, house.url + path, data=body or None, headers=heads, allow_redirects=False) as response:
        assert response.status < 500 or response.status == 503, (viewer, method, path, response.status)
        said += repr(response.headers).encode()
        if response.content_type == "text/event-stream":
            with suppress(TimeoutError):
                async with asyncio.timeout(0.3):
                    async for line in response.content:
                        said += line
        else:
            said += await response.read()
    return bytes(said)


async def test_no_call_and_no_page_shows_anybody_what_is_not_his(
    kafka: str, database: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(common, "WAIT_SECONDS", 0.0)
    chance = random.Random(20261111)
    seen: set[str] = set()
    asks = 0
    async with housed(kafka, database, world) as house:
        viewers = [a_principal(chance) for _ in range(8)]
        viewers += [Principal(name=name, codes=(code,), roles=("declarant",)) for name, code in CODES.items()]
        viewers += [Principal(name=f"the {role}", roles=(role,)) for role in ROLES]
        for viewer in viewers:
            ids = sorted(world.ids) if viewer in viewers[8:14] or viewer.name in ("the office", "the tax") else chance.sample(sorted(world.ids), 12)
            for method, path in (*paths(house.app, ids), *[("GET", path) for path in followed() if "stream" not in path or chance.random() < 0.3]):
                if method != "GET" and chance.random() < 0.8:
                    continue
                said = await asked(house, viewer, method, path)
                asks += 1
                for text in {found.decode() for found in MARK.findall(said)}:
                    mark = world.marks[text]
                    assert not viewer.suspended, (viewer, method, path, mark.what)
                    assert mark.may(viewer), (viewer, method, path, mark.what)
                    seen.add(text)
    assert asks > 5_000
    never = [mark.what for text, mark in world.marks.items() if text not in seen]
    assert not never, f"shown to nobody: the test would not notice a leak of {never}"

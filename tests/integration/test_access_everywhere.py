"""Nobody reads what the access table does not give (I8): random principals ask every call and page for everything there is.

Every piece of content carries a mark. Who may see it is said here once more, in words of its own; an answer that shows a mark
to anybody else fails, an evidence pack unpacked. What a call makes the hub do is looked at in the same way. The calls are those
the application has, so that a new one is asked too; one that answers nobody fails until it is named with a reason.
"""

from __future__ import annotations

import asyncio
import io
import random
import re
import secrets
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec
import pytest
from aiohttp import ClientResponse, ClientSession, ClientTimeout, web

from adapters.dialects import receipts
from hub import codec, topics
from hub.domain import audit
from hub.domain.access import ROLES, Principal
from hub.domain.audit import Act
from hub.domain.cursor import Cursor
from hub.domain.deliveries import DeliveryReport
from hub.domain.desk import Action, Came, Case, CaseAlert, CaseLine, Verdict
from hub.domain.events import (
    Alert,
    Answer,
    Assessment,
    Decided,
    Decision,
    Finding,
    HandOverOutcome,
    HeldBy,
    Hold,
    Profile,
    ProfileRemark,
    Registered,
    RegisteredLine,
    StandingReason,
    Status,
    SubmissionSummary,
    TimelineEntry,
)
from hub.domain.faults import Fault
from hub.domain.handling import Handling
from hub.domain.reading import Place
from hub.domain.reference import Reference, ReferenceRecord
from hub.domain.subscriptions import ALWAYS, ENDPOINT, SUBSCRIPTION, Subscription, find, subscription_of
from hub.domain.summary import Goods
from hub.infra.database import migrate
from hub.infra.feed import Feeds
from hub.infra.reading import PostgresReader
from hub.infra.readmodel import PostgresWriter
from hub.infra.records import KafkaRecords
from hub.web import auth, follow
from hub.web.app import make_app
from hub.web.openapi import openapi
from hub.web.ports import Delivering, Parts
from hub.web.views import common
from hub.web.views import receipts as receipts_view
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
from tests.support.site import SECRET

pytestmark = pytest.mark.slow

NAMES = [f"e{n}" for n in range(6)]
CODES = {name: f"990100000{n}" for n, name in enumerate(NAMES)}
#: Which authority reads which kinds, in this test's own words; customs and the office read all.
MONEY, GOODS = {"order", "payment", "declaration"}, {"order", "declaration"}
READS = {"customs": MONEY | {"waybill"}, "office": MONEY | {"waybill"}, "tax": MONEY, "forex": MONEY, "market": GOODS, "commerce": GOODS}
OFFICERS = set(READS)

MARK = re.compile(rb"\bmark[0-9]+x")


May = Callable[[Principal], bool]


class Mark(NamedTuple):
    """A piece of content and who may see it; ``what`` is for the failure's text. ``persons``: customs too, for a purpose."""

    text: str
    what: str
    may: May
    persons: bool = False


@dataclass
class World:
    """Everything there is, the marks in it, and the numbers one may ask by."""

    records: list[Record] = field(default_factory=list)
    marks: dict[str, Mark] = field(default_factory=dict)
    #: what it is the id of → ids
    ids: dict[str, set[str]] = field(default_factory=dict)
    references: Reference = field(default_factory=Reference)
    #: who may act on a case or alert, by its id
    may_act: dict[str, May] = field(default_factory=dict)
    #: mark of the secret of a subscription
    secrets: dict[str, str] = field(default_factory=dict)

    def mark(self, what: str, may: May, *, persons: bool = False) -> str:
        text = f"mark{len(self.marks) + 1}x"
        self.marks[text] = Mark(text, what, may, persons)
        return text

    def named(self, what: str, *ids: str) -> None:
        self.ids.setdefault(what, set()).update(ids)

    def refer(self, kind: str, id: str, value: dict[str, Any], since: str = ALWAYS) -> None:  # Any: JSON
        self.references.put(ReferenceRecord(kind, id, 1, since, value=value), self.references.reached + 1)

    def put(self, topic: str, key: str, value: bytes, headers: list[tuple[str, bytes]] | None = None) -> None:
        self.records.append((topic, key.encode(), value, headers or []))


def nobody(_: Principal) -> bool:
    return False


def officer(viewer: Principal) -> bool:
    return not OFFICERS.isdisjoint(viewer.roles)


def reads(kind: str, owner: str, *codes: str) -> May:
    """Its own, one that names its code, or one its authority is entitled to."""

    def may(viewer: Principal) -> bool:
        named = not set(viewer.codes).isdisjoint(codes)
        return viewer.name == owner or named or any(kind in READS.get(role, ()) for role in viewer.roles)

    return may


def either(*rules: May) -> May:
    return lambda viewer: any(rule(viewer) for rule in rules)


def both(*rules: May) -> May:
    return lambda viewer: all(rule(viewer) for rule in rules)


def codes_of(code: str) -> May:
    return lambda viewer: code in viewer.codes


def is_(name: str) -> May:
    return lambda viewer: viewer.name == name


def has(*roles: str) -> May:
    return lambda viewer: not set(roles).isdisjoint(viewer.roles)


def a_world(chance: random.Random) -> World:
    world = World()
    for number in range(1, 5):
        a_sale(world, number, *chance.sample(NAMES, 4))
    for number, agency in enumerate([("customs",), ("tax", "office"), ("forex",), ("market", "commerce"), ()], 1):
        an_alert(world, number, agency)
    for name in NAMES[:3]:
        an_enterprise(world, CODES[name])
    for number, (owner, shared) in enumerate([("customs", ()), ("tax", ("forex",)), ("market", ())], 1):
        a_case(world, number, owner, shared)
    for authority in topics.AUTHORITIES:
        told = world.mark(f"a view in out.{authority}", has(authority))
        heads = [("ce_id", f"v-{authority}".encode()), ("ce_type", b"hub.tax-bill.issued.v1"), ("ce_time", b"2025-11-11T00:00:00Z")]
        world.put(topics.out(authority), "sender", msgspec.json.encode({"declaration": told}), heads)
    for name in ("the platform", *NAMES[:2]):
        a_subscription(world, name)
    for authority in topics.AUTHORITIES:
        an_order(world, authority)
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
        differing = world.mark(f"finding shown as a difference of {key}", both(officer, may))
        noted = world.mark(f"finding shown as a note of {key}", both(officer, may)), world.mark(f"note of {key}", may)
        exported = kind == "declaration" and number == 4
        status = Status(
            key, kind, 7, submission, 0, owner, f"DXP{owner}", MIDNIGHT, "stored by customs",
            code="899" if exported else "120", since=MIDNIGHT + 900, text=world.mark(f"text of {key}", may),
            order=("", "") if kind == "waybill" else (platform, f"NO{number}"),
            numbers={"preNo": f"I{number:017d}"} if kind == "declaration" else {},
            facts={"returned": "part"} if kind == "declaration" else {},
            goods=Goods(platform, owner=world.mark(f"the unit that {key} names", may)) if exported else None,
            faults=(Fault("meaning.total", "/a", 1, known, known), Fault("rule.price_low", "/a", 1, guarded, guarded)),
            match="matched", counterparts={other: at for other, at in keys.items() if other != kind},
            differences=(Fault("match.amount", "/a", 1, world.mark(f"difference of {key}", may), ""), Fault("rule.price_low", "/a", 1, differing, "")),
            notes=(Fault("rule.price_low", "/a", 1, noted[0], ""), Fault("match.amount", "/a", 1, noted[1], "")),
            assessed_at=MIDNIGHT + 90, handed_over={"customs": "delivered"}, version=4, customs_office="2900",
            timeline=(TimelineEntry(MIDNIGHT, "hub", "received"), TimelineEntry(MIDNIGHT + 90, "hub", "assessed", judged),
                      TimelineEntry(MIDNIGHT + 900, "customs", "120", line)),
            merchant=platform if kind == "declaration" else "",
        )  # fmt: skip
        world.records.append(status_record(status))
        world.named("number", key.partition("/")[2], key.rpartition(":")[2], *status.numbers.values())
        note = world.mark(f"how {key} was handed over", may)
        outcome = HandOverOutcome(submission, f"cop-{submission}", "customs", f"DXP{owner}", "CEB621", "delivered", MIDNIGHT + 120, 1, note)
        world.put(topics.HAND_OVERS, submission, codec.to_json(outcome))
        a_submission(world, submission, kind, key, owner)
        info = world.mark(f"receipt about {key}", is_(owner))
        answer = Answer(f"an-{submission}", owner, MIDNIGHT + 800, "customs", "CEB622", key, submission, "120", "20251111000006", info, {},
                        receipt={"returnInfo": info, "returnStatus": "120", "guid": "g", "copNo": f"COP{number}"})  # fmt: skip
        world.put(topics.ANSWERS, owner, codec.to_json(answer))
    declaration = keys["declaration"]
    found = world.mark(f"finding about {declaration}", officer)
    finding = Finding("R06", "", found, found, "GACC 2018-194", {"count": found}, 12)
    register = world.mark(f"line of {declaration} in the register of exports", either(has("tax", "customs", "office"), codes_of(platform)))
    registered = Registered(platform, "9610", MIDNIGHT, "20251111", (RegisteredLine(register, "011", "1", "1", "1", "502"),))
    buyer, read = world.mark(f"digest of the buyer of {declaration}", nobody), world.mark(f"what a rule read of {declaration}", nobody)
    assessment = Assessment(f"as-{number}", declaration, 4, 1, MIDNIGHT + 90, 3, "d", buyer, 1, (finding,), 12, "green", "release",
                            read={"x": read}, registered=registered)  # fmt: skip
    world.put(topics.ASSESSMENTS, declaration, codec.to_json(assessment))
    a_hold(world, number, agent, declaration)


def a_submission(world: World, submission: str, kind: str, key: str, owner: str) -> None:
    content, seen = world.mark(f"bytes of {submission}", is_(owner), persons=True), either(is_(owner), has("customs", "office"))
    guid = world.mark(f"head of {submission}", seen)
    proof = world.mark(f"acknowledgement of {submission}", seen)
    body = content.encode()
    summary = SubmissionSummary(submission, owner, f"DXP{owner}", MIDNIGHT, "CEB311", guid, "202205", "0" * 64, len(body), "application/xml",
                                ((0, kind, key.partition("/")[2], ()),))  # fmt: skip
    record = codec.SubmissionRecord(b"sealed:", b"sealed:" + body, (), msgspec.json.encode({"made": proof}))
    world.put(topics.SUBMISSIONS, submission, codec.pack(record), [(codec.SUMMARY_HEADER, codec.pack(summary))])
    refused = f"r{submission}"
    why = world.mark(f"fault of what was refused, {refused}", seen)
    content = world.mark(f"bytes of {refused}", is_(owner), persons=True)
    head = msgspec.structs.replace(summary, id=refused, guid=world.mark(f"head of {refused}", seen), status=422,
                                   faults=(Fault("schema.length", "/a", 1, why, why),))  # fmt: skip
    world.put(topics.REFUSALS, refused, b"sealed:" + content.encode(), [(codec.SUMMARY_HEADER, codec.pack(head))])
    world.named("submission", submission, refused)


def a_hold(world: World, number: int, agent: str, declaration: str) -> None:
    """A message that orders of two authorities are about; one has decided."""
    decided, open_ = ("customs", "tax") if number % 2 else ("tax", "customs")
    submission, reason = f"{number:02d}declaration", world.mark(f"why an officer of {decided} released {declaration}", has(decided, "office"))
    orders = [world.mark(f"the order of {one} that holds {declaration}", has(one, "office")) for one in (decided, open_)]
    hold = Hold(submission, 1, ("held", "gone")[number > 2], agent, f"DXP{agent}", MIDNIGHT, MIDNIGHT, (declaration,),
                tuple([HeldBy(id, one, MIDNIGHT + 60_000, (declaration,), True) for id, one in zip(orders, (decided, open_), strict=True)]),
                (Decision(decided, "release", "o1", reason, MIDNIGHT + 5),))  # fmt: skip
    world.put(topics.HOLDS, submission, codec.to_json(hold))


def an_alert(world: World, number: int, agency: tuple[str, ...]) -> None:
    may = has(*agency, "office") if agency else officer
    text = world.mark(f"alert for {agency or 'every officer'}", may)
    alert = Alert(f"al-{number}", MIDNIGHT + 95, "R06", "red", "trading", agency, "declaration/9901000001:COP1", ("9901000001",), "2900",
                  text, text, {"count": text})  # fmt: skip
    world.put(topics.ALERTS, alert.id, codec.to_json(alert))
    world.named("alert", alert.id)
    world.may_act[alert.id] = may


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
    world.named("case", id)
    world.named("alert", alert.id)
    world.may_act[id] = world.may_act[alert.id] = may


def a_subscription(world: World, name: str) -> None:
    """What it is called and how it goes is shown to whoever watches deliveries; where it leads and its secret only to its owner."""
    watched = either(is_(name), has("operator", "office"))
    title = world.mark(f"title of a subscription of {name}", watched)
    url = world.mark(f"address of a subscription of {name}", is_(name))
    id = f"sub-{name[-2:]}"
    value = {"principal": name, "feed": "answers", "created_at": MIDNIGHT, "url": f"https://{url}.example.org/hook", "title": title}
    value["filter"] = {"rule": [world.mark(f"filter of a subscription of {name}", is_(name))]}
    world.refer(SUBSCRIPTION, id, value)
    world.refer(ENDPOINT, id, {"state": "parked", "at": MIDNIGHT, "reason": world.mark(f"why a subscription of {name} is parked", watched)})
    world.secrets[id] = world.mark(f"secret of a subscription of {name}", is_(name))
    recipient, failed = f"subscription:{id}", world.mark(f"how sending to {name} failed", watched)
    world.put(topics.DELIVERIES, f"{recipient}+1", codec.to_json(DeliveryReport(recipient, "1", MIDNIGHT, MIDNIGHT, last_failure=MIDNIGHT, note=failed)))
    note = world.mark(f"why an event to {name} is parked", watched)
    parked = HandOverOutcome("", f"ev-{id}", recipient, name, "hub.answer.given.v1", "parked", MIDNIGHT, 9, note, 0, topics.ANSWERS, 0, 0)
    world.put(topics.HAND_OVERS, recipient, codec.to_json(parked))
    world.named("subscription", id)


def an_order(world: World, authority: str) -> None:
    reason = world.mark(f"why {authority} orders", has(authority, "office"))
    world.refer("order", f"{authority}~N1", {"authority": authority, "what": "hold", "reason": reason, "officer": "o1", "hs": "99"})
    world.named("order", f"{authority}~N1", "N1")


def an_enterprise(world: World, code: str) -> None:
    """Its filing and what authorities say of it are its own too; what officers note, watch and suspect is not."""
    own = either(officer, codes_of(code))
    watched = world.mark(f"what is remarkable about {code}", officer)
    reason = world.mark(f"a reason of the standing of {code}", officer)
    profile = Profile(code, MIDNIGHT, 3, 4, remarks=(ProfileRemark(watched, "2025-11-01", "red"),),
                      reasons=(StandingReason(reason, "x", 4, "in force"),))  # fmt: skip
    world.put(topics.PROFILES, code, codec.to_json(profile))
    world.refer("enterprise", code, {"name": world.mark(f"filing of {code}", own)})
    said = {"level": "C", "recorded_by": "o1", "number": world.mark(f"number of what tax says of {code}", own)}
    world.refer("credit", f"{code}~tax", {**said, "note": world.mark(f"note on what tax says of {code}", officer)})
    world.refer("credit", f"{code}~case", {"level": "open", "recorded_by": "o1", "cause": world.mark(f"a case against {code}", officer)})
    world.refer("link", code, {"firms": ["9901009999"], "confirmed": True, "source": world.mark(f"with whom {code} is linked", officer)})
    world.named("enterprise", code)


# ---- what calls make the hub do


@dataclass
class Deeds:
    """What calls made the hub do: (of what kind, what, who may make it do so)."""

    world: World
    done: list[tuple[str, str, May]] = field(default_factory=list)

    async def decide(self, submission: str, decided: Decided) -> None:
        self.done.append(("decided", f"{submission} for {decided.authority}", both(officer, has(decided.authority), is_(decided.by))))

    async def desk(self, told: Mapping[str, Sequence[Came | Action]]) -> None:
        for case, events in told.items():
            for one in events:
                if isinstance(one, Came):
                    self.done.append(("told", one.alert.id, self.world.may_act[one.alert.id]))
                else:
                    about = [case] if case in self.world.may_act else one.alerts
                    may = both(officer, is_(one.by), *[self.world.may_act[id] for id in about])
                    self.done.append(("acted", f"{case} for {one.authority}", both(may, has(one.authority)) if one.authority else may))

    async def amend(self, change: Callable[[Reference], Sequence[ReferenceRecord]]) -> Sequence[ReferenceRecord]:
        records = change(self.world.references)
        for record in records:
            may: May = officer
            if record.kind == "order":
                may = both(officer, has(str(record.value["authority"])))
            elif record.kind == SUBSCRIPTION:
                before, may = find(self.world.references, record.id), is_(str(record.value["principal"]))
                assert before is None or before.principal == record.value["principal"]
                if before is not None and record.value.get("state", "active") == "active" and record.value.get("resumed", 0) > before.resumed:
                    may = either(may, has("operator"))
            self.done.append((record.kind, record.id, may))
        return records

    async def replay(self, items: Sequence[HandOverOutcome]) -> int:
        for item in items:
            of = find(self.world.references, subscription_of(item.recipient))
            self.done.append(("replayed", item.recipient, either(has("operator"), is_(of.principal if of is not None else ""))))
        return len(items)

    async def test(self, subscription: Subscription) -> dict[str, object]:
        self.done.append(("tested", subscription.id, is_(subscription.principal)))
        return {"said": self.world.secrets.get(subscription.id, "")}

    async def act(self, act: Act) -> None:
        may = is_(act.by)
        self.done.append((act.what, act.subject, both(may, has("customs")) if act.what == audit.PERSONAL_READ else may))

    def delivering(self) -> Delivering:
        async def check(_: str) -> None: ...

        async def lags(_: object) -> dict[str, int | None]:
            return {}

        return Delivering(
            check=check, test=self.test, secret=lambda name, _: self.world.secrets.get(name, ""), lags=lags, replay=self.replay, drop=False, each=999
        )


#: What somebody has to have done before the end, so that each of it was asked for in a way that is taken.
DEEDS = {"decided", "told", "acted", "order", "credit", SUBSCRIPTION, "replayed", "tested", audit.PERSONAL_READ}


class ReadOnce(KafkaRecords):
    """Records of the log, which never change, each read from it once."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        super().__init__(bootstrap, prefix)
        self._known: dict[tuple[str, Place], bytes | None] = {}

    async def read(self, topic: str, place: Place) -> bytes | None:
        if (topic, place) not in self._known:
            self._known[topic, place] = await super().read(topic, place)
        return self._known[topic, place]


class PlainProver:
    """Proofs that show the acknowledgement they are about, whose mark is theirs."""

    key_id, public_pem = "key", b"key"

    def __init__(self, records: ReadOnce) -> None:
        self._records = records

    def sign(self, _: bytes) -> bytes:
        return b"signed"

    async def proof(self, place: Place, _: int) -> list[bytes]:
        value = await self._records.read(topics.SUBMISSIONS, place)
        return [codec.submission_record(value).acknowledgement] if value is not None else []


# ---- asking


@dataclass
class House:
    """The application over a read model with the world in it."""

    app: web.Application
    url: str
    session: ClientSession
    callers: dict[str, Principal]
    deeds: Deeds


@pytest.fixture
def world() -> World:
    return a_world(random.Random(7))


@asynccontextmanager
async def housed(kafka: str, database: str, world: World) -> AsyncIterator[House]:
    prefix, callers, deeds = f"test-{secrets.token_hex(6)}-", dict[str, Principal](), Deeds(world)
    await migrate(database)
    await make_topics(kafka, prefix, [*SOURCES, *map(topics.out, topics.AUTHORITIES)])
    await feed(kafka, world.records, prefix)
    writer, reader, records = PostgresWriter(database), PostgresReader(database), ReadOnce(kafka, prefix)
    projector = Projector(kafka, writer, prefix=prefix)
    projecting = asyncio.create_task(projector.run())
    feeds = Feeds(kafka, PARTITIONS, ITEMS, prefix=prefix)
    parts = Parts(
        read=reader, records=records, sealer=PlainSealer(), clock=FixedClock(NOW), by_key=callers.get, by_name=callers.get,
        session_secret=SECRET, receipt_xml=receipts.message, feed=feeds.of, reference=world.references, partitions=PARTITIONS,
        decide=deeds.decide, desk=deeds.desk, amend_reference=deeds.amend, delivering=deeds.delivering(), audit=deeds.act,
        prover=PlainProver(records),
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
        async with ClientSession(timeout=ClientTimeout(total=60)) as session:
            yield House(app, f"http://127.0.0.1:{runner.addresses[0][1]}", session, callers, deeds)
    finally:
        await runner.cleanup()
        await feeds.close()
        projector.stop()
        await asyncio.wait_for(projecting, 15)
        await asyncio.gather(writer.close(), reader.close(), records.close())


NOW = MIDNIGHT + 10_000


def _all_applied(applied: dict[tuple[str, int], int], ends: dict[tuple[str, int], int]) -> bool:
    return all(applied.get(place, 0) >= end for place, end in ends.items() if end)


def a_principal(chance: random.Random) -> Principal:
    """Any roles, any codes; an authority that is also an enterprise is possible, and so is one with nothing at all."""
    name = chance.choice([*NAMES, "stranger"])
    roles = tuple(chance.sample(ROLES, chance.choice([0, 1, 1, 1, 2, 3])))
    codes = tuple(chance.sample(sorted(CODES.values()), chance.choice([0, 0, 1])))
    own = (CODES[name],) if name in CODES and chance.random() < 0.7 else ()
    return Principal(name=name, roles=roles, codes=tuple(dict.fromkeys((*own, *codes))), suspended=chance.random() < 0.1)


#: Who calls without saying who it is.
STRANGER = Principal()

#: Part of an address → what its place names: these ids are all asked for there, of all others some. Where none of these is part
#: of an address, as in one that is new, all ids of everything are.
NAMES_OF = {
    "/declarations/": ("number", "submission"), "/submissions/": ("submission",), "/alerts/": ("alert",), "/cases/": ("case",),
    "/orders/": ("order",), "/held/": ("number", "submission"), "/enterprises/": ("enterprise",), "/subscriptions/": ("subscription",),
    "/deliveries/": ("subscription",),
}  # fmt: skip
#: Look at no caller and read no record: the same for everybody (``tests/unit/test_web_descriptions.py``).
PUBLIC = {
    "/healthz", "/readyz", "/metrics", "/hub.pub", "/openapi.json", "/asyncapi.json", "/docs", "/docs/messages", "/docs/messages/{type}",
    "/docs/messages/{type}/{part}/{field}", "/docs/fields/{name}", "/static/{name}", "/problems/{code}",
}  # fmt: skip
#: Described, but of the door, whose answers speak of what the caller has just sent (``tests/unit/test_door_http.py``).
DOOR = {("POST", "/v1/messages"), ("POST", "/v1/webhooks/{map}"), ("POST", "/v1/webhooks/{map}/{principal}")}
#: Calls that read the log behind a cursor: here from its beginning.
BEHIND = {
    "/v1/alerts": [topics.ALERTS], "/v1/receipts": [topics.ANSWERS], "/v1/out": [topics.out(authority) for authority in topics.AUTHORITIES],
}  # fmt: skip
#: Tells the gate and waits for its word, which here never comes: what was told is looked at.
UNHEARD = {"/v1/held/{key}/decision", "/held/{submission}"}
QUERIES = (
    "?limit=500&all=1", "?state=gone", "?kind=declaration", "?from=2025-11-01&to=2025-11-30", "?number=COP1", "?month=2025-11", "?show=refused",
    "?month=2025-11&format=csv", "?format=csv",
)  # fmt: skip
#: What is sent where something is to be done; an empty object or form elsewhere.
BODIES: dict[str, dict[str, Any]] = {  # Any: JSON
    "/actions": {"action": "comment", "text": "x"}, "/v1/orders": {"id": "N1", "what": "hold", "hs": "98", "reason": "x"},
    "/revoke": {"reason": "x"}, "/decision": {"decision": "release"}, "/v1/subscriptions": {"feed": "answers", "url": "https://x.example.org/"},
    "/standing": {"source": "decision", "class": "3", "reason": "x"},
}  # fmt: skip
FORMS = {
    "/login": {"api_key": "key"}, "/orders": {"id": "N1", "what": "hold", "hs": "98", "reason": "x"}, "/held/{submission}": {"decision": "release"},
    "/alerts": {"action": "comment", "text": "x"}, "/cases/{id}": {"action": "comment", "text": "x"},
    "/enterprises/{code}/standing": {"source": "decision", "class": "3", "reason": "x"},
}  # fmt: skip


class Ask(NamedTuple):
    """A call: ``form`` is the application's word for its address."""

    method: str
    form: str
    path: str
    purpose: bool = False


def asks(app: web.Application, world: World, chance: random.Random, few: bool) -> Iterator[Ask]:
    """Every call the application has, with ids in each place of an address; ``few``: some of them."""
    for route in app.router.routes():
        if route.resource is None or route.method in ("HEAD", "*"):
            continue
        form = route.resource.canonical
        ways = [form.replace("{what}", word) for word in ("replay", "resume")] if "{what}" in form else [form]
        places = re.findall(r"\{[^}]+\}", ways[0])
        for id in wanted_ids(form, world, chance, few) if places else [""]:
            for way in ways:
                path = re.sub(r"\{[^}]+\}", quote(id, safe=":"), way)
                yield Ask(route.method, form, path)
                if places and route.method == "GET" and form not in PUBLIC and chance.random() < 0.3:
                    yield Ask(route.method, form, path, purpose=True)
        if not places and route.method == "GET" and "stream" not in form and form not in {*BEHIND, *PUBLIC}:
            for query in chance.sample(QUERIES, 3) if few else QUERIES:
                yield Ask(route.method, form, form + query)


def wanted_ids(form: str, world: World, chance: random.Random, few: bool) -> list[str]:
    """The ids that are asked for in the places of an address."""
    mine = next((names for part, names in NAMES_OF.items() if part in form), () if form in PUBLIC else tuple(world.ids))
    named = sorted({id for name in mine for id in world.ids[name]})
    others = sorted({id for name, ids in world.ids.items() if name not in mine for id in ids})
    return (chance.sample(named, min(8, len(named))) if few else named) + chance.sample(others, min(2, len(others)))


def followed() -> Iterator[tuple[Ask, Ask]]:
    """A page and the stream of the same, of every topic and for every authority."""
    for path, names in BEHIND.items():
        for name in names:
            which = f"&authority={name.partition('.')[2]}" if path == "/v1/out" else ""
            query = f"?after={Cursor(name).text()}{which}"
            yield Ask("GET", path, path + query), Ask("GET", f"{path}/stream", f"{path}/stream{query}")


async def asked(house: House, viewer: Principal, ask: Ask) -> tuple[int, bytes]:
    """Everything an answer says, headers too; of a stream all there is. Programs call with a key, pages with a session.

    What is not there for a moment, as on a machine that has much to do, is asked for again.
    """
    method, form, path, purpose = ask
    heads, sent = {"Hub-Purpose": "court case 7"} if purpose else {}, dict[str, Any]()
    if form.startswith("/v1/"):
        if method == "POST":
            body = next((body for part, body in BODIES.items() if form.endswith(part)), {})
            sent["json"] = body | {"ids": sorted(house.deeds.world.ids["alert"])} if form == "/v1/alerts/actions" else body
        if viewer is not STRANGER:
            heads["Authorization"] = "Bearer key"
    else:
        session = auth.session_token(SECRET, viewer.name, NOW) if viewer is not STRANGER else ""
        heads["Cookie"] = f"hub_session={session}; hub_form=seed"
        if method == "POST":
            ids = [("alert", id) for id in sorted(house.deeds.world.ids["alert"])] if form == "/alerts" else []
            token = auth.sign(SECRET, "csrf", "seed" if form == "/login" or not session else session)
            sent["data"] = [*FORMS.get(form, {}).items(), *ids, ("csrf", token)]
    for _ in range(20):
        async with house.session.request(method, house.url + path, headers=heads, allow_redirects=False, **sent) as response:
            said = await everything(response)
        if response.status != 503 or form in UNHEARD:
            break
        await asyncio.sleep(0.5)
    assert response.status < 500 or form in UNHEARD, (viewer.name, ask, response.status, said[:400])
    status = 401 if response.headers.get("Location") == "/login" and form != "/logout" else response.status
    return status, repr(response.headers).encode() + said


async def everything(response: ClientResponse) -> bytes:
    """A body, a pack unpacked, a stream until it has nothing more."""
    if response.content_type == "application/zip":
        with zipfile.ZipFile(io.BytesIO(await response.read())) as archive:
            return b"\n".join([name.encode() + b"\n" + archive.read(name) for name in archive.namelist()])
    if response.content_type != "text/event-stream":
        return await response.read()
    said = bytearray()
    async for line in response.content:
        said += line
        if line == b"\n" and any(last in said for last in (b": still here", b"event: end", b"event: figures")):
            break
    return bytes(said)


def marks_in(said: bytes) -> set[str]:
    return {found.decode() for found in MARK.findall(said)}


@dataclass
class Asking:
    """What came of all the asking."""

    house: House
    world: World
    seen: set[str] = field(default_factory=set)
    unmasked: set[str] = field(default_factory=set)
    answered: set[tuple[str, str]] = field(default_factory=set)
    deeds: set[str] = field(default_factory=set)
    asks: int = 0

    async def by(self, viewer: Principal, wanted: Iterator[Ask]) -> None:
        """Everything that is wanted, eight calls at a time, and what the hub did for it."""
        self.house.callers.pop("key", None)
        if viewer is not STRANGER:
            self.house.callers["key"] = self.house.callers[viewer.name] = viewer

        async def one_after_the_other() -> None:
            for ask in wanted:
                await self.one(viewer, ask)

        async with asyncio.TaskGroup() as group:
            for _ in range(8):
                group.create_task(one_after_the_other())
        for page, stream in followed():
            assert await self.one(viewer, page) == await self.one(viewer, stream), (viewer, page, "a stream brings what its page does")
        for kind, what, may in self.house.deeds.done:
            assert viewer is not STRANGER, (kind, what)
            assert not viewer.suspended, (viewer, kind, what)
            assert may(viewer), (viewer, kind, what)
            self.deeds.add(kind)
        self.house.deeds.done.clear()

    async def one(self, viewer: Principal, ask: Ask) -> set[str]:
        """The marks in an answer, each of which was for the one who asked."""
        status, said = await asked(self.house, viewer, ask)
        self.asks += 1
        if status < 400:
            self.answered.add((ask.method, ask.form))
        found = marks_in(said)
        for text in found:
            mark = self.world.marks[text]
            assert viewer is not STRANGER, (ask, mark.what)
            assert not viewer.suspended, (viewer, ask, mark.what)
            if mark.persons and ask.purpose and "customs" in viewer.roles:
                self.unmasked.add(text)
                continue
            assert mark.may(viewer), (viewer, ask, mark.what)
            self.seen.add(text)
        return found


async def test_no_call_and_no_page_shows_anybody_what_is_not_his(
    kafka: str, database: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(common, "WAIT_SECONDS", 0.0)
    # A stream says at once that it has nothing more.
    monkeypatch.setattr(follow, "HEARTBEAT", 0.0)
    monkeypatch.setattr(follow, "LOOK", 0.02)
    monkeypatch.setattr(receipts_view, "LOOK", 0.02)
    chance = random.Random(20261111)
    async with housed(kafka, database, world) as house:
        asking = Asking(house, world)
        everybody = [a_principal(chance) for _ in range(8)]
        everybody += [Principal(name=f"the {role}", roles=(role,)) for role in ROLES if role not in ("office", "tax")]
        for viewer in [STRANGER, *everybody]:
            await asking.by(viewer, asks(house.app, world, chance, few=True))
        thorough = [Principal(name=name, codes=(code,), roles=("declarant",)) for name, code in CODES.items()]
        for viewer in [*thorough, *[Principal(name=f"the {role}", roles=(role,)) for role in ("office", "tax")]]:
            await asking.by(viewer, asks(house.app, world, chance, few=False))
        routed = {(one.method, one.resource.canonical) for one in house.app.router.routes() if one.resource is not None and one.method != "HEAD"}
    described = {(method.upper(), path) for path, calls in openapi("1")["paths"].items() for method in calls}
    assert described <= routed | DOOR, "a call that is described and not asked is to be named with its reason"
    silent = {(method, form) for method, form in routed - asking.answered if form not in {*PUBLIC, *UNHEARD}}
    assert not silent, f"answered nobody, so that nothing is known of what they show: {sorted(silent)}"
    assert asking.asks > 5_000
    never = [mark.what for text, mark in world.marks.items() if text not in asking.seen and mark.may is not nobody]
    assert not never, f"shown to nobody: the test would not notice a leak of {never}"
    assert asking.unmasked, "customs reads what others handed in for a purpose"
    assert asking.deeds >= DEEDS, f"done by nobody: {DEEDS - asking.deeds}"

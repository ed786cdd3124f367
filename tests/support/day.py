"""A full day in the sandbox, in some minutes: import and export, five authorities, every kind of receipt, silence, outages.

``python -m tests.support.day [--sales N] [--seed S]``: a whole hub of its own. Enterprises hand in sales of each mode and
what follows them; customs answers by office as its scenario says (released, examined, returned, detained, suspended, silent,
thrice and out of order …), the other authorities answer by theirs. Everybody receives in his own way: webhooks, files,
Server-Sent Events that are cut again and again, pages, the topic itself. Each of them is away for a while, customs too, and the
hub's own senders are killed. At the end what was received is held against the log: nothing lost, nothing that is not the
receiver's, each sender's in order. Prints one JSON object; exit 1 where anything differs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
from aiohttp import ClientError, ClientSession

from hub import topics
from hub.cli.submit import fitting_for
from hub.client import HubClient, NotReached
from hub.domain.reference import ReferenceRecord
from hub.infra.participants import hosted_key, load_demo
from hub.infra.process import WallClock
from hub.infra.reference import publish_anew
from schemas import catalog, samples
from schemas.documents import FormatReceipt, FormatReceiptHead
from tests.support.history import Acknowledged, check, read_topic
from tests.support.hub_up import HubUp, word
from tests.support.receiver import Receiver, receiving

#: What customs' offices do; the sales go round them.
OFFICES = {
    "2900": "released", "2921": "released", "2922": "examined", "2928": "returned to the sender", "2931": "detained",
    "2933": "suspended", "2941": "sent back abroad", "2943": "silent", "2961": "thrice, out of order", "2981": "system error",
    "2982": "stored",
}  # fmt: skip
SCENARIO = """
about = "An office for each way a declaration can go."
[flow.release]
steps = [{ status = "1" }, { status = "2" }, { status = "3", after = 5 }, { status = "120", after = 10 },
         { status = "399", after = 30 }, { status = "800", after = 60 }, { status = "899", after = 120 }]
[flow.examine]
steps = [{ status = "2" }, { status = "120", after = 10 }, { status = "300", after = 20 }, { status = "500", after = 60 },
         { status = "800", after = 300 }, { status = "899", after = 400 }]
[flow.reject]
steps = [{ status = "2" }, { status = "120", after = 10 }, { status = "300", after = 20 },
         { status = "100", after = 60, info = "[Code:1300;Desc:人工退单，订购人身份证号码有误]" }]
[flow.detain]
steps = [{ status = "2" }, { status = "120", after = 10 }, { status = "500", after = 30 }, { status = "501", after = 60 },
         { status = "502", after = 80 }, { status = "503", after = 90 }, { status = "505", after = 95 }, { status = "599", after = 120 }]
[flow.suspend]
steps = [{ status = "2" }, { status = "120", after = 10 }, { status = "600", after = 60 }, { status = "800", after = 2000 }]
[flow.abroad]
steps = [{ status = "2" }, { status = "120", after = 10 }, { status = "700", after = 100 }]
[flow.silence]
steps = [{ status = "2" }]
[flow.thrice]
steps = [{ status = "2", times = 3 }, { status = "120", after = 10, times = 3, late = 900 }, { status = "800", after = 60, times = 3 },
         { status = "899", after = 120, times = 3, late = 500 }]
[flow.system]
steps = [{ status = "4" }, { status = "-621017", after = 10, info = "系统异常" }]
[flow.stored]
steps = [{ status = "2" }, { status = "120", after = 10 }]
[times]
tax_summarised = 1500
summary_result = 200
""" + "".join(
    f'[[choose]]\nflow = "{flow}"\nwhere = {{ customsCode = "{office}" }}\n'
    for office, flow in (
        ("2922", "examine"), ("2928", "reject"), ("2931", "detain"), ("2933", "suspend"), ("2941", "abroad"), ("2943", "silence"),
        ("2961", "thrice"), ("2981", "system"), ("2982", "stored"),
    )
) + '[[choose]]\nflow = "release"\n'  # fmt: skip
#: customs' code in which a declaration of an office rests.
RESTS = {
    "2900": "899", "2921": "899", "2922": "899", "2928": "100", "2931": "599", "2933": "800", "2941": "700", "2943": "2",
    "2961": "899", "2981": "-621017", "2982": "120",
}  # fmt: skip
AUTHORITIES = topics.AUTHORITIES
#: Every message of customs: receipts, tax bills, the summary's result, and what it could not read (CEB900).
RECEIPTS = {mt.type for mt in catalog.messages() if mt.direction == "down"}
WHO = {"platform": "9901D00001", "payer": "9901D00003", "carrier": "9901D00004", "agent": "9901D00005", "site": "9901D00006"}
AWAY = 8.0


# ---- the checker


@dataclass
class Received:
    """What a receiver has had, by the name that tells repetitions, in the order of coming."""

    name: str
    topic: str
    wanted: Callable[[dict[str, Any], dict[str, bytes]], bool]
    ids: list[str] = field(default_factory=list)


def judged(received: Received, log: Sequence[tuple[int, int, str]]) -> list[str]:
    """What is wrong, against (partition, offset, id) of everything in the log that is the receiver's."""
    first: dict[str, tuple[int, int]] = {}
    for partition, offset, id in log:
        first.setdefault(id, (partition, offset))
    had = list(dict.fromkeys(received.ids))
    wrong = [f"{received.name}: never came: {id}" for id in first if id not in set(had)]
    wrong += [f"{received.name}: not for it: {id}" for id in had if id not in first]
    last: dict[int, int] = {}
    for id in had:
        if id not in first:
            continue
        partition, offset = first[id]
        if offset < last.get(partition, -1):
            wrong.append(f"{received.name}: out of order: {id}")
        last[partition] = max(offset, last.get(partition, -1))
    return wrong


def named(value: dict[str, Any], headers: dict[str, bytes]) -> str:
    """What tells repetitions of a record: its ce_id, of alerts and answers with what was done."""
    return headers.get("ce_id", b"").decode() or str(value["id"])


# ---- receivers


class Zone:
    """A running hub, its principals, and whoever receives."""

    def __init__(self, hub: HubUp, chance: random.Random, stack: AsyncExitStack) -> None:
        self.hub, self.chance, self.stack = hub, chance, stack
        self.principals = load_demo(hub.data)
        self.received: list[Received] = []
        self.ends: list[Callable[[], Awaitable[None]]] = []
        self.promised: list[Acknowledged] = []
        self.cuts: Counter[str] = Counter()
        self.clients: dict[str, HubClient] = {}

    async def client(self, who: str) -> HubClient:
        """The client of a principal, which signs."""
        if who not in self.clients:
            entry = self.principals[who]
            made = HubClient(self.hub.url, entry.api_key, key=hosted_key(entry) if entry.key else None, attempts=60, timeout=20)
            self.clients[who] = await self.stack.enter_async_context(made)
        return self.clients[who]

    async def subscribe(self, who: str, feed: str, **what: Any) -> dict[str, Any]:
        """A subscription of a principal."""
        async with (
            ClientSession(headers={"Authorization": f"Bearer {self.principals[who].api_key}"}) as http,
            http.post(f"{self.hub.url}/v1/subscriptions", json={"feed": feed, **what}) as answer,
        ):
            made = await answer.json()
            assert answer.status in (200, 201), made
            return dict(made)

    async def post(self, who: str, path: str, body: dict[str, Any]) -> int:
        """HTTP status of a call with a JSON body."""
        headers = {"Authorization": f"Bearer {self.principals[who].api_key}"}
        async with ClientSession(headers=headers) as http, http.post(self.hub.url + path, json=body) as answer:
            await answer.read()
            return answer.status

    def receive(self, received: Received) -> Received:
        self.received.append(received)
        return received


def for_all(_value: dict[str, Any], _headers: dict[str, bytes]) -> bool:
    return True


def of(who: str) -> Callable[[dict[str, Any], dict[str, bytes]], bool]:
    return lambda value, _: value["participant"] == who


async def hooked(zone: Zone, who: str, feed: str) -> tuple[str, Receiver]:
    """A receiver of webhooks; (its name, itself)."""
    receiver = await zone.stack.enter_async_context(receiving(""))
    made = await zone.subscribe(who, feed, url=receiver.url)
    receiver.secret = made["secret"]
    topic = topics.ANSWERS if feed == "answers" else topics.out(who)
    received = zone.receive(Received(f"webhook of {who}", topic, of(who) if feed == "answers" else for_all))

    async def end() -> None:
        received.ids = receiver.ids

    zone.ends.append(end)
    return received.name, receiver


async def dropped(zone: Zone, who: str) -> None:
    """Files of an authority: their names are places in the log."""
    made = await zone.subscribe(who, "out", kind="file")
    folder = zone.hub.data / "drop" / who / made["id"]
    received = zone.receive(Received(f"files of {who}", topics.out(who), for_all))

    async def end() -> None:
        for file in sorted(folder.glob("[!.]*.json")):
            received.ids.append(str(msgspec.json.decode(file.read_bytes())["id"]))

    zone.ends.append(end)


async def streamed(zone: Zone, who: str, path: str, received: Received, cursor: str = "") -> None:
    """Server-Sent Events, cut at moments chance says and taken up again at the last id; until it is cancelled."""
    client = await zone.client(who)
    while True:
        patience = zone.chance.uniform(1.0, 6.0)
        try:
            async with asyncio.timeout(patience):
                async for event in client.events(path, cursor):
                    cursor = event.cursor
                    received.ids.append(_name_of(event.data, path))
        except TimeoutError:
            zone.cuts[received.name] += 1


def _name_of(data: dict[str, Any], path: str) -> str:
    if path.startswith("/v1/out"):
        return str(data["id"])
    handling = data.get("handling") or {}
    revision = handling.get("revision") if isinstance(handling, dict) else None
    return f"{data['id']}@{revision}" if revision else str(data["id"])


async def paged(zone: Zone, who: str, received: Received) -> None:
    """Page by page with a cursor; until it is cancelled."""
    client, cursor = await zone.client(who), ""
    while True:
        try:
            page = await client.get(f"/v1/out?limit=50&after={cursor}") or {}
        except Exception:  # the hub is away for a moment
            page = {}
        received.ids += [str(item["id"]) for item in page.get("items", ())]
        cursor = page.get("after", cursor)
        if not page.get("items"):
            await asyncio.sleep(0.5)


# ---- the day


async def prepared(zone: Zone) -> None:
    """What makes the day one of all five: goods under a permit, goods recalled; both by the authorities' own word."""
    listed = {"entries": [{"name": "headphones", "terms": ["蓝牙耳机"], "control": "9A001", "licence": True, "instrument": "made up"}]}
    await publish_anew(zone.hub.kafka, [ReferenceRecord("list", "controlled", 1, "2020-01-01", value=listed)], WallClock())
    for who, type_, data in (
        ("commerce", "commerce.permit.granted.v1",
         {"merchant": "9901D00002", "control": "9A001", "number": "P-1", "quantity": "100000", "unit": "011", "instrument": "made up"}),
        ("market", "market.recall.issued.v1", {"name": "recalled", "instrument": "made up", "terms": ["洗发水"]}),
    ):  # fmt: skip
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        event = {"specversion": "1.0", "id": f"day-{who}", "source": "/day", "type": type_, "time": now, "data": data}
        await (await zone.client(who)).submit(msgspec.json.encode(event), media_type="application/cloudevents+json")


async def working(zone: Zone) -> Counter[str]:
    """Officers of customs and market supervision deal with their alerts; until it is cancelled."""
    done: Counter[str] = Counter()
    steps = ({"action": "acknowledge"}, {"action": "close", "verdict": "true", "reason": "goods seen"})
    try:
        while True:
            await asyncio.sleep(1)
            for who in ("customs", "market"):
                client = await zone.client(who)
                try:
                    page = await client.get("/v1/alerts?state=open&limit=20") or {}
                    for alert in page.get("items", ()):
                        step = steps[alert["handling"]["state"] != "raised"]
                        done[f"{who} {step['action']}"] += await zone.post(who, f"/v1/alerts/{quote(alert['id'], safe='')}/actions", step) < 300
                except (NotReached, OSError, ClientError):
                    pass  # the hub is away for a moment
    except asyncio.CancelledError:
        return done


class Sales:
    """Hands in; each message of one document, signed by its enterprise."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        self.count = 0
        self.declared: dict[str, str] = {}

    @property
    def now(self) -> int:
        return time.time_ns() // 1_000_000

    async def submit(self, type_: str, document: Any) -> str:
        """The key of the document handed in."""
        mt = catalog.message(type_)
        who = fitting_for(mt)
        self.count += 1
        transfer = samples.base_transfer(WHO[who], dxp_id=self.zone.principals[who].dxp_id)
        text = catalog.render(mt, [document], guid=f"{self.count:036d}", transfer=transfer)
        taken = await (await self.zone.client(who)).submit(text)
        [found] = taken["documents"]
        assert found["status"] == "accepted", (type_, found)
        self.zone.promised.append(Acknowledged(taken["submission"], (f"{found['kind']}/{found['key']}",)))
        return found["key"]

    async def imported(self, number: int, office: str, mode: str) -> tuple[samples.DeclarationSet, str]:
        made = samples.declaration_set(number, at=self.now, trade_mode=mode, parties=samples.Parties(customs=office))
        if RESTS[office] == "100":  # customs refuses it, and the hub alarms
            made = samples.changed(made, {"payment.amountPaid": "1.00"})
        keys = [await self.submit(type_, document) for type_, document in zip(("CEB311", "CEB411", "CEB511", "CEB621"), made, strict=True)]
        self.declared[keys[3]] = RESTS[office]
        return made, keys[3]

    async def exported(self, number: int, office: str, mode: str) -> tuple[samples.ExportSet, str]:
        options = {"foreign_platform": mode == "9810", "collected": mode == "9610"}
        made = samples.export_set(number, at=self.now, trade_mode=mode, parties=samples.Parties(customs=office), **options)
        types = ("CEB303", "CEB505", "CEB603", "CEB403")
        keys = [await self.submit(type_, document) for type_, document in zip(types, made, strict=True) if document is not None]
        return made, keys[2]

    async def unreadable(self, document: Any) -> None:
        """Customs cannot read the message a document came in."""
        key = catalog.business_key(document)
        said = next(one.submission for one in self.zone.promised if one.documents == (f"waybill/{key}",))
        head = FormatReceiptHead(guid=f"{self.count:036d}", oriCopMsgId=said, oriMessageType="CEB511Message", returnStatus="-999999",
                                 returnTime="20261126120000000", returnInfo="made up", oriBizMessage="")  # fmt: skip
        text = catalog.render(catalog.message("CEB900"), [FormatReceipt(head=head)], guid=f"{self.count:036d}")
        await (await self.zone.client("customs")).submit(text)

    async def words(self, key: str) -> set[str]:
        story = await (await self.zone.client("office")).declaration(key) or {}
        return {word(line) for line in story.get("timeline", ()) if line["key"] == key}

    async def reach(self, key: str, *words: str, seconds: float = 90) -> None:
        deadline = time.monotonic() + seconds
        while not set(words) <= (found := await self.words(key)):
            assert time.monotonic() < deadline, f"{key} did not reach {words}: {sorted(found)}"
            await asyncio.sleep(0.2)

    async def number(self, key: str) -> str:
        story = await (await self.zone.client("office")).declaration(key)
        assert story is not None
        return str(story["keys"]["invtNo"])


async def imports(sales: Sales, count: int) -> None:
    """Import sales through every office, and what follows some of them."""
    for number in range(count):
        office, mode = list(OFFICES)[number % len(OFFICES)], ("9610", "1210", "1239")[number % 3]
        made, key = await sales.imported(1000 + number, office, mode)
        if number == 7:
            await sales.unreadable(made.waybill)
        if number == 0:
            await sales.reach(key, "899", "tax bill created")
            await sales.submit("CEB513", samples.waybill_status(made.waybill, at=sales.now))
            await sales.submit("CEB711", samples.warehouse_entry([made.declaration], at=sales.now))
            await sales.submit("CEB625", samples.returned(made.declaration, await sales.number(key), at=sales.now))
        if office == "2982":
            await sales.reach(key, "120")
            application = await sales.submit("CEB623", samples.cancellation(made.declaration, await sales.number(key), at=sales.now))
            await sales.reach(application, "399")
            sales.declared.pop(key)


async def exports(sales: Sales, count: int) -> None:
    """Export sales of each mode to their closure, a cancellation, a summary, a return with its tally."""
    for number in range(count):
        mode = ("9610", "1210", "9710", "9810")[number % 4]
        made, key = await sales.exported(5000 + 200 * number, "2921", mode)
        await sales.reach(key, "120")
        for type_, documents in (
            ("CEB607", samples.consolidation([made.declaration], at=sales.now)),
            ("CEB507", samples.arrival([made.declaration], at=sales.now)),
            ("CEB509", samples.departure([made.declaration], at=sales.now)),
        ):
            listed = await sales.submit(type_, documents[0])
            await sales.reach(listed, "399")
        await sales.reach(key, "899")
        sales.declared[key] = "899"
        if number == 0:
            invt = await sales.number(key)
            await sales.reach(await sales.submit("CEB701", samples.summary([invt], at=sales.now)[0]), "399", "summary result")
            application = samples.returned(made.declaration, invt, at=sales.now)
            await sales.reach(await sales.submit("CEB213", application), "800")
            await sales.reach(await sales.submit("CEB215", samples.tally(application, at=sales.now)), "399")
    made, key = await sales.exported(4000, "2982", "9610")
    await sales.reach(key, "120")
    await sales.reach(await sales.submit("CEB605", samples.cancellation(made.declaration, await sales.number(key), at=sales.now)), "399")


async def outages(zone: Zone, hooks: dict[str, Receiver]) -> list[str]:
    """Each receiver is away for a while, customs too; the hub's own senders, door and evidence are killed."""
    done = []
    for name, receiver in hooks.items():
        await asyncio.sleep(zone.chance.uniform(0.5, 2))
        receiver.down = zone.chance.choice((503, 500))
        done.append(f"{name} answers {receiver.down}")
        await asyncio.sleep(AWAY if receiver.down == 503 else AWAY / 4)  # 500 is the event's fault: it would be parked
        receiver.down = 0
    pid = zone.hub.kill("sandbox", signal.SIGSTOP)
    done.append("all five authorities stand still")
    await asyncio.sleep(AWAY)
    zone.hub.kill("sandbox", signal.SIGCONT)
    for part in ("deliver", "sandbox", "serve", "evidence", "deliver"):
        if part in zone.hub.pids():
            pid = zone.hub.kill(part)
            done.append(f"{part} is killed")
            await asyncio.to_thread(zone.hub.back, part, pid)
            await asyncio.sleep(zone.chance.uniform(1, 3))
    return done


async def rested(sales: Sales, seconds: float = 180) -> list[str]:
    """Declarations that do not come to rest where their office's way ends."""
    client = await sales.zone.client("office")
    deadline = time.monotonic() + seconds
    while True:
        wrong = []
        for key, code in sales.declared.items():
            story = await client.declaration(key) or {}
            found = story.get("status", {}).get("code", "")
            # 399 beside 800 or 899 depends on which time customs wrote: both are its last word
            if found != code:
                wrong.append(f"{key}: {found} instead of {code}")
        if not wrong or time.monotonic() > deadline:
            return wrong
        await asyncio.sleep(1)


async def run(folder: Path, count: int, seed: int) -> int:
    """The whole; the exit code."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scenario.toml").write_text(SCENARIO, "utf-8")
    settings = {"scenario": folder / "scenario.toml", "webhook_private": "true", "forex_threshold": "0", "drop_folder": folder / "data" / "drop"}
    hub = HubUp(folder / "data", **settings)
    began = time.monotonic()
    try:
        await asyncio.to_thread(hub.wait_ready)
        async with AsyncExitStack() as stack:
            zone = Zone(hub, random.Random(seed), stack)
            starts = await _ends(hub.kafka)
            hooks = dict([await hooked(zone, who, "out") for who in AUTHORITIES] + [await hooked(zone, "agent", "answers")])
            await dropped(zone, "market")
            await dropped(zone, "customs")
            following = [
                asyncio.create_task(streamed(zone, who, path, zone.receive(Received(f"{path} of {who}", topic, wanted)), cursor))
                for who, path, topic, wanted, cursor in (
                    ("tax", "/v1/out/stream", topics.out("tax"), for_all, await _now(zone, "tax", "/v1/out")),
                    ("platform", "/v1/receipts/stream", topics.ANSWERS, of("platform"), await _now(zone, "platform", "/v1/receipts")),
                    ("customs", "/v1/alerts/stream", topics.ALERTS, _for("customs"), await _now(zone, "customs", "/v1/alerts")),
                    ("office", "/v1/alerts/stream", topics.ALERTS, for_all, await _now(zone, "office", "/v1/alerts")),
                )
            ]
            following.append(asyncio.create_task(paged(zone, "forex", zone.receive(Received("pages of forex", topics.out("forex"), for_all)))))
            await prepared(zone)
            officers = asyncio.create_task(working(zone))
            sales = Sales(zone)
            out = asyncio.create_task(outages(zone, hooks))
            await asyncio.gather(imports(sales, count), exports(sales, max(4, count // 4)))
            disturbed = await out
            unrested = await rested(sales)
            officers.cancel()
            worked = await officers
            wrong = await _settled(zone, starts)
            for task in following:
                task.cancel()
            await asyncio.gather(*following, return_exceptions=True)
            verdict = await check(hub.kafka, zone.promised)
            kinds = await _answered(hub.kafka)
            codes = Counter(value["code"] for value in await _values(hub.kafka, topics.ANSWERS) if value.get("authority") == "customs")
            others = Counter(value["authority"] for value in await _values(hub.kafka, topics.ANSWERS))
    finally:
        await asyncio.to_thread(hub.end, signal.SIGINT)
    missing = sorted(RECEIPTS - kinds)
    silent = [one.name for one in zone.received if not one.ids]
    good = verdict.good and not wrong and not unrested and not missing and not silent
    print(json.dumps({
        "good": good, "seed": seed, "seconds": round(time.monotonic() - began), "submissions": len(zone.promised),
        "received": {one.name: {"events": len(one.ids), "distinct": len(set(one.ids))} for one in zone.received},
        "officers": dict(worked), "cuts of streams": dict(zone.cuts), "outages": disturbed, "answers by authority": dict(others),
        "customs' codes": dict(sorted(codes.items())), "receipts never seen": missing, "received nothing": silent, "not at rest": unrested[:20], "wrong": wrong[:20],
        "verdict": msgspec.to_builtins(verdict),
    }, ensure_ascii=False))  # fmt: skip
    return 0 if good else 1


async def _answered(kafka: str, seconds: float = 120) -> set[str]:
    """The kinds of receipts that came, once all have: no sale waits for a tax bill's summary, for one."""
    deadline = time.monotonic() + seconds
    while True:
        kinds = {value["message"] for value in await _values(kafka, topics.ANSWERS) if "message" in value}
        if kinds >= RECEIPTS or time.monotonic() > deadline:
            return kinds
        await asyncio.sleep(2)


async def _now(zone: Zone, who: str, path: str) -> str:
    """The cursor from which on somebody receives."""
    page = await (await zone.client(who)).get(f"{path}?limit=1") or {}
    return "" if path != "/v1/alerts" else str(page.get("after", ""))


def _for(authority: str) -> Callable[[dict[str, Any], dict[str, bytes]], bool]:
    return lambda value, _: not value.get("agency") or authority in value["agency"]


async def _ends(kafka: str) -> dict[str, dict[int, int]]:
    """Topic → partition → the offset from which on webhooks and files receive."""
    found: dict[str, dict[int, int]] = {}
    for topic in (*map(topics.out, AUTHORITIES), topics.ANSWERS, topics.ALERTS):
        at: dict[int, int] = defaultdict(int)
        for partition, offset, *_ in await read_topic(kafka, topic):
            at[partition] = offset + 1
        found[topic] = at
    return found


async def _values(kafka: str, topic: str) -> list[dict[str, Any]]:
    return [msgspec.json.decode(value) for _, _, _, value, _ in await read_topic(kafka, topic) if value and value[:1] == b"{"]


async def _settled(zone: Zone, starts: dict[str, dict[int, int]], seconds: float = 120) -> list[str]:
    """What is wrong with what was received once everybody has had time."""
    deadline = time.monotonic() + seconds
    while True:
        for end in zone.ends:
            await end()
        wrong: list[str] = []
        logs: dict[str, list[tuple[int, int, bytes | None, bytes | None, dict[str, bytes]]]] = {}
        for one in zone.received:
            if one.topic not in logs:
                logs[one.topic] = await read_topic(zone.hub.kafka, one.topic)
            pushed = one.name.startswith(("webhook", "files"))
            wrong += judged(one, list(_of_log(logs[one.topic], one, starts[one.topic] if pushed else {})))
        if not any(" never came" in text for text in wrong) or time.monotonic() > deadline:
            return wrong
        await asyncio.sleep(2)


def _of_log(
    rows: Iterable[tuple[int, int, bytes | None, bytes | None, dict[str, bytes]]], received: Received, starts: dict[int, int]
) -> Iterable[tuple[int, int, str]]:
    for partition, offset, _, value, headers in rows:
        if value is None or value[:1] != b"{" or offset < starts.get(partition, 0):
            continue
        told = msgspec.json.decode(value)
        if received.wanted(told, headers):
            yield partition, offset, named(told, headers)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sales", type=int, default=33)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(run(Path(folder), chosen.sales, chosen.seed))


if __name__ == "__main__":
    sys.exit(main())

"""Events to subscribers on a real Kafka and by real HTTP: at least once, in order, each recipient for itself."""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaTimeoutError

from adapters.transports.file_drop import FileDrop
from hub import topics
from hub.domain.access import Principal
from hub.domain.deliveries import Redelivery
from hub.domain.subscriptions import FILE, Subscription, find
from hub.ports import Row
from streams.deliver import Retry
from streams.sender import Terms
from streams.stages.cloud import headers
from tests.support.delivery import PlainPublisher, make_topics
from tests.support.receiver import receiving
from tests.support.subscribing import PARTITIONS, QUICK, World, secret_of, senders

CUSTOMS = Principal(name="customs", roles=("customs",))
MARKET = Principal(name="market", roles=("market",))
AGENT = Principal(name="agent", roles=("declarant",))


class Log:
    """The feeds of one test on the shared broker."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self.bootstrap, self.prefix = bootstrap, prefix
        self.publisher = PlainPublisher(bootstrap)

    async def alerts(self, *numbers: int, partition: int | None = None, **values: Any) -> None:
        """Alerts a0, a1 … by number, spread over the partitions."""
        rows: dict[tuple[str, int], list[Row]] = {}
        for n in numbers:
            value = json.dumps({"id": f"a{n}", "n": n, "severity": "red", "agency": ["customs"], **values}).encode()
            place = (self.prefix + topics.ALERTS, n % PARTITIONS if partition is None else partition)
            rows.setdefault(place, []).append((f"a{n}".encode(), value, headers("hub.alert.raised.v1", f"a{n}", "", 1)))
        await self.publisher.send(rows)

    async def put(self, topic: str, key: str, value: bytes) -> None:
        place = (self.prefix + topic, topics.partition_of(key.encode(), PARTITIONS))
        await self.publisher.send({place: [(key.encode(), value, headers("hub.answer.given.v1", f"{key}-{len(value)}", "", 1))]})

    async def all(self, topic: str) -> list[dict[str, Any]]:
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, auto_offset_reset="earliest")
        await consumer.start()
        try:
            places = [TopicPartition(self.prefix + topic, n) for n in range(PARTITIONS)]
            consumer.assign(places)
            ends = await consumer.end_offsets(places)
            found = []
            while any([await consumer.position(place) < ends[place] for place in places]):
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found += [json.loads(record.value) for record in records]
            return found
        finally:
            await consumer.stop()


@pytest.fixture
async def log(kafka: str) -> Any:
    made = Log(kafka, f"test-{secrets.token_hex(4)}-")
    names = (topics.ALERTS, topics.ANSWERS, topics.out("market"), topics.HAND_OVERS, topics.REDELIVERIES, topics.DELIVERIES)
    await make_topics(kafka, [made.prefix + name for name in names], PARTITIONS)
    yield made
    await made.publisher.stop()


def subscribed(url: str, id: str = "", **values: Any) -> Subscription:
    made = {"principal": "customs", "feed": "alerts", "created_at": int(time.time() * 1000) - 60_000, "url": url} | values
    return Subscription(id=id or f"s{secrets.token_hex(4)}", **made)


async def until(condition: Callable[[], bool | Awaitable[bool]], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while True:
        met = condition()
        if met if isinstance(met, bool) else await met:
            return
        assert time.monotonic() < deadline, "the condition did not come"
        await asyncio.sleep(0.05)


def in_order(numbers: list[int]) -> bool:
    """Whether the first time each event came, those of one partition came in their order."""
    first = list(dict.fromkeys(numbers))
    return all([n for n in first if n % PARTITIONS == p] == sorted(n for n in first if n % PARTITIONS == p) for p in range(PARTITIONS))


async def test_events_go_out_signed_in_order_and_once_and_what_is_not_for_the_subscriber_does_not(log: Log) -> None:
    world, id = World(CUSTOMS), f"s{secrets.token_hex(4)}"
    async with receiving(secret_of(id)) as receiver:
        world.put(subscribed(receiver.url, id, filter={"severity": ("red", "orange")}))
        await log.alerts(*range(30))
        await log.alerts(100, severity="yellow")
        await log.alerts(101, agency=["tax"])
        await log.alerts(102, agency=[])
        async with senders(log.bootstrap, log.prefix, world):
            await until(lambda: len(receiver.got) >= 31)
            await asyncio.sleep(0.6)
        assert sorted(receiver.numbers) == [*range(30), 102]
        assert in_order([n for n in receiver.numbers if n < 100])
        event = receiver.got[0]
        assert event.keys() == {"specversion", "id", "type", "source", "time", "data"}
        assert (event["specversion"], event["type"], event["source"]) == ("1.0", "hub.alert.raised.v1", "/hub")
        async with senders(log.bootstrap, log.prefix, world):
            await log.alerts(30)
            await until(lambda: 30 in receiver.numbers)
        assert len(receiver.got) == 32, "a second start goes on at the cursor"


async def test_a_changed_secret_is_signed_with_beside_the_old_one_for_a_while(log: Log) -> None:
    world, id = World(CUSTOMS), f"s{secrets.token_hex(4)}"
    async with receiving(secret_of(id, 1)) as old, receiving(secret_of(id, 2)) as new:
        changed = subscribed(old.url, id, secret=2, rotated_at=int(time.time() * 1000))
        world.put(changed)
        await log.alerts(0)
        async with senders(log.bootstrap, log.prefix, world):
            await until(lambda: old.numbers == [0])
            assert old.last["webhook-signature"].count("v1,") == 2
            world.put(msgspec.structs.replace(changed, url=new.url))
            await asyncio.sleep(1)  # the sender looks twice a second
            await log.alerts(1)
            await until(lambda: new.numbers == [1])
            world.put(msgspec.structs.replace(changed, url=new.url, rotated_at=1))
            await asyncio.sleep(1)
            await log.alerts(2)
            await until(lambda: new.numbers == [1, 2])
            assert new.last["webhook-signature"].count("v1,") == 1, "the overlap is over"


async def test_an_outage_of_one_recipient_delays_only_itself_and_costs_nothing(log: Log) -> None:
    world, well, ill = World(CUSTOMS), f"s{secrets.token_hex(4)}", f"s{secrets.token_hex(4)}"
    async with receiving(secret_of(well)) as up, receiving(secret_of(ill)) as down:
        down.down = 503
        world.put(subscribed(up.url, well))
        world.put(subscribed(down.url, ill))
        async with senders(log.bootstrap, log.prefix, world):
            await log.alerts(*range(60))
            await until(lambda: len(up.got) == 60)
            assert down.got == []
            await asyncio.sleep(1.5)
            assert down.calls < 30, "the breaker lets only a probe through"
            await until(lambda: _waits(log, ill))
            down.down = 0
            await until(lambda: sorted(set(down.numbers)) == [*range(60)])
            assert in_order(down.numbers)
        assert await log.all(topics.HAND_OVERS) == [], "being away costs no event its attempts"
        reports = [one for one in await log.all(topics.DELIVERIES) if one["recipient"] == f"subscription:{ill}"]
        assert (reports[-1]["delivered"], reports[-1]["running"]) == (60, False)


async def test_an_endpoint_that_is_back_is_found_by_the_breakers_probe_however_long_the_events_own_wait_is(log: Log) -> None:
    world, id = World(CUSTOMS), f"s{secrets.token_hex(4)}"
    async with receiving(secret_of(id)) as receiver:
        receiver.down = 503
        world.put(subscribed(receiver.url, id))
        async with senders(log.bootstrap, log.prefix, world, terms=Terms(Retry(3600, 3600, 4), 3600, (1, 0.2, 0.5), 6000)):
            await log.alerts(0)
            await until(lambda: _waits(log, id))
            receiver.down = 0
            await until(lambda: receiver.numbers == [0])


async def _waits(log: Log, id: str) -> bool:
    said = [one for one in await log.all(topics.DELIVERIES) if one["recipient"] == f"subscription:{id}"]
    return any(one.get("breaker", "closed") != "closed" and one["note"] == "webhook.busy 503" for one in said)


async def test_what_the_endpoint_keeps_refusing_is_parked_the_rest_goes_on_and_it_comes_again(log: Log) -> None:
    world, id = World(CUSTOMS), f"s{secrets.token_hex(4)}"
    async with receiving(secret_of(id)) as receiver:
        receiver.refuse = {"a4"}
        world.put(subscribed(receiver.url, id))
        await log.alerts(*range(12))
        async with senders(log.bootstrap, log.prefix, world):
            await until(lambda: len(receiver.got) == 11)
            await until(lambda: _has(log, "parked"))
            (parked,) = await log.all(topics.HAND_OVERS)
            assert (parked["outcome"], parked["copmsg_id"], parked["attempts"]) == ("parked", "a4", QUICK.retry.attempts)
            assert (parked["topic"], parked["note"]) == ("alerts", "webhook.answered 400")
            receiver.refuse = set()
            again = Redelivery(id, parked["topic"], parked["partition"], parked["offset"])
            await log.put(topics.REDELIVERIES, id, msgspec.json.encode(again))
            await until(lambda: 4 in receiver.numbers)
            await until(lambda: _has(log, "delivered"))
        assert sorted(receiver.numbers) == [*range(12)]


async def _has(log: Log, outcome: str) -> bool:
    return outcome in [one["outcome"] for one in await log.all(topics.HAND_OVERS)]


async def test_an_endpoint_is_not_asked_again_before_the_time_it_gave(log: Log) -> None:
    world, id = World(CUSTOMS), f"s{secrets.token_hex(4)}"
    async with receiving(secret_of(id)) as receiver:
        receiver.answers, receiver.headers = [429], {"Retry-After": "2"}
        world.put(subscribed(receiver.url, id))
        await log.alerts(0)
        async with senders(log.bootstrap, log.prefix, world):
            await until(lambda: receiver.calls == 1)
            begun = time.monotonic()
            await until(lambda: receiver.numbers == [0])
            assert time.monotonic() - begun > 1.9
            assert receiver.calls == 2


async def test_many_recipients_that_answer_slowly_take_nothing_from_one_at_the_same_host(log: Log) -> None:
    world, quick, slow = World(CUSTOMS), f"s{secrets.token_hex(4)}", [f"s{secrets.token_hex(4)}" for _ in range(24)]
    waiting, over = 0, asyncio.Event()

    async def wait(request: web.Request) -> web.Response:
        nonlocal waiting
        waiting += 1
        await over.wait()
        return web.Response(status=204)

    terms = msgspec.structs.replace(QUICK, session_ms=30_000)
    async with receiving(secret_of(quick), routes=[web.post("/slow", wait)]) as receiver:
        for id in slow:
            world.put(subscribed(receiver.url.replace("/hook", "/slow"), id))
        await log.alerts(*range(6))
        async with senders(log.bootstrap, log.prefix, world, terms=terms, patience=300):
            await until(lambda: waiting == len(slow) * PARTITIONS, 90)
            world.put(subscribed(receiver.url, quick))
            await until(lambda: sorted(receiver.numbers) == [*range(6)])
            over.set()


async def test_gone_disables_dead_parks_and_resuming_goes_on_from_where_it_stood(log: Log) -> None:
    world, gone, dead = World(CUSTOMS), f"s{secrets.token_hex(4)}", f"s{secrets.token_hex(4)}"
    async with receiving(secret_of(gone)) as one, receiving(secret_of(dead)) as two:
        one.down, two.down = 410, 503
        world.put(subscribed(one.url, gone))
        world.put(subscribed(two.url, dead))
        await log.alerts(*range(6))
        async with senders(log.bootstrap, log.prefix, world, terms=msgspec.structs.replace(QUICK, dead=1.0)):
            await until(lambda: _state(world, gone) == ("disabled", "webhook.gone"))
            await until(lambda: _state(world, dead) == ("parked", "webhook.dead"))
            await asyncio.sleep(1)
            calls = one.calls, two.calls
            await asyncio.sleep(1)
            assert (one.calls, two.calls) == calls, "nothing is tried any more"
            one.down = two.down = 0
            for id in (gone, dead):
                found = find(world.data, id)
                assert found is not None
                world.put(msgspec.structs.replace(found, state="active", reason="", resumed=found.resumed + 1))
            await until(lambda: sorted(set(one.numbers)) == sorted(set(two.numbers)) == [*range(6)])


async def test_resuming_an_active_one_tries_its_endpoint_at_once_however_long_the_breaker_would_wait(log: Log) -> None:
    world, id = World(CUSTOMS), f"s{secrets.token_hex(4)}"
    patient = msgspec.structs.replace(QUICK, breaker=(2, 3600.0, 3600.0))
    async with receiving(secret_of(id)) as receiver:
        receiver.down = 503
        world.put(subscribed(receiver.url, id))
        await log.alerts(*range(4))
        async with senders(log.bootstrap, log.prefix, world, terms=patient):
            await until(lambda: receiver.calls >= 2)
            receiver.down, calls = 0, receiver.calls
            await asyncio.sleep(1)
            assert (receiver.calls, receiver.numbers) == (calls, []), "the breaker waits for an hour"
            found = find(world.data, id)
            assert found is not None
            world.put(msgspec.structs.replace(found, resumed=found.resumed + 1))
            await until(lambda: sorted(set(receiver.numbers)) == [*range(4)])


def _state(world: World, id: str) -> tuple[str, str]:
    found = find(world.data, id)
    assert found is not None
    return found.state, found.reason


async def test_a_suspended_principal_gets_nothing_and_an_enterprise_only_its_own_answers(log: Log) -> None:
    world, mine, theirs = World(CUSTOMS, AGENT), f"s{secrets.token_hex(4)}", f"s{secrets.token_hex(4)}"
    async with receiving(secret_of(mine)) as agent, receiving(secret_of(theirs)) as customs:
        world.put(subscribed(agent.url, mine, principal="agent", feed="answers"))
        world.put(subscribed(customs.url, theirs))
        async with senders(log.bootstrap, log.prefix, world):
            await log.alerts(0)
            await until(lambda: customs.numbers == [0])
            world.principals["customs"] = msgspec.structs.replace(CUSTOMS, suspended=True)
            await log.alerts(1, 2)
            await log.put(topics.ANSWERS, "other", b'{"participant": "other", "n": 1}')
            await log.put(topics.ANSWERS, "agent", b'{"participant": "agent", "n": 2}')
            await until(lambda: agent.numbers == [2])
            await asyncio.sleep(1)
            assert (customs.numbers, agent.numbers) == ([0], [2])
            world.principals["customs"] = CUSTOMS
            await until(lambda: sorted(customs.numbers) == [0, 1, 2])


async def test_files_are_dropped_whole_under_names_that_sort_and_wait_when_nobody_collects(log: Log, tmp_path: Path) -> None:
    world, id = World(MARKET), f"s{secrets.token_hex(4)}"
    world.put(subscribed("", id, principal="market", feed="out", kind=FILE))
    folder = tmp_path / "market" / id
    async with senders(log.bootstrap, log.prefix, world, drop=FileDrop(tmp_path, 5)):
        for n in range(8):
            await log.put("out.market", "one", json.dumps({"n": n, "pad": "x" * n}).encode())
        await until(lambda: len(_files(folder)) == 5)
        await asyncio.sleep(1)
        assert [json.loads(file.read_bytes())["data"]["n"] for file in _files(folder)] == [0, 1, 2, 3, 4]
        for file in _files(folder):
            file.unlink()
        await until(lambda: [json.loads(file.read_bytes())["data"]["n"] for file in _files(folder)] == [5, 6, 7])


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("[!.]*.json"))


async def test_a_killed_sender_repeats_and_never_loses_and_two_share_the_work(log: Log, tmp_path: Path) -> None:
    id, file = f"s{secrets.token_hex(4)}", tmp_path / "subscriptions.json"
    async with receiving(secret_of(id)) as receiver:
        file.write_bytes(msgspec.json.encode([subscribed(receiver.url, id)]))

        async def begin() -> asyncio.subprocess.Process:
            command = (sys.executable, "-m", "tests.support.subscribing", log.bootstrap, log.prefix, str(file))
            return await asyncio.create_subprocess_exec(*command)

        workers = [await begin(), await begin()]
        try:
            for kill in range(4):
                await log.alerts(*range(kill * 100, kill * 100 + 100))
                await until(lambda kill=kill: len(set(receiver.numbers)) > kill * 100 + 30, 60)  # type: ignore[misc]
                workers[kill % 2].send_signal(signal.SIGKILL)
                await workers[kill % 2].wait()
                workers[kill % 2] = await begin()
            await until(lambda: set(receiver.numbers) == {*range(400)}, 60)
        finally:
            for worker in workers:
                worker.kill()
                await worker.wait()
        assert in_order(receiver.numbers), "the first time each came, it came in order"
        assert len(set(receiver.ids)) == 400, "the same event has the same id"


async def test_a_beginning_that_cannot_be_asked_for_is_asked_for_again_and_nothing_from_before_goes_out(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, id, asked = World(CUSTOMS), f"s{secrets.token_hex(4)}", 0
    usual = AIOKafkaConsumer.offsets_for_times

    async def away_at_first(self: AIOKafkaConsumer, times: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise KafkaTimeoutError
        return await usual(self, times)

    monkeypatch.setattr(AIOKafkaConsumer, "offsets_for_times", away_at_first)
    async with receiving(secret_of(id)) as receiver:
        await log.alerts(*range(9))
        await asyncio.sleep(0.05)
        world.put(subscribed(receiver.url, id, created_at=int(time.time() * 1000)))
        await asyncio.sleep(0.05)
        await log.alerts(*range(100, 109))
        async with senders(log.bootstrap, log.prefix, world):
            await until(lambda: len(receiver.got) >= 9)
            await asyncio.sleep(0.5)
    assert asked >= 2
    assert sorted(n for n in receiver.numbers) == list(range(100, 109))

"""Hand-over on a real Kafka: order for each sender, senders apart from each other, at least once after SIGKILL."""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError

from adapters.authorities.customs.envelope import Answer, Envelope, read, write_answer
from hub import codec, topics
from hub.domain.events import AssessmentNotice, HandedOver, HandOver
from hub.domain.faults import Erased
from hub.ports import Row
from streams.deliver import Deliver, Retry
from streams.lanes import Lanes
from streams.limits import DeadLetter
from tests.support.delivery import SENDER_OF_NOTICE, PlainPublisher, a_deliver, make_topics

PARTITIONS = 3


@dataclass
class Customs:
    """A customs that keeps what it got; ``down`` names senders it answers with 503, ``slow`` those it keeps waiting."""

    got: dict[str, list[Envelope]] = field(default_factory=lambda: defaultdict(list))
    notices: list[bytes] = field(default_factory=list)
    down: set[str] = field(default_factory=set)
    slow: set[str] = field(default_factory=set)
    no: set[str] = field(default_factory=set)
    url: str = ""
    delay: float = 0.3

    async def dxp(self, request: web.Request) -> web.Response:
        envelope = read(await request.read())
        if envelope.sender in self.down:
            return web.Response(status=503)
        if envelope.sender in self.slow:
            await asyncio.sleep(self.delay)
        self.got[envelope.sender].append(envelope)
        answer = Answer("-7", "no") if envelope.sender in self.no else Answer("0")
        return web.Response(body=write_answer("x", answer, "2024-06-01"), content_type="application/xml")

    async def assessments(self, request: web.Request) -> web.Response:
        self.notices.append(await request.read())
        return web.Response(status=204)


@pytest.fixture
async def customs() -> AsyncIterator[Customs]:
    """A customs on a free port."""
    made = Customs()
    app = web.Application(client_max_size=1 << 26)
    app.add_routes([web.post("/dxp", made.dxp), web.post("/assessments", made.assessments)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@dataclass
class Log:
    """One recipient's topic on the shared broker, and what came of it."""

    bootstrap: str
    name: str
    #: of everything read
    headers: list[dict[str, bytes]] = field(default_factory=list)

    @property
    def topic(self) -> str:
        return f"test-out-{self.name}"

    async def hand_over(self, *messages: tuple[str, int], size: int = 10) -> None:
        """(sender, number) in this order."""
        publisher = PlainPublisher(self.bootstrap)
        rows: dict[tuple[str, int], list[Row]] = defaultdict(list)
        for sender, number in messages:
            place = (self.topic, topics.partition_of(sender.encode(), PARTITIONS))
            rows[place].append((sender.encode(), codec.pack(self.message(sender, number, size)), ()))
        await publisher.send(rows)
        await publisher.stop()

    def message(self, sender: str, number: int, size: int) -> HandOver:
        id_ = f"{self.name}-{sender}-{number:04d}"
        return HandOver(
            id_,
            id_,
            "CEB311",
            sender,
            sender,
            f"<{id_}>".encode() + b"x" * size,
            (f"order/{id_}/a", f"order/{id_}/b"),
            1,
        )

    async def outcomes(self) -> list[dict[str, object]]:
        """What ``hand-overs`` holds about this recipient."""
        records = await self._all(topics.HAND_OVERS)
        return [found for _, value in records if (found := json.loads(value))["recipient"] == self.name]

    async def told(self) -> dict[str, list[HandedOver]]:
        """What register was told, by document."""
        found: dict[str, list[HandedOver]] = defaultdict(list)
        for key, value in await self._all(topics.inbox("register")):
            event = codec.register_event(value)
            if isinstance(event, HandedOver) and event.recipient == self.name:
                found[key.decode()].append(event)
        return found

    async def letters(self) -> list[DeadLetter]:
        """What went to the dead letters for this recipient."""
        letters = [codec.decoder(DeadLetter)(value) for _, value in await self._all(topics.DEAD_LETTERS)]
        return [letter for letter in letters if letter.stage == f"deliver.{self.name}"]

    async def _all(self, topic: str) -> list[tuple[bytes, bytes]]:
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, auto_offset_reset="earliest")
        await consumer.start()
        try:
            places = [TopicPartition(topic, n) for n in range(PARTITIONS)]
            consumer.assign(places)
            ends = await consumer.end_offsets(places)
            found = []
            for place in places:
                consumer.seek(place, 0)
            while any([await consumer.position(place) < ends[place] for place in places]):
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found += [(record.key, record.value) for record in records]
                    self.headers += [dict(record.headers) for record in records]
            return found
        finally:
            await consumer.stop()

    async def committed(self) -> int:
        """The sum of the committed offsets."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            offsets = await admin.list_consumer_group_offsets(f"deliver.{self.name}")
            return sum(found.offset for place, found in offsets.items() if place.topic == self.topic)
        except GroupCoordinatorNotAvailableError:  # a broker makes the topic of its groups when the first of them asks
            return 0
        finally:
            await admin.close()


@pytest.fixture
async def log(kafka: str) -> Log:
    """A topic of its own."""
    made = Log(kafka, f"r{secrets.token_hex(4)}")
    await make_topics(kafka, [made.topic, topics.HAND_OVERS, topics.inbox("register"), topics.DEAD_LETTERS], PARTITIONS)
    return made


@asynccontextmanager
async def delivering(log: Log, url: str, **options: object) -> AsyncIterator[Deliver]:
    """A deliver loop of this process."""
    async with a_deliver(log.bootstrap, log.topic, log.name, url, PARTITIONS, **options) as deliver:
        task = asyncio.create_task(deliver.run())
        try:
            yield deliver
        finally:
            await deliver.stop()
            await task


async def until(condition: Callable[[], bool | Awaitable[bool]], seconds: float = 20) -> None:
    """Wait for a condition; the test fails when it does not come."""
    deadline = time.monotonic() + seconds
    while True:
        met = condition()
        if met if isinstance(met, bool) else await met:
            return
        assert time.monotonic() < deadline, "the condition did not come"
        await asyncio.sleep(0.02)


def ids(envelopes: Sequence[Envelope]) -> list[str]:
    return [envelope.id for envelope in envelopes]


async def test_messages_go_out_as_their_original_bytes_in_order_for_each_sender(log: Log, customs: Customs) -> None:
    senders = ["DXPENT0000000001", "DXPENT0000000002", "DXPENT0000000003"]
    async with delivering(log, customs.url):
        await log.hand_over(*((sender, n) for n in range(150) for sender in senders))
        await until(lambda: sum(map(len, customs.got.values())) == 450)
        await until(lambda: _is(log.committed(), 450))
    for sender in senders:
        assert ids(customs.got[sender]) == [f"{log.name}-{sender}-{n:04d}" for n in range(150)]
    first = customs.got[senders[0]][0]
    assert first.content == f"<{first.id}>".encode() + b"x" * 10
    assert (first.type, first.receivers) == ("CEB311Message", ("DXPEDCCEB0000002",))


async def _is(value: Awaitable[int], wanted: int) -> bool:
    return await value == wanted


async def test_outcomes_are_told_to_register_for_every_document(log: Log, customs: Customs) -> None:
    customs.no.add("DXPENT0000000002")
    async with delivering(log, customs.url):
        await log.hand_over(("DXPENT0000000001", 1), ("DXPENT0000000002", 1))
        await until(lambda: _is(log.committed(), 2))
    assert {found["sender"]: found["outcome"] for found in await log.outcomes()} == {
        "DXPENT0000000001": "delivered",
        "DXPENT0000000002": "refused",
    }
    assert {h["ce_type"] for h in log.headers} == {b"hub.handover.recorded.v1"}
    told = await log.told()
    assert len(told) == 4
    assert {event.outcome for events in told.values() for event in events} == {"delivered", "refused"}


async def test_a_dead_sender_delays_only_itself_and_its_messages_come_in_order_when_it_is_back(
    log: Log, customs: Customs
) -> None:
    dead = "DXPENT0000000001"
    partition = topics.partition_of(dead.encode(), PARTITIONS)
    neighbour = next(
        name
        for name in (f"DXPENT{n:010d}" for n in range(2, 99))
        if topics.partition_of(name.encode(), PARTITIONS) == partition
    )
    customs.down.add(dead)
    retry = Retry(first=0.05, cap=0.2, attempts=10_000)
    async with delivering(log, customs.url, retry=retry, lanes=Lanes(lane_items=4)) as deliver:
        await log.hand_over(*((sender, n) for n in range(60) for sender in (dead, neighbour)))
        await until(lambda: len(customs.got[neighbour]) == 60)
        assert not customs.got[dead]
        assert await log.committed() == 0, "nothing behind a message that is not done may be committed"
        assert deliver.waiting >= 60
        customs.down.clear()
        await until(lambda: len(customs.got[dead]) == 60)
        await until(lambda: _is(log.committed(), 120))
    assert ids(customs.got[dead]) == [f"{log.name}-{dead}-{n:04d}" for n in range(60)]


async def test_a_message_that_gets_no_decision_is_parked_and_the_next_goes_on(log: Log, customs: Customs) -> None:
    sender = "DXPENT0000000001"
    customs.down.add(sender)
    async with delivering(log, customs.url, retry=Retry(first=0.01, cap=0.02, attempts=3)):
        await log.hand_over((sender, 1))
        await until(lambda: _is(log.committed(), 1))
        customs.down.clear()
        await log.hand_over((sender, 2))
        await until(lambda: len(customs.got[sender]) == 1)
        await until(lambda: _is(log.committed(), 2))
    assert [(found["outcome"], found["attempts"]) for found in await log.outcomes()] == [
        ("parked", 3),
        ("delivered", 1),
    ]


async def test_a_customs_that_is_away_parks_nothing(log: Log, customs: Customs) -> None:
    away = "http://127.0.0.1:9"  # the discard port: nobody listens
    async with delivering(log, away, retry=Retry(first=0.01, cap=0.02, attempts=2)) as deliver:
        await log.hand_over(("DXPENT0000000001", 1))
        await until(lambda: deliver.counts["retried"] > 10)
    assert await log.outcomes() == []
    async with delivering(log, customs.url):
        await until(lambda: len(customs.got["DXPENT0000000001"]) == 1)


async def test_a_record_that_cannot_be_read_stops_nobody(log: Log, customs: Customs) -> None:
    sender = "DXPENT0000000001"
    publisher = PlainPublisher(log.bootstrap)
    place = (log.topic, topics.partition_of(sender.encode(), PARTITIONS))
    await publisher.send({place: [(sender.encode(), b"\xc1 poison", ())]})
    await publisher.stop()
    async with delivering(log, customs.url):
        await log.hand_over((sender, 1))
        await until(lambda: len(customs.got[sender]) == 1)
        await until(lambda: _is(log.committed(), 2))
    [letter] = await log.letters()
    assert (letter.partition, letter.offset) == (place[1], 0)
    assert (letter.key, letter.value) == (sender.encode(), b"\xc1 poison")


async def test_what_was_erased_before_it_went_out_is_parked_and_the_next_goes_on(log: Log, customs: Customs) -> None:
    sender = "DXPENT0000000001"
    async with delivering(log, customs.url) as deliver:
        opened: list[bytes] = []

        def first_is_gone(sealed: bytes) -> bytes:
            opened.append(sealed)
            if len(opened) == 1:
                raise Erased("its key is gone")
            return sealed

        deliver._open = first_is_gone
        await log.hand_over((sender, 1), (sender, 2))
        await until(lambda: len(customs.got[sender]) == 1)
        await until(lambda: _is(log.committed(), 2))
    assert [found["outcome"] for found in await log.outcomes()] == ["parked", "delivered"]


async def test_an_assessment_follows_the_message_it_is_about(log: Log, customs: Customs) -> None:
    notice = AssessmentNotice("a1", "declaration/x", "s", SENDER_OF_NOTICE, 1, 10, "low", "release")
    publisher = PlainPublisher(log.bootstrap)
    place = (log.topic, topics.partition_of(SENDER_OF_NOTICE.encode(), PARTITIONS))
    async with delivering(log, customs.url):
        await log.hand_over((SENDER_OF_NOTICE, 1))
        await publisher.send({place: [(SENDER_OF_NOTICE.encode(), codec.pack(notice), ())]})
        await until(lambda: len(customs.notices) == 1)
    await publisher.stop()
    assert json.loads(customs.notices[0])["assessment"] == "a1"
    assert len(customs.got[SENDER_OF_NOTICE]) == 1


@pytest.mark.slow
async def test_after_sigkill_every_message_was_handed_over_at_least_once_with_its_own_id(
    log: Log, customs: Customs
) -> None:
    senders = [f"DXPENT{n:010d}" for n in range(6)]
    customs.slow.add(senders[0])
    await log.hand_over(*((sender, n) for n in range(100) for sender in senders))
    got = customs.got
    for share in (100, 300):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.support.delivery", log.bootstrap, log.topic, log.name, customs.url,
            str(PARTITIONS), cwd=Path(__file__).parents[2],
        )  # fmt: skip
        await until(lambda share=share: sum(map(len, got.values())) >= share, 40)  # type: ignore[misc]
        process.send_signal(signal.SIGKILL)
        await process.wait()
    customs.slow.clear()
    async with delivering(log, customs.url):
        await until(lambda: _is(log.committed(), 600), 60)
    for sender in senders:
        wanted = [f"{log.name}-{sender}-{n:04d}" for n in range(100)]
        assert sorted(set(ids(got[sender]))) == wanted
        assert list(dict.fromkeys(ids(got[sender]))) == wanted, "the first of each came in order"
    told = await log.told()
    assert len(told) == 1200, "no document's outcome is lost"


@pytest.mark.slow
async def test_a_second_process_takes_its_share_and_nothing_is_lost_when_it_freezes_and_wakes(
    log: Log, customs: Customs
) -> None:
    senders = [f"DXPENT{n:010d}" for n in range(9)]
    customs.slow.update(senders[:2])
    customs.delay = 0.05
    async with delivering(log, customs.url):
        await log.hand_over(*((sender, n) for n in range(40) for sender in senders))
        second = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.support.delivery", log.bootstrap, log.topic, log.name, customs.url,
            str(PARTITIONS), cwd=Path(__file__).parents[2],
        )  # fmt: skip
        try:
            await until(lambda: sum(map(len, customs.got.values())) > 300, 30)
            second.send_signal(signal.SIGSTOP)
            await log.hand_over(*((sender, n) for n in range(40, 80) for sender in senders))
            await until(lambda: all(len(set(ids(customs.got[sender]))) == 80 for sender in senders), 60)
            second.send_signal(signal.SIGCONT)
            await until(lambda: _is(log.committed(), 720), 30)
        finally:
            second.kill()
            await second.wait()
    for sender in senders:
        wanted = [f"{log.name}-{sender}-{n:04d}" for n in range(80)]
        assert list(dict.fromkeys(ids(customs.got[sender]))) == wanted

"""Deliver: hands messages over to one authority, in order for each sender, at least once, with ids that stay the same.

Reads ``out.<authority>`` as a consumer group. Every message goes out by a lane of its sender; what became of it is
written to ``hand-overs`` and told to register, and only then is its offset committed. A crash in between hands a
message over again under the same CopMsgId, by which the authority knows it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from hub import codec
from hub.domain.events import AssessmentNotice, HandedOver, HandOver, HandOverOutcome
from hub.domain.faults import HubError, Unavailable
from hub.ports import Clock, Publisher, Row
from hub.topics import DEAD_LETTERS, HAND_OVERS, inbox, partition_of
from streams.lanes import Item, Lane, Lanes
from streams.limits import DeadLetter
from streams.stages.cloud import headers

DELIVERED, REFUSED, PARKED = "delivered", "refused", "parked"
_notice = codec.decoder(AssessmentNotice)
#: How JSON begins, and none of our msgpack: alerts, which customs reads in the topic itself or subscribes to.
_PUBLIC = b"{"


class Reply(msgspec.Struct, frozen=True):
    """The authority's immediate answer. ``accepted`` and ``refused`` are final; ``busy`` counts towards the limit of
    attempts; ``away`` (it could not even be reached) does not: its absence is not the message's fault.
    """

    verdict: str
    note: str = ""
    retry_after: float = 0.0


ACCEPTED, BUSY, AWAY = "accepted", "busy", "away"


class Gateway(Protocol):
    """The way out to an authority; never raises for what the other side does."""

    async def hand_over(self, item: HandOver, content: bytes, at: int) -> Reply:
        """Hand over the original bytes of a message."""

    async def notify(self, notice: AssessmentNotice) -> Reply:
        """Tell the hub's assessment of a declaration."""


class Retry(msgspec.Struct, frozen=True):
    """Waits between attempts in seconds: ``first``, doubled up to ``cap``, each shortened by chance by up to half.

    Parked after ``attempts`` answers that were no decision.
    """

    first: float = 0.25
    cap: float = 30.0
    attempts: int = 12

    def wait(self, tries: int) -> float:
        """Seconds to wait after the attempt number ``tries``."""
        return float(min(self.cap, self.first * 2 ** min(tries - 1, 16)) * random.uniform(0.5, 1.0))


class Done(msgspec.Struct, frozen=True):
    """A hand-over whose outcome is known and not yet written."""

    partition: int
    offset: int
    rows: Mapping[tuple[str, int], list[Row]]


class Deliver(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """The loop of one recipient. ``run`` until ``stop``."""

    def __init__(
        self,
        *,
        bootstrap: str,
        topic: str,
        recipient: str,
        partitions: int,
        publisher: Publisher,
        gateway: Gateway,
        seal: Callable[[bytes], bytes],
        open_sealed: Callable[[bytes], bytes],
        clock: Clock,
        retry: Retry | None = None,
        lanes: Lanes | None = None,
        at_once: int = 128,
        session_ms: int = 10_000,
    ) -> None:
        """``partitions`` are those of ``inbox.register`` and ``hand-overs``; ``at_once`` bounds the open requests."""
        self._topic, self._recipient, self._partitions = topic, recipient, partitions
        self._publisher, self._gateway, self._clock = publisher, gateway, clock
        self._seal, self._open = seal, open_sealed
        self._retry = retry or Retry()
        self._lanes = lanes or Lanes()
        self._at_once = asyncio.Semaphore(at_once)
        self._running: dict[Lane, asyncio.Task[None]] = {}
        self._outcomes: list[Done] = []
        self._news = asyncio.Event()
        self._stopping = asyncio.Event()
        self._reading = asyncio.Lock()
        self._started: set[TopicPartition] = set()
        self._error: BaseException | None = None
        settings: dict[str, Any] = {  # Any: aiokafka's keyword arguments
            "bootstrap_servers": bootstrap,
            "enable_auto_commit": False,
            "auto_offset_reset": "earliest",
            "max_partition_fetch_bytes": 4 << 20,
            "fetch_max_wait_ms": 100,
        }
        self._consumer = AIOKafkaConsumer(group_id=f"deliver.{recipient}", session_timeout_ms=session_ms, **settings)
        self._reader = AIOKafkaConsumer(**settings)
        #: Outcomes since the start, for metrics: {outcome: n}, and attempts that decided nothing.
        self.counts: dict[str, int] = {DELIVERED: 0, REFUSED: 0, PARKED: 0, "retried": 0}
        #: When the other side last decided something, and when it last did not; ms, 0 for never.
        self.last_success = self.last_failure = 0

    @property
    def waiting(self) -> int:
        """Messages taken whose outcome is not written yet."""
        return self._lanes.open()

    async def stop(self) -> None:
        """End the loop after what is under way; ``run`` returns."""
        self._stopping.set()

    async def run(self) -> None:
        """Hand over until stopped; raises what makes going on impossible."""
        self._consumer.subscribe([self._topic], listener=self)
        parts: list[asyncio.Task[None]] = []
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await self._consumer.start()
            await self._reader.start()
            parts = [asyncio.create_task(work()) for work in (self._read, self._write)]
            await asyncio.wait({*parts, stopping}, return_when=asyncio.FIRST_COMPLETED)
            for task in parts:
                if task.done():
                    task.result()
        finally:
            await _end([stopping, *parts[:1], *self._running.values()])
            # the writer is let finish what it is at: what customs has taken should not go out twice for nothing
            self._stopping.set()
            self._news.set()
            await asyncio.wait(parts[1:] or [stopping], timeout=5)
            await _end(parts[1:])
            await self._reader.stop()
            await self._consumer.stop()

    # ---- reading

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Begin at what the group has committed."""
        for place in assigned:
            self._started.discard(place)

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Stop the lanes of what goes to another process; what was done is committed first."""
        numbers = {place.partition for place in revoked}
        await _end([task for lane, task in self._running.items() if lane.partition in numbers])
        with suppress(TimeoutError, HubError):
            await asyncio.wait_for(self._flush(), 5)
        for number in numbers:
            self._lanes.revoke(number)

    async def _read(self) -> None:
        paused: tuple[TopicPartition, ...] = ()
        while True:
            if self._lanes.full() and not paused:
                paused = tuple(self._consumer.assignment())
                self._consumer.pause(*paused)
            elif paused and not self._lanes.full():
                self._consumer.resume(*(place for place in paused if place in self._consumer.assignment()))
                paused = ()
            batches = await self._consumer.getmany(timeout_ms=200 if not paused else 50)
            for place, records in batches.items():
                if place not in self._started:
                    self._started.add(place)
                    self._lanes.assign(place.partition, records[0].offset)
                for record in records:
                    item = Item(place.partition, record.offset, record.key or b"", record.value or b"")
                    self._run(self._lanes.put(item))
            if paused:
                await asyncio.sleep(0.05)

    def _run(self, lane: Lane | None) -> None:
        if lane is not None:
            task = asyncio.create_task(self._deliver(lane))
            self._running[lane] = task
            task.add_done_callback(lambda _: self._running.pop(lane, None))
            task.add_done_callback(self._failed)

    def _failed(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self._error = task.exception()
            self._news.set()

    async def _refill(self, lane: Lane) -> None:
        """Read again what a lane had no room for: its next few items."""
        place = TopicPartition(self._topic, lane.partition)
        async with self._reading:
            self._reader.assign([place])
            self._reader.seek(place, lane.spilled[0])
            while lane.spilled and self._lanes.room(lane):
                batch = await self._reader.getmany(timeout_ms=1000)
                for record in batch.get(place, ()):
                    if not lane.spilled or not self._lanes.room(lane):
                        break
                    while lane.spilled and lane.spilled[0] < record.offset:
                        self._lanes.done(lane.partition, lane.spilled.popleft())  # retention took it away
                    if lane.spilled and record.offset == lane.spilled[0]:
                        lane.spilled.popleft()
                        self._lanes.hold(lane, Item(lane.partition, record.offset, lane.sender, record.value or b""))

    # ---- handing over

    async def _deliver(self, lane: Lane) -> None:
        while True:
            if not lane.held:
                if self._lanes.retire(lane):
                    return
                await self._refill(lane)
                continue
            item = lane.held[0]
            done = await self._hand_over(lane, item)
            self._lanes.drop(lane)
            self._outcomes.append(done)
            self._news.set()

    async def _hand_over(self, lane: Lane, item: Item) -> Done:
        if item.value.startswith(_PUBLIC):
            return Done(item.partition, item.offset, {})
        message = _read(item.value)
        if message is None:
            return self._dead_letter(item)
        if isinstance(message, AssessmentNotice):
            return await self._tell(lane, item, message)
        try:
            content = self._open(message.sealed)
        except HubError as error:
            return self._outcome(item, message, PARKED, 0, f"content: {type(error).__name__}")
        outcome, tries, note = await self._until_decided(
            lane, lambda: self._gateway.hand_over(message, content, self._clock.now())
        )
        return self._outcome(item, message, outcome, tries, note)

    async def _tell(self, lane: Lane, item: Item, notice: AssessmentNotice) -> Done:
        outcome, _, _ = await self._until_decided(lane, lambda: self._gateway.notify(notice))
        self.counts[outcome] += 1
        return Done(item.partition, item.offset, {})

    async def _until_decided(self, lane: Lane, attempt: Callable[[], Awaitable[Reply]]) -> tuple[str, int, str]:
        tries = answers = 0
        try:
            while True:
                async with self._at_once:
                    reply = await attempt()
                tries += 1
                if reply.verdict in (ACCEPTED, REFUSED):
                    self.last_success = self._clock.now()
                    return DELIVERED if reply.verdict == ACCEPTED else REFUSED, tries, reply.note
                self.last_failure = self._clock.now()
                answers += reply.verdict != AWAY
                if answers >= self._retry.attempts:
                    return PARKED, tries, reply.note
                lane.struggling = True
                self.counts["retried"] += 1
                await asyncio.sleep(max(self._retry.wait(tries), min(reply.retry_after, self._retry.cap)))
        finally:
            lane.struggling = False

    # ---- outcomes

    def _outcome(self, item: Item, message: HandOver, outcome: str, tries: int, note: str) -> Done:
        self.counts[outcome] += 1
        now = self._clock.now()
        record = HandOverOutcome(
            submission=message.submission,
            copmsg_id=message.copmsg_id,
            recipient=self._recipient,
            sender=message.sender,
            message=message.message,
            outcome=outcome,
            at=now,
            attempts=tries,
            note=note,
            documents=len(message.documents),
            topic=self._topic,
            partition=item.partition,
            offset=item.offset,
        )
        key = f"{self._recipient}+{message.sender}".encode()
        id_ = f"{self._recipient}:{message.copmsg_id}:{outcome}:{tries}"
        made = headers("hub.handover.recorded.v1", id_, message.copmsg_id, now)
        rows: dict[tuple[str, int], list[Row]] = {
            (HAND_OVERS, partition_of(key, self._partitions)): [(key, codec.to_json(record), made)]
        }
        told = codec.pack(HandedOver(message.submission, self._recipient, outcome, now, tries, note))
        for document in message.documents:
            register = document.encode()
            place = (inbox("register"), partition_of(register, self._partitions))
            rows.setdefault(place, []).append((register, told, ()))
        return Done(item.partition, item.offset, rows)

    def _dead_letter(self, item: Item) -> Done:
        stage = f"deliver.{self._recipient}"
        origin = f"{stage}/{item.partition}/{item.offset}".encode()
        now = self._clock.now()
        letter = DeadLetter(
            stage, item.partition, item.offset, item.sender, "no HandOver", "", self._seal(item.value), now
        )
        place = (DEAD_LETTERS, partition_of(origin, self._partitions))
        return Done(item.partition, item.offset, {place: [(origin, codec.pack(letter), ())]})

    async def _write(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            if self._error is not None:
                raise self._error
            await self._flush()
            if self._stopping.is_set() and not self._running:
                return
            await asyncio.sleep(0.01)  # what is decided in these milliseconds is written together

    async def _flush(self) -> None:
        """Write the outcomes known so far, then commit what lies below the first message not done."""
        outcomes, self._outcomes = self._outcomes, []
        rows: dict[tuple[str, int], list[Row]] = {}
        for outcome in outcomes:
            for place, new in outcome.rows.items():
                rows.setdefault(place, []).extend(new)
        while rows:
            try:
                await self._publisher.send(rows)
                break
            except Unavailable as error:
                await asyncio.sleep(error.retry_after)
        for outcome in outcomes:
            self._lanes.done(outcome.partition, outcome.offset)
        await self._commit()

    async def _commit(self) -> None:
        assigned = self._consumer.assignment()
        moved = {
            TopicPartition(self._topic, number): position
            for number, position in self._lanes.commits()
            if TopicPartition(self._topic, number) in assigned
        }
        if moved:
            try:
                await self._consumer.commit(moved)
            except KafkaError:  # a rebalance or an absent broker: the next commit says it all
                asyncio.get_running_loop().call_later(1, self._news.set)
                return
            for place, position in moved.items():
                if place.partition in self._lanes.partitions:
                    self._lanes.partitions[place.partition].committed = position


def _read(value: bytes) -> HandOver | AssessmentNotice | None:
    """What a record asks for, None where it cannot be read."""
    for decode in (codec.hand_over, _notice):
        with suppress(msgspec.DecodeError):
            found: HandOver | AssessmentNotice = decode(value)
            return found
    return None


async def _end(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

"""The sender of one subscription: its events in the order of their partitions, at least once, under ids that stay the same.

A consumer group of its own reads the feed's topic; what it has committed is the subscription's cursor, and several processes
share the partitions. Each partition has one event on its way at a time. An endpoint that cannot be reached costs no event
its attempts: a breaker waits for it. The topic ``redeliveries`` brings back parked events that are to be sent again.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Protocol, TypeAlias

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from hub import codec
from hub.domain.access import Principal
from hub.domain.deliveries import DeliveryReport, Redelivery, cloud_event
from hub.domain.events import HandOverOutcome
from hub.domain.faults import Unavailable
from hub.domain.subscriptions import ANSWERS, DISABLED, Subscription, Verdict, is_for, topic_of
from hub.domain.subscriptions import PARKED as PARKED_SUBSCRIPTION
from hub.ports import Clock, Publisher
from hub.topics import HAND_OVERS, REDELIVERIES, partition_of
from streams.breaker import CLOSED, OPEN, Breaker
from streams.deliver import ACCEPTED, AWAY, DELIVERED, PARKED, Reply, Retry
from streams.stages.cloud import headers

#: The endpoint says that it is there no more.
GONE = "gone"
#: Events parked one after the other with none taken between: it is the endpoint, not the events.
_PARKED_IN_A_ROW = 10
#: The longest wait an endpoint can ask for, seconds.
_LONGEST_WAIT = 3600.0
#: Requests of one sender that are open at a time. There is no bound of all together beside that of subscriptions: slow
#: recipients would use it up and delay the others.
_AT_ONCE = 8
#: Records of one fetch, of all partitions together.
_FETCH = 64
_PUBLIC = b"{"

Fetched: TypeAlias = Any  # aiokafka's ConsumerRecord, which has no types
_redelivery = msgspec.json.Decoder(Redelivery).decode


class Ways(Protocol):
    """How an event reaches a subscriber; never raises for what the other side does."""

    async def send(self, subscription: Subscription, id: str, name: str, body: bytes) -> Reply:
        """Send one event; ``id`` tells repetitions, ``name`` is a file's."""


class Terms(msgspec.Struct, frozen=True):
    """How long and how often. ``dead``: seconds out of reach until the subscription is parked; ``breaker``: (failures, first wait,
    longest wait) of the breaker.
    """

    retry: Retry = Retry(1.0, 300.0, 8)
    dead: float = 86_400.0
    breaker: tuple[int, float, float] = (5, 5.0, 300.0)
    session_ms: int = 10_000


class _OverError(Exception):
    """The sender ends: its principal may not any more, or the endpoint was given up."""


class Sender(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """``run`` until ``stop``, until its principal may not any more, or until the endpoint is given up."""

    def __init__(
        self,
        subscription: Subscription,
        topic: str,
        *,
        bootstrap: str,
        principal: Callable[[str], Principal | None],
        ways: Ways,
        publisher: Publisher,
        partitions: int,
        clock: Clock,
        judge: Callable[[str, Verdict], Awaitable[None]],
        terms: Terms,
        instance: str,
        prefix: str = "",
    ) -> None:
        """``partitions`` are those of every topic; ``judge`` publishes a verdict about an endpoint; ``prefix`` stands before every
        topic's name on a broker that several hubs share.
        """
        self._subscription, self._topic = subscription, topic
        self._principal, self._ways, self._publisher = principal, ways, publisher
        self._partitions, self._clock = partitions, clock
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        self._judge, self._terms, self._prefix = judge, terms, prefix
        self._breaker = Breaker(*terms.breaker)
        self._queues: dict[TopicPartition, deque[Fetched]] = {}
        self._workers: dict[TopicPartition, asyncio.Task[None]] = {}
        self._at: dict[TopicPartition, int] = {}
        self._committed: dict[TopicPartition, int] = {}
        self._stopping = asyncio.Event()
        self._failed: BaseException | None = None
        self._failing_since = 0
        self._in_a_row = 0
        self._instance, self._since = instance, clock.now()
        self._delivered = self._retried = self._parked = self._skipped = self._attempts = 0
        self._last_success = self._last_failure = 0
        self._note = ""
        settings: dict[str, Any] = {  # Any: aiokafka's keyword arguments
            "bootstrap_servers": bootstrap,
            "enable_auto_commit": False,
            "auto_offset_reset": "earliest",
            "max_partition_fetch_bytes": 1 << 18,
            "fetch_max_bytes": 1 << 21,
            "fetch_max_wait_ms": 250,
        }
        self._settings = settings
        self._consumer = AIOKafkaConsumer(group_id=prefix + subscription.group, session_timeout_ms=terms.session_ms, **settings)
        self._reader: AIOKafkaConsumer | None = None
        self._reading = asyncio.Lock()

    @property
    def subscription(self) -> Subscription:
        """Whose events these are."""
        return self._subscription

    def report(self, *, running: bool = True) -> DeliveryReport:
        """How the recipient stands at this process."""
        wait = self._breaker.until - time.monotonic() if self._breaker.state == OPEN else 0.0
        now = self._clock.now()
        return DeliveryReport(
            recipient=self._subscription.recipient,
            instance=self._instance,
            at=now,
            since=self._since,
            delivered=self._delivered,
            retried=self._retried,
            parked=self._parked,
            skipped=self._skipped,
            attempts=self._attempts,
            last_success=self._last_success,
            last_failure=self._last_failure,
            note=self._note,
            breaker=self._breaker.state if running else "closed",
            # To the second: who looks at it needs no more, and what did not change is not written again.
            next_try=(now + int(wait * 1000)) // 1000 * 1000 if wait > 0 and running else 0,
            running=running,
        )

    async def stop(self) -> None:
        """End; what is on its way is broken off and goes out again later. ``run`` returns."""
        self._stopping.set()

    async def run(self) -> None:
        """Send until it is over; raises what makes going on impossible."""
        self._consumer.subscribe([self._prefix + self._topic, self._prefix + REDELIVERIES], listener=self)
        try:
            await self._consumer.start()
            while not self._stopping.is_set():
                if self._failed is not None:
                    raise self._failed
                batches = await self._consumer.getmany(timeout_ms=250, max_records=_FETCH)
                if self._failed is not None:  # while it waited: these may be from before the subscription's time
                    continue
                for place, records in batches.items():
                    if place in self._consumer.assignment():
                        self._take(place, records)
                await self._commit()
        except _OverError:
            pass
        finally:
            await _end([*self._workers.values()])
            with suppress(KafkaError, TimeoutError):
                await asyncio.wait_for(self._commit(), 5)
            await self._consumer.stop()
            if self._reader is not None:
                await self._reader.stop()

    # ---- partitions

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Go on at what the group has committed; a new subscription begins at the time it was made."""
        mine = [place for place in assigned if self._reads(place)]
        # Answers lie by participant: of all partitions one is looked at.
        self._consumer.pause(*[place for place in assigned if not self._reads(place)])
        try:
            await self._begin(mine)
        except Exception as error:  # aiokafka logs what a listener raises and goes on: from the first record there is
            self._failed = self._failed or error

    async def _begin(self, mine: list[TopicPartition]) -> None:
        fresh = [place for place in mine if await self._consumer.committed(place) is None]
        if not fresh:
            return
        found = await self._consumer.offsets_for_times(dict.fromkeys(fresh, self._subscription.created_at))
        ends = await self._consumer.end_offsets(fresh)
        for place in fresh:
            begin = found.get(place)
            self._at[place] = begin.offset if begin is not None else ends[place]
            self._consumer.seek(place, self._at[place])

    def _reads(self, place: TopicPartition) -> bool:
        if self._subscription.feed != ANSWERS or place.topic == self._prefix + REDELIVERIES:
            return True
        return bool(place.partition == partition_of(self._subscription.principal.encode(), self._partitions))

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Break off what goes to another process; what was done is committed first."""
        await _end([task for place, task in self._workers.items() if place in revoked])
        with suppress(KafkaError, TimeoutError):
            await asyncio.wait_for(self._commit(), 5)
        for place in revoked:
            for kept in (self._queues, self._at, self._committed):
                kept.pop(place, None)

    def _take(self, place: TopicPartition, records: list[Fetched]) -> None:
        queue = self._queues.setdefault(place, deque())
        queue.extend(records)
        if place not in self._workers:
            self._consumer.pause(place)
            task = self._workers[place] = asyncio.create_task(self._work(place, queue))
            task.add_done_callback(lambda done: self._worked(place, done))

    async def _work(self, place: TopicPartition, queue: deque[Fetched]) -> None:
        while queue:
            record = queue[0]
            if record.topic == self._prefix + REDELIVERIES:
                await self._again(record)
            else:
                await self._first(record)
            queue.popleft()
            self._at[place] = record.offset + 1

    def _worked(self, place: TopicPartition, task: asyncio.Task[None]) -> None:
        self._workers.pop(place, None)
        if task.cancelled():
            return
        if task.exception() is not None:
            self._failed = self._failed or task.exception()
        elif place in self._consumer.assignment():
            self._consumer.resume(place)

    async def _commit(self) -> None:
        assigned = self._consumer.assignment()
        moved = {place: at for place, at in self._at.items() if place in assigned and self._committed.get(place) != at}
        if not moved:
            return
        try:
            await self._consumer.commit(moved)
        except KafkaError:  # a rebalance or an absent broker: the next commit says it all
            return
        self._committed |= moved

    # ---- events

    async def _first(self, record: Fetched) -> None:
        principal = self._allowed()
        event = _event(record.value)
        if event is None or not is_for(self._subscription, principal, record.key or b"", event):
            self._skipped += 1
            return
        outcome, tries, note, id, type_ = await self._send(record)
        if outcome == PARKED:
            await self._say(record, outcome, tries, note, id, type_)
            self._in_a_row += 1
            if self._in_a_row >= _PARKED_IN_A_ROW:
                await self._give_up(PARKED_SUBSCRIPTION, note)
        else:
            self._in_a_row = 0

    async def _again(self, note: Fetched) -> None:
        """An event that was parked, once more; access and filter are asked again."""
        try:
            wanted = _redelivery(note.value or b"")
        except msgspec.DecodeError:
            return
        if wanted.subscription != self._subscription.id or wanted.topic != self._topic:
            return
        principal = self._allowed()
        record = await self._read(wanted)
        event = _event(record.value) if record is not None else None
        if record is None or event is None or not is_for(self._subscription, principal, record.key or b"", event):
            return
        outcome, tries, said, id, type_ = await self._send(record)
        await self._say(record, outcome, tries, said, id, type_)

    def _allowed(self) -> Principal:
        """The principal, if it still may; asked before every attempt."""
        principal = self._principal(self._subscription.principal)
        if principal is None or topic_of(self._subscription, principal) != self._topic:
            raise _OverError
        return principal

    async def _send(self, record: Fetched) -> tuple[str, int, str, str, str]:
        place = f"{record.topic.removeprefix(self._prefix)}-{record.partition}-{record.offset}"
        id, type_, body = cloud_event(record.headers, record.value, place)
        # Numbers of one length, so that names sort as the offsets do.
        name = f"{record.topic.removeprefix(self._prefix)}-{record.partition:03d}-{record.offset:015d}.json"
        outcome, tries, note = await self._until_decided(id, name, body)
        return outcome, tries, note, id, type_

    async def _until_decided(self, id: str, name: str, body: bytes) -> tuple[str, int, str]:
        tries = answers = 0
        retry = self._terms.retry
        while True:
            wait = self._breaker.ask(time.monotonic())
            if wait:
                await asyncio.sleep(min(wait, 1.0))
                continue
            try:
                self._allowed()
                async with self._at_once:
                    reply = await self._ways.send(self._subscription, id, name, body)
            except BaseException:
                self._breaker.given_up()
                raise
            tries += 1
            self._attempts += 1
            if reply.verdict == ACCEPTED:
                self._succeeded()
                return DELIVERED, tries, reply.note
            await self._did_not(reply)
            if reply.verdict != AWAY:
                answers += 1
                if answers >= retry.attempts:
                    self._parked += 1
                    return PARKED, tries, reply.note
            self._retried += 1
            if reply.verdict != AWAY or self._breaker.state == CLOSED:  # an open breaker alone says when to try again
                await asyncio.sleep(max(retry.wait(tries), min(reply.retry_after, _LONGEST_WAIT)))

    def _succeeded(self) -> None:
        self._breaker.succeeded()
        self._failing_since = 0
        self._delivered += 1
        self._last_success = self._clock.now()

    async def _did_not(self, reply: Reply) -> None:
        """Note a failure; gives the endpoint up where it says that it is gone, or was away for too long."""
        now = self._clock.now()
        self._last_failure, self._note = now, reply.note
        if reply.verdict == GONE:
            await self._give_up(DISABLED, "webhook.gone")
        if reply.verdict != AWAY:
            self._breaker.succeeded()  # it is there, and refuses
            self._failing_since = 0
            return
        self._breaker.failed(time.monotonic(), random.uniform(0.5, 1.0), min(reply.retry_after, _LONGEST_WAIT))
        self._failing_since = self._failing_since or now
        if now - self._failing_since >= self._terms.dead * 1000:
            await self._give_up(PARKED_SUBSCRIPTION, "webhook.dead")

    async def _give_up(self, state: str, reason: str) -> None:
        verdict = Verdict(state, reason, self._clock.now(), self._subscription.resumed)
        while True:
            try:
                await self._judge(self._subscription.id, verdict)
                break
            except Unavailable as error:
                await asyncio.sleep(error.retry_after)
        raise _OverError

    # ---- outcomes

    async def _say(self, record: Fetched, outcome: str, tries: int, note: str, id: str, type_: str) -> None:
        """Write what became of an event to ``hand-overs``; there when it returns."""
        made = outcome_of(self._subscription, record.topic.removeprefix(self._prefix), record.partition, record.offset, id, type_)
        row = outcome_row(msgspec.structs.replace(made, outcome=outcome, at=self._clock.now(), attempts=tries, note=note))
        place = (self._prefix + HAND_OVERS, partition_of(row[0], self._partitions))
        while True:
            try:
                await self._publisher.send({place: [row]})
                break
            except Unavailable as error:
                await asyncio.sleep(error.retry_after)

    async def _read(self, wanted: Redelivery) -> Fetched | None:
        """The record at a place; None where retention has taken it. One reader at a time: redeliveries are few."""
        async with self._reading:
            if self._reader is None:
                self._reader = AIOKafkaConsumer(group_id=None, **self._settings)
                await self._reader.start()
            place = TopicPartition(self._prefix + wanted.topic, wanted.partition)
            self._reader.assign([place])
            begin = (await self._reader.beginning_offsets([place]))[place]
            end = (await self._reader.end_offsets([place]))[place]
            if not begin <= wanted.offset < end:
                return None
            self._reader.seek(place, wanted.offset)
            found = await self._reader.getone(place)
            return found if found.offset == wanted.offset else None


def outcome_of(subscription: Subscription, topic: str, partition: int, offset: int, id: str, type_: str) -> HandOverOutcome:
    """The word about an event to a subscription, without what became of it."""
    return HandOverOutcome(
        "", id, subscription.recipient, subscription.principal, type_, "", 0, 0, topic=topic, partition=partition, offset=offset
    )


def outcome_row(outcome: HandOverOutcome) -> tuple[bytes, bytes, Any]:
    """(key, value, headers) of a record of ``hand-overs``."""
    key = f"{outcome.recipient}+{outcome.sender}".encode()
    id = f"{outcome.recipient}:{outcome.copmsg_id}:{outcome.outcome}:{outcome.at}"
    return key, codec.to_json(outcome), headers("hub.handover.recorded.v1", id, outcome.copmsg_id, outcome.at)


def _event(value: bytes | None) -> dict[str, Any] | None:
    """A public event; None for what is sealed, or no event at all."""
    if not value or not value.startswith(_PUBLIC):
        return None
    with suppress(msgspec.DecodeError):
        found = msgspec.json.decode(value)
        return found if isinstance(found, dict) else None
    return None


async def _end(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

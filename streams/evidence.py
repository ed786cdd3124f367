"""The loop of evidence: chains ``submissions`` and the acts in ``evidence`` by partition, in the order of the log.

A process of the group holds some partitions of ``submissions``, and reads beside each the partition of ``evidence`` with the
same number. What that says decides: a root counts when it is read back there as the next of its chain, and not before. So a
writer that was frozen and wakes, or whose confirmation was lost, can at worst write a root that every reader refuses. The
group's committed offset says how far the chain had come, and its metadata where to read on: start-up is reading on.
"""

from __future__ import annotations

import asyncio
import logging
from base64 import b64encode
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError
from aiokafka.structs import OffsetAndMetadata

from hub import codec, topics
from hub.domain import audit, evidence
from hub.domain.acknowledgement import Signers
from hub.domain.cloud_events import headers
from hub.domain.events import TICK_KEY
from hub.domain.evidence import Genuine, Head, Root, Stamped
from hub.domain.faults import Unavailable
from hub.ports import Clock, Publisher, Row

log = logging.getLogger(__name__)

GROUP = "hub-evidence"
#: Seconds between roots where something has come.
EVERY = 3.0
#: Seconds an own root may take to be read back, and a pause after something was away.
PATIENCE, RETRY = 10.0, 1.0
#: Seconds after which a position is committed though no root was made: partitions with nothing but ticks.
COMMIT_SECONDS = 60.0
FETCH_BYTES = 16 << 20

#: Asks the authority for a stamp of these bytes; raises Unavailable.
Stamp = Callable[[bytes], Awaitable[bytes]]


class Anchor(msgspec.Struct, frozen=True, omit_defaults=True):
    """Metadata of a committed offset: both chains' heads, and the offset in ``evidence`` to read on at."""

    submissions: Head = Head()
    acts: Head = Head()
    reading: int = 0


class Chain:
    """One chain: its head as the log tells it, and the leaves that wait for a root."""

    def __init__(self, topic: str, partition: int, head: Head, genuine: Genuine) -> None:
        self.topic, self.partition, self.head, self._genuine = topic, partition, head, genuine
        self.pending: deque[tuple[int, bytes]] = deque()
        self._seen = head.last
        #: Number of the newest root known to be stamped.
        self.stamped = 0
        #: The newest root itself and its offset, where it has been read.
        self.newest: Root | None = None
        self.newest_at = -1

    def add(self, offset: int, subject: str, content: str) -> None:
        """A record of the topic; one seen before is none."""
        if offset > self._seen:
            self._seen = offset
            self.pending.append((offset, evidence.leaf(self.topic, self.partition, offset, subject, content)))

    def next(self, at: int, sign: Callable[[bytes], bytes], key: str) -> Root:
        """A root for what waits, as far as one root goes."""
        some = list(islice(self.pending, evidence.MOST_LEAVES))
        return evidence.make(self.head, self.topic, self.partition, some, at, sign, key)

    def take(self, root: Root, offset: int) -> None:
        """A root as the log has it: the chain's next, the head itself read again, or refused."""
        if not self._genuine(root):
            log.warning("%s-%d: a root at %d is not by the hub's key", self.topic, self.partition, offset)
            return
        if evidence.breaks(self.head, root):
            if evidence.after(root) == self.head:
                self.newest, self.newest_at = root, offset
            return
        self.head, self.newest, self.newest_at = evidence.after(root), root, offset
        self._seen = max(self._seen, root.last)
        while self.pending and self.pending[0][0] <= root.last:
            self.pending.popleft()

    def stamp(self, stamp: Stamped) -> None:
        """A time stamp as the log has it: one of another root than the newest tells nothing."""
        if self.newest is not None and stamp.record == evidence.record_hash(self.newest):
            self.stamped = self.newest.number

    @property
    def unstamped(self) -> bool:
        """Whether the newest root is known and has no stamp."""
        return self.newest is not None and self.newest.number > self.stamped


class Held:
    """A partition this process holds: the chain of ``submissions``, and in one partition that of acts."""

    def __init__(self, partition: int, anchor: Anchor, submissions: str, evidence_topic: str, genuine: Genuine) -> None:
        self.partition, self.reading = partition, anchor.reading
        #: Where to read on in ``submissions``.
        self.position = 0
        self.submissions = Chain(submissions, partition, anchor.submissions, genuine)
        self.acts = Chain(evidence_topic, partition, anchor.acts, genuine) if partition == audit.PARTITION else None

    @property
    def chains(self) -> list[Chain]:
        """Both, or the one."""
        return [self.submissions, *([self.acts] if self.acts is not None else ())]

    @property
    def anchor(self) -> Anchor:
        """What start-up needs: reading on there finds every act that waits, and the newest roots as long as they are not stamped."""
        reading = min([self.reading, *(chain.newest_at for chain in self.chains if chain.unstamped)])
        if self.acts is not None and self.acts.pending:
            reading = min(reading, self.acts.pending[0][0])
        return Anchor(self.submissions.head, self.acts.head if self.acts is not None else Head(), reading)

    def add(self, records: Sequence[Any]) -> None:  # Any: aiokafka has no types
        """Records of ``submissions``; ticks are no leaves."""
        for record in records:
            if record.key != TICK_KEY:
                content = codec.submission_content(record.value or b"")
                self.submissions.add(record.offset, evidence.subject_of(record.key), content)
        self.position = records[-1].offset + 1

    def read(self, offset: int, key: bytes | None, value: bytes | None) -> None:
        """A record of ``evidence``."""
        self.reading = offset + 1
        if key == audit.KEY:
            if self.acts is not None:
                self.acts.add(offset, evidence.subject_of(key), evidence.hashed(value or b""))
            return
        try:
            record = codec.evidence(value or b"")
        except msgspec.DecodeError:
            log.warning("evidence-%d@%d cannot be read", self.partition, offset)
            return
        for chain in self.chains:
            if isinstance(record, Root | Stamped) and (record.topic, record.partition) == (chain.topic, chain.partition):
                if isinstance(record, Root):
                    chain.take(record, offset)
                else:
                    chain.stamp(record)


class Evidence:
    """The loop. ``run`` until ``stop``."""

    def __init__(
        self,
        *,
        bootstrap: str,
        publisher: Publisher,
        sign: Callable[[bytes], bytes],
        keys: Signers,
        key_id: str,
        clock: Clock,
        stamp: Stamp | None = None,
        stamp_seconds: float = 60.0,
        every: float = EVERY,
        session_ms: int = 10_000,
        submissions: str = topics.SUBMISSIONS,
        evidence_topic: str = topics.EVIDENCE,
        group: str = GROUP,
    ) -> None:
        self._bootstrap, self._publisher, self._clock = bootstrap, publisher, clock
        self._sign, self._key_id, self._genuine = sign, key_id, evidence.genuine(keys)
        self._stamp, self._stamp_seconds, self._every = stamp, stamp_seconds, every
        self._session_ms, self._group = session_ms, group
        self._submissions, self._evidence = submissions, evidence_topic
        self._held: dict[int, Held] = {}
        self._stopping = asyncio.Event()
        self._committed = 0.0
        #: Roots of this process that count, and those that others were before.
        self.written = self.refused = 0

    def stop(self) -> None:
        """End after the turn at hand."""
        self._stopping.set()

    async def run(self) -> None:
        """Chain until stopped; the broker may come and go."""
        stamping = asyncio.create_task(self._stamps()) if self._stamp is not None else None
        try:
            while not self._stopping.is_set():
                try:
                    await self._session()
                except (Unavailable, KafkaError, OSError) as error:
                    log.warning("evidence waits: %s", error)
                    await self._pause(RETRY)
        finally:
            if stamping is not None:
                stamping.cancel()
                with suppress(asyncio.CancelledError):
                    await stamping

    # ---- chaining

    async def _session(self) -> None:
        options: dict[str, Any] = {"bootstrap_servers": self._bootstrap, "enable_auto_commit": False}  # Any: aiokafka's keywords
        consumer = AIOKafkaConsumer(
            self._submissions,
            group_id=self._group,
            auto_offset_reset="earliest",
            session_timeout_ms=self._session_ms,
            fetch_max_bytes=FETCH_BYTES,
            max_partition_fetch_bytes=4 << 20,
            **options,
        )
        tail = AIOKafkaConsumer(fetch_max_wait_ms=100, **options)
        self._held = {}
        try:
            await consumer.start()
            await tail.start()
            await asyncio.sleep(0)  # a client that is ended before its own task has begun raises that task's cancellation
            await self._turns(consumer, tail)
        finally:
            self._held = {}
            await tail.stop()
            await consumer.stop()

    async def _turns(self, consumer: AIOKafkaConsumer, tail: AIOKafkaConsumer) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + self._every
        while not self._stopping.is_set():
            batches = await consumer.getmany(timeout_ms=200, max_records=evidence.MOST_LEAVES)
            if {place.partition for place in consumer.assignment()} != set(self._held):
                await self._begin(consumer, tail)
            for place, records in batches.items():
                if place.partition in self._held:
                    self._held[place.partition].add(records)
            full = any(len(chain.pending) >= evidence.MOST_LEAVES for held in self._held.values() for chain in held.chains)
            if full or loop.time() >= due:
                due = loop.time() + self._every
                await self._turn(consumer, tail)
        await self._turn(consumer, tail)

    async def _begin(self, consumer: AIOKafkaConsumer, tail: AIOKafkaConsumer) -> None:
        """Take up the partitions that are new: read on from the anchor to the end of what the log says of the chain."""
        mine = {place.partition for place in consumer.assignment()}
        self._held = {number: held for number, held in self._held.items() if number in mine}
        new = mine - set(self._held)
        if new:
            anchors = await self._anchors(new)
            self._held |= {n: Held(n, anchors.get(n, Anchor()), self._submissions, self._evidence, self._genuine) for n in new}
        places = [TopicPartition(self._evidence, number) for number in sorted(self._held)]
        tail.assign(places)
        for place in places:
            tail.seek(place, self._held[place.partition].reading)
        await self._catch_up(tail)

    async def _anchors(self, partitions: Iterable[int]) -> dict[int, Anchor]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap)
        try:
            await admin.start()
            places = [TopicPartition(self._submissions, number) for number in partitions]
            found = await admin.list_consumer_group_offsets(self._group, partitions=places)
        except GroupCoordinatorNotAvailableError as error:
            raise Unavailable("Kafka") from error
        finally:
            await admin.close()
        return {
            place.partition: msgspec.json.decode(at.metadata, type=Anchor)
            for place, at in found.items()
            if at.offset >= 0 and at.metadata
        }

    async def _catch_up(self, tail: AIOKafkaConsumer, until: dict[int, int] | None = None) -> None:
        """Read ``evidence`` to its end, or past these offsets."""
        if not self._held:
            return
        if until is None:
            ends = await tail.end_offsets([TopicPartition(self._evidence, number) for number in self._held])
            until = {place.partition: end - 1 for place, end in ends.items()}
        try:
            async with asyncio.timeout(max(PATIENCE, sum(until.values()) / 1000)):
                while any(self._held[number].reading <= offset for number, offset in until.items()):
                    for place, records in (await tail.getmany(timeout_ms=200)).items():
                        for record in records:
                            self._held[place.partition].read(record.offset, record.key, record.value)
        except TimeoutError as error:
            raise Unavailable("Kafka") from error

    async def _turn(self, consumer: AIOKafkaConsumer, tail: AIOKafkaConsumer) -> None:
        """Write the roots that are due, and commit where their chains stand once they are read back."""
        await self._catch_up(tail)
        while made := self._made():
            rows: dict[tuple[str, int], list[Row]] = {}
            for chain, root in made:
                rows.setdefault((self._evidence, chain.partition), []).append(self._row(evidence.ROOT_TYPE, root, root.at))
            offsets = await self._publisher.send(rows)
            await self._catch_up(tail, {number: max(some) for (_, number), some in offsets.items()})
            for chain, root in made:
                counts = chain.head.number > root.number or chain.head == evidence.after(root)
                self.written += counts
                self.refused += not counts
                if not counts:
                    log.warning("%s-%d: another process has written root %d", chain.topic, chain.partition, root.number)
            self._committed = 0.0
            if not any(len(chain.pending) >= evidence.MOST_LEAVES for chain, _ in made):
                break
        now = asyncio.get_running_loop().time()
        if now > self._committed + COMMIT_SECONDS:
            await self._commit(consumer)
            self._committed = now

    def _made(self) -> list[tuple[Chain, Root]]:
        now = self._clock.now()
        waiting = [chain for held in self._held.values() for chain in held.chains if chain.pending]
        return [(chain, chain.next(now, self._sign, self._key_id)) for chain in waiting]

    async def _commit(self, consumer: AIOKafkaConsumer) -> None:
        mine = consumer.assignment()
        at = {
            TopicPartition(self._submissions, number): OffsetAndMetadata(
                held.submissions.pending[0][0] if held.submissions.pending else max(held.position, held.submissions.head.last + 1),
                codec.to_json(held.anchor).decode(),
            )
            for number, held in self._held.items()
            if TopicPartition(self._submissions, number) in mine
        }
        if at:
            await consumer.commit(at)

    def _row(self, type_: str, record: Root | Stamped, at: int) -> Row:
        place = f"{record.topic}-{record.partition}"
        return place.encode(), codec.to_json(record), headers(type_, f"{type_}:{place}:{record.number}:{at}", place, at)

    # ---- stamping

    async def _stamps(self) -> None:
        """Have the newest root of each chain stamped now and then; an authority that is away is asked again the next time."""
        while True:
            await asyncio.sleep(self._stamp_seconds)
            for chain in [chain for held in self._held.values() for chain in held.chains]:
                root = chain.newest
                if root is None or not chain.unstamped:
                    continue
                try:
                    await self._stamp_one(root)
                except (Unavailable, OSError) as error:
                    log.warning("no time stamp: %s", error)
                    break
                chain.stamped = max(chain.stamped, root.number)

    async def _stamp_one(self, root: Root) -> None:
        assert self._stamp is not None
        token = await self._stamp(codec.to_json(root))
        now = self._clock.now()
        stamped = Stamped(root.topic, root.partition, root.number, evidence.record_hash(root), b64encode(token).decode(), now)
        await self._publisher.send({(self._evidence, root.partition): [self._row(evidence.STAMP_TYPE, stamped, now)]})

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

"""What a topic brings, for many readers at a time: one ring in memory, and Kafka itself for whoever is behind it.

The ring is filled by one consumer without a group while somebody reads, and dropped when nobody has for minutes. A reader
whose cursor the ring does not hold reads Kafka with one of a few consumers, some records at a time, until the ring holds
it: what it gets is the same, and nothing is lost on the way over, since both go by the cursor alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from hub.domain.cursor import Cursor
from hub.domain.faults import Refused, Unavailable, fault
from hub.domain.ring import Item, Ring, Stretch, Wanted

log = logging.getLogger(__name__)

#: A record's value and headers → what recipients get of it; None for what is for nobody.
Reads = Callable[[bytes, Mapping[str, bytes]], Item | None]

#: Seconds that news are collected before readers are told: one write for many.
TOGETHER = 0.05
#: Seconds without a reader after which a ring is dropped.
IDLE = 300.0
#: Seconds a reader waits for the ring, or for Kafka.
PATIENCE = 5.0
#: Records the ring begins with, and of a stretch read from Kafka.
BACK, PIECE = 2048, 500
#: Stretches kept for readers of the same place.
_SHARED = 256


@dataclass
class _Reader:
    """A consumer of the pool; ``at`` is where it stands, so that who reads on needs no new fetch."""

    consumer: AIOKafkaConsumer
    topic: str = ""
    at: dict[int, int] = field(default_factory=dict)


class Readers:
    """A few consumers without a group, lent for one piece at a time."""

    def __init__(self, bootstrap: str, prefix: str = "", count: int = 4) -> None:
        self._bootstrap, self._prefix = bootstrap, prefix
        self._free: list[_Reader] = []
        self._seats = asyncio.Semaphore(count)

    async def piece(self, topic: str, cursor: Cursor, until: Sequence[int]) -> tuple[list[ConsumerRecord[bytes, bytes]], dict[int, int]]:
        """Records behind the cursor and below ``until`` (an offset a partition), and {partition: offset behind them}.

        Some at a time: at least one partition comes on. Raises Unavailable.
        """
        behind = {n: cursor.at(n) for n, end in enumerate(until) if cursor.at(n) < end}
        try:
            async with asyncio.timeout(PATIENCE), self._seats:
                reader = await self._lent(topic, behind)
                try:
                    found = await self._read(reader, behind, until)
                except BaseException:
                    await reader.consumer.stop()
                    raise
                self._free.append(reader)
                if all(found[1].get(n, at) >= until[n] for n, at in behind.items()):
                    reader.consumer.assign([])  # nobody reads on from here: what it would fetch ahead is for nobody
                    reader.at = {}
                return found
        except (KafkaError, OSError, TimeoutError) as error:
            raise Unavailable("Kafka") from error

    async def ends(self, topic: str, partitions: int) -> list[int]:
        """Of each partition the offset after its last record. Raises Unavailable."""
        numbers = [TopicPartition(self._prefix + topic, n) for n in range(partitions)]
        try:
            async with asyncio.timeout(PATIENCE), self._seats:
                reader = await self._lent(topic, {})
                try:
                    ends = await reader.consumer.end_offsets(numbers)
                except BaseException:
                    await reader.consumer.stop()
                    raise
                self._free.append(reader)
                return [ends[number] for number in numbers]
        except (KafkaError, OSError, TimeoutError) as error:
            raise Unavailable("Kafka") from error

    async def close(self) -> None:
        """Stop the consumers."""
        while self._free:
            await self._free.pop().consumer.stop()

    async def _lent(self, topic: str, places: Mapping[int, int]) -> _Reader:
        """A consumer that stands at these places."""
        for reader in self._free:
            if reader.topic == topic and places and all(reader.at.get(n) == at for n, at in places.items()):
                self._free.remove(reader)
                return reader
        reader = self._free.pop(0) if self._free else _Reader(await started(self._bootstrap, auto_offset_reset="earliest"))
        if places:
            reader.topic, reader.at = topic, dict(places)
            reader.consumer.assign([TopicPartition(self._prefix + topic, n) for n in places])
            for n, at in places.items():
                reader.consumer.seek(TopicPartition(self._prefix + topic, n), at)
        return reader

    async def _read(
        self, reader: _Reader, behind: Mapping[int, int], until: Sequence[int]
    ) -> tuple[list[ConsumerRecord[bytes, bytes]], dict[int, int]]:
        places = {n: TopicPartition(self._prefix + reader.topic, n) for n in behind}
        while True:
            batches = await reader.consumer.getmany(*places.values(), timeout_ms=300, max_records=PIECE)
            records = [record for some in batches.values() for record in some]
            if not records:
                # retention may have taken all there was: then the consumer has moved without a record
                moved = {n: await reader.consumer.position(place) for n, place in places.items()}
                if all(moved[n] <= at for n, at in behind.items()):
                    continue
                reader.at |= moved
                return [], {n: min(at, until[n]) for n, at in moved.items()}
            reader.at |= {record.partition: record.offset + 1 for record in records}
            reached = {n: min(reader.at[n], until[n]) for n in {record.partition for record in records}}
            return [record for record in records if record.offset < until[record.partition]], reached


class Feed:
    """What a topic brings from now on and from any cursor; ``hub.web.ports.Source`` is what its readers see."""

    def __init__(
        self, readers: Readers, bootstrap: str, topic: str, partitions: int, reads: Reads, *, prefix: str = "", count: int = 8192
    ) -> None:
        self.topic = topic
        self._readers, self._bootstrap, self._prefix, self._reads, self._count = readers, bootstrap, prefix, reads, count
        self._partitions = [TopicPartition(prefix + topic, n) for n in range(partitions)]
        self._ring: Ring | None = None
        self._level = False
        self._task: asyncio.Task[None] | None = None
        self._waiting: set[asyncio.Future[None]] = set()
        self._used = 0.0
        self._shared: dict[tuple[Wanted, Cursor, int], Stretch] = {}
        self._unread = 0

    async def now(self) -> Cursor:
        """The cursor behind everything there is. Raises Unavailable."""
        return Cursor(self.topic, (await self._there()).ends)

    async def after(self, cursor: Cursor, wanted: Wanted, limit: int) -> Stretch:
        """What lies behind the cursor, some of it at a time.

        Raises Unavailable, and Refused where the cursor is further on than the log.
        """
        ring = await self._there()
        if ring.ahead(cursor):
            await self._checked(cursor)
        if not ring.holds(cursor):
            return await self._from_kafka(ring, cursor, wanted, limit)
        key = (wanted, cursor, limit)
        found = self._shared.get(key)
        if found is None:
            found = ring.after(cursor, wanted, limit)
            if len(self._shared) < _SHARED:
                self._shared[key] = found
        return found

    async def news(self, cursor: Cursor, _wanted: Wanted, seconds: float) -> None:
        """Wait until there may be something behind the cursor, but not longer than that."""
        if self._ring is not None and self._ring.news(cursor):
            return
        loop = asyncio.get_running_loop()
        self._used = loop.time()
        told: asyncio.Future[None] = loop.create_future()
        self._waiting.add(told)
        timer = loop.call_later(seconds, _done, told)
        try:
            await told
        finally:
            timer.cancel()
            self._waiting.discard(told)

    async def close(self) -> None:
        """End the consumer."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _checked(self, cursor: Cursor) -> None:
        """Another process may have handed out what this one has not read yet, but nobody what is not in the log."""
        ends = await self._readers.ends(self.topic, len(self._partitions))
        if len(cursor.offsets) > len(ends) or any(cursor.at(n) > end for n, end in enumerate(ends)):
            raise Refused([fault("transport.cursor_ahead")])

    async def _from_kafka(self, ring: Ring, cursor: Cursor, wanted: Wanted, limit: int) -> Stretch:
        records, reached = await self._readers.piece(self.topic, cursor, ring.begins)
        items: list[tuple[Item, str]] = []
        for record in records:
            if len(items) == limit:
                return Stretch(items, cursor, more=True)
            cursor = cursor.past(record.partition, record.offset)
            item = self._read(record)
            if item is not None and wanted.takes(item.value):
                items.append((item, cursor.text()))
        for number, at in reached.items():
            cursor = cursor.past(number, at - 1)
        return Stretch(items, cursor, more=True)

    def _read(self, record: ConsumerRecord[bytes, bytes]) -> Item | None:
        if record.value is None:
            return None
        try:
            return self._reads(record.value, {name: value for name, value in record.headers if value is not None})
        except Exception:  # whatever is wrong with one record, those behind it are for somebody
            self._unread += 1
            if self._unread == 1:
                log.exception("a record of %s is not what it should be (%d, offset %d)", self.topic, record.partition, record.offset)
            return None

    async def _there(self) -> Ring:
        """The ring, when it has come up with the log."""
        loop = asyncio.get_running_loop()
        self._used = loop.time()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._follow(), name=f"feed of {self.topic}")
        deadline = loop.time() + PATIENCE
        while self._ring is None or not self._level:
            left = deadline - loop.time()
            if left <= 0:
                raise Unavailable("Kafka")
            told: asyncio.Future[None] = loop.create_future()
            self._waiting.add(told)
            timer = loop.call_later(left, _done, told)
            try:
                await told
            finally:
                timer.cancel()
                self._waiting.discard(told)
        return self._ring

    async def _follow(self) -> None:
        try:
            while not self._idle():
                try:
                    await self._read_on()
                except OffsetOutOfRangeError:  # the log is not what it was: begin anew
                    self._ring = None
                except (KafkaError, OSError):  # the broker is away: what is here stays here
                    await asyncio.sleep(0.5)
        finally:
            self._ring, self._level = None, False

    def _idle(self) -> bool:
        return not self._waiting and asyncio.get_running_loop().time() - self._used > IDLE

    async def _read_on(self) -> None:
        consumer = await started(self._bootstrap, auto_offset_reset="none")
        try:
            consumer.assign(self._partitions)
            ends = await consumer.end_offsets(self._partitions)
            if self._ring is None or any(ends[p] < self._ring.ends[p.partition] for p in self._partitions):
                begins = await consumer.beginning_offsets(self._partitions)
                back = BACK // len(self._partitions)
                self._ring = Ring(self.topic, [max(begins[p], ends[p] - back) for p in self._partitions], self._count)
                self._level = False
            ring = self._ring
            for p in self._partitions:
                consumer.seek(p, ring.ends[p.partition])
            while not self._idle():
                if not self._level and all(ring.ends[p.partition] >= ends[p] for p in self._partitions):
                    self._level = True
                    self._tell()
                batches = await consumer.getmany(timeout_ms=1000, max_records=PIECE)
                if not batches:
                    continue
                for records in batches.values():
                    for record in records:
                        ring.add(record.partition, record.offset, self._read(record))
                self._tell()
                if self._level:
                    await asyncio.sleep(TOGETHER)
        finally:
            await consumer.stop()

    def _tell(self) -> None:
        self._shared.clear()
        for told in self._waiting:
            _done(told)


class Feeds:
    """The feeds of a process, one a topic, made when they are first asked for."""

    def __init__(self, bootstrap: str, partitions: int, reads: Mapping[str, Reads], *, prefix: str = "", count: int = 8192) -> None:
        """``reads`` of every topic that may be followed."""
        self._readers = Readers(bootstrap, prefix)
        self._feeds = {
            topic: Feed(self._readers, bootstrap, topic, partitions, read, prefix=prefix, count=count) for topic, read in reads.items()
        }

    def of(self, topic: str) -> Feed:
        """The feed of a topic."""
        return self._feeds[topic]

    async def close(self) -> None:
        """Stop every consumer."""
        await asyncio.gather(*(feed.close() for feed in self._feeds.values()))
        await self._readers.close()


async def started(bootstrap: str, **options: Any) -> AIOKafkaConsumer:
    """A consumer without a group; raises KafkaError, OSError."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=None,
        enable_auto_commit=False,
        fetch_max_wait_ms=500,
        max_partition_fetch_bytes=256 << 10,
        **options,
    )
    try:
        await consumer.start()
    except BaseException:
        await consumer.stop()
        raise
    return consumer


def _done(told: asyncio.Future[None]) -> None:
    if not told.done():
        told.set_result(None)

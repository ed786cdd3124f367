"""Kafka as the runtime sees it, in memory: topics of records, atomic appends, and a hand on what goes wrong."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager

from hub import codec
from hub.domain.events import TICK_KEY
from hub.topics import partition_of
from streams.api import Headers, Now, Output, Record
from streams.log import Row


class CrashError(Exception):
    """The process died here."""


class MemoryLog:
    """Topics with ``partitions`` partitions each. ``crash_at`` names the point at which the next commit dies:
    ``outputs`` before any is written, ``changelog`` after them, ``after`` when everything is out.
    """

    def __init__(self, partitions: int = 1) -> None:
        self.partitions = partitions
        self.topics: dict[str, dict[int, list[Record]]] = defaultdict(lambda: defaultdict(list))
        self.first: dict[tuple[str, int], int] = {}
        self.crash_at = ""
        self.appends = 0
        self.sizes: list[int] = []
        self.reads = 0

    # ---- what a test writes

    def put(self, topic: str, key: bytes, value: bytes, headers: Headers = (), partition: int = 0) -> Record:
        """A record at the end of a partition."""
        place = self.topics[topic][partition]
        offset = place[-1].offset + 1 if place else self.first.get((topic, partition), 0)
        record = Record(key, value, headers, offset, partition)
        place.append(record)
        return record

    def tick(self, topic: str, at: int, reference: int = 0, rules: str = "", partition: int = 0) -> Record:
        """A tick at ``at`` ms."""
        return self.put(topic, TICK_KEY, codec.pack(Now(at, reference, rules)), partition=partition)

    def records(self, topic: str, partition: int = 0, start: int = 0) -> list[Record]:
        """What is there from an offset on."""
        return [record for record in self.topics[topic][partition] if record.offset >= start]

    def values(self, topic: str) -> list[bytes | None]:
        """Every value of a topic."""
        return [record.value for place in self.topics[topic].values() for record in place]

    # ---- what the runtime does

    async def write(self, outputs: Sequence[Output]) -> None:
        self._crash("outputs")
        for topic, key, value, headers, route in outputs:
            place = partition_of(key if route is None else route, self.partitions)
            self.put(topic, key, value, headers, place)  # type: ignore[arg-type]  # a deletion

    async def append(self, topic: str, batches: Mapping[int, Sequence[Row]]) -> dict[int, tuple[int, int]]:
        self._crash("changelog")
        done = {}
        for partition, rows in batches.items():
            made = [self.put(topic, key, value, (), partition) for key, value in rows]  # type: ignore[arg-type]
            done[partition] = made[0].offset, made[-1].offset + 1
            self.sizes.append(sum(len(key) + len(value or b"") for key, value in rows))
        self.appends += 1
        self._crash("after")
        return done

    def _crash(self, point: str) -> None:
        if self.crash_at == point:
            self.crash_at = ""
            raise CrashError(point)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[MemoryLog]:
        yield self

    async def bounds(self, topic: str, partitions: Iterable[int]) -> dict[int, tuple[int, int]]:
        found = {}
        for partition in partitions:
            place = self.topics[topic][partition]
            first = self.first.get((topic, partition), 0)
            found[partition] = (place[0].offset, place[-1].offset + 1) if place else (first, first)
        return found

    async def read(
        self, topic: str, spans: Mapping[int, tuple[int, int]]
    ) -> AsyncIterator[tuple[int, Sequence[Record]]]:
        for partition, (start, end) in spans.items():
            found = [record for record in self.topics[topic][partition] if start <= record.offset < end]
            self.reads += len(found)
            for at in range(0, len(found), 7):  # pieces that do not end where batches do
                yield partition, found[at : at + 7]

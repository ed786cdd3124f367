"""Assessments of a time with what they were made of, out of the topics ``assessments`` and ``inbox.assess``."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from hub import codec
from hub.domain.events import TICK_KEY, Assessment, Matched
from hub.domain.faults import Misconfigured, Unavailable
from hub.topics import ASSESSMENTS, HOUR_MS, inbox

_TOLD = inbox("assess")
#: What is in memory at once: the documents of so long (ms), as bytes, and those not assessed yet.
_STEP = 2 * 60_000
#: Match tells before assess answers: by so much documents are read ahead, for clocks that differ; and how long before the
#: first assessment its documents may have been told.
_AHEAD, _BEFORE = 60_000, HOUR_MS
_READ_SECONDS = 30


class Assessed(NamedTuple):
    """An assessment; ``matched`` None where what it was made of is no longer kept."""

    assessment: Assessment
    matched: Matched | None


async def assessed(bootstrap: str, since: int, until: int, prefix: str = "") -> AsyncIterator[Assessed]:
    """Every assessment written from ``since`` until before ``until`` (ms), once each; Unavailable without a broker.

    Both topics are read side by side, a few minutes at a time. ``prefix`` stands before every topic's name on a broker
    that several hubs share.
    """
    told, made = _Topic(bootstrap, prefix + _TOLD), _Topic(bootstrap, prefix + ASSESSMENTS)
    try:
        await told.start(since - _BEFORE)
        await made.start(since)
        documents: dict[str, bytes] = {}
        done: set[str] = set()
        for first in range(since, until, _STEP):
            last = min(first + _STEP, until)
            async for value in told.on_to(last + _AHEAD):
                event = codec.assess_event(value)
                if isinstance(event, Matched):
                    documents[f"{event.declaration_key}@{event.revision}.{event.match}"] = value
            before, done = done, set()
            async for value in made.on_to(last):
                one = codec.assessment(value)
                # A stage that was killed says it again, soon after.
                if one.id not in before and one.id not in done:
                    yield Assessed(one, _matched(documents.pop(one.id, None)))
                done.add(one.id)
    except (KafkaError, OSError, TimeoutError) as error:
        raise Unavailable("Kafka") from error
    finally:
        await told.stop()
        await made.stop()


def _matched(value: bytes | None) -> Matched | None:
    event = codec.assess_event(value) if value is not None else None
    return event if isinstance(event, Matched) else None


class _Topic:
    """A topic that is read from one moment on to the next."""

    def __init__(self, bootstrap: str, name: str) -> None:
        self._name = name
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            group_id=None,
            enable_auto_commit=False,
            # A broker answers in turn: what asks for offsets would wait behind a fetch that waits for records.
            fetch_max_wait_ms=5,
        )
        self._ends: dict[TopicPartition, int] = {}
        #: what was fetched beyond the moment asked for
        self._held: dict[TopicPartition, deque[ConsumerRecord]] = {}

    async def start(self, moment: int) -> None:
        """Begin with the records of a moment (ms); Misconfigured where there is no such topic."""
        consumer = self._consumer
        async with asyncio.timeout(_READ_SECONDS):
            await consumer.start()
            # A consumer that subscribes to nothing keeps no metadata; there is no public way to ask for it.
            cluster = await consumer._client.fetch_all_metadata()
            partitions = [TopicPartition(self._name, n) for n in cluster.partitions_for_topic(self._name) or ()]
            if not partitions:
                raise Misconfigured([f"the broker has no topic {self._name}: is it the hub's?"])
            self._ends = await consumer.end_offsets(partitions)
            self._held = {partition: deque() for partition in partitions}
            consumer.assign(partitions)
            for partition, offset in (await self._offsets(moment)).items():
                consumer.seek(partition, offset)

    async def stop(self) -> None:
        """Disconnect."""
        await self._consumer.stop()

    async def _offsets(self, moment: int) -> dict[TopicPartition, int]:
        """Where the records of a moment begin; what came after the start is left out."""
        found = await self._consumer.offsets_for_times(dict.fromkeys(self._ends, max(0, moment)))
        return {
            partition: min(end, at.offset) if (at := found[partition]) is not None else end
            for partition, end in self._ends.items()
        }

    async def on_to(self, moment: int) -> AsyncIterator[bytes]:
        """The values of the records from where reading stands until before a moment, ticks left out."""
        async with asyncio.timeout(_READ_SECONDS):
            stops = await self._offsets(moment)
        for partition, held in self._held.items():
            while held and held[0].offset < stops[partition]:
                yield held.popleft().value
        while True:
            behind = [p for p, held in self._held.items() if not held and await self._consumer.position(p) < stops[p]]
            if not behind:
                return
            self._consumer.pause(*self._held)
            self._consumer.resume(*behind)
            async with asyncio.timeout(_READ_SECONDS):
                batches = await self._consumer.getmany(timeout_ms=500)
            for partition, records in batches.items():
                for record in records:
                    if record.key == TICK_KEY or not record.value:
                        continue
                    if record.offset < stops[partition]:
                        yield record.value
                    else:
                        self._held[partition].append(record)

"""Assessments of a time with what they were made of, out of the topics ``assessments`` and ``inbox.assess``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from hub import codec
from hub.domain.events import TICK_KEY, Assessment, Matched
from hub.domain.faults import Misconfigured, Unavailable
from hub.topics import ASSESSMENTS, HOUR_MS, inbox

_TOLD = inbox("assess")
#: Match tells before assess answers: by so much the documents are read ahead, for clocks that differ.
_AHEAD = 60_000
_READ_SECONDS = 30


class Assessed(NamedTuple):
    """An assessment; ``matched`` None where what it was made of is no longer kept."""

    assessment: Assessment
    matched: Matched | None


async def assessed(bootstrap: str, since: int, until: int, prefix: str = "") -> AsyncIterator[Assessed]:
    """Every assessment written from ``since`` until before ``until`` (ms), once each; Unavailable without a broker.

    Read an hour at a time, both topics side by side: in memory are the documents of an hour and those not assessed yet.
    ``prefix`` stands before every topic's name on a broker that several hubs share.
    """
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=None, enable_auto_commit=False)
    try:
        async with asyncio.timeout(_READ_SECONDS):
            await consumer.start()
        documents: dict[str, Matched] = {}
        done: set[str] = set()
        told = since - HOUR_MS
        for first in range(since, until, HOUR_MS):
            last = min(first + HOUR_MS, until)
            async for value in _between(consumer, prefix + _TOLD, told, last + _AHEAD):
                event = codec.assess_event(value)
                if isinstance(event, Matched):
                    documents[f"{event.declaration_key}@{event.revision}.{event.match}"] = event
            told, before, done = last + _AHEAD, done, set()
            async for value in _between(consumer, prefix + ASSESSMENTS, first, last):
                one = codec.assessment(value)
                # A stage that was killed says it again, soon after.
                if one.id not in before and one.id not in done:
                    yield Assessed(one, documents.pop(one.id, None))
                done.add(one.id)
    except (KafkaError, OSError, TimeoutError) as error:
        raise Unavailable("Kafka") from error
    finally:
        await consumer.stop()


async def _between(consumer: AIOKafkaConsumer, topic: str, first: int, last: int) -> AsyncIterator[bytes]:
    """The values of a topic's records from one moment until before another, ticks left out."""
    async with asyncio.timeout(_READ_SECONDS):
        # A consumer that subscribes to nothing keeps no metadata; there is no public way to ask for it.
        cluster = await consumer._client.fetch_all_metadata()
        partitions = [TopicPartition(topic, number) for number in cluster.partitions_for_topic(topic) or ()]
        if not partitions:
            raise Misconfigured([f"the broker has no topic {topic}: is it the hub's?"])
        ends = await consumer.end_offsets(partitions)
        starts = await consumer.offsets_for_times(dict.fromkeys(partitions, max(0, first)))
        stops = await consumer.offsets_for_times(dict.fromkeys(partitions, last))
    left = {}
    for partition in partitions:
        start, stop = starts[partition], stops[partition]
        if start is not None and start.offset < (end := stop.offset if stop is not None else ends[partition]):
            left[partition] = (start.offset, end)
    consumer.assign(list(left))
    for partition, (start, _) in left.items():
        consumer.seek(partition, start)
    while left:
        async with asyncio.timeout(_READ_SECONDS):
            batches = await consumer.getmany(timeout_ms=500)
        for partition, records in batches.items():
            for record in records:
                if record.offset < left[partition][1] and record.key != TICK_KEY and record.value:
                    yield record.value
        for partition in list(left):
            if await consumer.position(partition) >= left[partition][1]:
                consumer.pause(partition)
                del left[partition]

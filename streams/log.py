"""The runtime's side of Kafka: outputs and changelog batches out, under the lease; changelogs in, at start."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.protocol.produce import ProduceRequest

from hub.topics import partition_of
from streams.api import Headers, Output
from streams.limits import largest

#: (key, value) of a changelog record.
Row = tuple[bytes, bytes | None]
#: A batch of outputs is closed at this size, where its topic does not demand a smaller one.
BATCH_BYTES = 768 << 10
#: A changelog batch is one batch whatever its size; the runtime has measured it.
_UNBOUNDED = 1 << 30
_RECORD_BYTES = 512


class Reader(Protocol):
    """Reads a topic's partitions from offset to offset."""

    async def bounds(self, topic: str, partitions: Sequence[int]) -> dict[int, tuple[int, int]]:
        """(first offset, end) of each partition."""

    def read(self, topic: str, spans: Mapping[int, tuple[int, int]]) -> AsyncIterator[tuple[int, Sequence[Any]]]:
        """(partition, records) within the spans [from, end); Any: records of the client."""


class Log(Protocol):
    """What the runtime asks of Kafka."""

    async def write(self, outputs: Sequence[Output]) -> None:
        """Write outputs, in order for each topic's partition; returns when all are acknowledged."""

    async def append(self, topic: str, batches: Mapping[int, Sequence[Row]]) -> dict[int, tuple[int, int]]:
        """Write each partition's rows as one atomic batch; {partition: (first offset, end)} when acknowledged."""

    def reading(self) -> Any:
        """An async context of a Reader. Any: contextlib's type is not worth its length."""


class KafkaLog:
    """The Log on aiokafka: one idempotent producer, a consumer while reading."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._producer: AIOKafkaProducer | None = None
        self._partitions: dict[str, int] = {}

    async def start(self, may_write: Callable[[], Awaitable[None]]) -> None:
        """Connect; ``may_write`` is awaited right before every produce request, retries included, and does not return
        where writing is no longer allowed. A check any earlier would let a frozen process write what it had begun.
        """
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            enable_idempotence=True,
            acks="all",
            max_batch_size=_UNBOUNDED,
            max_request_size=_UNBOUNDED,
        )
        client = producer.client
        send = client.send

        async def guarded(node: int, request: Any, **options: Any) -> Any:
            if isinstance(request, ProduceRequest):
                await client.ready(node)
                await may_write()
            return await send(node, request, **options)

        client.send = guarded
        await producer.start()
        self._producer = producer

    @property
    def started(self) -> bool:
        """Whether it is connected."""
        return self._producer is not None

    async def stop(self) -> None:
        """Disconnect."""
        if self._producer is not None:
            await self._producer.stop()
            self._producer = None

    async def write(self, outputs: Sequence[Output]) -> None:
        places: dict[tuple[str, int], list[Output]] = {}
        counts = self._partitions
        for output in outputs:
            topic, key, _, _, route = output
            count = counts.get(topic)
            if count is None:
                count = await self._count(topic)
            place = topic, partition_of(key if route is None else route, count)
            rows = places.get(place)
            if rows is None:
                places[place] = [output]
            else:
                rows.append(output)
        sent = [
            await self._send(batch, topic, partition)
            for (topic, partition), rows in places.items()
            for batch in _batches(topic, rows)
        ]
        for future in sent:
            await future

    async def append(self, topic: str, batches: Mapping[int, Sequence[Row]]) -> dict[int, tuple[int, int]]:
        sent = []
        for partition, rows in batches.items():
            batch = _batch([(key, value, ()) for key, value in rows])
            sent.append((partition, len(rows), await self._send(batch, topic, partition)))
        done = {}
        for partition, count, future in sent:
            first = (await future).offset
            done[partition] = first, first + count
        return done

    async def _send(self, batch: BatchBuilder, topic: str, partition: int) -> Any:
        assert self._producer is not None
        return await self._producer.send_batch(batch, topic, partition=partition)

    async def _count(self, topic: str) -> int:
        assert self._producer is not None
        found = self._partitions[topic] = len(await self._producer.partitions_for(topic))
        return found

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[KafkaReader]:
        """A reader with a connection of its own."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            enable_auto_commit=False,
            auto_offset_reset="none",
            max_partition_fetch_bytes=4 << 20,
            fetch_max_bytes=16 << 20,
            max_poll_records=20_000,
        )
        await consumer.start()
        try:
            yield KafkaReader(consumer)
        finally:
            await consumer.stop()


class KafkaReader:
    """The Reader on one consumer without a group."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer

    async def bounds(self, topic: str, partitions: Sequence[int]) -> dict[int, tuple[int, int]]:
        places = [TopicPartition(topic, number) for number in partitions]
        if not places:
            return {}
        first = await self._consumer.beginning_offsets(places)
        end = await self._consumer.end_offsets(places)
        return {place.partition: (first[place], end[place]) for place in places}

    async def read(self, topic: str, spans: Mapping[int, tuple[int, int]]) -> AsyncIterator[tuple[int, Sequence[Any]]]:
        consumer = self._consumer
        ends = {TopicPartition(topic, number): end for number, (start, end) in spans.items() if start < end}
        if not ends:
            return
        consumer.assign(list(ends))
        # No await between assign and seek: a reset of the position in flight would win.
        for place in ends:
            consumer.seek(place, spans[place.partition][0])
        while ends:
            for place, records in (await consumer.getmany(timeout_ms=500)).items():
                if place in ends:
                    yield place.partition, [record for record in records if record.offset < ends[place]]
            for place in list(ends):
                if await consumer.position(place) >= ends[place]:
                    del ends[place]
                    consumer.pause(place)


def _batches(topic: str, outputs: Sequence[Output]) -> list[BatchBuilder]:
    """Batches that stay below the topic's limit; one record alone may reach it."""
    most = min(BATCH_BYTES, largest(topic))
    made: list[BatchBuilder] = []
    rows: list[tuple[bytes, bytes | None, Headers]] = []
    total = 0
    for _, key, value, headers, _ in outputs:
        size = (len(value) if value is not None else 0) + len(key) + _RECORD_BYTES
        if rows and total + size > most:
            made.append(_batch(rows))
            rows, total = [], 0
        rows.append((key, value, headers))
        total += size
    made.append(_batch(rows))
    return made


def _batch(rows: Iterable[tuple[bytes, bytes | None, Headers]]) -> BatchBuilder:
    """A closed batch. Filled past the client's wrapper, which costs four times what the record itself does."""
    batch = BatchBuilder(_UNBOUNDED, 0)
    append, at, count = batch._builder.append, int(time.time() * 1000), 0
    for key, value, headers in rows:
        append(count, at, key, value, headers if type(headers) is list else list(headers))
        count += 1
    batch._relative_offset = count
    batch.close()
    return batch

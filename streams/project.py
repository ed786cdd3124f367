"""Topics → read model: one loop that reads every public topic and writes whole batches in one transaction.

The positions are stored with the rows they stand for and moved by compare-and-set, so the loop may be killed, doubled
or replayed at any point. Nothing here needs a consumer group: partitions are assigned by hand, positions are our own.
A record that cannot be read is logged by its place and skipped: the log keeps it, a rebuild will meet it again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from hub import topics
from hub.domain.faults import Misconfigured, Unavailable
from hub.domain.reading import Batch, Positions
from streams.projection import HANDLERS

log = logging.getLogger(__name__)

#: What is projected; a topic the broker does not have yet is waited for.
SOURCES = tuple(HANDLERS)
#: Records of one transaction at most; bounds memory together with the fetch size.
BATCH_RECORDS = 16_000
#: Pause after a batch that was not full: what happens to a document within it is merged into one row.
LINGER_S = 0.25
FETCH_BYTES = 16 << 20
#: How long a projector that lost a race stands by before it looks again.
STAND_BY_S = 1.0
RETRY_S = 1.0


class ReadModelWriter(Protocol):
    """The read model as the projector sees it; raises Unavailable while it is away."""

    async def positions(self) -> dict[tuple[str, int], int]:
        """{(topic, partition): next offset to apply}; a partition without an entry has not been begun."""

    async def write(self, batch: Batch) -> bool:
        """All of the batch in one transaction; False and nothing written where another has moved a position."""

    async def reset(self) -> None:
        """Empty every table of the read model, positions included."""


class Projector:
    """The loop. ``run`` returns after ``stop``; everything it needs from outside comes in by the constructor."""

    def __init__(
        self,
        bootstrap: str,
        writer: ReadModelWriter,
        sources: Sequence[str] = SOURCES,
        prefix: str = "",
        **consumer_options: Any,  # aiokafka's own: security and the like
    ) -> None:
        """``prefix`` stands before every topic's name on a broker that several hubs share."""
        self._bootstrap = bootstrap
        self._writer = writer
        self._sources = tuple(prefix + source for source in sources)
        self._prefix = prefix
        self._options = consumer_options
        self._positions: dict[tuple[str, int], int] = {}
        self._stopping = asyncio.Event()
        self.applied = 0
        self.skipped = 0
        self.lag: dict[tuple[str, int], int] = {}

    def stop(self) -> None:
        """End after the batch at hand."""
        self._stopping.set()

    async def run(self) -> None:
        """Project until stopped; broker and database may come and go."""
        while not self._stopping.is_set():
            try:
                await self._session()
            except (Unavailable, KafkaError, OSError) as error:
                log.warning("projector waits: %s", error)
                await self._pause(RETRY_S)

    async def _session(self) -> None:
        # Without a group every partition of the topics is ours; a topic that is not there yet is an error to retry.
        consumer = AIOKafkaConsumer(
            *self._sources,
            bootstrap_servers=self._bootstrap,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_bytes=FETCH_BYTES,
            max_partition_fetch_bytes=4 << 20,
            metadata_max_age_ms=30_000,
            **self._options,
        )
        try:
            await consumer.start()
            await self._seek(consumer)
            while not self._stopping.is_set():
                fetched = await consumer.getmany(timeout_ms=200, max_records=BATCH_RECORDS)
                if not fetched:
                    continue
                if not await self._apply(consumer, fetched):
                    await self._pause(STAND_BY_S)
                    await self._seek(consumer)
                elif sum(map(len, fetched.values())) < BATCH_RECORDS // 2:
                    await self._pause(LINGER_S)
        finally:
            await consumer.stop()

    async def _seek(self, consumer: AIOKafkaConsumer) -> None:
        """Go where the read model says; a log that ends before that is another log."""
        self._positions = await self._writer.positions()
        ends = await consumer.end_offsets(list(consumer.assignment()))
        for partition, end in ends.items():
            position = self._positions.get((self._name(partition), partition.partition), 0)
            if position > end:
                place = f"{partition.topic}-{partition.partition}"
                raise Misconfigured([f"{place} ends at {end}, the read model is at {position}: rebuild the read model"])
            consumer.seek(partition, position)

    async def _apply(
        self, consumer: AIOKafkaConsumer, fetched: Mapping[TopicPartition, list[ConsumerRecord[Any, Any]]]
    ) -> bool:
        batch = self._batch(fetched)
        if not batch.positions:
            return True
        if not await self._writer.write(batch):
            return False
        for move in batch.positions:
            self._positions[move.topic, move.partition] = move.following
            high = consumer.highwater(TopicPartition(self._prefix + move.topic, move.partition))
            self.lag[move.topic, move.partition] = max(0, (high or move.following) - move.following)
        return True

    def _batch(self, fetched: Mapping[TopicPartition, list[ConsumerRecord[Any, Any]]]) -> Batch:
        batch = Batch()
        for partition, records in fetched.items():
            position = self._positions.get((self._name(partition), partition.partition), 0)
            fresh = [record for record in records if record.offset >= position]
            if not fresh:
                continue
            name = self._name(partition)
            self.skipped += HANDLERS[name](fresh, batch)
            self.applied += len(fresh)
            batch.positions.append(Positions(name, partition.partition, position, fresh[-1].offset + 1))
        return batch

    def _name(self, partition: TopicPartition) -> str:
        return str(partition.topic).removeprefix(self._prefix)

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return


async def rebuild(writer: ReadModelWriter) -> None:
    """Drop what was read; the next run begins at the first record of every topic."""
    await writer.reset()


assert set(SOURCES) <= {topic.name for topic in topics.TOPICS}

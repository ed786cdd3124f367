"""Single records of the log by their place, for whoever asks for the bytes it handed in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from hub.domain.faults import Unavailable
from hub.domain.reading import Place

READ_SECONDS = 5
FETCH_WAIT_MS = 10


class KafkaRecords:
    """One consumer without a group, used by one reader at a time: such reads are rare."""

    def __init__(self, bootstrap: str, prefix: str = "", **options: Any) -> None:
        """``prefix`` stands before every topic's name on a broker that several hubs share."""
        self._prefix = prefix
        self._bootstrap = bootstrap
        self._options = options
        self._consumer: AIOKafkaConsumer | None = None
        self._lock = asyncio.Lock()

    async def read(self, topic: str, place: Place) -> bytes | None:
        """The value at a place; None where retention has taken it."""
        partition = TopicPartition(self._prefix + topic, place.partition)
        async with self._lock:
            try:
                async with asyncio.timeout(READ_SECONDS):
                    consumer = await self._started()
                    consumer.assign([partition])
                    begin = (await consumer.beginning_offsets([partition]))[partition]
                    end = (await consumer.end_offsets([partition]))[partition]
                    if not begin <= place.offset < end:
                        return None
                    consumer.seek(partition, place.offset)
                    record = await consumer.getone(partition)
                    consumer.assign([])
                    return record.value if record.offset == place.offset else None
            except (KafkaError, OSError, TimeoutError) as error:
                raise await self._lost() from error

    async def ends(self, names: Iterable[str]) -> dict[tuple[str, int], int]:
        """{(topic, partition): offset after the last record} of the topics the broker has."""
        async with self._lock:
            try:
                async with asyncio.timeout(READ_SECONDS):
                    consumer = await self._started()
                    # A consumer that subscribes to nothing keeps no metadata; there is no public way to ask for it.
                    cluster = await consumer._client.fetch_all_metadata()
                    found = [
                        TopicPartition(self._prefix + name, number)
                        for name in names
                        for number in cluster.partitions_for_topic(self._prefix + name) or ()
                    ]
                    ends = await consumer.end_offsets(found) if found else {}
            except (KafkaError, OSError, TimeoutError) as error:
                raise await self._lost() from error
        return {
            (partition.topic.removeprefix(self._prefix), partition.partition): end for partition, end in ends.items()
        }

    async def close(self) -> None:
        """Stop the consumer."""
        if self._consumer is not None:
            consumer, self._consumer = self._consumer, None
            await consumer.stop()

    async def _started(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self._bootstrap,
                group_id=None,
                enable_auto_commit=False,
                max_partition_fetch_bytes=1 << 20,
                # What is read is there: a fetch that waits for more holds up the next read, on whose partition it is not.
                fetch_max_wait_ms=FETCH_WAIT_MS,
                **self._options,
            )
            try:
                await consumer.start()
            except BaseException:
                await consumer.stop()
                raise
            self._consumer = consumer
        return self._consumer

    async def _lost(self) -> Unavailable:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()
        return Unavailable("Kafka")

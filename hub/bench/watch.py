"""What the bench reads from the log: when each declaration was assessed or released, and whether any is twice."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, TopicPartition

from hub import codec
from hub.topics import ASSESSMENTS, STATUSES


class Watch:
    """Follows a topic from its end; ``seen`` maps a declaration's number to the time (s) of its first record."""

    def __init__(self, bootstrap: str, topic: str, partitions: int) -> None:
        self._bootstrap, self._topic, self._partitions = bootstrap, topic, partitions
        self.seen: dict[int, float] = {}
        self.doubled = 0
        self._ids: set[bytes] = set()
        self._task: asyncio.Task[None] | None = None
        self._started = asyncio.Event()

    async def start(self) -> None:
        """Begin to follow; returns when it does."""
        self._task = asyncio.create_task(self._run())
        await self._started.wait()

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap, enable_auto_commit=False, max_poll_records=20_000,
            max_partition_fetch_bytes=4 << 20, fetch_min_bytes=1 << 16,
        )  # fmt: skip
        await consumer.start()
        try:
            places = [TopicPartition(self._topic, n) for n in range(self._partitions)]
            consumer.assign(places)
            await consumer.seek_to_end(*places)
            self._started.set()
            take = self._assessed if self._topic == ASSESSMENTS else self._released
            while True:
                for rows in (await consumer.getmany(timeout_ms=1000)).values():
                    for row in rows:
                        take(row.key, row.value, row.timestamp / 1000)
        finally:
            await consumer.stop()

    def _assessed(self, key: bytes, value: bytes, at: float) -> None:
        number = number_of(key)
        if number in self.seen:
            # the same record again after a crash has the same id and is no second assessment
            ids = (codec.assessment(value).id,)
            self.doubled += ids[0].encode() not in self._ids
        else:
            self.seen[number] = at

    def _released(self, key: bytes, value: bytes, at: float) -> None:
        # Under load one status tells of release and closure together, and closure may come first.
        if key.startswith(b"declaration/") and (b'"code":"800"' in value or b'"code":"899"' in value):
            self.seen.setdefault(number_of(key), at)


def number_of(key: bytes) -> int:
    """The number the bench gave the declaration, from ``declaration/CODE:QD00000000001``."""
    return int(key.rpartition(b":")[2].lstrip(b"QD"))


__all__ = ["ASSESSMENTS", "STATUSES", "Watch", "number_of"]

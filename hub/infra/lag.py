"""How far consumer groups are behind the topics they read: committed offsets against the ends of the log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError

from hub.domain.faults import Unavailable

#: Seconds an answer is good for: many may look at the same page.
_FRESH = 2.0


class GroupLags:
    """Asks the broker, one at a time; connections are opened at the first question. ``prefix`` stands before groups and topics."""

    def __init__(self, bootstrap: str, prefix: str = "") -> None:
        self._bootstrap, self._prefix = bootstrap, prefix
        self._admin: AIOKafkaAdminClient | None = None
        self._consumer: AIOKafkaConsumer | None = None
        self._lock = asyncio.Lock()
        self._known: dict[tuple[str, str], tuple[float, int | None]] = {}

    async def __call__(self, wanted: Mapping[str, tuple[str, str]]) -> dict[str, int | None]:
        """{name: (group, topic)} → {name: records behind, None where the group has not begun}; raises Unavailable."""
        async with self._lock:
            try:
                async with asyncio.timeout(10):
                    return {name: await self._lag(*place) for name, place in wanted.items()}
            except (KafkaError, OSError, TimeoutError) as error:
                await self._close()
                raise Unavailable("Kafka") from error

    async def _lag(self, group: str, topic: str) -> int | None:
        now = time.monotonic()
        at, known = self._known.get((group, topic), (-_FRESH, None))
        if now - at < _FRESH:
            return known
        found = await self._ask(self._prefix + group, self._prefix + topic)
        if len(self._known) > 10_000:
            self._known.clear()
        self._known[group, topic] = now, found
        return found

    async def _ask(self, group: str, topic: str) -> int | None:
        if self._admin is None or self._consumer is None:
            self._admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap)
            self._consumer = AIOKafkaConsumer(bootstrap_servers=self._bootstrap, enable_auto_commit=False)
            await self._admin.start()
            await self._consumer.start()
        try:
            offsets = await self._admin.list_consumer_group_offsets(group)
        except GroupCoordinatorNotAvailableError:  # a broker has no groups before the first of them asks
            return None
        mine: dict[TopicPartition, int] = {
            place: found.offset for place, found in offsets.items() if place.topic == topic and found.offset >= 0
        }
        if not mine:
            return None
        ends: dict[TopicPartition, int] = await self._consumer.end_offsets(list(mine))
        return sum(max(0, ends[place] - at) for place, at in mine.items())

    async def close(self) -> None:
        """End the connections."""
        async with self._lock:
            await self._close()

    async def _close(self) -> None:
        admin, consumer = self._admin, self._consumer
        self._admin = self._consumer = None
        if admin is not None:
            await admin.close()
        if consumer is not None:
            await consumer.stop()

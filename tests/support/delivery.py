"""A deliver loop for tests, in this process or, to be killed, as one of its own (``python -m tests.support.delivery``)."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError

from adapters.authorities.customs.outgoing import CustomsGateway
from hub.ports import Row
from streams.deliver import Deliver, Reply

SENDER_OF_NOTICE = "DXPENT0000000007"


class WallClock:
    """The machine's time."""

    def now(self) -> int:
        return int(time.time() * 1000)


class PlainPublisher:
    """Rows to Kafka, each confirmed."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._producer: AIOKafkaProducer | None = None

    async def send(self, rows: Mapping[tuple[str, int], Sequence[Row]]) -> dict[tuple[str, int], list[int]]:
        if self._producer is None:
            self._producer = AIOKafkaProducer(bootstrap_servers=self._bootstrap, acks="all", enable_idempotence=True)
            await self._producer.start()
        futures = {
            (topic, partition): [
                await self._producer.send(topic, key=key, value=value, headers=list(headers), partition=partition)
                for key, value, headers in some
            ]
            for (topic, partition), some in rows.items()
        }
        return {place: [found.offset for found in await asyncio.gather(*some)] for place, some in futures.items()}

    async def stop(self) -> None:
        if self._producer is not None:
            await self._producer.stop()


async def make_topics(bootstrap: str, names: Sequence[str], partitions: int) -> None:
    """Topics with that many partitions; those that exist stay."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        for name in names:
            with suppress(TopicAlreadyExistsError):
                await admin.create_topics([NewTopic(name, partitions, 1)])
    finally:
        await admin.close()


@asynccontextmanager
async def a_deliver(
    bootstrap: str, topic: str, recipient: str, url: str, partitions: int, **options: Any
) -> AsyncIterator[Deliver]:
    """A deliver loop whose content is not sealed."""
    publisher = PlainPublisher(bootstrap)
    gateway = CustomsGateway(url, Reply, timeout=5)
    yield Deliver(
        bootstrap=bootstrap,
        topic=topic,
        recipient=recipient,
        partitions=partitions,
        publisher=publisher,
        gateway=gateway,
        seal=bytes,
        open_sealed=bytes,
        clock=WallClock(),
        session_ms=2500,
        **options,
    )
    await gateway.close()
    await publisher.stop()


async def _main(bootstrap: str, topic: str, recipient: str, url: str, partitions: str) -> None:
    async with a_deliver(bootstrap, topic, recipient, url, int(partitions)) as deliver:
        await deliver.run()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))

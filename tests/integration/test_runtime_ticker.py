"""The ticker on a real broker."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from hub import codec
from hub.domain.events import TICK_KEY, Tick
from streams.ticker import Ticker
from tests.support.chaos import until
from tests.support.stream_checker import WallClock, read


@pytest.mark.slow
async def test_each_second_every_partition_of_every_inbox_gets_the_time(kafka: str) -> None:
    names = [f"inbox.{secrets.token_hex(4)}" for _ in range(2)]
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(names[0], 3, 1), NewTopic(names[1], 2, 1)])
    await admin.close()
    references = iter(range(100))
    ticking = asyncio.create_task(Ticker(kafka, names, WallClock(), lambda: next(references), lambda: "rules").run())

    async def enough() -> bool:
        logs = [await read(kafka, name) for name in names]
        return min(len(records) for log in logs for records in log.values()) >= 3

    try:
        assert await until(enough, 20)
    finally:
        ticking.cancel()
        with suppress(asyncio.CancelledError):
            await ticking
    for name, count in zip(names, (3, 2), strict=True):
        log = await read(kafka, name)
        assert len(log) == count
        ticks = [[codec.tick(record.value) for record in records] for records in log.values()]
        assert all(record.key == TICK_KEY for records in log.values() for record in records)
        assert all(found[:3] == ticks[0][:3] for found in ticks)
        assert [tick.reference for tick in ticks[0][:3]] == [0, 1, 2]
        assert all(isinstance(tick, Tick) and tick.rules == "rules" for tick in ticks[0])
        assert 2 * 900 < ticks[0][2].at - ticks[0][0].at < 2 * 2500

"""Claims on Idempotency-Keys: the topic ``claims`` is the arbiter, the first claim in the log wins (design §3.2).

Every door follows the topic with a consumer of its own. A claim is appended, and the own tail passing its offset says
who won. Claims are kept a week; the topic's retention is a day longer.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from contextlib import suppress

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from hub import codec
from hub.domain.claims import Claimed
from hub.ports import Publisher
from hub.topics import CLAIMS, DAY_MS, partition_of

KEEP_MS = 7 * DAY_MS
#: Claims held in memory; beyond it the oldest are forgotten first. A claim and its answer take about 2 kB.
MOST = 200_000

_decode = msgspec.msgpack.Decoder(Claimed).decode


class Claims:
    """The claims as this process knows them."""

    def __init__(self, bootstrap: str, publisher: Publisher, partitions: int) -> None:
        self._bootstrap, self._publisher, self._partitions = bootstrap, publisher, partitions
        self._claims: OrderedDict[str, tuple[int, Claimed]] = OrderedDict()
        self._read = [-1] * partitions
        self._moved = asyncio.Condition()
        self._ready = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Follow the topic; returns when what it holds is known."""
        self._task = asyncio.create_task(self._follow(), name="claims")
        await self._ready.wait()

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def known(self, submission: str) -> Claimed | None:
        """The claim that won, as far as this process has read."""
        found = self._claims.get(submission)
        return None if found is None else found[1]

    async def claim(self, submission: str, fingerprint: str, answer: bytes) -> Claimed:
        """Append a claim, wait until the own tail has passed it; the claim that won."""
        place = CLAIMS, partition_of(submission.encode(), self._partitions)
        value = codec.pack(Claimed(fingerprint, answer))
        (offset,) = (await self._publisher.send({place: [(submission.encode(), value, [])]}))[place]
        async with self._moved:
            await self._moved.wait_for(lambda: self._read[place[1]] >= offset)
        return self._claims[submission][1]

    async def _follow(self) -> None:
        while True:
            try:
                await self._follow_on()
            except (KafkaError, OSError):
                await asyncio.sleep(0.5)

    async def _follow_on(self) -> None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        try:
            await consumer.start()
            places = [TopicPartition(CLAIMS, number) for number in range(self._partitions)]
            ends = await consumer.end_offsets(places)
            begins = await consumer.beginning_offsets(places)
            consumer.assign(places)
            for place in places:
                consumer.seek(place, max(self._read[place.partition] + 1, begins[place]))
            while True:
                if not self._ready.is_set():
                    positions = [await consumer.position(place) >= ends[place] for place in places]
                    if all(positions):
                        self._ready.set()
                for place, rows in (await consumer.getmany(timeout_ms=500)).items():
                    for row in rows:
                        self._take(row.key.decode(), row.timestamp, row.value)
                    self._read[place.partition] = rows[-1].offset
                async with self._moved:
                    self._moved.notify_all()
        finally:
            await consumer.stop()

    def _take(self, submission: str, at: int, value: bytes) -> None:
        oldest = time.time_ns() // 1_000_000 - KEEP_MS
        if at < oldest:
            return
        found = self._claims.get(submission)
        if found is None or found[0] < oldest:
            self._claims[submission] = at, _decode(value)
        while self._claims and (len(self._claims) > MOST or next(iter(self._claims.values()))[0] < oldest):
            self._claims.popitem(last=False)

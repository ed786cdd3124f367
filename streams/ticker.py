"""The ticker: each second the time, the reference offset and the rule set's digest go into every partition of the inboxes.

Stages know no other clock. Several tickers are harmless (a stage takes the maximum), a tick too late is not written: the next
one says more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from hub import codec
from hub.domain.events import TICK_KEY, Tick
from hub.ports import Clock

log = logging.getLogger(__name__)

EVERY = 1.0
#: Seconds after which a tick that could not be written is given up.
PATIENCE = 5.0


class Ticker:
    """Writes ticks to ``inboxes``; ``reference`` and ``rules`` tell what holds at the moment."""

    def __init__(
        self,
        bootstrap: str,
        inboxes: Sequence[str],
        clock: Clock,
        reference: Callable[[], int],
        rules: Callable[[], str],
    ) -> None:
        self._bootstrap = bootstrap
        self._inboxes = tuple(inboxes)
        self._clock = clock
        self._reference = reference
        self._rules = rules

    async def run(self) -> None:
        """Tick until cancelled; a broker that is away is waited for."""
        producer = AIOKafkaProducer(bootstrap_servers=self._bootstrap, acks="all", enable_idempotence=True)
        while True:
            try:
                await producer.start()
                break
            except KafkaError:
                await asyncio.sleep(EVERY)
        try:
            while True:
                began = asyncio.get_running_loop().time()
                try:
                    await asyncio.wait_for(self._tick(producer), PATIENCE)
                except (KafkaError, TimeoutError) as error:
                    log.warning("a tick was not written: %s", type(error).__name__)
                passed = asyncio.get_running_loop().time() - began
                await asyncio.sleep(max(EVERY - passed, 0.05))
        finally:
            await producer.stop()

    async def _tick(self, producer: AIOKafkaProducer) -> None:
        value = codec.pack(Tick(self._clock.now(), self._reference(), self._rules()))
        sent: list[Any] = []  # futures of the client, which has no types
        for inbox in self._inboxes:
            for partition in await producer.partitions_for(inbox):
                batch = producer.create_batch()
                batch.append(timestamp=None, key=TICK_KEY, value=value)
                batch.close()
                sent.append(await producer.send_batch(batch, inbox, partition=partition))
        await asyncio.gather(*sent)

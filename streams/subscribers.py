"""All subscriptions of this hub: a sender of its own for each that is active and whose principal may; reports of how they stand."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import msgspec

from hub import codec
from hub.domain.access import Principal
from hub.domain.deliveries import DeliveryReport
from hub.domain.faults import Unavailable
from hub.domain.subscriptions import ACTIVE, Subscription, topic_of
from hub.ports import Publisher, Row
from hub.topics import DELIVERIES, partition_of
from streams.sender import Sender
from streams.stages.cloud import headers

log = logging.getLogger(__name__)

#: Seconds between looks at what is wanted, and between reports.
_LOOK, _REPORT = 0.5, 2.0
#: Milliseconds after which a report is said again though nothing changed: who is silent for longer is taken to be gone.
_STILL_MS = 60_000
#: Seconds until a sender that failed is begun again.
_AGAIN = 5.0


class Subscribers:
    """``run`` until ``stop``. ``make`` makes the sender of a subscription for a topic; ``others`` reports of recipients that are no
    subscriptions.
    """

    def __init__(
        self,
        *,
        wanted: Callable[[], Iterable[Subscription]],
        principal: Callable[[str], Principal | None],
        make: Callable[[Subscription, str], Sender],
        publisher: Publisher,
        partitions: int,
        others: Callable[[], Sequence[DeliveryReport]] = lambda: (),
        prefix: str = "",
    ) -> None:
        self._wanted, self._principal, self._make = wanted, principal, make
        self._publisher, self._partitions, self._others, self._prefix = publisher, partitions, others, prefix
        self._senders: dict[str, tuple[Sender, str, asyncio.Task[None]]] = {}
        self._resting: dict[str, tuple[Subscription, float]] = {}
        self._said: dict[str, DeliveryReport] = {}
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """End all senders; ``run`` returns."""
        self._stopping.set()

    async def run(self) -> None:
        """Keep a sender for each subscription."""
        loop = asyncio.get_running_loop()
        reported = 0.0
        try:
            while not self._stopping.is_set():
                await self._look(loop.time())
                if loop.time() - reported >= _REPORT:
                    reported = loop.time()
                    await self.tell()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), _LOOK)
        finally:
            await asyncio.gather(*(self._end(id) for id in list(self._senders)))

    async def _look(self, now: float) -> None:
        wanted = {}
        for subscription in self._wanted():
            topic = topic_of(subscription, self._principal(subscription.principal)) if subscription.state == ACTIVE else ""
            if topic:
                wanted[subscription.id] = subscription, topic
        over = []
        for id, (sender, topic, task) in self._senders.items():
            if task.done():
                if not task.cancelled() and task.exception() is not None:
                    # Its kind and place only: an address may hold what is nobody's business.
                    log.error("the sender of %s failed: %s", id, type(task.exception()).__name__)
                self._resting[id] = sender.subscription, now + _AGAIN
                over.append(id)
            elif wanted.get(id) != (sender.subscription, topic):
                over.append(id)
        await asyncio.gather(*(self._end(id) for id in over))
        for id, (subscription, topic) in wanted.items():
            rested, until = self._resting.get(id, (None, 0.0))
            if id in self._senders or (rested == subscription and now < until):
                continue
            self._resting.pop(id, None)
            sender = self._make(subscription, topic)
            self._senders[id] = sender, topic, asyncio.create_task(sender.run(), name=f"sender {id}")

    async def _end(self, id: str) -> None:
        sender, _, task = self._senders.pop(id)
        await sender.stop()
        _, late = await asyncio.wait({task}, timeout=10)
        for one in late:
            one.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await self._publish([sender.report(running=False)])

    async def tell(self) -> None:
        """Publish the reports that say something new, and once a minute all."""
        news = []
        for report in [*self._others(), *(sender.report() for sender, _, _ in self._senders.values())]:
            before = self._said.get(report.recipient)
            said = before is not None and msgspec.structs.replace(before, at=report.at) == report
            if before is None or not said or report.at - before.at >= _STILL_MS:
                news.append(report)
        await self._publish(news)

    async def _publish(self, reports: Sequence[DeliveryReport]) -> None:
        rows: dict[tuple[str, int], list[Row]] = {}
        for report in reports:
            key = f"{report.recipient}+{report.instance}".encode()
            id = f"{report.recipient}:{report.instance}:{report.at}"
            made = headers("hub.delivery.reported.v1", id, report.recipient, report.at)
            place = (self._prefix + DELIVERIES, partition_of(key, self._partitions))
            rows.setdefault(place, []).append((key, codec.to_json(report), made))
        if not rows:
            return
        with suppress(Unavailable):
            await self._publisher.send(rows)
            self._said |= {report.recipient: report for report in reports}

"""A hub's web over a real Kafka, to be followed: alerts written by the test, streams read and cut as it likes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import ClientResponse, ClientSession, ClientTimeout, web

from adapters.dialects import receipts
from hub import codec, topics
from hub.domain.access import Principal
from hub.domain.events import Alert
from hub.infra.feed import Feeds
from hub.infra.records import KafkaRecords
from hub.web.app import make_app
from hub.web.ports import Parts
from hub.wiring import ITEMS
from tests.support.reading import CALLERS, MIDNIGHT, PARTITIONS, FixedClock, PlainSealer, feed


@dataclass
class Event:
    """One of a stream: its data are there for ``alert``, ``change``, ``receipt``, …"""

    id: str = ""
    event: str = ""
    data: Any = None


@dataclass
class Followed:
    """Two processes' worth of web over the same topics; callers may be changed while it runs."""

    kafka: str
    prefix: str
    session: ClientSession
    urls: list[str] = field(default_factory=list)
    apps: list[web.Application] = field(default_factory=list)
    callers: dict[str, Principal] = field(default_factory=lambda: dict(CALLERS))

    async def write(self, alerts: Sequence[Alert], type_: str = "hub.alert.raised.v1") -> None:
        headers = [("ce_type", type_.encode())]
        await feed(self.kafka, [(topics.ALERTS, one.id.encode(), codec.to_json(one), headers) for one in alerts], self.prefix)

    async def get(self, path: str, key: str = "key-customs", hub: int = 0) -> tuple[int, Any]:
        async with self.session.get(self.urls[hub] + path, headers={"Authorization": f"Bearer {key}"}) as answer:
            return answer.status, await answer.json(content_type=None)

    @asynccontextmanager
    async def stream(self, path: str, key: str = "key-customs", last: str = "", hub: int = 0) -> AsyncIterator[AsyncIterator[Event]]:
        headers = {"Authorization": f"Bearer {key}"} | ({"Last-Event-ID": last} if last else {})
        async with self.session.get(self.urls[hub] + path, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            assert answer.content_type == "text/event-stream"
            yield events(answer)


async def events(answer: ClientResponse) -> AsyncIterator[Event]:
    """Every event of a stream, those that only move the id too."""
    found = Event()
    async for raw in answer.content:
        name, _, value = raw.decode().rstrip("\n").partition(": ")
        if name in ("id", "event"):
            setattr(found, name, value)
        elif name == "data":
            found.data = json.loads(value)
        elif not name and raw == b"\n":
            yield found
            found = Event()


async def some(stream: AsyncIterator[Event], count: int, seconds: float = 20) -> list[Event]:
    """The next so many events with data."""
    found: list[Event] = []
    async with asyncio.timeout(seconds):
        while len(found) < count:
            event = await anext(stream)
            if event.data is not None:
                found.append(event)
    return found


@asynccontextmanager
async def followed(kafka: str, prefix: str, *, hubs: int = 1, count: int = 8192, read: Any = None, **values: Any) -> AsyncIterator[Followed]:
    """So many hubs over the topics of a prefix, each with a ring of ``count`` records."""
    async with ClientSession(timeout=ClientTimeout(total=60)) as session:
        made = Followed(kafka, prefix, session)
        closing: list[Any] = []
        for _ in range(hubs):
            feeds, records = Feeds(kafka, PARTITIONS, ITEMS, prefix=prefix, count=count), KafkaRecords(kafka, prefix)
            parts = Parts(
                read=read,
                records=records,
                sealer=PlainSealer(),
                clock=FixedClock(MIDNIGHT),
                by_key=made.callers.get,
                by_name=lambda name: made.callers.get(f"key-{name}"),
                session_secret=b"s" * 32,
                receipt_xml=receipts.message,
                feed=feeds.of,
                partitions=PARTITIONS,
                **values,
            )
            made.apps.append(make_app(parts))
            runner = web.AppRunner(made.apps[-1])
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            made.urls.append(f"http://127.0.0.1:{runner.addresses[0][1]}")
            closing += [runner.cleanup, feeds.close, records.close]
        try:
            yield made
        finally:
            for close in closing:
                await close()


def an_alert(number: int, **values: Any) -> Alert:
    """An alert by its number."""
    plain = Alert(f"al-{number:05d}", MIDNIGHT + number, "R06", "yellow", "fraud", ("customs",), message="made up", evidence={"n": str(number)})
    return msgspec.structs.replace(plain, **values)

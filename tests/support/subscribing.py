"""The senders of subscriptions for tests, in this process or, to be killed, as one of its own."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from adapters.transports.file_drop import FileDrop
from adapters.transports.hook import HookClient
from adapters.ways import Ways
from hub.domain.access import Principal
from hub.domain.reference import Reference, ReferenceRecord
from hub.domain.subscriptions import ALWAYS, ENDPOINT, SUBSCRIPTION, Subscription, Verdict, every, value_of
from hub.infra.participants import hook_secret, hook_secrets, shown_secret
from streams.deliver import Reply, Retry
from streams.sender import Sender, Terms
from streams.subscribers import Subscribers
from tests.support.delivery import PlainPublisher, WallClock

QUICK = Terms(Retry(0.05, 0.2, 4), 3600, (5, 0.2, 0.5), 6000)
PARTITIONS = 3


def digest(kind: str, value: str) -> str:
    return f"{kind}:{value}"


def secret_of(subscription: str, number: int = 1) -> str:
    return shown_secret(hook_secret(digest, subscription, number))


class World:
    """Subscriptions and principals that a test changes as it goes."""

    def __init__(self, *principals: Principal) -> None:
        self.data = Reference()
        self.principals = {one.name: one for one in principals}

    def put(self, subscription: Subscription) -> None:
        self._record(SUBSCRIPTION, subscription.id, value_of(subscription))

    async def judge(self, id: str, verdict: Verdict) -> None:
        self._record(ENDPOINT, id, msgspec.to_builtins(verdict))

    def _record(self, kind: str, id: str, value: dict[str, Any]) -> None:
        version = self.data.newest(kind, id) + 1
        self.data.put(ReferenceRecord(kind, id, version, ALWAYS, value=value), self.data.reached + 1)


@asynccontextmanager
async def senders(
    bootstrap: str, prefix: str, world: World, *, terms: Terms = QUICK, drop: FileDrop | None = None, instance: str = "here",
    patience: float = 2,
) -> AsyncIterator[Subscribers]:
    """All of a world's subscriptions, sent by this process."""
    publisher, clock = PlainPublisher(bootstrap), WallClock()
    hooks = HookClient(private=True, timeout=patience)
    ways = Ways(hooks, drop, hook_secrets(digest, 24), clock, Reply)

    def make(subscription: Subscription, topic: str) -> Sender:
        return Sender(
            subscription, topic, bootstrap=bootstrap, principal=world.principals.get, ways=ways, publisher=publisher,
            partitions=PARTITIONS, clock=clock, judge=world.judge, terms=terms, instance=instance, prefix=prefix,
        )  # fmt: skip

    subscribers = Subscribers(
        wanted=lambda: every(world.data), principal=world.principals.get, make=make, publisher=publisher, partitions=PARTITIONS, prefix=prefix
    )
    task = asyncio.create_task(subscribers.run())
    try:
        yield subscribers
    finally:
        subscribers.stop()
        await task
        await hooks.close()
        await publisher.stop()


async def _main(bootstrap: str, prefix: str, file: str) -> None:
    subscriptions: Sequence[Subscription] = msgspec.json.decode(await asyncio.to_thread(Path(file).read_bytes), type=list[Subscription])
    world = World(*[Principal(name=one.principal, roles=("customs",)) for one in subscriptions])
    for one in subscriptions:
        world.put(one)
    async with senders(bootstrap, prefix, world):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))

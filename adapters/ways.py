"""The ways by which events reach their subscribers: a webhook, or a file in a folder."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from adapters.transports.file_drop import FileDrop
from adapters.transports.hook import HookClient
from hub.domain.subscriptions import FILE, Subscription
from hub.ports import Clock

R = TypeVar("R")

#: What the event cannot help: the endpoint is away, busy or misconfigured, the folder is full.
_AWAY = frozenset((
    "webhook.unreachable", "webhook.tls", "webhook.timed_out", "webhook.busy", "webhook.backlog", "webhook.folder", "webhook.address",
    "webhook.name", "webhook.url", "webhook.port", "webhook.no_drop_folder",
))  # fmt: skip
_GONE = "webhook.gone"


class Ways(Generic[R]):
    """``secrets``: those to sign a subscription's hooks with at a time (ms); ``reply`` makes (verdict, note, seconds to wait)."""

    def __init__(
        self,
        hooks: HookClient,
        drop: FileDrop | None,
        secrets: Callable[[Subscription, int], tuple[bytes, ...]],
        clock: Clock,
        reply: Callable[[str, str, float], R],
    ) -> None:
        self._hooks, self._drop, self._secrets, self._clock, self._reply = hooks, drop, secrets, clock, reply

    async def send(self, subscription: Subscription, id: str, name: str, body: bytes) -> R:
        """Send one event; ``name`` is its file's. Never raises for what the other side does."""
        if subscription.kind == FILE:
            code = "webhook.no_drop_folder"
            if self._drop is not None:
                code = await asyncio.to_thread(self._drop.put, subscription.principal, subscription.id, name, body)
            return self._reply(_verdict(code), code, 0.0)
        at = self._clock.now()
        sent = await self._hooks.post(subscription.url, id, at // 1000, body, self._secrets(subscription, at))
        return self._reply(_verdict(sent.code), sent.note, sent.retry_after)


def _verdict(code: str) -> str:
    if not code:
        return "accepted"
    return "gone" if code == _GONE else "away" if code in _AWAY else "busy"

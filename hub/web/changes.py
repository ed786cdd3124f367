"""What an account changes of its subscriptions, so many times an hour: each change is a record that every process reads."""

from __future__ import annotations

import asyncio
from collections import deque

from aiohttp import web

from hub.domain.faults import Refused, fault

#: Changes and tests of one account in an hour.
MOST, HOUR = 100, 3_600_000


class Changes:
    """The changes of each account in the last hour; ``turn``: who counts what there is and adds to it does so alone."""

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self._made: dict[str, deque[int]] = {}

    def take(self, name: str, now: int) -> None:
        """One more at ``now`` (ms); Refused with ``webhook.too_often`` where it is one too many."""
        made = self._made.setdefault(name, deque())
        while made and made[0] <= now - HOUR:
            made.popleft()
        if len(made) >= MOST:
            raise Refused([fault("webhook.too_often", limit=MOST)])
        made.append(now)


CHANGES: web.AppKey[Changes] = web.AppKey("changes", Changes)

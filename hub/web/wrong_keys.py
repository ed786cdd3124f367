"""Calls with wrong keys: counted, and slowed down by the address they come from. A right key is never slowed.

The first few of an address are answered at once, each further one later than the one before, up to some seconds. So many wait at
one time and no more: what comes beyond is told 429 at once. An address that has been quiet is forgotten.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable

import msgspec
from aiohttp import web
from prometheus_client import Counter

from hub.domain.faults import fault
from hub.web.problems import Handler, problem

WRONG_KEYS = Counter("hub_wrong_keys_total", "Calls refused for their key, by the code they were told", ("code",))
#: Wrong keys of an address that are answered at once.
FREE = 5
#: Seconds the next answer takes; each further one twice as long, up to the most.
FIRST, MOST = 0.25, 8.0
#: Answers that wait at one time.
WAITING = 64
#: Addresses that are remembered, and for how long after their last wrong key (ms).
ADDRESSES, REMEMBERED = 4096, 600_000


class _Told(msgspec.Struct):
    """What of a problem says which it is."""

    type: str = ""


class WrongKeys:
    """Counts the wrong keys of each address."""

    def __init__(self, now: Callable[[], int]) -> None:
        """``now``: ms."""
        self._now = now
        self._addresses: OrderedDict[str, tuple[int, int]] = OrderedDict()
        self._waiting = 0

    def pause(self, address: str) -> float:
        """One more of this address: the seconds its answer is to take."""
        now = self._now()
        count, last = self._addresses.pop(address, (0, now))
        count = 1 if now - last > REMEMBERED else count + 1
        self._addresses[address] = count, now
        if len(self._addresses) > ADDRESSES:
            self._addresses.popitem(last=False)
        return 0.0 if count <= FREE else min(MOST, FIRST * 2.0 ** min(count - FREE - 1, 10))

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Holds back answers to wrong keys."""
        response = await handler(request)
        if response.status != 401 or "Authorization" not in request.headers:
            return response
        WRONG_KEYS.labels(_code(response)).inc()
        seconds = self.pause(request.remote or "")
        if not seconds:
            return response
        if self._waiting >= WAITING:
            busy = problem(429, faults=(fault("access.too_many_wrong_keys"),), instance=request.path)
            busy.headers["Retry-After"] = str(int(MOST))
            return busy
        self._waiting += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            self._waiting -= 1
        return response


def _code(response: web.StreamResponse) -> str:
    """The code a problem tells; the door and the pages make theirs each in its own place, and both say it in the body."""
    body = response.body if isinstance(response, web.Response) else None
    try:
        told = msgspec.json.decode(body if isinstance(body, bytes) else b"", type=_Told).type
    except msgspec.DecodeError:
        told = ""
    return told.removeprefix("/problems/") or "access.not_authenticated"

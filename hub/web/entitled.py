"""Open streams of callers who may no longer call: suspended, their key revoked or over, their session ended. They are cut.

Who comes again is answered like any call: 403 ``access.suspended``, 401 with the code of the key.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from aiohttp import web

#: Seconds between two looks: so long a stream may go on.
SECONDS = 1.0
#: How the address of a stream ends.
_STREAM = "/stream"


class Open:
    """The streams under way: the task that serves each, and whether its caller may still call."""

    def __init__(self) -> None:
        self._still: dict[asyncio.Task[object], Callable[[], bool]] = {}

    def add(self, request: web.Request, still: Callable[[], bool]) -> None:
        """Remember the request if it is a stream; it is forgotten when it ends."""
        task = asyncio.current_task()
        if task is not None and request.path.endswith(_STREAM):
            self._still[task] = still
            task.add_done_callback(lambda done: self._still.pop(done, None))

    def cut(self) -> int:
        """End those whose caller may not call any more; how many."""
        ended = [task for task, still in list(self._still.items()) if not still()]
        for task in ended:
            self._still.pop(task, None)
            task.cancel()
        return len(ended)

    def __len__(self) -> int:
        return len(self._still)


OPEN: web.AppKey[Open] = web.AppKey("open", Open)


async def looking(app: web.Application) -> AsyncIterator[None]:
    """Looks as long as the app runs."""

    async def look() -> None:
        while True:
            await asyncio.sleep(SECONDS)
            app[OPEN].cut()

    task = asyncio.create_task(look())
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task

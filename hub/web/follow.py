"""Reading a topic on from a cursor, in pages or as Server-Sent Events: one way for alerts, receipts and ``out.<authority>``.

A view says what of which source the caller is entitled to (``Line``); it is asked again whenever the caller's record in the
reference data is another one, so that who is suspended, removed, or has lost a role, gets nothing more.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import msgspec
from aiohttp import web

from hub.domain.cursor import Cursor, cursor
from hub.domain.faults import Refused, Unavailable, fault
from hub.domain.ring import Item, Stretch, Wanted
from hub.web.auth import require, viewer_of
from hub.web.ports import PARTS, Source, Viewer
from hub.web.problems import bad_query
from hub.web.views.common import Json

#: Source and what of it the caller wants and may see; raises what the caller is answered.
Line = Callable[[web.Request, Viewer], tuple[Source, Wanted]]

#: Items of one write, and how long a page looks for its items.
TOGETHER, PAGE_SECONDS = 200, 2.0
#: Seconds of silence after which a comment tells both sides that the other is there, with the cursor got to.
HEARTBEAT = 15.0
#: Seconds after which a silent stream looks whether its reader still may, and is, there.
LOOK = 3.0
#: Seconds a reader may take to read what was written; then it is cut off, and resumes by its cursor.
SLOW = 20.0
#: What a reader is told to wait before it comes again, ms.
RETRY = 2000


class Seats:
    """Open streams, of each principal and in all."""

    def __init__(self, each: int, most: int) -> None:
        self._each, self._most = each, most
        self._taken: Counter[str] = Counter()

    @contextmanager
    def taken(self, name: str) -> Iterator[None]:
        """A seat while the block runs; Refused where there is none."""
        if self._taken[name] >= self._each:
            raise Refused([fault("transport.too_many_streams", limit=str(self._each))])
        if self._taken.total() >= self._most:
            raise Refused([fault("transport.streams_full")])
        self._taken[name] += 1
        try:
            yield
        finally:
            self._taken[name] -= 1
            self._taken += Counter()  # forgets who has none


class Streams(set[asyncio.Task[object]]):
    """The open streams, to be ended when the hub goes down."""


SEATS: web.AppKey[Seats] = web.AppKey("seats", Seats)
STREAMS: web.AppKey[Streams] = web.AppKey("streams", Streams)


@contextmanager
def running(request: web.Request) -> Iterator[None]:
    """The request is a stream while the block runs: it ends when the reader goes away or the hub goes down."""
    task = asyncio.current_task()
    open_ = request.app[STREAMS]
    assert task is not None  # a handler runs in a task
    open_.add(task)
    try:
        with suppress(ConnectionResetError, asyncio.CancelledError):
            yield
    finally:
        open_.discard(task)


async def close_streams(app: web.Application) -> None:
    """End open streams, so that the hub can."""
    open_ = app[STREAMS]
    for task in list(open_):
        task.cancel()


def cursor_of(request: web.Request, text: str, topic: str) -> Cursor:
    """The cursor a caller gives back; refused where it is none of this topic.

    Of more partitions than there are it would be copied and written with every item of a page.
    """
    try:
        found = cursor(text, topic)
    except ValueError as error:
        raise bad_query("after") from error
    if len(found.offsets) > request.app[PARTS].partitions:
        raise bad_query("after")
    return found


async def behind(source: Source, wanted: Wanted, after: Cursor, limit: int) -> Stretch:
    """A page: at most ``limit`` items behind the cursor, as far as they are found in time."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PAGE_SECONDS
    items: list[tuple[Item, str]] = []
    while True:
        found = await source.after(after, wanted, limit - len(items))
        items += found.items
        after = found.after
        if not found.more or len(items) >= limit or loop.time() > deadline:
            return Stretch(items, after, found.more)


def page_json(page: Stretch) -> Json:
    """Items, each with the cursor behind it, and the next call's ``after``; ``more``: it brings something at once."""
    items = [msgspec.Raw(b'%b,"cursor":"%b"}' % (item.body[:-1], place.encode())) for item, place in page.items]
    return {"items": items, "after": page.after.text(), "more": page.more}


async def stream(request: web.Request, line: Line) -> web.StreamResponse:
    """Server-Sent Events behind ``Last-Event-ID``, else ``after``, else from now on."""
    viewer = require(request)
    source, wanted = line(request, viewer)
    given = request.headers.get("Last-Event-ID", "") or request.query.get("after", "")
    place = cursor_of(request, given, source.topic) if given else await source.now()
    with request.app[SEATS].taken(viewer.name):
        if given:
            await source.after(place, wanted, 1)  # a cursor that is wrong is said so now, with a status
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        )
        await response.prepare(request)
        with running(request):
            await _written(request, response, b"retry: %d\nid: %b\n\n" % (RETRY, place.text().encode()))
            await _flow(request, response, line, place, viewer)
    return response


async def _flow(request: web.Request, response: web.StreamResponse, line: Line, place: Cursor, viewer: Viewer) -> None:
    loop = asyncio.get_running_loop()
    source, wanted = line(request, viewer)
    spoken = loop.time()
    while request.transport is not None and not request.transport.is_closing():
        try:
            found = await source.after(place, wanted, TOGETHER)
        except Unavailable:
            found = Stretch([], place, more=False)
            await asyncio.sleep(1)
        except Refused as refused:
            await _written(request, response, _ended(refused.faults[0].code))
            return
        now = viewer_of(request)
        if now is not viewer:
            # somebody else, or the same with other roles: what was found was not for these eyes
            ended = _over(request, line, viewer)
            if ended or now is None:
                await _written(request, response, _ended(ended))
                return
            viewer = now
            source, wanted = line(request, viewer)
            continue
        place = found.after
        said = found.events()
        if not said and loop.time() - spoken > HEARTBEAT:
            said = b": still here\nid: %b\n\n" % place.text().encode()
        if said:
            await _written(request, response, said)
            spoken = loop.time()
        if not found.more:
            await source.news(place, wanted, LOOK)


def _over(request: web.Request, line: Line, before: Viewer) -> str:
    """The code of why a stream is at its end; empty where it goes on."""
    try:
        now = require(request)
        line(request, now)
    except Refused as refused:
        return refused.faults[0].code
    except web.HTTPNotFound:
        return "access.not_found"
    except web.HTTPException:
        return "access.not_authenticated"
    return "" if now.name == before.name else "access.not_authenticated"


def _ended(code: str) -> bytes:
    return b'event: end\ndata: {"code":"%b"}\n\n' % code.encode()


async def _written(request: web.Request, response: web.StreamResponse, data: bytes) -> None:
    """Write; who does not read for so long is cut off."""
    try:
        async with asyncio.timeout(SLOW):
            await response.write(data)
    except TimeoutError as error:
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionResetError from error

"""The caller's receipts from authorities, in order.

The read model finds a participant's among everybody's, which the log does not: they are read there, by the log's cursor.
"""

from __future__ import annotations

import asyncio

import msgspec
from aiohttp import web

from hub import topics
from hub.domain.cursor import Cursor
from hub.domain.events import Answer
from hub.domain.faults import Refused, Unavailable, fault
from hub.domain.reading import Place
from hub.domain.ring import Item, Stretch, Wanted
from hub.web import words
from hub.web.auth import require
from hub.web.follow import behind, cursor_of, page_json, stream
from hub.web.ports import PARTS, Parts, Source, Viewer
from hub.web.story import business
from hub.web.views.common import Json, answer, number, text

routes = web.RouteTableDef()

#: Seconds between two looks at how far the read model is, whoever waits.
LOOK = 0.5


class Own(msgspec.Struct, frozen=True):
    """Receipts of one participant."""

    participant: str

    def takes(self, value: Answer) -> bool:
        """Whether it is the participant's."""
        return value.participant == self.participant


class Receipts:
    """Receipts behind a cursor of the topic ``answers``, read from the read model (``hub.web.ports.Source``)."""

    topic = topics.ANSWERS

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._applied: dict[int, int] = {}
        self._looked = -LOOK
        self._looking = asyncio.Lock()

    async def now(self) -> Cursor:
        """Behind everything the read model has."""
        applied = await self._reached(0)
        return Cursor(self.topic, tuple([applied.get(n, 0) for n in range(self._parts.partitions)]))

    async def after(self, cursor: Cursor, wanted: Wanted, limit: int) -> Stretch:
        """A participant's receipts lie in one partition, in the log's order."""
        assert isinstance(wanted, Own)
        partition = topics.partition_of(wanted.participant.encode(), self._parts.partitions)
        reached = self._applied.get(partition, 0)  # as it was before: all below it is among what is read now
        found = await self._parts.read.answers(wanted.participant, Place(partition, cursor.at(partition) - 1), limit)
        items: list[tuple[Item, str]] = []
        for receipt, place in found:
            cursor = cursor.past(place.partition, place.offset)
            items.append((Item(receipt, "receipt", msgspec.json.encode(receipt_json(receipt))), cursor.text()))
        if not found:
            await self._checked(cursor, partition)
        more = len(found) == limit
        return Stretch(items, cursor if more or not reached else cursor.past(partition, reached - 1), more)

    async def _checked(self, cursor: Cursor, partition: int) -> None:
        """Refused where the cursor is further on than the log: behind it nothing would come, for ever. The read model may be behind both."""
        if cursor.at(partition) <= (await self._reached(LOOK)).get(partition, 0):
            return
        if cursor.at(partition) > (await self._parts.records.ends([self.topic])).get((self.topic, partition), 0):
            raise Refused([fault("transport.cursor_ahead")])

    async def news(self, cursor: Cursor, wanted: Wanted, seconds: float) -> None:
        """Wait until the read model is past the cursor in the participant's partition."""
        assert isinstance(wanted, Own)
        partition = topics.partition_of(wanted.participant.encode(), self._parts.partitions)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while loop.time() < deadline:
            await asyncio.sleep(LOOK)
            try:
                reached = (await self._reached(LOOK)).get(partition, 0)
            except Unavailable:
                continue
            if reached > cursor.at(partition):
                return

    async def _reached(self, age: float) -> dict[int, int]:
        """How far the read model is, by partition; asked for once in a while however many wait."""
        async with self._looking:
            now = asyncio.get_running_loop().time()
            if now - self._looked >= age:
                applied = await self._parts.read.applied()
                self._applied = {partition: at for (topic, partition), at in applied.items() if topic == self.topic}
                self._looked = now
            return self._applied


RECEIPTS: web.AppKey[Receipts] = web.AppKey("receipts", Receipts)


def receipt_json(found: Answer) -> Json:
    """One receipt."""
    return {
        "id": found.id,
        "at": words.rfc3339(found.at),
        "authority": found.authority,
        "message": found.message,
        "kind": found.document.partition("/")[0],
        "key": business(found.document),
        "submission": found.submission,
        "code": found.code,
        "text": words.code_text(found.code, "en"),
        "text_zh": words.code_text(found.code, "zh"),
        "time": found.time,
        "info": found.info,
        "numbers": found.numbers,
    }


def _line(request: web.Request, viewer: Viewer) -> tuple[Source, Own]:
    return request.app[RECEIPTS], Own(viewer.name)


@routes.get("/v1/receipts")
async def receipts(request: web.Request) -> web.Response:
    """Receipts behind the cursor; the cursor of the last is the next call's ``after``."""
    source, wanted = _line(request, require(request))
    given = text(request, "after", 65_536)
    place = cursor_of(request, given, source.topic) if given else Cursor(source.topic)
    limit = number(request, "limit", 100, 1000, least=1)
    if "xml" in request.headers.get("Accept", ""):
        return _message(request.app[PARTS], await source.after(place, wanted, limit), place)
    return answer(page_json(await behind(source, wanted, place, limit)))


@routes.get("/v1/receipts/stream")
async def follow(request: web.Request) -> web.StreamResponse:
    """The same as Server-Sent Events, as they come."""
    return await stream(request, _line)


def _message(parts: Parts, found: Stretch, place: Cursor) -> web.Response:
    """One CEB message of the first receipts that fit into one; 204 where there is none. ``Hub-Cursor`` is behind them."""
    body, count = parts.receipt_xml([item.value for item, _ in found.items])
    headers = {"Hub-Cursor": found.items[count - 1][1] if count else place.text(), "Cache-Control": "no-store"}
    if body is None:
        return web.Response(status=204, headers=headers)
    return web.Response(body=body, content_type="application/xml", charset="utf-8", headers=headers)

"""The sandbox customs as a server: takes DxpMsg at ``POST /dxp``, and posts its receipts to the hub's own door.

Receipts are collected for some milliseconds and go out many to a message; a document's receipts keep their order unless
the scenario says otherwise. What was taken is in the store, so receipts go on after SIGKILL (some may come twice).
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

import aiohttp
from aiohttp import web

from adapters.authorities.customs import receipts
from adapters.authorities.customs.desk import Desk
from adapters.authorities.customs.envelope import (
    CUSTOMS_EXPORT,
    CUSTOMS_IMPORT,
    Answer,
    Envelope,
    UnreadableError,
    china_time,
    read,
    write,
    write_answer,
)
from adapters.authorities.customs.receipts import Planned
from adapters.authorities.customs.store import Row, Store
from hub.domain.faults import Refused
from schemas import catalog

_log = logging.getLogger(__name__)

#: Rows with nothing to send before that many ms stay in the store alone.
_SOON_MS = 5_000
#: The status with which an import declaration is stored; platforms that are asked for payment data at a time.
_STORED, _IMPORT, _ASKED = "120", "CEB621", 16

#: Receipts to one set of receivers in one message: its type is first.
_Post = tuple[str, tuple[str, ...], list[tuple[Row, list[Planned]]]]


class Simulator:
    """``app`` is the server; ``run`` sends receipts until cancelled."""

    def __init__(
        self,
        *,
        desk: Desk,
        store: Store,
        now: Callable[[], int],
        hub_url: str,
        api_key: Callable[[], str],
        collect_ms: int = 20,
        at_once: int = 8,
        max_bytes: int = 96 << 20,
    ) -> None:
        """``now`` in ms; ``api_key`` is that of the principal ``customs``, asked anew for every message."""
        self._desk, self._store, self._now = desk, store, now
        self._hub_url, self._api_key = hub_url.rstrip("/"), api_key
        self._collect = collect_ms / 1000
        self._at_once = asyncio.Semaphore(at_once)
        self._due: list[tuple[int, int]] = []
        self._rows: dict[int, Row] = {}
        self._busy: set[int] = set()
        #: Rows whose plan changed in the store while a receipt of theirs was under way.
        self._changed: set[int] = set()
        self._news = asyncio.Event()
        self._session: aiohttp.ClientSession | None = None
        self.counts = {"messages": 0, "unreadable": 0, "receipts": 0, "posts": 0, "refused": 0, "assessments": 0, "payment_asked": 0}
        #: Counts of the other authorities that are played beside it.
        self.others: dict[str, Callable[[], dict[str, int]]] = {}
        #: Asks a platform (ebpCode) for an order's original payment data; None: nobody is asked.
        self.ask: Callable[[str, str], Awaitable[object]] | None = None
        self._asking: set[asyncio.Task[None]] = set()
        self.app = web.Application(client_max_size=max_bytes)
        self.app.add_routes(
            [
                web.post("/dxp", self._dxp),
                web.post("/assessments", self._assessments),
                web.get("/healthz", self._health),
            ]
        )

    # ---- what comes in

    async def _dxp(self, request: web.Request) -> web.Response:
        self.counts["messages"] += 1
        now = self._now()
        try:
            envelope = read(await request.read())
        except UnreadableError as error:
            self.counts["unreadable"] += 1
            return _answer("", Answer("-1", str(error)), now, status=400)
        answer, rows = self._desk.take(envelope, now)
        self._schedule(rows)
        return _answer(envelope.sender, answer, now, envelope)

    async def _assessments(self, request: web.Request) -> web.Response:
        await request.read()
        self.counts["assessments"] += 1
        return web.Response(status=204)

    async def _health(self, request: web.Request) -> web.Response:
        del request
        own = {"status": "ok", "pending": len(self._rows), **self.counts, **self._store.counts()}
        others = {name: health() for name, health in self.others.items()}
        return web.json_response(own | ({"authorities": others} if others else {}))

    # ---- what goes out

    async def run(self) -> None:
        """Send receipts as they fall due, beginning with what an earlier process left."""
        self._schedule(self._store.pending())
        try:
            while True:
                await self._wait()
                posts = list(self._posts())
                await asyncio.gather(*(self._send(post) for post in posts))
        finally:
            if self._session is not None:
                await self._session.close()

    def _schedule(self, rows: Iterable[Row]) -> None:
        soon = self._now() + _SOON_MS
        for row in rows:
            if row.number in self._busy:
                self._changed.add(row.number)
                continue
            self._rows.pop(row.number, None)
            if row.plan:
                due = min([p.due for p in row.plan])
                heapq.heappush(self._due, (due, row.number))
                if due <= soon:
                    self._rows[row.number] = row
        self._news.set()

    async def _wait(self) -> None:
        while True:
            self._news.clear()
            left = (self._due[0][0] - self._now()) / 1000 if self._due else None
            if left is not None and left <= 0:
                break
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), left)
        await asyncio.sleep(self._collect)

    def _posts(self) -> Iterable[_Post]:
        now = self._now()
        groups: dict[tuple[str, tuple[str, ...]], list[tuple[Row, list[Planned]]]] = {}
        while self._due and self._due[0][0] <= now:
            _, number = heapq.heappop(self._due)
            row = self._rows.get(number) or (None if number in self._busy else self._store.numbered(number))
            due = sorted((p for p in row.plan if p.due <= now), key=lambda p: p.due) if row is not None else []
            if row is None or not due or number in self._busy:
                continue
            self._rows[number] = row
            self._busy.add(number)
            due = receipts.by_form(row.facts, due)
            place = receipts.form_of(row.facts, due[0]), receipts.receivers_of(row.facts, due[0])
            groups.setdefault(place, []).append((row, due))
        for (type_, receivers), found in groups.items():
            most = min(catalog.message(type_).max_documents or receipts.MOST, receipts.MOST)
            yield from ((type_, receivers, chunk) for chunk in _chunks(found, most))

    async def _send(self, post: _Post) -> None:
        type_, receivers, found = post
        receipted = [
            receipts.document(row.facts, planned, row.number, row.arrived) for row, due in found for planned in due
        ]
        number = receipts.guid(
            "post", *(f"{row.number}/{p.form}{p.status}/{p.at}/{p.times}" for row, due in found for p in due)
        )
        content = receipts.message(type_, receipted, number)
        sender = CUSTOMS_EXPORT if catalog.message(type_).side == "export" else CUSTOMS_IMPORT
        body = write(Envelope(number, sender, receivers, f"{type_}Message", content, self._now()))
        async with self._at_once:
            await self._until_taken(body, number)
        self.counts["receipts"] += len(receipted)
        with self._store.transaction():
            for row, due in found:
                self._done(row, due)
        for row, due in found:
            if any(planned.status == _STORED and not planned.form for planned in due):
                self._ask_payment(row)

    def _ask_payment(self, row: Row) -> None:
        """Of a declaration that is stored the payment data are asked for, if the scenario says so; beside the receipts."""
        if self.ask is None or row.facts.type != _IMPORT or not self._desk.asks_payment(row) or len(self._asking) >= _ASKED:
            return
        platform, order = row.facts.head.get("ebpCode", ""), row.facts.head.get("orderNo", "")

        async def ask() -> None:
            assert self.ask is not None
            with suppress(Refused):  # not registered
                await self.ask(platform, order)
            self.counts["payment_asked"] += 1

        task = asyncio.create_task(ask())
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    def _done(self, row: Row, due: list[Planned]) -> None:
        self._busy.discard(row.number)
        if row.number in self._changed:
            self._changed.discard(row.number)
            row = self._store.numbered(row.number) or row
        self._desk.sent(row, due)
        self._rows.pop(row.number, None)
        self._schedule([row])

    async def _until_taken(self, body: bytes, number: str) -> None:
        """Post a message until the hub takes it or refuses it for good; the same bytes every time."""
        wait = 0.2
        while True:
            status = await self._post(body)
            self.counts["posts"] += 1
            if 200 <= status < 300:
                return
            if 400 <= status < 500 and status not in (401, 403, 408, 409, 425, 429):
                self.counts["refused"] += 1
                _log.warning("the hub refused receipt message %s: HTTP %d", number, status)
                return
            await asyncio.sleep(wait)
            wait = min(wait * 2, 5.0)

    async def _post(self, body: bytes) -> int:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))
        headers = {"Content-Type": "application/xml", "Authorization": f"Bearer {self._api_key()}"}
        try:
            async with self._session.post(f"{self._hub_url}/v1/messages", data=body, headers=headers) as response:
                await response.read()
                return response.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 503


def _chunks(found: list[tuple[Row, list[Planned]]], most: int) -> Iterable[list[tuple[Row, list[Planned]]]]:
    """Cut into messages of at most ``most`` receipts; a document's stay together."""
    chunk: list[tuple[Row, list[Planned]]] = []
    size = 0
    for row, due in found:
        if chunk and size + len(due) > most:
            yield chunk
            chunk, size = [], 0
        chunk.append((row, due))
        size += len(due)
    if chunk:
        yield chunk


def _answer(receiver: str, answer: Answer, now: int, about: Envelope | None = None, status: int = 200) -> web.Response:
    body = write_answer(receiver, answer, china_time(now)[:10], about)
    return web.Response(body=body, status=status, content_type="application/xml")

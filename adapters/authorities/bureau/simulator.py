"""A sandbox authority at work: pulls its items (``GET /v1/out``) and answers at the hub's door, with its own API key and no other means."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import aiohttp
import msgspec

from adapters.authorities.bureau.item import Item, Words
from adapters.authorities.bureau.scenario import Conduct, Say
from adapters.authorities.bureau.store import Answer, Store
from hub.domain.keys import rfc3339
from hub.domain.notices import TELLERS
from hub.topics import DAY_MS

_log = logging.getLogger(__name__)

#: Items of a page, answers of a message.
_PAGE, _TOGETHER = 200, 100
#: Seconds between pages while something comes, and at most while nothing does.
_SOON, _SELDOM = 0.2, 2.0
#: How long an item is known again, ms: longer than its topic keeps it.
KEPT_MS = 31 * DAY_MS
#: An API key that nobody has.
_FORGED_KEY = "hub_forged"
#: Statuses after which the same bytes are sent again; 401 and 403 of a key of one's own pass, when the reference data are there.
_AGAIN = frozenset({401, 403, 408, 409, 425, 429})


class _Page(msgspec.Struct):
    """An answer of ``GET /v1/out``."""

    items: list[Item]
    after: str
    more: bool = False


_page = msgspec.json.Decoder(_Page).decode
_encode = msgspec.json.Encoder(order="sorted").encode


class Bureau:
    """One authority. ``run`` until cancelled."""

    def __init__(
        self,
        *,
        authority: str,
        words: Words,
        conduct: Conduct,
        store: Store,
        now: Callable[[], int],
        hub_url: str,
        api_key: Callable[[], str],
    ) -> None:
        """``now`` in ms; ``api_key`` is that of the authority's principal, asked anew for every call."""
        self._authority, self._words, self._conduct, self._store = authority, words, conduct, store
        self._now, self._hub_url, self._api_key = now, hub_url.rstrip("/"), api_key
        self._news = asyncio.Event()
        self._forget_at = 0
        #: Since the start: items that came again, events the hub took, refused for good; forged messages, and of them those it took.
        self._counts = {"repeated": 0, "told": 0, "refused": 0, "forged": 0, "forged_taken": 0}

    def health(self) -> dict[str, int]:
        """Counts for ``/healthz``."""
        return {**self._counts, **self._store.counts()}

    async def run(self) -> None:
        """Pull and answer, beginning with what an earlier process left."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session, asyncio.TaskGroup() as group:
            group.create_task(self._pull(session))
            group.create_task(self._answer(session))

    # ---- what comes in

    async def _pull(self, session: aiohttp.ClientSession) -> None:
        wait = _SOON
        while True:
            page = await self._next_page(session)
            if page is None:
                wait = min(wait * 2, _SELDOM)
            else:
                self.take(page.items, page.after)
                if page.more:
                    continue
                wait = _SOON if page.items else min(wait * 1.5, _SELDOM)
            await asyncio.sleep(wait)

    async def _next_page(self, session: aiohttp.ClientSession) -> _Page | None:
        query = {"limit": str(_PAGE)}
        if self._store.cursor:
            query["after"] = self._store.cursor
        try:
            async with session.get(f"{self._hub_url}/v1/out", params=query, headers=self._own()) as response:
                body = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None
        if response.status == 400:
            self._store.move("")  # of another hub's topic: from its beginning, items are known by their ids
        return _page(body) if response.status == 200 else None

    def take(self, items: list[Item], cursor: str) -> None:
        """Keep a page and what is to be said to it."""
        now = self._now()
        with self._store.transaction():
            for item in items:
                if not self._store.note(item.id, item.type, now):
                    self._counts["repeated"] += 1
                    continue
                self._store.owe(self._answers(item, now))
            self._store.move(cursor)
            if now >= self._forget_at:
                self._store.forget(now - KEPT_MS)
                self._forget_at = now + DAY_MS
        if items:
            self._news.set()

    def _answers(self, item: Item, now: int) -> list[Answer]:
        made = []
        for number, say in enumerate(self._conduct.answers(item)):
            found = self._words[say.what](item)
            if found is not None:
                made.append(self._event(item, number, say, now, *found))
        return made

    def _event(self, item: Item, number: int, say: Say, now: int, type_: str, data: dict[str, Any]) -> Answer:  # Any: JSON
        id_ = sha256(f"{self._authority}\0{item.id}\0{number}".encode()).hexdigest()[:32]
        at = now + say.after
        event = {
            "specversion": "1.0", "id": id_, "source": f"/sandbox/{self._authority}", "type": type_, "time": rfc3339(at),
            "datacontenttype": "application/json", "data": data,
        }  # fmt: skip
        return Answer(id_, at + say.late, say.times, say.forge, _encode(event))

    # ---- what goes out

    async def _answer(self, session: aiohttp.ClientSession) -> None:
        while True:
            self._news.clear()
            due = self._store.due(self._now(), _TOGETHER)
            if not due:
                await self._wait()
                continue
            together = [one for one in due if one.times == 1 and not one.forge]
            if together:
                await self._send_together(session, together)
            for one in due:
                if one.times > 1 or one.forge:
                    await self._send_alone(session, one)
            with self._store.transaction():
                self._store.sent(due)

    async def _wait(self) -> None:
        """Until something falls due or comes in."""
        due = self._store.next_due()
        left = max(0.0, (due - self._now()) / 1000) if due is not None else None
        try:
            async with asyncio.timeout(left):
                await self._news.wait()
        except TimeoutError:
            return

    async def _send_together(self, session: aiohttp.ClientSession, answers: list[Answer]) -> None:
        body = b"[" + b",".join([one.body for one in answers]) + b"]"
        if await self._decided(session, body, batch=True) < 300:
            self._counts["told"] += len(answers)
            return
        for one in answers:  # refused whole for the sake of one
            await self._send_alone(session, one)

    async def _send_alone(self, session: aiohttp.ClientSession, one: Answer) -> None:
        if one.forge:
            await self._forge(session, one)
        for _ in range(one.times):
            status = await self._decided(session, one.body)
            if status >= 300:
                self._counts["refused"] += 1
                _log.warning("the hub refused event %s of the sandbox %s: HTTP %d", one.id, self._authority, status)
                return
            self._counts["told"] += 1

    async def _forge(self, session: aiohttp.ClientSession, one: Answer) -> None:
        """What must be refused: by somebody without a key, or in another authority's name."""
        self._counts["forged"] += 1
        if one.forge == "key":
            status = await self._post(session, one.body, key=_FORGED_KEY)
        else:
            other = next(name for name in TELLERS if name != self._authority)
            event = msgspec.json.decode(one.body) | {"type": f"{other}.receipt.given.v1", "data": {"item": one.id, "outcome": "accepted"}}
            status = await self._post(session, _encode(event))
        self._counts["forged_taken"] += 200 <= status < 300

    async def _decided(self, session: aiohttp.ClientSession, body: bytes, *, batch: bool = False) -> int:
        """Post until the hub takes it or refuses it for good; the same bytes every time."""
        wait = 0.2
        while True:
            status = await self._post(session, body, batch=batch)
            if 200 <= status < 300 or (400 <= status < 500 and status not in _AGAIN):
                return status
            await asyncio.sleep(wait)
            wait = min(wait * 2, 5.0)

    async def _post(self, session: aiohttp.ClientSession, body: bytes, *, batch: bool = False, key: str = "") -> int:
        headers = self._own(key) | {"Content-Type": f"application/cloudevents{'-batch' if batch else ''}+json"}
        try:
            async with session.post(f"{self._hub_url}/v1/messages", data=body, headers=headers) as response:
                await response.read()
                return response.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 503

    def _own(self, key: str = "") -> dict[str, str]:
        return {"Authorization": f"Bearer {key or self._api_key()}"}

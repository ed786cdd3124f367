"""A client of the hub: hands messages in so that a repetition has no second effect, and asks what became of them."""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import aiohttp
import msgspec

#: Answers after which the same bytes are sent again: nothing was taken, or nobody knows.
AGAIN = frozenset({409, 429, 503})
_MAX_PAUSE = 10.0


class Reply(msgspec.Struct, frozen=True):
    """An answer: HTTP status and JSON; status 0 where the hub could not be reached."""

    status: int
    body: dict[str, Any]  # Any: JSON
    location: str = ""

    @property
    def accepted(self) -> bool:
        """Whether the message was taken (its documents may be flagged all the same)."""
        return self.status == 202


#: States a document leaves by itself, within seconds.
_MOVING = frozenset(("pending", "received", "matched", "assessed"))


class HubClient:
    """Talks to one hub as one principal; ``async with`` opens and closes its connections."""

    def __init__(self, url: str, api_key: str, *, timeout: float = 60.0) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {api_key}"}
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(timeout=self._timeout, headers=self._headers)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._http is not None
        await self._http.close()

    async def submit(
        self,
        data: bytes,
        media_type: str = "application/xml",
        idempotency_key: str | None = None,
        *,
        strict: bool = False,
        attempts: int = 5,
    ) -> Reply:
        """Hand a message in; while the outcome is unknown the same bytes again, ``attempts`` times in all."""
        headers = {"Content-Type": media_type}
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        if strict:
            headers["Prefer"] = "handling=strict"
        reply = Reply(0, {})
        for attempt in range(attempts):
            reply, pause = await self._call("POST", "/v1/messages", data, headers)
            if reply.status != 0 and reply.status not in AGAIN:
                break
            if attempt + 1 < attempts:
                await asyncio.sleep(min(max(pause, 0.1 * 2**attempt), _MAX_PAUSE))
        return reply

    async def submission(self, id: str) -> Reply:
        """State and faults of each document of a submission."""
        return (await self._call("GET", f"/v1/submissions/{quote(id, safe='')}"))[0]

    async def declaration(self, key: str) -> Reply:
        """A declaration by any of its numbers."""
        return (await self._call("GET", f"/v1/declarations/{quote(key, safe=':~')}"))[0]

    async def wait(self, id: str, seconds: float) -> Reply:
        """The submission once no document moves on by itself any more, or as it is after ``seconds``."""
        deadline = time.monotonic() + seconds
        while True:
            reply = await self.submission(id)
            states = [document["state"] for document in reply.body.get("documents", ())]
            done = reply.status == 200 and _MOVING.isdisjoint(states)
            if done or time.monotonic() >= deadline:
                return reply
            await asyncio.sleep(min(0.25, max(0.0, deadline - time.monotonic())))

    async def _call(
        self, method: str, path: str, data: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[Reply, float]:
        """(answer, seconds the hub asks to wait before the next attempt)."""
        assert self._http is not None, "use the client in an async with"
        try:
            async with self._http.request(method, self._url + path, data=data, headers=headers) as response:
                body = _json(await response.read())
                after = response.headers.get("Retry-After", "0")
                reply = Reply(response.status, body, response.headers.get("Location", ""))
                return reply, float(after) if after.isdigit() else 0.0
        except (aiohttp.ClientError, TimeoutError, OSError):
            return Reply(0, {}), 0.0


def _json(content: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(content)
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}

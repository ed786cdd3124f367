"""A client of the hub: hands messages in so that a repetition has no second effect, and asks what became of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import aiohttp
import msgspec
from cryptography.exceptions import UnsupportedAlgorithm

from adapters import signature, xml
from adapters.certificates import certificate, is_signed_by
from adapters.signature import SigningKey
from hub import sm2
from hub.domain.faults import Refused
from hub.infra.crypto import HostedKey
from schemas import catalog

XML = "application/xml"
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


#: States a document leaves by itself, within seconds: the hub's, and those before customs has answered.
MOVING = frozenset(
    ("pending", "received", "matched", "assessed", "handed over", "stored at E-port", "declaring", "sent")
)
#: What no longer moves must have stood so long: a document waits until its counterpart is here, a flagged one goes on.
_QUIET = 1.0
#: Submissions asked for at the same time.
_AT_ONCE = 16


class HubClient:
    """Talks to one hub as one principal; ``async with`` opens and closes its connections.

    ``key`` signs XML messages that are not signed yet (``signing_key``: RSA or SM2), each by ``algorithm`` (empty: the one
    that goes with the key).
    """

    def __init__(
        self, url: str, api_key: str, *, timeout: float = 60.0, key: SigningKey | None = None, algorithm: str = ""
    ) -> None:
        self._key, self._algorithm = key, algorithm
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
        media_type: str = XML,
        idempotency_key: str | None = None,
        *,
        strict: bool = False,
        attempts: int = 5,
    ) -> Reply:
        """Hand a message in; while the outcome is unknown the same bytes again, ``attempts`` times in all."""
        if self._key is not None and media_type == XML:
            data = signed(data, self._key, self._algorithm)
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


def signing_key(key: bytes, certificate_pem: bytes) -> SigningKey:
    """An RSA or SM2 key (PEM, not encrypted) with its certificate (PEM); raises ValueError where they are not that."""
    try:
        made: SigningKey = HostedKey.from_pem(key, certificate_pem)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        return sm2.PrivateKey.from_pem(key, certificate_pem)
    try:
        own = certificate(made.certificate).key
    except Refused as refused:
        raise ValueError("not a certificate") from refused
    if own is None or not is_signed_by(own, made.sign(b"pair", "sha1"), b"pair", "sha1"):
        raise ValueError("the certificate is not that of the key")
    return made


def signed(data: bytes, key: SigningKey, algorithm: str = "") -> bytes:
    """The message with a signature, where it is one that is signed and is not yet; else as it is."""
    try:
        parsed = xml.parse(data, xml.SCHEMA_ONLY)
        mt = catalog.message_of(parsed.root)
        if mt is None or mt.direction == "down" or signature.find(parsed.root) is not None:
            return data
        return signature.sign(parsed.text, key, algorithm)
    except (Refused, ValueError):
        return data


async def settled(asked: Sequence[tuple[HubClient, str]], seconds: float) -> list[Reply]:
    """These submissions once no document of any of them moves on by itself, or as they are after ``seconds``."""
    turn, deadline = asyncio.Semaphore(_AT_ONCE), time.monotonic() + seconds

    async def ask(client: HubClient, id: str) -> Reply:
        async with turn:
            return await client.submission(id)

    last: list[Reply] = []
    since = time.monotonic()
    while True:
        began = time.monotonic()
        replies = list(await asyncio.gather(*(ask(client, id) for client, id in asked)))
        now = time.monotonic()
        if replies != last:
            last, since = replies, now
        if now >= deadline or (now - since >= _QUIET and not any(map(_moves, replies))):
            return replies
        # with many to ask for, the hub has other things to do as well
        await asyncio.sleep(max(0.0, min(max(0.25, 2 * (now - began)), deadline - now)))


def _moves(reply: Reply) -> bool:
    if reply.status != 200:
        return reply.status in (0, 404) or reply.status in AGAIN
    return not MOVING.isdisjoint(document["state"] for document in reply.body.get("documents", ()))


def _json(content: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(content)
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}

"""HTTP as a transport: ``POST /v1/messages``. Brings bytes in under limits of size and time; never opens the body."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable
from typing import Protocol

import msgspec
from aiohttp import web

from adapters.door import Door, told
from hub.domain.access import Principal
from hub.domain.faults import Fault, Refused, Unavailable, fault, kind_of

MEDIA_TYPES = {
    "application/xml": "application/xml",
    "text/xml": "application/xml",
    "application/json": "application/json",
}
_RETRY = {429: "1", 409: "2", 503: "2"}


class Limits(Protocol):
    """What of the settings bounds a request."""

    @property
    def max_bytes(self) -> int: ...
    @property
    def max_unpacked(self) -> int: ...
    @property
    def body_seconds(self) -> int: ...


def routes(door: Door, by_key: Callable[[str], Principal | None], limits: Limits) -> list[web.RouteDef]:
    """The route of the door; ``by_key`` finds the principal of an API key."""

    async def post(request: web.Request) -> web.StreamResponse:
        try:
            principal = _caller(request, by_key)
            media_type = MEDIA_TYPES.get(request.content_type)
            if media_type is None:
                raise Refused([fault("transport.media_type", found=request.content_type[:60])])  # noqa: TRY301 - said as the others below
            key = _key(request)
            body = await _body(request, limits)
            strict = "handling=strict" in request.headers.get("Prefer", "").replace(" ", "").lower()
            done = await door.submit(body, media_type, principal, key=key, strict=strict)
        except Refused as refused:
            return _problem(request, refused.status, refused.faults)
        except Unavailable:
            return _problem(request, 503, (fault("transport.outcome_unknown"),))
        return web.Response(
            status=202,
            body=done.body,
            content_type="application/json",
            headers={"Location": f"/v1/submissions/{done.submission}"},
        )

    return [web.post("/v1/messages", post)]


def _caller(request: web.Request, by_key: Callable[[str], Principal | None]) -> Principal:
    """Only a bearer key opens the door, never a page's session: another site could make a browser send that."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise Refused([fault("access.no_key")])
    principal = by_key(key.strip())
    if principal is None:
        raise Refused([fault("access.unknown_key")])
    return principal


def _key(request: web.Request) -> str:
    key = request.headers.get("Idempotency-Key", "")
    if "Idempotency-Key" in request.headers and not (0 < len(key) <= 255 and key.isascii() and key.isprintable()):
        raise Refused([fault("transport.bad_key")])
    return key


async def _body(request: web.Request, limits: Limits) -> bytes:
    if (request.content_length or 0) > limits.max_bytes:
        raise Refused([fault("transport.too_large", limit=limits.max_bytes)])
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", ""):
        raise Refused([fault("transport.content_encoding", found=encoding[:60])])
    try:
        async with asyncio.timeout(limits.body_seconds):
            body = await _read(request, limits.max_bytes)
    except TimeoutError:
        raise Refused([fault("transport.slow", seconds=limits.body_seconds)]) from None
    except web.RequestPayloadError:
        raise Refused([fault("transport.empty")]) from None
    if encoding == "gzip":
        body = unpack(body, limits.max_unpacked)
    if not body:
        raise Refused([fault("transport.empty")])
    return body


async def _read(request: web.Request, most: int) -> bytes:
    chunks, size = [], 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        if size > most:
            raise Refused([fault("transport.too_large", limit=most)])
        chunks.append(chunk)
    return b"".join(chunks) if len(chunks) != 1 else chunks[0]


def unpack(packed: bytes, most: int) -> bytes:
    """Decompress gzip, one member, never beyond ``most`` bytes; raises Refused."""
    reader = zlib.decompressobj(wbits=31)
    try:
        body = reader.decompress(packed, most + 1)
    except zlib.error:
        raise Refused([fault("transport.compression")]) from None
    if len(body) > most:
        raise Refused([fault("transport.unpacked_too_large", limit=most)])
    if not reader.eof or reader.unused_data:
        raise Refused([fault("transport.compression")])
    return body


def _problem(request: web.Request, status: int, faults: tuple[Fault, ...]) -> web.Response:
    """RFC 9457: the type is the first fault's page."""
    first = faults[0]
    body = {
        "type": f"/problems/{first.code}",
        "title": kind_of(first.code).code,
        "status": status,
        "detail": first.message,
        "instance": request.path,
        "faults": [told(f) for f in faults],
    }
    headers = {"Retry-After": _RETRY[status]} if status in _RETRY else {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return web.Response(
        status=status, body=msgspec.json.encode(body), content_type="application/problem+json", headers=headers
    )

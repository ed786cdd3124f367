"""HTTP as a transport: ``POST /v1/messages`` and ``/v1/webhooks/{map}``. Brings bytes in under limits of size and time; never opens the body."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec
from aiohttp import StreamReader, web

from adapters import standard_webhooks
from adapters.door import Accepted, Door, Kept, told
from adapters.fairness import Rates, RateSettings, Shares, TooFast
from hub.domain.access import Principal
from hub.domain.faults import Fault, Refused, Unavailable, fault, kind_of
from hub.domain.identity import Find, identified
from hub.peer import fingerprint_of

MEDIA_TYPES = {
    "application/xml": "application/xml",
    "text/xml": "application/xml",
    "application/json": "application/json",
    "application/cloudevents+json": "application/cloudevents+json",
    "application/cloudevents-batch+json": "application/cloudevents-batch+json",
}
#: Bytes that all bodies under way may hold, as a multiple of the largest.
HELD = 4
_RETRY = {429: "1", 409: "2", 503: "2"}


class Limits(RateSettings, Protocol):
    """What of the settings bounds a request."""

    @property
    def max_bytes(self) -> int: ...
    @property
    def max_unpacked(self) -> int: ...
    @property
    def body_seconds(self) -> int: ...


#: (body, faults) → the answer in the body's own form, None where it has none (a DxpRep for an envelope).
InKind = Callable[[bytes, Sequence[Fault]], bytes | None]


#: Name of a principal → it, and the secrets it may sign webhooks with.
Signing = Callable[[str], tuple[Principal, Sequence[bytes]] | None]


def routes(
    door: Door,
    by_key: Find,
    limits: Limits,
    in_kind: InKind | None = None,
    signing: Signing = lambda _: None,
    now: Callable[[], int] = lambda: 0,
    why_not: Callable[[str], str] = lambda _: "access.unknown_key",
    by_certificate: Find = lambda _: None,
) -> list[web.RouteDef]:
    """The routes of the door; ``by_key`` finds the principal of an API key, ``why_not`` the code to tell where there is none,
    ``by_certificate`` the one of the certificate by which a client opened its connection (its fingerprint).

    Who cannot send one, as many shop platforms, signs its webhooks instead: ``signing``, ``now`` in ms.
    ``in_kind`` answers who asks for ``application/xml``; the status and ``Location`` are those of the answer in JSON.
    """
    held, rates = Shares(HELD * limits.max_unpacked), Rates(limits)

    async def _webhook(request: web.Request, name: str, read: list[bytes]) -> Accepted:
        """A signed webhook; nothing is kept of what is not signed by the one it names."""
        media_type, key, packed = _json_by(request), _key(request), _packed(request)
        not_signed = Refused([fault("access.webhook_signature", seconds=standard_webhooks.TOLERANCE_SECONDS)])
        known = signing(name)
        # Who it is from is only known from the whole body: nobody else gets to send one.
        if known is None or not standard_webhooks.recent(request.headers, now()):
            raise not_signed
        principal, secrets = known
        # its bytes are not yet anybody's: those who do not sign must not use up the share of one who does
        body = _Body(held, _UNKNOWN)
        try:
            data = await body.read(request, limits, packed=packed, most=min(limits.max_bytes, _WEBHOOK_BYTES))
            if not any(standard_webhooks.genuine(request.headers, data, secret) for secret in secrets):
                raise not_signed
            if principal.suspended:
                raise Refused([fault("access.suspended")])
            rates.take(principal, now())
            read.append(data)
            done = await door.submit(data, media_type, principal, key=key, strict=_strict(request))
            rates.took(principal, done.documents)
            return done
        finally:
            body.release()

    async def _taken(request: web.Request, principal: Principal, read: list[bytes]) -> Accepted:
        by_map = "map" in request.match_info
        media_type = _json_by(request) if by_map else _media_type(request)
        key, packed = _key(request), _packed(request)
        rates.take(principal, now())
        body = _Body(held, principal.name)
        try:
            try:
                data = await body.read(request, limits, packed=packed)
            except Refused as refused:
                if refused.status == 429:
                    raise
                raise await door.refuse(body.so_far(), media_type, principal, refused) from None
            read.append(data)
            done = await door.submit(data, media_type, principal, key=key, strict=_strict(request))
            rates.took(principal, done.documents)
            return done
        finally:
            body.release()

    async def post(request: web.Request) -> web.StreamResponse:
        read: list[bytes] = []
        faults: tuple[Fault, ...] = ()
        principal: Principal | None = None
        try:
            name = request.match_info.get("principal", "")
            if name:
                done = await _webhook(request, name, read)
            else:
                principal = _caller(request, by_key, by_certificate, why_not)
                done = await _taken(request, principal, read)
        except Kept as kept:
            faults = kept.faults
            response = _problem(f"/v1/submissions/{kept.submission}", kept.status, faults)
        except TooFast as early:
            faults = early.faults
            response = _problem(request.path, early.status, faults, str(early.retry_after))
            response.headers.update(early.headers)
        except Refused as refused:
            faults = refused.faults
            response = _problem(request.path, refused.status, faults)
        except Unavailable:
            faults = (fault("transport.outcome_unknown"),)
            response = _problem(request.path, 503, faults)
        else:
            response = web.Response(
                status=202,
                body=done.body,
                content_type="application/json",
                headers={"Location": f"/v1/submissions/{done.submission}"},
            )
            if principal is not None:
                response.headers.update(rates.headers(principal))
        if in_kind is not None and read and "application/xml" in request.headers.get("Accept", ""):
            answer = await asyncio.to_thread(in_kind, read[0], faults)
            if answer is not None:
                response.body, response.content_type = answer, "application/xml"
        return response

    webhook = "/v1/webhooks/{map:[a-z0-9-]{1,40}}"
    return [web.post(path, post) for path in ("/v1/messages", webhook, f"{webhook}/{{principal}}")]


def _caller(request: web.Request, by_key: Find, by_certificate: Find, why_not: Callable[[str], str]) -> Principal:
    """Only a bearer key or a client's certificate opens the door, never a page's session: another site could make a browser send
    that. (A browser shows a certificate by itself too, but asks first before it sends XML or JSON to another site.)
    """
    principal = identified(request.headers.get("Authorization", ""), fingerprint_of(request), by_key, by_certificate, why_not)
    if principal.suspended:
        raise Refused([fault("access.suspended")])
    return principal


def _key(request: web.Request) -> str:
    key = request.headers.get("Idempotency-Key", "")
    if "Idempotency-Key" in request.headers and not (0 < len(key) <= 255 and key.isascii() and key.isprintable()):
        raise Refused([fault("transport.bad_key")])
    return key


def _media_type(request: web.Request) -> str:
    media_type = MEDIA_TYPES.get(request.content_type)
    if media_type is None:
        raise Refused([fault("transport.media_type", found=request.content_type[:60])])
    return media_type


def _json_by(request: web.Request) -> str:
    """The media type by which the door knows a webhook and its map."""
    if _media_type(request) != "application/json":
        raise Refused([fault("transport.media_type", found=request.content_type[:60])])
    return f"application/json;map={request.match_info['map']}"


def _packed(request: web.Request) -> bool:
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", ""):
        raise Refused([fault("transport.content_encoding", found=encoding[:60])])
    return encoding == "gzip"


def _strict(request: web.Request) -> bool:
    wishes = ",".join(request.headers.getall("Prefer", [])).replace(" ", "").replace('"', "").lower()
    return "handling=strict" in wishes.replace(";", ",").split(",")


#: A webhook is of one order or a few; its body is read before it is known who sent it.
_WEBHOOK_BYTES = 1 << 20
#: Whose share the bodies are counted in of which it is not yet known who sent them. No principal is called so.
_UNKNOWN = ""


class _Body:
    """A body on its way in, counted until ``release``."""

    def __init__(self, held: Shares, sender: str) -> None:
        self._held, self._sender = held, sender
        self._chunks: list[bytes] = []
        self._size = 0

    def so_far(self) -> bytes:
        """What was read."""
        return b"".join(self._chunks)

    def release(self) -> None:
        """Let go."""
        self._held.give(self._sender, self._size)
        self._size = 0

    def _add(self, size: int) -> None:
        self._held.take(self._sender, size)
        self._size += size

    async def _come(self, content: StreamReader, seconds: int, most: int) -> None:
        async with asyncio.timeout(seconds):
            async for chunk in content.iter_any():
                self._chunks.append(chunk)
                self._add(len(chunk))
                if self._size > most:
                    raise Refused([fault("transport.too_large", limit=most)])

    async def read(self, request: web.Request, limits: Limits, *, packed: bool, most: int = 0) -> bytes:
        """The whole body, unpacked; ``most`` bytes, else those of the limits; raises Refused."""
        most = most or limits.max_bytes
        if (request.content_length or 0) > most:
            raise Refused([fault("transport.too_large", limit=most)])
        content = request.content
        try:
            if content.is_eof() and content.exception() is None:  # small ones come with their head, and need no clock
                self._chunks.append(content.read_nowait())
                self._add(len(self._chunks[0]))
                if self._size > most:
                    raise Refused([fault("transport.too_large", limit=most)])
            else:
                await self._come(content, limits.body_seconds, most)
        except TimeoutError:
            raise Refused([fault("transport.slow", seconds=limits.body_seconds)]) from None
        except web.RequestPayloadError:
            raise Refused([fault("transport.empty")]) from None
        data = self._chunks[0] if len(self._chunks) == 1 else self.so_far()
        if packed:
            data = unpack(data, limits.max_unpacked)
            self._add(len(data))
        if not data:
            raise Refused([fault("transport.empty")])
        return data


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


def _problem(instance: str, status: int, faults: tuple[Fault, ...], retry: str = "") -> web.Response:
    """RFC 9457: the type is the first fault's page; ``instance`` is where a refusal that was kept can be read."""
    first = faults[0]
    kind = kind_of(first.code)
    body = {
        "type": f"/problems/{first.code}",
        "title": first.message if "{" in kind.message else kind.message,
        "status": status,
        "detail": first.message,
        "instance": instance,
        "faults": [told(f) for f in faults],
    }
    headers = {"Retry-After": retry or _RETRY[status]} if status in _RETRY else {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    response = web.Response(
        status=status, body=msgspec.json.encode(body), content_type="application/problem+json", headers=headers
    )
    if status in (408, 413):
        response.force_close()  # what is left of the body is not wanted
    return response

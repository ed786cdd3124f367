"""A client of the hub for whoever hands in or receives: signs, submits so that a repetition has no second effect, follows.

    async with HubClient("https://hub.example", api_key, key=signing_key(pem, certificate)) as hub:
        taken = await hub.submit(xml)
        async for receipt in hub.follow_receipts(after=cursor):
            ...

What comes back is JSON of the hub (its calls are in ``/openapi.json``), typed as far as one acts on it. A call that the hub
turns down raises Refusal, one whose outcome nobody knows NotReached: the same bytes again are safe.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import Any, NotRequired, Self, TypedDict
from urllib.parse import quote

import aiohttp
import msgspec
from cryptography.exceptions import UnsupportedAlgorithm

from adapters import signature, xml
from adapters.certificates import certificate, is_signed_by
from adapters.signature import SigningKey
from hub import sm2
from hub.domain.faults import HubError, Refused
from hub.infra.crypto import HostedKey
from schemas import catalog

XML = "application/xml"
#: Answers after which the same bytes are sent again: nothing was taken, or nobody knows.
AGAIN = frozenset({409, 429, 502, 503, 504})
_MAX_PAUSE = 10.0
#: States a document leaves by itself, within seconds: the hub's, and those before customs has answered.
MOVING = frozenset(
    ("pending", "received", "matched", "assessed", "handed over", "stored at E-port", "declaring", "sent")
)
#: What no longer moves must have stood so long: a document waits until its counterpart is here, a flagged one goes on.
_QUIET = 1.0
#: Submissions asked for at the same time.
_AT_ONCE = 16
#: A stream that is silent so long is dead: the hub sends a comment every few seconds.
_SILENCE = 60.0
#: The event with which the hub ends a stream that is the caller's no more; its data hold the code.
_END = "end"


class FaultJson(TypedDict):
    """A fault as the hub says it; ``ceb_code`` is customs' code for the same."""

    code: str
    path: str
    line: int
    message: str
    message_zh: str
    ceb_code: NotRequired[str]


class DocumentJson(TypedDict, total=False):
    """A document of a submission: what the door said of it and, asked later, its state with customs' code."""

    index: int
    kind: str
    key: str
    status: str
    faults: list[FaultJson]
    state: str
    code: str
    differences: list[FaultJson]


class SubmissionJson(TypedDict):
    """The acknowledgement (then with ``digest`` and ``proof``), or what has become of a submission."""

    submission: str
    documents: list[DocumentJson]
    digest: NotRequired[dict[str, str]]
    proof: NotRequired[dict[str, Any]]  # Any: see hub.domain.acknowledgement
    received_at: NotRequired[str]


class ReceiptJson(TypedDict):
    """A receipt of an authority (or a notice of the hub). ``id`` tells repetitions; ``cursor`` is behind it."""

    cursor: str
    id: str
    at: str
    authority: str
    message: str
    kind: str
    key: str
    submission: str
    code: str
    text: str
    text_zh: str
    time: str
    info: str
    numbers: dict[str, str]


class NotReached(HubError):  # noqa: N818 - reads as what happened
    """No answer, or one that leaves the outcome open (``status`` 409, 429, 503 …; 0: none): repeat the same bytes."""

    def __init__(self, url: str, status: int = 0) -> None:
        self.status = status
        super().__init__(f"{url} answers {status}: try again" if status else f"{url} does not answer")


class Refusal(HubError):  # noqa: N818 - the same
    """The hub turned a call down: HTTP ``status``, its problem (RFC 9457) and the faults in it."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:  # Any: JSON
        self.status, self.problem = status, problem
        self.faults: list[FaultJson] = list(problem.get("faults", ()))
        codes = ", ".join(fault.get("code", "") for fault in self.faults)
        super().__init__(f"HTTP {status}: {codes or problem.get('title', '')}")


class Event(msgspec.Struct, frozen=True):
    """An event of a stream: the cursor behind it, its type and its JSON."""

    cursor: str
    type: str
    data: dict[str, Any]  # Any: JSON


class HubClient:
    """Talks to one hub as one principal; ``async with`` opens and closes its connections.

    ``key`` signs XML messages that are not signed yet (``signing_key``: RSA or SM2), by ``algorithm`` (empty: the one that goes
    with the key). ``attempts``: how often is asked what stays open.
    """

    def __init__(
        self,
        url: str,
        api_key: str,
        *,
        key: SigningKey | None = None,
        algorithm: str = "",
        timeout: float = 60.0,
        attempts: int = 5,
    ) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {api_key}"}
        self._key, self._algorithm, self._attempts = key, algorithm, attempts
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(timeout=self._timeout, headers=self._headers)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._http is not None:
            await self._http.close()

    # ---- handing in

    async def submit(
        self, message: bytes, *, media_type: str = "", idempotency_key: str = "", strict: bool = False
    ) -> SubmissionJson:
        """Hand a message in (XML or its JSON twin) and return its acknowledgement; raises Refusal or NotReached.

        It is signed once, and while the outcome is open the same bytes go again under the same key. Without
        ``idempotency_key`` the content itself is the key: the same bytes are the same submission. ``strict``: refused if
        a single document is flagged.
        """
        media_type = media_type or media_type_of(message)
        headers = {"Content-Type": media_type}
        if idempotency_key:
            headers["Idempotency-Key"] = idempotency_key
        if strict:
            headers["Prefer"] = "handling=strict"
        if self._key is not None and media_type == XML:
            message = signed(message, self._key, self._algorithm)
        status, body = await self._decided("POST", "/v1/messages", message, headers)
        if status == 202:
            return body  # type: ignore[return-value]  # the hub's JSON
        raise Refusal(status, body)

    # ---- asking

    async def submission(self, id: str) -> SubmissionJson | None:
        """State and faults of each document of a submission; None where there is none of the caller's."""
        return await self.get(f"/v1/submissions/{quote(id, safe='')}")

    async def declaration(self, key: str) -> dict[str, Any] | None:  # Any: JSON
        """A declaration by any of its numbers; None where there is none the caller may see."""
        return await self.get(f"/v1/declarations/{quote(key, safe=':~')}")

    async def receipts(self, after: str = "", limit: int = 100) -> tuple[list[ReceiptJson], str]:
        """The caller's receipts behind a cursor, in order, and the cursor behind the last of them."""
        page = await self.get(f"/v1/receipts?after={quote(after)}&limit={limit}") or {}
        return page.get("items", []), page.get("after", after)

    async def get(self, path: str) -> Any | None:  # Any: JSON
        """The JSON of any reading call; None for 404; raises Refusal or NotReached."""
        status, body = await self._decided("GET", path)
        if status == 404:
            return None
        if status != 200:
            raise Refusal(status, body)
        return body

    # ---- following

    async def follow_receipts(self, after: str = "") -> AsyncIterator[ReceiptJson]:
        """Receipts as they come, without end; keep ``cursor`` of the last one dealt with to go on from there."""
        async for event in self.events("/v1/receipts/stream", after):
            yield {**event.data, "cursor": event.cursor}  # type: ignore[typeddict-item]  # the hub's JSON

    async def events(self, path: str, after: str = "") -> AsyncIterator[Event]:
        """What a stream of the hub (Server-Sent Events) sends behind a cursor, across broken connections, without end.

        Raises Refusal where the hub does not give it to the caller.
        """
        assert self._http is not None, "use the client in an async with"
        timeout = aiohttp.ClientTimeout(total=None, connect=self._timeout.total, sock_read=_SILENCE)
        pause = 0.2
        while True:
            headers = {"Accept": "text/event-stream", **({"Last-Event-ID": after} if after else {})}
            try:
                async with self._http.get(self._url + path, headers=headers, timeout=timeout) as response:
                    if response.status != 200:
                        if response.status not in AGAIN:
                            raise Refusal(response.status, _json(await response.read()))
                    else:
                        async for event in _events(response.content):
                            if event.type == _END:
                                raise Refusal(403, {"faults": [event.data]})
                            after, pause = event.cursor or after, 0.2
                            if event.data:
                                yield event
            except (aiohttp.ClientError, TimeoutError, OSError):
                pass  # the hub is away, or the line broke: from the last event again
            await asyncio.sleep(pause)
            pause = min(2 * pause, _MAX_PAUSE)

    async def _decided(
        self, method: str, path: str, data: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:  # Any: JSON
        """(status, JSON) once the answer leaves nothing open; raises NotReached after all attempts."""
        attempt = 0
        while True:
            status, body, pause = await self._call(method, path, data, headers)
            attempt += 1
            if status and status not in AGAIN:
                return status, body
            if attempt >= self._attempts:
                raise NotReached(self._url, status)
            await asyncio.sleep(min(max(pause, 0.1 * 2**attempt), _MAX_PAUSE))

    async def _call(
        self, method: str, path: str, data: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, Any], float]:  # Any: JSON
        """(status, JSON, seconds the hub asks to wait before the next attempt); status 0 where it cannot be reached."""
        assert self._http is not None, "use the client in an async with"
        try:
            async with self._http.request(method, self._url + path, data=data, headers=headers) as response:
                after = response.headers.get("Retry-After", "")
                return response.status, _json(await response.read()), float(after) if after.isdigit() else 0.0
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0, {}, 0.0


def media_type_of(message: bytes) -> str:
    """Of XML or its JSON twin."""
    return "application/json" if message.lstrip()[:1] in (b"{", b"[") else XML


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


def signed(message: bytes, key: SigningKey, algorithm: str = "") -> bytes:
    """A message with the key's signature, where it is one that enterprises sign and is not signed yet; else as it is."""
    try:
        parsed = xml.parse(message, xml.SCHEMA_ONLY)
        mt = catalog.message_of(parsed.root)
        if mt is None or mt.direction == "down" or signature.find(parsed.root) is not None:
            return message
        return signature.sign(parsed.text, key, algorithm)
    except (Refused, ValueError):
        return message


async def settled(asked: Sequence[tuple[HubClient, str]], seconds: float) -> list[SubmissionJson | None]:
    """These submissions once no document of any of them moves on by itself, or as they are after ``seconds``.

    None where the hub knows nothing of one, or did not answer.
    """
    turn, deadline = asyncio.Semaphore(_AT_ONCE), time.monotonic() + seconds

    async def ask(client: HubClient, id: str) -> SubmissionJson | None:
        async with turn:
            try:
                return await client.submission(id)
            except NotReached:
                return None

    last: list[SubmissionJson | None] = []
    since = time.monotonic()
    while True:
        began = time.monotonic()
        found = list(await asyncio.gather(*(ask(client, id) for client, id in asked)))
        now = time.monotonic()
        if found != last:
            last, since = found, now
        if now >= deadline or (now - since >= _QUIET and not any(map(_moves, found))):
            return found
        # with many to ask for, the hub has other things to do as well
        await asyncio.sleep(max(0.0, min(max(0.25, 2 * (now - began)), deadline - now)))


def _moves(found: SubmissionJson | None) -> bool:
    return found is None or not MOVING.isdisjoint(document["state"] for document in found["documents"])


async def _events(lines: aiohttp.StreamReader) -> AsyncIterator[Event]:
    """The events of a stream, each ended by an empty line; comments and what is cut off at the end are dropped.

    One without data says how far the stream has come: nothing that the caller wants lies before its cursor.
    """
    id, type_, data = "", "message", bytearray()
    async for line in lines:
        name, _, value = line.rstrip(b"\r\n").partition(b":")
        value = value.removeprefix(b" ")
        if name == b"id":
            id = value.decode()
        elif name == b"event":
            type_ = value.decode()
        elif name == b"data":
            data += value
        elif not line.strip():
            yield Event(id, type_, _json(bytes(data)))
            type_, data = "message", bytearray()


def _json(content: bytes) -> dict[str, Any]:  # Any: JSON
    try:
        found = msgspec.json.decode(content)
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}

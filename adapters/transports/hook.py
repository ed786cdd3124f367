"""Webhooks on their way out: one signed POST to somebody else's endpoint, and nowhere it could be turned against us.

The name is resolved here, every address it has is checked, and the connection goes to exactly those addresses: what the
name leads to a moment later does not matter. No redirects, no cookies, no proxy of the environment, bounded answers.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Any, NamedTuple

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from adapters.standard_webhooks import sign_all
from hub.domain.addresses import refused_address
from hub.domain.faults import Refused, fault

#: What an endpoint may listen on unless private ones are allowed.
PORTS = (443, 8443)
CONTENT_TYPE = "application/cloudevents+json"
_MOST_URL, _MOST_ANSWER = 2000, 4096
#: Names asked for at one time: as many as there are subscriptions (``hub.web.views.subscriptions.MOST``), and some.
_NAMES = 512
#: Statuses by which an endpoint says "not now": its absence is not the event's fault.
_BUSY = (429, 502, 503, 504)


class Sent(NamedTuple):
    """What came back: the HTTP status (0: none), the fault's code ("" where it was taken) and the wait asked for (s)."""

    status: int
    code: str
    retry_after: float = 0.0

    @property
    def note(self) -> str:
        """Code and status, nothing the other side wrote."""
        return f"{self.code} {self.status}" if self.status and self.code else self.code or str(self.status)


class _RefusedAddressError(OSError):
    """A name leads where hooks may not go."""


class _Resolver(AbstractResolver):
    """Addresses of a name, all of them checked.

    A name server that is slow or dead delays its own names only: a name is asked for once at a time, however many wait for
    it or have given up, and there are threads for as many names as there are subscriptions.
    """

    def __init__(self, *, private: bool) -> None:
        self._private = private
        self._threads = ThreadPoolExecutor(_NAMES, thread_name_prefix="resolve")
        self._asked: dict[tuple[str, int, int], asyncio.Future[list[Any]]] = {}

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        key = host, port, int(family)
        asked = self._asked.get(key)
        if asked is None:
            asked = self._asked[key] = asyncio.get_running_loop().run_in_executor(
                self._threads, lambda: socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
            )
            asked.add_done_callback(lambda done: self._answered(key, done))
        found = await asyncio.shield(asked)
        made: list[ResolveResult] = []
        for kind, _, protocol, _, address in found:
            # A scope stands behind the address of a neighbour.
            scope = address[3] if len(address) == 4 else 0
            text = f"{address[0]}%{scope}" if scope else str(address[0])
            if not self._private and (why := refused_address(text)):
                raise _RefusedAddressError(why)
            made.append(
                ResolveResult(
                    hostname=host,
                    host=text,
                    port=port,
                    family=kind,
                    proto=protocol,
                    flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
                )
            )
        if not made:
            raise OSError("no address")
        return made

    def _answered(self, key: tuple[str, int, int], done: asyncio.Future[list[Any]]) -> None:
        self._asked.pop(key, None)
        if not done.cancelled():
            done.exception()  # whoever waited may have given up: then nobody else looks at it

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class HookClient:
    """Sends hooks; ``private`` allows any address, any port and plain http."""

    def __init__(self, *, private: bool = False, timeout: float = 10.0, tls: ssl.SSLContext | None = None) -> None:
        self._private, self._timeout, self._tls = private, timeout, tls
        self._resolver = _Resolver(private=private)
        self._session: aiohttp.ClientSession | None = None

    def checked(self, text: str) -> URL:
        """An endpoint's address; raises Refused (``webhook.url``, ``webhook.port``, ``webhook.address``)."""
        try:
            url = URL(text)
            port, host = url.port, url.host  # the host's name is decoded here, and may be none ("xn--")
        except ValueError as error:
            raise Refused([fault("webhook.url")]) from error
        good = text.isascii() and text.isprintable() and " " not in text and len(text) <= _MOST_URL
        scheme = url.scheme == "https" or (self._private and url.scheme == "http")
        # "https://@host": an empty user is one too.
        authority = re.split(r"[/?#\\]", text.partition("//")[2])[0]
        if not (good and scheme and host and port) or "@" in authority or not {"#", "\\"}.isdisjoint(text) or _odd(host):
            raise Refused([fault("webhook.url")])
        if not self._private:
            if port not in PORTS:
                raise Refused([fault("webhook.port", port=port)])
            with suppress(ValueError):
                ip_address(host)
                if why := refused_address(host):
                    raise Refused([fault("webhook.address", why=why)])
        return url

    async def resolved(self, text: str) -> URL:
        """The same, and its name leads where hooks may go; raises Refused also with ``webhook.name``."""
        url = self.checked(text)
        assert url.host is not None
        try:
            async with asyncio.timeout(self._timeout):
                await self._resolver.resolve(url.host, url.port or 443)
        except _RefusedAddressError as error:
            raise Refused([fault("webhook.address", why=str(error))]) from error
        except (OSError, UnicodeError) as error:
            raise Refused([fault("webhook.name")]) from error
        return url

    async def post(self, text: str, id: str, at: int, body: bytes, secrets: tuple[bytes, ...]) -> Sent:
        """Send one event; ``at`` in seconds. Never raises for what the other side does."""
        try:
            url = self.checked(text)
        except Refused as refused:
            return Sent(0, refused.faults[0].code)
        headers = {**sign_all(secrets, id, at, body), "Content-Type": CONTENT_TYPE, "User-Agent": "hub-webhooks/1"}
        session = self._session or self._start()
        try:
            async with asyncio.timeout(self._timeout):  # of everything, the name's resolution included
                async with session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
                    await _drain(answer)
                    return _read(answer)
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError):
            return Sent(0, "webhook.tls")
        except TimeoutError:
            return Sent(0, "webhook.timed_out")
        except aiohttp.InvalidURL:
            return Sent(0, "webhook.url")
        except aiohttp.ClientConnectorError as error:
            return Sent(0, "webhook.address" if isinstance(error.os_error, _RefusedAddressError) else "webhook.unreachable")
        except (aiohttp.ClientError, OSError, ValueError):
            return Sent(0, "webhook.unreachable")

    def _start(self) -> aiohttp.ClientSession:
        tls: dict[str, Any] = {"ssl": self._tls} if self._tls is not None else {}  # Any: aiohttp's keyword
        # No limit of connections here: each sender keeps its own, so that no recipient takes another's.
        connector = aiohttp.TCPConnector(resolver=self._resolver, use_dns_cache=False, limit=0, keepalive_timeout=15, **tls)
        self._session = aiohttp.ClientSession(
            connector=connector, trust_env=False, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=self._timeout), skip_auto_headers=("Accept-Encoding",),
        )  # fmt: skip
        return self._session

    async def close(self) -> None:
        """End the connections."""
        if self._session is not None:
            await self._session.close()
        await self._resolver.close()


def _odd(host: str) -> bool:
    """Numbers that are no plain address (127.1, 0177.0.0.1): what a resolver makes of them is its own idea."""
    last = host.rstrip(".").rpartition(".")[2]
    if ":" in host or not re.fullmatch(r"[0-9]+|0[xX][0-9a-fA-F]*", last):
        return False
    with suppress(ValueError):
        ip_address(host)
        return False
    return True


async def _drain(answer: aiohttp.ClientResponse) -> None:
    """Read a short answer, so that the connection may serve again; a long one is cut off with it."""
    left = _MOST_ANSWER
    while left > 0:
        read = await answer.content.read(left)
        if not read:
            return
        left -= len(read)
    answer.close()


def _read(answer: aiohttp.ClientResponse) -> Sent:
    status = answer.status
    if 200 <= status < 300:
        return Sent(status, "")
    if status == 410:
        return Sent(status, "webhook.gone")
    if status in _BUSY:
        return Sent(status, "webhook.busy", _retry_after(answer))
    if 300 <= status < 400:
        return Sent(status, "webhook.redirected")
    return Sent(status, "webhook.answered", _retry_after(answer))


def _retry_after(answer: aiohttp.ClientResponse) -> float:
    """Seconds of ``Retry-After``, which may also be a date: then counted from the answer's own ``Date``."""
    text = answer.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit() and len(text) < 8:
        return float(text)
    with suppress(ValueError, TypeError, OverflowError):
        until, now = parsedate_to_datetime(text), parsedate_to_datetime(answer.headers.get("Date", ""))
        return max(0.0, (until - now).total_seconds())
    return 0.0

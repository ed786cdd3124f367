"""What the views share: JSON answers, parameters, and waiting for what was just handed in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from hub.domain.faults import Both, Refused, fault
from hub.web.auth import require
from hub.web.ports import Viewer
from hub.web.problems import bad_query

Found = TypeVar("Found")
Wanted = TypeVar("Wanted", bound=msgspec.Struct)

#: How long a read waits for what its caller has just submitted (interfaces §4).
WAIT_SECONDS = 2.0
#: How long a caller may take for the body of a call.
BODY_SECONDS = 30


def answer(value: object, headers: dict[str, str] | None = None) -> web.Response:
    """JSON that nobody keeps: it is about one caller."""
    return web.Response(
        body=msgspec.json.encode(value),
        content_type="application/json",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


async def eventually(look: Callable[[], Awaitable[Found | None]]) -> Found | None:
    """Look until something is there, two seconds at most: the read model follows the door by a moment.

    What is not the caller's is waited for as long as what does not exist, so that the time tells nothing.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + WAIT_SECONDS
    pause = 0.03
    while True:
        found = await look()
        if found is not None or loop.time() + pause > deadline:
            return found
        await asyncio.sleep(pause)
        pause = min(pause * 1.7, 0.3)


def number(request: web.Request, name: str, default: int, most: int, least: int = 0) -> int:
    """A whole number of the query, from ``least`` to ``most``."""
    text = request.query.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit()) or len(text) > 15:
        raise bad_query(name)
    return max(least, min(int(text), most))


def moment(request: web.Request, name: str, default: int) -> int:
    """A time of the query in milliseconds: RFC 3339, or a date in China time."""
    text = request.query.get(name, "")
    if not text:
        return default
    try:
        return moment_of(text)
    except (ValueError, OverflowError) as error:
        raise bad_query(name) from error


def moment_of(text: str) -> int:
    """A time in milliseconds: RFC 3339, or a date in China time; ValueError, OverflowError for what is neither."""
    parsed = datetime.fromisoformat(text if "T" in text else f"{text}T00:00:00+08:00")
    if parsed.tzinfo is None:
        raise ValueError("a time without its zone")
    return int(parsed.timestamp() * 1000)


def text(request: web.Request, name: str, most: int = 200) -> str:
    """A text of the query; what is longer than any number or code is none."""
    value = request.query.get(name, "").strip()
    if len(value) > most or "\x00" in value:
        raise bad_query(name)
    return value


def path_text(request: web.Request, name: str) -> str:
    """A part of the address; PostgreSQL knows no NUL, and no number is that long."""
    value = request.match_info[name].strip()
    if "\x00" in value or len(value) > 300:
        raise web.HTTPNotFound
    return value


Json = dict[str, Any]


def by_key(request: web.Request) -> Viewer:
    """Who calls with its key: a session acts through the console's forms, which carry a token."""
    if not request.headers.get("Authorization"):
        raise web.HTTPUnauthorized
    return require(request)


async def body_of(request: web.Request, type_: type[Wanted], wrong: Callable[[Both], Refused], most: int = 65_536) -> Wanted:
    """The JSON object of a call; what ``wrong`` says of it where it is none of the call's, or larger than ``most`` bytes."""
    body = b""
    try:
        async with asyncio.timeout(BODY_SECONDS):  # a read brings what has come so far, however much more is to come
            while len(body) <= most and (part := await request.content.read(most + 1 - len(body))):
                body += part
    except TimeoutError:
        raise Refused([fault("transport.slow", seconds=BODY_SECONDS)]) from None
    if len(body) > most:
        raise wrong(Both("the body is too large", "请求体过大"))
    try:
        return msgspec.json.decode(body or b"{}", type=type_)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise wrong(Both(f"the body is no JSON object of this call: {error}", "请求体不是本接口的 JSON 对象")) from error


async def form_of(request: web.Request) -> Mapping[str, Any]:  # Any: aiohttp's form values
    """What a form sends; nothing where it is none, or takes too long to come."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.post()
    except (ValueError, LookupError, TimeoutError):
        return {}

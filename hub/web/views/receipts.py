"""The caller's receipts from authorities, in order."""

from __future__ import annotations

import re

from aiohttp import web

from hub.domain.events import Answer
from hub.domain.reading import Place
from hub.web import words
from hub.web.auth import require
from hub.web.ports import PARTS, Parts
from hub.web.problems import bad_query
from hub.web.story import business
from hub.web.views.common import Json, answer, number, text

routes = web.RouteTableDef()

_CURSOR = re.compile(r"([0-9]{1,9})-([0-9]{1,18})", re.ASCII)
_START = Place(-1, -1)


def _place(cursor: str) -> Place:
    if not cursor:
        return _START
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise bad_query("after")
    return Place(int(match[1]), int(match[2]))


def cursor(place: Place) -> str:
    """A place as the caller gives it back."""
    return f"{place.partition}-{place.offset}" if place.partition >= 0 else ""


def receipt_json(found: Answer, place: Place) -> Json:
    """One receipt with the cursor behind it."""
    return {
        "cursor": cursor(place),
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


@routes.get("/v1/receipts")
async def receipts(request: web.Request) -> web.Response:
    """Receipts behind the cursor; the cursor of the last is the next call's ``after``."""
    viewer = require(request)
    parts = request.app[PARTS]
    after = _place(text(request, "after"))
    found = await parts.read.answers(viewer.name, after, number(request, "limit", 100, 1000, least=1))
    if "xml" in request.headers.get("Accept", ""):
        return _message(parts, found, after)
    last = cursor(found[-1][1] if found else after)
    return answer({"items": [receipt_json(receipt, place) for receipt, place in found], "after": last})


def _message(parts: Parts, found: list[tuple[Answer, Place]], after: Place) -> web.Response:
    """One CEB message of the first receipts that fit into one; 204 where there is none. ``Hub-Cursor`` is behind them."""
    body, count = parts.receipt_xml([receipt for receipt, _ in found])
    place = found[count - 1][1] if count else after
    headers = {"Hub-Cursor": cursor(place), "Cache-Control": "no-store"}
    if body is None:
        return web.Response(status=204, headers=headers)
    return web.Response(body=body, content_type="application/xml", charset="utf-8", headers=headers)

"""What an authority's topic ``out.<authority>`` holds for it, over HTTP: by cursor and as Server-Sent Events."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from aiohttp import web

from hub import topics
from hub.domain.cursor import Cursor
from hub.domain.ring import Item
from hub.web import sight
from hub.web.auth import require
from hub.web.follow import behind, cursor_of, page_json, stream
from hub.web.ports import PARTS, Source, Viewer
from hub.web.problems import bad_query
from hub.web.views.common import answer, number, text

routes = web.RouteTableDef()


class Everything(msgspec.Struct, frozen=True):
    """Nothing is left out: the topic holds what its authority may see and no more."""

    def takes(self, _value: object) -> bool:
        """Yes."""
        return True


def item(value: bytes, headers: Mapping[str, bytes]) -> Item | None:
    """A record as it is sent on: its CloudEvents headers, its value as ``data``.

    None for what is no JSON: sealed messages are for who delivers them. ValueError for broken JSON.
    """
    if not value.startswith(b"{"):
        return None
    msgspec.json.decode(value, type=msgspec.Raw)
    told = {name: headers.get(f"ce_{name}", b"").decode("utf-8", "replace") for name in ("id", "type", "time", "subject")}
    return Item(None, _word(told["type"]), msgspec.json.encode({**told, "data": msgspec.Raw(value)}))


def _word(type_: str) -> str:
    """The word of an event: the noun of ``hub.<noun>.<verb>.v1``, ``change`` for what is new about an alert."""
    parts = type_.split(".")
    if len(parts) != 4 or parts[0] != "hub" or not parts[1].replace("-", "").isalnum():
        return "message"
    return "change" if parts[1:3] == ["alert", "changed"] else parts[1]


def _line(request: web.Request, viewer: Viewer) -> tuple[Source, Everything]:
    """The topic of the caller's authority; whoever acts for several names one. To others there is nothing here."""
    own = [name for name in topics.AUTHORITIES if name in viewer.roles and sight.is_officer(viewer)]
    named = text(request, "authority")
    if not own or (named and named not in own):
        raise web.HTTPNotFound
    if not named and len(own) > 1:
        raise bad_query(f"authority ({', '.join(own)})")
    return request.app[PARTS].feed(topics.out(named or own[0])), Everything()


@routes.get("/v1/out")
async def handed_out(request: web.Request) -> web.Response:
    """What lies behind the cursor; without one from the first that is kept."""
    source, wanted = _line(request, require(request))
    given = text(request, "after", 65_536)
    place = cursor_of(request, given, source.topic) if given else Cursor(source.topic)
    return answer(page_json(await behind(source, wanted, place, number(request, "limit", 100, 500, least=1))))


@routes.get("/v1/out/stream")
async def follow(request: web.Request) -> web.StreamResponse:
    """The same as Server-Sent Events, as it comes."""
    return await stream(request, _line)

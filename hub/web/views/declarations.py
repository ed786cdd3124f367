"""Declarations, what needs doing, search."""

from __future__ import annotations

from aiohttp import web

from hub.domain.expiry import Expiring, code_of, days_left
from hub.domain.faults import kind_of
from hub.domain.kinds import KINDS
from hub.domain.reading import Search
from hub.web import sight, story, words
from hub.web.auth import require
from hub.web.ports import PARTS, Viewer
from hub.web.problems import bad_query
from hub.web.views.common import Json, answer, eventually, moment, number, path_text, text
from hub.web.views.summaries import groups

routes = web.RouteTableDef()

DAY_MS = 86_400_000
#: How far a search may be paged; further on, one asks for less.
MOST_SKIPPED = 10_000


@routes.get("/v1/declarations/{key:.+}")
async def declaration(request: web.Request) -> web.Response:
    """The whole story behind any number."""
    viewer = require(request)
    read, key = request.app[PARTS].read, path_text(request, "key")
    found = await eventually(lambda: story.find(read, viewer, key))
    if found is None:
        raise web.HTTPNotFound
    return answer(story.declaration_json(viewer, found, request.app[PARTS].clock.now()))


@routes.get("/v1/worklist")
async def worklist(request: web.Request) -> web.Response:
    """What needs doing, oldest first, how much of each, and what is to be summarised."""
    viewer = require(request)
    read, scope, now = request.app[PARTS].read, sight.scope(viewer), request.app[PARTS].clock.now()
    found = await read.worklist(scope, number(request, "limit", 100, 500, least=1), now)
    needs = await read.needs(scope, now)
    return answer(
        {
            "items": [story.work_json(viewer, status, now) for status in found],
            "summaries": await groups(request, viewer),
            "certificates": [_certificate_json(found, now) for found in request.app[PARTS].certificates(viewer)],
            "totals": {name: {"count": n, "oldest": words.rfc3339(at)} for name, (n, at) in sorted(needs.items())},
        }
    )


def _certificate_json(found: Expiring, now: int) -> Json:
    """A certificate that ends, as a line of the worklist."""
    kind = kind_of(code_of(found.until, now))
    return {
        "serial": found.serial,
        "fingerprint": found.fingerprint,
        "use": found.use,
        "until": words.rfc3339(found.until),
        "days_left": days_left(found.until, now),
        "code": kind.code,
        "next_step": kind.remedy,
        "next_step_zh": kind.remedy_zh,
    }


def wanted(request: web.Request) -> Search:
    """The search of a query; the last seven days where no time is given."""
    now = request.app[PARTS].clock.now()
    kind = text(request, "kind")
    if kind and kind not in KINDS:
        raise bad_query("kind")
    return Search(
        since=moment(request, "from", now - 7 * DAY_MS),
        until=moment(request, "to", now + DAY_MS),
        kind=kind,
        state=text(request, "status"),
        enterprise=text(request, "enterprise"),
        office=text(request, "office"),
        limit=number(request, "limit", 50, 200, least=1),
        skip=number(request, "skip", 0, MOST_SKIPPED),
        now=now,
    )


async def found_by(request: web.Request, viewer: Viewer) -> Json:
    """A page of the search, with the range it covered."""
    read, search, asked = request.app[PARTS].read, wanted(request), text(request, "number")
    if asked:
        # A number is looked up, not filtered: the time range would only hide what was asked for.
        keys = tuple(await read.keys_of(asked))
        search = Search(since=0, until=1 << 53, keys=keys, limit=search.limit, skip=search.skip, kind=search.kind)
    found = await read.search(search, sight.scope(viewer))
    more = len(found) == search.limit
    return {
        "items": [story.line_json(viewer, status, request.app[PARTS].clock.now()) for status in found],
        "covered": {"number": asked}
        if asked
        else {"from": words.rfc3339(search.since), "to": words.rfc3339(search.until)},
        "next": search.skip + search.limit if more and search.skip + search.limit <= MOST_SKIPPED else None,
    }


@routes.get("/v1/search")
async def search(request: web.Request) -> web.Response:
    """Documents by number, enterprise, kind, status, office and time."""
    viewer = require(request)
    return answer(await found_by(request, viewer))

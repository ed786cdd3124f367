"""The zone's register of retail exports: for tax, customs and the office; an exporter reads its own."""

from __future__ import annotations

import csv
import io

from aiohttp import web

from hub.domain.exports import Entry, Query
from hub.web import sight, words
from hub.web.auth import require
from hub.web.ports import PARTS, Viewer
from hub.web.problems import bad_query
from hub.web.views.common import Json, answer, moment, number, text
from hub.web.views.summaries import _cell, _file

routes = web.RouteTableDef()

#: Authorities that read all of it.
READERS = frozenset({"tax", "customs", "office"})
DAY_MS = 86_400_000
#: Days shown where none are asked for, and lines of a page at most.
USUAL, MOST = 31, 10_000
_COLUMNS = (
    "declaration", "version", "line", "merchant", "mode", "received_at", "export_date", "name", "unit", "quantity", "unit_price", "amount",
    "currency", "current", "state", "code",
)  # fmt: skip


def merchants_of(viewer: Viewer, asked: str) -> tuple[str, ...] | None:
    """Whose lines are shown; None for everybody's. To other authorities the address holds nothing."""
    if READERS & set(viewer.roles):
        return (asked,) if asked else None
    if sight.is_officer(viewer):
        raise web.HTTPNotFound
    return tuple(code for code in viewer.codes if code == asked or not asked)


def entry_json(entry: Entry) -> Json:
    """A line with its columns' names."""
    shown = dict(zip(_COLUMNS, _values(entry), strict=True))
    return {**shown, "received_at": words.rfc3339(entry.received_at)}


def _values(entry: Entry) -> tuple[object, ...]:
    return (entry.declaration.partition("/")[2], *entry[1:])


@routes.get("/v1/exports/register")
async def register(request: web.Request) -> web.Response:
    """Lines received on the days asked for, as JSON or CSV."""
    viewer = require(request)
    parts = request.app[PARTS]
    last = moment(request, "to", parts.clock.now())
    first = moment(request, "from", last - (USUAL - 1) * DAY_MS)
    if first > last:
        raise bad_query("from")
    form = text(request, "format")
    if form not in ("", "json", "csv"):
        raise bad_query("format")
    limit, skip = number(request, "limit", 1000, MOST, 1), number(request, "skip", 0, 10_000_000)
    merchants = merchants_of(viewer, text(request, "merchant"))
    found = await parts.read.export_register(Query(merchants, first, last + DAY_MS, skip, limit + 1))
    shown = found[:limit]
    if form == "csv":
        return _file("export-register.csv", "text/csv", table(shown))
    more = skip + limit if len(found) > limit else None
    return answer({"items": [entry_json(entry) for entry in shown], "next": more})


def table(entries: list[Entry]) -> bytes:
    """The lines as a spreadsheet reads them."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(_COLUMNS)
    rows.writerows([[_cell(str(value)) for value in (entry_json(entry)).values()] for entry in entries])
    return out.getvalue().encode("utf-8-sig")

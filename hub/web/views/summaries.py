"""Summary declarations: what is due, a preview of the entries, and the application to send."""

from __future__ import annotations

import asyncio
import csv
import io
from typing import Any

from aiohttp import web

from hub.domain import summary
from hub.domain.reading import OVERDUE, SUMMARISE, SummaryGroup
from hub.web import sight, words
from hub.web.auth import require
from hub.web.ports import PARTS, Viewer
from hub.web.problems import bad_query
from hub.web.views.common import Json, answer, text

routes = web.RouteTableDef()

DAY_MS = 86_400_000
#: Declarations put together at most; beyond it the preview says that it is not complete.
MOST = 50_000


def group_json(group: SummaryGroup, now: int) -> Json:
    """Declarations of a month that are to be summarised: an entry of the worklist."""
    month = summary.month_due(group.by)
    need = SUMMARISE + (OVERDUE if group.by <= now else "")
    step = words.NEEDS[need][1]
    return {
        "need": need,
        "declarant": group.declarant,
        "month": month,
        "count": group.declarations,
        "oldest": words.rfc3339(group.oldest),
        "due": words.rfc3339(group.by),
        "due_day": words.china_time(group.by - 1)[:10],
        "days_left": (group.by - now) // DAY_MS,
        "send": "CEB701",
        "next_step": step[0],
        "next_step_zh": step[1],
        "preview": f"/v1/worklist/summary?month={month}&declarant={group.declarant}",
    }


async def groups(request: web.Request, viewer: Viewer) -> list[Json]:
    """What is to be summarised, the first due first."""
    now = request.app[PARTS].clock.now()
    return [group_json(group, now) for group in await request.app[PARTS].read.summary_groups(sight.scope(viewer))]


async def preview(request: web.Request, viewer: Viewer) -> tuple[Json, list[summary.Entry]]:
    """The entries a month's closed declarations become; refused where the query names no month."""
    month, declarant, by = text(request, "month"), text(request, "declarant"), text(request, "by")
    if by not in ("", "owner", "consignor"):
        raise bad_query("by")
    try:
        due = summary.due_of(month)
    except ValueError as error:
        raise bad_query("month") from error
    parts = request.app[PARTS]
    closed = await parts.read.to_summarise(sight.scope(viewer), due, declarant, MOST)
    # A large month takes a second: not on the loop that answers everybody.
    found = await asyncio.to_thread(summary.entries, closed, by_owner=by != "consignor")
    shown: Json = {
        "month": month,
        "due": words.rfc3339(due),
        "due_day": words.china_time(due - 1)[:10],
        "days_left": (due - parts.clock.now()) // DAY_MS,
        "by": by or "owner",
        "complete": len(closed) < MOST,
        "declarations": sum(len(entry.declarations) for entry in found),
        "entries": [summary.entry_values(entry) for entry in found],
    }
    return shown, found


@routes.get("/v1/worklist/summary")
async def summaries(request: web.Request) -> web.Response:
    """The preview as JSON or CSV, or the application itself as a JSON twin (``format=message``)."""
    viewer = require(request)
    form = text(request, "format")
    shown, found = await preview(request, viewer)
    name = f"summary-{shown['month']}"
    if form == "csv":
        return _file(f"{name}.csv", "text/csv", table(found))
    if form == "message":
        return _file(f"{name}.json", "application/json", answer(_application(request, viewer, shown, found)).body)
    if form not in ("", "json"):
        raise bad_query("format")
    return answer(shown)


def table(found: list[summary.Entry]) -> bytes:
    """A row a declaration: which entry it goes into, and that entry's key."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(("entry", "declarant", "customsCode", "ebcCode", "trafMode", "ownerCode", "country", "portCode", "invtNo"))
    for number, entry in enumerate(found, 1):
        key = (entry.declarant, entry.office, entry.merchant, entry.traffic, entry.owner, entry.country, entry.port)
        rows.writerows([(number, *map(_cell, key), _cell(invt_no)) for invt_no in entry.declarations])
    return out.getvalue().encode("utf-8-sig")


def _cell(value: str) -> str:
    """A spreadsheet takes a text that begins like a formula for one."""
    return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def _application(request: web.Request, viewer: Viewer, shown: Json, found: list[summary.Entry]) -> dict[str, Any]:
    """The CEB701 for one declarant, by whoever may send it."""
    if "declarant" not in viewer.roles:
        raise web.HTTPForbidden
    if len({entry.declarant for entry in found}) > 1:
        raise bad_query("declarant")
    made = summary.application(
        found,
        shown["month"],
        request.app[PARTS].clock.now(),
        names=dict.fromkeys(viewer.codes, viewer.title) if viewer.title else {},
        dxp_id=viewer.dxp_ids[0] if viewer.dxp_ids else "",
        by_owner=shown["by"] == "owner",
        most=summary.MOST_2018 if viewer.edition == "2018" else summary.MOST,
    )
    if made is None:
        raise web.HTTPNotFound
    return made


def _file(name: str, media_type: str, body: Any) -> web.Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    charset = "utf-8" if media_type.startswith("text/") else None
    return web.Response(body=body, content_type=media_type, charset=charset, headers=headers)

"""Risk alerts, for officers only; to anybody else the address holds nothing."""

from __future__ import annotations

from aiohttp import web

from hub.domain.desk import case_of
from hub.domain.events import Alert
from hub.domain.handling import STATES, Handling
from hub.domain.reading import OPEN, SEVERITIES, AlertFilter
from hub.rules.api import RISKS
from hub.web import sight, words
from hub.web.auth import require
from hub.web.ports import PARTS, Viewer
from hub.web.problems import bad_query
from hub.web.story import business
from hub.web.views.common import Json, answer, number, path_text, text

routes = web.RouteTableDef()


def officer(request: web.Request) -> Viewer:
    """Who asks; to anybody but officers the address holds nothing."""
    viewer = require(request)
    if not sight.is_officer(viewer):
        raise web.HTTPNotFound
    return viewer


def alert_json(alert: Alert) -> Json:
    """An alert with its evidence."""
    return {
        "id": alert.id,
        "at": words.rfc3339(alert.at),
        "rule": alert.rule,
        "severity": alert.severity,
        "family": alert.family,
        "agency": list(alert.agency),
        "declaration": business(alert.declaration),
        "enterprises": list(alert.enterprises),
        "office": alert.office,
        "message": alert.message,
        "message_zh": alert.message_zh,
        "evidence": alert.evidence,
        "case": case_of(alert).id,
        "handling": handling_json(alert.handling),
        "cursor": f"{alert.at}-{alert.id}",
    }


def handling_json(done: Handling) -> Json:
    """What officers did about an alert."""
    return {
        "state": done.state,
        "assignee": done.assignee,
        "verdict": done.verdict or None,
        "by": done.by,
        "at": words.rfc3339(done.at) if done.at else None,
        "escalated": done.escalated,
        "shared": list(done.shared),
        "revision": done.revision,
    }


def _after(cursor: str) -> tuple[int, str] | None:
    if not cursor:
        return None
    at, dash, name = cursor.partition("-")
    if not dash or not (at.isascii() and at.isdigit()) or len(at) > 15:
        raise bad_query("after")
    return int(at), name


def one_of(request: web.Request, name: str, values: tuple[str, ...]) -> str:
    """A filter of few values; one that none has would find nothing for ever."""
    found = text(request, name)
    if found and found not in values:
        raise bad_query(f"{name} ({', '.join(values)})")
    return found


@routes.get("/v1/alerts")
async def alerts(request: web.Request) -> web.Response:
    """Alerts of a filter, oldest first; without a cursor the newest."""
    viewer = officer(request)
    found = await request.app[PARTS].read.alerts(
        AlertFilter(
            severity=one_of(request, "severity", SEVERITIES),
            family=one_of(request, "family", RISKS),
            rule=text(request, "rule"),
            enterprise=text(request, "enterprise"),
            agency=text(request, "agency"),
            state=one_of(request, "state", (*STATES, OPEN)),
            assignee=text(request, "assignee"),
            after=_after(text(request, "after")),
            limit=number(request, "limit", 100, 500, least=1),
        )
    )
    items = [alert_json(alert) for alert in found if sight.may_see_alert(viewer, alert)]
    return answer({"items": items, "after": alert_json(found[-1])["cursor"] if found else text(request, "after")})


@routes.get("/v1/alerts/{id}")
async def alert(request: web.Request) -> web.Response:
    """One alert."""
    viewer = officer(request)
    found = await request.app[PARTS].read.alert(path_text(request, "id"))
    if found is None or not sight.may_see_alert(viewer, found):
        raise web.HTTPNotFound
    return answer(alert_json(found))

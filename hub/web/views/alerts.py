"""Risk alerts, for officers only; to anybody else the address holds nothing."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from aiohttp import web

from hub import codec, topics
from hub.domain.access import UNITS
from hub.domain.cursor import Cursor
from hub.domain.desk import case_of
from hub.domain.events import Alert
from hub.domain.handling import STATES, Handling
from hub.domain.reading import OPEN, SEVERITIES, AlertFilter
from hub.domain.ring import Item
from hub.rules.api import RISKS
from hub.web import sight, words
from hub.web.auth import require
from hub.web.follow import behind, cursor_of, page_json, stream
from hub.web.ports import PARTS, Source, Viewer
from hub.web.problems import bad_query
from hub.web.story import business
from hub.web.views.common import Json, answer, number, text

routes = web.RouteTableDef()

#: The word of an event by its type; of what is new the alert itself tells.
_EVENTS = {b"hub.alert.changed.v1": "change"}


def officer(request: web.Request) -> Viewer:
    """Who asks; to anybody but officers the address holds nothing."""
    return _officer(require(request))


def _officer(viewer: Viewer) -> Viewer:
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


def item(value: bytes, headers: Mapping[str, bytes]) -> Item:
    """A record of ``alerts`` as it is sent on; ValueError for what is none."""
    found = codec.alert(value)
    return Item(found, _EVENTS.get(headers.get("ce_type", b""), "alert"), msgspec.json.encode(alert_json(found)))


class Entitled(msgspec.Struct, frozen=True):
    """Alerts of a filter that the roles of a viewer entitle to."""

    wanted: AlertFilter
    viewer: Viewer

    def takes(self, value: Alert) -> bool:
        """Whether an alert is for the viewer."""
        return self.wanted.takes(value) and sight.may_see_alert(self.viewer, value)


def one_of(request: web.Request, name: str, values: tuple[str, ...]) -> str:
    """A filter of few values; one that none has would find nothing for ever."""
    found = text(request, name)
    if found and found not in values:
        raise bad_query(f"{name} ({', '.join(values)})")
    return found


def _filter(request: web.Request, limit: int = 100) -> AlertFilter:
    return AlertFilter(
        severity=one_of(request, "severity", SEVERITIES),
        family=one_of(request, "family", RISKS),
        rule=text(request, "rule"),
        enterprise=text(request, "enterprise"),
        agency=text(request, "agency"),
        office=text(request, "office"),
        state=one_of(request, "state", (*STATES, OPEN)),
        assignee=text(request, "assignee"),
        unit=one_of(request, "unit", UNITS),
        limit=limit,
    )


def _line(request: web.Request, viewer: Viewer) -> tuple[Source, Entitled]:
    # what entitles are the roles alone: viewers of the same roles are served together
    rights = Viewer(roles=_officer(viewer).roles)
    return request.app[PARTS].feed(topics.ALERTS), Entitled(_filter(request), rights)


@routes.get("/v1/alerts")
async def alerts(request: web.Request) -> web.Response:
    """Alerts of a filter: those behind the cursor in the log's order; without one the newest, oldest first."""
    viewer, limit = officer(request), number(request, "limit", 100, 500, least=1)
    if after := text(request, "after", 65_536):
        source, wanted = _line(request, viewer)
        return answer(page_json(await behind(source, wanted, cursor_of(request, after, topics.ALERTS), limit)))
    read = request.app[PARTS].read
    # Taken before the alerts are read: what comes into the read model meanwhile is told a second time, and none is left out.
    applied = await read.applied()
    found = await read.alerts(_filter(request, limit))
    last = max((partition for topic, partition in applied if topic == topics.ALERTS), default=-1)
    reached = Cursor(topics.ALERTS, tuple([applied.get((topics.ALERTS, n), 0) for n in range(last + 1)]))
    items = [alert_json(alert) for alert in found if sight.may_see_alert(viewer, alert)]
    return answer({"items": items, "after": reached.text(), "more": False})


@routes.get("/v1/alerts/stream")
async def follow(request: web.Request) -> web.StreamResponse:
    """The same as Server-Sent Events, as they come."""
    return await stream(request, _line)

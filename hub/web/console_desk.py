"""The console's pages for alerts and cases: a list to work through, a page a case. All actions are forms and need no script.

What is refused is said in the page, whose own status is 200: a browser complains of anything else.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from multidict import MultiDict

from hub.domain.access import UNITS
from hub.domain.desk import LEADERS, OFFICE
from hub.domain.faults import Fault, Refused
from hub.domain.handling import STATES
from hub.domain.orders import AUTHORITIES
from hub.domain.reading import OPEN, SEVERITIES, DeskFilter
from hub.web import auth, sight, words
from hub.web.pages import language_of, render
from hub.web.ports import PARTS, Viewer
from hub.web.views import desk
from hub.web.views.common import Json, form_of, number, path_text, text

routes = web.RouteTableDef()

#: Alerts on a page; what the bulk form offers.
PAGE = 100
BULK = ("acknowledge", "assign", "decide", "close", "comment")
#: What a filter of the list is called in its address.
FILTERS = ("state", "severity", "rule", "assignee", "enterprise", "escalated", "unit")


def _viewer(request: web.Request) -> Viewer:
    """Who looks; to anybody but officers the pages hold nothing."""
    viewer = auth.viewer_of(request)
    if viewer is None:
        raise web.HTTPSeeOther("/login")
    if not sight.is_officer(viewer):
        raise web.HTTPNotFound
    return viewer


async def _form(request: web.Request) -> tuple[Viewer, MultiDict[Any]]:  # Any: aiohttp's form values
    """Who sends a form, and the form; HTTPForbidden without its token."""
    viewer = _viewer(request)
    form: MultiDict[Any] = MultiDict(await form_of(request))
    auth.check_csrf(request, str(form.get("csrf", "")))
    return viewer, form


def _doing(form: Mapping[str, Any]) -> desk.Doing:
    """The action a form asks for; its ``id`` makes that sending it twice does it once."""
    said = {name: str(form.get(name, "")).strip() for name in ("to", "text", "verdict", "reason", "deadline", "id")}
    return desk.Doing(str(form.get("action", "")), **said)


def _spoken(request: web.Request) -> dict[str, Any]:  # Any: what a template is given
    """The words of alerts and cases in the reader's language."""
    language = language_of(request)
    tables = {"state": words.HANDLING, "line": words.DESK_LINES, "about": words.CASE_KINDS, "severity": words.SEVERITIES, "who": words.ACTORS,
              "unit": words.UNITS}  # fmt: skip
    return {
        "word": lambda table, word: words.say(tables[table], str(word), language),
        "states": STATES,
        "severities": tuple(reversed(SEVERITIES)),
        "once": secrets.token_hex(8),
    }


@routes.get("/alerts")
async def alerts_page(request: web.Request) -> web.Response:
    """The alerts to work through: those that are open, the gravest first."""
    return await _alerts(request, _viewer(request))


@routes.post("/alerts")
async def act_on_many(request: web.Request) -> web.Response:
    """The same action for the alerts that are ticked."""
    viewer, form = await _form(request)
    ids = [str(id_) for id_ in form.getall("alert", ())]
    try:
        done = await desk.many(request, viewer, _doing(form), ids, str(form.get("id", "")))
    except Refused as refused:
        return await _alerts(request, viewer, wrong=list(refused.faults))
    codes = dict.fromkeys([one["code"] for one in done if one["code"]])
    wrong = [desk.said_fault(code) for code in codes]
    counts = {"done": sum(one["status"] == 200 for one in done), "wait": sum(one["status"] == 202 for one in done), "of": len(done)}
    return await _alerts(request, viewer, wrong, counts)


async def _alerts(request: web.Request, viewer: Viewer, wrong: list[Fault] | None = None, done: dict[str, int] | None = None) -> web.Response:
    asked = {name: text(request, name) for name in FILTERS}
    if "state" not in request.query:
        asked["state"] = OPEN
    if "unit" not in request.query:  # an officer of a part of customs begins with what is addressed to it
        asked["unit"] = viewer.unit
    skip = number(request, "skip", 0, 100_000)
    wanted = DeskFilter(
        authorities=desk.scope(viewer),
        state=asked["state"] if asked["state"] in (*STATES, OPEN) else "",
        assignee=asked["assignee"],
        severity=asked["severity"] if asked["severity"] in SEVERITIES else "",
        rule=asked["rule"],
        enterprise=asked["enterprise"],
        escalated=bool(asked["escalated"]),
        unit=asked["unit"] if asked["unit"] in UNITS else "",
        limit=PAGE + 1,
        skip=skip,
    )
    read = request.app[PARTS].read
    found, counts = await read.at_desk(wanted), await read.desk_counts(wanted)
    kept = {name: value for name, value in asked.items() if value or name in ("state", "unit")}
    return render(
        request,
        "alerts.html",
        items=await desk.as_they_are(request, [alert for alert in found[:PAGE] if sight.may_see_alert(viewer, alert)]),
        asked=asked,
        counts=counts,
        open_state=OPEN,
        bulk=BULK,
        units=UNITS if not {"customs", OFFICE}.isdisjoint(viewer.roles) else (),
        link=lambda **more: "/alerts?" + urlencode({**kept, **more}),
        skip=skip,
        page=PAGE,
        more=len(found) > PAGE,
        wrong=wrong or [],
        done=done,
        **_spoken(request),
    )


@routes.get("/cases/{id}")
async def case_page(request: web.Request) -> web.Response:
    """A case: what it rests on, its alerts, who did what, and what can be done."""
    return await _case(request, _viewer(request))


@routes.post("/cases/{id}")
async def act_on_case(request: web.Request) -> web.Response:
    """An action on a case."""
    viewer, form = await _form(request)
    id_ = path_text(request, "id")
    case = await desk.case_for(request, viewer, id_)
    try:
        done = await desk.take_case(request, viewer, case, _doing(form), (), str(form.get("id", "")))
    except Refused as refused:
        return await _case(request, viewer, list(refused.faults))
    if done.acted is not None and done.acted.code:
        return await _case(request, viewer, [desk.said_fault(done.acted.code)])
    raise web.HTTPSeeOther(f"/cases/{id_}" + ("?wait=1" if done.acted is None else ""))


async def _case(request: web.Request, viewer: Viewer, wrong: list[Fault] | None = None) -> web.Response:
    id_ = path_text(request, "id")
    try:
        case = await desk.case_for(request, viewer, id_)
    except web.HTTPNotFound:
        return render(request, "missing.html", status=404, key=id_)
    shown: Json = await desk.case_json(request, viewer, case)
    others = [name for name in AUTHORITIES if name != case.owner]
    return render(
        request,
        "case.html",
        c=shown,
        leads=shown["acting_for"] == case.owner,
        others=others,
        office=OFFICE,
        leaders=LEADERS,
        wrong=wrong or [],
        waits="wait" in request.query,
        **_spoken(request),
    )

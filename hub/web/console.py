"""The console's pages: sign in, throughput, declarations, submissions, enterprises."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from aiohttp import web

from hub.domain.access import UNITS
from hub.domain.credit import SOURCES
from hub.domain.faults import Both, Fault, Refused, fault
from hub.domain.kinds import KINDS, MATCHED_KINDS
from hub.domain.reading import EVERYTHING, SEVERITIES, Scope
from hub.web import auth, sight, story, words
from hub.web.pages import language_of, render
from hub.web.ports import PARTS, Viewer
from hub.web.views import deliveries, orders, rules, subscriptions, summaries
from hub.web.views import enterprises as firms
from hub.web.views.common import eventually, form_of, path_text, text
from hub.web.views.declarations import found_by
from hub.web.views.submissions import locate
from hub.web.views.throughput import FIGURES

routes = web.RouteTableDef()


def _signed_in(request: web.Request) -> Viewer:
    viewer = auth.viewer_of(request)
    if viewer is None:
        raise web.HTTPSeeOther("/login")
    return viewer


@routes.get("/")
async def home(request: web.Request) -> web.Response:
    """Watchers begin with the figures, enterprises with what needs doing."""
    viewer = _signed_in(request)
    raise web.HTTPSeeOther("/throughput" if sight.watches(viewer) else "/declarations")


@routes.get("/login")
async def login_form(request: web.Request) -> web.Response:
    """The form; its random cookie ties the CSRF token to this browser."""
    return _login(request)


def _login(request: web.Request, status: int = 200, wrong: bool = False) -> web.Response:
    seed = request.cookies.get("hub_form") or secrets.token_urlsafe(16)
    secret = request.app[PARTS].session_secret
    response = render(request, "login.html", status=status, wrong=wrong, token=auth.sign(secret, "csrf", seed))
    _cookie(request, response, "hub_form", seed)
    return response


@routes.post("/login")
async def login(request: web.Request) -> web.StreamResponse:
    """An API key for a session."""
    form = await form_of(request)
    parts = request.app[PARTS]
    seed = request.cookies.get("hub_form", "")
    token = str(form.get("csrf", ""))
    if not seed or not secrets.compare_digest(token.encode("utf-8", "surrogatepass"), auth.sign(parts.session_secret, "csrf", seed).encode()):
        return _login(request, status=403)
    viewer = parts.by_key(str(form.get("api_key", "")).strip())
    if viewer is None:
        return _login(request, status=401, wrong=True)
    if viewer.suspended:
        raise Refused([fault("access.suspended")])
    response = web.Response(status=303, headers={"Location": "/"})
    session = auth.session_token(parts.session_secret, viewer.name, parts.clock.now())
    _cookie(request, response, auth.SESSION_COOKIE, session, max_age=auth.SESSION_MS // 1000)
    return response


@routes.post("/logout")
async def logout(request: web.Request) -> web.StreamResponse:
    """End the session."""
    form = await form_of(request)
    auth.check_csrf(request, str(form.get("csrf", "")))
    response = web.Response(status=303, headers={"Location": "/login"})
    response.del_cookie(auth.SESSION_COOKIE, path="/")
    return response


def _cookie(
    request: web.Request, response: web.StreamResponse, name: str, value: str, max_age: int | None = None
) -> None:
    secure = request.app[PARTS].secure_cookies
    response.set_cookie(name, value, max_age=max_age, httponly=True, samesite="Lax", secure=secure, path="/")


@routes.get("/throughput")
async def throughput(request: web.Request) -> web.Response:
    """Live figures; the page is filled by the stream."""
    viewer = _signed_in(request)
    return render(request, "throughput.html", figures=await request.app[FIGURES].of(sight.watched(viewer)))


@routes.get("/declarations")
async def declarations(request: web.Request) -> web.Response:
    """What needs doing, and the search."""
    viewer = _signed_in(request)
    read, scope, now = request.app[PARTS].read, sight.scope(viewer), request.app[PARTS].clock.now()
    asked = {name: text(request, name) for name in ("number", "kind", "status", "enterprise", "from", "to")}
    searched = any(asked.values())
    needs = await read.needs(scope, now)
    return render(
        request,
        "declarations.html",
        asked=asked,
        searched=searched,
        found=await found_by(request, viewer),
        needs=needs,
        work=[] if searched else [story.work_json(viewer, s, now) for s in await read.worklist(scope, 50, now)],
        summaries=[] if searched else await summaries.groups(request, viewer),
        kinds=KINDS,
    )


@routes.get("/declarations/{key:.+}")
async def declaration(request: web.Request) -> web.Response:
    """One declaration with its whole story."""
    viewer = _signed_in(request)
    read, key = request.app[PARTS].read, path_text(request, "key")
    found = await eventually(lambda: story.find(read, viewer, key))
    if found is None:
        return render(request, "missing.html", status=404, key=key)
    return render(request, "declaration.html", d=story.declaration_json(viewer, found, request.app[PARTS].clock.now()), matched_kinds=MATCHED_KINDS)


@routes.get("/summaries")
async def summary_page(request: web.Request) -> web.Response:
    """Which entries a month's closed exports become, and the application to send."""
    viewer = _signed_in(request)
    shown, _ = await summaries.preview(request, viewer)
    asked = {name: text(request, name) for name in ("month", "declarant", "by")}
    may_send = "declarant" in viewer.roles and len({entry["declarant"] for entry in shown["entries"]}) == 1
    return render(request, "summaries.html", s=shown, query=urlencode(asked), asked=asked, may_send=may_send)


@routes.get("/rules")
async def rules_page(request: web.Request) -> web.Response:
    """The rules in force, how often they hit and how often they were right; for officers."""
    viewer = _signed_in(request)
    if not sight.is_officer(viewer):
        return render(request, "missing.html", status=404, key="/rules")
    return render(request, "rules.html", r=await rules.figures(request))


async def _officers_form(request: web.Request) -> tuple[Viewer, Mapping[str, Any]]:  # Any: aiohttp's form values
    """Who sends a form, and the form; HTTPForbidden without its token, HTTPNotFound for anybody but officers."""
    viewer = _signed_in(request)
    form = await form_of(request)
    auth.check_csrf(request, str(form.get("csrf", "")))
    if not sight.is_officer(viewer):
        raise web.HTTPNotFound
    return viewer, form


@routes.get("/held")
async def held_page(request: web.Request) -> web.Response:
    """What orders of the officer's authority hold, to be decided; and its orders."""
    return await _held(request, _signed_in(request))


async def _held(request: web.Request, viewer: Viewer, wrong: Sequence[Fault] = ()) -> web.Response:
    if not sight.is_officer(viewer):
        return render(request, "missing.html", status=404, key="/held")
    state = text(request, "state") if text(request, "state") in orders.STATES else "held"
    return render(
        request,
        "held.html",
        status=200 if not wrong else 409 if wrong[0].code == "duplicate.decided" else 422,
        chosen=state,
        states=orders.STATES,
        items=await orders.held_json(request, viewer, state, 200),
        orders=orders.orders_json(request, viewer),
        mine=orders.authorities_of(viewer),
        levels=SEVERITIES,
        may_change=orders.may_change,
        units=UNITS,
        unit=lambda word: words.say(words.UNITS, word, language_of(request)),
        wrong=wrong,
    )


@routes.post("/orders")
async def make_order(request: web.Request) -> web.Response:
    """An officer makes an order, or changes it under its number."""
    viewer, form = await _officers_form(request)
    said = {name: str(value).strip() for name, value in form.items() if name != "csrf" and str(value).strip()}
    try:
        # Numbers come as text from a form.
        wanted = msgspec.convert(said, orders.Making, strict=False)
    except msgspec.ValidationError as error:
        why = Both(f"an order has a number, what it asks for and a reason: {error}", "指令应填写编号、事项和理由，数值应为数字")
        return await _held(request, viewer, [fault("meaning.order", why=why)])
    try:
        await orders.made(request, viewer, wanted)
    except Refused as refused:
        return await _held(request, viewer, refused.faults)
    raise web.HTTPSeeOther("/held")


@routes.post("/orders/{id}/revoke")
async def revoke_order(request: web.Request) -> web.Response:
    """An officer revokes an order of its own authority."""
    viewer, form = await _officers_form(request)
    await orders.revoked(request, viewer, orders.Revoking(str(form.get("reason", ""))))
    raise web.HTTPSeeOther("/held")


@routes.post("/held/{submission}")
async def decide_held(request: web.Request) -> web.Response:
    """An officer releases or refuses a held message."""
    viewer, form = await _officers_form(request)
    hold = await orders.hold_of(request, viewer, path_text(request, "submission"))
    said = orders.Deciding(str(form.get("decision", "")), str(form.get("reason", "")))
    try:
        await orders.take(request, viewer, hold, said)
    except Refused as refused:
        return await _held(request, viewer, refused.faults)
    raise web.HTTPSeeOther("/held")


@routes.get("/deliveries")
async def deliveries_page(request: web.Request) -> web.Response:
    """Who gets what pushed, how far it is, and what was set aside."""
    viewer = _signed_in(request)
    done = text(request, "sent", 10)
    return render(request, "deliveries.html", items=await deliveries.deliveries_json(request, viewer), done=done if done.isdigit() else None)


@routes.post("/deliveries/{id}/{what:replay|resume}")
async def redeliver(request: web.Request) -> web.Response:
    """Send what is parked for a recipient again, or resume its subscription."""
    viewer, id = _signed_in(request), path_text(request, "id")
    form = await form_of(request)
    auth.check_csrf(request, str(form.get("csrf", "")))
    if request.match_info["what"] == "resume":
        await subscriptions.resumed(request, viewer, subscriptions.to_resume(request, viewer, id), (str(form.get("version", "")),))
        raise web.HTTPSeeOther("/deliveries")
    raise web.HTTPSeeOther(f"/deliveries?sent={await deliveries.sent_again(request, viewer, id)}")


@routes.get("/submissions")
async def submissions(request: web.Request) -> web.Response:
    """What was handed in, and what was refused and why."""
    viewer = _signed_in(request)
    refused = request.query.get("show") == "refused"
    scope = EVERYTHING if sight.sees_all(viewer) else Scope(viewer.name)
    found = await request.app[PARTS].read.handed_in(scope, refused, 100)
    return render(request, "submissions.html", found=found, refused=refused)


@routes.get("/submissions/{id}")
async def submission(request: web.Request) -> web.Response:
    """One submission with the state of each document."""
    viewer = _signed_in(request)
    try:
        summary, _, refused = await locate(request, viewer)
    except web.HTTPNotFound:
        return render(request, "missing.html", status=404, key=path_text(request, "id"))
    keys = [f"{kind}/{key}" for _, kind, key, _ in summary.documents]
    statuses = await request.app[PARTS].read.statuses(keys)
    shown = story.submission_json(viewer, summary, statuses, refused)
    return render(request, "submission.html", s=shown, bytes_too=sight.may_read_bytes(viewer, summary.principal), for_purpose=sight.may_unmask(viewer))


def _words(request: web.Request) -> dict[str, Any]:  # Any: what a template is given
    """The words of standings in the reader's language."""
    language = language_of(request)
    tables = {"levels": words.LEVELS, "reasons": words.REASONS, "classes": words.CLASSES, "prechecks": words.PRECHECKS, "remarks": words.REMARKS}
    titles = {name: (source.title, source.title_zh) for name, source in SOURCES.items()} | {"link": words.LINKED}
    return {
        "word": lambda table, word: words.say(tables[table], str(word), language),
        "title": lambda source: words.say(titles, source, language),
    }


@routes.get("/enterprises")
async def enterprises(request: web.Request) -> web.Response:
    """Officers: the enterprises that stand out, and any by its code; an enterprise: its own codes."""
    viewer = _signed_in(request)
    code = text(request, "code")
    if code:
        raise web.HTTPSeeOther(f"/enterprises/{quote(code, safe='')}")
    found = []
    if sight.is_officer(viewer):
        # Ten thousand firms take a moment: not on the loop that answers everybody.
        found = await asyncio.to_thread(firms.standing_out, firms.reference_of(request), firms.today(request))
    return render(request, "enterprises.html", found=found[:200], **_words(request))


@routes.get("/enterprises/{code}")
async def enterprise(request: web.Request) -> web.Response:
    """An enterprise: its credit with the reasons, its filing, its documents; officers decide here."""
    return await _enterprise(request, _signed_in(request))


@routes.post("/enterprises/{code}/standing")
async def decide(request: web.Request) -> web.Response:
    """An officer confirms a suggestion or decides on the class."""
    viewer = _signed_in(request)
    form = await form_of(request)
    auth.check_csrf(request, str(form.get("csrf", "")))
    code = path_text(request, "code")
    if not sight.is_officer(viewer):
        raise web.HTTPForbidden
    said = {name: str(form.get(name, "")).strip()[:500] for name in ("confirm", "source", "reason", "valid_to", "ended_on")}
    try:
        await firms.take(request, viewer, code, firms.Recording(class_=str(form.get("class", "")), **said))
    except Refused as refused:
        return await _enterprise(request, viewer, refused.faults)
    raise web.HTTPSeeOther(f"/enterprises/{quote(code, safe='')}")


async def _enterprise(request: web.Request, viewer: Viewer, wrong: Sequence[Fault] = ()) -> web.Response:
    code = path_text(request, "code")
    if not firms.may_see(viewer, code):
        return render(request, "missing.html", status=404, key=code)
    data, day = firms.reference_of(request), firms.today(request)
    return render(
        request,
        "enterprise.html",
        status=422 if wrong else 200,
        e=firms.filing_json(request, viewer, code),
        h=await firms.history_json(request, viewer, code),
        p=await firms.profile_json(request, viewer, code),
        wrong=wrong,
        confirms=firms.to_confirm(data, viewer, code, day),
        **_words(request),
    )

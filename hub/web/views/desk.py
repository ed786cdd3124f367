"""What officers do about alerts, and the cases they are dealt with in; to anybody else these addresses hold nothing.

An action is told to the desk, which alone decides whether it may be done; the answer waits for it, two seconds at most, else
it is 202 with where to look. Under the same ``Idempotency-Key`` (or ``id`` in the body) the same action is done once.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from hashlib import blake2b

import msgspec
from aiohttp import web

from hub import codec
from hub.domain import audit, casework
from hub.domain.casework import MOST_TEXT, Waits
from hub.domain.desk import ACTIONS, ASSIGN, LEADERS, Acted, Action, Came, Case, CaseAlert, acts_as, case_of
from hub.domain.events import Alert
from hub.domain.faults import Both, Fault, Refused, fault, kind_of
from hub.domain.handling import STATES
from hub.domain.reading import OPEN, SEVERITIES, CaseFilter, DeskFilter
from hub.domain.texts import is_controlled
from hub.web import acting, sight, words
from hub.web.ports import PARTS, Viewer
from hub.web.story import business
from hub.web.views.alerts import alert_json, handling_json, officer, one_of
from hub.web.views.common import Json, answer, body_of, by_key, eventually, moment_of, number, path_text, text

routes = web.RouteTableDef()

#: Alerts of one call; bytes of a body; characters of a key somebody repeats an action under.
MOST_IDS, _MOST_BODY, _MOST_KEY = 500, 262_144, 255


class Doing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An action: ``to`` a colleague (empty: oneself) or authority; ``reason``, or ``text`` of a comment; ``deadline`` RFC 3339 or a date."""

    action: str
    to: str = ""
    text: str = ""
    verdict: str = ""
    reason: str = ""
    deadline: str = ""
    id: str = ""


class DoingMany(Doing, frozen=True, forbid_unknown_fields=True):
    """The same for alerts by their ids, or for all that are open and assigned to a colleague (``of``)."""

    ids: tuple[str, ...] = ()
    of: str = ""


class DoingCase(Doing, frozen=True, forbid_unknown_fields=True):
    """The same for a case, or for some of its ``alerts``."""

    alerts: tuple[str, ...] = ()


class Done(msgspec.Struct, frozen=True):
    """What became of an action on a case: ``acted`` None where the desk has not said yet; ``case`` as far as it is known."""

    case: Case
    acted: Acted | None
    action: str

    @property
    def status(self) -> int:
        """The HTTP status that says it."""
        return 202 if self.acted is None else kind_of(self.acted.code).status if self.acted.code else 200


# ---- calls -------------------------------------------------------------------------------------------------------


def _acting(request: web.Request) -> Viewer:
    by_key(request)
    return officer(request)


def _unread(why: Both) -> Refused:
    return Refused([fault("desk.action", why=why)])


def wrong(en: str, zh: str) -> Refused:
    """An action that cannot be read."""
    return _unread(Both(en, zh))


@routes.get("/v1/alerts/{id}")
async def one_alert(request: web.Request) -> web.Response:
    """One alert, with its evidence, its case and what was done about it."""
    viewer = officer(request)
    found = await request.app[PARTS].read.alert(path_text(request, "id"))
    if found is None or not sight.may_see_alert(viewer, found):
        raise web.HTTPNotFound
    (shown,) = await as_they_are(request, [found])
    return answer(shown)


@routes.post("/v1/alerts/{id}/actions")
async def on_alert(request: web.Request) -> web.Response:
    """Do something about one alert."""
    viewer = _acting(request)
    found = await request.app[PARTS].read.alerts_of([path_text(request, "id")])
    if not found or not sight.may_see_alert(viewer, found[0]):
        raise web.HTTPNotFound
    doing = await body_of(request, Doing, _unread, _MOST_BODY)
    assert isinstance(doing, Doing)
    (done,) = await take(request, viewer, found, doing, _key(request, doing))
    return _said(done, _as_it_is(found[0], done.case))


@routes.post("/v1/alerts/actions")
async def on_alerts(request: web.Request) -> web.Response:
    """Do the same about many alerts; each has its own result."""
    viewer = _acting(request)
    doing = await body_of(request, DoingMany, _unread, _MOST_BODY)
    assert isinstance(doing, DoingMany)
    return answer({"items": await many(request, viewer, doing, doing.ids, _key(request, doing), doing.of)})


async def many(request: web.Request, viewer: Viewer, doing: Doing, ids: Sequence[str], key: str = "", of: str = "") -> list[Json]:
    """The results of an action on many alerts, one an id; raises Refused where the action itself cannot be read."""
    read = request.app[PARTS].read
    if bool(ids) == bool(of) or len(ids) > MOST_IDS or "\x00" in of or any("\x00" in id_ for id_ in ids):
        raise wrong(f"name 1 to {MOST_IDS} ids, or a colleague with of", f"请填写 1 至 {MOST_IDS} 个 ids，或以 of 指定同事")
    if of:
        ids = [one.id for one in await read.at_desk(DeskFilter(authorities=scope(viewer), assignee=of, limit=MOST_IDS))]
        if not ids:
            return []
    seen = {one.id: one for one in await read.alerts_of(ids) if sight.may_see_alert(viewer, one)}
    done = {one.case.id: one for one in await take(request, viewer, list(seen.values()), doing, key)} if seen else {}
    return [_result(id, seen.get(id), done) for id in dict.fromkeys(ids)]


def _result(id_: str, alert: Alert | None, done: Mapping[str, Done]) -> Json:
    if alert is None:
        return {"id": id_, "status": 404, "code": "access.not_found"}
    became = done[case_of(alert).id]
    code = became.acted.code if became.acted is not None else ""
    return {
        "id": id_,
        "status": became.status,
        "code": code,
        "case": became.case.id,
        "handling": _as_it_is(alert, became.case)["handling"],
    }


@routes.get("/v1/cases")
async def cases(request: web.Request) -> web.Response:
    """Cases of a filter, the gravest first, then the oldest."""
    viewer = officer(request)
    wanted = CaseFilter(
        authorities=scope(viewer),
        state=one_of(request, "state", (*STATES, OPEN)),
        assignee=text(request, "assignee"),
        severity=one_of(request, "severity", SEVERITIES),
        authority=one_of(request, "authority", LEADERS),
        overdue=one_of(request, "overdue", ("1", "0", "true", "false")) in ("1", "true"),
        limit=number(request, "limit", 100, 500, least=1),
        skip=number(request, "skip", 0, 100_000),
    )
    read = request.app[PARTS].read
    found = [case for case in await read.cases(wanted) if sight.may_see_case(viewer, case)]
    partly = [one.id for case in found if not _whole(viewer, case) for one in _seen(viewer, case)]
    alerts = {one.id: one for one in await read.alerts_of(partly)} if partly else {}
    return answer({"items": [summary_json(viewer, case, alerts) for case in found]})


@routes.get("/v1/cases/{id}")
async def one_case(request: web.Request) -> web.Response:
    """A case with its alerts, their evidence, and its history."""
    viewer = officer(request)
    case = await case_for(request, viewer, path_text(request, "id"))
    return answer(await case_json(request, viewer, case))


@routes.post("/v1/cases/{id}/actions")
async def on_case(request: web.Request) -> web.Response:
    """Do something about a case, or some of its alerts."""
    viewer = _acting(request)
    case = await case_for(request, viewer, path_text(request, "id"))
    doing = await body_of(request, DoingCase, _unread, _MOST_BODY)
    assert isinstance(doing, DoingCase)
    if len(doing.alerts) > MOST_IDS:
        raise wrong(f"name {MOST_IDS} alerts at most", f"alerts 最多 {MOST_IDS} 个")
    done = await take_case(request, viewer, case, doing, doing.alerts, _key(request, doing))
    return _said(done, await case_json(request, viewer, done.case))


async def case_for(request: web.Request, viewer: Viewer, id_: str) -> Case:
    """A case; HTTPNotFound where there is none for the caller."""
    found = await request.app[PARTS].read.cases_of([id_])
    if not found or not sight.may_see_case(viewer, found[0]):
        raise web.HTTPNotFound
    return found[0]


def _said(done: Done, body: Json) -> web.Response:
    """The answer to one action; raises Refused where the desk did."""
    if done.acted is None:
        address = f"/v1/cases/{done.case.id}"
        response = answer({"action": done.action, "case": done.case.id, "look": address}, {"Location": address})
        response.set_status(202)
        return response
    if done.acted.code:
        raise Refused([said_fault(done.acted.code)])
    return answer(body)


def said_fault(code: str) -> Fault:
    """What the desk refused with, as a fault."""
    return fault(code, why=Both("the desk knows no such action", "没有此动作"), name="–")


# ---- acting ------------------------------------------------------------------------------------------------------


def scope(viewer: Viewer) -> tuple[str, ...] | None:
    """The authorities whose alerts and cases a caller's lists hold; None for all, which is the office's."""
    return None if "office" in viewer.roles else tuple([role for role in viewer.roles if role in LEADERS])


def _key(request: web.Request, doing: Doing) -> str:
    key = request.headers.get("Idempotency-Key", "") or doing.id
    if len(key) > _MOST_KEY or (key and not key.isprintable()):  # bytes that are no text come as what cannot be printed
        raise wrong(f"an Idempotency-Key is 1 to {_MOST_KEY} printable characters", f"Idempotency-Key 应为 1 至 {_MOST_KEY} 个可见字符")
    return key


async def take(request: web.Request, viewer: Viewer, alerts: Sequence[Alert], doing: Doing, key: str = "") -> list[Done]:
    """What became of an action on alerts, case by case; raises Refused where it cannot be read."""
    by_case: dict[str, list[Alert]] = {}
    for alert in alerts:
        by_case.setdefault(case_of(alert).id, []).append(alert)
    there = {case.id: case for case in await request.app[PARTS].read.cases_of(by_case)}
    acts = []
    for id_, its in by_case.items():
        case = there.get(id_) or _new(its)
        known = {one.id for one in case.alerts} if id_ in there else set()
        # What was raised before there was a desk, or a moment ago, it hears of with the action.
        unknown = [one for one in its if one.id not in known and not case.counted]
        acts.append(_Acting(case, [one.id for one in its], unknown))
    return await _take(request, viewer, acts, doing, key)


async def take_case(
    request: web.Request, viewer: Viewer, case: Case, doing: Doing, alerts: Sequence[str] = (), key: str = ""
) -> Done:
    """What became of an action on a case; raises Refused where it cannot be read."""
    (done,) = await _take(request, viewer, [_Acting(case, list(alerts), [])], doing, key)
    return done


class _Acting(msgspec.Struct):
    """An action to be told: on which case, which of its alerts (empty: all), and the alerts the desk may not know."""

    case: Case
    ids: list[str]
    unknown: list[Alert]


def _new(alerts: list[Alert]) -> Case:
    """The case the desk will make of alerts it has not told of."""
    case = casework.opened(case_of(alerts[0]), alerts[0].at, 0)
    for alert in alerts:
        case = casework.came(case, alert, alert.at, Waits())
    return case


async def _take(request: web.Request, viewer: Viewer, acts: list[_Acting], doing: Doing, key: str) -> list[Done]:
    parts = request.app[PARTS]
    if parts.desk is None:
        raise web.HTTPServiceUnavailable
    given = _read(doing)
    told: dict[str, list[Came | Action]] = {}
    names: dict[str, str] = {}
    for one in acts:
        authority = acts_as(one.case, viewer.roles)
        to, until = given.to or (viewer.name if given.action == ASSIGN else ""), _until(given.deadline)
        # The same key in another case, of another person or with other words is another action.
        said = (viewer.name, key, one.case.id, given.action, one.ids, to, given.text, given.verdict, until)
        id_ = blake2b(codec.to_json(said), digest_size=12).hexdigest() if key else secrets.token_hex(12)
        if given.action == ASSIGN and authority == one.case.owner:
            _colleague(request, to, authority)
        act = Action(id_, viewer.name, authority, parts.clock.now(), given.action, tuple(one.ids), to, given.text, given.verdict, until)
        names[one.case.id] = id_
        if _acted(one.case, id_) is None:
            told[one.case.id] = [*(Came(alert, alert.declaration or next(iter(alert.enterprises), alert.id)) for alert in one.unknown), act]
    if told:
        subject = next(iter(told)) if len(told) == 1 else f"{len(told)} cases"
        detail = {"action": given.action, "to": given.to, "verdict": given.verdict, "alerts": str(sum(len(one.ids) for one in acts))}
        await acting.record(request, viewer, audit.DESK_ACTED, subject, detail={name: said for name, said in detail.items() if said})
        await parts.desk(told)
    now = await _dealt_with(request, names)
    return [Done(now.get(one.case.id, one.case), _acted(now.get(one.case.id, one.case), names[one.case.id]), names[one.case.id]) for one in acts]


def _read(doing: Doing) -> Doing:
    """The action with its reason and text as one; raises Refused where it cannot be read."""
    if doing.action not in ACTIONS:
        raise wrong(f"action is one of {', '.join(ACTIONS)}", f"action 应为 {'、'.join(ACTIONS)} 之一")
    said = " ".join((doing.reason or doing.text).split())
    if any(is_controlled(text) for text in (said, doing.to, doing.verdict)):
        raise wrong("a text holds no control characters", "文字不得含有控制字符")
    if len(said) > MOST_TEXT or len(doing.to) > MOST_TEXT or len(doing.verdict) > MOST_TEXT:
        raise wrong(f"a text has at most {MOST_TEXT} characters", f"文字最多 {MOST_TEXT} 字")
    return msgspec.structs.replace(doing, text=said, to=doing.to.strip())


def _until(deadline: str) -> int:
    if not deadline:
        return 0
    try:
        return moment_of(deadline)
    except (ValueError, OverflowError) as error:
        raise Refused([fault("desk.deadline")]) from error


def _colleague(request: web.Request, name: str, authority: str) -> None:
    found = request.app[PARTS].by_name(name)
    if found is None or not sight.is_officer(found) or authority not in found.roles:
        raise Refused([fault("desk.colleague", name=name[:60])])


def _acted(case: Case, id_: str) -> Acted | None:
    return next((done for done in reversed(case.acted) if done.id == id_), None)


async def _dealt_with(request: web.Request, names: Mapping[str, str]) -> dict[str, Case]:
    """The cases once the desk has dealt with these actions, or as they are after two seconds."""
    read, seen = request.app[PARTS].read, {}

    async def look() -> bool | None:
        seen.update({case.id: case for case in await read.cases_of([id_ for id_ in names if not dealt(id_)])})
        return all(dealt(id_) for id_ in names) or None

    def dealt(id_: str) -> bool:
        return id_ in seen and _acted(seen[id_], names[id_]) is not None

    await eventually(look)
    return seen


# ---- showing -----------------------------------------------------------------------------------------------------


async def as_they_are(request: web.Request, alerts: Sequence[Alert]) -> list[Json]:
    """Alerts with their handling as their cases say: who has just acted sees it, however the read model comes by it."""
    cases = {case.id: case for case in await request.app[PARTS].read.cases_of({case_of(alert).id for alert in alerts})}
    return [_as_it_is(alert, cases[id_]) if (id_ := case_of(alert).id) in cases else alert_json(alert) for alert in alerts]


def _as_it_is(alert: Alert, case: Case) -> Json:
    """An alert with its handling as its case says, which may be newer than the alert's own record."""
    newer = next((one.handling for one in case.alerts if one.id == alert.id and one.handling.revision > alert.handling.revision), None)
    return alert_json(alert if newer is None else msgspec.structs.replace(alert, handling=newer))


def _seen(viewer: Viewer, case: Case) -> list[CaseAlert]:
    """The alerts of a case that are for a caller."""
    roles = {*viewer.roles}
    return [one for one in case.alerts if not one.agency or not roles.isdisjoint((*one.agency, *case.shared, "office"))]


def _whole(viewer: Viewer, case: Case) -> bool:
    """Whether all of a case is for a caller: of those who lead it, are invited to it, and the office."""
    return not {case.owner, *case.shared, "office"}.isdisjoint(viewer.roles)


def summary_json(viewer: Viewer, case: Case, known: Mapping[str, Alert]) -> Json:
    """A case as lists have it. Whom it is not for as a whole reads only what the alerts name that it sees (``known``, by id)."""
    alerts = _seen(viewer, case)
    enterprises, declarations = case.enterprises, case.declarations
    if not _whole(viewer, case):
        named = [known[one.id] for one in alerts if one.id in known]
        enterprises = tuple(dict.fromkeys([code for one in named for code in one.enterprises]))
        declarations = tuple(dict.fromkeys([one.declaration for one in named if one.declaration]))
    return {
        "id": case.id,
        "kind": case.kind,
        "about": business(case.about) if case.kind in ("declaration", "document") else case.about,
        "state": case.state,
        "severity": case.severity,
        "owner": case.owner,
        "authorities": list(case.authorities),
        "joint": list(case.shared),
        "assignee": case.assignee,
        "opened_at": words.rfc3339(case.opened_at),
        "at": words.rfc3339(case.at),
        "deadline": words.rfc3339(case.deadline) if case.deadline else None,
        "overdue": case.late,
        "escalated": case.escalated,
        "enterprises": list(enterprises),
        "declarations": [business(key) for key in declarations],
        "rules": sorted({one.rule for one in alerts}),
        "alerts": len(case.alerts) + case.counted,
        "verdicts": {one.authority: one.verdict for one in case.decisions},
        "revision": case.revision,
    }


async def case_json(request: web.Request, viewer: Viewer, case: Case) -> Json:
    """A case, whole, as far as it is for the caller: other authorities' alerts are only counted."""
    seen = _seen(viewer, case)
    alerts = {one.id: one for one in await request.app[PARTS].read.alerts_of([one.id for one in seen])}
    mine = {one.id for one in seen}
    return {
        **summary_json(viewer, case, alerts),
        "alerts": [_as_it_is(alerts[one.id], case) if one.id in alerts else _short(one) for one in seen],
        "counted": case.counted + len(case.alerts) - len(seen),
        "decisions": [{**msgspec.to_builtins(one), "at": words.rfc3339(one.at)} for one in case.decisions],
        "history": [
            {
                "at": words.rfc3339(line.at),
                "by": line.by or "hub",
                "authority": line.authority,
                "what": line.what,
                "text": line.text,
                "to": line.to,
                "verdict": line.verdict or None,
                "until": words.rfc3339(line.until) if line.until else None,
                "alerts": [id_ for id_ in line.alerts if id_ in mine],
                "count": line.count,
            }
            for line in case.history
            if not line.alerts or not mine.isdisjoint(line.alerts)
        ],
        "earlier": case.earlier,
        "acting_for": acts_as(case, viewer.roles),
    }


def _short(one: CaseAlert) -> Json:
    """An alert whose record the read model does not have yet."""
    return {"id": one.id, "rule": one.rule, "severity": one.severity, "at": words.rfc3339(one.at), "handling": handling_json(one.handling)}


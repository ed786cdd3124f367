"""Orders of authorities and the messages they hold: officers make and revoke orders, see what is held, and decide.

An officer sees the orders of its own authority and what they hold; the zone's office sees all and decides nothing. To
anybody else these addresses hold nothing: what an enterprise learns is in its declaration (held, and by whose order).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web

from hub.domain import audit
from hub.domain.events import REFUSE, RELEASE, Decided, Hold
from hub.domain.faults import Both, Refused, fault
from hub.domain.keys import day_text
from hub.domain.orders import AUTHORITIES
from hub.domain.reference import ReferenceRecord, problems
from hub.domain.texts import is_controlled
from hub.rules.engine import ruleset
from hub.web import acting, sight, words
from hub.web.auth import require
from hub.web.ports import PARTS, Viewer
from hub.web.problems import bad_query
from hub.web.story import business
from hub.web.views.common import Json, answer, body_of, by_key, eventually, number, path_text, text
from hub.web.views.enterprises import amend_of, reference_of, today

routes = web.RouteTableDef()

STATES = ("held", "gone", "refused")
_MOST_REASON = 500
_OFFICE = "office"
_NUMBER = re.compile(r"[0-9A-Za-z._-]{1,60}")


class Making(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An order as an officer hands it in. ``id`` is the authority's own number of it; ``reason`` is for officers only."""

    id: str
    what: str
    reason: str
    office: str = ""
    side: str = ""
    enterprise: str = ""
    hs: str = ""
    class_: int = msgspec.field(default=0, name="class")
    level: str = ""
    rule: str = ""
    rate: float = 0
    limit: int = 0
    unit: str = ""
    valid_from: str = ""
    valid_to: str = ""


class Revoking(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why an order ends."""

    reason: str = ""


class Deciding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``decision``: release or refuse; the sender reads the ``reason`` of a refusal."""

    decision: str
    reason: str = ""


def authorities_of(viewer: Viewer) -> tuple[str, ...]:
    """The authorities a caller is an officer of."""
    return tuple([role for role in viewer.roles if role in AUTHORITIES]) if sight.is_officer(viewer) else ()


def may_change(viewer: Viewer, order: Mapping[str, Any]) -> bool:
    """Whether a caller changes and revokes an order: its authority does; an officer of a unit what is addressed to that unit."""
    return order["authority"] in authorities_of(viewer) and (not viewer.unit or order.get("unit") == viewer.unit)


def _officer(request: web.Request) -> Viewer:
    viewer = require(request)
    if not sight.is_officer(viewer):
        raise web.HTTPNotFound
    return viewer


def sees(viewer: Viewer, authority: str) -> bool:
    """Whether orders of an authority, and what they hold, are for a caller."""
    return authority in authorities_of(viewer) or (sight.is_officer(viewer) and _OFFICE in viewer.roles)


def _acting(request: web.Request) -> Viewer:
    by_key(request)
    return _officer(request)


def _wrong(why: Both) -> Refused:
    return Refused([fault("meaning.order", why=why)])


# ---- orders ------------------------------------------------------------------------------------------------------


def order_json(record: ReferenceRecord) -> Json:
    """An order with who made it and who revoked it."""
    shown = {name: value for name, value in record.value.items() if value not in (None, "", 0)}
    days = {"valid_from": record.valid_from, "valid_to": record.valid_to, "version": record.version}
    return {"id": record.id, **shown, **days, "revoked": bool(record.value.get("revoked"))}


@routes.get("/v1/orders")
async def orders(request: web.Request) -> web.Response:
    """The orders of the caller's authority that are in force today or later; ``all=1``: whatever became of them."""
    viewer = _officer(request)
    return answer({"items": orders_json(request, viewer, over_too=text(request, "all") == "1")})


def orders_json(request: web.Request, viewer: Viewer, *, over_too: bool = False) -> list[Json]:
    """The orders a caller sees."""
    data, now = reference_of(request), today(request)
    shown = []
    for id in sorted(data.ids("order")):
        newest = data.versions("order", id)[0]
        if not sees(viewer, str(newest.value.get("authority"))):
            continue
        over = bool(newest.value.get("revoked")) or (newest.valid_to and int(newest.valid_to.replace("-", "")) <= now)
        if over_too or not over:
            shown.append(order_json(newest))
    return shown


@routes.get("/v1/orders/{id}")
async def order(request: web.Request) -> web.Response:
    """An order and every version of it, the newest first: who said what when."""
    viewer = _officer(request)
    found = _versions(request, viewer)
    return answer({**order_json(found[0]), "versions": [order_json(record) for record in found]})


def _versions(request: web.Request, viewer: Viewer) -> list[ReferenceRecord]:
    id = path_text(request, "id")
    if "~" not in id:  # by the authority's own number
        id = f"{next(iter(authorities_of(viewer)), '')}~{id}"
    found = reference_of(request).versions("order", id)
    if not found or not sees(viewer, str(found[0].value.get("authority"))):
        raise web.HTTPNotFound
    return found


@routes.post("/v1/orders")
async def make(request: web.Request) -> web.Response:
    """Make an order, or change it under the same id; the same order again changes nothing."""
    viewer = _acting(request)
    if not authorities_of(viewer):
        raise web.HTTPForbidden
    wanted = await body_of(request, Making, _wrong)
    assert isinstance(wanted, Making)
    return answer(order_json(await made(request, viewer, wanted)))


async def made(request: web.Request, viewer: Viewer, wanted: Making) -> ReferenceRecord:
    """The order that is in force when it was made or changed; raises Refused, HTTPForbidden."""
    mine = authorities_of(viewer)
    if not mine:
        raise web.HTTPForbidden
    if not _NUMBER.fullmatch(wanted.id):
        raise _wrong(Both("id is 1 to 60 letters, digits, points, dashes and underlines", "id 应为 1 至 60 位字母、数字、点、横线或下划线"))
    if wanted.rule and wanted.rule not in {rule.code for rule in ruleset().rules}:
        raise _wrong(Both(f"there is no rule {wanted.rule}", f"没有规则 {wanted.rule}"))
    data, day = reference_of(request), day_text(today(request))
    id = f"{mine[0]}~{wanted.id}"
    there = data.versions("order", id)
    if there and not may_change(viewer, there[0].value):
        raise web.HTTPForbidden
    begins = wanted.valid_from or (there[0].valid_from if there else day)
    value: Json = {
        name: given for name, given in msgspec.to_builtins(wanted).items() if name not in ("id", "valid_from", "valid_to")
    }
    value |= {"authority": mine[0], "officer": viewer.name}
    value |= {"unit": viewer.unit} if viewer.unit else {}
    if there and _same(there[0], value, begins, wanted.valid_to):
        return there[0]
    if begins < day and not (there and begins == there[0].valid_from):
        raise _wrong(Both("an order is in force from today on, not from before", "指令不得自过去的日期起生效"))
    record = ReferenceRecord("order", id, 1, begins, wanted.valid_to, {**value, "made_at": _now(request)})
    return await _publish(request, record, viewer, audit.ORDER_RECORDED)


def _same(there: ReferenceRecord, value: Json, begins: str, ends: str) -> bool:
    said = {name: given for name, given in there.value.items() if name != "made_at"}
    return said == value and (there.valid_from, there.valid_to) == (begins, ends)


@routes.post("/v1/orders/{id}/revoke")
async def revoke(request: web.Request) -> web.Response:
    """Revoke an order of one's own authority: at once; what it held goes on within minutes."""
    viewer = _acting(request)
    if not may_change(viewer, _versions(request, viewer)[0].value):
        raise web.HTTPForbidden
    wanted = await body_of(request, Revoking, _wrong)
    assert isinstance(wanted, Revoking)
    return answer(order_json(await revoked(request, viewer, wanted)))


async def revoked(request: web.Request, viewer: Viewer, wanted: Revoking) -> ReferenceRecord:
    """The order the address names, revoked; raises HTTPNotFound, HTTPForbidden."""
    newest = _versions(request, viewer)[0]
    if not may_change(viewer, newest.value):
        raise web.HTTPForbidden
    if newest.value.get("revoked"):
        return newest
    value = {**newest.value, "revoked": True, "revoked_by": viewer.name, "revoked_at": _now(request)}
    if wanted.reason:
        value["revoked_for"] = wanted.reason[:_MOST_REASON]
    record = ReferenceRecord("order", newest.id, 1, newest.valid_from, newest.valid_to, value)
    return await _publish(request, record, viewer, audit.ORDER_REVOKED)


def _now(request: web.Request) -> str:
    return words.rfc3339(request.app[PARTS].clock.now())


async def _publish(request: web.Request, record: ReferenceRecord, viewer: Viewer, what: str) -> ReferenceRecord:
    wrong = problems(record)
    if wrong:
        raise _wrong(Both("; ".join(wrong), "指令内容有误：" + "；".join(wrong)))
    amend = amend_of(request)
    await acting.record(request, viewer, what, record.id, detail={"order": str(record.value.get("what", ""))})
    await amend(lambda _: [record])
    return reference_of(request).versions("order", record.id)[0]


# ---- what is held ------------------------------------------------------------------------------------------------


def may_see(viewer: Viewer, hold: Hold) -> bool:
    """Whether one of the orders that are or were about a message is for the caller."""
    return any(sees(viewer, order.authority) for order in hold.orders)


def hold_json(request: web.Request, viewer: Viewer, hold: Hold) -> Json:
    """A held message: by which orders, until when, who decided what. Other authorities' orders stay theirs."""
    data = reference_of(request)
    shown = []
    for one in hold.orders:
        if sees(viewer, one.authority):
            record = next(iter(data.versions("order", one.order)), None)
            shown.append({
                "order": one.order,
                "authority": one.authority,
                "until": words.rfc3339(one.until),
                "declarations": [business(key) for key in one.declarations],
                "assessed": one.certain,
                "ended": one.ended,
                "reason": str(record.value.get("reason", "")) if record is not None else "",
                "unit": _unit_of(request, one.order),
            })
    ends = [one.until for one in hold.orders if not one.ended]
    return {
        "submission": hold.submission,
        "state": hold.state,
        "since": words.rfc3339(hold.since),
        "until": words.rfc3339(max(ends)) if ends and hold.state == "held" else None,
        "principal": hold.principal,
        "documents": [business(key) for key in hold.documents],
        "orders": shown,
        "decisions": [
            {"authority": d.authority, "decision": d.decision, "by": d.by, "reason": d.reason, "at": words.rfc3339(d.at)}
            for d in hold.decisions
            if sees(viewer, d.authority)
        ],
        "yours": sorted(_open(request, viewer, hold)),
    }


def _open(request: web.Request, viewer: Viewer, hold: Hold) -> set[str]:
    """The caller's authorities whose decision is awaited; an officer of a unit decides what is addressed to it alone."""
    mine = authorities_of(viewer)
    awaited = [o for o in hold.orders if not o.ended and o.authority in mine] if hold.state == "held" else []
    others = {o.authority for o in awaited if viewer.unit and _unit_of(request, o.order) != viewer.unit}
    return {o.authority for o in awaited} - others


def _unit_of(request: web.Request, order: str) -> str:
    """The part of customs an order is addressed to; empty for all of it."""
    record = next(iter(reference_of(request).versions("order", order)), None)
    return str(record.value.get("unit") or "") if record is not None else ""


@routes.get("/v1/held")
async def held(request: web.Request) -> web.Response:
    """What orders of the caller's authority hold, the soonest to go on first; ``state`` for what was decided."""
    viewer = _officer(request)
    state = text(request, "state") or "held"
    if state not in STATES:
        raise bad_query("state")
    return answer({"items": await held_json(request, viewer, state, number(request, "limit", 100, 1000, least=1))})


async def held_json(request: web.Request, viewer: Viewer, state: str, limit: int) -> list[Json]:
    """The messages in a state a caller sees."""
    who = None if _OFFICE in viewer.roles else authorities_of(viewer)
    found = await request.app[PARTS].read.holds(state, who, limit)
    return [hold_json(request, viewer, hold) for hold in found if may_see(viewer, hold)]


@routes.get("/v1/held/{key}")
async def one_held(request: web.Request) -> web.Response:
    """A held message by its submission, or by any number of a declaration in it."""
    viewer = _officer(request)
    return answer(hold_json(request, viewer, await hold_of(request, viewer, path_text(request, "key"))))


async def hold_of(request: web.Request, viewer: Viewer, key: str) -> Hold:
    """The held message of a submission, or of a declaration by any number; HTTPNotFound where none is the caller's."""
    read = request.app[PARTS].read
    hold = await read.hold(key)
    if hold is None:
        for status in await read.statuses(await read.keys_of(key)):
            hold = hold or await read.hold(status.submission)
    if hold is None or not may_see(viewer, hold):
        raise web.HTTPNotFound
    return hold


@routes.post("/v1/held/{key}/decision")
async def decide(request: web.Request) -> web.Response:
    """Release or refuse a message an order of one's own authority holds; the same decision again changes nothing."""
    viewer = _acting(request)
    hold = await hold_of(request, viewer, path_text(request, "key"))
    wanted = await body_of(request, Deciding, _wrong)
    assert isinstance(wanted, Deciding)
    return answer(hold_json(request, viewer, await take(request, viewer, hold, wanted)))


async def take(request: web.Request, viewer: Viewer, hold: Hold, wanted: Deciding) -> Hold:
    """What a decision made of a held message; raises Refused, HTTPForbidden."""
    reason = " ".join(wanted.reason.split())
    if wanted.decision not in (RELEASE, REFUSE):
        raise _wrong(Both(f"decision is {RELEASE} or {REFUSE}", f"决定应为 {RELEASE} 或 {REFUSE}"))
    if wanted.decision == REFUSE and not reason:
        raise _wrong(Both("a refusal says why: the reason is missing", "拒绝须说明理由：缺少 reason"))
    if len(reason) > _MOST_REASON:
        raise _wrong(Both(f"a reason has at most {_MOST_REASON} characters", f"理由最多 {_MOST_REASON} 字"))
    if is_controlled(reason):
        raise _wrong(Both("a reason is one line without control characters", "理由应为单行文字，不得含有控制字符"))
    mine = authorities_of(viewer)
    if not mine or (viewer.unit and hold.state == "held" and not _open(request, viewer, hold)):
        raise web.HTTPForbidden
    if not any(d.authority in mine for d in hold.decisions):
        hold = await _decide(request, viewer, hold, wanted.decision, reason)
    made = [d for d in hold.decisions if d.authority in mine]
    if not made or any(d.decision != wanted.decision for d in made):
        raise Refused([fault("duplicate.decided", state=hold.state)])
    return hold


async def _decide(request: web.Request, viewer: Viewer, hold: Hold, decision: str, reason: str) -> Hold:
    """Tell the gate, and wait until the read model knows."""
    parts, deciding = request.app[PARTS], _open(request, viewer, hold)
    if not deciding:
        return hold
    if parts.decide is None:
        raise web.HTTPServiceUnavailable
    what = audit.HELD_RELEASED if decision == RELEASE else audit.HELD_REFUSED
    await acting.record(request, viewer, what, hold.submission, detail={"authorities": ", ".join(sorted(deciding))})
    for authority in sorted(deciding):
        await parts.decide(hold.submission, Decided(authority, decision, viewer.name, reason, parts.clock.now()))

    async def decided() -> Hold | None:
        found = await parts.read.hold(hold.submission)
        done = found is not None and (found.state != "held" or deciding <= {d.authority for d in found.decisions})
        return found if done else None

    found = await eventually(decided)
    if found is None:
        raise web.HTTPServiceUnavailable(headers={"Retry-After": "2"})
    return found




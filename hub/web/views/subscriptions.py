"""Subscriptions: who wants which events pushed to an endpoint or dropped as files. Everybody sees and changes its own only.

Alerts and what goes to an authority are for officers; to anybody else those feeds do not exist. Answers are everybody's own.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection

import msgspec
from aiohttp import web
from yarl import URL

from hub.domain import audit
from hub.domain.faults import Both, Refused, fault
from hub.domain.reading import SEVERITIES
from hub.domain.reference import Reference, ReferenceRecord
from hub.domain.subscriptions import (
    ACTIVE,
    ALWAYS,
    ANSWERS,
    DELETED,
    FEEDS,
    FILE,
    FILTERS,
    SUBSCRIPTION,
    WEBHOOK,
    Subscription,
    every,
    find,
    topic_of,
    value_of,
    version_of,
)
from hub.rules.api import RISKS
from hub.web import acting as acts
from hub.web import sight, words
from hub.web.auth import require
from hub.web.changes import CHANGES
from hub.web.ports import PARTS, Delivering, Viewer
from hub.web.views.common import Json, answer, body_of, by_key, path_text
from hub.web.views.enterprises import amend_of, reference_of

routes = web.RouteTableDef()

_MOST_TITLE, _MOST_VALUES, _MOST_VALUE = 200, 50, 100
#: Subscriptions of everybody together: each is a consumer of its own in every process that delivers.
MOST = 500
#: Those of all who are no officers: twenty accounts of the same hand must not keep an authority from its alerts.
MOST_OF_OTHERS = 400
_KNOWN = {"severity": SEVERITIES, "family": RISKS}


class Making(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A subscription as it is asked for. ``filter``: name → a value or several, any of which will do."""

    feed: str
    kind: str = WEBHOOK
    url: str = ""
    filter: dict[str, str | list[str]] = {}
    title: str = ""


def subscription_json(subscription: Subscription, version: str) -> Json:
    """A subscription as its owner sees it; the secret is shown only when it is made or changed."""
    return {
        "id": subscription.id,
        "version": version,
        "feed": subscription.feed,
        "kind": subscription.kind,
        "url": subscription.url,
        "filter": {name: list(values) for name, values in subscription.filter.items()},
        "title": subscription.title,
        "state": subscription.state,
        "reason": subscription.reason,
        "created_at": words.rfc3339(subscription.created_at),
        "secret_changed_at": words.rfc3339(subscription.rotated_at or subscription.created_at),
    }


def _shown(request: web.Request, subscription: Subscription, **more: str) -> web.Response:
    """The answer that is a subscription, its version as ETag."""
    version = version_of(reference_of(request), subscription.id)
    return answer({**subscription_json(subscription, version), **more}, {"ETag": f'"{version}"'})


def _refused(why: Both) -> Refused:
    return Refused([fault("webhook.subscription", why=why)])


def _wrong(en: str, zh: str) -> Refused:
    return _refused(Both(en, zh))


def _delivering(request: web.Request) -> Delivering:
    found = request.app[PARTS].delivering
    if found is None:
        raise web.HTTPServiceUnavailable
    return found


def own(request: web.Request, viewer: Viewer, id: str) -> Subscription:
    """The caller's subscription of that id; HTTPNotFound for any other."""
    found = find(reference_of(request), id)
    if found is None or found.principal != viewer.name:
        raise web.HTTPNotFound
    return found


def owned(request: web.Request, viewer: Viewer) -> list[Subscription]:
    """The caller's subscriptions, the oldest first."""
    mine = [one for one in every(reference_of(request)) if one.principal == viewer.name]
    return sorted(mine, key=lambda one: (one.created_at, one.id))


@routes.get("/v1/subscriptions")
async def subscriptions(request: web.Request) -> web.Response:
    """The caller's subscriptions, the oldest first."""
    viewer, data = require(request), reference_of(request)
    return answer({"items": [subscription_json(one, version_of(data, one.id)) for one in owned(request, viewer)]})


@routes.get("/v1/subscriptions/{id}")
async def subscription(request: web.Request) -> web.Response:
    """One of them."""
    viewer = require(request)
    return _shown(request, own(request, viewer, path_text(request, "id")))


@routes.post("/v1/subscriptions")
async def make(request: web.Request) -> web.Response:
    """Subscribe; the answer is the only one that shows the secret."""
    viewer, delivering = by_key(request), _delivering(request)
    wanted = await body_of(request, Making, _refused)
    subscription = _made(viewer, wanted, delivering, request.app[PARTS].clock.now())
    _counted(request, viewer, delivering)
    if subscription.kind == WEBHOOK:
        await delivering.check(subscription.url)
    async with request.app[CHANGES].turn:  # a hundred calls at a time would all find room for one
        _counted(request, viewer, delivering)
        await _publish(request, viewer, subscription, audit.SUBSCRIPTION_MADE, lambda _: [_record(subscription)])
    secret = {"secret": delivering.secret(subscription.id, subscription.secret)} if subscription.kind == WEBHOOK else {}
    response = _shown(request, subscription, **secret)
    response.headers["Location"] = f"/v1/subscriptions/{subscription.id}"
    response.set_status(201)
    return response


def _counted(request: web.Request, viewer: Viewer, delivering: Delivering) -> None:
    """Refused where there is no room for one more."""
    everybody = list(every(reference_of(request)))
    mine = sum(one.principal == viewer.name for one in everybody)
    if mine >= delivering.each or len(everybody) >= (MOST if sight.is_officer(viewer) else MOST_OF_OTHERS):
        raise Refused([fault("webhook.too_many", count=mine)])


def _made(viewer: Viewer, wanted: Making, delivering: Delivering, now: int) -> Subscription:
    """What is asked for, checked without looking at the network; raises Refused, HTTPNotFound."""
    if wanted.feed not in FEEDS:
        raise _wrong(f"feed is one of {', '.join(FEEDS)}", f"feed 应为 {'、'.join(FEEDS)} 之一")
    if wanted.feed != ANSWERS and not sight.is_officer(viewer):
        raise web.HTTPNotFound
    if wanted.kind not in (WEBHOOK, FILE):
        raise _wrong("kind is webhook or file", "kind 应为 webhook 或 file")
    if wanted.kind == FILE and not delivering.drop:
        raise Refused([fault("webhook.no_drop_folder")])
    if wanted.kind == FILE and wanted.url:
        raise _wrong("a file drop has no url", "文件投递没有 url")
    if len(wanted.title) > _MOST_TITLE or not wanted.title.isprintable():
        raise _wrong(f"a title is one line of at most {_MOST_TITLE} characters", f"title 为单行文字，最多 {_MOST_TITLE} 字")
    made = Subscription(
        f"s{secrets.token_hex(8)}", viewer.name, wanted.feed, now, wanted.kind, wanted.url, _filter(wanted), wanted.title
    )
    if not topic_of(made, viewer):
        raise _wrong("feed out is for authorities: this account acts for none", "feed out 仅供主管部门使用，该账号不属于任何主管部门")
    return made


def _filter(wanted: Making) -> dict[str, tuple[str, ...]]:
    if wanted.filter and wanted.feed == ANSWERS:
        raise _wrong("answers have no filter: they are all the account's own", "feed answers 不可筛选，均为本账号内容")
    made = {}
    for name, given in wanted.filter.items():
        values = tuple(given) if isinstance(given, list) else (given,)
        if name not in FILTERS:
            raise _wrong(f"filter has {', '.join(FILTERS)}", f"filter 可用字段：{'、'.join(FILTERS)}")
        if not values or len(values) > _MOST_VALUES or not all(0 < len(value) <= _MOST_VALUE for value in values):
            raise _wrong(f"filter.{name} has 1 to {_MOST_VALUES} values of 1 to {_MOST_VALUE} characters", f"filter.{name} 应有 1 至 {_MOST_VALUES} 个值")
        if name in _KNOWN and not {*values} <= {*_KNOWN[name]}:
            raise _wrong(f"filter.{name} is of {', '.join(_KNOWN[name])}", f"filter.{name} 应取自 {'、'.join(_KNOWN[name])}")
        made[name] = values
    return made


@routes.delete("/v1/subscriptions/{id}")
async def delete(request: web.Request) -> web.Response:
    """End a subscription: nothing more is sent."""
    viewer = by_key(request)
    mine = own(request, viewer, path_text(request, "id"))

    def ended(there: Subscription) -> Subscription:
        return msgspec.structs.replace(there, state=DELETED, reason="")

    await _change(request, viewer, mine, audit.SUBSCRIPTION_ENDED, ended, _wanted(request))
    return web.Response(status=204)


@routes.post("/v1/subscriptions/{id}/resume")
async def resume(request: web.Request) -> web.Response:
    """Go on from where a parked or disabled subscription stands; of an active one nothing changes."""
    viewer = by_key(request)
    active = await resumed(request, viewer, to_resume(request, viewer, path_text(request, "id")), _wanted(request))
    if active.principal != viewer.name:  # where another sends its events, and what it looks for, is its own affair
        active = msgspec.structs.replace(active, url="", filter={})
    return _shown(request, active)


def to_resume(request: web.Request, viewer: Viewer, id: str) -> Subscription:
    """The subscription that is to be resumed: the caller's, to operators anybody's; HTTPNotFound for any other."""
    found = find(reference_of(request), id)
    if found is None or (found.principal != viewer.name and not sight.is_operator(viewer)):
        raise web.HTTPNotFound
    return found


async def resumed(request: web.Request, viewer: Viewer, subscription: Subscription, wanted: Collection[str] | None) -> Subscription:
    """The subscription, active, if it is at one of the versions ``wanted`` (None: any); its address is looked at anew.

    One that is active is sent to anew: who has mended his endpoint need not wait for the breaker's next probe.
    """
    _newest(reference_of(request), subscription.id, wanted)
    if subscription.kind == WEBHOOK:
        await _delivering(request).check(subscription.url)

    def again(there: Subscription) -> Subscription:
        return msgspec.structs.replace(there, state=ACTIVE, reason="", resumed=there.resumed + 1)

    return await _change(request, viewer, subscription, audit.SUBSCRIPTION_RESUMED, again, wanted)


@routes.post("/v1/subscriptions/{id}/rotate")
async def rotate(request: web.Request) -> web.Response:
    """A new secret, shown here only; for a while hooks are signed with the old one too."""
    viewer, delivering = by_key(request), _delivering(request)
    subscription = own(request, viewer, path_text(request, "id"))
    if subscription.kind != WEBHOOK:
        raise _wrong("files are not signed: there is no secret", "文件投递不签名，没有密钥")
    now = request.app[PARTS].clock.now()

    def rotated(there: Subscription) -> Subscription:
        return msgspec.structs.replace(there, secret=there.secret + 1, rotated_at=now)

    changed = await _change(request, viewer, subscription, audit.SUBSCRIPTION_ROTATED, rotated, _wanted(request))
    return _shown(request, changed, secret=delivering.secret(changed.id, changed.secret))


@routes.post("/v1/subscriptions/{id}/test")
async def test(request: web.Request) -> web.Response:
    """Send an event of the type hub.subscription.tested.v1 now, and tell what came back."""
    viewer = by_key(request)
    mine = own(request, viewer, path_text(request, "id"))
    request.app[CHANGES].take(viewer.name, request.app[PARTS].clock.now())
    return answer(await _delivering(request).test(mine))


def _wanted(request: web.Request) -> Collection[str] | None:
    """The versions that ``If-Match`` names; None where any will do."""
    if request.headers.get("If-Match", "*") == "*":
        return None
    return {tag.value for tag in request.if_match or () if not tag.is_weak}


def _newest(data: Reference, id: str, wanted: Collection[str] | None) -> Subscription:
    """A subscription to be changed; Refused with ``webhook.changed`` at another version than ``wanted``, HTTPNotFound once it ended."""
    found = find(data, id)
    if found is None:
        raise web.HTTPNotFound
    if wanted is not None and version_of(data, id) not in wanted:
        raise Refused([fault("webhook.changed")])
    return found


async def _change(
    request: web.Request,
    viewer: Viewer,
    subscription: Subscription,
    act: str,
    change: Callable[[Subscription], Subscription],
    wanted: Collection[str] | None,
) -> Subscription:
    """What ``change`` makes of a subscription as the log has it, in turn with all other changes; raises as ``_newest`` does."""
    _newest(reference_of(request), subscription.id, wanted)
    made = subscription

    def records(data: Reference) -> list[ReferenceRecord]:
        nonlocal made
        there = _newest(data, subscription.id, wanted)
        made = change(there)
        own_word = made.state == there.state  # what the sender found stays its own
        return [_record(msgspec.structs.replace(made, state=ACTIVE, reason="") if own_word else made)]

    await _publish(request, viewer, subscription, act, records)
    return made


def _record(subscription: Subscription) -> ReferenceRecord:
    return ReferenceRecord(SUBSCRIPTION, subscription.id, 1, ALWAYS, value=value_of(subscription))


async def _publish(
    request: web.Request, viewer: Viewer, subscription: Subscription, act: str, records: Callable[[Reference], list[ReferenceRecord]]
) -> None:
    amend = amend_of(request)
    if act != audit.SUBSCRIPTION_ENDED:  # to stop what is sent is never refused, and there is no more to end than was made
        request.app[CHANGES].take(viewer.name, request.app[PARTS].clock.now())
    # Where events go, and no more of the address than its host: a path may be a secret.
    detail = {"feed": subscription.feed, "kind": subscription.kind, "host": URL(subscription.url).host or ""}
    await acts.record(request, viewer, act, subscription.id, detail=detail)
    await amend(records)

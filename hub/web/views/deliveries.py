"""Deliveries: how each recipient stands, what is parked, and sending it again.

Operators and the zone's office see every recipient, an authority the hand-over to itself, everybody its own subscriptions.
Sending again is for operators and for the owner of a subscription.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from aiohttp import web

from hub.domain import audit
from hub.domain.access import is_operator
from hub.domain.deliveries import DeliveryReport
from hub.domain.events import HandOverOutcome
from hub.domain.faults import Unavailable
from hub.domain.subscriptions import ACTIVE, Subscription, every, find, subscription_of, topic_of, version_of
from hub.topics import HAND_OVERS, OUT_CUSTOMS
from hub.web import acting as acts
from hub.web import sight, words
from hub.web.auth import require
from hub.web.ports import PARTS, Viewer
from hub.web.views.common import Json, answer, by_key, path_text
from hub.web.views.enterprises import reference_of

routes = web.RouteTableDef()

CUSTOMS = "customs"
#: Parked items that are shown of a recipient, and that one call sends again.
SHOWN, MOST = 20, 1000
#: A process that said nothing for so long is gone: it reports once a minute at least.
_SILENT_MS = 180_000


def sees_everybody(viewer: Viewer) -> bool:
    """Whether every recipient's deliveries are for a caller."""
    return is_operator(viewer) or (sight.is_officer(viewer) and "office" in viewer.roles)


def may_act(viewer: Viewer, subscription: Subscription | None) -> bool:
    """Whether a caller may send again or resume; ``subscription`` None: the hand-over to an authority."""
    return is_operator(viewer) or (subscription is not None and subscription.principal == viewer.name)


def _mine(request: web.Request, viewer: Viewer) -> list[Subscription]:
    return [one for one in every(reference_of(request)) if sees_everybody(viewer) or one.principal == viewer.name]


async def deliveries_json(request: web.Request, viewer: Viewer) -> list[Json]:
    """Every recipient a caller sees: the authority first, then subscriptions, those in trouble before the others."""
    parts, data, subscriptions = request.app[PARTS], reference_of(request), _mine(request, viewer)
    to_customs = sees_everybody(viewer) or (sight.is_officer(viewer) and CUSTOMS in viewer.roles)
    wanted: dict[str, tuple[str, str]] = {CUSTOMS: ("deliver.customs", OUT_CUSTOMS)} if to_customs else {}
    for one in subscriptions:
        topic = topic_of(one, parts.by_name(one.principal))
        if topic:
            wanted[one.recipient] = one.group, topic
    names = [*([CUSTOMS] if to_customs else []), *[one.recipient for one in subscriptions]]
    reports = await parts.read.delivery_reports(names)
    parked = await parts.read.parked(names, SHOWN)
    counts = await parts.read.parked_counts(names)
    lags: dict[str, int | None] = {}
    if parts.delivering is not None:
        with suppress(Unavailable):  # the rest can be told without the broker
            lags = await parts.delivering.lags(wanted)
    now = parts.clock.now()
    shown = []
    if to_customs:
        fixed: Json = {"recipient": CUSTOMS, "id": CUSTOMS, "kind": "authority", "feed": OUT_CUSTOMS, "principal": CUSTOMS,
                       "title": "", "url": "", "state": ACTIVE, "reason": "", "version": "", "may_act": may_act(viewer, None)}  # fmt: skip
        shown.append(fixed)
    for one in sorted(subscriptions, key=lambda one: (one.state == ACTIVE, one.principal, one.created_at)):
        allowed = one.recipient in wanted
        shown.append({
            "recipient": one.recipient, "id": one.id, "kind": one.kind, "feed": one.feed, "principal": one.principal, "title": one.title,
            # Where another sends its events is its own affair; a path may hold what is nobody else's business.
            "url": one.url if one.principal == viewer.name else "",
            "state": one.state if allowed else "not entitled", "reason": one.reason,
            "version": version_of(data, one.id), "may_act": may_act(viewer, one),
        })  # fmt: skip
    return [
        {
            **row,
            **_figures([report for report in reports if report.recipient == row["recipient"]], now),
            "lag": lags.get(row["recipient"]),
            "parked": counts.get(row["recipient"], 0),
            "items": [_item(said) for said in parked if said.recipient == row["recipient"]],
        }
        for row in shown
    ]


def _item(said: HandOverOutcome) -> Json:
    return {"id": said.copmsg_id, "type": said.message, "at": words.rfc3339(said.at), "attempts": said.attempts, "note": said.note}


def _figures(reports: Iterable[DeliveryReport], now: int) -> Json:
    """What the processes that deliver to a recipient say, put together; counts are of the lives of those that run."""
    heard = list(reports)
    running = [report for report in heard if report.running and now - report.at < _SILENT_MS]
    open_ = [report for report in running if report.breaker != "closed"]
    last = max(heard, key=lambda report: report.last_failure, default=None)

    def most(name: str) -> str | None:
        at = max([getattr(report, name) for report in heard], default=0)
        return words.rfc3339(at) if at else None

    return {
        "processes": len(running),
        "delivered": sum(report.delivered for report in running),
        "attempts": sum(report.attempts for report in running),
        "retried": sum(report.retried for report in running),
        "last_success": most("last_success"),
        "last_failure": most("last_failure"),
        "note": last.note if last is not None and last.last_failure else "",
        "breaker": open_[0].breaker if open_ else "closed",
        "next_try": words.rfc3339(max(report.next_try for report in open_)) if open_ and any(r.next_try for r in open_) else None,
    }


@routes.get("/v1/deliveries")
async def deliveries(request: web.Request) -> web.Response:
    """How each recipient the caller sees stands, with what is parked."""
    viewer = require(request)
    return answer({"items": await deliveries_json(request, viewer)})


@routes.post("/v1/deliveries/{recipient}/replay")
async def replay(request: web.Request) -> web.Response:
    """Send what is parked for a recipient again (a thousand items at most a call)."""
    viewer = by_key(request)
    return answer({"sent": await sent_again(request, viewer, path_text(request, "recipient"))})


async def sent_again(request: web.Request, viewer: Viewer, name: str) -> int:
    """How many parked items of a recipient (``customs``, a subscription's id or its recipient's name) are sent again."""
    parts = request.app[PARTS]
    subscription = find(reference_of(request), subscription_of(name) or name)
    if subscription is None and (name != CUSTOMS or not is_operator(viewer)):
        raise web.HTTPNotFound
    if not may_act(viewer, subscription):
        raise web.HTTPNotFound
    if parts.delivering is None:
        raise web.HTTPServiceUnavailable
    recipient = subscription.recipient if subscription is not None else CUSTOMS
    items = await parts.read.parked([recipient], MOST)
    if items:
        await acts.record(request, viewer, audit.REPLAYED, recipient, detail={"topic": HAND_OVERS, "items": str(len(items))})
    return await parts.delivering.replay(items)

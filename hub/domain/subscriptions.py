"""Subscriptions: who wants which events pushed where, and whether they may go there (pure).

What a subscriber wants is a reference record of kind ``subscription``; what the sender found out about the endpoint (dead,
gone) is one of kind ``endpoint`` under the same id: each has one writer, so that neither overwrites the other's word. A
verdict holds for the ``resumed`` it was made at: to resume a subscription is to count that up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from hub.domain.access import Principal, is_officer
from hub.domain.orders import AUTHORITIES
from hub.domain.reference import Reference

ALERTS, OUT, ANSWERS = "alerts", "out", "answers"
FEEDS = (ALERTS, OUT, ANSWERS)
WEBHOOK, FILE = "webhook", "file"
ACTIVE, PARKED, DISABLED, DELETED = "active", "parked", "disabled", "deleted"
#: What alerts can be picked by: a filter's name → the event's field, a point before each field within.
FILTERS = {
    "severity": "severity", "family": "family", "rule": "rule", "enterprise": "enterprises", "agency": "agency", "office": "office",
    "unit": "evidence.unit",
}  # fmt: skip
SUBSCRIPTION, ENDPOINT = "subscription", "endpoint"
#: From this day on records are in force: a subscription has no days.
ALWAYS = "2020-01-01"
#: Before the id of a subscription, where recipients are named.
_RECIPIENT = "subscription:"


class Subscription(msgspec.Struct, frozen=True, omit_defaults=True):
    """What somebody wants pushed. ``filter``: name → any of these values; ``secret``: how often the secret was changed,
    ``rotated_at`` when last (ms); ``resumed``: how often it was resumed; ``created_at``: events from then on (ms).
    """

    id: str
    principal: str
    feed: str
    created_at: int
    kind: str = WEBHOOK
    url: str = ""
    filter: dict[str, tuple[str, ...]] = {}
    title: str = ""
    state: str = ACTIVE
    reason: str = ""
    secret: int = 1
    rotated_at: int = 0
    resumed: int = 0

    @property
    def recipient(self) -> str:
        """As ``hand-overs`` and ``deliveries`` name it."""
        return _RECIPIENT + self.id

    @property
    def group(self) -> str:
        """The consumer group whose committed offsets are the cursor."""
        return f"deliver.{self.id}"


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the sender found: ``state`` parked or disabled, why, when (ms), and for which ``resumed``."""

    state: str
    reason: str
    at: int
    resumed: int = 0


def subscription_of(recipient: str) -> str:
    """The id behind a recipient's name; empty where it is none of a subscription."""
    return recipient.removeprefix(_RECIPIENT) if recipient.startswith(_RECIPIENT) else ""


def find(data: Reference, id: str) -> Subscription | None:
    """A subscription with what the sender found put on it; None where there is none or it was deleted."""
    newest = data.versions(SUBSCRIPTION, id)
    if not newest or newest[0].value.get("state") == DELETED:
        return None
    try:
        found = msgspec.convert({**newest[0].value, "id": id}, Subscription)
    except msgspec.ValidationError:  # of another release, or written by hand: it is none, and those of others go on
        return None
    verdicts = data.versions(ENDPOINT, id)
    if verdicts and found.state == ACTIVE:
        verdict = msgspec.convert(verdicts[0].value, Verdict)
        if verdict.resumed == found.resumed:
            return msgspec.structs.replace(found, state=verdict.state, reason=verdict.reason)
    return found


def version_of(data: Reference, id: str) -> str:
    """Another text after each change of a subscription and each word of the sender about it."""
    return f"{data.newest(SUBSCRIPTION, id)}.{data.newest(ENDPOINT, id)}"


def every(data: Reference) -> Iterator[Subscription]:
    """All subscriptions that were not deleted."""
    for id in data.ids(SUBSCRIPTION):
        found = find(data, id)
        if found is not None:
            yield found


def value_of(subscription: Subscription) -> dict[str, Any]:  # Any: JSON
    """The value of its reference record."""
    value: dict[str, Any] = msgspec.to_builtins(subscription)
    del value["id"]
    return value


def topic_of(subscription: Subscription, principal: Principal | None) -> str:
    """The topic a subscription reads; empty where the principal may not (any more).

    Alerts and what goes to an authority are for officers; ``out`` is the topic of the first authority the principal acts for.
    The names are those of ``hub.topics``.
    """
    if principal is None or principal.suspended or principal.name != subscription.principal:
        return ""
    if subscription.feed == ANSWERS:
        return ANSWERS
    if not is_officer(principal):
        return ""
    if subscription.feed == ALERTS:
        return ALERTS
    if subscription.feed == OUT:
        return next((f"out.{role}" for role in principal.roles if role in AUTHORITIES), "")
    return ""


def is_for(subscription: Subscription, principal: Principal, key: bytes, event: Mapping[str, Any]) -> bool:
    """Whether an event of the feed's topic is the principal's to see, and passes the filter."""
    if subscription.feed == ANSWERS:
        return key == principal.name.encode() and event.get("participant") == principal.name
    if subscription.feed == ALERTS and not sees_alert(principal, _entitled(event)):
        return False
    return all(_has(_field(event, FILTERS[name]), wanted) for name, wanted in subscription.filter.items())


def _field(event: Mapping[str, Any], path: str) -> object:
    outer, _, inner = path.partition(".")
    found = event.get(outer)
    return found.get(inner) if inner and isinstance(found, dict) else None if inner else found


def _entitled(alert: Mapping[str, Any]) -> Sequence[str]:
    """The agencies an alert names, and the authorities its case was shared with."""
    agencies, handling = alert.get("agency") or (), alert.get("handling") or {}
    return (*agencies, *handling.get("shared", ())) if agencies else ()


def sees_alert(principal: Principal, agencies: Sequence[str]) -> bool:
    """Alerts go to the agencies they name and to the office; one that names none goes to every officer."""
    return is_officer(principal) and (not agencies or not {*agencies, "office"}.isdisjoint(principal.roles))


def _has(value: object, wanted: Sequence[str]) -> bool:
    if isinstance(value, str):
        return value in wanted
    return isinstance(value, list | tuple) and not {*wanted}.isdisjoint(value)

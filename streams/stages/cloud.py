"""What stages publish as CloudEvents: alerts, in every topic they are for."""

from __future__ import annotations

from hub import codec, topics
from hub.domain.cloud_events import Headers, headers
from hub.domain.desk import Came, case_of
from hub.domain.events import Alert
from streams.api import Output

__all__ = ["Headers", "changed", "headers", "raised"]

_DESK = topics.inbox("desk")


def raised(alert: Alert, subject: str) -> list[Output]:
    """The records of an alert: in ``alerts``, for each authority it is for, and for the desk; ``subject``: what it is about,
    for who reads headers only.
    """
    made = headers("hub.alert.raised.v1", alert.id, subject, alert.at)
    desk = Output(_DESK, case_of(alert).id.encode(), codec.pack(Came(alert, subject)))
    return [*_told(alert, subject, made), desk]


def changed(alert: Alert, subject: str, at: int) -> list[Output]:
    """The records of an alert whose handling is another: whole, as ``raised`` has them, also for authorities invited to its case."""
    return _told(alert, subject, headers("hub.alert.changed.v1", f"{alert.id}@{alert.handling.revision}", subject, at))


def _told(alert: Alert, subject: str, made: Headers) -> list[Output]:
    value, entitled = codec.to_json(alert), {*alert.agency, *alert.handling.shared}
    told = [authority for authority in topics.AUTHORITIES if not alert.agency or authority in entitled]
    return [
        Output(topics.ALERTS, alert.id.encode(), value, made),
        *[Output(topics.out(authority), subject.encode(), value, made) for authority in told],
    ]

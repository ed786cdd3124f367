"""What stages publish as CloudEvents: alerts, in every topic they are for."""

from __future__ import annotations

from hub import codec, topics
from hub.domain.cloud_events import Headers, headers
from hub.domain.events import Alert
from streams.api import Output

__all__ = ["Headers", "headers", "raised"]


def raised(alert: Alert, subject: str) -> list[Output]:
    """The records of an alert: in ``alerts``, and for each authority it is for; ``subject``: what it is about, for who reads
    headers only.
    """
    made, value = headers("hub.alert.raised.v1", alert.id, subject, alert.at), codec.to_json(alert)
    told = [authority for authority in topics.AUTHORITIES if not alert.agency or authority in alert.agency]
    return [
        Output(topics.ALERTS, alert.id.encode(), value, made),
        *[Output(topics.out(authority), subject.encode(), value, made) for authority in told],
    ]

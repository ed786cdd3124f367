"""CloudEvents headers (binary mode, 1.0) of what stages publish, and alerts with them."""

from __future__ import annotations

from functools import lru_cache

from hub import codec, topics
from hub.domain.desk import Came, case_of
from hub.domain.events import Alert
from hub.domain.keys import rfc3339
from streams.api import Output

_DESK = topics.inbox("desk")
_SOURCE = (("ce_specversion", b"1.0"), ("ce_source", b"/hub"))

#: (key, value) pairs of a record.
Headers = tuple[tuple[str, bytes], ...]


@lru_cache(maxsize=64)
def _time(at: int) -> bytes:
    # Everything a stage says under one tick has the tick's time.
    return rfc3339(at).encode()


def headers(type_: str, id_: str, subject: str, at: int) -> Headers:
    """The headers of a public record. ``type_`` is ``hub.<noun>.<verb>.v1``, ``at`` ms since the epoch."""
    return (
        *_SOURCE,
        ("ce_id", id_.encode()),
        ("ce_type", type_.encode()),
        ("ce_time", _time(at)),
        ("ce_subject", subject.encode()),
    )


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

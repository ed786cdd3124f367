"""CloudEvents headers (binary mode, 1.0) of what is published."""

from __future__ import annotations

from functools import lru_cache

from hub.domain.keys import rfc3339

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

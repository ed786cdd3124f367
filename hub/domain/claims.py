"""A claim on an Idempotency-Key (design: the first claim in the log wins)."""

from __future__ import annotations

import msgspec


class Claimed(msgspec.Struct, frozen=True):
    """A claim on an Idempotency-Key: which content, and the answer it got."""

    fingerprint: str
    answer: bytes

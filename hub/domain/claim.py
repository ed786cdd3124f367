"""The claim of an Idempotency-Key: which content came first with it, and what was answered."""

from __future__ import annotations

import msgspec


class Claim(msgspec.Struct, frozen=True):
    """``id`` is the submission's, ``fingerprint`` the SHA-256 of the content (hex), ``answer`` the acknowledgement."""

    id: str
    fingerprint: str
    answer: bytes
    received_at: int

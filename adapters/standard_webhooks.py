"""Signatures of webhooks after Standard Webhooks 1.0: HMAC-SHA256 of ``id.timestamp.body`` under a shared secret (pure)."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Mapping

from hub.domain.faults import Refused, fault

#: How far the sender's clock may be away, and how long a recorded call can be played again.
TOLERANCE_SECONDS = 300
_ID, _TIME, _SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
_MOST = 8


def sign(secret: bytes, id: str, at: int, body: bytes) -> dict[str, str]:
    """The headers of a call; ``at`` in seconds."""
    return {_ID: id, _TIME: str(at), _SIGNATURE: f"v1,{_mac(secret, id, str(at), body)}"}


def verify(headers: Mapping[str, str], body: bytes, secret: bytes, now: int) -> None:
    """Whether one of the signatures is the secret's, and recent (``now`` in ms); raises Refused."""
    id, at = headers.get(_ID, ""), headers.get(_TIME, "")
    recent = at.isascii() and at.isdigit() and len(at) < 12 and abs(int(at) - now // 1000) <= TOLERANCE_SECONDS
    wanted = f"v1,{_mac(secret, id, at, body)}".encode()
    given = headers.get(_SIGNATURE, "").split()[:_MOST]
    # Every one is compared, in constant time.
    genuine = sum(hmac.compare_digest(wanted, one.encode("utf-8", "replace")) for one in given)
    if not (id and recent and genuine):
        raise Refused([fault("access.webhook_signature", seconds=TOLERANCE_SECONDS)])


def _mac(secret: bytes, id: str, at: str, body: bytes) -> str:
    signed = f"{id}.{at}.".encode("utf-8", "replace") + body
    return b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()

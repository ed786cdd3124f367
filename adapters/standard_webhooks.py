"""Signatures of webhooks after Standard Webhooks 1.0: HMAC-SHA256 of ``id.timestamp.body`` under a shared secret (pure)."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Mapping, Sequence

#: How far the sender's clock may be away, and how long a recorded call can be played again.
TOLERANCE_SECONDS = 300
_ID, _TIME, _SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
_MOST = 8


def sign(secret: bytes, id: str, at: int, body: bytes) -> dict[str, str]:
    """The headers of a call; ``at`` in seconds."""
    return {_ID: id, _TIME: str(at), _SIGNATURE: f"v1,{_mac(secret, id, str(at), body)}"}


def sign_all(secrets: Sequence[bytes], id: str, at: int, body: bytes) -> dict[str, str]:
    """The same under several secrets, of which the receiver needs to know one: for a while after a secret was changed."""
    signatures = " ".join(f"v1,{_mac(secret, id, str(at), body)}" for secret in secrets)
    return {_ID: id, _TIME: str(at), _SIGNATURE: signatures}


def recent(headers: Mapping[str, str], now: int) -> bool:
    """Whether a call is signed at all, and of these minutes (``now`` in ms): to be asked before its body is read."""
    at = headers.get(_TIME, "")
    return (
        bool(headers.get(_ID) and headers.get(_SIGNATURE))
        and at.isascii()
        and at.isdigit()
        and len(at) < 12
        and abs(int(at) - now // 1000) <= TOLERANCE_SECONDS
    )


def genuine(headers: Mapping[str, str], body: bytes, secret: bytes) -> bool:
    """Whether one of the signatures is the secret's."""
    id, at = headers.get(_ID, ""), headers.get(_TIME, "")
    wanted = f"v1,{_mac(secret, id, at, body)}".encode()
    given = headers.get(_SIGNATURE, "").split()[:_MOST]
    # Every one is compared, in constant time.
    return sum(hmac.compare_digest(wanted, one.encode("utf-8", "replace")) for one in given) > 0


def _mac(secret: bytes, id: str, at: str, body: bytes) -> str:
    signed = f"{id}.{at}.".encode("utf-8", "replace") + body
    return b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()

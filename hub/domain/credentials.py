"""API keys of a principal: several at a time, each with a beginning, an end and a label. What is kept of a key is its hash.

Records of one key alone (``api_key_hash``) go on working: that key has no end, and its id is made of its hash. Where there are
``keys``, ``api_key_hash`` repeats the newest key in force; a process of an older release goes by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import msgspec

#: Keys a principal may have, those over or revoked among them: these are kept so that who uses one is told so.
MOST_KEYS = 16
HOUR_MS = 3_600_000

State = Literal["active", "expired", "revoked"]


class ApiKey(msgspec.Struct, frozen=True, omit_defaults=True):
    """One key. ``created``, ``until`` and ``revoked`` in ms since the epoch; ``until`` 0: no end; ``revoked`` 0: not revoked."""

    id: str
    hash: str
    created: int = 0
    until: int = 0
    revoked: int = 0
    label: str = ""


def state(key: ApiKey, now: int) -> State:
    """Whether it opens the door at ``now`` (ms)."""
    if key.revoked:
        return "revoked"
    return "expired" if 0 < key.until <= now else "active"


def ended_since(keys: Iterable[ApiKey], since: int, now: int) -> bool:
    """Whether a key was revoked, or came to its end, between two moments (ms): what was opened with it before is over too."""
    return any(since <= key.revoked or since <= key.until <= now for key in keys)


def key_id(hash_: str) -> str:
    """The name of a key for people and records, made of its hash: it gives nothing of the key away."""
    return f"k-{hash_[:10]}"


def keys_of(value: Mapping[str, Any]) -> tuple[ApiKey, ...]:  # Any: JSON
    """The keys of a principal's record, the oldest first; a single ``api_key_hash`` counts as one without an end."""
    keys = msgspec.convert(value.get("keys") or (), tuple[ApiKey, ...])
    alone = str(value.get("api_key_hash") or "")
    if alone and all(key.hash != alone for key in keys):
        keys = (ApiKey(key_id(alone), alone), *keys)
    return keys


def added(value: Mapping[str, Any], hash_: str, now: int, *, until: int = 0, label: str = "") -> dict[str, Any]:
    """The record with one more key, the newest; ValueError where there are too many in force."""
    keys = [*keys_of(value), ApiKey(key_id(hash_), hash_, now, until, label=label)]
    return _with(value, keys, now)


def rotated(value: Mapping[str, Any], hash_: str, now: int, *, overlap: int = 0, label: str = "") -> dict[str, Any]:
    """The record with a new key; those before it end after ``overlap`` ms, or as early as they would have anyway.

    Without an overlap they are over at ``now``. ValueError where there are too many in force.
    """
    end = now + overlap
    former = [
        msgspec.structs.replace(key, until=end if not key.until else min(key.until, end)) if state(key, now) == "active" else key
        for key in keys_of(value)
    ]
    return _with(value, [*former, ApiKey(key_id(hash_), hash_, now, label=label)], now)


def revoked(value: Mapping[str, Any], id_: str, now: int) -> dict[str, Any]:
    """The record with a key revoked; KeyError where it has none of that id. The last one may go too."""
    keys = list(keys_of(value))
    index = next((number for number, key in enumerate(keys) if key.id == id_), None)
    if index is None:
        raise KeyError(id_)
    if not keys[index].revoked:
        keys[index] = msgspec.structs.replace(keys[index], revoked=now)
    return _with(value, keys, now)


def _with(value: Mapping[str, Any], keys: list[ApiKey], now: int) -> dict[str, Any]:
    """The record with these keys; the oldest that are over are forgotten where there are too many."""
    for key in [key for key in keys if state(key, now) != "active"]:
        if len(keys) > MOST_KEYS:
            keys.remove(key)
    if len(keys) > MOST_KEYS:
        raise ValueError(f"{MOST_KEYS} keys are in force already: revoke one first")
    newest = next((key.hash for key in reversed(keys) if state(key, now) == "active"), "")
    return {**value, "keys": [msgspec.to_builtins(key) for key in keys], "api_key_hash": newest}

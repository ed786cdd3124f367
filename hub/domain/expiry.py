"""When certificates end, and how early whom it concerns is told."""

from __future__ import annotations

import msgspec

from hub.domain.events import Answer
from hub.domain.faults import kind_of
from hub.domain.keys import rfc3339

DAY_MS = 86_400_000
#: Days before the end at which the participant is told; 0 when it is over.
STAGES = (30, 7, 1, 0)
#: Who says it.
HUB = "hub"


class Expiring(msgspec.Struct, frozen=True):
    """A certificate that is over or will be soon. ``owner`` is a principal, ``hub`` the hub itself; ``until`` in ms."""

    owner: str
    use: str  # sign, tls
    fingerprint: str
    serial: str
    until: int


def stage(until: int, now: int) -> int | None:
    """The stage of ``STAGES`` a certificate is in, the latest one; None where there is time."""
    if until <= now:
        return 0
    return min((days for days in STAGES if days and until - now <= days * DAY_MS), default=None)


def days_left(until: int, now: int) -> int:
    """Whole days to the end; 0 on the last day, below 0 afterwards."""
    return (until - now) // DAY_MS


def code_of(until: int, now: int) -> str:
    """The code of what is told of a certificate: it is over, or will be."""
    return "access.certificate_over" if until <= now else "access.certificate_expires"


def notice(found: Expiring, participant: str, now: int) -> Answer | None:
    """What a participant is told of a certificate today; the same id as long as the stage is the same, None while there is time."""
    reached = stage(found.until, now)
    if reached is None:
        return None
    kind = kind_of(code_of(found.until, now))
    said = {"serial": found.serial, "until": rfc3339(found.until)}
    return Answer(
        id=f"{HUB}:certificate:{participant}:{found.fingerprint[:32]}:{reached}",
        participant=participant,
        at=now,
        authority=HUB,
        message="",
        document="",
        submission="",
        code=kind.code,
        time="",
        info=f"{kind.message.format(**said)} {kind.message_zh.format(**said)}",
        numbers={**said, "fingerprint": found.fingerprint, "use": found.use, "days": str(days_left(found.until, now))},
    )

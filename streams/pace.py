"""How long the broker holds a stage's fetch back: not at all where nothing comes, a moment while little does, longer under load.

A commit costs nearly the same for one event as for a hundred, so under load fewer and larger ones are cheaper. What tells of load
is the records written a second, not those of one fetch: single messages bring few with each fetch, but many fetches. Where nothing
comes, a fetch that asks for the first byte costs the broker least, and brings it at once.
"""

from __future__ import annotations

from typing import NamedTuple


class Hold(NamedTuple):
    """The broker holds a fetch back until there are so many bytes, or for so many ms."""

    ms: int
    size: int


#: Where nothing comes.
IDLE = Hold(500, 1)
#: ms while little happens.
QUIET_MS = 20
#: Records a second that have to come of a stage's fetches until it is load.
BUSY_RATE = 700


class Pace:
    """Of one stage in one process; ``busy``: under load."""

    def __init__(self, busy: Hold) -> None:
        self._busy, self._quiet = busy, Hold(QUIET_MS, busy.size)
        self._hold, self._last = IDLE, 0.0

    @property
    def patience(self) -> float:
        """Seconds without a record after which ``nothing`` came."""
        return 3 * QUIET_MS / 1000 if self._hold is self._quiet else 1.0

    def after(self, written: int, now: float) -> Hold:
        """How the next fetch is held back, when the last was worked off at ``now`` (s) and led to so many records."""
        since, self._last = now - self._last, now
        self._hold = self._busy if written > BUSY_RATE * since else self._quiet
        return self._hold

    def nothing(self) -> Hold:
        """How the next fetch is held back when no record came for the time of ``patience``."""
        self._hold = IDLE
        return self._hold

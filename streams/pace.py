"""How long the broker holds a fetch back: a moment while little happens, longer under load.

A commit costs nearly the same for one event as for a hundred, so under load fewer and larger ones are cheaper. What tells of load
is the records written a second, not those of one fetch: single messages bring few with each fetch, but many fetches.
"""

from __future__ import annotations

#: Seconds while little happens.
QUIET_SECONDS = 0.02
#: Records a second that have to come of a stage's fetches until they are held back longer.
BUSY_RATE = 700


class Pace:
    """Of one stage in one process; ``busy``: seconds under load."""

    def __init__(self, busy: float) -> None:
        self._busy = busy
        self._last = 0.0

    def after(self, written: int, now: float) -> float:
        """Seconds to hold the next fetch back, when the last was worked off at ``now`` (s) and led to so many records."""
        since, self._last = now - self._last, now
        return self._busy if written > BUSY_RATE * since else QUIET_SECONDS

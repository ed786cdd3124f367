"""A circuit breaker for one endpoint: after some failures in a row nothing is tried but a probe now and then (pure)."""

from __future__ import annotations

CLOSED, OPEN, PROBING = "closed", "open", "probing"


class Breaker:
    """``fails`` failures in a row open it; it stays open ``first`` seconds, doubled by each failed probe up to ``cap``.

    Times are seconds on one clock. ``ask`` before each attempt, then ``succeeded`` or ``failed``; an attempt that came to no
    end says ``given_up``.
    """

    def __init__(self, fails: int = 5, first: float = 5.0, cap: float = 300.0) -> None:
        self._fails, self._first, self._cap = fails, first, cap
        self._failures = 0
        self._probing = False
        #: Until when nothing is tried; 0 while closed.
        self.until = 0.0

    @property
    def state(self) -> str:
        """closed, open, or probing while its one probe is under way."""
        return CLOSED if not self.until else PROBING if self._probing else OPEN

    def ask(self, now: float) -> float:
        """Seconds to wait before asking again; 0: try now."""
        if not self.until:
            return 0.0
        if self._probing:
            return 0.25
        if now < self.until:
            return self.until - now
        self._probing = True
        return 0.0

    def succeeded(self) -> None:
        """The endpoint works."""
        self._failures, self.until, self._probing = 0, 0.0, False

    def failed(self, now: float, share: float = 1.0, at_least: float = 0.0) -> None:
        """It does not. ``share`` of the wait (chance, above 0 to 1); ``at_least``: the seconds it asked for."""
        if self.until and not self._probing:
            return  # of an attempt that began before it opened
        self._failures += 1
        self._probing = False
        if self._failures >= self._fails:
            wait = min(self._cap, self._first * 2 ** min(self._failures - self._fails, 16)) * share
            self.until = now + max(wait, at_least)

    def given_up(self) -> None:
        """An attempt was broken off."""
        self._probing = False

"""What is worked out of the reference data once and remembered: while its kinds do not change, for each day that is asked for.

The answer is the same for every log offset from the last change of the kinds on, so that other reference data, which change
all the time, cost nothing here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from hub.domain.reference import Reference

T = TypeVar("T")
#: Pairs of a day and a change that are remembered at a time: today's, and what is late.
_MOST = 8


class Remembered(Generic[T]):
    """``make(day, offset)`` by what is known at an offset, made once while no record of ``kinds`` changes."""

    def __init__(self, references: Reference, kinds: tuple[str, ...], make: Callable[[int, int], T]) -> None:
        self._references, self._kinds, self._make = references, kinds, make
        self._kept: dict[tuple[int, int], T] = {}
        self._changed = self._reached = -1
        #: what was asked last, and its answer: declarations of one tick come together
        self._asked: tuple[int, int] | None = None
        self._answer: T

    def at(self, day: int, offset: int) -> T:
        """What it is on ``day`` (yyyymmdd) by what is known at ``offset``."""
        references = self._references
        if references.reached != self._reached:
            self._look(references)
        elif (day, offset) == self._asked:
            return self._answer
        key = day, min(self._changed, offset)
        found = self._kept.get(key)
        if found is None:
            if len(self._kept) >= _MOST:
                self._kept.clear()
            found = self._kept[key] = self._make(*key)
        self._asked, self._answer = (day, offset), found
        return found

    def _look(self, references: Reference) -> None:
        reached = references.reached
        changed = max([references.changed.get(kind, -1) for kind in self._kinds])
        if changed != self._changed:
            self._kept.clear()
            self._changed = changed
        self._reached = reached

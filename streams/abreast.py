"""Keeping a topic's partitions abreast in time while there is more to read than can be worked off.

Four senders hand in what belongs together, each in a partition of its own. Read by bytes, small records get ahead of large
ones by minutes, and every document of a declaration waits for the last. So what lies in one partition beyond the time that
another, with more to come, has reached, is kept back until that one is there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any


class Abreast:
    """What was fetched and is kept back, by partition; lost at a crash, and then fetched again.

    Any: records of the client (``offset``, ``timestamp`` in ms).
    """

    def __init__(self) -> None:
        self._kept: dict[int, list[Any]] = {}
        self._next: dict[int, int] = {}
        self._reached: dict[int, int] = {}

    @property
    def kept(self) -> Collection[int]:
        """Partitions of which records are kept back: nothing more need be fetched of them."""
        return self._kept.keys()

    def clear(self) -> None:
        """Forget everything: the partitions are read from elsewhere."""
        self._kept.clear()
        self._next.clear()
        self._reached.clear()

    def take(self, fetched: Mapping[int, Sequence[Any]], ends: Callable[[int], int | None]) -> dict[int, Sequence[Any]]:
        """What may be worked off now, of ``fetched`` and what was kept back; ``ends`` gives a partition's end.

        Where nothing was fetched everything is given: nobody is waited for who does not come.
        """
        for number, records in fetched.items():
            if records:
                self._next[number], self._reached[number] = records[-1].offset + 1, records[-1].timestamp
        waiting = {number: [*self._kept.get(number, ()), *records] for number, records in fetched.items() if records}
        waiting = {**self._kept, **waiting}
        horizon = self._horizon(ends) if fetched else None
        self._kept = {}
        if horizon is None:
            return dict(waiting)
        given: dict[int, Sequence[Any]] = {}
        for number, records in waiting.items():
            cut = next((at for at, record in enumerate(records) if record.timestamp > horizon), len(records))
            if cut:
                given[number] = records[:cut]
            if cut < len(records):
                self._kept[number] = records[cut:]
        return given

    def _horizon(self, ends: Callable[[int], int | None]) -> int | None:
        """The time the partition furthest behind has reached, of those with more to come; None where all is here."""
        behind = [self._reached[number] for number, following in self._next.items() if (ends(number) or 0) > following]
        return min(behind, default=None)

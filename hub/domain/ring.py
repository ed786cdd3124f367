"""The newest records of a topic in memory, and what lies behind a cursor in them. Pure: a reader of the log fills it.

Records come partition by partition in order; between partitions the order is that of reading. A reader's cursor need not
be a place the ring has been at: what its cursor is past already is left out, whatever the order.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Sequence
from itertools import islice
from typing import Any, Protocol

import msgspec

from hub.domain.cursor import Cursor

#: Records looked at for one stretch: a filter that takes few must not hold up everybody else.
LOOKED_AT = 2000
#: Bytes an entry costs beside its text: the decoded value and the entry itself, about.
_OVERHEAD = 1500


class Item(msgspec.Struct, frozen=True):
    """A record as recipients get it: ``event`` is its word in Server-Sent Events, ``body`` a JSON object.

    ``value`` is what filters look at.
    """

    value: Any  # Any: each topic has values of its own
    event: str
    body: bytes


class Wanted(Hashable, Protocol):
    """What a recipient wants and may see; equal ones are served together."""

    def takes(self, value: Any) -> bool:
        """Whether a record's value is for the recipient."""


class Stretch:
    """Some items in order with the cursor behind each, the cursor behind them all, and whether more is there at once."""

    __slots__ = ("_events", "after", "items", "more")

    def __init__(self, items: Sequence[tuple[Item, str]], after: Cursor, more: bool) -> None:
        self.items, self.after, self.more = items, after, more
        self._events: bytes | None = None

    def events(self) -> bytes:
        """As Server-Sent Events; made once, however many get them."""
        if self._events is None:
            self._events = b"".join(
                [b"id: %b\nevent: %b\ndata: %b\n\n" % (place.encode(), item.event.encode(), item.body) for item, place in self.items]
            )
        return self._events


class _Entry:
    __slots__ = ("ends", "item", "offset", "partition", "size", "text")

    def __init__(self, partition: int, offset: int, item: Item, ends: tuple[int, ...], text: str) -> None:
        self.partition, self.offset, self.item = partition, offset, item
        #: where the ring was when it had this entry, also as a cursor's text
        self.ends, self.text = ends, text
        self.size = len(item.body) + _OVERHEAD


class Ring:
    """At most ``count`` items and about ``size`` bytes; the oldest go first.

    ``begins`` and ``ends``: of each partition the offset the ring knows everything from, and the next one to come.
    """

    def __init__(self, topic: str, begins: Sequence[int], count: int = 8192, size: int = 24 << 20) -> None:
        self.topic = topic
        self.begins = self.ends = tuple(begins)
        self._count, self._size, self._held = count, size, 0
        self._entries: list[_Entry] = []

    def add(self, partition: int, offset: int, item: Item | None) -> None:
        """The next record of a partition; None for one that is for nobody. What is there already is passed over."""
        if offset < self.ends[partition]:
            return
        self.ends = (*self.ends[:partition], offset + 1, *self.ends[partition + 1 :])
        if item is None:
            return
        entry = _Entry(partition, offset, item, self.ends, Cursor(self.topic, self.ends).text())
        self._entries.append(entry)
        self._held += entry.size
        gone = 0
        while len(self._entries) - gone > self._count or (self._held > self._size and len(self._entries) - gone > 1):
            old = self._entries[gone]
            self.begins = (*self.begins[: old.partition], old.offset + 1, *self.begins[old.partition + 1 :])
            self._held -= old.size
            gone += 1
        del self._entries[:gone]

    def holds(self, cursor: Cursor) -> bool:
        """Whether everything behind the cursor is here (or still to come)."""
        return all(cursor.at(n) >= begin for n, begin in enumerate(self.begins))

    def news(self, cursor: Cursor) -> bool:
        """Whether records lie behind the cursor."""
        return any(end > cursor.at(n) for n, end in enumerate(self.ends))

    def ahead(self, cursor: Cursor) -> bool:
        """Whether the cursor is somewhere further on than the ring."""
        return any(cursor.at(n) > end for n, end in enumerate(self.ends))

    def after(self, cursor: Cursor, wanted: Wanted, limit: int) -> Stretch:
        """What lies behind a cursor that the ring holds."""
        first = bisect_left(self._entries, 1, key=lambda entry: any(end > cursor.at(n) for n, end in enumerate(entry.ends)))
        places = tuple([cursor.at(n) for n in range(len(self.ends))])
        items: list[tuple[Item, str]] = []
        for seen, entry in enumerate(islice(self._entries, first, None)):
            if seen == LOOKED_AT or len(items) == limit:
                return Stretch(items, Cursor(self.topic, places), more=True)
            if entry.offset < places[entry.partition]:
                continue
            # everything the ring had up to this entry has been looked at, by this reader too
            places = tuple(map(max, places, entry.ends))
            if wanted.takes(entry.item.value):
                text = entry.text if places == entry.ends else Cursor(self.topic, places).text()
                items.append((entry.item, text))
        return Stretch(items, Cursor(self.topic, tuple(map(max, places, self.ends))), more=False)

"""Lanes: hand-overs in order for each sender, senders independent of each other, memory bounded.

A lane holds a few items. What comes for a lane that is full or in trouble is not held but noted by its offset and read
again when its turn comes, so that one dead sender neither fills the memory nor keeps others waiting.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple


class Item(NamedTuple):
    """One record to hand over: where it lies and what it holds."""

    partition: int
    offset: int
    sender: bytes
    value: bytes


class Lane:
    """What waits for one sender. ``spilled`` are offsets left in the log, all of them behind what is held."""

    __slots__ = ("held", "partition", "sender", "spilled", "struggling")

    def __init__(self, partition: int, sender: bytes) -> None:
        self.partition, self.sender = partition, sender
        self.held: deque[Item] = deque()
        self.spilled: deque[int] = deque()
        #: Whether its first item is being retried.
        self.struggling = False

    def __bool__(self) -> bool:
        return bool(self.held or self.spilled)


class Partition:
    """The offsets of one partition that are taken but not done: up to the first of them may be committed."""

    __slots__ = ("committed", "following", "open")

    def __init__(self, start: int) -> None:
        self.open: dict[int, None] = {}  # in offset order, because they come so
        self.following = start
        self.committed = start

    def take(self, offset: int) -> bool:
        """Note that ``offset`` was read; False where it was before."""
        if offset < self.following:
            return False
        self.open[offset] = None
        self.following = offset + 1
        return True

    def position(self) -> int:
        """What may be committed: everything below is done."""
        return next(iter(self.open), self.following)


class Lanes:
    """All lanes of the assigned partitions. ``lane_items`` and ``total_bytes`` bound what is held."""

    def __init__(self, lane_items: int = 64, total_bytes: int = 64 << 20, total_open: int = 200_000) -> None:
        self._lane_items, self._total_bytes, self._total_open = lane_items, total_bytes, total_open
        self._lanes: dict[tuple[int, bytes], Lane] = {}
        self.partitions: dict[int, Partition] = {}
        self.bytes = 0

    def assign(self, partition: int, position: int) -> None:
        """Begin a partition at its committed position."""
        self.partitions[partition] = Partition(position)

    def revoke(self, partition: int) -> None:
        """Forget a partition that another process has now."""
        self.partitions.pop(partition, None)
        for key in [key for key in self._lanes if key[0] == partition]:
            lane = self._lanes.pop(key)
            self.bytes -= sum(len(item.value) for item in lane.held)
            lane.held.clear()
            lane.spilled.clear()

    def put(self, item: Item) -> Lane | None:
        """Take in a record; the lane to run where it was idle before."""
        if item.partition not in self.partitions or not self.partitions[item.partition].take(item.offset):
            return None
        key = (item.partition, item.sender)
        lane = self._lanes.get(key)
        idle = lane is None
        if lane is None:
            lane = self._lanes[key] = Lane(item.partition, item.sender)
        if lane.spilled or lane.struggling or len(lane.held) >= self._lane_items:
            lane.spilled.append(item.offset)
        else:
            self.hold(lane, item)
        return lane if idle else None

    def hold(self, lane: Lane, item: Item) -> None:
        """Keep an item in memory."""
        lane.held.append(item)
        self.bytes += len(item.value)

    def drop(self, lane: Lane) -> Item:
        """Take the first item out of a lane: its outcome is known."""
        item = lane.held.popleft()
        self.bytes -= len(item.value)
        return item

    def retire(self, lane: Lane) -> bool:
        """Forget a lane that is empty; False where something came in the meantime."""
        if lane:
            return False
        if self._lanes.get((lane.partition, lane.sender)) is lane:
            del self._lanes[(lane.partition, lane.sender)]
        return True

    def done(self, partition: int, offset: int) -> None:
        """The outcome of a record is written."""
        if partition in self.partitions:
            self.partitions[partition].open.pop(offset, None)

    def commits(self) -> Iterator[tuple[int, int]]:
        """(partition, position) of every partition that moved since it was last committed."""
        for number, partition in self.partitions.items():
            position = partition.position()
            if position > partition.committed:
                yield number, position

    def open(self) -> int:
        """Records taken whose outcome is not written."""
        return sum(len(partition.open) for partition in self.partitions.values())

    def full(self) -> bool:
        """Whether nothing more should be read for the moment."""
        return self.bytes >= self._total_bytes or self.open() >= self._total_open

    def room(self, lane: Lane) -> int:
        """How many items of its spilled ones a lane may hold again."""
        return max(0, self._lane_items - len(lane.held))

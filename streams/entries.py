"""What the changelog and the store hold, as bytes: entries of keys, positions of partitions, origins of outputs.

Entry: applied (8 bytes), due (8), flags (1), then the stage's own dump. Position: next offset (8), step (4), shown
(8), the tick's time (8) and reference offset (8), then the rule set's digest. All numbers big-endian, so that bytes sort as numbers do.
"""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct
from typing import Any, NamedTuple

from streams.api import Now

#: Key of the position record, the last of each changelog batch; no stage's key begins with NUL.
POSITION_KEY = b"\x00position"

#: The key has a record in the dead letters that was not replayed yet.
POISONED = 1
#: The key has no state; only its mark is kept.
EMPTY = 2

HEAD = Struct(">qqB")
_POSITION = Struct(">qiqqq")
_ORIGIN = Struct(">HQQ")
_N = Struct(">I")

ORIGIN_HEADER = "origin"

#: (applied, due, flags, state): the offset last applied, ms of the due (0: none), marks, the stage's state.
Entry = tuple[int, int, int, Any]


class Position(NamedTuple):
    """How far a partition's log has been worked off: the next offset, and the last tick before it.

    ``step`` counts the commits within a tick that fires more than one batch holds; 0 between records. What was applied
    before the offset ``shown`` has its snapshot; of what was applied since, the snapshot may still be owed.
    """

    next: int
    step: int
    now: Now
    shown: int = 0

    @property
    def rank(self) -> tuple[int, int]:
        """What later positions have more of."""
        return self.next, self.step

    def pack(self) -> bytes:
        now = self.now
        return _POSITION.pack(self.next, self.step, self.shown, now.at, now.reference) + now.rules.encode()


def unpack_position(data: bytes) -> Position:
    """The reverse of ``Position.pack``."""
    following, step, shown, at, reference = _POSITION.unpack_from(data)
    return Position(following, step, Now(at, reference, data[_POSITION.size :].decode()), shown)


def origins(stage: str, partition: int) -> Origins:
    """Makes the origins of what a stage's partition writes."""
    return Origins(stage.encode() + b"\x00", partition)


class Origins:
    """The origin of an output: stage, inbox partition, offset, due, key (both only when fired), number of the output.

    Within one stage's partition later outputs have greater origins, compared as bytes: a consumer that counts keeps the
    greatest it has applied of each upstream partition, and skips what is not greater.
    """

    def __init__(self, prefix: bytes, partition: int) -> None:
        self._prefix = prefix
        self._partition = partition

    def of_record(self, offset: int) -> bytes:
        """The beginning of the origins of a record's outputs."""
        return self._prefix + _ORIGIN.pack(self._partition, offset, 0) + b"\x00"

    def of_due(self, offset: int, due: int, key: bytes) -> bytes:
        """The beginning of the origins of what a key says when its due has come."""
        return self._prefix + _ORIGIN.pack(self._partition, offset, due) + key + b"\x00"

    @staticmethod
    def header(begin: bytes, number: int) -> tuple[str, bytes]:
        """The header of one output."""
        return ORIGIN_HEADER, begin + _N.pack(number)


def origin_of(headers: Iterable[tuple[str, bytes]]) -> tuple[bytes, bytes] | None:
    """(upstream partition, rank within it) of a record's headers; None where it has no origin."""
    for name, value in headers:
        if name == ORIGIN_HEADER:
            cut = value.index(b"\x00") + 3
            return value[:cut], value[cut:]
    return None

"""What the core asks of the outside; only where a second implementation ships."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from hub.domain.reference import Reference, ReferenceRecord

#: (key, value, headers) of one Kafka record.
Row = tuple[bytes | None, bytes | None, Sequence[tuple[str, bytes]]]
#: Works out reference records of all that is known and publishes them as next versions, one call of all processes after the other:
#: what was published. What the function raises is raised.
Amend = Callable[[Callable[[Reference], Sequence[ReferenceRecord]]], Awaitable[Sequence[ReferenceRecord]]]


class Clock(Protocol):
    """The time of day; only the door, the ticker and loops at the edge ask for it."""

    def now(self) -> int:
        """Milliseconds since the epoch, UTC."""


class Publisher(Protocol):
    """Writes records to Kafka; returns when the broker has confirmed them all (acks=all)."""

    async def send(self, rows: Mapping[tuple[str, int], Sequence[Row]]) -> dict[tuple[str, int], list[int]]:
        """{(topic, partition): rows} → {(topic, partition): offset of each row}; raises Unavailable."""


class Sealer(Protocol):
    """Encrypts and decrypts content under daily keys (``hub.infra.vault``)."""

    def seal(self, data: bytes, at: int) -> bytes:
        """Compressed and encrypted under the key of the day of ``at``."""

    def open(self, sealed: bytes) -> bytes:
        """What was sealed; raises when its key was destroyed."""


class Digester(Protocol):
    """Keyed digests of personal data; the key id is part of the digest."""

    def digest(self, kind: str, value: str) -> str:
        """A digest that is the same for the same kind and value within an allowance year."""

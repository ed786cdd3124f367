"""What bounds the stage runtime, and what it does with what it cannot handle."""

from __future__ import annotations

from traceback import walk_tb

import msgspec

from hub import topics
from hub.domain.faults import HubError

#: Room that key, headers and framing of a record may take in a batch.
FRAME = 4096
_LIMITS = {topic.name: topic.max_message_bytes for topic in topics.TOPICS}


def largest(topic: str) -> int:
    """Bytes of the largest value (and of the largest batch) for a topic."""
    return _LIMITS.get(topic, 1 << 20) - FRAME


class Limits(msgspec.Struct, frozen=True):
    """Bounds of a batch and of a stage's memory; counts and bytes.

    ``events``: records and dues of one partition's commit; ``changelog``: bytes of its changelog batch, ``entry`` of one state
    in it, less than half of that; ``outputs``: bytes of its outputs, soft. ``flush_keys`` and ``flush_bytes`` are a stage's, shared by
    its partitions.
    ``idle_ticks``: how many ticks on which nothing happens pass before a position is written all the same.
    A batch of ``busy`` keys or more publishes a key's snapshot only ``snapshot_seconds`` and some lags of the inbox after its
    first change, so that what follows soon is told in the same; one of a state above ``snapshot_bytes`` at once, since it may not fit its topic.
    ``dead_letters``: how many of ``window`` consecutive events of a partition may fail before the process stops.
    """

    events: int = 2000
    changelog: int = topics.CHANGELOG_BATCH - (64 << 10)
    entry: int = 3 << 20
    outputs: int = 16 << 20
    flush_keys: int = 32_000
    flush_bytes: int = 16 << 20
    idle_ticks: int = 30
    busy: int = 32
    snapshot_seconds: float = 0.8
    snapshot_bytes: int = 100_000
    dead_letters: int = 50
    window: int = 1000

    def __post_init__(self) -> None:
        if self.changelog < 2 * self.entry + FRAME:
            raise ValueError("a changelog batch must hold two entries: one changed, one mended")


#: The bounds of a stage whose states are whole messages.
WIDE = Limits(changelog=topics.LARGE - (64 << 10), entry=20 << 20)


class DeadLetter(msgspec.Struct, frozen=True):
    """What no stage could handle: where it was, what was raised and where (never the message), the sealed bytes.

    ``offset`` is the record's, or the tick's where it was a key's due (``fired``); ``at`` is the stage's time in ms.
    """

    stage: str
    partition: int
    offset: int
    key: bytes
    error: str
    frame: str
    value: bytes
    at: int
    fired: bool = False


class TooLargeError(HubError):
    """What came of one record does not fit into the topic it is for."""


class TooManyDeadLettersError(HubError):
    """A release or a sender is broken: better to stop than to pour a topic into the dead letters."""


class Failures:
    """The offsets of a partition's late failures; raises TooManyDeadLettersError when their share passes the limit."""

    def __init__(self, limits: Limits) -> None:
        self._most = limits.dead_letters
        self._window = limits.window
        self._recent: list[int] = []

    def check(self, failed: list[int]) -> None:
        """Whether these may be added."""
        most, offsets = self._most, [*self._recent, *failed]
        for first, last in zip(offsets, offsets[most:], strict=False):
            if last - first < self._window:
                raise TooManyDeadLettersError(f"more than {most} of {self._window} events failed")

    def add(self, failed: list[int]) -> None:
        """They are in the dead letters."""
        self._recent = [*self._recent, *failed][-self._most :]


def describe(error: Exception) -> tuple[str, str]:
    """(type, ``module:function:line``) of an error; its message may hold what must not be shown."""
    frame = ""
    for at, line in walk_tb(error.__traceback__):
        frame = f"{at.f_globals.get('__name__', '')}:{at.f_code.co_name}:{line}"
    return f"{type(error).__module__}.{type(error).__qualname__}", frame

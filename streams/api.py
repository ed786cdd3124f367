"""What a stage is: pure functions from (state, event) to (state, events) for one key; the runtime does the rest.

``handle`` and ``fire`` read no clock, draw no random number, write nothing: the same log gives the same outputs for ever,
which is what makes a repetition after a crash harmless. A record on which ``handle`` raises goes to the dead letters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec

from hub.domain.events import Tick

#: A stage's clock: the time, the reference offset and the rule set of the last tick (the latest seen).
Now = Tick

Headers = Sequence[tuple[str, bytes]]

#: Header of a record that was in the dead letters and comes again; where it succeeds, its key's mark is taken off.
REPLAY_HEADER = "replay"
#: Header of a record without content: the key's due was in the dead letters and comes again. No stage is handed it.
DUE_HEADER = "due"

S = TypeVar("S")
S_contra = TypeVar("S_contra", contravariant=True)


class Record(msgspec.Struct, frozen=True, gc=False):
    """A record of an inbox. The driver may hand on its client's own records, which have the same attributes.

    ``timestamp``: when it was written, ms; for the runtime's pace, never for a stage.
    """

    key: bytes
    value: bytes
    headers: Headers
    offset: int
    partition: int = 0
    timestamp: int = 0


class Output(NamedTuple):
    """A record to write. ``route`` is the key that chooses the partition, where that is not ``key`` itself."""

    topic: str
    key: bytes
    value: bytes | None
    headers: Headers = ()
    route: bytes | None = None


class Step(NamedTuple):
    """What an event does to its key: the new state (None: forget the key), when it wants to be fired, what is written.

    ``due`` is ms since the epoch, 0 for never. Any: the state is of the stage's own type.
    """

    state: Any
    due: int
    outputs: Sequence[Output]


class Stage(Protocol[S]):
    """A stage; ``name`` names its consumer group (``hub-<name>``), its changelog and its metrics."""

    name: str
    inbox: str

    def handle(self, state: S | None, record: Record, now: Now) -> Step | None:
        """One record of the inbox; None where it changes nothing and says nothing."""

    def fire(self, state: S, key: bytes, now: Now) -> Step:
        """The key's due has come. A step that is due again within the same tick waits for the next one."""

    def dump(self, state: S) -> bytes:
        """The state as the changelog keeps it."""

    def load(self, data: bytes, /) -> S:
        """The reverse of ``dump``."""


class Snapshots(Protocol[S_contra]):
    """A stage that also publishes the latest value of each key to a compacted topic."""

    def snapshot(self, key: bytes, state: S_contra, applied: int) -> Output | None:
        """The key's latest value, asked for once a batch and touched key; ``applied`` is its revision."""

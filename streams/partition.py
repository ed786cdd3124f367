"""One partition of a stage's inbox: runs the stage over its records and makes a batch of what comes of it.

A record on which the stage raises goes to the dead letters alone: its key keeps its state and is marked. What goes wrong
only when the batch is put together (a state that cannot be dumped, an output too large) is found by running the batch
once more, carefully: handle is pure, so that costs nothing but time. (A state that cannot be dumped and is followed by a
good one in the same batch goes unnoticed: there the batch decides, as nowhere else.)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import islice, takewhile
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from hub import codec, topics
from hub.domain.events import TICK_KEY
from streams.api import DUE_HEADER, REPLAY_HEADER, Now, Output, Record, Stage, Step
from streams.entries import EMPTY, HEAD, POISONED, POSITION_KEY, Entry, Origins, Position, origins, unpack_position
from streams.limits import DeadLetter, Failures, Limits, TooLargeError, describe, largest
from streams.state import State
from streams.store import Checkpoint, PartitionStore

S = TypeVar("S")

Row = tuple[bytes, bytes | None]

#: How often what belongs to a snapshot passes the inbox after the first change, and once more for good measure.
_ROUND_TRIPS = 3

BEGINNING = Now(0, 0, "")
#: The due of a key that is fired with the next tick.
_NEXT_TICK = 1
_ABSENT: Any = object()
_pack = msgspec.msgpack.Encoder().encode


class Ran(NamedTuple):
    """What ``run`` did: the index of the record to go on ``at``, the events worked off, the reference offset to wait for."""

    at: int
    events: int
    reference: int = 0


class Partition(Generic[S]):
    """State, position and the batch being made; driven by the runtime: ``begin``, ``run``, ``encode``, ``commit``.

    ``tail`` is the last changelog offset that is ours or applied; ``kept`` the one a store may claim, with its position
    record. ``mend``: keys of discarded batches of others, to be written anew. ``owed``: keys whose snapshot is still to be
    published, in the order of their first change: an offset at or before it, and when (s, monotonic). They are not in the
    changelog, but follow from the position's ``shown``; a store keeps them.
    """

    def __init__(
        self,
        number: int,
        stage: Stage[S],
        store: PartitionStore,
        seal: Callable[[bytes], bytes],
        limits: Limits,
        share: int,
    ) -> None:
        self.number = number
        self.state = State(
            stage,
            store,
            flush_keys=max(limits.flush_keys // share, 1),
            flush_bytes=limits.flush_bytes // share,
        )
        self.room = limits.events
        self.fresh = True
        self.mend: dict[bytes, None] = {}
        self.owed: dict[bytes, tuple[int, float]] = {}
        self._stage = stage
        # Any: a bound method of a stage that publishes snapshots.
        self._snapshot: Any = getattr(stage, "snapshot", None)
        self._seal = seal
        self._limits = limits
        self._failures = Failures(limits)
        self._origins: Origins = origins(stage.name, number)
        self._idle = 0
        self._written_at = 0
        self._careful = False
        kept = self.state.checkpoint()
        self.committed = unpack_position(kept.position) if kept else None
        self.tail, self._kept = (kept.tail, (kept.tail, kept.mark)) if kept else (-1, (-1, b""))
        self._most_owed = max(limits.flush_keys // share, 1)
        if kept:
            self.owed = {key: (offset, 0.0) for key, offset in kept.owed}
        self.rewind()

    def begin_at(self, offset: int) -> None:
        """States are here: go on at the position; ``offset`` is the inbox's first.

        Raises LookupError where records were deleted before they were worked off; the position is behind them then.
        """
        lost = 0
        if self.committed is None:
            self.committed = Position(offset, 0, BEGINNING, offset)
        elif self.committed.next < offset:
            lost = offset - self.committed.next
            self.committed = Position(offset, 0, self.committed.now, self.committed.shown)
        self.rewind()
        if lost:
            raise LookupError(f"partition {self.number}: {lost} records were deleted before they were read")

    def rewind(self) -> None:
        """Back to what was committed; idle ticks since are read again, and change nothing again."""
        self.next, self.step, self.now, _ = self.committed or Position(0, 0, BEGINNING)
        self._idle = 0
        self.state.rollback()
        self.begin(0)

    def wipe(self) -> None:
        """Forget everything: the changelog has it."""
        self.state.wipe()
        self.committed, self.tail, self._kept = None, -1, (-1, b"")
        self.mend.clear()
        self.owed.clear()
        self.rewind()

    # ---- the batch

    def begin(self, room: int) -> None:
        """A new batch; what is to be mended goes first, as much as there is room for."""
        self._start = self.next, self.step, self.now
        self._showing: dict[bytes, None] = {}
        self._shown = 0
        self.outputs: list[Output] = []
        self._bytes = 0
        self._failed: list[int] = []
        self._only_ticks = True
        self._mended = list(islice(self.mend, room)) if self.mend else []
        for key in self._mended:
            self.state.touch(key)

    def run(self, records: Sequence[Record], start: int, room: int, reference: int, *, careful: bool = False) -> Ran:
        """Run the stage over ``records[start:]`` until ``room`` events or the limit of outputs is reached.

        ``reference`` is how far the reference data reach: a tick that demands more waits for it.
        """
        self._careful = careful
        handle, find, take, absent = self._stage.handle, self.state.find, self._take, _ABSENT
        overlay, most = self.state.overlay, self._limits.outputs
        now, events, index, end = self.now, 0, start, len(records)
        if end:
            self._written_at = records[-1].timestamp
        while index < end and events < room and self._bytes < most:
            record = records[index]
            key, offset = record.key or b"", record.offset
            if key == TICK_KEY:
                ran = self._tick(record, room - events, reference)
                events += ran.events
                if not ran.at:
                    return Ran(index, events, ran.reference)
                now = self.now
                self.next, self.step = offset + 1, 0
                index += 1
                continue
            self._only_ticks = False
            index += 1
            events += 1
            self.next = offset + 1
            entry = overlay.get(key, absent)
            if entry is absent:
                entry = find(key)
            if entry is None:
                state = None
            elif entry[0] >= offset:
                continue
            else:
                state = entry[3]
            if not record.value and any(name == DUE_HEADER for name, _ in record.headers):
                self._due_again(key, offset, entry)
                continue
            try:
                step = handle(state, record, now)
                if step is not None:
                    take(key, offset, entry, step)
                if entry is not None and entry[2]:
                    self._unmark(key, record)
            except Exception as error:
                self._poison(key, record.value, offset, error)
        return Ran(index, events)

    def _tick(self, record: Record, room: int, reference: int) -> Ran:
        """At 1: the tick is worked off; 0: it is not, for want of room or because the reference data lag."""
        try:
            tick = codec.tick(record.value)
        except msgspec.MsgspecError as error:
            self._dead_letter(TICK_KEY, record.value, record.offset, error, fired=False)
            return Ran(1, 1)
        if tick.at <= self.now.at:
            return Ran(1, 0)
        now = Now(tick.at, max(tick.reference, self.now.reference), tick.rules)
        if now.reference > reference:
            return Ran(0, 0, now.reference)
        events = 0
        for due, key in self.state.due(now.at, record.offset):
            if events >= room or self._bytes >= self._limits.outputs:
                # The rest follows in the next batch; until then the tick is not over and its time not reached.
                self.step += 1
                self.next = record.offset
                return Ran(0, events)
            self._fire(key, due, record.offset, now)
            events += 1
        self.state.fired(now.at)
        self.now = now
        return Ran(1, events)

    def _fire(self, key: bytes, due: int, offset: int, now: Now) -> None:
        entry = self.state.find(key)
        if entry is None:
            return
        try:
            self._take(key, offset, entry, self._stage.fire(entry[3], key, now), due)
        except Exception as error:
            self._poison(key, b"", offset, error, fired=True)

    def _take(self, key: bytes, offset: int, entry: Entry | None, step: Step, fired: int = 0) -> None:
        """Put a step into the batch: all of it or, where it raises, nothing. ``fired``: the due that led to it."""
        state, due, outputs = step
        marks = entry[2] & POISONED if entry is not None else 0
        new: Entry | None = (offset, due, marks, state)
        if state is None:
            new = (offset, 0, marks | EMPTY, None) if marks else None
        made: list[Output] = []
        size = 0
        if outputs:
            made_by = self._origins
            header = made_by.header
            origin = made_by.of_due(offset, fired, key) if fired else made_by.of_record(offset)
            for number, (topic, output_key, value, headers, route) in enumerate(outputs):
                made.append(Output(topic, output_key, value, [*headers, header(origin, number)], route))
                size += len(value) if value is not None else 0
        if self._careful:
            self._check(key, new, made)
        if new is not None or entry is not None:
            self.state.put(key, new, entry)
        if made:
            self.outputs += made
            self._bytes += size

    def _check(self, key: bytes, entry: Entry | None, outputs: list[Output]) -> None:
        """Raise where this step alone cannot be written."""
        for output in outputs:
            _measure(output)
        if entry is None or entry[2] & EMPTY:
            return
        if len(self._stage.dump(entry[3])) > self._limits.entry:
            raise TooLargeError(topics.changelog(self._stage.name))
        if self._snapshot is not None and (output := self._snapshot(key, entry[3], entry[0])) is not None:
            _measure(output)

    def _unmark(self, key: bytes, record: Record) -> None:
        entry = self.state.find(key)
        if entry is not None and entry[2] & POISONED and any(name == REPLAY_HEADER for name, _ in record.headers):
            applied, due, marks, state = entry
            self.state.put(key, None if marks & EMPTY else (applied, due, 0, state), entry)

    def _due_again(self, key: bytes, offset: int, entry: Entry | None) -> None:
        """What was due and raised is due with the next tick, unless an event of the key has made it due since; its mark ends."""
        if entry is not None:
            _, due, marks, state = entry
            self.state.put(key, None if marks & EMPTY else (offset, due or _NEXT_TICK, 0, state), entry)

    def _poison(self, key: bytes, value: bytes, offset: int, error: Exception, *, fired: bool = False) -> None:
        entry = self.state.find(key)
        _, due, marks, state = entry if entry is not None else (0, 0, EMPTY, None)
        self.state.put(key, (offset, 0 if fired else due, marks | POISONED, state), entry)
        self._dead_letter(key, value, offset, error, fired=fired)

    def _dead_letter(self, key: bytes, value: bytes | None, offset: int, error: Exception, *, fired: bool) -> None:
        kind, frame = describe(error)
        name, number = self._stage.name, self.number
        letter = DeadLetter(name, number, offset, key, kind, frame, self._seal(value or b""), self.now.at, fired)
        header = self._origins.header(self._origins.of_record(offset), 0)
        self.outputs.append(
            Output(topics.DEAD_LETTERS, f"{name}/{number}/{offset}".encode(), _pack(letter), [header], route=key)
        )
        self._failed.append(offset)

    # ---- its end

    @property
    def position(self) -> Position:
        """Where the batch ends, once it is encoded."""
        return Position(self.next, self.step, self.now, self._shown)

    @property
    def dead_letters(self) -> int:
        """How many the batch has."""
        return len(self._failed)

    def passes_idle(self) -> bool:
        """Forget a batch in which nothing happened, unless it is time to write a position all the same."""
        happened = self.outputs or self.state.touched or self.step or self.owed or not self._only_ticks
        if happened or self._idle >= self._limits.idle_ticks:
            return False
        self._idle += 1
        return True

    def encode(self) -> tuple[list[Row], list[Output]]:
        """The batch: changelog rows, the position last, and outputs. Raises where something cannot be written."""
        self._failures.check(self._failed)
        rows = self.state.encode(self._limits.entry)
        outputs = self.outputs if self._snapshot is None else self.outputs + self._snapshots(rows)
        for output in outputs:
            _measure(output)
        rows.append((POSITION_KEY, self.position.pack()))
        return rows, outputs

    def _snapshots(self, rows: list[Row]) -> list[Output]:
        """Those to be published now: all that are owed, or the oldest of them and what may be too large."""
        showing = self._showing = dict.fromkeys(self._overdue(rows))
        snapshot, find, made = self._snapshot, self.state.find, []
        for key in showing:
            entry = find(key)
            if entry is not None and not entry[2] & EMPTY:
                output = snapshot(key, entry[3], entry[0])
                if output is not None:
                    made.append(output)
        left = next((offset for key, (offset, _) in self.owed.items() if key not in showing), None)
        if left is not None:
            self._shown = left
        else:
            self._shown = self.next if all(key in showing for key, _ in rows) else self._start[0]
        return made

    def _overdue(self, rows: list[Row]) -> list[bytes]:
        limits, most = self._limits, self._most_owed
        if len(rows) < limits.busy:
            return [*self.owed, *(key for key, _ in rows)]
        # A document's match and assessment come back through the same inbox: where that is late, they are.
        late = max(time.time() - self._written_at / 1000, 0) if self._written_at else 0
        before = time.monotonic() - limits.snapshot_seconds - _ROUND_TRIPS * late
        keys = [key for key, _ in takewhile(lambda owed: owed[1][1] <= before, self.owed.items())]
        if len(self.owed) - len(keys) > most:
            keys = list(islice(self.owed, len(self.owed) - most))
        return keys + [key for key, blob in rows if blob is not None and len(blob) > limits.snapshot_bytes]

    def rollback(self) -> None:
        """Forget the batch and go back to where it began."""
        self.next, self.step, self.now = self._start
        self.state.rollback()

    def commit(self, rows: list[Row], last: int) -> None:
        """The changelog has the batch; ``last`` is its last offset."""
        self.committed = self.position
        mark = rows[-1][1] or b""
        written = rows[:-1]
        self.state.commit(written)
        if self._snapshot is not None:
            self._owe(written)
        self._failures.add(self._failed)
        for key in self._mended:
            self.mend.pop(key, None)
        self._idle = 0
        self._reached(last, mark)

    def _owe(self, rows: list[Row]) -> None:
        owed, showing = self.owed, self._showing
        for key in showing:
            owed.pop(key, None)
        first = self._start[0], time.monotonic()
        for key, _ in rows:
            if key not in showing:
                owed.setdefault(key, first)

    def apply(self, rows: list[Row], mark: bytes, last: int) -> bool:
        """A batch found in the changelog. False where its position is not ahead: it is the late one of a frozen worker,
        which is discarded whole, and its keys are written anew with the next batch.
        """
        position = unpack_position(mark)
        if self.committed is not None and position.rank <= self.committed.rank:
            self.mend.update(dict.fromkeys(key for key, _ in rows))
            self.tail = last
            return False
        for key, blob in rows:
            self.state.absorb(key, blob)
        self.committed = position
        if self._snapshot is not None:
            self._owe_again(rows, position.shown)
        self._reached(last, mark)
        return True

    def _owe_again(self, rows: list[Row], shown: int) -> None:
        """What a changelog's batch leaves owed: too much rather than too little, a repeated snapshot says the same."""
        owed, at = self.owed, time.monotonic()
        again = []
        for key, blob in rows:
            owed.pop(key, None)
            if blob is not None and (applied := HEAD.unpack_from(blob)[0]) >= shown:
                again.append((applied, key))
        # The first that is owed says where the next batch's ``shown`` is: the oldest has to be the first.
        for applied, key in sorted(again):
            owed[key] = applied, at
        for key in [key for key, _ in takewhile(lambda item: item[1][0] < shown, owed.items())]:
            del owed[key]

    def _reached(self, last: int, mark: bytes) -> None:
        self.tail = last
        if not self.mend:
            # A store that claimed to know a discarded batch would never mend it.
            self._kept = last, mark
        if self.state.full:
            self.keep()

    def matches(self, offset: int, key: bytes | None, value: bytes | None) -> bool:
        """Whether the record at the tail is the one the store remembers, or was compacted away."""
        return offset != self.tail or (key == POSITION_KEY and value == self._kept[1])

    def keep(self) -> None:
        """Write to the store what was committed."""
        self.state.rollback()
        if self.committed is not None and self._kept[0] >= 0:
            owed = tuple([(key, offset) for key, (offset, _) in self.owed.items()])
            self.state.flush(Checkpoint(self.committed.pack(), *self._kept, owed))


def _measure(output: Output) -> None:
    if output.value is not None and len(output.value) > largest(output.topic):
        raise TooLargeError(output.topic)

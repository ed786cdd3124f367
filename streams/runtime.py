"""The stage runtime: fetched batches through a stage, outputs, changelog and position out, in an order that survives anything.

For each batch: the stage runs; its outputs are written and awaited; then, for each partition, one record batch of the
changelog, which Kafka writes whole or not at all: the new entry of every touched key, and the position last. A crash in
between repeats the outputs, with the same bytes and origins, since the state was not changed. Nothing is written but under
the lease; a changelog batch that does not follow on the last one shows that somebody else has written, and ends the process.

The runtime knows no Faust: a driver brings fetched records and assignments (``handle``, ``load``), never both at once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Generic, NoReturn, TypeVar

import msgspec

from hub import topics
from streams.api import Output, Record, Stage
from streams.lease import end_process
from streams.limits import Limits
from streams.log import Log, Row
from streams.partition import Partition
from streams.recovery import catch_up
from streams.store import Store

log = logging.getLogger(__name__)

S = TypeVar("S")

#: Bytes a record of the changelog takes beyond key and value.
_OVERHEAD = 32


class Batch(msgspec.Struct, frozen=True, gc=False):
    """What one commit was, for metrics: seconds of wall time to write it and of CPU to make it, ``lag`` in records."""

    stage: str
    events: int
    outputs: int
    keys: int
    dead_letters: int
    write_seconds: float
    cpu_seconds: float
    lag: int


class Hooks(msgspec.Struct, frozen=True):
    """What the runtime asks for and tells.

    ``seal`` encrypts what goes to the dead letters. ``reference_ready`` returns when the reference data have reached the
    offset. ``observe`` is called once a commit and must be cheap. ``end`` ends the process.
    """

    seal: Callable[[bytes], bytes]
    reference_ready: Callable[[int], Awaitable[None]] | None = None
    observe: Callable[[Batch], None] | None = None
    end: Callable[[str], NoReturn] = end_process


class Prepared(msgspec.Struct):
    """A partition's batch, encoded, and the index of the record after it."""

    partition: Partition[Any]
    rows: list[Row]
    outputs: list[Output]
    events: int
    at: int

    @property
    def keys(self) -> int:
        """How many keys the batch touches."""
        return len(self.rows) - 1


class Runtime(Generic[S]):
    """One stage on the partitions assigned to this process."""

    def __init__(
        self, stage: Stage[S], log_: Log, store: Callable[[], Store], hooks: Hooks, limits: Limits | None = None
    ) -> None:
        self.stage = stage
        self.generation = -1
        #: Records written so far, the changelog's included.
        self.written = 0
        self.partitions: dict[int, Partition[S]] = {}
        self._log = log_
        self._open_store = store
        self._store: Store | None = None
        self._hooks = hooks
        self._limits = limits or Limits()
        self._changelog = topics.changelog(stage.name)
        #: The end of an inbox partition, where the driver knows it.
        self.end_of: Callable[[int], int | None] | None = None
        self._reference = 0 if hooks.reference_ready else 1 << 62

    # ---- assignment

    async def load(self, numbers: Collection[int], generation: int) -> None:
        """Take over these partitions and no others; returns when their states are here."""
        began = time.monotonic()
        if self._store is None:
            self._store = self._open_store()
        for number in self.partitions.keys() - numbers:
            self.partitions.pop(number).keep()
        for partition in self.partitions.values():
            partition.rewind()
        for number in numbers - self.partitions.keys():
            self.partitions[number] = Partition(
                number, self.stage, self._store.partition(number), self._hooks.seal, self._limits, len(numbers)
            )
        count = 0
        if numbers:
            async with self._log.reading() as reader:
                count = await catch_up(reader, self._changelog, self.partitions, int(time.time() * 1000))
                await self._begin(reader)
        self.generation = generation
        log.info(
            "%s: generation %d, partitions %s, %d changelog records in %.2f s",
            self.stage.name, generation, sorted(numbers), count, time.monotonic() - began,
        )  # fmt: skip

    async def _begin(self, reader: Any) -> None:
        for number, (first, _) in (await reader.bounds(self.stage.inbox, list(self.partitions))).items():
            try:
                self.partitions[number].begin_at(first)
            except LookupError as error:
                log.critical("%s: %s", self.stage.name, error)

    async def skip_deleted(self) -> None:
        """Find out whether a gap is there because the inbox was deleted up to beyond a position; go on after it then."""
        async with self._log.reading() as reader:
            await self._begin(reader)

    def close(self) -> None:
        """Write to the store what was committed, and close it."""
        for partition in self.partitions.values():
            partition.keep()
        self.partitions.clear()
        if self._store is not None:
            self._store.close()
            self._store = None

    # ---- work

    async def handle(self, fetched: Mapping[int, Sequence[Record]]) -> list[int]:
        """Work off one fetch, {partition: records}; returns the partitions whose records do not follow on their position.

        Those have to be fetched again from ``partitions[n].next``: somebody threw a fetch away.
        """
        gaps: list[int] = []
        work: dict[int, tuple[Sequence[Record], int]] = {}
        for number, records in fetched.items():
            partition = self.partitions.get(number)
            if partition is None or not records:
                continue
            following = partition.next
            if records[0].offset > following:
                gaps.append(number)
                continue
            if records[0].offset < following:
                records = [record for record in records if record.offset >= following]  # noqa: PLW2901 - the same, cut
            if records:
                work[number] = records, 0
        while work:
            await self._round(work)
        return gaps

    async def _round(self, work: dict[int, tuple[Sequence[Record], int]]) -> None:
        """One commit of every partition that has work."""
        began = time.thread_time()
        batches: list[Prepared] = []
        for number, (records, start) in list(work.items()):
            batch = await self._prepare(self.partitions[number], records, start)
            if batch.rows:
                batches.append(batch)
            if batch.at < len(records):
                work[number] = records, batch.at
            else:
                del work[number]
        cpu = time.thread_time() - began
        if not batches:
            return
        began = time.perf_counter()
        last = await self._write(batches)
        seconds = time.perf_counter() - began
        began = time.thread_time()
        dead = sum(batch.partition.dead_letters for batch in batches)
        for batch in batches:
            batch.partition.commit(batch.rows, last[batch.partition.number])
        self._observe(batches, dead, seconds, cpu + time.thread_time() - began)

    async def _write(self, batches: list[Prepared]) -> dict[int, int]:
        """Outputs, then changelogs; {partition: last offset of its changelog}."""
        outputs = [output for batch in batches for output in batch.outputs]
        if outputs:
            await self._log.write(outputs)
        written = await self._log.append(self._changelog, {batch.partition.number: batch.rows for batch in batches})
        for batch in batches:
            number, tail = batch.partition.number, batch.partition.tail
            if written[number][0] != tail + 1:
                self._hooks.end(f"{self._changelog} {number}: another has written at {tail + 1}")
        self.written += len(outputs) + sum(len(batch.rows) for batch in batches)
        return {number: end - 1 for number, (_, end) in written.items()}

    async def _prepare(self, partition: Partition[S], records: Sequence[Record], start: int) -> Prepared:
        """Run the stage and encode what comes of it: less of it where it is too large, carefully where something raises."""
        careful = False
        while True:
            at, events = await self._run(partition, records, start, careful)
            if partition.passes_idle():
                return Prepared(partition, [], [], events, at)
            try:
                rows, outputs = partition.encode()
            except Exception:
                partition.rollback()
                if careful:
                    raise
                careful = True
                continue
            size = sum([len(key) + _OVERHEAD + (len(blob) if blob else 0) for key, blob in rows])
            if size > self._limits.changelog:
                partition.rollback()
                partition.room = max(min(partition.room, events) // 2, 1)
                continue
            partition.room = min(partition.room * 2, self._limits.events)
            return Prepared(partition, rows, outputs, events, at)

    async def _run(
        self, partition: Partition[S], records: Sequence[Record], start: int, careful: bool
    ) -> tuple[int, int]:
        """(index after the last record worked off, events), waiting for the reference data where a tick demands them."""
        partition.begin(partition.room)
        await self._await_reference(partition.now.reference)
        at, events = start, 0
        while True:
            ran = partition.run(records, at, partition.room - events, self._reference, careful=careful)
            at, events = ran.at, events + ran.events
            if not ran.reference:
                return at, events
            await self._await_reference(ran.reference)

    async def _await_reference(self, offset: int) -> None:
        if offset > self._reference and self._hooks.reference_ready is not None:
            await self._hooks.reference_ready(offset)
            self._reference = offset

    def _observe(self, batches: list[Prepared], dead: int, seconds: float, cpu: float) -> None:
        if self._hooks.observe is None:
            return
        self._hooks.observe(
            Batch(
                self.stage.name,
                sum(batch.events for batch in batches),
                sum(len(batch.outputs) for batch in batches),
                sum(batch.keys for batch in batches),
                dead,
                seconds,
                cpu,
                self.lag(),
            )
        )

    def lag(self) -> int:
        """Records of the inbox not yet worked off, as far as the driver knows its ends."""
        if self.end_of is None:
            return 0
        ends = ((partition.next, self.end_of(number)) for number, partition in self.partitions.items())
        return sum(max(end - following, 0) for following, end in ends if end is not None)

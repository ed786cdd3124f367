"""Writes the records of many callers together: one signature and one round trip for all of them.

One batch is on its way at a time, so that records enter a partition in the order they were added; while it is,
the next one gathers.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from hub.domain.faults import Refused, Unavailable
from hub.ports import Publisher, Row

#: A batch has at most this many records and, unless one record alone has more, this many bytes.
BATCH_RECORDS = 64
BATCH_BYTES = 8 << 20


class Entry(msgspec.Struct, frozen=True):
    """A record to write. ``row`` makes it from the answer's bytes.

    ``acknowledgement`` (JSON) is given its proof in the batch; without one ``body`` is the answer. With ``refused``
    that is raised once the record is written.
    """

    place: tuple[str, int]
    row: Callable[[bytes], Row]
    size: int
    acknowledgement: dict[str, Any] | None = None  # Any: JSON
    body: bytes = b""
    refused: Refused | None = None


class Collector:
    """Gathers for ``collect`` seconds, or until a batch is full; a batch not confirmed in ``within`` seconds is unknown."""

    def __init__(
        self,
        publisher: Publisher,
        prove: Callable[[Sequence[dict[str, Any]]], list[bytes]],  # Any: JSON
        collect: float,
        within: float,
    ) -> None:
        self._publisher, self._prove = publisher, prove
        self._collect, self._within = collect, within
        self._waiting: deque[tuple[Entry, asyncio.Future[bytes]]] = deque()
        self._bytes = 0
        self._full = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def add(self, entry: Entry) -> asyncio.Future[bytes]:
        """The future of the answer; cancelled while it waits, the record is not written."""
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, future))
        self._bytes += entry.size
        if len(self._waiting) >= BATCH_RECORDS or self._bytes >= BATCH_BYTES:
            self._full.set()
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="collector")
        return future

    async def _run(self) -> None:
        try:
            await self._gather()
            while batch := self._next():
                await self._write(batch)
        finally:
            self._task = None

    async def _gather(self) -> None:
        self._full.clear()
        if len(self._waiting) >= BATCH_RECORDS or self._bytes >= BATCH_BYTES:
            return
        try:
            async with asyncio.timeout(self._collect):
                await self._full.wait()
        except TimeoutError:
            return

    def _next(self) -> list[tuple[Entry, asyncio.Future[bytes]]]:
        batch: list[tuple[Entry, asyncio.Future[bytes]]] = []
        size = 0
        while self._waiting and len(batch) < BATCH_RECORDS:
            entry, future = self._waiting[0]
            if batch and size + entry.size > BATCH_BYTES:
                break
            self._waiting.popleft()
            self._bytes -= entry.size
            if not future.done():
                batch.append((entry, future))
                size += entry.size
        return batch

    async def _write(self, batch: list[tuple[Entry, asyncio.Future[bytes]]]) -> None:
        try:
            proven = iter(self._prove([entry.acknowledgement for entry, _ in batch if entry.acknowledgement is not None]))
            bodies = [entry.body if entry.acknowledgement is None else next(proven) for entry, _ in batch]
            rows: dict[tuple[str, int], list[Row]] = {}
            for (entry, _), body in zip(batch, bodies, strict=True):
                rows.setdefault(entry.place, []).append(entry.row(body))
            async with asyncio.timeout(self._within):
                await self._publisher.send(rows)
        except TimeoutError:
            _fail(batch, Unavailable("Kafka"))
        except Exception as error:  # a bug must be answered to those who wait, and not stop those who come
            _fail(batch, error)
        else:
            for (entry, future), body in zip(batch, bodies, strict=True):
                if future.done():
                    continue
                if entry.refused is not None:
                    future.set_exception(entry.refused)
                else:
                    future.set_result(body)


def _fail(batch: list[tuple[Entry, asyncio.Future[bytes]]], error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)

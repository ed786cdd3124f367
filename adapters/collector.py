"""Group commit: what is put in within a few milliseconds is signed and written together.

A batch has one Merkle tree, one signature and one write, and only one write is under way at a time, so that the log
keeps the order of arrival.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec

from hub.domain.acknowledgement import attach_proofs
from hub.domain.faults import Unavailable
from hub.ports import Publisher, Row

_log = logging.getLogger(__name__)

#: Entries of one batch, and the bytes after which no more is added.
MOST = 256
MOST_BYTES = 8 << 20


class _Waiting(msgspec.Struct, eq=False):
    """Something to be written: an acknowledgement still without proof (None: there is none), and how to make the row."""

    ack: dict[str, Any] | None  # Any: JSON
    row: Callable[[bytes], Row]
    place: tuple[str, int]
    size: int
    done: asyncio.Future[bytes]


class Collector:
    """Writes rows through a publisher; ``sign`` signs the root of each batch's Merkle tree with the key ``key_id``."""

    def __init__(
        self, publisher: Publisher, sign: Callable[[bytes], bytes], key_id: str, collect: float, commit: float
    ) -> None:
        """``collect``: seconds the first of a batch waits for others; ``commit``: seconds a write may take."""
        self._publisher, self._sign, self._key_id = publisher, sign, key_id
        self._collect, self._commit = collect, commit
        self._queue: list[_Waiting] = []
        self._came = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def stop(self) -> None:
        """End; what waits hears nothing."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def put(
        self, ack: dict[str, Any] | None, row: Callable[[bytes], Row], place: tuple[str, int], size: int
    ) -> bytes:
        """Have ``row(the acknowledgement with its proof)`` written to a place; that acknowledgement, once it is.

        Raises Unavailable: the outcome then is unknown.
        """
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="collector")
        done: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        waiting = _Waiting(ack, row, place, size, done)
        self._queue.append(waiting)
        self._came.set()
        try:
            return await done
        except asyncio.CancelledError:
            # Nobody waits for it any more: its bytes must not pile up while the log is away.
            with suppress(ValueError):
                self._queue.remove(waiting)
            raise

    async def _run(self) -> None:
        while True:
            await self._came.wait()
            await asyncio.sleep(self._collect)
            batch = self._take()
            try:
                await self._write(batch)
            except Unavailable as error:
                _fail(batch, error)
            except Exception:
                # What cannot be written must not keep its neighbours out.
                _log.exception("a batch of the door could not be written")
                for waiting in batch:
                    await self._alone(waiting)

    async def _alone(self, waiting: _Waiting) -> None:
        try:
            await self._write([waiting])
        except Exception as error:
            _fail([waiting], error)

    def _take(self) -> list[_Waiting]:
        """The next batch, in order of arrival, bounded by number and bytes."""
        size = 0
        for count, waiting in enumerate(self._queue, 1):
            size += waiting.size
            if count == MOST or size >= MOST_BYTES:
                batch, self._queue = self._queue[:count], self._queue[count:]
                break
        else:
            batch, self._queue = self._queue, []
        if not self._queue:
            self._came.clear()
        return batch

    async def _write(self, batch: list[_Waiting]) -> None:
        """Sign and write a batch, and answer everybody in it."""
        proven = iter(attach_proofs([w.ack for w in batch if w.ack is not None], self._sign, self._key_id))
        bodies = [next(proven) if waiting.ack is not None else b"" for waiting in batch]
        rows: dict[tuple[str, int], list[Row]] = {}
        for waiting, body in zip(batch, bodies, strict=True):
            rows.setdefault(waiting.place, []).append(waiting.row(body))
        if not rows:
            return
        try:
            async with asyncio.timeout(self._commit):
                await self._publisher.send(rows)
        except TimeoutError:
            raise Unavailable("the log") from None
        for waiting, body in zip(batch, bodies, strict=True):
            if not waiting.done.done():
                waiting.done.set_result(body)


def _fail(batch: list[_Waiting], error: Exception) -> None:
    for waiting in batch:
        if not waiting.done.done():
            waiting.done.set_exception(error)

"""What customs asked and what became of it: SQLite, written before customs is answered, so that no kill forgets a request.

Writes are collected: whoever comes while one is under way shares the next commit and its sync. It holds sessions, order
numbers and outcomes, none of the data; an outcome is kept as long as the data are.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from adapters.payment_data.checks import Request
from adapters.sqlite import opened

OPEN, DONE, FAILED = "open", "done", "failed"
#: Data are kept at least three years; ms.
_KEPT = 3 * 366 * 86_400_000
_MOST = 500
_SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (
    session TEXT PRIMARY KEY, order_no TEXT NOT NULL, taken INTEGER NOT NULL, state TEXT NOT NULL,
    attempts INTEGER NOT NULL, code TEXT NOT NULL, ended INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_end ON sessions (ended);
"""


class Session(msgspec.Struct, frozen=True):
    """A request taken at ``taken`` (ms), which is the ``serviceTime`` of every upload for it.

    ``code`` is what customs answered last, or why there was no answer; ``ended`` ms, 0 while open.
    """

    session: str
    order: str
    taken: int
    state: str = OPEN
    attempts: int = 0
    code: str = ""
    ended: int = 0


class _Write(msgspec.Struct, eq=False):
    """A session to be written; ``fresh``: a request, which must not replace what is known."""

    session: Session
    fresh: bool
    done: asyncio.Future[Session]


class Journal:
    """One process's."""

    def __init__(self, path: Path) -> None:
        self._db, self._reader = (opened(path, _SCHEMA, durable=True, threads=True) for _ in "wr")
        self._thread = ThreadPoolExecutor(1, "journal")
        self._waiting: list[_Write] = []
        self._task: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Write what waits, then close."""
        if self._task is not None:
            await asyncio.wait([self._task])
        self._thread.shutdown()
        self._db.close()
        self._reader.close()

    async def take(self, request: Request, now: int) -> tuple[Session, bool]:
        """(The session of a request as it is kept, whether it is new); it is on the disk when this returns.

        A session that had failed is opened again. Raises sqlite3.Error where the disk does not take it.
        """
        fresh = Session(request.session, request.order, now)
        kept = await self._put(fresh, fresh=True)
        return kept, kept is fresh

    async def settle(self, session: Session) -> None:
        """Keep what became of a session."""
        await self._put(session, fresh=False)

    def unanswered(self) -> list[Session]:
        """The sessions that are open, the oldest first."""
        return _read(self._reader, "WHERE ended = 0 ORDER BY taken")

    def find(self, session: str) -> Session | None:
        """A session."""
        return next(iter(_read(self._reader, "WHERE session = ?", session)), None)

    def counts(self, since: int) -> dict[str, int]:
        """Sessions by state: those open, and those that ended since then (ms)."""
        query = "SELECT state, COUNT(*) FROM sessions WHERE ended = 0 OR ended >= ? GROUP BY state"
        return dict(self._reader.execute(query, (since,)))

    def forget(self, now: int) -> None:
        """Drop what ended longer ago than data must be kept."""
        self._db.execute("DELETE FROM sessions WHERE ended > 0 AND ended < ?", (now - _KEPT,))

    # ---- writing

    def _put(self, session: Session, *, fresh: bool) -> asyncio.Future[Session]:
        done: asyncio.Future[Session] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Write(session, fresh, done))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write_all(), name="journal")
        return done

    async def _write_all(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
            try:
                kept = await loop.run_in_executor(self._thread, self._commit, batch)
            except sqlite3.Error as error:
                for write in batch:
                    if not write.done.done():
                        write.done.set_exception(error)
                continue
            for write, session in zip(batch, kept, strict=True):
                if not write.done.done():
                    write.done.set_result(session)

    def _commit(self, batch: Iterable[_Write]) -> list[Session]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            kept = [self._one(write) for write in batch]
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        return kept

    def _one(self, write: _Write) -> Session:
        if write.fresh:
            known = _read(self._db, "WHERE session = ?", write.session.session)
            if known and (known[0].state != FAILED or known[0].order != write.session.order):
                return known[0]
        values = msgspec.structs.astuple(write.session)
        self._db.execute("INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?)", values)
        return write.session


def _read(db: sqlite3.Connection, where: str, *values: str) -> list[Session]:
    return [Session(*row) for row in db.execute(f"SELECT * FROM sessions {where}", values)]

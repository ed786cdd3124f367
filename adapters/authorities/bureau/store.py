"""A sandbox authority's memory: SQLite in its folder, so that SIGKILL loses no item it took and no answer it owes.

A page of items, the cursor behind it and the answers planned are one transaction. An item is known by its id; an answer has
the same id and bytes however often it is sent, and whatever becomes of this memory.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from adapters.authorities.memory import Memory

_SCHEMA = """
CREATE TABLE IF NOT EXISTS place (one INTEGER PRIMARY KEY CHECK (one = 1), cursor TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS items (id TEXT PRIMARY KEY, type TEXT NOT NULL, came INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS answers (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, due INTEGER NOT NULL, times INTEGER NOT NULL, forge TEXT NOT NULL,
    body BLOB NOT NULL, sent INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS to_send ON answers (due, number) WHERE NOT sent;
"""


class Answer(msgspec.Struct, frozen=True):
    """An event to send: when (ms), how many times, what is forged before it, and its bytes."""

    id: str
    due: int
    times: int
    forge: str
    body: bytes


class Store(Memory):
    """One process's; not for threads."""

    def __init__(self, path: Path | None) -> None:
        """``path`` None keeps everything in memory (tests)."""
        super().__init__(path)
        self._db.executescript(_SCHEMA)

    @property
    def cursor(self) -> str:
        """Behind the last page that was taken; empty before the first."""
        found = self._db.execute("SELECT cursor FROM place").fetchone()
        return found[0] if found else ""

    def move(self, cursor: str) -> None:
        """Go on from there."""
        self._db.execute("INSERT OR REPLACE INTO place VALUES (1, ?)", (cursor,))

    def note(self, id_: str, type_: str, at: int) -> bool:
        """Remember an item; False where it was known."""
        return self._db.execute("INSERT OR IGNORE INTO items VALUES (?, ?, ?)", (id_, type_, at)).rowcount == 1

    def owe(self, answers: Iterable[Answer]) -> None:
        """Keep answers until they are sent; those that are kept already stay as they are."""
        self._db.executemany(
            "INSERT OR IGNORE INTO answers (id, due, times, forge, body) VALUES (?, ?, ?, ?, ?)",
            [(one.id, one.due, one.times, one.forge, one.body) for one in answers],
        )

    def due(self, now: int, limit: int) -> list[Answer]:
        """The next answers to send."""
        found = self._db.execute(
            "SELECT id, due, times, forge, body FROM answers WHERE NOT sent AND due <= ? ORDER BY due, number LIMIT ?", (now, limit)
        )
        return [Answer(*row) for row in found]

    def next_due(self) -> int | None:
        """When the next answer falls due; None where none is owed."""
        found: int | None = self._db.execute("SELECT MIN(due) FROM answers WHERE NOT sent").fetchone()[0]
        return found

    def sent(self, answers: Iterable[Answer]) -> None:
        """They need not be sent any more."""
        self._db.executemany("UPDATE answers SET sent = 1, body = x'' WHERE id = ?", [(one.id,) for one in answers])

    def forget(self, before: int) -> None:
        """Forget items that came, and answers that were due and sent, before a time (ms): those no longer come again."""
        self._db.execute("DELETE FROM items WHERE came < ?", (before,))
        self._db.execute("DELETE FROM answers WHERE sent AND due < ?", (before,))

    def counts(self) -> dict[str, int]:
        """Items, and answers still owed."""
        items = self._db.execute("SELECT COUNT(*) FROM items").fetchone()[0]
        return {"items": items, "owed": self._db.execute("SELECT COUNT(*) FROM answers WHERE NOT sent").fetchone()[0]}

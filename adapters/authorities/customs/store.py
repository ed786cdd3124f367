"""The sandbox customs' memory: SQLite in its folder, so that SIGKILL loses no receipt of a message it took.

Rows are documents with their facts and the receipts still to send. WAL without a sync at every commit: a killed process
loses nothing, a power failure may lose the last moments, which is enough for a sandbox.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from adapters.authorities.customs.facts import Facts
from adapters.authorities.customs.receipts import Planned

#: Where a document stands: a declaration waiting for its documents, taken, turned down, withdrawn.
WAITING, TAKEN, REJECTED, WITHDRAWN, NOTED = "waiting", "taken", "rejected", "withdrawn", "noted"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS documents (
    number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, place TEXT NOT NULL, waybill TEXT NOT NULL,
    phase TEXT NOT NULL, arrived INTEGER NOT NULL, pending INTEGER NOT NULL, facts BLOB NOT NULL, plan BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS by_place ON documents (place) WHERE place <> '';
CREATE INDEX IF NOT EXISTS by_waybill ON documents (waybill) WHERE phase = 'waiting';
CREATE INDEX IF NOT EXISTS to_send ON documents (number) WHERE pending;
CREATE TABLE IF NOT EXISTS buyers (
    buyer TEXT, year INTEGER, declaration TEXT, value INTEGER, PRIMARY KEY (buyer, year, declaration)
) WITHOUT ROWID;
"""
_COLUMNS = "number, key, phase, arrived, facts, plan"

_facts = msgspec.msgpack.Decoder(Facts).decode
_plan = msgspec.msgpack.Decoder(list[Planned]).decode
_pack = msgspec.msgpack.Encoder().encode


class Row(msgspec.Struct):
    """A document: its running number, key, phase, when it came (ms), facts, and the receipts still to send."""

    number: int
    key: str
    phase: str
    arrived: int
    facts: Facts
    plan: list[Planned]


class Store:
    """One process's; not for threads."""

    def __init__(self, path: Path | None) -> None:
        """``path`` None keeps everything in memory (tests)."""
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path if path is not None else ":memory:", isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def note(self, message: str) -> bool:
        """Remember a message's CopMsgId; False where it was known."""
        return self._db.execute("INSERT OR IGNORE INTO messages VALUES (?)", (message,)).rowcount == 1

    def find(self, key: str) -> Row | None:
        """The document of that key."""
        found = self._db.execute(f"SELECT {_COLUMNS} FROM documents WHERE key = ?", (key,)).fetchone()
        return None if found is None else _row(found)

    def of_order(self, order: str) -> list[Row]:
        """Order, payment and declarations of ``ebpCode:orderNo``."""
        return self._rows("place = ? AND place <> ''", order)

    def waiting_for(self, waybill: str) -> list[Row]:
        """Declarations that wait and name this waybill."""
        return self._rows("waybill = ? AND phase = 'waiting'", waybill)

    def pending(self) -> list[Row]:
        """Everything with receipts still to send."""
        return self._rows("pending")

    def _rows(self, where: str, *values: str) -> list[Row]:
        query = f"SELECT {_COLUMNS} FROM documents WHERE {where}"
        return [_row(found) for found in self._db.execute(query, values)]

    def put(self, facts: Facts, phase: str, arrived: int, plan: list[Planned], key: str = "") -> Row:
        """Keep a document, in place of an earlier version; ``key`` where it is not the document's own."""
        place = "" if key or facts.kind == "waybill" else facts.order
        waybill = facts.waybill if facts.kind == "declaration" and not key else ""
        found = self._db.execute(
            "INSERT INTO documents (key, place, waybill, phase, arrived, pending, facts, plan)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET place = excluded.place,"
            " waybill = excluded.waybill, phase = excluded.phase, arrived = excluded.arrived,"
            " pending = excluded.pending, facts = excluded.facts, plan = excluded.plan RETURNING number",
            (key or facts.key, place, waybill, phase, arrived, bool(plan), _pack(facts), _pack(plan)),
        ).fetchone()
        return Row(found[0], key or facts.key, phase, arrived, facts, plan)

    def move(self, row: Row) -> None:
        """Write a row's phase and plan."""
        self._db.execute(
            "UPDATE documents SET phase = ?, plan = ?, pending = ? WHERE number = ?",
            (row.phase, _pack(row.plan), bool(row.plan), row.number),
        )

    def used(self, buyer: str, year: int, but: str) -> int:
        """What a buyer's declarations of a year but one sum up to (scaled)."""
        query = "SELECT COALESCE(SUM(value), 0) FROM buyers WHERE buyer = ? AND year = ? AND declaration <> ?"
        return int(self._db.execute(query, (buyer, year, but)).fetchone()[0])

    def use(self, buyer: str, year: int, declaration: str, value: int) -> None:
        """Set what a declaration takes of its buyer's yearly limit."""
        self._db.execute("INSERT OR REPLACE INTO buyers VALUES (?, ?, ?, ?)", (buyer, year, declaration, value))

    def counts(self) -> dict[str, int]:
        """Documents by phase."""
        return dict(self._db.execute("SELECT phase, COUNT(*) FROM documents GROUP BY phase"))


def _row(found: tuple[int, str, str, int, bytes, bytes]) -> Row:
    number, key, phase, arrived, facts, plan = found
    return Row(number, key, phase, arrived, _facts(facts), _plan(plan))

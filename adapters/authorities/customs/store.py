"""The sandbox customs' memory: SQLite in its folder, so that SIGKILL loses no receipt of a message it took.

Rows are documents with their facts and the receipts still to send. WAL without a sync at every commit: a killed process
loses nothing, a power failure may lose the last moments, which is enough for a sandbox.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from adapters.authorities.customs.facts import Facts
from adapters.authorities.customs.receipts import Planned
from adapters.authorities.memory import Memory
from hub.domain.kinds import DECLARATION

#: Where a document stands: it waits for others that belong to it; customs has it and waits for the goods to arrive
#: (warehouse entry, arrival); released and not yet gone (export); done; turned down; taken back; cancelled; summarised.
#: Noted: something was said about it, what customs has of its key is as it was.
WAITING, AWAITING, LEAVING, TAKEN = "waiting", "awaiting", "leaving", "taken"
REJECTED, WITHDRAWN, CANCELLED, SUMMED, NOTED = "rejected", "withdrawn", "cancelled", "summed", "noted"
#: Phases in which customs has the document; those of them past the comparison with others.
THERE = frozenset({WAITING, AWAITING, LEAVING, TAKEN, SUMMED})
STORED = THERE - {WAITING}
#: Phases in which something else may still move it.
_OPEN = frozenset({WAITING, AWAITING, LEAVING})

#: The form of the tables. A rehearsal's memory does not outlive it: another form's is made anew.
_FORM = 2
_SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS documents (
    number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, place TEXT NOT NULL, refers TEXT NOT NULL,
    phase TEXT NOT NULL, arrived INTEGER NOT NULL, pending INTEGER NOT NULL, facts BLOB NOT NULL, plan BLOB NOT NULL,
    past BLOB
);
CREATE INDEX IF NOT EXISTS by_place ON documents (place) WHERE place <> '';
CREATE INDEX IF NOT EXISTS by_reference ON documents (refers) WHERE refers <> '';
CREATE INDEX IF NOT EXISTS to_send ON documents (number) WHERE pending;
CREATE TABLE IF NOT EXISTS buyers (
    buyer TEXT, year INTEGER, declaration TEXT, value INTEGER, PRIMARY KEY (buyer, year, declaration)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS parcels (waybill TEXT, list TEXT, PRIMARY KEY (waybill, list)) WITHOUT ROWID;
"""
_COLUMNS = "number, key, phase, arrived, facts, plan, past"

_THERE = "({})".format(", ".join(f"'{phase}'" for phase in sorted(THERE)))

_facts = msgspec.msgpack.Decoder(Facts).decode
_plan = msgspec.msgpack.Decoder(list[Planned]).decode
_past = msgspec.msgpack.Decoder(dict[str, int]).decode
_pack = msgspec.msgpack.Encoder().encode


class Row(msgspec.Struct):
    """A document: its running number, key, phase, when it came (ms), facts, and the receipts still to send.

    ``past``: statuses already told, with their own times.
    """

    number: int
    key: str
    phase: str
    arrived: int
    facts: Facts
    plan: list[Planned]
    past: dict[str, int] = {}

    def reached(self, now: int) -> dict[str, int]:
        """The statuses of its own that hold by now, with their times; told or not."""
        return self.past | {p.status: p.at for p in self.plan if p.at <= now and not p.form}

    def will(self, status: str) -> bool:
        """Whether it has or gets a status."""
        return status in self.past or any(p.status == status and not p.form for p in self.plan)


class Store(Memory):
    """One process's; not for threads."""

    def __init__(self, path: Path | None) -> None:
        """``path`` None keeps everything in memory (tests)."""
        super().__init__(path)
        if self._db.execute("PRAGMA user_version").fetchone()[0] != _FORM:
            for name in ("messages", "documents", "buyers", "parcels"):
                self._db.execute(f"DROP TABLE IF EXISTS {name}")
            self._db.execute(f"PRAGMA user_version = {_FORM}")
        self._db.executescript(_SCHEMA)

    def note(self, message: str) -> bool:
        """Remember a message's CopMsgId; False where it was known."""
        return self._db.execute("INSERT OR IGNORE INTO messages VALUES (?)", (message,)).rowcount == 1

    def find(self, key: str) -> Row | None:
        """The document of that key."""
        found = self._db.execute(f"SELECT {_COLUMNS} FROM documents WHERE key = ?", (key,)).fetchone()
        return None if found is None else _row(found)

    def numbered(self, number: int) -> Row | None:
        """The document of that running number."""
        found = self._db.execute(f"SELECT {_COLUMNS} FROM documents WHERE number = ?", (number,)).fetchone()
        return None if found is None else _row(found)

    def at(self, place: str) -> list[Row]:
        """What belongs together: an order with its payment and declarations, what refers to a declaration, parts."""
        return self._rows("place = ? AND place <> ''", place)

    def waiting(self, place: str) -> list[Row]:
        """Of those, the ones that wait for another."""
        return self._rows("place = ? AND place <> '' AND phase = 'waiting'", place)

    def another(self, place: str, key: str) -> Row | None:
        """Any other document of a place that customs has."""
        query = f"place = ? AND place <> '' AND key <> ? AND phase IN {_THERE} LIMIT 1"
        return next(iter(self._rows(query, place, key)), None)

    def count(self, place: str) -> int:
        """How many documents of a place customs has."""
        query = f"SELECT COUNT(*) FROM documents WHERE place = ? AND place <> '' AND phase IN {_THERE}"
        return int(self._db.execute(query, (place,)).fetchone()[0])

    def referring(self, key: str) -> list[Row]:
        """Declarations not done with that name this waybill, or lists about this bill."""
        return self._rows("refers = ? AND refers <> ''", key)

    def beginning(self, start: str) -> list[Row]:
        """Everything whose key begins so."""
        return self._rows("key >= ? AND key < ?", start, start + "\U0010ffff")

    def pending(self) -> list[Row]:
        """Everything with receipts still to send."""
        return self._rows("pending")

    def list_parcels(self, waybills: Iterable[str], list_: str) -> None:
        """Remember that a bill, or a warehouse's list, names waybills."""
        self._db.executemany("INSERT OR IGNORE INTO parcels VALUES (?, ?)", [(waybill, list_) for waybill in waybills])

    def lists_of(self, waybill: str) -> list[str]:
        """The bills and lists that name a waybill."""
        found = self._db.execute("SELECT list FROM parcels WHERE waybill = ?", (waybill,))
        return [row[0] for row in found]

    def _rows(self, where: str, *values: str) -> list[Row]:
        query = f"SELECT {_COLUMNS} FROM documents WHERE {where}"
        return [_row(found) for found in self._db.execute(query, values)]

    def put(self, facts: Facts, phase: str, arrived: int, plan: list[Planned], key: str = "") -> Row:
        """Keep a document, in place of an earlier version; ``key`` where it is not the document's own."""
        found = self._db.execute(
            "INSERT INTO documents (key, place, refers, phase, arrived, pending, facts, plan)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET place = excluded.place,"
            " refers = excluded.refers, phase = excluded.phase, arrived = excluded.arrived,"
            " pending = excluded.pending, facts = excluded.facts, plan = excluded.plan, past = NULL RETURNING number",
            (
                key or facts.key, "" if key else facts.place, "" if key else _refers(facts, phase), phase, arrived,
                bool(plan), _pack(facts), _pack(plan),
            ),
        ).fetchone()  # fmt: skip
        return Row(found[0], key or facts.key, phase, arrived, facts, plan)

    def move(self, row: Row) -> None:
        """Write a row's phase, plan and past."""
        past = _pack(row.past) if row.past else None
        refers = _refers(row.facts, row.phase) if row.key == row.facts.key else ""
        self._db.execute(
            "UPDATE documents SET phase = ?, plan = ?, pending = ?, refers = ?, past = ? WHERE number = ?",
            (row.phase, _pack(row.plan), bool(row.plan), refers, past, row.number),
        )

    def complete(self, row: Row, facts: Facts) -> None:
        """Write a row whose facts have grown too."""
        row.facts = facts
        self._db.execute("UPDATE documents SET facts = ? WHERE number = ?", (_pack(facts), row.number))
        self.move(row)

    def used(self, buyer: str, year: int, but: str) -> int:
        """What a buyer's declarations of a year but one sum up to (scaled)."""
        query = "SELECT COALESCE(SUM(value), 0) FROM buyers WHERE buyer = ? AND year = ? AND declaration <> ?"
        return int(self._db.execute(query, (buyer, year, but)).fetchone()[0])

    def use(self, buyer: str, year: int, declaration: str, value: int) -> None:
        """Set what a declaration takes of its buyer's yearly limit."""
        self._db.execute("INSERT OR REPLACE INTO buyers VALUES (?, ?, ?, ?)", (buyer, year, declaration, value))

    def free(self, buyer: str, declaration: str, value: int = 0) -> None:
        """Set what a declaration takes of its buyer's limit in whatever year it was counted."""
        self._db.execute("UPDATE buyers SET value = ? WHERE buyer = ? AND declaration = ?", (value, buyer, declaration))

    def counts(self) -> dict[str, int]:
        """Documents by phase."""
        return dict(self._db.execute("SELECT phase, COUNT(*) FROM documents GROUP BY phase"))


def _refers(facts: Facts, phase: str) -> str:
    """What a row is looked up by: a declaration only as long as something else may move it."""
    return facts.refers if phase in _OPEN or facts.kind != DECLARATION else ""


def _row(found: tuple[int, str, str, int, bytes, bytes, bytes | None]) -> Row:
    number, key, phase, arrived, facts, plan, past = found
    return Row(number, key, phase, arrived, _facts(facts), _plan(plan), _past(past) if past else {})

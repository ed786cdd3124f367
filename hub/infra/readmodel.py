"""The read model in PostgreSQL, written: the projector's port ``ReadModelWriter``. Reading is in ``reading.py``."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

import asyncpg

from hub.domain.faults import Unavailable
from hub.domain.reading import COLUMNS, Batch, Counter

#: Every table of the read model; a rebuild empties them all.
TABLES = (*COLUMNS, "throughput", "projector_offsets")

#: What to do with a row that is there already, and which value names a row that is new (for counting).
_ON_CONFLICT = {
    "documents": "(key) DO UPDATE SET {updates} WHERE documents.revision < EXCLUDED.revision",
    "numbers": "(number, key) DO NOTHING",
    "submissions": "(id) DO NOTHING RETURNING id",
    "refusals": """(partition, "offset") DO NOTHING RETURNING partition || ':' || "offset" """,
    "assessments": "(id) DO NOTHING RETURNING id",
    "rule_hits": "(declaration, rule) DO NOTHING",
    "export_register": "(declaration, revision, line) DO NOTHING",
    "alerts": "(id) DO UPDATE SET {updates} WHERE alerts.revision < EXCLUDED.revision",
    "cases": "(id) DO UPDATE SET {updates} WHERE cases.revision < EXCLUDED.revision",
    "answers": "(id) DO NOTHING RETURNING id",
    "hand_overs": """(submission, recipient, part) DO UPDATE SET {updates}
        WHERE (hand_overs.at, hand_overs.attempts) <= (EXCLUDED.at, EXCLUDED.attempts)""",
    "deliveries": "(recipient, instance) DO UPDATE SET {updates} WHERE deliveries.at <= EXCLUDED.at",
    "holds": "(submission) DO UPDATE SET {updates} WHERE holds.revision < EXCLUDED.revision",
    "profiles": "(enterprise) DO UPDATE SET {updates} WHERE profiles.at < EXCLUDED.at",
}

_MOVE = """
UPDATE projector_offsets AS p SET next_offset = m.following
FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[]) AS m(topic, partition, expected, following)
WHERE p.topic = m.topic AND p.partition = m.partition AND p.next_offset = m.expected
"""
_BEGIN = """
INSERT INTO projector_offsets (topic, partition, next_offset)
SELECT topic, partition, 0 FROM unnest($1::text[], $2::integer[]) AS m(topic, partition) ON CONFLICT DO NOTHING
"""
_COUNT = """
INSERT INTO throughput AS t (second, principal, measure, kind, n)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[])
ON CONFLICT (second, principal, measure, kind) DO UPDATE SET n = t.n + EXCLUDED.n
"""
#: (number, key) pairs remembered as written, so that ten revisions of a document do not insert its numbers ten times.
_REMEMBERED = 200_000

#: What PostgreSQL being away looks like.
AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    asyncpg.IdleInTransactionSessionTimeoutError,
)


def _insert(table: str) -> str:
    columns = COLUMNS[table]
    names = ", ".join(f'"{name}"' for name, _ in columns)
    arrays = ", ".join(f"${n}::{type_}[]" for n, (_, type_) in enumerate(columns, 1))
    updates = ", ".join(f'"{name}" = EXCLUDED."{name}"' for name, _ in columns)
    conflict = _ON_CONFLICT[table].format(updates=updates)
    return f"INSERT INTO {table} ({names}) SELECT * FROM unnest({arrays}) ON CONFLICT {conflict}"


_INSERTS = {table: _insert(table) for table in COLUMNS}


class PostgresWriter:
    """Writes the projector's batches; one connection, made anew when it breaks."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: asyncpg.Connection[Any] | None = None
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    async def positions(self) -> dict[tuple[str, int], int]:
        """{(topic, partition): next offset}."""
        connection = await self._connected()
        try:
            rows = await connection.fetch("SELECT topic, partition, next_offset FROM projector_offsets")
        except AWAY as error:
            raise await self._lost(error) from error
        return {(row[0], row[1]): row[2] for row in rows}

    async def write(self, batch: Batch) -> bool:
        """One transaction; False where a position is not where the batch expects it."""
        connection = await self._connected()
        numbers = self._unknown(batch.rows.get("numbers", ()))
        try:
            async with connection.transaction():
                if not await self._move(connection, batch):
                    raise _MovedError  # noqa: TRY301 - raised to roll back
                counts: dict[Counter, int] = {}
                for table, rows in batch.rows.items():
                    new = numbers if table == "numbers" else rows
                    if new:
                        added = await connection.fetch(_INSERTS[table], *map(list, zip(*new, strict=True)))
                        _add(counts, batch, table, added)
                if counts:
                    await self._count(connection, counts)
        except _MovedError:
            return False
        except AWAY as error:
            raise await self._lost(error) from error
        self._remember(numbers)
        return True

    async def reset(self) -> None:
        """Empty the read model; the projector begins at the first records again."""
        connection = await self._connected()
        self._known.clear()
        await connection.execute(f"TRUNCATE {', '.join(TABLES)}")

    async def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await connection.close()

    async def _connected(self) -> asyncpg.Connection[Any]:
        if self._connection is None or self._connection.is_closed():
            try:
                self._connection = await asyncpg.connect(
                    self._dsn,
                    timeout=5,
                    command_timeout=60,
                    server_settings={
                        "application_name": "hub project",
                        # Rows and positions are lost together, and read again from Kafka.
                        "synchronous_commit": "off",
                        # A frozen projector must not keep its locks from the one that takes over.
                        "idle_in_transaction_session_timeout": "10s",
                        "lock_timeout": "20s",
                    },
                )
            except AWAY as error:
                raise Unavailable("PostgreSQL") from error
        return self._connection

    async def _lost(self, error: BaseException) -> Unavailable:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()
        return Unavailable(f"PostgreSQL ({type(error).__name__})")

    async def _move(self, connection: asyncpg.Connection[Any], batch: Batch) -> bool:
        moves = sorted(batch.positions)  # always the same order: two projectors wait for each other, never deadlock
        names = [move.topic for move in moves], [move.partition for move in moves]
        if any(move.expected == 0 for move in moves):
            await connection.execute(_BEGIN, *names)
        done = await connection.execute(
            _MOVE, *names, [move.expected for move in moves], [move.following for move in moves]
        )
        return done == f"UPDATE {len(moves)}"

    async def _count(self, connection: asyncpg.Connection[Any], counts: dict[Counter, int]) -> None:
        rows = sorted((*counter, n) for counter, n in counts.items())
        await connection.execute(_COUNT, *map(list, zip(*rows, strict=True)))

    def _unknown(self, rows: Iterable[tuple[object, ...]]) -> list[tuple[object, ...]]:
        return [row for row in dict.fromkeys(rows) if row not in self._known]

    def _remember(self, rows: Iterable[tuple[Any, ...]]) -> None:
        self._known.update(dict.fromkeys(rows))
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)


class _MovedError(Exception):
    """Rolls the transaction back: another projector was here."""


def _add(counts: dict[Counter, int], batch: Batch, table: str, added: list[Any]) -> None:
    """Count the rows that were new; a table that counts nothing returns no rows."""
    for (key,) in added:
        for counter, n in batch.counts.get((table, key), {}).items():
            counts[counter] = counts.get(counter, 0) + n

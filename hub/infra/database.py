"""Migrations: the files of ``migrations/`` in order, each once, each in a transaction of its own."""

from __future__ import annotations

from importlib import resources

import asyncpg

#: One of several processes migrates, the others wait for it (a key of PostgreSQL's advisory locks).
_LOCK = 0x6875_6201


async def migrate(dsn: str) -> list[str]:
    """Apply what has not been applied; returns the names of the files applied now."""
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        await connection.execute("CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY)")
        done = {row[0] for row in await connection.fetch("SELECT name FROM migrations")}
        new = sorted(name for name in _files() if name not in done)
        for name in new:
            async with connection.transaction():
                await connection.execute(_files()[name])
                await connection.execute("INSERT INTO migrations VALUES ($1)", name)
        return new
    finally:
        await connection.close()


def _files() -> dict[str, str]:
    folder = resources.files("hub.infra") / "migrations"
    return {file.name: file.read_text("utf-8") for file in folder.iterdir() if file.name.endswith(".sql")}

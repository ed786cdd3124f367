"""Migrations: the files of ``migrations/`` in order, each once, each in a transaction of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources
from typing import Any

import asyncpg

from hub.domain.faults import Unavailable

#: One of several processes migrates, the others wait for it (a key of PostgreSQL's advisory locks).
_LOCK = 0x6875_6201
#: One of several processes chooses the next versions of reference data.
_WRITER = 0x6875_6202
_PATIENCE = 20


async def migrate(dsn: str) -> list[str]:
    """Apply what has not been applied; returns the names of the files applied now."""
    connection = await _locked(dsn, _LOCK)
    try:
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


@asynccontextmanager
async def one_writer(dsn: str) -> AsyncIterator[None]:
    """Of all processes that use the database one at a time is inside; raises Unavailable where the database is away."""
    try:
        connection = await _locked(dsn, _WRITER, _PATIENCE)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise Unavailable("PostgreSQL") from error
    try:
        yield
    finally:
        await connection.close()


async def _locked(dsn: str, key: int, patience: float | None = None) -> asyncpg.Connection[Any]:
    """A connection that holds an advisory lock until it is closed; ``patience``: seconds a command may take."""
    connection = await asyncpg.connect(dsn, timeout=10, command_timeout=patience)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", key)
    except BaseException:
        connection.terminate()
        raise
    return connection


def _files() -> dict[str, str]:
    folder = resources.files("hub.infra") / "migrations"
    return {file.name: file.read_text("utf-8") for file in folder.iterdir() if file.name.endswith(".sql")}

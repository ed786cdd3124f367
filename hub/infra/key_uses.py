"""When each API key was used last: kept in memory as calls come, written to the database at most once a minute.

It is for people who clean up keys, and may be a minute old or lack the last minute of a process that was killed.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import asyncpg

_SECONDS = 60
_PATIENCE = 20
_MINUTE_MS = 60_000

#: (principal, id of a key) → ms since the epoch.
Uses = dict[tuple[str, str], int]

_WRITE = """
INSERT INTO key_uses (principal, key_id, last_used) SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])
ON CONFLICT (principal, key_id) DO UPDATE SET last_used = EXCLUDED.last_used WHERE key_uses.last_used < EXCLUDED.last_used
"""


async def keep(dsn: str, used: Uses) -> None:
    """Write what ``used`` gathers each minute, until cancelled; what was not written yet is then written once more."""
    try:
        while True:
            await asyncio.sleep(_SECONDS)
            await flush(dsn, used)
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(2):
                await flush(dsn, used)


async def flush(dsn: str, used: Uses) -> None:
    """Write, and empty ``used``; with the database away everything stays for the next time."""
    if not used:
        return
    taken = dict(used)
    used.clear()
    # in one order everywhere: two processes that write the same rows do not wait for each other in a circle
    rows = sorted((name, id_, at - at % _MINUTE_MS) for (name, id_), at in taken.items())
    try:
        connection = await asyncpg.connect(dsn, timeout=5, command_timeout=_PATIENCE)
        try:
            await connection.execute(_WRITE, *map(list, zip(*rows, strict=True)))
        finally:
            await connection.close()
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        for use, at in taken.items():
            used.setdefault(use, at)


async def last_uses(dsn: str) -> Uses | None:
    """Every key's last use; None where the database does not say."""
    try:
        connection = await asyncpg.connect(dsn, timeout=5, command_timeout=_PATIENCE)
        try:
            rows = await connection.fetch("SELECT principal, key_id, last_used FROM key_uses")
        finally:
            await connection.close()
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return None
    return {(row[0], row[1]): row[2] for row in rows}

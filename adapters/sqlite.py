"""SQLite files as the adapters open them: made where there is none, and whole after a process was killed."""

from __future__ import annotations

import sqlite3
from pathlib import Path


def opened(path: Path | None, schema: str = "", *, durable: bool = False, threads: bool = False) -> sqlite3.Connection:
    """A connection without implicit transactions, with the tables of ``schema``; ``path`` None keeps everything in memory (tests).

    A commit survives that the process is killed; that the power fails only if ``durable``. ``threads``: more than one may use it,
    one at a time. The folder is made for its owner alone. Raises OSError, sqlite3.Error.
    """
    if path is not None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = sqlite3.connect(path if path is not None else ":memory:", isolation_level=None, check_same_thread=not threads)
    made.execute("PRAGMA journal_mode = WAL")
    made.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    made.executescript(schema)
    return made

"""What a sandbox authority remembers: a SQLite file that survives SIGKILL, written all or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from adapters.sqlite import opened


class Memory:
    """An open file; ``path`` None keeps everything in memory (tests)."""

    def __init__(self, path: Path | None) -> None:
        self._db = opened(path)

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

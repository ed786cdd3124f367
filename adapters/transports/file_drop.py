"""File drop: one file an event in a recipient's folder, there at once and whole or not at all.

Names sort in the order of a partition and are the same for the same event, so that a repetition puts the same file there
again. Who collects deletes; when too many wait, the drop waits too.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

FULL, FAILED, DROPPED = "webhook.backlog", "webhook.folder", ""
_ASIDE = ".part"


class FileDrop:
    """Writes under ``root``; ``backlog`` files may wait in a folder. To be called from a thread, one call a folder at a time."""

    def __init__(self, root: Path, backlog: int) -> None:
        self._root, self._backlog = root, backlog
        self._room: dict[Path, int] = {}

    def folder(self, principal: str, subscription: str) -> Path:
        """Where a subscription's files go; a name never leads out of the root."""
        return self._root / _plain(principal) / _plain(subscription)

    def put(self, principal: str, subscription: str, name: str, body: bytes) -> str:
        """Write one event; the code of what is wrong, "" where it is there."""
        folder = self.folder(principal, subscription)
        try:
            folder.mkdir(mode=0o750, parents=True, exist_ok=True)
            file = folder / _plain(name)
            if not self._has_room(folder) and not file.exists():
                return FULL
            aside = folder / f".{file.name}{_ASIDE}"
            # A link somebody put there is replaced, not followed.
            aside.unlink(missing_ok=True)
            with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640), "wb") as out:
                out.write(body)
                out.flush()
                os.fsync(out.fileno())
            aside.replace(file)
            _sync(folder)
        except OSError:
            return FAILED
        self._room[folder] = self._room.get(folder, 0) - 1
        return DROPPED

    def _has_room(self, folder: Path) -> bool:
        """Whether one more may wait; the folder is counted anew only when what was free is used up."""
        if self._room.get(folder, 0) <= 0:
            waiting = 0
            with os.scandir(folder) as entries:
                for entry in entries:
                    waiting += not entry.name.startswith(".")
                    if waiting >= self._backlog:
                        break
            self._room[folder] = self._backlog - waiting
        return self._room[folder] > 0


def _plain(name: str) -> str:
    """One component of a path, whatever the name is."""
    made = quote(name, safe="-_~=+@")
    return made if made and not made.startswith(".") else f"%2E{made[1:]}"


def _sync(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)

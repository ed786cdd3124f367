"""A platform's payment data: a folder of files, found by order number through an index in SQLite.

The platform appends a line to a ``.jsonl`` file for each payment request (a file a day does well) or writes a ``.json``
file for one; the files stay where they are for at least three years and are only read. The index holds order numbers and
places, no data; deleted, it is made anew. Of two records of one order the later counts: by file name, then by place.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from adapters.payment_data.form import MAX_BYTES, Record, read
from adapters.sqlite import opened
from hub.domain.faults import Fault, Refused, Unavailable, fault

_log = logging.getLogger(__name__)

#: Records of one transaction; a lookup waits for none of them.
_BATCH = 500
#: Seconds a lookup that missed waits for a scan that is under way.
_PATIENCE = 2.0
#: Faulty records of one file that are named in the log; the rest are counted.
_NAMED = 20
_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, changed INTEGER NOT NULL,
    read_to INTEGER NOT NULL, records INTEGER NOT NULL, incomplete INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS orders (
    order_no TEXT PRIMARY KEY, file INTEGER NOT NULL, place INTEGER NOT NULL, length INTEGER NOT NULL
) WITHOUT ROWID;
"""
#: Of the same order the later record counts, in whatever order the files were read.
_PUT = """
INSERT INTO orders VALUES (?, ?, ?, ?) ON CONFLICT (order_no) DO UPDATE
SET file = excluded.file, place = excluded.place, length = excluded.length
WHERE CASE WHEN file = excluded.file THEN excluded.place >= place
    ELSE (SELECT name FROM files WHERE number = excluded.file) > (SELECT name FROM files WHERE number = orders.file) END
"""


class Counts(msgspec.Struct, frozen=True):
    """What was read: files, payment requests, those incomplete."""

    files: int
    records: int
    incomplete: int


class _File(msgspec.Struct):
    """What is known of a file; ``read_to`` is the end of the last whole line read."""

    number: int
    name: str
    size: int
    changed: int
    read_to: int
    records: int
    incomplete: int


class Records:
    """Reads the folder into the index (``scan``) and finds orders (``find``); for threads, one at a time in each."""

    def __init__(self, folder: Path, index: Path) -> None:
        self._folder = folder
        self._writing, self._reading = threading.Lock(), threading.Lock()
        # Lost moments are read again: the position is in the same transaction.
        self._writer, self._reader = (opened(index, _SCHEMA, threads=True) for _ in "wr")
        self._scanned = float("-inf")
        self._stopped = False

    def stop(self) -> None:
        """Let a scan that is under way end with its batch; the next one goes on there."""
        self._stopped = True

    def close(self) -> None:
        """Close the index."""
        self.stop()
        with self._writing, self._reading:
            self._writer.close()
            self._reader.close()

    # ---- finding

    def find(self, order: str) -> Record | None:
        """The payment request that paid for an order, None where there is none; may block for a scan of what is new.

        Raises Unavailable where a long scan is under way, as after the first start: what it misses may still come.
        """
        asked = time.monotonic()
        found = self._at_place(order)
        if found is None:
            with self._patiently():
                self._scan(asked)
            found = self._at_place(order)
        return found

    @contextmanager
    def _patiently(self) -> Iterator[None]:
        if not self._writing.acquire(timeout=_PATIENCE):
            raise Unavailable("the index of payment data")
        try:
            yield
        finally:
            self._writing.release()

    def _at_place(self, order: str) -> Record | None:
        with self._reading:
            row = self._reader.execute(
                "SELECT name, place, length FROM orders JOIN files ON number = file WHERE order_no = ?", (order,)
            ).fetchone()
        if row is None:
            return None
        name, place, length = row
        try:
            with (self._folder / name).open("rb") as file:
                file.seek(place)
                found = read(file.read(length))
        except (OSError, Refused):
            found = None
        if found is not None and order in found.orders:
            return found
        # The file was written anew or taken away; what it holds now is read by the next scan.
        _log.warning("%s no longer holds what the index says; it is read again", name)
        with self._patiently():
            self._writer.execute("UPDATE files SET size = -1, read_to = 0 WHERE name = ?", (name,))
            self._writer.execute("DELETE FROM orders WHERE order_no = ?", (order,))
        return None

    def counts(self) -> Counts:
        """What the index holds."""
        with self._reading:
            row = self._reader.execute(
                "SELECT COUNT(*), COALESCE(SUM(records), 0), COALESCE(SUM(incomplete), 0) FROM files"
            ).fetchone()
        return Counts(*row)

    # ---- reading the folder

    def scan(self) -> int:
        """Read what is new, the newest file first; the number of records read."""
        with self._writing:
            return self._scan(float("inf"))

    def _scan(self, since: float) -> int:
        """Nothing is done where a scan began after ``since`` (monotonic seconds)."""
        if since < self._scanned:
            return 0
        self._scanned = time.monotonic()
        known = {file.name: file for file in map(_file, self._writer.execute("SELECT * FROM files"))}
        return sum(self._take(path, stat, known) for path, stat in reversed(list(_files(self._folder))))

    def _take(self, path: Path, stat: os.stat_result, known: dict[str, _File]) -> int:
        name = path.relative_to(self._folder).as_posix()
        file = known.get(name)
        if file is not None and (file.size, file.changed) == (stat.st_size, stat.st_mtime_ns):
            return 0
        if file is None:
            file = self._new(name)
        whole = path.suffix == ".json"
        if whole or stat.st_size < file.read_to or file.size < 0:
            file.read_to = file.records = file.incomplete = 0
        file.size, file.changed = stat.st_size, stat.st_mtime_ns
        before = file.records
        try:
            with path.open("rb") as opened:
                self._read(file, _whole(opened) if whole else _lines(opened, file.read_to))
        except OSError as error:
            _log.warning("%s cannot be read: %s", name, error.strerror)
        return file.records - before

    def _new(self, name: str) -> _File:
        number = self._writer.execute("INSERT INTO files VALUES (NULL, ?, 0, 0, 0, 0, 0)", (name,)).lastrowid
        return _File(number or 0, name, 0, 0, 0, 0, 0)

    def _read(self, file: _File, found: Iterator[tuple[int, int, bytes | None]]) -> None:
        named = 0
        rows: list[tuple[str, int, int, int]] = []
        for count, (place, length, data) in enumerate(found, 1):
            orders, faults = _judged(data)
            if faults:
                file.incomplete += 1
                named += 1
                if named <= _NAMED:
                    said = ", ".join(sorted({f"{found.code} {found.path}".strip() for found in faults})[:8])
                    _log.warning("%s, byte %d: incomplete: %s", file.name, place, said)
            file.records += 1
            file.read_to = place + length
            rows += [(order, file.number, place, length) for order in orders]
            if count % _BATCH == 0:
                self._write(file, rows)
                rows = []
                if self._stopped:
                    return
        self._write(file, rows)

    def _write(self, file: _File, rows: list[tuple[str, int, int, int]]) -> None:
        self._writer.execute("BEGIN IMMEDIATE")
        self._writer.executemany(_PUT, rows)
        self._writer.execute(
            "UPDATE files SET size = ?, changed = ?, read_to = ?, records = ?, incomplete = ? WHERE number = ?",
            (file.size, file.changed, file.read_to, file.records, file.incomplete, file.number),
        )
        self._writer.execute("COMMIT")


def _file(row: tuple[int, str, int, int, int, int, int]) -> _File:
    return _File(*row)


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Every ``.json`` and ``.jsonl`` file below the folder, by name; hidden ones are still being written."""
    for path in sorted(folder.rglob("*.json*")):
        if path.suffix in (".json", ".jsonl") and not path.name.startswith(".") and path.is_file():
            yield path, path.stat()


def _whole(file: BinaryIO) -> Iterator[tuple[int, int, bytes | None]]:
    data = file.read(MAX_BYTES + 1)
    yield 0, len(data), data if len(data) <= MAX_BYTES else None


def _lines(file: BinaryIO, start: int) -> Iterator[tuple[int, int, bytes | None]]:
    """(place, length, line) of each whole line from ``start``; None for one that is too long."""
    file.seek(start)
    place = start
    while line := file.readline(MAX_BYTES + 1):
        length, kept = len(line), line
        while not line.endswith(b"\n"):  # longer than allowed, or still being written
            line = file.readline(MAX_BYTES + 1)
            if not line:
                return
            length += len(line)
        if kept.strip():
            yield place, length, kept if length <= MAX_BYTES + 1 else None
        place += length


def _judged(data: bytes | None) -> tuple[tuple[str, ...], tuple[Fault, ...]]:
    """(order numbers, faults that refuse) of a record."""
    if data is None:
        return (), (fault("payment_data.too_large", limit=MAX_BYTES),)
    try:
        found = read(data.strip())
    except Refused as refused:
        return (), refused.faults
    return found.orders, () if found.complete else found.faults


def a_recent_order(folder: Path, draw: float) -> str | None:
    """An order of the newest file, by ``draw`` from 0 to below 1; as customs tests with an order of the same day."""
    for path, stat in reversed(list(_files(folder))):
        with path.open("rb") as file:
            if path.suffix == ".jsonl":
                file.seek(int(stat.st_size * draw))
                file.readline()
                if not (line := file.readline()).endswith(b"\n"):
                    file.seek(0)
                    line = file.readline(MAX_BYTES)
            else:
                line = file.read(MAX_BYTES)
        orders, _ = _judged(line)
        if orders:
            return orders[int(len(orders) * draw)]
    return None

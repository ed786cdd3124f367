"""Where a partition's states rest between commits: in RocksDB, so that memory stays flat, or in memory for small ones.

The changelog is the truth and the store a checkpoint of it: it may be old, never wrong. It is written without a log of its
own; RocksDB keeps the writes of one column family in order, so what survives a crash is a prefix, with its position.
"""

from __future__ import annotations

import shutil
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

import msgspec
from rocksdict import (
    BlockBasedIndexType,
    BlockBasedOptions,
    Cache,
    DBCompactionStyle,
    DBCompressionType,
    Options,
    Rdict,
    WriteBatch,
    WriteBufferManager,
    WriteOptions,
)

MEGABYTE = 1 << 20
#: What a stage's database may write in merges; at 1,400 declarations/s register's writes 5 MB/s of its own.
_MERGE_BYTES_A_SECOND = 32 * MEGABYTE


class Checkpoint(msgspec.Struct, frozen=True, array_like=True):
    """How far the store is: the packed position, the changelog offset up to which it has applied (``tail``), and the
    position record found there (``mark``), by which another changelog of the same name is told apart. ``owed``: (key, offset)
    of the snapshots to be published yet.
    """

    position: bytes
    tail: int
    mark: bytes
    owed: tuple[tuple[bytes, int], ...] = ()


#: (key, new entry or None: forgotten, the due its old entry was indexed under, the due of the new one; 0: none).
Change = tuple[bytes, bytes | None, int, int]


class PartitionStore(Protocol):
    """The states of one partition."""

    def checkpoint(self) -> Checkpoint | None:
        """How far it is; None where it is new."""

    def get(self, key: bytes) -> bytes | None:
        """A key's entry."""

    def dues(self, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        """(due, key) with start ≤ due ≤ end, in order."""

    def write(self, changes: Iterable[Change], checkpoint: Checkpoint) -> None:
        """All or nothing."""

    def wipe(self) -> None:
        """Forget everything."""


class Store(Protocol):
    """The states of one stage."""

    def partition(self, number: int) -> PartitionStore:
        """One partition's; opened where it is not yet."""

    def close(self) -> None:
        """Keep what was written; no partition may be used afterwards."""


class MemoryPartition:
    """One partition's states in memory."""

    def __init__(self) -> None:
        self._entries: dict[bytes, bytes] = {}
        self._dues: list[tuple[int, bytes]] = []
        self._checkpoint: Checkpoint | None = None

    def checkpoint(self) -> Checkpoint | None:
        return self._checkpoint

    def get(self, key: bytes) -> bytes | None:
        return self._entries.get(key)

    def dues(self, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        first, last = bisect_left(self._dues, (start, b"")), bisect_left(self._dues, (end + 1, b""))
        return iter(self._dues[first:last])

    def write(self, changes: Iterable[Change], checkpoint: Checkpoint) -> None:
        entries, dues = self._entries, self._dues
        for key, entry, old_due, due in changes:
            if entry is None:
                entries.pop(key, None)
            else:
                entries[key] = entry
            if old_due != due or entry is None:
                if old_due:
                    self._unindex((old_due, key))
                if due and entry is not None:
                    insort(dues, (due, key))
        self._checkpoint = checkpoint

    def _unindex(self, item: tuple[int, bytes]) -> None:
        at = bisect_left(self._dues, item)
        if at < len(self._dues) and self._dues[at] == item:
            del self._dues[at]

    def wipe(self) -> None:
        self._entries.clear()
        self._dues.clear()
        self._checkpoint = None


class MemoryStore:
    """A stage's states in memory."""

    def __init__(self) -> None:
        self._partitions: dict[int, MemoryPartition] = {}

    def partition(self, number: int) -> MemoryPartition:
        return self._partitions.setdefault(number, MemoryPartition())

    def close(self) -> None:
        """Nothing is kept."""


class Memory:
    """What all RocksDB stores of a process may use together, in bytes: blocks read, and writes not yet in files."""

    def __init__(self, blocks: int = 8 * MEGABYTE, writes: int = 48 * MEGABYTE) -> None:
        self.blocks = Cache(blocks)
        self.writes = WriteBufferManager(writes, allow_stall=False)


_ENTRY, _DUE, _CHECKPOINT, _END = b"e", b"t", b"\x00", b"\xff"
_pack = msgspec.msgpack.Encoder().encode
_checkpoint = msgspec.msgpack.Decoder(Checkpoint).decode


class RocksPartition:
    """One partition's keys in a stage's database: number (2 bytes), then ``e`` key, ``t`` due key, or the checkpoint."""

    def __init__(self, database: Rdict, number: int) -> None:
        self._database = database
        prefix = number.to_bytes(2, "big")
        self._entry, self._due = prefix + _ENTRY, prefix + _DUE
        self._begin, self._end, self._place = prefix, prefix + _END, prefix + _CHECKPOINT
        self._options = WriteOptions()
        self._options.disable_wal = True

    def checkpoint(self) -> Checkpoint | None:
        found = self._database.get(self._place)
        return None if found is None else _checkpoint(found)

    def get(self, key: bytes) -> bytes | None:
        found: bytes | None = self._database.get(self._entry + key)
        return found

    def dues(self, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        prefix = self._due
        at = len(prefix)
        items = self._database.iter()
        items.seek(prefix + max(start, 0).to_bytes(8, "big"))
        while items.valid():
            key = items.key()
            if not key.startswith(prefix):
                return
            due = int.from_bytes(key[at : at + 8], "big")
            if due > end:
                return
            yield due, key[at + 8 :]
            items.next()

    def write(self, changes: Iterable[Change], checkpoint: Checkpoint) -> None:
        batch = WriteBatch(raw_mode=True)
        put, delete, entry_prefix, due_prefix = batch.put, batch.delete, self._entry, self._due
        for key, entry, old_due, due in changes:
            if entry is None:
                delete(entry_prefix + key)
                due = 0  # noqa: PLW2901 - what is forgotten is not due
            else:
                put(entry_prefix + key, entry)
            if old_due != due:
                if old_due:
                    delete(due_prefix + old_due.to_bytes(8, "big") + key)
                if due:
                    put(due_prefix + due.to_bytes(8, "big") + key, b"")
        put(self._place, _pack(checkpoint))
        self._database.write(batch, self._options)

    def wipe(self) -> None:
        batch = WriteBatch(raw_mode=True)
        batch.delete_range(self._begin, self._end)
        self._database.write(batch, self._options)


class RocksStore:
    """A stage's states in a folder of its own; one process at a time may have it open."""

    def __init__(self, folder: Path, memory: Memory | None = None) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        self._memory = memory or Memory()
        self._partitions: dict[int, RocksPartition] = {}
        try:
            self._database = Rdict(str(folder), _options(self._memory))
        except Exception as error:  # rocksdict raises nothing narrower
            if "lock" in str(error).lower():
                raise
            # Unreadable, as after a power cut: the changelog has it all.
            shutil.rmtree(folder)
            self._database = Rdict(str(folder), _options(self._memory))

    def partition(self, number: int) -> RocksPartition:
        found = self._partitions.get(number)
        if found is None:
            found = self._partitions[number] = RocksPartition(self._database, number)
        return found

    def close(self) -> None:
        self._database.flush()
        self._database.close()


def _options(memory: Memory) -> Options:
    table = BlockBasedOptions()
    table.set_block_cache(memory.blocks)
    table.set_bloom_filter(10, block_based=False)
    # Indexes and filters count as blocks and are cut into small ones: otherwise each read of a cold key would read a whole
    # file's index (measured: 230 µs instead of 10).
    table.set_cache_index_and_filter_blocks(v=True)
    table.set_index_type(BlockBasedIndexType.two_level_index_search())
    table.set_partition_filters(size=True)
    table.set_metadata_block_size(4096)
    options = Options(raw_mode=True)
    options.create_if_missing(create_if_missing=True)
    options.set_block_based_table_factory(table)
    options.set_write_buffer_manager(memory.writes)
    options.set_write_buffer_size(16 * MEGABYTE)
    # Most keys are written twice in their first seconds and then rest for months: merging files of like size rewrites each
    # of them a few times, where levels would rewrite all that rests with every few flushes.
    options.set_compaction_style(DBCompactionStyle.universal())
    # A merge of everything would take a core for seconds; so it takes a part of one for half a minute.
    options.set_ratelimiter(_MERGE_BYTES_A_SECOND, 100_000, 10)
    options.set_level_zero_file_num_compaction_trigger(6)
    options.set_compression_type(DBCompressionType.lz4())
    options.set_max_open_files(64)
    options.set_max_background_jobs(2)
    options.set_keep_log_file_num(2)
    options.set_max_log_file_size(MEGABYTE)
    return options

"""The states of one partition while it is worked on: what is not yet committed, what is not yet in the store, what is hot.

``touched`` is the batch being made, ``overlay`` everything newer than the store (written to it in large pieces, so that a
key that changes eight times in a minute is written once), ``recent`` what was written to it last and need not be decoded
again. The batch is bounded by the runtime's limits, the others by ``flush_keys`` and ``flush_bytes``, each.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import merge
from itertools import islice
from typing import Any, Generic, TypeVar

from streams.api import Stage
from streams.entries import EMPTY, HEAD, Entry
from streams.limits import TooLargeError
from streams.store import Change, Checkpoint, PartitionStore

S = TypeVar("S")

NEVER = 1 << 62
_ABSENT: Any = object()


class State(Generic[S]):
    """The entries of one partition by key, and which are due."""

    def __init__(self, stage: Stage[S], store: PartitionStore, *, flush_keys: int, flush_bytes: int) -> None:
        self._stage = stage
        self._store = store
        self._flush_keys = flush_keys
        self._flush_bytes = flush_bytes
        self._bytes = 0
        self.overlay: dict[bytes, Entry | None] = {}
        self._recent: dict[bytes, Entry | None] = {}
        self.touched: dict[bytes, Entry | None] = {}
        self._blobs: dict[bytes, bytes | None] = {}
        self._indexed: dict[bytes, int] = {}
        # Lower bounds of the dues in the overlay and in the store's index.
        self._soonest = NEVER
        self._soonest_stored = 0

    # ---- one batch

    def find(self, key: bytes) -> Entry | None:
        """A key's entry, wherever it is; None for an unknown key."""
        entry: Entry | None = self.overlay.get(key, _ABSENT)
        if entry is not _ABSENT:
            return entry
        entry = self._recent.get(key, _ABSENT)
        if entry is not _ABSENT:
            return entry
        blob = self._store.get(key)
        # Not kept: nearly always it is changed now, and will be kept then.
        return self._decode(blob) if blob is not None else None

    def put(self, key: bytes, entry: Entry | None, old: Entry | None) -> None:
        """The key's new entry in this batch (None: forget it); ``old`` is what ``find`` gives for it."""
        overlay, touched = self.overlay, self.touched
        if key not in touched:
            before = overlay.get(key, _ABSENT)
            if before is _ABSENT:
                self._indexed[key] = old[1] if old is not None else 0
            touched[key] = before
        overlay[key] = entry
        if entry is not None and 0 < entry[1] < self._soonest:
            self._soonest = entry[1]

    def touch(self, key: bytes) -> None:
        """Let the batch hold the key as it is."""
        entry = self.find(key)
        self.put(key, entry, entry)

    def rollback(self) -> None:
        """As if the batch had not been."""
        for key, old in self.touched.items():
            if old is _ABSENT:
                del self.overlay[key]
                del self._indexed[key]
            else:
                self.overlay[key] = old
                if old is not None and 0 < old[1] < self._soonest:
                    self._soonest = old[1]
        self.touched.clear()

    def encode(self, most: int) -> list[tuple[bytes, bytes | None]]:
        """(key, entry) of every touched key, as the changelog takes them; raises where a dump has more than ``most`` bytes."""
        overlay, pack, dump = self.overlay, HEAD.pack, self._stage.dump
        rows: list[tuple[bytes, bytes | None]] = []
        for key in self.touched:
            entry = overlay[key]
            if entry is None:
                rows.append((key, None))
            else:
                applied, due, flags, state = entry
                blob = b"" if flags & EMPTY else dump(state)
                if len(blob) > most:
                    raise TooLargeError(self._stage.name)
                rows.append((key, pack(applied, due, flags) + blob))
        return rows

    def commit(self, rows: list[tuple[bytes, bytes | None]]) -> None:
        """The changelog has the batch: ``rows`` as ``encode`` made them."""
        self._blobs.update(rows)
        self._bytes += sum([len(blob) for _, blob in rows if blob is not None])
        self.touched.clear()

    # ---- dues

    def due(self, now: int, offset: int) -> Iterator[tuple[int, bytes]]:
        """(due, key) of what is due at ``now`` (ms), in order; what this tick (``offset``) has touched waits for the next."""
        waiting = self._due_here(now, offset) if self._soonest <= now else []
        if self._soonest_stored > now:
            return iter(waiting)
        return merge(waiting, self._due_stored(now, offset))

    def _due_here(self, now: int, offset: int) -> list[tuple[int, bytes]]:
        return sorted(
            (entry[1], key)
            for key, entry in self.overlay.items()
            if entry is not None and 0 < entry[1] <= now and entry[0] < offset
        )

    def _due_stored(self, now: int, offset: int) -> Iterator[tuple[int, bytes]]:
        for due, key in self._store.dues(self._soonest_stored, now):
            if key in self.overlay:
                continue
            entry = self.find(key)
            if entry is not None and entry[1] == due and entry[0] < offset:
                yield due, key

    def fired(self, now: int) -> None:
        """Everything due at ``now`` has been fired: find out when something will be."""
        if self._soonest <= now:
            self._soonest = min((entry[1] for entry in self.overlay.values() if entry and entry[1]), default=NEVER)
        if self._soonest_stored <= now:
            found = next(self._store.dues(self._soonest_stored, NEVER), None)
            self._soonest_stored = found[0] if found else NEVER

    # ---- the store

    def absorb(self, key: bytes, blob: bytes | None) -> None:
        """A committed entry from the changelog; one that is older than what is known is left out."""
        old = self.find(key)
        if blob is None:
            entry = None
        else:
            entry = self._decode(blob)
            if old is not None and entry[0] < old[0]:
                return
        self.put(key, entry, old)
        self._blobs[key] = blob
        self._bytes += len(blob or b"")
        self.touched.clear()

    def checkpoint(self) -> Checkpoint | None:
        """How far the store is."""
        return self._store.checkpoint()

    @property
    def full(self) -> bool:
        """Whether it is time to write to the store."""
        return len(self.overlay) >= self._flush_keys or self._bytes >= self._flush_bytes

    def flush(self, checkpoint: Checkpoint) -> None:
        """Write what the store does not have, up to a committed position; no batch may be open."""
        changes: list[Change] = []
        blobs, indexed = self._blobs, self._indexed
        for key, entry in self.overlay.items():
            blob = blobs[key]
            if entry is None or blob is None:
                changes.append((key, None, indexed[key], 0))
                continue
            due = entry[1]
            changes.append((key, blob, indexed[key], due))
            if 0 < due < self._soonest_stored:
                self._soonest_stored = due
        self._store.write(changes, checkpoint)
        # What came last is what is asked for next; the rest is cold by now.
        self._recent = dict(islice(self.overlay.items(), len(self.overlay) // 2, None))
        self._clear()

    def wipe(self) -> None:
        """Forget everything, the store's part too."""
        self._store.wipe()
        self._clear()
        self._recent = {}

    def _clear(self) -> None:
        self.overlay = {}
        self.touched.clear()
        self._blobs.clear()
        self._indexed.clear()
        self._bytes = 0
        self._soonest = NEVER

    def _decode(self, blob: bytes) -> Entry:
        applied, due, flags = HEAD.unpack_from(blob)
        return applied, due, flags, None if flags & EMPTY else self._stage.load(blob[HEAD.size :])

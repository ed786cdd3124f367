"""Catching up with a changelog: from what the store has, or from the beginning where that does not fit."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from streams.entries import POSITION_KEY
from streams.log import Reader, Row
from streams.partition import Partition

log = logging.getLogger(__name__)

#: A store older than this (ms) is not caught up but rebuilt: the changelog may have forgotten deletions that it missed
#: (the broker keeps tombstones for a day, ``delete.retention.ms``).
OLDEST_STORE = 12 * 3_600_000


async def catch_up(reader: Reader, topic: str, partitions: Mapping[int, Partition[Any]], now: int) -> int:
    """Apply what is in the changelog beyond each partition's tail; returns how many records were read.

    ``now``: ms since the epoch. No batch may be open.
    """
    bounds = await reader.bounds(topic, list(partitions))
    spans = {number: _span(partition, *bounds[number], now) for number, partition in partitions.items()}
    count = 0
    while spans:
        read, misfits = await _apply(reader, topic, partitions, spans)
        count += read
        for number in misfits:
            partitions[number].wipe()
        spans = {number: bounds[number] for number in misfits}
    for number, partition in partitions.items():
        partition.tail = bounds[number][1] - 1
        partition.fresh = False
    return count


def _span(partition: Partition[Any], first: int, end: int, now: int) -> tuple[int, int]:
    """What is to be read. A store just opened shows by its last record that it belongs to this changelog."""
    if partition.fresh and partition.committed is not None:
        old = now - partition.committed.now.at > OLDEST_STORE
        if old or partition.tail >= end or partition.tail + 1 < first:
            log.warning("partition %d: the store does not fit the changelog and is rebuilt", partition.number)
            partition.wipe()
        return max(partition.tail, first), end
    return max(partition.tail + 1, first), end


async def _apply(
    reader: Reader, topic: str, partitions: Mapping[int, Partition[Any]], spans: Mapping[int, tuple[int, int]]
) -> tuple[int, set[int]]:
    """(records read, partitions whose store is of another changelog)."""
    pending: dict[int, list[Row]] = {number: [] for number in spans}
    misfits: set[int] = set()
    count = 0
    async for number, records in reader.read(topic, spans):
        count += len(records)
        if number not in misfits and not _absorb(partitions[number], pending[number], records):
            misfits.add(number)
    # Rows without a position never counted: their batch was not whole, or is not yet.
    return count, misfits


def _absorb(partition: Partition[Any], rows: list[Row], records: Sequence[Any]) -> bool:
    """Apply whole batches; ``rows`` holds the one begun. False where the store's last record is not what it was."""
    for record in records:
        if record.offset <= partition.tail:
            if not partition.matches(record.offset, record.key, record.value):
                return False
        elif record.key != POSITION_KEY:
            rows.append((record.key, record.value))
        else:
            if not partition.apply(rows, record.value, record.offset):
                log.warning("partition %d: a late batch of %d keys is discarded", partition.number, len(rows))
            rows.clear()
    return True

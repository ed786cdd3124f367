"""What the hub's processes share: their clock, and ending when they are told to."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import time
from contextlib import suppress


class WallClock:
    """The machine's time."""

    def now(self) -> int:
        """Milliseconds since the epoch, UTC."""
        return time.time_ns() // 1_000_000


async def until_told() -> None:
    """Wait for SIGTERM or SIGINT."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    await told.wait()


def run_in_batches() -> None:
    """Ask the scheduler for long turns instead of early ones, for this thread and those it starts (Linux; see sched(7)).

    What works in batches loses by every interruption, and answers nobody who waits.
    """
    if hasattr(os, "SCHED_BATCH"):
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def collect_seldom() -> None:
    """Let the collector of cycles leave alone what start-up made, and look at the rest seldom.

    What passes through is many small tuples without cycles; looking at them all at every turn costs up to a third of the CPU.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)

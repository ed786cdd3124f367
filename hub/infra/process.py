"""What the hub's processes share: their clock, and ending when they are told to."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import platform
import signal
import struct
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


#: How long a turn is asked for, ns. The kernel's own 1.4 ms (two cores) cost a tenth of all CPU where every process has work:
#: after each turn of another, a process finds its caches cold (1,294–1,442 against 1,170–1,307 µs a declaration).
_TURN = 8_000_000
#: sched_setattr(2), which Python does not know, by machine.
_SET_ATTRIBUTES = {"x86_64": 314, "aarch64": 274}
#: struct sched_attr: size, policy, flags, nice, priority, runtime, deadline, period.
_ATTRIBUTES = struct.Struct("=IIQiIQQQ")


def run_in_batches() -> None:
    """Ask the scheduler for long turns instead of early ones, for this thread and those it starts (Linux; see sched(7)).

    What works in batches loses by every interruption, and answers nobody who waits. A kernel before 6.12 heeds the policy only.
    """
    if not hasattr(os, "SCHED_BATCH"):
        return
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    number = _SET_ATTRIBUTES.get(platform.machine())
    if number is not None:
        nice = os.getpriority(os.PRIO_PROCESS, 0)
        attributes = _ATTRIBUTES.pack(_ATTRIBUTES.size, os.SCHED_BATCH, 0, nice, 0, _TURN, 0, 0)
        ctypes.CDLL(None).syscall(number, 0, attributes, 0)  # refused: as before


def collect_seldom() -> None:
    """Let the collector of cycles leave alone what start-up made, and look at the rest seldom.

    What passes through is many small tuples without cycles; looking at them all at every turn costs up to a third of the CPU.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)

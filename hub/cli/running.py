"""What the processes of the command line share: their clock, and ending cleanly when they are told to."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Coroutine
from typing import Any

import click

from hub.domain.faults import HubError, Misconfigured


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


def run(main: Coroutine[Any, Any, int | None]) -> None:
    """Run a command's coroutine; what is misconfigured or away is said in a sentence each, not as a traceback."""
    try:
        code = asyncio.run(main)
    except Misconfigured as error:
        raise click.ClickException("\n".join(error.problems)) from error
    except HubError as error:
        raise click.ClickException(str(error)) from error
    sys.exit(code or 0)

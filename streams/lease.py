"""When a process may still write: the right to a partition, measured by what the coordinator has confirmed."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable
from typing import Any, NoReturn

log = logging.getLogger(__name__)

#: Exit code of a process that may no longer write; its supervisor starts it anew.
EXIT_LOST = 3
_REBALANCE_IN_PROGRESS = 27


def end_process(reason: str) -> NoReturn:
    """Crash only: what cannot be written under the lease is dropped with the process, and nothing is flushed on the way."""
    log.critical("the process ends: %s", reason)
    logging.shutdown()
    os._exit(EXIT_LOST)


def boot_clock() -> float:
    """Seconds, running on while the machine is suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Lease:
    """Held until half a session after the *sending* of the last request by which the coordinator confirmed this member.

    The sending counts, not the answer: the coordinator's own clock starts somewhere between them.
    """

    def __init__(
        self, session: float, rebalance: float, clock: Callable[[], float] = boot_clock,
        end: Callable[[str], NoReturn] = end_process,
    ) -> None:  # fmt: skip
        self._session = session
        self._rebalance = rebalance
        self._clock = clock
        self._end = end
        self._confirmed = self._stable = float("-inf")
        # Any: aiokafka's coordinator, which has no types.
        self._coordinator: Any = None

    def watch(self, coordinator: Any) -> None:
        """See every answer to the coordinator's own requests."""
        send, self._coordinator = coordinator._send_req, coordinator

        async def _send_req(request: Any) -> Any:
            sent = self._clock()
            response = await send(request)
            if type(response).__name__.startswith(("Heartbeat", "SyncGroup")):
                self.answered(sent, response.error_code)
            return response

        coordinator._send_req = _send_req

    def answered(self, sent: float, error_code: int) -> None:
        """A heartbeat or sync was answered."""
        if error_code == 0:
            self._confirmed = self._stable = sent
        elif error_code == _REBALANCE_IN_PROGRESS:
            # Known, but to rejoin: the partitions are kept until the time for that is up. Not counting it at all would
            # deadlock the revocation, which waits for the flush in flight.
            self._confirmed = max(self._confirmed, min(sent, self._stable + self._rebalance - self._session))

    @property
    def valid(self) -> bool:
        """Whether it is held now."""
        return self._clock() - self._confirmed < self._session / 2

    async def check(self, generation: int) -> None:
        """Return once it is held in this generation; end the process where the generation is over."""
        while True:
            current = self._coordinator.generation
            if current != generation:
                self._end(f"generation {generation} is over ({current})")
            if self.valid:
                return
            # The broker is away, or the process was frozen: the next heartbeat decides.
            await asyncio.sleep(0.02)

"""A process that carries the test stages, and can kill or freeze itself at an exact point.

``python -m tests.support.stream_worker BOOTSTRAP SUFFIX INSTANCE STAGES DATA [POINT:N:SIGNAL]``; DATA ``-`` keeps the states in
memory, POINT is one of ``POINTS``, N counts how often it is passed before.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from streams import faust_driver
from streams.api import Output
from streams.lease import Lease
from streams.limits import Limits
from streams.log import KafkaLog, Row
from streams.runtime import Batch, Hooks
from tests.support.stream_stages import Count, Join, Topics

POINTS = ("before-outputs", "mid-outputs", "before-changelog", "mid-changelog", "after-changelog", "at-socket")
#: Small enough for several commits a fetch, several writes of the store a run, and positions soon after the last event.
LIMITS = Limits(events=400, flush_keys=2000, idle_ticks=3, dead_letters=200)


class Trap:
    """Sends this process a signal the N-th time a point is passed."""

    def __init__(self, point: str, count: int, name: str) -> None:
        self.point = point
        self._left = count
        self._signal = getattr(signal, name)

    def passed(self, point: str) -> bool:
        """Whether it is time; only the wanted point counts."""
        if point != self.point or self._left <= 0:
            return False
        self._left -= 1
        return self._left == 0

    def spring(self) -> None:
        print(f"TRAP {self.point} pid={os.getpid()}", file=sys.stderr, flush=True)
        os.kill(os.getpid(), self._signal)

    def install(self) -> None:
        """Put itself between the runtime and Kafka."""
        write, append, check = KafkaLog.write, KafkaLog.append, Lease.check

        async def trapped_write(log: KafkaLog, outputs: Sequence[Output]) -> None:
            if self.passed("before-outputs"):
                self.spring()
            if len(outputs) > 1 and self.passed("mid-outputs"):
                await write(log, outputs[: len(outputs) // 2])
                self.spring()
            await write(log, outputs)

        async def trapped_append(
            log: KafkaLog, topic: str, batches: Mapping[int, Sequence[Row]]
        ) -> dict[int, tuple[int, int]]:
            if self.passed("before-changelog"):
                self.spring()
            if len(batches) > 1 and self.passed("mid-changelog"):
                await append(log, topic, dict(list(batches.items())[: len(batches) // 2]))
                self.spring()
            done = await append(log, topic, batches)
            if self.passed("after-changelog"):
                self.spring()
            return done

        async def trapped_check(lease: Lease, generation: int) -> None:
            await check(lease, generation)
            if self.passed("at-socket"):
                self.spring()

        KafkaLog.write = trapped_write  # type: ignore[method-assign]
        KafkaLog.append = trapped_append  # type: ignore[method-assign]
        Lease.check = trapped_check  # type: ignore[method-assign]


class Meter:
    """CPU of this process for each event, between two counts of events; then ends the process."""

    def __init__(self, first: int, last: int) -> None:
        self._first, self._last = first, last
        self._events = self._commits = 0
        self._began: tuple[int, int, float, float] | None = None

    def __call__(self, batch: Batch) -> None:
        self._events += batch.events
        self._commits += 1
        if self._began is None and self._events >= self._first:
            self._began = self._events, self._commits, time.process_time(), time.perf_counter()
        if self._began is not None and self._events >= self._last:
            events, commits, cpu, wall = self._began
            count = self._events - events
            print(
                f"MEASURED {batch.stage} events={count} cpu={(time.process_time() - cpu) / count * 1e6:.2f}us "
                f"rate={count / (time.perf_counter() - wall):.0f}/s per_commit={count // (self._commits - commits)}",
                flush=True,
            )
            os._exit(0)


def main(arguments: Sequence[str]) -> None:
    bootstrap, suffix, instance, names, data, *rest = arguments
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    logging.getLogger("aiokafka").setLevel(logging.ERROR)
    logging.getLogger("faust").setLevel(logging.WARNING)
    logging.getLogger("mode").setLevel(logging.WARNING)
    topics = Topics(suffix)
    made: dict[str, Callable[[Topics], Any]] = {"join": Join, "count": Count}
    observe, limits = None, LIMITS
    if rest and rest[0].startswith("measure:"):
        first, last = map(int, rest[0].split(":")[1:])
        observe, limits = Meter(first, last), Limits()
    elif rest:
        point, count, name = rest[0].split(":")
        Trap(point, int(count), name).install()
    faust_driver.run(
        [made[name](topics) for name in names.split(",")],
        faust_driver.Options(
            bootstrap=bootstrap, instance=instance, data=None if data == "-" else Path(data), limits=limits
        ),
        Hooks(seal=lambda value: b"sealed " + value, observe=observe),
        lambda name: print(f"READY {name}", flush=True),
    )


if __name__ == "__main__":
    main(sys.argv[1:])

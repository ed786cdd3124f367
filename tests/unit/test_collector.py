"""Group commit: together, in order, bounded, and nobody suffers for a neighbour."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence

import pytest

from adapters import collector
from adapters.collector import Collector
from hub.domain.faults import Unavailable
from hub.ports import Row

PLACE = ("topic", 0)


class Log:
    """Refuses rows whose value is ``bad``; writes wait for ``go``."""

    def __init__(self) -> None:
        self.values: list[bytes] = []
        self.batches: list[int] = []
        self.begun = asyncio.Event()
        self.go = asyncio.Event()
        self.go.set()

    async def send(self, rows: Mapping[tuple[str, int], Sequence[Row]]) -> dict[tuple[str, int], list[int]]:
        self.begun.set()
        await self.go.wait()
        values = [row[1] or b"" for some in rows.values() for row in some]
        if b"bad" in values:
            raise ValueError("no batch can take it")
        self.batches.append(len(values))
        self.values += values
        return {place: list(range(len(some))) for place, some in rows.items()}


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
async def made(log: Log) -> AsyncIterator[Collector]:
    found = Collector(log, lambda root: root, "key", 0.005, 0.3)
    yield found
    await found.stop()


def put(made: Collector, value: bytes, size: int = 1) -> asyncio.Task[bytes]:
    return asyncio.create_task(made.put(None, lambda _: (None, value, []), PLACE, size))


async def test_what_comes_together_is_written_together_in_its_order(made: Collector, log: Log) -> None:
    values = [b"%d" % number for number in range(100)]
    await asyncio.gather(*[put(made, value) for value in values])
    assert log.values == values
    assert len(log.batches) == 1


async def test_an_acknowledgement_comes_back_with_its_proof(made: Collector) -> None:
    proven = await made.put({"submission": "x"}, lambda body: (None, body, []), PLACE, 1)
    assert json.loads(proven)["proof"]["key"] == "key"


async def test_batches_are_bounded_by_number_and_bytes(made: Collector, log: Log) -> None:
    await asyncio.gather(*[put(made, b"x") for _ in range(collector.MOST + 1)])
    assert max(log.batches) == collector.MOST
    log.batches.clear()
    await asyncio.gather(*[put(made, b"x", collector.MOST_BYTES) for _ in range(3)])
    assert log.batches == [1, 1, 1]


async def test_what_cannot_be_written_fails_alone(made: Collector, log: Log) -> None:
    sound, bad, other = put(made, b"a"), put(made, b"bad"), put(made, b"b")
    await asyncio.gather(sound, other)
    with pytest.raises(ValueError, match="no batch"):
        await bad
    assert log.values == [b"a", b"b"]


async def test_what_nobody_waits_for_is_let_go(made: Collector, log: Log) -> None:
    log.go.clear()
    first = put(made, b"under way")
    await asyncio.wait_for(log.begun.wait(), 10)
    late = put(made, b"late")
    await asyncio.sleep(0)  # the task puts its entry in
    assert len(made._queue) == 1
    late.cancel()
    with pytest.raises(asyncio.CancelledError):
        await late
    assert made._queue == []
    log.go.set()
    await first
    assert log.values == [b"under way"]


async def test_a_write_that_takes_too_long_is_an_unknown_outcome_and_the_next_goes_on(made: Collector, log: Log) -> None:
    log.go.clear()
    with pytest.raises(Unavailable):
        await put(made, b"lost from sight")
    log.go.set()
    await put(made, b"next")
    assert log.values[-1] == b"next"

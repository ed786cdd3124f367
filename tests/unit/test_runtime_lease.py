"""When a process may write."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

from streams.lease import Lease

REBALANCE_IN_PROGRESS, UNKNOWN_MEMBER = 27, 25


class EndedError(Exception):
    """The process would have ended."""


def end(reason: str) -> NoReturn:
    raise EndedError(reason)


class HeartbeatResponse:
    def __init__(self, error_code: int) -> None:
        self.error_code = error_code


class Coordinator:
    """Answers when told to."""

    def __init__(self, generation: int = 4) -> None:
        self.generation = generation
        self.answer = HeartbeatResponse(0)
        self.delay: Any = None

    async def _send_req(self, request: object) -> HeartbeatResponse:
        if self.delay is not None:
            self.delay()
        return self.answer


class Case:
    def __init__(self) -> None:
        self.now = 100.0
        self.lease = Lease(6.0, 10.0, clock=lambda: self.now, end=end)
        self.coordinator = Coordinator()
        self.lease.watch(self.coordinator)

    async def heartbeat(self, error_code: int = 0, takes: float = 0.0) -> None:
        def passes() -> None:
            self.now += takes

        self.coordinator.delay = passes
        self.coordinator.answer = HeartbeatResponse(error_code)
        await self.coordinator._send_req(SimpleNamespace())


def test_nothing_may_be_written_before_the_first_answer() -> None:
    assert not Case().lease.valid


async def test_it_is_held_for_half_a_session_after_the_sending() -> None:
    case = Case()
    await case.heartbeat(takes=1.0)
    case.now += 1.9
    assert case.lease.valid
    case.now += 0.2
    assert not case.lease.valid


async def test_an_answer_that_denies_does_not_prolong_it() -> None:
    case = Case()
    await case.heartbeat()
    case.now += 2.0
    await case.heartbeat(UNKNOWN_MEMBER)
    case.now += 1.5
    assert not case.lease.valid


async def test_a_rebalance_prolongs_it_until_its_time_is_up_and_no_longer() -> None:
    case = Case()
    await case.heartbeat()
    for _ in range(10):
        case.now += 0.5
        await case.heartbeat(REBALANCE_IN_PROGRESS)
    assert case.lease.valid
    case.now += 3.0
    await case.heartbeat(REBALANCE_IN_PROGRESS)
    assert not case.lease.valid


async def test_a_check_waits_for_the_next_answer_after_a_freeze() -> None:
    case = Case()
    await case.heartbeat()
    case.now += 60
    checking = asyncio.ensure_future(case.lease.check(4))
    done, _ = await asyncio.wait([checking], timeout=0.1)
    assert not done
    await case.heartbeat()
    await asyncio.wait_for(checking, 1)


async def test_a_check_ends_the_process_in_another_generation_even_while_it_waits() -> None:
    case = Case()
    await case.heartbeat()
    with pytest.raises(EndedError):
        await case.lease.check(3)
    case.now += 60
    checking = asyncio.ensure_future(case.lease.check(4))
    await asyncio.sleep(0)
    case.coordinator.generation = 5
    with pytest.raises(EndedError, match="generation 4 is over"):
        await asyncio.wait_for(checking, 1)

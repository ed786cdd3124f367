"""When the bench's messages are due."""

from __future__ import annotations

import pytest

from hub.bench.load import Plan


def _plan(**over: float) -> Plan:
    return Plan([], [], "", 0, 100.0, 1, 60.0, "", **over)


def test_without_a_burst_messages_come_evenly() -> None:
    assert [_plan().due(n) for n in (0, 1, 100, 250)] == [0, 0.01, 1, 2.5]


def test_in_a_burst_twice_as_many_come() -> None:
    plan = _plan(burst_at=5.0, burst=6.0)
    assert plan.due(500) == 5
    assert plan.due(1700) == pytest.approx(11), "1,200 in six seconds"
    assert plan.due(1800) == pytest.approx(12)
    assert sum(1 for n in range(2000) if 6 <= plan.due(n) < 7) == 200

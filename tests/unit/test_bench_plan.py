"""When the bench's messages are due, and which declarations the hub owes for those it acknowledged."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from hub.bench.load import FRAME, Plan, Tally, run
from hub.bench.run import acknowledged


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


def test_a_declaration_is_owed_when_all_four_of_its_messages_were_acknowledged() -> None:
    assert acknowledged(Tally(sent=12), 1) == {0, 1, 2}
    assert acknowledged(Tally(sent=12, open=[0, 11]), 1) == {1}
    assert acknowledged(Tally(sent=11), 2) == {0, 1, 2, 3}, "the last one's own message was not sent"
    assert acknowledged(Tally(sent=16, open=[7]), 50) == {*range(50), *range(100, 200)}


async def test_a_message_whose_acknowledgement_did_not_come_is_not_counted_as_acknowledged(tmp_path: Path) -> None:
    """The hub took every one of them in: more were assessed than were acknowledged, which was a loss below nothing."""
    taken: list[bytes] = []
    cut = asyncio.Event()

    async def take(request: web.Request) -> web.Response:
        taken.append(await request.read())
        if taken[-1] == b"5":
            await cut.wait()
        return web.Response(status=503 if taken[-1] == b"2" else 202)

    file = tmp_path / "0.load"
    file.write_bytes(b"".join(FRAME.pack(0, 1) + b"%d" % number for number in range(8)))
    app = web.Application()
    app.add_routes([web.post("/v1/messages", take)])
    async with TestServer(app) as server:
        plan = Plan([str(file)], ["key"], "127.0.0.1", server.port or 0, 0.0, 2, 60.0, "", patience=1.0)
        tally = await run(plan)
        cut.set()
    assert len(taken) == tally.sent == 8
    assert (tally.open, tally.accepted, tally.refused) == ([2, 5], 6, 1)
    assert acknowledged(tally, 1) == set()

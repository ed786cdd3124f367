"""Wrong keys: told apart, counted, slowed down by address; a right key beside them is answered at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hub.domain.faults import Refused, fault
from hub.web import wrong_keys
from hub.web.problems import answers_problems
from hub.web.wrong_keys import ADDRESSES, FIRST, FREE, MOST, REMEMBERED, WRONG_KEYS, WrongKeys


class Time:
    def __init__(self) -> None:
        self.ms = 1_000_000

    def now(self) -> int:
        return self.ms


def test_the_first_are_free_each_further_takes_longer_up_to_the_most_and_a_quiet_address_is_forgotten() -> None:
    time = Time()
    keys = WrongKeys(time.now)
    assert [keys.pause("a") for _ in range(FREE)] == [0.0] * FREE
    assert [keys.pause("a") for _ in range(3)] == [FIRST, 2 * FIRST, 4 * FIRST]
    assert max(keys.pause("a") for _ in range(100)) == MOST
    assert keys.pause("b") == 0.0
    time.ms += REMEMBERED + 1
    assert keys.pause("a") == 0.0


def test_only_so_many_addresses_are_remembered() -> None:
    keys = WrongKeys(Time().now)
    for number in range(2 * ADDRESSES):
        keys.pause(f"a{number}")
    assert len(keys._addresses) == ADDRESSES


@asynccontextmanager
async def opened() -> AsyncIterator[TestClient[web.Request, web.Application]]:
    async def answer(request: web.Request) -> web.Response:
        key = request.headers.get("Authorization", "")
        if key != "Bearer right":
            raise Refused([fault("access.revoked_key" if key == "Bearer revoked" else "access.unknown_key")])
        return web.Response(text="ok")

    app = web.Application(middlewares=[WrongKeys(Time().now).middleware, answers_problems])
    app.add_routes([web.get("/v1/x", answer)])
    async with TestClient(TestServer(app)) as client:
        yield client


def counted(code: str) -> float:
    return WRONG_KEYS.labels(code)._value.get()


async def test_a_right_key_is_not_slowed_by_wrong_ones_of_its_address() -> None:
    async with opened() as client:
        before = counted("access.revoked_key")
        for _ in range(FREE):
            assert (await client.get("/v1/x", headers={"Authorization": "Bearer revoked"})).status == 401
        slow = asyncio.create_task(client.get("/v1/x", headers={"Authorization": "Bearer revoked"}))
        await asyncio.sleep(0.05)
        assert (await client.get("/v1/x", headers={"Authorization": "Bearer right"})).status == 200
        assert not slow.done()
        answer = await slow
        assert (answer.status, (await answer.json(content_type=None))["faults"][0]["code"]) == (401, "access.revoked_key")
        assert counted("access.revoked_key") == before + FREE + 1


async def test_no_more_answers_wait_than_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wrong_keys, "WAITING", 2)
    async with opened() as client:
        wrong = {"Authorization": "Bearer wrong"}
        answers = await asyncio.gather(*[client.get("/v1/x", headers=wrong) for _ in range(FREE + 6)])
        assert sorted(answer.status for answer in answers) == [401] * (FREE + 2) + [429] * 4
        busy = next(answer for answer in answers if answer.status == 429)
        assert (await busy.json(content_type=None))["faults"][0]["code"] == "access.too_many_wrong_keys"
        assert int(busy.headers["Retry-After"]) >= 1


async def test_who_sends_no_key_at_all_is_not_counted() -> None:
    async with opened() as client:
        for _ in range(3 * FREE):
            assert (await asyncio.wait_for(client.get("/v1/x"), 1)).status == 401

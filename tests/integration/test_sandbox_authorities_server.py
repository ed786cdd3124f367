"""A sandbox authority over HTTP: pulls its items page by page, answers at the door, whatever the hub does meanwhile."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from adapters.authorities.bureau import scenario
from adapters.authorities.bureau.simulator import Bureau
from adapters.authorities.bureau.store import Store
from adapters.intake import Judged
from hub.domain import authority_views as views
from hub.domain.access import Principal
from hub.domain.faults import Refused
from tests.unit.test_cloudevents import a_judge
from tests.unit.test_sandbox_authorities import WORDS, item


def now() -> int:
    return int(time.time() * 1000)


@dataclass
class Hub:
    """The two calls of the hub an authority uses: pages of items, and the door with its real judge; it can be shut."""

    url: str = ""
    shut: bool = False
    refuse_batches: bool = False
    items: list[dict[str, Any]] = field(default_factory=list)
    taken: list[tuple[str, str]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=lambda: {"key-tax": "tax", "key-forex": "forex"})
    cursors: list[str] = field(default_factory=list)

    async def out(self, request: web.Request) -> web.Response:
        if self.shut:
            return web.Response(status=503)
        if request.headers["Authorization"].removeprefix("Bearer ") not in self.keys:
            return web.Response(status=401)
        after = request.query.get("after", "")
        if after and not after.startswith("c"):
            return web.Response(status=400)
        self.cursors.append(after)
        begin = int(after[1:] or "0") if after else 0
        page = self.items[begin : begin + 2]
        return web.json_response({"items": page, "after": f"c{begin + len(page)}", "more": len(self.items) > begin + 2})

    async def messages(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self.shut:
            return web.Response(status=503)
        status = self._judged(body, request.content_type, request.headers["Authorization"].removeprefix("Bearer "))
        self.statuses.append(status)
        return web.Response(status=status)

    def _judged(self, body: bytes, media_type: str, key: str) -> int:
        who = self.keys.get(key)
        if who is None:
            return 401
        if self.refuse_batches and "batch" in media_type:
            return 422
        try:
            judged: Judged = a_judge()(body, media_type, Principal(who, (who,)), now())
        except Refused as refused:
            return refused.status
        events = json.loads(body)
        for event in events if isinstance(events, list) else [events]:
            self.taken.append((event["id"], event["type"]))
        return 202 if judged.documents else 500


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    made = Hub()
    app = web.Application()
    app.add_routes([web.get("/v1/out", made.out), web.post("/v1/messages", made.messages)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@asynccontextmanager
async def playing(hub: Hub, file: Path, plan: str, authority: str = "tax") -> AsyncIterator[Bureau]:
    store = Store(file)
    bureau = Bureau(
        authority=authority, words=WORDS[authority], conduct=scenario.load(plan, WORDS)[authority], store=store, now=now,
        hub_url=hub.url, api_key=lambda: f"key-{authority}",
    )  # fmt: skip
    task = asyncio.create_task(bureau.run())
    try:
        yield bureau
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        store.close()


def put(hub: Hub, *ids: str, type_: str = views.TAX_ISSUED) -> None:
    hub.items += [msgspec.to_builtins(item(type_, id_)) | {"time": "2026-06-01T00:00:00Z", "cursor": "x"} for id_ in ids]


async def until(condition: Callable[[], bool], what: str, seconds: float = 15) -> None:
    for _ in range(int(seconds * 50)):
        if condition():
            return
        await asyncio.sleep(0.02)
    pytest.fail(f"did not come: {what}")


@pytest.fixture
def quick(tmp_path: Path) -> str:
    file = tmp_path / "quick.toml"
    file.write_text("[[tax]]\nsay = [{ what = 'accept' }, { what = 'pay', after = 20 }]")
    return str(file)


async def test_items_of_many_pages_are_answered_once_each(hub: Hub, tmp_path: Path, quick: str) -> None:
    put(hub, *(f"i{number}" for number in range(9)))
    async with playing(hub, tmp_path / "tax.db", quick) as bureau:
        await until(lambda: len(hub.taken) == 18, "all answers")
        await asyncio.sleep(0.3)
        assert len({id_ for id_, _ in hub.taken}) == len(hub.taken) == 18
        assert bureau.health()["told"] == 18
        assert (bureau.health()["owed"], bureau.health()["items"]) == (0, 9)
    assert hub.cursors[:5] == ["", "c2", "c4", "c6", "c8"]


async def test_while_the_hub_is_away_nothing_is_lost_and_it_goes_on_where_it_was(hub: Hub, tmp_path: Path, quick: str) -> None:
    put(hub, "i0", "i1")
    async with playing(hub, tmp_path / "tax.db", quick):
        await until(lambda: len(hub.taken) == 4, "the first answers")
    hub.shut = True
    put(hub, "i2")
    async with playing(hub, tmp_path / "tax.db", quick):
        await asyncio.sleep(0.3)
        hub.shut = False
        await until(lambda: len(hub.taken) == 6, "the answers after the outage")
    assert len({id_ for id_, _ in hub.taken}) == 6
    assert hub.cursors.count("") == 1


async def test_one_that_dies_with_answers_owed_gives_them_when_it_is_back(hub: Hub, tmp_path: Path) -> None:
    file = tmp_path / "slow.toml"
    file.write_text("[[tax]]\nsay = [{ what = 'accept', after = 600 }]")
    put(hub, "i0")
    async with playing(hub, tmp_path / "tax.db", str(file)) as bureau:
        await until(lambda: bureau.health()["owed"] == 1, "the item")
    assert hub.taken == []
    async with playing(hub, tmp_path / "tax.db", str(file)):
        await until(lambda: len(hub.taken) == 1, "the answer")


async def test_forged_answers_are_refused_and_the_true_ones_taken(hub: Hub, tmp_path: Path) -> None:
    put(hub, "i0")
    async with playing(hub, tmp_path / "tax.db", "forged") as bureau:
        await until(lambda: len(hub.taken) == 2, "the true answers")
        await until(lambda: bureau.health()["told"] == 2, "the count")
        counted = bureau.health()
    assert (counted["forged"], counted["forged_taken"], counted["refused"]) == (2, 0, 0)
    assert sorted(hub.statuses) == [202, 202, 401, 403]
    assert {type_ for _, type_ in hub.taken} == {"tax.receipt.given.v1", "tax.bill.paid.v1"}


async def test_repeats_bear_the_same_id(hub: Hub, tmp_path: Path) -> None:
    put(hub, "i0", type_=views.EXPORT_REGISTERED)
    async with playing(hub, tmp_path / "tax.db", "repeats"):
        await until(lambda: len(hub.taken) == 3, "the repeated receipt")
    assert len({id_ for id_, _ in hub.taken}) == 1


async def test_a_batch_refused_for_the_sake_of_one_is_sent_one_by_one(hub: Hub, tmp_path: Path, quick: str) -> None:
    hub.refuse_batches = True
    put(hub, "i0", "i1")
    async with playing(hub, tmp_path / "tax.db", quick):
        await until(lambda: len(hub.taken) == 4, "all answers")


async def test_a_cursor_of_another_hub_begins_anew_and_known_items_are_not_answered_again(hub: Hub, tmp_path: Path, quick: str) -> None:
    put(hub, "i0")
    async with playing(hub, tmp_path / "tax.db", quick):
        await until(lambda: len(hub.taken) == 2, "the first answers")
    store = Store(tmp_path / "tax.db")
    store.move("another")
    store.close()
    put(hub, "i1")
    async with playing(hub, tmp_path / "tax.db", quick) as bureau:
        await until(lambda: len(hub.taken) == 4, "the answers to what is new")
        assert bureau.health()["repeated"] == 1

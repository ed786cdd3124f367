"""Shares and rates: nobody is locked out, nothing is held twice, and a second holds what was agreed."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.door import Accepted
from adapters.fairness import Places, Rates, Shares, TooFast
from hub.domain.access import Principal
from hub.domain.faults import Refused
from hub.settings import Settings
from tests.support.door import Log, a_door, served

NOW = 1_780_000_000_000
XML = {"Content-Type": "application/xml"}


def code(refused: BaseException) -> str:
    assert isinstance(refused, Refused)
    return refused.faults[0].code


# ---- shares


def filled(shares: Shares, sender: str) -> str:
    """Take until refused; the code."""
    for _ in range(10_000):
        try:
            shares.take(sender)
        except Refused as refused:
            return code(refused)
    raise AssertionError("nothing bounds it")


def test_one_alone_gets_three_quarters_and_two_the_same_each() -> None:
    shares = Shares(256)
    assert filled(shares, "a") == "transport.share"
    assert shares.held("a") == 192
    # in turns: what the one lets go the other may take, until both hold the same
    for _ in range(2000):
        shares.give("a")
        filled(shares, "b")
        filled(shares, "a")
    assert abs(shares.held("a") - shares.held("b")) <= 2
    assert shares.held("a") + shares.held("b") < 256


def test_one_place_is_one_place() -> None:
    shares = Shares(1)
    shares.take("a")
    with pytest.raises(Refused) as refused:
        shares.take("b")
    assert code(refused.value) == "transport.busy"
    shares.give("a")
    shares.take("b")


@given(st.integers(1, 300), st.lists(st.tuples(st.sampled_from("abcd"), st.booleans(), st.integers(1, 40)), max_size=200))
def test_places_are_never_more_than_there_are_and_who_holds_nothing_finds_one(most: int, asked: list[tuple[str, bool, int]]) -> None:
    shares = Shares(most)
    held: dict[str, list[int]] = {name: [] for name in "abcd"}
    for sender, takes, size in asked:
        total = sum(map(sum, held.values()))
        if not takes:
            if held[sender]:
                shares.give(sender, held[sender].pop())
            continue
        try:
            shares.take(sender, size)
            told = ""
        except Refused as refused:
            told = code(refused)
        if not told:
            held[sender].append(size)
        assert told or total + size <= most
        assert not told or held[sender] or total + size > most
        assert (told == "transport.busy") == (total + size > most)
    for sender, sizes in held.items():
        assert shares.held(sender) == sum(sizes)


async def test_where_no_place_is_free_those_with_less_than_an_equal_part_wait_in_turn_and_get_it() -> None:
    places = Places(4)
    for sender in "aaab":
        places.take(sender) if sender == "b" else await places.come(sender)
    got: list[str] = []

    async def come(sender: str) -> None:
        await places.come(sender)
        got.append(sender)

    waiting = [asyncio.create_task(come(sender)) for sender in "cde"]
    await asyncio.sleep(0)
    for sender in "ab":
        with pytest.raises(Refused) as refused:
            await places.come(sender)
        assert code(refused.value) == "transport.busy"
    waiting[1].cancel()
    for _ in range(2):
        places.give("a")
        await asyncio.sleep(0)
    await asyncio.gather(*waiting, return_exceptions=True)
    assert got == ["c", "e"]
    assert [places.held(sender) for sender in "abcde"] == [1, 1, 1, 0, 1]


async def test_a_place_handed_to_one_who_gives_up_in_that_moment_is_handed_on() -> None:
    places = Places(1)
    await places.come("a")
    second, third = asyncio.create_task(places.come("b")), asyncio.create_task(places.come("c"))
    await asyncio.sleep(0)
    places.give("a")
    second.cancel()
    async with asyncio.timeout(1):
        await third
    assert (second.cancelled(), places.held("b"), places.held("c")) == (True, 0, 1)


async def test_a_flood_of_one_does_not_lock_out_a_trickle_of_twenty(tmp_path: Path) -> None:
    """One sends four thousand at once and again at each refusal; twenty send one after the other, and never come in vain."""
    log = Log()
    made = a_door(tmp_path, log, max_in_flight=64, commit_seconds=60)
    body = made.sales()[0].body
    flood = made.principal("platform")
    small = [Principal(**{**_fields(flood), "name": f"small{number}"}) for number in range(20)]
    ended = asyncio.Event()
    codes: set[str] = set()

    async def flooding() -> int:
        taken = 0
        while not ended.is_set():
            try:
                await made.door.submit(body, "application/xml", flood)
                taken += 1
            except Refused as over:
                codes.add(code(over))
                await asyncio.sleep(0.001)
        return taken

    async def trickling(who: Principal) -> list[float]:
        seconds = []
        for number in range(5):
            await asyncio.sleep(0.02 * (number + 1))
            began = time.perf_counter()
            answer = await made.door.submit(body, "application/xml", who)
            assert isinstance(answer, Accepted)
            seconds.append(time.perf_counter() - began)
        return seconds

    floods = [asyncio.create_task(flooding()) for _ in range(400)]
    try:
        async with asyncio.timeout(50):
            waits = await asyncio.gather(*map(trickling, small))
    finally:
        ended.set()
        taken = await asyncio.gather(*floods)
        await made.door.stop()
    assert [len(of) for of in waits] == [5] * 20
    assert sum(taken) > 0
    assert codes
    assert codes <= {"transport.share", "transport.busy"}


def _fields(principal: Principal) -> dict[str, object]:
    return {name: getattr(principal, name) for name in principal.__struct_fields__}


# ---- rates


def settings(**given: float) -> Settings:
    return Settings(**given)  # type: ignore[arg-type]


def test_where_nothing_is_agreed_nothing_is_counted() -> None:
    rates = Rates(settings())
    for _ in range(10_000):
        rates.take(Principal("a"), NOW)
    assert rates.headers(Principal("a")) == {}


def test_a_burst_then_the_rate_and_the_answer_says_when_to_come_again() -> None:
    rates, who = Rates(settings(rate_messages=2, rate_burst=5)), Principal("a")
    for _ in range(10):
        rates.take(who, NOW)
    with pytest.raises(TooFast) as early:
        rates.take(who, NOW)
    assert (code(early.value), early.value.status, early.value.retry_after) == ("transport.rate", 429, 1)
    assert early.value.headers == {"RateLimit-Policy": '"messages";q=10;w=5', "RateLimit": '"messages";r=0;t=5'}
    rates.take(who, NOW + 500)
    with pytest.raises(TooFast):
        rates.take(who, NOW + 999)
    rates.take(who, NOW + 1000)


def test_documents_are_counted_after_the_message_and_delay_the_next() -> None:
    rates, who = Rates(settings(rate_documents=10, rate_burst=1)), Principal("a")
    rates.take(who, NOW)
    rates.took(who, 100)
    with pytest.raises(TooFast) as early:
        rates.take(who, NOW + 1000)
    assert early.value.retry_after == 9
    assert "documents a second" in early.value.faults[0].message
    assert "单证" in early.value.faults[0].message_zh
    rates.take(who, NOW + 9100)


def test_a_principals_own_rate_goes_before_the_setting_and_another_has_a_bucket_of_its_own() -> None:
    rates = Rates(settings(rate_messages=1, rate_burst=1))
    fast = Principal("fast", rate_messages=100)
    for _ in range(100):
        rates.take(fast, NOW)
    with pytest.raises(TooFast):
        rates.take(fast, NOW)
    rates.take(Principal("slow"), NOW)
    with pytest.raises(TooFast):
        rates.take(Principal("slow"), NOW)


@given(st.integers(1, 50), st.integers(1, 20), st.lists(st.integers(0, 500), min_size=1, max_size=200))
def test_in_no_stretch_of_time_more_is_taken_than_the_rate_and_one_burst(rate: int, burst: int, pauses: list[int]) -> None:
    rates, who, now = Rates(settings(rate_messages=rate, rate_burst=burst)), Principal("a"), NOW
    taken: list[int] = []
    for pause in pauses:
        now += pause
        try:
            rates.take(who, now)
        except TooFast:
            continue
        taken.append(now)
    for first, start in enumerate(taken):
        for last in range(first, len(taken)):
            assert last - first + 1 <= rate * burst + rate * (taken[last] - start) / 1000 + 1e-6


async def test_over_http_the_answer_has_its_headers(tmp_path: Path) -> None:
    made = a_door(tmp_path, Log(), rate_messages=0.01, rate_burst=200)
    headers = {"Authorization": f"Bearer {made.entries['platform'].api_key}", **XML}
    async with served(made) as client:
        first, second, third = [
            await client.post("/v1/messages", data=made.sales(number)[0].body, headers=headers) for number in range(3)
        ]
        assert (first.status, second.status, third.status) == (202, 202, 429)
        assert first.headers["RateLimit-Policy"] == '"messages";q=2;w=200'
        assert first.headers["RateLimit"].startswith('"messages";r=1;')
        problem = await third.json(content_type=None)
        assert problem["faults"][0]["code"] == "transport.rate"
        assert 1 <= int(third.headers["Retry-After"]) <= 100
        assert third.headers["RateLimit"].startswith('"messages";r=0;')

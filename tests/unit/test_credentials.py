"""API keys of a record: rotated with overlap, revoked, and never more in force than were given out."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import ClientSession
from hypothesis import given
from hypothesis import strategies as st

from hub.domain import credentials
from hub.domain.access import principal_of
from hub.domain.credentials import HOUR_MS, MOST_KEYS, key_id, keys_of, state
from hub.domain.reference import Reference
from hub.web.auth import SESSION_COOKIE, session_token
from tests.support.reading import FixedClock
from tests.support.site import SECRET, parts_of, served

NOW = 1_780_000_000_000


def active(value: dict[str, Any], now: int) -> set[str]:
    return {key.hash for key in keys_of(value) if state(key, now) == "active"}


def test_a_record_of_one_hash_alone_is_a_key_without_an_end() -> None:
    [key] = keys_of({"api_key_hash": "a" * 64})
    assert (key.id, state(key, NOW), state(key, NOW * 10)) == (key_id("a" * 64), "active", "active")
    assert principal_of("old", {"roles": ["payer"], "api_key_hash": "a" * 64}).keys == (key,)
    assert keys_of({"roles": ["payer"]}) == ()


def test_a_rotated_key_goes_on_for_the_overlap_and_not_a_moment_longer() -> None:
    value = credentials.rotated({"api_key_hash": "a"}, "b", NOW, overlap=2 * HOUR_MS, label="till 3")
    assert active(value, NOW) == active(value, NOW + 2 * HOUR_MS - 1) == {"a", "b"}
    assert active(value, NOW + 2 * HOUR_MS) == {"b"}
    assert value["api_key_hash"] == "b"
    assert keys_of(value)[-1].label == "till 3"


def test_without_an_overlap_the_old_key_ends_at_once() -> None:
    assert active(credentials.rotated({"api_key_hash": "a"}, "b", NOW), NOW) == {"b"}


def test_a_later_rotation_does_not_lengthen_an_end_that_was_set() -> None:
    first = credentials.rotated({"api_key_hash": "a"}, "b", NOW, overlap=HOUR_MS)
    second = credentials.rotated(first, "c", NOW + 1, overlap=24 * HOUR_MS)
    assert active(second, NOW + HOUR_MS) == {"b", "c"}


def test_a_revoked_key_is_over_at_once_and_stays_known_as_such() -> None:
    value = credentials.revoked(credentials.added({"api_key_hash": "a"}, "b", NOW), key_id("b"), NOW)
    assert active(value, NOW) == {"a"}
    assert value["api_key_hash"] == "a"
    assert [state(key, NOW) for key in keys_of(value)] == ["active", "revoked"]
    with pytest.raises(KeyError):
        credentials.revoked(value, "k-none", NOW)


def test_after_the_last_key_was_revoked_nothing_of_the_record_opens() -> None:
    value = credentials.revoked({"api_key_hash": "a"}, key_id("a"), NOW)
    assert (active(value, NOW), value["api_key_hash"]) == (set(), "")


def test_the_oldest_that_are_over_are_forgotten_and_keys_in_force_never() -> None:
    value: dict[str, Any] = {}
    for number in range(3 * MOST_KEYS):
        value = credentials.rotated(value, f"h{number}", NOW + number)
    assert len(keys_of(value)) == MOST_KEYS
    assert active(value, NOW + 3 * MOST_KEYS) == {f"h{3 * MOST_KEYS - 1}"}
    full: dict[str, Any] = {}
    for number in range(MOST_KEYS):
        full = credentials.added(full, f"h{number}", NOW)
    with pytest.raises(ValueError, match="revoke one first"):
        credentials.added(full, "one more", NOW)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("rotate"), st.integers(0, 48), st.integers(0, 72)),
        st.tuples(st.just("revoke"), st.integers(0, 9), st.integers(0, 72)),
    ),
    max_size=10,
)


@given(steps)
def test_a_key_in_force_was_given_out_not_revoked_and_its_overlap_lasts(taken: list[tuple[str, int, int]]) -> None:
    """Told in words of its own: hash → when it must be over."""
    value: dict[str, Any] = {}
    ends: dict[str, int] = {}
    now = NOW
    for number, (what, how, pause) in enumerate(taken):
        now += pause * HOUR_MS
        if what == "rotate":
            value = credentials.rotated(value, f"h{number}", now, overlap=how * HOUR_MS)
            ends = {hash_: min(end, now + how * HOUR_MS) for hash_, end in ends.items()} | {f"h{number}": NOW * 10}
        elif ends and how < len(ends):
            hash_ = list(ends)[how]
            value = credentials.revoked(value, key_id(hash_), now)
            ends[hash_] = min(ends[hash_], now)
        assert active(value, now) == {hash_ for hash_, end in ends.items() if end > now}


async def test_a_session_ends_with_the_keys_it_may_have_been_opened_with() -> None:
    record: dict[str, Any] = {"roles": ["customs"], "api_key_hash": "a"}
    clock, seen = FixedClock(NOW), [record]
    parts = parts_of(None, clock, by_name=lambda name: principal_of(name, seen[0]), reference=Reference())
    cookies = {SESSION_COOKIE: session_token(SECRET, "customs", NOW)}

    async def status(session: ClientSession, given: dict[str, str]) -> int:
        async with session.get("/v1/subscriptions", cookies=given) as answer:
            return answer.status

    async with served(parts) as session:
        assert await status(session, cookies) == 200
        seen[0] = credentials.added(record, "b", NOW + 1)
        assert await status(session, cookies) == 200
        for ended in (
            credentials.revoked(record, key_id("a"), NOW + 2),
            credentials.revoked(seen[0], key_id("a"), NOW + 2),
            credentials.rotated(record, "b", NOW + 2),
            credentials.rotated(record, "b", NOW + 2, overlap=HOUR_MS),
        ):
            seen[0], clock.at = ended, NOW + 2
            assert await status(session, cookies) == (200 if keys_of(ended)[0].until == NOW + 2 + HOUR_MS else 401)
            clock.at = NOW + 2 + HOUR_MS
            assert await status(session, cookies) == 401
            later = {SESSION_COOKIE: session_token(SECRET, "customs", clock.at + 1)}
            assert await status(session, later) == 200

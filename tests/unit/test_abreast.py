"""Partitions kept abreast: nothing is lost or reordered, and nobody runs ahead of one with more to come."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from streams.abreast import Abreast
from streams.api import Record


class Timed(Record, frozen=True):
    """A record with the client's timestamp."""

    timestamp: int = 0


def a_log(times: Sequence[int]) -> list[Timed]:
    return [Timed(b"k", b"", (), offset, 0, at) for offset, at in enumerate(times)]


def test_small_records_do_not_run_ahead_of_large_ones() -> None:
    small, large = a_log(range(10)), a_log(range(10))
    abreast = Abreast()
    given_ = abreast.take({0: small, 1: large[:3]}, lambda _: 10)
    assert {number: len(records) for number, records in given_.items()} == {0: 3, 1: 3}
    assert set(abreast.kept) == {0}
    given_ = abreast.take({1: large[3:9]}, lambda _: 10)
    assert [record.offset for record in given_[0]] == list(range(3, 9))
    # The other's last record ends the wait: there is no more to come.
    given_ = abreast.take({1: large[9:]}, lambda _: 10)
    assert [record.offset for record in given_[0]] == [9]
    assert not abreast.kept


def test_who_does_not_come_is_not_waited_for() -> None:
    abreast = Abreast()
    abreast.take({0: a_log([5]), 1: a_log([1])}, lambda _: 9)
    assert set(abreast.kept) == {0}
    assert [record.timestamp for record in abreast.take({}, lambda _: 9)[0]] == [5]


def test_what_is_cleared_is_forgotten() -> None:
    abreast = Abreast()
    abreast.take({0: a_log([5]), 1: a_log([1])}, lambda _: 9)
    abreast.clear()
    assert not abreast.kept
    assert abreast.take({}, lambda _: 9) == {}


@given(
    logs=st.lists(st.lists(st.integers(0, 20), min_size=1, max_size=12).map(sorted), min_size=1, max_size=4),
    sizes=st.lists(st.integers(1, 5), min_size=4, max_size=4),
)
def test_everything_is_given_once_in_order(logs: list[list[int]], sizes: list[int]) -> None:
    sources = [a_log(times) for times in logs]
    abreast, at = Abreast(), [0] * len(sources)
    given_: list[list[int]] = [[] for _ in sources]
    for _ in range(200):
        fetched = {}
        for number, source in enumerate(sources):
            if number not in abreast.kept and at[number] < len(source):
                fetched[number] = source[at[number] : at[number] + sizes[number]]
                at[number] += len(fetched[number])
        for number, records in abreast.take(fetched, lambda number: len(sources[number])).items():
            given_[number] += [record.offset for record in records]
    assert given_ == [list(range(len(source))) for source in sources]

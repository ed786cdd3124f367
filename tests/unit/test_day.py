"""The checker of the day notices what is lost, what is somebody else's, and what overtakes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.support.day import Received, for_all, judged

LOGS = st.lists(st.integers(0, 2), min_size=2, max_size=30).map(
    lambda partitions: [(partition, partitions[:n].count(partition), f"id{n}") for n, partition in enumerate(partitions)]
)


def received(ids: list[str]) -> Received:
    return Received("r", "t", for_all, ids)


@given(LOGS, st.randoms())
def test_everything_in_order_with_repetitions_is_good(log: list[tuple[int, int, str]], chance) -> None:
    ids = [id for _, _, id in log]
    at = chance.randrange(len(ids))
    assert judged(received([*ids[: at + 1], *ids[max(0, at - 2) :]]), log) == []


@given(LOGS, st.randoms())
def test_a_loss_is_noticed(log: list[tuple[int, int, str]], chance) -> None:
    ids = [id for _, _, id in log]
    lost = ids.pop(chance.randrange(len(ids)))
    assert judged(received(ids), log) == [f"r: never came: {lost}"]


@given(LOGS)
def test_what_is_somebody_elses_is_noticed(log: list[tuple[int, int, str]]) -> None:
    ids = [id for _, _, id in log]
    assert judged(received([*ids, "other"]), log) == ["r: not for it: other"]


@given(LOGS, st.randoms())
def test_what_overtakes_within_a_partition_is_noticed(log: list[tuple[int, int, str]], chance) -> None:
    ids = [id for _, _, id in log]
    a, b = sorted(chance.sample(range(len(ids)), 2))
    ids[a], ids[b] = ids[b], ids[a]
    alone = all(log[n][0] != log[m][0] for n in (a, b) for m in range(a, b + 1) if n != m)
    assert bool([text for text in judged(received(ids), log) if "out of order" in text]) != alone

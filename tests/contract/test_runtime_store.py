"""What both stores promise the runtime."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.store import Checkpoint, Memory, MemoryStore, RocksStore, Store

END = 1 << 62
A, B = Checkpoint(b"position a", 5, b"mark a"), Checkpoint(b"position b", 9, b"mark b")


@pytest.fixture(params=["memory", "rocksdb"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    made: list[Store] = []

    def new() -> Store:
        folder = tmp_path / str(len(made))
        store: Store = MemoryStore() if request.param == "memory" else RocksStore(folder, Memory(1 << 20, 1 << 20))
        made.append(store)
        return store

    yield new
    for store in made:
        store.close()


def test_a_new_partition_knows_nothing(make: Callable[[], Store]) -> None:
    partition = make().partition(3)
    assert partition.checkpoint() is None
    assert partition.get(b"a") is None
    assert list(partition.dues(0, END)) == []


def test_entries_dues_and_checkpoint_are_written_together(make: Callable[[], Store]) -> None:
    partition = make().partition(0)
    partition.write([(b"a", b"1", 0, 30), (b"b", b"2", 0, 0), (b"c", b"3", 0, 20)], A)
    assert (partition.get(b"a"), partition.get(b"b"), partition.checkpoint()) == (b"1", b"2", A)
    assert list(partition.dues(0, END)) == [(20, b"c"), (30, b"a")]
    partition.write([(b"a", None, 30, 0), (b"c", b"4", 20, 40), (b"b", b"5", 0, 10)], B)
    assert (partition.get(b"a"), partition.get(b"c"), partition.checkpoint()) == (None, b"4", B)
    assert list(partition.dues(0, END)) == [(10, b"b"), (40, b"c")]


def test_dues_come_in_order_of_due_then_key_within_their_bounds(make: Callable[[], Store]) -> None:
    partition = make().partition(0)
    dues = [(300, b"a"), (2, b"z"), (2, b"y"), (256, b"b"), (1 << 41, b"c")]
    partition.write([(key, b"", 0, due) for due, key in dues], A)
    assert list(partition.dues(0, END)) == sorted(dues)
    assert list(partition.dues(2, 2)) == [(2, b"y"), (2, b"z")]
    assert list(partition.dues(3, 300)) == [(256, b"b"), (300, b"a")]
    assert list(partition.dues(301, 1000)) == []


def test_partitions_do_not_see_each_other(make: Callable[[], Store]) -> None:
    store = make()
    for number in (0, 1, 255, 256):
        store.partition(number).write([(b"a", b"%d" % number, 0, number + 1)], A)
    store.partition(1).wipe()
    assert store.partition(1).get(b"a") is None
    assert store.partition(1).checkpoint() is None
    assert list(store.partition(1).dues(0, END)) == []
    for number in (0, 255, 256):
        assert store.partition(number).get(b"a") == b"%d" % number
        assert list(store.partition(number).dues(0, END)) == [(number + 1, b"a")]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batches=st.lists(
        st.dictionaries(
            st.sampled_from([b"", b"a", b"ab", b"\xff", b"\x00"]),
            st.tuples(st.one_of(st.none(), st.binary(max_size=4)), st.integers(0, 5)),
        ),
        max_size=8,
    )
)
def test_any_writes_leave_what_the_last_ones_said(
    make: Callable[[], Store], batches: list[dict[bytes, tuple[bytes | None, int]]]
) -> None:
    partition = make().partition(7)
    want: dict[bytes, tuple[bytes, int]] = {}
    for batch in batches:
        changes = [(key, entry, want.get(key, (b"", 0))[1], due) for key, (entry, due) in batch.items()]
        partition.write(changes, A)
        for key, (entry, due) in batch.items():
            want.pop(key, None)
            if entry is not None:
                want[key] = entry, due
    assert {key: partition.get(key) for key in want} == {key: entry for key, (entry, _) in want.items()}
    assert list(partition.dues(0, END)) == sorted((due, key) for key, (_, due) in want.items() if due)


def test_rocksdb_keeps_what_was_written_until_it_is_opened_again(tmp_path: Path) -> None:
    store = RocksStore(tmp_path / "s")
    store.partition(2).write([(b"a", b"1", 0, 3)], A)
    store.close()
    again = RocksStore(tmp_path / "s")
    assert again.partition(2).get(b"a") == b"1"
    assert again.partition(2).checkpoint() == A
    again.close()


def test_rocksdb_lets_one_process_in(tmp_path: Path) -> None:
    store = RocksStore(tmp_path / "s")
    store.partition(0).write([(b"a", b"1", 0, 0)], A)
    with pytest.raises(Exception, match=r"(?i)lock"):
        RocksStore(tmp_path / "s")
    store.close()
    again = RocksStore(tmp_path / "s")
    assert again.partition(0).get(b"a") == b"1"
    again.close()


def test_rocksdb_begins_anew_where_its_files_are_broken(tmp_path: Path) -> None:
    store = RocksStore(tmp_path / "s")
    store.partition(0).write([(b"a", b"1", 0, 0)], A)
    store.close()
    for manifest in (tmp_path / "s").glob("MANIFEST*"):
        manifest.write_bytes(b"not a manifest")
    again = RocksStore(tmp_path / "s")
    assert again.partition(0).checkpoint() is None
    again.close()

"""The runtime's rules, each on a log in memory: what is committed when, what a crash at any point leaves, what is set aside."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain.events import TICK_KEY
from hub.topics import DEAD_LETTERS
from streams.api import DUE_HEADER, REPLAY_HEADER, Now, Output, Record, Step
from streams.entries import HEAD, POSITION_KEY, Position, origin_of
from streams.limits import DeadLetter, Limits, TooManyDeadLettersError
from streams.runtime import Batch, Hooks, Runtime
from streams.store import MemoryStore, RocksStore, Store
from tests.support.memory_log import CrashError, MemoryLog
from tests.support.stream_checker import replay, table

INBOX, OUT, CHANGELOG = "inbox.echo", "out", "changelog.echo"
T0 = int(time.time() * 1000)
_letter = msgspec.msgpack.Decoder(DeadLetter).decode


class Echo:
    """Commands as values: ``+n`` due in n s, ``=x`` set, ``-`` drop, ``!`` raise, ``?`` nothing, ``big n`` a large state,
    ``out n`` a large output, ``many n`` outputs. A due says ``due`` and is over; the state ``again`` is due again at once.
    """

    name = "echo"
    inbox = INBOX

    def dump(self, state: bytes) -> bytes:
        if state == b"undumpable":
            raise TypeError(state)
        return state

    def load(self, data: bytes) -> bytes:
        return data

    def handle(self, state: bytes | None, record: Record, now: Now) -> Step | None:
        value = record.value
        said = Output(OUT, record.key, b"%s %s at %d" % (state or b"-", value, now.at))
        if value == b"!":
            raise ValueError("secret")
        if value == b"?":
            return None
        if value == b"-":
            return Step(None, 0, [said])
        if value.startswith(b"+"):
            return Step(state or b"waits", now.at + int(value) * 1000, [said])
        if value.startswith(b"big"):
            return Step(b"x" * int(value[3:]), 0, [])
        if value.startswith(b"out"):
            return Step(b"", 0, [Output(OUT, record.key, b"x" * int(value[3:]))])
        if value.startswith(b"many"):
            return Step(b"", 0, [Output(OUT, record.key, b"%d" % n) for n in range(int(value[4:]))])
        return Step(value[1:], now.at + 1 if value == b"=again" else 0, [said])

    def fire(self, state: bytes, key: bytes, now: Now) -> Step:
        if state == b"again":
            return Step(state, now.at, [Output(OUT, key, b"due at %d" % now.at)])
        if state == b"bad":
            raise ValueError("secret")
        return Step(b"over", 0, [Output(OUT, key, b"due at %d" % now.at)])


class Told(Echo):
    """Echo that publishes each key's latest value."""

    def snapshot(self, key: bytes, state: bytes, applied: int) -> Output | None:
        return Output("latest", key, b"%d %s" % (applied, state))


class EndedError(Exception):
    """The process would have ended."""


def end(reason: str) -> NoReturn:
    raise EndedError(reason)


def a_runtime(
    log: MemoryLog,
    store: Store | None = None,
    *,
    stage: Any = None,
    limits: Limits | None = None,
    observe: Callable[[Batch], None] | None = None,
    reference_ready: Any = None,
) -> Runtime[Any]:
    kept = store or MemoryStore()
    hooks = Hooks(seal=lambda value: b"sealed:" + value, observe=observe, end=end, reference_ready=reference_ready)
    return Runtime(stage or Echo(), log, lambda: kept, hooks, limits or Limits(idle_ticks=0))


async def started(log: MemoryLog, store: Store | None = None, numbers: Any = (0,), **options: Any) -> Runtime[Any]:
    runtime = a_runtime(log, store, **options)
    await runtime.load(set(numbers), 1)
    return runtime


async def work_off(runtime: Runtime[Any], log: MemoryLog, at_once: int = 1000) -> None:
    """Everything that is in the inbox, fetched in pieces."""
    while True:
        fetched = {n: log.records(INBOX, n, p.next)[:at_once] for n, p in runtime.partitions.items()}
        fetched = {n: records for n, records in fetched.items() if records}
        if not fetched:
            return
        assert await runtime.handle(fetched) == []


def states(log: MemoryLog, partition: int = 0) -> dict[bytes, Any]:
    """{key: state} as the changelog says."""
    return {key: state for key, (_, _, _, state) in table(Echo(), log.records(CHANGELOG, partition))[1].items()}


def position(log: MemoryLog, partition: int = 0) -> Position:
    found, _ = table(Echo(), log.records(CHANGELOG, partition))
    assert found is not None
    return found


def letters(log: MemoryLog) -> list[DeadLetter]:
    return [_letter(value) for value in log.values(DEAD_LETTERS) if value]


# ---- the commit


async def test_a_batch_is_one_changelog_batch_that_ends_with_the_position() -> None:
    log = MemoryLog()
    runtime = await started(log)
    log.tick(INBOX, T0)
    for key in (b"a", b"b", b"a"):
        log.put(INBOX, key, b"=" + key)
    await work_off(runtime, log)
    assert log.appends == 1
    assert [record.key for record in log.records(CHANGELOG)] == [b"a", b"b", POSITION_KEY]
    assert position(log) == Position(4, 0, Now(T0, 0, ""))


@pytest.mark.parametrize("point", ["outputs", "changelog", "after"])
async def test_a_crash_at_any_point_repeats_outputs_with_the_same_bytes_and_origins(point: str) -> None:
    log = MemoryLog()
    log.tick(INBOX, T0)
    for number in range(20):
        log.put(INBOX, b"k%d" % (number % 3), b"=%d" % number)
    runtime = await started(log)
    await runtime.handle({0: log.records(INBOX)[:9]})
    log.crash_at = point
    with pytest.raises(CrashError):
        await runtime.handle({0: log.records(INBOX)[9:]})
    await work_off(await started(log), log)
    want = replay(Echo(), 0, log.records(INBOX))
    found = {}
    for record in log.records(OUT):
        origin = origin_of(record.headers)
        assert origin is not None
        assert found.setdefault(b"".join(origin), record.value) == record.value
    assert found == {origin: value for origin, (_, _, value) in want.outputs.items()}
    assert table(Echo(), log.records(CHANGELOG))[1] == want.states


async def test_origins_grow_with_the_log_and_number_a_record_s_outputs() -> None:
    log = MemoryLog()
    runtime = await started(log)
    log.put(INBOX, b"a", b"many 300")
    log.put(INBOX, b"b", b"many 2")
    log.put(INBOX, b"c", b"+1")
    log.tick(INBOX, T0)
    await work_off(runtime, log)
    ranks = [origin_of(record.headers) for record in log.records(OUT)]
    assert len(ranks) == 304
    assert {upstream for upstream, _ in ranks if upstream} == {b"echo\x00\x00\x00"}
    order = [rank for _, rank in ranks]
    assert order == sorted(set(order))


async def test_what_another_has_written_into_the_changelog_ends_the_process() -> None:
    log = MemoryLog()
    runtime = await started(log)
    log.put(INBOX, b"a", b"=1")
    log.put(CHANGELOG, b"x", HEAD.pack(0, 0, 0))
    with pytest.raises(EndedError, match="another has written"):
        await work_off(runtime, log)


async def test_records_that_do_not_follow_on_the_position_are_left_and_named() -> None:
    log = MemoryLog()
    runtime = await started(log)
    for number in range(6):
        log.put(INBOX, b"a", b"=%d" % number)
    records = log.records(INBOX)
    assert await runtime.handle({0: records[3:]}) == [0]
    assert log.appends == 0
    assert await runtime.handle({0: records[:4]}) == []
    # What comes twice is taken once.
    assert await runtime.handle({0: records[2:]}) == []
    assert len(log.records(OUT)) == 6


async def test_records_of_partitions_that_are_not_ours_are_left() -> None:
    log = MemoryLog(2)
    runtime = await started(log)
    record = log.put(INBOX, b"a", b"=1", partition=1)
    assert await runtime.handle({1: [record]}) == []
    assert log.appends == 0


async def test_an_inbox_deleted_beyond_the_position_is_gone_on_with_and_said(caplog: pytest.LogCaptureFixture) -> None:
    log = MemoryLog()
    runtime = await started(log)
    log.put(INBOX, b"a", b"=1")
    await work_off(runtime, log)
    log.topics[INBOX][0].clear()
    log.first[INBOX, 0] = 7
    log.put(INBOX, b"a", b"=2")
    assert await runtime.handle({0: log.records(INBOX)}) == [0]
    await runtime.skip_deleted()
    assert "6 records were deleted" in caplog.text
    await work_off(runtime, log)
    assert states(log) == {b"a": b"2"}


# ---- recovery


async def test_a_late_batch_of_a_frozen_worker_is_discarded_and_its_keys_written_anew() -> None:
    log = MemoryLog()
    runtime = await started(log)
    log.put(INBOX, b"a", b"=1")
    log.put(INBOX, b"b", b"=1")
    log.put(INBOX, b"a", b"-")
    await work_off(runtime, log)
    # The frozen one had taken only the first two.
    log.put(CHANGELOG, b"a", HEAD.pack(0, 0, 0) + b"1")
    log.put(CHANGELOG, POSITION_KEY, Position(1, 0, Now(0)).pack())
    store = MemoryStore()
    following = await started(log, store)
    assert following.partitions[0].state.find(b"a") is None
    log.put(INBOX, b"c", b"=3")
    await work_off(following, log)
    assert [record.key for record in log.records(CHANGELOG)][-3:] == [b"a", b"c", POSITION_KEY]
    assert log.records(CHANGELOG)[-3].value is None
    # A compaction that keeps only each key's last record now finds the truth.
    last = {record.key: record.value for record in log.records(CHANGELOG)}
    assert {key for key, value in last.items() if value is not None} == {b"b", b"c", POSITION_KEY}


async def test_a_discarded_batch_is_found_again_where_it_was_not_mended(tmp_path: Path) -> None:
    log = MemoryLog()
    runtime = await started(log)
    log.put(INBOX, b"a", b"=1")
    log.put(INBOX, b"a", b"=2")
    await work_off(runtime, log)
    log.put(CHANGELOG, b"a", HEAD.pack(0, 0, 0) + b"1")
    log.put(CHANGELOG, POSITION_KEY, Position(1, 0, Now(0)).pack())
    for _ in range(2):
        store = RocksStore(tmp_path / "store")
        following = await started(log, store)
        assert list(following.partitions[0].mend) == [b"a"]
        following.close()


async def test_a_batch_whose_position_is_missing_never_counted() -> None:
    log = MemoryLog()
    runtime = await started(log)
    log.put(INBOX, b"a", b"=1")
    await work_off(runtime, log)
    log.put(CHANGELOG, b"a", HEAD.pack(9, 0, 0) + b"torn")
    following = await started(log)
    found = following.partitions[0].state.find(b"a")
    assert found is not None
    assert found[3] == b"1"
    assert following.partitions[0].next == 1


async def test_a_store_is_caught_up_from_where_it_is(tmp_path: Path) -> None:
    log = MemoryLog()
    runtime = await started(log, RocksStore(tmp_path / "a"))
    log.tick(INBOX, T0)
    for number in range(50):
        log.put(INBOX, b"k%d" % number, b"+3")
    await work_off(runtime, log)
    runtime.close()
    other = await started(log, MemoryStore())
    log.put(INBOX, b"k1", b"-")
    log.put(INBOX, b"new", b"=1")
    await work_off(other, log)
    log.reads = 0
    again = await started(log, RocksStore(tmp_path / "a"))
    # The store's own last record, and what the other has written since.
    assert log.reads == 4
    assert again.partitions[0].state.find(b"k1") is None
    log.tick(INBOX, T0 + 4000)
    await work_off(again, log)
    assert sum(b"due" in (value or b"") for value in log.values(OUT)) == 49
    again.close()


@pytest.mark.parametrize("spoil", ["trimmed", "shorter", "another", "old"])
async def test_a_store_that_does_not_fit_the_changelog_is_rebuilt(spoil: str) -> None:
    log, store = MemoryLog(), MemoryStore()
    at = T0 - 13 * 3_600_000 if spoil == "old" else T0
    runtime = await started(log, store)
    log.tick(INBOX, at)
    for key in (b"a", b"b", b"c"):
        log.put(INBOX, key, b"=1")
        await work_off(runtime, log)
    runtime.close()
    kept = store.partition(0).checkpoint()
    assert kept is not None
    changelog = log.topics[CHANGELOG][0]
    if spoil == "trimmed":
        other = await started(log)
        log.put(INBOX, b"d", b"=1")
        await work_off(other, log)
        log.put(INBOX, b"d", b"=2")
        await work_off(other, log)
        del changelog[:-2]
    elif spoil == "shorter":
        del changelog[2:]
    elif spoil == "another":
        changelog[kept.tail] = Record(POSITION_KEY, Position(1, 0, Now(5)).pack(), (), kept.tail)
        del changelog[2 : kept.tail]
    found = await started(log, store)
    want = {key: state for key, (_, _, _, state) in table(Echo(), log.records(CHANGELOG))[1].items()}
    have = {key: found.partitions[0].state.find(key) for key in (b"a", b"b", b"c", b"d")}
    assert {key: entry[3] for key, entry in have.items() if entry} == want


async def test_a_partition_that_was_elsewhere_comes_back_with_what_was_done_there() -> None:
    log, store = MemoryLog(2), MemoryStore()
    runtime = await started(log, store, {0, 1})
    log.put(INBOX, b"a", b"=1")
    log.tick(INBOX, T0)
    await work_off(runtime, log)
    await runtime.load({1}, 2)
    other = await started(log)
    log.put(INBOX, b"a", b"=2")
    await work_off(other, log)
    await runtime.load({0, 1}, 3)
    log.put(INBOX, b"a", b"=3")
    await work_off(runtime, log)
    assert [value for value in log.values(OUT) if value][-1].startswith(b"2 =3")


async def test_idle_ticks_are_not_written_and_change_nothing_when_read_again() -> None:
    log = MemoryLog()
    runtime = await started(log, limits=Limits(idle_ticks=5))
    log.tick(INBOX, T0)
    log.put(INBOX, b"a", b"+60")
    await work_off(runtime, log)
    for second in range(1, 4):
        log.tick(INBOX, T0 + second * 1000)
        await work_off(runtime, log)
    assert log.appends == 1
    assert runtime.partitions[0].next == 5
    # Another has the partition in between, and is behind what we had seen: that is no late batch.
    other = await started(log)
    await other.handle({0: log.records(INBOX)[2:3]})
    await runtime.load({0}, 2)
    assert runtime.partitions[0].next == 3
    assert not runtime.partitions[0].mend
    for second in range(4, 12):
        log.tick(INBOX, T0 + second * 1000)
        await work_off(runtime, log)
    assert position(log).next > 5


# ---- ticks and dues


async def test_dues_are_fired_in_order_of_due_and_key_whether_stored_or_not(tmp_path: Path) -> None:
    log = MemoryLog()
    runtime = await started(log, RocksStore(tmp_path / "s"), limits=Limits(flush_keys=3))
    log.tick(INBOX, T0)
    for key, due in ((b"d", 2), (b"a", 3), (b"c", 1), (b"b", 2), (b"e", 9), (b"f", 2)):
        log.put(INBOX, key, b"+%d" % due)
        await work_off(runtime, log)
    assert runtime.partitions[0].state.checkpoint() is not None
    log.put(INBOX, b"g", b"+2")
    log.tick(INBOX, T0 + 3000)
    await work_off(runtime, log)
    fired = [record.key for record in log.records(OUT) if record.value.startswith(b"due")]
    assert fired == [b"c", b"b", b"d", b"f", b"g", b"a"]
    runtime.close()


async def test_what_is_due_again_within_a_tick_waits_for_the_next() -> None:
    log = MemoryLog()
    runtime = await started(log)
    log.tick(INBOX, T0)
    log.put(INBOX, b"a", b"=again")
    for second in (1, 2, 3):
        log.tick(INBOX, T0 + second * 1000)
    await work_off(runtime, log)
    assert [value for value in log.values(OUT) if value and value.startswith(b"due")] == [
        b"due at %d" % (T0 + second * 1000) for second in (1, 2, 3)
    ]


async def test_a_tick_that_fires_more_than_a_batch_holds_is_committed_in_pieces_and_resumed() -> None:
    log = MemoryLog()
    runtime = await started(log, limits=Limits(events=10, idle_ticks=0))
    log.tick(INBOX, T0)
    for number in range(25):
        log.put(INBOX, b"%02d" % number, b"+1")
    await work_off(runtime, log)
    log.tick(INBOX, T0 + 5000)
    log.put(INBOX, b"07", b"=after")
    appends, write = 0, log.append

    async def twice(topic: str, batches: Any) -> Any:
        nonlocal appends
        appends += 1
        if appends == 2:
            raise CrashError
        return await write(topic, batches)

    log.append = twice  # type: ignore[method-assign]
    with pytest.raises(CrashError):
        await work_off(runtime, log)
    log.append = write  # type: ignore[method-assign]
    assert position(log) == Position(26, 1, Now(T0, 0, ""))
    await work_off(await started(log, limits=Limits(events=4, idle_ticks=0)), log)
    fired = {record.key for record in log.records(OUT) if record.value.startswith(b"due")}
    assert len(fired) == 25
    assert table(Echo(), log.records(CHANGELOG))[1] == replay(Echo(), 0, log.records(INBOX)).states


async def test_time_and_reference_never_go_back_whatever_the_tickers_say() -> None:
    log = MemoryLog()
    runtime = await started(log)
    log.tick(INBOX, T0 + 5000, reference=7, rules="new")
    log.tick(INBOX, T0, reference=9, rules="old")
    log.tick(INBOX, T0 + 6000, reference=3, rules="newest")
    await work_off(runtime, log)
    assert position(log).now == Now(T0 + 6000, 7, "newest")


async def test_a_tick_waits_until_the_reference_data_have_come() -> None:
    log, asked = MemoryLog(), []

    async def ready(offset: int) -> None:
        asked.append((offset, len(log.records(OUT))))

    runtime = await started(log, reference_ready=ready)
    log.put(INBOX, b"a", b"=1")
    log.tick(INBOX, T0, reference=5)
    log.put(INBOX, b"a", b"=2")
    log.tick(INBOX, T0 + 1, reference=5)
    log.tick(INBOX, T0 + 2, reference=8)
    await work_off(runtime, log)
    assert [offset for offset, _ in asked] == [5, 8]
    asked.clear()
    log.put(INBOX, b"a", b"=3")
    # A new process waits for what its position says before it does anything.
    await work_off(await started(log, reference_ready=ready), log)
    assert asked == [(8, 2)]


async def test_a_tick_that_cannot_be_read_goes_to_the_dead_letters() -> None:
    log = MemoryLog()
    runtime = await started(log)
    log.put(INBOX, TICK_KEY, b"\xc1")
    log.put(INBOX, b"a", b"=1")
    await work_off(runtime, log)
    assert [letter.key for letter in letters(log)] == [TICK_KEY]
    assert states(log) == {b"a": b"1"}


# ---- poison


async def test_a_record_that_raises_goes_to_the_dead_letters_alone_and_marks_its_key() -> None:
    log = MemoryLog()
    runtime = await started(log)
    log.tick(INBOX, T0)
    for value in (b"=1", b"!", b"=2"):
        log.put(INBOX, b"a", value)
    log.put(INBOX, b"b", b"!")
    log.put(INBOX, b"c", b"=3")
    await work_off(runtime, log)
    first, second = letters(log)
    assert (first.stage, first.partition, first.offset, first.key) == ("echo", 0, 2, b"a")
    assert (first.error, first.value, first.at) == ("builtins.ValueError", b"sealed:!", T0)
    assert first.frame.startswith(f"{__name__}:handle:")
    assert b"secret" not in b"".join(value or b"" for value in log.values(DEAD_LETTERS))
    assert second.key == b"b"
    found = table(Echo(), log.records(CHANGELOG))[1]
    assert {key: (poisoned, state) for key, (_, _, poisoned, state) in found.items()} == {
        b"a": (True, b"2"),
        b"b": (True, None),
        b"c": (False, b"3"),
    }


async def test_the_mark_outlives_the_state_and_goes_when_the_record_is_replayed() -> None:
    log = MemoryLog()
    runtime = await started(log)
    for value in (b"=1", b"!", b"-"):
        log.put(INBOX, b"a", value)
    await work_off(runtime, log)
    assert table(Echo(), log.records(CHANGELOG))[1][b"a"] == (2, 0, True, None)
    log.put(INBOX, b"a", b"=2", [(REPLAY_HEADER, b"echo/0/1")])
    await work_off(await started(log), log)
    assert table(Echo(), log.records(CHANGELOG))[1][b"a"] == (3, 0, False, b"2")


async def test_a_due_that_raises_is_set_aside_and_not_fired_again() -> None:
    log = MemoryLog()
    runtime = await started(log)
    log.tick(INBOX, T0)
    log.put(INBOX, b"a", b"=bad")
    log.put(INBOX, b"a", b"+1")
    log.put(INBOX, b"b", b"+1")
    for second in (1, 2, 3):
        log.tick(INBOX, T0 + second * 1000)
    await work_off(runtime, log)
    assert [(letter.key, letter.fired) for letter in letters(log)] == [(b"a", True)]
    assert sum((value or b"").startswith(b"due") for value in log.values(OUT)) == 1


async def test_a_due_that_was_set_aside_is_fired_again_when_it_is_replayed() -> None:
    log = MemoryLog()
    runtime = await started(log)
    log.tick(INBOX, T0)
    for key in (b"a", b"b", b"c"):
        log.put(INBOX, key, b"=bad")
        log.put(INBOX, key, b"+1")
    log.tick(INBOX, T0 + 1000)
    await work_off(runtime, log)
    assert [(letter.key, letter.fired) for letter in letters(log)] == [(b"a", True), (b"b", True), (b"c", True)]
    log.put(INBOX, b"a", b"=good")  # what made it raise is mended
    log.put(INBOX, b"c", b"+9")  # due anew, and later
    for key in (b"a", b"b", b"c", b"nobody"):
        log.put(INBOX, key, b"", [(DUE_HEADER, b"echo/0/7")])
    runtime = await started(log)
    await work_off(runtime, log)
    assert {key: (due, marked) for key, (_, due, marked, _) in table(Echo(), log.records(CHANGELOG))[1].items()} == {
        b"a": (1, False), b"b": (1, False), b"c": (T0 + 10_000, False),
    }  # fmt: skip
    log.tick(INBOX, T0 + 2000)
    await work_off(await started(log), log)
    assert [(letter.key, letter.fired) for letter in letters(log)][3:] == [(b"b", True)], "what raises again is set aside again"
    assert [record.key for record in log.records(OUT) if record.value.startswith(b"due")] == [b"a"]
    assert b"nobody" not in [record.key for record in log.records(OUT)], "no stage was handed it"


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (b"=undumpable", "builtins.TypeError"),
        (b"out 1100000", "streams.limits.TooLargeError"),
        (b"big 3200000", "streams.limits.TooLargeError"),
    ],
)
async def test_what_fails_only_when_the_batch_is_put_together_is_found_and_set_aside(value: bytes, error: str) -> None:
    log = MemoryLog()
    runtime = await started(log)
    for key in (b"a", b"b", b"c"):
        log.put(INBOX, key, b"=1")
    log.put(INBOX, b"b", value)
    log.put(INBOX, b"d", b"=1")
    await work_off(runtime, log)
    assert [(letter.key, letter.error) for letter in letters(log)] == [(b"b", error)]
    assert states(log) == dict.fromkeys((b"a", b"b", b"c", b"d"), b"1")
    assert len([value for value in log.values(OUT) if value]) == 4


async def test_too_many_failures_stop_the_process_before_anything_is_written() -> None:
    log = MemoryLog()
    runtime = await started(log, limits=Limits(dead_letters=5, window=100))
    for number in range(700):
        log.put(INBOX, b"a", b"!" if number % 100 < 5 else b"?")
    await work_off(runtime, log, at_once=30)
    assert len(letters(log)) == 35
    for _ in range(2):
        log.put(INBOX, b"a", b"!")
    log.put(INBOX, b"b", b"=1")
    for _ in range(4):
        log.put(INBOX, b"a", b"!")
    with pytest.raises(TooManyDeadLettersError):
        await work_off(runtime, log)
    assert len(letters(log)) == 35
    assert b"b" not in states(log)


# ---- bounds


async def test_a_fetch_is_split_so_that_no_changelog_batch_passes_the_limit() -> None:
    log = MemoryLog()
    limit = 30_000
    runtime = await started(log, limits=Limits(changelog=limit, entry=9000, idle_ticks=0))
    for number in range(100):
        log.put(INBOX, b"%d" % number, b"big 1500")
    await work_off(runtime, log)
    assert max(log.sizes) <= limit
    assert sum(record.key != POSITION_KEY for record in log.records(CHANGELOG)) == 100
    assert len(log.sizes) < 30


async def test_outputs_of_a_commit_are_bounded() -> None:
    log, batches = MemoryLog(), []
    runtime = await started(log, limits=Limits(outputs=100_000), observe=batches.append)
    for number in range(20):
        log.put(INBOX, b"%d" % number, b"out 40000")
    await work_off(runtime, log)
    assert [batch.outputs for batch in batches] == [3] * 6 + [2]
    assert sum(batch.events for batch in batches) == 20


async def test_each_touched_key_is_published_once_a_batch_with_its_revision() -> None:
    log = MemoryLog()
    runtime = await started(log, stage=Told())
    for number in range(5):
        log.put(INBOX, b"a", b"=%d" % number)
    log.put(INBOX, b"b", b"=x")
    log.put(INBOX, b"b", b"-")
    await work_off(runtime, log)
    assert log.values("latest") == [b"4 4"]


async def test_under_load_a_snapshot_waits_for_what_follows_soon_and_is_not_forgotten_by_a_crash() -> None:
    log = MemoryLog()
    limits = Limits(busy=2, snapshot_seconds=1e9)
    runtime = await started(log, stage=Told(), limits=limits)
    for number, key in enumerate((b"a", b"b", b"a", b"b", b"a")):
        log.put(INBOX, key, b"=%d" % number)
    await work_off(runtime, log, at_once=2)
    # The last batch is not busy: nothing is owed any longer.
    assert log.values("latest") == [b"4 4", b"3 3"]
    for key in (b"a", b"b"):
        log.put(INBOX, key, b"=x")
    await work_off(runtime, log)
    assert len(log.values("latest")) == 2
    runtime = await started(log, stage=Told(), limits=limits)
    log.tick(INBOX, T0)
    await work_off(runtime, log)
    assert log.values("latest")[2:] == [b"5 x", b"6 x"]
    log.tick(INBOX, T0 + 1)
    await work_off(await started(log, stage=Told(), limits=limits), log)
    assert len(log.values("latest")) == 4


async def test_what_is_owed_is_in_the_store_too_and_bounded() -> None:
    log, store = MemoryLog(), MemoryStore()
    limits = Limits(busy=1, snapshot_seconds=1e9, flush_keys=3)
    runtime = await started(log, store, stage=Told(), limits=limits)
    for number in range(5):
        log.put(INBOX, b"%d" % number, b"=x")
        await work_off(runtime, log)
    kept = store.partition(0).checkpoint()
    assert kept is not None
    assert [key for key, _ in kept.owed] == [b"0", b"1", b"2"]
    # No more than three are owed: the oldest goes with the fifth's batch.
    assert log.values("latest") == [b"0 x"]
    log.tick(INBOX, T0)
    await work_off(await started(log, store, stage=Told()), log)
    assert log.values("latest")[1:] == [b"1 x", b"2 x", b"3 x", b"4 x"]


async def test_what_is_owed_after_a_crash_is_known_in_the_order_it_came() -> None:
    log, store = MemoryLog(), MemoryStore()
    limits = Limits(events=4, flush_keys=2, busy=1, snapshot_seconds=1e9)
    log.put(INBOX, b"b", b"=1")
    log.put(INBOX, b"b", b"=again")
    log.put(INBOX, b"a", b"=1")
    log.tick(INBOX, T0)  # b is fired: it was applied after a, and stands before it in the batch
    runtime = await started(log, store, stage=Told(), limits=limits)
    log.crash_at = "after"
    with pytest.raises(CrashError):
        await runtime.handle({0: log.records(INBOX)})
    log.crash_at = ""
    log.put(INBOX, b"b", b"=1")
    await work_off(await started(log, store, stage=Told(), limits=limits), log)
    log.tick(INBOX, T0 + 1000)
    await work_off(await started(log, store, stage=Told()), log)
    assert sorted(log.values("latest")) == [b"2 1", b"4 1"]


async def test_a_large_state_is_published_at_once_since_it_may_be_refused() -> None:
    log = MemoryLog()
    limits = Limits(busy=1, snapshot_seconds=1e9, snapshot_bytes=100)
    runtime = await started(log, stage=Told(), limits=limits)
    log.put(INBOX, b"a", b"=small")
    log.put(INBOX, b"b", b"big 101")
    log.put(INBOX, b"c", b"big 2000000")
    await work_off(runtime, log)
    assert [value and value[:3] for value in log.values("latest")] == [b"1 x"]
    assert [letter.key for letter in letters(log)] == [b"c"]


# ---- all together

_commands = st.sampled_from([b"=1", b"=2", b"=again", b"=bad", b"+1", b"+2", b"+5", b"-", b"!", b"?", b"many 2"])
_events = st.lists(st.one_of(st.tuples(st.sampled_from([b"a", b"b", b"c"]), _commands), st.integers(0, 3)), max_size=40)


@settings(max_examples=150, deadline=None)
@given(events=_events, cuts=st.lists(st.integers(1, 9), max_size=12), data=st.data())
async def test_any_log_cut_and_crashed_anyhow_comes_to_what_it_says(
    events: list[Any], cuts: list[int], data: st.DataObject
) -> None:
    log, store = MemoryLog(), MemoryStore()
    at = T0
    for event in events:
        if isinstance(event, int):
            at += event * 1000
            log.tick(INBOX, at)
        else:
            log.put(INBOX, *event)
    limits = Limits(
        events=data.draw(st.integers(1, 6)),
        flush_keys=2,
        idle_ticks=2,
        dead_letters=100,
        busy=data.draw(st.integers(1, 3)),
        snapshot_seconds=data.draw(st.sampled_from([0.0, 1e9])),
    )
    runtime = await started(log, store, stage=Told(), limits=limits)
    for cut in cuts:
        records = log.records(INBOX, 0, runtime.partitions[0].next)[:cut]
        log.crash_at = data.draw(st.sampled_from(["", "", "outputs", "changelog", "after"]))
        try:
            await runtime.handle({0: records})
        except CrashError:
            # The store survives as it was: it is a checkpoint. Or it is lost with its machine.
            store = data.draw(st.sampled_from([store, MemoryStore()]))
            runtime = await started(log, store, stage=Told(), limits=limits)
        log.crash_at = ""
    await work_off(runtime, log)
    log.tick(INBOX, at + 1000)
    # Whatever snapshots are owed, the next process knows it.
    await work_off(await started(log, store, stage=Told()), log)
    want = replay(Echo(), 0, log.records(INBOX))
    found = {b"".join(origin_of(record.headers) or ()): record.value for record in log.records(OUT)}
    assert found == {origin: value for origin, (_, _, value) in want.outputs.items()}
    assert {letter.offset for letter in letters(log)} == want.letters
    assert table(Echo(), log.records(CHANGELOG))[1] == want.states
    latest = {record.key: record.value for record in log.records("latest")}
    for key, (applied, _, _, state) in want.states.items():
        assert state is None or latest[key] == b"%d %s" % (applied, state)

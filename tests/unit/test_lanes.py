"""Lanes keep each sender's order, commit nothing undone, and hold no more than they may, whatever comes in which order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.lanes import Item, Lane, Lanes

steps = st.lists(st.tuples(st.sampled_from(["take", "done", "stuck"]), st.integers(0, 3)), max_size=120)


@given(steps)
def test_order_is_kept_and_nothing_undone_is_committed(script: list[tuple[str, int]]) -> None:
    lanes = Lanes(lane_items=3, total_bytes=1 << 20)
    lanes.assign(0, 0)
    log: list[bytes] = []
    running: dict[bytes, Lane] = {}
    finished: dict[bytes, list[int]] = {}
    for action, number in script:
        sender = b"s%d" % number
        if action == "take":
            lane = lanes.put(Item(0, len(log), sender, b"v"))
            log.append(sender)
            if lane is not None:
                running[sender] = lane
        elif action == "stuck" and sender in running:
            running[sender].struggling = True
        elif action == "done" and sender in running:
            lane = running[sender]
            if not lane.held:  # as deliver refills: from the log, in order
                while lane.spilled and lanes.room(lane):
                    lanes.hold(lane, Item(0, lane.spilled.popleft(), sender, b"v"))
            item = lanes.drop(lane)
            lane.struggling = False
            finished.setdefault(sender, []).append(item.offset)
            lanes.done(0, item.offset)
            if lanes.retire(lane):
                del running[sender]
        assert all(len(lane.held) <= 3 for lane in running.values())
        done = {offset for offsets in finished.values() for offset in offsets}
        position = lanes.partitions[0].position()
        assert all(offset in done for offset in range(position))
        assert position == len(log) or position not in done
    for sender, offsets in finished.items():
        assert offsets == [n for n, who in enumerate(log) if who == sender][: len(offsets)]
    assert lanes.bytes == sum(len(lane.held) for lane in running.values())


def test_a_record_read_twice_is_taken_once() -> None:
    lanes = Lanes()
    lanes.assign(0, 5)
    assert lanes.put(Item(0, 5, b"s", b"v")) is not None
    assert lanes.put(Item(0, 5, b"s", b"v")) is None
    assert lanes.open() == 1


def test_lanes_are_full_when_their_bytes_are() -> None:
    lanes = Lanes(lane_items=10, total_bytes=100)
    lanes.assign(0, 0)
    lanes.put(Item(0, 0, b"a", b"x" * 60))
    assert not lanes.full()
    lanes.put(Item(0, 1, b"b", b"x" * 60))
    assert lanes.full()


def test_a_revoked_partition_holds_nothing_any_more() -> None:
    lanes = Lanes()
    lanes.assign(0, 0)
    lanes.put(Item(0, 0, b"a", b"x" * 60))
    lanes.revoke(0)
    assert (lanes.bytes, lanes.open(), list(lanes.commits())) == (0, 0, [])
    assert lanes.put(Item(0, 1, b"a", b"x")) is None

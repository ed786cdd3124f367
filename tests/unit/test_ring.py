"""A reader of the ring, cut at any place and resumed by its cursor, gets all that is for it, in order, and no more."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.cursor import Cursor, cursor
from hub.domain.ring import LOOKED_AT, Item, Ring

TOPIC = "alerts"


class Of(msgspec.Struct, frozen=True):
    """Takes the values of some remainders."""

    remainders: frozenset[int]

    def takes(self, value: int) -> bool:
        return value % 3 in self.remainders


EVERYTHING = Of(frozenset({0, 1, 2}))


def _item(value: int) -> Item:
    return Item(value, "alert", b'{"n":%d}' % value)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=60),
    st.integers(1, 12),
    st.frozensets(st.integers(0, 2)),
    st.data(),
)
def test_who_resumes_at_any_event_gets_everything_entitled_in_order_and_nothing_else(
    written: list[tuple[int, bool]], count: int, remainders: frozenset[int], data: st.DataObject
) -> None:
    log: list[list[int | None]] = [[], [], []]
    ring, wanted, place = Ring(TOPIC, (0, 0, 0), count), Of(remainders), Cursor(TOPIC)
    got: list[list[int]] = [[], [], []]

    def read() -> None:
        nonlocal place
        if ring.holds(place):
            found = ring.after(place, wanted, data.draw(st.integers(1, 5)))
            items, behind = found.items, found.after
        else:  # as Feed reads the log: partition by partition, up to where the ring begins
            items, behind = [], place
            for number, (rows, begin) in enumerate(zip(log, ring.begins, strict=True)):
                for offset in range(place.at(number), begin):
                    behind = behind.past(number, offset)
                    value = rows[offset]
                    if value is not None and wanted.takes(value):
                        items.append((_item(value), behind.text()))
        cut = data.draw(st.integers(0, len(items)))
        for item, text in items[:cut]:
            got[item.value % 100].append(item.value)
            place = cursor(text, TOPIC)
        if cut == len(items):
            place = behind

    for n, (partition, sealed) in enumerate(written):
        value = None if sealed else n * 100 + partition
        ring.add(partition, len(log[partition]), None if value is None else _item(value))
        log[partition].append(value)
        if data.draw(st.booleans()):
            read()
    for _ in range(400):
        if not ring.news(place):
            break
        read()
    assert got == [[value for value in rows if value is not None and wanted.takes(value)] for rows in log]


def test_the_oldest_go_by_count_and_by_size() -> None:
    few = Ring(TOPIC, (5, 0), count=3)
    for offset in range(5, 10):
        few.add(0, offset, _item(offset))
    assert (few.begins, few.ends) == ((7, 0), (10, 0))
    assert not few.holds(Cursor(TOPIC, (6, 0)))
    assert [item.value for item, _ in few.after(Cursor(TOPIC, (7,)), EVERYTHING, 10).items] == [7, 8, 9]
    small = Ring(TOPIC, (0,), size=4000)
    for offset in range(5):
        small.add(0, offset, Item(offset, "alert", b"x" * 1000))
    assert (small.begins, len(small.after(Cursor(TOPIC, (4,)), EVERYTHING, 10).items)) == ((4,), 1)


def test_a_filter_that_takes_nothing_is_not_looked_at_without_end() -> None:
    ring = Ring(TOPIC, (0,))
    for offset in range(LOOKED_AT + 10):
        ring.add(0, offset, _item(0))
    first = ring.after(Cursor(TOPIC), Of(frozenset()), 10)
    assert (first.items, first.more, first.after.at(0)) == ([], True, LOOKED_AT)
    assert ring.after(first.after, Of(frozenset()), 10).more is False


def test_a_cursor_further_on_than_the_ring_stays_where_it_is() -> None:
    ring = Ring(TOPIC, (0, 0))
    ring.add(0, 0, _item(0))
    ahead = Cursor(TOPIC, (0, 7))
    assert ring.ahead(ahead)
    found = ring.after(ahead, EVERYTHING, 10)
    assert ([item.value for item, _ in found.items], found.after.offsets) == ([0], (1, 7))


def test_what_comes_again_is_passed_over() -> None:
    ring = Ring(TOPIC, (0,))
    for offset in (0, 1, 0, 1, 2):
        ring.add(0, offset, _item(offset))
    assert [item.value for item, _ in ring.after(Cursor(TOPIC), EVERYTHING, 10).items] == [0, 1, 2]


def test_events_are_made_once_with_the_cursor_behind_each() -> None:
    ring = Ring(TOPIC, (0,))
    ring.add(0, 0, _item(3))
    found = ring.after(Cursor(TOPIC), EVERYTHING, 10)
    assert found.events() == b'id: %b\nevent: alert\ndata: {"n":3}\n\n' % Cursor(TOPIC, (1,)).text().encode()
    assert found.events() is found.events()

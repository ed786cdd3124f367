"""A cursor says where a recipient stands: given back it is the same, and what is no cursor is none."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.cursor import Cursor, cursor

offsets = st.lists(st.integers(0, 1 << 40), max_size=24).map(tuple)


@given(offsets)
def test_what_is_given_back_is_where_it_was(given_: tuple[int, ...]) -> None:
    there = Cursor("alerts", given_)
    assert cursor(there.text(), "alerts") == there


@given(offsets, st.integers(0, 30), st.integers(0, 1 << 40))
def test_a_cursor_never_goes_back(given_: tuple[int, ...], partition: int, offset: int) -> None:
    before = Cursor("alerts", given_)
    after = before.past(partition, offset)
    assert after.at(partition) == max(before.at(partition), offset + 1)
    assert all(after.at(n) == before.at(n) for n in range(40) if n != partition)


@given(st.text(max_size=80))
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    with suppress(ValueError):
        assert cursor(text, "alerts").text() == text


@pytest.mark.parametrize("text", [Cursor("answers", (1,)).text(), Cursor("alerts", (1,)).text() + "=", "", "A"])
def test_another_topics_and_padded_ones_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        cursor(text, "alerts")

"""How long fetches are held back: by the records a second, however many fetches bring them."""

from streams.pace import IDLE, QUIET_MS, Hold, Pace

BUSY = Hold(300, 1 << 20)
QUIET = Hold(QUIET_MS, BUSY.size)


def test_few_records_are_held_back_for_a_moment_only() -> None:
    pace = Pace(BUSY)
    assert pace.after(0, 1000.0) == QUIET
    assert pace.after(5, 1000.02) == QUIET
    assert pace.after(300, 1010.0) == QUIET  # many, but after ten quiet seconds


def test_many_small_fetches_are_load_as_one_large_is() -> None:
    small, large = Pace(BUSY), Pace(BUSY)
    small.after(0, 1000.0)
    large.after(0, 1000.0)
    assert small.after(20, 1000.02) == BUSY
    assert large.after(300, 1000.3) == BUSY


def test_held_back_fetches_end_the_load_when_they_bring_little() -> None:
    pace = Pace(BUSY)
    pace.after(0, 1000.0)
    assert pace.after(1000, 1000.3) == BUSY
    assert pace.after(100, 1000.6) == QUIET


def test_where_nothing_comes_the_first_byte_is_waited_for() -> None:
    pace = Pace(BUSY)
    pace.after(1, 1000.0)
    assert pace.patience < 0.1
    assert pace.nothing() == IDLE
    assert IDLE.size == 1
    assert pace.patience == 1.0
    assert pace.after(1, 1001.0) == QUIET


def test_under_load_nothing_is_only_concluded_from_more_than_one_fetch() -> None:
    pace = Pace(BUSY)
    pace.after(1000, 0.1)
    assert pace.patience > 3 * BUSY.ms / 1000

"""How long fetches are held back: by the records a second, however many fetches bring them."""

from streams.pace import QUIET_SECONDS, Pace


def test_few_records_are_not_held_back() -> None:
    pace = Pace(0.3)
    assert pace.after(0, 1000.0) == QUIET_SECONDS
    assert pace.after(5, 1000.02) == QUIET_SECONDS
    assert pace.after(300, 1010.0) == QUIET_SECONDS  # many, but after ten quiet seconds


def test_many_small_fetches_are_load_as_one_large_is() -> None:
    small, large = Pace(0.3), Pace(0.3)
    small.after(0, 1000.0)
    large.after(0, 1000.0)
    assert small.after(20, 1000.02) == 0.3
    assert large.after(300, 1000.3) == 0.3


def test_held_back_fetches_end_the_load_when_they_bring_little() -> None:
    pace = Pace(0.3)
    pace.after(0, 1000.0)
    assert pace.after(1000, 1000.3) == 0.3
    assert pace.after(100, 1000.6) == QUIET_SECONDS

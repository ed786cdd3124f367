"""The stage observe: sums by day and year that repetitions do not change, and the flags of growth and foreign exchange."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hub import codec, topics
from hub.domain.events import Alert, Tick, Traded
from hub.domain.money import amount
from hub.domain.profile import DAYS, Day, grown, growth, with_one
from hub.domain.reference import Reference, ReferenceRecord, problems
from hub.domain.reference import decode as decode_reference
from streams.api import Record
from streams.entries import origins
from streams.stages.observe import Observe, ObserveState
from tests.support.stage_harness import NOON

DAY = topics.DAY_MS
RATES = Reference()
RATES.put(ReferenceRecord("exchange", "502", 1, "2020-01-01", value={"cny": "7"}), 0)
RATES.put(ReferenceRecord("exchange", "300", 1, "2020-01-01", value={"cny": "8"}), 0)


def traded(number: int, at: int = NOON, value: str = "100", currency: str = "", new: bool = True, level: str = "green") -> Traded:
    side = "export" if currency else "import"
    return Traded(f"declaration/{number}", at, side, amount(value), currency, new, level, "P", "2900")


class Observed:
    """One merchant."""

    def __init__(self) -> None:
        self._stage = Observe(RATES)
        self.state: ObserveState | None = None
        self.flags: list[ReferenceRecord] = []
        self.alerts: list[Alert] = []

    def hear(self, *events: Traded, headers: Any = ()) -> Observed:
        for event in events:
            step = self._stage.handle(self.state, Record(b"M", codec.pack(event), headers, 0), Tick(NOON, 0, "test"))
            if step is None:
                continue
            self.state = self._stage.load(self._stage.dump(step.state))
            for output in step.outputs:
                if output.topic == topics.REFERENCE:
                    assert output.route == b"", "reference data are in partition 0"
                    self.flags.append(decode_reference(output.value or b""))
                else:
                    self.alerts.append(codec.alert(output.value or b""))
        return self


def test_days_are_sums_and_a_late_one_finds_its_day() -> None:
    seen = Observed().hear(traded(1), traded(2, NOON + DAY, level="red"), traded(3, new=False))
    assert seen.state is not None
    first, second = seen.state.days
    assert (first.declarations, first.doubtful, first.new) == (2, 0, 1)
    assert (second.declarations, second.doubtful, second.new, second.day) == (1, 1, 1, first.day + 1)


def test_a_day_is_chinas() -> None:
    midnight = NOON + 12 * topics.HOUR_MS
    seen = Observed().hear(traded(1, midnight - 1), traded(2, midnight))
    assert seen.state is not None
    assert [day.declarations for day in seen.state.days] == [1, 1]


def test_growth_is_flagged_once_a_day_and_alarmed_once() -> None:
    seen = Observed().hear(*(traded(200 + n, NOON - 7 * DAY) for n in range(2)), *(traded(n) for n in range(29)))
    assert seen.flags == []
    seen.hear(*(traded(n) for n in range(29, 60)))
    (flag,) = seen.flags
    assert (flag.id, flag.valid_from, flag.valid_to) == ("growth:M", "2026-06-01", "2026-06-09")
    assert flag.value == {"count": 30, "before": 2, "new": 100}
    assert problems(flag) == []
    seen.hear(*(traded(210 + n, NOON - 6 * DAY) for n in range(2)), traded(70, NOON + DAY), traded(71, NOON + DAY))
    assert [(flag.version, flag.valid_from) for flag in seen.flags] == [(1, "2026-06-01"), (2, "2026-06-02")]
    assert [alert.rule for alert in seen.alerts] == ["R16"]


def test_a_shop_that_sold_before_or_is_new_here_or_whose_buyers_are_known_is_not_flagged() -> None:
    before = [traded(n, NOON - 8 * DAY) for n in range(8)]
    assert Observed().hear(*before, *(traded(100 + n) for n in range(60))).flags == []
    assert Observed().hear(*(traded(n) for n in range(60))).flags == []
    assert Observed().hear(*before[:3], *(traded(100 + n, new=n % 2 == 0) for n in range(60))).flags == []


def test_dollars_of_a_year_are_flagged_at_both_numbers() -> None:
    seen = Observed().hear(traded(1, value="180000", currency="502"))
    assert seen.flags == []
    seen.hear(traded(2, value="7", currency="142"), traded(3, value="17499.125", currency="300"))
    assert seen.state is not None
    assert seen.state.exported == {2026: amount("200000")}
    assert [(flag.id, flag.value["count"], flag.valid_to) for flag in seen.flags] == [("fx:M", 180_001, "2027-01-01")]
    seen.hear(traded(4, value="1", currency="502"), traded(5, value="1", currency="502"))
    assert [flag.value["count"] for flag in seen.flags] == [180_001, 200_001]
    assert [(alert.rule, alert.agency) for alert in seen.alerts] == [("R21", ("forex",))] * 2


def test_a_currency_without_a_rate_is_counted_as_that() -> None:
    seen = Observed().hear(traded(1, value="1000000", currency="116"))
    assert seen.state is not None
    assert (seen.state.exported, seen.state.unrated, seen.flags) == ({}, 1, [])


def test_a_year_ends_and_the_year_before_last_is_forgotten() -> None:
    year = 365 * DAY
    seen = Observed().hear(*(traded(n, NOON + n * year, "10", "502") for n in range(4)))
    assert seen.state is not None
    assert seen.state.exported == {2028: amount("10"), 2029: amount("10")}


def test_what_is_long_ago_is_forgotten_but_not_a_flags_version() -> None:
    stage = Observe(RATES)
    state = ObserveState(flags={"fx": (2, 200_000, 20260601)}, since=NOON)
    assert stage.fire(state, b"M", Tick(NOON + 300 * DAY, 0, "test")).state == state
    step = stage.fire(state, b"M", Tick(NOON + 400 * DAY, 0, "test"))
    assert (step.state, step.due) == (ObserveState(flags=state.flags), 0)
    assert stage.fire(ObserveState(since=NOON), b"M", Tick(NOON + 400 * DAY, 0, "test")).state is None


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 70), st.booleans(), st.booleans()), max_size=60), st.data())
def test_sums_are_those_of_what_came_whatever_comes_again(sales: list[tuple[int, bool, bool]], data: st.DataObject) -> None:
    """Each of assess' partitions is read in order, but may go back and say again what it said."""
    logs: list[list[tuple[Traded, Any]]] = [[], []]
    for number, (day, new, doubtful) in enumerate(sales):
        partition = number % 2
        offset = 10 + len(logs[partition]) * 10
        made_by = origins("assess", partition)
        header = made_by.header(made_by.of_record(offset), 0)
        event = traded(number, NOON + day * DAY, new=new, level="red" if doubtful else "green")
        logs[partition].append((event, [header]))
    seen, at = Observed(), [0, 0]
    while any(at[n] < len(log) for n, log in enumerate(logs)):
        n = data.draw(st.sampled_from([n for n, log in enumerate(logs) if at[n] < len(log)]))
        back = data.draw(st.integers(0, min(at[n], 4)))
        for event, headers in logs[n][at[n] - back : at[n] + 1]:
            seen.hear(event, headers=headers)
        at[n] += 1
    if not sales:
        return
    assert seen.state is not None
    newest = max(day for day, _, _ in sales)
    assert len(seen.state.days) <= DAYS
    if newest < DAYS:
        assert sum(day.declarations for day in seen.state.days) == len(sales)
        assert sum(day.new for day in seen.state.days) == sum(new for _, new, _ in sales)


def test_growth_compares_two_weeks() -> None:
    days: tuple[Day, ...] = ()
    for day, count in ((1, 3), (7, 2), (8, 40), (14, 10)):
        for _ in range(count):
            days = with_one(days, day, doubtful=False, new=True)
    assert growth(days, 14) == (50, 5, 100)
    assert grown(50, 5, 100)
    assert not grown(50, 6, 100)
    assert not grown(29, 2, 100)
    assert not grown(500, 1, 100)
    assert not grown(50, 5, 59)

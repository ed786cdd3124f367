"""The stage observe: sums by day and year that repetitions do not change, and the flags of growth and foreign exchange."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub import codec, topics
from hub.domain.events import (
    REFUSED,
    RELEASED,
    RETURNED,
    WITHDRAWN,
    Alert,
    Concluded,
    Licensed,
    Profile,
    Reviewed,
    Tick,
    Traded,
)
from hub.domain.faults import Unavailable
from hub.domain.money import amount
from hub.domain.profile import DAYS, Crowd, Day, Episode, Licence, Prices, Window, grown, growth, with_one, with_price
from hub.domain.reference import Reference, ReferenceRecord, problems
from hub.domain.reference import decode as decode_reference
from hub.wiring import observed, telling
from streams.api import Record, Step
from streams.entries import origins
from streams.stages.observe import Observe, ObserveState
from tests.support.reading import FixedClock
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

    def __init__(self, references: Reference = RATES) -> None:
        self.references = references
        self._stage = Observe(references)
        self.state: ObserveState | None = None
        self.flags: list[ReferenceRecord] = []
        self.alerts: list[Alert] = []
        self.credit: list[ReferenceRecord] = []
        self.profiles: list[tuple[str, Profile]] = []

    def hear(self, *events: Traded | Concluded | Reviewed, headers: Any = (), at: int = NOON) -> Observed:
        for event in events:
            step = self._stage.handle(self.state, Record(b"M", codec.pack(event), headers, 0), Tick(at, self.references.reached, "test"))
            if step is not None:
                self._take(step)
        return self

    def look(self, at: int = NOON) -> Observed:
        """Whatever it was due."""
        assert self.state is not None
        state = msgspec.structs.replace(self.state, look=min(self.state.look, at))
        self._take(self._stage.fire(state, b"M", Tick(at, self.references.reached, "test")))
        return self

    def _take(self, step: Step) -> None:
        self.state = self._stage.load(self._stage.dump(step.state))
        for output in step.outputs:
            if output.topic == topics.REFERENCE:
                assert output.route == b"", "reference data are in partition 0"
                record = decode_reference(output.value or b"")
                assert problems(record) == []
                (self.flags if record.kind == "flag" else self.credit).append(record)
                self.references.put(record, self.references.reached + 1)
            elif output.topic == topics.PROFILES:
                assert output.key == b"M"
                self.profiles.append((dict(output.headers)["ce_type"].decode(), codec.profile(output.value or b"")))
            elif output.topic == topics.ALERTS:
                self.alerts.append(codec.alert(output.value or b""))


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
    seen = Observed().hear(*(traded(200 + n, NOON - (13 - 6 * n) * DAY) for n in range(2)), *(traded(n) for n in range(29)))
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


@given(st.integers(1, 13), st.integers(1, 40))
def test_a_shop_that_sells_alike_every_day_does_not_grow_however_new_it_is(age: int, daily: int) -> None:
    days = tuple(Day(day, daily, new=daily) for day in range(100 - age, 101))
    now, before, new = growth(days, 100)
    assert not grown(now, before, new)
    assert age < 7 or before == 7 * daily


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
    state = ObserveState(flags={"fx": Episode(2, 2, 20605, 20605, 2)}, since=NOON, look=NOON + 500 * DAY)
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
            days = with_one(days, day, declarations=True, new=True)
    assert growth(days, 14) == (50, 5, 100)
    assert grown(50, 5, 100)
    assert not grown(50, 6, 100)
    assert not grown(29, 2, 100)
    assert not grown(500, 1, 100)
    assert not grown(50, 5, 59)


# ---- episodes --------------------------------------------------------------------------------------------------------


def grows(seen: Observed, day: int, number: int) -> Observed:
    """A week of two, and a day of thirty a week later."""
    before = (traded(number + n, NOON + (day - 13 + 6 * n) * DAY) for n in range(2))
    return seen.hear(*before, *(traded(number + 10 + n, NOON + day * DAY) for n in range(30)))


def test_growth_that_comes_back_is_alarmed_again_and_growth_that_goes_on_a_step_worse() -> None:
    seen = grows(Observed(fresh()), 0, 0)
    assert [alert.severity for alert in seen.alerts] == ["yellow"]
    grows(seen, 60, 100)
    assert [alert.severity for alert in seen.alerts] == ["yellow", "yellow"]
    assert len({alert.id for alert in seen.alerts}) == 2
    assert [flag.version for flag in seen.flags] == [1, 2]


def test_dollars_of_the_next_year_are_flagged_and_alarmed_anew() -> None:
    year = 365 * DAY
    seen = Observed(fresh()).hear(traded(1, value="200001", currency="502"))
    seen.hear(traded(2, NOON + 3 * DAY, "10", "502"), traded(3, NOON + 30 * DAY, "10", "502"))
    assert len(seen.flags) == len(seen.alerts) == 1
    seen.hear(traded(4, NOON + year, "180001", "502"), traded(5, NOON + year + DAY, "1", "502"))
    assert [(flag.valid_from, flag.value["year"]) for flag in seen.flags] == [("2026-06-01", 2026), ("2027-06-01", 2027)]
    assert [alert.severity for alert in seen.alerts] == ["orange", "yellow"]
    late = seen.hear(traded(6, NOON, "500000", "502"))
    assert len(late.flags) == 2, "a year that is over"


@given(st.lists(st.integers(0, 60), min_size=1, max_size=30))
def test_an_episode_never_goes_back_and_is_told_of_each_step_once(days: list[int]) -> None:
    episode, told = Episode(), []
    for day in days:
        after = episode.seen(100 + day)
        assert after.day >= episode.day
        assert after.began <= after.day
        if after.due > after.severity:
            told.append((after.began, after.due))
            after = msgspec.structs.replace(after, severity=after.due)
        episode = after
    assert len(set(told)) == len(told)


# ---- the look --------------------------------------------------------------------------------------------------------


def fresh(*records: ReferenceRecord) -> Reference:
    found = Reference()
    for offset, record in enumerate((ReferenceRecord("exchange", "502", 1, "2020-01-01", value={"cny": "7"}), *records)):
        found.put(record, offset)
    return found


def concluded(outcome: str, count: int, at: int = NOON) -> list[Concluded]:
    return [Concluded(f"declaration/{outcome}{n}", at, outcome) for n in range(count)]


def test_refusals_are_alarmed_once_and_a_step_worse_each_week_they_go_on() -> None:
    seen = Observed(fresh()).hear(*concluded(RELEASED, 16), *concluded(REFUSED, 3))
    assert seen.look().alerts == []
    seen.hear(*concluded(REFUSED, 1)).look().look()
    (alert,) = seen.alerts
    assert (alert.rule, alert.severity, alert.enterprises) == ("observe.refusals", "yellow", ("M",))
    assert "20 %" in alert.message
    for day in range(1, 15):
        seen.look(NOON + day * DAY)
    assert [alert.severity for alert in seen.alerts] == ["yellow", "orange", "red"]
    assert [alert.evidence["since"] for alert in seen.alerts] == ["2026-06-01"] * 3


def marked(what: str, count: int, of: int) -> list[Traded]:
    """Declarations, ``count`` of them marked."""
    return [msgspec.structs.replace(traded(n), **{what: n < count}) for n in range(of)]


@pytest.mark.parametrize(
    ("what", "misses", "hits"),
    [
        ("refusals", [*concluded(RELEASED, 17), *concluded(REFUSED, 4)], [*concluded(RELEASED, 16), *concluded(REFUSED, 4)]),
        ("returns", [*concluded(RELEASED, 20), *concluded(RETURNED, 5)], [*concluded(RELEASED, 20), *concluded(RETURNED, 6)]),
        ("mismatches", marked("mismatched", 5, 30), marked("mismatched", 6, 30)),
        ("mismatches", marked("mismatched", 29, 29), marked("mismatched", 30, 30)),
        ("undervaluation", marked("undervalued", 5, 30), marked("undervalued", 6, 30)),
    ],
)
def test_a_rate_is_remarked_when_it_is_reached_and_not_before(what: str, misses: list[Any], hits: list[Any]) -> None:
    assert Observed(fresh()).hear(*misses).look().alerts == []
    seen = Observed(fresh()).hear(*hits).look()
    assert [alert.rule for alert in seen.alerts] == [f"observe.{what}"]
    profile = seen.profiles[-1][1]
    assert [(remark.what, remark.since, remark.severity) for remark in profile.remarks] == [(what, "2026-06-01", "yellow")]
    assert seen.look(NOON + 31 * DAY).profiles[-1][1].remarks == ()
    assert seen.profiles[-1][1].rates == {}


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_buyer_payer_or_address_of_most_of_a_week_is_remarked(place: int) -> None:
    def by(common: int) -> Traded:
        who = [f"{common}"] * 3
        who[place] = "one" if common % 4 else f"{common}"
        return msgspec.structs.replace(traded(common), who=tuple(who))

    assert Observed(fresh()).hear(*(by(n) for n in range(29))).look().alerts == []
    seen = Observed(fresh()).hear(*(by(n) for n in range(40))).look()
    assert [alert.rule for alert in seen.alerts] == [f"observe.{('buyers', 'payers', 'addresses')[place]}"]


def test_one_buyer_of_half_a_week_is_remarked() -> None:
    half = [msgspec.structs.replace(traded(n), who=("one" if n < 20 else f"{n}", "", "")) for n in range(40)]
    seen = Observed(fresh()).hear(*half).look()
    share = seen.profiles[-1][1].shares["buyers"]
    assert share.whole == 40
    assert share.part <= 20
    scattered = [msgspec.structs.replace(traded(n), who=(f"{n}", "", "")) for n in range(40)]
    assert Observed(fresh()).hear(*scattered).look().alerts == []


@given(st.lists(st.sampled_from("aaaabbcdefghijklmnop"), max_size=200))
def test_a_share_is_never_more_than_it_was_and_misses_a_ninth_at_most(names: list[str]) -> None:
    crowd = Crowd()
    for name in names:
        crowd = crowd.plus(1, name)
    assert crowd.whole == len(names)
    for name in set(names):
        counted, true = crowd.counts.get(name, 0), names.count(name)
        assert true - len(names) / 9 <= counted <= true


def test_prices_that_double_are_remarked_and_prices_of_a_sale_are_not() -> None:
    def week(number: int, price: int, count: int = 20) -> list[Traded]:
        at = NOON + number * 7 * DAY
        return [msgspec.structs.replace(traded(n, at), prices=(("3304990039/011/142", price),)) for n in range(count)]

    steady = Observed(fresh()).hear(*week(0, 10_000_000), *week(1, 10_000_000, 24), *week(2, 6_000_000)).look(NOON + 14 * DAY)
    assert steady.alerts == []
    doubled = Observed(fresh()).hear(*week(0, 10_000_000), *week(1, 20_000_000)).look(NOON + 7 * DAY)
    assert [alert.rule for alert in doubled.alerts] == ["observe.prices"]
    (shown,) = doubled.profiles[-1][1].prices
    assert (shown.good, shown.count, shown.count_before) == ("3304990039/011/142", 20, 20)
    assert float(shown.typical) == pytest.approx(200, rel=0.01)


@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=50))
def test_a_spread_is_that_of_the_logarithms_whatever_their_order(prices: list[int]) -> None:
    forward, backward = Window(), Window()
    for price in prices:
        forward = forward.plus(price)
    for price in reversed(prices):
        backward = backward.plus(price)
    assert forward == backward
    assert forward.spread >= 0
    assert min(prices) * 0.99 - 1 <= forward.typical <= max(prices) * 1.01 + 1


def test_prices_of_sixteen_goods_are_kept_and_none_of_nothing() -> None:
    kept: dict[str, Prices] = {}
    for n in range(40):
        kept = with_price(kept, f"good{n % 20}", 1, 100)
    assert len(kept) == 16
    assert with_price(kept, "free", 1, 0) == kept


# ---- standing --------------------------------------------------------------------------------------------------------


def said(source: str, level: str, version: int = 1, field: str = "level", **value: Any) -> ReferenceRecord:
    return ReferenceRecord("credit", f"M~{source}", version, "2026-05-01", value={field: level, "recorded_by": "customs", **value})


def test_a_standing_that_changes_is_told_once_and_soon_after_it_was_recorded() -> None:
    seen = Observed(fresh()).hear(traded(1)).look()
    assert [type_ for type_, _ in seen.profiles] == ["hub.profile.updated.v1"]
    seen.references.put(said("gacc", "dishonest"), seen.references.reached + 1)
    seen.hear(Reviewed(NOON), at=NOON)
    assert seen.state is not None
    assert seen.state.look == NOON + 2000
    seen.look(NOON + 2000)
    type_, profile = seen.profiles[-1]
    assert type_ == "hub.standing.changed.v1"
    assert (profile.control_class, profile.suggested) == (5, 5)
    (change,) = profile.changes
    assert (change.before, change.after, [reason.source for reason in change.new]) == (3, 5, ["gacc"])
    seen.look(NOON + 3000)
    assert [type_ for type_, _ in seen.profiles[2:]] == ["hub.profile.updated.v1"]
    assert seen.profiles[-1][1].changes == (change,)


async def test_whose_standing_an_officer_may_have_changed_is_told_to_observe_and_no_person() -> None:
    published: list[ReferenceRecord] = []
    sent: dict[bytes, Any] = {}

    class Log:
        away = False

        async def send(self, rows: Any) -> Any:
            if self.away:
                raise Unavailable("the broker")
            for (topic, partition), of_it in rows.items():
                assert topic == topics.inbox("observe")
                for key, value, _ in of_it:
                    assert topics.partition_of(key, 4) == partition
                    sent[key] = codec.observe_event(value)

    async def amend(change: Callable[[Reference], Sequence[ReferenceRecord]]) -> Sequence[ReferenceRecord]:
        records = change(Reference())
        published.extend(records)
        return records

    log = Log()
    both = observed(amend, telling(log, FixedClock(NOON), 4))
    link = ReferenceRecord("link", "N~suggested", 1, "2026-05-01", value={})
    person = ReferenceRecord("credit", "person:ab~negative", 1, "2026-05-01", value={})
    rate = ReferenceRecord("exchange", "502", 1, "2026-05-01", value={})
    await both(lambda _: [said("gacc", "dishonest"), said("court", "listed"), link, person, rate])
    assert sent == {b"M": Reviewed(NOON), b"N": Reviewed(NOON)}
    log.away = True
    await both(lambda _: [said("gacc", "dishonest")])  # it is recorded: the daily look sees it
    assert len(published) == 6


def test_an_enterprise_that_never_traded_has_a_standing_too() -> None:
    seen = Observed(fresh(said("negative", "listed"))).hear(Reviewed(NOON)).look(NOON + 2000)
    type_, profile = seen.profiles[-1]
    assert (type_, profile.control_class, profile.days) == ("hub.standing.changed.v1", 5, ())


def test_it_is_looked_at_every_day_so_that_what_runs_out_is_seen() -> None:
    ends = msgspec.structs.replace(said("court", "listed"), valid_to="2026-06-03")
    seen = Observed(fresh(ends)).hear(traded(1)).look()
    assert seen.state is not None
    assert NOON < seen.state.look < NOON + DAY
    seen.look(NOON + DAY).look(NOON + 2 * DAY)
    assert [type_ for type_, _ in seen.profiles] == ["hub.standing.changed.v1", "hub.profile.updated.v1", "hub.standing.changed.v1"]
    assert [(change.before, change.after) for change in seen.profiles[-1][1].changes] == [(4, 3), (3, 4)]


def test_a_grade_is_suggested_when_it_changes_and_a_day_later_at_the_earliest() -> None:
    seen = Observed(fresh()).hear(*(traded(n, level="red") for n in range(20))).look()
    (grade,) = seen.credit
    assert (grade.id, grade.version, grade.value["grade"], grade.value["recorded_by"]) == ("M~computed", 1, "BB", "hub")
    assert grade.value["dimensions"] == {"behaviour": 0}
    assert seen.state is not None
    assert seen.state.look == NOON + 600_000, "its own word changes the standing that it tells"
    assert seen.look(NOON + 600_000).profiles[-1][1].suggested == 4
    seen.hear(*(traded(100 + n) for n in range(400)), *concluded(RELEASED, 200)).look(NOON + 700_000)
    assert len(seen.credit) == 1
    seen.look(NOON + DAY)
    assert (seen.credit[-1].version, seen.credit[-1].value["grade"]) == (2, "AAA")


def test_what_goes_on_for_a_week_is_suggested_as_an_alert_and_an_officers_word_is_kept() -> None:
    seen = Observed(fresh()).hear(*concluded(RELEASED, 10), *concluded(REFUSED, 10)).look()
    assert [record.id for record in seen.credit] == ["M~computed"]
    for day in range(1, 8):
        seen.look(NOON + day * DAY)
    alert = seen.credit[-1]
    assert (alert.id, alert.value["level"], alert.value["note"], alert.valid_to) == ("M~alert", "open", "refusals", "2026-07-08")
    confirmed = {**alert.value, "confirmed_by": "officer"}
    officers = ReferenceRecord("credit", "M~alert", 7, "2026-06-08", "2026-07-08", confirmed)
    seen.references.put(officers, seen.references.reached + 1)
    for day in range(8, 30):
        seen.look(NOON + day * DAY)
    renewed = seen.credit[-1]
    assert (renewed.id, renewed.version, renewed.value["confirmed_by"], renewed.valid_to) == ("M~alert", 8, "officer", "2026-07-24")
    assert seen.profiles[-1][1].control_class == 4


def test_an_officers_word_on_what_is_over_does_not_confirm_what_comes_next() -> None:
    seen = Observed(fresh()).hear(*concluded(RELEASED, 10), *concluded(REFUSED, 10)).look()
    for day in range(1, 8):
        seen.look(NOON + day * DAY)
    confirmed = {**seen.credit[-1].value, "confirmed_by": "officer"}
    seen.references.put(ReferenceRecord("credit", "M~alert", 7, "2026-06-08", "2026-07-08", confirmed), seen.references.reached + 1)
    later = NOON + 8 * DAY
    seen.hear(*(Concluded(f"later/{n}", later, RELEASED) for n in range(90)), at=later)
    seen.hear(*(Concluded(f"back/{n}", later + 9 * DAY, RETURNED) for n in range(60)), at=later + 9 * DAY)
    for day in range(17, 37):
        seen.look(NOON + day * DAY)
    assert [record.value["note"] for record in seen.credit if record.id == "M~alert"] == ["refusals"], "nor takes it back"
    assert seen.profiles[-1][1].control_class == 4
    seen.look(NOON + 37 * DAY)
    alert = [record for record in seen.credit if record.id == "M~alert"][-1]
    assert (alert.version, alert.value["note"], "confirmed_by" in alert.value) == (8, "returns", False)
    assert seen.profiles[-1][1].control_class == 3


# ---- permits ---------------------------------------------------------------------------------------------------------


def uses(declaration: str, quantity: int) -> Licensed:
    return Licensed(declaration, NOON, (("6A002", "XK/1", quantity),) if quantity else ())


def test_what_is_used_of_a_permit_is_flagged_with_who_used_it_and_freed_where_it_came_to_nothing() -> None:
    seen = Observed(fresh()).hear(uses("a", 3), uses("b", 4), uses("b", 4))
    assert [flag.value for flag in seen.flags] == [{"a": 3, "used": 3}, {"a": 3, "b": 4, "used": 7}]
    assert {flag.id for flag in seen.flags} == {"licence:M~6A002~XK%2F1"}
    seen.hear(uses("b", 1), Concluded("a", NOON, REFUSED), Concluded("a", NOON, REFUSED))
    assert [flag.value for flag in seen.flags[2:]] == [{"a": 3, "b": 1, "used": 4}, {"b": 1, "used": 1}]
    seen.hear(Licensed("b", NOON), Concluded("c", NOON, WITHDRAWN))
    assert [(flag.version, flag.value) for flag in seen.flags[4:]] == [(5, {"used": 0})]
    assert seen.state is not None
    assert sum(day.refused for day in seen.state.days) == 2, "the day counts what the harness, without origins, repeats"


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 9)), max_size=40))
def test_the_use_of_a_permit_is_the_sum_of_what_each_declaration_uses_now(said: list[tuple[str, int]]) -> None:
    licence, now = Licence(), dict[str, int]()
    for declaration, quantity in said:
        licence = licence.used_by(declaration, quantity)
        now[declaration] = quantity
        assert licence.told["used"] == sum(now.values())
    assert all(licence.told.get(key, 0) == quantity for key, quantity in now.items())


def test_of_a_permit_used_a_thousand_times_the_sum_stays_exact() -> None:
    licence = Licence()
    for n in range(1200):
        licence = licence.used_by(f"declaration/{n}", 2)
    assert licence.told["used"] == 2400
    assert len(licence.told) == 33
    assert len(licence.uses) == 500

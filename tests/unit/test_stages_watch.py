"""The stage watch: what is counted, when a flag is written, what happens to what comes twice or late."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub import codec, topics
from hub.domain.events import Alert, Seen, Sighting, Tick
from hub.domain.kinds import WAYBILL
from hub.domain.reference import Reference, ReferenceRecord, problems
from hub.domain.reference import decode as decode_reference
from hub.domain.watching import REUSED, WATCHED, told
from hub.rules.engine import ruleset
from hub.rules.risk import r18_waybill
from streams.api import Record
from streams.stages.watch import Watch, WatchSettings, WatchState
from tests.support.documents import CARRIER, four, submission, with_head
from tests.support.stage_harness import NOON, World

NOW = Tick(NOON, 0, "test")
HOUR = topics.HOUR_MS


def seen(number: int, at: int = NOON, who: str | None = None, by: str = "", units: int = 1) -> bytes:
    sighting = Sighting(f"declaration/{number}", at, who or f"buyer {number}", by, units)
    return codec.pack(Seen(sighting, "2900", "P", "M"))


class Watching:
    """One thing, watched."""

    def __init__(self, id_: str, **settings_: Any) -> None:
        self._stage, self._key = Watch(WatchSettings(**settings_)), id_.encode()
        self.state: WatchState | None = None
        self.due = 0
        self.flags: list[ReferenceRecord] = []
        self.alerts: list[Alert] = []

    def see(self, *values: bytes) -> Watching:
        for value in values:
            step = self._stage.handle(self.state, Record(self._key, value, (), 0), NOW)
            if step is None:
                continue
            self.state, self.due = self._stage.load(self._stage.dump(step.state)), step.due
            for output in step.outputs:
                if output.topic == topics.REFERENCE:
                    assert output.route == b"", "reference data are in partition 0"
                    self.flags.append(decode_reference(output.value or b""))
                elif output.topic == topics.ALERTS:
                    self.alerts.append(codec.alert(output.value or b""))
        return self

    def fire(self, at: int) -> None:
        step = self._stage.fire(self.state or WatchState(), self._key, Tick(at, 0, "test"))
        self.state, self.due = step.state, step.due


def test_a_flag_is_written_where_a_number_is_reached_and_names_those_before() -> None:
    watching = Watching("telephone:t").see(*(seen(n) for n in range(3)))
    assert (watching.flags, watching.alerts) == ([], [])
    watching.see(seen(3))
    (flag,) = watching.flags
    assert (flag.kind, flag.id, flag.version, flag.valid_from, flag.valid_to) == (
        "flag", "telephone:t", 1, "2026-06-01", "2026-07-02",
    )  # fmt: skip
    assert flag.value == {"count": 4, "since": 20260601, "last": 20260601}
    assert problems(flag) == []
    (alert,) = watching.alerts
    assert (alert.rule, alert.severity, alert.declaration) == ("R03", "yellow", "declaration/3")
    assert alert.evidence["declarations"] == ", ".join(f"declaration/{n}" for n in range(4))


def test_the_next_number_is_a_new_version_and_between_them_nothing_is_written() -> None:
    watching = Watching("telephone:t").see(*(seen(n) for n in range(19)))
    assert [(flag.version, flag.value["count"]) for flag in watching.flags] == [(1, 4), (2, 5), (3, 10)]
    assert len(watching.alerts) == 3


def test_what_comes_twice_is_counted_once() -> None:
    watching = Watching("telephone:t").see(seen(0), seen(1), seen(2), seen(2), seen(1))
    assert watching.flags == []
    watching.see(seen(3)).see(seen(3), seen(0))
    assert len(watching.flags) == 1


def test_one_buyer_with_many_declarations_is_one() -> None:
    assert Watching("payer:p").see(*(seen(n, who="one") for n in range(30))).flags == []


def test_another_order_under_a_waybill_s_number_is_one_however_often_it_is_handed_in() -> None:
    world, documents = World(), four()
    world.submit(submission(documents[WAYBILL]))
    for order, time in (("NO2", "13"), ("NO2", "14"), ("NO2", "15"), ("NO1", "16")):
        again = with_head(documents[WAYBILL], orderNo=order, appTime=f"20260601{time}0000", guid=f"{order}-{time}")
        world.submit(submission(again, at=NOON + int(time)))
    world.run()
    number = f"waybill:{CARRIER}:WNO1"
    (state, _) = world.states["watch"][number.encode()]
    assert [one.who for one in state.seen] == ["NO2"] * 3
    assert world.references.find("flag", number, 20260601, world.references.reached) == {
        "count": 1, "since": 20260601, "last": 20260601,
    }  # fmt: skip
    assert [alert.evidence["count"] for alert in world.alerts() if alert.rule == "R18"] == ["1"]


def test_a_waybill_s_number_is_watched_for_as_long_as_its_rule_asks() -> None:
    assert WATCHED[REUSED].hours >= 24 * max(days for _, days in r18_waybill.DAYS.history())


def test_what_left_the_window_counts_no_more_and_a_flag_goes_on_from_day_to_day() -> None:
    watching = Watching("instant:M@100")
    watching.see(*(seen(n, NOON + n * HOUR // 4) for n in range(20)))
    assert watching.flags == [], "never five within an hour"
    day = 24 * HOUR
    other = Watching("telephone:t").see(*(seen(n) for n in range(4)))
    other.see(seen(4, NOON + day, who="buyer 3"), seen(5, NOON + day + 1, who="buyer 2"))
    assert [(flag.valid_from, flag.value["count"]) for flag in other.flags] == [("2026-06-01", 4), ("2026-06-02", 4)]
    assert len(other.alerts) == 1, "it is the same number: no new alert"


def test_at_an_address_people_count_beyond_the_telephones() -> None:
    everybody = Watching("address:a").see(*(seen(n, by=f"t{n}") for n in range(40)))
    assert everybody.flags == [], "a pick-up point"
    shared = Watching("address:a").see(*(seen(n, by=f"t{n % 2}") for n in range(6)))
    assert [flag.value["count"] for flag in shared.flags] == [5]


def test_a_stock_comes_through_few_people() -> None:
    many = Watching("stock:1901101000@a").see(*(seen(n, units=2) for n in range(30)))
    assert many.flags == []
    few = Watching("stock:1901101000@a").see(*(seen(n, who=f"b{n % 3}", units=3) for n in range(5)))
    assert [flag.value["count"] for flag in few.flags] == [15]


def test_what_is_quiet_for_a_window_is_forgotten_but_not_the_version() -> None:
    watching = Watching("telephone:t").see(*(seen(n) for n in range(4)))
    assert watching.due == NOON + 30 * 24 * HOUR
    watching.fire(watching.due)
    assert watching.state == WatchState((), 1, 0, 20260601)
    later = NOON + 60 * 24 * HOUR
    watching.see(*(seen(n, later) for n in range(10, 14)))
    assert [flag.version for flag in watching.flags] == [1, 2]
    quiet = Watching("telephone:t").see(seen(0))
    quiet.fire(quiet.due)
    assert quiet.state is None


def test_a_thing_keeps_a_bounded_number_of_declarations() -> None:
    watching = Watching("telephone:t", entries=8).see(*(seen(n, NOON + n) for n in range(100)))
    assert watching.state is not None
    assert len(watching.state.seen) == 8
    assert [flag.value["count"] for flag in watching.flags] == [4, 5]


ONE = st.tuples(st.integers(0, 12), st.integers(0, 30 * 24), st.integers(0, 4))


@settings(max_examples=200, deadline=None)
@given(st.lists(ONE, max_size=30), st.randoms(use_true_random=False))
def test_the_window_is_the_same_in_whichever_order_and_however_often_it_came(
    ones: list[tuple[int, int, int]], draw: Any
) -> None:
    """Versions of a declaration aside: each declaration has one sighting here."""
    values = {number: seen(number, NOON + hours * HOUR, who=f"b{who}") for number, hours, who in ones}
    came = [*values.values(), *draw.choices(list(values.values()), k=10)] if values else []
    draw.shuffle(came)
    once, again = Watching("telephone:t").see(*values.values()), Watching("telephone:t").see(*came)
    assert (once.state or WatchState()).seen == (again.state or WatchState()).seen
    latest = {flag.value["count"] for flag in again.flags}
    assert max(latest, default=0) <= 5


@pytest.mark.parametrize("what", list(WATCHED))
def test_each_rule_hears_of_its_number_and_flags_grow(what: str) -> None:
    watched = WATCHED[what]
    parameters = {value.on(20260601) for value in ruleset().by_code(watched.rule).parameters().values()}
    assert watched.steps[0] in parameters, "the first flag is written where the rule begins to act"
    assert list(watched.steps) == sorted(set(watched.steps))
    assert told(what, watched.steps[0] - 1) == 0
    assert told(what, watched.steps[-1] + 5) == watched.steps[-1]


def test_a_flag_is_seen_by_declarations_of_its_day_and_no_longer_than_its_window() -> None:
    known = Reference()
    (flag,) = Watching("telephone:t").see(*(seen(n) for n in range(4))).flags
    known.put(flag, 7)
    assert known.find("flag", "telephone:t", 20260601, 7) == {"count": 4, "since": 20260601, "last": 20260601}
    assert known.find("flag", "telephone:t", 20260601, 6) is None
    assert known.find("flag", "telephone:t", 20260702, 7) is None

"""What a buyer takes of goods with a yearly quantity: counted a declaration each, freed as the allowance is, bounded."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from hub import codec
from hub.domain import yearly
from hub.domain.events import Matched, Position, Tick
from hub.domain.reference import Reference, ReferenceRecord, checked
from hub.domain.yearly import MOST, Taken, kept, used
from hub.rules.cases import case_of
from streams.api import Record, Step
from streams.stages.assess import Assess, AssessState

NOON_2026, NOON_2027 = 1_780_286_400_000, 1_811_822_400_000
KILOGRAM = 100_000


def sugar() -> Reference:
    """A list on which one line is limited to two kilograms."""
    data = Reference()
    records = [
        ReferenceRecord("parameter", yearly.LIST, 1, "2016-04-08", value={"version": "2022"}),
        ReferenceRecord("positive", "19011010", 1, "2016-04-08", value={"yearly": "2", "unit": "035"}),
    ]
    for offset, record in enumerate(checked(records)):
        data.put(record, offset)
    return data


class Buyer:
    """A buyer's state in the stage."""

    def __init__(self) -> None:
        self._stage, self._data = Assess(sugar()), sugar()
        self.state: AssessState | None = None
        self._offset = 0

    def declares(self, key: str, kilograms: str, *, at: int = NOON_2026, revision: int = 1) -> list[str]:
        """The codes found in a declaration of so much."""
        case = case_of({"name": "", "day": 20260601, "verified": True, "lines": [{"unit1": "035", "qty1": kilograms}]})
        event = Matched(key, revision, 1, at, "p", "buyer", case.value, case.declaration, case.order, case.payment, case.waybill, match=f"m{revision}")
        step = self._handle(event)
        if step is None:
            return []
        made = next(codec.assessment(o.value) for o in step.outputs if o.topic == "assessments" and o.value)
        return [finding.code for finding in made.findings if "quantity" in finding.code]

    def position(self, key: str, revision: int, **amounts: int) -> None:
        self._handle(Position(key, revision, 2026, **amounts))

    def _handle(self, event: Any) -> Step | None:
        self._offset += 1
        record = Record(b"buyer", codec.pack(event), (), self._offset)
        step = self._stage.handle(self.state, record, Tick(NOON_2026, self._data.reached))
        if step is not None:
            assert isinstance(step.state, AssessState)
            self.state = codec.decoder(AssessState)(codec.pack(step.state))
        return step


def test_what_others_of_the_year_take_counts() -> None:
    buyer = Buyer()
    assert buyer.declares("declaration/a", "1.5") == []
    assert buyer.declares("declaration/b", "0.5") == []
    assert buyer.declares("declaration/c", "0.1") == ["rule.yearly_quantity"]


def test_another_version_takes_the_place_of_the_one_before_and_a_redelivery_changes_nothing() -> None:
    buyer = Buyer()
    assert buyer.declares("declaration/a", "1.5") == []
    before = buyer.state
    assert buyer.declares("declaration/a", "1.5") == []
    assert buyer.state == before
    assert buyer.declares("declaration/a", "2", revision=2) == []
    assert buyer.declares("declaration/b", "0.1") == ["rule.yearly_quantity"]


def test_a_rejection_or_a_whole_return_frees_it_and_a_new_attempt_takes_it_again() -> None:
    buyer = Buyer()
    buyer.declares("declaration/a", "2")
    buyer.position("declaration/a", 1, reserved=100)
    assert buyer.declares("declaration/b", "1") == ["rule.yearly_quantity"]
    buyer.position("declaration/b", 1)
    buyer.position("declaration/a", 2)
    assert buyer.declares("declaration/c", "2") == []
    buyer.position("declaration/c", 1, counted=100, returned=100)
    buyer.position("declaration/a", 3, reserved=100)
    assert buyer.declares("declaration/d", "0.1") == ["rule.yearly_quantity"]


def test_another_year_begins_anew() -> None:
    buyer = Buyer()
    buyer.declares("declaration/a", "2")
    assert buyer.declares("declaration/b", "2", at=NOON_2027) == []


@given(st.lists(st.tuples(st.integers(0, 199), st.integers(0, 5)), max_size=250))
def test_the_sum_is_that_of_the_last_of_each_and_the_state_is_bounded(changes: list[tuple[int, int]]) -> None:
    takings: yearly.Takings = {}
    folded: yearly.Folded = {}
    last: dict[str, tuple[int, int]] = {}
    for number, kilograms in changes:
        key, year = f"declaration/{number}", 2024 + number % 4
        if key not in takings and key in last:
            continue  # was folded or is of a year that is over: its place is taken
        last[key] = (year, kilograms * KILOGRAM)
        lines = (("17019910", kilograms * KILOGRAM),) if kilograms else ()
        takings, folded = kept(takings, folded, key, Taken(year, lines), lambda _: False)
        assert len(takings) <= MOST
    if last:
        newest = max((year for year, _ in last.values()))
        expected = sum(quantity for year, quantity in last.values() if year == newest)
        assert used(takings, folded, newest, "", lambda _: False).get("17019910", 0) == expected
    assert len(msgspec.msgpack.encode((takings, folded))) < 10_000

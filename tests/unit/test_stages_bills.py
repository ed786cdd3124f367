"""Bills: parts in any order, taken back, crowded out; whatever happens a parcel is told what its documents say."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from hub import codec, topics
from hub.domain.events import Assembled, Noted, Part, PartAccepted, PartGone, Tick
from hub.domain.kinds import ARRIVAL, CONSOLIDATION, DEPARTURE
from hub.domain.views import BillView, Parcel
from streams.api import Record, Step
from streams.stages.bills import Bills, BillSettings, BillState
from tests.support.stage_harness import NOON

KEY = b"C:B"


class Bill:
    """One bill's state, and what its parcels and parts were told."""

    def __init__(self, **settings: int) -> None:
        self.stage = Bills(BillSettings(**settings))
        self.state: BillState | None = None
        self.due = 0
        self.now = NOON
        self.revision = 0
        #: (waybill, fact) → value
        self.facts: dict[tuple[str, str], str] = {}
        self.reports: dict[str, Assembled] = {}

    def part(self, kind: str, number: int, count: int, *parcels: str, document: str = "D") -> None:
        self.revision += 1
        view = BillView("C", "B", document, count, number, tuple(Parcel(p) for p in parcels))
        self.do(Part(kind, f"{kind}/{document}:{number}", self.revision, msgspec.Raw(codec.pack(view)), self.now))

    def gone(self, kind: str, number: int, document: str = "D", reason: str = "rejected") -> None:
        self.do(PartGone(f"{kind}/{document}:{number}", self.revision, reason, self.now))

    def accepted(self, kind: str, number: int, document: str = "D") -> None:
        self.do(PartAccepted(f"{kind}/{document}:{number}", self.revision, self.now))

    def do(self, event: object) -> None:
        self._apply(self.stage.handle(self.state, Record(key=KEY, value=codec.pack(event), offset=1, headers=()), Tick(self.now)))

    def wait(self, ms: int) -> None:
        self.now += ms
        while self.state is not None and self.due and self.due <= self.now:
            before = self.due
            self._apply(self.stage.fire(self.state, KEY, Tick(self.now)))
            assert self.state is None or self.due > before

    def _apply(self, step: Step | None) -> None:
        if step is None:
            return
        self.state = self.stage.load(self.stage.dump(step.state)) if step.state is not None else None
        self.due = step.due
        for output in step.outputs:
            assert output.topic == topics.inbox("register")
            event = codec.register_event(output.value)
            if isinstance(event, Noted):
                self.facts[output.key.decode().rpartition(":")[2], event.fact] = event.value
            else:
                assert isinstance(event, Assembled)
                self.reports[output.key.decode()] = event

    def told(self, fact: str) -> set[str]:
        return {parcel for (parcel, name), value in self.facts.items() if name == fact and value}


@given(st.permutations(range(1, 6)))
def test_the_last_part_of_any_order_tells_all_parcels_once_it_is_here(order: list[int]) -> None:
    bill = Bill()
    for n in order[:-1]:
        bill.part(CONSOLIDATION, n, 5, f"W{n}a", f"W{n}b")
    bill.wait(6_000)
    assert bill.told("consolidated") == set()
    assert {report.state for report in bill.reports.values()} == {"waiting"}
    assert {report.missing for report in bill.reports.values()} == {(order[-1],)}
    bill.part(CONSOLIDATION, order[-1], 5, f"W{order[-1]}a")
    assert len(bill.told("consolidated")) == 9
    assert {report.state for report in bill.reports.values()} == {"matched"}


#: What may happen to two documents of two parts.
ACTIONS = st.one_of(
    st.tuples(st.just("part"), st.sampled_from((ARRIVAL, DEPARTURE)), st.integers(1, 2)),
    st.tuples(st.just("gone"), st.sampled_from((ARRIVAL, DEPARTURE)), st.integers(1, 2)),
    st.tuples(st.just("accepted"), st.sampled_from((ARRIVAL, DEPARTURE)), st.integers(1, 2)),
    st.tuples(st.just("wait"), st.sampled_from(("", "")), st.sampled_from((1, 6_000, 90_000_000))),
)


@given(st.lists(ACTIONS, max_size=25))
def test_a_parcel_is_told_exactly_what_the_whole_documents_say(actions: list[tuple[str, str, int]]) -> None:
    bill = Bill()
    here: dict[str, set[int]] = {ARRIVAL: set(), DEPARTURE: set()}
    for name, kind, number in actions:
        if name == "part":
            bill.part(kind, number, 2, f"W{number}")
            here[kind].add(number)
        elif name == "gone":
            bill.gone(kind, number)
            here[kind].discard(number)
        elif name == "accepted":
            bill.accepted(kind, number)
        else:
            bill.wait(number)
    for kind, fact in ((ARRIVAL, "arrived"), (DEPARTURE, "departed")):
        assert bill.told(fact) == ({"W1", "W2"} if here[kind] == {1, 2} else set()), kind
        waits = [bill.reports[f"{kind}/D:{n}"].state for n in here[kind] if f"{kind}/D:{n}" in bill.reports]
        if here[kind] == {1, 2}:
            assert waits == ["matched", "matched"]


def test_a_whole_bill_arrival_is_told_to_lists_that_come_before_and_after() -> None:
    bill = Bill()
    bill.part(CONSOLIDATION, 1, 1, "W1", document="L1")
    bill.part(ARRIVAL, 1, 1)
    assert bill.told("arrived") == {"W1"}
    bill.part(CONSOLIDATION, 1, 1, "W2", document="L2")
    assert bill.told("arrived") == {"W1", "W2"}


def test_what_customs_concludes_is_said_when_all_parts_are() -> None:
    bill = Bill()
    bill.part(DEPARTURE, 1, 2, "W1")
    bill.part(DEPARTURE, 2, 2, "W2")
    bill.accepted(DEPARTURE, 1)
    assert bill.told("departedConcluded") == set()
    bill.accepted(DEPARTURE, 2)
    assert bill.told("departedConcluded") == {"W1", "W2"}


def test_a_bill_with_too_much_about_it_stays_bounded_and_who_waited_is_told() -> None:
    bill = Bill(parts=3, parcels=10)
    bill.part(ARRIVAL, 1, 2, "W1", document="A")
    for n in range(6):
        bill.part(DEPARTURE, 1, 1, *[f"W{n}{m}" for m in range(4)], document=f"D{n}")
    assert bill.state is not None
    assert sum(len(part.view.parcels) for part in bill.state.parts) <= 10
    assert len(bill.state.parts) <= 3
    assert bill.reports["arrival/A:1"].state == "expired"
    assert len(bill.told("departed")) == 24, "what was told stays told"


def test_a_bill_is_forgotten_long_after_its_last_part() -> None:
    bill = Bill()
    bill.part(DEPARTURE, 1, 1, "W1")
    bill.wait(61 * topics.DAY_MS)
    assert bill.state is None


def test_an_older_word_changes_nothing() -> None:
    bill = Bill()
    bill.part(DEPARTURE, 1, 1, "W1")
    bill.part(DEPARTURE, 1, 1, "W2")
    bill.do(PartGone("departure/D:1", 1, "rejected", bill.now))
    assert bill.told("departed") == {"W2"}

"""Laws of the ledger: the burden is the sum over declarations, whatever comes twice, in whichever interleaving."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub import codec, topics
from hub.domain.events import BILLED, EXPECTED, FREED, REFUSED, Burden, Tick
from hub.domain.lifecycle import meaning_of
from hub.domain.money import amount
from hub.domain.reference import Reference, ReferenceRecord, guarantee_of, problems
from hub.web import words
from streams.api import Output, Record
from streams.entries import origins
from streams.stages import ledger
from streams.stages.ledger import Ledger, LedgerSettings, LedgerState
from tests.support.documents import MERCHANT, four, receipt_for, submission, with_head
from tests.support.stage_harness import NOON, World

GUARANTOR = "9901D00002"
NOW = Tick(NOON, 0, "test")
#: A guarantee of 1,000 yuan.
GUARANTEED = Reference()
GUARANTEED.put(ReferenceRecord("guarantee", GUARANTOR, 1, "2026-01-01", value={"amount": "1000", "currency": "142"}), 0)


class Register:
    """What register's partitions say of declarations: each has one position, and every event an origin."""

    def __init__(self, partitions: int) -> None:
        self.logs: list[list[Record]] = [[] for _ in range(partitions)]
        self.told: dict[str, tuple[int, int]] = {}

    def say(self, number: int, amount_: int, stage: str, *, fired: bool) -> None:
        """A declaration's burden moves; what a deadline moves has a small revision, as in register."""
        key, log = f"declaration/{number}", self.logs[number % len(self.logs)]
        revision, before = self.told.get(key, (0, 0))
        offset = 10 + len(log) * 10
        revision = revision + 1 if fired else max(revision + 1, offset)
        made_by = origins("register", number % len(self.logs))
        begin = made_by.of_due(offset, NOON, key.encode()) if fired else made_by.of_record(offset)
        event = Burden(key, revision, amount_, stage, NOON, before)
        log.append(Record(GUARANTOR.encode(), codec.pack(event), [made_by.header(begin, 0)], 0))
        self.told[key] = (revision, amount_)


def moved(state: LedgerState | None, records: list[Record], stage: Ledger) -> tuple[LedgerState, list[Output]]:
    outputs: list[Output] = []
    for record in records:
        step = stage.handle(state, record, NOW)
        if step is not None:
            state, outputs = stage.load(stage.dump(step.state)), [*outputs, *step.outputs]
    return state or LedgerState(), outputs


MOVES = st.tuples(
    st.integers(0, 11), st.sampled_from([0, 10, 250, 400]), st.sampled_from([EXPECTED, BILLED, REFUSED]), st.booleans()
)


@settings(max_examples=300, deadline=None)
@given(st.lists(MOVES, max_size=40), st.integers(1, 3), st.integers(1, 4), st.data())
def test_the_burden_is_the_sum_over_declarations_whatever_is_repeated(
    moves: list[tuple[int, int, str, bool]], partitions: int, entries: int, data: st.DataObject
) -> None:
    """Each of register's partitions is read in order, but any of them may go back and say again what it said."""
    register = Register(partitions)
    for number, units, stage, fired in moves:
        register.say(number, amount(str(units)), stage if units else FREED, fired=fired)
    at, came = [0] * partitions, []
    while any(at[n] < len(log) for n, log in enumerate(register.logs)):
        n = data.draw(st.sampled_from([n for n, log in enumerate(register.logs) if at[n] < len(log)]))
        back = data.draw(st.integers(0, min(at[n], 6)))
        came += register.logs[n][at[n] - back : at[n] + 1]
        at[n] += 1
    state, _ = moved(None, came, Ledger(GUARANTEED, LedgerSettings(entries=entries)))
    assert state.burden == sum(amount_ for _, amount_ in register.told.values())
    assert state.declarations == sum(amount_ > 0 for _, amount_ in register.told.values())
    assert len(state.entries) <= entries
    assert len(state.seen) <= partitions


@given(st.lists(MOVES, max_size=20))
def test_a_repetition_says_nothing(moves: list[tuple[int, int, str, bool]]) -> None:
    register, stage = Register(1), Ledger(GUARANTEED, LedgerSettings(entries=2))
    for number, units, stage_, fired in moves:
        register.say(number, amount(str(units)), stage_ if units else FREED, fired=fired)
    state, _ = moved(None, register.logs[0], stage)
    assert all(stage.handle(state, record, NOW) is None for record in register.logs[0])
    kept = [record for record in register.logs[0] if codec.ledger_event(record.value).declaration in state.entries]
    bare = [Record(record.key, record.value, (), 0) for record in kept]
    assert all(stage.handle(state, record, NOW) is None for record in bare), "an entry knows without an origin"


def test_within_its_slack_a_share_is_crossed_once() -> None:
    register, stage = Register(1), Ledger(GUARANTEED)
    for units in (799, 800, 760, 810, 790, 800):
        register.say(1, amount(str(units)), BILLED, fired=False)
    _, outputs = moved(None, register.logs[0], stage)
    assert [codec.alert(o.value).severity for o in outputs if o.topic == topics.ALERTS] == ["yellow"]
    register.say(1, amount("749"), BILLED, fired=False)
    register.say(1, amount("800"), BILLED, fired=False)
    _, outputs = moved(None, register.logs[0], stage)
    assert [codec.alert(o.value).severity for o in outputs if o.topic == topics.ALERTS] == ["yellow", "yellow"]


def test_the_state_stays_small_with_any_number_of_declarations() -> None:
    register, stage = Register(3), Ledger(GUARANTEED)
    for number in range(3000):
        register.say(number, amount("1"), EXPECTED, fired=False)
    state, _ = moved(None, [record for log in register.logs for record in log], stage)
    assert (state.burden, state.declarations) == (amount("3000"), 3000)
    assert len(state.told) == LedgerSettings().told
    assert len(stage.dump(state)) < 16_000
    for number in range(3000):
        register.say(number, 0, FREED, fired=True)
    state, _ = moved(None, [record for log in register.logs for record in log], stage)
    assert (state.burden, state.declarations, state.told) == (0, 0, ())


def test_a_guarantor_of_whom_nothing_was_heard_for_long_is_forgotten() -> None:
    stage = Ledger(GUARANTEED, LedgerSettings(keep=1000))
    register = Register(1)
    register.say(1, 5, EXPECTED, fired=False)
    step = stage.handle(None, register.logs[0][0], NOW)
    assert step is not None
    assert step.due == NOON + 1000
    assert stage.fire(step.state, GUARANTOR.encode(), Tick(step.due, 0, "test")).state is None


def test_what_is_expected_is_the_computed_tax_and_without_a_rate_the_withheld_one() -> None:
    rates = Reference()
    rates.put(ReferenceRecord("rate", "19011010", 1, "2016-04-08", value={"vat": "0.13", "ct": "0", "duty": "0"}), 0)
    for reference, wanted in ((rates, "9.1"), (Reference(), "5")):
        world = World(references=reference)
        for document in four(tax="5", declaration_assureCode=MERCHANT).values():
            world.submit(submission(document))
        world.run()
        assert world.guarantor(MERCHANT).burden == amount(wanted)


CODES = ["2", "120", "300", "100", "700", "800", "899", "-621001"]
ACTIONS = st.one_of(
    st.tuples(st.sampled_from(["send", "change", "delete", "other"]), st.integers(0, 2)),
    st.tuples(st.just("receipt"), st.integers(0, 2), st.sampled_from(CODES), st.integers(0, 3)),
    st.tuples(st.just("tick"), st.sampled_from([1000, 86_400_000, 46 * 86_400_000])),
    st.tuples(st.just("steps"), st.integers(1, 9)),
)


@settings(max_examples=150, deadline=None)
@given(st.data(), st.lists(ACTIONS, max_size=20))
def test_whatever_happens_to_declarations_the_ledger_has_their_sum(data: st.DataObject, actions: list[tuple[Any, ...]]) -> None:
    """Any order of keys, every record of the ledger twice: the sum is what each declaration says of itself."""
    world = World(references=GUARANTEED)
    queue = world.queue

    def twice(topic: str, key: bytes, value: bytes) -> None:
        queue(topic, key, value)
        if topic == topics.inbox("ledger"):
            queue(topic, key, value)

    world.queue = twice  # type: ignore[method-assign]
    sales = [four(f"S{n}", tax=str(300 + n), declaration_assureCode=GUARANTOR) for n in range(3)]
    for n, (name, *rest) in enumerate(actions, 1):
        if name == "tick":
            world.tick(rest[0])
        elif name == "steps":
            for _ in range(rest[0]):
                world.step(lambda count: data.draw(st.integers(0, count - 1)))
        elif name == "receipt":
            info = "[Code:1311;Desc:担保金额不足]" if rest[1] == "100" else ""
            world.submit(receipt_for(sales[rest[0]]["declaration"], rest[1], f"2026060113000{rest[2]}000", info=info))
        else:
            fields = {"appTime": f"202606011200{n:02d}", "guid": f"g{n}"}
            fields |= {"change": {"appType": "2"}, "delete": {"appType": "3"}}.get(name, {})
            fields |= {"other": {"appType": "2", "assureCode": "9901D00099"}}.get(name, {})
            for kind, document in sales[rest[0]].items():
                sent = document if name == "send" else with_head(document, **fields) if kind == "declaration" else None
                if sent is not None:
                    world.submit(submission(sent, at=world.now.at))
    world.run()
    told = [s.guaranteed.told for s in world.register_states().values() if s.guaranteed is not None]
    for guarantor in (GUARANTOR, "9901D00099"):
        state = world.guarantor(guarantor)
        assert state.burden == sum(amount_ for who, amount_, _ in told if who == guarantor)
        assert state.declarations == sum(amount_ > 0 for who, amount_, _ in told if who == guarantor)
    for key, register in world.register_states().items():
        if register.guaranteed is not None and register.code and meaning_of(register.code).allowance in ("free", "return"):
            assert register.guaranteed.told[1] == 0, key


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ({"amount": "1000.5", "currency": "142"}, "1000.5"),
        ({"amount": 1000}, "1000"),
        ({"amount": "1000", "currency": "502"}, "0"),
        ({"amount": "much"}, "0"),
        ({"amount": "-1"}, "0"),
        ({}, "0"),
    ],
)
def test_a_guarantee_is_an_amount_in_yuan_and_anything_else_is_refused_where_it_is_loaded(
    value: dict[str, Any], wanted: str
) -> None:
    assert guarantee_of(value) == amount(wanted)
    record = ReferenceRecord("guarantee", GUARANTOR, 1, "2026-01-01", value=value)
    assert bool(problems(record)) == (wanted == "0")


@pytest.mark.parametrize("word", [ledger.NO_LONGER, ledger.AGAIN])
def test_the_words_of_the_ledger_are_said_in_both_languages(word: str) -> None:
    english, chinese = words.EVENTS[word]
    assert english.isascii()
    assert not chinese.isascii()

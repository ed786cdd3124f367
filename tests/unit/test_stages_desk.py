"""The desk: cases of alerts, kept and published once for what happens to them; what the authorities read of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import codec, topics
from hub.domain.desk import Action, Came, Case, case_of
from hub.domain.events import Alert, Tick
from hub.domain.handling import UNTOUCHED
from streams.api import Record
from streams.limits import Limits, largest
from streams.stages.cloud import raised
from streams.stages.desk import Desk, DeskSettings
from tests.support.documents import four, submission
from tests.support.stage_harness import NOON, World
from tests.unit.test_desk import alert

DESK, MINUTE = topics.inbox("desk"), 60_000


def raise_(world: World, one: Alert, subject: str = "declaration/AGT0000001:C1") -> str:
    """Raise an alert as a stage does; its case."""
    for output in raised(one, subject):
        if output.topic == DESK:
            world.queue(DESK, output.key, output.value)
        else:
            world.publish(output.topic, output.key, output.value, output.headers)
    world.run()
    return case_of(one).id


def do(world: World, case: str, what: str, authority: str = "customs", id: str = "", **more: Any) -> None:
    """An officer does something."""
    act = Action(id or f"{what}{world.events}", "wang", authority, world.now.at, what, **more)
    world.queue(DESK, case.encode(), codec.pack(act))
    world.run()


def told(world: World, topic: str) -> list[Alert]:
    """What became of alerts, as a topic has it."""
    return [codec.alert(value) for _, value, made in world.published.get(topic, ()) if dict(made)["ce_type"] == b"hub.alert.changed.v1"]


def test_an_alert_that_is_raised_opens_a_case_and_says_nothing_more_of_itself() -> None:
    world = World()
    case = raise_(world, alert(agency=("customs", "tax")))
    assert world.cases()[case].state == "raised"
    assert [one.handling for one in world.alerts()] == [UNTOUCHED]
    assert world.published[topics.ALERTS][0][1] == codec.to_json(alert(agency=("customs", "tax")))
    assert b"handling" not in world.published[topics.ALERTS][0][1]


def test_what_changed_goes_whole_to_alerts_and_to_every_authority_it_is_for() -> None:
    world = World()
    one = alert(agency=("customs", "tax"), evidence={"count": "4"})
    case = raise_(world, one)
    do(world, case, "acknowledge")
    for topic in (topics.ALERTS, "out.customs", "out.tax"):
        (seen,) = told(world, topic)
        assert (seen.id, seen.evidence, seen.declaration) == (one.id, {"count": "4"}, one.declaration)
        assert (seen.handling.state, seen.handling.case, seen.handling.by) == ("acknowledged", case, "wang")
        key, _, made = world.published[topic][-1]
        assert dict(made)["ce_id"].decode() == f"{one.id}@{seen.handling.revision}"
        assert key.decode() == (one.id if topic == topics.ALERTS else "declaration/AGT0000001:C1")
    assert not told(world, "out.market")
    do(world, case, "join", to="market")
    assert told(world, "out.market")[-1].handling.shared == ("market",)
    raise_(world, alert("later"))
    assert [one.id for one in told(world, "out.market")][-1] == "later", "what comes into a joint case is for whom it is shared with"


def test_a_repeated_alert_or_action_does_nothing() -> None:
    world = World()
    case = raise_(world, alert())
    do(world, case, "comment", id="once", text="seen")
    before = world.cases()[case]
    world.queue(DESK, case.encode(), codec.pack(Came(alert(), "x")))
    do(world, case, "comment", id="once", text="seen")
    assert world.cases()[case] == before
    assert [line.what for line in before.history] == ["raised", "comment"]


def test_an_action_on_a_case_that_is_not_here_says_nothing() -> None:
    world = World()
    do(world, "declaration-0", "acknowledge")
    assert world.cases() == {}


def test_time_escalates_what_nobody_acknowledges() -> None:
    world = World()
    case = raise_(world, alert(severity="red"))
    for _ in range(12):
        world.tick(30 * MINUTE)
    assert [line.what for line in world.cases()[case].history] == ["raised", "escalated", "escalated", "escalated"]
    assert [one.handling.escalated for one in told(world, "out.customs")] == [1, 2, 3]
    do(world, case, "acknowledge")
    assert told(world, "out.customs")[-1].handling.escalated == 0
    world.tick(24 * 60 * MINUTE)
    assert world.cases()[case].history[-1].what == "acknowledge"


def test_what_nobody_touches_is_closed_undecided_and_what_is_closed_is_forgotten_but_for_its_revision() -> None:
    world = World()
    world.stages["desk"] = Desk(settings=DeskSettings(keep=10 * MINUTE, lapse=600 * MINUTE))
    case = raise_(world, alert(severity="yellow"))
    world.tick(500 * MINUTE)
    assert world.cases()[case].state == "raised"
    world.tick(100 * MINUTE)
    closed = world.cases()[case]
    assert (closed.state, closed.history[-1].what, closed.alerts[0].handling.verdict) == ("closed", "lapsed", "")
    world.tick(10 * MINUTE)
    assert world.states["desk"][case.encode()][0].case is None
    do(world, case, "reopen", text="late")
    assert world.cases()[case] == closed
    raise_(world, alert("again"))
    assert world.cases()[case].revision > closed.revision
    assert [one.id for one in world.cases()[case].alerts] == ["again"]


def test_what_the_stages_raise_comes_to_the_desk_once() -> None:
    world = World()
    world.submit(submission(four("A")["order"], at=world.now.at))
    for _ in range(30):
        world.tick(60 * MINUTE)
    alerts = world.alerts()
    assert [one.rule for one in alerts] == ["hub.expired"]
    (case,) = world.cases().values()
    assert (case.id, case.kind, [one.id for one in case.alerts]) == (case_of(alerts[0]).id, "document", [alerts[0].id])
    assert case.authorities == ("customs", "office")


def test_the_largest_case_fits_its_topic_and_the_state_of_the_stage() -> None:
    world = World()
    evidence = {"declarations": "申" * 20_000}
    for n in range(110):
        case = raise_(world, alert(f"R06:declaration/AGT0000001:{'C' * 60}@1.{n}:R06:/CEB621Message/Inventory[1]", evidence=evidence))
    for n in range(200):
        do(world, case, "comment", id=f"{n:064}", text="\x01" * 500)
    state = world.states["desk"][case.encode()][0]
    assert len(Desk.dump(state)) < Limits().entry
    assert len(codec.to_json(world.cases()[case])) < largest(topics.CASES)


# ---- laws ----------------------------------------------------------------------------------------------------------

_events = st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["acknowledge", "assign", "comment", "decide", "close", "reopen", "join"])), max_size=15)


@given(_events, st.data())
def test_a_stage_that_is_killed_and_told_again_publishes_the_same(events: list[tuple[int, str]], data: Any) -> None:
    """Whatever is repeated from any place on: the same states, the same records."""
    values = [codec.pack(Came(alert(f"a{n}"), "x")) for n in range(3)]
    values += [codec.pack(Action(f"{n}", "wang", "customs", NOON + n, what, to="li", text="x", verdict="true")) for n, what in events]
    values = data.draw(st.permutations(values))

    def run(order: list[bytes], state: Any = None) -> tuple[Any, list[Any]]:
        stage, outputs = Desk(), []
        for offset, value in enumerate(order):
            step = stage.handle(state, Record(key=b"k", value=value, offset=offset, headers=()), Tick(NOON, 0, ""))
            if step is not None:
                state, outputs = stage.load(stage.dump(step.state)), [*outputs, *step.outputs]
        return state, outputs

    once = run(values)
    assert run(values) == once
    if once[0] is not None and once[0].case is not None:
        cut = data.draw(st.integers(0, len(values)))
        again, more = run([value for value in values[cut:] if not _unheard(once[0].case, value)], once[0])
        assert (again, more) == (once[0], []), "what was dealt with is dealt with"


def _unheard(case: Case, value: bytes) -> bool:
    """An action before its case was there."""
    event = codec.desk_event(value)
    return isinstance(event, Action) and event.id not in {done.id for done in case.acted}


@pytest.mark.parametrize("wait", [lambda world: None, lambda world: world.tick(31 * MINUTE)])
def test_no_one_without_right_changes_anything(wait: Callable[[World], None]) -> None:
    world = World()
    case = raise_(world, alert())
    wait(world)
    before = world.cases()[case]
    for authority in ("tax", "forex", "market", "commerce", "declarant", ""):
        for what in ("acknowledge", "assign", "comment", "decide", "close", "join", "transfer", "deadline"):
            do(world, case, what, authority, to="tax", text="x", verdict="true", until=NOON + 10**9)
    after = world.cases()[case]
    assert {done.code for done in after.acted} == {"desk.not_in"}
    assert (after.history, after.alerts, after.owner) == (before.history, before.alerts, before.owner)

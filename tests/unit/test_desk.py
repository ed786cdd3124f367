"""Cases of alerts: which alert belongs to which, what actions and time make of one, whatever the order."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain import casework
from hub.domain.casework import MOST_ACTED, MOST_ALERTS, MOST_LINES, TIMES, Waits
from hub.domain.desk import ABOUT, ACTIONS, LEADING, Action, Case, acts_as, case_of, is_in, rank
from hub.domain.events import Alert
from hub.domain.faults import kind_of
from hub.domain.handling import CLOSED, RAISED, STATES, VERDICTS
from hub.domain.orders import AUTHORITIES
from hub.domain.subscriptions import Subscription, is_for
from hub.web.sight import may_see_alert
from tests.support.reading import CALLERS

AT, MINUTE = 1_780_286_400_000, 60_000
WAITS = Waits()


def alert(id: str = "a1", severity: str = "red", agency: tuple[str, ...] = ("customs",), **more: object) -> Alert:
    said = {"declaration": "declaration/AGT0000001:C1", "enterprises": ("EBC0000001",), **more}
    return Alert(id=id, at=AT, rule="R06", severity=severity, family="trading", agency=agency, **said)  # type: ignore[arg-type]


def case_with(*alerts: Alert) -> Case:
    first = alerts[0]
    case = casework.opened(case_of(first), AT, 0)
    for one in alerts:
        case = casework.came(case, one, AT, WAITS)
    return case


def act(case: Case, what: str, authority: str = "customs", id: str = "", by: str = "wang", at: int = AT + 1000, **more: object) -> Case:
    event = Action(id or f"{what}-{case.revision}", by, authority, at, what, **more)  # type: ignore[arg-type]
    return casework.acted(case, event, WAITS)


def code(case: Case) -> str:
    """What the last action was answered with."""
    return case.acted[-1].code


# ---- the rule ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (alert("a"), alert("b", severity="yellow"), True),
        (alert("a"), alert("b", declaration="declaration/AGT0000001:C2"), False),
        (alert("a", evidence={"flag": "telephone:d1"}), alert("b", declaration="declaration/X:2", evidence={"flag": "telephone:d1"}), True),
        (alert("a", evidence={"flag": "telephone:d1"}), alert("b", evidence={"flag": "telephone:d2"}), False),
        (alert("a", evidence={"flag": "telephone:d1"}), alert("b"), False),
        (alert("a", evidence={"profile": "E1", "what": "growth"}), alert("b", declaration="", evidence={"profile": "E1", "what": "growth"}), True),
        (alert("a", evidence={"profile": "E1", "what": "growth"}), alert("b", evidence={"profile": "E1", "what": "returns"}), False),
        (alert("a", evidence={"guarantor": "G1"}), alert("b", declaration="declaration/X:2", evidence={"guarantor": "G1"}), True),
        (alert("a", declaration="", evidence={"document": "order/X"}), alert("b", declaration="", evidence={"document": "order/X"}), True),
        (alert("a", declaration="", evidence={"number": "1"}), alert("b", declaration="", evidence={"number": "1"}), False),
        (alert("a", agency=("customs", "tax")), alert("b", agency=("customs",)), True),
        (alert("a", agency=("forex",)), alert("b", agency=("customs",)), False),
    ],
)  # fmt: skip
def test_alerts_of_one_leading_authority_that_rest_on_the_same_evidence_are_one_case(one: Alert, other: Alert, same: bool) -> None:
    assert (case_of(one).id == case_of(other).id) is same


def test_a_cases_id_says_what_it_is_about_and_never_changes() -> None:
    assert case_of(alert()) == ("declaration-7e3ab8808ddbb50a", "declaration", "declaration/AGT0000001:C1", "customs")
    assert case_of(alert(agency=("office",))).lead == "office"
    assert case_of(alert(agency=())).lead == "customs"


@given(st.sets(st.sampled_from([*AUTHORITIES, "office"])))
def test_a_case_is_for_whoever_may_see_its_alert(agency: set[str]) -> None:
    one = alert(agency=tuple(sorted(agency)))
    case = case_with(one)
    for viewer in CALLERS.values():
        officer = not viewer.suspended and bool({*AUTHORITIES, "office"} & {*viewer.roles})
        assert (officer and bool(acts_as(case, viewer.roles))) == may_see_alert(viewer, one)


def test_an_alert_of_a_shared_case_is_the_invited_authoritys_too_in_lists_and_subscriptions() -> None:
    case = act(case_with(alert()), "join", to="tax")
    shared = msgspec.structs.replace(alert(), handling=case.alerts[0].handling)
    for one, seen in ((alert(), False), (shared, True)):
        for who, sees in (("customs", True), ("office", True), ("tax", seen), ("market", False), ("agent", False)):
            viewer = CALLERS[f"key-{who}"]
            assert may_see_alert(viewer, one) is sees
            assert is_for(Subscription("s", who, "alerts", 1), viewer, b"", msgspec.to_builtins(one)) is sees


# ---- what people do ------------------------------------------------------------------------------------------------


def test_a_case_goes_with_its_alerts_to_the_colleague_who_gets_them_singly_or_at_the_end_of_a_shift() -> None:
    case = case_with(alert("a"), alert("b"))
    case = act(case, "assign", to="wang", alerts=("a",))
    assert case.assignee == "", "b is nobody's"
    case = act(case, "assign", to="wang", alerts=("b",))
    assert case.assignee == "wang"
    case = act(case, "assign", to="chen", alerts=("b",))
    assert case.assignee == "wang", "a is still his"
    case = act(case, "assign", to="li", alerts=("a",))
    assert case.assignee == "li", "a new alert of the case must not go to somebody whose shift is over"
    assert [one.handling.assignee for one in case.alerts] == ["li", "chen"]


def test_an_alert_goes_from_raised_to_closed_with_who_did_what_and_why() -> None:
    case = case_with(alert("a"), alert("b", severity="yellow"))
    assert (case.state, case.severity, case.owner) == ("raised", "red", "customs")
    case = act(case, "acknowledge", alerts=("a",))
    assert [one.handling.state for one in case.alerts] == ["acknowledged", "raised"]
    assert case.state == "raised"
    case = act(case, "assign", to="li")
    assert (case.state, case.assignee, {one.handling.assignee for one in case.alerts}) == ("assigned", "li", {"li"})
    case = act(case, "close")
    assert code(case) == "desk.undecided"
    case = act(case, "decide", verdict="true", text="goods seen", by="li")
    assert (case.state, {one.handling.verdict for one in case.alerts}) == ("decided", {"true"})
    assert [(one.authority, one.verdict, one.reason) for one in case.decisions] == [("customs", "true", "goods seen")]
    case = act(case, "close", by="li")
    assert case.state == "closed"
    case = act(case, "acknowledge")
    assert code(case) == "desk.closed"
    case = act(case, "reopen", text="new document")
    assert (case.state, [one.handling.verdict for one in case.alerts]) == ("assigned", ["", ""])
    said = [(line.what, line.by) for line in case.history]
    assert said == [
        ("raised", ""), ("raised", ""), ("acknowledge", "wang"), ("assign", "wang"), ("decide", "li"), ("close", "li"), ("reopen", "wang"),
    ]  # fmt: skip


def test_closing_with_a_verdict_decides_first() -> None:
    assert code(act(case_with(alert()), "close", verdict="false")) == "desk.no_reason"
    case = act(case_with(alert()), "close", verdict="false", text="gift")
    assert (case.state, case.alerts[0].handling.verdict) == ("closed", "false")


@pytest.mark.parametrize(
    ("what", "more", "wanted"),
    [
        ("burn", {}, "desk.action"),
        ("decide", {"verdict": "maybe", "text": "x"}, "desk.verdict"),
        ("decide", {"verdict": "true"}, "desk.no_reason"),
        ("comment", {}, "desk.no_reason"),
        ("reopen", {"text": "x"}, "desk.open"),
        ("assign", {}, "desk.colleague"),
        ("join", {"to": "customs"}, "desk.authority"),
        ("join", {"to": "police"}, "desk.authority"),
        ("transfer", {"to": "office"}, "desk.authority"),
        ("deadline", {"until": AT}, "desk.deadline"),
        ("join", {"to": "tax", "until": AT}, "desk.deadline"),
        ("close", {"alerts": ("elsewhere",)}, "desk.counted"),
        ("comment", {"authority": "tax", "text": "x"}, "desk.not_in"),
    ],
)
def test_what_cannot_be_done_says_why_and_changes_nothing(what: str, more: dict[str, object], wanted: str) -> None:
    before = case_with(alert())
    after = act(before, what, **more)  # type: ignore[arg-type]
    assert code(after) == wanted
    assert kind_of(wanted).status >= 400
    assert msgspec.structs.replace(after, acted=(), revision=before.revision) == before


def test_in_a_joint_case_the_owner_closes_and_the_others_speak_for_themselves() -> None:
    case = act(case_with(alert()), "join", to="tax", until=AT + 3_600_000)
    assert (case.shared, case.authorities, case.deadline) == (("tax",), ("customs", "tax"), AT + 3_600_000)
    assert case.alerts[0].handling.shared == ("tax",)
    for what in sorted(LEADING):
        assert code(act(case, what, "tax", to="li", text="x", verdict="true", until=AT + 9_000_000)) == "desk.not_leading"
    case = act(case, "decide", "tax", verdict="false", text="paid", by="zhao")
    assert (case.state, case.alerts[0].handling.verdict) == ("raised", "")
    case = act(case, "decide", verdict="true", text="undervalued")
    assert {one.authority: one.verdict for one in case.decisions} == {"tax": "false", "customs": "true"}
    case = act(case, "transfer", to="tax")
    assert (case.owner, case.shared, case.state) == ("tax", ("tax", "customs"), "decided")
    assert code(act(case, "close")) == "desk.not_leading"
    assert act(case, "close", "tax").state == "closed"


def test_a_transfer_makes_what_is_not_decided_new_for_who_leads_now() -> None:
    case = act(act(case_with(alert()), "assign", to="li"), "transfer", to="market", at=AT + 5000)
    assert (case.state, case.assignee, case.alerts[0].handling.assignee) == ("raised", "", "")
    assert case.alerts[0].due == AT + 5000 + WAITS.of("red")


def test_an_alert_that_comes_into_a_closed_case_opens_it_again() -> None:
    case = act(case_with(alert()), "close", verdict="false", text="gift")
    case = casework.came(case, alert("b"), AT + 9, WAITS)
    assert (case.state, case.history[-1].what) == ("raised", "raised again")


def test_a_case_stays_bounded() -> None:
    case = case_with(alert("first"))
    case = act(case, "close", verdict="true", text="x")
    for n in range(MOST_ALERTS + 20):
        case = casework.came(case, alert(f"b{n}", severity="red" if n else "yellow"), AT, WAITS)
    assert (len(case.alerts), case.counted) == (MOST_ALERTS, 21)
    kept = {one.id for one in case.alerts}
    assert "first" not in kept, "closed ones go first"
    assert "b0" not in kept, "then the mildest"
    for n in range(MOST_LINES):
        case = act(case, "comment", text=f"{n}", id=f"c{n}")
    assert (len(case.history), len(case.acted)) == (MOST_LINES, MOST_ACTED)
    assert len(case.history) + case.earlier == 1 + MOST_ALERTS + 21 + MOST_LINES


# ---- what time does ------------------------------------------------------------------------------------------------


def test_what_nobody_acknowledges_is_said_again_after_twice_the_time_three_times_at_most() -> None:
    case, at, told = case_with(alert()), AT, []
    while at < AT + 24 * 60 * MINUTE:
        at += MINUTE
        after = casework.passed(case, at, WAITS)
        if after is not case:
            told.append((at - AT) // MINUTE)
        case = after
    assert told == [30, 90, 210]
    assert (case.escalated, case.late) == (TIMES, True)
    case = act(case, "acknowledge", at=at)
    assert (case.escalated, case.late, case.alerts[0].due) == (0, False, 0)


def test_the_mildest_alert_has_the_longest_time() -> None:
    case = case_with(alert("a", severity="yellow"), alert("b", severity="red"))
    case = casework.passed(case, AT + 31 * MINUTE, WAITS)
    assert [one.handling.escalated for one in case.alerts] == [0, 1]


def test_a_deadline_that_is_over_is_said_likewise() -> None:
    case = act(act(case_with(alert()), "acknowledge"), "join", to="tax", until=AT + 3_600_000)
    at, told = AT, []
    while at < AT + 24 * 60 * MINUTE:
        at += MINUTE
        after = casework.passed(case, at, WAITS)
        if after is not case:
            told.append((at - AT) // MINUTE)
            assert after.history[-1].what == "overdue"
            assert after.alerts[0].handling.escalated == after.overdue
        case = after
    assert told == [60, 90, 150]
    assert case.late
    assert not act(case, "close", verdict="true", text="x", at=at).late


# ---- laws ----------------------------------------------------------------------------------------------------------

_acts = st.builds(
    Action,
    id=st.sampled_from([f"id{n}" for n in range(12)]),
    by=st.sampled_from(["wang", "li"]),
    authority=st.sampled_from([*AUTHORITIES, "office"]),
    at=st.integers(AT, AT + 10**9),
    what=st.sampled_from([*ACTIONS, "burn"]),
    alerts=st.sampled_from([(), ("a0",), ("a1", "a2"), ("nothing",)]),
    to=st.sampled_from(["", "li", "tax", "market"]),
    text=st.sampled_from(["", "because"]),
    verdict=st.sampled_from(["", "true", "false", "x"]),
    until=st.integers(0, AT + 10**9),
)
_agencies = st.sampled_from([("customs",), ("customs", "tax"), ()])
_alerts = st.builds(alert, id=st.sampled_from(["a0", "a1", "a2", "a3"]), severity=st.sampled_from(["yellow", "orange", "red"]), agency=_agencies)
_ticks = st.integers(AT, AT + 10**9)


@given(st.lists(st.one_of(_acts, _alerts, _ticks), max_size=40))
def test_any_order_of_alerts_actions_repetitions_and_ticks_gives_one_well_formed_history(steps: list[Action | Alert | int]) -> None:
    case = case_with(alert("a0"))
    for step in steps:
        before = case
        if isinstance(step, Alert):
            if step.id in {one.id for one in case.alerts}:
                continue
            case = casework.came(case, step, AT, WAITS)
        elif isinstance(step, int):
            case = casework.passed(case, step, WAITS)
        else:
            case = casework.acted(case, step, WAITS)
            known = any(done.id == step.id for done in before.acted)
            assert (case is before) == known, "an action applies once"
            if known:
                continue
            refused = case.acted[-1].code
            if refused:
                assert msgspec.structs.replace(case, acted=before.acted, revision=before.revision) == before
            if step.what in LEADING and step.authority != before.owner:
                assert refused in ("desk.not_leading", "desk.not_in")
            if not is_in(before, step.authority):
                assert refused == "desk.not_in"
        _well_formed(before, case)


def _well_formed(before: Case, case: Case) -> None:
    """What holds of every case, and of every step from one to the next."""
    assert case is before or case.revision > before.revision
    known = before.earlier + len(before.history)
    assert known <= case.earlier + len(case.history) <= known + 2
    assert case.history[: len(before.history)] == before.history, "what is written stays"
    assert case.at >= before.at
    assert case.state in STATES
    assert case.state == min((one.handling.state for one in case.alerts), key=STATES.index)
    assert case.kind in ABOUT
    assert case.owner in AUTHORITIES
    assert is_in(case, case.owner)
    assert rank(case.severity) == max(rank(one.severity) for one in case.alerts if case.state == CLOSED or one.handling.state != CLOSED)
    assert len({done.id for done in case.acted}) == len(case.acted)
    for one in case.alerts:
        handling = one.handling
        assert 0 <= handling.escalated <= TIMES
        assert (one.due > 0) <= (handling.state == RAISED)
        assert handling.state != "decided" or handling.verdict in VERDICTS
        assert handling.state not in ("raised", "acknowledged") or not handling.verdict
        assert handling.state != CLOSED or handling.verdict, "what nobody decided is not closed"
    _, moved = casework.changed(before, case)
    assert {one.id for one in moved} >= {
        one.id for one in case.alerts for old in before.alerts if one.id == old.id and one.handling != old.handling
    }  # fmt: skip

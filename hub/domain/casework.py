"""What becomes of a case: pure functions from a case and what happens to the next case.

Every change of an alert's handling carries the revision of the case it came with; ``changed`` tells which alerts to publish.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from hub.domain.desk import (
    ACKNOWLEDGE,
    ASSIGN,
    CLOSE,
    COMMENT,
    DEADLINE,
    DECIDE,
    ESCALATED_LINE,
    JOIN,
    LAPSED_LINE,
    LEADING,
    OVERDUE_LINE,
    RAISED_LINE,
    REOPEN,
    REOPENED_LINE,
    TRANSFER,
    Acted,
    Action,
    Case,
    CaseAlert,
    CaseKey,
    CaseLine,
    Verdict,
    is_in,
    rank,
)
from hub.domain.events import Alert
from hub.domain.handling import ACKNOWLEDGED, ASSIGNED, CLOSED, DECIDED, RAISED, STATES, VERDICTS, Handling
from hub.domain.orders import AUTHORITIES, LEVELS

#: How often it is said that nobody acts, or that a deadline is over; each time is twice as long in coming as the one before.
TIMES = 3
#: What a case remembers: alerts, lines of its history, actions it has dealt with, enterprises and declarations it names, and
#: ids a line names.
MOST_ALERTS, MOST_LINES, MOST_ACTED, MOST_NAMED, MOST_IN_LINE = 100, 150, 64, 50, 10
#: Characters of a comment or reason, and the furthest deadline in ms.
MOST_TEXT, FURTHEST = 500, 366 * 86_400_000


_MINUTES = {"yellow": 480, "orange": 120, "red": 30, "reject": 30}


def _usual() -> dict[str, int]:
    return {severity: minutes * 60_000 for severity, minutes in _MINUTES.items()}


class Waits(msgspec.Struct, frozen=True):
    """``acknowledge``: severity → ms until it is said that nobody has acknowledged an alert; our own (P)."""

    acknowledge: dict[str, int] = msgspec.field(default_factory=_usual)

    def of(self, severity: str) -> int:
        """ms for a severity; what has none of its own waits as long as the mildest."""
        return self.acknowledge.get(severity) or max(self.acknowledge.values())


def opened(key: CaseKey, at: int, revision: int) -> Case:
    """A case without an alert yet."""
    return Case(key.id, revision, key.kind, key.about, key.lead, at, at)


def came(case: Case, alert: Alert, at: int, waits: Waits) -> Case:
    """The case with an alert that is not in it yet; a closed case is open again."""
    revision = case.revision + 1
    handling = Handling(case=case.id, assignee=case.assignee, at=at, revision=revision, shared=case.shared)
    due = at + waits.of(alert.severity)
    new = CaseAlert(alert.id, alert.rule, alert.severity, alert.at, alert.agency, handling, due)
    alerts = (*case.alerts, new)
    counted = case.counted
    while len(alerts) > MOST_ALERTS:
        # What is closed needs nobody; then the mildest, the oldest of them first.
        alerts = _without(alerts, min(alerts[:-1], key=lambda one: (one.handling.state != CLOSED, rank(one.severity))))
        counted += 1
    what = REOPENED_LINE if case.alerts and case.state == CLOSED else RAISED_LINE
    line = CaseLine(at, what, text=alert.rule, alerts=(alert.id,), count=1)
    named = (alert.declaration,) if alert.declaration else ()
    entitled = {*case.authorities, *(alert.agency or AUTHORITIES)}
    case = msgspec.structs.replace(
        case,
        alerts=alerts,
        counted=counted,
        authorities=tuple(sorted(entitled)),
        enterprises=_named(case.enterprises, alert.enterprises),
        declarations=_named(case.declarations, named),
    )
    return _settled(case, line, revision)


def _without(alerts: tuple[CaseAlert, ...], one: CaseAlert) -> tuple[CaseAlert, ...]:
    return tuple([other for other in alerts if other is not one])


def _named(there: tuple[str, ...], new: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*there, *new)))[-MOST_NAMED:]


# ---- what people do --------------------------------------------------------------------------------------------------------


def acted(case: Case, act: Action, waits: Waits) -> Case:
    """The case after an action, which is remembered with the code it was refused with; it is the same case for one dealt with already."""
    if any(done.id == act.id for done in case.acted):
        return case
    work = _Work(case, act, waits)
    code = work.do()
    done = (*case.acted, Acted(act.id, code))[-MOST_ACTED:]
    revision = case.revision + 1
    if code or not work.said:  # nothing changed but that it was dealt with
        return msgspec.structs.replace(case, acted=done, revision=revision)
    return msgspec.structs.replace(_settled(work.case, work.line(), revision), acted=done)


class _Work:
    """One action on a case."""

    def __init__(self, case: Case, act: Action, waits: Waits) -> None:
        self.case, self._act, self._waits = case, act, waits
        #: whether there is something to tell: an acknowledgement of what is acknowledged changes nothing
        self.said = False
        self._targets = {one.id for one in case.alerts if not act.alerts or one.id in act.alerts}

    def do(self) -> str:
        """The code of a fault, or empty; ``case`` is what it has become, the same where nothing changed."""
        act, case = self._act, self.case
        if not is_in(case, act.authority):
            return "desk.not_in"
        if act.what in LEADING and act.authority != case.owner:
            return "desk.not_leading"
        if not self._targets:
            return "desk.counted"
        doing = _DOING.get(act.what)
        return doing(self) if doing is not None else "desk.action"

    def line(self) -> CaseLine:
        """The line of the history."""
        act = self._act
        ids = tuple([one.id for one in self.case.alerts if one.id in self._targets]) if act.alerts else ()
        until = act.until if act.what in (JOIN, DEADLINE) else 0
        return CaseLine(act.at, act.what, act.by, act.authority, act.text, act.to, act.verdict, until, ids[:MOST_IN_LINE], len(ids))

    def acknowledge(self) -> str:
        if not self._open():
            return "desk.closed"
        self._each(lambda one: {"state": ACKNOWLEDGED, "escalated": 0} if one.state == RAISED else None)
        return ""

    def assign(self) -> str:
        if not self._act.to:
            return "desk.colleague"
        if not self._open():
            return "desk.closed"
        to = self._act.to
        self._each(lambda one: {"state": max(one.state, ASSIGNED, key=STATES.index), "assignee": to, "escalated": 0} if one.state != CLOSED else None)
        if not self._act.alerts or self._handed_over(to):
            self._replace(assignee=to)
        return ""

    def _handed_over(self, to: str) -> bool:
        """Whether the case goes to a colleague with its alerts: who has it has none of the open ones left, or they all are the colleague's."""
        has = {one.handling.assignee for one in self.case.alerts if one.handling.state != CLOSED}
        before = self.case.assignee
        return before != to and (has == {to} or bool(before and before not in has))

    def comment(self) -> str:
        if not self._act.text:
            return "desk.no_reason"
        self.said = True
        return ""

    def decide(self) -> str:
        if self._act.verdict not in VERDICTS:
            return "desk.verdict"
        if not self._act.text:
            return "desk.no_reason"
        if not self._open():
            return "desk.closed"
        self._decided()
        return ""

    def _decided(self) -> None:
        act = self._act
        mine = Verdict(act.authority, act.verdict, act.text, act.by, act.at)
        self._replace(decisions=(*[one for one in self.case.decisions if one.authority != act.authority], mine))
        if act.authority == self.case.owner:
            verdict = {"state": DECIDED, "verdict": act.verdict, "escalated": 0}
            self._each(lambda one: verdict if one.state != CLOSED else None)

    def close(self) -> str:
        if not self._open():
            return "desk.closed"
        if self._act.verdict:
            code = self.decide()
            if code:
                return code
        if any(not one.handling.verdict for one in self._open()):
            return "desk.undecided"
        self._each(lambda one: {"state": CLOSED, "escalated": 0} if one.state != CLOSED else None)
        return ""

    def reopen(self) -> str:
        if not self._act.text:
            return "desk.no_reason"
        if len(self._open()) == len(self._targets):
            return "desk.open"
        self._each(
            lambda one: {"state": ASSIGNED if one.assignee else ACKNOWLEDGED, "verdict": ""} if one.state == CLOSED else None
        )
        return ""

    def join(self) -> str:
        to, case = self._act.to, self.case
        if to not in AUTHORITIES or to == case.owner:
            return "desk.authority"
        if self._act.until and not self._in_time():
            return "desk.deadline"
        if to not in case.shared:
            self._share((*case.shared, to))
        if self._act.until:
            self._replace(deadline=self._act.until, overdue=0)
        return ""

    def transfer(self) -> str:
        to, case = self._act.to, self.case
        if to not in AUTHORITIES or to == case.owner:
            return "desk.authority"
        self._share(tuple(dict.fromkeys((*case.shared, case.owner, to))))
        self._replace(owner=to, assignee="")
        again = {"state": RAISED, "assignee": "", "escalated": 0}
        # Who leads now has to acknowledge it: the time begins anew.
        self._targets = {one.id for one in case.alerts}
        self._each(lambda one: again if one.state in (RAISED, ACKNOWLEDGED, ASSIGNED) else None, anew=True)
        return ""

    def deadline(self) -> str:
        if not self._in_time():
            return "desk.deadline"
        if self._act.until != self.case.deadline:
            self._replace(deadline=self._act.until, overdue=0)
        return ""

    def _in_time(self) -> bool:
        return self._act.at < self._act.until <= self._act.at + FURTHEST

    def _share(self, shared: tuple[str, ...]) -> None:
        self._replace(
            shared=shared,
            authorities=tuple(sorted({*self.case.authorities, *shared})),
            alerts=tuple([_with(one, shared=shared) for one in self.case.alerts]),
        )

    def _open(self) -> list[CaseAlert]:
        return [one for one in self.case.alerts if one.id in self._targets and one.handling.state != CLOSED]

    def _replace(self, **changes: Any) -> None:  # Any: fields of a case
        self.case = msgspec.structs.replace(self.case, **changes)
        self.said = True

    def _each(self, change: Callable[[Handling], dict[str, Any] | None], *, anew: bool = False) -> None:
        """Change the handling of the alerts acted on; ``anew``: the time to acknowledge them begins again."""
        alerts, moved = [], False
        for one in self.case.alerts:
            new = change(one.handling) if one.id in self._targets else None
            if new is None or all(getattr(one.handling, name) == value for name, value in new.items()):
                alerts.append(one)
                continue
            moved = True
            due = self._act.at + self._waits.of(one.severity) if anew else 0
            alerts.append(msgspec.structs.replace(_with(one, **new, by=self._act.by, at=self._act.at), due=due))
        if moved:
            self._replace(alerts=tuple(alerts))


_DOING: Mapping[str, Callable[[_Work], str]] = {
    ACKNOWLEDGE: _Work.acknowledge,
    ASSIGN: _Work.assign,
    COMMENT: _Work.comment,
    DECIDE: _Work.decide,
    CLOSE: _Work.close,
    REOPEN: _Work.reopen,
    JOIN: _Work.join,
    TRANSFER: _Work.transfer,
    DEADLINE: _Work.deadline,
}


# ---- what time does ----------------------------------------------------------------------------------------------------------


def passed(case: Case, at: int, waits: Waits) -> Case:
    """The case after it was seen that nobody has acknowledged alerts in time, or that its deadline is over; the same where neither is so."""
    revision = case.revision + 1
    late = {one.id for one in case.alerts if 0 < one.due <= at}
    if late:
        case = _settled(case, _line(at, ESCALATED_LINE, case, late), revision, _again(case, late, at, waits))
    over = overdue_at(case, waits)
    if over and over <= at:
        opened_ = {one.id for one in case.alerts if one.handling.state != CLOSED}
        said = msgspec.structs.replace(case, overdue=case.overdue + 1)
        alerts = tuple([
            _with(one, escalated=max(one.handling.escalated, said.overdue), by="", at=at) if one.id in opened_ else one for one in case.alerts
        ])  # fmt: skip
        case = _settled(said, CaseLine(at, OVERDUE_LINE, until=case.deadline), revision, alerts)
    return case


def _line(at: int, what: str, case: Case, ids: set[str]) -> CaseLine:
    named = tuple([one.id for one in case.alerts if one.id in ids])
    return CaseLine(at, what, alerts=named[:MOST_IN_LINE], count=len(named))


def _again(case: Case, late: set[str], at: int, waits: Waits) -> tuple[CaseAlert, ...]:
    def said(one: CaseAlert) -> CaseAlert:
        times = min(one.handling.escalated + 1, TIMES)
        due = at + (waits.of(one.severity) << times) if times < TIMES else 0
        return msgspec.structs.replace(_with(one, escalated=times, by="", at=at), due=due)

    return tuple([said(one) if one.id in late else one for one in case.alerts])


def overdue_at(case: Case, waits: Waits) -> int:
    """When it is said next that the deadline is over: then, and again after twice the time each; 0 for never."""
    if not case.deadline or case.state == CLOSED or case.overdue >= TIMES:
        return 0
    return case.deadline + waits.of(case.severity) * ((1 << case.overdue) - 1)


def lapsed(case: Case, at: int) -> Case:
    """A case nobody has touched for so long that the hub closes it, undecided as it is."""
    alerts = tuple([
        msgspec.structs.replace(_with(one, state=CLOSED, escalated=0, by="", at=at), due=0) if one.handling.state != CLOSED else one
        for one in case.alerts
    ])  # fmt: skip
    return _settled(case, CaseLine(at, LAPSED_LINE), case.revision + 1, alerts)


# ---- what follows ------------------------------------------------------------------------------------------------------------


def _with(one: CaseAlert, **changes: Any) -> CaseAlert:  # Any: fields of a handling
    return msgspec.structs.replace(one, handling=msgspec.structs.replace(one.handling, **changes))


def _settled(case: Case, line: CaseLine, revision: int, alerts: tuple[CaseAlert, ...] | None = None) -> Case:
    """The case with a line more, and what follows from its alerts; those that differ carry its revision."""
    if alerts is None:
        alerts = case.alerts
    history = (*case.history, line)
    dropped = max(0, len(history) - MOST_LINES)
    open_ = [one for one in alerts if one.handling.state != CLOSED]
    state = min([one.handling.state for one in alerts], key=STATES.index, default=RAISED)
    return msgspec.structs.replace(
        case,
        revision=revision,
        at=max(case.at, line.at),
        state=state,
        severity=max([one.severity for one in open_ or alerts], key=rank, default=LEVELS[1]),
        escalated=max([one.handling.escalated for one in open_], default=0),
        alerts=alerts,
        history=history[dropped:],
        earlier=case.earlier + dropped,
    )


def changed(before: Case | None, after: Case) -> tuple[Case, list[CaseAlert]]:
    """The case whose alerts carry its revision where their handling is another than before, and those alerts.

    Nothing is to be said of a new one that nobody has anything to do with yet: the record that raised it says all.
    """
    there = {one.id: one.handling for one in before.alerts} if before is not None else {}
    alerts, moved = [], []
    for one in after.alerts:
        old = there.get(one.id)
        differs = one.handling != old and (old is not None or one.handling.assignee or one.handling.shared)
        alerts.append(_with(one, revision=after.revision) if differs else one)
        moved += alerts[-1:] if differs else []
    return (msgspec.structs.replace(after, alerts=tuple(alerts)) if moved else after), moved

"""Desk: what people do about alerts; one state for each case, by its id, and the one writer of ``cases``.

Every alert that is raised comes here under its case (``hub.domain.desk.case_of``), and so does what officers do. What becomes
of a case is ``hub.domain.casework``; here it is kept, published, and looked at when a time is over: alerts nobody has
acknowledged and deadlines are said again, what is closed is forgotten but for its revision, what nobody ever touches is
closed by the hub, undecided.

An alert whose handling changed is published whole, so its public fields are kept as long as it is in its case.
"""

from __future__ import annotations

import msgspec

from hub import codec, topics
from hub.domain import casework
from hub.domain.casework import Waits
from hub.domain.desk import Came, Case, case_of
from hub.domain.events import Alert, Tick
from hub.domain.handling import CLOSED
from streams.api import Output, Record, Step
from streams.stages.cloud import changed, headers


class DeskSettings(msgspec.Struct, frozen=True):
    """``keep``: ms a closed case is remembered after its last change; ``lapse``: ms after which one nobody touches is closed; our own (P).

    ``evidence``: characters of an alert's evidence that are kept: a hundred alerts of a case fit into one state.
    """

    keep: int = 90 * topics.DAY_MS
    lapse: int = 180 * topics.DAY_MS
    evidence: int = 6_000


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """An alert as it was raised, and the key of its records in the authorities' topics."""

    alert: Alert
    subject: str


class DeskState(msgspec.Struct, frozen=True, array_like=True):
    """A case with the alerts in it (by id); without one the ``revision`` a case that was forgotten had."""

    case: Case | None = None
    kept: dict[str, Kept] = {}
    revision: int = 0


_NOTHING = DeskState()


class Desk:
    """The stage."""

    name = "desk"
    inbox = topics.inbox("desk")

    def __init__(self, waits: Waits | None = None, settings: DeskSettings | None = None) -> None:
        self._waits = waits or Waits()
        self._settings = settings or DeskSettings()

    dump = staticmethod(codec.pack)
    load = staticmethod(codec.decoder(DeskState))

    def handle(self, state: DeskState | None, record: Record, now: Tick) -> Step | None:
        """An alert or an action; None for what is known, and for an action on a case that is not here."""
        event = codec.desk_event(record.value)
        old = state or _NOTHING
        if isinstance(event, Came):
            return self._came(old, event, now)
        if old.case is None or any(done.id == event.id for done in old.case.acted):
            return None
        return self._step(old, casework.acted(old.case, event, self._waits), now)

    def fire(self, state: DeskState, key: bytes, now: Tick) -> Step:  # noqa: ARG002 - the protocol's signature
        """Nobody has acted in time, a deadline is over, or the case may be forgotten."""
        case = state.case
        if case is None:
            return Step(state, 0, [])
        if case.state == CLOSED and case.at + self._settings.keep <= now.at:
            return Step(DeskState(None, {}, case.revision), 0, [])
        if case.state != CLOSED and _touched(case) + self._settings.lapse <= now.at:
            return self._step(state, casework.lapsed(case, now.at), now)
        return self._step(state, casework.passed(case, now.at, self._waits), now)

    def _came(self, old: DeskState, event: Came, now: Tick) -> Step | None:
        alert = event.alert
        if alert.id in old.kept:
            return None
        at = max(now.at, alert.at)
        case = old.case or casework.opened(case_of(alert), at, old.revision)
        kept = {**old.kept, alert.id: Kept(self._bounded(alert), event.subject)}
        return self._step(DeskState(old.case, kept, old.revision), casework.came(case, alert, at, self._waits), now)

    def _bounded(self, alert: Alert) -> Alert:
        """The alert with as much of its evidence as is kept."""
        if sum(map(len, alert.evidence.values())) <= self._settings.evidence:
            return alert
        room, evidence = self._settings.evidence, {}
        for name, value in alert.evidence.items():
            evidence[name] = value[:room]
            room -= len(evidence[name])
        return msgspec.structs.replace(alert, evidence=evidence)

    def _step(self, old: DeskState, case: Case, now: Tick) -> Step:
        """What a case has become, and what is said of it."""
        if case is old.case:
            return Step(old, self._due(case, now), [])
        case, moved = casework.changed(old.case, case)
        kept = old.kept
        if len(kept) > len(case.alerts):
            kept = {one.id: kept[one.id] for one in case.alerts}
        made = headers("hub.case.changed.v1", f"{case.id}@{case.revision}", case.id, max(now.at, case.at))
        outputs = [Output(topics.CASES, case.id.encode(), codec.to_json(case), made)]
        for one in moved:
            of = kept[one.id]
            outputs += changed(msgspec.structs.replace(of.alert, handling=one.handling), of.subject, one.handling.at)
        return Step(DeskState(case, kept), self._due(case, now), outputs)

    def _due(self, case: Case, now: Tick) -> int:
        """When to look again."""
        if case.state == CLOSED:
            times = [case.at + self._settings.keep]
        else:
            over = casework.overdue_at(case, self._waits)
            times = [_touched(case) + self._settings.lapse, *([over] if over else []), *[one.due for one in case.alerts if one.due]]
        return max(min(times), now.at + 1)


def _touched(case: Case) -> int:
    """When an alert came or a person did something; what the hub itself says of a case keeps it from nothing."""
    return max([line.at for line in case.history if line.by or line.what.startswith("raised")], default=case.opened_at)

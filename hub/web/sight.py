"""The access table (``hub.domain.access``) put to the read model: what is not for the viewer is as if it were not there."""

from __future__ import annotations

from hub.domain.access import READS, Access, is_officer, is_operator, may_unmask
from hub.domain.desk import Case
from hub.domain.events import Alert, Status, SubmissionSummary, TimelineEntry
from hub.domain.faults import Fault
from hub.domain.kinds import KINDS
from hub.domain.notices import OPEN_WORDS, TELLERS
from hub.domain.reading import EVERYTHING, Scope
from hub.domain.subscriptions import sees_alert
from hub.web.ports import Viewer

__all__ = ["is_officer", "is_operator", "may_unmask"]

#: Reading asks for no enterprise codes beyond those filed: enrolment is a matter of sending.
_ACCESS = Access()
#: Timeline words whose detail only officers read.
_GUARDED = frozenset({"assessed", "selected", "alerted", "recommended"})
#: Authorities whose words tell what they were told of: for officers only.
_AMONG_OFFICERS = frozenset(TELLERS) - OPEN_WORDS


def kinds_for(viewer: Viewer) -> frozenset[str]:
    """The kinds of document an authority reads whoever handed them in; none for enterprises."""
    if not is_officer(viewer):
        return frozenset()
    return frozenset().union(*(READS.get(role, frozenset()) for role in viewer.roles)) & frozenset(KINDS)


def sees_all(viewer: Viewer) -> bool:
    """Reads every document there is."""
    return kinds_for(viewer) == frozenset(KINDS)


def scope(viewer: Viewer) -> Scope:
    """Whose rows a list of documents or submissions shows."""
    kinds = kinds_for(viewer)
    return EVERYTHING if sees_all(viewer) else Scope(None, tuple(sorted(kinds))) if kinds else Scope(viewer.name)


def watches(viewer: Viewer) -> bool:
    """Sees everybody's figures: counts tell of no document."""
    return is_officer(viewer) or is_operator(viewer)


def watched(viewer: Viewer) -> Scope:
    """Whose figures throughput shows."""
    return EVERYTHING if watches(viewer) else Scope(viewer.name)


def codes_of(status: Status) -> tuple[str, ...]:
    """The enterprises a document names, as far as its keys tell."""
    return (*status.key.partition("/")[2].split(":")[:-1], status.order[0])


def may_read(viewer: Viewer, status: Status) -> bool:
    """In full: its own, one that names it, or one its authority is entitled to."""
    return _ACCESS.may_read(viewer, status, codes_of(status))


def may_see_submission(viewer: Viewer, summary: SubmissionSummary) -> bool:
    """The one who handed it in, and authorities that read all kinds."""
    return viewer.name == summary.principal or sees_all(viewer)


def may_read_bytes(viewer: Viewer, principal: str) -> bool:
    """Original bytes hold personal data: whoever handed them in reads them freely."""
    return viewer.name == principal


def faults_for(viewer: Viewer, status: Status) -> tuple[Fault, ...]:
    """A document's faults as far as the viewer may know them: findings of rules are officers' only."""
    return shown_faults(viewer, status.faults) if may_read(viewer, status) else ()


def shown_faults(viewer: Viewer, faults: tuple[Fault, ...]) -> tuple[Fault, ...]:
    """Without what rules found, except to officers."""
    return tuple(fault for fault in faults if is_officer(viewer) or not fault.code.startswith("rule."))


def timeline_for(viewer: Viewer, status: Status) -> tuple[TimelineEntry, ...]:
    """The timeline of a document that may be read; what assessment wrote into it is for officers."""
    if not may_read(viewer, status):
        return ()
    if is_officer(viewer):
        return status.timeline
    return tuple(
        TimelineEntry(at=entry.at, by=entry.by, what=entry.what) if entry.what in _GUARDED else entry
        for entry in status.timeline
        if entry.by not in _AMONG_OFFICERS
    )


def may_see_alert(viewer: Viewer, alert: Alert) -> bool:
    """Alerts go to the agencies they name and to the office; one that names none goes to every officer.

    Who was invited to its case sees it too.
    """
    return sees_alert(viewer, (*alert.agency, *alert.handling.shared) if alert.agency else ())


def may_see_case(viewer: Viewer, case: Case) -> bool:
    """Who may see one of its alerts may see a case, and who was invited to it; the office sees them all."""
    return is_officer(viewer) and not {*case.authorities, "office"}.isdisjoint(viewer.roles)

"""Who sees what of the read model (design §1): deny by default, and what is not seen is as if it were not there."""

from __future__ import annotations

from hub.domain.events import Alert, Status, TimelineEntry
from hub.domain.faults import Fault
from hub.web.ports import Viewer

#: Authorities' officers: all documents, findings, scores, alerts.
OFFICERS = frozenset({"customs", "tax", "forex", "market", "commerce"})
#: Watch everything's progress, but no findings.
WATCHERS = frozenset({"office", "operator"})
#: Timeline words whose detail only officers read.
_GUARDED = frozenset({"assessed", "selected", "alerted", "recommended"})


def is_officer(viewer: Viewer) -> bool:
    """May read findings, scores, recommendations, alerts."""
    return not OFFICERS.isdisjoint(viewer.roles)


def sees_all(viewer: Viewer) -> bool:
    """May read everybody's documents."""
    return is_officer(viewer) or not WATCHERS.isdisjoint(viewer.roles)


def scope(viewer: Viewer) -> str | None:
    """The principal whose rows a list shows; None for all."""
    return None if sees_all(viewer) else viewer.name


def owns(viewer: Viewer, principal: str) -> bool:
    """Whether what this principal handed in is the viewer's to read in full."""
    return sees_all(viewer) or viewer.name == principal


def may_read_bytes(viewer: Viewer, principal: str) -> bool:
    """Original bytes hold personal data: the one who handed them in, and customs, to whom they go anyway."""
    return viewer.name == principal or "customs" in viewer.roles


def faults_for(viewer: Viewer, status: Status) -> tuple[Fault, ...]:
    """A document's faults as far as the viewer may know them: findings of rules are officers' only."""
    if not owns(viewer, status.principal):
        return ()
    return tuple(fault for fault in status.faults if is_officer(viewer) or not fault.code.startswith("rule."))


def timeline_for(viewer: Viewer, status: Status) -> tuple[TimelineEntry, ...]:
    """All of one's own documents; of another's declaration only what customs said."""
    own = owns(viewer, status.principal)
    entries = (entry for entry in status.timeline if own or (status.kind == "declaration" and entry.by == "customs"))
    if is_officer(viewer):
        return tuple(entries)
    return tuple(
        TimelineEntry(at=entry.at, by=entry.by, what=entry.what) if entry.what in _GUARDED else entry
        for entry in entries
    )


def may_see_alert(viewer: Viewer, alert: Alert) -> bool:
    """Alerts go to the agencies they name; one that names none goes to every officer."""
    return is_officer(viewer) and (not alert.agency or not set(alert.agency).isdisjoint(viewer.roles))

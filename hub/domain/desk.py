"""Cases: what alerts are dealt with in. Which case an alert belongs to, what a case is, what the desk is told.

**The rule.** Alerts of one leading authority that rest on the same evidence are one case. What they rest on is the first of:

1. the watched thing a flag names (evidence ``flag``: a telephone, an address, a payer, goods at an address, orders paid at once),
2. the enterprise and what is remarkable about it (evidence ``profile`` and ``what``), or the guarantor (evidence ``guarantor``),
3. the declaration, or the other document (evidence ``document``),
4. else the alert alone, such as a receipt that fits nothing.

The authority that leads is the first of ``hub.topics.AUTHORITIES`` the alert is for; customs where it is for every officer,
the office where it is for that alone. So what only foreign exchange may read is never in a case of customs, and each authority has
cases it can finish by itself. The case's id is a word for what it is about and a hash of all that: the same for ever.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from hub.domain.events import Alert
from hub.domain.handling import STATES, Handling
from hub.domain.orders import AUTHORITIES, LEVELS

OFFICE = "office"
#: What a case is about; also the first word of its id.
WATCHED, ENTERPRISE, DECLARATION, DOCUMENT, ALONE = ABOUT = ("watched", "enterprise", "declaration", "document", "alone")
#: Who may lead a case.
LEADERS = (*AUTHORITIES, OFFICE)

#: What a person does. Leading actions are those of the authority that leads; the others are every authority's that is in the case.
ACKNOWLEDGE, ASSIGN, COMMENT, DECIDE, CLOSE, REOPEN, JOIN, TRANSFER, DEADLINE = ACTIONS = (
    "acknowledge", "assign", "comment", "decide", "close", "reopen", "join", "transfer", "deadline",
)  # fmt: skip
LEADING = frozenset(ACTIONS) - {COMMENT, DECIDE}
#: Lines of the history that are the hub's own.
RAISED_LINE, REOPENED_LINE, ESCALATED_LINE, OVERDUE_LINE, LAPSED_LINE = ("raised", "raised again", "escalated", "overdue", "lapsed")


class CaseKey(NamedTuple):
    """A case: its id, what it is about (one of ``ABOUT`` and the thing itself), the authority that leads it at first."""

    id: str
    kind: str
    about: str
    lead: str


def case_of(alert: Alert) -> CaseKey:
    """The case an alert belongs to, by the rule of this module; nothing but the alert decides."""
    lead = next((name for name in LEADERS if not alert.agency or name in alert.agency), LEADERS[0])
    kind, about = _evidence(alert)
    hashed = blake2b(f"{kind}\x00{about}\x00{lead}".encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return CaseKey(f"{kind}-{hashed}", kind, about, lead)


def _evidence(alert: Alert) -> tuple[str, str]:
    said = alert.evidence
    if said.get("flag"):
        return WATCHED, said["flag"]
    if said.get("profile"):
        return ENTERPRISE, f"{said['profile']} {said.get('what', '')}".strip()
    if said.get("guarantor"):
        return ENTERPRISE, f"{said['guarantor']} guarantee"
    if alert.declaration:
        return DECLARATION, alert.declaration
    if said.get("document"):
        return DOCUMENT, said["document"]
    return ALONE, alert.id


# ---- a case (topic ``cases``) ------------------------------------------------------------------------------------------


class CaseAlert(msgspec.Struct, frozen=True, omit_defaults=True):
    """An alert in a case; ``due``: when it is said again that nobody has acknowledged it, ms, 0 for never."""

    id: str
    rule: str
    severity: str
    at: int
    agency: tuple[str, ...] = ()
    handling: Handling = Handling()
    due: int = 0


class CaseLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of the history: at ``at`` (ms) ``by`` of ``authority`` (both empty: the hub itself) did ``what``.

    ``text``: comment or reason; ``to``: colleague or authority; ``until``: the deadline set, ms; ``alerts``: the first of those it
    was about, ``count`` how many (0: the case as a whole).
    """

    at: int
    what: str
    by: str = ""
    authority: str = ""
    text: str = ""
    to: str = ""
    verdict: str = ""
    until: int = 0
    alerts: tuple[str, ...] = ()
    count: int = 0


class Verdict(msgspec.Struct, frozen=True):
    """The last decision of an authority about a case or alerts in it."""

    authority: str
    verdict: str
    reason: str
    by: str
    at: int


class Acted(msgspec.Struct, frozen=True, omit_defaults=True):
    """An action the desk has dealt with; ``code``: the fault it was refused with, empty where it was done."""

    id: str
    code: str = ""


class Case(msgspec.Struct, frozen=True, omit_defaults=True):
    """A case, whole. ``state`` is that of its least advanced alert; ``severity`` the gravest of what is open, else of all.

    ``owner`` leads it; ``shared`` are the authorities invited; ``authorities`` all it is for (the office sees every case).
    ``alerts``: the last ones, oldest first; ``counted``: those before them, which are dealt with no more one by one.
    ``deadline``: ms, 0 for none; ``overdue``: how often it was said that it is over. ``escalated``: the most often it was said of an
    open alert that nobody acts. ``history``: the last lines, ``earlier`` how many there were before. ``acted``: the last actions.
    """

    id: str
    revision: int
    kind: str
    about: str
    owner: str
    opened_at: int
    at: int
    state: str = STATES[0]
    severity: str = ""
    authorities: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    assignee: str = ""
    deadline: int = 0
    overdue: int = 0
    escalated: int = 0
    enterprises: tuple[str, ...] = ()
    declarations: tuple[str, ...] = ()
    alerts: tuple[CaseAlert, ...] = ()
    counted: int = 0
    decisions: tuple[Verdict, ...] = ()
    history: tuple[CaseLine, ...] = ()
    earlier: int = 0
    acted: tuple[Acted, ...] = ()

    @property
    def late(self) -> bool:
        """Whether it was said that nobody acts, or that the deadline is over, and it is so still."""
        return self.state != STATES[-1] and (self.escalated > 0 or self.overdue > 0)


def is_in(case: Case, authority: str) -> bool:
    """Whether a case is for an authority; the office sees them all."""
    return authority == OFFICE or authority in case.authorities


def acts_as(case: Case, roles: Iterable[str]) -> str:
    """The authority a person with these roles acts for in a case: the leading one if it can, empty where it is not in it."""
    mine = [role for role in LEADERS if role in roles]
    return next((role for role in (case.owner, *LEADERS) if role in mine and is_in(case, role)), "")


def rank(severity: str) -> int:
    """How grave: a place in ``LEVELS``; what is not of them counts as the mildest alert."""
    return LEVELS.index(severity) if severity in LEVELS else 1


# ---- inbox.desk --------------------------------------------------------------------------------------------------------


class Came(msgspec.Struct, frozen=True, tag="came", array_like=True):
    """An alert was raised; ``subject`` is the key its records have in the authorities' topics."""

    alert: Alert
    subject: str


class Action(msgspec.Struct, frozen=True, tag="act", array_like=True, gc=False):
    """A person does something about a case; repeated under the same ``id`` it is done once.

    ``alerts``: ids, empty for the whole case; ``to``: a colleague or an authority; ``text``: comment or reason; ``until``: ms.
    """

    id: str
    by: str
    authority: str
    at: int
    what: str
    alerts: tuple[str, ...] = ()
    to: str = ""
    text: str = ""
    verdict: str = ""
    until: int = 0


DeskEvent = Came | Action

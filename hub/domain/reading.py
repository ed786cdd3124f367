"""Rows of the read model, and what a status means for whoever reads it. Pure: the projector fills them, a port writes them."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from hub.domain import handling, lifecycle
from hub.domain.events import Alert, Status
from hub.domain.kinds import (
    APPLICATION_KINDS,
    BILL_KINDS,
    BILL_WORDS,
    CANCELLATION,
    DECLARATION,
    RETURN,
    SUMMARY,
    WAYBILL,
)
from hub.domain.orders import LEVELS
from hub.domain.summary import due_of, month_of

#: States in which nobody has to do anything about a document.
CLOSED = frozenset({"repeated", "stale", "superseded", "withdrawn", "draft"})
#: Customs' codes for a document that customs looks at or keeps.
AT_CUSTOMS = frozenset({"300", "500", "501", "502", "503", "505", "599", "600"})


def need(status: Status) -> str:
    """What somebody has to do about a document: one word of the worklist, empty where nothing is to be done.

    ``rejected``, ``not handed over`` (refused on its way to customs), ``not granted`` (an application customs refuses), ``expired`` (its counterparts never came), ``held``, ``examined`` (at customs), ``overdue`` (customs has
    not answered in time), ``doubtful`` (the hub knows something against an application), ``parts missing``, ``not
    named`` (an export waybill that no declaration names), ``waiting``, ``flagged``; the gravest counts. What time alone
    brings is ``later``.
    """
    if status.state in CLOSED or status.facts.get(CANCELLATION) == "accepted":
        return ""
    together = _together(status)
    if status.code and lifecycle.ends(status.kind, status.code):
        if together:
            return together
        return "waiting" if status.kind != DECLARATION and status.match == "waiting" else ""
    if status.code and lifecycle.meaning_of(status.code).rejects:
        return "not granted" if status.kind in APPLICATION_KINDS else "rejected"
    if not status.code and status.handed_over.get("customs") == "refused" and status.state != lifecycle.WITHDRAWN:
        return lifecycle.NOT_HANDED_OVER
    if together:
        return together
    if "expired" in (status.state, status.match):
        return "expired"
    if status.state == "held":
        return "held"
    if status.code in AT_CUSTOMS:
        return "examined"
    if status.timeline and status.timeline[-1].what == "overdue":
        return "overdue"
    if status.differences and status.kind in APPLICATION_KINDS:
        return "doubtful"
    if "waiting" in (status.state, status.match):
        return "waiting"
    return "flagged" if (status.faults or status.differences) and status.code != "120" else ""


def _together(status: Status) -> str:
    """What a part of a split document, or an export waybill, still lacks."""
    if status.match not in ("waiting", "expired"):
        return ""
    if status.kind in BILL_KINDS:
        return "parts missing"
    return "not named" if status.kind == WAYBILL and not status.order[1] and status.awaited == (DECLARATION,) else ""


class Later(NamedTuple):
    """What has to be done about a document from a moment (ms) on, and by when; after that it is overdue."""

    need: str
    begins: int
    by: int


_DAY = 86_400_000
#: Days before the goods of a return must be back at which it is said; our own number (P).
BACK_DAYS = 10
TAX, BACK, SUMMARISE = "tax", "goods back", "summary"


def later(status: Status) -> Later | None:
    """What only time makes a need of: tax to be paid, returned goods to be back, a closed declaration to be summarised.

    The read model has no clock: it keeps this, and whoever reads says what time it is (``need_at``).
    """
    facts = status.facts
    if not facts or status.state in CLOSED or status.kind != DECLARATION:
        return None
    if by := _moment(facts, "taxBy"):
        return Later(TAX, _moment(facts, "taxFrom"), by)
    if facts.get(RETURN) == "applied" and (by := _moment(facts, "goodsBackBy")):
        return Later(BACK, by - BACK_DAYS * _DAY, by)
    closed = status.goods is not None and status.code == "899" and status.since > 0
    if closed and not facts.get(SUMMARY) and facts.get(CANCELLATION) != "accepted":
        return Later(SUMMARISE, status.since, due_of(month_of(status.since)))
    return None


def need_at(status: Status, now: int) -> str:
    """The need, or what time has made one by now."""
    word = need(status)
    coming = later(status) if not word and now else None
    if coming is None or coming.begins > now:
        return word
    return coming.need + (OVERDUE if coming.by <= now else "")


#: What follows the word of a need whose time is over.
OVERDUE = " overdue"


def _moment(facts: dict[str, str], name: str) -> int:
    text = facts.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0


_BILL_WORDS = frozenset([word for word, _ in BILL_WORDS.values()])
_BILL_FACTS = frozenset([fact for _, fact in BILL_WORDS.values()])


def bill_of(status: Status) -> str:
    """The master bill a document speaks of, or its goods travel under; empty where nothing tells."""
    number = status.numbers.get("billNo", "")
    facts = status.facts
    if number or not facts:
        return number
    if "billNo" in facts:
        return facts["billNo"]
    if _BILL_FACTS.isdisjoint(facts):
        return ""
    return next((entry.detail for entry in reversed(status.timeline) if entry.what in _BILL_WORDS), "")


class Place(NamedTuple):
    """Where a record lies in its topic; also the cursor of a participant's receipts."""

    partition: int
    offset: int


class Scope(NamedTuple):
    """Whose rows are read: one principal's, or those of some kinds of document whoever's; both None: all."""

    principal: str | None = None
    kinds: tuple[str, ...] | None = None


EVERYTHING = Scope()


class HandOverRow(NamedTuple):
    """What became of handing a submission (or its n-th message, ``part``) to a recipient."""

    submission: str
    recipient: str
    part: str
    outcome: str
    at: int
    attempts: int
    note: str


class SummaryGroup(NamedTuple):
    """Closed declarations of a declarant that are to be summarised by the same day; ``oldest``: the first closed."""

    declarant: str
    by: int
    declarations: int
    oldest: int


class Search(msgspec.Struct, frozen=True):
    """What is searched for; empty fields do not restrict. Times are milliseconds, ``until`` excluded."""

    since: int
    until: int
    kind: str = ""
    state: str = ""
    enterprise: str = ""
    office: str = ""
    keys: tuple[str, ...] | None = None
    limit: int = 50
    skip: int = 0
    #: the reader's time: what it has made a need of is found by ``state`` too
    now: int = 0


class AlertFilter(msgspec.Struct, frozen=True):
    """Which alerts; empty fields do not restrict."""

    severity: str = ""
    family: str = ""
    rule: str = ""
    enterprise: str = ""
    agency: str = ""
    office: str = ""
    limit: int = 100
    #: a state, or ``open``: all but closed
    state: str = ""
    assignee: str = ""
    #: the part of customs alerts are addressed to
    unit: str = ""

    def takes(self, alert: Alert) -> bool:
        """Whether an alert is one of these."""
        return (
            (not self.severity or alert.severity == self.severity)
            and (not self.family or alert.family == self.family)
            and (not self.rule or alert.rule == self.rule)
            and (not self.enterprise or self.enterprise in alert.enterprises)
            and (not self.agency or self.agency in alert.agency)
            and (not self.office or alert.office == self.office)
            and (not self.state or self.state == alert.handling.state or (self.state == OPEN and alert.handling.state != handling.CLOSED))
            and (not self.assignee or alert.handling.assignee == self.assignee)
            and (not self.unit or alert.unit == self.unit)
        )


#: Not a state of its own: whatever is not closed.
OPEN = "open"


class CaseFilter(msgspec.Struct, frozen=True):
    """Which cases. ``authorities``: those it has to be for one of, None for any; ``state`` as in ``AlertFilter``."""

    authorities: tuple[str, ...] | None = None
    state: str = ""
    assignee: str = ""
    severity: str = ""
    authority: str = ""
    overdue: bool = False
    limit: int = 100
    skip: int = 0


class DeskFilter(msgspec.Struct, frozen=True):
    """Which alerts the console lists, the gravest first: as ``CaseFilter``, with the rule that found it and the
    part of customs it is addressed to (``unit``); ``escalated``: nobody acts.
    """

    authorities: tuple[str, ...] | None = None
    state: str = OPEN
    assignee: str = ""
    severity: str = ""
    rule: str = ""
    enterprise: str = ""
    escalated: bool = False
    unit: str = ""
    limit: int = 100
    skip: int = 0


class Throughput(msgspec.Struct, frozen=True):
    """Counts [(second, measure, kind, n)], shares [(kind, platform, office, n)], latency {step: [p50, p95, p99] in ms}."""

    seconds: list[tuple[int, str, str, int]]
    parts: list[tuple[str, str, str, int]]
    latency: dict[str, list[float]]
    sample: int


class Positions(NamedTuple):
    """A partition's move: from the offset expected in the read model to the one after this batch."""

    topic: str
    partition: int
    expected: int
    following: int


#: What an alert may be: all levels but green.
SEVERITIES = LEVELS[1:]


class RuleFigures(msgspec.Struct, frozen=True):
    """Of some days: how many assessments, in how many of them each rule found something, acting and in shadow.

    ``outcomes``: of the declarations it found something in (rule → confirmed, cleared), those that customs stopped and
    those that customs let pass; the rest has no answer yet. ``drawn``: declarations in which no rule found enough (green) that were
    selected by lot, and of them those customs stopped and those it let pass: what the rules miss.
    """

    assessed: int = 0
    hits: dict[str, int] = {}
    shadow: dict[str, int] = {}
    outcomes: dict[str, tuple[int, int]] = {}
    drawn: tuple[int, int, int] = (0, 0, 0)
    #: of the alerts raised on those days, rule → (found true, found false, undecided) by the officers who dealt with them
    verdicts: dict[str, tuple[int, int, int]] = {}


#: Customs' codes by which a finding was right (returned, examined, detained), and by which it was not (released, closed).
CONFIRMING, CLEARING = ("100", "500", "501", "502", "503", "599"), ("800", "899")
#: Stands in the place of a rule for a green declaration that was selected by lot; that it was examined (500) confirms nothing.
DRAWN, EXAMINED = "drawn", "500"
#: Measures of ``throughput`` that are counted at the first second of a day of China; ``kind`` is the rule.
ASSESSED_OF_DAY, HITS_OF_DAY, SHADOW_OF_DAY = "assessed in a day", "hits in a day", "shadow hits in a day"

#: A second's counter: (second, principal, measure, kind).
Counter = tuple[int, str, str, str]


class Batch(msgspec.Struct):
    """What one transaction of the projector writes: rows by table, in the order of the table's columns.

    ``documents`` holds one row a register key (the newest revision of the batch). ``counts`` says what a row counts
    as: {(table, the row's key): {counter: n}}; rows that are in the read model already count no second time.
    """

    positions: list[Positions] = []
    rows: dict[str, list[tuple[object, ...]]] = {}
    counts: dict[tuple[str, str], dict[Counter, int]] = {}


#: Columns of each table as the rows of a batch give them; the writer builds its statements from this.
COLUMNS: dict[str, tuple[tuple[str, str], ...]] = {
    "documents": (
        ("key", "text"),
        ("kind", "text"),
        ("revision", "bigint"),
        ("submission", "text"),
        ("principal", "text"),
        ("sender", "text"),
        ("received_at", "bigint"),
        ("state", "text"),
        ("code", "text"),
        ("since", "bigint"),
        ("platform", "text"),
        ("order_no", "text"),
        ("office", "text"),
        ("due", "bigint"),
        ("need", "text"),
        ("matched_at", "bigint"),
        ("assessed_at", "bigint"),
        ("handed_at", "bigint"),
        ("released_at", "bigint"),
        ("later", "text"),
        ("later_from", "bigint"),
        ("later_by", "bigint"),
        ("bill", "text"),
        ("goods", "text"),
        ("merchant", "text"),
        ("body", "text"),
    ),
    "numbers": (("number", "text"), ("key", "text")),
    "submissions": (
        ("id", "text"),
        ("principal", "text"),
        ("sender", "text"),
        ("received_at", "bigint"),
        ("message", "text"),
        ("digest", "text"),
        ("partition", "integer"),
        ("offset", "bigint"),
        ("body", "json"),
    ),
    "refusals": (
        ("partition", "integer"),
        ("offset", "bigint"),
        ("id", "text"),
        ("principal", "text"),
        ("received_at", "bigint"),
        ("status", "bigint"),
        ("code", "text"),
        ("body", "text"),
    ),
    "assessments": (
        ("id", "text"),
        ("declaration", "text"),
        ("revision", "bigint"),
        ("at", "bigint"),
        ("score", "bigint"),
        ("level", "text"),
        ("recommendation", "text"),
        ("offset", "bigint"),
        ("body", "text"),
    ),
    "rule_hits": (("declaration", "text"), ("rule", "text"), ("day", "bigint")),
    "export_register": (
        ("declaration", "text"),
        ("revision", "bigint"),
        ("line", "integer"),
        ("merchant", "text"),
        ("mode", "text"),
        ("received_at", "bigint"),
        ("date", "text"),
        ("unit", "text"),
        ("qty", "text"),
        ("price", "text"),
        ("total", "text"),
        ("currency", "text"),
        ("name", "text"),
    ),
    "alerts": (
        ("id", "text"),
        ("at", "bigint"),
        ("rule", "text"),
        ("severity", "text"),
        ("family", "text"),
        ("agency", "jsonb"),
        ("enterprises", "jsonb"),
        ("declaration", "text"),
        ("partition", "integer"),
        ("offset", "bigint"),
        ("state", "text"),
        ("assignee", "text"),
        ("verdict", "text"),
        ("escalated", "bigint"),
        ("shared", "jsonb"),
        ("day", "bigint"),
        ("revision", "bigint"),
        ("body", "text"),
    ),
    "cases": (
        ("id", "text"),
        ("revision", "bigint"),
        ("state", "text"),
        ("owner", "text"),
        ("authorities", "jsonb"),
        ("assignee", "text"),
        ("severity", "text"),
        ("gravity", "bigint"),
        ("late", "boolean"),
        ("opened_at", "bigint"),
        ("body", "text"),
    ),
    "answers": (
        ("id", "text"),
        ("participant", "text"),
        ("partition", "integer"),
        ("offset", "bigint"),
        ("body", "text"),
    ),
    "hand_overs": (
        ("submission", "text"),
        ("recipient", "text"),
        ("part", "text"),
        ("outcome", "text"),
        ("at", "bigint"),
        ("attempts", "bigint"),
        ("note", "text"),
        ("sender", "text"),
        ("message", "text"),
        ("topic", "text"),
        ("partition", "integer"),
        ("offset", "bigint"),
    ),
    "deliveries": (("recipient", "text"), ("instance", "text"), ("at", "bigint"), ("body", "text")),
    "holds": (
        ("submission", "text"),
        ("revision", "bigint"),
        ("state", "text"),
        ("authorities", "jsonb"),
        ("since", "bigint"),
        ("until", "bigint"),
        ("body", "text"),
    ),
    "profiles": (("enterprise", "text"), ("at", "bigint"), ("body", "text")),
}

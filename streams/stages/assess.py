"""Assess: applies the rules to each declaration that match has put together; one state for each buyer.

The state holds the allowance position of every declaration of the buyer (absolute, of the highest revision: told by
register) and which sets of versions have been assessed. The total of a year is the sum of reserved + counted −
returned. An assessment names the tick it was made under and everything a rule read, and recomputes to the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import msgspec

from hub import codec, topics
from hub.domain import yearly
from hub.domain.events import (
    Alert,
    Assessment,
    AssessmentNotice,
    AssessmentReport,
    Finding,
    Judged,
    Licensed,
    Matched,
    Position,
    Seen,
    Tick,
    Traded,
)
from hub.domain.exports import registered
from hub.domain.history import Purchase, before, delivered, purchase, remembered, short
from hub.domain.keys import china_day, china_year
from hub.domain.money import SCALE, amount
from hub.domain.orders import Orders
from hub.domain.profile import PRICED_LINES
from hub.domain.reference import CNY, Reference
from hub.domain.screening import CONTROLLED, Screens
from hub.domain.standing import Standings
from hub.domain.watching import sightings
from hub.rules.advice import Advice, advice
from hub.rules.api import Case, References
from hub.rules.engine import ALERTING, YELLOW, RuleSet, acting, judge, level_of, ruleset
from hub.rules.recompute import Recalled, UnreadError
from streams.api import Output, Record, Step
from streams.stages import authorities
from streams.stages.cloud import headers, raised

_REGISTER, _WATCH, _GATE = topics.inbox("register"), topics.inbox("watch"), topics.inbox("gate")
_OBSERVE = topics.inbox("observe")
#: A price far below the usual one (R09); controlled goods under a permit (R13).
_LOW, _COVERED = "rule.price_low", "rule.controlled_licensed"


class AssessSettings(msgspec.Struct, frozen=True):
    """``reject_over_allowance``: over the yearly limit means return, not tax in full (two texts differ).

    ``filings_kept``: the zone keeps the enterprises' filings, so that one without is named. ``positive_list``: it keeps
    the positive list, so that none in force is named.

    ``notices``: whether customs gets the assessment as a message of its own (the sender's hand-overs carry it).

    ``forex_threshold``: payments and collections above so much (an amount in yuan) are told to foreign exchange.

    ``entries``: how many declarations of a buyer are kept apart; beyond it the oldest that are closed are folded into
    the year's sum. ``assessed``: how many assessed sets are remembered. ``keep``: ms a buyer is remembered.
    """

    notices: bool = True
    reject_over_allowance: bool = True
    entries: int = 1000
    assessed: int = 256
    keep: int = 800 * topics.DAY_MS
    filings_kept: bool = False
    positive_list: bool = False
    forex_threshold: int = 5000 * SCALE


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The allowance position of one declaration; amounts."""

    revision: int
    year: int
    reserved: int
    counted: int
    returned: int

    def used(self) -> int:
        """What it uses of the allowance."""
        return self.reserved + self.counted - self.returned


class AssessState(msgspec.Struct, frozen=True, array_like=True):
    """A buyer: declaration → position, the sets assessed (``declaration@revision.match``), and folded sums by year."""

    entries: dict[str, Entry] = {}
    assessed: tuple[str, ...] = ()
    folded: dict[int, int] = {}
    since: int = 0
    #: year → what customs' refusals (1313) say was used outside this hub
    elsewhere: dict[int, int] = {}
    #: what the buyer bought lately
    recent: tuple[Purchase, ...] = ()
    #: what declarations take of goods with a yearly quantity, and sums of those no longer kept apart
    takings: yearly.Takings = {}
    taken: yearly.Folded = {}

    def frees(self, declaration: str) -> bool:
        """Whether a declaration uses nothing: rejected, withdrawn, expired or given back."""
        entry = self.entries.get(declaration)
        return entry is not None and not entry.used()

    def used(self, year: int, but: str = "") -> int:
        """What the buyer's declarations of ``year`` use, one of them left out."""
        entries = self.entries.items()
        return self.folded.get(year, 0) + sum(e.used() for key, e in entries if e.year == year and key != but)


_NOTHING = AssessState()


class Assess:
    """The stage. ``references`` is the process's view of the reference data, ``rules`` the set in force."""

    name = "assess"
    inbox = topics.inbox("assess")

    def __init__(
        self,
        references: References,
        rules: RuleSet | None = None,
        settings: AssessSettings | None = None,
        draw: Callable[[str], int] | None = None,
    ) -> None:
        """``draw``: the lot of a declaration's key (``Case.draw``); without it none are drawn."""
        self._references = references
        whole = references if isinstance(references, Reference) else None
        self._orders = Orders(whole) if whole is not None else None
        self._rules = rules or ruleset()
        self._settings = settings or AssessSettings()
        # What all cases have in common.
        self._make = partial(
            Case,
            standings=Standings(whole) if whole is not None else None,
            screens=Screens(whole) if whole is not None else None,
            orders=self._orders,
            draw=draw,
            settings={
                "reject_over_allowance": self._settings.reject_over_allowance,
                "filings_kept": self._settings.filings_kept,
                "positive_list": self._settings.positive_list,
            },
        )

    dump = staticmethod(codec.pack)
    load = staticmethod(codec.decoder(AssessState))

    def handle(self, state: AssessState | None, record: Record, now: Tick) -> Step | None:
        """Keep a position, or assess what match put together; None for what is known."""
        event = codec.assess_event(record.value)
        old = state or _NOTHING
        if isinstance(event, Position):
            return self._position(old, event, now)
        return self._matched(old, event, now)

    def fire(self, state: AssessState, key: bytes, now: Tick) -> Step:  # noqa: ARG002 - the protocol's signature
        """The buyer's last declaration is years ago: forget."""
        if state.since + self._settings.keep <= now.at:
            return Step(None, 0, [])
        return Step(state, state.since + self._settings.keep, [])

    def _position(self, old: AssessState, event: Position, now: Tick) -> Step | None:
        held = old.entries.get(event.declaration_key)
        if held is not None and held.revision >= event.revision:
            return None
        entry = Entry(event.revision, event.year, event.reserved, event.counted, event.returned)
        entries = {**old.entries, event.declaration_key: entry}
        elsewhere = old.elsewhere
        if event.customs_total:
            outside = event.customs_total - old.used(event.year, event.declaration_key)
            elsewhere = {**elsewhere, event.year: max(outside, elsewhere.get(event.year, 0))}
        folded = old.folded
        if len(entries) > self._settings.entries:
            entries, folded = _fold(entries, folded)
        since = old.since or now.at
        recent = old.recent
        if recent and not entry.used():  # rejected, withdrawn, expired or given back: it is no purchase
            recent = tuple([one for one in recent if one.declaration != event.declaration_key])
        state = AssessState(entries, old.assessed, folded, since, elsewhere, recent, old.takings, old.taken)
        return Step(state, since + self._settings.keep, [])

    def _matched(self, old: AssessState, event: Matched, now: Tick) -> Step | None:
        id_ = f"{event.declaration_key}@{event.revision}.{event.match}"
        if id_ in old.assessed:
            return None
        used, recent = None, old.recent
        history: tuple[Purchase, ...] = ()
        seen: list[Output] = []
        quantities: Mapping[str, int] | None = None
        takings, taken = old.takings, old.taken
        if event.buyer:
            year = china_year(event.received_at)
            lines = self._taken(event, now)
            if lines:
                quantities = yearly.used(takings, taken, year, event.declaration_key, old.frees)
            if lines or event.declaration_key in takings:
                takings, taken = yearly.kept(takings, taken, event.declaration_key, yearly.Taken(year, lines), old.frees)
            used = old.used(year, event.declaration_key) + old.elsewhere.get(year, 0)
            if recent:
                history = before(recent, event.declaration_key, event.received_at)
            new = purchase(event)
            recent = remembered(recent, new)
            seen = _seen(event, history, new)
        assessment = assess(
            event, now, used, self._references, self._rules, history=history, quantities=quantities, make=self._make
        )
        state = AssessState(
            old.entries,
            (*old.assessed, id_)[-self._settings.assessed :],
            old.folded,
            now.at or event.received_at,
            old.elsewhere,
            recent,
            takings,
            taken,
        )
        return Step(state, state.since + self._settings.keep, self._outputs(event, assessment, now) + seen + self._traded(old, event, assessment))

    def _taken(self, event: Matched, now: Tick) -> tuple[tuple[str, int], ...]:
        """What a declaration takes of goods with a yearly quantity, by the list in force on its day."""
        day, find = china_day(event.received_at), self._references.find
        if find("parameter", yearly.LIST, day, now.reference) is None:
            return ()
        return yearly.taken(event.declaration.lines, lambda hs8: find("positive", hs8, day, now.reference))

    def _traded(self, old: AssessState, event: Matched, assessment: Assessment) -> list[Output]:
        """What observe is told: once a declaration, and each time what it uses of permits."""
        of, first = event.declaration, f"{event.declaration_key}@"
        if not of.merchant:
            return []
        again = any(id_.startswith(first) for id_ in old.assessed)
        licensed = self._licensed(event, assessment, again=again)
        if again:
            return licensed
        payer = event.payment.payer_id if event.payment is not None else ""
        who = (event.buyer, payer, delivered(of, event.order)[0])
        traded = Traded(
            event.declaration_key,
            event.received_at,
            of.side,
            event.value,
            of.currency,
            bool(event.buyer) and not old.recent,
            assessment.level,
            of.platform,
            of.office,
            bool(event.differences),
            any(finding.code == _LOW and not finding.shadow for finding in assessment.findings),
            tuple([short(digest) for digest in who]),
            tuple([(f"{line.gcode}/{line.unit}/{line.currency or CNY}", line.price) for line in of.lines[:PRICED_LINES]]),
        )
        return [Output(_OBSERVE, of.merchant.encode(), codec.pack(traded)), *licensed]

    def _licensed(self, event: Matched, assessment: Assessment, *, again: bool) -> list[Output]:
        """What the declaration uses of permits; where it was assessed before, that it may use none any more."""
        uses = {
            (said["control"], said["permit"]): amount(said["qty"])
            for finding in assessment.findings
            if finding.code == _COVERED and not finding.shadow and (said := finding.evidence)
        }
        if not uses:
            day = china_day(event.received_at)
            if not again or self._references.find("list", CONTROLLED, day, assessment.reference) is None:
                return []
        licensed = Licensed(event.declaration_key, event.received_at, tuple((*which, quantity) for which, quantity in uses.items()))
        return [Output(_OBSERVE, event.declaration.merchant.encode(), codec.pack(licensed))]

    def _outputs(self, event: Matched, assessment: Assessment, now: Tick) -> list[Output]:
        told, reported = authorities.assessed(event, assessment, now, self._references, self._settings.forex_threshold)
        key = event.declaration_key.encode()
        made = headers("hub.assessment.made.v1", assessment.id, event.declaration_key, assessment.at)
        report = AssessmentReport(
            event.revision,
            assessment.at,
            assessment.score,
            assessment.level,
            assessment.recommendation,
            len(acting(assessment.findings)),
            _guarantor(event),
            _expected(event, assessment),
            event.declaration.merchant,
            reported,
        )
        outputs = [
            Output(topics.ASSESSMENTS, key, codec.to_json(assessment), made),
            Output(_REGISTER, key, codec.pack(report)),
            *told,
        ]
        if assessment.findings:
            for finding in assessment.findings:
                if _alarms(finding):
                    outputs += self._alert(event, assessment, finding)
        if self._orders is not None and event.submission:
            outputs += self._judged(event, assessment, self._orders)
        if self._settings.notices:
            notice = AssessmentNotice(
                assessment.id,
                assessment.declaration,
                event.submission,
                event.sender,
                assessment.at,
                assessment.score,
                assessment.level,
                assessment.recommendation,
                tuple(finding.code for finding in acting(assessment.findings)),
            )
            outputs.append(Output(topics.OUT_CUSTOMS, event.sender.encode(), codec.pack(notice)))
        return outputs

    def _judged(self, event: Matched, assessment: Assessment, orders: Orders) -> list[Output]:
        """What the gate is told where an order may hold the message: it waits for this."""
        may = orders.holding(china_day(event.received_at), assessment.reference, event.declaration)
        if not may:
            return []
        holding = tuple([order for order in may if order.id in assessment.held])
        judged = Judged(event.declaration_key, event.revision, assessment.at, holding, assessment.reference)
        return [Output(_GATE, event.submission.encode(), codec.pack(judged))]

    def _alert(self, event: Matched, assessment: Assessment, finding: Finding) -> list[Output]:
        # The same finding of the same version is the same alert, however often its company changes.
        path = f":{finding.path}" if finding.path else ""
        id_ = f"{finding.rule}:{event.declaration_key}@{event.revision}:{finding.code}{path}"
        declaration = event.declaration
        named = (declaration.platform, declaration.merchant, declaration.declarant)
        rule = self._rules.by_code(finding.rule)
        alert = Alert(
            id=id_,
            at=assessment.at,
            rule=finding.rule,
            severity=judge((finding,)).level,
            family=rule.risk,
            agency=rule.agencies,
            declaration=event.declaration_key,
            enterprises=tuple(dict.fromkeys(code for code in named if code)),
            office=declaration.office,
            message=finding.message,
            message_zh=finding.message_zh,
            evidence={**finding.evidence, "assessment": assessment.id, "level": assessment.level},
        )
        return raised(alert, event.declaration_key)


def assess(
    event: Matched,
    now: Tick,
    used: int | None,
    references: References | None,
    rules: RuleSet,
    *,
    history: tuple[Purchase, ...] = (),
    quantities: Mapping[str, int] | None = None,
    make: Callable[..., Case] = Case,
) -> Assessment:
    """The assessment of what match put together; the same arguments give the same bytes.

    ``history`` is what the buyer bought before; ``quantities`` is what the buyer took of goods with a yearly quantity; ``make``
    makes the case, with what is the same for all of them.
    """
    case = make(
        declaration=event.declaration,
        order=event.order,
        payment=event.payment,
        waybill=event.waybill,
        day=china_day(event.received_at),
        at=event.received_at,
        now=max(event.at, event.received_at),
        value=event.value,
        states=event.states,
        differences=tuple(difference.code for difference in event.differences),
        buyer=event.buyer,
        allowance_used=used,
        references=references,
        offset=now.reference,
        history=history,
        quantities=quantities,
        key=event.declaration_key,
    )
    verdict = rules.apply(case)
    try:
        advised = advice(case, verdict, event.declaration_key, rules)
    except UnreadError:  # a record made before what is asked now was
        advised = Advice(verdict.recommendation, ())
    return Assessment(
        id=f"{event.declaration_key}@{event.revision}.{event.match}",
        declaration=event.declaration_key,
        revision=event.revision,
        attempt=event.attempt,
        at=max(now.at, event.at, event.received_at),
        reference=now.reference,
        rules=rules.digest,
        buyer=event.buyer,
        value=event.value,
        findings=verdict.findings,
        score=verdict.score,
        level=verdict.level,
        recommendation=advised.recommendation,
        route=advised.route,
        read=case.read,
        tax=case.tax,
        selected=advised.selected,
        rate=advised.rate,
        held=advised.held,
        registered=registered(event.declaration, case.day, event.received_at),
    )


def again(
    assessment: Assessment, event: Matched, rules: RuleSet, references: References | None = None
) -> tuple[Assessment, tuple[str, ...]]:
    """The assessment made again of what it was made of (``hub.rules.recompute``), and what its record lacks for it.

    ``references`` answer what the record does not; without them only the record does.
    """
    missing: list[str] = []
    make = partial(Recalled, assessment.read, missing)
    made = assess(event, Tick(assessment.at, assessment.reference), None, references, rules, make=make)
    return made, tuple(missing)


def _seen(event: Matched, history: tuple[Purchase, ...], new: Purchase) -> list[Output]:
    """What watch is told of a declaration."""
    of = event.declaration
    return [
        Output(_WATCH, key.encode(), codec.pack(Seen(sighting, of.office, of.platform, of.merchant)))
        for key, sighting in sightings(event, history, new)
    ]


def _guarantor(event: Matched) -> str:
    """Who guarantees: an enterprise of this declaration (CEB621 assureCode); nobody else has agreed to it."""
    of = event.declaration
    return of.guarantor if of.guarantor in (of.platform, of.merchant, of.carrier, of.declarant) else ""


def _expected(event: Matched, assessment: Assessment) -> int:
    """The tax a guarantee will be burdened with: the computed one; without a rate, what the order says was withheld."""
    if not _guarantor(event):
        return 0
    if "total" in assessment.tax:
        return amount(assessment.tax["total"])
    return event.order.tax if event.order is not None else 0


def _alarms(finding: Finding) -> bool:
    return finding.blocking or finding.score >= YELLOW or level_of(finding.score, (finding,)) in ALERTING


def _fold(entries: dict[str, Entry], folded: dict[int, int]) -> tuple[dict[str, Entry], dict[int, int]]:
    """Fold the oldest closed entry into its year's sum: a lower bound of memory, exact as long as it is not returned."""
    closed = next((key for key, entry in entries.items() if not entry.reserved), None)
    oldest = closed if closed is not None else next(iter(entries))
    entry = entries[oldest]
    left = {key: value for key, value in entries.items() if key != oldest}
    return left, {**folded, entry.year: folded.get(entry.year, 0) + entry.used()}

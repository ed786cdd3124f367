"""Register: one state for each document ever submitted, by its own key. The only writer of statuses and answers.

It tells apart repetitions, stale ones, changes and new attempts; applies receipts by the rule *greatest returnTime
wins*; hears from match, assess and deliver; tells match who takes part, assess the absolute allowance position of a
declaration, the ledger what it burdens its guarantor with, resolve the numbers customs gave. Receipts for a document that is not here wait for it and are alarmed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from hub import codec, topics
from hub.domain import lifecycle
from hub.domain.events import (
    REFUSED,
    RELEASED,
    RETURNED,
    WITHDRAWN,
    Alert,
    ApplicationAnswer,
    Applied,
    Assembled,
    AssessmentReport,
    Concluded,
    Elsewhere,
    HandedOver,
    Joining,
    Leaving,
    Link,
    MatchReport,
    Named,
    Noted,
    OtherVersion,
    Position,
    ReceiptArrived,
    Received,
    Seen,
    Sighting,
    Status,
    SubmittedDocument,
    Summarised,
    TaxBillArrived,
    Tick,
    TimelineEntry,
)
from hub.domain.faults import Fault, fault
from hub.domain.keys import china_year, possible_time, receipt_ms
from hub.domain.kinds import CANCELLATION, COLLECTION, DECLARATION, MATCHED_KINDS, ORDER, PAYMENT, WAYBILL
from hub.domain.lifecycle import CEB_CODES, EXPIRED, FLAGGED, MATCHED, REPEATED, STALE, SUPERSEDED, WAITING
from hub.domain.notices import TELLERS
from hub.domain.watching import REUSED
from schemas.model import message_types
from streams.api import Output, Record, Step
from streams.stages import authorities, follow, guarantee, refund, words
from streams.stages.cloud import headers, raised

_MATCH, _ASSESS, _RESOLVE = topics.inbox("match"), topics.inbox("assess"), topics.inbox("resolve")
_WATCH, _OBSERVE = topics.inbox("watch"), topics.inbox("observe")

#: Customs' own total in a refusal for the yearly limit (seen in practice: totalPrice：26,114.44 > limitPrice: 26,000).
_TOTAL = re.compile(r"totalPrice\D{0,3}([0-9][0-9,]*(?:\.[0-9]{1,5})?)")

#: A line of the timeline in the state: at, by, what, detail.
Entry = tuple[int, str, str, str]
#: The allowance position assess was told last: buyer, year, reserved, counted, returned.
Told = tuple[str, int, int, int, int]
_NOWHERE: Told = ("", 0, 0, 0, 0)
#: What customs' code does to the allowance → how the declaration ended.
_OUTCOMES = {"count": RELEASED, "return": RETURNED}


class RegisterSettings(msgspec.Struct, frozen=True):
    """Times in ms and bounds; all of them our own numbers (P).

    ``overdue``: customs has not answered so long after the hand-over. ``park``: a receipt waits so long for its
    document before it is alarmed. ``keep``: a key is forgotten so long after its last version came.
    """

    overdue: int = 30 * 60_000
    park: int = 10 * 60_000
    keep: int = 200 * topics.DAY_MS
    #: what others say of a document that is not here is kept so long
    keep_words: int = 30 * topics.DAY_MS
    #: an export waybill, which names no order, waits so long for the declaration that names it
    await_declaration: int = 24 * 3_600_000
    #: days in law: return within, goods back within (GACC 2020-45), tax paid from and to (GACC 2018-194)
    return_days: int = 30
    back_days: int = 45
    tax_from_days: int = 31
    tax_by_days: int = 45
    #: a summarised tax bill burdens the guarantee no more; else only after ``tax_by_days`` (the hub sees no payment)
    summarised_frees: bool = True
    timeline: int = 64
    versions: int = 16
    receipts: int = 64
    detail: int = 200


class RegisterState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is known of a document. ``version`` 0: only receipts are here; they wait in ``parked``.

    ``revision`` rises with every change, ``version`` is the revision with which the current version of the document came.
    """

    revision: int = 0
    version: int = 0
    submission: str = ""
    index: int = 0
    principal: str = ""
    sender: str = ""
    subscribers: tuple[str, ...] = ()
    received_at: int = 0
    guid: str = ""
    app_time: str = ""
    content: bytes = b""
    order: tuple[str, str] = ("", "")
    buyer: str = ""
    value: int = 0
    draft: bool = False
    withdrawn: bool = False
    joined: bool = False
    attempt: int = 1
    faults: tuple[Fault, ...] = ()
    code: str = ""
    time: str = ""
    text: str = ""
    since: int = 0
    numbers: dict[str, str] = {}
    office: str = ""
    match: str = ""
    awaited: tuple[str, ...] = ()
    match_due: int = 0
    counterparts: dict[str, str] = {}
    differences: tuple[Fault, ...] = ()
    assessed_at: int = 0
    handed_over: dict[str, str] = {}
    overdue_at: int = 0
    forget_at: int = 0
    elsewhere: int = 0
    told: Told = _NOWHERE
    receipts: tuple[str, ...] = ()
    versions: tuple[OtherVersion, ...] = ()
    timeline: tuple[Entry, ...] = ()
    cut: int = 0
    parked: tuple[bytes, ...] = ()
    message: str = ""
    #: of a declaration, its lines for returns (``hub.domain.views.goods``)
    goods: bytes = b""
    more: follow.More | None = None
    #: of an import declaration once it is assessed
    guaranteed: guarantee.Guaranteed | None = None
    #: of a declaration once it is assessed; what observe was told of customs' word
    merchant: str = ""
    concluded: str = ""
    #: what match says that is no difference
    match_notes: tuple[Fault, ...] = ()
    #: of a declaration: what foreign exchange was told of its payment or collection (``ce_id``)
    reported: str = ""


_NOTHING = RegisterState()
_parked = codec.decoder(ReceiptArrived | TaxBillArrived)
_said: Callable[[Any], dict[str, str]] = codec.decoder(dict[str, str])


class Turn:
    """One event being applied to one state: what changes, what is told to whom, what the timeline gets."""

    __slots__ = ("changes", "entries", "key", "kind", "now", "old", "outputs", "revision", "settings")

    def __init__(self, old: RegisterState, key: str, now: int, settings: RegisterSettings, at_least: int = 0) -> None:
        self.old, self.key, self.now, self.settings = old, key, now, settings
        # The inbox offset keeps revisions rising where a key was forgotten and comes again.
        self.revision = max(old.revision + 1, at_least)
        self.kind = key.partition("/")[0]
        self.changes: dict[str, Any] = {}  # Any: values of RegisterState's fields
        self.entries: list[Entry] = []
        self.outputs: list[Output] = []

    def get(self, name: str) -> Any:  # Any: a field of RegisterState
        """A field as this event leaves it."""
        changes = self.changes
        return changes[name] if name in changes else getattr(self.old, name)

    def note(self, by: str, what: str, detail: str = "", at: int = 0) -> None:
        """A line of the timeline; ``at`` ms, or now: the last tick, but not before the line above."""
        self.entries.append((at or self.then(self.now), by, what, detail[: self.settings.detail]))

    def then(self, at: int) -> int:
        """The moment, but not before the line above: what follows from something is not told before it."""
        above = self.entries or self.old.timeline
        return max(at, above[-1][0]) if above else at

    def tell(self, topic: str, key: str, value: Any) -> None:  # Any: an event of that topic
        """An event for another stage."""
        self.outputs.append(Output(topic, key.encode(), codec.pack(value)))

    def publish(self, topic: str, key: str, value: Any, type_: str, id_: str) -> None:  # Any: a public struct
        """A public record."""
        self.outputs.append(Output(topic, key.encode(), codec.to_json(value), headers(type_, id_, self.key, self.now)))

    def alert(self, what: str, message: str, message_zh: str, evidence: dict[str, str]) -> None:
        """A technical alert of the hub itself; its id names the version, so that a repetition is the same alert."""
        alert = Alert(
            id=f"{what}:{self.key}@{self.get('version')}",
            at=self.now,
            rule=f"hub.{what}",
            severity="yellow",
            family="technical",
            agency=("customs", "office"),
            declaration=self.key if self.kind == DECLARATION else "",
            office=self.get("office"),
            message=message,
            message_zh=message_zh,
            evidence={"document": self.key, **evidence},
        )
        self.outputs += raised(alert, self.key)

    def finish(self) -> Step:
        """The next state, with the timeline bounded and the allowance told where it moved."""
        old, changes = self.old, self.changes
        revision = changes["revision"] = self.revision
        if self.kind == DECLARATION:
            self._tell_position(revision)
            self._tell_conclusion()
            refund.tell(self)
            guarantee.tell(self, revision)
        if self.entries:
            timeline = (*old.timeline, *self.entries)
            most = self.settings.timeline
            if len(timeline) > most:
                # The beginning tells how it came, the end how it stands; the middle is cut and counted.
                changes["cut"] = old.cut + len(timeline) - most
                timeline = timeline[: most // 2] + timeline[most // 2 - most :]
            changes["timeline"] = timeline
        state = msgspec.structs.replace(old, **changes)
        return Step(state, _due(state), self.outputs)

    def _tell_position(self, revision: int) -> None:
        told, new = self.old.told, self._position()
        if new == told or (not told[0] and not any(new[2:])):
            return
        if told[0] and told[0] != new[0]:
            self.tell(_ASSESS, told[0], Position(self.key, revision, told[1]))
        if new[0]:
            self.tell(_ASSESS, new[0], Position(self.key, revision, *new[1:], self._customs_total(new)))
        self.changes["told"] = new

    def _tell_conclusion(self) -> None:
        """Observe: customs has released, refused or taken back what the merchant sold, or its sender has; or it has come to nothing."""
        merchant, code = self.get("merchant"), self.get("code")
        if not merchant:
            return
        meaning = lifecycle.meaning_of(code)
        outcome = REFUSED if meaning.rejects else _OUTCOMES.get(meaning.allowance, "")
        if self.get("withdrawn") or follow.cancelled(self) or self._turned_away() or (not code and self.get("match") == EXPIRED):
            outcome = WITHDRAWN
        if outcome == RELEASED and follow.returned_value(self):
            outcome = RETURNED
        before = self.old.merchant
        if before and before != merchant:  # its declaration was of another merchant: what it used of a permit goes back
            self.tell(_OBSERVE, before, Concluded(self.key, self.then(self.now), WITHDRAWN))
        if outcome == self.old.concluded or (code and not outcome):
            return
        # Handed in again it starts anew: the next refusal or withdrawal is another one.
        self.changes["concluded"] = outcome
        if outcome:
            self.tell(_OBSERVE, merchant, Concluded(self.key, self.then(self.now), outcome))
            authorities.concluded(self, outcome)

    def _customs_total(self, new: Told) -> int:
        """What customs' ledger held before this declaration, from the text of a refusal for the yearly limit."""
        if any(new[2:]) or "1313" not in self.get("text"):
            return 0
        said = _TOTAL.search(self.get("text"))
        return max(0, follow.amount_of(said[1].replace(",", "")) - self.get("value")) if said else 0

    def _turned_away(self) -> bool:
        """Whether it was refused on its way to customs, which therefore does not have it."""
        return not self.get("code") and self.get("handed_over").get("customs") == "refused"

    def _position(self) -> Told:
        # A declaration of less than nothing is flagged at the door; it gives nobody more to buy.
        buyer, value = self.get("buyer"), max(0, self.get("value"))
        if not buyer:
            return _NOWHERE
        reserved = counted = returned = 0
        year = china_year(self.get("received_at"))
        if self.get("more") is not None and follow.cancelled(self):
            return (buyer, year, 0, 0, 0)
        effect = lifecycle.meaning_of(self.get("code")).allowance if self.get("code") else ""
        if effect in ("count", "return"):
            counted, returned = value, value if effect == "return" else follow.returned_value(self)
        elif self.get("joined") and effect != "free" and self.get("match") != EXPIRED and not self._turned_away():
            reserved = value
        return (buyer, year, reserved, counted, returned)


def _due(state: RegisterState) -> int:
    """When the state's next time is up."""
    due, overdue = state.forget_at, state.overdue_at
    if overdue and (overdue < due or not due):
        due = overdue
    if state.more is not None and state.more.deadlines:
        deadline = follow.next_deadline(state.more)
        return min(due, deadline) if due else deadline
    return due


#: What others tell a document: applied by ``follow``, False where it changes nothing.
_OTHERS: dict[type, Callable[[Any, Any], bool]] = {
    Noted: follow.noted,
    Named: follow.named,
    Applied: follow.applied,
    ApplicationAnswer: follow.application_answered,
    Summarised: follow.summarised,
    Assembled: follow.assembled,
}


class Register:
    """The stage. ``settings`` are its times and bounds."""

    name = "register"
    inbox = topics.inbox("register")

    def __init__(self, settings: RegisterSettings | None = None) -> None:
        self._settings = settings or RegisterSettings()

    dump = staticmethod(codec.pack)
    load = staticmethod(codec.decoder(RegisterState))

    def handle(self, state: RegisterState | None, record: Record, now: Tick) -> Step | None:
        """Apply one event; None where it changes nothing (a report about a version that is gone)."""
        event = codec.register_event(record.value)
        turn = Turn(state or _NOTHING, record.key.decode(), now.at, self._settings, record.offset + 1)
        if isinstance(event, Received):
            _received(turn, event)
        elif isinstance(event, ReceiptArrived):
            _receipt(turn, event)
        elif isinstance(event, MatchReport):
            if event.revision != turn.old.version:
                return None
            _match_report(turn, event)
        elif isinstance(event, AssessmentReport):
            if event.revision != turn.old.version:
                return None
            turn.changes["assessed_at"] = event.at
            turn.changes["merchant"] = event.merchant
            authorities.replaced(turn, event.reported)
            if event.guarantor:
                guarantee.assessed(turn, event)
            turn.note("hub", "assessed", at=event.at)
        elif isinstance(event, HandedOver):
            if not _handed_over(turn, event):
                return None
        elif isinstance(event, TaxBillArrived):
            if not _tax_bill(turn, event):
                return None
        elif not _OTHERS[type(event)](turn, event):
            return None
        return turn.finish()

    def fire(self, state: RegisterState, key: bytes, now: Tick) -> Step:
        """Time is up: customs is overdue, a receipt fits nothing, or the key may be forgotten."""
        if state.forget_at <= now.at:
            return Step(None, 0, guarantee.forgotten(state, key.decode(), now.at))
        turn = Turn(state, key.decode(), now.at, self._settings)
        deadline = follow.next_deadline(state.more)
        if deadline and deadline <= now.at:
            follow.overdue(turn)
        if not state.overdue_at or state.overdue_at > now.at:
            return turn.finish()
        turn.changes["overdue_at"] = 0
        if not state.version:
            turn.note("hub", "fits nothing")
            turn.alert(
                "unmatched-receipt",
                "A receipt speaks of a document that is not here.",
                "收到的回执无对应单证。",
                {"receipts": str(len(state.parked))},
            )
        else:
            turn.note("hub", "overdue")
            turn.alert(
                "overdue",
                "Customs has not answered in the time set after the hand-over.",
                "移交后海关未在规定时间内回执。",
                {"submission": state.submission},
            )
        return turn.finish()

    def snapshot(self, key: bytes, state: RegisterState, applied: int) -> Output | None:  # noqa: ARG002 - the protocol's signature
        """The document's status after the last of its events in a batch; none while only others have spoken of it."""
        if not state.version and not state.parked:
            return None
        text = key.decode()
        at = state.timeline[-1][0] if state.timeline else state.received_at
        made = headers("hub.status.changed.v1", f"{text}@{state.revision}", text, at)
        return Output(topics.STATUSES, key, codec.to_json(status_of(state, text)), made)


def status_of(state: RegisterState, key: str) -> Status:
    """What ``statuses`` says of a state."""
    kind = key.partition("/")[0]
    differences = guarantee.differences(state)
    shown = lifecycle.state_of(
        code=state.code,
        draft=state.draft,
        withdrawn=state.withdrawn,
        match=state.match,
        assessed=state.assessed_at > 0,
        outcome=state.handed_over.get("customs", ""),
        faults=bool(state.faults or differences),
        known=state.version > 0,
    )
    return Status(
        key=key,
        kind=kind,
        revision=state.revision,
        submission=state.submission,
        index=state.index,
        principal=state.principal,
        sender=state.sender,
        received_at=state.received_at,
        state=shown,
        code=state.code,
        since=state.since,
        text=state.text,
        turn="" if _cancelled(state) else lifecycle.turn_of(kind, shown, state.code, state.awaited),
        order=state.order,
        numbers=state.numbers,
        faults=state.faults,
        match=state.match,
        awaited=state.awaited,
        due=state.match_due,
        counterparts=_counterparts(state),
        differences=differences,
        assessed_at=state.assessed_at,
        handed_over=state.handed_over,
        attempt=state.attempt,
        customs_office=state.office,
        timeline=tuple([TimelineEntry(*entry) for entry in state.timeline]),
        version=state.version,
        cut=state.cut,
        versions=state.versions,
        message=state.message,
        facts=state.more.facts if state.more is not None else {},
        goods=state.more.goods if state.more is not None else None,
        merchant=state.merchant,
        notes=state.match_notes,
    )


def _cancelled(state: RegisterState) -> bool:
    return state.more is not None and state.more.facts.get(CANCELLATION) == follow.ACCEPTED


def _counterparts(state: RegisterState) -> dict[str, str]:
    """What match has bound, and the newest application of each kind."""
    if state.more is None:
        return state.counterparts
    applied = {key.partition("/")[0]: key for key in state.more.applications}
    return {**applied, **state.counterparts}


# ---- documents ----------------------------------------------------------------------------------------------------

#: Verdicts under which the document becomes the current version.
_NEW, _VERSION, _ATTEMPT, _DELETE = "new", "version", "attempt", "delete"
#: Verdicts under which it does not, and the fault it is told.
_EXISTS, _CONFLICT, _SAME_MESSAGE, _CLOSED = "exists", "conflict", "same_message", "closed"
_OTHER_SIDE, _OTHER_SENDER = "other_side", "other_sender"
#: Messages whose key need not hold a code of the sender's own: only who handed one in may change it.
_OF_ITS_SENDER = frozenset([mt.type for mt in message_types().values() if not {*mt.own_codes} <= {*mt.key}])


def _verdict(old: RegisterState, event: Received) -> str:
    document = event.document
    if not old.version:
        return _DELETE if document.app_type == "3" else _NEW
    if follow.SIDE_OF[event.message] != follow.SIDE_OF.get(old.message, follow.SIDE_OF[event.message]):
        return _OTHER_SIDE
    if event.principal != old.principal and event.message in _OF_ITS_SENDER:
        return _OTHER_SENDER
    if event.submission == old.submission and document.index != old.index:
        return _SAME_MESSAGE
    if document.content == old.content:
        return REPEATED
    if document.app_time < old.app_time:
        return STALE
    if document.app_time == old.app_time and not (old.draft and document.app_status != "1"):
        return _CONFLICT
    code = lifecycle.meaning_of(old.code) if old.code else None
    if code is not None and code.ends and document.app_type in ("2", "3"):
        return _CLOSED
    if document.app_type == "3":
        return _DELETE
    rejected = (code is not None and code.rejects) or old.handed_over.get("customs") == "refused"
    if rejected or old.withdrawn:
        return _ATTEMPT
    return _VERSION if old.draft or document.app_type == "2" else _EXISTS


def _received(turn: Turn, event: Received) -> None:
    old = turn.old
    verdict = _verdict(old, event)
    if verdict in (_NEW, _VERSION, _ATTEMPT, _DELETE):
        _take(turn, event, verdict)
        for parked in old.parked:
            said = _parked(parked)
            if isinstance(said, ReceiptArrived):
                _receipt(turn, said)
            else:
                follow.tax_bill(turn, said)
    else:
        _refuse_version(turn, event, verdict)


def _refuse_version(turn: Turn, event: Received, verdict: str) -> None:
    """The document is kept and shown, but the current version stays."""
    document, where = event.document, f"{event.submission}#{event.document.index}"
    if verdict == REPEATED:
        state, faults = REPEATED, document.faults
    elif verdict == STALE:
        state, faults = STALE, (*document.faults, _fault(event.message, "stale", document))
    else:
        state, faults = FLAGGED, (*document.faults, _fault(event.message, verdict, document, status=turn.old.code))
    what = verdict if verdict in (REPEATED, STALE) else f"duplicate.{verdict}"
    turn.note("hub", what, where, event.received_at)
    _remember(turn, OtherVersion(event.submission, document.index, state, event.received_at, faults))
    if turn.kind == WAYBILL and document.order[1] not in ("", turn.old.order[1]):
        # A number that carries another parcel already (rule R18).
        sighting = Sighting(f"{document.order[1]}@{event.submission}", event.received_at, document.order[1])
        turn.tell(_WATCH, f"{REUSED}:{turn.key.partition('/')[2]}", Seen(sighting, "", "", ""))


def _fault(
    message: str, name: str, document: SubmittedDocument, **values: Any
) -> Fault:  # Any: str, what the sentence names
    ceb = CEB_CODES.get((message, {"nothing_to_change": "nothing"}.get(name, name)), "")
    said = fault(f"duplicate.{name}", path="appTime" if name in (STALE, _CONFLICT) else "appType", **values)
    return msgspec.structs.replace(said, ceb_code=ceb, document=document.index)


def _remember(turn: Turn, version: OtherVersion) -> None:
    turn.changes["versions"] = (*turn.get("versions"), version)[-turn.settings.versions :]


def _take(turn: Turn, event: Received, verdict: str) -> None:
    """The document becomes the current version of its key."""
    old, document = turn.old, event.document
    revision = turn.revision
    faults = document.faults
    if (not old.version or verdict == _ATTEMPT) and document.app_type in ("2", "3"):
        # What customs rejected it does not have: there is nothing to change there.
        faults = (*faults, _fault(event.message, "nothing_to_change", document, app_type=document.app_type))
    if old.version:
        _remember(turn, OtherVersion(old.submission, old.index, SUPERSEDED, event.received_at, old.faults))
        turn.note("hub", SUPERSEDED, f"{old.submission}#{old.index}", event.received_at)
    withdrawn, draft = verdict == _DELETE, document.app_status == "1"
    joined = not withdrawn and not draft and turn.kind in MATCHED_KINDS and bool(document.order[1])
    turn.changes.update(
        version=revision,
        submission=event.submission,
        index=document.index,
        principal=event.principal,
        sender=event.sender,
        subscribers=event.subscribers,
        received_at=event.received_at,
        guid=document.guid,
        app_time=document.app_time,
        content=document.content,
        order=document.order,
        buyer=document.buyer,
        value=document.value,
        draft=draft,
        withdrawn=withdrawn,
        joined=joined,
        faults=faults,
        match="",
        awaited=(),
        match_due=0,
        counterparts={},
        differences=(),
        match_notes=(),
        assessed_at=0,
        handed_over={},
        overdue_at=0,
        forget_at=event.received_at + turn.settings.keep,
        parked=(),
        message=event.message,
        goods=document.goods,
    )
    if verdict == _ATTEMPT:
        turn.changes.update(attempt=old.attempt + 1, code="", text="", since=0)
        if old.more is not None:
            turn.changes["more"] = follow.More(notes=old.more.notes, named=old.more.named)
        if old.guaranteed is not None:
            turn.changes["guaranteed"] = guarantee.Guaranteed(told=old.guaranteed.told)
    turn.note("hub", "draft" if draft else "withdrawn" if withdrawn else "received", _where(event), event.received_at)
    if faults:
        turn.note("hub", "flagged", ", ".join(dict.fromkeys(f.code for f in faults)), event.received_at)
    _join(turn, event, revision)
    if turn.kind not in _KEY_IS_ENOUGH and document.guid and document.guid != old.guid:
        turn.tell(_RESOLVE, f"guid:{document.guid}", Link((turn.key,), turn.now))
    if turn.kind not in _ONLY_MATCHED or event.message not in _IMPORT_MATCHED or old.more is not None:
        follow.taken(turn, event, effective=not withdrawn and not draft)


#: Receipts of these always name their key.
_KEY_IS_ENOUGH = frozenset({ORDER, PAYMENT, WAYBILL, COLLECTION})
_ONLY_MATCHED = frozenset(MATCHED_KINDS)
#: The four that come by the million concern nobody but match.
_IMPORT_MATCHED = frozenset({"CEB311", "CEB411", "CEB511", "CEB621"})


def _where(event: Received) -> str:
    return f"{event.submission}#{event.document.index}"


def _join(turn: Turn, event: Received, revision: int) -> None:
    old, document = turn.old, event.document
    joined = turn.changes["joined"]
    kept = follow.more(turn)
    named = kept.named if turn.kind == WAYBILL else ()
    if old.joined and (not joined or old.order[1] != document.order[1]):
        reason = "moved" if joined else "withdrawn"
        for order in dict.fromkeys([old.order[1], *[n.order[1] for n in named]]):
            turn.tell(_MATCH, order, Leaving(turn.kind, turn.key, old.version, reason, turn.now))
    if not joined:
        if named and not turn.changes["withdrawn"] and not turn.changes["draft"]:
            turn.changes["more"] = msgspec.structs.replace(kept, view=document.view)
            for one in named:
                follow.join_named(turn, one)
                follow.forward(turn, one.declaration)
        return
    turn.tell(
        _MATCH,
        document.order[1],
        Joining(
            kind=turn.kind,
            key=turn.key,
            revision=revision,
            order=document.order,
            view=document.view,
            at=event.received_at,
            principal=event.principal,
            buyer=document.buyer,
            value=document.value,
            attempt=turn.get("attempt"),
            submission=event.submission,
            sender=event.sender,
            side=follow.SIDE_OF[event.message],
        ),
    )


#: Receipt → the message it answers; empty: any.
_ANSWERED = {mt.type: mt.receipt_of for mt in message_types().values()}
_RECEIPT_SIDE = {mt.type: mt.side for mt in message_types().values()}


# ---- authorities' receipts ----------------------------------------------------------------------------------------


def _park(turn: Turn, event: ReceiptArrived | TaxBillArrived, code: str) -> None:
    old = turn.old
    turn.changes["parked"] = (*old.parked, codec.pack(event))[-turn.settings.receipts :]
    turn.changes["overdue_at"] = old.overdue_at or turn.now + turn.settings.park
    turn.changes["forget_at"] = turn.now + turn.settings.keep
    turn.note(event.authority, "receipt before its document", code, event.received_at)


def _tax_bill(turn: Turn, event: TaxBillArrived) -> bool:
    if turn.old.version:
        return follow.tax_bill(turn, event)
    _park(turn, event, event.status)
    return True


def _receipt(turn: Turn, event: ReceiptArrived) -> None:
    if not turn.get("version"):
        _park(turn, event, event.code)
        return
    if event.authority in TELLERS:
        words.said(turn, event)
        return
    seen = f"{event.time}:{event.code}"
    receipts = turn.get("receipts")
    if seen in receipts:
        turn.note(event.authority, "receipt repeated", event.code, event.received_at)
        return
    if _of_another_message(turn, event):
        return
    turn.changes["receipts"] = (*receipts, seen)[-turn.settings.receipts :]
    turn.changes["overdue_at"] = 0
    _answer(turn, event)
    _numbers(turn, event)
    if lifecycle.is_note(_RECEIPT_SIDE[event.message], event.code):
        turn.note(event.authority, "note", f"{event.code} {event.info}", event.received_at)
        return
    time = possible_time(event.time, event.received_at)
    # A new attempt has no code yet, but what customs said up to then was about the attempt before.
    current = lifecycle.rank(turn.get("code")) if turn.get("code") or not turn.get("time") else lifecycle.LAST
    if (time, lifecycle.rank(event.code)) <= (turn.get("time"), current):
        turn.note(event.authority, "older receipt", f"{event.code} {event.info}", event.received_at)
        return
    turn.note(event.authority, event.code, event.info, event.received_at)
    turn.changes.update(code=event.code, time=time, text=event.info, since=receipt_ms(time))
    _after_code(turn, event.code)


def _of_another_message(turn: Turn, event: ReceiptArrived) -> bool:
    """Whether it answers another message than this document came in: kept and alarmed, no transition."""
    answers = _ANSWERED[event.message]
    if not answers or answers == turn.get("message"):
        return False
    turn.note(event.authority, "receipt of another message", f"{event.message} {event.code}", event.received_at)
    turn.alert(
        "unmatched-receipt",
        "A receipt answers another message than the document came in.",
        "回执与单证的报文类型不符。",
        {"receipt": event.message, "message": turn.get("message")},
    )
    return True


def _after_code(turn: Turn, code: str) -> None:
    """What customs' word means for the match: rejected documents leave it, what customs stored has its company there."""
    if turn.kind not in _KEY_IS_ENOUGH:
        follow.answered(turn, code)
    version = turn.get("version")
    if not turn.get("joined"):
        return
    order = turn.get("order")[1]
    meaning = lifecycle.meaning_of(code)
    if meaning.rejects and code != "4":
        turn.changes["joined"] = False
        named = follow.more(turn).named if turn.kind == WAYBILL else ()
        for number in dict.fromkeys([order, *[n.order[1] for n in named]]):
            turn.tell(_MATCH, number, Leaving(turn.kind, turn.key, version, "rejected", turn.now))
    elif (
        turn.kind == DECLARATION
        and code.isdigit()
        and int(code) >= 120  # 120 and what can only come after it
        and turn.get("elsewhere") != version
        and turn.get("match") != MATCHED
    ):
        turn.changes["elsewhere"] = version
        turn.tell(_MATCH, order, Elsewhere(turn.key, version, turn.now))


def _numbers(turn: Turn, event: ReceiptArrived) -> None:
    known = turn.get("numbers")
    new = {
        name: number
        for name in ("preNo", "invtNo", "sumNo", "rkdNo")
        if (number := event.numbers.get(name)) and known.get(name) != number
    }
    if office := event.numbers.get("customsCode"):
        turn.changes["office"] = office
    if not new:
        return
    turn.changes["numbers"] = {**known, **new}
    for name, number in new.items():
        if name == "invtNo" and turn.kind != DECLARATION:
            continue  # what is about a declaration names it; the number leads to the declaration alone
        turn.tell(_RESOLVE, f"{name}:{number}", Link((turn.key,), turn.now))


def _answer(turn: Turn, event: ReceiptArrived) -> None:
    follow.told(
        turn, f"{turn.key}:{event.time}:{event.code}", event.received_at, event.authority, event.message,
        code=event.code, time=event.time, info=event.info, numbers=event.numbers, receipt=_said(event.head),
    )  # fmt: skip


# ---- reports of the other stages ----------------------------------------------------------------------------------


def _match_report(turn: Turn, event: MatchReport) -> None:
    if event.order and event.state != MATCHED and turn.old.match == MATCHED and not follow.is_bound_by(turn, event.order):
        # Several orders speak of a waybill that several declarations name: it is matched with one of them.
        return
    turn.changes.update(
        match=event.state,
        awaited=event.awaited,
        match_due=event.due,
        counterparts=event.counterparts,
        differences=event.differences,
        match_notes=event.notes,
    )
    if event.state == WAITING:
        turn.note("hub", "still waiting" if event.warning else WAITING, ", ".join(event.awaited), event.at)
    elif event.state == EXPIRED:
        turn.note("hub", EXPIRED, ", ".join(event.awaited), event.at)
        turn.alert(
            EXPIRED,
            "Other documents of the order did not come in time.",
            "同一订单的其他单证未按时到达。",
            {"awaited": ", ".join(event.awaited), "kind": turn.kind},
        )
    else:
        codes = ", ".join(dict.fromkeys(f.code for f in event.differences))
        turn.note("hub", event.state, codes, event.at)
        declaration = event.counterparts.get(DECLARATION, "")
        if turn.old.more is not None and declaration and declaration != turn.old.counterparts.get(DECLARATION):
            follow.forward(turn, declaration)


def _handed_over(turn: Turn, event: HandedOver) -> bool:
    """Whether the report is about something here; of an older version's submission only the timeline speaks."""
    if not turn.old.version:
        return False
    what = lifecycle.HANDED_OVER if event.outcome == "delivered" else f"hand-over {event.outcome}"
    turn.note("hub", what, f"{event.recipient} {event.note}".strip(), event.at)
    if event.submission != turn.old.submission:
        return True
    if turn.old.handed_over.get(event.recipient) == "delivered":
        return True  # what has arrived once is there, whatever becomes of a repetition
    turn.changes["handed_over"] = {**turn.old.handed_over, event.recipient: event.outcome}
    if event.recipient == "customs" and event.outcome == "delivered" and not turn.old.code and not turn.old.draft:
        turn.changes["overdue_at"] = turn.now + turn.settings.overdue
    return True

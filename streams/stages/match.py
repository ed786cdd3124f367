"""Match: brings order, payment, waybill and declaration of one order number together, in whatever order they come.

The state of an order number holds every document that names it, of all platforms; an import waybill names none, so it
is bound by carrier and number as the declaration names them. A declaration is complete when order, payment and waybill
are here, or have reached customs directly (*elsewhere*: customs stored the declaration without them being here).
Each set of versions is put together once: what is complete goes to assess, once for each (declaration's revision,
revisions behind it); what changes later is matched anew, and no document is told the same thing twice.

Of a document it sees the view (``hub.domain.views``): amounts, codes and keyed digests, nothing that names a person. The
views are kept until ``keep`` after the last change, so that a changed version finds what
it belongs to; then the order number is forgotten.

What waits is silent for the time of ``grace`` (most documents find each other within seconds, and four reports a
declaration are cheaper than ten), then *waiting*, warned after ``warn`` (``match.expiring``: until when), expired after
``expire``; it is matched even then, should the others come before it is forgotten.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any
from zlib import crc32

import msgspec

from hub import codec, topics
from hub.domain.events import Elsewhere, Inquiry, Joining, Lead, Leaving, Matched, MatchReport, Tick
from hub.domain.faults import Fault, fault
from hub.domain.keys import china_stamp
from hub.domain.kinds import COLLECTION, DECLARATION, EXPORT, IMPORT, ORDER, PAYMENT, WAYBILL
from hub.domain.lifecycle import EXPIRED, MATCHED, WAITING
from hub.domain.matching import MatchSettings, concerning, differences, export_differences, notes, same_order
from hub.domain.views import CollectionView, DeclarationView, OrderView, PaymentView, WaybillView
from streams.api import Output, Record, Step

_REGISTER, _ASSESS, _RESOLVE = topics.inbox("register"), topics.inbox("assess"), topics.inbox("resolve")
#: Side → what has to be behind a declaration; a collection may be, behind an export declaration (design §2, modes).
_BEHIND = {IMPORT: (ORDER, PAYMENT, WAYBILL), EXPORT: (ORDER, WAYBILL)}
#: What a foreign platform writes for its code.
_NO_PLATFORM = "无"
HERE, ELSEWHERE, MISSING = "here", "elsewhere", "missing"

#: How far a document has been told that it waits.
_SILENT, _TOLD, _WARNED, _EXPIRED, _DONE = range(5)


class Document(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A document in the state; ``since`` is the tick it came under, ``told`` the last report in short."""

    kind: str
    key: str
    revision: int
    platform: str
    merchant: str
    number: str  # carrier:number of a waybill and of the one a declaration names; the transaction of order and payment
    view: msgspec.Raw
    since: int
    received_at: int
    principal: str
    buyer: str
    value: int
    attempt: int
    submission: str
    sender: str
    patience: int = _SILENT
    told: int = 0
    #: of a declaration: the set of versions assess got last, and from when on (ms) what is missing counts as elsewhere
    sent: str = ""
    elsewhere: int = 0
    side: str = IMPORT
    #: of a declaration: how many sets assess got
    sets: int = 0

    def is_elsewhere(self, at: int) -> bool:
        """Whether what is missing has reached customs directly, as far as can be said at ``at``."""
        return 0 < self.elsewhere <= at

    def will_be_elsewhere(self) -> bool:
        """Whether the time is still to come."""
        return self.elsewhere > 0 and self.patience != _DONE


class MatchState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Every document of one order number, oldest first."""

    documents: tuple[Document, ...] = ()


_NOTHING = MatchState()


class Group(msgspec.Struct):
    """A declaration with what is behind it."""

    declaration: Document
    order: Document | None
    payment: Document | None
    waybill: Document | None
    collection: Document | None = None
    #: the same order, handed in for another platform too
    twin: Document | None = None
    #: another declaration of the same order or waybill
    again: Document | None = None

    def behind(self) -> tuple[tuple[str, Document | None], ...]:
        """(kind, document) of what there has to be, in the order of kinds, and of what there may be where it is."""
        if self.declaration.side == IMPORT:
            return ((ORDER, self.order), (PAYMENT, self.payment), (WAYBILL, self.waybill))
        needed = ((ORDER, self.order), (WAYBILL, self.waybill))
        return needed if self.collection is None else (*needed, (COLLECTION, self.collection))

    def missing(self) -> tuple[str, ...]:
        """The kinds that are not here."""
        return tuple([kind for kind, document in self.behind() if document is None])

    def fingerprint(self, states: dict[str, str]) -> str:
        """Which versions are together; the same set is the same assessment."""
        parts = [f"{d.key}@{d.revision}" if d is not None else states[kind] for kind, d in self.behind()]
        if self.twin is not None:
            parts.append(f"{self.twin.key}@{self.twin.revision}")
        if self.again is not None:
            parts.append(self.again.key)
        return f"{crc32('|'.join(parts).encode()):08x}"


def bind(declaration: Document, documents: tuple[Document, ...]) -> Group:
    """The order, payment and waybill that belong to a declaration; in whatever order they came, the same ones.

    The merchant's own order counts; another merchant's on the same platform is a difference, not a stranger.
    """
    if declaration.side == EXPORT:
        return _bind_export(declaration, documents)
    waybill = again = None
    orders: list[Document] = []
    payments: list[Document] = []
    others: list[Document] = []
    for document in documents:
        kind = document.kind
        if document.side == EXPORT:
            continue
        if kind == DECLARATION:
            if document.key != declaration.key and _once(declaration, document) and (again is None or document.key < again.key):
                again = document
            continue
        if kind == WAYBILL:
            if document.number == declaration.number:
                waybill = document
        elif kind == ORDER:
            (orders if document.platform == declaration.platform else others).append(document)
        elif document.platform == declaration.platform:
            payments.append(document)
    order = _best(orders, lambda one: one.merchant == declaration.merchant)
    named = order.number if order is not None else ""
    payment = _best(payments, lambda one: bool(named) and one.number == named)
    return Group(declaration, order, payment, waybill, twin=_twin(order, payment, others), again=again)


def _once(one: Document, other: Document) -> bool:
    """Whether two declarations of one order number speak of one order or waybill, of which there is but one declaration."""
    if (one.platform, one.merchant) == (other.platform, other.merchant):
        return True
    return one.number == other.number and not one.number.endswith(":")


def _best(documents: list[Document], fits: Callable[[Document], bool]) -> Document | None:
    """The one that fits; of several the newest by its own time, not by when it came."""
    if len(documents) < 2:
        return documents[0] if documents else None
    return max(documents, key=lambda one: (fits(one), _VIEWS[one.kind](one.view).time, one.key))


def _twin(order: Document | None, payment: Document | None, others: Iterable[Document]) -> Document | None:
    """Of the orders of this number on other platforms the one that is the same: paid by the same payment, or, where one of them
    names none, the same buyer's for the same goods of the same merchant.
    """
    found = None
    for other in others:
        if other.number and any(mine is not None and mine.number == other.number for mine in (order, payment)):
            same = True
        elif order is None or order.merchant != other.merchant or (order.number and other.number):
            same = False
        else:
            same = same_order(_order(order.view), _order(other.view))
        if same and (found is None or other.key < found.key):
            found = other
    return found


def _twin_of(order: Document, everything: tuple[Document, ...]) -> Document | None:
    """The same for an order that waits for its declaration."""
    others = [one for one in everything if (one.kind, one.side) == (ORDER, IMPORT) and one.platform != order.platform]
    return _twin(order, None, others) if others and order.side == IMPORT else None


def _bind_export(declaration: Document, documents: tuple[Document, ...]) -> Group:
    """By merchant: a foreign platform has no code of its own. Another merchant's order on the same platform differs."""
    group = Group(declaration, None, None, None)
    nearest = 0
    for document in documents:
        if document.side != EXPORT:
            continue
        mine = document.merchant == declaration.merchant
        here = document.platform == declaration.platform
        if document.kind == WAYBILL and document.number == declaration.number:
            group.waybill = document
        elif document.kind == COLLECTION and mine:
            group.collection = document
        elif document.kind == ORDER:
            near = 2 * mine + (here and (mine or declaration.platform != _NO_PLATFORM))
            if near and near >= nearest:
                group.order, nearest = document, near
    return group


class _Found(msgspec.Struct, frozen=True):
    """What the documents of a group say against each other, and what is worth knowing and no difference."""

    differences: tuple[Fault, ...] = ()
    notes: tuple[Fault, ...] = ()


class _Pass:
    """One event or tick being applied to one order number."""

    __slots__ = ("at", "documents", "order", "outputs", "said_at", "settings")

    def __init__(self, order: bytes, documents: tuple[Document, ...], at: int, settings: MatchSettings) -> None:
        self.documents = {document.key: document for document in documents}
        self.order, self.at, self.settings = order, at, settings
        self.said_at = at
        self.outputs: list[Output] = []

    def change(self, key: str, **fields: Any) -> None:  # Any: fields of Document
        self.documents[key] = msgspec.structs.replace(self.documents[key], **fields)

    def tell(self, document: Document, report: MatchReport) -> None:
        if document.kind == WAYBILL and document.side == EXPORT:
            report = msgspec.structs.replace(report, order=self.order.decode())
        self.outputs.append(Output(_REGISTER, document.key.encode(), codec.pack(report)))

    def settle(self) -> None:
        """Look at every declaration with what is behind it, then tell whoever's standing has changed."""
        everything = tuple(self.documents.values())
        # The clock is the last tick's: nothing is said before what it speaks of has come.
        self.said_at = max([self.at, *[document.received_at for document in everything]])
        used: dict[str, tuple[Group, _Found]] = {}
        partial: dict[str, Group] = {}
        declarations = [document for document in everything if document.kind == DECLARATION]
        if len(declarations) > 1:  # whichever of them came last, what is behind several is told of the same one
            declarations.sort(key=lambda declaration: declaration.key)
        for document in declarations:
            group = bind(document, everything)
            missing = group.missing()
            elsewhere = document.is_elsewhere(self.at)
            complete = not missing or elsewhere
            expired = document.patience == _EXPIRED
            found = _Found()
            if complete or expired:
                found = self._assess(group, missing, ELSEWHERE if elsewhere else MISSING)
            members = [document, *(d for _, d in group.behind() if d is not None)]
            for member in members:
                if complete:
                    mine = found if member is document else _Found(concerning(member.kind, found.differences))
                    used[member.key] = (group, mine)
                else:
                    partial.setdefault(member.key, group)
        for document in everything:
            if document.key in used:
                self._matched(document, *used[document.key])
            else:
                self._waiting(document, partial.get(document.key), everything)

    def _assess(self, group: Group, missing: tuple[str, ...], absent: str) -> _Found:
        """Send what is together to assess unless it was sent; what was found."""
        declaration = group.declaration
        states = {kind: absent if kind in missing else HERE for kind, _ in group.behind()}
        declared = _declaration(declaration.view)
        order = _order(group.order.view) if group.order else None
        payment = _payment(group.payment.view) if group.payment else None
        waybill = _waybill(group.waybill.view) if group.waybill else None
        collection = _collection(group.collection.view) if group.collection else None
        if declaration.side == EXPORT:
            found = _Found(export_differences(declared, order, collection, waybill, self.settings))
        else:
            told = differences(declared, order, payment, waybill, self.settings, twin=group.twin is not None, again=group.again is not None)
            found = _Found(told, notes(declared, order, payment, waybill))
        print_ = group.fingerprint(states)
        if declaration.sent != print_:
            # A set that comes again, for what came between has left, is assessed again: it has a name of its own.
            name = f"{print_}-{declaration.sets}" if declaration.sets else print_
            self.change(declaration.key, sent=print_, sets=declaration.sets + 1)
            matched = Matched(
                declaration_key=declaration.key,
                revision=declaration.revision,
                attempt=declaration.attempt,
                received_at=declaration.received_at,
                principal=declaration.principal,
                buyer=declaration.buyer,
                value=declaration.value,
                declaration=declared,
                order=order,
                payment=payment,
                waybill=waybill,
                collection=collection,
                states=states,
                differences=found.differences,
                match=name,
                submission=declaration.submission,
                sender=declaration.sender,
                at=self.said_at,
            )
            key = declaration.buyer or declaration.key
            self.outputs.append(Output(_ASSESS, key.encode(), codec.pack(matched)))
        return found

    def _matched(self, document: Document, group: Group, found: _Found) -> None:
        counterparts = {DECLARATION: group.declaration.key} if document.kind != DECLARATION else {}
        counterparts |= {kind: d.key for kind, d in group.behind() if d is not None and d.key != document.key}
        report = MatchReport(
            document.revision, MATCHED, self.said_at, (), 0, counterparts, found.differences, notes=found.notes
        )
        self._report(document, report, _DONE)

    def _waiting(self, document: Document, group: Group | None, everything: tuple[Document, ...]) -> None:
        if document.patience == _DONE:
            # What was behind it has left: it waits again, from now on, and is told at once.
            self.change(document.key, patience=_TOLD, since=self.at)
            document = self.documents[document.key]
        if document.patience == _SILENT:
            return
        awaited = group.missing() if group is not None else _alone(document, everything)
        counterparts = {} if group is None else {k: d.key for k, d in group.behind() if d and d.key != document.key}
        expired, warned = document.patience == _EXPIRED, document.patience == _WARNED
        due = 0 if expired else document.since + self.settings.steps(document.kind)[_WARNED][1]
        said: list[Fault] = []
        if warned:
            said.append(fault("match.expiring", until=_china_time(due)))
        mine = group if document.kind == DECLARATION else None
        if (mine is not None and mine.twin) or (document.kind == ORDER and _twin_of(document, everything)):
            said.append(fault("match.second_platform", path="ebpCode"))
        report = MatchReport(
            document.revision,
            EXPIRED if expired else WAITING,
            self.said_at,
            awaited=awaited,
            due=due,
            counterparts=counterparts,
            warning=warned,
            notes=tuple(said),
        )
        self._report(document, report, document.patience)

    def _report(self, document: Document, report: MatchReport, patience: int) -> None:
        """Tell register, unless it would be the same word again (the time of saying it aside)."""
        told = crc32(_words(report).encode())
        now = self.documents[document.key]
        if now.told != told:
            self.change(document.key, told=told, patience=patience)
            self.tell(document, report)
        elif now.patience != patience:
            self.change(document.key, patience=patience)

    def lose_patience(self) -> None:
        """Move on whoever has waited long enough for the next word.

        Nothing expires unwarned: after a standstill in which both words became due, the warning comes now and what is left of
        the wait after it.
        """
        settings = self.settings
        for document in list(self.documents.values()):
            patience, since, steps = document.patience, document.since, settings.steps(document.kind)
            for step, after in steps:
                if patience == step and since + after <= self.at:
                    patience = step + 1
            if patience == _EXPIRED and document.patience < _WARNED:
                patience, since = _WARNED, self.at - steps[_TOLD][1]
            if patience != document.patience:
                self.change(document.key, patience=patience, since=since)

    def due(self) -> int:
        """When to look at this order number again."""
        settings = self.settings
        documents = self.documents.values()
        waiting = [d.since + settings.steps(d.kind)[d.patience][1] for d in documents if d.patience < _EXPIRED]
        waiting += [d.elsewhere for d in documents if d.will_be_elsewhere()]
        if waiting:
            return min(waiting)
        return max((d.since for d in documents), default=0) + settings.keep


def _words(report: MatchReport) -> str:
    """A report in short, without its time."""
    counterparts = "|".join(report.counterparts.values())
    words = f"{report.revision} {report.state} {report.warning} {report.awaited} {counterparts}"
    if report.differences:
        words += "".join([f"|{f.code} {f.path} {f.message}" for f in report.differences])
    if report.notes:
        words += "".join([f"|{f.code} {f.path} {f.message}" for f in report.notes])
    return words


def _china_time(at: int) -> str:
    """A moment (ms since the epoch) as people in China say it, to the minute."""
    text = china_stamp(at)
    return f"{text[:4]}-{text[4:6]}-{text[6:8]} {text[8:10]}:{text[10:12]}"


def _alone(document: Document, everything: tuple[Document, ...]) -> tuple[str, ...]:
    """What a document that no declaration has claimed still waits for: the declaration, and other kinds not here."""
    export = document.side == EXPORT
    here = {
        other.kind
        for other in everything
        if other.side == document.side
        and (
            WAYBILL in (other.kind, document.kind)
            or (other.merchant == document.merchant if export else other.platform == document.platform)
        )
    }
    here.discard(DECLARATION)
    wanted = (*_BEHIND[document.side], DECLARATION)
    return tuple([kind for kind in wanted if kind not in here and kind != document.kind])


_declaration: Callable[[Any], DeclarationView] = codec.decoder(DeclarationView)
_order: Callable[[Any], OrderView] = codec.decoder(OrderView)
_payment: Callable[[Any], PaymentView] = codec.decoder(PaymentView)
_collection: Callable[[Any], CollectionView] = codec.decoder(CollectionView)
_waybill: Callable[[Any], WaybillView] = codec.decoder(WaybillView)


_VIEWS: dict[str, Callable[[Any], Any]] = {  # Any: the view of that kind
    ORDER: _order,
    PAYMENT: _payment,
    COLLECTION: _collection,
    WAYBILL: _waybill,
    DECLARATION: _declaration,
}


class Match:
    """The stage. ``settings`` are its times and bounds."""

    name = "match"
    inbox = topics.inbox("match")

    def __init__(self, settings: MatchSettings | None = None) -> None:
        self._settings = settings or MatchSettings()

    dump = staticmethod(codec.pack)
    load = staticmethod(codec.decoder(MatchState))

    def handle(self, state: MatchState | None, record: Record, now: Tick) -> Step | None:
        """Apply one event; None where it changes nothing."""
        event = codec.match_event(record.value)
        old = state or _NOTHING
        work = _Pass(record.key, old.documents, now.at, self._settings)
        if isinstance(event, Inquiry):
            return Step(state, work.due() if state else 0, _inquired(old, event))
        if isinstance(event, Joining):
            self._join(work, event)
        elif event.key not in work.documents or work.documents[event.key].revision > event.revision:
            return None
        elif isinstance(event, Leaving):
            del work.documents[event.key]
        else:
            _elsewhere(work, event)
        work.settle()
        return _step(work)

    def fire(self, state: MatchState, key: bytes, now: Tick) -> Step:
        """Time has passed: tell, warn, expire, or forget."""
        work = _Pass(key, state.documents, now.at, self._settings)
        if all(d.patience >= _EXPIRED and not d.will_be_elsewhere() for d in state.documents):
            due = work.due()
            return Step(None, 0, []) if due <= now.at else Step(state, due, [])
        work.lose_patience()
        work.settle()
        step = _step(work)
        # After a long silence the last word and the time of forgetting may fall on the same tick.
        return Step(None, 0, step.outputs) if 0 < step.due <= now.at else step

    def _join(self, work: _Pass, event: Joining) -> None:
        seen = _VIEWS[event.kind](event.view)
        old = work.documents.pop(event.key, None)
        if old is not None and old.revision > event.revision:
            work.documents[event.key] = old
            return
        most = self._settings.most_documents
        while len(work.documents) >= most:
            self._crowd_out(work)
        work.documents[event.key] = Document(
            event.kind,
            event.key,
            event.revision,
            event.order[0] or getattr(seen, "platform", ""),
            getattr(seen, "merchant", ""),
            _number(event.kind, seen),
            event.view,
            work.at or event.at,
            event.at,
            event.principal,
            event.buyer,
            event.value,
            event.attempt,
            event.submission,
            event.sender,
            side=event.side,
        )

    @staticmethod
    def _crowd_out(work: _Pass) -> None:
        """An order number with too many documents: of whoever has handed in the most (and plays with it) the oldest that waits
        expires, so that nobody's documents are driven out by another's.
        """
        count = Counter([document.principal for document in work.documents.values()])
        most = max(count.values())
        everything = [document for document in work.documents.values() if count[document.principal] == most]
        oldest = next((document for document in everything if document.patience != _DONE), everything[0])
        del work.documents[oldest.key]
        if oldest.patience != _DONE:
            work.tell(oldest, MatchReport(oldest.revision, EXPIRED, work.at))


def _inquired(state: MatchState, event: Inquiry) -> list[Output]:
    """The declarations of a merchant under this order number get what speaks of them; without one it goes back."""
    found = [d for d in state.documents if d.kind == DECLARATION and d.merchant == event.merchant]
    if not found:
        return [Output(_RESOLVE, event.number.encode(), codec.pack(Lead(event.event, event.at)))]
    return [Output(_REGISTER, document.key.encode(), bytes(event.event)) for document in found]


def _number(kind: str, view: Any) -> str:  # Any: a view of that kind
    if kind == WAYBILL:
        return f"{view.carrier}:{view.number}"
    if kind == DECLARATION:
        return f"{view.carrier}:{view.waybill}"
    return str(view.transaction)


def _elsewhere(work: _Pass, event: Elsewhere) -> None:
    if work.documents[event.key].kind == DECLARATION:
        # What customs has may be here in a moment too: it was sent to both.
        work.change(event.key, elsewhere=(work.at or event.at) + work.settings.elsewhere)


def _step(work: _Pass) -> Step:
    if not work.documents:
        return Step(None, 0, work.outputs)
    return Step(MatchState(tuple(work.documents.values())), work.due(), work.outputs)

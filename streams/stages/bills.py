"""Bills: puts the parts of documents about a master bill together, and tells the parcels what has happened to them.

Key: carrier and master bill (mail has none: each document is a bill of its own). Warehouse-entry lists (711), consolidation
lists (607), arrivals (507) and departures (509) may be split over several messages (msgCount, msgSeqNo); a document takes
effect when all its parts are here, and then every waybill it lists is told, which tells its declarations. An arrival that
lists nothing is the whole bill's: it is told to the waybills of the bill's consolidation lists, then and later.
A part that customs rejects, or that is deleted, takes its document's effect back.

Parts that wait are told so after ``grace``; they expire, alarmed, after ``expire``, and are put together even then should
the others come before the bill is forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from hub import codec, topics
from hub.domain.events import Assembled, Noted, Part, PartAccepted, PartGone, Tick
from hub.domain.keys import receipt_ms, register_key, waybill_key
from hub.domain.kinds import ARRIVAL, BILL_WORDS, CONSOLIDATION, DEPARTURE, WAREHOUSE_ENTRY, WAYBILL
from hub.domain.lifecycle import EXPIRED, MATCHED, WAITING
from hub.domain.views import BillView
from streams.api import Output, Record, Step

_REGISTER = topics.inbox("register")

_BY = {WAREHOUSE_ENTRY: "site", CONSOLIDATION: "declarant", ARRIVAL: "site", DEPARTURE: "carrier"}

#: How far a part has been told that it waits.
_SILENT, _TOLD, _EXPIRED, _DONE = range(4)


class BillSettings(msgspec.Struct, frozen=True):
    """Times in ms (P): told that parts are missing, expired, forgotten after the last change; parts and parcels of a bill
    kept at most, so that a state stays below what a record may hold.
    """

    grace: int = 5_000
    expire: int = 24 * 3_600_000
    keep: int = 60 * topics.DAY_MS
    parts: int = 1_000
    parcels: int = 30_000


class Kept(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A part in the state; ``since``: the tick it came under; ``accepted``: customs has concluded it."""

    kind: str
    key: str
    revision: int
    view: BillView
    received_at: int
    since: int
    patience: int = _SILENT
    accepted: bool = False


class BillState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The parts of every document about one bill, oldest first."""

    parts: tuple[Kept, ...] = ()


_NOTHING = BillState()
_view: Callable[[Any], BillView] = codec.decoder(BillView)


class Bills:
    """The stage. ``settings`` are its times and bounds."""

    name = "bills"
    inbox = topics.inbox("bills")

    def __init__(self, settings: BillSettings | None = None) -> None:
        self._settings = settings or BillSettings()

    dump = staticmethod(codec.pack)
    load = staticmethod(codec.decoder(BillState))

    def handle(self, state: BillState | None, record: Record, now: Tick) -> Step | None:
        """Apply one event; None where it changes nothing."""
        event = codec.bill_event(record.value)
        work = _Work((state or _NOTHING).parts, now.at, self._settings)
        old = work.parts.get(event.key)
        if isinstance(event, Part):
            if old is not None and old.revision >= event.revision:
                return None
            work.take(event)
        elif old is None or old.revision > event.revision:
            return None
        elif isinstance(event, PartGone):
            work.drop(old, event.reason)
        elif isinstance(event, PartAccepted) and not old.accepted:
            work.accept(old)
        else:
            return None
        return work.finish()

    def fire(self, state: BillState, key: bytes, now: Tick) -> Step:  # noqa: ARG002 - the protocol's signature
        """Time has passed: tell who waits, expire, or forget."""
        work = _Work(state.parts, now.at, self._settings)
        newest = max((part.since for part in state.parts), default=0)
        if newest + self._settings.keep <= now.at:
            return Step(None, 0, [])
        work.lose_patience()
        return work.finish()


class _Work:
    """One event or tick being applied to one bill."""

    def __init__(self, parts: Iterable[Kept], at: int, settings: BillSettings) -> None:
        self.parts = {part.key: part for part in parts}
        self.at, self.settings = at, settings
        self.outputs: list[Output] = []

    def take(self, event: Part) -> None:
        """A part: with it its document may be whole."""
        old = self.parts.pop(event.key, None)
        if old is not None and old.patience == _DONE:
            self._tell(old, self._parcels(old, [old]), undone="replaced")
        kept = Kept(event.kind, event.key, event.revision, _view(event.view), event.at, self.at or event.at)
        self._make_room(len(kept.view.parcels))
        self.parts[event.key] = kept
        document = self._document(kept)
        if self._missing(document):
            return
        for part in document:
            if part.patience != _DONE:
                self._change(part, patience=_DONE)
                self._report(part, MATCHED)
        self._tell(kept, self._parcels(kept, document))
        if kept.kind == CONSOLIDATION:
            self._catch_up(document)

    def _make_room(self, wanted: int) -> None:
        """A bill with too much about it: the oldest parts go; what they have told stays told, what waits expires."""
        settings = self.settings
        held = sum(len(part.view.parcels) for part in self.parts.values())
        while self.parts and (len(self.parts) >= settings.parts or held + wanted > settings.parcels):
            oldest = next(iter(self.parts.values()))
            held -= len(oldest.view.parcels)
            if oldest.patience != _DONE:
                self._report(oldest, EXPIRED)
            del self.parts[oldest.key]

    def _catch_up(self, document: list[Kept]) -> None:
        """Arrivals and departures of the whole bill were here before the list that says what is in it."""
        parcels = [p.number for part in document for p in part.view.parcels]
        told = {(p.kind, p.view.document): p for p in self.parts.values() if p.patience == _DONE and not p.view.parcels}
        for part in told.values():
            if part.kind != CONSOLIDATION:
                self._tell(part, parcels)

    def drop(self, part: Kept, reason: str) -> None:
        """A part counts no more; what its document had told is taken back."""
        document = self._document(part)
        del self.parts[part.key]
        if part.patience != _DONE:
            return
        self._tell(part, self._parcels(part, document), undone=reason)
        for other in document:
            if other.key != part.key:
                self._change(other, patience=_TOLD, since=self.at)
                self._report(self.parts[other.key], WAITING)

    def accept(self, part: Kept) -> None:
        """Customs has concluded a part; with the last of them its document's effect is customs' word too."""
        self._change(part, accepted=True)
        document = self._document(self.parts[part.key])
        if not self._missing(document) and all(p.accepted for p in document):
            self._tell(part, self._parcels(part, document), accepted=True)

    def lose_patience(self) -> None:
        """Tell whoever has waited long enough."""
        settings = self.settings
        for part in list(self.parts.values()):
            if part.patience == _SILENT and part.since + settings.grace <= self.at:
                self._change(part, patience=_TOLD)
                self._report(self.parts[part.key], WAITING)
            if self.parts[part.key].patience == _TOLD and part.since + settings.expire <= self.at:
                self._change(part, patience=_EXPIRED)
                self._report(self.parts[part.key], EXPIRED)

    def finish(self) -> Step:
        """The state, and when to look at it again."""
        if not self.parts:
            return Step(None, 0, self.outputs)
        settings, parts = self.settings, self.parts.values()
        after = {_SILENT: settings.grace, _TOLD: settings.expire}
        dues = [part.since + after[part.patience] for part in parts if part.patience in after]
        dues.append(max(part.since for part in parts) + settings.keep)
        return Step(BillState(tuple(parts)), min(dues), self.outputs)

    # ---- documents

    def _document(self, part: Kept) -> list[Kept]:
        """The parts of the same document that are here."""
        named = (part.kind, part.view.document)
        return [p for p in self.parts.values() if (p.kind, p.view.document) == named]

    @staticmethod
    def _missing(document: list[Kept]) -> tuple[int, ...]:
        count = max(part.view.count for part in document)
        here = {part.view.part for part in document}
        return tuple([number for number in range(1, min(count, _MOST_PARTS) + 1) if number not in here])

    def _parcels(self, part: Kept, document: list[Kept]) -> list[str]:
        """The waybills a document speaks of; one without a list means all of the bill's consolidations."""
        listed = [p.number for one in document for p in one.view.parcels]
        if listed or part.kind == CONSOLIDATION:
            return listed
        lists = [p for p in self.parts.values() if p.kind == CONSOLIDATION and p.patience == _DONE]
        return [p.number for one in lists for p in one.view.parcels]

    # ---- telling

    def _tell(self, part: Kept, parcels: Iterable[str], undone: str = "", accepted: bool = False) -> None:
        view = part.view
        what, fact = BILL_WORDS[part.kind]
        at = receipt_ms(view.time) or part.received_at
        by, value = _BY[part.kind], str(at)
        detail = view.bill or view.document
        if undone:
            what, value, at, by = f"{what}: {undone}", "", self.at, "hub" if undone != "rejected" else "customs"
        elif accepted:
            at = max(self.at, *[p.received_at for p in self._document(part)])
            what, fact, value, by = f"{what}: concluded", f"{fact}Concluded", str(at), "customs"
        note = codec.pack(Noted(what, min(at, max(self.at, part.received_at)), by, detail, fact, value, onward=True))
        for number in dict.fromkeys(parcels):
            key = register_key(WAYBILL, waybill_key(view.carrier, number))
            self.outputs.append(Output(_REGISTER, key.encode(), note))

    def _report(self, part: Kept, state: str) -> None:
        waits = state != MATCHED
        missing = self._missing(self._document(part))[:_MOST_NAMED] if waits else ()
        due = part.since + self.settings.expire if state == WAITING else 0
        report = Assembled(part.revision, state, max(self.at, part.received_at), missing, due)
        self.outputs.append(Output(_REGISTER, part.key.encode(), codec.pack(report)))

    def _change(self, part: Kept, **fields: Any) -> None:  # Any: fields of Kept
        self.parts[part.key] = msgspec.structs.replace(self.parts[part.key], **fields)


#: A count beyond it is a slip, not a split; missing parts named at most.
_MOST_PARTS, _MOST_NAMED = 10_000, 20

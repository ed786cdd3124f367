"""What documents about other documents do: applications, waybill statuses, bill documents, summaries, tax bills.

Called by register, for one document's turn: what it tells others when it is taken or answered, and what it takes from
others. A declaration keeps what was applied for (cancellation, return, tally), its tax bills, its summary and how its
goods moved as facts beside its status; customs' status stays customs'. Quantities are checked against what the
declaration declared and what earlier applications took; faults go back to the application, which was handed over all the
same: customs decides.

Times in law: return within 30 days of release, goods back within 45 (GACC 2020-45); tax paid from day 31 to 45 (GACC
2018-194, Art. 12).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from hub import codec, topics
from hub.domain import lifecycle, summary, views
from hub.domain.events import (
    Answer,
    ApplicationAnswer,
    Applied,
    Assembled,
    Joining,
    Lead,
    Named,
    Noted,
    Part,
    PartAccepted,
    PartGone,
    Received,
    Summarised,
    TaxBillArrived,
)
from hub.domain.faults import Fault, fault
from hub.domain.keys import possible_time, receipt_ms, register_key, waybill_key
from hub.domain.kinds import (
    BILL_KINDS,
    CANCELLATION,
    DECLARATION,
    EXPORT,
    IMPORT,
    RETURN,
    RETURN_TALLY,
    SUMMARY,
    WAYBILL,
    WAYBILL_STATUS,
)
from hub.domain.lifecycle import EXPIRED, MATCHED, WAITING
from hub.domain.money import MOST, amount, text
from schemas.model import message_types
from streams.stages import authorities

if TYPE_CHECKING:
    from streams.stages.register import Turn

_REGISTER, _RESOLVE = topics.inbox("register"), topics.inbox("resolve")
_MATCH, _BILLS = topics.inbox("match"), topics.inbox("bills")
_DAY = topics.DAY_MS

APPLICATIONS = frozenset({CANCELLATION, RETURN, RETURN_TALLY})
APPLIED, ACCEPTED, REFUSED, WITHDRAWN = "applied", "accepted", "refused", "withdrawn"
CONCLUDED = "concluded"
#: Stages in which an application takes of the quantities.
_OPEN = frozenset({APPLIED, ACCEPTED})

SIDE_OF = {mt.type: EXPORT if mt.side == EXPORT else IMPORT for mt in message_types().values()}


class Application(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An application about this declaration: where it stands, when it came, which lines (gnum, gcode, quantity)."""

    stage: str
    received_at: int
    lines: tuple[tuple[str, str, int], ...] = ()
    revision: int = 0


class More(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What only some documents have. ``facts`` are published; ``deadlines`` are (ms, what)."""

    facts: dict[str, str] = {}
    notes: tuple[Noted, ...] = ()
    named: tuple[Named, ...] = ()
    applications: dict[str, Application] = {}
    taxes: dict[str, str] = {}  # taxNo → time of the word that counts
    view: msgspec.Raw = msgspec.Raw(b"\xc0")
    deadlines: tuple[tuple[int, str], ...] = ()
    goods: summary.Goods | None = None
    #: the summary application whose word the facts hold
    summary: str = ""
    owed: dict[str, int] = {}  # taxNo → what the bill asks for
    words: dict[str, str] = {}  # what other authorities said (the fact, and the item of a receipt) → time of the word that counts


NOTHING = More()
#: What is remembered of each kind of thing at most: others' words before the document, declarations that name a waybill,
#: applications about a declaration.
_MOST_NOTES, _MOST_NAMED, _MOST_APPLICATIONS = 16, 8, 64

_application = codec.decoder(views.ApplicationView)
_bill: Callable[[Any], views.BillView] = codec.decoder(views.BillView)
_summary: Callable[[Any], views.SummaryView] = codec.decoder(views.SummaryView)
_status: Callable[[Any], views.StatusView] = codec.decoder(views.StatusView)
_declaration: Callable[[Any], views.DeclarationView] = codec.decoder(views.DeclarationView)


def more(turn: Turn) -> More:
    """What the turn's document has beside the usual, as the turn leaves it."""
    found: More = turn.get("more") or NOTHING
    return found


def _extend(turn: Turn, **fields: Any) -> None:  # Any: fields of More
    turn.changes["more"] = msgspec.structs.replace(more(turn), **fields)


def _fact(turn: Turn, **facts: str) -> None:
    """Set facts; an empty value takes one away."""
    left = {**more(turn).facts, **facts}
    _extend(turn, facts={name: value for name, value in left.items() if value})


# ---- a document is taken ------------------------------------------------------------------------------------------


def taken(turn: Turn, event: Received, *, effective: bool) -> None:
    """Tell others of the version just taken; ``effective``: neither a draft nor a deletion."""
    before = turn.old
    if effective or (before.version and not before.draft and not before.withdrawn):
        _effect(turn, event, effective=effective)
    for note in (before.more or NOTHING).notes:
        noted(turn, note, again=True)


def _effect(turn: Turn, event: Received, *, effective: bool) -> None:
    """What others hear of it; of what was a draft up to now nobody has heard."""
    kind, document = turn.kind, event.document
    if kind in APPLICATIONS:
        _applied_for(turn, event, APPLIED if effective else WITHDRAWN)
    elif kind in BILL_KINDS:
        _part(turn, event, effective=effective)
    elif kind == SUMMARY:
        _summarise(turn, _summary(document.view), APPLIED if effective else WITHDRAWN, event.received_at)
    elif kind == WAYBILL_STATUS:
        _waybill_status(turn, _status(document.view), event, effective=effective)
    elif kind == DECLARATION and SIDE_OF[event.message] == EXPORT:
        _export_declared(turn, event, effective=effective)
    elif kind == WAYBILL and not document.order[1]:
        named_before = more(turn).named
        _extend(turn, view=document.view)
        if effective and not named_before:
            _wait_for_declaration(turn)
    if kind in APPLICATIONS or kind in BILL_KINDS or kind == SUMMARY:
        _extend(turn, view=document.view)


def _wait_for_declaration(turn: Turn) -> None:
    """An export waybill names no order: it waits until a declaration names it."""
    due = turn.now + turn.settings.await_declaration
    turn.changes.update(match=WAITING, awaited=(DECLARATION,), match_due=due)
    _extend(turn, deadlines=((due, _NOT_NAMED),))
    turn.note("hub", WAITING, DECLARATION)


#: The deadline of a waybill that no declaration names.
_NOT_NAMED = "not named"


def _lead(turn: Turn, number: str, event: Any) -> None:  # Any: a RegisterEvent
    """Something for the declaration of that number, which this document alone knows it by."""
    lead = Lead(msgspec.Raw(codec.pack(event)), turn.now, (), turn.key, turn.revision)
    turn.tell(_RESOLVE, f"invtNo:{number}", lead)


def _applied_for(turn: Turn, event: Received, stage: str) -> None:
    before = more(turn).view
    if before != NOTHING.view and turn.old.version:
        was, new = _application(before), _application(event.document.view)
        if was.invt_no != new.invt_no:
            _tell_application(turn, was, WITHDRAWN, event.received_at)
    _tell_application(turn, _application(event.document.view), stage, event.received_at)


def _tell_application(
    turn: Turn, view: views.ApplicationView, stage: str, received_at: int, at: int = 0
) -> None:
    """``at``: when customs said so; what its sender says is said when it came."""
    if view.invt_no:
        turn.changes["numbers"] = {**turn.get("numbers"), "invtNo": view.invt_no}
    lines = tuple([(line.gnum, line.gcode, line.qty) for line in view.lines])
    applied = Applied(
        turn.key, stage, turn.revision, max(at, received_at), received_at, lines, turn.get("principal")
    )
    if view.invt_no:
        _lead(turn, view.invt_no, applied)
    elif view.waybill:
        what = f"{turn.kind} {stage}"
        note = Noted(what, applied.at, "hub", turn.key.partition("/")[2], turn.kind, stage, onward=True)
        turn.tell(_REGISTER, register_key(WAYBILL, waybill_key(view.carrier, view.waybill)), note)


def _part(turn: Turn, event: Received, *, effective: bool) -> None:
    view = _bill(event.document.view)
    before = more(turn).view
    was = _bill(before) if before != NOTHING.view else None
    if was is not None and turn.old.version and (not effective or _bill_key(was) != _bill_key(view)):
        reason = "moved" if effective else WITHDRAWN
        turn.tell(_BILLS, _bill_key(was), PartGone(turn.key, turn.revision, reason, turn.now))
    if view.bill:
        turn.changes["numbers"] = {**turn.get("numbers"), "billNo": view.bill}
    if effective:
        part = Part(turn.kind, turn.key, turn.revision, event.document.view, event.received_at)
        turn.tell(_BILLS, _bill_key(view), part)


def _bill_key(view: views.BillView) -> str:
    # Mail has no master bill: each document is a bill of its own.
    return f"{view.carrier}:{view.bill}" if view.bill else f"{view.carrier}::{view.document}"


def _summarise(turn: Turn, view: views.SummaryView, stage: str, at: int, sum_no: str = "") -> None:
    principal, before = turn.get("principal"), more(turn).view
    if stage == APPLIED and before != NOTHING.view and turn.old.version:
        for number in dict.fromkeys(_summary(before).declarations):
            if number not in view.declarations:
                _lead(turn, number, Summarised(turn.key, WITHDRAWN, at, principal=principal))
    for number in dict.fromkeys(view.declarations):
        _lead(turn, number, Summarised(turn.key, stage, at, sum_no, principal=principal))


def _waybill_status(turn: Turn, view: views.StatusView, event: Received, *, effective: bool) -> None:
    at = receipt_ms(view.time) or event.received_at
    what = "signed for" if view.status == "S" else f"waybill status {view.status}"
    note = Noted(
        what if effective else f"{what} withdrawn", min(at, event.received_at) if effective else event.received_at,
        "carrier", "", "signed", str(at) if effective else "", onward=True,
    )  # fmt: skip
    turn.tell(_REGISTER, register_key(WAYBILL, waybill_key(view.carrier, view.number)), note)


def _export_declared(turn: Turn, event: Received, *, effective: bool) -> None:
    view = _declaration(event.document.view)
    _fact(turn, mode=view.mode, statisticsFlag=view.flag, billNo=view.bill)
    _extend(turn, goods=summary.goods_of(view))
    if effective:
        named = Named(turn.key, event.document.order, event.received_at)
        turn.tell(_REGISTER, register_key(WAYBILL, waybill_key(view.carrier, view.waybill)), named)


# ---- customs has answered -----------------------------------------------------------------------------------------


def answered(turn: Turn, code: str) -> None:
    """Customs' word about this document, told to those it is about."""
    kind = turn.kind
    ends, rejects = lifecycle.ends(kind, code), lifecycle.meaning_of(code).rejects
    if kind == DECLARATION:
        _released(turn, code)
        return
    if not (ends or rejects) or more(turn).view == NOTHING.view:
        return
    if kind in APPLICATIONS:
        view = _application(more(turn).view)
        _tell_application(turn, view, ACCEPTED if ends else REFUSED, turn.get("received_at"), turn.get("since"))
    elif kind in BILL_KINDS:
        key = _bill_key(_bill(more(turn).view))
        version = turn.get("version")
        gone = PartGone(turn.key, version, "rejected", turn.now)
        turn.tell(_BILLS, key, PartAccepted(turn.key, version, turn.now) if ends else gone)
    elif kind == SUMMARY:
        number = turn.get("numbers").get("sumNo", "")
        _summarise(turn, _summary(more(turn).view), ACCEPTED if ends else REFUSED, turn.get("since"), number)


def _released(turn: Turn, code: str) -> None:
    """Import: from the release on days are counted (I11, I12 of the trade rules)."""
    if SIDE_OF.get(turn.get("message")) != IMPORT or code not in ("800", "899") or "released" in more(turn).facts:
        return
    at = turn.get("since")
    days = turn.settings
    by, back = at + days.return_days * _DAY, at + days.back_days * _DAY
    _fact(turn, released=str(at), returnBy=str(by), goodsBackBy=str(back))
    kept = more(turn)
    if turn.get("guaranteed") is not None and not kept.taxes:
        _extend(turn, deadlines=(*kept.deadlines, (at + days.tax_by_days * _DAY, _NO_TAX)))


# ---- others speak of this document --------------------------------------------------------------------------------


def noted(turn: Turn, event: Noted, *, again: bool = False) -> bool:
    """A line and a fact another document brings; False where it is known. Kept for whoever comes later."""
    kept = more(turn)
    if not turn.get("version"):
        if event in kept.notes:
            return False
        _extend(turn, notes=(*kept.notes, event)[-_MOST_NOTES:])
        _remember(turn)
        return True
    if not again and event in kept.notes:
        return False
    if event.fact and event.value and kept.facts.get(event.fact) == event.value:
        return False
    turn.note(event.by, event.what, event.detail, turn.then(event.at))
    if event.message:
        _answer(turn, event)
    if event.fact:
        _fact(turn, **{event.fact: event.value})
    if event.onward:
        if not again:
            _extend(turn, notes=(*more(turn).notes, event)[-_MOST_NOTES:])
        for declaration in _declarations(turn):
            turn.tell(_REGISTER, declaration, msgspec.structs.replace(event, onward=False))
    return True


def _answer(turn: Turn, event: Noted) -> None:
    """A message of an authority that is no receipt; its numbers say which it is."""
    id_ = ":".join([turn.key, event.message, *event.numbers.values()])
    told(turn, id_, turn.now, event.by, event.message, info=event.detail, numbers=event.numbers)


def told(
    turn: Turn,
    id_: str,
    at: int,
    authority: str,
    message: str,
    *,
    code: str = "",
    time: str = "",
    info: str = "",
    numbers: Mapping[str, str],
    receipt: Mapping[str, str] | None = None,
) -> None:
    """What an authority says of the document, for its participant and its subscribers; ``id_`` tells repetitions."""
    principal = turn.get("principal")
    for participant in dict.fromkeys((principal, *turn.get("subscribers"))):
        answer = Answer(
            id=id_ if participant == principal else f"{id_}:{participant}", participant=participant, at=at, authority=authority,
            message=message, document=turn.key, submission=turn.get("submission"), code=code, time=time, info=info,
            numbers=dict(numbers), receipt=dict(receipt or {}),
        )  # fmt: skip
        turn.publish(topics.ANSWERS, participant, answer, "hub.answer.received.v1", answer.id)


def _remember(turn: Turn) -> None:
    """What others say of a document that is not here is kept for a while."""
    turn.changes["forget_at"] = turn.now + turn.settings.keep_words


def _declarations(turn: Turn) -> Iterable[str]:
    bound = turn.get("counterparts").get(DECLARATION)
    return dict.fromkeys([*([bound] if bound else []), *[named.declaration for named in more(turn).named]])


def forward(turn: Turn, declaration: str) -> None:
    """A declaration has come to this waybill: it hears what was said before."""
    for note in more(turn).notes:
        turn.tell(_REGISTER, declaration, msgspec.structs.replace(note, onward=False))


def named(turn: Turn, event: Named) -> bool:
    """An export declaration names this waybill: with it the waybill joins the match of that order."""
    kept = more(turn)
    if any(n.declaration == event.declaration and n.order == event.order for n in kept.named):
        return False
    rest = [n for n in kept.named if n.declaration != event.declaration]
    if len(rest) >= _MOST_NAMED:
        # The declaration it is matched with stays, whoever else names it.
        bound = turn.get("counterparts").get(DECLARATION)
        rest.remove(next(n for n in rest if n.declaration != bound))
    _extend(turn, named=(*rest, event))
    if not turn.get("version"):
        _remember(turn)
        return True
    forward(turn, event.declaration)
    if not turn.get("draft") and not turn.get("withdrawn") and kept.view != NOTHING.view:
        join_named(turn, event)
    return True


def is_bound_by(turn: Turn, order: str) -> bool:
    """Whether the declaration this waybill is matched with is of that order."""
    bound = turn.get("counterparts").get(DECLARATION)
    return any(named.declaration == bound and named.order[1] == order for named in more(turn).named)


def join_named(turn: Turn, event: Named) -> None:
    """Take part in the match of the order a declaration has named."""
    get = turn.get
    turn.changes["joined"] = True
    turn.changes["order"] = event.order
    _extend(turn, deadlines=tuple([d for d in more(turn).deadlines if d[1] != _NOT_NAMED]))
    joining = Joining(
        kind=turn.kind, key=turn.key, revision=get("version"), order=event.order, view=more(turn).view,
        at=get("received_at"), principal=get("principal"), attempt=get("attempt"), submission=get("submission"),
        sender=get("sender"), side=EXPORT,
    )  # fmt: skip
    turn.tell(_MATCH, event.order[1], joining)


# ---- applications, at the declaration -----------------------------------------------------------------------------


def applied(turn: Turn, event: Applied) -> bool:
    """An application about this declaration: kept, checked, answered."""
    kept = more(turn)
    kind = event.application.partition("/")[0]
    before = kept.applications.get(event.application)
    if before is not None and (
        before.revision > event.revision or (before.revision == event.revision and before.stage == event.stage)
    ):
        return False
    if event.stage in (APPLIED, WITHDRAWN) and not _concerns(turn, event.application, event.principal):
        # A stranger hears no more than that there is nothing for it, and leaves no trace.
        answer = ApplicationAnswer(event.revision, "", turn.now, number=turn.get("numbers").get("invtNo", ""))
        turn.tell(_REGISTER, event.application, answer)
        return True
    faults = _against(turn, kind, event) if event.stage == APPLIED else ()
    entry = Application(event.stage, event.received_at, event.lines, event.revision)
    others = {key: value for key, value in kept.applications.items() if key != event.application}
    if len(others) >= _MOST_APPLICATIONS:
        over = next((key for key, one in others.items() if one.stage not in _OPEN), "")
        over = over or next((key for key, one in others.items() if one.stage != ACCEPTED), "")
        if not over:  # what customs has accepted is never forgotten
            return False
        others.pop(over)
    _extend(turn, applications={**others, event.application: entry})
    turn.note("hub" if event.stage in (APPLIED, WITHDRAWN) else "customs", f"{kind} {event.stage}",
              event.application.partition("/")[2], turn.then(event.at))  # fmt: skip
    stages = {one.stage for key, one in more(turn).applications.items() if key.startswith(f"{kind}/")}
    _fact(turn, **{kind: ACCEPTED if ACCEPTED in stages else APPLIED if APPLIED in stages else ""})
    if kind == RETURN:
        _fact(turn, returned=_returned(turn))
    if event.stage == APPLIED:
        answer = ApplicationAnswer(event.revision, turn.key, turn.now, faults)
        turn.tell(_REGISTER, event.application, answer)
    return True


def _concerns(turn: Turn, application: str, principal: str) -> bool:
    """Whether who speaks may: the declaration's sender, who gets its receipts, or its declarant; a tally is of a site."""
    if application.startswith(f"{RETURN_TALLY}/") or principal in (turn.get("principal"), *turn.get("subscribers")):
        return True
    return application.partition("/")[2].partition(":")[0] == turn.key.partition("/")[2].partition(":")[0]


def _against(turn: Turn, kind: str, event: Applied) -> tuple[Fault, ...]:
    """What speaks against an application, by what is known here."""
    code, facts = turn.get("code"), more(turn).facts
    released = code in ("800", "899")
    imported = SIDE_OF.get(turn.get("message")) == IMPORT
    found: list[Fault] = []
    if facts.get(CANCELLATION) == ACCEPTED:
        found.append(_said("cancelled", imported, kind))
    elif kind == CANCELLATION and released:
        found.append(_said("released", imported, kind))
    elif kind == CANCELLATION and (not code or lifecycle.meaning_of(code).rejects or code == "700"):
        found.append(_said("state", imported, kind, status=code or "-"))
    elif kind == RETURN and not released:
        found.append(_said("not_released", imported, kind, status=code or "-"))
    by = int(facts.get("returnBy", "0"))
    if kind == RETURN and imported and by and event.received_at > by:
        found.append(_said("late", imported, kind, days=turn.settings.return_days))
    if kind == RETURN:
        found += _quantities(turn, event, imported=imported)
    return tuple(found)


def _quantities(turn: Turn, event: Applied, *, imported: bool) -> Iterable[Fault]:
    goods = turn.get("goods")
    declared = {line[0]: line for line in views.goods_of(goods)} if goods else {}
    gone: dict[str, int] = {}
    for key, other in more(turn).applications.items():
        if key != event.application and key.startswith(f"{RETURN}/") and other.stage in _OPEN:
            for gnum, _, quantity in other.lines:
                gone[gnum] = gone.get(gnum, 0) + quantity
    for gnum, gcode, quantity in event.lines:
        line = declared.get(gnum)
        if line is None or (line[1] != gcode and gcode):
            yield _said("no_line", imported, RETURN, gnum=gnum, gcode=gcode)
        elif gone.get(gnum, 0) + quantity > line[2]:
            left = text(max(0, line[2] - gone.get(gnum, 0)))
            yield _said("quantity", imported, RETURN, gnum=gnum, quantity=text(quantity), left=left)
        gone[gnum] = gone.get(gnum, 0) + quantity


#: What customs would say (table 7-2; 22007 seen in practice); export has ranges only.
_CEB = {
    (CANCELLATION, "released"): "22007",
    (CANCELLATION, "state"): "-623005",
    (CANCELLATION, "cancelled"): "-623005",
    (RETURN, "no_line"): "-625209",
    (RETURN, "quantity"): "-625001",
    (RETURN, "not_released"): "-625001",
    (RETURN, "late"): "-625001",
}


def _said(name: str, imported: bool, kind: str, **values: Any) -> Fault:
    said = fault(f"application.{name}", path="invtNo", **values)
    return msgspec.structs.replace(said, ceb_code=_CEB.get((kind, name), "")) if imported else said


def _returned(turn: Turn) -> str:
    """``part`` or ``all`` of what was declared, as far as customs has accepted; else nothing."""
    back, declared = returned_quantities(turn), views.goods_of(turn.get("goods")) if turn.get("goods") else []
    if not any(back.values()):
        return ""
    return "all" if declared and all(back.get(line[0], 0) >= line[2] for line in declared) else "part"


def returned_quantities(turn: Turn) -> dict[str, int]:
    """gnum → quantity customs has accepted as returned."""
    return returned_of(more(turn))


def returned_of(kept: More) -> dict[str, int]:
    """The same, of what is kept of a document."""
    back: dict[str, int] = {}
    for key, application in kept.applications.items():
        if key.startswith(f"{RETURN}/") and application.stage == ACCEPTED:
            for gnum, _, quantity in application.lines:
                back[gnum] = back.get(gnum, 0) + quantity
    return back


def returned_value(turn: Turn) -> int:
    """The dutiable value of what was returned, by its share of each line; all lines back: freight and insurance too."""
    back, goods = returned_quantities(turn), turn.get("goods")
    if not back or not goods:
        return 0
    lines = views.goods_of(goods)
    if all(back.get(gnum, 0) >= quantity for gnum, _, quantity, _ in lines):
        return int(turn.get("value"))
    return sum(total * min(back.get(gnum, 0), quantity) // quantity for gnum, _, quantity, total in lines if quantity)


def cancelled(turn: Turn) -> bool:
    """Whether customs has accepted a cancellation."""
    return more(turn).facts.get(CANCELLATION) == ACCEPTED


def application_answered(turn: Turn, event: ApplicationAnswer) -> bool:
    """The declaration's word to this application, or that it is not here."""
    if turn.kind == SUMMARY:
        turn.note("hub", "declaration not here", event.number, turn.then(event.at))
        return True
    if event.revision != turn.old.version:
        return False
    if not event.declaration:
        turn.note("hub", "declaration not here", event.number, turn.then(event.at))
        return True
    turn.changes["counterparts"] = {**turn.get("counterparts"), DECLARATION: event.declaration}
    turn.changes["match"] = MATCHED
    turn.note("hub", "declaration found", event.declaration.partition("/")[2], turn.then(event.at))
    if event.faults:
        turn.changes["differences"] = event.faults
        turn.note("hub", "flagged", ", ".join(dict.fromkeys(f.code for f in event.faults)), turn.then(event.at))
    return True


# ---- bills, summaries, tax ----------------------------------------------------------------------------------------


def assembled(turn: Turn, event: Assembled) -> bool:
    """How far the parts of this document are together."""
    if event.revision != turn.old.version:
        return False
    parts = event.awaited or tuple([f"part {number}" for number in event.missing])
    turn.changes.update(match=event.state, awaited=parts, match_due=event.due)
    if event.state == WAITING:
        turn.note("hub", WAITING, ", ".join(parts), turn.then(event.at))
    elif event.state == EXPIRED:
        turn.note("hub", EXPIRED, ", ".join(parts), turn.then(event.at))
        turn.alert(
            EXPIRED,
            "What belongs to the document did not come in time.",
            "所等单证或其余部分未按时到达。",
            {"awaited": ", ".join(parts), "kind": turn.kind},
        )
    else:
        turn.note("hub", "assembled", at=turn.then(event.at))
    return True


def summarised(turn: Turn, event: Summarised) -> bool:
    """Where this declaration's summary stands."""
    kept = more(turn)
    facts = kept.facts
    stage = facts.get("summary", "")
    order = (APPLIED, ACCEPTED, CONCLUDED)
    if event.stage in (APPLIED, WITHDRAWN) and not _concerns(turn, event.summary, event.principal):
        return False
    if stage and event.summary and kept.summary not in ("", event.summary) and event.stage != ACCEPTED:
        return False  # another application speaks of it; what has been reached is the first one's
    if event.stage in (REFUSED, WITHDRAWN):
        if stage == CONCLUDED:
            return False
        _fact(turn, summary="", sumNo="")
    elif stage and order.index(stage) > order.index(event.stage):
        return _summarised_late(turn, event)
    else:
        same = (stage, facts.get("sumNo", ""), facts.get("entryId", "")) == (event.stage, event.sum_no, event.entry_id)
        if same:
            return False
        _fact(
            turn, summary=event.stage, sumNo=event.sum_no or facts.get("sumNo", ""),
            entryId=event.entry_id or facts.get("entryId", ""),
        )  # fmt: skip
    if event.summary:
        _extend(turn, summary=event.summary if event.stage not in (REFUSED, WITHDRAWN) else "")
    detail = " ".join([part for part in (event.sum_no, event.entry_id) if part])
    by = "customs" if event.stage in (ACCEPTED, REFUSED, CONCLUDED) else "hub"
    turn.note(by, f"summary {event.stage}", detail, turn.then(event.at))
    return True


def _summarised_late(turn: Turn, event: Summarised) -> bool:
    """Customs accepted what it has concluded: its result and its receipt come by ways of their own, in either order."""
    what = f"summary {event.stage}"
    if event.stage != ACCEPTED or any(line[2] == what for line in turn.old.timeline):
        return False
    _extend(turn, summary=event.summary)
    turn.note("customs", what, event.sum_no, turn.then(event.at))
    return True


#: Status of an electronic tax bill → the word of the timeline.
TAX_WORDS = {"1": "tax bill created", "2": "tax bill summarised", "3": "tax bill void"}


def tax_bill(turn: Turn, event: TaxBillArrived) -> bool:
    """A tax bill or its status: the word of the greatest time counts, for each number."""
    kept = more(turn)
    time = possible_time(event.time, event.received_at)
    word = f"{time}:{event.status}"
    before = kept.taxes.get(event.tax_no, "")
    if before == word:
        return False
    _tell(turn, event)
    if event.customs_tax is not None:
        total = event.customs_tax + event.value_added_tax + event.consumption_tax
        if before <= word or event.tax_no not in kept.owed:
            _extend(turn, owed={**kept.owed, event.tax_no: total})
    what = TAX_WORDS.get(event.status, f"tax bill {event.status}")
    if before > word:
        turn.note(event.authority, f"older: {what}", event.tax_no, turn.then(event.received_at))
        return True
    _extend(turn, taxes={**kept.taxes, event.tax_no: word})
    authorities.tax_bill(turn, event, receipt_ms(time))
    amounts = {}
    detail = event.tax_no
    if event.customs_tax is not None:
        amounts = {"tax": text(total), "taxCreated": str(receipt_ms(time))}
        detail = f"{event.tax_no} {text(total)}"
    _fact(turn, taxNo=event.tax_no, taxStatus=event.status, **amounts)
    if event.duty_no:
        _fact(turn, entDutyNo=event.duty_no)
    if event.guarantor:
        _fact(turn, guarantor=event.guarantor)
    _tax_days(turn, event)
    turn.note(event.authority, what, detail, turn.then(event.received_at))
    return True


def _tax_days(turn: Turn, event: TaxBillArrived) -> None:
    """Created: due from day 31 to 45 after release; what was summarised or is void is not due any more."""
    kept = more(turn).deadlines
    rest = tuple([d for d in kept if d[1] != _NO_TAX and not d[1].endswith(f" {event.tax_no}")])
    facts = more(turn).facts
    released = int(facts.get("released") or facts.get("taxCreated") or turn.now)
    begin, end = released + turn.settings.tax_from_days * _DAY, released + turn.settings.tax_by_days * _DAY
    if event.status != "1":
        if not any(what.startswith(_OVERDUE) for _, what in rest):
            _fact(turn, taxFrom="", taxBy="")
        if event.status == "2" and not turn.settings.summarised_frees and end > turn.now:
            rest = (*rest, (end, f"{_PAID} {event.tax_no}"))
        _extend(turn, deadlines=rest)
        return
    _fact(turn, taxFrom=str(begin), taxBy=str(end))
    _extend(turn, deadlines=(*rest, (begin, f"tax due {event.tax_no}"), (end, f"{_OVERDUE} {event.tax_no}")))


def _tell(turn: Turn, event: TaxBillArrived) -> None:
    """The declarant and subscribers get the bill as they get receipts."""
    told(
        turn, f"{turn.key}:{event.tax_no}:{event.time}:{event.status}", event.received_at, event.authority, event.message,
        code=event.status, time=event.time, numbers={"taxNo": event.tax_no}, receipt=_words(event.head),
    )  # fmt: skip


_words: Callable[[Any], dict[str, str]] = codec.decoder(dict[str, str])


#: Deadlines nobody is told of: there will be no tax bill any more; a summarised one counts as paid.
_NO_TAX, _PAID = "tax none", "tax paid"
_OVERDUE = "tax overdue"


def overdue(turn: Turn) -> None:
    """Deadlines that have passed are said once."""
    kept = more(turn)
    passed = [what for at, what in kept.deadlines if at <= turn.now]
    _extend(turn, deadlines=tuple([d for d in kept.deadlines if d[0] > turn.now]))
    for passing in passed:
        if passing == _NOT_NAMED:
            assembled(turn, Assembled(turn.old.version, EXPIRED, turn.now, awaited=(DECLARATION,)))
            continue
        what, _, number = passing.rpartition(" ")
        if passing == _NO_TAX or what == _PAID:
            continue
        turn.note("hub", what, number)
        if what == _OVERDUE:
            turn.alert(
                "tax-overdue",
                "An electronic tax bill was not summarised by day 45 after release.",
                "电子税单在放行后第 45 日仍未汇总。",
                {"taxNo": number, "tax": text(kept.owed[number]) if number in kept.owed else ""},
            )


def next_deadline(kept: More | None) -> int:
    """When the next deadline passes, 0 for none."""
    return min([at for at, _ in kept.deadlines], default=0) if kept is not None else 0


def amount_of(value: str | None) -> int:
    """An amount of a receipt, which may be anything; what is none, or below zero, counts as nothing."""
    if value is None or len(value) > _LONGEST_AMOUNT:
        return 0
    try:
        return max(0, min(MOST, amount(value)))
    except ValueError:
        return 0


_LONGEST_AMOUNT = 40

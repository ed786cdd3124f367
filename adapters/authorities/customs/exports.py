"""Export: order, waybill and declaration; the collection; consolidation, arrival and departure of a bill.

After a simulator of customs (``CRS`` in the sources): documents stay at 2 until all three are there; a list is
concluded with its last part; arrival releases what its bill lists, departure closes it. The order in which they come
does not matter.
"""

from __future__ import annotations

from adapters.authorities.customs import checks
from adapters.authorities.customs.case import Case, rejects, stands
from adapters.authorities.customs.facts import Facts
from adapters.authorities.customs.scenario import Step
from adapters.authorities.customs.store import (
    AWAITING,
    LEAVING,
    STORED,
    TAKEN,
    THERE,
    WAITING,
    Row,
)
from hub.domain.kinds import ARRIVAL, COLLECTION, CONSOLIDATION, DECLARATION, DEPARTURE, ORDER, WAYBILL

#: Where mail that arrived without a bill is listed.
_MAIL = "mail"


# ---- the three documents


def document(case: Case) -> list[Row]:
    """An order or waybill: waits for its declaration; a change of one that is stored stays stored."""
    found, store = case.found, case.store
    before = store.find(found.key)
    if before is not None and before.phase in STORED:
        return [case.take()]
    rows = [case.wait()]
    candidates = store.referring(found.key) if found.kind == WAYBILL else store.waiting(found.place)
    for row in candidates:
        if row.phase == WAITING and row.facts.kind == DECLARATION:
            rows = _merged(rows, _compared(case, row))
    return rows


def declaration(case: Case) -> list[Row]:
    """A declaration: stored, with its documents, once order and waybill are there."""
    wrong = checks.impossible(case.found)
    if wrong:
        return case.refuse(case.codes.parameter, f"报文校验失败:{wrong}")
    order, waybill = _documents(case, case.found)
    row = case.wait([kind for kind, there in ((ORDER, order), (WAYBILL, waybill)) if there is None])
    return _merged([row], _compared(case, row))


def collection(case: Case) -> list[Row]:
    """A collection: stored once the declaration of its order is."""
    stored = any(
        r.facts.kind == DECLARATION and r.phase in STORED and not any(rejects(p) for p in r.plan)
        for r in case.store.at(case.found.place)
    )
    return [case.take() if stored else case.wait()]


def _documents(case: Case, found: Facts) -> tuple[Row | None, Row | None]:
    of_order = case.store.at(found.place)
    order = next((r for r in of_order if r.facts.kind == ORDER and r.phase in THERE), None)
    waybill = case.store.find(found.refers)
    return order, waybill if waybill is not None and waybill.phase in THERE else None


def _compared(case: Case, row: Row) -> list[Row]:
    """What moves once a declaration that waited is compared; nothing while something is missing."""
    order, waybill = _documents(case, row.facts)
    if order is None or waybill is None:
        return []
    why = checks.export_mismatch(row.facts, order.facts)
    if why:
        return [case.move(row, TAKEN, (Step("100", after=10, info=why),))]
    moved = [
        case.move(other, TAKEN, case.flow_of(other.facts).judgement())
        for other in (order, waybill)
        if other.phase == WAITING
    ]
    moved.append(case.move(row, AWAITING, case.flow_of(row.facts).stored()))
    moved += [
        case.move(other, TAKEN, case.flow_of(other.facts).judgement())
        for other in case.store.waiting(row.facts.place)
        if other.facts.kind == COLLECTION
    ]
    for bill in case.store.lists_of(row.facts.refers):
        moved = _merged(moved, _settled(case, bill, case.now, row.facts.refers))
    return moved


# ---- lists, in one part or several


def part(case: Case) -> list[Row]:
    """A part of a consolidation, arrival or departure list: concluded with the last one, whichever comes last."""
    wrong = wrong_part(case)
    if wrong:
        return case.refuse(case.codes.parameter, wrong)
    rows = completed(case, case.wait())
    found = case.found
    if found.kind == CONSOLIDATION:
        case.store.list_parcels(found.members, found.refers)
    if not rows or rows[0].phase != TAKEN:
        return rows
    moment = max(p.at for row in rows for p in row.plan) if any(row.plan for row in rows) else case.now
    if found.refers:
        return _merged(rows, _settled(case, found.refers, moment))
    return _merged(rows, _by_mail(case, rows, moment))


def wrong_part(case: Case) -> str:
    """Why the numbers of a part cannot be; empty where they can."""
    count, number = _split(case.found)
    if not 1 <= number <= count:
        return f"报文序号[{number}]与报文总数[{count}]不符"
    other = case.store.another(case.found.place, case.found.key)
    told = _split(other.facts)[0] if other is not None else count
    return "" if told == count else f"报文总数[{count}]与已报[{told}]不一致"


def completed(case: Case, row: Row) -> list[Row]:
    """The part, or with the last one all parts, concluded; the part that came is the first."""
    count, _ = _split(row.facts)
    if case.store.count(row.facts.place) < count:
        return [row]
    parts = [row, *(r for r in case.store.at(row.facts.place) if r.phase in THERE and r.key != row.key)]
    return [
        case.move(each, TAKEN, case.flow_of(each.facts).judgement()) if each.phase == WAITING else each
        for each in parts
    ]


def _split(found: Facts) -> tuple[int, int]:
    return int(found.head.get("msgCount") or 1), int(found.head.get("msgSeqNo") or 1)


# ---- what lists do to declarations


def _settled(case: Case, bill: str, moment: int, only: str = "") -> list[Row]:
    """Declarations that the lists of a bill release or close, all or the one with waybill ``only``."""
    if bill == _MAIL:
        return _moved(case, {only}, set(), moment)
    lists: dict[str, list[Row]] = {CONSOLIDATION: [], ARRIVAL: [], DEPARTURE: []}
    for row in case.store.referring(bill):
        if row.facts.kind in lists and stands(row):
            lists[row.facts.kind].append(row)
    listed = _named(lists[CONSOLIDATION], None)
    arrived = _named(lists[ARRIVAL], listed) & listed
    departed = _named(lists[DEPARTURE], listed) & listed
    if only:
        arrived, departed = arrived & {only}, departed & {only}
    return _moved(case, arrived, departed, moment)


def _named(rows: list[Row], otherwise: set[str] | None) -> set[str]:
    """The waybills of lists; ``otherwise`` where a list names none, which an arrival may leave to the consolidation."""
    if otherwise is not None and any(not row.facts.members for row in rows):
        return otherwise
    return {waybill for row in rows for waybill in row.facts.members}


def _by_mail(case: Case, rows: list[Row], moment: int) -> list[Row]:
    """Mail has no bill: the list itself says what arrived or left."""
    waybills = _named([row for row in rows if stands(row)], None)
    if case.found.kind == ARRIVAL:
        case.store.list_parcels(waybills, _MAIL)
        return _moved(case, waybills, set(), moment)
    return _moved(case, set(), waybills, moment)


def _moved(case: Case, arrived: set[str], departed: set[str], moment: int) -> list[Row]:
    rows = []
    for waybill in sorted(arrived | departed):
        for row in case.store.referring(waybill):
            flow = case.flow_of(row.facts)
            if row.phase == AWAITING and waybill in arrived:
                case.move(row, LEAVING, flow.released(), moment)
                rows.append(row)
            if row.phase == LEAVING and waybill in departed and row.will("800"):
                case.move(row, TAKEN, flow.closed(), moment)
                rows.append(row)
    return rows


def _merged(rows: list[Row], further: list[Row]) -> list[Row]:
    """Each row once, as it is last."""
    return list({row.key: row for row in (*rows, *further)}.values())

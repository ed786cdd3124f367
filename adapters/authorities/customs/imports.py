"""Retail import: order, payment and waybill against the declaration, the buyer's limits, the warehouse's list."""

from __future__ import annotations

from adapters.authorities.customs import checks, receipts
from adapters.authorities.customs.case import Case, planned
from adapters.authorities.customs.facts import Facts
from adapters.authorities.customs.receipts import Planned
from adapters.authorities.customs.scenario import Flow, Step
from adapters.authorities.customs.store import AWAITING, TAKEN, WAITING, Row
from hub.domain.keys import china_year
from hub.domain.kinds import DECLARATION, ORDER, PAYMENT, WAYBILL

_ENTRY = "entry"


def document(case: Case) -> list[Row]:
    """An order, payment or waybill: taken, and with it the declarations that it completes."""
    return [case.take(), *_completed(case)]


def _completed(case: Case) -> list[Row]:
    found, store = case.found, case.store
    candidates = store.referring(found.key) if found.kind == WAYBILL else store.waiting(found.place)
    moved = []
    for row in candidates:
        if row.phase != WAITING or row.facts.kind != DECLARATION:
            continue
        documents = _documents(case, row.facts)
        if None not in documents.values():
            row.plan = [p for p in row.plan if p.status != "100"]
            row.phase, row.plan = _decided(case, row.facts, case.flow_of(row.facts), documents, row.plan)
            store.move(row)
            moved.append(row)
    return moved


def declaration(case: Case) -> list[Row]:
    """A declaration: compared once its three documents are there, released where the buyer's limit allows."""
    found = case.found
    wrong = checks.impossible(found)
    if wrong:
        return case.refuse(case.codes.parameter, f"报文校验失败:{wrong}")
    if checks.over_single_limit(found):
        return case.refuse(receipts.SINGLE_LIMIT_REFUSED, "超过单次交易限值")
    documents = _documents(case, found)
    missing = [kind for kind, row in documents.items() if row is None]
    if missing:
        return [case.wait(missing)]
    flow = case.flow
    phase, plan = _decided(case, found, flow, documents, case.arrived(flow=flow))
    return [case.store.put(found, phase, case.now, plan)]


def _documents(case: Case, found: Facts) -> dict[str, Row | None]:
    there = {r.facts.kind: r for r in case.store.at(found.place) if r.phase == TAKEN}
    waybill = case.store.find(found.refers)
    kept = waybill if waybill is not None and waybill.phase == TAKEN else None
    return {ORDER: there.get(ORDER), PAYMENT: there.get(PAYMENT), WAYBILL: kept}


def _decided(
    case: Case, found: Facts, flow: Flow, documents: dict[str, Row | None], plan: list[Planned]
) -> tuple[str, list[Planned]]:
    """Phase and plan that follow from comparing the declaration with its documents and limits."""
    order, payment = documents[ORDER], documents[PAYMENT]
    assert order is not None
    assert payment is not None
    buyer, year = found.persons.get("number", ""), china_year(case.now)
    why = checks.mismatch(found, order.facts, payment.facts)
    why = why or checks.over_yearly_limit(case.store.used(buyer, year, found.key), found)
    case.store.use(buyer, year, found.key, 0 if why else found.value)
    if why:
        return TAKEN, planned((Step("100", after=10, info=why),), case.now, {}, plan)
    if _must_be_entered(case, found) and not case.store.lists_of(found.refers):
        return AWAITING, planned(flow.stored(), case.now, {}, plan)
    return TAKEN, case.with_tax(found, planned(flow.judgement(), case.now, {}, plan))


def _must_be_entered(case: Case, found: Facts) -> bool:
    return found.head.get("tradeMode") in case.scenario.warehouse_entry_for


def warehouse_entry(case: Case) -> list[Row]:
    """The warehouse's list of a master bill: what waited for it is released."""
    rows = [case.take()]
    if not case.flow.grants():
        return rows
    case.store.list_parcels(case.found.members, _ENTRY)
    waiting = [row for waybill in case.found.members for row in case.store.referring(waybill) if row.phase == AWAITING]
    for row in waiting:
        flow = case.flow_of(row.facts)
        rows.append(case.move(row, TAKEN, flow.released() + flow.closed()))
    return rows

"""Controlled goods, dual-use items or precursors, without the licence they need.

Items of the unified list of dual-use items (control codes of five characters) and precursor chemicals pass with a licence only.
The zone's list ``controlled`` names them; a permit (kind ``permit``, id ``<merchant>~<control code>``) says which merchant may
trade how much of it, in which unit. All lines of a declaration under one control code are added up and held against the permit; where a
line says no quantity in the permit's unit nor in one of the same measure, that is said and blocks too. What the merchant's other declarations
used of the permit (by its number) is counted by the stage ``observe`` and told as a flag; declarations of the same seconds may not know
of each other.
The exporter's duty goes beyond the list: a hit is of words and codes, and an officer looks.
"""

from __future__ import annotations

from hub.domain.money import text
from hub.domain.profile import LICENCE, licence_id
from hub.domain.reference_kinds import number_of
from hub.domain.screening import CONTROLLED
from hub.rules.api import REVIEW, TRADING, Case, Dated, Findings

CODE = "R13"
SOURCE = "Export Control Law of 2020-12-01; dual-use regulations and MOFCOM 51 of 2024-11-15, from 2024-12-01"
VALID_FROM = "2020-12-01"
RISK = TRADING
AGENCIES = ("customs", "commerce")

SCORE = Dated({"2020-12-01": 80}, own=True)
LICENSED_SCORE = Dated({"2020-12-01": 10}, own=True)


def check(case: Case) -> Findings:
    """Each controlled item in a line: noted where a permit covers all there is of its control code, else blocking."""
    day, of = case.day, case.declaration
    hits = case.screened(CONTROLLED)
    lines: dict[str, set[int]] = {}
    for hit in hits:
        if hit.entry.licence:
            lines.setdefault(hit.entry.control, set()).add(hit.line)
    for hit in hits:
        entry, qty = hit.entry, of.lines[hit.line - 1].qty
        path = f"InventoryList[{hit.line}]/gname"
        said = {"name": entry.name, "control": entry.control, "instrument": entry.instrument}
        permit = case.reference("permit", f"{of.merchant}~{entry.control}") if entry.licence else None
        permitted = 0
        if permit is not None:
            unit, permitted = str(permit.get("unit") or ""), number_of(permit.get("quantity")) or 0
            in_unit = [of.lines[line - 1].quantity(unit) for line in lines[entry.control]]
            known = [quantity for quantity in in_unit if quantity is not None]
            qty = sum(max(0, quantity) for quantity in known)  # nothing below zero makes room for the rest
            number = str(permit.get("number", ""))
            ledger = case.flag(LICENCE, licence_id(of.merchant, entry.control, number)) or {}
            used = ledger.get("used", 0) - ledger.get(case.key, 0)
            if len(known) < len(in_unit):
                yield case.finding(
                    "permit_unit", score=SCORE.on(day), path=path, action=REVIEW, blocking=True, evidence=said | {"unit": unit}
                )
                continue
            if used + qty <= permitted:
                covers = {"permit": number, "qty": text(qty), "used": text(used)}
                yield case.finding("controlled_licensed", score=LICENSED_SCORE.on(day), path=path, evidence=said | covers)
                continue
            permitted = max(0, permitted - used)
        left = {"permitted": text(permitted), "qty": text(qty)}
        yield case.finding(
            "controlled_goods", score=SCORE.on(day), path=path, action=REVIEW, blocking=True, evidence=said | left
        )

"""Controlled goods, dual-use items or precursors, without the licence they need.

Items of the unified list of dual-use items (control codes of five characters) and precursor chemicals pass with a licence only.
The zone's list ``controlled`` names them; a permit (kind ``permit``, id ``<merchant>~<control code>``) says which merchant may
trade how much. The exporter's duty goes beyond the list: a hit is of words and codes, and an officer looks.
"""

from __future__ import annotations

from hub.domain.money import amount, text
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
    """Each controlled item in a line: noted where a permit covers its quantity, else blocking."""
    day, of = case.day, case.declaration
    for hit in case.screened(CONTROLLED):
        line, entry = of.lines[hit.line - 1], hit.entry
        path = f"InventoryList[{hit.line}]/gname"
        said = {"name": entry.name, "control": entry.control, "instrument": entry.instrument}
        permit = case.reference("permit", f"{of.merchant}~{entry.control}") if entry.licence else None
        if permit is not None and line.qty <= amount(str(permit.get("quantity", "0"))):
            number = {"permit": str(permit.get("number", ""))}
            yield case.finding("controlled_licensed", score=LICENSED_SCORE.on(day), path=path, evidence=said | number)
            continue
        left = {"permitted": text(amount(str(permit.get("quantity", "0")))) if permit is not None else "0", "qty": text(line.qty)}
        yield case.finding(
            "controlled_goods", score=SCORE.on(day), path=path, action=REVIEW, blocking=True, evidence=said | left
        )

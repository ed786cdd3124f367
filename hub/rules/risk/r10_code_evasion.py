"""Goods are declared under another code or unit than they are called by.

A false name or code dodges the list of what may come in, a tax, or a licence. The zone's list ``names`` says under which beginnings
of the commodity code goods that are called so are declared; a record of the kind ``goods`` says in which units a code is
counted.
"""

from __future__ import annotations

from hub.domain.screening import NAMES
from hub.domain.words import words_of
from hub.rules.api import REVIEW, TRADING, Case, Dated, Findings

CODE = "R10"
SOURCE = "GACC announcement 2018-194"
VALID_FROM = "2019-01-01"
RISK = TRADING
AGENCIES = ("customs",)

NAME_SCORE = Dated({"2019-01-01": 60}, own=True)
UNIT_SCORE = Dated({"2019-01-01": 30}, own=True)


def check(case: Case) -> Findings:
    """Each line whose name asks for another code; each whose unit is none of the code's."""
    day, lines = case.day, case.declaration.lines
    for hit in case.screened(NAMES):
        said = {"name": hit.entry.name, "gcode": lines[hit.line - 1].gcode, "codes": ", ".join(hit.entry.codes)}
        path = f"InventoryList[{hit.line}]/gcode"
        yield case.finding("other_code", score=NAME_SCORE.on(day), path=path, action=REVIEW, evidence=said)
    for index, line in enumerate(lines, 1):
        record = case.seldom("goods", line.gcode)
        units = words_of(record.get("units")) if record is not None else ()
        if units and line.unit not in units:
            said = {"gcode": line.gcode, "unit": line.unit, "units": ", ".join(units)}
            path = f"InventoryList[{index}]/unit"
            yield case.finding("other_unit", score=UNIT_SCORE.on(day), path=path, action=REVIEW, evidence=said)

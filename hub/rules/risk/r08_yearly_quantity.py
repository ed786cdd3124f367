"""The yearly quantity of a line of the positive list.

The list's remark limits some goods to a quantity a person and year: sugar 2 kg, long-grain rice 20 kg. What the buyer's
other declarations of the year take is counted at eight digits in the unit of the list; one that was rejected, withdrawn,
cancelled or wholly returned takes nothing, one returned in part still counts whole.
The hub knows only what passed through it. Exactly the quantity is inside it.
"""

from __future__ import annotations

from hub.domain.money import text
from hub.domain.yearly import LIST, limit_of
from hub.rules.api import REJECT, REVIEW, TRADING, Case, Dated, Findings

CODE = "R08"
SOURCE = "the positive list's remarks (lists of 2016, 2018, 2022)"
VALID_FROM = "2016-04-08"
RISK = TRADING
AGENCIES = ("customs",)
SIDES = ("import",)

OVER_SCORE = Dated({"2016-04-08": 60}, own=True)
UNIT_SCORE = Dated({"2016-04-08": 10}, own=True)


def check(case: Case) -> Findings:
    """More than the yearly quantity together with the year's others; a line that says no quantity in the list's unit."""
    if case.reference("parameter", LIST) is None:
        return
    together: dict[tuple[str, str], int] = {}
    for index, line in enumerate(case.declaration.lines, 1):
        hs8 = line.gcode[:8]
        limit, unit = limit_of(case.reference("positive", hs8))
        if not limit:
            continue
        quantity = line.quantity(unit)
        if quantity is None:
            said = {"gcode": hs8, "unit": unit}
            path = f"InventoryList[{index}]/unit1"
            yield case.finding("quantity_unit", score=UNIT_SCORE.on(case.day), path=path, action=REVIEW, evidence=said)
            continue
        # Nothing below zero makes room for the rest.
        together[hs8, unit] = together.get((hs8, unit), 0) + max(0, quantity)
    for (hs8, unit), quantity in together.items():
        limit, _ = limit_of(case.reference("positive", hs8))
        used = case.quantity_used(hs8)
        if used + quantity > limit:
            said = {"gcode": hs8, "used": text(used), "quantity": text(quantity), "limit": text(limit), "unit": unit}
            yield case.finding("yearly_quantity", score=OVER_SCORE.on(case.day), path="InventoryList", action=REJECT, evidence=said)

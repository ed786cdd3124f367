"""An export that may be none: its price is a multiple of the usual one, or its refund is in doubt.

Refunds are claimed for goods of little worth declared at many times their price, or for trade that never was. A price far above what
the same goods usually cost abroad goes to the tax authority; so does an export behind which stands an enterprise that the tax
authority or foreign exchange holds in their lowest class, which they look at before a refund.
"""

from __future__ import annotations

from functools import partial

from hub.domain.money import text
from hub.domain.prices import compared
from hub.domain.reference_kinds import number_of
from hub.domain.standing import ACTS
from hub.rules.api import ECONOMIC, REVIEW, Case, Dated, Findings

CODE = "R20"
SOURCE = "STA 2016-46 (refund classes); Caishui 2018-103"
VALID_FROM = "2018-10-01"
RISK = ECONOMIC
AGENCIES = ("tax", "customs")
SIDES = ("export",)

#: Percent of the usual price from which it is a multiple.
MULTIPLE = Dated({"2018-10-01": 300}, own=True, unit="percent")
MULTIPLE_SCORE = Dated({"2018-10-01": 60}, own=True)
CLASS_SCORE = Dated({"2018-10-01": 30}, own=True)
#: Who says it → the levels at which a refund is in doubt.
_DOUBTED = {"tax": "D", "safe": "C", "refund": "4"}


def check(case: Case) -> Findings:
    """The dearest line against the usual price; the lowest classes of who stands behind it."""
    day = case.day
    for index, line in enumerate(case.declaration.lines, 1):
        record = case.seldom("price", f"export:{line.gcode}")
        pair = compared(line, record, partial(case.reference, "exchange")) if record is not None else None
        if record is None or pair is None:
            continue  # a line that cannot be compared is named by R09
        declared, expected = pair
        if declared * 100 >= expected * MULTIPLE.on(day):
            said = {"gcode": line.gcode, "price": text(line.price), "usual": text(number_of(record["median"]) or 0)}
            path = f"InventoryList[{index}]/price"
            yield case.finding("export_price_multiple", score=MULTIPLE_SCORE.on(day), path=path, action=REVIEW, evidence=said)
    for role, code, standing in case.behind():
        doubts = [r for r in standing.reasons if r.state == ACTS and r.level and _DOUBTED.get(r.source) == r.level]
        if doubts:
            said = {"role": role, "enterprise": code, "classes": ", ".join(f"{r.source} {r.level}" for r in doubts)}
            yield case.finding("refund_in_doubt", score=CLASS_SCORE.on(day), action=REVIEW, evidence=said)

"""The positive list of retail import.

Goods of retail import must be on the list, at eight digits, and satisfy its remark: some lines are open to bonded goods
only, some to one product of the line only (whether goods are that product is for an officer: it is noted), some to a quantity a
person and year (rule R08). The list is reference data: a dated record of the kind ``positive`` for each line, and the
parameter ``positive-list`` (``version``), which says that a list is in force; a line that left the list has a record
with ``listed`` = false from that day. Where the zone keeps one
(``positive_list`` in the settings) and none is in force, that is named.
"""

from __future__ import annotations

from hub.domain.reference_kinds import no
from hub.domain.words import words_of
from hub.domain.yearly import LIST
from hub.rules.api import REJECT, REVIEW, TRADING, Case, Dated, Findings

CODE = "T08"
SOURCE = "Caiguanshui 2016-18; Caiguanshui 2018-49 of 2018-11-29; the list of 2022 (announcement 2022-7)"
VALID_FROM = "2016-04-08"
RISK = TRADING
AGENCIES = ("customs",)
SIDES = ("import",)

ABSENT_SCORE = Dated({"2016-04-08": 60}, own=True)
MODE_SCORE = Dated({"2016-04-08": 60}, own=True)
PRODUCT_SCORE = Dated({"2016-04-08": 10}, own=True)
MISSING_SCORE = Dated({"2016-04-08": 10}, own=True)


def check(case: Case) -> Findings:
    """A line that is not on the list, or not in this mode; a line limited to a product; no list where there should be one."""
    if case.reference("parameter", LIST) is None:
        if case.setting("positive_list", default=False):
            yield case.finding(
                "positive_list_missing", score=MISSING_SCORE.on(case.day), action=REVIEW, evidence={"day": str(case.day)}
            )
        return
    mode = case.declaration.mode
    for index, line in enumerate(case.declaration.lines, 1):
        hs8, path = line.gcode[:8], f"InventoryList[{index}]/gcode"
        listed = case.reference("positive", hs8)
        if listed is None or no(listed.get("listed")):
            yield case.finding(
                "not_on_positive_list", score=ABSENT_SCORE.on(case.day), path=path, action=REJECT, evidence={"gcode": hs8}
            )
            continue
        modes = words_of(listed.get("modes"))
        if modes and mode not in modes:
            said = {"gcode": hs8, "mode": mode, "modes": ", ".join(modes)}
            yield case.finding("positive_list_mode", score=MODE_SCORE.on(case.day), path=path, action=REJECT, evidence=said)
        if product := listed.get("product"):
            said = {"gcode": hs8, "product": str(product)}
            yield case.finding("positive_list_product", score=PRODUCT_SCORE.on(case.day), path=path, evidence=said)

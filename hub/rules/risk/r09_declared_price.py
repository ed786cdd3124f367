"""The declared price is far from what the goods cost.

The dutiable value is the actual transaction price. A price far below what the same goods usually cost shows a declared price
that is not the paid one (a court case of 2017 had 70 %); one far above shows value that is to be moved abroad or a refund that is
not due. Usual prices are reference data of the kind ``price``; where the zone keeps them (the parameter
``prices`` is in force) and one is missing, that is said.
The shares are our own: no official number was found.
"""

from __future__ import annotations

from hub.domain.money import amount, text
from hub.rules.api import REVIEW, TRADING, Case, Dated, Findings

#: The parameter that is there where the zone keeps prices.
KEPT = "prices"
CODE = "R09"
SOURCE = "Caiguanshui 2016-18; GACC announcement 2018-194"
VALID_FROM = "2016-04-08"
RISK = TRADING
AGENCIES = ("customs", "tax")

#: Percent of the usual price below which and above which a price is named.
LOW = Dated({"2016-04-08": 70}, own=True)
HIGH = Dated({"2016-04-08": 150}, own=True)
LOW_SCORE = Dated({"2016-04-08": 40}, own=True)
HIGH_SCORE = Dated({"2016-04-08": 30}, own=True)
MISSING_SCORE = Dated({"2016-04-08": 10}, own=True)


def check(case: Case) -> Findings:
    """Each line's price against the usual one of its commodity code, in the same unit and currency."""
    side, day = case.declaration.side, case.day
    for index, line in enumerate(case.declaration.lines, 1):
        path = f"InventoryList[{index}]/price"
        record = case.seldom("price", f"{side}:{line.gcode}")
        if record is None or record.get("unit") != line.unit or str(record.get("currency", "142")) != (line.currency or "142"):
            if case.reference("parameter", KEPT) is not None:
                said = {"gcode": line.gcode, "unit": line.unit}
                yield case.finding("price_missing", score=MISSING_SCORE.on(day), path=path, action=REVIEW, evidence=said)
            continue
        usual = amount(str(record["median"]))
        said = {"gcode": line.gcode, "price": text(line.price), "usual": text(usual)}
        if line.price * 100 < usual * LOW.on(day):
            yield case.finding("price_low", score=LOW_SCORE.on(day), path=path, action=REVIEW, evidence=said)
        elif line.price * 100 > usual * HIGH.on(day):
            yield case.finding("price_high", score=HIGH_SCORE.on(day), path=path, action=REVIEW, evidence=said)

"""The declared price is far from what the goods cost.

The dutiable value is the actual transaction price. A price far below what the same goods usually cost shows a declared price
that is not the paid one (a court case of 2017 had 70 %); one far above shows value that is to be moved abroad or a refund that is
not due. Usual prices are reference data of the kind ``price``. They are compared in their own unit, which may be a statutory unit
of the line or one of the same measure, and in their own currency by the records ``exchange``: another unit or currency is no way
around them. Where a line cannot be compared with the price there is, that is said; where there is none, it is said if the zone
keeps prices (the parameter ``prices`` is in force).
The shares are our own: no official number was found.
"""

from __future__ import annotations

from functools import partial

from hub.domain.money import text
from hub.domain.prices import KEPT, compared
from hub.domain.reference import CNY
from hub.domain.reference_kinds import number_of
from hub.rules.api import REVIEW, TRADING, Case, Dated, Findings

CODE = "R09"
SOURCE = "Caiguanshui 2016-18; GACC announcement 2018-194"
VALID_FROM = "2016-04-08"
RISK = TRADING
AGENCIES = ("customs", "tax")

#: Percent of the usual price below which and above which a price is named.
LOW = Dated({"2016-04-08": 70}, own=True, unit="percent")
HIGH = Dated({"2016-04-08": 150}, own=True, unit="percent")
LOW_SCORE = Dated({"2016-04-08": 40}, own=True)
HIGH_SCORE = Dated({"2016-04-08": 30}, own=True)
MISSING_SCORE = Dated({"2016-04-08": 10}, own=True)


def check(case: Case) -> Findings:
    """Each line's price against the usual one of its commodity code, in that one's unit and currency."""
    side, day = case.declaration.side, case.day
    for index, line in enumerate(case.declaration.lines, 1):
        path = f"InventoryList[{index}]/price"
        record = case.seldom("price", f"{side}:{line.gcode}")
        if record is None:
            if case.reference("parameter", KEPT) is not None:
                said = {"gcode": line.gcode, "unit": line.unit}
                yield case.finding("price_missing", score=MISSING_SCORE.on(day), path=path, action=REVIEW, evidence=said)
            continue
        pair = compared(line, record, partial(case.reference, "exchange"))
        if pair is None:
            said = {"gcode": line.gcode, "unit": str(record.get("unit", "")), "currency": str(record.get("currency") or CNY)}
            yield case.finding("price_not_compared", score=MISSING_SCORE.on(day), path=path, action=REVIEW, evidence=said)
            continue
        declared, expected = pair
        said = {"gcode": line.gcode, "price": text(line.price), "usual": text(number_of(record["median"]) or 0)}
        if declared * 100 < expected * LOW.on(day):
            yield case.finding("price_low", score=LOW_SCORE.on(day), path=path, action=REVIEW, evidence=said)
        elif declared * 100 > expected * HIGH.on(day):
            yield case.finding("price_high", score=HIGH_SCORE.on(day), path=path, action=REVIEW, evidence=said)

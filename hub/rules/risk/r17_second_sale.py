"""Goods are bought to be sold again.

Goods imported by this channel are for the buyer's own use and may not be sold again. The same good again and again to one
address, through few buyers, or by one buyer alone, is a stock. No number is published, all numbers here are our own.
"""

from __future__ import annotations

from hub.domain.history import delivered, pieces_of
from hub.domain.money import SCALE
from hub.domain.watching import STOCK
from hub.rules.api import REVIEW, TRADING, Case, Dated, Findings

CODE = "R17"
SOURCE = "Caiguanshui 2018-49 of 2018-11-29; MOFCOM 486 of 2018-11-28"
VALID_FROM = "2019-01-01"
RISK = TRADING
AGENCIES = ("customs", "market")
SIDES = ("import",)

#: Pieces of one good at one address within 30 days, through few buyers.
PIECES = Dated({"2019-01-01": 15}, own=True, unit="pieces")
#: Pieces of one good by one buyer within 30 days.
OWN_PIECES = Dated({"2019-01-01": 15}, own=True, unit="pieces")
SCORE = Dated({"2019-01-01": 30}, own=True)


def check(case: Case) -> Findings:
    """What watch says of each good at the address; what the buyer had of it."""
    day, history = case.day, case.history()
    address, _ = delivered(case.declaration, case.order)
    codes = [line.gcode for line in case.declaration.lines]
    for gcode, qty in pieces_of(case.declaration).items():
        flag = case.flag(STOCK, f"{gcode}@{address}") if address else None
        count = int(flag.get("count", 0)) if flag is not None else 0
        pieces = 0
        if history or qty >= OWN_PIECES.on(day) * SCALE:
            before = sum(units for one in history for code, units in one.goods if code == gcode)
            pieces = (before + qty) // SCALE
        if count >= PIECES.on(day) or pieces >= OWN_PIECES.on(day):
            said = {"gcode": gcode, "count": str(max(count, pieces))}
            path = f"InventoryList[{codes.index(gcode) + 1}]/qty"
            yield case.finding("second_sale", score=SCORE.on(day), path=path, action=REVIEW, evidence=said)

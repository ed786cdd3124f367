"""A small shop has become a large one within a week.

Signs of a platform built for smuggling: hardly anything a week ago, hundreds of sales now, to people nobody has seen before; such were
closed to all but a few computers, and order and payment were forged in batches. What was said of a platform (no licence, no
sale on its pages) is recorded in its standing.
"""

from __future__ import annotations

from hub.domain.profile import GROWTH, TIMES
from hub.rules.api import ECONOMIC, Case, Dated, Findings

CODE = "R16"
SOURCE = "GACC announcement 2018-194; MOFCOM 486 of 2018-11-28"
VALID_FROM = "2019-01-01"
RISK = ECONOMIC
AGENCIES = ("customs",)
SIDES = ("import",)

#: So many times the sales of the week before.
GROWN = Dated({"2019-01-01": TIMES}, own=True, unit="times")
#: Below a review by itself: a shop may be new and honest.
SCORE = Dated({"2019-01-01": 20}, own=True)


def check(case: Case) -> Findings:
    """What observe says of the merchant's growth."""
    flag = case.flag(GROWTH, case.declaration.merchant)
    if flag is not None and flag.get("count", 0) >= GROWN.on(case.day) * flag.get("before", 0):
        said = {name: str(flag.get(name, 0)) for name in ("count", "before", "new")}
        yield case.finding("sudden_growth", score=SCORE.on(case.day), path="InventoryHead/ebcCode", evidence=said)

"""A purchase over the single limit is cut into orders below it.

Above the single limit retail import is closed to orders of more than one item. Who cuts a purchase into several orders of
one merchant within a day evades the limit. That it was one purchase is inferred: the law names no number or time, and a
person may order twice. Who has used nearly all of the year's allowance is noted too.
"""

from __future__ import annotations

from hub.domain.money import amount, text
from hub.rules.api import REVIEW, TRADING, Case, Dated, Findings

CODE = "R06"
SOURCE = "Caiguanshui 2018-49 of 2018-11-29; Caiguanshui 2016-18 before 2019-01-01"
VALID_FROM = "2016-04-08"
RISK = TRADING
AGENCIES = ("customs", "tax")
SIDES = ("import",)

LIMIT = Dated({"2016-04-08": amount("2000"), "2019-01-01": amount("5000")}, unit="yuan")
YEARLY = Dated({"2016-04-08": amount("20000"), "2019-01-01": amount("26000")}, unit="yuan")
#: Orders within so many hours may be one purchase.
HOURS = Dated({"2016-04-08": 24}, own=True, unit="hours")
#: From that percentage of the yearly allowance it is noted.
NEARLY = Dated({"2016-04-08": 90}, own=True, unit="percent")
SPLIT_SCORE = Dated({"2016-04-08": 40}, own=True)
NEARLY_SCORE = Dated({"2016-04-08": 10}, own=True)


def check(case: Case) -> Findings:
    """Orders of one merchant that are together over the limit, none of them alone; an allowance nearly used."""
    day, limit = case.day, LIMIT.on(case.day)
    history = case.history()
    if history and case.value <= limit:
        since, merchant = case.at - HOURS.on(day) * 3_600_000, case.declaration.merchant
        others = [one.value for one in history if one.at > since and one.merchant == merchant and one.value <= limit]
        total = sum(others) + case.value
        if total > limit:
            said = {"count": str(len(others) + 1), "hours": str(HOURS.on(day)), "total": text(total), "limit": text(limit)}
            yield case.finding("split_orders", score=SPLIT_SCORE.on(day), path="InventoryHead", action=REVIEW, evidence=said)
    used, yearly = case.allowance_used(), YEARLY.on(day)
    if used is not None and yearly * NEARLY.on(day) < (used + case.value) * 100 <= yearly * 100:
        said = {"used": text(used + case.value), "limit": text(yearly)}
        yield case.finding("allowance_nearly_used", score=NEARLY_SCORE.on(day), path="InventoryHead", evidence=said)

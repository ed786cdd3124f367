"""Orders that nobody placed.

Sales made elsewhere, or never made, are pushed through a shop: order after order of the same value, paid in the second they
are made, by buyers of whom nothing is known; or one person who orders again and again within an hour. Platforms must
control fake trade; no number is published, all numbers here are our own.
"""

from __future__ import annotations

from hub.domain.watching import INSTANT, instant, instant_key
from hub.rules.api import ECONOMIC, REVIEW, Case, Dated, Findings

CODE = "R05"
SOURCE = "MOFCOM 486 of 2018-11-28"
VALID_FROM = "2019-01-01"
RISK = ECONOMIC
AGENCIES = ("customs", "forex")
SIDES = ("import",)

#: Orders of the same value at one merchant within an hour, paid at once, by new buyers.
ALIKE = Dated({"2019-01-01": 5}, own=True, unit="orders")
#: Orders of one buyer within an hour.
HOURLY = Dated({"2019-01-01": 5}, own=True, unit="orders")
ALIKE_SCORE = Dated({"2019-01-01": 40}, own=True)
HOURLY_SCORE = Dated({"2019-01-01": 30}, own=True)


def check(case: Case) -> Findings:
    """Paid at once, like many others; the buyer's orders of the last hour."""
    day, history = case.day, case.history()
    if instant(case.order, case.payment):
        _, _, id_ = instant_key(case.declaration.merchant, case.value).partition(":")
        flag = case.flag(INSTANT, id_)
        if flag is not None and flag.get("count", 0) >= ALIKE.on(day):
            said = {"count": str(flag["count"])}
            yield case.finding("orders_alike", score=ALIKE_SCORE.on(day), action=REVIEW, evidence=said)
    if history:
        count = 1 + sum(one.at > case.at - 3_600_000 for one in history)
        if count >= HOURLY.on(day):
            yield case.finding("orders_hourly", score=HOURLY_SCORE.on(day), action=REVIEW, evidence={"count": str(count)})

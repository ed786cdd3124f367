"""A waybill that is not that of the parcel.

The number of a waybill may not be used again within six months. Rings bought numbers of parcels that had been delivered and declared
others under them. Register says which number was reported for a second order; a declaration without its waybill under such
a number, or with it, is examined.
"""

from __future__ import annotations

from hub.domain.keys import china_day
from hub.domain.watching import REUSED
from hub.rules.api import REVIEW, TRADING, Case, Dated, Findings

CODE = "R18"
SOURCE = "GACC announcement 2018-194"
VALID_FROM = "2019-01-01"
RISK = TRADING
AGENCIES = ("customs",)

#: Further orders for which the number was reported.
ORDERS = Dated({"2019-01-01": 1}, own=True, unit="orders")
#: Six months, in days, from the last report; watch looks no further back either.
DAYS = Dated({"2019-01-01": 180}, own=True, unit="days")
SCORE = Dated({"2019-01-01": 60}, own=True)

_DAY_MS = 86_400_000


def check(case: Case) -> Findings:
    """What watch says of the declaration's waybill number."""
    of = case.declaration
    if not of.waybill:
        return
    flag = case.flag(REUSED, f"{of.carrier}:{of.waybill}")
    since = china_day(case.at - DAYS.on(case.day) * _DAY_MS)
    if flag is not None and flag.get("count", 0) >= ORDERS.on(case.day) and flag.get("last", since) >= since:
        said = {"carrier": of.carrier, "waybill": of.waybill, "count": str(flag["count"])}
        yield case.finding(
            "waybill_reused", score=SCORE.on(case.day), path="InventoryHead/logisticsNo", action=REVIEW, evidence=said
        )

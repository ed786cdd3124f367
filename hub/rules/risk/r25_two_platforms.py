"""One purchase is declared through two platforms.

Platform and merchant answer for the truth of the trade, and each order is declared once. The same goods of one merchant, to the
same buyer and for the same money, under another platform's code within a day, show one purchase handed in twice: to split what
one platform sells, or to have a second parcel for one payment. A person may buy twice, so it is looked at. The number of hours
is our own.
"""

from __future__ import annotations

from hub.domain.history import goods_of
from hub.rules.api import REVIEW, TRADING, Case, Dated, Findings

CODE = "R25"
SOURCE = "GACC announcement 2018-194; MOFCOM 486 of 2018-11-28"
VALID_FROM = "2019-01-01"
RISK = TRADING
AGENCIES = ("customs",)
SIDES = ("import",)

#: Two purchases within so many hours may be one.
HOURS = Dated({"2019-01-01": 24}, own=True, unit="hours")
SCORE = Dated({"2019-01-01": 30}, own=True)


def check(case: Case) -> Findings:
    """Another purchase that differs in nothing but the platform."""
    of, hours = case.declaration, HOURS.on(case.day)
    alike = [
        one
        for one in case.history()
        if one.at > case.at - hours * 3_600_000
        and one.platform != of.platform
        and one.merchant == of.merchant
        and one.value == case.value
    ]
    if not alike:  # nearly always: its goods need not be put together
        return
    goods = sorted(goods_of(of))
    platforms = {one.platform for one in alike if sorted(one.goods) == goods}
    if platforms:
        said = {"platforms": ", ".join(sorted({*platforms, of.platform})), "hours": str(hours)}
        yield case.finding("two_platforms", score=SCORE.on(case.day), path="InventoryHead/ebpCode", action=REVIEW, evidence=said)

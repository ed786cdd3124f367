"""Receipts of foreign exchange beyond what a small seller may have.

Sellers outside the directory of foreign exchange may be paid through payment institutions and banks by electronic data up to 200,000
dollars a year; the authority lists those above it, and warns of those from 180,000. The hub sees what is declared, not what
is paid: its sum is of exports, by the rates of exchange it was given. A filing that says ``fx_directory`` is in the directory.
"""

from __future__ import annotations

from hub.domain.profile import FX
from hub.rules.api import ECONOMIC, REVIEW, Case, Dated, Findings

CODE = "R21"
SOURCE = "SAFE on small cross-border sellers, read in the press of 2021-03 (the first day is not known)"
VALID_FROM = "2021-03-01"
RISK = ECONOMIC
AGENCIES = ("forex",)
SIDES = ("export",)

#: Dollars of a calendar year.
WARNED = Dated({"2021-03-01": 180_000}, unit="dollars")
LISTED = Dated({"2021-03-01": 200_000}, unit="dollars")
WARNED_SCORE = Dated({"2021-03-01": 10}, own=True)
LISTED_SCORE = Dated({"2021-03-01": 30}, own=True)


def check(case: Case) -> Findings:
    """What observe says of the merchant's exports of the year."""
    merchant, day = case.declaration.merchant, case.day
    flag = case.flag(FX, merchant)
    if flag is None or flag.get("count", 0) <= WARNED.on(day):
        return
    filing = case.reference("enterprise", merchant)
    if filing is not None and filing.get("fx_directory") is True:
        return
    said = {"enterprise": merchant, "count": str(flag["count"])}
    if flag["count"] > LISTED.on(day):
        yield case.finding("fx_directory", score=LISTED_SCORE.on(day), path="InventoryHead/ebcCode", action=REVIEW, evidence=said)
    else:
        yield case.finding("fx_nearly", score=WARNED_SCORE.on(day), path="InventoryHead/ebcCode", evidence=said)

"""The yearly allowance of a buyer.

The dutiable value of a person's retail imports may not exceed the yearly limit: 26,000 yuan since 2019-01-01,
20,000 yuan from 2016-04-08 until then. What would exceed it is to be handled as general trade, not by this channel
(the older text says that it is taxed in full as general trade: a switch, ``reject_over_allowance``, tells which).
The hub knows only what passed through it: its total is a lower bound of customs' own ledger.
A total of exactly the limit is taken to be inside it (the text leaves this open).
"""

from __future__ import annotations

from hub.domain.money import amount, text
from hub.rules.api import REJECT, REVIEW, TRADING, Case, Dated, Findings

CODE = "T07"
SOURCE = "Caiguanshui 2018-49 of 2018-11-29; Caiguanshui 2016-18 before 2019-01-01"
VALID_FROM = "2016-04-08"
RISK = TRADING
AGENCIES = ("customs", "tax")
SIDES = ("import",)

LIMIT = Dated({"2016-04-08": amount("20000"), "2019-01-01": amount("26000")}, unit="yuan")
OVER_SCORE = Dated({"2016-04-08": 60}, own=True)


def exceeds(case: Case) -> bool:
    """Whether the year's limit is exceeded with the declaration."""
    used = case.allowance_used()
    return used is not None and used + case.value > LIMIT.on(case.day)


def closed(case: Case) -> bool:
    """Whether this channel takes nothing beyond the year; else it is taxed in full."""
    return case.setting("reject_over_allowance", default=True)


def check(case: Case) -> Findings:
    """Used before, reserved elsewhere and this one together over the limit: not in this channel."""
    limit = LIMIT.on(case.day)
    used = case.allowance_used()
    if used is None or used + case.value <= limit:
        return
    action = REJECT if closed(case) else REVIEW
    said = {"used": text(used), "value": text(case.value), "limit": text(limit), "year": str(case.year)}
    yield case.finding("allowance", score=OVER_SCORE.on(case.day), path="InventoryHead", action=action, evidence=said)

"""Goods that may not come in by this channel.

What the laws on quarantine, on dangerous chemicals, on drugs and on waste forbid, and what harms port health, biosafety or the safety
of food and goods, may not be traded. The list is the zone's (``forbidden``), with the instrument of each entry; a hit is
of words and codes, so an officer looks.
"""

from __future__ import annotations

from hub.domain.screening import FORBIDDEN
from hub.rules.api import REVIEW, TRADING, Case, Dated, Findings

CODE = "R11"
SOURCE = "AQSIQ work rule for cross-border e-commerce, Art. 9; GACC announcement 2018-194"
VALID_FROM = "2016-01-01"
RISK = TRADING
AGENCIES = ("customs", "market")

SCORE = Dated({"2016-01-01": 80}, own=True)


def check(case: Case) -> Findings:
    """Each entry of the list that a line meets."""
    for hit in case.screened(FORBIDDEN):
        said = hit.entry.said
        path = f"InventoryList[{hit.line}]/gname"
        yield case.finding(
            "forbidden_goods", score=SCORE.on(case.day), path=path, action=REVIEW, blocking=True, evidence=said
        )

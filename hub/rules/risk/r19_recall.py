"""Goods that are recalled, warned of, or of an area under suspension.

Goods of this channel need no first-import licence, save goods from areas under suspension of import or under an emergency measure
for quality. The firm recalls what is unsafe, the platform takes it down. The zone's list ``recalls`` names goods by words, code
and country, with the instrument.
"""

from __future__ import annotations

from hub.domain.screening import RECALLS
from hub.rules.api import REVIEW, TRADING, Case, Dated, Findings

CODE = "R19"
SOURCE = "MOFCOM 486 of 2018-11-28"
VALID_FROM = "2019-01-01"
RISK = TRADING
AGENCIES = ("customs", "market", "commerce")

SCORE = Dated({"2019-01-01": 80}, own=True)


def check(case: Case) -> Findings:
    """Each entry of the list that a line meets: it is stopped."""
    for hit in case.screened(RECALLS):
        said = hit.entry.said
        path = f"InventoryList[{hit.line}]/gname"
        yield case.finding("recalled", score=SCORE.on(case.day), path=path, action=REVIEW, blocking=True, evidence=said)

"""A brand is sold by a merchant that its owner has not named.

Goods that infringe intellectual property may not be traded. The zone's list ``brands`` is what right holders have recorded: the
words of a brand and the merchants that may sell it. A merchant that is not among them need not infringe: an officer looks.
"""

from __future__ import annotations

from hub.domain.screening import BRANDS
from hub.rules.api import REVIEW, TRADING, Case, Dated, Findings

CODE = "R12"
SOURCE = "GACC announcement 2018-194; customs protection of intellectual property, State Council order 395"
VALID_FROM = "2016-04-08"
RISK = TRADING
AGENCIES = ("customs", "market")

SCORE = Dated({"2016-04-08": 40}, own=True)


def check(case: Case) -> Findings:
    """Each brand in a line whose merchant is not named for it."""
    merchant = case.declaration.merchant
    for hit in case.screened(BRANDS):
        if merchant not in hit.entry.merchants:
            said = {"brand": hit.entry.name, "merchant": merchant}
            path = f"InventoryList[{hit.line}]/gname"
            yield case.finding("brand", score=SCORE.on(case.day), path=path, action=REVIEW, evidence=said)

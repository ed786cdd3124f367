"""The tax guarantee is used up.

Whoever withholds the tax of retail import guarantees it in full until it is paid, between day 31 and 45 after release.
Where the unpaid tax of the guarantor's declarations has reached its guarantee, the next ones are not released by
themselves. The balance is kept by the stage ``ledger``, of what passed through the hub, and told by a flag.
"""

from __future__ import annotations

from hub.domain.watching import GUARANTOR
from hub.rules.api import ECONOMIC, REVIEW, Case, Dated, Findings

CODE = "R24"
SOURCE = "GACC 2018-194, Art. 12"
VALID_FROM = "2019-01-01"
RISK = ECONOMIC
AGENCIES = ("customs", "tax")
SIDES = ("import",)

SCORE = Dated({"2019-01-01": 30}, own=True)


def check(case: Case) -> Findings:
    """The guarantor the declaration names has no room left."""
    of = case.declaration
    guarantor = of.guarantor
    if not guarantor or guarantor not in (of.platform, of.merchant, of.carrier, of.declarant):
        return
    flag = case.flag(GUARANTOR, guarantor)
    if flag is not None and flag.get("count"):
        said = {"guarantor": guarantor, "count": str(flag["count"]), "since": str(flag.get("since", ""))}
        yield case.finding(
            "guarantee_used_up", score=SCORE.on(case.day), path="InventoryHead/assureCode", action=REVIEW, evidence=said
        )

"""One account pays for many buyers.

The payer of a retail import is to be the orderer, or the orderer's identity verified. An account that pays for one buyer after
the other shows payments made for the form: forged in batches, or by whoever collects the goods. No number is published, all
numbers here are our own.
"""

from __future__ import annotations

from hub.domain.watching import PAYER
from hub.rules.api import ECONOMIC, REVIEW, Case, Dated, Findings

CODE = "R15"
SOURCE = "GACC announcement 2018-194; MOFCOM 486 of 2018-11-28"
VALID_FROM = "2019-01-01"
RISK = ECONOMIC
AGENCIES = ("customs", "forex")
SIDES = ("import",)

#: Buyers for whom one payer paid within 7 days.
BUYERS = Dated({"2019-01-01": 5}, own=True, unit="buyers")
SCORE = Dated({"2019-01-01": 50}, own=True)


def check(case: Case) -> Findings:
    """What watch says of a payer who is not the buyer."""
    payment = case.payment
    if payment is None or payment.payer_id == case.declaration.buyer_id:
        return
    flag = case.flag(PAYER, payment.payer_id)
    if flag is not None and flag.get("count", 0) >= BUYERS.on(case.day):
        said = {"count": str(flag["count"]), "flag": f"{PAYER}:{payment.payer_id}"}
        yield case.finding(
            "payer_of_many", score=SCORE.on(case.day), path="PaymentHead/payerIdNumber", action=REVIEW, evidence=said
        )

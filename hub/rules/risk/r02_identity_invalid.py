"""The orderer's identity does not hold.

The identity of the orderer is to be verified and sent to customs; where it cannot be verified, orderer and payer must
be the same person. A number whose check digit fails is no identity. A reference record of kind ``identity`` for the
buyer's digest with ``verified`` true says that an authority has verified it.
"""

from __future__ import annotations

from hub.domain.views import INVALID
from hub.rules.api import REJECT, REVIEW, TRADING, Case, Dated, Findings

CODE = "R02"
SOURCE = "GACC announcement 2016-26; GACC announcement 2018-194"
VALID_FROM = "2016-04-08"
RISK = TRADING
AGENCIES = ("customs",)
SIDES = ("import",)

INVALID_SCORE = Dated({"2016-04-08": 60}, own=True)
PAYER_SCORE = Dated({"2016-04-08": 50}, own=True)


def check(case: Case) -> Findings:
    """A check digit that fails, in the declaration or its order; orderer and payer that differ, unless verified."""
    for kind, view in (("declaration", case.declaration), ("order", case.order)):
        if view is not None and view.identity == INVALID:
            yield case.finding(
                "identity_invalid",
                score=INVALID_SCORE.on(case.day),
                path="InventoryHead/buyerIdNumber" if kind == "declaration" else "OrderHead/buyerIdNumber",
                action=REJECT,
                evidence={"kind": kind},
            )
    order, payment = case.order, case.payment
    if order is None or payment is None:
        return
    if order.buyer_name == payment.payer_name and order.buyer_id == payment.payer_id:
        return
    verified = case.reference("identity", case.buyer) if case.buyer else None
    if verified is None or not verified.get("verified"):
        yield case.finding(
            "payer_differs", score=PAYER_SCORE.on(case.day), path="PaymentHead/payerIdNumber", action=REVIEW
        )

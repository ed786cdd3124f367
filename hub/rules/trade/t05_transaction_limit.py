"""The limit of a single transaction.

The dutiable value of one transaction of retail import may not exceed the single limit: 5,000 yuan since 2019-01-01,
2,000 yuan from 2016-04-08 until then. An order that exceeds it but stays within the yearly limit, and that has exactly
one item, may still come in by this channel, with duty and import taxes in full; it counts towards the year.
"Exceeds": exactly the limit is inside it. More than one item above the limit is not allowed (inferred from the text).
An amount below nothing would hide the value: such a declaration is reviewed, and no tax is computed.
"""

from __future__ import annotations

from hub.domain.money import amount, text
from hub.rules.api import REJECT, REVIEW, TRADING, Case, Dated, Findings

CODE = "T05"
SOURCE = "Caiguanshui 2018-49 of 2018-11-29; Caiguanshui 2016-18 before 2019-01-01"
VALID_FROM = "2016-04-08"
RISK = TRADING
AGENCIES = ("customs", "tax")
SIDES = ("import",)

LIMIT = Dated({"2016-04-08": amount("2000"), "2019-01-01": amount("5000")}, unit="yuan")
YEARLY = Dated({"2016-04-08": amount("20000"), "2019-01-01": amount("26000")}, unit="yuan")
#: A single item above the limit is legal; it is noted, and weighs little (our own number).
SINGLE_ITEM_SCORE = Dated({"2016-04-08": 10}, own=True)
OVER_SCORE = Dated({"2016-04-08": 60}, own=True)
NEGATIVE_SCORE = Dated({"2016-04-08": 40}, own=True)


def stays(case: Case) -> bool:
    """Whether a declaration above the limit may still come in: one item, within the year."""
    return case.single_item() and case.value <= YEARLY.on(case.day)


def negative(case: Case) -> str:
    """The field of the declaration that is below nothing, empty where none is."""
    of = case.declaration
    if of.freight < 0 or of.insurance < 0:
        return "InventoryHead/freight" if of.freight < 0 else "InventoryHead/insuredFee"
    for index, line in enumerate(of.lines, 1):
        if line.total < 0:
            return f"InventoryList[{index}]/totalPrice"
    return ""


def check(case: Case) -> Findings:
    """Over the limit: rejected, or a note where the order is a single item within the yearly limit."""
    if path := negative(case):
        yield case.finding("negative_amount", score=NEGATIVE_SCORE.on(case.day), path=path, action=REVIEW)
    limit = LIMIT.on(case.day)
    if case.value <= limit:
        return
    said = {"value": text(case.value), "limit": text(limit)}
    if stays(case):
        yield case.finding("single_item", score=SINGLE_ITEM_SCORE.on(case.day), path="InventoryHead", evidence=said)
        return
    yield case.finding(
        "transaction_limit",
        score=OVER_SCORE.on(case.day),
        path="InventoryHead",
        action=REJECT,
        evidence=said,
    )

"""The import tax of a retail declaration.

Within the limits the tariff is zero, and import VAT and consumption tax are levied at 70 % of the statutory amount,
without exemption of small amounts. Above the single limit (one item only) duty, consumption tax and VAT are levied in
full. The dutiable value is the actual transaction price: goods, freight and insurance.
The tax withheld in the order is compared with the computed one, to 0.01 yuan for each tax of each line
(the rounding, half up for each tax of a line, is our own: no official rule was found).
"""

from __future__ import annotations

from typing import NamedTuple

from hub.domain.money import SCALE, amount, round_half_up, text
from hub.rules.api import REVIEW, TRADING, Case, Dated, Findings
from hub.rules.trade import t05_transaction_limit as limit
from hub.rules.trade import t07_yearly_allowance as allowance

CODE = "T02"
SOURCE = "Caiguanshui 2016-18; Caiguanshui 2018-49 of 2018-11-29"
VALID_FROM = "2016-04-08"
RISK = TRADING
AGENCIES = ("customs", "tax")
SIDES = ("import",)

#: Percent of the statutory VAT and consumption tax within the limits.
SHARE = Dated({"2016-04-08": 70})
#: Yuan by which each tax of each line may differ.
TOLERANCE = Dated({"2016-04-08": amount("0.01")}, own=True)
DIFFERS_SCORE = Dated({"2016-04-08": 30}, own=True)
MISSING_SCORE = Dated({"2016-04-08": 10}, own=True)


class Tax(NamedTuple):
    """The three taxes of a line or a declaration, amounts."""

    duty: int = 0
    consumption: int = 0
    vat: int = 0

    def total(self) -> int:
        """Their sum."""
        return self.duty + self.consumption + self.vat


def line_tax(value: int, *, vat: int, ct: int, duty: int, share: int, full: bool) -> Tax:
    """The taxes of a line of dutiable ``value``; rates are amounts (13 % = 13000). Each is rounded once, from exact parts.

    Consumption tax: P / (1 - ct) * ct. VAT: (P + consumption tax) * vat, which is P / (1 - ct) * vat.
    """
    rest = SCALE - ct
    if not full:
        return Tax(
            0,
            round_half_up(value * ct * share, rest * 100),
            round_half_up(value * vat * share, rest * 100),
        )
    dutiable = value * (SCALE + duty)
    return Tax(
        round_half_up(value * duty, SCALE),
        round_half_up(dutiable * ct, SCALE * rest),
        round_half_up(dutiable * vat, SCALE * rest),
    )


def shares(whole: int, parts: list[int]) -> list[int]:
    """``whole`` divided in proportion to ``parts``; what division leaves goes to the last."""
    total = sum(parts)
    if not whole or not parts:
        return [0] * len(parts)
    divided = [whole * part // total if total else whole // len(parts) for part in parts]
    divided[-1] += whole - sum(divided)
    return divided


def check(case: Case) -> Findings:
    """The tax withheld differs from the computed one, or a rate is missing and nothing can be said."""
    lines = case.declaration.lines
    full = case.value > limit.LIMIT.on(case.day) or allowance.over(case)
    share = SHARE.on(case.day)
    extra = shares(case.declaration.freight + case.declaration.insurance, [line.total for line in lines])
    duty = consumption = vat = taxes = 0
    missing = False
    for index, (line, more) in enumerate(zip(lines, extra, strict=True), 1):
        rate = case.reference("rate", line.gcode) or case.reference("rate", line.gcode[:8])
        if rate is None:
            missing = True
            yield case.finding(
                "rate_missing",
                score=MISSING_SCORE.on(case.day),
                path=f"InventoryList[{index}]/gcode",
                action=REVIEW,
                evidence={"gcode": line.gcode},
            )
            continue
        rates = {name: amount(str(rate.get(name) or "0")) for name in ("vat", "ct", "duty")}
        tax = line_tax(line.total + more, share=share, full=full, **rates)
        duty, consumption, vat = duty + tax.duty, consumption + tax.consumption, vat + tax.vat
        taxes += (tax.duty > 0) + (tax.consumption > 0) + (tax.vat > 0)
    if missing:
        return
    total = duty + consumption + vat
    case.tax = {"duty": text(duty), "consumption": text(consumption), "vat": text(vat), "total": text(total)}
    if case.order is None or abs(case.order.tax - total) <= TOLERANCE.on(case.day) * max(1, taxes):
        return
    said = {"declared": text(case.order.tax), "computed": text(total)}
    yield case.finding("tax_differs", score=DIFFERS_SCORE.on(case.day), path="OrderHead/taxTotal", evidence=said)

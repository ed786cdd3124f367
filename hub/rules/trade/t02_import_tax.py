"""The import tax of a retail declaration.

Within the limits the tariff is zero, and import VAT and consumption tax are levied at 70 % of the statutory amount,
without exemption of small amounts. A single item above the single limit is taxed in full: duty, consumption tax and VAT.
What this channel does not take (several items above the limit, the year used up) has no tax here, and none is computed.
The dutiable value is the actual transaction price: goods, freight and insurance, divided among the lines by their value.
Duty and consumption tax may be by value, by quantity (yuan a unit), or both.
The tax withheld in the order is compared with the computed one, to 0.01 yuan for each tax of each line
(the rounding, half up for each tax of a line, is our own: no official rule was found).
"""

from __future__ import annotations

from functools import lru_cache
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
SHARE = Dated({"2016-04-08": 70}, unit="percent")
#: Yuan by which each tax of each line may differ.
TOLERANCE = Dated({"2016-04-08": amount("0.01")}, own=True, unit="yuan")
DIFFERS_SCORE = Dated({"2016-04-08": 30}, own=True)
MISSING_SCORE = Dated({"2016-04-08": 10}, own=True)


class Rate(NamedTuple):
    """The rates of a tariff line, amounts (13 % = 13000); ``by_unit`` are yuan a ``unit`` (customs' code)."""

    vat: int
    ct: int = 0
    duty: int = 0
    ct_by_unit: int = 0
    duty_by_unit: int = 0
    unit: str = ""


@lru_cache(4096)
def _rate(unit: str, *written: str | int) -> Rate:
    vat, ct, duty, ct_by_unit, duty_by_unit = [amount(str(one)) for one in written]
    return Rate(vat, ct, duty, ct_by_unit, duty_by_unit, unit)


class Tax(NamedTuple):
    """The three taxes of a line or a declaration, amounts."""

    duty: int = 0
    consumption: int = 0
    vat: int = 0

    def total(self) -> int:
        """Their sum."""
        return self.duty + self.consumption + self.vat


def line_tax(value: int, rate: Rate, *, share: int, full: bool, quantity: int = 0) -> Tax:
    """The taxes of a line of dutiable ``value`` and ``quantity`` of the rate's unit. Each is rounded once, from exact parts.

    By value alone: consumption tax P / (1 - ct) * ct; VAT (P + consumption tax) * vat, which is P / (1 - ct) * vat.
    With duty and the specific consumption tax s: C = (P + duty + s) / (1 - ct) * ct + s, VAT = (P + duty + C) * vat,
    which is (P + duty + s) / (1 - ct) * vat.
    """
    rest = SCALE - rate.ct
    by_unit = rate.ct_by_unit * quantity // SCALE
    if not full:
        whole = value + by_unit
        return Tax(
            0,
            round_half_up((whole * rate.ct + by_unit * rest) * share, rest * 100),
            round_half_up(whole * rate.vat * share, rest * 100),
        )
    duty = value * rate.duty + rate.duty_by_unit * quantity
    whole = value * SCALE + duty + by_unit * SCALE
    return Tax(
        round_half_up(duty, SCALE),
        round_half_up(whole * rate.ct + by_unit * SCALE * rest, SCALE * rest),
        round_half_up(whole * rate.vat, SCALE * rest),
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
    full = case.value > limit.LIMIT.on(case.day)
    if (full and not limit.stays(case)) or limit.negative(case):
        return
    if allowance.exceeds(case):
        if allowance.closed(case):
            return
        full = True
    lines = case.declaration.lines
    share = SHARE.on(case.day)
    extra = shares(case.declaration.freight + case.declaration.insurance, [line.total for line in lines])
    duty = consumption = vat = taxes = 0
    missing = False
    for index, (line, more) in enumerate(zip(lines, extra, strict=True), 1):
        gcode = line.gcode
        said = case.reference("rate", gcode) or (case.reference("rate", gcode[:8]) if len(gcode) > 8 else None)
        if said is None:
            missing = True
            yield case.finding(
                "rate_missing",
                score=MISSING_SCORE.on(case.day),
                path=f"InventoryList[{index}]/gcode",
                action=REVIEW,
                evidence={"gcode": gcode},
            )
            continue
        get = said.get
        rate = _rate(
            get("unit") or "", get("vat") or "0", get("ct") or "0", get("duty") or "0",
            get("ct_specific") or "0", get("duty_specific") or "0",
        )  # fmt: skip
        quantity = 0
        if rate.ct_by_unit or (full and rate.duty_by_unit):
            in_unit = line.quantity(rate.unit)
            if in_unit is None:
                missing = True
                yield case.finding(
                    "rate_unit",
                    score=MISSING_SCORE.on(case.day),
                    path=f"InventoryList[{index}]/unit1",
                    action=REVIEW,
                    evidence={"gcode": gcode, "unit": rate.unit},
                )
                continue
            quantity = in_unit
        tax = line_tax(line.total + more, rate, share=share, full=full, quantity=quantity)
        duty, consumption, vat = duty + tax.duty, consumption + tax.consumption, vat + tax.vat
        taxes += (tax.duty > 0) + (tax.consumption > 0) + (tax.vat > 0)
    if missing:
        return
    total = duty + consumption + vat
    case.tax = {"duty": text(duty), "consumption": text(consumption), "vat": text(vat), "total": text(total)}
    if case.order is None or abs(case.order.tax - total) <= TOLERANCE.on(case.day) * max(1, taxes):
        return
    differs = {"declared": text(case.order.tax), "computed": text(total)}
    yield case.finding("tax_differs", score=DIFFERS_SCORE.on(case.day), path="OrderHead/taxTotal", evidence=differs)

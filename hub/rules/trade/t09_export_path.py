"""The path of an export.

Retail exports (9610; 1210 and 1239 from bonded zones) are declared by lists. With flag B they are summarised into entries, with
flag A they only count for statistics: that is for goods without licence, export duty or refund. Exports to companies (9710) and to
overseas warehouses (9810) may go by lists up to the value limit, without licence, duty or inspection; others need a
full declaration. The simplified lists may be declared by four digits (flag A) or six (9710, 9810) of the tariff, all
others by ten. Which lines need what is reference data: dated records of the kind ``export``, and the parameter
``export-list`` which says that such a list is in force; values in another currency need a record ``exchange``.
That the 5,000 yuan hold for 9610 too is from practice, not read.
"""

from __future__ import annotations

from hub.domain.money import SCALE, amount, text
from hub.domain.reference import CNY
from hub.domain.reference_kinds import number_of, yes
from hub.rules.api import REJECT, REVIEW, TRADING, Case, Dated, Findings

CODE = "T09"
SOURCE = "GACC 2018-194; GACC 2020-75 (9710, 9810)"
VALID_FROM = "2019-01-01"
RISK = TRADING
AGENCIES = ("customs", "tax")
SIDES = ("export",)

LIST = "export-list"
#: Mode → digits of the tariff its simplified list may be declared by.
MODES = Dated(
    {
        "2019-01-01": {"9610": 4, "1210": 4, "1239": 4},
        "2020-07-01": {"9610": 4, "1210": 4, "1239": 4, "9710": 6, "9810": 6},
    }
)
#: Modes whose lists are simplified whatever their flag.
COMPANIES = ("9710", "9810")
LIMIT = Dated({"2019-01-01": amount("5000")}, unit="yuan")
MODE_SCORE = Dated({"2019-01-01": 30}, own=True)
VALUE_SCORE = Dated({"2019-01-01": 60}, own=True)
GOODS_SCORE = Dated({"2019-01-01": 60}, own=True)
CODE_SCORE = Dated({"2019-01-01": 20}, own=True)
MISSING_SCORE = Dated({"2019-01-01": 10}, own=True)
#: What keeps goods off a simplified list, by field of a record ``export``.
_NEEDS = ("licence", "duty", "inspection")


def check(case: Case) -> Findings:
    """A mode not in force; a simplified list over the limit, of goods it is not for, or by too few digits."""
    day, declaration = case.day, case.declaration
    mode, companies = declaration.mode, declaration.mode in COMPANIES
    digits = MODES.on(day).get(mode)
    if digits is None:
        path = "InventoryHead/tradeMode"
        yield case.finding("export_mode", score=MODE_SCORE.on(day), path=path, action=REVIEW, evidence={"mode": mode})
        return
    simplified = companies or declaration.flag == "A"
    if simplified:
        yield from _value(case)
    if case.reference("parameter", LIST) is None:
        return
    for index, line in enumerate(declaration.lines, 1):
        gcode, path = line.gcode, f"InventoryList[{index}]/gcode"
        goods = case.reference("export", gcode[:8])
        if goods is None:
            short = _shortened(gcode)
            if not simplified or not short or short < digits:
                said = {"gcode": gcode}
                yield case.finding("export_code", score=CODE_SCORE.on(day), path=path, action=REVIEW, evidence=said)
        elif simplified and (needs := [name for name in _NEEDS if yes(goods.get(name))]):
            said = {"gcode": gcode, "needs": ", ".join(needs)}
            yield case.finding("export_not_simplified", score=GOODS_SCORE.on(day), path=path, action=REJECT, evidence=said)


def _shortened(gcode: str) -> int:
    """To how many digits a code is cut, the rest being zeros: 4, 6, or 0 for a whole code."""
    return 0 if gcode[6:].strip("0") else 6 if gcode[4:6] != "00" else 4


def _value(case: Case) -> Findings:
    """The value of a simplified list against the limit, in yuan."""
    day, declaration, limit = case.day, case.declaration, LIMIT.on(case.day)
    value = 0
    for currency in {line.currency: None for line in declaration.lines}:
        rate = SCALE
        if currency not in (CNY, ""):
            said = case.reference("exchange", currency)
            found = number_of(said.get("cny")) if said is not None else None
            if not found:
                evidence = {"currency": currency}
                yield case.finding(
                    "exchange_missing", score=MISSING_SCORE.on(day), path="InventoryList/currency", action=REVIEW, evidence=evidence
                )
                return
            rate = found
        value += sum(line.total for line in declaration.lines if line.currency == currency) * rate // SCALE
    if value > limit:
        over = {"value": text(value), "limit": text(limit)}
        yield case.finding("export_value", score=VALUE_SCORE.on(day), path="InventoryHead", action=REJECT, evidence=over)

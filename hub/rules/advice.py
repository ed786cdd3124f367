"""What the hub advises about a declaration, whether it is selected for examination, whose it is, what holds it.

The lot is a keyed digest of the declaration's key: the same whenever it is drawn, and nobody outside can tell it. It
selects where it is below the rate, which is the greatest of the control class's share of the zone's base rate, the
class's least rate, the zone's floor and what orders of authorities say. Numbers: ``hub.domain.control``.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from hub.domain.control import class_parameters, selection_of
from hub.domain.credit import CLASSES
from hub.domain.events import Finding
from hub.domain.kinds import EXPORT
from hub.domain.orders import AUTHORITIES, BY_CLASS, BY_FLOOR, HOLD, SELECT, WHOLE, Order
from hub.rules.api import REVIEW, Case
from hub.rules.engine import EXAMINE, RELEASE, RuleSet, Verdict, acting

#: Who gets the view of a declaration that ``hub.domain.access.READS`` gives them, by side, whatever was found.
ALWAYS = {False: ("customs", "tax"), True: ("customs", "tax", "forex")}
#: The class of declarations behind which nobody stands.
_NOBODY = 3
_CLASS = {number: f"class~{number}" for number in CLASSES}
#: What a selection or a class may sharpen.
_MILD = ("green", "yellow")


class Advice(msgspec.Struct, frozen=True):
    """``recommendation``: release, review (of documents), examine, refer or return; ``route``: the authorities it is for.

    ``selected``: by what it was drawn (``class``, ``floor``, an order's id), empty where not; ``rate``: 1/100,000;
    ``held``: the orders by which its message is to be held.
    """

    recommendation: str
    route: tuple[str, ...]
    selected: str = ""
    rate: int = 0
    held: tuple[str, ...] = ()


def advice(case: Case, verdict: Verdict, declaration: str, rules: RuleSet) -> Advice:
    """The advice about a case. Findings of rules in shadow count for nothing here."""
    found = acting(verdict.findings)
    control_class = max([standing.control_class for _, _, standing in case.behind()], default=_NOBODY)
    parameters = class_parameters(control_class, case.reference("parameter", _CLASS[control_class]))
    orders = case.orders()
    meeting = _meeting(orders, control_class, verdict.level, found) if orders else ()
    recommendation, selected, rate = verdict.recommendation, "", 0
    if verdict.level in _MILD:
        easy = verdict.score < parameters.release_below
        recommendation = RELEASE if easy and not [f for f in found if f.action == REVIEW] else REVIEW
    lot = case.draw(declaration)
    if lot is not None:
        base, floor = selection_of(case.reference("parameter", "selection"))
        rate, by = max(base * parameters.sampling // 100, parameters.least * (WHOLE // 100)), BY_CLASS
        if floor > rate:
            rate, by = floor, BY_FLOOR
        for order in meeting:
            if order.what == SELECT and order.rate > rate:
                rate, by = order.rate, order.id
        rate = min(rate, WHOLE)
        if lot < rate:
            selected = by
            if verdict.level in _MILD:
                recommendation = EXAMINE
    held = tuple([order.id for order in meeting if order.what == HOLD])
    return Advice(recommendation, _route(case.declaration.side == EXPORT, found, rules), selected, rate, held)


def _meeting(orders: Iterable[Order], control_class: int, level: str, found: tuple[Finding, ...]) -> tuple[Order, ...]:
    rules = frozenset([finding.rule for finding in found])
    return tuple([order for order in orders if order.meets(control_class, level, rules)])


def _route(export: bool, found: tuple[Finding, ...], rules: RuleSet) -> tuple[str, ...]:
    always = ALWAYS[export]
    if not found:
        return always
    more = [agency for finding in found for agency in rules.by_code(finding.rule).agencies if agency not in always]
    return (*always, *[name for name in AUTHORITIES if name in more]) if more else always

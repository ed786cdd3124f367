"""Case files: what a rule has to find and what it has to leave alone, as TOML (``tests/rules/cases/<CODE>.toml``).

A file is a list of ``[[case]]``. Each says its ``name`` and ``day`` (yyyymmdd), how the case differs from one that is in
order, and what is to be found; README.md beside this file lists the words. Amounts are decimal text.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from hub.domain.history import Purchase
from hub.domain.kinds import EXPORT
from hub.domain.money import amount
from hub.domain.reference import Reference, ReferenceRecord, checked
from hub.domain.views import DeclarationView, LineView, OrderView, PaymentView, WaybillView
from hub.rules.api import ONE, Case, Rule
from hub.rules.engine import RuleSet

Json = Mapping[str, Any]  # Any: what TOML holds

#: What a case says is found.
_EXPECTED = frozenset({"finds", "level", "score", "recommendation", "computes", "evidence"})
#: Short words of a sale in order.
_SHORT = frozenset({
    "value", "totals", "quantities", "freight", "tax", "payer", "identity", "order_identity", "used", "no_buyer", "buyer",
    "states", "differences", "settings", "without", "history", "quantities_used",
})  # fmt: skip
#: Fields of the views, by view; ``lines`` is a table a line, over what ``totals`` and ``quantities`` say.
_VIEWS = frozenset({"declaration", "order", "payment", "waybill", "lines"})
#: Reference data: in full (``references = { "kind:id" = {…} }``), with days (``records = [{ kind, id, valid_from … }]``), and
#: short for some kinds.
_REFERENCES = frozenset({"references", "records", "rates", "flags", "verified"})
WORDS = frozenset({"name", "day"}) | _EXPECTED | _SHORT | _VIEWS | _REFERENCES


class Given:
    """The reference data of a case."""

    def __init__(self, table: Json) -> None:
        self._records: dict[str, Json] = dict(table.get("references", {}))
        self._records |= {f"rate:{code}": rate for code, rate in table.get("rates", {}).items()}
        self._records |= {f"flag:{id_}": value for id_, value in table.get("flags", {}).items()}
        if table.get("verified"):
            self._records[f"identity:{table.get('buyer', 'buyer')}"] = {"verified": True}
        self._dated = Reference()
        for record in checked([msgspec.convert({"version": 1, **entry}, ReferenceRecord) for entry in table.get("records", ())]):
            self._dated.put(record, 0)

    def find(self, kind: str, id: str, day: int, offset: int) -> Json | None:  # noqa: ARG002 - all is known
        """The record of that name."""
        found = self._records.get(f"{kind}:{id}")
        return self._dated.find(kind, id, day) if found is None else found


def case_of(table: Json) -> Case:
    """The case of a table; ValueError for a word it does not know. What it does not say is in order."""
    unknown = sorted(set(table) - WORDS)
    if unknown:
        raise ValueError(f"{', '.join(unknown)}: no words of a case; there are {', '.join(sorted(WORDS))}")
    lines = _lines(table)
    freight, tax = amount(table.get("freight")), amount(table.get("tax"))
    value = sum(line.total for line in lines) + freight
    buyer = "" if table.get("no_buyer") else table.get("buyer", "buyer")
    declaration = DeclarationView(
        "P", "M", "L", "W", "A", "2900", "9610", "name", "id", "tel", table.get("identity", "valid"), "ca", freight, 0, lines,
    )  # fmt: skip
    order = OrderView(
        "P", "M", value, 0, 0, tax, value + tax, "name", "id", "tel", table.get("order_identity", "valid"),
        "PAY", "T", "c", "ct", "ca", lines,
    )  # fmt: skip
    payment = PaymentView("P", "PAY", "T", value + tax, table.get("payer", "name"), "id", "valid")
    waybill = WaybillView("L", "W", "c", "ct", "ca", 0)
    declared = _changed(declaration, table.get("declaration"))
    export = declared.side == EXPORT
    here = {"order": order, "payment": payment, "waybill": waybill}
    without = {*table.get("without", ()), *(["payment"] if export else [])}
    views: dict[str, Any] = {kind: None if kind in without else _changed(view, table.get(kind)) for kind, view in here.items()}
    return Case(
        declaration=declared,
        **views,
        day=table["day"],
        value=value,
        states=table.get("states", {}),
        differences=tuple(table.get("differences", ())),
        buyer="" if export else buyer,
        allowance_used=None if export or not buyer else amount(table.get("used")),
        references=Given(table),
        settings=table.get("settings"),
        at=NOON,
        quantities={hs8: amount(text) for hs8, text in table.get("quantities_used", {}).items()},
        history=tuple(_purchase(n, entry) for n, entry in enumerate(table.get("history", ()))),
    )


#: When a case's declaration is received (ms): of no day in particular, ``hours`` of a history count back from it.
NOON = 1_780_286_400_000


def _purchase(number: int, entry: Json) -> Purchase:
    """An earlier purchase, ``hours`` ago; like the case's sale where it does not say otherwise."""
    values = {
        "declaration": f"declaration/{number}", "at": NOON - int(entry.get("hours", 1) * 3_600_000), "value": entry.get("value", "100"),
        "platform": "P", "merchant": "M", "telephone": "tel", "address": "ca", "reached": "ct", "goods": (("1901101000", ONE),),
    }  # fmt: skip
    unknown = sorted(entry.keys() - {*values, "hours", "pieces"})
    if unknown:
        raise ValueError(f"{', '.join(unknown)}: no words of a history")
    values |= {name: value for name, value in entry.items() if name in values}
    if "pieces" in entry:
        values["goods"] = (("1901101000", amount(entry["pieces"])),)
    return Purchase(**values | {"value": amount(str(values["value"]))})


def _lines(table: Json) -> tuple[LineView, ...]:
    changes = table.get("lines", [])
    totals = table.get("totals") or [table.get("value", "100")] * (len(changes) or 1)
    quantities = table.get("quantities") or ["1"] * len(totals)
    made = [
        LineView(str(n), ("g",), "m", amount(qty), "011", amount(total), amount(total), "116", "1901101000")
        for n, (total, qty) in enumerate(zip(totals, quantities, strict=True), 1)
    ]
    return tuple(_changed(line, change) for line, change in zip(made, changes or [None] * len(made), strict=True))


def _changed(view: Any, fields: Json | None) -> Any:  # Any: one of the views
    """A view with fields changed: text where the field is text, decimal text where it is an amount, lists as tuples."""
    if not fields:
        return view
    values = {name: _as(getattr(view, name), value) for name, value in fields.items()}
    return msgspec.structs.replace(view, **values)


def _as(old: object, value: Any) -> Any:
    if isinstance(old, int) and isinstance(value, str):
        return amount(value)
    return tuple(value) if isinstance(value, list) else value


def wrong(rule: Rule, table: Json) -> list[str]:
    """What a rule does otherwise than its case says, a sentence each; empty where it does as it should.

    A rule that is still in shadow is judged by what it will do.
    """
    case, rule = case_of(table), msgspec.structs.replace(rule, shadow_until=0)
    verdict = RuleSet([rule], "").apply(case)
    codes = [finding.code for finding in verdict.findings]
    pairs: list[tuple[str, Any, Any]] = [("finds", table.get("finds", []), codes)]
    pairs += [
        (word, table[word], getattr(verdict, word)) for word in ("level", "score", "recommendation") if word in table
    ]
    pairs += [(f"tax {name}", value, case.tax.get(name, "")) for name, value in table.get("computes", {}).items()]
    said = {name: text for finding in verdict.findings for name, text in finding.evidence.items()}
    pairs += [(f"evidence {name}", value, said.get(name, "")) for name, value in table.get("evidence", {}).items()]
    found = [f"{what}: {expected!r} was to be, is {is_!r}" for what, expected, is_ in pairs if expected != is_]
    if found and "rule.failed" in codes:
        found.append(f"the rule raised {said['error']}")
    return found


def lacking(rule: Rule, tables: Sequence[Json]) -> list[str]:
    """Which cases a rule should have and has not, a sentence each.

    A hit and a miss on one day (it is not the date that makes it miss), the day before and the day it comes into force, a
    hit before and a case after its last day, a hit under every value a parameter ever had, and everything it can say.
    """
    days = {table["day"] for table in tables}
    hits = {table["day"] for table in tables if table.get("finds")}
    misses = {table["day"] for table in tables if not table.get("finds") and rule.in_force(table["day"])}
    said = {code for table in tables for code in table.get("finds", ())}
    can_say = {f"rule.{name}" for name in _FINDING.findall(inspect.getsource(rule.module))}
    checks = [
        (rule.valid_from in days, f"no case on the day it comes into force, {rule.valid_from}"),
        (any(day < rule.valid_from for day in days), f"no case before it comes into force, {rule.valid_from}"),
        (bool(hits & misses), "no day with a case that hits and one that just misses"),
        (not rule.valid_to or any(day >= rule.valid_to for day in days), f"no case after its last day, {rule.valid_to}"),
        *((code in said, f"no case finds {code}") for code in sorted(can_say)),
    ]
    for name, dated in rule.parameters().items():
        first_days = [day for day, _ in dated.history()]
        for first, end in zip(first_days, [*first_days[1:], _END], strict=True):
            checks.append((any(first <= day < end for day in hits), f"no case hits while {name} is that of {first}"))
    return [text for holds, text in checks if not holds]


_END = 99_999_999
#: Where a rule says something: the name is written out, so that it can be looked up.
_FINDING = re.compile(r'\bfinding\(\s*"(\w+)"')

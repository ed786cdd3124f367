"""Every rule against its cases, and the engine against rule sets that are not in order."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from hub.domain.faults import Misconfigured, kind_of
from hub.domain.money import amount
from hub.domain.reference import Reference, ReferenceRecord, checked
from hub.domain.views import DeclarationView, LineView, OrderView, PaymentView
from hub.rules import engine
from hub.rules.api import Case, Dated, Rule
from hub.rules.engine import RuleSet, discover, judge, read_rule, ruleset

CASES = Path(__file__).parent / "cases"


def cases() -> list[Any]:
    return [
        pytest.param(path.stem, case, id=f"{path.stem}: {case['name']}")
        for path in sorted(CASES.glob("*.toml"))
        for case in tomllib.loads(path.read_text("utf-8"))["case"]
    ]


class Rates:
    """Reference data out of a case file."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.case = case
        self.records = Reference()
        for record in checked([msgspec.convert({"version": 1, **entry}, ReferenceRecord) for entry in case.get("records", ())]):
            self.records.put(record, 0)

    def find(self, kind: str, id: str, day: int, offset: int) -> Mapping[str, Any] | None:
        if kind in ("credit", "link", "enterprise", "parameter"):
            return self.records.find(kind, id, day, 0)
        if kind == "identity":
            return {"verified": True} if self.case.get("verified") else None
        found: dict[str, Any] | None = self.case.get("rates", {}).get(id)
        return found


def a_case(case: dict[str, Any]) -> Case:
    """The case a table of a case file describes; what it does not say is in order."""
    totals = case.get("totals") or [case.get("value", "100")]
    quantities = case.get("quantities") or ["1"] * len(totals)
    lines = tuple(
        LineView(str(n), ("g",), "m", amount(qty), "011", amount(total), amount(total), "116", "1901101000")
        for n, (total, qty) in enumerate(zip(totals, quantities, strict=True), 1)
    )
    value = sum(amount(total) for total in totals) + amount(case.get("freight"))
    tax = amount(case.get("tax"))
    order = OrderView(
        "P", "M", value, 0, 0, tax, value + tax, "name", "id", "tel", case.get("order_identity", "valid"),
        "PAY", "T", "c", "ct", "ca", lines,
    )  # fmt: skip
    payer = case.get("payer", "name")
    declaration = DeclarationView(
        "P", "M", "L", "W", "A", "2900", "9610", "name", "id", "tel", case.get("identity", "valid"), "ca",
        amount(case.get("freight")), 0, lines,
    )  # fmt: skip
    return Case(
        declaration=declaration,
        order=order,
        payment=PaymentView("P", "PAY", "T", value + tax, payer, "id", "valid"),
        day=case["day"],
        value=value,
        states=case.get("states", {}),
        differences=tuple(case.get("differences", ())),
        buyer="" if case.get("no_buyer") else "buyer",
        allowance_used=None if case.get("no_buyer") else amount(case.get("used")),
        references=Rates(case),
        settings=case.get("settings"),
    )


@pytest.mark.parametrize(("code", "case"), cases())
def test_a_rule_finds_what_its_case_says_and_nothing_else(code: str, case: dict[str, Any]) -> None:
    rules = RuleSet([ruleset().by_code(code)], "")
    made = a_case(case)
    verdict = rules.apply(made)
    assert [finding.code for finding in verdict.findings] == case.get("finds", [])
    if "level" in case:
        assert verdict.level == case["level"]
    for name, value in case.get("computes", {}).items():
        assert made.tax[name] == value


@pytest.mark.parametrize("rule", ruleset().rules, ids=lambda rule: rule.code)
def test_a_rule_has_hits_misses_and_both_sides_of_its_first_day(rule: Rule) -> None:
    found = tomllib.loads((CASES / f"{rule.code}.toml").read_text("utf-8"))["case"]
    days = {case["day"] for case in found}
    assert rule.valid_from in days
    assert any(day < rule.valid_from for day in days)
    assert any(case.get("finds") for case in found)
    assert any(not case.get("finds") for case in found if rule.in_force(case["day"]))


def test_every_rule_has_a_case_file_and_every_case_file_a_rule() -> None:
    found = discover(cases=CASES)
    assert {path.stem for path in CASES.glob("*.toml")} == {rule.code for rule in found.rules}


def test_a_rule_without_a_case_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as refused:
        discover(cases=tmp_path)
    assert len(refused.value.problems) == len(ruleset().rules)


def a_module(**fields: Any) -> ModuleType:
    module = ModuleType("made_up", fields.pop("doc", "What the law says."))
    good = {"CODE": "T99", "SOURCE": "S", "VALID_FROM": "2020-01-01", "RISK": "trading", "check": lambda case: []}
    for name, value in (good | fields).items():
        setattr(module, name, value)
    return module


def test_a_module_in_order_is_a_rule() -> None:
    rule, wrong = read_rule(a_module(), "trade", "t99_made_up.py")
    assert not wrong
    assert rule is not None
    assert (rule.code, rule.valid_from, rule.valid_to) == ("T99", 20200101, 0)


@pytest.mark.parametrize(
    ("fields", "file"),
    [
        ({"SOURCE": ""}, "t99_made_up.py"),
        ({"doc": ""}, "t99_made_up.py"),
        ({"VALID_FROM": ""}, "t99_made_up.py"),
        ({"RISK": "other"}, "t99_made_up.py"),
        ({"check": None}, "t99_made_up.py"),
        ({"CODE": "T98"}, "t99_made_up.py"),
        ({}, "made_up.py"),
    ],
)
def test_a_module_that_lacks_something_is_refused(fields: dict[str, Any], file: str) -> None:
    rule, wrong = read_rule(a_module(**fields), "trade", file)
    assert rule is None
    assert wrong


def test_a_retired_code_never_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "RETIRED", frozenset({"T99"}))
    assert read_rule(a_module(), "trade", "t99_made_up.py")[1] == ["trade/t99_made_up.py: code T99 is retired"]


def test_two_rules_of_one_code_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = '"""Law."""\nCODE = "T99"\nSOURCE = "S"\nVALID_FROM = "2020-01-01"\nRISK = "trading"\n'
    body += "def check(case):\n    return []\n"
    package = tmp_path / "doublerules"
    for family in ("trade", "risk", "credit", "routing"):
        (package / family).mkdir(parents=True)
        (package / family / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "trade" / "t99_one.py").write_text(body)
    (package / "risk" / "t99_two.py").write_text(body)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(Misconfigured, match="code T99 is that of another rule too"):
        discover("doublerules")


def test_a_rule_that_raises_is_named_and_the_case_goes_to_review() -> None:
    def broken(case: Case) -> Any:
        raise ZeroDivisionError("with something personal in it")

    rule, _ = read_rule(a_module(check=broken), "trade", "t99_made_up.py")
    assert rule is not None
    verdict = RuleSet([rule], "").apply(a_case({"day": 20260601}))
    (finding,) = verdict.findings
    assert (finding.code, finding.rule, verdict.level) == ("rule.failed", "T99", "yellow")
    assert "personal" not in repr(finding)


def test_a_rule_of_one_side_says_nothing_about_the_other() -> None:
    def found(case: Case) -> Any:
        yield case.finding("failed", score=1, evidence={"rule": "T99", "error": "E"})

    imported = a_case({"day": 20260601})
    exported = a_case({"day": 20260601})
    exported.declaration = msgspec.structs.replace(exported.declaration, side="export")
    for sides, counts in ((("import",), (1, 0)), (("export",), (0, 1)), (("import", "export"), (1, 1))):
        rule, wrong = read_rule(a_module(check=found, SIDES=sides), "trade", "t99_made_up.py")
        assert rule is not None, wrong
        verdicts = [RuleSet([rule], "").apply(case) for case in (imported, exported)]
        assert tuple(len(verdict.findings) for verdict in verdicts) == counts
    assert "SIDES" in read_rule(a_module(check=found, SIDES=("inport",)), "trade", "t99_made_up.py")[1][0]


def test_every_code_a_rule_finds_is_published() -> None:
    for case in (case for path in CASES.glob("*.toml") for case in tomllib.loads(path.read_text("utf-8"))["case"]):
        for code in case.get("finds", ()):
            assert kind_of(code).message_zh


@pytest.mark.parametrize(
    ("score", "level"), [(0, "green"), (29, "green"), (30, "yellow"), (59, "yellow"), (60, "orange"), (80, "red")]
)
def test_levels_begin_at_their_scores(score: int, level: str) -> None:
    case = a_case({"day": 20260601})
    assert judge((case.finding("failed", score=score, evidence={"rule": "X", "error": "E"}),)).level == level


def test_the_digest_is_that_of_the_files() -> None:
    assert discover().digest == engine.digest()
    assert len(engine.digest()) == 16


def test_a_dated_value_is_that_of_its_day() -> None:
    dated = Dated({"2019-01-01": 2, "2016-04-08": 1})
    assert (dated.on(20160408), dated.on(20181231), dated.on(20190101)) == (1, 1, 2)
    with pytest.raises(LookupError):
        dated.on(20160407)

"""Every rule against its cases, and the engine against rule sets that are not in order."""

from __future__ import annotations

import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from hub.domain.faults import Misconfigured, kind_of
from hub.rules import engine
from hub.rules.api import Case, Dated, Rule
from hub.rules.cases import case_of, lacking, wrong
from hub.rules.engine import RuleSet, discover, judge, read_rule, ruleset

CASES = Path(__file__).parent / "cases"


def cases() -> list[Any]:
    return [
        pytest.param(path.stem, case, id=f"{path.stem}: {case['name']}")
        for path in sorted(CASES.glob("*.toml"))
        for case in tomllib.loads(path.read_text("utf-8"))["case"]
    ]


@pytest.mark.parametrize(("code", "case"), cases())
def test_a_rule_finds_what_its_case_says_and_nothing_else(code: str, case: dict[str, Any]) -> None:
    assert wrong(ruleset().by_code(code), case) == []


@pytest.mark.parametrize("rule", ruleset().rules, ids=lambda rule: rule.code)
def test_a_rule_has_hits_misses_both_sides_of_its_days_and_every_value_and_word(rule: Rule) -> None:
    assert lacking(rule, of_rule(rule)) == []


def of_rule(rule: Rule) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tomllib.loads((CASES / f"{rule.code}.toml").read_text("utf-8"))["case"]
    return found


def test_what_a_rule_lacks_of_cases_is_said() -> None:
    rule = ruleset().by_code("T05")
    cases = of_rule(rule)
    assert lacking(rule, []) == [
        "no case on the day it comes into force, 20160408",
        "no case before it comes into force, 20160408",
        "no day with a case that hits and one that just misses",
        "no case finds rule.negative_amount",
        "no case finds rule.single_item",
        "no case finds rule.transaction_limit",
        "no case hits while LIMIT is that of 20160408",
        "no case hits while LIMIT is that of 20190101",
        "no case hits while NEGATIVE_SCORE is that of 20160408",
        "no case hits while OVER_SCORE is that of 20160408",
        "no case hits while SINGLE_ITEM_SCORE is that of 20160408",
        "no case hits while YEARLY is that of 20160408",
        "no case hits while YEARLY is that of 20190101",
    ]
    old = [case for case in cases if case["day"] < 20190101]
    assert "no case hits while LIMIT is that of 20190101" in lacking(rule, old)
    assert lacking(rule, [case for case in cases if "finds" in case]) == [
        "no case before it comes into force, 20160408", "no day with a case that hits and one that just misses",
    ]  # fmt: skip
    ended = msgspec.structs.replace(rule, valid_to=20300101)
    assert lacking(ended, cases) == ["no case after its last day, 20300101"]


def test_a_rule_that_says_something_no_case_finds_is_told() -> None:
    rule = msgspec.structs.replace(ruleset().by_code("T05"), module=ruleset().by_code("T07").module)
    assert "no case finds rule.allowance" in lacking(rule, of_rule(ruleset().by_code("T05")))


def test_a_case_with_a_word_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match=r"ammount: no words of a case"):
        case_of({"day": 20260601, "ammount": "5"})


def test_a_case_file_can_say_everything_a_rule_sees() -> None:
    case = case_of({
        "day": 20260601,
        "declaration": {"side": "export", "mode": "9710", "weight": "1.5"},
        "order": {"currency": "502", "paid": "7"},
        "lines": [{"gcode": "9999999999"}, {"names": ["a", "b"], "total": "3"}],
        "without": ["waybill"],
        "references": {"list:forbidden": {"codes": ["9999999999"]}},
        "flags": {"telephone:tel": {"count": 9}},
    })  # fmt: skip
    assert (case.declaration.mode, case.declaration.weight, case.payment, case.buyer) == ("9710", 150_000, None, "")
    assert case.waybill is None
    assert case.order is not None
    assert (case.order.currency, case.order.paid) == ("502", 700_000)
    assert [line.gcode for line in case.declaration.lines] == ["9999999999", "1901101000"]
    assert (case.declaration.lines[1].names, case.value) == (("a", "b"), 10_300_000)
    assert case.reference("list", "forbidden") == {"codes": ["9999999999"]}
    assert case.reference("flag", "telephone:tel") == {"count": 9}
    assert case.reference("flag", "telephone:other") is None


def test_what_a_rule_does_otherwise_than_its_case_is_said() -> None:
    rule = ruleset().by_code("T05")
    table = {"day": 20260601, "value": "5001", "quantities": ["2"], "level": "green", "evidence": {"limit": "2000"}}
    assert wrong(rule, table) == [
        "finds: [] was to be, is ['rule.transaction_limit']",
        "level: 'green' was to be, is 'reject'",
        "evidence limit: '2000' was to be, is '5000'",
    ]


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
    verdict = RuleSet([rule], "").apply(case_of({"day": 20260601}))
    (finding,) = verdict.findings
    assert (finding.code, finding.rule, verdict.level) == ("rule.failed", "T99", "yellow")
    assert "personal" not in repr(finding)


def test_a_rule_of_one_side_says_nothing_about_the_other() -> None:
    def found(case: Case) -> Any:
        yield case.finding("failed", score=1, evidence={"rule": "T99", "error": "E"})

    imported = case_of({"day": 20260601})
    exported = case_of({"day": 20260601})
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
    case = case_of({"day": 20260601})
    assert judge((case.finding("failed", score=score, evidence={"rule": "X", "error": "E"}),)).level == level


def test_the_digest_is_that_of_the_files() -> None:
    assert discover().digest == engine.digest()
    assert len(engine.digest()) == 16


def test_a_dated_value_is_that_of_its_day() -> None:
    dated = Dated({"2019-01-01": 2, "2016-04-08": 1})
    assert (dated.on(20160408), dated.on(20181231), dated.on(20190101)) == (1, 1, 2)
    with pytest.raises(LookupError):
        dated.on(20160407)

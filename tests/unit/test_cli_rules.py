"""``hub rules``: what is printed of rules, their cases and a changed set."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any, ClassVar

import pytest
from click.testing import CliRunner, Result

import hub.rules
from hub.cli import group
from hub.cli.rules import _since
from hub.rules.engine import ruleset

#: 2026-06-02 00:00 in China.
MIDNIGHT = 1_780_329_600_000


def hub_rules(*arguments: str) -> Result:
    return CliRunner().invoke(group, ["rules", *arguments])


def lines(result: Result) -> list[Any]:
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(Path(hub.rules.__file__).parent, tmp_path / "changed"))


def test_rules_in_force_on_a_day_are_listed_with_source_and_certainty() -> None:
    found = hub_rules("list", "--on", "2016-04-08")
    assert found.exit_code == 0
    assert "T05" in found.stdout
    assert "official" in next(line for line in found.stdout.splitlines() if line.startswith("T05"))
    assert "own numbers: TOLERANCE" in next(line for line in found.stdout.splitlines() if line.startswith("T02"))
    rows = lines(hub_rules("list", "--on", "2026-11-26", "--json"))
    assert [row["code"] for row in rows] == [rule.code for rule in ruleset().rules if rule.in_force(20261126)]
    assert hub_rules("list", "--on", "2000-01-01", "--json").stdout == ""


def test_a_rule_is_shown_with_its_values_on_the_day_which_are_own_and_its_cases() -> None:
    shown = hub_rules("show", "t05", "--on", "2018-12-31").stdout
    assert "LIMIT = 2000 yuan\n" in shown
    assert "OVER_SCORE = 60  (our own number)" in shown
    assert "miss  2018-12-31  the day before 5,000 came into force 2,000 is inside" in shown
    (facts,) = lines(hub_rules("show", "T05", "--json"))
    assert (facts["values"]["LIMIT"], facts["certainty"]) == ("5000", "official")
    assert facts["own"] == ["NEGATIVE_SCORE", "OVER_SCORE", "SINGLE_ITEM_SCORE"]
    assert {case["day"] for case in facts["cases"]} >= {20160407, 20160408}
    assert hub_rules("show", "rule.price_low").stdout.startswith("R09 ·")
    unknown = hub_rules("show", "X1")
    assert (unknown.exit_code, "there is no rule X1" in unknown.stderr) == (1, True)


class Told:
    """A hub that knows how often T05 hit."""

    asked: ClassVar[list[str]] = []

    def __init__(self, *_: Any) -> None: ...

    def get(self, path: str) -> tuple[int, Any]:
        self.asked.append(path)
        figures = {"hits": 7, "shadow_hits": 1, "hit_rate": 0.08, "confirmed": 3, "cleared": 1, "precision": 0.75}
        figures |= {"decided": 5, "decided_true": 4, "undecided": 2}
        return 200, {"items": [{"code": "T05", **figures}]}


def test_how_often_a_rule_hit_is_asked_of_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.cli.rules.Reach", Told)
    shown = hub_rules("show", "T05", "--hits", "--on", "2026-06-07").stdout
    assert "hits        7, in shadow 1; of all assessments 8.00%" in shown
    assert "customs     confirmed 3, cleared 1; precision 75.00%" in shown
    assert "officers    of 5 alerts decided 4 were true; 2 undecided" in shown
    assert Told.asked == ["/v1/rules?to=2026-06-07"]
    (facts,) = lines(hub_rules("show", "T07", "--hits", "--json"))
    assert (facts["hits"], facts["hit_rate"], facts["precision"]) == (0, None, None)


def test_the_installed_rules_do_as_their_cases_say() -> None:
    found = hub_rules("test", "--json")
    assert found.exit_code == 0
    assert [row["rule"] for row in lines(found)] == [rule.code for rule in ruleset().rules]
    assert all(row["hits"] and not row["failures"] and not row["lacks"] for row in lines(found))
    assert re.fullmatch(r"T05 +\d+ cases: \d+ hit, \d+ miss  ok\n", hub_rules("test", "t05").stdout)


def test_a_changed_rule_that_does_otherwise_than_its_cases_is_told_with_the_case(folder: Path) -> None:
    (file,) = folder.glob("trade/t05_*.py")
    file.write_text(file.read_text("utf-8").replace('"2019-01-01": amount("5000")', '"2019-01-01": amount("4000")'), "utf-8")
    found = hub_rules("test", "T05", "--rules", str(folder))
    assert found.exit_code == 1
    assert "FAILS" in found.stdout
    assert "exactly the limit is inside it: finds: [] was to be, is ['rule.single_item']" in found.stdout
    assert hub_rules("test", "T07", "--rules", str(folder)).exit_code == 0


def test_a_rule_without_cases_fails(folder: Path, tmp_path: Path) -> None:
    (file,) = folder.glob("risk/r02_*.py")
    (folder / "risk" / "r99_new.py").write_text(file.read_text("utf-8").replace('CODE = "R02"', 'CODE = "R99"'), "utf-8")
    (row,) = lines(hub_rules("test", "R99", "--rules", str(folder), "--json"))
    assert row["lacks"] == ["no case file"]
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "R99.toml").write_text('[[case]]\nname = "odd"\nday = 20260601\nammount = "5"\n', "utf-8")
    found = hub_rules("test", "R99", "--rules", str(folder), "--cases", str(tmp_path / "cases"))
    assert found.exit_code == 1
    assert "odd: is no case: ValueError: ammount: no words of a case" in found.stdout
    assert "no case finds rule.payer_differs" in found.stdout


@pytest.mark.parametrize("arguments", [("test", "X1"), ("test", "--rules", "tests"), ("backtest", "--since", "soon"), ("backtest", "--since", "2999-01-01")])
def test_what_cannot_be_done_is_said_in_a_sentence(arguments: tuple[str, ...]) -> None:
    found = hub_rules(*arguments)
    assert found.exit_code in (1, 2)
    assert "Traceback" not in found.output
    assert found.stderr


def test_since_is_a_duration_or_a_day_of_china() -> None:
    assert _since("3d", MIDNIGHT) == MIDNIGHT - 3 * 86_400_000
    assert _since("90m", MIDNIGHT) == MIDNIGHT - 90 * 60_000
    assert _since("2026-06-02", 0) == MIDNIGHT

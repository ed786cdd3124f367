"""The table of what rules cost has every rule in force and the whole stage."""

from __future__ import annotations

import msgspec
import pytest

from hub.bench import rules as bench
from hub.domain.events import Tick
from hub.rules.engine import RuleSet, ruleset
from streams.stages.assess import assess


def test_every_rule_in_force_and_every_step_has_its_cost() -> None:
    found = bench.costs(bench.reference(), count=20, rounds=1)
    codes = [rule.code for rule in ruleset().in_force(20260601)]
    assert [cost.what for cost in found] == [*codes, "case", "rules", "assess", "stage"]
    assert all(0 < cost.us < 100_000 for cost in found)
    assert len(bench.table(found)) == len(found) + 1


def test_what_is_measured_is_an_assessment_that_computes_the_tax_and_lets_pass() -> None:
    known = bench.reference()
    for event in bench.events(30):
        made = assess(event, Tick(bench.AT, known.reached), 0, known, ruleset())
        assert made.recommendation == "release"
        assert made.tax["total"] != "0"


def test_an_assessment_over_the_target_ends_with_one(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(bench, "costs", lambda _: [bench.Cost("R01", 61.0, "slow"), bench.Cost("assess", 60.1), bench.Cost("stage", 90.0)])
    assert bench.main(["--json"]) == 1
    rows = [msgspec.json.decode(line) for line in capsys.readouterr().out.splitlines()]
    assert rows[0] == {"what": "R01", "us": 61.0, "title": "slow"}
    monkeypatch.setattr(bench, "costs", lambda _: [bench.Cost("assess", 59.9), bench.Cost("stage", 90.0)])
    assert bench.main([]) == 0


def test_a_slow_rule_is_seen_in_its_own_line_and_in_the_sums() -> None:
    slow = msgspec.structs.replace(ruleset().by_code("R01"), module=type("slow", (), {"check": staticmethod(_slow)}))
    found = {cost.what: cost.us for cost in bench.costs(bench.reference(), RuleSet([slow], ""), count=20, rounds=3)}
    assert found["R01"] > 100
    assert all(found[step] > 100 for step in ("rules", "assess", "stage"))


def _slow(_: object) -> list[object]:
    for _ in range(30_000):
        pass
    return []

"""The pages printed from code are what the code says."""

from __future__ import annotations

from hub.domain import lifecycle
from hub.rules.docs import life_cycle_page, main, rules_page
from hub.rules.engine import ruleset


def test_the_pages_in_the_repository_are_current() -> None:
    assert main(check=True) == 0


def test_every_rule_and_every_code_stands_on_its_page() -> None:
    page = rules_page(ruleset())
    assert all(f"## {rule.code} · " in page for rule in ruleset().rules)
    assert "`LIMIT`: 5000 from 2019-01-01, 2000 from 2016-04-08" in page
    cycle = life_cycle_page()
    assert all(f"| {code.code} | {code.state} |" in cycle for code in lifecycle.CODES)

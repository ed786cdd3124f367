"""The pages printed from code are what the code says."""

from __future__ import annotations

from hub.domain import lifecycle
from hub.rules.api import YUAN
from hub.rules.docs import life_cycle_page, main, rules_page, value_text
from hub.rules.engine import ruleset


def test_the_pages_in_the_repository_are_current() -> None:
    assert main(check=True) == 0


def test_every_rule_and_every_code_stands_on_its_page() -> None:
    page = rules_page(ruleset())
    assert all(f"## {rule.code} · " in page for rule in ruleset().rules)
    assert "`LIMIT`: 5000 yuan from 2019-01-01, 2000 yuan from 2016-04-08" in page
    assert "`LOW`: 70 percent from 2016-04-08 (our own number)" in page
    cycle = life_cycle_page()
    assert all(f"| {code.code} | {code.state} |" in cycle for code in lifecycle.CODES)


def test_every_number_of_a_rule_says_what_it_counts_and_is_shown_as_it_was_written() -> None:
    """What is written as an amount is shown in yuan; 70 percent were once shown as 0.0007."""
    for rule in ruleset().rules:
        for name, value in rule.parameters().items():
            if not name.endswith("SCORE") and (rule.code, name) not in {("R01", "MOST"), ("T09", "MODES")}:
                assert value.unit, (rule.code, name)
            for _, said in value.history():
                if value.unit != YUAN:
                    assert value_text(value.unit, said) == str(said)

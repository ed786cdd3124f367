"""The month's assessments are made again to the same bytes; with a changed rule only what it explains differs."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

import hub.rules
from hub.bench import again as bench
from hub.bench.month import START, Rehearsal, known, play
from hub.bench.traffic import Size, month
from hub.rules.engine import RuleSet, discover, ruleset

SMALL = Size(buyers=300, honest=150, exports=30, instances=1)


@pytest.fixture(scope="module")
def played() -> Rehearsal:
    return play(month(2, START, SMALL), known(SMALL))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = Path(shutil.copytree(Path(hub.rules.__file__).parent, tmp_path / "changed"))
    (file,) = made.glob("*/t05_*.py")
    text = file.read_text("utf-8")
    assert '"2019-01-01": amount("5000")' in text
    file.write_text(text.replace('"2019-01-01": amount("5000")', '"2019-01-01": amount("300")'), "utf-8")
    return made


def test_all_of_it_is_the_same_bytes(played: Rehearsal) -> None:
    told = bench.replay(played, ruleset())
    assert told.made == told.same == len(played.matched) > 200
    assert told.unexplained == ()


def test_a_record_that_was_tampered_with_is_noticed(played: Rehearsal) -> None:
    id_, one = next((id_, one) for id_, one in played.made.items() if one.score)
    other = Rehearsal(played.references)
    other.matched = played.matched
    other.made = played.made | {id_: msgspec.structs.replace(one, score=one.score + 1)}
    told = bench.replay(other, ruleset())
    assert (told.made - told.same, told.unexplained) == (1, (f"{id_}: score",))


def test_a_changed_rule_explains_every_difference_and_no_other_rule_is_blamed(played: Rehearsal, folder: Path) -> None:
    changed = bench.rules_that_differ(folder)
    assert changed == ("T02", "T05"), "the tax rule asks the limit's file"
    told = bench.replay(played, discover(folder=folder), changed)
    assert told.unexplained == ()
    assert 0 < told.tally.changed < told.made
    assert told.tally.rules["T05"].found > 0
    assert set(told.tally.rules) == {"T02", "T05"}


def test_a_difference_without_a_changed_rule_is_unexplained(played: Rehearsal) -> None:
    less = RuleSet([rule for rule in ruleset().rules if rule.code != "R01"], "less")
    assert any("R01" in what for what in bench.replay(played, less, ("T05",)).unexplained)


def test_the_command_ends_well_where_all_is_explained(folder: Path) -> None:
    small = ["--honest", "60", "--instances", "1", "--seed", "3"]
    said = CliRunner().invoke(bench.main, [*small, "--rules", str(folder)])
    assert said.exit_code == 0, said.output
    assert "changed rules: T02, T05" in said.output
    assert "unexplained: 0" in said.output

"""A changed rule set in a folder is replayed against what was assessed, and only the explained differences come out."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

import hub.rules
from hub.domain.faults import Misconfigured
from hub.domain.reference import ReferenceRecord
from hub.rules import engine
from hub.rules.backtest import Change, Tally, change
from hub.rules.engine import RuleSet, discover, ruleset
from streams.stages.assess import again
from tests.support.month import Month, a_month

CHANGED_LIMIT = ('"2019-01-01": amount("5000")', '"2019-01-01": amount("100")')


@pytest.fixture(scope="module")
def month() -> Month:
    return a_month(11, sales=50)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(Path(hub.rules.__file__).parent, tmp_path / "changed"))


def edit(folder: Path, name: str, old: str, new: str) -> None:
    (file,) = folder.glob(f"*/{name}_*.py")
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")


def replayed(month: Month, rules: RuleSet) -> tuple[Tally, list[Change]]:
    tally, changes = Tally(), []
    for one in month.assessments:
        matched = month.matched[one.id]
        made, missing = again(one, matched, rules, month.zone.world.references)
        found = change(one, made, missing, matched.declaration.office)
        tally.add(matched.declaration.office, found)
        changes += [found] if found is not None else []
    return tally, changes


def test_the_same_rules_change_nothing(month: Month, folder: Path) -> None:
    for rules in (ruleset(), discover(folder=folder)):
        tally, changes = replayed(month, rules)
        assert (tally.compared, tally.changed, changes) == (len(month.assessments), 0, [])


def test_a_lower_limit_changes_just_what_lies_between_the_limits(month: Month, folder: Path) -> None:
    edit(folder, "t05", *CHANGED_LIMIT)
    tally, changes = replayed(month, discover(folder=folder))
    between = {
        one.id
        for one in month.assessments
        if month.matched[one.id].declaration.side == "import" and one.value > 100 * 100_000
    }
    assert between
    assert {one.assessment for one in changes} == between
    over_both = sum(any(f.rule == "T05" for f in one.findings) for one in month.assessments)
    assert 0 < tally.rules["T05"].found <= len(between) - over_both
    assert tally.rules["T05"].altered == over_both > 0
    assert tally.rules["T05"].gone == 0
    assert tally.graver > 0
    assert tally.milder == 0
    assert set(tally.rules["T05"].found_in) <= {one.declaration for one in changes}
    assert sum(tally.levels.values()) == tally.graver
    # The tax rule of the folder sees the folder's limit, not the installed one: a single item is taxed in full.
    assert "T02" in tally.rules
    assert sum(t.changed for t in tally.offices.values()) == tally.changed
    assert sum(t.compared for t in tally.offices.values()) == tally.compared


def test_the_installed_rules_stay_what_they_were(folder: Path) -> None:
    before = {name: module for name, module in sys.modules.items() if name.startswith("hub.rules.")}
    edit(folder, "t05", *CHANGED_LIMIT)
    changed = discover(folder=folder)
    assert changed.digest != engine.digest()
    assert {name: module for name, module in sys.modules.items() if name.startswith("hub.rules.")} == before
    assert discover().digest == engine.digest()
    limits = [rules.by_code("T05").parameters()["LIMIT"].on(20260601) for rules in (ruleset(), changed)]
    assert limits == [500_000_000, 10_000_000]
    assert list(folder.rglob("__pycache__/*t05*")) == []


def test_a_rule_taken_out_is_no_longer_found(month: Month, folder: Path) -> None:
    (file,) = folder.glob("risk/r01_*.py")
    file.unlink()
    tally, changes = replayed(month, discover(folder=folder))
    had = [one for one in month.assessments if any(f.rule == "R01" for f in one.findings)]
    assert tally.changed == len(had) > 0
    assert tally.rules["R01"].gone == sum(f.rule == "R01" for one in had for f in one.findings)
    assert (tally.graver, tally.milder > 0) == (0, True)
    assert all(what.startswith("R01 rule.") for one in changes for what in one.gone)


def test_a_score_that_changes_is_another_finding_of_the_same_place(month: Month, folder: Path) -> None:
    edit(folder, "r01", 'MISSING_SCORE = Dated({"2016-04-08": 40}', 'MISSING_SCORE = Dated({"2016-04-08": 41}')
    tally, changes = replayed(month, discover(folder=folder))
    assert tally.rules["R01"].altered > 0
    assert (tally.rules["R01"].found, tally.rules["R01"].gone) == (0, 0)
    assert {one.score[1] - one.score[0] for one in changes} <= {0, 1, 2}


def test_a_rule_that_raises_is_named(month: Month, folder: Path) -> None:
    edit(folder, "t05", "    limit = LIMIT.on(case.day)\n", "    limit = 1 // 0\n")
    tally, _ = replayed(month, discover(folder=folder))
    imports = sum(month.matched[one.id].declaration.side == "import" for one in month.assessments)
    assert tally.raised == {"T05 ZeroDivisionError": imports}


def test_what_a_new_rule_asks_for_and_no_record_has_is_named_and_not_judged(month: Month, folder: Path) -> None:
    body = (folder / "risk" / "r02_identity_invalid.py").read_text("utf-8").replace('CODE = "R02"', 'CODE = "R99"')
    start = body.index("def check(")
    body = body[:start] + "def check(case: Case) -> Findings:\n    case.known('made-up', list[int], lambda: [])\n    yield from ()\n"
    (folder / "risk" / "r99_new.py").write_text(body, "utf-8")
    tally, changes = replayed(month, discover(folder=folder))
    imports = sum(month.matched[one.id].declaration.side == "import" for one in month.assessments)
    assert (tally.unjudged, tally.unread, tally.changed) == (imports, {"made-up": imports}, 0)
    assert tally.compared == len(month.assessments) - imports
    assert {one.missing for one in changes} == {("made-up",)}


def test_reference_data_a_new_rule_reads_is_todays(month: Month, folder: Path) -> None:
    limit = "    limit = amount(str(found['limit'])) if (found := case.reference('list', 'limit')) else LIMIT.on(case.day)\n"
    edit(folder, "t05", "    limit = LIMIT.on(case.day)\n", limit)
    tally, _ = replayed(month, discover(folder=folder))
    assert (tally.unjudged, tally.changed) == (0, 0)
    references = month.zone.world.references
    record = ReferenceRecord("list", "limit", 1, "2026-01-01", value={"limit": 100})
    references.put(record, references.reached + 1)  # behind every assessment's offset
    tally, _ = replayed(month, discover(folder=folder))
    assert tally.unjudged == 0
    assert tally.rules["T05"].found > 0
    assert replayed(month, ruleset())[0].changed == 0


def test_a_folder_that_is_no_rule_set_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as refused:
        discover(folder=tmp_path / "nothing")
    assert len(refused.value.problems) == 4
    (folder / "risk" / "r98_broken.py").write_text("def check(:\n", "utf-8")
    (folder / "trade" / "t98_broken.py").write_text("import nothing_of_that_name\n", "utf-8")
    with pytest.raises(Misconfigured) as refused:
        discover(folder=folder)
    assert [problem.partition(":")[0] for problem in refused.value.problems] == ["trade/t98_broken.py", "risk/r98_broken.py"]
    assert discover().digest == engine.digest()

"""An assessment recomputes from its own record to the same bytes, and what keeps it from that is named (I6)."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import msgspec
import pytest

from hub import codec
from hub.domain.events import Assessment
from hub.domain.reference import Reference, ReferenceRecord
from hub.rules.api import Case
from hub.rules.engine import RuleSet, ruleset
from hub.rules.recompute import Recalled, UnreadError, differences
from streams.stages.assess import again
from tests.support.month import Month, a_month


@pytest.fixture(scope="module", params=[1, 2])
def month(request: pytest.FixtureRequest) -> Month:
    return a_month(request.param)


def test_every_assessment_of_a_month_recomputes_to_the_same_bytes(month: Month) -> None:
    assert len(month.assessments) > 30
    assert len({finding.code for one in month.assessments for finding in one.findings}) > 4
    for one in month.assessments:
        made, missing = again(one, month.matched[one.id], ruleset())
        assert missing == ()
        assert codec.to_json(made) == codec.to_json(one)
        assert differences(one, made) == []


def with_a_read(month: Month, start: str) -> Assessment:
    return next(one for one in month.assessments if any(name.startswith(start) for name in one.read))


@pytest.mark.parametrize("start", ["allowance:", "rate:", "setting:"])
def test_a_read_the_record_lacks_is_named_and_nothing_is_put_in_its_place(month: Month, start: str) -> None:
    one = with_a_read(month, start) if start != "setting:" else over_the_allowance(month)
    lost = next(name for name in one.read if name.startswith(start))
    read = {name: text for name, text in one.read.items() if name != lost}
    made, missing = again(msgspec.structs.replace(one, read=read), month.matched[one.id], ruleset())
    assert set(missing) == {lost}
    assert "rule.failed" in [finding.code for finding in made.findings]


def over_the_allowance(month: Month) -> Assessment:
    """An assessment in which the buyer had used up everything, made by the rules themselves."""
    one = with_a_read(month, "allowance:")
    read = one.read | {f"allowance:{2026}": "2600000000", "setting:reject_over_allowance": "true"}
    made, missing = again(msgspec.structs.replace(one, read=read), month.matched[one.id], ruleset())
    assert (missing, made.recommendation) == ((), "return")
    return made


def test_reference_data_answers_what_the_record_lacks_where_there_is_any(month: Month) -> None:
    one = with_a_read(month, "rate:")
    read = {name: text for name, text in one.read.items() if not name.startswith("rate:")}
    forgetful = msgspec.structs.replace(one, read=read)
    made, missing = again(forgetful, month.matched[one.id], ruleset(), month.zone.world.references)
    assert (missing, made.findings) == ((), one.findings)


def test_a_difference_names_the_finding_the_read_and_the_score() -> None:
    month = a_month(3, sales=12)
    one = next(one for one in month.assessments if one.findings)
    less = RuleSet([rule for rule in ruleset().rules if rule.code != one.findings[0].rule], "less")
    made, _ = again(one, month.matched[one.id], less)
    found = {difference.what: difference for difference in differences(one, made)}
    gone = f"{one.findings[0].rule} {one.findings[0].code} {one.findings[0].path}".strip()
    assert found[gone].after == "–"
    assert found["rules"].after == "less"


def recalled(record: dict[str, str], missing: list[str]) -> Case:
    declaration = ModuleType("declaration")  # nothing of it is looked at
    return Recalled(record, missing, declaration=declaration, day=20260601, value=0)


def test_every_reader_notes_what_it_read_and_is_answered_by_the_note() -> None:
    """One way for all: a reader of another type, as other rules add them."""
    asked: list[str] = []

    def find(what: str) -> tuple[tuple[int, str], ...] | None:
        asked.append(what)
        return ((1, what),) if what != "nothing" else None

    case = Case(declaration=Any, day=20260601, value=0)  # type: ignore[arg-type]  # nothing of it is looked at
    kind: Any = tuple[tuple[int, str], ...]
    assert case.known("history", kind, find, "a") == ((1, "a"),)
    assert case.known("flag:x", kind, find, "nothing") is None
    assert case.known("history", kind, find, "b") == ((1, "a"),), "asked once"
    assert asked == ["a", "nothing"]
    assert case.read == {"history": '[[1,"a"]]', "flag:x": ""}
    missing: list[str] = []
    later = recalled(case.read, missing)
    assert later.known("history", kind, find, "a") == ((1, "a"),)
    assert later.known("flag:x", kind, find, "a") is None
    with pytest.raises(UnreadError, match="flag:y"):
        later.known("flag:y", kind, find, "a")
    assert (missing, asked, later.read) == (["flag:y"], ["a", "nothing"], case.read)


def test_what_is_seldom_there_is_noted_once_a_kind_and_answered_by_that() -> None:
    known = Reference()
    known.put(ReferenceRecord("flag", "telephone:t", 1, "2026-01-01", value={"count": 4}), 0)
    case = Case(declaration=Any, day=20260601, value=0, references=known)  # type: ignore[arg-type]  # nothing of it is looked at
    assert case.flag("telephone", "other") is None
    assert case.flag("telephone", "another") is None
    assert case.flag("telephone", "t") == {"count": 4}
    assert case.read == {"flag:telephone:t": '{"count":4}', "flag:*": ""}
    missing: list[str] = []
    later = recalled(case.read, missing)
    assert later.flag("telephone", "t") == {"count": 4}
    assert later.flag("telephone", "other") is None
    assert later.read == case.read
    with pytest.raises(UnreadError, match="country:502"):
        later.seldom("country", "502")
    assert missing == ["country:502"]

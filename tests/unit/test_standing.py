"""The standing of an enterprise: which source counts from when to when, and what outweighs what."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import codec, topics
from hub.domain.control import DEFAULTS, WEIGHTS, parameters_of, weights_of
from hub.domain.credit import CLASSES, SOURCES
from hub.domain.events import Matched, Tick
from hub.domain.grade import FULL, grade_at, grade_of, known_dimensions
from hub.domain.keys import china_year
from hub.domain.reference import Reference, ReferenceRecord, problems
from hub.domain.standing import Change, Reason, Standing, Standings, changed, of_note, shared_filings, standing_of
from hub.infra.reference_files import read
from hub.rules.api import Case
from hub.rules.engine import ruleset
from streams.stages.assess import assess
from tests.support.documents import four, submission
from tests.support.stage_harness import World

FIRM, OTHER = "3399960001", "3399960002"
DAY = 20260601


def credit(
    source: str, word: str, code: str = FIRM, begins: str = "2026-04-01", ends: str = "", **value: Any
) -> ReferenceRecord:
    said = {SOURCES[source].field: word, "recorded_by": "office", **value}
    return ReferenceRecord("credit", f"{code}~{source}", 1, begins, ends, said)


def link(*firms: str, code: str = FIRM, id: str = "", **value: Any) -> ReferenceRecord:
    return ReferenceRecord("link", id or code, 1, "2026-04-01", value={"firms": list(firms), "source": "register", **value})


def known(*records: ReferenceRecord) -> Reference:
    data = Reference()
    for offset, record in enumerate(records):
        data.put(record, offset)
    return data


def standing(*records: ReferenceRecord, day: int = DAY, code: str = FIRM) -> Standing:
    data = known(*records)
    return standing_of(data, code, day, data.reached)


def test_of_an_enterprise_nothing_is_known_of_the_class_is_three() -> None:
    assert standing() == Standing(3, 3, (), known=False)


def test_an_enterprise_is_known_by_its_filing_or_by_what_is_said_of_it() -> None:
    filing = ReferenceRecord("enterprise", FIRM, 1, "2026-05-01", value={"state": "filed"})
    struck_off = ReferenceRecord("enterprise", FIRM, 2, "2026-06-01", value={"state": "struck off"})
    days = (20260430, 20260501, 20260601)
    assert [standing(filing, struck_off, day=day).known for day in days] == [False, True, False]
    assert standing(credit("tax", "A")).known


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([credit("gacc", "advanced_certified")], 1),
        ([credit("gacc", "certified")], 2),
        ([credit("gacc", "regular")], 3),
        ([credit("gacc", "dishonest")], 5),
        ([credit("gacc", "seriously_dishonest")], 5),
        ([credit("tax", "A")], 3),
        ([credit("tax", "D")], 4),
        ([credit("safe", "C")], 4),
        ([credit("refund", "4")], 4),
        ([credit("court", "listed")], 4),
        ([credit("negative", "listed")], 5),
        ([credit("gacc", "advanced_certified"), credit("tax", "A"), credit("safe", "A")], 1),
        ([credit("gacc", "advanced_certified"), credit("tax", "C")], 3),
        ([credit("gacc", "advanced_certified"), credit("safe", "C")], 4),
        ([credit("gacc", "advanced_certified"), credit("case", "open")], 2),
        ([credit("case", "open")], 3),
        ([credit("zone", "AAA", confirmed_by="office")], 1),
        ([credit("zone", "BB", confirmed_by="office"), credit("gacc", "advanced_certified")], 4),
        ([credit("gacc", "dishonest"), credit("tax", "A"), credit("zone", "AAA", confirmed_by="office")], 5),
    ],
)
def test_the_worst_source_wins(records: list[ReferenceRecord], expected: int) -> None:
    assert standing(*records).control_class == expected


def test_an_authoritys_decision_overrides_every_source_and_the_sources_stay_shown() -> None:
    found = standing(credit("negative", "listed"), credit("decision", "2", reason="appeal granted"))
    assert found.control_class == 2
    assert [(r.source, r.state) for r in found.reasons] == [("negative", "overridden"), ("decision", "acts")]


@pytest.mark.parametrize("source", ["zone", "computed", "alert", "self_reported"])
def test_what_nobody_confirmed_is_a_suggestion_and_leaves_the_class_alone(source: str) -> None:
    word = {"alert": "open"}.get(source, "BB")
    found = standing(credit("gacc", "certified"), credit(source, word))
    assert found.control_class == 2
    assert found.suggested == (2 if source == "self_reported" else 4)
    assert found.reasons[-1].state == "suggested"


def test_a_computed_grade_is_never_more_than_a_suggestion() -> None:
    assert standing(credit("computed", "AAA", confirmed_by="somebody")).control_class == 3


def test_a_repaired_record_counts_no_longer_from_its_day_on() -> None:
    record = credit("publication", "general", ends="2027-04-01", repaired_on="2026-07-01")
    assert problems(record) == []
    assert [standing(record, day=day).control_class for day in (20260630, 20260701)] == [4, 3]
    assert standing(record, day=20260701).reasons[0].state == "repaired"


def test_who_recorded_a_thing_can_withdraw_it_from_a_day_on() -> None:
    """A successor that covers the same days: days before the withdrawal stay as they were."""
    first = credit("negative", "listed")
    second = ReferenceRecord("credit", first.id, 2, first.valid_from, value={**first.value, "ended_on": "2026-07-01"})
    assert problems(second) == []
    assert [standing(first, second, day=day).control_class for day in (20260630, 20260701)] == [5, 3]
    assert standing(first, second, day=20260701).reasons[0].state == "ended"


def test_a_note_gives_the_same_standing_again() -> None:
    data = known(credit("tax", "D"), credit("gacc", "advanced_certified"))
    found, name, note = Standings(data).at(DAY, data.reached)[FIRM]
    assert name == f"standing:{FIRM}"
    assert of_note(note) == found == standing_of(data, FIRM, DAY, data.reached)


def test_a_confirmed_link_to_a_restricted_firm_lowers_the_class_and_names_the_firm() -> None:
    bad = credit("negative", "listed", code=OTHER)
    found = standing(bad, link(OTHER, confirmed=True), credit("gacc", "advanced_certified"))
    assert (found.control_class, found.deciding) == (4, (Reason("link", "5", 4, "acts", OTHER, "register"),))


@pytest.mark.parametrize("suggestion", [link(OTHER), link(OTHER, id=f"{FIRM}~suggested", confirmed=True)])
def test_a_link_nobody_confirmed_is_shown_and_leaves_the_class_alone(suggestion: ReferenceRecord) -> None:
    found = standing(credit("negative", "listed", code=OTHER), suggestion)
    assert (found.control_class, found.suggested) == (3, 4)


def test_a_linked_person_on_a_list_lowers_too() -> None:
    person = "k1:6d616465"
    record = ReferenceRecord("link", FIRM, 1, "2026-04-01", value={"persons": [person], "confirmed": True, "source": "register"})
    found = standing(record, credit("publication", "serious", code=person, ends="2029-04-01"))
    assert found.control_class == 4


def test_a_link_reaches_one_step_and_circles_end() -> None:
    third = "3399960003"
    circle = (link(OTHER, confirmed=True), link(third, code=OTHER, confirmed=True), link(FIRM, FIRM, code=third, confirmed=True))
    bad = credit("negative", "listed", code=third)
    assert [standing(*circle, bad, code=code).control_class for code in (FIRM, OTHER, third)] == [3, 4, 5]


def test_an_enterprise_answers_for_what_is_said_under_its_other_code() -> None:
    filing = ReferenceRecord("enterprise", FIRM, 1, "2026-05-01", value={"also": [OTHER, FIRM]})
    bad = credit("gacc", "dishonest", code=OTHER)
    assert [standing(filing, bad, day=day).control_class for day in (20260430, 20260501)] == [3, 5]
    (reason,) = standing(filing, bad).reasons
    assert (reason.source, reason.via) == ("gacc", OTHER)


def test_firms_whose_filings_share_something_are_suggested_as_linked() -> None:
    filings = [
        (FIRM, {"legal_person": "b1:aa", "address": "b1:park", "account": "", "also": ["3399960009"]}),
        (OTHER, {"legal_person": "b1:aa", "account": ""}),
        ("3399960003", {"legal_person": "b1:bb"}),
        ("3399960009", {"legal_person": "b1:aa"}),
        *((f"park{n}", {"address": "b1:park"}) for n in range(51)),
    ]
    assert shared_filings(filings, FIRM) == {OTHER: ("legal_person",)}
    assert shared_filings(filings[:-1], FIRM)["park49"] == ("address",)
    assert shared_filings(filings, "nobody") == {}


def test_what_a_link_does_is_dated_data() -> None:
    record = ReferenceRecord("parameter", "linked", 1, "2026-06-01", value={"5": 5, "4": 0})
    records = (record, link(OTHER, confirmed=True), credit("negative", "listed", code=OTHER))
    assert [standing(*records, day=day).control_class for day in (20260531, 20260601)] == [4, 5]


@pytest.mark.parametrize(
    ("level", "begins", "good"),
    [
        ("general_certified", "2014-12-01", True),
        ("general_certified", "2014-11-30", False),
        ("general_credit", "2021-10-31", True),
        ("general_credit", "2021-11-01", False),
        ("other_filed", "2021-10-31", False),
        ("other_filed", "2021-11-01", True),
        ("other_filed", "2026-03-31", True),
        ("other_filed", "2026-04-01", False),
        ("certified", "2026-03-31", False),
        ("certified", "2026-04-01", True),
        ("seriously_dishonest", "2026-03-31", False),
        ("seriously_dishonest", "2026-04-01", True),
        ("advanced_certified", "2014-12-01", True),
        ("dishonest", "2026-04-01", True),
        ("AAA", "2026-04-01", False),
    ],
)
def test_customs_levels_are_those_of_the_order_in_force(level: str, begins: str, good: bool) -> None:
    assert (problems(credit("gacc", level, begins=begins)) == []) is good


def test_a_record_that_names_an_order_not_in_force_is_refused_with_the_one_that_was() -> None:
    (said,) = problems(credit("gacc", "dishonest", begins="2026-04-01", instrument="GACC 251"))
    assert said == "GACC 251 was not in force on 20260401: GACC 282 was"
    assert problems(credit("gacc", "dishonest", begins="2026-03-31", instrument="GACC 251")) == []


@pytest.mark.parametrize(
    ("cause", "begins", "repaired", "good"),
    [
        ("smuggling", "2025-01-15", "2026-01-14", False),
        ("smuggling", "2025-01-15", "2026-01-15", True),
        ("violations", "2025-08-31", "2026-02-27", False),
        ("violations", "2025-08-31", "2026-03-01", True),
        ("overdue", "2025-01-15", "2025-04-15", True),
        ("overdue", "2025-01-15", "2025-04-14", False),
        ("weather", "2025-01-15", "2026-04-15", False),
        ("", "2025-01-15", "2026-04-15", False),
        ("general", "2026-04-01", "2026-06-30", False),
        ("general", "2026-04-01", "2026-07-01", True),
        ("", "2018-04-30", "2019-04-30", True),
        ("", "2018-05-01", "2019-05-01", False),
        ("", "2018-05-01", "2020-05-01", True),
    ],
)
def test_nothing_is_repaired_before_its_period_is_over(cause: str, begins: str, repaired: str, good: bool) -> None:
    value = {"cause": cause} if cause else {}
    ends = "2027-04-01" if cause == "general" else ""
    assert (problems(credit("gacc", "dishonest", begins=begins, ends=ends, repaired_on=repaired, **value)) == []) is good


@pytest.mark.parametrize(
    ("severity", "ends", "good"),
    [("minor", "2026-07-01", True), ("minor", "2026-07-02", False), ("general", "2027-04-01", True), ("serious", "", False)],
)
def test_a_publication_ends_by_itself_at_its_longest_period(severity: str, ends: str, good: bool) -> None:
    assert (problems(credit("publication", severity, ends=ends)) == []) is good


@pytest.mark.parametrize(
    "record",
    [
        ReferenceRecord("credit", FIRM, 1, "2026-04-01", value={"level": "dishonest", "recorded_by": "x"}),
        ReferenceRecord("credit", f"{FIRM}~rumour", 1, "2026-04-01", value={"level": "bad", "recorded_by": "x"}),
        ReferenceRecord("credit", f"{FIRM}~tax", 1, "2026-04-01", value={"level": "D"}),
        credit("decision", "6", reason="r"),
        credit("decision", "2"),
        credit("tax", "M", begins="2018-03-31"),
        credit("tax", "", begins="2026-04-01"),
        credit("negative", "listed", repaired_on="soon"),
        link(),
        link(OTHER, confirmed="yes"),
        link(*[str(n) for n in range(51)]),
        ReferenceRecord("parameter", "class~6", 1, "2026-04-01"),
        ReferenceRecord("parameter", "class~5", 1, "2026-04-01", value={"sampling": -1}),
        ReferenceRecord("parameter", "class~5", 1, "2026-04-01", value={"prechecks": "dance"}),
        ReferenceRecord("parameter", "class~5", 1, "2026-04-01", value={"rate": 1}),
        ReferenceRecord("parameter", "linked", 1, "2026-04-01", value={"5": 7}),
        ReferenceRecord("parameter", "grade", 1, "2026-04-01", value={**WEIGHTS, "history": 26}),
    ],
)
def test_a_record_that_says_nothing_usable_is_refused(record: ReferenceRecord) -> None:
    assert len(problems(record)) == 1


@pytest.mark.parametrize(
    ("score", "grade"),
    [
        (1000, "BB"), (1299, "BB"), (1300, "BBB"), (1399, "BBB"), (1400, "A"), (1499, "A"), (1500, "AA"), (1599, "AA"),
        (1600, "AAA"), (2000, "AAA"),
    ],
)  # fmt: skip
def test_a_bound_belongs_to_the_better_grade(score: int, grade: str) -> None:
    assert grade_at(score) == grade


def test_the_score_is_the_weighted_sum_of_the_dimensions_rounded_down() -> None:
    assert grade_of(dict.fromkeys(WEIGHTS, 0)).score == 1000
    assert grade_of(dict.fromkeys(WEIGHTS, FULL)).score == 2000
    made = {"qualification": 601, "behaviour": 500, "history": 700, "performance": 400, "relations": 300}
    found = grade_of(made)  # 90.15 + 125 + 175 + 100 + 30
    assert (found.score, found.grade, found.unknown) == (1520, "AA", ())
    assert grade_of(made | {"performance": 319}).grade == "A"  # 1499.9
    assert grade_of(made | {"qualification": 600, "performance": 320}).grade == "AA"  # 1500 exactly


def test_of_whom_nothing_is_known_the_grade_says_so_and_is_that_of_class_three() -> None:
    found = grade_of({})
    assert (found.grade, found.score, set(found.unknown)) == ("BBB", 1300, set(WEIGHTS))


@pytest.mark.parametrize("wrong", [{"charm": 1}, {"history": 1001}, {"history": -1}])
def test_a_dimension_out_of_its_range_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="no dimension"):
        grade_of(wrong)


def test_the_weights_are_dated_data() -> None:
    record = ReferenceRecord("parameter", "grade", 1, "2026-06-01", value=dict.fromkeys(WEIGHTS, 20))
    data = known(record)
    assert problems(record) == []
    made = {"history": FULL}
    scores = [grade_of(made, weights_of(data, day, data.reached)).score for day in (20260531, 20260601)]
    assert scores == [1000 + 250 + 225, 1000 + 200 + 240]


def test_reference_data_tell_of_three_of_the_dimensions() -> None:
    assert known_dimensions(standing(), None) == {}
    found = standing(credit("gacc", "certified"), credit("tax", "B"), credit("zone", "BB", confirmed_by="office"))
    assert known_dimensions(found, {"state": "filed"}) == {"qualification": 900, "history": 800}
    bad = (credit("negative", "listed", code=OTHER), link(OTHER, confirmed=True), credit("decision", "1", reason="r"))
    assert known_dimensions(standing(*bad), None) == {"relations": 0}


def test_each_class_has_parameters_and_a_record_changes_some_of_them_from_its_day() -> None:
    values = {"sampling": "500", "prechecks": "document_hold,manual"}
    record = ReferenceRecord("parameter", "class~4", 1, "2026-06-01", value=values)
    data = known(record)
    assert problems(record) == []
    assert [parameters_of(data, n, 20260531, 0) for n in CLASSES] == [DEFAULTS[n] for n in CLASSES]
    found = parameters_of(data, 4, 20260601, 0)
    assert (found.sampling, found.least, found.release_below) == (500, 0, DEFAULTS[4].release_below)
    assert found.prechecks == ("document_hold", "manual")


def test_the_worse_the_class_the_more_is_looked_at() -> None:
    rows = [DEFAULTS[n] for n in CLASSES]
    assert [row.sampling for row in rows[:4]] == [20, 50, 100, 300]
    assert rows[4].least == 80
    assert [row.release_below for row in rows] == sorted((row.release_below for row in rows), reverse=True)


def test_a_change_names_the_classes_and_the_reasons_that_came_and_went() -> None:
    before, after = standing(credit("tax", "D")), standing(credit("gacc", "dishonest"))
    assert changed(before, before) is None
    assert changed(before, after) == Change(4, 5, 5, after.reasons, before.reasons)


SOME = st.sampled_from(
    [
        ("gacc", "dishonest"), ("gacc", "advanced_certified"), ("tax", "D"), ("safe", "C"), ("negative", "listed"),
        ("rate", ""), ("link", ""),
    ]
)  # fmt: skip


@given(st.lists(st.tuples(SOME, st.sampled_from([FIRM, OTHER]), st.integers(0, 8)), max_size=12))
def test_what_is_kept_is_what_would_be_worked_out_at_every_offset(steps: list[tuple[tuple[str, str], str, int]]) -> None:
    """Records come while standings are asked for at older and newer offsets."""
    data = Reference()
    kept = Standings(data, most=3)
    versions: dict[str, int] = {}
    for offset, ((source, word), code, asked) in enumerate(steps):
        if source == "rate":
            record = ReferenceRecord("rate", "1", 1, "2026-04-01")
        elif source == "link":
            record = link(OTHER if code == FIRM else FIRM, code=code, confirmed=True)
        else:
            record = credit(source, word, code)
        version = versions[record.id] = versions.get(record.id, 0) + 1
        data.put(ReferenceRecord(record.kind, record.id, version, record.valid_from, value=record.value), offset)
        for at in {min(asked, offset), offset}:
            for firm in (FIRM, OTHER):
                assert kept.at(DAY, at)[firm][0] == standing_of(data, firm, DAY, at)


def test_an_assessment_notes_the_standings_it_used_and_recomputes_whatever_is_recorded_later() -> None:
    documents = four()
    platform = documents["declaration"].head.ebpCode
    data = known(credit("tax", "D", code=platform, begins="2020-01-01", number="TAX-7"))
    world, seen = World(references=data), []
    queue = world.queue

    def watch(topic: str, key: bytes, value: bytes) -> None:
        if topic == topics.inbox("assess") and isinstance(event := codec.assess_event(value), Matched):
            seen.append(event)
        queue(topic, key, value)

    world.queue = watch  # type: ignore[method-assign]
    world.now = Tick(world.now.at, 0, "test")
    for document in documents.values():
        world.submit(submission(document))
    world.run()
    (first,) = world.assessments()
    assert "rule.control_class" in [finding.code for finding in first.findings]
    noted = of_note(first.read[f"standing:{platform}"])
    assert noted.control_class == 4
    assert noted.deciding == (Reason("tax", "D", 4, "acts", "", "TAX-7"),)
    data.put(ReferenceRecord("credit", f"{platform}~tax", 2, "2020-01-01", value={"level": "A", "recorded_by": "tax"}), 9)
    used = int(first.read[f"allowance:{china_year(seen[0].received_at)}"])
    for offset, same in ((0, True), (9, False)):
        again = assess(seen[0], Tick(first.at, offset, first.rules), used, data, ruleset(), make=partial(Case, standings=Standings(data)))
        assert (again.findings == first.findings) is same
        assert (codec.to_json(again) == codec.to_json(first)) is same


def test_the_records_on_the_page_about_standing_can_be_loaded(tmp_path: Path) -> None:
    page = Path("docs/explanation/standing.md").read_text("utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    file = tmp_path / "standing.toml"
    file.write_text(example, "utf-8")
    assert [record.kind for record in read(file)] == ["credit", "link"]

"""The standing of an enterprise: which source counts from when to when, and what outweighs what."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.reference import Reference, ReferenceRecord
from hub.domain.standing import Standing, Standings, of_note, standing_of

FIRM, OTHER = "3399960001", "3399960002"
DAY = 20260601


def credit(source: str, word: str, code: str = FIRM, begins: str = "2026-04-01", **value: Any) -> ReferenceRecord:
    field = {"zone": "grade", "computed": "grade", "refund": "class", "decision": "class"}.get(source, "level")
    return ReferenceRecord("credit", f"{code}~{source}", 1, begins, value={field: word, "recorded_by": "office", **value})


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
    assert standing() == Standing(3, 3, ())


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
    record = credit("publication", "general", repaired_on="2026-07-01", valid_to="2027-04-01")
    assert [standing(record, day=day).control_class for day in (20260630, 20260701)] == [4, 3]
    assert standing(record, day=20260701).reasons[0].state == "repaired"


def test_a_note_gives_the_same_standing_again() -> None:
    data = known(credit("tax", "D"), credit("gacc", "advanced_certified"))
    found, note = Standings(data).of(FIRM, DAY, data.reached)
    assert of_note(note) == found == standing_of(data, FIRM, DAY, data.reached)


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
                assert kept.of(firm, DAY, at)[0] == standing_of(data, firm, DAY, at)

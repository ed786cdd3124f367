"""Records → rows: what cannot be read or stored is left out alone, the newest revision wins, numbers lead to keys."""

from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from hub import codec, topics
from hub.domain.events import Finding, TimelineEntry
from hub.domain.reading import COLUMNS, Batch
from streams.projection import HANDLERS
from tests.support.reading import MIDNIGHT, Case, answer_of, assessment_of, status_record, submission_record


@dataclass
class Seen:
    topic: str
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]] = field(default_factory=list)
    partition: int = 0
    offset: int = 0


def project(*records: tuple[str, bytes, bytes, Any]) -> tuple[Batch, int]:
    batch, bad = Batch(), 0
    for offset, (topic, key, value, headers) in enumerate(records):
        bad += HANDLERS[topic]([Seen(topic, key, value, headers, 0, offset)], batch)
    return batch, bad


def documents(*records: tuple[str, bytes, bytes, Any]) -> dict[str, dict[str, Any]]:
    batch = Batch()
    seen = [Seen(topic, key, value, headers, 0, n) for n, (topic, key, value, headers) in enumerate(records)]
    assert HANDLERS[topics.STATUSES](seen, batch) == 0
    names = [name for name, _ in COLUMNS["documents"]]
    rows = [dict(zip(names, row, strict=True)) for row in batch.rows["documents"]]
    assert len({row["key"] for row in rows}) == len(rows)
    return {row["key"]: row for row in rows}


@given(some.permutations(range(1, 6)))
def test_the_newest_revision_of_a_batch_is_written_in_whatever_order_it_stands(order: list[int]) -> None:
    case = Case(1)
    rows = documents(*(status_record(case.status("order", revision, "matched")) for revision in order))
    assert rows[case.keys["order"]]["revision"] == 5


def test_steps_before_the_current_version_came_are_not_its_own() -> None:
    timeline = (
        TimelineEntry(MIDNIGHT - 5000, "hub", "matched"),
        TimelineEntry(MIDNIGHT, "hub", "received"),
        TimelineEntry(MIDNIGHT + 70, "hub", "matched"),
        TimelineEntry(MIDNIGHT + 90, "customs", "800"),
    )
    case = Case(1)
    row = documents(status_record(case.status("declaration", 9, timeline=timeline)))[case.keys["declaration"]]
    assert (row["matched_at"], row["handed_at"], row["released_at"]) == (MIDNIGHT + 70, 0, MIDNIGHT + 90)


def test_what_was_closed_before_the_word_of_its_release_came_was_released_then() -> None:
    timeline = (
        TimelineEntry(MIDNIGHT, "hub", "received"),
        TimelineEntry(MIDNIGHT + 90, "customs", "899"),
        TimelineEntry(MIDNIGHT + 95, "customs", "older receipt", "800"),
    )
    case = Case(1)
    row = documents(status_record(case.status("declaration", 9, timeline=timeline)))[case.keys["declaration"]]
    assert row["released_at"] == MIDNIGHT + 90


def test_what_no_index_can_hold_is_left_out_alone() -> None:
    case, long = Case(3), "9" * 20_000
    good = status_record(case.status("order", 1, "received"))
    batch, bad = project(good, status_record(case.status("payment", 1, "received", submission=long)))
    assert (bad, len(batch.rows["documents"])) == (1, 1)
    batch, bad = project(status_record(case.status("waybill", 1, "received", numbers={"preNo": long, "invtNo": "I1"})))
    assert (bad, [number for number, _ in batch.rows["numbers"]]) == (0, ["I1"])


def test_numbers_lead_to_the_key_and_the_order_number_needs_no_row() -> None:
    case = Case(3)
    batch, _ = project(status_record(case.released("declaration")))
    assert dict(batch.rows["numbers"]).keys() == {f"I{3:017d}"}  # copNo ends the key, which has an index of its own


@pytest.mark.parametrize("value", [b"", b"\xff", b"[]", b"{}", b'{"revision": 1}'])
def test_what_is_no_status_is_left_out_alone(value: bytes) -> None:
    case = Case(4)
    batch, bad = project((topics.STATUSES, b"k", value, []), status_record(case.status("order")))
    assert (bad, len(batch.rows["documents"])) == (1, 1)


def test_a_number_no_column_holds_keeps_only_its_own_record_out() -> None:
    case = Case(5)
    huge = case.status("order", since=1 << 63)
    batch, bad = project(status_record(huge), status_record(case.status("payment")))
    assert (bad, [row[0] for row in batch.rows["documents"]]) == (1, [case.keys["payment"]])


def test_a_nul_reaches_no_text_column() -> None:
    case = Case(6)
    row = documents(status_record(case.status("order", order=("EBP", "N\x00O"))))[case.keys["order"]]
    assert "\x00" not in "".join(value for value in row.values() if isinstance(value, str))


def test_the_value_of_a_submission_is_not_opened() -> None:
    topic, key, _, headers = submission_record(Case(7), "order")
    batch, bad = project((topic, key, b"\x00sealed, whatever it is", headers), (topic, b"\x00tick", b"", []))
    assert (bad, len(batch.rows["submissions"])) == (0, 1)


def test_an_answer_said_twice_counts_once() -> None:
    answer = answer_of(Case(8), "800", 1)
    record = (topics.ANSWERS, b"agent", codec.to_json(answer), [])
    batch, _ = project(record, record)
    assert [sum(counter.values()) for counter in batch.counts.values()] == [1]


def test_what_rules_found_is_a_row_a_declaration_and_rule_and_counted_by_the_day_of_china() -> None:
    late = Case(5, 1_780_243_200_000 - 1000)  # 23:59:59 of 2026-05-31 in China; assessed within the same second
    findings = (Finding("a", rule="R01"), Finding("b", rule="R01"), Finding("c", rule="R02", shadow=True))
    one = msgspec.structs.replace(assessment_of(late), findings=findings)
    nothing = msgspec.structs.replace(assessment_of(Case(6, late.at)), findings=())
    records = [(topics.ASSESSMENTS, made.declaration.encode(), codec.to_json(made), []) for made in (one, nothing)]
    batch, bad = project(*records)
    assert (bad, batch.rows["rule_hits"]) == (0, [(one.declaration, "R01", 20260531), (one.declaration, "R02", 20260531)])
    day = 1_780_243_200 - 86_400
    assert batch.counts["assessments", one.id] == {
        (one.at // 1000, "", "assessments", ""): 1,
        (day, "", "assessed in a day", ""): 1,
        (day, "", "hits in a day", "R01"): 1,
        (day, "", "shadow hits in a day", "R02"): 1,
    }
    assert len(batch.counts["assessments", nothing.id]) == 2

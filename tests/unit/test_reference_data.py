"""Reference data keep every version; what is asked is answered as of a day and as known at a log offset."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain import reference
from hub.domain.faults import Misconfigured
from hub.domain.reference import Reference, ReferenceRecord
from hub.infra.reference import as_versions
from hub.infra.reference_files import read


def rate(version: int, begins: str, ends: str = "", vat: str = "") -> ReferenceRecord:
    return ReferenceRecord("rate", "1901101000", version, begins, ends, {"vat": vat or f"v{version}"})


def vat(data: Reference, day: int, offset: int | None = None) -> str | None:
    found = data.find("rate", "1901101000", day, offset)
    return None if found is None else found["vat"]


def test_the_version_in_force_on_the_day_is_found() -> None:
    data = Reference()
    data.put(rate(1, "2024-01-01", "2024-06-01"), 0)
    data.put(rate(2, "2024-06-01"), 1)
    days = (20231231, 20240101, 20240531, 20240601, 20991231)
    assert [vat(data, day) for day in days] == [None, "v1", "v1", "v2", "v2"]


def test_a_correction_counts_only_for_who_has_read_it() -> None:
    data = Reference()
    data.put(rate(1, "2024-01-01"), 5)
    data.put(rate(2, "2024-01-01"), 9)
    assert [vat(data, 20240201, offset) for offset in (4, 5, 8, 9, None)] == [None, "v1", "v1", "v2", "v2"]
    assert data.reached == 9


def test_a_version_read_twice_keeps_the_offset_it_became_known_at() -> None:
    data = Reference()
    data.put(rate(1, "2024-01-01"), 5)
    data.put(rate(1, "2024-01-01"), 50)
    assert vat(data, 20240201, 5) == "v1"


@given(st.permutations(range(6)), st.integers(-1, 6))
def test_what_was_known_at_an_offset_does_not_depend_on_what_came_later(order: list[int], offset: int) -> None:
    versions = [rate(number + 1, f"2024-0{number % 3 + 1}-01") for number in order]
    early, all_ = Reference(), Reference()
    for place, record in enumerate(versions):
        all_.put(record, place)
        if place <= offset:
            early.put(record, place)
    for day in (20240101, 20240201, 20240301, 20250101):
        assert vat(all_, day, offset) == vat(early, day)


@given(st.dictionaries(st.text(), st.text() | st.integers(-(2**53), 2**53) | st.booleans()))
def test_a_record_comes_back_from_its_bytes(value: dict[str, object]) -> None:
    record = ReferenceRecord("list", "名单", 3, "2024-01-01", "2025-01-01", value, demo=True)
    assert reference.decode(reference.encode(record)) == record
    assert record.key == "list/名单/3".encode()


def test_the_next_version_is_made_only_where_something_new_is_said() -> None:
    known = Reference()
    known.put(rate(1, "2024-01-01", vat="0.13"), 0)
    assert as_versions([rate(1, "2024-01-01", vat="0.13")], known) == []
    [first, second] = as_versions([rate(1, "2024-01-01", vat="0.09"), rate(1, "2025-01-01", vat="0.08")], known)
    assert (first.version, second.version) == (2, 3)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("kind,id,valid_from,valid_to,vat\nrate,1,2024-01-01,,1\nnonsense,1,2024-01-01,,1\n", ":3: kind 'nonsense'"),
        (
            "kind,id,valid_from,valid_to,vat\nrate,1,2024-01-01,,1\nrate,1,2024-02-01,,1\n",
            ":3: rate/1 overlaps with line 2",
        ),
        ("kind,id,valid_from,valid_to,vat\nrate,1,2024-13-01,,1\n", ":2: '2024-13-01'"),
        ("kind,id,valid_from,valid_to,vat\nrate,1,2024-02-01,2024-02-01,1\n", ":2: valid_to is not after"),
        ("kind,id,valid_from,valid_to,vat\nrate,1,2024-02-01\n", ":2: not as many columns"),
    ],
)
def test_a_file_with_a_fault_is_refused_whole_with_its_line(tmp_path: Path, text: str, wrong: str) -> None:
    file = tmp_path / "rates.csv"
    file.write_text(text, "utf-8")
    with pytest.raises(Misconfigured) as refused:
        read(file)
    assert wrong in refused.value.problems[0]


def test_a_toml_file_names_the_line_of_its_table(tmp_path: Path) -> None:
    file = tmp_path / "lists.toml"
    file.write_text(
        '[[record]]\nkind = "list"\nid = "a"\nvalid_from = 2024-01-01\n\n[[record]]\nkind = "lists"\nid = "b"\nvalid_from = 2024-01-01\n'
    )
    with pytest.raises(Misconfigured) as refused:
        read(file)
    assert ":6: kind 'lists'" in refused.value.problems[0]


def test_a_good_file_is_read_with_its_values(tmp_path: Path) -> None:
    file = tmp_path / "rates.csv"
    file.write_text("kind,id,valid_from,valid_to,vat,ct\nrate,1,2024-01-01,,0.13,\n", "utf-8")
    assert read(file) == [ReferenceRecord("rate", "1", 1, "2024-01-01", value={"vat": "0.13"})]

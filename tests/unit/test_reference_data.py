"""Reference data keep every version; what is asked is answered as of a day and as known at a log offset."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hub.domain import reference
from hub.domain.faults import Misconfigured
from hub.domain.reference import Reference, ReferenceRecord
from hub.domain.screening import RECALLS
from hub.infra.reference import ReferenceReader, as_versions
from hub.infra.reference_files import read
from hub.rules.cases import case_of
from hub.rules.engine import RuleSet, ruleset
from tests.support.reading import FixedClock


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


def test_a_record_no_topic_would_take_is_refused_before_it_is_sent() -> None:
    def recalls(words: int) -> ReferenceRecord:
        entries = [{"name": f"r{n}", "instrument": "SAMR", "terms": ["玩" * 100]} for n in range(words)]
        return ReferenceRecord("list", RECALLS, 1, "2026-06-01", value={"entries": entries})

    assert reference.checked([recalls(2000)])
    with pytest.raises(Misconfigured, match="bytes"):
        reference.checked([recalls(3000)])


def test_of_what_has_no_days_only_the_newest_version_stays() -> None:
    data = Reference()
    for version in (1, 3, 2, 4):
        data.put(ReferenceRecord("subscription", "s1", version, "2020-01-01", value={"title": str(version)}), version)
    assert [record.version for record in data.versions("subscription", "s1")] == [4]
    assert data.newest("subscription", "s1") == 4


def test_the_next_version_is_made_only_where_something_new_is_said() -> None:
    known = Reference()
    known.put(rate(1, "2024-01-01", vat="0.13"), 0)
    assert as_versions([rate(1, "2024-01-01", vat="0.13")], known) == []
    [first, second] = as_versions([rate(1, "2024-01-01", vat="0.09"), rate(1, "2025-01-01", vat="0.08")], known)
    assert (first.version, second.version) == (2, 3)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("kind,id,valid_from,valid_to,vat\nrate,19011010,2024-01-01,,0.13\nnonsense,19011010,2024-01-01,,0.13\n", ":3: kind 'nonsense'"),
        (
            "kind,id,valid_from,valid_to,vat\nrate,19011010,2024-01-01,,0.13\nrate,19011010,2024-02-01,,0.13\n",
            ":3: rate/19011010 overlaps with line 2",
        ),
        ("kind,id,valid_from,principal,feed\nsubscription,s1,2020-01-01,customs,alerts\n", ":2: records of the kind subscription are written by the hub alone"),
        ("kind,id,valid_from,vat\nendpoint,s1,2020-01-01,\n", ":2: records of the kind endpoint are written by the hub alone"),
        ("kind,id,valid_from,valid_to,vat\nrate,19011010,2024-13-01,,0.13\n", ":2: '2024-13-01'"),
        ("kind,id,valid_from,valid_to,vat\nrate,19011010,2024-02-01,2024-02-01,0.13\n", ":2: valid_to is not after"),
        ("kind,id,valid_from,valid_to,vat\nrate,19011010,2024-02-01\n", ":2: not as many columns"),
        ("kind,id,valid_from,valid_to,vat\nrate,19011010,2024-02-30,,0.13\n", ":2: 2024-02-30 is no day of the calendar. (reference.day)"),
        ("kind,id,valid_from,valid_to,vat\nrate,19011010,2024-01-01,,13\n", "(13 % is 0.13), not '13'. (reference.share)"),
        ("kind,id,valid_from,valid_to,vat\nrate,19011010,2024-01-01,,-0.13\n", "not '-0.13'. (reference.share)"),
        ("kind,id,valid_from,valid_to,vat\nrate,19011010,2024-01-01,,13%\n", "not '13%'. (reference.share)"),
        ("kind,id,valid_from,valid_to,vat\nrate,190110,2024-01-01,,0.13\n", "8 or 10 digits. (reference.tariff_line)"),
        ("kind,id,valid_from,valid_to,ct\nrate,19011010,2024-01-01,,0.13\n", "says vat. (reference.missing_field)"),
        ("kind,id,valid_from,valid_to,vat,tax\nrate,19011010,2024-01-01,,0.13,1\n", "tax is no field of a record of the kind rate"),
        ("kind,id,valid_from,valid_to,vat,ct_specific\nrate,19011010,2024-01-01,,0.13,1\n", "needs the unit (customs' code). (reference.unit_missing)"),
        ("kind,id,valid_from,valid_to,vat,unit\nrate,19011010,2024-01-01,,0.13,litre\n", "unit litre is not in customs' list unit. (reference.code)"),
        ("kind,id,valid_from,valid_to,vat,duty_specific\nrate,19011010,2024-01-01,,0.13,1e9\n", "not '1e9'. (reference.number)"),
        ('kind,id,valid_from,valid_to,modes\npositive,19011010,2024-01-01,,"1210,12"\n', "modes 12 is not in customs' list tradeMode. (reference.code)"),
        ("kind,id,valid_from,valid_to,cny\nexchange,USD,2024-01-01,,7.1\n", "id USD is not in customs' list currency. (reference.code)"),
        ("kind,id,valid_from,valid_to,median,unit\nprice,import:1901101000,2024-01-01,,0,035\n", ":2: median is above 0"),
        ("kind,id,valid_from,valid_to,licence\nexport,19011010,2024-01-01,,yes\n", "licence is true or false, not 'yes'. (reference.form)"),
        ("kind,id,valid_from,valid_to,yearly\npositive,17019910,2024-01-01,,2\n", "(reference.unit_missing)"),
        ("kind,id,valid_from,valid_to,verified\nidentity,d,2024-01-01,,yes\n", "verified is true or false, not 'yes'. (reference.form)"),
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
        '[[record]]\nkind = "parameter"\nid = "a"\nvalid_from = 2024-01-01\n\n[[record]]\nkind = "lists"\nid = "b"\nvalid_from = 2024-01-01\n'
    )
    with pytest.raises(Misconfigured) as refused:
        read(file)
    assert ":6: kind 'lists'" in refused.value.problems[0]


def test_a_good_file_is_read_with_its_values(tmp_path: Path) -> None:
    file = tmp_path / "rates.csv"
    file.write_text("kind,id,valid_from,valid_to,vat,ct\nrate,19011010,2024-01-01,,0.13,\n", "utf-8")
    assert read(file) == [ReferenceRecord("rate", "19011010", 1, "2024-01-01", value={"vat": "0.13"})]


def test_records_in_a_list_are_refused_rather_than_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "rates.toml"
    file.write_text('record = [{ kind = "rate", id = "19011010", valid_from = "2024-01-01", value = { vat = "0.13" } }]\n', "utf-8")
    with pytest.raises(Misconfigured, match="table of its own"):
        read(file)


_CELLS = st.text(max_size=8) | st.sampled_from(["0", "0.13", "1", "13", "0.999999", "-1", "1e3", "035", ""]) | st.integers() | st.booleans()


@given(st.dictionaries(st.sampled_from(["vat", "ct", "duty", "ct_specific", "duty_specific", "unit"]), _CELLS), st.booleans())
@example({"vat": 0, "ct_specific": 5, "unit": "095"}, True)
def test_a_rate_that_is_taken_never_stops_the_tax_rule(value: dict[str, object], single: bool) -> None:
    """What passes the check can be computed with, however it was written."""
    if reference.problems(ReferenceRecord("rate", "1901101000", 1, "2016-04-08", value=value)):
        return
    table = {"name": "", "day": 20260601, "rates": {"1901101000": value}, "value": "6000" if single else "300"}
    verdict = RuleSet([ruleset().by_code("T02")], "").apply(case_of(table))
    assert "rule.failed" not in {finding.code for finding in verdict.findings}


def test_who_calls_is_worked_out_anew_only_when_a_principal_comes() -> None:
    reader = ReferenceReader("nowhere:1", FixedClock(1_780_286_400_000))

    def come(record: ReferenceRecord, offset: int) -> None:
        reader._take([(reference.encode(record), offset)])

    come(ReferenceRecord("principal", "p", 1, "2026-01-01", value={"roles": ["declarant"]}), 0)
    before = reader.by_name("p")
    come(ReferenceRecord("flag", "telephone:t", 1, "2026-01-01", value={"count": 4}), 1)
    assert reader.by_name("p") is before
    come(ReferenceRecord("principal", "p", 2, "2026-01-01", value={"roles": ["payer"]}), 2)
    after = reader.by_name("p")
    assert after is not None
    assert after.roles == ("payer",)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("digits.toml", f'[[record]]\nkind = "permit"\nid = "M~C"\nvalid_from = "2026-01-01"\nvalue = {{ unit = "035", quantity = {"9" * 5000} }}\n'),
        ("brackets.toml", f'[[record]]\nkind = "list"\nid = "brands"\nvalid_from = "2026-01-01"\nvalue = {{ entries = {"[" * 3000}{"]" * 3000} }}\n'),
        ("twice.csv", "kind,id,valid_from,vat,vat\nrate,1901101000,2026-01-01,0.1,0.9\n"),
    ],
    ids=["a number of thousands of digits", "brackets within brackets", "two columns of one name"],
)
def test_a_file_that_cannot_be_meant_is_refused_and_ends_nothing(tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(Misconfigured):
        read(file)


@pytest.mark.parametrize(("control", "right"), [("1C350", True), ("1C350~2", False), ("1C350/2", False)])
def test_a_control_code_is_one_that_a_permit_may_name(control: str, right: bool) -> None:
    entry = {"name": "a", "terms": ["a"], "control": control, "licence": True}
    record = ReferenceRecord("list", "controlled", 1, "2026-01-01", value={"entries": [entry]})
    assert (reference.problems(record) == []) is right


BLOCK = re.compile(r"```(toml|csv)\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("page", sorted(Path("docs").rglob("*.md")), ids=str)
def test_what_the_docs_show_of_reference_data_can_be_loaded(page: Path, tmp_path: Path) -> None:
    for number, (kind, text) in enumerate(BLOCK.findall(page.read_text("utf-8"))):
        if "[[record]]" in text or text.startswith("kind,"):
            file = tmp_path / f"{number}.{kind}"
            file.write_text(text, "utf-8")
            assert read(file), f"{page}, block {number}"


def test_of_a_flag_with_a_version_for_each_use_the_old_ones_are_forgotten_and_of_everything_else_none() -> None:
    data = Reference()
    for version in range(1, 1001):
        for kind in ("flag", "rate"):
            data.put(ReferenceRecord(kind, "one", version, "2026-06-01", value={"used": version}), version * 1000)
    assert 64 <= len(data.versions("flag", "one")) <= 400
    assert len(data.versions("rate", "one")) == 1000
    for version in (1000, 999, 801):  # as known two hundred thousand records ago
        assert data.find("flag", "one", 20260601, version * 1000) == {"used": version}

"""Goods text against the zone's lists: what meets an entry, how fast it is known again, and what a change of a list does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.reference import Reference, ReferenceRecord, problems
from hub.domain.screening import EMPTY, LISTS, Screen, Screens, goods_text, screen_of


def entry(**fields: Any) -> dict[str, Any]:
    return {"name": "entry", **fields}


def names(screen: Screen, text: str, code: str = "1901101000", country: str = "116") -> list[str]:
    return [found.name for _, found in screen.met(goods_text(text), code, country)]


def test_width_case_and_blanks_do_not_matter() -> None:
    screen = Screen({"forbidden": [entry(terms=["Raw Ham"])]})
    assert names(screen, "Spanish ＲＡＷ　ham 500g") == ["entry"]
    assert names(screen, "Spanish raw lamb") == []


def test_each_criterion_an_entry_has_must_be_met() -> None:
    screen = Screen({"recalls": [entry(terms=["奶粉"], codes=["1901"], countries=["116"])]})
    assert names(screen, "奶粉") == ["entry"]
    assert names(screen, "奶粉", country="609") == []
    assert names(screen, "奶粉", code="0402210000") == []
    assert names(screen, "面粉") == []


def test_an_entry_may_have_codes_or_countries_only() -> None:
    screen = Screen({"forbidden": [entry(name="arms", codes=["93"]), entry(name="area", countries=["502"])]})
    assert names(screen, "模型", code="9301000000", country="502") == ["arms", "area"]
    assert names(screen, "模型") == []


def test_of_names_it_is_the_other_code_that_counts() -> None:
    screen = Screen({"names": [entry(terms=["奶粉"], codes=["1901", "0402"])]})
    assert names(screen, "配方奶粉", code="1905310000") == ["entry"]
    assert names(screen, "配方奶粉", code="0402210000") == []
    assert names(screen, "配方奶粉", code="") == [], "an export on a simplified list may name none"


def test_terms_within_terms_are_all_found_and_one_entry_once() -> None:
    screen = Screen({"forbidden": [entry(name="a", terms=["火腿", "火腿肠"]), entry(name="b", terms=["腿肠"])]})
    assert names(screen, "火腿肠") == ["a", "b"]


TERMS = st.lists(st.text("ab火腿", min_size=1, max_size=3), min_size=1, max_size=5)


@given(TERMS, st.text("ab火腿 ", max_size=12))
def test_the_automaton_finds_what_a_plain_search_finds(terms: list[str], text: str) -> None:
    screen = Screen({"forbidden": [entry(name=term, terms=[term]) for term in terms]})
    assert names(screen, text) == [term for term in terms if goods_text(term) in goods_text(text)]


def record(version: int, offset_terms: list[str], valid_from: str = "2026-01-01") -> ReferenceRecord:
    return ReferenceRecord("list", "forbidden", version, valid_from, value={"entries": [entry(terms=offset_terms)]})


def test_a_screen_is_kept_until_a_list_changes_and_is_that_of_the_offset() -> None:
    known = Reference()
    screens = Screens(known)
    assert screens.at(20260601, 0) is EMPTY
    known.put(record(1, ["ham"]), 5)
    first = screens.at(20260601, 5)
    assert names(first, "ham") == ["entry"]
    known.put(ReferenceRecord("rate", "1901101000", 1, "2026-01-01", value={"vat": "0.13"}), 6)
    assert screens.at(20260601, 6) is first
    known.put(record(2, ["lamb"]), 7)
    assert names(screens.at(20260601, 7), "ham") == []
    assert names(screens.at(20260601, 6), "ham") == ["entry"], "by what was known then"
    assert screen_of(known, 20251231, 7) is EMPTY


@pytest.mark.parametrize(
    ("id_", "value", "code"),
    [
        ("other", {"entries": []}, "reference.form"),
        ("forbidden", {}, "reference.missing_field"),
        ("forbidden", {"entries": "ham"}, "reference.form"),
        ("forbidden", {"entries": [{"terms": ["ham"]}]}, "reference.missing_field"),
        ("forbidden", {"entries": [{"name": "ham"}]}, "reference.missing_field"),
        ("forbidden", {"entries": [{"name": "ham", "codes": ["16x"]}]}, "reference.tariff_line"),
        ("forbidden", {"entries": [{"name": "ham", "countries": ["USA"]}]}, "reference.code"),
        ("forbidden", {"entries": [{"name": "ham", "term": ["ham"]}]}, "reference.unknown_field"),
    ],
)
def test_a_list_that_is_none_is_refused(id_: str, value: dict[str, Any], code: str) -> None:
    assert any(code in problem for problem in problems(ReferenceRecord("list", id_, 1, "2026-01-01", value=value)))


@pytest.mark.parametrize(
    ("kind", "id_", "value", "code"),
    [
        ("price", "import:1901", {"median": "1", "unit": "011"}, "reference.form"),
        ("price", "import:1901101000", {"median": "-1", "unit": "011"}, "reference.number"),
        ("price", "import:1901101000", {"median": "1", "unit": "xx"}, "reference.code"),
        ("price", "import:1901101000", {"median": "1", "unit": "011", "currency": "USD"}, "reference.code"),
        ("goods", "1901101000", {"units": []}, "reference.code"),
        ("country", "USA", {"state": "closed"}, "reference.code"),
        ("country", "502", {"state": "shut"}, "reference.form"),
        ("permit", "M", {"quantity": "1"}, "reference.form"),
        ("permit", "M~6A002", {"quantity": "many"}, "reference.number"),
    ],
)
def test_prices_units_countries_and_permits_are_checked(kind: str, id_: str, value: dict[str, Any], code: str) -> None:
    assert any(code in problem for problem in problems(ReferenceRecord(kind, id_, 1, "2026-01-01", value=value)))


@pytest.mark.parametrize(
    ("kind", "id_", "value"),
    [
        ("price", "export:6109100010", {"median": "39.5", "unit": "011", "currency": "502"}),
        ("goods", "1901101000", {"units": ["122", "035"]}),
        ("country", "502", {"state": "watched", "instrument": "made up"}),
        ("permit", "M~6A002", {"quantity": "10", "number": "P1"}),
        *(("list", name, {"entries": [{"name": "x", "terms": ["y"], "codes": ["19"]}]}) for name in LISTS),
    ],
)  # fmt: skip
def test_what_is_right_is_taken(kind: str, id_: str, value: dict[str, Any]) -> None:
    assert problems(ReferenceRecord(kind, id_, 1, "2026-01-01", value=value)) == []

"""Goods text against the zone's lists: what meets an entry, how fast it is known again, and what a change of a list does."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain import screening
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


@pytest.mark.parametrize(
    "text",
    [
        "火\u200b腿", "火\u200d腿", "火\u2060腿", "火\ufeff腿", "火\u00ad腿", "火·腿", "火・腿", "火\v腿", "火 - 腿", "火\ufe0f腿", "火\u3164腿", "（火）腿",
        "h\u200ba\u200cm", "h\u00adam", "h·a·m", "h a m", "H.A.M.", "h\va\vm", "ｈａｍ", "h\u0336a\u0336m\u0336", "hám", "ham500g", "500 g ham",
        "西班牙ham切片", "Iberico-ham!", "ﷺ" * 200 + "ham",
    ],
)  # fmt: skip
def test_signs_between_the_letters_of_a_term_hide_nothing(text: str) -> None:
    assert names(Screen({"forbidden": [entry(terms=["火腿", "ham"])]}), text) == ["entry"]


@pytest.mark.parametrize("text", ["Shampoo 500ml", "hamster", "Graham", "洗发水Shampoo", "of h am", "sham poo", "1 h a motor", "хам"])
def test_a_term_in_latin_letters_is_a_whole_word(text: str) -> None:
    assert names(Screen({"forbidden": [entry(terms=["ham"])]}), text) == []


def test_the_words_of_a_term_may_be_written_together_or_apart_as_it_says_them() -> None:
    screen = Screen({"forbidden": [entry(name="two", terms=["raw ham"]), entry(name="one", terms=["gun"]), entry(name="code", terms=["B12"])]})
    assert [names(screen, text) for text in ("raw-ham", "rawham", "raw  ham", "raw h am", "5 g un", "b 12", "b120")] == [
        ["two"], ["two"], ["two"], [], [], ["code"], [],
    ]  # fmt: skip


def test_no_term_is_made_of_the_end_of_one_field_and_the_beginning_of_the_next() -> None:
    screen = Screen({"forbidden": [entry(terms=["火腿", "raw ham"])]})
    assert [screen.met(goods_text(*parts), "", "") for parts in (("灯火", "腿部按摩"), ("raw", "ham"), ("raw", "", "ham"))] == [()] * 3
    assert screen.met(goods_text("灯", None, "火腿"), "", "")


def test_all_that_the_schema_lets_in_is_searched() -> None:
    screen = Screen({"forbidden": [entry(terms=["火腿"])]})
    assert screen.met(goods_text("面" * 250, "面" * 250, "面" * 508 + "火腿"), "", "")


@given(st.lists(st.text("火腿肉", min_size=1, max_size=3), min_size=1, max_size=5), st.text("火腿肉 ·\u200b", max_size=12))
def test_chinese_terms_are_found_where_a_plain_search_finds_them(terms: list[str], text: str) -> None:
    screen, plain = Screen({"forbidden": [entry(name=term, terms=[term]) for term in terms]}), re.sub("[ ·\u200b]", "", text)
    assert names(screen, text) == [term for term in terms if term in plain]


@given(st.lists(st.text("ab", min_size=1, max_size=2), min_size=1, max_size=5), st.lists(st.text("ab", min_size=2, max_size=3), max_size=6))
def test_latin_terms_are_found_where_they_are_a_word(terms: list[str], words: list[str]) -> None:
    screen = Screen({"forbidden": [entry(name=term, terms=[term]) for term in terms]})
    assert names(screen, " ".join(words)) == [term for term in terms if term in words]


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
        ("forbidden", {"entries": [{"name": "ham", "terms": ["ham", 5]}]}, "reference.form"),
        ("forbidden", {"entries": [{"name": "ham", "codes": [93]}]}, "reference.form"),
        ("forbidden", {"entries": [{"name": "ham", "terms": ["ham", " "]}]}, "reference.form"),
        ("forbidden", {"entries": [{"name": "ham", "terms": ["ham", "·"]}]}, "reference.form"),
        ("forbidden", {"entries": [{"name": 5, "terms": ["ham"]}]}, "reference.form"),
        ("brands", {"entries": [{"name": "ham", "terms": ["ham"], "merchants": [1]}]}, "reference.form"),
        ("controlled", {"entries": [{"name": "x", "terms": ["x"]}]}, "reference.missing_field"),
        ("controlled", {"entries": [{"name": "x", "terms": ["x"], "control": "6A002", "licence": "true"}]}, "reference.form"),
        ("names", {"entries": [{"name": "x", "terms": ["x"]}]}, "reference.missing_field"),
        ("names", {"entries": [{"name": "x", "codes": ["19"]}]}, "reference.missing_field"),
        ("names", {"entries": [{"name": "x", "countries": ["502"]}]}, "reference.missing_field"),
    ],
)
def test_a_list_that_is_none_is_refused(id_: str, value: dict[str, Any], code: str) -> None:
    assert any(code in problem for problem in problems(ReferenceRecord("list", id_, 1, "2026-01-01", value=value)))


@pytest.mark.parametrize(
    ("kind", "id_", "value", "code"),
    [
        ("price", "import:1901", {"median": "1", "unit": "011"}, "reference.form"),
        ("price", "import:1901101000", {"median": "-1", "unit": "011"}, "reference.number"),
        ("price", "import:1901101000", {"median": "0", "unit": "011"}, "reference.above_zero"),
        ("price", "import:1901101000", {"median": "0.00", "unit": "011"}, "reference.above_zero"),
        ("exchange", "502", {"cny": "0"}, "reference.above_zero"),
        ("positive", "19011010", {"modes": [1210]}, "reference.form"),
        ("goods", "1901101000", {"units": ["011", ""]}, "reference.form"),
        ("price", "import:1901101000", {"median": "1", "unit": "xx"}, "reference.code"),
        ("price", "import:1901101000", {"median": "1", "unit": "011", "currency": "USD"}, "reference.code"),
        ("goods", "1901101000", {"units": []}, "reference.code"),
        ("country", "USA", {"state": "closed"}, "reference.code"),
        ("country", "502", {"state": "shut"}, "reference.form"),
        ("permit", "M", {"quantity": "1"}, "reference.form"),
        ("permit", "M~6A002", {"quantity": "many"}, "reference.number"),
        ("permit", "M~6A002", {"quantity": "1"}, "reference.missing_field"),
        ("permit", "M~6A002", {"quantity": "1", "unit": "kg"}, "reference.code"),
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
        ("permit", "M~6A002", {"quantity": "10", "unit": "011", "number": "P1"}),
        *(("list", name, {"entries": [{"name": "x", "terms": ["y"], "codes": ["19"], "control": "6A002"}]}) for name in LISTS),
    ],
)  # fmt: skip
def test_what_is_right_is_taken(kind: str, id_: str, value: dict[str, Any]) -> None:
    assert problems(ReferenceRecord(kind, id_, 1, "2026-01-01", value=value)) == []


@pytest.mark.parametrize("text", ["h\u0430m", "H\u0410M", "\u04bb\u0430m", "Raw \u041d\u0410m", "火腿h\u0430m", "\u0397am"])
def test_letters_that_look_like_latin_ones_are_them_within_a_latin_word(text: str) -> None:
    assert names(Screen({"forbidden": [entry(terms=["ham"])]}), text) == ["entry"]


def test_a_word_of_another_script_stays_what_it_is() -> None:
    screen = Screen({"forbidden": [entry(name="sos", terms=["cop"]), entry(name="соус", terms=["соус"]), entry(name="β", terms=["β-胡萝卜素"])]})
    assert [names(screen, text) for text in ("сор", "Соус", "β胡萝卜素 B2", "cop")] == [[], ["соус"], ["β"], ["sos"]]


def test_rare_characters_are_not_remembered() -> None:
    goods_text("".join(chr(code) for code in range(0x20000, 0x20400)))
    assert all(code <= 0xFFFF for code in screening._SIGNS)

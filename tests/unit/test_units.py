"""Quantities of the same measure are compared whatever unit says them; pieces are not kilograms."""

from __future__ import annotations

import pytest

from hub.domain.money import MOST, amount, text
from hub.domain.units import _MEASURES, converted
from hub.domain.views import LineView
from schemas.codes import code_list

LINE = LineView("1", (), "", amount("2500"), "036", amount("0.04"), amount("100"), "116", unit1="011", qty1=amount("5"))


@pytest.mark.parametrize(
    ("quantity", "unit", "to", "is_"),
    [
        ("2500", "036", "035", "2.5"), ("0.00001", "070", "036", "10"), ("1", "076", "036", "453.59237"), ("16", "083", "076", "1"),
        ("3", "075", "035", "1.5"), ("750", "096", "095", "0.75"), ("1", "033", "095", "1000"), ("2", "054", "007", "2000"),
        ("0.004", "036", "035", "0"), ("0.005", "036", "035", "0.00001"), ("1", "035", "035", "1"),
    ],
)  # fmt: skip
def test_what_is_said_in_one_unit_is_said_in_another(quantity: str, unit: str, to: str, is_: str) -> None:
    found = converted(amount(quantity), unit, to)
    assert found is not None
    assert text(found) == is_


@pytest.mark.parametrize(("unit", "to"), [("035", "095"), ("011", "007"), ("", "035"), ("035", ""), ("zzz", "zzz")])
def test_what_measures_something_else_is_not_compared(unit: str, to: str) -> None:
    assert converted(MOST, unit, to) is None


def test_every_unit_of_a_measure_is_one_of_customs() -> None:
    assert {code for measure in _MEASURES for code in measure} <= code_list("unit").codes.keys()


def test_a_line_says_its_quantity_in_a_unit_it_names_or_in_one_of_the_same_measure() -> None:
    assert [LINE.quantity(unit) for unit in ("036", "011", "035", "095", "")] == [amount("2500"), amount("5"), amount("2.5"), None, None]


def test_a_line_that_contradicts_itself_is_as_much_as_the_most_it_says() -> None:
    line = LineView("1", (), "", amount("10"), "070", 0, 0, "116", unit1="035", qty1=amount("1"), unit2="036", qty2=amount("5"))
    assert [line.quantity(unit) for unit in ("070", "035", "036")] == [amount("10"), amount("10000"), amount("10000000")]


def test_no_quantity_outgrows_what_an_amount_may_be_in_a_smaller_unit() -> None:
    assert [converted(quantity, "070", "036") for quantity in (MOST, -MOST)] == [MOST, -MOST]

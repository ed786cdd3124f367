"""Identifiers: the worked examples of the standards, and the laws of check digits."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain import identifiers as ids
from hub.domain.faults import fault, kind_of

TODAY = date(2024, 6, 1)
PERSON = ids.make_resident_id(ids.MADE_UP_DISTRICT, date(1990, 1, 1), 1)


@pytest.mark.parametrize(("first17", "digit"), [("11010519491231002", "X"), ("36042619910101007", "1")])
def test_the_published_resident_numbers_have_their_check_digit(first17: str, digit: str) -> None:
    assert ids.resident_check_digit(first17) == digit
    assert ids.resident_id_fault(first17 + digit, TODAY) is None


@given(st.text("0123456789", min_size=17, max_size=17))
def test_the_check_digit_agrees_with_the_congruence(first17: str) -> None:
    value = (1 - 2 * int(first17, 13)) % 11
    assert ids.resident_check_digit(first17) == ("X" if value == 10 else str(value))


@given(st.integers(0, 16), st.integers(1, 9))
def test_one_wrong_digit_is_always_found(place: int, step: int) -> None:
    wrong = PERSON[:place] + str((int(PERSON[place]) + step) % 10) + PERSON[place + 1 :]
    assert ids.resident_id_fault(wrong, TODAY) in ("identity.resident_id_check", "identity.resident_id_date")


@given(st.dates(date(1910, 1, 1), TODAY), st.integers(0, 999))
def test_made_up_people_are_valid_but_of_no_province(born: date, sequence: int) -> None:
    number = ids.make_resident_id(ids.MADE_UP_DISTRICT, born, sequence)
    assert number.startswith("990000")
    assert ids.resident_id_fault(number, TODAY) is None
    assert ids.resident_id_warning(number) == "identity.resident_id_district"


@pytest.mark.parametrize("number", ["", "1" * 15, "1" * 19, PERSON[:17] + "x", "９" * 18, PERSON[:17] + "\n"])
def test_other_forms_are_no_resident_numbers(number: str) -> None:
    assert ids.resident_id_fault(number) == "identity.resident_id_form"


@pytest.mark.parametrize("born", ["19900230", "20240602", "19031231", "00000101", "19901301"])
def test_impossible_births_are_found(born: str) -> None:
    first17 = "990000" + born + "001"
    number = first17 + ids.resident_check_digit(first17)
    assert ids.resident_id_fault(number, TODAY) == "identity.resident_id_date"


def test_residence_permits_have_a_known_district() -> None:
    permit = ids.make_resident_id("830000", date(1990, 1, 1), 1)
    assert ids.resident_id_fault(permit, TODAY) is None
    assert ids.resident_id_warning(permit) is None


def test_the_published_credit_code_has_its_check_digits() -> None:
    assert ids.credit_check_digit("91110000600037341") == "L"
    assert ids.organisation_check_digit("60003734") == "1"
    assert ids.credit_code_fault("91110000600037341L") is None


@given(st.integers(0, 99_999_999))
def test_made_up_credit_codes_are_valid(sequence: int) -> None:
    code = ids.make_credit_code(sequence)
    assert len(code) == 18
    assert ids.company_code_fault(code) is None


def test_credit_codes_may_begin_with_letters() -> None:
    first17 = "N2" + ids.MADE_UP_DISTRICT + "000000019"
    assert ids.credit_code_fault(first17 + ids.credit_check_digit(first17)) is None


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("91110000600037341M", "identity.credit_code_check"),
        ("91110000600037431L", "identity.credit_code_check"),  # two neighbours exchanged
        ("91110000600O37341L", "identity.credit_code_form"),
        ("9111000060003734IL", "identity.credit_code_form"),
        ("91110000600037341l", "identity.credit_code_form"),
        ("91AA0000600037341L", "identity.credit_code_form"),
        ("3301961Q43", None),
        ("440316T004", None),
        ("46016602EV", None),
        ("3301961q43", "identity.company_code"),
        ("33019 1Q43", "identity.company_code"),
        ("330196", "identity.company_code"),
        ("无", "identity.company_code"),
        ("", "identity.company_code"),
    ],
)
def test_companies_are_named_by_ten_or_eighteen_characters(code: str, found: str | None) -> None:
    assert ids.company_code_fault(code) == found


@pytest.mark.parametrize(
    "written",
    ["19900000001", "+8619900000001", "+86 199-0000-0001", "8619900000001", "0086 19900000001", "(199) 0000 0001"],
)
def test_a_mobile_number_is_the_same_however_written(written: str) -> None:
    assert ids.normalised_phone(written) == "19900000001"
    assert ids.phone_fault(written) is None


@pytest.mark.parametrize(
    "written", ["", "12900000001", "1990000000", "199000000012", "0571-00000000", "+1 19900000001"]
)
def test_other_numbers_are_no_mobile_numbers(written: str) -> None:
    assert ids.phone_fault(written) == "identity.phone"


@pytest.mark.parametrize(
    ("number", "found"),
    [
        ("29992024I000000001", None),
        ("29992024E00000000123", None),
        ("29992024X000000001", "identity.inventory_number"),
        ("29992024I00000000", "identity.inventory_number"),
        ("29991824I000000001", "identity.inventory_number"),
        ("", "identity.inventory_number"),
    ],
)
def test_declaration_numbers_have_their_shape(number: str, found: str | None) -> None:
    assert ids.inventory_number_fault(number) == found


@pytest.mark.parametrize(
    ("number", "found"),
    [
        ("B20240601000000001", None),
        ("o20240601000000001", None),
        ("B20240231000000001", "identity.pre_number"),
        ("020240601000000001", "identity.pre_number"),
        ("B2024060100000000", "identity.pre_number"),
    ],
)
def test_pre_entry_numbers_have_their_shape(number: str, found: str | None) -> None:
    assert ids.pre_number_fault(number) == found


@pytest.mark.parametrize(
    "code",
    [
        "identity.resident_id_form",
        "identity.resident_id_date",
        "identity.resident_id_check",
        "identity.resident_id_district",
        "identity.company_code",
        "identity.credit_code_form",
        "identity.credit_code_check",
        "identity.phone",
        "identity.inventory_number",
        "identity.pre_number",
    ],
)
def test_faults_of_identity_flag_and_do_not_refuse(code: str) -> None:
    assert kind_of(code).status == 0
    assert fault(code).message_zh

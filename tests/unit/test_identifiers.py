"""Identifiers: the worked examples of the standards, and the laws of check digits."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain import identifiers as ids
from hub.domain.faults import fault, fault_kinds, kind_of

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


# ---- other identity documents, and what python-stdnum 2.2 makes of them


def with_check_digit(first17: str) -> str:
    return first17 + ids.resident_check_digit(first17)


HONG_KONG, MACAO, TAIWAN = (
    ids.make_resident_id(place, date(1990, 1, 1), 1) for place in ("810000", "820000", "830000")
)
#: The nationality 000 is nobody's.
FOREIGNER = with_check_digit("9" + "11" + "000" + "19900101" + "001")


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (HONG_KONG, "hong_kong"),
        (MACAO, "macao"),
        (TAIWAN, "taiwan"),
        (FOREIGNER, "foreigner"),
        ("11010519491231002X", "resident"),
        (PERSON, "unknown"),
        ("", "unknown"),
    ],
)
def test_a_number_tells_by_its_beginning_whose_it_is(number: str, kind: str) -> None:
    assert ids.identity_kind(number) == kind


@pytest.mark.parametrize("number", [HONG_KONG, MACAO, TAIWAN])
def test_residence_permits_are_taken_though_a_library_refuses_their_districts(number: str) -> None:
    assert ids.residence_permit_fault(number, TODAY) is None
    assert ids.resident_id_fault(number, TODAY) is None
    assert ids.resident_id_warning(number) is None


def test_a_resident_is_no_permit_holder() -> None:
    assert ids.residence_permit_fault(PERSON, TODAY) == "identity.residence_permit"
    wrong = HONG_KONG[:17] + ("0" if HONG_KONG[17] != "0" else "1")
    assert ids.residence_permit_fault(wrong, TODAY) == "identity.resident_id_check"


def test_the_published_specimen_of_the_foreigners_card_has_its_check_digit() -> None:
    assert ids.resident_check_digit("93268219850101001") == "7"


def test_the_foreigners_card_of_2023_is_a_resident_number_with_a_nine_in_front() -> None:
    assert ids.foreigner_card_fault(FOREIGNER, TODAY) is None
    assert ids.resident_id_fault(FOREIGNER, TODAY) is None
    assert ids.resident_id_warning(FOREIGNER) is None


@pytest.mark.parametrize(
    ("number", "found"),
    [
        ("ZZZ990090010100", None),  # a card of before 2023-12
        ("ZZZ99009001010", "identity.foreigner_card"),
        ("zzz990090010100", "identity.foreigner_card"),
        (HONG_KONG, "identity.foreigner_card"),
        (FOREIGNER[:17] + "x", "identity.resident_id_form"),
        ("", "identity.foreigner_card"),
    ],
)
def test_other_numbers_are_no_foreigners_cards(number: str, found: str | None) -> None:
    assert ids.foreigner_card_fault(number, TODAY) == found


def test_numbers_of_fifteen_digits_are_no_longer_resident_numbers() -> None:
    assert ids.resident_id_fault("990000" + "900101" + "001", TODAY) == "identity.resident_id_form"


def test_an_unknown_district_is_a_note_and_no_fault_though_a_library_refuses_it() -> None:
    assert ids.resident_id_fault(PERSON, TODAY) is None
    assert ids.resident_id_warning(PERSON) == "identity.resident_id_district"


@pytest.mark.parametrize("first", ["A1", "N2", "Y1", "11", "5A"])
def test_registrar_and_type_may_be_letters_though_a_library_wants_digits(first: str) -> None:
    first17 = first + ids.MADE_UP_DISTRICT + "000000019"
    assert ids.credit_code_fault(first17 + ids.credit_check_digit(first17)) is None


@pytest.mark.parametrize(
    ("check", "number"),
    [
        (ids.resident_id_fault, "11010519491231002x"),
        (ids.resident_id_fault, "110105 19491231 002X"),
        (ids.credit_code_fault, "91110000600037341l"),
        (ids.credit_code_fault, "91110000-60003734-1L"),
        (ids.container_fault, "csqu3054383"),
        (ids.container_fault, "CSQU 305438 3"),
        (ids.container_fault, "C2QU3054383"),
        (ids.bar_code_fault, "7351-3537"),
    ],
)
def test_what_is_written_otherwise_is_found_and_not_silently_mended(check: object, number: str) -> None:
    assert check(number) is not None  # type: ignore[operator]


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("330100", None),
        ("830000", None),
        ("990000", "identity.district"),
        ("3301", "identity.district"),
        ("", "identity.district"),
    ],
)
def test_districts_are_six_digits_of_a_province(code: str, found: str | None) -> None:
    assert ids.district_warning(code) == found


# ---- enterprises and banks


def test_an_organisation_code_stands_within_the_credit_code() -> None:
    assert ids.organisation_code("91110000600037341L") == "600037341"
    assert ids.organisation_code_fault("600037341") is None
    assert ids.organisation_code_fault("60003734-1") is None
    assert ids.organisation_code_fault("600037342") == "identity.organisation_code_check"
    assert ids.organisation_code_fault("60003734") == "identity.organisation_code_form"


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("91110000600037341L", None),
        ("990000600037341", None),
        ("990000600037342", "identity.organisation_code_check"),
        ("91110000600037341M", "identity.credit_code_check"),
        ("99000060003734", "identity.tax_id"),
        ("", "identity.tax_id"),
    ],
)
def test_taxpayers_are_named_by_credit_code_or_by_fifteen_characters(code: str, found: str | None) -> None:
    assert ids.tax_id_fault(code) == found


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("3301961Q43", None),
        ("440316T004", None),
        ("46016602EV", None),
        ("4403961X7S", None),
        ("11089609XE", None),
        ("9901D00001", "identity.customs_code_district"),
        ("33٠1961Q43", "identity.customs_code_district"),
    ],
)
def test_registration_codes_begin_with_a_district_mostly(code: str, found: str | None) -> None:
    assert ids.customs_code_warning(code) == found


@pytest.mark.parametrize(
    ("number", "found"),
    [
        ("4242424242424242", None),  # a payment firm's test card
        ("4242424242424241", "identity.bank_card_check"),
        ("424242424242424", "identity.bank_card_form"),
        ("4242 4242 4242 4242", "identity.bank_card_form"),
        ("42424242424242424242", "identity.bank_card_form"),
    ],
)
def test_bank_cards_have_luhns_digit(number: str, found: str | None) -> None:
    assert ids.bank_card_fault(number) == found


def test_banks_have_twelve_digits_at_home_and_eight_or_eleven_characters_abroad() -> None:
    assert ids.bank_code_fault("990000000001") is None
    assert ids.bank_code_fault("99000000001") == "identity.bank_code"
    assert [ids.swift_fault(code) for code in ("ZZZZCN99", "ZZZZCN99XXX")] == [None, None]
    assert {ids.swift_fault(code) for code in ("ZZZZCN9", "ZZZZ1N99", "zzzzcn99", "ZZZZCN99XX")} == {"identity.swift"}


# ---- documents, goods, parcels


@pytest.mark.parametrize(
    ("check", "number", "found"),
    [
        (ids.tax_bill_number_fault, "29992024I000000001_0", None),
        (ids.tax_bill_number_fault, "29992024I000000001_12", None),
        (ids.tax_bill_number_fault, "29992024I000000001", "identity.tax_bill_number"),
        (ids.tax_bill_number_fault, "29992024I000000001_", "identity.tax_bill_number"),
        (ids.tax_bill_number_fault, "29992024I000000001_٠", "identity.tax_bill_number"),
        (ids.entry_number_fault, "299920241000000001", None),
        (ids.entry_number_fault, "299920240000000001", None),
        (ids.entry_number_fault, "299920242000000001", "identity.entry_number"),
        (ids.entry_number_fault, "29992024I000000001", "identity.entry_number"),
        (ids.exchange_number_fault, "DXPENT0000990001", None),
        (ids.exchange_number_fault, "DXPEDCCEB0000002", None),
        (ids.exchange_number_fault, "DXPENT000099000", "identity.exchange_number"),
        (ids.exchange_number_fault, "ENTDXP0000990001", "identity.exchange_number"),
        (ids.guid_fault, "4CDE1CFD-0000-0000-0000-000000000000", None),
        (ids.guid_fault, "4cde1cfd-0000-0000-0000-000000000000", None),
        (ids.guid_fault, "CEB621_HNZB_FXJK_20220208175054_0034", None),  # customs took it
        (ids.guid_fault, "4CDE1CFD-0000-0000-0000-00000000000", "identity.guid"),
        (ids.guid_fault, "4CDE1CFD 0000 0000 0000 000000000000", "identity.guid"),
    ],
)
def test_numbers_of_documents_have_their_shape(check: object, number: str, found: str | None) -> None:
    assert check(number) == found  # type: ignore[operator]


@pytest.mark.parametrize(
    ("code", "digits", "found"),
    [
        ("1901101000", (10,), None),
        ("9801000000", (10,), None),
        ("7701000000", (10,), "identity.tariff_code"),
        ("0001000000", (10,), "identity.tariff_code"),
        ("9901000000", (10,), "identity.tariff_code"),
        ("19011010", (10,), "identity.tariff_code"),
        ("19011010", (8,), None),
        ("190110", (4, 6), None),
        ("1901", (4, 6), None),
        ("190", (3,), "identity.tariff_code"),
        ("1901.1010.00", (12,), "identity.tariff_code"),
    ],
)
def test_tariff_codes_have_a_length_and_a_chapter(code: str, digits: tuple[int, ...], found: str | None) -> None:
    assert ids.tariff_code_fault(code, digits) == found


@pytest.mark.parametrize(
    ("check", "number", "found"),
    [
        (ids.bar_code_fault, "73513537", None),
        (ids.bar_code_fault, "9780471117094", None),
        (ids.bar_code_fault, "98412345678908", None),
        (ids.bar_code_fault, "036000291452", None),
        (ids.bar_code_fault, "9780471117095", "identity.bar_code_check"),
        (ids.bar_code_fault, "97804711170", "identity.bar_code_form"),
        (ids.bar_code_fault, "无", "identity.bar_code_form"),
        (ids.postal_number_fault, "RB473124829CN", None),
        (ids.postal_number_fault, "RB473124828CN", "identity.postal_number_check"),
        (ids.postal_number_fault, "RB47312482CN", "identity.postal_number_form"),
        (ids.container_fault, "CSQU3054383", None),
        (ids.container_fault, "TASU1170000", None),
        (ids.container_fault, "CSQU3054384", "identity.container_check"),
        (ids.container_fault, "CSQX3054383", "identity.container_form"),
        (ids.air_waybill_fault, "020-12345675", None),
        (ids.air_waybill_fault, "02012345675", None),
        (ids.air_waybill_fault, "020-12345676", "identity.air_waybill_check"),
        (ids.air_waybill_fault, "20-12345675", "identity.air_waybill_form"),
    ],
)
def test_goods_and_parcels_have_their_check_digits(check: object, number: str, found: str | None) -> None:
    assert check(number) == found  # type: ignore[operator]


def test_the_published_postal_serial_has_its_check_digit() -> None:
    assert ids.postal_check_digit("47312482") == "9"


# ---- what the algorithms promise


def changed(number: str, place: int, alphabet: str, step: int) -> str:
    """``number`` with another character of the alphabet at the place."""
    at = (alphabet.index(number[place]) + step % (len(alphabet) - 1) + 1) % len(alphabet)
    return number[:place] + alphabet[at] + number[place + 1 :]


def swapped(number: str, place: int) -> str:
    return number[:place] + number[place + 1] + number[place] + number[place + 2 :]


digits17 = st.text("0123456789", min_size=17, max_size=17)
credit17 = st.text(ids._CREDIT_ALPHABET, min_size=17, max_size=17)


@given(digits17, st.integers(0, 16), st.integers(0, 8))
def test_resident_numbers_show_every_changed_digit(first17: str, place: int, step: int) -> None:
    assert ids.resident_check_digit(changed(first17, place, "0123456789", step)) != ids.resident_check_digit(first17)


@given(digits17, st.integers(0, 16))
def test_resident_numbers_show_every_two_neighbours_swapped(first17: str, place: int) -> None:
    number = with_check_digit(first17)
    wrong = swapped(number, place)
    assert wrong == number or wrong[16] == "X" or ids.resident_check_digit(wrong[:17]) != wrong[17]


@given(credit17, st.integers(0, 16), st.integers(0, 29))
def test_credit_codes_show_every_changed_character(first17: str, place: int, step: int) -> None:
    assert ids.credit_check_digit(changed(first17, place, ids._CREDIT_ALPHABET, step)) != ids.credit_check_digit(
        first17
    )


@given(credit17, st.integers(0, 16))
def test_credit_codes_show_every_two_neighbours_swapped(first17: str, place: int) -> None:
    code = first17 + ids.credit_check_digit(first17)
    wrong = swapped(code, place)
    assert wrong == code or ids.credit_check_digit(wrong[:17]) != wrong[17]


@given(st.text("0123456789", min_size=8, max_size=8), st.integers(0, 7), st.integers(0, 8))
def test_organisation_codes_show_a_changed_digit_and_two_neighbours_swapped(first8: str, place: int, step: int) -> None:
    right = ids.organisation_check_digit(first8)
    assert ids.organisation_check_digit(changed(first8, place, "0123456789", step)) != right
    wrong = swapped(first8, min(place, 6))
    assert wrong == first8 or ids.organisation_check_digit(wrong) != right


@given(st.text("0123456789", min_size=7, max_size=13), st.integers(0, 12), st.integers(0, 8))
def test_bar_codes_show_every_changed_digit(first: str, place: int, step: int) -> None:
    wrong = changed(first, place % len(first), "0123456789", step)
    assert ids.bar_code_check_digit(wrong) != ids.bar_code_check_digit(first)


@given(st.text("0123456789", min_size=7, max_size=13), st.integers(0, 11))
def test_bar_codes_show_swapped_neighbours_that_do_not_differ_by_five(first: str, place: int) -> None:
    at = place % (len(first) - 1)
    found = ids.bar_code_check_digit(swapped(first, at)) != ids.bar_code_check_digit(first)
    assert found == (abs(int(first[at]) - int(first[at + 1])) not in (0, 5))


@given(st.text("0123456789", min_size=15, max_size=18), st.integers(0, 16), st.integers(0, 8))
def test_bank_cards_show_a_changed_digit_and_swapped_neighbours_but_nought_and_nine(
    first: str, place: int, step: int
) -> None:
    right = ids.luhn_check_digit(first)
    assert ids.luhn_check_digit(changed(first, place % len(first), "0123456789", step)) != right
    at = place % (len(first) - 1)
    same = first[at] == first[at + 1] or {first[at], first[at + 1]} == {"0", "9"}
    assert (ids.luhn_check_digit(swapped(first, at)) == right) == same


def remainder(serial: str) -> int:
    return sum(int(d) * w for d, w in zip(serial, ids._POSTAL_WEIGHTS, strict=True)) % 11


@given(st.text("0123456789", min_size=8, max_size=8), st.integers(0, 7), st.integers(0, 8))
def test_postal_numbers_miss_only_what_their_fifth_digit_hides(serial: str, place: int, step: int) -> None:
    for wrong in (changed(serial, place, "0123456789", step), swapped(serial, min(place, 6))):
        if wrong != serial and ids.postal_check_digit(wrong) == ids.postal_check_digit(serial):
            assert {remainder(wrong), remainder(serial)} == {0, 6}


@given(st.text("0123456789", min_size=6, max_size=6), st.integers(0, 5), st.integers(0, 8))
def test_containers_miss_only_what_their_nought_hides(serial: str, place: int, step: int) -> None:
    right = ids.container_check_digit("ZZZU" + serial)
    for wrong in (changed(serial, place, "0123456789", step), swapped(serial, min(place, 4))):
        if wrong != serial and right != "0":
            assert ids.container_check_digit("ZZZU" + wrong) != right


@given(st.text("0123456789", min_size=7, max_size=7), st.integers(0, 6), st.integers(0, 8))
def test_air_waybills_miss_only_digits_seven_apart(serial: str, place: int, step: int) -> None:
    number = f"020-{serial}{int(serial) % 7}"
    wrong = changed(serial, place, "0123456789", step)
    missed = ids.air_waybill_fault(f"020-{wrong}{int(serial) % 7}") is None
    assert missed == (abs(int(wrong[place]) - int(serial[place])) == 7)
    assert ids.air_waybill_fault(number) is None


@pytest.mark.parametrize("code", [code for code in fault_kinds() if code.startswith("identity.")])
def test_faults_of_identity_flag_and_do_not_refuse(code: str) -> None:
    assert kind_of(code).status == 0
    assert fault(code, name="x").message_zh


def test_every_fault_a_check_names_is_published() -> None:
    named = set(re.findall(r'"(identity\.[a-z_]+)"', Path(ids.__file__).read_text("utf-8")))
    assert named
    assert named <= set(fault_kinds())

"""Identifiers of people, enterprises and documents: check digits, shapes, and made-up ones for tests and
demos.

Every check returns the code of the fault (family ``identity``), or None. All of them only flag: customs
decide. Sources: GB 11643-1999 (resident ID), GB 32100-2015 (unified social credit code), GB 11714-1997
(organisation code), the National Immigration Administration's rules of 2023-10 for the foreigner's card, GACC's
registration codes and document numbers, ISO 6346 (containers), IATA resolution 600a (air waybills), UPU S10 (postal
items), GS1 General Specifications (bar codes), ISO/IEC 7812-1 (bank cards), ISO 9362 (banks).

Own code, for python-stdnum 2.2 turns genuine numbers away and mends wrong ones: ``cn.ric`` knows no foreigner's card and
no residence permit, ``cn.uscc`` no letter in front, ``iso6346`` takes digits for an owner, and all of them drop blanks
and dashes and raise the case first, while customs compares what was written. Nothing here changes a number; a telephone is
held to the form in which it is digested (``hub.domain.normal``).
"""

from __future__ import annotations

import re
from datetime import date
from typing import Literal

from hub.domain.normal import is_mobile, normal_telephone

IdentityKind = Literal["resident", "hong_kong", "macao", "taiwan", "foreigner", "unknown"]

_RESIDENT_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_RESIDENT_CHECK = "10X98765432"
_RESIDENT_ID = re.compile(r"[0-9]{17}[0-9X]")
_OLDEST = 120

_CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
#: Registrar and type may be letters, the district is digits, the organisation code and the check digit
#: either.
_CREDIT_CODE = re.compile(rf"[{_CREDIT_ALPHABET}]{{2}}[0-9]{{6}}[{_CREDIT_ALPHABET}]{{10}}")
_CREDIT_VALUE = {char: value for value, char in enumerate(_CREDIT_ALPHABET)}
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)

_ORGANISATION_CODE = re.compile(r"[0-9A-Z]{8}-?[0-9X]")

_CUSTOMS_CODE = re.compile(r"[0-9A-Z]{10}")
_INVENTORY_NUMBER = re.compile(r"[0-9]{4}(?:19|20)[0-9]{2}[IE][0-9]{9}(?:[0-9]{2})?")
_PRE_NUMBER = re.compile(r"[A-Za-z]((?:19|20)[0-9]{6})[0-9]{9}")
_ENTRY_NUMBER = re.compile(r"[0-9]{4}(?:19|20)[0-9]{2}[01][0-9]{9}")
_EXCHANGE_NUMBER = re.compile(r"DXP[0-9A-Z]{13}")
_GUID = re.compile(r"[!-~]{36}")
_TARIFF = re.compile(r"(?!00|77|99)[0-9]{2}(?:[0-9]{2}){1,4}")
_DISTRICT = re.compile(r"[0-9]{6}")
_OLD_FOREIGNER = re.compile(r"[A-Z]{3}[0-9]{12}")
_OLD_TAXPAYER = re.compile(r"[0-9]{6}[0-9A-Z]{8}[0-9X]")

_POSTAL = re.compile(r"[A-Z]{2}[0-9]{9}[A-Z]{2}")
_POSTAL_WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)
_CONTAINER = re.compile(r"[A-Z]{3}[UJRZ][0-9]{7}")
#: Letters count from 10 on; what 11 divides is left out.
_CONTAINER_VALUE = {char: value for value, char in enumerate("0123456789A_BCDEFGHIJK_LMNOPQRSTU_VWXYZ")}
_AIR_WAYBILL = re.compile(r"[0-9]{3}-?([0-9]{8})")
_BAR_CODE = re.compile(r"[0-9]{8}|[0-9]{12,14}")
_BANK_CARD = re.compile(r"[0-9]{16,19}")
_BANK_CODE = re.compile(r"[0-9]{12}")
_SWIFT = re.compile(r"[A-Z]{4}[A-Z]{2}[0-9A-Z]{2}(?:[0-9A-Z]{3})?")

#: First two digits of GB/T 2260 districts, and of residence permits of Hong Kong, Macao and Taiwan people (81
#: to 83).
_PROVINCES = frozenset(
    "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83".split()  # noqa: SIM905
)
_PERMITS: dict[str, IdentityKind] = {"810000": "hong_kong", "820000": "macao", "830000": "taiwan"}
#: The district of made-up people: no province begins with 99.
MADE_UP_DISTRICT = "990000"


# ---- people
# -----------------------------------------------------------------------------------------------------


def resident_id_fault(number: str, today: date | None = None) -> str | None:
    """What is wrong with a resident ID number of 18 characters: form, birth date or check digit.

    ``today`` bounds the date of birth: not in the future, not more than 120 years ago.
    """
    if not _RESIDENT_ID.fullmatch(number):
        return "identity.resident_id_form"
    born = _date(number[6:14])
    if born is None or (today is not None and not 0 <= today.year - born.year <= _OLDEST):
        return "identity.resident_id_date"
    if today is not None and born > today:
        return "identity.resident_id_date"
    if resident_check_digit(number[:17]) != number[17]:
        return "identity.resident_id_check"
    return None


def resident_id_warning(number: str) -> str | None:
    """What is odd about a resident ID number whose check digit is right: a district of no known province."""
    known = number[:2] in _PROVINCES or identity_kind(number) == "foreigner"
    return None if known else "identity.resident_id_district"


def identity_kind(number: str) -> IdentityKind:
    """Whose a number of 18 characters is, by its beginning: a resident's, a permit holder's or a foreigner's."""
    if kind := _PERMITS.get(number[:6]):
        return kind
    if number[:1] == "9":
        return "foreigner" if number[1:3] in _PROVINCES else "unknown"
    return "resident" if number[:2] in _PROVINCES else "unknown"


def residence_permit_fault(number: str, today: date | None = None) -> str | None:
    """Residence permit of people of Hong Kong (810000), Macao (820000) and Taiwan (830000); else a resident ID number."""
    return resident_id_fault(number, today) if number[:6] in _PERMITS else "identity.residence_permit"


def foreigner_card_fault(number: str, today: date | None = None) -> str | None:
    """A foreigner's permanent residence card.

    Since 2023-12: 9, place of application (2), nationality by number (3), birth date, 3 digits and the check digit of
    resident ID numbers. Cards before have three letters and 12 digits; how their check digit is made was not found.
    """
    if _OLD_FOREIGNER.fullmatch(number):
        return None
    return resident_id_fault(number, today) if number[:1] == "9" else "identity.foreigner_card"


def district_warning(code: str) -> str | None:
    """Whether a place's code is not six digits of a known province (GB/T 2260). Districts come and go: a note only."""
    return None if _DISTRICT.fullmatch(code) and code[:2] in _PROVINCES else "identity.district"


def resident_check_digit(first17: str) -> str:
    """The check digit of a resident ID number's first 17 digits (GB 11643)."""
    total = sum(int(digit) * weight for digit, weight in zip(first17, _RESIDENT_WEIGHTS, strict=True))
    return _RESIDENT_CHECK[total % 11]


def make_resident_id(district: str, birthdate: date, sequence: int) -> str:
    """A resident ID number for made-up people, with the right check digit; use ``MADE_UP_DISTRICT``."""
    first17 = f"{district:0>6}{birthdate:%Y%m%d}{sequence % 1000:03d}"
    return first17 + resident_check_digit(first17)


def phone_fault(number: str) -> str | None:
    """Whether a number is not a mainland mobile number, once normalised."""
    return None if is_mobile(normal_telephone(number)) else "identity.phone"


# ---- enterprises
# ------------------------------------------------------------------------------------------------


def company_code_fault(code: str) -> str | None:
    """A company is named by its customs registration code (10 characters) or its credit code (18)."""
    if len(code) == 18:
        return credit_code_fault(code)
    return customs_code_fault(code) if len(code) == 10 else "identity.company_code"


def customs_code_fault(code: str) -> str | None:
    """Customs registration code: ten digits and capital letters; no check digit is known."""
    return None if _CUSTOMS_CODE.fullmatch(code) else "identity.company_code"


def credit_code_fault(code: str) -> str | None:
    """Unified social credit code: form and check digit. Its first two characters may be letters."""
    if not _CREDIT_CODE.fullmatch(code):
        return "identity.credit_code_form"
    return None if credit_check_digit(code[:17]) == code[17] else "identity.credit_code_check"


def credit_check_digit(first17: str) -> str:
    """The check digit of a credit code's first 17 characters (GB 32100)."""
    total = sum(_CREDIT_VALUE[char] * weight for char, weight in zip(first17, _CREDIT_WEIGHTS, strict=True))
    return _CREDIT_ALPHABET[-total % 31]


def organisation_check_digit(first8: str) -> str:
    """The check digit of an organisation code (GB 11714): characters 9 to 17 of a credit code are such a
    code.
    """
    total = sum(int(char, 36) * weight for char, weight in zip(first8, _ORGANISATION_WEIGHTS, strict=True))
    return "0X987654321"[total % 11]


def organisation_code(credit_code: str) -> str:
    """The organisation code within a credit code, under which SAFE and banks know an enterprise."""
    return credit_code[8:17]


def organisation_code_fault(code: str) -> str | None:
    """Organisation code: eight characters and the check digit, with or without a dash."""
    if not _ORGANISATION_CODE.fullmatch(code):
        return "identity.organisation_code_form"
    return None if organisation_check_digit(code[:8]) == code[-1] else "identity.organisation_code_check"


def tax_id_fault(code: str) -> str | None:
    """A taxpayer's number: the credit code; before it district (6) and organisation code (9)."""
    if len(code) == 18:
        return credit_code_fault(code)
    if not _OLD_TAXPAYER.fullmatch(code):
        return "identity.tax_id"
    return organisation_code_fault(code[6:])


def customs_code_warning(code: str) -> str | None:
    """What is odd about a registration code: it begins with no district. Only the form above binds."""
    place = code[:4]
    known = place.isascii() and place.isdigit() and place[:2] in _PROVINCES
    return None if known else "identity.customs_code_district"


def bank_code_fault(code: str) -> str | None:
    """A bank's number in China's payment systems (CNAPS): 12 digits."""
    return None if _BANK_CODE.fullmatch(code) else "identity.bank_code"


def swift_fault(code: str) -> str | None:
    """A bank's identifier code (SWIFT): 8 or 11 digits and capital letters, the fifth and sixth a country."""
    return None if _SWIFT.fullmatch(code) else "identity.swift"


def bank_card_fault(number: str) -> str | None:
    """A bank card: 16 to 19 digits, the last one by Luhn."""
    if not _BANK_CARD.fullmatch(number):
        return "identity.bank_card_form"
    return None if luhn_check_digit(number[:-1]) == number[-1] else "identity.bank_card_check"


def luhn_check_digit(digits: str) -> str:
    """Luhn's digit: every second digit from the right doubled, its own digits summed."""
    total = sum(int(d) for place, digit in enumerate(reversed(digits)) for d in str(int(digit) * (2 - place % 2)))
    return str(-total % 10)


def make_credit_code(sequence: int, district: str = MADE_UP_DISTRICT) -> str:
    """A credit code for made-up enterprises, with both check digits right."""
    organisation = f"{sequence % 100_000_000:08d}"
    first17 = f"91{district}{organisation}{organisation_check_digit(organisation)}"
    return first17 + credit_check_digit(first17)


# ---- documents
# --------------------------------------------------------------------------------------------------


def inventory_number_fault(number: str) -> str | None:
    """``invtNo``: office (4), year (4), I or E, 9 digits (11 on some export declarations)."""
    return None if _INVENTORY_NUMBER.fullmatch(number) else "identity.inventory_number"


def pre_number_fault(number: str) -> str | None:
    """``preNo``: a letter, the day, 9 digits."""
    match = _PRE_NUMBER.fullmatch(number)
    return None if match is not None and _date(match[1]) is not None else "identity.pre_number"


def tax_bill_number_fault(number: str) -> str | None:
    """``taxNo`` as seen in practice: the declaration's number, ``_``, a counter."""
    declaration, _, counter = number.rpartition("_")
    fits = counter.isascii() and counter.isdigit() and _INVENTORY_NUMBER.fullmatch(declaration)
    return None if fits else "identity.tax_bill_number"


def entry_number_fault(number: str) -> str | None:
    """``entryId``, a general declaration: office (4), year (4), 1 import or 0 export, 9 digits."""
    return None if _ENTRY_NUMBER.fullmatch(number) else "identity.entry_number"


def exchange_number_fault(number: str) -> str | None:
    """``dxpId``, a user's number on the data exchange platform: DXP and 13 digits and capital letters."""
    return None if _EXCHANGE_NUMBER.fullmatch(number) else "identity.exchange_number"


def guid_fault(number: str) -> str | None:
    """``guid``: 36 characters without blanks. Capitals are asked for, small letters and other forms are taken too."""
    return None if _GUID.fullmatch(number) else "identity.guid"


# ---- goods and parcels
# -------------------------------------------------------------------------------------------------


def tariff_code_fault(code: str, digits: tuple[int, ...] = (10,)) -> str | None:
    """``gcode``: a tariff code of one of the lengths and an existing chapter (01 to 98 without 77).

    Ten digits in CEB; lists of goods go by 8, simplified export by 4 or 6.
    """
    return None if len(code) in digits and _TARIFF.fullmatch(code) else "identity.tariff_code"


def bar_code_fault(number: str) -> str | None:
    """A trade item's number (GTIN-8, -12, -13, -14): digits, the last one by GS1."""
    if not _BAR_CODE.fullmatch(number):
        return "identity.bar_code_form"
    return None if bar_code_check_digit(number[:-1]) == number[-1] else "identity.bar_code_check"


def bar_code_check_digit(digits: str) -> str:
    """GS1's digit: from the right, digits count three times and once in turn."""
    return str(-sum(int(digit) * (3, 1)[place % 2] for place, digit in enumerate(reversed(digits))) % 10)


def postal_number_fault(number: str) -> str | None:
    """A postal item (UPU S10): two letters, 8 digits, a check digit, a country."""
    if not _POSTAL.fullmatch(number):
        return "identity.postal_number_form"
    return None if postal_check_digit(number[2:10]) == number[10] else "identity.postal_number_check"


def postal_check_digit(serial: str) -> str:
    """UPU S10's check digit of the 8 digits: 0 stands for 10 and 5 for 11, so it misses some errors."""
    total = sum(int(digit) * weight for digit, weight in zip(serial, _POSTAL_WEIGHTS, strict=True))
    return "50987654321"[total % 11]


def container_fault(number: str) -> str | None:
    """A container: owner (3 letters), U, J, R or Z, 6 digits, a check digit (ISO 6346)."""
    if not _CONTAINER.fullmatch(number):
        return "identity.container_form"
    return None if container_check_digit(number[:10]) == number[10] else "identity.container_check"


def container_check_digit(first10: str) -> str:
    """ISO 6346's check digit: 0 stands for 10 too, so it misses some errors."""
    return str(sum(_CONTAINER_VALUE[char] << place for place, char in enumerate(first10)) % 11 % 10)


def air_waybill_fault(number: str) -> str | None:
    """An air waybill: airline (3 digits), 7 digits and their remainder by 7, with or without a dash."""
    match = _AIR_WAYBILL.fullmatch(number)
    if match is None:
        return "identity.air_waybill_form"
    return None if int(match[1][:7]) % 7 == int(match[1][7]) else "identity.air_waybill_check"


def _date(digits: str) -> date | None:
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return None

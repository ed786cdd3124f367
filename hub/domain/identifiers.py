"""Identifiers of people, enterprises and documents: check digits, shapes, and made-up ones for tests and
demos.

Every check returns the code of the fault (family ``identity``), or None. All of them only flag: customs
decide. Sources: GB 11643-1999 (resident ID), GB 32100-2015 (unified social credit code), GB 11714-1997
(organisation code), GACC's registration codes and document numbers.
"""

from __future__ import annotations

import re
from datetime import date

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

_CUSTOMS_CODE = re.compile(r"[0-9A-Z]{10}")
_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_PHONE_NOISE = re.compile(r"[\s\-()（）\u2010-\u2015]+")
_INVENTORY_NUMBER = re.compile(r"[0-9]{4}(?:19|20)[0-9]{2}[IE][0-9]{9}(?:[0-9]{2})?")
_PRE_NUMBER = re.compile(r"[A-Za-z]((?:19|20)[0-9]{6})[0-9]{9}")

#: First two digits of GB/T 2260 districts, and of residence permits of Hong Kong, Macao and Taiwan people (81
#: to 83).
_PROVINCES = frozenset(
    (
        "11",
        "12",
        "13",
        "14",
        "15",
        "21",
        "22",
        "23",
        "31",
        "32",
        "33",
        "34",
        "35",
        "36",
        "37",
        "41",
        "42",
        "43",
        "44",
        "45",
        "46",
        "50",
        "51",
        "52",
        "53",
        "54",
        "61",
        "62",
        "63",
        "64",
        "65",
        "71",
        "81",
        "82",
        "83",
    )
)
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
    return None if number[:2] in _PROVINCES else "identity.resident_id_district"


def resident_check_digit(first17: str) -> str:
    """The check digit of a resident ID number's first 17 digits (GB 11643)."""
    total = sum(int(digit) * weight for digit, weight in zip(first17, _RESIDENT_WEIGHTS, strict=True))
    return _RESIDENT_CHECK[total % 11]


def make_resident_id(district: str, birthdate: date, sequence: int) -> str:
    """A resident ID number for made-up people, with the right check digit; use ``MADE_UP_DISTRICT``."""
    first17 = f"{district:0>6}{birthdate:%Y%m%d}{sequence % 1000:03d}"
    return first17 + resident_check_digit(first17)


def normalised_phone(number: str) -> str:
    """A telephone number without the country code of the mainland, spaces and dashes: the same for the same
    line.
    """
    digits = _PHONE_NOISE.sub("", number)
    for prefix in ("+86", "0086"):
        digits = digits.removeprefix(prefix)
    if len(digits) == 13 and digits.startswith("86"):
        digits = digits[2:]
    return digits


def phone_fault(number: str) -> str | None:
    """Whether a number is not a mainland mobile number, once normalised."""
    return None if _MOBILE.fullmatch(normalised_phone(number)) else "identity.phone"


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


def _date(digits: str) -> date | None:
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return None

"""Keys and China's calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain import keys
from hub.domain.views import identity_of, normal

CHINA = timezone(timedelta(hours=8))
moments = st.integers(0, 4_102_444_800_000)


@given(moments)
def test_the_day_of_law_is_china_s(at: int) -> None:
    then = datetime.fromtimestamp(at / 1000, CHINA)
    assert keys.china_day(at) == then.year * 10_000 + then.month * 100 + then.day


@given(moments)
def test_a_receipt_s_time_is_read_back(at: int) -> None:
    then = datetime.fromtimestamp(at // 1000, CHINA)
    assert keys.receipt_ms(f"{then:%Y%m%d%H%M%S}{at % 1000:03d}") == at


@given(moments)
def test_a_moment_is_written_as_customs_writes_it(at: int) -> None:
    assert keys.receipt_ms(keys.china_stamp(at)) == at


@pytest.mark.parametrize("text", ["", "soon", "99999999999999", "20260230120000", "20260601250000", "99991231235959999", "20270101000000"])
def test_a_time_that_cannot_be_is_that_of_the_receipt(text: str) -> None:
    at = keys.receipt_ms("20260601120000123")
    assert keys.possible_time(text, at) == "20260601120000123"
    assert keys.possible_time("20260601120000", at) == "20260601120000000"
    assert keys.possible_time("20260602110000", at) == "20260602110000000"  # clocks differ


def test_a_colon_in_a_code_is_no_border_of_a_key() -> None:
    one, other = keys.declaration_key("A:B", "C", ""), keys.declaration_key("A", "B:C", "")
    assert (one, other) == ("A%3AB:C", "A:B:C")
    assert keys.declaration_key("A%3AB", "C", "") == "A%253AB:C"


@given(moments)
def test_rfc3339_is_utc_to_the_millisecond(at: int) -> None:
    then = datetime.fromtimestamp(at // 1000, UTC)
    assert keys.rfc3339(at) == f"{then:%Y-%m-%dT%H:%M:%S}.{at % 1000:03d}Z"


@pytest.mark.parametrize("text", ["", "2026", "2026-06-01 12:00", "20260601120A00"])
def test_what_is_no_time_is_none(text: str) -> None:
    assert keys.receipt_ms(text) == 0


@pytest.mark.parametrize("number", ["990000199001010019", "99000019900101001X"])
def test_a_check_digit_is_that_of_the_standard(number: str) -> None:
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    right = "10X98765432"[sum(int(d) * w for d, w in zip(number, weights, strict=False)) % 11]
    assert identity_of("1", number[:17] + right) == "valid"
    wrong = "0" if right != "0" else "1"
    assert identity_of("1", number[:17] + wrong) == "invalid"
    assert identity_of("2", "P1234567") == "other"


def test_width_case_and_blanks_do_not_make_another_name() -> None:
    assert normal(" 某市　某路１号a ") == normal("某市某路1号Ａ")
    assert normal("某甲") != normal("某乙")

"""Keys and China's calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain import keys
from hub.domain.normal import normal
from hub.domain.views import identity_of
from schemas import catalog
from schemas.documents import STRUCTS

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
    one, other = keys.waybill_key("A:B", "C"), keys.waybill_key("A", "B:C")
    assert (one, other) == ("A%3AB:C", "A:B:C")
    assert keys.waybill_key("A%3AB", "C") == "A%253AB:C"


def test_a_receipt_names_its_document_where_it_names_it_whole() -> None:
    def key(message: str, **head: str) -> str:
        struct = STRUCTS[catalog.message(message).struct]
        return keys.answered_key(message, msgspec.convert({"head": head}, struct))

    assert key("CEB312", ebpCode="P", ebcCode="M", orderNo="1") == "order/P:M:1"
    assert key("CEB312", ebpCode="P", orderNo="1") == ""
    assert key("CEB622", agentCode="A", copNo="1") == "declaration/A:1"
    assert key("CEB622", agentCode="A") == ""
    assert key("CEB404", ebcCode="M", orderNo="1") == "collection/M:1:"  # a collection need not have a number
    assert key("CEB404", ebcCode="M", orderNo="1", payNo="9") == "collection/M:1:9"
    assert key("CEB608", agentCode="A", copNo="1", msgSeqNo="2") == "consolidation/A:1:2"
    assert key("CEB216", operatorCode="S", coElNo="1") == "return_tally/S:1"
    assert key("CEB900", oriCopMsgId="x") == ""
    assert key("CEB816", taxNo="x") == ""


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

"""What is digested of a telephone: the same number however it is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.normal import normal_telephone
from hub.domain.views import Viewer


@pytest.mark.parametrize(
    "text", ["13900000001", "+86 139-0000-0001", "0086 13900000001", "8613900000001", "＋８６　１３９００００　０００１", "(+86)139.0000.0001", "139\u20110000\u20130001", "139\u22120000\u20140001", "139－0000－0001",
     "13900000001，", "139/0000/0001", "139·0000·0001", "13900000001_", "139\u200b00000001", "[139]00000001;", "139~0000~0001"]
)
def test_a_telephone_is_the_same_with_and_without_chinas_prefix(text: str) -> None:
    assert normal_telephone(text) == "13900000001"


@pytest.mark.parametrize(("text", "plain"), [("0571-86000000", "057186000000"), ("86000000", "86000000"), ("+1 202 5550100", "+12025550100"), ("13900000001转2", "13900000001转2"), ("", ""), (None, "")])
def test_other_telephones_keep_their_digits(text: str | None, plain: str) -> None:
    assert normal_telephone(text) == plain


@pytest.mark.parametrize(
    ("written", "dialled"),
    [
        ("+86 571-86000000", "057186000000"),
        ("0086 571 86000000", "057186000000"),
        ("＋８６（５７１）８６００００００", "057186000000"),
        ("+86\u2010571\u20128600\u22120000", "057186000000"),
        ("+86 (0)571 86000000", "057186000000"),
        ("+86 10 8600 0000", "01086000000"),
        ("+86 21 8600 0000", "02186000000"),
        ("+86 400 600 0000", "4006000000"),
        ("+86 139 0000 0001", "13900000001"),
        ("86000000", "86000000"),
    ],
)
def test_a_landline_gets_back_the_0_that_chinas_prefix_took(written: str, dialled: str) -> None:
    assert normal_telephone(written) == dialled


@given(st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True), st.sampled_from(["", "+86", "0086", "86", "(+86)"]), st.sampled_from(["", " ", "-", ".", "\u2010", "\u2014", "\u2212"]))
def test_a_mobile_number_is_found_in_whatever_it_is_written_with(number: str, prefix: str, between: str) -> None:
    assert normal_telephone(f"{prefix}{between}{number[:3]}{between}{number[3:7]}{between}{number[7:]}") == number


def test_order_and_declaration_with_differently_written_telephones_agree() -> None:
    viewer = Viewer(lambda plain: plain)
    assert viewer.telephone("+86 139-0000-0001") == viewer.telephone("13900000001") == "13900000001"
    assert viewer.telephone(None) == ""

"""Made-up sales: they agree with themselves, and nobody in them exists."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.identifiers import company_code_fault, resident_id_fault
from schemas import samples

NUMBERS = st.integers(min_value=0, max_value=10**13)


@given(number=NUMBERS, mode=st.sampled_from(("9610", "1210", "1239")))
def test_the_four_documents_of_a_sale_agree(number: int, mode: str) -> None:
    order, payment, waybill, declaration = samples.declaration_set(number, trade_mode=mode)
    head, dec = order.head, declaration.head
    lines = [(Decimal(x.price), Decimal(x.qty), Decimal(x.totalPrice)) for x in order.list]
    assert all(price * quantity == total for price, quantity, total in lines)
    assert sum(total for _, _, total in lines) == Decimal(head.goodsValue)
    paid = Decimal(head.goodsValue) + Decimal(head.freight) + Decimal(head.taxTotal) - Decimal(head.discount)
    assert paid == Decimal(head.acturalPaid) == Decimal(payment.head.amountPaid)
    assert 0 < paid < 5000
    assert head.orderNo == payment.head.orderNo == waybill.head.orderNo == dec.orderNo
    assert (head.buyerName, head.buyerIdNumber) == (payment.head.payerName, payment.head.payerIdNumber)
    assert (head.buyerName, head.buyerIdNumber) == (dec.buyerName, dec.buyerIdNumber)
    assert head.consigneeAddress == waybill.head.consigneeAddress == dec.consigneeAddress
    assert waybill.head.logisticsNo == dec.logisticsNo
    assert [x.totalPrice for x in order.list] == [x.totalPrice for x in declaration.list]
    assert [x.itemName for x in order.list] == [x.gname for x in declaration.list]
    assert Decimal(dec.netWeight) <= Decimal(dec.grossWeight) == Decimal(waybill.head.weight)
    assert (dec.billNo is not None) == (mode == "9610")
    assert (dec.emsNo is not None) == (mode != "9610")


@given(number=NUMBERS)
def test_the_same_number_is_the_same_sale_and_another_is_another(number: int) -> None:
    assert samples.declaration_set(number) == samples.declaration_set(number)
    other = samples.declaration_set(number + 1)
    for mine, theirs in zip(samples.declaration_set(number), other, strict=True):
        assert mine.head.guid != theirs.head.guid
    assert len({document.head.guid for document in samples.declaration_set(number)}) == 4


@given(index=st.integers(min_value=0, max_value=14_599_999))
def test_people_have_right_check_digits_in_a_district_that_does_not_exist(index: int) -> None:
    person = samples.buyer(index)
    assert resident_id_fault(person.identity) is None
    assert person.identity.startswith("990000")


def test_the_default_parties_have_codes_of_the_right_form() -> None:
    parties = samples.Parties()
    for code in (parties.platform, parties.merchant, parties.payer, parties.carrier, parties.agent, parties.area):
        assert company_code_fault(code) is None


def test_the_moment_is_written_in_china_time() -> None:
    made = samples.declaration_set(1, at=1_767_225_599_000)  # 2025-12-31 23:59:59 UTC
    assert made.order.head.appTime == "20260101075959"
    assert made.declaration.head.declTime == "20260101"


def test_fewer_buyers_buy_more_often() -> None:
    few = {samples.declaration_set(n, buyers=5).order.head.buyerIdNumber for n in range(200)}
    assert len(few) == 5


@pytest.mark.parametrize("flaw", samples.FLAWS)
def test_a_flaw_changes_only_what_it_names(flaw: str) -> None:
    good, bad = samples.declaration_set(1), samples.invalid(flaw, 1)
    changed = {kind for kind in good._fields if getattr(good, kind) != getattr(bad, kind)}
    assert changed == {path.split(".")[0] for path in samples.FLAWS[flaw]}

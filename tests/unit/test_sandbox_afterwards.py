"""The sandbox customs after a declaration: warehouse entry, tax bills, cancellation, return, tally; on both sides."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from adapters.authorities.customs.receipts import inventory_number
from hub.domain.keys import china_year
from schemas import samples
from schemas.taxes import Rates, rates_of, taxes
from tests.support.customs import DXP_ID
from tests.support.documents import with_head
from tests.support.rehearsal import Rehearsal, scenario_of

GRANTED = ["2", "120", "399"]
RETURNED = ["2", "120", "800"]
#: Customs has it and does nothing more.
PATIENT = """
    [flow.patient]
    steps = [{ status = "2" }, { status = "3", after = 10 }, { status = "120", after = 10 }]
    [[choose]]
    flow = "patient"
"""
UNKNOWN = "29212026I000000099"


def released(customs: Rehearsal, number: int = 1, **options: Any) -> Any:
    """An import declaration that was released."""
    declaration = customs.imported(number, **options).declaration
    customs.wait()
    assert "800" in customs.statuses(declaration)
    return declaration


def left(customs: Rehearsal) -> Any:
    """An export declaration that has left."""
    declaration = customs.exported(1).declaration
    customs.wait()
    for make in (samples.consolidation, samples.arrival, samples.departure):
        for part in make([declaration]):
            customs.hand_in(part)
    customs.wait()
    assert customs.statuses(declaration)[-1] == "899"
    return declaration


def used(customs: Rehearsal, declaration: Any) -> int:
    """What a declaration takes of its buyer's limit."""
    row = customs.store.find(customs.key(declaration))
    assert row is not None
    number, year = row.facts.persons["number"], china_year(customs.now)
    return customs.store.used(number, year, "") - customs.store.used(number, year, row.key)


def many_lines(number: int = 0) -> int:
    """A sale with two lines, of two pieces in the first."""
    return next(
        n
        for n in range(number, 999)
        if len((d := samples.declaration_set(n).declaration).list) == 2 and int(d.list[0].qty or 0) > 1
    )


def bills(customs: Rehearsal, declaration: Any) -> list[tuple[str, str]]:
    """(number, status) of the tax bills told, in order."""
    number = customs.invt_no(declaration)
    told = [
        made.head
        for key, all_told in customs.documents.items()
        for made in all_told
        if (key == customs.key(declaration) or key.startswith("tax_bill/")) and hasattr(made.head, "taxNo")
    ]
    told.sort(key=lambda head: head.returnTime)
    assert all(head.invtNo == number for head in told)
    return [(head.taxNo.removeprefix(number), head.status) for head in told]


# ---- waybill status, warehouse entry


def test_a_waybill_s_status_is_stored() -> None:
    customs = Rehearsal()
    status = samples.waybill_status(customs.imported(1).waybill)
    customs.hand_in(status)
    customs.wait()
    assert customs.statuses(status) == ["2", "120"]
    assert {head.logisticsStatus for head in customs.heads(status)} == {"S"}


def test_a_warehouse_entry_list_gets_its_number() -> None:
    customs = Rehearsal()
    entry = samples.warehouse_entry([customs.imported(n).declaration for n in range(3)])
    customs.hand_in(entry)
    customs.wait()
    assert customs.statuses(entry) == GRANTED
    assert [bool(head.rkdNo) for head in customs.heads(entry)] == [False, True, True]
    assert len(customs.heads(entry)[-1].rkdNo) == 18


@pytest.mark.parametrize("entry_first", [False, True])
def test_where_the_scenario_wants_it_direct_purchases_wait_for_the_warehouse(entry_first: bool) -> None:
    text = """
        warehouse_entry_for = ["9610"]
        [flow.release]
        steps = [{ status = "2" }, { status = "120" }, { status = "800", after = 60 }, { status = "899", after = 90 }]
        [[choose]]
        flow = "release"
    """
    customs = Rehearsal(scenario_of(text))
    entry = samples.warehouse_entry([samples.declaration_set(1).declaration])
    if entry_first:
        customs.hand_in(entry)
    direct, bonded = customs.imported(1).declaration, customs.imported(2, trade_mode="1210").declaration
    customs.wait()
    assert customs.statuses(bonded)[-1] == "899"
    if not entry_first:
        assert customs.statuses(direct) == ["2", "120"]
        customs.hand_in(entry)
        customs.wait()
    assert customs.statuses(direct) == ["2", "120", "800", "899"]
    assert bills(customs, direct) == [("_0", "1")]


# ---- tax bills


def test_the_tax_is_seventy_percent_of_both_taxes_on_the_value_with_the_consumption_tax_in_it() -> None:
    assert taxes(41_000, Rates(13, 0)) == (3_731, 0)  # a real bill: 410.00 → 37.31
    assert taxes(10_000, Rates(13, 15)) == (1_071, 1_235)  # 23.06 %: (15 % + 13 %) / 85 % × 70 %
    assert taxes(10_000_000, Rates(13, 15), unit=1_000) == taxes(10_000, Rates(13, 15))
    assert taxes(600_000, Rates(13, 0), share=100) == (78_000, 0)
    assert rates_of("3304100012").consumption == 15
    assert rates_of("9999999999") == Rates(13, 0)


@pytest.mark.parametrize("mode", ["9610", "1210", "1239"])
def test_the_tax_bill_is_the_tax_the_order_withheld_and_is_summarised_later(mode: str) -> None:
    customs = Rehearsal()
    sales = [customs.imported(number, trade_mode=mode) for number in range(25)]
    customs.wait()
    for sale in sales:
        [bill] = [m for m in customs.documents[customs.key(sale.declaration)] if type(m).__name__ == "TaxBill"]
        head = bill.head
        assert head.taxNo == f"{customs.invt_no(sale.declaration)}_0"
        due = Decimal(head.valueAddedTax) + Decimal(head.consumptionTax)
        assert due == Decimal(sale.order.head.taxTotal or 0)
        assert Decimal(head.valueAddedTax) == sum(Decimal(line.valueAddedTax) for line in bill.list)
        assert (head.agentCode, head.ebcCode) == (sale.declaration.head.agentCode, sale.declaration.head.ebcCode)
        told = customs.told[customs.key(sale.declaration)]
        assert told.index(("CEB816", "1")) > told.index(("CEB622", "800"))
    assert all(bills(customs, sale.declaration) == [("_0", "1")] for sale in sales)
    customs.wait(customs.plan.times.tax_summarised)
    assert all(bills(customs, sale.declaration) == [("_0", "1"), ("_0", "2")] for sale in sales)
    last = customs.documents[customs.key(sales[0].declaration)][-1].head
    assert last.entDutyNo


def test_tax_bills_go_to_the_declarant_alone() -> None:
    customs, sale = Rehearsal(), samples.declaration_set(1)
    for document in sale:
        customs.hand_in(document, subscribe=(samples.subscription("DXPENT0000990008"),))
    customs.wait(customs.plan.times.tax_summarised + 1_000)
    assert customs.receivers["CEB622"] == {(DXP_ID, "DXPENT0000990008")}
    assert customs.receivers["CEB816"] == customs.receivers["CEB818"] == {(DXP_ID,)}


def test_tax_bills_can_be_left_out() -> None:
    text = """
        times = { tax_bill = 0 }
        [flow.release]
        steps = [{ status = "2" }, { status = "120" }, { status = "800" }]
        [[choose]]
        flow = "release"
    """
    customs = Rehearsal(scenario_of(text))
    assert bills(customs, released(customs)) == []


def test_what_is_not_released_owes_no_tax() -> None:
    customs = Rehearsal(scenario_of(PATIENT))
    declaration = customs.imported(1).declaration
    customs.wait(100_000)
    assert bills(customs, declaration) == []


# ---- cancellation


def test_a_declaration_customs_has_can_be_cancelled_and_frees_the_buyer_s_limit() -> None:
    customs = Rehearsal("slow")
    number = next(n for n in range(99) if released_at_once(n))
    declaration = customs.imported(number).declaration
    customs.wait(6_000)
    assert customs.statuses(declaration)[-1] == "120"
    assert used(customs, declaration) > 0
    application = samples.cancellation(declaration, customs.invt_no(declaration))
    customs.hand_in(application)
    customs.wait(200_000)
    assert customs.statuses(application) == GRANTED
    assert customs.heads(application)[-1].returnInfo == "[Code:2300;Desc:审核通过],撤单申请审核通过,清单已成功撤单"
    assert customs.heads(application)[-1].preNo[0] == "C"
    assert customs.statuses(declaration)[-1] == "120", "nothing more is said of a cancelled declaration"
    assert used(customs, declaration) == 0
    again = samples.cancellation(declaration, customs.invt_no(declaration))
    assert customs.refused(customs.hand_in(with_head(again, copNo="CX2"))) == "-623005"
    customs.hand_in(with_head(declaration, appTime="20270101000000"))
    customs.wait(10_000)
    assert customs.statuses(declaration)[-1] in ("120", "800"), "it may be declared again"


def released_at_once(number: int) -> bool:
    """Whether ``slow`` neither reviews nor examines a sale."""
    customs = Rehearsal("slow")
    declaration = customs.imported(number).declaration
    row = customs.store.find(customs.key(declaration))
    assert row is not None
    return not {"300", "500"} & {p.status for p in row.plan}


@pytest.mark.parametrize(("side", "unknown", "unfit"), [("I", "-623003", "-623005"), ("E", "-607001", "-607001")])
def test_a_cancellation_is_refused_for_an_unknown_number_or_state(side: str, unknown: str, unfit: str) -> None:
    customs = Rehearsal()
    declaration = released(customs) if side == "I" else left(customs)
    wrong = samples.cancellation(declaration, UNKNOWN.replace("I", side))
    assert customs.refused(customs.hand_in(wrong)) == unknown
    application = samples.cancellation(declaration, customs.invt_no(declaration))
    assert customs.refused(customs.hand_in(application)) == unfit


def test_a_number_customs_has_not_told_is_not_known() -> None:
    customs, sale = Rehearsal(), samples.declaration_set(1)
    customs.hand_in(sale.declaration)
    customs.wait()
    row = customs.store.find(customs.key(sale.declaration))
    assert row is not None
    told_later = inventory_number(row.facts, row.number, row.arrived)
    assert customs.refused(customs.hand_in(samples.cancellation(sale.declaration, told_later))) == "-623003"


@pytest.mark.parametrize("side", ["I", "E"])
def test_another_merchant_s_declaration_is_neither_cancelled_nor_returned(side: str) -> None:
    customs = Rehearsal()
    declaration = released(customs) if side == "I" else left(customs)
    number = customs.invt_no(declaration)
    for application in (samples.cancellation(declaration, number), samples.returned(declaration, number)):
        code = {"I": {"Cancellation": "-623001"}, "E": {"Cancellation": "-606001"}}[side]
        wanted = code.get(type(application).__name__, "-625001")
        assert customs.refused(customs.hand_in(with_head(application, ebcCode="9901D00009"))) == wanted


def test_an_import_number_is_unknown_on_the_export_side() -> None:
    customs = Rehearsal(scenario_of(PATIENT))
    declaration = customs.imported(1).declaration
    sale = customs.exported(1)
    customs.wait()
    application = samples.cancellation(sale.declaration, customs.invt_no(declaration))
    assert customs.refused(customs.hand_in(application)) == "-607001"


@pytest.mark.parametrize("arrived", [False, True])
def test_an_export_declaration_can_be_cancelled_until_it_is_released(arrived: bool) -> None:
    customs = Rehearsal()
    declaration = customs.exported(1).declaration
    customs.wait()
    lists = [*samples.consolidation([declaration]), *samples.arrival([declaration])]
    for part in lists if arrived else ():
        customs.hand_in(part)
    customs.wait()
    application = samples.cancellation(declaration, customs.invt_no(declaration))
    customs.hand_in(application)
    for part in () if arrived else lists:
        customs.hand_in(part)
    customs.wait()
    assert customs.statuses(application) == (["-607001"] if arrived else GRANTED)
    assert customs.statuses(declaration)[-1] == ("800" if arrived else "120")


def test_a_cancellation_that_is_turned_down_leaves_the_declaration() -> None:
    text = (
        PATIENT
        + """
        [flow.refused]
        steps = [{ status = "2" }, { status = "120" }, { status = "300" }, { status = "100", info = "不予撤销" }]
        [[choose]]
        flow = "refused"
        kind = "cancellation"
    """
    )
    customs = Rehearsal(scenario_of(text))
    declaration = customs.imported(1).declaration
    customs.wait()
    application = samples.cancellation(declaration, customs.invt_no(declaration))
    customs.hand_in(application)
    customs.wait()
    assert customs.statuses(application) == ["2", "120", "300", "100"]
    assert used(customs, declaration) > 0
    customs.hand_in(application)
    customs.wait()
    assert len(customs.statuses(application)) == 8, "what was rejected may come again"


# ---- returns


@pytest.mark.parametrize("side", ["I", "E"])
def test_goods_come_back_once_and_no_more_than_were_there(side: str) -> None:
    customs = Rehearsal()
    declaration = released(customs, many_lines()) if side == "I" else left(customs)
    number = customs.invt_no(declaration)
    line = declaration.list[0]
    first = samples.returned(declaration, number, quantities={line.gnum: 1}, turn=1)
    customs.hand_in(first)
    customs.wait()
    assert customs.statuses(first) == RETURNED
    assert customs.heads(first)[-1].preNo[0] == ("T" if side == "I" else "B")
    too_much = samples.returned(declaration, number, quantities={line.gnum: int(line.qty)}, turn=2)
    assert customs.refused(customs.hand_in(too_much)) == ("-625010" if side == "I" else "-625209")
    other = samples.returned(declaration, number, turn=3)
    other = type(other)(head=other.head, list=(type(other.list[0])(**fields(other.list[0]) | {"gcode": "9999999999"}),))
    assert customs.refused(customs.hand_in(other)) == "-625209"


def fields(struct: Any) -> dict[str, Any]:
    """A struct's fields."""
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


def test_a_return_gives_the_buyer_s_limit_back_and_its_withdrawal_takes_it_again() -> None:
    customs = Rehearsal()
    declaration = released(customs, many_lines())
    line, before = declaration.list[0], used(customs, declaration)
    application = samples.returned(declaration, customs.invt_no(declaration), quantities={line.gnum: 1}, at=customs.now)
    customs.hand_in(application)
    assert used(customs, declaration) == before - int(Decimal(line.price) * 100_000)
    customs.hand_in(with_head(application, appType="3"))
    assert used(customs, declaration) == before


def test_a_return_before_payment_voids_the_tax_bill_and_what_is_kept_gets_a_new_one() -> None:
    customs = Rehearsal()
    declaration = released(customs, many_lines())
    number = customs.invt_no(declaration)
    customs.hand_in(samples.returned(declaration, number, quantities={"1": 1}, turn=1))
    customs.wait()
    assert bills(customs, declaration) == [("_0", "1"), ("_0", "3"), ("_1", "1")]
    [first] = [m for m in customs.documents[customs.key(declaration)] if type(m).__name__ == "TaxBill"]
    [second] = [m for m in customs.documents[f"tax_bill/{number}_1"] if type(m).__name__ == "TaxBill"]
    assert Decimal(second.head.valueAddedTax) < Decimal(first.head.valueAddedTax)
    rest = {line.gnum: int(line.qty or 0) - (line.gnum == "1") for line in declaration.list}
    customs.hand_in(samples.returned(declaration, number, quantities=rest, turn=2))
    customs.wait(100_000)
    assert bills(customs, declaration) == [("_0", "1"), ("_0", "3"), ("_1", "1"), ("_1", "3")]


def test_a_return_after_payment_leaves_the_tax_bill() -> None:
    customs = Rehearsal()
    declaration = released(customs)
    customs.wait(customs.plan.times.tax_summarised)
    customs.hand_in(samples.returned(declaration, customs.invt_no(declaration)))
    customs.wait(100_000)
    assert bills(customs, declaration) == [("_0", "1"), ("_0", "2")]


def test_a_return_comes_after_release_and_within_thirty_days() -> None:
    customs = Rehearsal(scenario_of(PATIENT))
    declaration = customs.imported(1).declaration
    customs.wait()
    application = samples.returned(declaration, customs.invt_no(declaration))
    assert customs.refused(customs.hand_in(application)) == "-625207"
    customs = Rehearsal()
    declaration = released(customs)
    day = 86_400_000
    customs.wait(29 * day)
    in_time = samples.returned(declaration, customs.invt_no(declaration), quantities={"1": 1})
    customs.hand_in(in_time)
    customs.wait(2 * day)
    assert customs.statuses(in_time) == RETURNED
    late = samples.returned(declaration, customs.invt_no(declaration), turn=2)
    assert customs.refused(customs.hand_in(late)) == "-625207"
    assert customs.refused(customs.hand_in(with_head(late, invtNo=UNKNOWN, copNo="X"))) == "-625016"


def test_a_returned_export_is_tallied() -> None:
    customs = Rehearsal()
    declaration = left(customs)
    application = samples.returned(declaration, customs.invt_no(declaration))
    counted = samples.tally(application)  # type: ignore[arg-type]
    customs.hand_in(application)
    customs.hand_in(counted)
    customs.wait()
    assert customs.statuses(application) == RETURNED
    assert customs.statuses(counted) == ["2", "399"]
    assert {head.preNo[0] for head in customs.heads(counted)} == {"o"}
    unknown = with_head(counted, invtNo=UNKNOWN.replace("I", "E"), coElNo="X")
    assert customs.refused(customs.hand_in(unknown)) == "-800001"

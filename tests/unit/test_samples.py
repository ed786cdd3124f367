"""Made-up documents of every upload message: of the right form, and in agreement with each other."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from adapters import signature
from adapters.xml import parse
from schemas import catalog, samples
from tests.support.signing import a_signer

INVT = "29212026E000000007"
MODES = ("9610", "1210", "9710", "9810")


def assert_valid(type_: str, documents: Sequence[Any], edition: str = "202205") -> None:
    """The message of these documents, signed, passes its schema."""
    mt = catalog.message(type_)
    xml = catalog.render(mt, documents, guid="9" * 36, transfer=samples.base_transfer("9901D00005"))
    root = parse(signature.sign(xml, a_signer())).root
    schema = catalog.validator(mt, edition)
    assert schema(root), schema.error_log


def exported(count: int, **options: Any) -> list[Any]:
    """Declarations of so many export sales."""
    return [samples.export_set(number, **options).declaration for number in range(count)]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("foreign", [False, True])
def test_an_export_sale_is_valid_and_agrees_with_itself(mode: str, foreign: bool) -> None:
    for number in range(30):
        sale = samples.export_set(number, trade_mode=mode, foreign_platform=foreign, collected=True)
        order, declaration, collection = sale.order, sale.declaration, sale.collection
        assert collection is not None
        assert order.head.orderType == {"9710": "B", "9810": "W"}.get(mode, "E")
        assert (order.head.ebpCode == samples.NO_PLATFORM) is foreign
        for name in ("orderNo", "ebpCode", "ebcCode"):
            assert getattr(order.head, name) == getattr(declaration.head, name) == getattr(collection.head, name)
        for name in ("logisticsNo", "logisticsCode"):
            assert getattr(sale.waybill.head, name) == getattr(declaration.head, name)
        assert [(x.gnum, x.qty, x.price) for x in order.list] == [(x.gnum, x.qty, x.price) for x in declaration.list]
        goods = sum(Decimal(line.totalPrice or 0) for line in order.list)
        assert goods == Decimal(order.head.goodsValue or 0)
        assert Decimal(collection.head.charge or 0) == goods + Decimal(order.head.freight or 0)
        assert Decimal(declaration.head.netWeight or 0) < Decimal(declaration.head.grossWeight or 0)
        assert sale == samples.export_set(number, trade_mode=mode, foreign_platform=foreign, collected=True)
        for type_, document in zip(("CEB303", "CEB505", "CEB603", "CEB403"), sale, strict=True):
            assert_valid(type_, [document])


@pytest.mark.parametrize("edition", ["202205", "2018"])
def test_what_follows_an_import_sale_is_valid(edition: str) -> None:
    sale = samples.declaration_set(3)
    assert_valid("CEB513", [samples.waybill_status(sale.waybill)], edition)
    assert_valid("CEB623", [samples.cancellation(sale.declaration, INVT)], edition)
    assert_valid("CEB625", [samples.returned(sale.declaration, INVT)], edition)
    assert_valid(
        "CEB711", [samples.warehouse_entry([samples.declaration_set(n).declaration for n in range(9)])], edition
    )


def test_what_follows_an_export_sale_is_valid() -> None:
    declarations = exported(7)
    application = samples.returned(declarations[0], INVT)
    assert_valid("CEB605", [samples.cancellation(declarations[0], INVT)])
    assert_valid("CEB213", [application])
    assert_valid("CEB215", [samples.tally(application)])  # type: ignore[arg-type]
    for parts in (1, 3):
        assert_valid("CEB607", samples.consolidation(declarations, parts=parts))
        assert_valid("CEB507", samples.arrival(declarations, parts=parts))
        assert_valid("CEB509", samples.departure(declarations, parts=parts))
        assert_valid("CEB701", samples.summary([INVT] * 7, parts=parts))
    assert_valid("CEB507", samples.arrival(declarations, listed=False))
    assert_valid("CEB701", samples.summary(period=(0, samples.DEFAULT_AT)))


@pytest.mark.parametrize("make", [samples.consolidation, samples.arrival, samples.departure])
def test_the_parts_of_a_list_are_numbered_and_hold_every_parcel_once(make: Any) -> None:
    declarations = exported(10)
    parts = make(declarations, parts=3)
    assert [(p.head.msgCount, p.head.msgSeqNo) for p in parts] == [("3", "1"), ("3", "2"), ("3", "3")]
    assert len({p.head.copNo for p in parts}) == 1
    assert len({catalog.business_key(p) for p in parts}) == 3
    assert [line.logisticsNo for p in parts for line in p.list] == [d.head.logisticsNo for d in declarations]
    assert all([line.gnum for line in p.list] == [str(n) for n in range(1, len(p.list) + 1)] for p in parts)


def test_a_return_takes_the_lines_and_quantities_asked_for() -> None:
    declaration = next(d for n in range(99) if len((d := samples.declaration_set(n).declaration).list) > 1)
    [line] = samples.returned(declaration, INVT, quantities={"2": 1}).list
    assert (line.gnum, line.gcode, line.qty) == ("2", declaration.list[1].gcode, "1")
    every = samples.returned(declaration, INVT, turn=2)
    assert [x.qty for x in every.list] == [x.qty for x in declaration.list]
    assert catalog.business_key(every) != catalog.business_key(samples.returned(declaration, INVT))


def test_two_sales_share_no_number() -> None:
    keys = [catalog.business_key(d) for n in range(300) for d in samples.export_set(n, collected=True) if d is not None]
    guids = [d.head.guid for n in range(300) for d in samples.export_set(n, collected=True) if d is not None]
    assert len(set(keys)) == len(keys)
    assert len(set(guids)) == len(guids)

"""Goods of a declaration count as a whole: however they are cut into lines, and whatever order the lines have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from hub.domain.kinds import DECLARATION, ORDER
from hub.domain.reference import Reference, ReferenceRecord
from schemas import documents as ceb
from tests.support.documents import PLATFORM, four, key_of, submission
from tests.support.stage_harness import World, kinds

SECOND = "3301000077"
_MADE = {"unit": "011", "price": "1", "country": "116"}


def sale(no: str, goods: Sequence[tuple[str, str]], platform: str = PLATFORM, **changes: Any) -> dict[str, Any]:
    """A sale of goods (commodity code, pieces), a line each."""
    lines = [{**_MADE, "gnum": str(n), "qty": qty, "totalPrice": qty} for n, (_, qty) in enumerate(goods, 1)]
    ordered = tuple(ceb.OrderLine(itemName=f"货{code}", **line) for (code, _), line in zip(goods, lines, strict=True))
    declared = tuple(
        ceb.DeclarationLine(gname=f"货{code}", gcode=code, **line) for (code, _), line in zip(goods, lines, strict=True)
    )
    platforms = dict.fromkeys(("order_ebpCode", "payment_ebpCode", "declaration_ebpCode"), platform) | changes
    total = str(sum(int(qty) for _, qty in goods))
    return four(no, price=total, order_lines=ordered, declaration_lines=declared, **platforms)


def found(*sales: dict[str, Any]) -> list[list[str]]:
    """Codes of what R17 and R25 find on each sale, one after another."""
    world = World()
    for documents in sales:
        for document in documents.values():
            world.submit(submission(document))
        world.run()
    return [[one.code for one in assessment.findings if one.rule in ("R17", "R25")] for assessment in world.assessments()]


NINE = [(f"190110100{n}", "1") for n in range(9)]
TWO = [("1901101000", "1"), ("1901101001", "2")]


@pytest.mark.parametrize(
    ("one", "other"),
    [(NINE, NINE), (TWO, TWO[::-1]), ([("1901101000", "2")], [("1901101000", "1")] * 2)],
    ids=["nine lines", "another order of lines", "one line cut into two"],
)
def test_one_purchase_through_two_platforms_is_seen_however_its_goods_are_written(one: Any, other: Any) -> None:
    assert found(sale("NO1", one), sale("NO2", other, SECOND)) == [[], ["rule.two_platforms"]]


def test_other_goods_through_another_platform_are_another_purchase() -> None:
    assert found(sale("NO1", NINE), sale("NO2", [*NINE[1:], ("1901101009", "1")], SECOND))[1] == []


@pytest.mark.parametrize("lines", [[("1901101000", "15")], [("1901101000", "1")] * 15, [("1901101000", "-1"), ("1901101000", "15")]])
def test_a_stock_is_one_in_however_many_lines(lines: Any) -> None:
    (codes,) = found(sale("NO1", lines))
    assert codes.count("rule.second_sale") == 1


def test_the_pieces_of_one_good_at_an_address_are_told_once_and_whole() -> None:
    world = World()
    for document in sale("NO1", [("1901101000", "7"), ("1901101001", "1"), ("1901101000", "7")]).values():
        world.submit(submission(document))
    world.run()
    kept = {key.partition(b"@")[0]: state.seen for key, (state, _) in world.states["watch"].items() if key.startswith(b"stock:")}
    assert {key: [one.units for one in seen] for key, seen in kept.items()} == {b"stock:1901101000": [14]}


def test_an_order_for_a_second_platform_is_the_same_with_its_lines_the_other_way_round() -> None:
    world, documents = World(), sale("NO1", TWO)
    again = sale("NO1", TWO[::-1], order_ebpCode=SECOND, order_payTransactionId="")[ORDER]
    for document in (*documents.values(), again):
        world.submit(submission(document))
    world.run()
    assert "match.second_platform" in kinds(world.status(key_of(documents[DECLARATION])).differences)


def test_a_thousand_million_tonnes_of_what_is_counted_in_grams_are_assessed() -> None:
    reference = Reference()
    reference.put(ReferenceRecord("parameter", "positive-list", 1, "2026-01-01"), 0)
    reference.put(ReferenceRecord("positive", "19011010", 1, "2026-01-01", value={"yearly": "2000", "unit": "036"}), 1)
    world, line = World(references=reference), {**_MADE, "gnum": "1", "unit": "070", "qty": "1000000000", "totalPrice": "1"}
    world.tick()
    declared = ceb.DeclarationLine(gname="糖", gcode="1901101000", **line)
    for document in four(declaration_lines=(declared,), order_lines=(ceb.OrderLine(itemName="糖", **line),)).values():
        world.submit(submission(document))
    world.run()
    (assessment,) = world.assessments()
    assert "rule.yearly_quantity" in [finding.code for finding in assessment.findings]


def test_an_address_is_one_however_it_is_written() -> None:
    world = World()
    written = ("浙江省杭州市西湖区1号", "浙江杭州西湖区1号", "浙江省，杭州市，西湖区1号。", "浙江省 杭州市 西湖区1号")
    for n, address in enumerate(written):
        places = dict.fromkeys(("order_consigneeAddress", "waybill_consigneeAddress", "declaration_consigneeAddress"), address)
        for document in sale(f"NO{n}", [("1901101000", "3")], buyer=n, **places).values():
            world.submit(submission(document))
        world.run()
    kept = {key.partition(b":")[0]: len(state.seen) for key, (state, _) in world.states["watch"].items()}
    assert [len([key for key in world.states["watch"] if key.startswith(what)]) for what in (b"stock:", b"address:")] == [1, 1]
    assert (kept[b"stock"], kept[b"address"]) == (4, 4)

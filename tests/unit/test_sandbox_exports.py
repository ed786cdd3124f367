"""The sandbox customs on the export side: three documents, collection, the lists of a bill, summary."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import permutations
from pathlib import Path
from typing import Any

import msgspec
import pytest

from schemas import samples
from tests.support.documents import with_head
from tests.support.rehearsal import Rehearsal, scenario_of

MODES = ("9610", "1210", "9710", "9810")
STORED = ["2", "120"]
ENDS = ["2", "399"]


def declarations(customs: Rehearsal, count: int, **options: Any) -> list[Any]:
    """Declarations of so many sales of one bill, all stored."""
    made = [customs.exported(number, **options).declaration for number in range(count)]
    customs.wait()
    return made


def hand_in_all(customs: Rehearsal, *lists: Any) -> None:
    for one in lists:
        for part in one:
            customs.hand_in(part)
    customs.wait()


@pytest.mark.parametrize("mode", MODES)
def test_an_export_sale_goes_from_declaration_to_closure(mode: str) -> None:
    customs = Rehearsal()
    sale = customs.exported(1, trade_mode=mode)
    customs.wait()
    assert customs.statuses(sale.order) == customs.statuses(sale.waybill) == STORED
    assert customs.statuses(sale.declaration) == ["2", "3", "120"]
    bill, here, gone = (
        make([sale.declaration]) for make in (samples.consolidation, samples.arrival, samples.departure)
    )
    hand_in_all(customs, bill, here)
    assert customs.statuses(bill[0]) == customs.statuses(here[0]) == ENDS
    assert customs.statuses(sale.declaration) == ["2", "3", "120", "800"]
    hand_in_all(customs, gone)
    assert customs.statuses(gone[0]) == ENDS
    assert customs.statuses(sale.declaration) == ["2", "3", "120", "800", "899"]


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("foreign", [False, True])
def test_the_three_documents_stay_at_2_until_all_are_there(order: tuple[int, ...], foreign: bool) -> None:
    customs, sale = Rehearsal(), samples.export_set(1, foreign_platform=foreign)
    three = [sale.order, sale.waybill, sale.declaration]
    for place in order[:2]:
        customs.hand_in(three[place])
    customs.wait()
    assert all(set(customs.statuses(document)) <= {"2", "3"} for document in three)
    customs.hand_in(three[order[2]])
    customs.wait()
    assert [customs.statuses(document)[-1] for document in three] == ["120"] * 3


def test_a_platform_without_a_code_is_no_key_of_its_own() -> None:
    customs = Rehearsal()
    sale = samples.export_set(1, foreign_platform=True)
    other = samples.export_set(1, foreign_platform=True, parties=samples.Parties(merchant="9901D00009"))
    customs.hand_in(other.order)
    customs.hand_in(sale.waybill)
    customs.hand_in(sale.declaration)
    customs.wait()
    assert customs.statuses(sale.declaration) == ["2", "3"], "another merchant's order of that number is not it"


def test_what_is_missing_is_said_with_2_and_after_a_time_rejected() -> None:
    text = """
        [flow.strict]
        reject_missing_after = 5000
        steps = [{ status = "2" }, { status = "120" }]
        [[choose]]
        flow = "strict"
        [[choose]]
        flow = "strict"
        kind = "order"
    """
    customs, sale = Rehearsal(scenario_of(text)), samples.export_set(1)
    customs.hand_in(sale.declaration)
    customs.hand_in(sale.order)
    customs.wait()
    assert customs.heads(sale.declaration)[0].returnInfo.count("信息不存在") == 2
    customs.wait(5000)
    assert customs.statuses(sale.declaration) == customs.statuses(sale.order) == ["2", "100"]
    customs.hand_in(sale.waybill)
    customs.wait()
    assert customs.statuses(sale.waybill) == ["2"], "a rejected declaration is not matched"
    customs.hand_in(sale.order)
    customs.hand_in(sale.declaration)
    customs.wait()
    assert customs.statuses(sale.declaration) == ["2", "100", "2", "120"]


@pytest.mark.parametrize(("order_mode", "mode"), [("9610", "9710"), ("9710", "9810"), ("9810", "9610")])
def test_an_order_of_the_wrong_type_is_rejected(order_mode: str, mode: str) -> None:
    customs = Rehearsal()
    customs.hand_in(samples.export_set(1, trade_mode=order_mode).order)
    sale = samples.export_set(1, trade_mode=mode)
    customs.hand_in(sale.waybill)
    customs.hand_in(sale.declaration)
    customs.wait()
    assert customs.statuses(sale.declaration)[-1] == "100"


def test_lines_that_differ_from_the_order_s_are_rejected() -> None:
    customs = Rehearsal()
    two = next(n for n in range(99) if len(samples.export_set(n).order.list) == 2)
    sale = samples.export_set(two)
    customs.hand_in(type(sale.order)(head=sale.order.head, list=sale.order.list[:1]))
    customs.hand_in(sale.waybill)
    customs.hand_in(sale.declaration)
    customs.wait()
    assert customs.heads(sale.declaration)[-1].returnInfo.startswith("[Code:1320;")


@pytest.mark.parametrize("early", [False, True])
def test_a_collection_is_stored_after_its_declaration(early: bool) -> None:
    customs, sale = Rehearsal(), samples.export_set(1, collected=True)
    before = [sale.collection, sale.order, sale.waybill] if early else [sale.order, sale.waybill]
    for document in before:
        customs.hand_in(document)
    customs.wait()
    assert customs.statuses(sale.collection) == (["2"] if early else [])
    customs.hand_in(sale.declaration)
    if not early:
        customs.hand_in(sale.collection)
    customs.wait()
    assert customs.statuses(sale.collection) == STORED


def test_another_merchant_s_order_on_the_same_platform_is_rejected() -> None:
    customs = Rehearsal()
    sale = samples.export_set(1)
    customs.hand_in(with_head(sale.order, ebcCode="9901D00009"))
    customs.hand_in(sale.waybill)
    customs.hand_in(sale.declaration)
    customs.wait()
    assert customs.statuses(sale.declaration)[-1] == "100"


def test_an_order_can_be_changed_again_once_its_declaration_is_cancelled() -> None:
    customs = Rehearsal()
    sale = customs.exported(1)
    customs.wait()
    changed = with_head(sale.order, appType="2", appTime="20270101000000")
    assert customs.refused(customs.hand_in(changed)) == "-303001"
    customs.hand_in(samples.cancellation(sale.declaration, customs.invt_no(sale.declaration)))
    customs.hand_in(changed)
    customs.wait()
    assert customs.statuses(sale.order) == ["2", "120", "2", "120"]


# ---- the lists of a bill


@pytest.mark.parametrize("make", [samples.consolidation, samples.arrival, samples.departure])
@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_split_list_is_concluded_with_its_last_part(make: Any, order: tuple[int, ...]) -> None:
    customs = Rehearsal()
    parts = make(declarations(customs, 6), parts=3)
    for place in order[:2]:
        customs.hand_in(parts[place])
    customs.wait()
    assert [customs.statuses(part) for part in parts].count(["2"]) == 2
    customs.hand_in(parts[order[2]])
    customs.wait()
    assert [customs.statuses(part) for part in parts] == [ENDS] * 3


def test_a_list_with_a_missing_part_releases_nobody() -> None:
    customs = Rehearsal()
    made = declarations(customs, 4)
    hand_in_all(customs, samples.consolidation(made), samples.arrival(made, parts=2)[:1])
    assert {customs.statuses(d)[-1] for d in made} == {"120"}


def test_parts_that_contradict_each_other_are_refused() -> None:
    customs = Rehearsal()
    made = declarations(customs, 4)
    first, second = samples.consolidation(made, parts=2)
    customs.hand_in(first)
    assert customs.refused(customs.hand_in(with_head(second, msgCount="3"))) == "-902001"
    assert customs.refused(customs.hand_in(with_head(second, msgSeqNo="4"))) == "-902001"
    customs.hand_in(second)
    customs.wait()
    assert customs.statuses(first) == ENDS


@pytest.mark.parametrize("order", list(permutations(("bill", "here", "gone", "sale"))))
def test_in_whatever_order_the_lists_come_the_declaration_ends_closed(order: tuple[str, ...]) -> None:
    customs, sale = Rehearsal(), samples.export_set(1)
    given: dict[str, Any] = {
        "bill": samples.consolidation([sale.declaration]),
        "here": samples.arrival([sale.declaration], listed=False),
        "gone": samples.departure([sale.declaration]),
        "sale": [sale.order, sale.waybill, sale.declaration],
    }
    for name in order:
        hand_in_all(customs, given[name])
    assert customs.statuses(sale.declaration) == ["2", "3", "120", "800", "899"]


def test_only_parcels_that_arrived_are_released_and_only_those_that_left_closed() -> None:
    customs = Rehearsal()
    made = declarations(customs, 4)
    hand_in_all(customs, samples.consolidation(made), samples.arrival(made[:3]), samples.departure(made[1:]))
    assert [customs.statuses(d)[-1] for d in made] == ["800", "899", "899", "120"]


def test_an_arrival_without_parcels_is_that_of_the_whole_bill() -> None:
    customs = Rehearsal()
    made = declarations(customs, 3)
    hand_in_all(customs, samples.consolidation(made), samples.arrival(made, listed=False))
    assert {customs.statuses(d)[-1] for d in made} == {"800"}


def test_mail_has_no_bill() -> None:
    customs = Rehearsal()
    made = declarations(customs, 2)
    hand_in_all(customs, [with_head(part, billNo=None) for part in samples.arrival(made)])
    assert {customs.statuses(d)[-1] for d in made} == {"800"}
    late = samples.export_set(5)
    hand_in_all(customs, [with_head(samples.arrival([late.declaration])[0], billNo=None, copNo="YD-LATE")])
    hand_in_all(customs, [late.order, late.waybill, late.declaration])
    assert customs.statuses(late.declaration)[-1] == "800"
    hand_in_all(customs, [with_head(part, billNo=None) for part in samples.departure(made)])
    assert {customs.statuses(d)[-1] for d in made} == {"899"}


def test_a_declaration_examined_at_arrival_does_not_leave() -> None:
    text = """
        [flow.examined]
        steps = [{ status = "2" }, { status = "120" }, { status = "500" }, { status = "899" }]
        [[choose]]
        flow = "examined"
        side = "export"
    """
    customs = Rehearsal(scenario_of(text))
    made = declarations(customs, 1)
    assert customs.statuses(made[0]) == STORED
    hand_in_all(customs, samples.consolidation(made), samples.arrival(made), samples.departure(made))
    assert customs.statuses(made[0]) == ["2", "120", "500"]


def test_a_rejected_arrival_releases_nobody() -> None:
    text = """
        [flow.release]
        steps = [{ status = "2" }, { status = "120" }, { status = "800" }]
        [flow.rejected]
        steps = [{ status = "2" }, { status = "100", after = 20 }]
        [[choose]]
        flow = "release"
        [[choose]]
        flow = "rejected"
        kind = "arrival"
    """
    customs = Rehearsal(scenario_of(text))
    made = declarations(customs, 1)
    here = samples.arrival(made)
    hand_in_all(customs, samples.consolidation(made), here)
    assert customs.statuses(here[0]) == ["2", "100"]
    assert customs.statuses(made[0])[-1] == "120"


# ---- summary


def closed(customs: Rehearsal, count: int, **options: Any) -> list[Any]:
    """Declarations that have left."""
    made = declarations(customs, count, **options)
    hand_in_all(customs, samples.consolidation(made), samples.arrival(made), samples.departure(made))
    return made


def results(customs: Rehearsal) -> list[Any]:
    """The results of summaries that were sent."""
    return [made for key, told in customs.documents.items() if key.startswith("Esummary_result/") for made in told]


@pytest.mark.parametrize("parts", [1, 2])
def test_a_summary_is_concluded_with_its_number_and_its_entries_follow(parts: int) -> None:
    customs = Rehearsal()
    made = closed(customs, 5)
    numbers = [customs.invt_no(d) for d in made]
    applications = samples.summary(numbers, parts=parts)
    hand_in_all(customs, applications)
    assert [customs.statuses(each) for each in applications] == [ENDS] * parts
    given = {customs.heads(each)[-1].sumNo for each in applications}
    assert len(given) == 1
    assert results(customs) == [], "the entries come later"
    customs.wait(customs.plan.times.summary_result)
    [result] = results(customs)
    assert {result.head.sumNo} == given
    assert len(result.head.declSeqNo) == len(result.head.entryId) == 18
    assert {line.invtNo for line in result.list} == set(numbers)
    assert len(result.list) == sum(len(d.list) for d in made)
    alike: dict[str, set[str]] = {}
    for line in result.list:
        alike.setdefault(line.gseqno, set()).add(line.gcode)
    assert all(len(codes) == 1 for codes in alike.values())


def test_different_transport_makes_different_entries() -> None:
    customs = Rehearsal()
    made = [customs.exported(1).declaration, customs.exported(2, trade_mode="9810").declaration]
    customs.wait()
    hand_in_all(customs, samples.consolidation(made), samples.arrival(made), samples.departure(made))
    hand_in_all(customs, samples.summary([customs.invt_no(d) for d in made]))
    customs.wait(customs.plan.times.summary_result)
    assert [len({line.invtNo for line in result.list}) for result in results(customs)] == [1, 1]
    assert len({result.head.entryId for result in results(customs)}) == 2


def test_a_period_takes_what_was_closed_in_it() -> None:
    customs = Rehearsal()
    begun = customs.now
    made = closed(customs, 3)
    hand_in_all(customs, samples.summary(period=(begun - 10_000, begun - 5_000), number=1))
    hand_in_all(customs, samples.summary(period=(begun, customs.now), number=2))
    customs.wait(customs.plan.times.summary_result)
    [result] = results(customs)
    assert {line.invtNo for line in result.list} == {customs.invt_no(d) for d in made}
    assert result.head.agentCode == made[0].head.agentCode


def test_what_cannot_be_summarised_is_refused() -> None:
    customs = Rehearsal()
    [simplified] = closed(customs, 1, statistics="A")
    stored = customs.exported(300).declaration
    customs.wait()
    for number, invt_no in enumerate(("29212026E999999999", customs.invt_no(simplified), customs.invt_no(stored)), 10):
        assert customs.refused(customs.hand_in(samples.summary([invt_no], number=number)[0])) == "-703001"


def test_a_part_of_a_summary_that_cannot_be_is_refused() -> None:
    customs = Rehearsal()
    numbers = [customs.invt_no(d) for d in closed(customs, 2)]
    assert customs.refused(customs.hand_in(with_head(samples.summary(numbers)[0], msgSeqNo="2"))) == "-702001"


def test_an_entry_has_at_most_fifty_lines() -> None:
    customs = Rehearsal()
    made = [with_codes(samples.export_set(number), number * 20) for number in range(5)]
    for sale in made:
        for document in sale:
            customs.hand_in(document)
    declared = [sale[2] for sale in made]
    customs.wait()
    hand_in_all(customs, samples.consolidation(declared), samples.arrival(declared), samples.departure(declared))
    hand_in_all(customs, samples.summary([customs.invt_no(d) for d in declared]))
    customs.wait(customs.plan.times.summary_result)
    assert [len(result.list) for result in results(customs)] == [40, 40, 20]
    assert [line.gseqno for line in results(customs)[0].list] == [str(n) for n in range(1, 41)]


def with_codes(sale: samples.ExportSet, first: int) -> tuple[Any, Any, Any]:
    """A sale of twenty lines, each of other goods."""
    ordered = [msgspec.structs.replace(sale.order.list[0], gnum=str(n)) for n in range(1, 21)]
    line = sale.declaration.list[0]
    declared = [msgspec.structs.replace(line, gnum=str(n), gcode=f"42{first + n:08d}") for n in range(1, 21)]
    order = type(sale.order)(head=sale.order.head, list=tuple(ordered))
    return order, sale.waybill, type(sale.declaration)(head=sale.declaration.head, list=tuple(declared))


def test_a_declaration_is_summarised_once() -> None:
    customs = Rehearsal()
    numbers = [customs.invt_no(d) for d in closed(customs, 2)]
    hand_in_all(customs, samples.summary(numbers))
    assert customs.refused(customs.hand_in(samples.summary(numbers, number=2)[0])) == "-703001"


# ---- its memory


def test_a_list_begun_before_a_crash_is_concluded_after_it(tmp_path: Path) -> None:
    first = Rehearsal(path=tmp_path / "customs.db")
    made = declarations(first, 4)
    parts = [*samples.consolidation(made, parts=2), *samples.arrival(made, parts=2)]
    for part in parts[:3]:
        first.hand_in(part)
    second = Rehearsal(path=tmp_path / "customs.db")  # the first was never closed
    second.now = first.now
    second.hand_in(parts[3], id="after")
    second.wait()
    assert [second.statuses(part)[-1] for part in parts] == ["399"] * 4
    assert {second.statuses(d)[-1] for d in made} == {"800"}


def test_a_memory_of_another_form_is_made_anew(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "customs.db")) as old:
        old.execute("CREATE TABLE documents (number INTEGER PRIMARY KEY, key TEXT)")
        old.execute("INSERT INTO documents VALUES (1, 'order/of another form')")
        old.commit()
    customs = Rehearsal(path=tmp_path / "customs.db")
    assert customs.store.counts() == {}
    customs.exported(1)
    assert customs.store.counts() == {"taken": 2, "awaiting": 1}

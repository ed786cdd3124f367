"""Which entries closed exports become: nothing is lost, nothing is counted twice, and the order they come in does not matter."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hub.domain import summary
from hub.domain.summary import Closed, Goods, Line
from hub.domain.views import DeclarationView, LineView
from schemas import catalog, twin

DAY = 86_400_000
codes = some.sampled_from(("3304990039", "4202220000", "6403990090"))
lines = some.builds(
    Line, codes, some.sampled_from(("502", "116")), some.sampled_from(("502", "142")), some.sampled_from(("007", "035")),
    some.integers(0, 10**9), some.integers(0, 10**12),
)  # fmt: skip
goods = some.builds(
    Goods, some.sampled_from(("M1", "M2")), some.sampled_from(("5", "6")), some.sampled_from(("O1", "O2")),
    some.sampled_from(("502", "116")), some.sampled_from(("2900", "2244")), some.just("2900"),
    some.lists(lines, min_size=1, max_size=4).map(tuple),
)  # fmt: skip


@some.composite
def closed(draw: some.DrawFn) -> list[Closed]:
    made = draw(some.lists(goods, max_size=12))
    return [Closed(draw(some.sampled_from(("A1", "A2"))), f"N{n:04d}", one) for n, one in enumerate(made)]


def sums(members: list[Closed]) -> tuple[Counter[str], Counter[str]]:
    """Value by currency, quantity by unit."""
    values: Counter[str] = Counter()
    quantities: Counter[str] = Counter()
    for line in [line for one in members for line in one.goods.lines]:
        values[line.currency] += line.total
        quantities[line.unit] += line.qty
    return values, quantities


@given(closed(), some.booleans())
def test_quantities_and_values_are_kept(members: list[Closed], by_owner: bool) -> None:
    values: Counter[str] = Counter()
    quantities: Counter[str] = Counter()
    for entry in summary.entries(members, by_owner=by_owner):
        values.update(entry.totals())
        for line in entry.lines:
            quantities.update(line.quantities)
    assert (+values, +quantities) == tuple(+total for total in sums(members))


@given(closed(), some.randoms(use_true_random=False))
def test_the_order_they_come_in_does_not_matter_and_a_repeated_one_counts_once(members: list[Closed], chance: object) -> None:
    mixed = [*members, *members[:3]]
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    assert summary.entries(mixed) == summary.entries(members)


@given(closed())
def test_every_declaration_is_in_one_entry_and_each_entry_and_line_has_one_key(members: list[Closed]) -> None:
    found = summary.entries(members)
    assert sorted(number for entry in found for number in entry.declarations) == sorted(one.number for one in members)
    keys = [(e.declarant, e.office, e.merchant, e.traffic, e.owner, e.country, e.port) for e in found]
    assert len(set(keys)) == len(keys)
    for entry in found:
        lines_ = [(line.gcode, line.country, line.currency) for line in entry.lines]
        assert len(set(lines_)) == len(lines_)
    assert len(summary.entries(members, by_owner=False)) <= len(found)


def test_more_than_fifty_lines_take_more_than_one_entry() -> None:
    many = [Closed("A", f"N{n}", Goods(lines=(Line(f"{n:010d}", "502", "142", "007", 1, 1),))) for n in range(101)]
    assert [summary.entries(many[:n])[0].parts for n in (1, 50, 51, 101)] == [1, 1, 2, 3]


def view(**fields: object) -> DeclarationView:
    line = LineView("1", (), "", 200_000, "007", 0, 5_000_000, "502", "3304990039", "142")
    head = {"side": "export", "flag": "B", "mode": "9610", "owner": "O", "traffic": "5", "port": "2244", "country": "502"}
    known = dict.fromkeys(DeclarationView.__struct_fields__[:12], "") | {"freight": 0, "insurance": 0, "lines": (line, line)}
    return DeclarationView(**(known | head | fields))  # type: ignore[arg-type]


def test_lines_of_one_declaration_are_summed_before_they_travel() -> None:
    kept = summary.goods_of(view())
    assert kept is not None
    assert kept.lines == (Line("3304990039", "502", "142", "007", 400_000, 10_000_000),)


@pytest.mark.parametrize("other", [{"side": "import"}, {"flag": "A"}, {"flag": ""}, {"mode": "9710"}, {"mode": "1210"}])
def test_nothing_is_kept_of_what_is_not_summarised(other: dict[str, str]) -> None:
    assert summary.goods_of(view(**other)) is None


@pytest.mark.parametrize(
    ("month", "due"), [("2026-06", "2026-07-16T00:00:00+08:00"), ("2026-11", "2026-12-16T00:00:00+08:00"), ("2026-12", "2027-01-16T00:00:00+08:00")]
)  # fmt: skip
def test_it_is_due_until_the_end_of_the_fifteenth_of_the_next_month_in_china(month: str, due: str) -> None:
    assert summary.due_of(month) == datetime.fromisoformat(due).timestamp() * 1000
    assert summary.month_due(summary.due_of(month)) == month


@pytest.mark.parametrize("month", ["", "2026", "2026-00", "2026-13", "2026-6", "2026/06", "９０26-06", "20-2606", "0000-01"])
def test_what_is_no_month_is_refused(month: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        summary.due_of(month)


def test_the_month_of_closing_is_chinas() -> None:
    assert summary.month_of(int(datetime.fromisoformat("2026-06-30T16:30:00+00:00").timestamp() * 1000)) == "2026-07"


def test_the_application_is_a_message_the_catalogue_takes_split_where_it_must_and_the_same_each_time() -> None:
    members = [Closed("9901D00005", f"2921202{n:011d}", Goods("M1", "5", "O", "502", "2244", "2900")) for n in range(250)]
    members += [Closed("9901D00005", "29212020000000999", Goods("M2", "5", "O", "502", "2244", "2900"))]
    found = summary.entries(members)
    made = [
        summary.application(found, "2026-06", at, names={"M1": "示范"}, dxp_id="DXPENT0000990005", by_owner=True, most=100)
        for at in (1_783_000_000_000, 1_783_000_000_000 + DAY)
    ]
    read, wrong = twin.read(json.loads(json.dumps(made[0])), catalog.message("CEB701"))
    assert wrong == []
    assert [(d.head.ebcCode, d.head.msgSeqNo, d.head.msgCount, len(d.list)) for d in read.documents] == [
        ("M1", "1", "3", 100), ("M1", "2", "3", 100), ("M1", "3", "3", 50), ("M2", "1", "1", 1),
    ]  # fmt: skip
    heads = [[document["head"] | {"appTime": ""} for document in one["documents"]] for one in made if one]
    assert heads[0] == heads[1]
    assert read.documents[0].head.ebcName == "示范"
    assert len({document.head.copNo for document in read.documents}) == 2


def test_nothing_to_summarise_makes_no_application() -> None:
    assert summary.application([], "2026-06", 0, names={}, dxp_id="", by_owner=True) is None

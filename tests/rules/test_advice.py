"""What the hub advises: recommendation, lot, route, and what orders of authorities do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.orders import LEVELS, Orders, problems, share
from hub.domain.reference import Reference, ReferenceRecord, checked
from hub.infra.vault import Vault
from hub.rules import engine
from hub.rules.advice import Advice, advice
from hub.rules.api import Case
from hub.rules.cases import case_of
from hub.rules.engine import ruleset
from hub.rules.recompute import Recalled

DAY = 20260601


def known(*orders: dict[str, Any], **parameters: dict[str, Any]) -> Reference:
    """Reference data of orders (``id`` beside what they say) and parameters."""
    data = Reference()
    records = [ReferenceRecord("parameter", name, 1, "2020-01-01", value=value) for name, value in parameters.items()]
    records += [
        ReferenceRecord("order", order.pop("id", f"2900~{n}"), order.pop("version", 1), order.pop("valid_from", "2020-01-01"),
                        order.pop("valid_to", ""), {"authority": "customs", "reason": "tested", **order})
        for n, order in enumerate(orders)
    ]  # fmt: skip
    for offset, record in enumerate(checked(records)):
        data.put(record, offset)
    return data


def case(data: Reference, lot: int | None = None, **table: Any) -> Case:
    """The case of a table by these reference data, with that lot."""
    made = case_of({"name": "", "day": DAY, "verified": True, **table})
    return Case(
        declaration=made.declaration, day=made.day, value=made.value, order=made.order, payment=made.payment,
        waybill=made.waybill, buyer=made.buyer, references=data, offset=data.reached, at=made.at, orders=Orders(data),
        draw=None if lot is None else lambda _: lot,
    )  # fmt: skip


def advised(made: Case, level: str = "green", score: int = 0) -> Advice:
    """The advice where the rules said that level."""
    verdict = engine.Verdict((), score, level, engine.RECOMMENDATIONS[level])
    return advice(made, verdict, "declaration/A:1", ruleset())


def test_the_words_of_the_levels_are_those_of_the_orders() -> None:
    assert engine.LEVELS == LEVELS
    assert list(engine.RECOMMENDATIONS.values()) == ["release", "review", "examine", "refer", "return"]


def test_the_lot_selects_below_the_rate_of_the_class_and_not_at_it() -> None:
    data = known(selection={"base": 2})
    assert advised(case(data, 1_999)) == Advice("examine", ("customs", "tax"), "class", 2_000)
    assert advised(case(data, 2_000)) == Advice("release", ("customs", "tax"), "", 2_000)


def test_without_lots_nobody_is_selected() -> None:
    assert advised(case(known())) == Advice("release", ("customs", "tax"))


def test_the_rates_are_those_of_the_class_on_the_day() -> None:
    data = known(selection={"base": 2}, **{"class~3": {"sampling": 300}})
    assert advised(case(data, 5_999)).selected == "class"
    assert advised(case(data, 6_000)).selected == ""


def test_the_floor_is_drawn_where_the_zone_selects_nobody() -> None:
    data = known(selection={"base": 0})
    assert (advised(case(data, 99)).selected, advised(case(data, 100)).selected) == ("floor", "")


def test_what_is_graver_than_an_examination_stays_so_when_it_is_selected() -> None:
    for level, word in (("yellow", "examine"), ("orange", "examine"), ("red", "refer"), ("reject", "return")):
        assert advised(case(known(), 0), level, 50).recommendation == word


def test_a_class_recommends_release_only_below_its_own_score() -> None:
    data = known(**{"class~3": {"release_below": 15}})
    assert [advised(case(data), "green", score).recommendation for score in (0, 14, 15)] == ["release", "release", "review"]
    trusted = known(**{"class~3": {"release_below": 60}})
    assert advised(case(trusted), "yellow", 40).recommendation == "release"


def test_an_order_to_select_raises_the_rate_and_never_lowers_it() -> None:
    data = known({"what": "select", "rate": 80, "id": "more"}, {"what": "select", "rate": "0.001", "id": "less"})
    assert advised(case(data, 79_999)) == Advice("examine", ("customs", "tax"), "more", 80_000)
    assert advised(case(data, 80_000)).selected == ""
    assert advised(case(known({"what": "select", "rate": 0.001}), 1_999)).selected == "class"


@pytest.mark.parametrize(
    ("scope", "hit"),
    [
        ({"office": "2900"}, True), ({"office": "2901"}, False), ({"side": "import"}, True), ({"side": "export"}, False),
        ({"enterprise": "M"}, True), ({"enterprise": "N"}, False), ({"hs": "1901"}, True), ({"hs": "1902"}, False),
        ({"class": 3}, True), ({"class": 4}, False), ({"level": "yellow"}, True), ({"level": "orange"}, True),
        ({"level": "red"}, False), ({"rule": "R06"}, False), ({"office": "2900", "level": "red"}, False),
    ],
)  # fmt: skip
def test_everything_an_order_says_has_to_hold(scope: dict[str, Any], hit: bool) -> None:
    made = advised(case(known({"what": "hold", "id": "it", **scope})), "orange", 70)
    assert made.held == (("it",) if hit else ())


def test_a_rule_in_shadow_holds_nothing_and_one_that_acts_does() -> None:
    data = known({"what": "hold", "id": "it", "rule": "T05"})
    made = case(data, value="6000")
    verdict = ruleset().apply(made)
    assert "T05" in {finding.rule for finding in verdict.findings}
    assert advice(made, verdict, "d", ruleset()).held == ("it",)
    data = known({"what": "hold", "id": "it", "rule": "T05"}, **{"shadow-rules": {"rules": ["T05"]}})
    made = case(data, value="6000")
    assert advice(made, ruleset().apply(made), "d", ruleset()).held == ()


def test_an_order_is_in_force_on_its_days_and_until_it_is_revoked() -> None:
    for days, hit in (
        ({"valid_from": "2026-06-01"}, True), ({"valid_from": "2026-06-02"}, False),
        ({"valid_to": "2026-06-02"}, True), ({"valid_to": "2026-06-01"}, False),
    ):  # fmt: skip
        assert bool(advised(case(known({"what": "hold", **days}))).held) is hit, days
    first, revoked = {"what": "hold", "id": "it"}, {"what": "hold", "id": "it", "version": 2, "revoked": True}
    data = known(first, revoked)
    of = case(data).declaration
    assert [len(Orders(data).holding(DAY, offset, of)) for offset in (-1, 0, 1, 9)] == [0, 1, 0, 0]


def test_findings_bring_the_authorities_of_their_rules() -> None:
    made = case(known(), value="6000", declaration={"side": "export"})
    verdict = ruleset().apply(made)
    route = advice(made, verdict, "d", ruleset()).route
    assert route[:3] == ("customs", "tax", "forex")


def test_what_was_read_gives_the_same_advice_again() -> None:
    data = known({"what": "hold", "id": "it", "level": "yellow"}, {"what": "select", "rate": 50}, selection={"base": 1})
    made = case(data, 40_000)
    first = advised(made, "yellow", 40)
    missing: list[str] = []
    again = Recalled(
        made.read, missing, declaration=made.declaration, order=made.order, payment=made.payment, day=made.day, value=made.value
    )
    assert advised(again, "yellow", 40) == first
    assert missing == []
    assert again.read == made.read


@given(st.text(max_size=40))
def test_a_lot_is_the_same_whenever_it_is_drawn(tmp_path_factory: pytest.TempPathFactory, about: str) -> None:
    folder = Path(tmp_path_factory.getbasetemp()) / "lots"
    assert Vault(folder).lot(about) == Vault(folder).lot(about)
    assert 0 <= Vault(folder).lot(about) < 100_000


def test_lots_fall_evenly_and_differently_under_another_key(tmp_path: Path) -> None:
    one, other = Vault(tmp_path / "one"), Vault(tmp_path / "other")
    keys = [f"declaration/9901D00005:{n}" for n in range(20_000)]
    below = sum(one.lot(key) < 10_000 for key in keys)
    assert 1_800 < below < 2_200
    assert sum(one.lot(key) == other.lot(key) for key in keys) < 20


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"authority": "police"}, "authority is one of"), ({"what": "burn"}, "what is one of"), ({"level": "pink"}, "level is"),
        ({"class": 9}, "class is 1 to 5"), ({"class": "x"}, "whole numbers"), ({"hs": "12a"}, "digits"), ({"limit": 721}, "limit"),
        ({"what": "select"}, "says a rate"), ({"what": "select", "rate": 101}, "0 to 100"), ({"reason": ""}, "reason"),
        ({"what": "refuse"}, "says an enterprise"), ({"what": "refuse", "enterprise": "M", "hs": "1"}, "says an enterprise"),
        ({"offce": "2900"}, "offce"), ({"side": "both"}, "side is"),
    ],
)  # fmt: skip
def test_an_order_that_is_not_in_order_is_refused_and_says_why(value: dict[str, Any], said: str) -> None:
    good = {"authority": "customs", "what": "hold", "reason": "tested"}
    assert problems(good) == []
    assert any(said in problem for problem in problems({**good, **value})), problems({**good, **value})


def test_a_rate_is_percent() -> None:
    assert [share(percent) for percent in (0, "0.1", 80, 100)] == [0, 100, 80_000, 100_000]


"""The sandbox authorities other than customs: what they say to what, by scenario, from a memory that survives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.authorities import commerce, forex, market, tax
from adapters.authorities.bureau import scenario
from adapters.authorities.bureau.item import Item, Words
from adapters.authorities.bureau.simulator import KEPT_MS, Bureau
from adapters.authorities.bureau.store import Answer, Store
from adapters.dialects.cloudevents import EVENT, read
from hub import codec, topics
from hub.domain import authority_views as views
from hub.domain.events import RegisteredLine
from hub.domain.faults import Misconfigured
from hub.domain.notices import authority_of

WORDS: dict[str, Words] = {"tax": tax.WORDS, "forex": forex.WORDS, "market": market.WORDS, "commerce": commerce.WORDS}
KEY = "declaration/9901D00005:C1"
#: One view of each type, as the hub tells it.
VIEWS: dict[str, Any] = {
    views.TAX_ISSUED: views.TaxBill(KEY, "T_0", "1", 5, total="9.1"),
    views.TAX_CHANGED: views.TaxBill(KEY, "T_0", "2", 6),
    views.EXPORT_REGISTERED: views.ExportEntry(KEY, 1, "9901D00002", "9610", 5, "20260603", (RegisteredLine("n", "011", "1", "2", "2", "142"),)),
    views.REFUND_DATA: views.RefundData(KEY, 3, "I1", "9901D00002", "2900", "9610", 5, (views.RefundLine("1", "c", "1", "100"),)),
    views.PAYMENT_MATCHED: views.Funds(KEY, 1, "import", 5, "M", "P", "I", "T", "6000", "142"),
    views.COLLECTION_MATCHED: views.Funds(KEY, 1, "export", 5, "M", "P", "I", "T", "6000", "502"),
    views.FUNDS_CORRECTED: views.FundsCorrected(KEY, "payment:1", "withdrawn", 5),
    views.YEAR_PASSED: views.YearExports("9901D00002", 2026, 200_000, 200_001, 5),
    views.GOODS_FOUND: views.GoodsFound(
        KEY, 1, 5, "brands", "a brand", "import", "9901D00002", "P", "D", "2900", "C", "W", "1", "3304990039", "cream", "1", "011"
    ),
    views.RECLASSIFIED: views.Reclassified("9901D00002", 5, 3, 5),
    views.PERMIT_USED: views.PermitUsed("9901D00002", "6A002", "XK1", KEY, "1", "1", 1),
}


def item(type_: str, id_: str = "") -> Item:
    """As it comes out of ``GET /v1/out``."""
    view = VIEWS[type_]
    subject = getattr(view, "declaration", "") if type_ != views.PERMIT_USED else view.merchant
    subject = subject or view.enterprise
    return Item(id_ or f"id of {type_}", type_, subject, json.loads(codec.to_json(view)))


def test_what_can_no_longer_come_again_is_forgotten_and_what_is_owed_is_not() -> None:
    assert all(topic.retention_ms < KEPT_MS for topic in topics.TOPICS if topic.name in map(topics.out, WORDS))
    first, store = a_bureau("tax")
    first.take([item(views.TAX_ISSUED, "old"), item(views.TAX_ISSUED, "owed")], "c1")
    owed = store.due(1 << 53, 10)
    assert len(owed) == 4
    store.sent(owed[:2])
    a_bureau("tax", store=store, now=1_000_000 + KEPT_MS)[0].take([item(views.TAX_ISSUED, "new")], "c2")
    assert store.counts() == {"items": 3, "owed": 4}, "to the day it is known again"
    a_bureau("tax", store=store, now=1_000_001 + KEPT_MS + topics.DAY_MS)[0].take([], "c3")
    assert store.counts() == {"items": 1, "owed": 4}
    assert store.due(1 << 53, 10)[:2] == owed[2:]


def a_bureau(authority: str, plan: str = "default", store: Store | None = None, now: int = 1_000_000) -> tuple[Bureau, Store]:
    kept = store or Store(None)
    conduct = scenario.load(plan, WORDS)[authority]
    bureau = Bureau(
        authority=authority, words=WORDS[authority], conduct=conduct, store=kept, now=lambda: now, hub_url="http://x", api_key=lambda: "k"
    )
    return bureau, kept


def answers(authority: str, type_: str, plan: str = "default") -> list[tuple[int, int, str, str, dict[str, Any]]]:
    """(due after ms, times, forge, type, data) of what is planned for an item."""
    bureau, store = a_bureau(authority, plan)
    bureau.take([item(type_)], "c1")
    owed = store.due(10**15, 100)
    found = []
    for one in owed:
        said = json.loads(one.body)
        found.append((one.due - 1_000_000, one.times, one.forge, said["type"], said["data"]))
    return found


@pytest.mark.parametrize(("authority", "type_"), [(name, type_) for name, types in views.VIEWS.items() for type_ in types])
@pytest.mark.parametrize("plan", scenario.bundled())
def test_everything_a_scenario_says_is_taken_by_the_hubs_reader(authority: str, type_: str, plan: str) -> None:
    bureau, store = a_bureau(authority, plan)
    bureau.take([item(type_)], "c1")
    for one in store.due(10**15, 100):
        (event,) = read(one.body, EVENT, authority)
        assert authority_of(event.notice.type) == authority
        assert event.id == one.id


def test_the_default_acknowledges_everything_and_does_what_is_usual() -> None:
    said = {type_: [one[3] for one in answers(name, type_)] for name, types in views.VIEWS.items() for type_ in types if name != "market"}
    assert said[views.TAX_ISSUED] == ["tax.receipt.given.v1", "tax.bill.paid.v1"]
    assert said[views.REFUND_DATA] == ["tax.receipt.given.v1", "tax.refund.decided.v1"]
    assert said[views.YEAR_PASSED] == ["forex.receipt.given.v1", "forex.attention.placed.v1"]
    assert said[views.PERMIT_USED] == ["commerce.receipt.given.v1"]
    (receipt, (_, _, _, _, paid)) = answers("tax", views.TAX_ISSUED)
    assert receipt[4] == {"document": KEY, "item": f"id of {views.TAX_ISSUED}", "outcome": "accepted"}
    assert paid == {"amount": "9.1", "document": KEY, "tax_no": "T_0"}
    assert answers("tax", views.REFUND_DATA)[1][4]["amount"] == "13"


def test_silence_repeats_order_and_forgery_are_as_the_scenario_says() -> None:
    assert answers("tax", views.TAX_ISSUED, "silence") == []
    assert {times for _, times, _, _, _ in answers("tax", views.TAX_ISSUED, "repeats")} == {3}
    outcomes = [data["outcome"] for _, _, _, type_, data in answers("forex", views.PAYMENT_MATCHED, "out_of_order")]
    assert outcomes == ["accepted", "refused"]
    bodies = {json.loads(one.body)["data"]["outcome"]: json.loads(one.body)["time"] for one in _owed("forex", "out_of_order")}
    assert bodies["refused"] < bodies["accepted"]
    assert [forge for _, _, forge, _, _ in answers("tax", views.TAX_ISSUED, "forged")] == ["key", "role"]
    assert {one[3] for one in answers("market", views.GOODS_FOUND, "rejects")} == {
        "market.receipt.given.v1", "market.brand.found.v1", "market.recall.issued.v1", "market.complaint.received.v1",
    }  # fmt: skip


def _owed(authority: str, plan: str) -> list[Answer]:
    bureau, store = a_bureau(authority, plan)
    bureau.take([item(views.PAYMENT_MATCHED)], "c1")
    return store.due(10**15, 100)


def test_an_item_that_comes_again_is_answered_once_and_alerts_are_nobodys() -> None:
    bureau, store = a_bureau("tax")
    bureau.take([item(views.TAX_ISSUED), Item("a", "hub.alert.raised.v1")], "c1")
    bureau.take([item(views.TAX_ISSUED)], "c2")
    assert len(store.due(10**15, 100)) == 2
    assert (bureau.health()["repeated"], bureau.health()["items"], store.cursor) == (1, 2, "c2")


def test_what_was_taken_is_there_after_a_kill_and_has_the_same_ids_without_its_memory(tmp_path: Path) -> None:
    file = tmp_path / "tax.db"
    first, store = a_bureau("tax", store=Store(file))
    first.take([item(views.TAX_ISSUED)], "c1")
    owed = store.due(10**15, 100)
    store.sent(owed[:1])
    again = Store(file)  # the first was never closed
    assert again.cursor == "c1"
    assert [one.id for one in again.due(10**15, 100)] == [one.id for one in owed[1:]]
    anew, kept = a_bureau("tax", now=2_000_000)
    anew.take([item(views.TAX_ISSUED)], "c1")
    assert [one.id for one in kept.due(10**15, 100)] == [one.id for one in owed]


def test_a_percentage_is_drawn_alike_each_time() -> None:
    choice = scenario.Choice((scenario.Say("accept"),), percent=50)
    conduct = scenario.Conduct((choice,), "s")
    drawn = [bool(conduct.answers(Item(str(number), "hub.x.y.v1"))) for number in range(400)]
    assert drawn == [bool(conduct.answers(Item(str(number), "hub.x.y.v1"))) for number in range(400)]
    assert 150 < sum(drawn) < 250


@pytest.mark.parametrize(("text", "named"), [
    ("[[tax]]\nsay = [{ what = 'dance' }]", "dance"),
    ("[[customs]]\nsay = []", "customs"),
    ("[[tax]]\nsay = [{ what = 'accept', forge = 'voice' }]", "voice"),
    ("tax = 1", "tax"),
])  # fmt: skip
def test_a_scenario_that_cannot_work_is_named(tmp_path: Path, text: str, named: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(Misconfigured, match=named):
        scenario.load(str(file), WORDS)


def test_what_a_scenario_does_not_say_the_default_does(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[[tax]]\nsay = []")
    found = scenario.load(str(file), WORDS)
    assert found["tax"].answers(item(views.TAX_ISSUED)) == ()
    assert [say.what for say in found["forex"].answers(item(views.PAYMENT_MATCHED))] == ["accept", "place"]


def test_every_bundled_scenario_says_what_it_is() -> None:
    assert set(scenario.bundled()) == {"default", "silence", "repeats", "out_of_order", "rejects", "slow", "forged"}
    for name in scenario.bundled():
        assert scenario.read(name).about

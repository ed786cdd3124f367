"""The sandbox customs judges as the facts about customs say, in customs' own wire format."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.authorities.customs import checks, receipts, scenario
from adapters.authorities.customs.desk import Desk
from adapters.authorities.customs.envelope import TAKEN, Envelope
from adapters.authorities.customs.scenario import Choice, Flow, Scenario, Step
from adapters.authorities.customs.store import Row, Store
from adapters.xml import parse
from hub.domain.faults import fault_kinds
from hub.domain.kinds import DECLARATION, ORDER, PAYMENT, WAYBILL
from schemas import catalog
from tests.support.customs import DXP_ID, envelope_of
from tests.support.documents import AGENT, four, with_head
from tests.support.signing import NOW, a_signer

RELEASE = scenario.load("release")


@pytest.fixture
def store() -> Iterator[Store]:
    """A sandbox's memory."""
    made = Store(None)
    yield made
    made.close()


def a_desk(store: Store, plan: Scenario = RELEASE) -> Desk:
    """A desk that accepts the declarant's test certificate only."""
    return Desk(store, plan, lambda code: {a_signer().fingerprint} if code == AGENT else set())


def hand_in(desk: Desk, *documents: Any, id: str, **envelope: Any) -> list[Row]:
    """What customs does with a message of these documents."""
    answer, rows = desk.take(envelope_of(*documents, id=id, **envelope), NOW)
    assert answer.code == TAKEN
    return rows


def hand_in_three(desk: Desk, sale: dict[str, Any], tag: str = "") -> None:
    """Order, payment and waybill."""
    for kind in (ORDER, PAYMENT, WAYBILL):
        hand_in(desk, sale[kind], id=f"{tag}{kind}")


def statuses(row: Row) -> list[str]:
    """The statuses a document will get, in the order of their own times."""
    return [planned.status for planned in sorted(row.plan, key=lambda p: p.at) if not planned.form]


def test_a_declaration_with_its_three_documents_is_released_and_closed(store: Store) -> None:
    desk, sale = a_desk(store), four()
    hand_in_three(desk, sale)
    [row] = hand_in(desk, sale[DECLARATION], id="d", key=a_signer())
    assert statuses(row) == ["2", "3", "120", "800", "899"]
    times = [planned.at for planned in row.plan if not planned.form]
    assert times == sorted(set(times)), "the greatest returnTime must be the last status"


def test_a_declaration_before_its_documents_gets_the_warning_and_120_only_with_the_last(store: Store) -> None:
    desk, sale = a_desk(store), four()
    [row] = hand_in(desk, sale[DECLARATION], id="d", key=a_signer())
    assert statuses(row) == ["2", "3"]
    assert row.plan[0].info.count("信息不存在") == 3
    hand_in(desk, sale[WAYBILL], id="w")
    hand_in(desk, sale[ORDER], id="o")
    moved = [r for r in hand_in(desk, sale[PAYMENT], id="p") if r.facts.kind == DECLARATION]
    assert [statuses(r) for r in moved] == [["2", "3", "120", "800", "899"]]


def test_a_repeated_envelope_has_no_second_effect(store: Store) -> None:
    desk, sale = a_desk(store), four()
    assert len(hand_in(desk, sale[ORDER], id="same")) == 1
    assert hand_in(desk, sale[ORDER], id="same") == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"payment_amountPaid": "1"}, "1332"),
        ({"payment_payerName": "别人"}, "1327"),
        ({"declaration_buyerTelephone": "13911111111"}, "130126"),
        ({"declaration_buyerName": "别人"}, "13127"),
        ({"payment_payCode": "3301000009"}, "13035"),
        ({"declaration_lines": ()}, "1320"),
    ],
)
def test_what_does_not_match_is_rejected_with_customs_own_code(store: Store, change: Any, code: str) -> None:
    desk, sale = a_desk(store), four(**change)
    if change == {"declaration_lines": ()}:
        plain = four()[DECLARATION]
        sale[DECLARATION] = type(plain)(head=plain.head, list=(*plain.list, *plain.list))
    hand_in_three(desk, sale)
    [row] = hand_in(desk, sale[DECLARATION], id="d", key=a_signer())
    assert statuses(row)[-1] == "100"
    assert row.plan[-1].info.startswith(f"[Code:{code};")


def test_a_rejected_declaration_may_come_again_and_a_taken_one_may_not(store: Store) -> None:
    desk, sale = a_desk(store), four(payment_amountPaid="1")
    hand_in_three(desk, sale)
    [row] = hand_in(desk, sale[DECLARATION], id="d1", key=a_signer())
    desk.sent(row, list(row.plan))
    again = with_head(sale[DECLARATION], appTime="20260601130000")
    [row] = hand_in(desk, again, id="d2", key=a_signer())
    assert statuses(row)[0] == "2"
    [order] = hand_in(desk, sale[ORDER], id="o2")
    assert statuses(order) == ["-301010"]


def test_the_yearly_limit_counts_what_is_not_rejected(store: Store) -> None:
    desk = a_desk(store)
    verdicts = []
    for number in range(6):
        sale = four(f"NO{number}", price="4900", tax="0", buyer=7)
        hand_in_three(desk, sale, str(number))
        [row] = hand_in(desk, sale[DECLARATION], id=f"d{number}", key=a_signer())
        verdicts.append(statuses(row)[-1])
    assert verdicts == ["899"] * 5 + ["100"]


def test_a_stranger_s_signature_and_a_changed_document_are_refused(store: Store) -> None:
    desk, sale = a_desk(store), four()
    [row] = hand_in(desk, sale[DECLARATION], id="d", key=a_signer(which=3))
    assert statuses(row) == ["-621029"]
    genuine = envelope_of(sale[DECLARATION], id="x", key=a_signer())
    changed = Envelope("e", DXP_ID, (), genuine.type, genuine.content.replace(b"13900000000", b"13900000001"), 0)
    _, [row] = desk.take(changed, NOW)
    assert statuses(row) == ["-621029"]


def test_a_sender_that_is_not_the_transporter_is_refused(store: Store) -> None:
    [row] = hand_in(a_desk(store), four()[ORDER], id="o", sender="DXPENT0000999999")
    assert statuses(row) == ["-301008"]
    assert "senderId" in row.plan[0].info


@pytest.mark.parametrize("content", [b"no xml", b"<a/>", b'<!DOCTYPE a><a xmlns="http://www.chinaport.gov.cn/ceb"/>'])
def test_what_cannot_be_read_gets_a_format_receipt(store: Store, content: bytes) -> None:
    _, [row] = a_desk(store).take(Envelope("broken", DXP_ID, (), "CEB311Message", content, 0), NOW)
    assert statuses(row) == [receipts.FORMAT_REFUSED]
    receipt = receipts.document(row.facts, row.plan[0], row.number, row.arrived)
    assert receipt.head.oriCopMsgId == "broken"  # type: ignore[union-attr]
    assert_valid("CEB900", receipts.message("CEB900", [receipt], receipts.guid("m")))


def assert_valid(message: str, xml: bytes) -> None:
    """The official form of the receipt, by the catalogue's schema."""
    root = parse(xml).root
    schema = catalog.validator(message)
    assert schema(root), schema.error_log


def test_every_receipt_is_valid_by_the_schema_of_its_message(store: Store) -> None:
    desk, sale = a_desk(store), four()
    rows = [row for kind in (ORDER, PAYMENT, WAYBILL) for row in hand_in(desk, sale[kind], id=kind)]
    rows += hand_in(desk, sale[DECLARATION], id="d", key=a_signer())
    rows += hand_in(desk, with_head(sale[DECLARATION], copNo=None, guid="other"), id="e", key=a_signer(which=3))
    assert len({row.facts.kind for row in rows}) == 4
    for row in rows:
        made = [receipts.document(row.facts, p, row.number, row.arrived) for p in row.plan if not p.form]
        assert_valid(
            receipts.answer(row.facts.type), receipts.message(receipts.answer(row.facts.type), made, receipts.guid("m"))
        )


def test_customs_number_comes_with_120_and_not_before(store: Store) -> None:
    desk, sale = a_desk(store), four()
    hand_in_three(desk, sale)
    [row] = hand_in(desk, sale[DECLARATION], id="d", key=a_signer())
    numbers = {p.status: receipts.document(row.facts, p, row.number, row.arrived).head for p in row.plan if not p.form}
    assert [status for status, head in numbers.items() if head.invtNo] == ["120", "800", "899"]  # type: ignore[union-attr]
    assert len({head.preNo for head in numbers.values()}) == 1  # type: ignore[union-attr]


def test_a_scenario_draws_the_same_for_the_same_document_and_about_the_percentage_it_says() -> None:
    flows = {"a": Flow((Step("2"),)), "b": Flow(())}
    plan = Scenario(flows, (Choice("a", percent=20), Choice("b")), seed="s")
    drawn = [plan.flow_of(DECLARATION, f"k{n}", {}) is flows["a"] for n in range(4000)]
    assert drawn == [plan.flow_of(DECLARATION, f"k{n}", {}) is flows["a"] for n in range(4000)]
    assert 0.16 < sum(drawn) / len(drawn) < 0.24


def test_a_scenario_chooses_by_field() -> None:
    flows = {"a": Flow((Step("2"),)), "b": Flow(())}
    plan = Scenario(flows, (Choice("a", where={"customsCode": "2900"}), Choice("b")))
    assert plan.flow_of(DECLARATION, "k", {"customsCode": "2900"}) is flows["a"]
    assert plan.flow_of(DECLARATION, "k", {"customsCode": "2901"}) is flows["b"]


@pytest.mark.parametrize("name", scenario.bundled())
def test_every_bundled_scenario_can_be_loaded(name: str) -> None:
    assert scenario.load(name).about


def test_out_of_order_sends_later_what_has_an_earlier_time(store: Store) -> None:
    desk, sale = a_desk(store, scenario.load("out_of_order")), four()
    hand_in_three(desk, sale)
    [row] = hand_in(desk, sale[DECLARATION], id="d", key=a_signer())
    sent = [p.status for p in sorted(row.plan, key=lambda p: p.due) if not p.form]
    assert sent.index("800") < sent.index("120") < sent.index("2")
    assert statuses(row) == ["2", "3", "120", "800"]


def test_what_was_to_be_sent_is_still_there_after_the_process_died(tmp_path: Any) -> None:
    first = Store(tmp_path / "customs.db")
    hand_in(a_desk(first), four()[ORDER], id="o")
    second = Store(tmp_path / "customs.db")  # the first was never closed
    [row] = second.pending()
    assert statuses(row) == ["2", "120"]
    a_desk(second).sent(row, [row.plan[0]])
    assert [statuses(r) for r in Store(tmp_path / "customs.db").pending()] == [["120"]]


def test_the_hubs_own_words_are_not_customs() -> None:
    source = Path(checks.__file__).read_text("utf-8")
    customs = re.findall(r'coded\(\d+, "([^"]+)"', source)
    assert customs
    runs = {text[n : n + 7] for text in customs for n in range(len(text) - 6)}
    for code, kind in fault_kinds().items():
        if code.startswith("match."):
            assert [run for run in runs if run in kind.message_zh + kind.remedy_zh] == [], code

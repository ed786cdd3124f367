"""Authorities' receipts: order, repetition, notes, leads, what fits nothing, overdue answers."""

from __future__ import annotations

from itertools import permutations

import pytest

from hub import codec, topics
from hub.domain.kinds import DECLARATION, IMPORT_KINDS, ORDER, PAYMENT, WAYBILL
from hub.domain.money import amount
from schemas import documents as ceb
from tests.support.documents import four, identity, key_of, receipt_for, receipts, submission, with_head
from tests.support.stage_harness import World, digest, timeline

MINUTE = 60_000
STORY = (("2", "20260601120100000"), ("120", "20260601120200000"), ("800", "20260601120300000"))


def sent(world: World, *kinds: str) -> dict[str, object]:
    documents = four()
    for kind in kinds or IMPORT_KINDS:
        world.submit(submission(documents[kind]))
    world.run()
    return documents


@pytest.mark.parametrize("order", list(permutations(STORY)))
def test_receipts_in_any_order_end_in_the_greatest_time(order: tuple[tuple[str, str], ...]) -> None:
    world = World()
    declaration = sent(world)[DECLARATION]
    for code, time in order:
        world.submit(receipt_for(declaration, code, time))
        world.run()
    status = world.status(key_of(declaration))
    assert (status.state, status.code, status.turn) == ("released", "800", "")
    assert len(world.answers()) == 3
    state = world.buyer(digest(identity(1)))
    assert [(e.reserved, e.counted) for e in state.entries.values()] == [(0, amount("100"))]


@pytest.mark.parametrize("order", list(permutations(["2", "-621001", "120", "800"])))
def test_receipts_of_one_moment_have_one_order_however_they_come(order: tuple[str, ...]) -> None:
    world = World()
    declaration = sent(world)[DECLARATION]
    for code in order:
        world.submit(receipt_for(declaration, code, "20260601120100000"))
        world.run()
    assert world.status(key_of(declaration)).code == "800"


def test_a_repeated_receipt_only_stands_in_the_timeline() -> None:
    world = World()
    declaration = sent(world)[DECLARATION]
    for _ in range(3):
        world.submit(receipt_for(declaration, *STORY[0]))
    world.run()
    assert len(world.answers()) == 1
    assert timeline(world.status(key_of(declaration))).count("receipt repeated") == 2


@pytest.mark.parametrize("code", ["-621004", "-301014"])
def test_repeat_and_old_message_codes_are_notes(code: str) -> None:
    world = World()
    declaration = sent(world)[DECLARATION]
    world.submit(receipt_for(declaration, *STORY[1]))
    world.submit(receipt_for(declaration, code, "20260601130000000"))
    world.run()
    status = world.status(key_of(declaration))
    assert (status.code, timeline(status)[-1]) == ("120", "note")
    assert len(world.answers()) == 2


def test_an_unknown_code_is_kept_as_it_is() -> None:
    world = World()
    declaration = sent(world)[DECLARATION]
    world.submit(receipt_for(declaration, "430", "20260601130000000"))
    world.run()
    status = world.status(key_of(declaration))
    assert (status.code, status.state) == ("430", "other")


def test_what_is_longer_than_any_schema_allows_is_cut_and_the_receipt_kept() -> None:
    world = World()
    documents = sent(world, DECLARATION)
    long = "9" * 20_000
    world.submit(receipt_for(documents[DECLARATION], f"120{long}", "20260601120000000" + long, info=long, preNo=long))
    world.run()
    status = world.status(key_of(documents[DECLARATION]))
    assert (status.code, status.numbers, len(status.text)) == ("1209999999", {}, 5000)
    (answer,) = world.answers()
    assert len(answer.id) < 200
    assert answer.receipt["preNo"] == long[:5000]


def test_a_receipt_whose_key_is_longer_than_any_waits_as_one_that_names_nothing() -> None:
    world = World()
    head = ceb.DeclarationReceiptHead(returnStatus="2", returnTime="20260601120000000", agentCode="A", copNo="C" * 20_000)
    world.submit(receipts("CEB622", ceb.DeclarationReceipt(head=head)))
    world.run()
    assert list(world.states["resolve"]) == [b"guid:"]


def test_a_receipt_of_an_impossible_time_does_not_shut_out_what_follows() -> None:
    world = World()
    declaration = sent(world)[DECLARATION]
    world.submit(receipt_for(declaration, "500", "99991231235959999"))
    world.run()
    assert world.status(key_of(declaration)).since < 4_102_444_800_000
    late = receipt_for(declaration, "800", "20260601230000000")
    world.submit(late)
    world.run()
    assert world.status(key_of(declaration)).state == "released"


def test_what_is_returned_abroad_uses_no_allowance() -> None:
    world = World()
    declaration = sent(world)[DECLARATION]
    for code, time in (*STORY, ("700", "20260602120000000")):
        world.submit(receipt_for(declaration, code, time))
    world.run()
    (entry,) = world.buyer(digest(identity(1))).entries.values()
    assert (entry.counted, entry.returned, entry.used()) == (amount("100"), amount("100"), 0)


def test_a_receipt_that_names_only_a_number_finds_its_document() -> None:
    world = World()
    declaration = sent(world)[DECLARATION]
    world.submit(receipt_for(declaration, *STORY[0], preNo="B20260601000000001"))
    world.run()
    head = ceb.DeclarationReceiptHead(
        preNo="B20260601000000001", invtNo="29002026I000000001", returnStatus="800", returnTime=STORY[2][1]
    )
    world.submit(receipts("CEB622", ceb.DeclarationReceipt(head=head)))
    world.run()
    world.tick(10_000)  # the lead tried invtNo first and goes round to preNo
    status = world.status(key_of(declaration))
    assert (status.state, status.numbers["invtNo"]) == ("released", "29002026I000000001")


def test_a_lead_waits_for_its_link() -> None:
    world, documents = World(), four()
    head = ceb.DeclarationReceiptHead(
        guid=documents[DECLARATION].head.guid, returnStatus="-621001", returnTime=STORY[0][1]
    )
    world.submit(receipts("CEB622", ceb.DeclarationReceipt(head=head)))
    world.run()
    world.submit(submission(documents[DECLARATION]))
    world.run()
    assert world.status(key_of(documents[DECLARATION])).state == "processing error"


def test_a_lead_that_fits_nothing_is_alarmed_and_still_delivered() -> None:
    world, documents = World(), four()
    head = ceb.DeclarationReceiptHead(guid=documents[DECLARATION].head.guid, returnStatus="2", returnTime=STORY[0][1])
    world.submit(receipts("CEB622", ceb.DeclarationReceipt(head=head)))
    world.run()
    world.tick(11 * MINUTE)
    assert [a.rule for a in world.alerts()] == ["hub.unmatched-receipt"]
    world.tick(MINUTE)
    assert len(world.alerts()) == 1
    world.submit(submission(documents[DECLARATION]))
    world.run()
    assert world.status(key_of(documents[DECLARATION])).code == "2"


def test_a_lead_going_round_several_numbers_is_alarmed_once() -> None:
    world = World()
    head = ceb.DeclarationReceiptHead(preNo="B1", invtNo="I1", guid="g", returnStatus="2", returnTime=STORY[0][1])
    world.submit(receipts("CEB622", ceb.DeclarationReceipt(head=head)))
    world.run()
    for _ in range(120):
        world.tick(10_000)
    assert [a.rule for a in world.alerts()] == ["hub.unmatched-receipt"]


def test_a_receipt_before_its_document_waits_for_it_and_is_alarmed() -> None:
    world, documents = World(), four()
    world.submit(receipt_for(documents[ORDER], "2", STORY[0][1]))
    world.run()
    assert world.status(key_of(documents[ORDER])).state == "unknown"
    world.tick(11 * MINUTE)
    assert [a.rule for a in world.alerts()] == ["hub.unmatched-receipt"]
    world.submit(submission(documents[ORDER]))
    world.run()
    assert world.status(key_of(documents[ORDER])).code == "2"
    assert len(world.answers()) == 1


def test_a_format_receipt_reaches_every_document_of_the_message() -> None:
    world, one, two = World(), four("A")[ORDER], four("B")[ORDER]
    world.submit(submission(one, two, id_="message"))
    head = ceb.FormatReceiptHead(oriCopMsgId="message", returnStatus="-999999", returnTime=STORY[0][1])
    world.submit(receipts("CEB900", ceb.FormatReceipt(head=head)))
    world.run()
    assert {world.status(key_of(d)).state for d in (one, two)} == {"processing error"}


def test_120_of_a_declaration_says_that_what_is_missing_is_elsewhere() -> None:
    world = World()
    documents = sent(world, DECLARATION, ORDER)
    world.submit(receipt_for(documents[DECLARATION], *STORY[1]))
    world.run()
    assert not world.assessments(), "what was sent to both may be here in a moment"
    world.tick(MINUTE)
    (assessment,) = world.assessments()
    assert "rule.document_missing" not in [f.code for f in assessment.findings]
    assert world.status(key_of(documents[ORDER])).match == "matched"
    world.tick(25 * 60 * MINUTE)
    assert not [a for a in world.alerts() if a.rule == "hub.expired"]


def test_what_comes_a_moment_after_120_is_here_and_not_elsewhere() -> None:
    world = World()
    documents = sent(world, DECLARATION, ORDER, PAYMENT)
    world.submit(receipt_for(documents[DECLARATION], *STORY[1]))
    world.run()
    world.tick(MINUTE // 2)
    world.submit(submission(documents[WAYBILL]))
    world.run()
    world.tick(2 * MINUTE)
    assert len(world.assessments()) == 1
    assert world.status(key_of(documents[DECLARATION])).counterparts[WAYBILL] == key_of(documents[WAYBILL])


def test_a_declaration_that_expired_is_matched_once_customs_has_what_is_missing() -> None:
    world = World()
    documents = sent(world, DECLARATION, ORDER)
    world.tick(3 * 60 * MINUTE)
    world.tick(22 * 60 * MINUTE)
    assert world.status(key_of(documents[DECLARATION])).match == "expired"
    world.submit(receipt_for(documents[DECLARATION], *STORY[1]))
    world.run()
    world.tick(MINUTE)
    assert world.status(key_of(documents[DECLARATION])).match == "matched"


def test_a_rejected_payment_leaves_the_match_until_it_comes_again() -> None:
    world = World()
    documents = sent(world)
    world.submit(receipt_for(documents[PAYMENT], "100", STORY[0][1]))
    world.run()
    status = world.status(key_of(documents[DECLARATION]))
    assert (status.state, status.awaited) == ("waiting", (PAYMENT,))
    world.submit(submission(with_head(documents[PAYMENT], appTime="20260601130000")))
    world.run()
    assert world.status(key_of(documents[DECLARATION])).match == "matched"


def test_silence_after_the_hand_over_is_alarmed_once() -> None:
    world = World()
    documents = sent(world, WAYBILL)
    world.deliver()
    assert world.status(key_of(documents[WAYBILL])).state == "handed over"
    world.tick(31 * MINUTE)
    world.tick(31 * MINUTE)
    assert [a.rule for a in world.alerts()] == ["hub.overdue"]
    assert "overdue" in timeline(world.status(key_of(documents[WAYBILL])))


def test_what_arrived_once_is_there_whatever_becomes_of_a_repetition() -> None:
    world = World()
    documents = sent(world, *IMPORT_KINDS)
    queued = list(world.hand_overs())
    world.deliver()
    world.published[topics.OUT_CUSTOMS] = [(b"", codec.pack(one), ()) for one in queued]
    world.deliver("refused")
    status = world.status(key_of(documents[DECLARATION]))
    assert status.handed_over == {"customs": "delivered"}
    assert "hand-over refused" in timeline(status)
    assert world.buyer(digest(identity(1))).used(2026) > 0


def test_an_answer_in_time_is_not_overdue() -> None:
    world = World()
    documents = sent(world, WAYBILL)
    world.deliver()
    world.submit(receipt_for(documents[WAYBILL], *STORY[0]))
    world.run()
    world.tick(31 * MINUTE)
    assert not world.alerts()


def test_the_timeline_keeps_its_beginning_and_its_end() -> None:
    world = World()
    documents = sent(world, ORDER)
    for n in range(100):
        world.submit(receipt_for(documents[ORDER], "2", f"202606011200{n:02d}000"))
        world.run()
    status = world.status(key_of(documents[ORDER]))
    assert len(status.timeline) == 64
    assert status.cut == 101 - 64
    assert timeline(status)[0] == "received"
    assert status.timeline[-1].at >= status.timeline[0].at


def test_subscribers_get_their_own_answer() -> None:
    import msgspec

    world, order = World(), four()[ORDER]
    world.submit(msgspec.structs.replace(submission(order), subscribers=("DXPOTHER",)))
    world.submit(receipt_for(order, *STORY[0]))
    world.run()
    assert sorted(a.participant for a in world.answers()) == ["DXPOTHER", "someone"]
    assert len({a.id for a in world.answers()}) == 2


def test_what_customs_says_about_the_year_is_recorded_as_use_elsewhere() -> None:
    world = World()
    declaration = sent(world)[DECLARATION]
    info = "[Code:1313;Desc:订购人购买超过年度限额] totalPrice：26,050.00 > limitPrice: 26,000"
    world.submit(receipt_for(declaration, "100", STORY[0][1], info=info))
    world.run()
    state = world.buyer(digest(identity(1)))
    assert (state.used(2026), state.elsewhere) == (0, {2026: amount("25950")})
    for document in four("NEXT", price="60", tax="0").values():
        world.submit(submission(document))
    world.run()
    assert "rule.allowance" in [f.code for f in world.assessments()[-1].findings]


def test_a_late_receipt_of_the_first_attempt_says_nothing_about_the_second() -> None:
    world = World()
    declaration = sent(world)[DECLARATION]
    world.submit(receipt_for(declaration, "100", STORY[2][1]))
    world.run()
    world.submit(submission(with_head(declaration, appTime="20260601130000")))
    world.submit(receipt_for(declaration, *STORY[0]))
    world.submit(receipt_for(declaration, "300", STORY[2][1]))
    world.run()
    assert (world.status(key_of(declaration)).code, world.status(key_of(declaration)).attempt) == ("", 2)


def test_the_last_word_and_forgetting_may_fall_on_one_tick() -> None:
    """An order number asleep for longer than it is kept, whose missing documents turn out to be elsewhere."""
    world = World()
    documents = four("A")
    world.submit(submission(documents[DECLARATION]))
    world.run()
    world.tick(3 * 3_600_000)
    world.tick(22 * 3_600_000)
    world.submit(receipt_for(documents[DECLARATION], "120", "20260601130000000"))
    world.run()
    world.tick(30 * 3_600_000)
    assert world.register_states()[key_of(documents[DECLARATION])].match == "matched"
    assert not world.states["match"]

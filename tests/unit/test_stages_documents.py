"""Documents through split, register, match and assess: duplicates, versions, drafts, matching, waiting."""

from __future__ import annotations

from itertools import permutations

import msgspec
import pytest

from hub import codec
from hub.domain.history import short
from hub.domain.kinds import DECLARATION, IMPORT_KINDS, ORDER, PAYMENT, WAYBILL
from hub.domain.matching import MatchSettings, differences, notes
from hub.domain.money import amount
from hub.domain.reference import Reference, ReferenceRecord
from hub.domain.views import OrderView, Viewer
from streams.stages.register import RegisterSettings
from tests.support.documents import four, identity, key_of, receipt_for, submission, with_head
from tests.support.stage_harness import NOON, World, digest, kinds, timeline

HOUR = 3_600_000


def rates() -> Reference:
    reference = Reference()
    value = {"vat": "0.13", "ct": "0", "duty": "0.15"}
    reference.put(ReferenceRecord("rate", "19011010", 1, "2016-04-08", value=value), 0)
    return reference


def a_world(**settings: object) -> World:
    return World(references=rates(), **settings)  # type: ignore[arg-type]


def test_nothing_is_said_before_what_it_speaks_of_has_come() -> None:
    # The stages' clock is the last tick's, which the door's may be ahead of.
    world, documents = a_world(), four()
    for after, document in enumerate(documents.values(), 1):
        world.submit(submission(document, at=NOON + 200 * after))
    world.run()
    for document in documents.values():
        status = world.status(key_of(document))
        said = [entry.at for entry in status.timeline]
        assert said == sorted(said)
        assert said[-1] >= NOON + 800, status.timeline
    assert world.assessments()[0].at == NOON + 800


@pytest.mark.parametrize("order", list(permutations(IMPORT_KINDS)))
def test_four_documents_in_any_order_are_matched_and_assessed_once(order: tuple[str, ...]) -> None:
    world, documents = a_world(), four()
    for kind in order:
        world.submit(submission(documents[kind]))
        world.run()
    assert {world.status(key_of(d)).match for d in documents.values()} == {"matched"}
    (assessment,) = world.assessments()
    assert (assessment.level, assessment.tax["total"]) == ("green", "9.1")
    status = world.status(key_of(documents[DECLARATION]))
    assert status.state == "assessed"
    assert set(status.counterparts) == {ORDER, PAYMENT, WAYBILL}


def test_a_submission_repeated_by_the_log_has_one_effect() -> None:
    world, document = a_world(), four()[ORDER]
    sent = submission(document)
    world.submit(sent)
    world.run()
    before = world.statuses()
    world.submit(sent)
    world.run()
    assert world.statuses() == before


def test_the_same_content_under_another_submission_is_repeated() -> None:
    world, document = a_world(), four()[ORDER]
    world.submit(submission(document, id_="first"))
    world.submit(submission(document, id_="again"))
    world.run()
    status = world.status(key_of(document))
    assert status.submission == "first"
    assert [(v.submission, v.state) for v in status.versions] == [("again", "repeated")]
    assert "repeated" in timeline(status)


def test_an_older_apptime_is_stale_and_says_what_customs_would() -> None:
    world, document = a_world(), four()[ORDER]
    world.submit(submission(document))
    world.submit(submission(with_head(document, appTime="20260601115959", appType="2")))
    world.run()
    (other,) = world.status(key_of(document)).versions
    assert other.state == "stale"
    assert [(f.code, f.ceb_code) for f in other.faults] == [("duplicate.stale", "-301014")]


def test_the_same_apptime_with_other_content_is_a_conflict_and_the_first_stays() -> None:
    world, document = a_world(), four()[ORDER]
    world.submit(submission(document, id_="first"))
    world.submit(submission(with_head(document, note="other")))
    world.run()
    status = world.status(key_of(document))
    assert (status.submission, kinds(status.versions[0].faults)) == ("first", ["duplicate.conflict"])


def test_two_orders_of_one_key_in_one_message_the_first_wins() -> None:
    world, document = a_world(), four()[ORDER]
    world.submit(submission(document, with_head(document, appTime="20260601130000", appType="2")))
    world.run()
    status = world.status(key_of(document))
    assert (status.index, status.versions[0].index) == (0, 1)
    assert kinds(status.versions[0].faults) == ["duplicate.same_message"]


def test_a_second_new_one_for_what_was_handed_over_is_flagged_and_not_taken() -> None:
    world, document = a_world(), four()[ORDER]
    world.submit(submission(document, id_="first"))
    world.run()
    world.deliver()
    world.submit(submission(with_head(document, appTime="20260601130000")))
    world.run()
    status = world.status(key_of(document))
    assert status.submission == "first"
    assert [(f.code, f.ceb_code) for f in status.versions[0].faults] == [("duplicate.exists", "-301010")]


def test_a_change_takes_the_place_of_the_version_before() -> None:
    world, document = a_world(), four()[ORDER]
    world.submit(submission(document, id_="first"))
    world.submit(submission(with_head(document, appTime="20260601130000", appType="2"), id_="second"))
    world.run()
    status = world.status(key_of(document))
    assert (status.submission, status.versions[0].submission, status.versions[0].state) == (
        "second",
        "first",
        "superseded",
    )


def test_a_change_of_nothing_is_taken_and_flagged() -> None:
    world, document = a_world(), with_head(four()[ORDER], appType="2")
    world.submit(submission(document))
    world.run()
    status = world.status(key_of(document))
    assert (status.state, kinds(status.faults)) == ("flagged", ["duplicate.nothing_to_change"])


def test_a_rejected_document_may_come_again_as_the_next_attempt() -> None:
    world, documents = a_world(), four()
    declaration = documents[DECLARATION]
    for document in documents.values():
        world.submit(submission(document))
    world.run()
    world.submit(receipt_for(declaration, "100", "20260601121000000", info="[Code:1300]"))
    world.run()
    rejected = world.status(key_of(declaration))
    assert (rejected.state, rejected.turn) == ("rejected", "sender")
    assert world.buyer(digest(identity(1))).used(2026) == 0
    world.submit(submission(with_head(declaration, appTime="20260601130000", guid="again")))
    world.run()
    again = world.status(key_of(declaration))
    assert (again.state, again.attempt, again.code, again.match) == ("assessed", 2, "", "matched")
    assert len(world.assessments()) == 2
    assert world.buyer(digest(identity(1))).used(2026) == amount("100")


def test_a_draft_is_shown_and_neither_joined_nor_counted_nor_handed_over() -> None:
    world, documents = a_world(), four(declaration_appStatus="1")
    for document in documents.values():
        world.submit(submission(document))
    world.run()
    assert world.status(key_of(documents[DECLARATION])).state == "draft"
    assert not world.assessments()
    assert world.buyer(digest(identity(1))).entries == {}
    assert {h.message for h in world.hand_overs()} == {"CEB311", "CEB411", "CEB511"}
    world.submit(submission(with_head(documents[DECLARATION], appStatus="2", appTime="20260601130000")))
    world.run()
    assert world.status(key_of(documents[DECLARATION])).state == "assessed"


def test_a_deleted_document_leaves_the_match_and_frees_the_allowance() -> None:
    world, documents = a_world(), four()
    for document in documents.values():
        world.submit(submission(document))
    world.run()
    world.submit(submission(with_head(documents[DECLARATION], appType="3", appTime="20260601130000")))
    world.run()
    assert world.status(key_of(documents[DECLARATION])).state == "withdrawn"
    assert world.buyer(digest(identity(1))).used(2026) == 0
    assert world.status(key_of(documents[ORDER])).state == "waiting"


def test_a_changed_order_is_matched_and_assessed_again() -> None:
    world, documents = a_world(), four()
    for document in documents.values():
        world.submit(submission(document))
    world.run()
    world.tick(3_600_000)
    world.submit(submission(with_head(documents[ORDER], acturalPaid="200", appType="2", appTime="20260601130000")))
    world.run()
    status = world.status(key_of(documents[DECLARATION]))
    assert kinds(status.differences) == ["match.paid"]
    first, second = world.assessments()
    assert first.revision == second.revision
    assert first.id != second.id
    assert kinds(second.findings) == ["rule.documents_differ"]


def test_documents_that_are_as_they_were_before_are_assessed_again() -> None:
    world, documents = a_world(), four(order_payTransactionId="", payment_payTime="20260601115500")
    for document in documents.values():
        world.submit(submission(document))
    world.run()
    other = four(payment_payTransactionId="T2", payment_payTime="20260601115900", payment_amountPaid="1")[PAYMENT]
    world.submit(submission(other))
    world.run()
    world.submit(submission(with_head(other, appType="3", appTime="20260601130000")))
    world.run()
    assert [kinds(a.findings) for a in world.assessments()] == [[], ["rule.documents_differ"], []]
    assert len({a.id for a in world.assessments()}) == 3


def test_a_document_that_moves_to_another_order_leaves_the_first() -> None:
    world, documents = a_world(), four()
    for document in documents.values():
        world.submit(submission(document))
    world.run()
    world.submit(submission(with_head(documents[PAYMENT], orderNo="OTHER", appType="2", appTime="20260601130000")))
    world.run()
    assert world.status(key_of(documents[DECLARATION])).awaited == (PAYMENT,)
    assert [d.kind for d in world.match_states()["OTHER"].documents] == [PAYMENT]


def test_what_waits_is_told_warned_and_expires_with_an_alert() -> None:
    world, documents = a_world(), four()
    for kind in (ORDER, DECLARATION):
        world.submit(submission(documents[kind]))
    world.run()
    declaration = key_of(documents[DECLARATION])
    assert world.status(declaration).match == ""
    world.tick(2_000)
    waiting = world.status(declaration)
    assert (waiting.state, waiting.awaited, waiting.turn) == ("waiting", (PAYMENT, WAYBILL), "payer")
    assert waiting.due == NOON + 24 * HOUR
    world.tick(2 * HOUR)
    warned = world.status(declaration)
    assert (timeline(warned)[-1], kinds(warned.notes)) == ("still waiting", ["match.expiring"])
    assert "2026-06-02 12:00" in warned.notes[0].message
    assert warned.state == "waiting", "a warning is no difference"
    world.tick(22 * HOUR)
    assert (world.status(declaration).state, world.status(declaration).notes) == ("expired", ())
    assert {a.rule for a in world.alerts()} >= {"hub.expired"}
    assert {a.evidence["document"] for a in world.alerts() if a.rule == "hub.expired"} == {
        declaration,
        key_of(documents[ORDER]),
    }
    (assessment,) = world.assessments()
    assert kinds(assessment.findings).count("rule.document_missing") == 2
    assert world.buyer(digest(identity(1))).used(2026) == 0


def test_nothing_expires_unwarned_though_the_hub_stood_still() -> None:
    world, documents = a_world(), four()
    world.submit(submission(documents[DECLARATION]))
    world.run()
    world.tick(40 * HOUR)
    declaration = key_of(documents[DECLARATION])
    warned = world.status(declaration)
    assert (warned.state, kinds(warned.notes), warned.due) == ("waiting", ["match.expiring"], NOON + 62 * HOUR)
    world.tick(21 * HOUR)
    assert world.status(declaration).state == "waiting"
    world.tick(HOUR)
    assert world.status(declaration).state == "expired"


def test_what_expired_is_still_matched_when_the_rest_comes() -> None:
    world, documents = a_world(), four()
    for kind in (ORDER, PAYMENT, DECLARATION):
        world.submit(submission(documents[kind]))
    world.run()
    world.tick(3 * HOUR)
    world.tick(22 * HOUR)
    assert world.status(key_of(documents[DECLARATION])).state == "expired"
    world.submit(submission(documents[WAYBILL], at=world.now.at))
    world.run()
    assert world.status(key_of(documents[DECLARATION])).match == "matched"
    assert world.buyer(digest(identity(1))).used(2026) == amount("100")


def test_the_order_number_is_forgotten_after_its_time() -> None:
    world, documents = a_world(), four()
    for document in documents.values():
        world.submit(submission(document))
    world.run()
    world.tick(48 * HOUR)
    assert world.match_states() == {}


def test_no_person_can_be_read_from_a_state_or_an_assessment() -> None:
    world, documents = a_world(), four()
    for document in documents.values():
        world.submit(submission(document))
    world.run()
    for stage, states in world.states.items():
        for state, _ in states.values():
            written = world.stages[stage].dump(state)
            for personal in (identity(1), "买家1", "13900000000", "某市某路1号"):
                assert personal.encode() not in written
    for rows in world.published.values():
        for _, value, _ in rows:
            assert identity(1).encode() not in value


def test_a_waybill_of_another_carrier_is_not_the_declaration_s() -> None:
    world, documents = a_world(), four(waybill_logisticsCode="3301000099")
    for document in documents.values():
        world.submit(submission(document))
    world.run()
    world.tick(2_000)
    assert world.status(key_of(documents[DECLARATION])).awaited == (WAYBILL,)


def test_two_platforms_with_one_order_number_do_not_meet() -> None:
    world, one = a_world(), four()
    other = four(
        price="200",
        tax="18.2",
        order_ebpCode="3301000077",
        payment_ebpCode="3301000077",
        payment_payTransactionId="other",
        order_payTransactionId="other",
        declaration_ebpCode="3301000077",
        declaration_copNo="other",
        declaration_logisticsNo="other",
        waybill_logisticsNo="other",
    )
    for document in (*one.values(), *other.values()):
        world.submit(submission(document))
    world.run()
    assert len(world.assessments()) == 2
    assert all(a.findings == () for a in world.assessments())


SECOND = "3301000077"


@pytest.mark.parametrize(
    ("other", "found"),
    [
        ({"order_payCode": ""}, True),
        ({"order_payTransactionId": "T2"}, False),
        ({"order_payTransactionId": ""}, True),
        ({"order_ebcCode": "3301000099"}, True),
        ({"order_payTransactionId": "T2", "order_ebcCode": "3301000099"}, False),
        ({"order_payTransactionId": "", "order_acturalPaid": "109"}, False),
        ({"order_payTransactionId": "", "order_buyerIdNumber": identity(2)}, False),
    ],
)
def test_the_same_order_on_a_second_platform_is_found_and_assessed_anew(other: dict[str, str], found: bool) -> None:
    world, documents = a_world(), four()
    for document in documents.values():
        world.submit(submission(document))
    world.run()
    again = four(order_ebpCode=SECOND, **other)[ORDER]
    world.submit(submission(again))
    world.run()
    codes = ["match.second_platform"] if found else []
    assert kinds(world.status(key_of(documents[DECLARATION])).differences) == codes
    assert kinds(world.status(key_of(documents[ORDER])).differences) == codes
    assert world.status(key_of(documents[PAYMENT])).differences == ()
    assert [kinds(a.findings) for a in world.assessments()] == [[], *([["rule.documents_differ"]] if found else [])]
    world.submit(submission(with_head(again, appType="3", appTime="20260601130000")))
    world.run()
    assert world.status(key_of(documents[DECLARATION])).differences == ()
    assert world.assessments()[-1].findings == ()


def test_who_waits_with_an_order_of_a_second_platform_is_told_while_it_waits() -> None:
    world, one, other = a_world(), four(), four(order_ebpCode=SECOND, declaration_ebpCode=SECOND, declaration_copNo="C2")
    for document in (one[ORDER], other[ORDER], other[DECLARATION]):
        world.submit(submission(document))
    world.run()
    world.tick(2_000)
    for document in (one[ORDER], other[ORDER], other[DECLARATION]):
        status = world.status(key_of(document))
        assert (status.match, kinds(status.notes)) == ("waiting", ["match.second_platform"])
    world.tick(2 * HOUR)
    assert kinds(world.status(key_of(other[DECLARATION])).notes) == ["match.expiring", "match.second_platform"]
    world.submit(submission(with_head(one[ORDER], appType="3", appTime="20260601130000")))
    world.run()
    assert kinds(world.status(key_of(other[DECLARATION])).notes) == ["match.expiring"]
    assert kinds(world.status(key_of(other[ORDER])).notes) == ["match.expiring"]


def test_one_purchase_under_two_order_numbers_and_platforms_is_for_officers() -> None:
    world = a_world()
    for no, platform in (("NO1", "3301000001"), ("NO2", SECOND)):
        sale = four(no, order_ebpCode=platform, payment_ebpCode=platform, declaration_ebpCode=platform)
        for document in sale.values():
            world.submit(submission(document))
        world.run()
    assert [kinds(a.findings) for a in world.assessments()] == [[], ["rule.two_platforms"]]


@pytest.mark.parametrize("first", ["order", "payment"])
def test_of_two_payments_the_named_one_is_meant_else_the_newest_by_its_own_time(first: str) -> None:
    for named in ("TNO1", ""):
        world, documents = a_world(), four(order_payTransactionId=named, payment_payTime="20260601115500")
        other = four(payment_payTransactionId="T2", payment_payTime="20260601115900", payment_amountPaid="1")[PAYMENT]
        payments = [documents.pop(PAYMENT), other]
        for payment in payments if first == "order" else reversed(payments):
            world.submit(submission(payment))
        for document in documents.values():
            world.submit(submission(document))
        world.run()
        status = world.status(key_of(documents[DECLARATION]))
        assert status.counterparts[PAYMENT].endswith("TNO1" if named else "T2")


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({"payment_amountPaid": "109.11"}, ["match.paid"]),
        ({"order_payCode": "3301000088"}, ["match.payment_company"]),
        ({"order_payTransactionId": "T2"}, ["match.payment_number"]),
        ({"order_payTransactionId": ""}, []),
        ({"payment_payerName": "别人"}, ["match.payer"]),
        ({"declaration_buyerName": "别人"}, ["match.buyer"]),
        ({"declaration_buyerTelephone": "13900000001"}, ["match.buyer_telephone"]),
        ({"waybill_consignee": "别人"}, ["match.consignee"]),
        ({"waybill_consigneeAddress": "某市 某路１号"}, []),
        ({"order_consigneeAddress": "浙江省杭州市某路1号", "waybill_consigneeAddress": "浙江杭州某路1号", "declaration_consigneeAddress": "浙江省杭州市，某路1号"}, []),
        ({"order_consigneeAddress": "浙江省杭州市某路1号", "waybill_consigneeAddress": "江苏杭州某路1号", "declaration_consigneeAddress": "浙江省杭州市某路1号"}, ["match.consignee"]),
        ({"declaration_buyerName": "买家·1"}, []),
        ({"declaration_consigneeAddress": "别处"}, ["match.address"]),
        ({"declaration_ebcCode": "3301000066"}, ["match.merchant"]),
    ],
)
def test_each_check_between_documents_finds_its_difference(change: dict[str, str], codes: list[str]) -> None:
    world, documents = a_world(), four(**change)
    for document in documents.values():
        world.submit(submission(document))
    world.run()
    assert kinds(world.status(key_of(documents[DECLARATION])).differences) == codes


def test_what_agrees_only_once_normalised_is_a_note_with_digests_of_what_is_written() -> None:
    written = {
        ORDER: "浙江省杭州市某路1号", WAYBILL: "浙江省杭州市某路1号", DECLARATION: "浙江 杭州 某路1号",
    }  # fmt: skip
    changes = {f"{kind}_consigneeAddress": text for kind, text in written.items()}
    world, documents = a_world(), four(payment_payerName="买家 １", **changes)
    for document in documents.values():
        world.submit(submission(document))
    world.run()
    status = world.status(key_of(documents[DECLARATION]))
    assert (status.state, status.differences) == ("assessed", ())
    payer, address = status.notes
    assert [(n.code, n.path) for n in status.notes] == [
        ("match.spelling", "PaymentHead/payerName"),
        ("match.spelling", "InventoryHead/consigneeAddress"),
    ]
    for text in ("买家1", "买家 １"):
        assert short(digest(text)) in payer.message
    assert short(digest(written[ORDER])) in address.message
    assert short(digest(written[DECLARATION])) in address.message_zh
    assert "version 1" in address.message
    assert kinds(world.assessments()[-1].findings) == []
    assert world.status(key_of(documents[ORDER])).notes == ()
    world.submit(submission(with_head(documents[PAYMENT], payerName="买家1", appType="2", appTime="20260601130000")))
    world.submit(
        submission(with_head(documents[DECLARATION], consigneeAddress=written[ORDER], appType="2", appTime="20260601130000"))
    )
    world.run()
    assert world.status(key_of(documents[DECLARATION])).notes == ()


def test_documents_of_before_without_spellings_are_compared_by_their_normal_text() -> None:
    documents = four(declaration_buyerName="买家·1")
    viewer = Viewer(digest)
    order, declaration = viewer.order(documents[ORDER]), viewer.declaration(documents[DECLARATION])
    old = msgspec.msgpack.encode(msgspec.to_builtins(order)[:-1])
    assert codec.decoder(OrderView)(old) == msgspec.structs.replace(order, spelled={})
    assert kinds(differences(declaration, order, None, None, MatchSettings())) == []
    before = msgspec.structs.replace(declaration, spelled={})
    assert kinds(differences(before, order, None, None, MatchSettings())) == ["match.buyer"]
    assert notes(before, order, None, None) == ()


def test_lines_are_compared_by_number_name_quantity_and_price() -> None:
    documents = four()
    line = documents[DECLARATION].list[0]
    changed = type(line)(**{f: getattr(line, f) for f in line.__struct_fields__} | {"qty": "2", "gname": "别的"})
    world, documents = a_world(), four(declaration_lines=(changed,))
    for document in documents.values():
        world.submit(submission(document))
    world.run()
    (difference,) = world.status(key_of(documents[DECLARATION])).differences
    assert (difference.code, difference.ceb_code) == ("match.line", "1322")
    assert difference.message.endswith("gname, qty.")


def test_another_number_of_lines_is_found() -> None:
    line = four()[DECLARATION].list[0]
    world, documents = a_world(), four(declaration_lines=(line, line))
    for document in documents.values():
        world.submit(submission(document))
    world.run()
    assert "match.line_count" in kinds(world.status(key_of(documents[DECLARATION])).differences)


def test_an_order_number_with_too_many_documents_expires_the_oldest() -> None:
    world = a_world(match=MatchSettings(most_documents=4))
    for n in range(6):
        world.submit(submission(four(order_ebcCode=f"33010000{n:02d}")[ORDER]))
    world.run()
    assert len(world.match_states()["NO1"].documents) == 4
    assert [a.rule for a in world.alerts()] == ["hub.expired"] * 2


def test_the_allowance_counts_the_buyer_s_other_declarations() -> None:
    world = a_world()
    for n, price in enumerate(("4900", "4900", "4900", "4900", "4900", "1600")):
        for document in four(f"NO{n}", price=price, tax="0").values():
            world.submit(submission(document))
        world.run()
    last = world.assessments()[-1]
    assert "rule.allowance" in kinds(last.findings)
    assert last.level == "reject"
    assert all("rule.allowance" not in kinds(a.findings) for a in world.assessments()[:-1])
    assert world.buyer(digest(identity(1))).used(2026) == amount("26100")


def test_findings_that_matter_become_alerts_with_the_same_id_however_often() -> None:
    world, documents = a_world(), four(tax="1")
    for document in documents.values():
        world.submit(submission(document))
    world.run()
    world.submit(submission(with_head(documents[PAYMENT], note="x", appType="2", appTime="20260601130000")))
    world.run()
    assert len(world.assessments()) == 2
    assert len({a.id for a in world.alerts()}) == 1
    assert world.alerts()[0].rule == "T02"


def test_a_message_is_handed_over_as_its_sealed_bytes_and_rendered_ones_one_by_one() -> None:
    world, one, two = a_world(), four("A")[ORDER], four("B")[ORDER]
    world.submit(submission(one, two, id_="xml"))
    world.submit(
        submission(*(with_head(d, orderNo="J" + d.head.orderNo) for d in (one, two)), id_="json"), (b"1", b"2")
    )
    world.run()
    assert [(h.copmsg_id, h.sealed, len(h.documents)) for h in world.hand_overs()] == [
        ("xml", b"sealed bytes", 2),
        ("json#0", b"1", 1),
        ("json#1", b"2", 1),
    ]


def test_a_message_with_a_draft_goes_whole_and_one_of_drafts_stays() -> None:
    world, one, two = a_world(), four("A")[ORDER], with_head(four("B")[ORDER], appStatus="1")
    world.submit(submission(one, two, id_="mixed"))
    world.submit(submission(with_head(two, orderNo="C"), id_="drafts"))
    world.run()
    assert [(h.submission, len(h.documents)) for h in world.hand_overs()] == [("mixed", 2)]


def test_a_draft_may_be_declared_with_its_own_apptime() -> None:
    world, draft = a_world(), with_head(four()[ORDER], appStatus="1")
    world.submit(submission(draft))
    world.submit(submission(with_head(draft, appStatus="2")))
    world.run()
    assert world.status(key_of(draft)).state == "received"


def test_a_late_stranger_does_not_make_a_settled_order_number_fire_for_ever() -> None:
    world, documents = a_world(), four()
    for document in documents.values():
        world.submit(submission(document))
    world.run()
    world.tick(47 * HOUR)
    world.submit(submission(four(payment_payTransactionId="late")[PAYMENT], at=world.now.at))
    world.run()
    for _ in range(5):
        world.tick(HOUR)
        (due,) = [due for _, due in world.states["match"].values()]
        assert due > world.now.at


def test_an_assessment_follows_its_message_to_customs_by_the_same_sender() -> None:
    world, documents = a_world(), four()
    for document in documents.values():
        world.submit(submission(document))
    world.run()
    (notice,) = world.notices()
    assert notice.declaration == key_of(documents[DECLARATION])
    assert notice.sender == world.hand_overs()[0].sender
    assert notice.submission == world.status(notice.declaration).submission


def test_a_key_that_was_forgotten_goes_on_with_higher_revisions() -> None:
    world, document = a_world(register=RegisterSettings(keep=HOUR)), four()[ORDER]
    world.submit(submission(document))
    world.run()
    before = world.status(key_of(document)).revision
    world.tick(2 * HOUR)
    assert not world.register_states()
    world.submit(submission(with_head(document, note="again"), id_="later", at=world.now.at))
    world.run()
    after = world.status(key_of(document))
    assert after.submission == "later"
    assert after.revision > before


def test_a_waybill_that_two_declarations_name_is_told_of_the_same_one_whichever_came_last() -> None:
    told = set()
    for last in (False, True):
        world, one = a_world(), four()
        other = four(order_ebpCode=SECOND, order_payTransactionId="T2", payment_ebpCode=SECOND, payment_payTransactionId="T2", declaration_ebpCode=SECOND, declaration_copNo="C2")
        declarations = [one[DECLARATION], other[DECLARATION]]
        behind = [*(one[kind] for kind in (ORDER, PAYMENT, WAYBILL)), other[ORDER], other[PAYMENT]]
        for document in (*behind, *sorted(declarations, key=key_of, reverse=last)):
            world.submit(submission(document))
            world.run()
        told.add(world.status(key_of(one[WAYBILL])).counterparts[DECLARATION])
    assert told == {key_of(four()[DECLARATION])}


SECOND_SALE = {"order_ebpCode": SECOND, "order_payTransactionId": "T2", "payment_ebpCode": SECOND, "payment_payTransactionId": "T2"}


@pytest.mark.parametrize(
    ("other", "found"),
    [
        ({"declaration_copNo": "C2"}, True),
        ({"declaration_copNo": "C2", "declaration_logisticsNo": "W2", "waybill_logisticsNo": "W2"}, True),
        ({"declaration_copNo": "C2", "declaration_ebpCode": SECOND, **SECOND_SALE}, True),
        (
            {"declaration_copNo": "C2", "declaration_ebpCode": SECOND, "declaration_logisticsNo": "W2", "waybill_logisticsNo": "W2", **SECOND_SALE},
            False,
        ),
    ],
    ids=["another number", "another parcel", "another order with one parcel", "another sale of one number"],
)
@pytest.mark.parametrize("first", [False, True])
def test_one_order_or_parcel_in_two_declarations_is_told_to_both_until_one_is_gone(other: dict[str, str], found: bool, first: bool) -> None:
    world, one, two = a_world(), four(), four(**other)
    both = [one[DECLARATION], two[DECLARATION]]
    for document in (*[d for sale in (one, two) for kind, d in sale.items() if kind != DECLARATION], *(both[::-1] if first else both)):
        world.submit(submission(document))
        world.run()
    codes = ["match.second_declaration"] if found else []
    assert [kinds(world.status(key_of(document)).differences) for document in both] == [codes, codes]
    world.submit(submission(with_head(two[DECLARATION], appType="3", appTime="20260601130000")))
    world.run()
    assert world.status(key_of(both[0])).differences == ()
    last = [assessment for assessment in world.assessments() if assessment.declaration == key_of(both[0])][-1]
    assert "rule.documents_differ" not in kinds(last.findings)


def test_names_and_addresses_of_nothing_but_punctuation_are_not_alike() -> None:
    world, documents = a_world(), four(order_buyerName="。", order_consignee="。", payment_payerName="！", waybill_consignee="·")
    for document in documents.values():
        world.submit(submission(document))
    world.run()
    assert {"match.payer", "match.buyer", "match.consignee"} <= set(kinds(world.status(key_of(documents[DECLARATION])).differences))


def test_nobodys_documents_are_driven_out_by_anothers() -> None:
    world, documents = a_world(match=MatchSettings(most_documents=8)), four()
    waybill = documents.pop(WAYBILL)
    for document in documents.values():
        world.submit(submission(document))
    for number in range(20):
        world.submit(submission(with_head(waybill, logisticsNo=f"X{number}"), principal="another"))
    world.run()
    world.submit(submission(waybill))
    world.run()
    assert {world.status(key_of(document)).match for document in (*documents.values(), waybill)} == {"matched"}

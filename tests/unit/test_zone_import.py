"""What happens to an import sale after its declaration, from the door to customs and back: every upload, traced."""

from __future__ import annotations

import msgspec
import pytest

from adapters.authorities.customs.scenario import Choice, Flow, Scenario, Step, Times
from hub import codec, topics
from hub.domain.money import amount, text
from hub.domain.reading import need
from hub.domain.reference import Reference, ReferenceRecord
from schemas import samples
from schemas.documents import Document
from tests.support.stage_harness import NOON
from tests.support.zone import WHO, Zone

FOUR = ("CEB311", "CEB411", "CEB511", "CEB621")
DAY = 86_400_000
#: Customs stores a declaration and leaves it at that.
STORED = Scenario(flow={"stored": Flow(steps=(Step("2"), Step("120", after=10)))}, choose=(Choice(flow="stored"),))

#: Customs refuses the second sale and releases all others.
REFUSES_SECOND = Scenario(
    flow={
        "refused": Flow(steps=(Step("2"), Step("100", after=5, info="[Code:1800;Desc:退单]"))),
        "released": Flow(steps=(Step("2"), Step("120", after=5), Step("800", after=10))),
    },
    choose=(Choice(flow="refused", where={"orderNo": "DD00000000000002"}), Choice(flow="released")),
)


def sold(zone: Zone, number: int = 1, mode: str = "9610") -> tuple[samples.DeclarationSet, str, str]:
    """A sale whose declaration customs has answered: (its documents, register key, invtNo)."""
    made = samples.declaration_set(number, at=zone.now, trade_mode=mode)
    keys = [zone.send(type_, document)[0] for type_, document in zip(FOUR, made, strict=True)]
    zone.settle()
    return made, keys[3], zone.status(keys[3]).numbers["invtNo"]


def codes(zone: Zone, key: str) -> list[str]:
    status = zone.status(key)
    return [fault.code for fault in (*status.faults, *status.differences)]


@pytest.mark.parametrize("mode", ["9610", "1210", "1239"])
def test_a_sale_is_released_taxed_and_closed_in_every_mode(mode: str) -> None:
    zone = Zone()
    _, key, number = sold(zone, mode=mode)
    assert zone.told(key) == ["2", "3", "120", "800", "tax bill created", "899"]
    status = zone.status(key)
    assert (status.state, status.match, codes(zone, key)) == ("closed", "matched", [])
    assert (status.facts["taxNo"], status.facts["taxStatus"]) == (f"{number}_0", "1")
    assert status.facts["tax"] == made_tax(zone, key)


def made_tax(zone: Zone, key: str) -> str:
    """What the order said the tax would be."""
    number = int(key[-14:])
    return samples.declaration_set(number, at=zone.now).order.head.taxTotal or ""


def test_a_tax_bill_before_its_declaration_waits_for_it() -> None:
    """Customs may say the release and the bill within milliseconds of each other, in any order."""
    zone = Zone()
    made = samples.declaration_set(1, at=zone.now)
    keys = [zone.send(type_, document)[0] for type_, document in zip(FOUR, made, strict=True)]
    zone.hand_over()
    rows = zone.store.pending()
    bill = next(row for row in rows if any(planned.form == "CEB816" for planned in row.plan))
    early = [planned for planned in bill.plan if planned.form == "CEB816"]
    zone.send_receipts(bill, early)  # before any receipt that names the number
    assert "tax bill created" not in zone.told(keys[3])
    zone.settle()
    assert "tax bill created" in zone.told(keys[3])
    assert zone.status(keys[3]).facts["taxStatus"] == "1"


def test_tax_that_is_not_summarised_falls_due_and_is_alarmed_on_day_45() -> None:
    zone = Zone(never_summarised())
    _, key, _ = sold(zone)
    facts = zone.status(key).facts
    assert int(facts["taxFrom"]) - int(facts["released"]) == 31 * DAY
    assert int(facts["taxBy"]) - int(facts["released"]) == 45 * DAY
    zone.days(30)
    assert "tax due" not in zone.told(key)
    zone.days(1.1)
    assert zone.told(key)[-1] == "tax due"
    zone.days(14)
    assert zone.told(key)[-1] == "tax overdue"
    assert [a.rule for a in zone.world.alerts() if a.declaration == key and a.rule.startswith("hub.")] == ["hub.tax-overdue"]


def never_summarised() -> Scenario:
    flow = Flow(steps=(Step("2"), Step("120", after=10), Step("800", after=60)))
    return Scenario(flow={"release": flow}, choose=(Choice(flow="release"),), times=Times(tax_summarised=0))


def test_a_summarised_tax_bill_is_due_no_more() -> None:
    zone = Zone()
    _, key, _ = sold(zone)
    zone.days(40)
    assert "tax bill summarised" in zone.told(key)
    facts = zone.status(key).facts
    assert (facts["taxStatus"], "taxBy" in facts) == ("2", False)
    assert facts["entDutyNo"]
    zone.days(10)
    assert "tax overdue" not in zone.told(key)


# ---- cancellation


def test_a_cancellation_customs_accepts_frees_the_allowance() -> None:
    zone = Zone(STORED)
    made, key, number = sold(zone)
    state = zone.world.register_states()[key]
    assert state.told[2:] == (state.value, 0, 0)
    application = zone.send("CEB623", samples.cancellation(made.declaration, number, at=zone.now))[0]
    assert zone.status(application).counterparts == {"declaration": key}
    assert zone.status(key).facts["cancellation"] == "applied"
    zone.settle()
    assert zone.told(application) == ["declaration found", "2", "120", "399"]
    assert zone.told(key)[-2:] == ["cancellation applied", "cancellation accepted"]
    assert zone.status(key).code == "120", "a cancellation is a fact beside customs' status"
    assert zone.world.register_states()[key].told[2:] == (0, 0, 0)
    assert codes(zone, application) == []


def test_a_released_declaration_is_not_cancelled_and_the_applicant_is_told_at_once() -> None:
    zone = Zone()
    made, key, number = sold(zone)
    application = zone.send("CEB623", samples.cancellation(made.declaration, number, at=zone.now))[0]
    assert codes(zone, application) == ["application.released"]
    zone.settle()
    assert zone.status(application).code == "-623005"
    assert "cancellation" not in zone.status(key).facts
    assert zone.told(key)[-1] == "cancellation refused"


def test_a_cancelled_declaration_is_not_cancelled_again() -> None:
    zone = Zone(STORED)
    made, _, number = sold(zone)
    zone.send("CEB623", samples.cancellation(made.declaration, number, at=zone.now))
    zone.settle()
    again = samples.cancellation(made.declaration, number, at=zone.now)
    again = msgspec.structs.replace(again, head=msgspec.structs.replace(again.head, copNo="CX2", guid="2" * 36))
    assert codes(zone, zone.send("CEB623", again)[0]) == ["application.cancelled"]


def test_what_customs_has_not_stored_is_withdrawn_not_cancelled() -> None:
    """Before a customs number exists a declaration is deleted: appType 3."""
    zone = Zone("silence")
    made = samples.declaration_set(1, at=zone.now)
    keys = [zone.send(type_, document)[0] for type_, document in zip(FOUR, made, strict=True)]
    zone.tick(1000)
    head = msgspec.structs.replace(made.declaration.head, appType="3", appTime="20260601130000")
    zone.send("CEB621", msgspec.structs.replace(made.declaration, head=head))
    assert zone.status(keys[3]).state == "withdrawn"
    assert zone.world.register_states()[keys[3]].told[2:] == (0, 0, 0)


# ---- return


def lines(document: Document, wanted: int = 0) -> dict[str, int]:
    """gnum → quantity of the first lines (0: all)."""
    found = {line.gnum: int(line.qty) for line in document.list}  # type: ignore[union-attr]
    return dict(list(found.items())[: wanted or None])


def two_lines(zone: Zone) -> tuple[samples.DeclarationSet, str, str]:
    number = next(n for n in range(1, 100) if len(samples.declaration_set(n).declaration.list) == 2)
    return sold(zone, number)


def test_a_return_in_part_frees_its_share_of_the_allowance_and_the_rest_follows() -> None:
    zone = Zone()
    made, key, number = two_lines(zone)
    first, second = made.declaration.list
    one = samples.returned(made.declaration, number, quantities=lines(made.declaration, 1), at=zone.now)
    application = zone.send("CEB625", one)[0]
    zone.settle()
    assert zone.told(application)[0] == "declaration found"
    assert zone.status(application).code in ("399", "800")
    assert zone.status(key).facts["returned"] == "part"
    state = zone.world.register_states()[key]
    value = int(float(first.totalPrice or 0) * 100_000 + 0.5)
    assert state.told[2:] == (0, state.value, value)
    rest = samples.returned(made.declaration, number, quantities={second.gnum or "": int(second.qty or 0)}, turn=2, at=zone.now)
    zone.send("CEB625", rest)
    zone.settle()
    assert zone.status(key).facts["returned"] == "all"
    state = zone.world.register_states()[key]
    assert state.told[2:] == (0, state.value, state.value), "freight and insurance go back with the last line"


def test_more_than_is_left_and_lines_that_are_not_there_are_told_with_customs_codes() -> None:
    zone = Zone()
    made, _, number = sold(zone)
    line = made.declaration.list[0]
    quantity = int(line.qty or 0)
    zone.send("CEB625", samples.returned(made.declaration, number, quantities={"1": quantity}, at=zone.now))
    zone.settle()
    more = zone.send("CEB625", samples.returned(made.declaration, number, quantities={"1": 1}, turn=2, at=zone.now))[0]
    assert codes(zone, more) == ["application.quantity"]
    strange = samples.returned(made.declaration, number, quantities={"1": 1}, turn=3, at=zone.now)
    other = tuple(msgspec.structs.replace(line, gcode="9619001100") for line in strange.list)
    wrong = zone.send("CEB625", msgspec.structs.replace(strange, list=other))[0]
    assert codes(zone, wrong) == ["application.no_line"]
    assert zone.status(wrong).differences[0].ceb_code == "-625209"
    zone.settle()
    assert zone.status(more).code.startswith("-625")
    assert zone.status(wrong).code == "-625209"


def test_nothing_is_returned_of_what_is_not_released() -> None:
    zone = Zone(STORED)
    made, _, number = sold(zone)
    application = zone.send("CEB625", samples.returned(made.declaration, number, at=zone.now))[0]
    assert codes(zone, application) == ["application.not_released"]


def test_thirty_days_after_the_release_it_is_too_late() -> None:
    zone = Zone()
    made, key, number = sold(zone)
    facts = zone.status(key).facts
    assert int(facts["returnBy"]) - int(facts["released"]) == 30 * DAY
    assert int(facts["goodsBackBy"]) - int(facts["released"]) == 45 * DAY
    zone.days(29)
    assert codes(zone, zone.send("CEB625", samples.returned(made.declaration, number, quantities={"1": 1}, at=zone.now))[0]) == []
    zone.days(2)
    late = zone.send("CEB625", samples.returned(made.declaration, number, quantities={"1": 1}, turn=2, at=zone.now))[0]
    assert "application.late" in codes(zone, late)


def test_a_return_before_payment_voids_the_tax_bill() -> None:
    zone = Zone()
    made, key, number = sold(zone)
    zone.send("CEB625", samples.returned(made.declaration, number, at=zone.now))
    zone.settle()
    assert "tax bill void" in zone.told(key)
    assert zone.status(key).facts["taxStatus"] == "3"
    assert "taxBy" not in zone.status(key).facts


def test_an_application_for_a_declaration_that_is_not_here_is_told_so_and_alarms_nobody() -> None:
    zone = Zone()
    made = samples.declaration_set(1, at=zone.now)
    application = zone.send("CEB625", samples.returned(made.declaration, "29212026I000000077", at=zone.now))[0]
    zone.settle()
    zone.tick(11 * 60_000)
    assert zone.told(application)[-1] == "declaration not here"
    assert zone.world.alerts() == []


# ---- waybill status and warehouse entry


def test_a_signature_moves_the_waybills_timeline_and_its_declarations() -> None:
    zone = Zone()
    made, key, _ = sold(zone)
    waybill = f"waybill/{made.waybill.head.logisticsCode}:{made.waybill.head.logisticsNo}"
    status = zone.send("CEB513", samples.waybill_status(made.waybill, at=zone.now))[0]
    assert zone.told(waybill)[-1] == zone.told(key)[-1] == "signed for"
    assert zone.status(key).facts["signed"] == str(zone.now)
    zone.settle()
    assert zone.status(status).code == "120"


def test_a_status_before_its_waybill_waits_for_it() -> None:
    zone = Zone()
    made = samples.declaration_set(1, at=zone.now)
    zone.send("CEB513", samples.waybill_status(made.waybill, at=zone.now))
    waybill = f"waybill/{made.waybill.head.logisticsCode}:{made.waybill.head.logisticsNo}"
    assert waybill not in zone.world.statuses(), "nobody has handed it in: there is nothing to show"
    keys = [zone.send(type_, document)[0] for type_, document in zip(FOUR, made, strict=True)]
    zone.settle()
    assert "signed for" in zone.told(waybill)
    assert "signed for" in zone.told(keys[3])


def test_a_warehouse_entry_is_told_to_every_parcel_of_the_bill_and_again_when_customs_has_concluded() -> None:
    zone = Zone()
    sales = [sold(zone, number) for number in (1, 2, 3)]
    entry = zone.send("CEB711", samples.warehouse_entry([made.declaration for made, _, _ in sales], at=zone.now))[0]
    zone.settle()
    assert zone.status(entry).match == "matched"
    assert zone.status(entry).numbers["rkdNo"]
    for _, key, _ in sales:
        assert zone.told(key)[-2:] == ["in the warehouse", "in the warehouse: concluded"]
        assert {"warehoused", "warehousedConcluded"} <= set(zone.status(key).facts)


# ---- receipts that name too little


def test_a_refusal_without_any_number_finds_its_declaration_by_merchant_and_order() -> None:
    """As customs sends it for a declaration it could not parse: no copNo, no preNo, a sentence."""
    zone = Zone("silence")
    made = samples.declaration_set(1, at=zone.now)
    keys = [zone.send(type_, document)[0] for type_, document in zip(FOUR, made, strict=True)]
    head = made.declaration.head
    zone.receive(
        "CEB622", guid="9" * 36, returnStatus="-621001", returnTime="20260601120500000",
        returnInfo=f"清单[电商企业编码：{head.ebcCode},订单编号：{head.orderNo}]参数校验失败",
    )  # fmt: skip
    zone.tick(11_000)
    assert zone.status(keys[3]).code == "-621001"
    zone.tick(15 * 60_000)
    assert [a.rule for a in zone.world.alerts() if a.rule == "hub.unmatched-receipt"] == []


def test_one_that_names_an_order_nobody_knows_is_alarmed() -> None:
    zone = Zone("silence")
    zone.receive(
        "CEB622", guid="9" * 36, returnStatus="-621001", returnTime="20260601120500000",
        returnInfo="清单[电商企业编码：9901D00002,订单编号：NOBODYS]参数校验失败",
    )  # fmt: skip
    zone.tick(11_000)
    zone.tick(15 * 60_000)
    assert [a.rule for a in zone.world.alerts()] == ["hub.unmatched-receipt"]


def test_a_receipt_of_the_other_side_is_kept_and_alarmed_and_changes_nothing() -> None:
    zone = Zone("silence")
    made = samples.declaration_set(1, at=zone.now)
    key = zone.send("CEB621", made.declaration)[0]
    head = made.declaration.head
    zone.receive(
        "CEB604", guid="9" * 36, agentCode=head.agentCode or "", copNo=head.copNo or "", preNo="B20260601000000001",
        invtNo="", returnStatus="800", returnTime="20260601130000000", returnInfo="x",
    )  # fmt: skip
    assert zone.told(key) == ["receipt of another message"]
    assert zone.status(key).code == ""
    assert [a.rule for a in zone.world.alerts()] == ["hub.unmatched-receipt"]


def test_a_draft_of_an_application_is_nobodys_business_until_it_is_declared() -> None:
    zone = Zone(STORED)
    made, key, number = sold(zone)
    whole = samples.cancellation(made.declaration, number, at=zone.now)
    draft = msgspec.structs.replace(whole, head=msgspec.structs.replace(whole.head, appStatus="1"))
    zone.send("CEB623", draft)
    later = msgspec.structs.replace(draft, head=msgspec.structs.replace(draft.head, reason="x", appTime="20260601120101"))
    zone.send("CEB623", later)
    assert "cancellation" not in zone.status(key).facts
    declared = msgspec.structs.replace(whole, head=msgspec.structs.replace(whole.head, appTime="20260601120102"))
    zone.send("CEB623", declared)
    assert zone.status(key).facts["cancellation"] == "applied"
    assert [word for word in zone.told(key) if "cancellation" in word] == ["cancellation applied"]


def test_no_story_tells_what_follows_before_what_it_follows_from() -> None:
    """The stages' clocks are ticks; what one document says of another is not told before either came."""
    zone = Zone(STORED)
    made, key, number = sold(zone)
    zone.world.now = msgspec.structs.replace(zone.world.now, at=zone.now - 900)  # the declaration's partition ticks late
    application = zone.send("CEB623", samples.cancellation(made.declaration, number, at=zone.now))[0]
    zone.settle()
    for one in (key, application):
        told = [(entry.what, entry.at) for entry in zone.status(one).timeline if entry.by == "hub" or "cancellation" in entry.what]
        assert [at for _, at in told] == sorted(at for _, at in told), told


def test_a_cancelled_declaration_is_nobodys_turn_and_on_no_worklist() -> None:
    zone = Zone(STORED)
    made, key, number = sold(zone)
    assert zone.status(key).turn == "customs"
    zone.send("CEB623", samples.cancellation(made.declaration, number, at=zone.now))
    zone.settle()
    status = zone.status(key)
    assert (status.turn, need(status)) == ("", "")


def test_a_refused_application_is_not_called_a_rejected_declaration() -> None:
    zone = Zone()
    made, _, number = sold(zone)
    application = zone.send("CEB623", samples.cancellation(made.declaration, number, at=zone.now))[0]
    assert need(zone.status(application)) == "doubtful"
    zone.settle()
    assert need(zone.status(application)) == "not granted"


def test_whoever_may_be_wrong_is_told_what_differs() -> None:
    zone = Zone("silence")
    made = samples.declaration_set(1, at=zone.now, overrides={"payment.amountPaid": "1.00"})
    keys = [zone.send(type_, document)[0] for type_, document in zip(FOUR, made, strict=True)]
    zone.tick(1000)
    assert [codes(zone, key) for key in keys] == [["match.paid"], ["match.paid"], [], ["match.paid"]]


def test_what_customs_rejected_is_sent_again_as_new_and_a_change_is_told_so() -> None:
    zone = Zone()
    made = samples.declaration_set(1, at=zone.now, overrides={"payment.amountPaid": "1.00"})
    keys = [zone.send(type_, document)[0] for type_, document in zip(FOUR, made, strict=True)]
    zone.settle()
    assert zone.status(keys[3]).code == "100"
    head = msgspec.structs.replace(made.declaration.head, appType="2", appTime="20260601130000")
    zone.send("CEB621", msgspec.structs.replace(made.declaration, head=head))
    assert [fault.code for fault in zone.status(keys[3]).faults] == ["duplicate.nothing_to_change"]


def test_a_declaration_of_less_than_nothing_gives_its_buyer_no_more_to_buy() -> None:
    zone = Zone("silence")
    made = samples.declaration_set(1, at=zone.now)
    lines = tuple(msgspec.structs.replace(line, price="-5000", totalPrice="-5000") for line in made.declaration.list)
    negative = msgspec.structs.replace(made.declaration, list=lines)
    for type_, document in zip(FOUR, (made.order, made.payment, made.waybill, negative), strict=True):
        zone.send(type_, document)
    [assessment] = zone.world.assessments()
    assert "rule.negative_amount" in [finding.code for finding in assessment.findings]
    [(state, _)] = list(zone.world.states["assess"].values())
    assert state.used(2026) == 0


def test_a_merchants_profile_counts_what_customs_answered() -> None:
    zone = Zone(REFUSES_SECOND)
    for number in (1, 2, 3):
        made = samples.declaration_set(number, at=zone.now)
        for type_, document in zip(FOUR, made, strict=True):
            zone.send(type_, document)
    zone.settle(90)
    state, _ = zone.world.states["observe"][WHO.merchant.encode()]
    (day,) = state.days
    assert (day.declarations, day.released, day.refused) == (3, 2, 1)
    zone.tick(11 * 60_000)
    (_, value, headers) = zone.world.published[topics.PROFILES][-1]
    assert dict(headers)["ce_subject"] == WHO.merchant.encode()
    profile = codec.profile(value)
    assert (profile.enterprise, profile.days[-1].released, profile.shares["buyers"].whole) == (WHO.merchant, 2, 3)
    assert [share.good for share in profile.prices]


def test_a_permit_is_used_up_by_the_declarations_of_its_merchant_whoever_buys() -> None:
    made = [samples.declaration_set(number, at=NOON) for number in range(1, 7)]
    name = made[0].declaration.list[0].gname
    quantity = {n: sum(amount(line.qty) for line in one.declaration.list if line.gname == name) for n, one in enumerate(made)}
    who = [n for n in range(6) if quantity[n]][:3]
    permitted = quantity[who[0]] + quantity[who[1]]
    entry = {"name": "a sensor", "terms": [name], "control": "6A002", "licence": True, "instrument": "MOFCOM 51 of 2024"}
    permit = {"number": "XK/1", "quantity": text(permitted), "unit": made[0].declaration.list[0].unit}
    reference = Reference()
    reference.put(ReferenceRecord("list", "controlled", 1, "2026-01-01", value={"entries": [entry]}), 0)
    reference.put(ReferenceRecord("permit", f"{WHO.merchant}~6A002", 1, "2026-01-01", value=permit), 1)
    zone = Zone(REFUSES_SECOND, references=reference)
    zone.tick(1000)
    for n in who:
        for type_, document in zip(FOUR, made[n], strict=True):
            zone.send(type_, document)
        zone.tick(1000)
    found = [{finding.code for finding in one.findings} & COVERED for one in zone.world.assessments()]
    assert found == [{"rule.controlled_licensed"}, {"rule.controlled_licensed"}, {"rule.controlled_goods"}]


COVERED = {"rule.controlled_licensed", "rule.controlled_goods"}

"""What others say of a document: strangers change nothing of it, and nothing said twice or later loses what customs has said."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from adapters.intake import MOST_LINES
from hub import codec, topics
from hub.domain.events import ApplicationAnswer, Lead, Link, Tick
from hub.domain.faults import Refused
from hub.domain.money import MOST, amount, bounded, number, text
from schemas import samples
from schemas.documents import Document
from streams.api import Record
from streams.limits import Limits as StageLimits
from streams.stages.resolve import Resolve, ResolveSettings
from tests.support.zone import ALL, STRANGER, WHO, Zone
from tests.unit.test_zone_export import closed, faults, sale
from tests.unit.test_zone_import import STORED, codes, never_summarised, sold, two_lines


def head(document: Any, **fields: str | None) -> Any:  # Any: a document
    return msgspec.structs.replace(document, head=msgspec.structs.replace(document.head, **fields))


def by_stranger(zone: Zone, type_: str, document: Document) -> str:
    zone.who = STRANGER
    key = zone.send(type_, document)[0]
    zone.who = ALL
    return key


# ---- strangers


def test_a_strangers_applications_leave_no_trace_at_a_declaration() -> None:
    zone = Zone(STORED)
    made, key, invt_no = sold(zone)
    before = zone.status(key)
    cancellation = samples.cancellation(made.declaration, invt_no, at=zone.now)
    returned = samples.returned(made.declaration, invt_no, at=zone.now)
    for type_, document in (("CEB623", cancellation), ("CEB625", returned)):
        strange = by_stranger(zone, type_, head(document, agentCode=STRANGER.codes[4], copNo="X1"))
        assert zone.told(strange) == ["declaration not here"]
    after = zone.status(key)
    assert (after.facts, after.timeline, after.counterparts) == (before.facts, before.timeline, before.counterparts)


def test_a_strangers_summary_leaves_no_trace_at_a_declaration() -> None:
    zone = Zone()
    _, keys, numbers = closed(zone)
    [application] = samples.summary(numbers, at=zone.now)
    by_stranger(zone, "CEB701", head(application, agentCode=STRANGER.codes[4]))
    assert "summary" not in zone.status(keys[0]["declaration"]).facts


def test_who_gets_the_receipts_of_a_declaration_may_apply_in_its_name() -> None:
    zone = Zone(STORED)
    made, key, invt_no = sold(zone)
    application = samples.cancellation(made.declaration, invt_no, at=zone.now)
    zone.send("CEB623", head(application, agentCode=WHO.carrier))
    assert zone.status(key).facts["cancellation"] == "applied"


def test_only_who_handed_in_an_arrival_changes_it() -> None:
    zone = Zone("silence")
    made, _ = sale(zone)
    [arrival] = samples.arrival([made.declaration], at=zone.now)
    key = zone.send("CEB507", arrival)[0]
    change = head(arrival, appType="2", appTime="20260601235959", logisticsCode=STRANGER.codes[3])
    assert by_stranger(zone, "CEB507", change) == key
    status = zone.status(key)
    assert [fault.code for fault in status.versions[-1].faults] == ["duplicate.other_sender"]
    assert status.principal == ALL.name
    zone.send("CEB507", head(arrival, appType="2", appTime="20260601235959"))
    assert zone.status(key).versions[-1].state == "superseded"


def test_who_is_no_party_does_not_guarantee() -> None:
    zone = Zone("silence")
    for count, guarantor in enumerate((STRANGER.codes[0], WHO.merchant), 1):
        made = samples.declaration_set(count, at=zone.now)
        made = made._replace(declaration=head(made.declaration, assureCode=guarantor))
        for type_, document in zip(("CEB311", "CEB411", "CEB511", "CEB621"), made, strict=True):
            zone.send(type_, document)
    assert zone.world.guarantor(STRANGER.codes[0]).declarations == 0
    assert zone.world.guarantor(WHO.merchant).declarations == 1


def test_a_waybill_named_by_many_stays_with_the_declaration_it_is_matched_with() -> None:
    zone = Zone("silence")
    made, keys = sale(zone)
    for count in range(2, 14):
        other = samples.export_set(count, at=zone.now)
        named = head(other.declaration, logisticsNo=made.waybill.head.logisticsNo)
        by_stranger(zone, "CEB603", head(named, agentCode=STRANGER.codes[4]))
    zone.tick(1000)
    waybill = zone.status(keys["waybill"])
    assert (waybill.match, waybill.counterparts["declaration"]) == ("matched", keys["declaration"])
    zone.days(0.5)
    assert zone.status(keys["waybill"]).match == "matched", "though the other orders have expired"
    zone.send("CEB603", head(made.declaration, appType="3", appTime="20260605000000"))
    zone.tick(1000)
    assert zone.status(keys["waybill"]).match != "matched", "its own declaration has left"


# ---- resolve


def resolved(stage: Resolve, events: list[Any], key: str = "invtNo:1") -> tuple[Any, list[Any]]:
    state, outputs = None, []
    for offset, event in enumerate(events):
        step = stage.handle(state, Record(key.encode(), codec.pack(event), [], offset), Tick(1000, 0, "test"))
        if step is not None:
            state, outputs = step.state, [*outputs, *step.outputs]
    return state, outputs


def a_lead(at: int, origin: str = "") -> Lead:
    return Lead(msgspec.Raw(codec.pack(ApplicationAnswer(1, "", at))), at, (), origin, 1)


def test_who_asks_cannot_push_out_what_customs_says() -> None:
    stage = Resolve(ResolveSettings(leads=4))
    asked = [a_lead(at, f"return/X:{at}") for at in range(2, 20)]
    state, _ = resolved(stage, [a_lead(1), *asked])
    assert state.leads == (a_lead(1), *asked[-3:])


def test_a_guid_belongs_to_its_first_document() -> None:
    stage = Resolve()
    links = [Link(("declaration/A:1",), 1), Link(("declaration/B:1",), 2)]
    for key, wanted in (("guid:1", {b"declaration/A:1"}), ("preNo:1", {b"declaration/A:1", b"declaration/B:1"})):
        _, outputs = resolved(stage, [*links, a_lead(3)], key)
        assert {output.key for output in outputs if output.topic == topics.inbox("register")} == wanted


# ---- said again, changed, moved


def test_a_changed_return_is_checked_again() -> None:
    zone = Zone()
    made, key, invt_no = two_lines(zone)
    line = made.declaration.list[0]
    first = samples.returned(made.declaration, invt_no, quantities={line.gnum or "": int(line.qty or 0)}, at=zone.now)
    application = zone.send("CEB625", first)[0]
    assert codes(zone, application) == []
    more = msgspec.structs.replace(first.list[0], qty=str(int(line.qty or 0) + 1))
    changed = msgspec.structs.replace(head(first, appType="2", appTime="20261231235959"), list=(more,))
    zone.send("CEB625", changed)
    assert "application.quantity" in codes(zone, application)
    assert zone.status(key).facts["return"] == "applied"


def test_an_application_that_moves_to_another_declaration_leaves_the_first() -> None:
    zone = Zone(STORED)
    made, key, invt_no = sold(zone)
    _, other, other_no = sold(zone, 2)
    application = samples.cancellation(made.declaration, invt_no, at=zone.now)
    zone.send("CEB623", application)
    assert zone.status(key).facts["cancellation"] == "applied"
    zone.send("CEB623", head(application, appType="2", appTime="20261231235959", invtNo=other_no))
    assert "cancellation" not in zone.status(key).facts
    assert zone.told(key)[-1] == "cancellation withdrawn"
    assert zone.status(other).facts["cancellation"] == "applied"


def test_an_accepted_cancellation_outlasts_every_other_application() -> None:
    zone = Zone(STORED)
    made, key, invt_no = sold(zone)
    zone.send("CEB623", samples.cancellation(made.declaration, invt_no, at=zone.now))
    zone.settle()
    assert zone.status(key).facts["cancellation"] == "accepted"
    for count in range(70):
        again = head(samples.cancellation(made.declaration, invt_no, at=zone.now), copNo=f"CX{count}", guid=f"{count:036d}")
        zone.send("CEB623", again)
    zone.settle()
    assert zone.status(key).facts["cancellation"] == "accepted"
    assert zone.world.register_states()[key].told[2:] == (0, 0, 0)


def test_a_second_summary_does_not_take_back_what_the_first_has_reached() -> None:
    zone = Zone()
    _, keys, numbers = closed(zone)
    [first] = samples.summary(numbers, at=zone.now)
    zone.send("CEB701", first)
    second = head(first, copNo="SX2", guid="3" * 36)
    again = zone.send("CEB701", second)[0]
    zone.send("CEB701", head(second, appType="3", appTime="20261231235959"))
    assert zone.status(again).state == "withdrawn"
    assert {zone.status(one["declaration"]).facts["summary"] for one in keys} == {"applied"}


def test_a_declaration_that_leaves_a_changed_summary_is_told() -> None:
    zone = Zone("silence")
    made, keys = sale(zone)
    zone.receive(
        "CEB604", guid="9" * 36, customsCode=made.declaration.head.customsCode or "", agentCode=WHO.agent, ebpCode="",
        ebcCode="", copNo=made.declaration.head.copNo or "", preNo="P1", invtNo="29212026E000000001", returnStatus="120",
        returnTime="20260601130000000", returnInfo="x",
    )  # fmt: skip
    [first] = samples.summary(["29212026E000000001", "29212026E000000002"], at=zone.now)
    zone.send("CEB701", first)
    key = keys["declaration"]
    assert zone.status(key).facts["summary"] == "applied"
    zone.send("CEB701", msgspec.structs.replace(head(first, appType="2", appTime="20261231235959"), list=first.list[1:]))
    assert "summary" not in zone.status(key).facts


def test_each_tax_bill_has_days_of_its_own() -> None:
    zone = Zone(never_summarised())
    _, key, invt_no = sold(zone)

    def said(tax_no: str, status: str) -> None:
        zone.receive("CEB818", taxNo=tax_no, invtNo=invt_no, entDutyNo="", status=status, returnTime="20260601150000000")

    zone.receive(
        "CEB816", guid="8" * 36, taxNo=f"{invt_no}_1", invtNo=invt_no, status="1", returnTime="20260601140000000",
        customsTax="0", valueAddedTax="1", consumptionTax="0",
    )  # fmt: skip
    said(f"{invt_no}_1", "2")
    assert "taxBy" in zone.status(key).facts, "the first bill is still owed"
    zone.days(46)
    overdue = [entry.detail for entry in zone.status(key).timeline if entry.what == "tax overdue"]
    assert overdue == [f"{invt_no}_0"]


# ---- numbers


@pytest.mark.parametrize(
    ("written", "counts"),
    [
        ("999999999.99999", MOST - 1), ("1000000000", MOST), ("9" * 23, MOST), ("9" * 5000, MOST), ("-" + "9" * 5000, -MOST),
        ("0" * 5000 + "1.5", amount("1.5")), ("-" + "0" * 40 + "1", -amount("1")),
    ],
)  # fmt: skip
def test_no_number_counts_for_more_than_a_billion(written: str, counts: int) -> None:
    assert number(written) == counts


def test_sums_stay_in_what_a_state_can_hold() -> None:
    for total in (bounded(1 << 80), bounded(-(1 << 80))):
        codec.pack(total)
    assert bounded(5) == 5


def test_a_document_of_billions_is_flagged_and_goes_its_way() -> None:
    zone = Zone("silence")
    made = samples.declaration_set(1, at=zone.now)
    huge = "9" * 18
    line = msgspec.structs.replace(made.declaration.list[0], price=huge, totalPrice=huge, qty=huge)
    order_line = msgspec.structs.replace(made.order.list[0], price=huge, totalPrice=huge, qty=huge)
    order = msgspec.structs.replace(head(made.order, goodsValue=huge, acturalPaid=huge), list=(order_line,))
    declaration = msgspec.structs.replace(made.declaration, list=(line,))
    keys = [
        zone.send(type_, document)[0]
        for type_, document in (("CEB311", order), ("CEB411", head(made.payment, amountPaid=huge)), ("CEB511", made.waybill),
                                ("CEB621", declaration))
    ]  # fmt: skip
    assert "meaning.too_large" in codes(zone, keys[0])
    assert "meaning.too_large" in codes(zone, keys[3])
    assert zone.status(keys[3]).match == "matched"


def test_a_tax_bill_of_anything_harms_nobody() -> None:
    zone = Zone()
    _, key, invt_no = sold(zone)
    for count, tax in enumerate(("9" * 400, "-5", "abc", "1e99", "99999999999999999999"), 2):
        zone.receive(
            "CEB816", guid="8" * 36, taxNo=f"{invt_no}_{count}", invtNo=invt_no, status="1",
            returnTime=f"202606011500000{count:02d}", customsTax=tax, valueAddedTax="0", consumptionTax="0",
        )  # fmt: skip
    assert zone.status(key).facts["tax"] in {"0", text(MOST)}
    assert zone.world.guarantor(WHO.merchant).burden >= 0


def test_a_receipt_with_a_number_of_any_length_is_taken() -> None:
    zone = Zone("silence")
    made, keys = sale(zone)
    zone.receive("CEB608", agentCode=WHO.agent, copNo="1", msgSeqNo="9" * 5000, returnStatus="399", returnTime="20260601120000000")
    assert faults(zone, keys["declaration"]) == []
    assert made


def test_a_document_of_more_lines_than_can_be_kept_is_refused_and_the_most_is_kept() -> None:
    zone = Zone("silence")
    made, _ = sale(zone)
    [list_] = samples.consolidation([made.declaration], at=zone.now)
    line = list_.list[0]
    many = tuple([msgspec.structs.replace(line, logisticsNo=f"{n:020d}", gnum=str(n)) for n in range(1, MOST_LINES + 1)])
    key = zone.send("CEB607", msgspec.structs.replace(list_, list=many))[0]
    assert zone.status(key).match == "matched"
    with pytest.raises(Refused) as refused:
        zone.send("CEB607", msgspec.structs.replace(list_, list=(*many, line)))
    assert [(fault.code, fault.document) for fault in refused.value.faults] == [("transport.too_many_lines", 0)]
    biggest = max(len(codec.pack(state)) for state, _ in zone.world.states["bills"].values())
    assert biggest < StageLimits().entry

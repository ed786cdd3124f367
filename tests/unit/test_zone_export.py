"""What happens to an export sale, from its order to the summary and the goods' return: every upload, traced."""

from __future__ import annotations

from itertools import permutations

import msgspec
import pytest

from hub import codec
from hub.domain.events import Summarised
from schemas import samples
from schemas.documents import Document
from streams.stages.register import RegisterSettings
from tests.support.zone import Zone

DAY = 86_400_000


def send(zone: Zone, made: samples.ExportSet) -> dict[str, str]:
    """Kind → register key of the documents of a sale."""
    types = {"order": "CEB303", "waybill": "CEB505", "declaration": "CEB603", "collection": "CEB403"}
    return {
        kind: zone.send(types[kind], document)[0] for kind, document in made._asdict().items() if document is not None
    }


def sale(zone: Zone, number: int = 1, mode: str = "9610", **options: bool | str) -> tuple[samples.ExportSet, dict[str, str]]:
    made = samples.export_set(number, trade_mode=mode, at=zone.now, **options)  # type: ignore[arg-type]
    return made, send(zone, made)


def faults(zone: Zone, key: str) -> list[str]:
    status = zone.status(key)
    return [fault.code for fault in (*status.faults, *status.differences)]


def bill(zone: Zone, type_: str, documents: list[Document]) -> list[str]:
    return [zone.send(type_, document)[0] for document in documents]


def shipped(zone: Zone, made: list[samples.ExportSet]) -> None:
    """Consolidated, arrived, departed: customs closes the declarations."""
    declarations = [one.declaration for one in made]
    for type_, documents in (
        ("CEB607", samples.consolidation(declarations, at=zone.now)),
        ("CEB507", samples.arrival(declarations, at=zone.now)),
        ("CEB509", samples.departure(declarations, at=zone.now)),
    ):
        bill(zone, type_, list(documents))
        zone.settle()


@pytest.mark.parametrize("mode", ["9610", "1210", "9710", "9810"])
@pytest.mark.parametrize("foreign", [False, True])
def test_an_export_sale_is_matched_stored_shipped_and_closed_in_every_mode(mode: str, foreign: bool) -> None:
    zone = Zone()
    made, keys = sale(zone, mode=mode, foreign_platform=foreign)
    zone.settle()
    for kind, key in keys.items():
        assert zone.status(key).match == "matched", kind
        assert zone.status(key).code == "120", kind
        assert faults(zone, key) == [], kind
    assert zone.status(keys["declaration"]).counterparts == {kind: keys[kind] for kind in ("order", "waybill")}
    shipped(zone, [made])
    told = zone.told(keys["declaration"])
    assert [word for word in told if word.isdigit()] == ["2", "3", "120", "800", "899"]
    assert [word for word in told if "concluded" not in word and not word.isdigit()] == [
        "consolidated", "arrived at the site", "left the country",
    ]  # fmt: skip
    facts = zone.status(keys["declaration"]).facts
    assert (facts["mode"], facts["statisticsFlag"]) == (mode, "B")


@pytest.mark.parametrize("order", list(permutations(("order", "waybill", "declaration"))))
def test_an_export_waybill_finds_its_order_through_the_declaration_whatever_comes_first(order: tuple[str, ...]) -> None:
    zone = Zone("silence")
    made = samples.export_set(1, at=zone.now)
    types = {"order": "CEB303", "waybill": "CEB505", "declaration": "CEB603"}
    keys = {kind: zone.send(types[kind], getattr(made, kind))[0] for kind in order}
    zone.tick(1000)
    assert {zone.status(key).match for key in keys.values()} == {"matched"}
    assert zone.status(keys["waybill"]).order == (made.order.head.ebpCode, made.order.head.orderNo)
    assert len(zone.world.assessments()) == 1


def test_an_export_waybill_that_no_declaration_names_expires_and_is_alarmed() -> None:
    zone = Zone("silence", register=RegisterSettings(await_declaration=DAY, overdue=9 * DAY))
    made = samples.export_set(1, at=zone.now)
    key = zone.send("CEB505", made.waybill)[0]
    assert zone.status(key).match == "waiting"
    assert zone.status(key).awaited == ("declaration",)
    zone.days(1.1)
    assert zone.status(key).match == "expired"
    assert [a.rule for a in zone.world.alerts()] == ["hub.expired"]
    zone.send("CEB303", made.order)
    zone.send("CEB603", made.declaration)
    zone.tick(1000)
    assert zone.status(key).match == "matched", "late is not never"


def test_a_stranger_naming_a_waybill_does_not_take_it_from_its_declaration() -> None:
    zone = Zone("silence")
    made, keys = sale(zone)
    other = samples.export_set(2, at=zone.now)
    head = msgspec.structs.replace(other.declaration.head, logisticsNo=made.waybill.head.logisticsNo)
    zone.send("CEB303", other.order)
    zone.send("CEB603", msgspec.structs.replace(other.declaration, head=head))
    zone.tick(1000)
    assert zone.status(keys["declaration"]).match == "matched"
    assert zone.status(keys["declaration"]).counterparts["waybill"] == keys["waybill"]


def test_a_collection_may_follow_and_is_compared_with_the_order() -> None:
    zone = Zone()
    made, keys = sale(zone)
    zone.settle()
    late = samples.export_set(1, at=zone.now, collected=True).collection
    assert late is not None
    short = msgspec.structs.replace(late, head=msgspec.structs.replace(late.head, charge="0.01"))
    key = zone.send("CEB403", short)[0]
    zone.settle()
    assert zone.status(key).match == "matched"
    assert zone.status(key).code == "120"
    assert faults(zone, keys["declaration"]) == ["match.collected"]
    assert zone.status(keys["declaration"]).counterparts["collection"] == key
    del made


def test_what_differs_between_the_export_documents_is_told() -> None:
    zone = Zone("silence")
    made = samples.export_set(1, at=zone.now)
    order = msgspec.structs.replace(made.order, head=msgspec.structs.replace(made.order.head, orderType="W"))
    line = msgspec.structs.replace(made.declaration.list[0], qty="77", totalPrice=str(77 * float(made.declaration.list[0].price or 0)))
    declaration = msgspec.structs.replace(made.declaration, list=(line, *made.declaration.list[1:]))
    keys = send(zone, samples.ExportSet(order, made.waybill, declaration, None))
    zone.tick(1000)
    assert set(faults(zone, keys["declaration"])) >= {"match.order_type", "match.line"}


def test_a_split_consolidation_takes_effect_with_its_last_part_in_whatever_order_they_come() -> None:
    zone = Zone()
    made = [sale(zone, number)[0] for number in (1, 2, 3)]
    zone.settle()
    first, second, third = samples.consolidation([m.declaration for m in made], parts=3, at=zone.now)
    waybill = f"waybill/{made[0].waybill.head.logisticsCode}:{made[0].waybill.head.logisticsNo}"
    keys = bill(zone, "CEB607", [third, first])
    zone.tick(6000)
    assert "consolidated" not in zone.told(waybill)
    assert (zone.status(keys[0]).match, zone.status(keys[0]).awaited) == ("waiting", ("part 2",))
    keys += bill(zone, "CEB607", [second])
    zone.tick(1000)
    assert {zone.status(key).match for key in keys} == {"matched"}
    for one in made:
        number = f"waybill/{one.waybill.head.logisticsCode}:{one.waybill.head.logisticsNo}"
        assert zone.told(number).count("consolidated") == 1
    zone.settle()
    assert {zone.status(key).code for key in keys} == {"399"}
    assert zone.told(waybill)[-1] == "consolidated: concluded"


def test_parts_whose_rest_never_comes_expire_and_are_alarmed() -> None:
    zone = Zone("silence", register=RegisterSettings(overdue=90 * DAY))
    made, _ = sale(zone)
    [part] = samples.consolidation([made.declaration], at=zone.now)
    key = zone.send("CEB607", msgspec.structs.replace(part, head=msgspec.structs.replace(part.head, msgCount="2")))[0]
    zone.days(1.1)
    assert zone.status(key).match == "expired"
    assert [a.evidence["document"] for a in zone.world.alerts() if a.rule == "hub.expired"] == [key]


def test_an_arrival_without_a_list_is_the_whole_bills_even_before_its_consolidation() -> None:
    zone = Zone("silence")
    made = [sale(zone, number)[0] for number in (1, 2)]
    declarations = [m.declaration for m in made]
    bill(zone, "CEB507", list(samples.arrival(declarations, listed=False, at=zone.now)))
    bill(zone, "CEB607", list(samples.consolidation(declarations, at=zone.now)))
    for one in made:
        number = f"waybill/{one.waybill.head.logisticsCode}:{one.waybill.head.logisticsNo}"
        assert set(zone.told(number)) == {"consolidated", "arrived at the site"}


def test_a_bill_document_that_customs_rejects_takes_its_word_back() -> None:
    zone = Zone("silence")
    made, keys = sale(zone)
    key = bill(zone, "CEB509", list(samples.departure([made.declaration], at=zone.now)))[0]
    assert "departed" in zone.status(keys["declaration"]).facts
    carrier, number, part = key.partition("/")[2].split(":")
    zone.receive(
        "CEB510", guid="9" * 36, logisticsCode=carrier, copNo=number, preNo="", msgSeqNo=part,
        returnStatus="100", returnTime="20260601130000000", returnInfo="x",
    )  # fmt: skip
    assert "departed" not in zone.status(keys["declaration"]).facts
    assert zone.told(keys["declaration"])[-2:] == ["left the country", "left the country: rejected"]


def test_goods_by_mail_have_no_bill_and_each_document_stands_for_itself() -> None:
    zone = Zone("silence")
    made, keys = sale(zone)
    [document] = samples.departure([made.declaration], at=zone.now)
    mail = msgspec.structs.replace(document, head=msgspec.structs.replace(document.head, billNo=None, trafMode="6"))
    bill(zone, "CEB509", [mail])
    assert "left the country" in zone.told(keys["declaration"])


# ---- cancellation, summary, return


def test_an_export_declaration_is_cancelled() -> None:
    zone = Zone()
    made, keys = sale(zone)
    zone.settle()
    number = zone.status(keys["declaration"]).numbers["invtNo"]
    application = zone.send("CEB605", samples.cancellation(made.declaration, number, at=zone.now))[0]
    zone.settle()
    assert zone.status(application).code == "399"
    assert zone.status(keys["declaration"]).facts["cancellation"] == "accepted"


def closed(zone: Zone, numbers: tuple[int, ...] = (1, 2)) -> tuple[list[samples.ExportSet], list[dict[str, str]], list[str]]:
    made, keys = zip(*[sale(zone, number) for number in numbers], strict=True)
    zone.settle()
    shipped(zone, list(made))
    return list(made), list(keys), [zone.status(k["declaration"]).numbers["invtNo"] for k in keys]


def test_a_summary_is_told_to_its_declarations_from_the_application_to_the_entry() -> None:
    zone = Zone()
    _, keys, numbers = closed(zone)
    [application] = samples.summary(numbers, at=zone.now)
    key = zone.send("CEB701", application)[0]
    assert {zone.status(k["declaration"]).facts["summary"] for k in keys} == {"applied"}
    zone.settle(8)
    assert zone.told(key) == ["2", "399", "summary result"]
    [result] = [answer for answer in zone.world.answers() if answer.message == "CEB792"]
    assert (result.participant, result.document) == (zone.status(key).principal, key)
    assert result.numbers["sumNo"] == zone.status(key).numbers["sumNo"]
    assert result.numbers["entryId"]
    for one in keys:
        facts = zone.status(one["declaration"]).facts
        assert facts["summary"] == "concluded"
        assert facts["sumNo"] == zone.status(key).numbers["sumNo"]
        assert facts["entryId"]
        assert zone.told(one["declaration"])[-3:] == ["summary applied", "summary accepted", "summary concluded"]


def test_a_summary_accepted_after_its_result_is_told_once_and_takes_nothing_back() -> None:
    zone = Zone()
    _, keys, numbers = closed(zone, (1,))
    [application] = samples.summary(numbers, at=zone.now)
    by = zone.send("CEB701", application)[0]
    key = keys[0]["declaration"]
    for event in (
        Summarised("", "concluded", zone.now, "S1", "E1"),
        *2 * [Summarised(by, "accepted", zone.now, "S1")],
    ):
        zone.world.handle("register", key.encode(), codec.pack(event))
    assert zone.told(key)[-3:] == ["summary applied", "summary concluded", "summary accepted"]
    facts = zone.status(key).facts
    assert (facts["summary"], facts["sumNo"], facts["entryId"]) == ("concluded", "S1", "E1")


def test_a_summary_of_a_period_is_known_by_its_result() -> None:
    zone = Zone()
    _, keys, _ = closed(zone)
    [application] = samples.summary(period=(zone.now - DAY, zone.now + DAY), at=zone.now)
    zone.send("CEB701", application)
    assert "summary" not in zone.status(keys[0]["declaration"]).facts
    zone.settle(8)
    assert {zone.status(k["declaration"]).facts["summary"] for k in keys} == {"concluded"}


def test_goods_come_back_application_and_tally() -> None:
    zone = Zone()
    made, keys, numbers = closed(zone, (1,))
    application = samples.returned(made[0].declaration, numbers[0], quantities={"1": 1}, at=zone.now)
    returned = zone.send("CEB213", application)[0]
    zone.settle()
    tally = zone.send("CEB215", samples.tally(application, at=zone.now))[0]
    zone.settle()
    assert (zone.status(returned).code, zone.status(tally).code) == ("800", "399")
    assert zone.status(tally).counterparts == {"declaration": keys[0]["declaration"]}
    told = zone.told(keys[0]["declaration"])
    assert told[-4:] == ["return applied", "return accepted", "return_tally applied", "return_tally accepted"]
    assert zone.status(keys[0]["declaration"]).facts["returned"] in ("part", "all")


def test_a_tally_that_names_only_the_waybill_is_told_to_it() -> None:
    zone = Zone()
    made, keys, numbers = closed(zone, (1,))
    application = samples.returned(made[0].declaration, numbers[0], at=zone.now)
    tally = samples.tally(application, at=zone.now)
    unnumbered = msgspec.structs.replace(tally, head=msgspec.structs.replace(tally.head, invtNo=None))
    zone.send("CEB215", unnumbered)
    assert zone.told(keys[0]["waybill"])[-1] == "return_tally applied"
    assert zone.told(keys[0]["declaration"])[-1] == "return_tally applied"


def test_an_export_document_does_not_take_an_import_documents_key() -> None:
    zone = Zone("silence")
    made = samples.declaration_set(1, at=zone.now)
    key = zone.send("CEB621", made.declaration)[0]
    other = samples.export_set(1, at=zone.now).declaration
    head = msgspec.structs.replace(other.head, agentCode=made.declaration.head.agentCode, copNo=made.declaration.head.copNo)
    zone.send("CEB603", msgspec.structs.replace(other, head=head))
    status = zone.status(key)
    assert status.message == "CEB621"
    assert [fault.code for fault in status.versions[-1].faults][-1] == "duplicate.other_side"

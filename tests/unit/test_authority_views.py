"""What tax, foreign exchange, market supervision and commerce are told of documents, and that no person is in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from hub import codec, topics
from hub.domain import authority_views as views
from hub.domain.events import Reviewed, Traded
from hub.domain.money import amount, text
from hub.domain.notices import NOTICES, authority_of
from hub.domain.reference import Reference, ReferenceRecord
from schemas import samples
from streams.stages.assess import AssessSettings
from tests.support.stage_harness import NOON, World
from tests.support.zone import WHO, Zone
from tests.unit.test_stages_permits import a_world, four, hand_in
from tests.unit.test_zone_export import closed, sale, send, shipped
from tests.unit.test_zone_import import sold

MERCHANT = WHO.merchant
ALL_FUNDS = AssessSettings(forex_threshold=0)


def told(world: World, authority: str, type_: str = "") -> list[tuple[str, Any]]:
    """(ce_id, view) of everything on the topic of an authority but alerts, each read as what its type says it is."""
    found = []
    for key, value, headers in world.published.get(topics.out(authority), ()):
        said = dict(headers)
        name = said["ce_type"].decode()
        if name == "hub.alert.raised.v1" or type_ not in ("", name):
            continue
        assert key
        assert said["ce_subject"]
        found.append((said["ce_id"].decode(), msgspec.json.decode(value, type=views.VIEWS[authority][name], strict=True)))
    return found


def of(type_: str, zone: Zone) -> list[Any]:
    authority = next(name for name, types in views.VIEWS.items() if type_ in types)
    return [view for _, view in told(zone.world, authority, type_)]


def test_a_tax_bill_goes_to_tax_and_so_does_its_change() -> None:
    zone = Zone()
    _, key, number = sold(zone)
    zone.settle(40)
    facts = zone.status(key).facts
    (bill,), (changed,) = of(views.TAX_ISSUED, zone), of(views.TAX_CHANGED, zone)
    assert (bill.declaration, bill.tax_no, bill.status, bill.total) == (key, f"{number}_0", "1", facts["tax"])
    assert sum(map(amount, (bill.customs_tax, bill.value_added_tax, bill.consumption_tax))) == amount(bill.total)
    assert (bill.inventory, bill.merchant) == (number, MERCHANT)
    assert (changed.tax_no, changed.status, changed.total) == (bill.tax_no, "2", "")
    assert len({id_ for id_, _ in told(zone.world, "tax")}) == 2


def test_a_repeated_tax_bill_is_told_once() -> None:
    zone = Zone("repeats")
    sold(zone)
    zone.settle(5)
    assert len(of(views.TAX_ISSUED, zone)) == 1


def test_a_retail_export_is_told_as_the_register_keeps_it() -> None:
    zone = Zone()
    _, keys = sale(zone)
    zone.settle()
    ((id_, entry),) = told(zone.world, "tax", views.EXPORT_REGISTERED)
    (assessment,) = zone.world.assessments()
    assert assessment.registered is not None
    assert (entry.declaration, entry.lines) == (keys["declaration"], assessment.registered.lines)
    assert id_ == f"export:{keys['declaration']}@{assessment.revision}"


def test_the_refund_data_of_a_closed_export_are_told_and_told_again_with_its_entry_and_what_came_back() -> None:
    zone = Zone()
    made, keys, numbers = closed(zone, (1,))
    (first,) = of(views.REFUND_DATA, zone)
    declaration = made[0].declaration
    assert (first.inventory, first.merchant, first.summary, first.void) == (numbers[0], MERCHANT, "", False)
    assert [(line.number, line.goods_code, line.quantity, line.total) for line in first.lines] == [
        (line.gnum, line.gcode, _plain(line.qty), _plain(line.totalPrice)) for line in declaration.list
    ]
    [application] = samples.summary(numbers, at=zone.now)
    zone.send("CEB701", application)
    zone.settle(8)
    facts = zone.status(keys[0]["declaration"]).facts
    last = of(views.REFUND_DATA, zone)[-1]
    assert (last.summary, last.entry) == (facts["sumNo"], facts["entryId"])
    back = samples.returned(declaration, numbers[0], quantities={"1": 1}, at=zone.now)
    zone.send("CEB213", back)
    zone.settle()
    last = of(views.REFUND_DATA, zone)[-1]
    assert last.returned in ("part", "all")
    assert last.lines[0].returned == "1"
    revisions = [view.revision for view in of(views.REFUND_DATA, zone)]
    assert revisions == sorted(set(revisions))


def _plain(said: str) -> str:
    return text(amount(said))


def test_an_export_for_statistics_has_no_refund() -> None:
    zone = Zone()
    made = samples.export_set(1, at=zone.now)
    head = msgspec.structs.replace(made.declaration.head, statisticsFlag="A")
    made = made._replace(declaration=msgspec.structs.replace(made.declaration, head=head))
    keys = send(zone, made)
    zone.settle()
    shipped(zone, [made])
    assert zone.status(keys["declaration"]).code == "899"
    assert of(views.REFUND_DATA, zone) == []


# ---- foreign exchange ----------------------------------------------------------------------------------------------------


def test_payments_above_the_threshold_are_told_and_none_below() -> None:
    paid = amount(samples.declaration_set(1, at=NOON).payment.head.amountPaid)
    for threshold, count in ((paid - 1, 1), (paid, 0)):
        zone = Zone("silence", assess=AssessSettings(forex_threshold=threshold))
        _, key, _ = sold_silently(zone)
        found = of(views.PAYMENT_MATCHED, zone)
        assert len(found) == count
        for funds in found:
            assert (funds.declaration, amount(funds.amount), funds.currency, funds.side) == (key, paid, "142", "import")


def sold_silently(zone: Zone) -> tuple[Any, str, str]:
    made = samples.declaration_set(1, at=zone.now)
    types = ("CEB311", "CEB411", "CEB511", "CEB621")
    keys = [zone.send(type_, document)[0] for type_, document in zip(types, made, strict=True)]
    zone.tick(1000)
    return made, keys[3], ""


def test_what_customs_refuses_or_its_sender_takes_back_is_corrected_once() -> None:
    zone = Zone("rejects", assess=ALL_FUNDS)
    made, key, _ = sold_silently(zone)
    zone.settle()
    ((id_, _),) = told(zone.world, "forex", views.PAYMENT_MATCHED)
    (correction,) = of(views.FUNDS_CORRECTED, zone)
    assert (correction.declaration, correction.corrects, correction.reason) == (key, id_, "refused")
    del made


def test_a_payment_that_is_replaced_is_corrected() -> None:
    zone = Zone("silence", assess=ALL_FUNDS)
    made, _, _ = sold_silently(zone)
    head = msgspec.structs.replace(made.declaration.head, appType="2", appTime="20260601130000", guid="0" * 36)
    zone.send("CEB621", msgspec.structs.replace(made.declaration, head=head))
    zone.tick(1000)
    (first, _), (second, _) = told(zone.world, "forex", views.PAYMENT_MATCHED)
    (correction,) = of(views.FUNDS_CORRECTED, zone)
    assert (correction.corrects, correction.reason, correction.by) == (first, "replaced", second)


def test_a_collection_is_told_in_its_currency() -> None:
    zone = Zone("silence", assess=ALL_FUNDS)
    made, keys = sale(zone, collected=True)
    zone.tick(1000)
    (funds,) = of(views.COLLECTION_MATCHED, zone)
    assert (funds.declaration, funds.currency) == (keys["declaration"], made.collection.head.currency)
    assert (amount(funds.amount), funds.transaction) == (amount(made.collection.head.charge), made.collection.head.payNo)


def test_a_foreign_collection_is_held_against_the_threshold_by_the_rate_and_told_without_one() -> None:
    for rates, count in (({}, 1), ({"502": "7"}, 0)):
        reference = Reference()
        for code, cny in rates.items():
            reference.put(ReferenceRecord("exchange", code, 1, "2020-01-01", value={"cny": cny}), 0)
        zone = Zone("silence", references=reference, assess=AssessSettings(forex_threshold=amount("1000000")))
        zone.tick(1000)
        made = samples.export_set(1, at=zone.now, collected=True)
        collected = msgspec.structs.replace(made.collection, head=msgspec.structs.replace(made.collection.head, currency="502"))
        send(zone, made._replace(collection=collected))
        zone.tick(1000)
        assert len(of(views.COLLECTION_MATCHED, zone)) == count


def test_the_year_list_has_whoever_passes_a_limit_once() -> None:
    world = World()
    for number, value in enumerate(("179999", "2", "10000", "10000", "10000")):
        traded = Traded(
            f"declaration/D:{number}", NOON, "export", amount(value), "502", new=False, level="green", platform="P", office="2900"
        )
        world.handle("observe", b"M", codec.pack(traded))
    found = [view for _, view in told(world, "forex", views.YEAR_PASSED)]
    assert [(one.enterprise, one.year, one.limit, one.dollars) for one in found] == [
        ("M", 2026, 180_000, 180_001),
        ("M", 2026, 200_000, 200_001),
    ]


# ---- market supervision and commerce -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("list_", "entry"), [("recalls", {"instrument": "SAMR 1 of 2026"}), ("brands", {"merchants": ["another"]})])
def test_goods_on_a_list_are_told_with_where_to_find_them(list_: str, entry: dict[str, Any]) -> None:
    name = samples.declaration_set(1, at=NOON).declaration.list[0].gname
    reference = Reference()
    reference.put(ReferenceRecord("list", list_, 1, "2026-01-01", value={"entries": [{"name": "it", "terms": [name], **entry}]}), 0)
    zone = Zone("silence", references=reference)
    zone.tick(1000)
    made, key, _ = sold_silently(zone)
    head = made.declaration.head
    found = of(views.GOODS_FOUND, zone)
    assert [(one.declaration, one.list, one.entry) for one in found][:1] == [(key, list_, "it")]
    assert (found[0].waybill, found[0].carrier, found[0].merchant) == (head.logisticsNo, head.logisticsCode, head.ebcCode)
    assert found[0].goods
    assert found[0].instrument == entry.get("instrument", "")


def test_goods_on_no_list_are_nobodys_business() -> None:
    zone = Zone()
    sold(zone)
    assert told(zone.world, "market") == []
    assert told(zone.world, "commerce") == []


@pytest.mark.parametrize(("grade", "heard"), [("BB", ["market", "commerce"]), ("AAA", ["commerce"])])
def test_market_supervision_hears_of_watch_and_worse_and_commerce_of_every_change(grade: str, heard: list[str]) -> None:
    reference = Reference()
    world = World(references=reference)
    value = {"grade": grade, "confirmed_by": "office", "confirmed_on": "2026-06-01", "recorded_by": "office"}
    reference.put(ReferenceRecord("credit", "M~zone", 1, "2026-01-01", value=value), 0)
    world.tick()
    world.handle("observe", b"M", codec.pack(Reviewed(world.now.at)))
    world.tick(10_000)
    told_to = [name for name in ("market", "commerce") if told(world, name, views.RECLASSIFIED)]
    assert told_to == heard
    ((_, change),) = told(world, "commerce", views.RECLASSIFIED)
    assert (change.enterprise, change.before, change.after) == ("M", 3, 4 if grade == "BB" else 1)
    assert [reason.source for reason in change.new] == ["zone"]


def test_each_use_of_a_permit_is_told_with_what_is_used_so_far() -> None:
    world, documents = a_world(), four()
    hand_in(world, *documents.values())
    ((_, use),) = told(world, "commerce", views.PERMIT_USED)
    assert (use.control, use.number, use.quantity, use.used) == ("6A002", "XK1", "1", "1")


# ---- all of them ---------------------------------------------------------------------------------------------------------


def test_no_person_is_in_what_authorities_are_told() -> None:
    zone = Zone(assess=ALL_FUNDS)
    made, _, _ = sold(zone)
    closed(zone, (1,))
    zone.settle(40)
    persons = {
        str(getattr(document.head, name))
        for document in made
        for name in ("buyerName", "buyerIdNumber", "buyerTelephone", "consignee", "consigneeTelephone", "consigneeAddress",
                     "payerName", "payerIdNumber", "telephone")
        if getattr(document.head, name, None)
    }  # fmt: skip
    assert len(persons) > 3
    values = [value.decode() for name in views.VIEWS for _, value, _ in zone.world.published.get(topics.out(name), ())]
    assert values
    assert [person for person in persons for value in values if person in value] == []


_PARTIES = {"ebpCode", "ebcCode", "agentCode", "copNo"}
#: What of the documents' fields each authority is told, in this test's own words: nothing else of a document is in its topic.
TOLD = {
    "tax": _PARTIES | {"gcode", "totalPrice", "ieDate", "orderNo"},
    "forex": _PARTIES | {"amountPaid", "payCode", "payTransactionId"},
    "market": _PARTIES | {"gcode", "gname", "logisticsCode", "logisticsNo"},
    "commerce": _PARTIES,
}


def test_an_authority_is_told_of_a_document_what_is_its_business_and_nothing_else() -> None:
    reference = Reference()
    entry = {"name": "it", "terms": [samples.declaration_set(1, at=NOON).declaration.list[0].gname], "instrument": "SAMR 1 of 2026"}
    reference.put(ReferenceRecord("list", "recalls", 1, "2026-01-01", value={"entries": [entry]}), 0)
    zone = Zone(references=reference, assess=ALL_FUNDS)
    zone.tick(1000)
    imported, _, _ = sold(zone)
    exported, _, _ = closed(zone, (1,))
    zone.settle(40)
    named: dict[str, set[str]] = {}  # what stands in a document → the fields it stands in
    for document in [*imported, *[one for made in exported for one in made if one is not None]]:
        for part in (document.head, *getattr(document, "list", ())):
            for name in part.__struct_fields__:
                said = getattr(part, name)
                if isinstance(said, str) and len(said) >= 6:
                    named.setdefault(said, set()).add(name)
    assert len(named) > 40
    for authority, may in TOLD.items():
        records = zone.world.published.get(topics.out(authority), ())
        assert records
        shown = [fields for said, fields in named.items() if any(said in value.decode() for _, value, _ in records)]
        assert [fields for fields in shown if not fields & may] == [], authority
        assert may <= set().union(*shown), authority
        for _, value, headers in records:
            if dict(headers)["ce_type"].startswith(b"hub.alert."):
                alert = codec.alert(value)
                assert {authority} & {*alert.agency, *alert.handling.shared}, (authority, alert)


@pytest.mark.parametrize("authority", views.VIEWS)
def test_each_type_and_field_is_on_the_authoritys_page(authority: str) -> None:
    page = Path(f"docs/reference/authorities/{authority}.md").read_text(encoding="utf-8")
    named = {*views.VIEWS[authority]}
    elsewhere = "market.md" in page  # fields are told once
    for type_ in views.VIEWS[authority].values():
        if not (elsewhere and type_ is views.Reclassified):
            named |= set(type_.__struct_fields__)
    for name, type_ in NOTICES.items():
        if authority_of(name) == authority:
            named |= {name, *type_.__struct_fields__}
    assert [name for name in named if f"`{name}`" not in page] == []

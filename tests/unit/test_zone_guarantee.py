"""A guarantor's balance, from the door to customs and back: who is told what, and when it fits again."""

from __future__ import annotations

import msgspec

from adapters.authorities.customs.scenario import Choice, Flow, Scenario, Step, Times
from hub import codec, topics
from hub.domain.events import EXPECTED, FREED, Alert, Burden, Tick
from hub.domain.faults import kind_of
from hub.domain.money import amount, text
from hub.domain.reference import Reference, ReferenceRecord, decode
from schemas import samples
from streams.api import Record
from streams.stages.ledger import Ledger, LedgerSettings, LedgerState
from streams.stages.register import RegisterSettings
from tests.support.stage_harness import NOON
from tests.support.zone import WHO, Zone

FOUR = ("CEB311", "CEB411", "CEB511", "CEB621")
GUARANTOR = WHO.merchant


def zone_with(guarantee: str, scenario: Scenario | str = "release", **settings: RegisterSettings) -> Zone:
    """A zone in which the merchant's guarantee has this amount; nothing is known where it is empty."""
    reference = Reference()
    if guarantee:
        put(reference, guarantee)
    return Zone(scenario, references=reference, **settings)


def put(reference: Reference, guarantee: str, version: int = 1) -> None:
    value = {"amount": guarantee, "currency": "142", "office": "2900"}
    reference.put(ReferenceRecord("guarantee", GUARANTOR, version, "2026-01-01", value=value), 0)


def tax_of(number: int) -> int:
    return amount(samples.declaration_set(number).order.head.taxTotal)


def send(zone: Zone, number: int) -> str:
    """Hand in a sale; the register key of its declaration."""
    made = samples.declaration_set(number, at=zone.now)
    return [zone.send(type_, document)[0] for type_, document in zip(FOUR, made, strict=True)][3]


def alerts(zone: Zone, rule: str = "hub.guarantee") -> list[Alert]:
    return [alert for alert in zone.world.alerts() if alert.rule == rule]


def told(zone: Zone, key: str) -> list[str]:
    return [fault.code for fault in zone.status(key).differences]


def burden(zone: Zone) -> int:
    return zone.world.guarantor(GUARANTOR).burden


def flow(*steps: Step, **times: int) -> Scenario:
    return Scenario(flow={"one": Flow(steps=steps)}, choose=(Choice(flow="one"),), times=Times(**times))


def after_first(first: tuple[Step, ...], others: tuple[Step, ...]) -> Scenario:
    """Customs does one thing with the first sale and another with all others."""
    choose = (Choice(flow="first", where={"orderNo": "DD00000000000001"}), Choice(flow="others"))
    return Scenario(flow={"first": Flow(steps=first), "others": Flow(steps=others)}, choose=choose)


RELEASED = (Step("2"), Step("120", after=10), Step("800", after=60))
STORED = (Step("2"), Step("120", after=10))
REFUSED = (Step("2"), Step("100", after=30, info="[Code:1311;Desc:担保金额不足]"))
REFUSES = flow(*REFUSED)


def test_a_sale_whose_tax_does_not_fit_hears_of_it_before_customs_answers() -> None:
    zone = zone_with(text(tax_of(1) + tax_of(2) - 1))
    first, second = send(zone, 1), send(zone, 2)
    assert told(zone, first) == []
    assert zone.status(second).code == "", "customs has not even got it"
    assert zone.told(second) == ["guarantee exhausted"]
    assert told(zone, second) == ["ledger.guarantee"]
    fault = zone.status(second).differences[0]
    assert (fault.ceb_code, fault.path) == ("1311", "assureCode")
    assert GUARANTOR in fault.message
    assert GUARANTOR in fault.message_zh
    assert zone.status(second).facts["guarantee"] == "exhausted"
    kind = kind_of("ledger.guarantee")
    assert kind.remedy
    assert kind.remedy_zh
    assert not kind.status


def test_no_amount_of_the_guarantor_is_shown_to_the_declarant() -> None:
    zone = zone_with("1.23")
    status = zone.status(send(zone, 1))
    shown = msgspec.json.encode((status.differences, status.timeline, status.facts)).decode()
    assert "1.23" not in shown


def test_officers_are_alarmed_once_for_each_crossing() -> None:
    whole = sum(tax_of(number) for number in range(1, 6))
    zone = zone_with(text(whole))
    for number in range(1, 6):
        send(zone, number)
    assert [a.severity for a in alerts(zone)] == ["yellow", "red"]
    last = alerts(zone)[1]
    assert (last.family, last.agency, last.enterprises, last.office) == ("economic", ("customs", "tax"), (GUARANTOR,), "2900")
    assert last.evidence == {
        "guarantor": GUARANTOR, "burden": text(whole), "guarantee": text(whole), "percent": "100", "declarations": "5",
    }  # fmt: skip
    assert len({a.id for a in alerts(zone)}) == 2
    send(zone, 6)
    assert len(alerts(zone)) == 2


def test_after_summarising_it_fits_again_and_a_new_crossing_alarms_anew() -> None:
    zone = zone_with(text(tax_of(1)))
    send(zone, 1)
    second = send(zone, 2)
    assert len(alerts(zone)) == 1
    zone.settle()
    assert zone.status(second).code == "899", "customs knows better"
    assert told(zone, second) == [], "and what it let pass is not held against anybody"
    assert burden(zone) == tax_of(1) + tax_of(2), "the bills ask for it until they are summarised"
    zone.days(40)
    assert burden(zone) == 0
    assert zone.world.guarantor(GUARANTOR).declarations == 0
    assert told(zone, send(zone, 4)) == []
    assert len(alerts(zone)) == 1
    assert told(zone, send(zone, 7)) == ["ledger.guarantee"]
    assert [a.severity for a in alerts(zone)] == ["red", "red"]
    assert len({a.id for a in alerts(zone)}) == 2


def test_a_void_bill_frees_and_the_sale_that_waits_hears_that_it_fits() -> None:
    zone = zone_with(text(tax_of(1)), after_first(RELEASED, STORED))
    made = samples.declaration_set(1, at=zone.now)
    first = send(zone, 1)
    zone.settle()
    second = send(zone, 2)
    zone.settle()
    assert zone.status(second).code == "120"
    assert told(zone, second) == ["ledger.guarantee"], "stored is not decided"
    number = zone.status(first).numbers["invtNo"]
    zone.send("CEB625", samples.returned(made.declaration, number, at=zone.now))
    zone.settle()
    assert zone.status(first).facts["taxStatus"] == "3"
    assert told(zone, second) == []
    assert zone.told(second)[-1] == "guarantee sufficient"
    assert "guarantee" not in zone.status(second).facts
    assert burden(zone) == tax_of(2)


def test_what_is_rejected_withdrawn_cancelled_or_expired_burdens_nobody() -> None:
    zone = zone_with("", flow(Step("2"), Step("100", after=30)))
    send(zone, 1)
    assert burden(zone) == tax_of(1)
    zone.settle()
    assert burden(zone) == 0
    zone = zone_with("", "silence")
    made = samples.declaration_set(1, at=zone.now)
    send(zone, 1)
    head = msgspec.structs.replace(made.declaration.head, appType="3", appTime="20260601130000")
    zone.send("CEB621", msgspec.structs.replace(made.declaration, head=head))
    assert burden(zone) == 0
    zone = zone_with("", flow(*STORED))
    key = send(zone, 1)
    zone.settle()
    assert burden(zone) == tax_of(1)
    number = zone.status(key).numbers["invtNo"]
    zone.send("CEB623", samples.cancellation(made.declaration, number, at=zone.now))
    zone.settle()
    assert burden(zone) == 0


def test_the_bill_replaces_what_was_expected() -> None:
    zone = zone_with("")
    key = send(zone, 1)
    zone.settle()
    (bill,) = zone.world.register_states()[key].more.owed.values()  # type: ignore[union-attr]
    assert zone.status(key).facts["tax"] == text(bill)
    assert burden(zone) == bill
    number = zone.status(key).numbers["invtNo"]
    zone.receive(
        "CEB816", guid="7" * 36, returnTime="20260601190000000", invtNo=number, taxNo=f"{number}_1", customsTax="0",
        valueAddedTax="7.5", consumptionTax="0", status="1",
    )  # fmt: skip
    assert burden(zone) == bill + amount("7.5"), "bills of one declaration add up"


def test_a_bill_may_name_another_guarantor() -> None:
    zone = zone_with("", flow(*RELEASED, tax_bill=0))
    key = send(zone, 1)
    zone.settle()
    number = zone.status(key).numbers["invtNo"]
    zone.receive(
        "CEB816", guid="7" * 36, returnTime="20260601190000000", invtNo=number, taxNo=f"{number}_0", customsTax="0",
        valueAddedTax="7.5", consumptionTax="0", status="1", assureCode="9901D00099",
    )  # fmt: skip
    assert burden(zone) == 0
    other = zone.world.guarantor("9901D00099")
    assert (other.burden, other.declarations) == (amount("7.5"), 1)


def test_what_has_no_bill_by_day_45_is_awaited_no_more() -> None:
    zone = zone_with("", flow(*RELEASED, tax_bill=0))
    key = send(zone, 1)
    zone.settle()
    lines = zone.told(key)
    zone.days(44)
    assert burden(zone) == tax_of(1)
    zone.days(1.1)
    assert burden(zone) == 0
    assert zone.told(key) == lines, "nobody is told"


def test_a_summarised_bill_burdens_until_day_45_where_the_setting_says_so() -> None:
    zone = zone_with("", register=RegisterSettings(summarised_frees=False))
    key = send(zone, 1)
    zone.settle()
    zone.days(40)
    assert zone.status(key).facts["taxStatus"] == "2"
    assert burden(zone) == tax_of(1)
    zone.days(5.1)
    assert burden(zone) == 0


def test_what_register_forgets_burdens_nobody() -> None:
    never = flow(*RELEASED, tax_summarised=0)
    zone = zone_with("", never, register=RegisterSettings(keep=60 * topics.DAY_MS))
    send(zone, 1)
    zone.settle()
    zone.days(50)
    assert burden(zone) == tax_of(1), "overdue is not paid"
    zone.days(11)
    assert burden(zone) == 0
    assert zone.world.guarantor(GUARANTOR).declarations == 0


def test_customs_refusing_for_want_of_guarantee_where_the_hub_sees_room_is_alarmed_and_told_to_the_next() -> None:
    zone = zone_with("1000000", REFUSES)
    first = send(zone, 1)
    zone.settle()
    assert zone.status(first).code == "100"
    (alert,) = alerts(zone, "hub.guarantee-differs")
    assert (alert.severity, alert.declaration, alert.evidence["guarantee"]) == ("yellow", first, "1000000")
    again = send(zone, next(n for n in range(2, 50) if tax_of(n) >= tax_of(1)))
    assert told(zone, again) == ["ledger.guarantee"]
    smaller = send(zone, next(n for n in range(2, 50) if 0 < tax_of(n) < tax_of(1)))
    assert told(zone, smaller) == [], "less may fit"
    zone.settle()
    assert len(alerts(zone, "hub.guarantee-differs")) == 1, "once a day"


def test_a_tax_bill_shows_that_customs_has_room_again() -> None:
    zone = zone_with("1000000", after_first(REFUSED, RELEASED))
    send(zone, 1)
    zone.settle()
    assert zone.world.guarantor(GUARANTOR).refused == tax_of(1)
    second = send(zone, 3)
    assert told(zone, second) == ["ledger.guarantee"]
    zone.settle()
    assert zone.world.guarantor(GUARANTOR).refused == 0
    assert told(zone, second) == []


def test_a_refusal_the_hub_foresaw_alarms_no_difference() -> None:
    zone = zone_with("0.01", REFUSES)
    send(zone, 1)
    zone.settle()
    assert alerts(zone, "hub.guarantee-differs") == []


def test_without_a_guarantee_nothing_is_watched_but_the_burden_is_known_when_it_comes() -> None:
    zone = zone_with("", "silence")
    first = send(zone, 1)
    assert (told(zone, first), alerts(zone)) == ([], [])
    put(zone.world.references, text(tax_of(1) + 1))
    second = send(zone, 2)
    assert told(zone, second) == ["ledger.guarantee"]
    assert [a.severity for a in alerts(zone)] == ["red"], "the gravest crossing alone"


def test_more_guarantee_makes_room() -> None:
    zone = zone_with("0.01", "silence")
    first = send(zone, 1)
    assert told(zone, first) == ["ledger.guarantee"]
    put(zone.world.references, "100000", version=2)
    send(zone, 2)
    assert told(zone, first) == []
    assert zone.told(first)[-1] == "guarantee sufficient"


def found(zone: Zone, key: str) -> list[str]:
    return [f.rule for made in zone.world.assessments() if made.declaration == key for f in made.findings]


def test_while_a_guarantee_is_used_up_the_next_declarations_are_reviewed() -> None:
    zone = zone_with(text(tax_of(1)))
    assert "R24" not in found(zone, send(zone, 1))
    assert "R24" in found(zone, send(zone, 2))
    zone.settle()
    zone.days(40)
    assert burden(zone) == 0
    assert "R24" not in found(zone, send(zone, 4)), "its tax is paid"


def test_a_flag_is_taken_down_at_most_once_a_day() -> None:
    stage = Ledger(_guarantee("100"))
    state: LedgerState | None = None
    flags: list[int] = []
    for number in range(1, 21):
        event = Burden("declaration/1", number, amount("100") if number % 2 else 0, EXPECTED if number % 2 else FREED, NOON)
        step = stage.handle(state, Record(GUARANTOR.encode(), codec.pack(event), (), number), Tick(NOON, 0))
        assert step is not None
        assert isinstance(step.state, LedgerState)
        state = step.state
        flags += [decode(o.value).value["count"] for o in step.outputs if o.topic == topics.REFERENCE and o.value]
    assert flags == [1, 0, 1]
    again = stage.handle(state, Record(GUARANTOR.encode(), codec.pack(Burden("declaration/1", 21, 0, FREED, NOON)), (), 21), Tick(NOON + 86_400_000, 0))
    assert again is not None
    [flag] = [decode(o.value) for o in again.outputs if o.topic == topics.REFERENCE and o.value]
    assert (flag.version, flag.value["count"]) == (4, 0)


def test_a_guarantor_that_is_forgotten_leaves_its_flag_down_and_its_versions_known() -> None:
    stage = Ledger(_guarantee("100"))
    event = Burden("declaration/1", 1, amount("100"), EXPECTED, NOON)
    step = stage.handle(None, Record(GUARANTOR.encode(), codec.pack(event), (), 1), Tick(NOON, 0))
    assert step is not None
    assert isinstance(step.state, LedgerState)
    fired = stage.fire(step.state, GUARANTOR.encode(), Tick(NOON + LedgerSettings().keep, 0))
    assert fired.state == LedgerState(version=2)
    assert [decode(o.value).value["count"] for o in fired.outputs if o.value] == [0]


def _guarantee(yuan: str) -> Reference:
    data = Reference()
    put(data, yuan)
    return data

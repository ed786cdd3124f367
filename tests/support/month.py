"""A month of trade through the zone in memory, out of a seed: most of it honest, some of it not in order."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from hub import codec, topics
from hub.domain.events import Assessment, Matched
from hub.domain.reference import Reference, ReferenceRecord
from hub.rules.engine import RuleSet
from schemas import samples
from tests.support.zone import Zone

_FOUR = ("CEB311", "CEB411", "CEB511", "CEB621")
_DAY = topics.DAY_MS
#: What one sale in three is wrong in: single fields, or a document that never comes.
_WRONG: tuple[dict[str, str | None], ...] = (
    {"payment.payerName": "别人", "payment.payerIdNumber": "990000199001010002"},
    {"declaration.buyerTelephone": "13900000009"},
    {"declaration.list.0.qty": "7"},
    {"order.taxTotal": "0"},
    {"declaration.list.0.gcode": "9999999999"},
    {"declaration.freight": "5000"},
)


class Month(NamedTuple):
    """The zone afterwards, and what assess was given: assessment id → what it was made of."""

    zone: Zone
    matched: dict[str, Matched]

    @property
    def assessments(self) -> list[Assessment]:
        """Every assessment in the order of their making."""
        return self.zone.world.assessments()


def rates(reference: Reference) -> None:
    """A rate for every good of the samples, as reference data."""
    codes = {line.gcode for n in range(60) for line in samples.declaration_set(n).declaration.list}
    for offset, code in enumerate(sorted(filter(None, codes))):
        value = {"vat": "0.13", "ct": "0", "duty": "0.1"}
        reference.put(ReferenceRecord("rate", code, 1, "2016-04-08", value=value), offset)


def a_month(seed: int, sales: int = 40, rules: RuleSet | None = None, reference: Reference | None = None) -> Month:
    """``sales`` import sales and some export sales of few people over 30 days, a tenth of them changed later."""
    draw = Random(seed)
    reference = reference or Reference()
    rates(reference)
    zone = Zone(references=reference, rules=rules)
    matched: dict[str, Matched] = {}
    handle = zone.world.handle

    def noted(stage: str, key: bytes, value: bytes) -> None:
        if stage == "assess" and isinstance(event := codec.assess_event(value), Matched):
            matched[f"{event.declaration_key}@{event.revision}.{event.match}"] = event
        handle(stage, key, value)

    zone.world.handle = noted  # type: ignore[method-assign]  # to look at what goes by
    for number in range(1, sales + 1):
        _sale(zone, draw, number)
        zone.tick(draw.randrange(2 * 30 * _DAY // sales))
        if draw.random() < 0.3:
            zone.settle(2)
    zone.days(8)
    return Month(zone, matched)


def _sale(zone: Zone, draw: Random, number: int) -> None:
    if draw.random() < 0.15:
        sold = samples.export_set(number, at=zone.now)
        for type_, document in (("CEB303", sold.order), ("CEB505", sold.waybill), ("CEB603", sold.declaration)):
            zone.send(type_, document)
        return
    wrong = draw.choice(_WRONG) if draw.random() < 0.33 else {}
    made = samples.declaration_set(number, buyers=3, at=zone.now, overrides=wrong)
    left_out = draw.randrange(3) if draw.random() < 0.1 else -1
    for place, (type_, document) in enumerate(zip(_FOUR, made, strict=True)):
        if place != left_out:
            zone.send(type_, document)
    if draw.random() < 0.1:
        zone.tick(1000)
        again = samples.declaration_set(number, buyers=3, at=zone.now, overrides={"declaration.appType": "2"})
        zone.send("CEB621", again.declaration)

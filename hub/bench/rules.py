"""What it costs to assess a declaration, rule by rule: CPU µs, on the sales the benchmark sends.

``python -m hub.bench.rules [--json] [REFERENCE FILE…]`` prints the table. Each rule is measured alone, with what it reads;
then all together; the assessment, with selection and orders, which is held against the target; and the whole stage: its event decoded,
its state made, and what register, watch, observe and the public topics are told. Neither Kafka nor Faust.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

from hub import codec
from hub.domain.events import Matched, Tick
from hub.domain.keys import china_day
from hub.domain.money import amount
from hub.domain.orders import Orders
from hub.domain.reference import Reference
from hub.domain.screening import Screens
from hub.domain.standing import Standings
from hub.domain.views import Viewer
from hub.infra.participants import demo_records
from hub.infra.reference_files import read
from hub.rules.api import Case
from hub.rules.engine import RuleSet, ruleset
from schemas import samples
from streams.api import Record
from streams.stages.assess import Assess, assess

#: Declarations measured in one go, how often, and the moment they are received.
DECLARATIONS, ROUNDS, AT = 2_000, 5, samples.DEFAULT_AT
#: At most so much an assessment, all rules in force.
TARGET_US = 60.0


class Cost(msgspec.Struct, frozen=True):
    """CPU µs a declaration of one rule (its code) or of one step."""

    what: str
    us: float
    title: str = ""


def events(count: int = DECLARATIONS) -> list[Matched]:
    """What match makes of the benchmark's sales."""
    viewer = Viewer(lambda text: blake2b(text.encode(), digest_size=9, key=b"bench").hexdigest())
    return [_matched(viewer, number) for number in range(1, count + 1)]


def _matched(viewer: Viewer, number: int) -> Matched:
    made = samples.declaration_set(number, at=AT)
    head = made.declaration.head
    value = sum(amount(line.totalPrice) for line in made.declaration.list) + amount(head.freight) + amount(head.insuredFee)
    return Matched(
        f"declaration/{head.agentCode}:{head.copNo}", 1, 1, AT, "agent", viewer.person(head.buyerIdNumber), value,
        viewer.declaration(made.declaration), viewer.order(made.order), viewer.payment(made.payment),
        viewer.waybill(made.waybill), dict.fromkeys(("order", "payment", "waybill"), "here"), (), f"{number:08x}",
        f"s{number}", "DXPENT0000990001", AT,
    )  # fmt: skip


def reference(files: Sequence[Path] = ()) -> Reference:
    """The demo's reference data, and that of files."""
    known = Reference()
    for offset, record in enumerate([*demo_records([]), *(record for file in files for record in read(file))]):
        known.put(record, offset)
    return known


def costs(known: Reference, rules: RuleSet | None = None, count: int = DECLARATIONS, rounds: int = ROUNDS) -> list[Cost]:
    """Every rule in force alone, in the order of codes; then the case, all rules, and the stage as ``stage``."""
    rules = rules or ruleset()
    matched, tick = events(count), Tick(AT, known.reached)
    day = china_day(AT)
    make = partial(_cases, matched, known)
    found = [
        Cost(rule.code, _least(partial(_check, rule.module.check), make, rounds), rule.title)
        for rule in rules.in_force(day)
    ]
    records = [codec.pack(event) for event in matched]
    stage = Assess(known, rules, draw=_lot)
    return [
        *found,
        Cost("case", _least(lambda events: _cases(events, known), lambda: matched, rounds), "making the case"),
        Cost("rules", _least(partial(_each, rules.apply), make, rounds), "all rules together, with the verdict"),
        Cost("assess", _least(partial(_assess, known, rules, tick), lambda: matched, rounds), f"the whole assessment, target {TARGET_US:.0f}"),
        Cost("stage", _least(partial(_handle, stage, tick), lambda: records, rounds), "with its event, state and records"),
    ]


def _cases(matched: Sequence[Matched], known: Reference) -> list[Case]:
    # What a stage keeps from declaration to declaration.
    standings, screens = Standings(known), Screens(known)
    return [
        Case(
            declaration=event.declaration, order=event.order, payment=event.payment, waybill=event.waybill,
            day=china_day(event.received_at), value=event.value, states=event.states, differences=(), buyer=event.buyer,
            allowance_used=0, references=known, offset=known.reached, settings={"reject_over_allowance": True},
            standings=standings, screens=screens, at=event.received_at, now=event.at, key=event.declaration_key,
        )
        for event in matched
    ]  # fmt: skip


def _check(check: Callable[[Case], Any], cases: list[Case]) -> None:
    for case in cases:
        list(check(case))


def _each(what: Callable[[Any], Any], items: list[Any]) -> None:
    for item in items:
        what(item)


def _assess(known: Reference, rules: RuleSet, tick: Tick, matched: list[Matched]) -> None:
    make = partial(Case, standings=Standings(known), screens=Screens(known), orders=Orders(known), draw=_lot)
    for event in matched:
        assess(event, tick, 0, known, rules, make=make)


def _handle(stage: Assess, tick: Tick, records: list[bytes]) -> None:
    for value in records:
        stage.handle(None, Record(key=b"buyer", value=value, offset=0, headers=()), tick)


def _lot(about: str) -> int:
    """What the vault does, with a key of no secret."""
    return int.from_bytes(blake2b(about.encode(), key=b"bench", digest_size=8, person=b"lot").digest()) % 100_000


def _least(work: Callable[[Any], Any], given: Callable[[], Any], rounds: int) -> float:
    """The least CPU µs an item of several rounds, each on things made anew."""
    least = float("inf")
    for _ in range(rounds):
        items = given()
        began = time.process_time()
        work(items)
        least = min(least, (time.process_time() - began) / len(items))
    return least * 1e6


def table(found: list[Cost]) -> list[str]:
    """The lines of the table."""
    lines = [f"{'':8} {'CPU, µs':>8}   a declaration of the benchmark's sales"]
    return lines + [f"{cost.what:8} {cost.us:8.2f}   {cost.title}" for cost in found]


def main(arguments: list[str]) -> int:
    """Print the table, or with ``--json`` a line of JSON a figure; 1 where the assessment is over the target."""
    found = costs(reference([Path(name) for name in arguments if name != "--json"]))
    lines = [msgspec.json.encode(cost).decode() for cost in found] if "--json" in arguments else table(found)
    for line in lines:
        print(line)
    return int(next(cost.us for cost in found if cost.what == "assess") > TARGET_US)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

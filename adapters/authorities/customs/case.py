"""One document on the sandbox customs' desk, and what every procedure does with it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from adapters.authorities.customs import checks, receipts
from adapters.authorities.customs.facts import Facts
from adapters.authorities.customs.receipts import Planned
from adapters.authorities.customs.scenario import Flow, Scenario, Step
from adapters.authorities.customs.store import NOTED, REJECTED, TAKEN, WAITING, Row, Store
from adapters.authorities.customs.uploads import TAX_BILL, TAX_BILL_STATUS, Refusals, upload
from hub.domain.kinds import DECLARATION

#: With customs' own word for why; the code is the one real receipts carry for "try again later", no other is known.
_MISSING = checks.coded(1301, "三单信息不齐")
_PARTS_MISSING = checks.coded(1301, "拆分报文不齐")


class Case(NamedTuple):
    """A document that its own state does not refuse, at a moment (ms); ``note``: the key for what is only said."""

    store: Store
    scenario: Scenario
    found: Facts
    now: int
    note: str

    @property
    def flow(self) -> Flow:
        """What the scenario has for the document."""
        return self.flow_of(self.found)

    @property
    def codes(self) -> Refusals:
        """With what such a document is refused."""
        return upload(self.found.type).refusals

    def flow_of(self, facts: Facts) -> Flow:
        """What the scenario has for any document."""
        side = "export" if facts.export else "import"
        return self.scenario.flow_of(facts.kind, facts.key, facts.head, side)

    def refuse(self, code: str, words: str) -> list[Row]:
        """Refuse the document: a new one may come again, what a change was to change stays as it was."""
        plan = [Planned(code, self.now, self.now, receipts.refused(self.found, words))]
        if self.found.app_type == "2":
            return [self.store.put(self.found, NOTED, self.now, plan, self.note)]
        return [self.store.put(self.found, REJECTED, self.now, plan)]

    def arrived(self, missing: Iterable[str] = (), flow: Flow | None = None) -> list[Planned]:
        """The plan of what is sent when the document comes in."""
        texts = {"2": receipts.accepted(self.found, missing)}
        return planned((flow or self.flow).arrival(), self.now, texts)

    def take(self) -> Row:
        """Take the document: it waits for nothing."""
        flow = self.flow
        plan = planned(flow.judgement(), self.now, {}, self.arrived(flow=flow))
        return self.store.put(self.found, TAKEN, self.now, plan)

    def wait(self, missing: Iterable[str] = ()) -> Row:
        """Keep it until the rest is there; where the scenario says so, not for ever."""
        flow = self.flow
        plan, after = self.arrived(missing, flow), flow.reject_missing_after
        if after:
            words = _PARTS_MISSING if "msgSeqNo" in self.found.head else _MISSING
            plan.append(Planned("100", self.now + after, self.now + after, words))
        return self.store.put(self.found, WAITING, self.now, plan)

    def move(self, row: Row, phase: str, steps: tuple[Step, ...], moment: int = 0) -> Row:
        """Go on with a document that something else has moved: its rejection for want of it is off."""
        kept = [p for p in row.plan if not rejects(p)]
        row.phase, row.plan = phase, self.with_tax(row.facts, planned(steps, moment or self.now, {}, kept))
        self.store.move(row)
        return row

    def with_tax(self, facts: Facts, plan: list[Planned]) -> list[Planned]:
        """The plan of an import declaration with the tax bill that follows release."""
        times = self.scenario.times
        if facts.kind != DECLARATION or facts.export or not times.tax_bill:
            return plan
        released = next((p for p in plan if p.status == "800" and not p.form), None)
        if released is None or any(p.form for p in plan):
            return plan
        return [*plan, *tax_plan(released.at + times.tax_bill, released.due, times.tax_summarised)]


def tax_plan(at: int, due: int, summarised: int) -> list[Planned]:
    """A tax bill made at ``at``, and its being summarised for payment."""
    plan = [Planned("1", at, max(at, due), "", 1, TAX_BILL)]
    if summarised:
        plan.append(Planned("2", at + summarised, at + summarised, "", 1, TAX_BILL_STATUS))
    return plan


def planned(
    steps: tuple[Step, ...], now: int, texts: dict[str, str], plan: list[Planned] | None = None
) -> list[Planned]:
    """``plan`` with the steps behind it, each receipt at least a millisecond after the one before."""
    plan = list(plan or ())
    last = max([p.at for p in plan if not p.form], default=now - 1)
    for step in steps:
        last = max(last + 1, now + step.after)
        info = step.info or texts.get(step.status, "")
        plan.append(Planned(step.status, last, last + step.late, info, step.times))
    return plan


def rejects(p: Planned) -> bool:
    """Whether a receipt turns its document down."""
    return not p.form and (p.status == "100" or p.status.startswith("-"))


def stands(row: Row) -> bool:
    """Whether customs has taken a document for good."""
    return row.phase == TAKEN and not any(rejects(p) for p in row.plan)

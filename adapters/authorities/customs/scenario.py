"""What the sandbox customs does with a document: a scenario, read from TOML.

A scenario has flows (the receipts of a document, in order) and choices (which flow for which documents). The first
choice that fits wins; a percentage is drawn by a keyed hash of the document's key, so that a repetition gives the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from adapters.authorities import scenarios
from adapters.authorities.customs.uploads import upload_kinds
from hub.domain.faults import Misconfigured
from hub.domain.kinds import DECLARATION

#: Statuses a document gets when it comes in; all others need the customs' own judgement first.
ON_ARRIVAL = frozenset({"1", "2", "3", "4"})
#: With the first of these begins what needs the goods themselves, with CLOSED what needs them gone (export).
_AT_HAND = frozenset({"500", "501", "502", "503", "505", "599", "600", "700", "800"})
CLOSED = "899"
#: What grants an application, where nothing turns it down.
_GRANTING = frozenset({"399", "800"})
_DAY = 86_400_000


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One receipt. ``after``: ms from arrival, or (120 and later) from the moment what it waits for is there.

    ``late`` ms later than its own time it is sent, so that receipts overtake each other; ``times`` it is sent;
    ``info`` instead of the usual text.
    """

    status: str
    after: int = 0
    late: int = 0
    times: int = 1
    info: str = ""


class Flow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The receipts of a document. ``reject_missing_after`` ms without what it waits for it is rejected (0: never)."""

    steps: tuple[Step, ...]
    reject_missing_after: int = 0

    def arrival(self) -> tuple[Step, ...]:
        """What is sent when the document comes in."""
        return tuple(step for step in self.steps if step.status in ON_ARRIVAL)

    def judgement(self) -> tuple[Step, ...]:
        """What is sent when the document has passed the checks."""
        return tuple(step for step in self.steps if step.status not in ON_ARRIVAL)

    def stored(self) -> tuple[Step, ...]:
        """Of the judgement, what does not need the goods at hand."""
        return self.judgement()[: self._first(_AT_HAND | {CLOSED})]

    def released(self) -> tuple[Step, ...]:
        """What is sent once the goods are at hand."""
        return self.judgement()[self._first(_AT_HAND | {CLOSED}) : self._first({CLOSED})]

    def closed(self) -> tuple[Step, ...]:
        """What is sent once they are gone."""
        return self.judgement()[self._first({CLOSED}) :]

    def grants(self) -> bool:
        """Whether an application with these receipts succeeds."""
        told = {step.status for step in self.steps}
        return bool(told & _GRANTING) and not any(status == "100" or status.startswith("-") for status in told)

    def _first(self, of: frozenset[str] | set[str]) -> int:
        steps = self.judgement()
        return next((n for n, step in enumerate(steps) if step.status in of), len(steps))


class Choice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``flow`` for ``percent`` of the documents of ``kind`` (of one ``side``: import, export; empty: both) whose head
    has the values in ``where``.
    """

    flow: str
    kind: str = DECLARATION
    side: Literal["", "import", "export"] = ""
    where: dict[str, str] = {}
    percent: float = 100.0


class Times(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Delays in ms that no document asks for.

    ``tax_bill``: from release (0: there are no tax bills); a real one came 4 ms later. ``tax_summarised``: from there,
    30 days in law (GACC 2018-194), here a second a day; 0: never. ``return_within``: of release, an import return may
    be applied for: 30 days (GACC 2020-45). ``summary_result``: from the summary's conclusion.
    """

    tax_bill: int = 4
    tax_summarised: int = 30_000
    return_within: int = 30 * _DAY
    summary_result: int = 2_000


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Flows by name and the choices among them. Documents without a choice get what is usual for their kind.

    ``ask_payment``: of that percentage of import declarations it stores (120) it asks the platform for the original payment data
    (announcement 179). ``warehouse_entry_for``: trade modes whose import declarations are released only once a CEB711 names their waybill.
    """

    flow: dict[str, Flow]
    choose: tuple[Choice, ...] = ()
    times: Times = Times()
    warehouse_entry_for: tuple[str, ...] = ()
    ask_payment: float = 0.0
    seed: str = ""
    about: str = ""

    def asks_payment(self, key: str) -> bool:
        """Whether the payment data of a declaration are asked for."""
        return self.ask_payment >= 100 or (self.ask_payment > 0 and scenarios.drawn(self.seed, _PAYMENT, key) < self.ask_payment)

    def flow_of(self, kind: str, key: str, head: Mapping[str, str], side: str = "import") -> Flow:
        """The flow for a document; ``head`` holds the fields choices may ask for."""
        for number, choice in enumerate(self.choose):
            if choice.kind != kind or any(head.get(name) != value for name, value in choice.where.items()):
                continue
            if choice.side and choice.side != side:
                continue
            if choice.percent >= 100 or scenarios.drawn(self.seed, number, key) < choice.percent:
                return self.flow[choice.flow]
        return _USUAL.get(kind, _STORED)


#: The number of the draw whose payment data are asked for: no choice has it.
_PAYMENT = -1
_STORED = Flow(steps=(Step("2"), Step("120", after=20)))
_CONCLUDED = Flow(steps=(Step("2"), Step("399", after=20)))
_GRANTED = Flow(steps=(Step("2"), Step("120", after=20), Step("399", after=60)))
_RETURNED = Flow(steps=(Step("2"), Step("120", after=20), Step("800", after=60)))
#: What kinds end with: real receipts of cancellations and returns, the statuses each receipt's table has.
_USUAL = {
    "cancellation": _GRANTED,
    "warehouse_entry": _GRANTED,
    "return": _RETURNED,
    "return_tally": _CONCLUDED,
    "arrival": _CONCLUDED,
    "departure": _CONCLUDED,
    "consolidation": _CONCLUDED,
    "summary": _CONCLUDED,
}


def bundled() -> tuple[str, ...]:
    """The names of the scenarios that come with the hub."""
    return scenarios.bundled(__package__)


def load(name: str) -> Scenario:
    """A bundled scenario by name, or one from a TOML file; raises Misconfigured with what is wrong."""
    scenario = scenarios.read(__package__, name, Scenario)
    kinds = upload_kinds()
    wrong = [f"scenario {name}: there is no flow {c.flow!r}" for c in scenario.choose if c.flow not in scenario.flow]
    wrong += [f"scenario {name}: there is no kind {c.kind!r}" for c in scenario.choose if c.kind not in kinds]
    if wrong:
        raise Misconfigured(wrong)
    return scenario

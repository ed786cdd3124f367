"""What the sandbox customs does with a document: a scenario, read from TOML.

A scenario has flows (the receipts of a document, in order) and choices (which flow for which documents). The first
choice that fits wins; a percentage is drawn by a keyed hash of the document's key, so that a repetition gives the same.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from hashlib import blake2b
from importlib import resources
from pathlib import Path

import msgspec

from hub.domain.faults import Misconfigured
from hub.domain.kinds import DECLARATION, KINDS

#: Statuses a document gets when it comes in; all others need the customs' own judgement first.
ON_ARRIVAL = frozenset({"1", "2", "3", "4"})


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One receipt. ``after``: ms from arrival, or (120 and later) from the moment all three documents are there.

    ``late`` ms later than its own time it is sent, so that receipts overtake each other; ``times`` it is sent;
    ``info`` instead of the usual text.
    """

    status: str
    after: int = 0
    late: int = 0
    times: int = 1
    info: str = ""


class Flow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The receipts of a document. ``reject_missing_after`` ms without all three documents it is rejected (0: never)."""

    steps: tuple[Step, ...]
    reject_missing_after: int = 0

    def arrival(self) -> tuple[Step, ...]:
        """What is sent when the document comes in."""
        return tuple(step for step in self.steps if step.status in ON_ARRIVAL)

    def judgement(self) -> tuple[Step, ...]:
        """What is sent when the document has passed the checks."""
        return tuple(step for step in self.steps if step.status not in ON_ARRIVAL)


class Choice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``flow`` for ``percent`` of the documents of ``kind`` whose head has the values in ``where``."""

    flow: str
    kind: str = DECLARATION
    where: dict[str, str] = {}
    percent: float = 100.0


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Flows by name and the choices among them. Documents without a choice are stored: 2, 120."""

    flow: dict[str, Flow]
    choose: tuple[Choice, ...] = ()
    seed: str = ""
    about: str = ""

    def flow_of(self, kind: str, key: str, head: Mapping[str, str]) -> Flow:
        """The flow for a document; ``head`` holds the fields choices may ask for."""
        for number, choice in enumerate(self.choose):
            if choice.kind != kind or any(head.get(name) != value for name, value in choice.where.items()):
                continue
            if choice.percent >= 100 or self._drawn(number, key) < choice.percent:
                return self.flow[choice.flow]
        return _STORED

    def _drawn(self, number: int, key: str) -> float:
        """A number from 0 to 100, the same for the same choice and key."""
        digest = blake2b(key.encode(), digest_size=4, key=f"{self.seed}/{number}".encode()[:64]).digest()
        return int.from_bytes(digest) * 100 / (1 << 32)


_STORED = Flow(steps=(Step("2"), Step("120", after=20)))


def bundled() -> tuple[str, ...]:
    """The names of the scenarios that come with the hub."""
    folder = resources.files(__package__) / "scenarios"
    return tuple(sorted(entry.name[:-5] for entry in folder.iterdir() if entry.name.endswith(".toml")))


def load(name: str) -> Scenario:
    """A bundled scenario by name, or one from a TOML file; raises Misconfigured with what is wrong."""
    if name in bundled():
        text = (resources.files(__package__) / "scenarios" / f"{name}.toml").read_text("utf-8")
    elif Path(name).is_file():
        text = Path(name).read_text("utf-8")
    else:
        raise Misconfigured([f"there is no scenario {name!r}; bundled are {', '.join(bundled())}, or name a TOML file"])
    try:
        scenario = msgspec.convert(tomllib.loads(text), Scenario)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise Misconfigured([f"scenario {name}: {error}"]) from error
    wrong = [f"scenario {name}: there is no flow {c.flow!r}" for c in scenario.choose if c.flow not in scenario.flow]
    wrong += [f"scenario {name}: there is no kind {c.kind!r}" for c in scenario.choose if c.kind not in KINDS]
    if wrong:
        raise Misconfigured(wrong)
    return scenario

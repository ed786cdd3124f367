"""Measures the rules on a made-up month: which planted schemes they find, and whom else they suspect.

``python -m hub.bench.month --seed 7``: the month of :mod:`hub.bench.traffic` goes through the stages in one process, without
broker and network, at the times of the month; then, for each scheme, how many of its declarations were assessed yellow or worse
(recall), how many of its doings were noticed at all, and how many of those whom its rules hit belong to a scheme
(precision). The doings are divided in two halves: thresholds may be tuned on the first, figures are of the second.
The same seed gives the same figures. All thresholds are our own (P): this measures them against schemes we made up.
"""

from __future__ import annotations

import heapq
import json
import sys
import time
from collections import Counter, deque
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, NamedTuple
from zlib import crc32

import click

from adapters.intake import Judge
from hub import codec, topics
from hub.bench.traffic import FALSE_EXPORT, SCHEMES, Act, Size, enterprises, month
from hub.domain.access import Access
from hub.domain.events import Assessment, Matched, Received, Tick
from hub.domain.kinds import EXPORT, IMPORT
from hub.domain.reference import Reference, ReferenceRecord
from hub.domain.reference import decode as decode_reference
from hub.domain.yearly import LIST
from hub.rules.engine import LEVELS, ruleset
from hub.settings import Settings
from hub.wiring import stages
from schemas import catalog
from schemas.samples import DeclarationSet
from schemas.samples.common import EXPORTED, GOODS, yuan
from schemas.taxes import rates_of
from streams.api import Output, Record, Step

#: 2026-06-01 00:00 in China.
START = 1_780_243_200_000
_IMPORT = {"order": "CEB311", "payment": "CEB411", "waybill": "CEB511", "declaration": "CEB621"}
_EXPORT = {"order": "CEB303", "waybill": "CEB505", "declaration": "CEB603", "collection": "CEB403"}
#: Waybill and declaration come so long after the order.
_DISPATCH = 2 * 3_600_000
#: Money from abroad comes days later.
_COLLECTED = 5 * 86_400_000

#: Scheme → the rules that are there to find it.
MEANT: dict[str, tuple[str, ...]] = {
    "stolen identities": ("R03", "R04"),
    "split orders": ("R06",),
    "many buyers, one receiver": ("R04",),
    "push orders": ("R05", "R16"),
    "under-valuation": ("R09",),
    "forged payments": ("R15", "R02"),
    "waybill reuse": ("R18", "R01"),
    "resale": ("R17",),
    "allowance abuse": ("T07", "R06"),
    FALSE_EXPORT: ("R09", "R20"),
}


class Keys:
    """Fixed keys: the same digests in every run."""

    def digest(self, kind: str, text: str) -> str:
        """A keyed digest."""
        return blake2b(f"{kind} {text}".encode(), digest_size=9, key=b"a made-up month").hexdigest()

    def lot(self, about: str) -> int:
        """The lot of a declaration."""
        return int.from_bytes(blake2b(about.encode(), digest_size=8, key=b"a made-up month").digest()) % 100_000

    def open(self, data: bytes) -> bytes:
        """Nothing is sealed here."""
        return data


class Rehearsal:
    """The stages from register on, joined by one queue; time is what the month says."""

    def __init__(self, references: Reference, names: Iterable[str] = ()) -> None:
        wanted = [name for name in names or topics.STAGES if name != "split"]
        self.references, self._keys = references, Keys()
        made = stages(Settings(), wanted, self._keys, self)  # type: ignore[arg-type]
        self._stages: dict[str, Any] = {stage.inbox: stage for stage in made}  # Any: states differ
        self._states: dict[tuple[str, bytes], Any] = {}
        self._dues: list[tuple[int, bytes, str]] = []
        self._due: dict[tuple[str, bytes], int] = {}
        self._queue: deque[Output] = deque()
        self._offset = 0
        self.now = Tick(START, references.reached, ruleset().digest)
        #: the last of each declaration, and all by their ids
        self.assessments: dict[str, Assessment] = {}
        self.made: dict[str, Assessment] = {}
        #: every set that was assessed, in order: what a replay needs
        self.matched: list[tuple[Tick, Matched]] = []
        self._judge = Judge(
            access=Access, signatures="by-schema", digest=self._keys.digest, signing_key=lambda _: None, certificates=lambda _: None
        )

    @property
    def data(self) -> Reference:
        """The reference data, as a process's reader has them."""
        return self.references

    def hand_in(self, message: str, document: Any, at: int) -> None:  # Any: a document of that message
        """A document comes."""
        self._until(at)
        mt = catalog.message(message)
        self._offset += 1
        id_ = f"s{self._offset}"
        for said in self._judge.documents(mt, [document], at):
            event = Received(said, id_, "someone", "DXPENT0000990001", at, mt.type)
            key = f"{said.kind}/{said.key}".encode()
            self._queue.append(Output(topics.inbox("register"), key, codec.pack(event)))
        self._run()

    def _until(self, at: int) -> None:
        """The clock goes on to the second of ``at``; what is due on the way is fired."""
        while self._dues and self._dues[0][0] <= at:
            due, key, inbox = heapq.heappop(self._dues)
            if self._due.get((inbox, key)) != due:
                continue
            self.now = Tick(max(self.now.at, due), self.references.reached, self.now.rules)
            del self._due[inbox, key]
            self._apply(inbox, key, self._stages[inbox].fire(self._states[inbox, key], key, self.now))
            self._run()
        self.now = Tick(max(self.now.at, at // 1000 * 1000), self.references.reached, self.now.rules)

    def _run(self) -> None:
        while self._queue:
            output = self._queue.popleft()
            stage = self._stages.get(output.topic)
            if stage is None:
                self._published(output)
                continue
            self._offset += 1
            record = Record(output.key, output.value or b"", output.headers, self._offset)
            if output.topic == topics.inbox("assess") and isinstance(event := codec.assess_event(record.value), Matched):
                self.matched.append((self.now, event))
            self._apply(output.topic, output.key, stage.handle(self._states.get((output.topic, output.key)), record, self.now))

    def _apply(self, inbox: str, key: bytes, step: Step | None) -> None:
        if step is None:
            return
        at = (inbox, key)
        if step.state is None:
            self._states.pop(at, None)
            self._due.pop(at, None)
        else:
            self._states[at] = step.state
            if step.due:
                if self._due.get(at) != step.due:
                    self._due[at] = step.due
                    heapq.heappush(self._dues, (step.due, key, inbox))
            else:
                self._due.pop(at, None)
        self._queue.extend(step.outputs)

    def _published(self, output: Output) -> None:
        if output.topic == topics.ASSESSMENTS and output.value is not None:
            made = codec.assessment(output.value)
            self.assessments[made.declaration] = self.made[made.id] = made
        elif output.topic == topics.REFERENCE and output.value is not None:
            self.references.put(decode_reference(output.value), self.references.reached + 1)


def known(size: Size) -> Reference:
    """What the zone knows beforehand: the firms, rates of the goods sold, the positive list with all of them, and what they usually cost."""
    reference = Reference()
    for code in enterprises(size):
        reference.put(ReferenceRecord("enterprise", code, 1, "2020-01-01", value={"state": "filed"}), 0)
    for offset, good in enumerate(GOODS):
        rates = rates_of(good.code)
        value = {"vat": f"0.{rates.vat:02d}", "ct": f"0.{rates.consumption:02d}", "duty": "0"}
        reference.put(ReferenceRecord("rate", good.code, 1, "2020-01-01", value=value), offset)
        reference.put(ReferenceRecord("positive", good.code[:8], 1, "2020-01-01"), offset)
    for side, goods, currency in ((IMPORT, GOODS, "142"), (EXPORT, EXPORTED, "502")):
        for good in goods:
            value = {"median": yuan(good.fen), "unit": good.unit, "currency": currency}
            reference.put(ReferenceRecord("price", f"{side}:{good.code}", 1, "2020-01-01", value=value), len(GOODS))
    for kind, id, value in (("parameter", LIST, {"version": "made up"}), ("parameter", "prices", {}), ("exchange", "502", {"cny": "7"})):
        reference.put(ReferenceRecord(kind, id, 1, "2020-01-01", value=value), len(GOODS))
    return reference


def play(acts: Iterable[Act], references: Reference) -> Rehearsal:
    """Let the month happen."""
    rehearsal = Rehearsal(references)
    for at, message, document in _comings(acts):
        rehearsal.hand_in(message, document, at)
    return rehearsal


def _comings(acts: Iterable[Act]) -> list[tuple[int, str, Any]]:
    """(when, message, document) in the order of time."""
    comings: list[tuple[int, str, Any]] = []
    for act in acts:
        messages = _IMPORT if isinstance(act.made, DeclarationSet) else _EXPORT
        after = {"order": 0, "payment": act.pay_after, "waybill": _DISPATCH, "declaration": _DISPATCH + 1000, "collection": _COLLECTED}
        comings += [
            (act.at + after[kind], messages[kind], document)
            for kind, document in act.made._asdict().items()
            if document is not None
        ]
    return sorted(comings, key=lambda coming: coming[0])


class Line(NamedTuple):
    """A scheme's figures: declarations, found among them; doings, noticed among them; hit by its rules, schemes among these."""

    declarations: int
    found: int
    doings: int
    noticed: int
    hit: int
    rightly: int

    def as_json(self) -> dict[str, Any]:
        """With recall and precision."""
        return {
            **self._asdict(),
            "recall": round(self.found / self.declarations, 3) if self.declarations else None,
            "noticed_share": round(self.noticed / self.doings, 3) if self.doings else None,
            "precision": round(self.rightly / self.hit, 3) if self.hit else None,
        }


def half(actor: str) -> int:
    """Which half a doing belongs to: 0 to tune on, 1 to report."""
    return crc32(actor.encode()) & 1


def figures(acts: list[Act], assessments: dict[str, Assessment], of: int) -> dict[str, Line]:
    """Each scheme's line, of one half; under ``""`` the honest: found are those suspected."""
    lines: dict[str, Line] = {}
    mine = [act for act in acts if half(act.actor) == of]
    made = {id(act): assessments.get(_key(act)) for act in mine}
    suspected = {at: one is not None and LEVELS.index(one.level) > 0 for at, one in made.items()}
    for scheme in ("", *SCHEMES, FALSE_EXPORT):
        meant = set(MEANT.get(scheme, ()))
        theirs = [act for act in mine if act.scheme == scheme]
        hit = [act for act in mine if (one := made[id(act)]) is not None and meant & {f.rule for f in one.findings}]
        lines[scheme] = Line(
            len(theirs), sum(suspected[id(act)] for act in theirs), len({act.actor for act in theirs}),
            len({act.actor for act in theirs if suspected[id(act)]}), len(hit), sum(act.scheme != "" for act in hit),
        )  # fmt: skip
    return lines


def _key(act: Act) -> str:
    head = act.made.declaration.head
    return f"declaration/{head.agentCode}:{head.copNo}"


@click.command()
@click.option("--seed", default=7, show_default=True, help="another seed, another month")
@click.option("--honest", default=Size().honest, show_default=True, help="honest sales")
@click.option("--instances", default=Size().instances, show_default=True, help="doings of each scheme")
@click.option("--half", "of", type=click.IntRange(0, 1), default=1, show_default=True, help="0: the half to tune on")
@click.option("--json", "as_json", is_flag=True, help="one JSON object")
def main(seed: int, honest: int, instances: int, of: int, *, as_json: bool) -> None:
    """Let a made-up month pass and tell what the rules found in it."""
    began = time.process_time()
    size = Size(honest=honest, instances=instances)
    acts = month(seed, START, size)
    rehearsal = play(acts, known(size))
    lines = figures(acts, rehearsal.assessments, of)
    rules = Counter(f.rule for one in rehearsal.assessments.values() for f in one.findings)
    told = {
        "seed": seed, "half": of, "rules": ruleset().digest, "declarations": len(acts), "assessed": len(rehearsal.assessments),
        "cpu_s": round(time.process_time() - began, 1), "hits": dict(sorted(rules.items())),
        "schemes": {name or "honest": line.as_json() for name, line in lines.items()},
    }  # fmt: skip
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    click.echo(f"seed {seed}, half {of}: {told['declarations']} declarations, {told['assessed']} assessed, {told['cpu_s']} s of CPU")
    click.echo(f"{'scheme':28} {'decl.':>6} {'found':>6} {'recall':>7} {'doings':>7} {'noticed':>8} {'precision':>10}")
    for name, line in lines.items():
        said = line.as_json()
        precision = "" if said["precision"] is None else f"{said['precision']:.3f}"
        recall = "" if said["recall"] is None else f"{said['recall']:.3f}"
        click.echo(
            f"{name or 'honest (suspected)':28} {line.declarations:6} {line.found:6} {recall:>7} {line.doings:7} {line.noticed:8} {precision:>10}"
        )
    click.echo("findings by rule: " + ", ".join(f"{rule} {count}" for rule, count in sorted(rules.items())))


if __name__ == "__main__":
    sys.exit(main())

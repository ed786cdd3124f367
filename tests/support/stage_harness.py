"""The stages joined by queues in memory: what the runtime does with Kafka, without it.

Each inbox is a queue for each key (order is kept within one key only, as in Kafka within one partition), and whoever
drives the harness says whose turn it is, so that a test can try every interleaving.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Any

from hub import codec, topics
from hub.domain.desk import Case
from hub.domain.events import (
    Alert,
    Answer,
    Assessment,
    AssessmentNotice,
    HandedOver,
    HandOver,
    Status,
    Submission,
    Tick,
)
from hub.domain.matching import MatchSettings
from hub.domain.reference import Reference
from hub.domain.reference import decode as decode_reference
from hub.rules.engine import RuleSet
from streams.api import Record
from streams.stages.assess import Assess, AssessSettings, AssessState
from streams.stages.bills import Bills
from streams.stages.desk import Desk
from streams.stages.gate import Gate
from streams.stages.ledger import Ledger, LedgerSettings, LedgerState
from streams.stages.match import Match, MatchState
from streams.stages.observe import Observe
from streams.stages.register import Register, RegisterSettings, RegisterState
from streams.stages.resolve import Resolve
from streams.stages.split import Split
from streams.stages.watch import Watch

#: 2026-06-01 12:00 in China.
NOON = 1_780_286_400_000


def digest(text: str) -> str:
    """A keyed digest for tests."""
    return blake2b(text.encode(), digest_size=9, key=b"test").hexdigest()


class World:
    """The stages, their states, what they published, and a clock that only moves when told."""

    def __init__(
        self,
        *,
        match: MatchSettings | None = None,
        register: RegisterSettings | None = None,
        assess: AssessSettings | None = None,
        ledger: LedgerSettings | None = None,
        references: Reference | None = None,
        rules: RuleSet | None = None,
    ) -> None:
        self.now = Tick(NOON, 0, "test")
        self.references = references or Reference()
        self.stages: dict[str, Any] = {
            "split": Split(lambda sealed: sealed, references=self.references),
            "register": Register(register),
            "match": Match(match),
            "assess": Assess(self.references, rules, assess),
            "resolve": Resolve(),
            "bills": Bills(),
            "ledger": Ledger(self.references, ledger),
            "watch": Watch(),
            "observe": Observe(self.references),
            "gate": Gate(self.references),
            "desk": Desk(),
        }
        self._inbox = {topics.inbox(name): name for name in self.stages}
        self.states: dict[str, dict[bytes, tuple[Any, int]]] = {name: {} for name in self.stages}
        self.queues: dict[tuple[str, bytes], deque[bytes]] = {}
        self.published: dict[str, list[tuple[bytes, bytes, Any]]] = {}
        self.events = 0
        self._notices: list[AssessmentNotice] = []
        self._offset = 0

    # ---- driving

    def submit(self, submission: Submission, messages: tuple[bytes, ...] = ()) -> None:
        """Put a submission into the log."""
        record = codec.SubmissionRecord(codec.pack(submission), b"sealed bytes", messages, b"{}")
        self.queue(topics.SUBMISSIONS, submission.id.encode(), codec.pack(record))

    def queue(self, topic: str, key: bytes, value: bytes) -> None:
        """Put a record into an inbox."""
        self.queues.setdefault((self._inbox[topic], key), deque()).append(value)

    def step(self, choose: Callable[[int], int] = lambda n: 0) -> bool:
        """Let one stage handle one record; ``choose`` picks among the keys that have one. False when all is quiet."""
        waiting = [at for at, queue in self.queues.items() if queue]
        if not waiting:
            return False
        stage, key = waiting[choose(len(waiting))]
        value = self.queues[stage, key].popleft()
        if not self.queues[stage, key]:
            del self.queues[stage, key]
        self.handle(stage, key, value)
        return True

    def split(self) -> None:
        """Split what was submitted and nothing else: what follows comes to each document in the order of submission."""
        for stage, key in [at for at in self.queues if at[0] == "split"]:
            for value in self.queues.pop((stage, key)):
                self.handle(stage, key, value)

    def run(self, choose: Callable[[int], int] = lambda n: 0) -> None:
        """Until all is quiet."""
        for _ in range(100_000):
            if not self.step(choose):
                return
        raise AssertionError("the stages do not come to rest")

    def handle(self, stage: str, key: bytes, value: bytes) -> None:
        """One record."""
        self.events += 1
        self._offset += 1
        state, _ = self.states[stage].get(key, (None, 0))
        record = Record(key=key, value=value, offset=self._offset, headers=())
        self._apply(stage, key, self.stages[stage].handle(state, record, self.now))

    def tick(self, ms: int = 1000) -> None:
        """Move the clock, fire what is due in (due, key) order, and let the stages come to rest."""
        self.now = Tick(self.now.at + ms, self.references.reached, "test")
        for name, states in self.states.items():
            for due, key in sorted((due, key) for key, (_, due) in states.items() if due):
                if due <= self.now.at and key in states:
                    step = self.stages[name].fire(states[key][0], key, self.now)
                    # What is due again at once would fire for ever within one tick.
                    assert step.state is None or step.due == 0 or step.due > self.now.at, (name, key)
                    self._apply(name, key, step)
        self.run()

    def _apply(self, stage: str, key: bytes, step: Any) -> None:
        if step is None:
            return
        part = self.stages[stage]
        if step.state is None:
            self.states[stage].pop(key, None)
        else:
            # Through bytes and back: what a changelog cannot keep must not be relied on.
            self.states[stage][key] = (part.load(part.dump(step.state)), step.due)
        for output in step.outputs:
            if output.topic in self._inbox:
                self.queue(output.topic, output.key, output.value)
            else:
                self.publish(output.topic, output.key, output.value, output.headers)
        if step.state is not None and hasattr(part, "snapshot"):
            output = part.snapshot(key, step.state, self._offset)
            if output is None:
                return
            self.publish(output.topic, output.key, output.value, output.headers)

    def publish(self, topic: str, key: bytes, value: bytes, headers: Any) -> None:
        """Keep what went to a topic nobody here reads."""
        if topic == topics.OUT_CUSTOMS and b"assessment" in value[:64] and not value.startswith(b"{"):
            self._notices.append(codec.decoder(AssessmentNotice)(value))
            return
        if topic == topics.REFERENCE:
            self.references.put(decode_reference(value), self.references.reached + 1)
            self.now = Tick(self.now.at, self.references.reached, self.now.rules)
        self.published.setdefault(topic, []).append((key, value, headers))

    def deliver(self, outcome: str = "delivered") -> None:
        """What deliver would report about every hand-over so far."""
        for hand_over in self.take_hand_overs():
            for key in hand_over.documents:
                report = HandedOver(hand_over.submission, "customs", outcome, self.now.at)
                self.queue(topics.inbox("register"), key.encode(), codec.pack(report))
        self.run()

    # ---- looking

    def status(self, key: str) -> Status:
        """The newest status of a register key."""
        found = [codec.status(value) for at, value, _ in self.published.get(topics.STATUSES, ()) if at == key.encode()]
        return max(found, key=lambda status: status.revision)

    def statuses(self) -> dict[str, list[Status]]:
        """Every status of every key in the order of their writing."""
        found: dict[str, list[Status]] = {}
        for key, value, _ in self.published.get(topics.STATUSES, ()):
            found.setdefault(key.decode(), []).append(codec.status(value))
        return found

    def _all(self, topic: str, decode: Callable[[bytes], Any]) -> list[Any]:
        return [decode(value) for _, value, _ in self.published.get(topic, ())]

    def assessments(self) -> list[Assessment]:
        """Every assessment."""
        return self._all(topics.ASSESSMENTS, codec.assessment)

    def alerts(self) -> list[Alert]:
        """Every alert as it was raised; what became of it is ``handled``."""
        return [alert for alert in self._all(topics.ALERTS, codec.alert) if not alert.handling.revision]

    def handled(self) -> list[Alert]:
        """Alerts as they changed, in order."""
        return [alert for alert in self._all(topics.ALERTS, codec.alert) if alert.handling.revision]

    def cases(self) -> dict[str, Case]:
        """The newest word about each case."""
        return {case.id: case for case in sorted(self._all(topics.CASES, codec.case), key=lambda case: case.revision)}

    def answers(self) -> list[Answer]:
        """Every answer."""
        return self._all(topics.ANSWERS, codec.answer)

    def hand_overs(self) -> list[HandOver]:
        """Every hand-over."""
        return [codec.hand_over(value) for _, value, _ in self.published.get(topics.OUT_CUSTOMS, ()) if not value.startswith(b"{")]

    def notices(self) -> list[AssessmentNotice]:
        """Every assessment handed to customs as a message of its own."""
        return self._notices

    def take_hand_overs(self) -> list[HandOver]:
        """The hand-overs since the last call."""
        found = self.hand_overs()
        self.published[topics.OUT_CUSTOMS] = []
        return found

    def register_states(self) -> dict[str, RegisterState]:
        """Register's states."""
        return {key.decode(): state for key, (state, _) in self.states["register"].items()}

    def match_states(self) -> dict[str, MatchState]:
        """Match's states."""
        return {key.decode(): state for key, (state, _) in self.states["match"].items()}

    def buyer(self, buyer: str) -> AssessState:
        """Assess' state of a buyer."""
        state, _ = self.states["assess"].get(buyer.encode(), (AssessState(), 0))
        assert isinstance(state, AssessState)
        return state

    def guarantor(self, code: str) -> LedgerState:
        """Ledger's state of a guarantor."""
        state, _ = self.states["ledger"].get(code.encode(), (LedgerState(), 0))
        assert isinstance(state, LedgerState)
        return state


def timeline(status: Status) -> list[str]:
    """The words of a timeline."""
    return [entry.what for entry in status.timeline]


def kinds(faults: Iterable[Any]) -> list[str]:
    """The codes of faults or findings."""
    return [fault.code for fault in faults]

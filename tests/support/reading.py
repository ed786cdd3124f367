"""Made-up records of the public topics, and small parts to read them with: no stage or door is needed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, ClassVar

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from hub import codec, topics
from hub.domain.access import Principal
from hub.domain.events import Alert, Answer, Assessment, Finding, Status, SubmissionSummary, TimelineEntry
from hub.domain.faults import Erased, Fault
from streams.project import SOURCES

PARTITIONS = 2
#: A moment in a sale's night, China time 2025-11-11 00:00:05.
MIDNIGHT = 1_762_790_405_000

Record = tuple[str, bytes, bytes, list[tuple[str, bytes]]]


CALLERS = {
    f"key-{name}": Principal(name=name, roles=(role,), codes=codes)
    for name, role, codes in (
        ("platform", "platform", ("EBP0000001",)),
        ("payer", "payer", ("PAY0000001",)),
        ("carrier", "carrier", ("LOG0000001",)),
        ("agent", "declarant", ("AGT0000001",)),
        ("stranger", "declarant", ("AGT0000009",)),
        ("customs", "customs", ()),
        ("tax", "tax", ()),
        ("forex", "forex", ()),
        ("market", "market", ()),
        ("office", "office", ()),
        ("operator", "operator", ()),
    )
}
CALLERS["key-suspended"] = Principal(name="suspended", roles=("customs", "operator"), suspended=True)


@dataclass
class FixedClock:
    """A clock that stands until it is set."""

    at: int = MIDNIGHT

    def now(self) -> int:
        return self.at


@dataclass
class PlainSealer:
    """Marks instead of encrypting; ``erased`` plays a destroyed key."""

    erased: bool = False

    def seal(self, data: bytes, at: int) -> bytes:
        return b"sealed:" + data

    def open(self, sealed: bytes) -> bytes:
        if self.erased or not sealed.startswith(b"sealed:"):
            raise Erased("key destroyed")
        return sealed.removeprefix(b"sealed:")


@dataclass
class Case:
    """One order with its four documents; ``number`` makes the keys."""

    number: int
    at: int = MIDNIGHT
    platform: str = "EBP0000001"
    keys: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        n = self.number
        self.keys = {
            "order": f"order/{self.platform}:EBC0000001:NO{n:06d}",
            "payment": f"payment/PAY0000001:PT{n:06d}",
            "waybill": f"waybill/LOG0000001:WB{n:06d}",
            "declaration": f"declaration/AGT0000001:COP{n:06d}",
        }

    SENDERS: ClassVar[dict[str, str]] = {
        "order": "platform",
        "payment": "payer",
        "waybill": "carrier",
        "declaration": "agent",
    }

    def submission(self, kind: str) -> str:
        return sha256(f"{kind}{self.number}".encode()).hexdigest()[:32]

    def business(self, kind: str) -> str:
        return self.keys[kind].partition("/")[2]

    def status(self, kind: str, revision: int = 1, state: str = "received", **values: Any) -> Status:
        numbers = {"preNo": f"I{self.number:017d}"} if kind == "declaration" and revision > 3 else {}
        defaults: dict[str, Any] = {
            "submission": self.submission(kind),
            "index": 0,
            "principal": self.SENDERS[kind],
            "sender": f"DXPENT{self.SENDERS[kind].upper()}",
            "received_at": self.at,
            "since": self.at,
            "order": ("", "") if kind == "waybill" else (self.platform, f"NO{self.number:06d}"),
            "numbers": numbers,
            "customs_office": "2900" if kind == "declaration" else "",
            "timeline": (TimelineEntry(self.at, "hub", "received"),),
        }
        return Status(self.keys[kind], kind, revision, state=state, **(defaults | values))

    def bound(self, kind: str) -> dict[str, str]:
        return {other: key for other, key in self.keys.items() if other != kind}

    def released(self, kind: str) -> Status:
        """The last word about a document whose declaration was released."""
        at = self.at
        timeline = [
            TimelineEntry(at, "hub", "received"),
            TimelineEntry(at + 40, "hub", "matched"),
            TimelineEntry(at + 90, "hub", "assessed", "secret score 12"),
            TimelineEntry(at + 120, "hub", "handed over", "customs"),
            TimelineEntry(at + 900, "customs", "2", "[Code:2;Desc:declaring]"),
            TimelineEntry(at + 1500, "customs", "120", "[Code:1800;Desc:logical check passed]"),
        ]
        if kind == "declaration":
            timeline.append(TimelineEntry(at + 2600, "customs", "800", "[Code:2600;Desc:released]"))
        else:
            del timeline[2]
        last = timeline[-1]
        return self.status(
            kind,
            revision=7,
            state="released" if kind == "declaration" else "stored by customs",
            code=last.what,
            since=last.at,
            text=last.detail,
            match="matched",
            counterparts=self.bound(kind),
            assessed_at=at + 90 if kind == "declaration" else 0,
            handed_over={"customs": "delivered"},
            timeline=tuple(timeline),
        )

    def records(self, statuses: Iterable[Status]) -> list[Record]:
        return [status_record(status) for status in statuses]


def status_record(status: Status) -> Record:
    return topics.STATUSES, status.key.encode(), codec.to_json(status), []


def summary_of(case: Case, kind: str, flags: tuple[Fault, ...] = (), **values: Any) -> SubmissionSummary:
    body = original(case, kind)
    defaults: dict[str, Any] = {
        "id": case.submission(kind),
        "principal": Case.SENDERS[kind],
        "sender": f"DXPENT{kind}",
        "received_at": case.at,
        "message": {"order": "CEB311", "payment": "CEB411", "waybill": "CEB511", "declaration": "CEB621"}[kind],
        "guid": f"GUID-{case.number:06d}",
        "edition": "202205",
        "digest": sha256(body).hexdigest(),
        "size": len(body),
        "media_type": "application/xml",
        "documents": ((0, kind, case.business(kind), flags),),
    }
    return SubmissionSummary(**(defaults | values))


def original(case: Case, kind: str) -> bytes:
    return f"<made-up kind='{kind}' number='{case.number}'/>".encode()


def submission_record(case: Case, kind: str, **values: Any) -> Record:
    summary = summary_of(case, kind, **values)
    record = codec.SubmissionRecord(
        documents=b"sealed:", received=b"sealed:" + original(case, kind), messages=(), acknowledgement=b'{"made":"up"}'
    )
    return topics.SUBMISSIONS, summary.id.encode(), codec.pack(record), [(codec.SUMMARY_HEADER, codec.pack(summary))]


def refusal_record(case: Case, kind: str, fault: Fault) -> Record:
    summary = summary_of(case, kind, id=f"refused{case.number:06d}", faults=(fault,), status=422)
    return topics.REFUSALS, summary.id.encode(), b"sealed:" + original(case, kind), [(codec.SUMMARY_HEADER, codec.pack(summary))]


def assessment_of(case: Case, revision: int = 4, score: int = 12) -> Assessment:
    return Assessment(
        id=f"as-{case.number}-{revision}",
        declaration=case.keys["declaration"],
        revision=revision,
        attempt=1,
        at=case.at + 90,
        reference=3,
        rules="digest",
        buyer="k1:made-up-digest",
        value=12_500_000,
        findings=(
            Finding("R06", "", "several orders of one buyer", "同一订购人多笔订单", "GAC 2018/194", {"count": "4"}, 12),
        ),
        score=score,
        level="green",
        recommendation="release",
    )


def answer_of(case: Case, code: str, number: int, kind: str = "declaration") -> Answer:
    return Answer(
        id=f"an-{case.number}-{kind}-{code}",
        participant=Case.SENDERS[kind],
        at=case.at + 800 + number,
        authority="customs",
        message="CEB622",
        document=case.keys[kind],
        submission=case.submission(kind),
        code=code,
        time="20251111000006",
        info="made up",
        numbers={},
        receipt={
            "guid": f"made-up-{case.number}",
            "agentCode": "3301960X05",
            "copNo": "C-1",
            "preNo": "B20251111000000001",
            "returnStatus": code,
            "returnTime": "20251111000006000",
            "returnInfo": "made up",
        },
    )


def alert_of(case: Case) -> Alert:
    return Alert(
        id=f"al-{case.number}",
        at=case.at + 95,
        rule="R06",
        severity="medium",
        family="risk",
        agency=("customs",),
        declaration=case.keys["declaration"],
        enterprises=("EBC0000001",),
        message="several orders of one buyer",
        message_zh="同一订购人多笔订单",
        evidence={"count": "4"},
    )


def hand_over_record(case: Case, kind: str, outcome: str = "delivered", attempts: int = 1) -> Record:
    body = {
        "submission": case.submission(kind),
        "recipient": "customs",
        "outcome": outcome,
        "at": case.at + 120 + attempts,
        "attempts": attempts,
        "note": "",
    }
    return topics.HAND_OVERS, b"customs agent", codec.to_json(body), []


def story_of(case: Case) -> list[Record]:
    """Everything the topics hold about a released declaration, in a plausible order."""
    kinds = tuple(case.keys)
    records: list[Record] = [submission_record(case, kind) for kind in kinds]
    records += [status_record(case.status(kind)) for kind in kinds]
    waiting = case.status("order", 2, "waiting", match="waiting", awaited=("payment",), due=case.at + 60_000)
    records.append(status_record(waiting))
    assessment = assessment_of(case)
    records.append((topics.ASSESSMENTS, assessment.declaration.encode(), codec.to_json(assessment), []))
    alert = alert_of(case)
    records.append((topics.ALERTS, alert.id.encode(), codec.to_json(alert), []))
    records += [hand_over_record(case, kind) for kind in kinds]
    records += [status_record(case.released(kind)) for kind in kinds]
    for number, code in enumerate(("2", "120", "800")):
        answer = answer_of(case, code, number)
        records.append((topics.ANSWERS, answer.participant.encode(), codec.to_json(answer), []))
    return records


async def make_topics(bootstrap: str, prefix: str = "", names: Sequence[str] = SOURCES) -> None:
    """The projected topics, empty."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        there = set(await admin.list_topics())
        new = [NewTopic(prefix + name, PARTITIONS, 1) for name in names if prefix + name not in there]
        if new:
            await admin.create_topics(new)
    finally:
        await admin.close()


async def feed(bootstrap: str, records: Iterable[Record], prefix: str = "") -> None:
    """Write records where their keys belong."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=5)
    await producer.start()
    try:
        for topic, key, value, headers in records:
            partition = topics.partition_of(key, PARTITIONS)
            await producer.send(prefix + topic, value, key=key, partition=partition, headers=headers)
        await producer.flush()
    finally:
        await producer.stop()

"""Every Kafka topic once: what its key is, what it holds, how long. Nothing else creates topics.

``hub topics`` prints this table and shows where the broker differs from it.
"""

from __future__ import annotations

from typing import Literal
from zlib import crc32

import msgspec

DAY_MS = 86_400_000
HOUR_MS = 3_600_000


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """One topic. ``key`` and ``holds`` are for people; ``retention_ms`` -1 keeps for ever."""

    name: str
    key: str
    holds: str
    cleanup: Literal["delete", "compact"] = "delete"
    retention_ms: int = -1
    internal: bool = False
    max_message_bytes: int = 1 << 20

    def config(self) -> dict[str, str]:
        """The broker's settings of this topic; a broker that says otherwise has drifted."""
        config = {
            "cleanup.policy": self.cleanup,
            "max.message.bytes": str(self.max_message_bytes),
        }
        if self.cleanup == "delete":
            config["retention.ms"] = str(self.retention_ms)
        else:
            # A late record of a frozen worker must find the newer one still there (runtime's stale-batch rule).
            config["min.compaction.lag.ms"] = str(HOUR_MS)
        return config


#: Bytes of the largest record: 16 MB of a message, its documents and the envelope around them.
LARGE = 48 << 20
#: A changelog batch is one record batch and atomic; the runtime keeps it below this.
CHANGELOG_BATCH = 8 << 20

STAGES = ("split", "register", "match", "assess", "resolve", "bills", "ledger", "watch", "observe", "gate", "desk")

SUBMISSIONS = "submissions"
REFUSALS = "refusals"
CLAIMS = "claims"
STATUSES = "statuses"
ASSESSMENTS = "assessments"
ALERTS = "alerts"
#: Who acts by its own law; quarantine is a part of customs.
AUTHORITIES = ("customs", "tax", "forex", "market", "commerce")
OUT_CUSTOMS = "out.customs"
ANSWERS = "answers"
HAND_OVERS = "hand-overs"
DELIVERIES = "deliveries"
REDELIVERIES = "redeliveries"
HOLDS = "holds"
CASES = "cases"
REFERENCE = "reference"
PROFILES = "profiles"
NOTICES = "notices"
EVIDENCE = "evidence"
DEAD_LETTERS = "dead-letters"


def inbox(stage: str) -> str:
    """The topic a stage reads; split reads the log of submissions itself."""
    return SUBMISSIONS if stage == "split" else f"inbox.{stage}"


def out(authority: str) -> str:
    """What an authority is handed over, and nothing it may not see."""
    return f"out.{authority}"


def changelog(stage: str) -> str:
    """The topic that holds a stage's state."""
    return f"changelog.{stage}"


def changelog_batch(stage: str) -> int:
    """Bytes of a stage's largest changelog batch: gate's states are whole messages."""
    return LARGE if stage == "gate" else CHANGELOG_BATCH


TOPICS: tuple[Topic, ...] = (
    Topic(
        name=SUBMISSIONS,
        key="submission id, partition by sender",
        holds="original bytes and documents (encrypted), acknowledgement: the commit point",
        max_message_bytes=LARGE,
    ),
    Topic(
        name=REFUSALS,
        key="submission id",
        holds="what the door refused: faults, digest, bounded bytes (encrypted)",
        retention_ms=30 * DAY_MS,
        max_message_bytes=LARGE,
    ),
    Topic(name=CLAIMS, key="submission id", holds="idempotency claims and their answers", retention_ms=8 * DAY_MS),
    *(
        Topic(
            name=inbox(stage),
            key="the stage's key",
            holds=f"what {stage} is told",
            retention_ms=3 * DAY_MS,
            internal=True,
            max_message_bytes=LARGE if stage == "gate" else 8 << 20,
        )
        for stage in STAGES
        if stage != "split"
    ),
    *(
        Topic(
            name=changelog(stage),
            key="the stage's key",
            holds=f"the state of {stage} and its position",
            cleanup="compact",
            internal=True,
            max_message_bytes=changelog_batch(stage),
        )
        for stage in STAGES
    ),
    Topic(
        name=STATUSES,
        key="register key",
        holds="current status and the whole bounded timeline of a document",
        cleanup="compact",
    ),
    Topic(
        name=ASSESSMENTS,
        key="register key of the declaration",
        holds="findings, score, recommendation, what every rule read",
    ),
    Topic(name=ALERTS, key="alert id", holds="risk alerts and what was done about them"),
    Topic(
        name=OUT_CUSTOMS,
        key="sender",
        holds="what is to be handed over to customs: messages (encrypted), assessments, alerts",
        retention_ms=30 * DAY_MS,
        max_message_bytes=LARGE,
    ),
    *(
        Topic(
            name=out(authority),
            key="sender, or what an alert is about",
            holds=f"what {authority} is entitled to, without persons: alerts and its views of documents",
            retention_ms=30 * DAY_MS,
        )
        for authority in AUTHORITIES
        if authority != "customs"
    ),
    Topic(name=ANSWERS, key="participant", holds="authorities' receipts and the hub's notices for a participant"),
    Topic(name=HAND_OVERS, key="recipient + sender", holds="attempts, outcomes, parked"),
    Topic(name=DELIVERIES, key="recipient + process", holds="how each recipient stands: counts, last success, breaker", cleanup="compact"),
    Topic(
        name=REDELIVERIES,
        key="subscription",
        holds="parked events that are to be sent to a subscription again, by their place",
        retention_ms=30 * DAY_MS,
        internal=True,
    ),
    Topic(
        name=HOLDS,
        key="submission id",
        holds="messages that orders of authorities hold: by whose order, until when, who decided what",
        max_message_bytes=8 << 20,
    ),
    Topic(
        name=CASES,
        key="case id",
        holds="what alerts are dealt with in: whose it is, who did what, what was decided",
        cleanup="compact",
    ),
    Topic(name=REFERENCE, key="kind + id + version", holds="effective-dated reference data", cleanup="compact"),
    Topic(
        name=NOTICES,
        key="kind/id of a reference record",
        holds="changes of reference data that authorities have told, on their way to the next versions",
        retention_ms=30 * DAY_MS,
        internal=True,
    ),
    Topic(name=PROFILES, key="enterprise code", holds="what observe knows of an enterprise, and its standing", cleanup="compact"),
    Topic(
        name=EVIDENCE,
        key="acts, or topic and partition of a root",
        holds="chained roots and their time stamps; administrative acts, unmasked reads",
    ),
    Topic(
        name=DEAD_LETTERS,
        key="origin",
        holds="what no stage could handle, with reason and bytes (encrypted)",
        max_message_bytes=LARGE,
    ),
)


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key: CRC-32 modulo the number of partitions, the same in every process and language."""
    return crc32(key) % partitions

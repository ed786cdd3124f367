"""The checker over a recorded history: what was acknowledged against what the topics hold (invariants I1–I5, I9).

Reads every topic from its first offset, judges with nothing of the stages' own code but the events' shapes.
"""

from __future__ import annotations

import json
from collections import defaultdict

import msgspec
from aiokafka import AIOKafkaConsumer

from hub import codec
from hub.domain import lifecycle
from hub.topics import ASSESSMENTS, DEAD_LETTERS, STATUSES, SUBMISSIONS, changelog
from streams.entries import HEAD, POSITION_KEY
from streams.stages.assess import AssessState

#: States in which a document that takes part in a match may rest (I3); customs' codes come after them.
ENDED = {"matched", "assessed", "handed over", "repeated", "stale", "superseded", "withdrawn", "expired"}


class Acknowledged(msgspec.Struct, frozen=True):
    """What the sender holds: the id and the register keys of the documents it was told were accepted."""

    submission: str
    documents: tuple[str, ...]


class Verdict(msgspec.Struct):
    """Everything wrong, by invariant; empty lists are the aim."""

    lost: list[str] = []
    without_status: list[str] = []
    not_ended: list[str] = []
    without_assessment: list[str] = []
    differing_assessments: list[str] = []
    assessed_without_a_document: list[str] = []
    totals_off: list[str] = []
    dead_letters: list[str] = []
    counts: dict[str, int] = {}

    @property
    def good(self) -> bool:
        """Nothing lost, nothing twice, nothing waits unseen, totals exact."""
        fields = (getattr(self, name) for name in self.__struct_fields__ if name != "counts")
        return not any(fields)


def acknowledged(answer: bytes) -> Acknowledged:
    """What an acknowledgement promises."""
    told = json.loads(answer)
    return Acknowledged(
        submission=told["submission"], documents=tuple(f"{d['kind']}/{d['key']}" for d in told["documents"])
    )


async def read_topic(bootstrap: str, topic: str) -> list[tuple[int, int, bytes | None, bytes | None, dict[str, bytes]]]:
    """Every record of a topic: (partition, offset, key, value, headers), from the first offset to the present end."""
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=48 << 20,
        fetch_max_bytes=96 << 20,
    )
    await consumer.start()
    try:
        partitions = sorted(consumer.assignment())
        ends = await consumer.end_offsets(partitions)
        await consumer.seek_to_beginning(*partitions)
        rows = []
        while any([await consumer.position(tp) < ends[tp] for tp in partitions]):
            for tp, records in (await consumer.getmany(timeout_ms=300)).items():
                rows += [
                    (tp.partition, r.offset, r.key, r.value, dict(r.headers)) for r in records if r.offset < ends[tp]
                ]
        return rows
    finally:
        await consumer.stop()


async def check(bootstrap: str, promised: list[Acknowledged], value: int | None = None) -> Verdict:
    """Compare what was promised with submissions, statuses, assessments, allowances and dead letters.

    ``value`` is what the promised declarations use of their buyers' allowances together (I5), in amounts.
    """
    verdict = Verdict()
    in_log = {key.decode() for _, _, key, _, _ in await read_topic(bootstrap, SUBMISSIONS) if key and key[:1] != b"\x00"}
    verdict.lost = sorted({p.submission for p in promised} - in_log)

    statuses: dict[str, dict[str, object]] = {}
    for _, _, key, raw, _ in await read_topic(bootstrap, STATUSES):
        if key is None or raw is None:
            continue
        status = json.loads(raw)
        old = statuses.get(status["key"])
        if old is None or int(str(old["revision"])) <= int(status["revision"]):
            statuses[status["key"]] = status
    documents = {d for p in promised for d in p.documents}
    verdict.without_status = sorted(documents - statuses.keys())
    verdict.not_ended = sorted(
        d
        for d in documents & statuses.keys()
        if statuses[d]["state"] not in ENDED and not str(statuses[d].get("code", ""))
    )
    # What customs returned before its documents were together leaves unassessed: its declarant hands it in anew.
    codes = {d: str(statuses[d].get("code", "")) for d in documents & statuses.keys()}
    returned = {d for d, code in codes.items() if lifecycle.meaning_of(code).rejects}
    await _check_assessments(bootstrap, {d for d in documents if d.startswith("declaration/")}, returned, verdict)
    if value is not None and (used := await _used(bootstrap)) != value:
        verdict.totals_off = [f"used {used}, expected {value}"]
    verdict.dead_letters = [str(key) for _, _, key, _, _ in await read_topic(bootstrap, DEAD_LETTERS)]
    verdict.counts |= {"submissions": len(in_log), "statuses": len(statuses), "documents": len(documents)}
    return verdict


async def _check_assessments(bootstrap: str, declarations: set[str], returned: set[str], verdict: Verdict) -> None:
    """One assessment for each set of versions put together; what was written twice is the same to the byte.

    Customs may store a declaration before a document of it has reached match (its partition lags after a crash): then
    the hub assesses what it has (the document is elsewhere) and again once it is here. So the last word counts, and that
    must have been said with all documents.
    """
    by_id: dict[str, set[bytes]] = defaultdict(set)
    last: dict[str, tuple[str, ...]] = {}
    records = 0
    for _, _, _, value, _ in await read_topic(bootstrap, ASSESSMENTS):
        if value is None:
            continue
        records += 1
        assessment = codec.assessment(value)
        by_id[assessment.id].add(value)
        last[assessment.declaration] = tuple(finding.code for finding in assessment.findings)
    verdict.without_assessment = sorted(declarations - last.keys() - returned)
    verdict.differing_assessments = sorted(id_ for id_, values in by_id.items() if len(values) > 1)
    verdict.assessed_without_a_document = sorted(key for key, codes in last.items() if "rule.document_missing" in codes)
    verdict.counts |= {"assessment records": records, "assessments": len(by_id), "assessed declarations": len(last)}


async def _used(bootstrap: str) -> int:
    """What all buyers use by the last state of each in the changelog of assess."""
    decode = codec.decoder(AssessState)
    states: dict[bytes, int] = {}
    for _, _, key, value, _ in await read_topic(bootstrap, changelog("assess")):
        if key is None or key == POSITION_KEY:
            continue
        if not value or len(value) <= HEAD.size:
            states.pop(key, None)
            continue
        state = decode(value[HEAD.size :])
        states[key] = sum(entry.used() for entry in state.entries.values()) + sum(state.folded.values())
    return sum(states.values())

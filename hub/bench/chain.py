"""What chaining a submission costs, without Kafka: ``python -m hub.bench.chain``; with ``--kafka BOOTSTRAP`` the whole loop.

The loop's figure is CPU time of its process (``psutil``) from the first root to the last over so many records of 4 KB, in topics
of its own on that broker; it includes fetching every submission once more.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import psutil
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from hub import codec
from hub.domain import evidence
from hub.domain.acknowledgement import attach_proofs
from hub.infra.crypto import HubKey
from hub.infra.kafka import KafkaPublisher
from hub.infra.process import WallClock, collect_seldom
from streams.api import Record
from streams.evidence import Anchor, Evidence, Held

_BATCH, _PARTITIONS = 500, 8


def records(key: HubKey, count: int, size: int) -> list[Record]:
    """So many records of ``submissions`` of about so many bytes, acknowledged in batches as the door does."""
    made: list[Record] = []
    for first in range(0, count, _BATCH):
        names = [hashlib.sha256(str(number).encode()).hexdigest()[:32] for number in range(first, min(first + _BATCH, count))]
        acks: list[dict[str, Any]] = [
            {
                "submission": name, "principal": "agent", "received_at": "2026-06-01T12:00:00.000+08:00",
                "message": {"type": "CEB621", "guid": name, "edition": "202205"}, "digest": {"algorithm": "sha-256", "value": name * 2},
                "documents": [{"index": 0, "kind": "declaration", "key": f"AGT:{name}", "status": "accepted", "faults": []}],
            }
            for name in names
        ]  # fmt: skip
        for name, ack in zip(names, attach_proofs(acks, key.sign, key.id), strict=True):
            value = codec.pack(codec.SubmissionRecord(secrets.token_bytes(size // 2), secrets.token_bytes(size // 2), (), ack))
            made.append(Record(name.encode(), value, (), len(made)))
    return made


def alone(key: HubKey, rows: list[Record]) -> float:
    """µs a record of leaves and roots."""
    held = Held(0, Anchor(), "submissions", "evidence", evidence.genuine(key.public))
    began = time.process_time()
    for first in range(0, len(rows), evidence.MOST_LEAVES):
        held.add(rows[first : first + evidence.MOST_LEAVES])
        root = held.submissions.next(0, key.sign, key.id)
        held.read(held.reading, b"submissions-0", codec.to_json(root))
    return (time.process_time() - began) / len(rows) * 1e6


async def whole(bootstrap: str, key: HubKey, rows: list[Record]) -> float:
    """µs of CPU a record of the loop in this process, on topics of its own."""
    name = f"bench-{secrets.token_hex(4)}"
    topics = [f"{name}-submissions", f"{name}-evidence"]
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    publisher = KafkaPublisher(bootstrap)
    await publisher.start()
    try:
        await admin.create_topics([NewTopic(topic, _PARTITIONS, 1) for topic in topics])
        for first in range(0, len(rows), 4000):
            some = rows[first : first + 4000]
            await publisher.send({(topics[0], n): [(row.key, row.value, ()) for row in some[n::_PARTITIONS]] for n in range(_PARTITIONS)})
        loop = Evidence(
            bootstrap=bootstrap, publisher=publisher, sign=key.sign, keys=key.public, key_id=key.id, clock=WallClock(), every=1.0,
            submissions=topics[0], evidence_topic=topics[1], group=name,
        )  # fmt: skip
        collect_seldom()
        process = psutil.Process()
        before = sum(process.cpu_times()[:2])
        running = asyncio.create_task(loop.run())
        while sum(held.submissions.head.last + 1 for held in loop._held.values()) < len(rows):  # noqa: ASYNC110 - the loop tells nobody
            await asyncio.sleep(0.05)
        after = sum(process.cpu_times()[:2])
        loop.stop()
        await running
    finally:
        await publisher.stop()
        await admin.delete_topics(topics)
        await admin.close()
    return (after - before) / len(rows) * 1e6


@click.command()
@click.option("--records", "count", default=50_000, show_default=True)
@click.option("--size", default=4096, show_default=True, help="Bytes of a record.")
@click.option("--kafka", help="Bootstrap servers: measure the loop too.")
def main(count: int, size: int, kafka: str | None) -> None:
    """Print what chaining costs."""
    with tempfile.TemporaryDirectory() as folder:
        key = HubKey.load(Path(folder))
        rows = records(key, count, size)
    click.echo(f"leaves and roots: {alone(key, rows):.2f} µs a submission ({count} of {size} bytes)")
    if kafka:
        click.echo(f"the loop, with Kafka: {asyncio.run(whole(kafka, key, rows)):.1f} µs of CPU a submission")


if __name__ == "__main__":
    main()

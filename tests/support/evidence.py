"""Chains made for tests, and a process of the evidence loop to be killed (``python -m tests.support.evidence``)."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from hub import codec
from hub.domain import evidence
from hub.domain.acknowledgement import attach_proofs
from hub.domain.evidence import Head, Root
from hub.domain.evidence_file import FORMAT, Header
from hub.infra.crypto import HubKey
from streams.evidence import Evidence
from tests.support.delivery import PlainPublisher, WallClock

Row = tuple[bytes, bytes]


def acknowledged(key: HubKey, numbers: Sequence[int], extra: str = "") -> list[bytes]:
    """Acknowledgements of made-up submissions, signed as one batch."""
    acks = [
        {"submission": f"{n:032x}", "digest": {"algorithm": "sha-256", "value": f"{n:064x}"}, "documents": [{"key": f"K{n}{extra}"}]}
        for n in numbers
    ]
    return attach_proofs(acks, key.sign, key.id)


def submissions(key: HubKey, numbers: Sequence[int], size: int = 100) -> list[Row]:
    """Records of ``submissions``: (key, value)."""
    made = acknowledged(key, numbers)
    return [
        (f"{n:032x}".encode(), codec.pack(codec.SubmissionRecord(b"d" * size, b"r" * size, (), ack)))
        for n, ack in zip(numbers, made, strict=True)
    ]


def chain(
    key: HubKey, sizes: Sequence[int], topic: str = "submissions", partition: int = 0, head: Head = Head()  # noqa: B008 - a frozen value
) -> list[tuple[Root, list[tuple[int, str, str]]]]:
    """Roots with their leaves, after ``head``; between two roots an offset is a tick."""
    offset, number, made = head.last + 1, head.last + 1, []
    for size in sizes:
        leaves = []
        for _ in range(size):
            ack = acknowledged(key, [number])[0]
            leaves.append((offset, f"{number:032x}", evidence.content_of(ack)))
            offset, number = offset + 1, number + 1
        hashes = [(one[0], evidence.leaf(topic, partition, *one)) for one in leaves]
        root = evidence.make(head, topic, partition, hashes, 1_800_000_000_000 + number, key.sign, key.id)
        head, offset = evidence.after(root), offset + 1
        made.append((root, leaves))
    return made


def lines(key: HubKey, made: Sequence[tuple[Root, list[tuple[int, str, str]]]]) -> list[bytes]:
    """A file of a chain with a proof for each of its leaves."""
    encode = msgspec.json.encode
    found = [encode(Header(FORMAT, key.id))]
    for root, leaves in made:
        found += [encode(root), *map(encode, evidence.include(root, leaves))]
    return found


def a_loop(bootstrap: str, keys: Path, name: str, publisher: PlainPublisher, every: float = 0.2) -> Evidence:
    """A loop on topics of its own: ``<name>-submissions`` and ``<name>-evidence``."""
    key = HubKey.load(keys)
    return Evidence(
        bootstrap=bootstrap, publisher=publisher, sign=key.sign, keys=key.public, key_id=key.id, clock=WallClock(), every=every, session_ms=3000,
        submissions=f"{name}-submissions", evidence_topic=f"{name}-evidence", group=f"{name}-group",
    )  # fmt: skip


async def _main(bootstrap: str, keys: str, name: str) -> None:
    publisher = PlainPublisher(bootstrap)
    await a_loop(bootstrap, Path(keys), name, publisher).run()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))

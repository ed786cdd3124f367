"""What it costs to judge a document of each message: CPU µs, with messages of one and of a hundred documents.

``python -m hub.bench.intake`` prints the table. Any function that takes a message's bytes can be measured
(:func:`measure`); the one here parses, judges by the schema, reads the structs and writes the JSON twin.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from adapters import xml
from adapters.dialects import ceb
from schemas import catalog, made, twin

#: Takes the bytes of one message; what it gives back is not looked at.
Judging = Callable[[bytes], Any]
#: Documents a message, CPU seconds measured at least for a figure, different messages taken in turn.
SIZES, SECONDS, VARIETY = (1, 100), 0.3, 5


class Cost(msgspec.Struct, frozen=True):
    """CPU µs a document, and bytes a document, in messages of so many documents."""

    message: str
    documents: int
    us: float
    size: int


def taken_in(data: bytes) -> bytes:
    """Bytes → tree → schema → structs → the twin's bytes; raises ValueError if the schema refuses what was made."""
    root = xml.parse(data).root
    mt = ceb.message_of(root)
    if catalog.edition_that_validates(root, mt) is None:
        raise ValueError(f"{mt.type} is not valid")
    documents = catalog.documents(root, mt, approved=True)
    value = twin.write(
        mt, documents, guid=root.get("guid", ""), transfer=catalog.transfer(root), subscribe=catalog.subscribers(root)
    )
    return msgspec.json.encode(value)


def measure(judging: Judging = taken_in, seconds: float = SECONDS) -> Iterator[Cost]:
    """The cost of each upload message in each size; a message of which only one document is allowed has one size."""
    for mt in catalog.messages():
        if mt.direction != "up":
            continue
        for documents in SIZES:
            if documents <= (mt.max_documents or documents):
                texts = [made.message(mt, seed=n, documents=documents, sealed=True) for n in range(VARIETY)]
                us = _cpu(judging, texts, seconds) / documents
                yield Cost(mt.type, documents, us, sum(map(len, texts)) // (len(texts) * documents))


def _cpu(judging: Judging, texts: list[bytes], seconds: float) -> float:
    """CPU µs a message, the best of three."""
    for text in texts:  # schemas are compiled on first use
        judging(text)
    best = float("inf")
    for _ in range(3):
        begun, used, calls = time.process_time(), 0.0, 0
        while not calls or used < seconds / 3:
            for text in texts:
                judging(text)
            calls += len(texts)
            used = time.process_time() - begun
        best = min(best, used / calls)
    return best * 1e6


def table(costs: Iterator[Cost]) -> Iterator[str]:
    """The lines of the table as they come."""
    yield f"{'message':8} {'documents':>9} {'µs CPU a document':>18} {'bytes a document':>17}"
    for cost in costs:
        yield f"{cost.message:8} {cost.documents:9} {cost.us:18.1f} {cost.size:17,}"


def main(arguments: list[str]) -> None:
    """Print the table, or with ``--json`` a line of JSON for each figure."""
    costs = measure()
    for line in map(_json, costs) if "--json" in arguments else table(costs):
        print(line, flush=True)


def _json(cost: Cost) -> str:
    return msgspec.json.encode(cost).decode()


if __name__ == "__main__":
    main(sys.argv[1:])

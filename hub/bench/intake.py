"""What it costs the door to judge a document of each message: CPU µs, in messages of one and of a hundred documents.

``python -m hub.bench.intake`` prints the table. *Form* is bytes → tree → schema → structs, of messages made from the
catalogue with texts of all lengths; *door* is the whole judgement with signature, access, meaning and views, of signed
messages as made-up enterprises send them. Any function that takes a message's bytes can be measured (:func:`measure`).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from adapters import signature, xml
from adapters.certificates import fingerprint
from adapters.dialects import ceb
from adapters.intake import Judge
from hub.domain.access import Access, Principal
from hub.infra.participants import demo_principals, hosted_key, sm2_key
from hub.infra.vault import Vault
from schemas import catalog, made, samples

#: Takes the bytes of one message; what it gives back is not looked at.
Judging = Callable[[bytes], Any]
#: Makes the bytes of a message: type, seed, how many documents.
Making = Callable[[catalog.MessageType, int, int], bytes]
#: Documents a message, CPU seconds measured at least for a figure, different messages taken in turn.
SIZES, SECONDS, VARIETY = (1, 100), 0.3, 5


class Cost(msgspec.Struct, frozen=True):
    """CPU µs a document, and bytes a document, in messages of so many documents."""

    message: str
    documents: int
    us: float
    size: int


class Line(msgspec.Struct, frozen=True):
    """A line of the table: what form alone costs, and the whole door."""

    message: str
    documents: int
    form_us: float
    door_us: float
    size: int


# ---- form


def formed(mt: catalog.MessageType, seed: int, documents: int) -> bytes:
    """A message from the catalogue: of the right form, without meaning."""
    return made.message(mt, seed=seed, documents=documents, sealed=True)


def taken_in(data: bytes) -> list[Any]:  # Any: structs
    """Bytes → tree → schema → structs; raises ValueError if the schema refuses what was made."""
    root = xml.parse(data).root
    mt = ceb.message_of(root)
    edition = catalog.edition_that_validates(root, mt)
    if edition is None:
        raise ValueError(f"{mt.type} is not valid")
    return catalog.documents(root, mt, approved=True, edition=edition)


# ---- the door

_CODES = samples.Parties()
_DXP_ID = "DXPENT0000990001"
_ALL = Principal(
    "all",
    ("platform", "merchant", "payer", "carrier", "declarant", "site"),
    (_CODES.platform, _CODES.merchant, _CODES.payer, _CODES.carrier, _CODES.agent, _CODES.site),
    (_DXP_ID,),
)


class House:
    """A door of its own with one made-up principal that may send everything, signing with RSA or SM2; ``folder`` gets its
    keys.
    """

    def __init__(self, folder: Path, kind: str = "rsa") -> None:
        self.now = time.time_ns() // 1_000_000
        entry = next(p for p in demo_principals(folder, folder / "keys") if p.name == "agent")
        self._key: signature.SigningKey = sm2_key(entry) if kind == "sm2" else hosted_key(entry)
        prints = frozenset({fingerprint(self._key.certificate)})
        self._judge = Judge(
            access=lambda: Access(filed=dict.fromkeys(_ALL.codes, _ALL.name)),
            signatures="required",
            digest=Vault(folder / "keys").digest,
            signing_key=lambda _: None,
            certificates=lambda _: prints,
        )

    def message(self, mt: catalog.MessageType, seed: int, documents: int) -> bytes:
        """A signed message of documents as enterprises send them."""
        found = [samples.document(mt.type, seed * documents + n + 1, self.now) for n in range(documents)]
        transfer = samples.base_transfer(_CODES.agent, dxp_id=_DXP_ID)
        text = catalog.render(mt, found, guid=found[0].head.guid or "", transfer=transfer)
        return self.sign(text)

    def sign(self, text: bytes) -> bytes:
        """A message with its signature."""
        return signature.sign(text, self._key)

    def judge(self, data: bytes) -> object:
        """The whole judgement."""
        return self._judge(data, "application/xml", _ALL, self.now)


# ---- measuring


def measure(
    judging: Judging = taken_in, making: Making = formed, seconds: float = SECONDS, sizes: Sequence[int] = SIZES
) -> Iterator[Cost]:
    """The cost of each upload message in each size; a message of which only one document is allowed has one size."""
    for mt in catalog.messages():
        if mt.direction != "up":
            continue
        for documents in sizes:
            if documents <= (mt.max_documents or documents):
                texts = [making(mt, n, documents) for n in range(VARIETY)]
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


def lines(seconds: float = SECONDS, sizes: Sequence[int] = SIZES) -> Iterator[Line]:
    """Form and door side by side."""
    with TemporaryDirectory() as folder:
        house = House(Path(folder))
        doors = measure(house.judge, house.message, seconds, sizes)
        for form, door in zip(measure(seconds=seconds, sizes=sizes), doors, strict=True):
            yield Line(form.message, form.documents, form.us, door.us, door.size)


def table(costs: Iterator[Line]) -> Iterator[str]:
    """The lines of the table as they come."""
    yield f"{'message':8} {'documents':>9} {'form, µs':>9} {'door, µs':>9} {'bytes':>8}    CPU and bytes a document"
    for cost in costs:
        yield f"{cost.message:8} {cost.documents:9} {cost.form_us:9.1f} {cost.door_us:9.1f} {cost.size:8,}"


def main(arguments: list[str]) -> None:
    """Print the table, or with ``--json`` a line of JSON for each figure."""
    costs = lines()
    for line in map(_json, costs) if "--json" in arguments else table(costs):
        print(line, flush=True)


def _json(cost: Line) -> str:
    return msgspec.json.encode(cost).decode()


if __name__ == "__main__":
    main(sys.argv[1:])

"""Reading the chain of evidence back from the log: for files, for one submission's proof, and for the doctor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from hub import codec, topics
from hub.domain import audit, evidence
from hub.domain.audit import Act
from hub.domain.events import TICK_KEY
from hub.domain.evidence import Follower, Root, Stamped
from hub.domain.evidence_file import FORMAT, Header
from hub.domain.faults import Unavailable
from hub.domain.reading import Place
from hub.infra.crypto import HubKey, PublicKeys

#: Seconds a read of one record may take; how far back one looks for where a chain stands, in records.
READ_SECONDS, BEFORE = 10, 200
#: A submission is under a root after it was received: how far before that the search begins, ms; no clock of the hub's is more wrong.
_EARLIER_MS = 600_000
#: Records after a root in which a time stamp is looked for.
_STAMP_WITHIN = 400
_FETCH = 8 << 20
#: Ticks behind the last root that are looked at for something that waits.
_TICKS = 20_000
_json = msgspec.json.encode

_Leaf = tuple[int, str, str]


class EvidenceReader:
    """Reads ``evidence`` and what it is about; a consumer for each reading, since such reading is rare."""

    def __init__(
        self, bootstrap: str, keys: PublicKeys, submissions: str = topics.SUBMISSIONS, evidence_topic: str = topics.EVIDENCE
    ) -> None:
        """``keys``: the hub's; a root in the log that none of them signed is passed over."""
        self._bootstrap, self._key_id = bootstrap, keys.ids[0]
        self.genuine = evidence.genuine(keys)
        self._submissions, self._evidence = submissions, evidence_topic

    async def lines(self, since: int, until: int) -> AsyncIterator[bytes]:
        """A file of evidence of what was chained between two times (ms): every chain, with a proof for each leaf.

        Raises Unavailable, and ValueError where a root is not that of the log's records.
        """
        yield _json(Header(FORMAT, self._key_id))
        async with self._consumer() as consumer, self._consumer() as other:
            for number in await self._partitions(consumer):
                async for line in self._partition(consumer, other, number, since, until):
                    yield line

    async def _partition(
        self, consumer: AIOKafkaConsumer, other: AIOKafkaConsumer, number: int, since: int, until: int
    ) -> AsyncIterator[bytes]:
        place = TopicPartition(self._evidence, number)
        followers = {(topic, number): Follower(self.genuine) for topic in (self._submissions, self._evidence)}
        written: dict[str, str] = {}
        late: list[Root] = []
        async for record in self._records(consumer, place, await self._at(consumer, place, since, BEFORE)):
            if record.timestamp > until:
                break
            said = _said(record)
            if isinstance(said, Root) and (said.topic, number) in followers:
                for root in followers[said.topic, number].next(said):
                    if record.timestamp >= since:
                        async for line in self._root(other, root):
                            yield line
                        written[f"{root.topic}/{root.number}"] = evidence.record_hash(root)
            elif isinstance(said, Stamped) and written.get(f"{said.topic}/{said.number}") == said.record:
                yield _json(said)
        for follower in followers.values():
            late += follower.rest()
        for root in late:
            async for line in self._root(other, root):
                yield line

    async def _root(self, consumer: AIOKafkaConsumer, root: Root, wanted: frozenset[int] | None = None) -> AsyncIterator[bytes]:
        """A root, the proofs of its leaves, and the acts among them."""
        yield _json(root)
        leaves, acts = await self._leaves(consumer, root)
        for inclusion in evidence.include(root, leaves, wanted):
            yield _json(inclusion)
        for act in acts:
            yield act

    async def _leaves(self, consumer: AIOKafkaConsumer, root: Root) -> tuple[list[_Leaf], list[bytes]]:
        leaves: list[_Leaf] = []
        acts: list[bytes] = []
        place = TopicPartition(root.topic, root.partition)
        async for record in self._records(consumer, place, root.first, root.last + 1):
            subject = evidence.subject_of(record.key)
            if root.topic == self._submissions:
                if record.key != TICK_KEY:
                    leaves.append((record.offset, subject, codec.submission_content(record.value or b"")))
            elif record.key == audit.KEY:
                leaves.append((record.offset, subject, evidence.hashed(record.value)))
                acts.append(record.value)
        return leaves, acts

    async def proof(self, place: Place, received_at: int) -> list[bytes]:
        """A file of evidence of one submission: the root that covers it, the proof, and the roots after it up to one that is
        stamped, where one is soon. Empty where it is under no root yet. Raises Unavailable, ValueError.
        """
        async with self._consumer() as consumer, self._consumer() as other:
            at = TopicPartition(self._evidence, place.partition)
            found, after, stamp = await self._covering(consumer, at, place, await self._at(consumer, at, received_at - _EARLIER_MS, BEFORE))
            if found is None:
                return []
            lines = [_json(Header(FORMAT, self._key_id))]
            lines += [line async for line in self._root(other, found, frozenset({place.offset}))]
        if stamp is not None:
            lines += [*map(_json, (root for root in after if root.number <= stamp.number)), _json(stamp)]
        return lines

    async def _covering(
        self, consumer: AIOKafkaConsumer, at: TopicPartition, place: Place, start: int
    ) -> tuple[Root | None, list[Root], Stamped | None]:
        """(the root over a place, those after it, the first stamp of one of them)."""
        follower, found, after, hashes, since = Follower(self.genuine), None, list[Root](), set[str](), 0
        async for record in self._records(consumer, at, start):
            said = _said(record)
            if isinstance(said, Stamped) and said.record in hashes:
                return found, after, said
            roots = follower.next(said) if isinstance(said, Root) and said.topic == self._submissions else []
            for root in roots:
                if found is not None:
                    after.append(root)
                    hashes.add(evidence.record_hash(root))
                elif root.first <= place.offset <= root.last:
                    found = root
                    hashes.add(evidence.record_hash(root))
            since += found is not None
            if since > _STAMP_WITHIN:
                break
        if found is None:
            found = next((root for root in follower.rest() if root.first <= place.offset <= root.last), None)
        return found, after, None

    # ---- the log

    @asynccontextmanager
    async def _consumer(self) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap, enable_auto_commit=False, fetch_max_bytes=_FETCH, fetch_max_wait_ms=100
        )
        try:
            async with asyncio.timeout(READ_SECONDS):
                await consumer.start()
            yield consumer
        except (KafkaError, OSError, TimeoutError) as error:
            raise Unavailable("Kafka") from error
        finally:
            await consumer.stop()

    async def _partitions(self, consumer: AIOKafkaConsumer) -> list[int]:
        # A consumer that subscribes to nothing keeps no metadata; there is no public way to ask for it.
        cluster = await consumer._client.fetch_all_metadata()
        return sorted(cluster.partitions_for_topic(self._evidence) or ())

    async def _at(self, consumer: AIOKafkaConsumer, place: TopicPartition, since: int, before: int) -> int:
        """The offset so many records before the first that was written at a time or later."""
        found = (await consumer.offsets_for_times({place: max(0, since)}))[place]
        at = found.offset if found is not None else (await consumer.end_offsets([place]))[place]
        return max(0, int(at) - before)

    async def _records(self, consumer: AIOKafkaConsumer, place: TopicPartition, first: int, end: int | None = None) -> AsyncIterator[Any]:
        """The records of a partition from an offset to before another, or to what is its end now."""
        consumer.assign([place])
        now: int = (await consumer.end_offsets([place]))[place]
        last = min(end, now) if end is not None else now
        consumer.seek(place, max(first, (await consumer.beginning_offsets([place]))[place]))
        while await consumer.position(place) < last:
            async with asyncio.timeout(READ_SECONDS):
                while not (batch := (await consumer.getmany(place, timeout_ms=1000)).get(place, [])):
                    pass
            for record in batch:
                if record.offset >= last:
                    return
                yield record


def _said(record: Any) -> Act | Root | Stamped | None:  # Any: aiokafka has no types
    try:
        return codec.evidence(record.value or b"") if record.key != audit.KEY else None
    except msgspec.DecodeError:
        return None


class Prover:
    """Proofs, and the hub's key beside them (``hub.web.prover.Prover``)."""

    def __init__(self, bootstrap: str, key: HubKey) -> None:
        self.key_id, self.public_pem, self.sign = key.id, key.public.pem(), key.sign
        self.proof = EvidenceReader(bootstrap, key.public).proof


class Newest(msgspec.Struct):
    """The ends of the chains: how many there are; since when (ms) what is behind a root waits, and since when one is not stamped."""

    chains: int = 0
    waiting: dict[str, int] = {}
    unstamped: dict[str, int] = {}


async def newest(bootstrap: str, keys: PublicKeys, submissions: str = topics.SUBMISSIONS, evidence_topic: str = topics.EVIDENCE) -> Newest:
    """Look at the last records of every partition; raises Unavailable."""
    reader, found = EvidenceReader(bootstrap, keys, submissions, evidence_topic), Newest()
    async with reader._consumer() as consumer:
        for number in await reader._partitions(consumer):
            await _look(reader, consumer, number, found)
    return found


async def _look(reader: EvidenceReader, consumer: AIOKafkaConsumer, number: int, found: Newest) -> None:
    last: dict[str, Root] = {}
    #: The first root since the last stamp, by topic.
    since: dict[str, Root] = {}
    acts: list[tuple[int, int]] = []
    at = TopicPartition(reader._evidence, number)
    end = (await consumer.end_offsets([at]))[at]
    async for record in reader._records(consumer, at, end - 2 * BEFORE):
        said = _said(record)
        if record.key == audit.KEY:
            acts.append((record.offset, record.timestamp))
        elif isinstance(said, Root) and reader.genuine(said) and said.number > (last[said.topic].number if said.topic in last else 0):
            last[said.topic] = said
            since.setdefault(said.topic, said)
        elif isinstance(said, Stamped) and (root := last.get(said.topic)) is not None and said.record == evidence.record_hash(root):
            since.pop(said.topic, None)
    found.chains += len(last)
    found.unstamped |= {f"{topic}-{number}": root.at for topic, root in since.items()}
    chained = last[reader._evidence].last if reader._evidence in last else -1
    if behind := [at for offset, at in acts if offset > chained]:
        found.waiting[f"{reader._evidence}-{number}"] = min(behind)
    place = TopicPartition(reader._submissions, number)
    end = (await consumer.end_offsets([place]))[place]
    first = last[reader._submissions].last + 1 if reader._submissions in last else 0
    # Behind the last root is nothing but ticks for as long as nothing comes: looked at in part, and again at the end.
    for start, stop in ((first, min(end, first + _TICKS)), (max(first + _TICKS, end - 2 * BEFORE), end)):
        async for record in reader._records(consumer, place, start, stop):
            if record.key != TICK_KEY:
                found.waiting[f"{reader._submissions}-{number}"] = record.timestamp
                return

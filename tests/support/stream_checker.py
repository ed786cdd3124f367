"""The reference the runtime is held to: an inbox replayed one record at a time, and what Kafka holds compared with it."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from hub import codec
from hub.domain.events import TICK_KEY
from hub.topics import DEAD_LETTERS, partition_of
from streams.api import Now, Stage
from streams.entries import EMPTY, HEAD, POISONED, POSITION_KEY, Position, origin_of, origins, unpack_position
from streams.limits import DeadLetter
from streams.ticker import Ticker
from tests.support.stream_stages import POISON, Count, Counts, Join, Topics

PARTITIONS = 8
Log = dict[int, list[Any]]
_letter = msgspec.msgpack.Decoder(DeadLetter).decode


async def make_topics(bootstrap: str, topics: Topics, partitions: int = PARTITIONS) -> None:
    """The topics of a test, and the one of dead letters where it is not there yet."""
    compacted = {"cleanup.policy": "compact", "min.compaction.lag.ms": "3600000", "max.message.bytes": str(8 << 20)}
    plain = [topics.join, topics.count, topics.latest]
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        if DEAD_LETTERS not in await admin.list_topics():
            await admin.create_topics([NewTopic(DEAD_LETTERS, partitions, 1)])
        await admin.create_topics(
            [NewTopic(name, partitions, 1) for name in plain]
            + [NewTopic(name, partitions, 1, topic_configs=compacted) for name in topics.changelogs]
        )
    finally:
        await admin.close()


# ---- the reference


@dataclass
class Model:
    """What one partition must come to: outputs by origin, states by key, dead letters by offset."""

    outputs: dict[bytes, tuple[str, bytes, bytes | None]] = field(default_factory=dict)
    states: dict[bytes, tuple[int, int, bool, Any]] = field(default_factory=dict)
    letters: set[int] = field(default_factory=set)
    needed: int = 0


def replay(stage: Stage[Any], partition: int, records: Sequence[Any]) -> Model:
    """The stage over a log, as simply as it can be said."""
    model, now, origin = Model(), Now(0, 0, ""), origins(stage.name, partition)
    states = model.states

    def apply(key: bytes, offset: int, begin: bytes, act: Any, fired: bool) -> None:
        _, due, poisoned, state = states.get(key, (0, 0, False, None))
        model.needed = offset + 1
        try:
            step = act(state)
        except Exception:
            model.letters.add(offset)
            states[key] = offset, 0 if fired else due, True, state
            return
        if step is None:
            return
        if step.state is None and not poisoned:
            states.pop(key, None)
        else:
            states[key] = offset, step.due if step.state is not None else 0, poisoned, step.state
        for number, output in enumerate(step.outputs):
            model.outputs[origin.header(begin, number)[1]] = output.topic, output.key, output.value

    for record in records:
        offset = record.offset
        if record.key != TICK_KEY:
            apply(
                record.key,
                offset,
                origin.of_record(offset),
                lambda s, r=record, n=now: stage.handle(s, r, n),
                fired=False,
            )
            continue
        tick = codec.tick(record.value)
        if tick.at <= now.at:
            continue
        now = Now(tick.at, max(now.reference, tick.reference), tick.rules)
        for due, key in sorted((due, key) for key, (_, due, _, _) in states.items() if 0 < due <= now.at):
            apply(key, offset, origin.of_due(offset, due, key), lambda s, k=key, n=now: stage.fire(s, k, n), fired=True)
    return model


def table(stage: Stage[Any], records: Sequence[Any]) -> tuple[Position | None, dict[bytes, tuple[int, int, bool, Any]]]:
    """The states a changelog says, by the rule of recovery."""
    position: Position | None = None
    states: dict[bytes, tuple[int, int, bool, Any]] = {}
    rows: list[Any] = []
    for record in records:
        if record.key != POSITION_KEY:
            rows.append(record)
            continue
        found = unpack_position(record.value)
        if position is None or found.rank > position.rank:
            position = found
            for row in rows:
                if row.value is None:
                    states.pop(row.key, None)
                else:
                    applied, due, marks = HEAD.unpack_from(row.value)
                    state = None if marks & EMPTY else stage.load(row.value[HEAD.size :])
                    states[row.key] = applied, due, bool(marks & POISONED), state
        rows.clear()
    return position, states


# ---- reading and feeding


async def read(bootstrap: str, topic: str) -> Log:
    """Every record of a topic, by partition."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, max_poll_records=20_000)
    await consumer.start()
    try:
        places = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
        if not places:
            await consumer._client._wait_on_metadata(topic)
            places = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
        ends = await consumer.end_offsets(places)
        found: Log = {place.partition: [] for place in places}
        consumer.assign(places)
        for place in places:
            consumer.seek(place, 0)
        while any([await consumer.position(place) < ends[place] for place in places]):
            for place, records in (await consumer.getmany(timeout_ms=300)).items():
                found[place.partition] += records
        return found
    finally:
        await consumer.stop()


class WallClock:
    """The machine's time."""

    def now(self) -> int:
        return int(time.time() * 1000)


PAD = b"".join(b'{"sku":"%08d","quantity":%d},' % (i, i) for i in range(20))


def document(kind: int, number: int) -> bytes:
    """About 600 bytes; the type first."""
    return b"%d %d %s" % (kind, number, PAD)


class Feeder:
    """Writes documents of made-up keys to the join's inbox, and ticks to both inboxes."""

    def __init__(self, bootstrap: str, topics: Topics, partitions: int = PARTITIONS) -> None:
        self._bootstrap = bootstrap
        self._topics = topics
        self._partitions = partitions

    async def live(
        self,
        seconds: float,
        rate: int,
        settle: float = 16.0,
        seed: int = 1,
        stop: asyncio.Event | None = None,
        first: int = 0,
    ) -> int:
        """Feed at a rate (events a second) for a time or until ``stop``, then tick until all is closed and forgotten; returns the events written.

        Keys get four documents over up to 5 s, 5 % of them over 9 s; 3 % lack one, 3 % get one twice, 1 % a poisonous one.
        """
        inboxes = (self._topics.join, self._topics.count)
        ticking = asyncio.create_task(Ticker(self._bootstrap, inboxes, WallClock(), lambda: 0, lambda: "r").run())
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap, acks="all", enable_idempotence=True, max_batch_size=1 << 18
        )
        await producer.start()
        count = 0
        try:
            loop = asyncio.get_running_loop()
            began = loop.time()
            for slot, rows in enumerate(_schedule(seconds, rate, random.Random(seed), first)):
                await self._write(producer, rows)
                count += len(rows)
                if stop is not None and stop.is_set():
                    break
                await asyncio.sleep(max(0.0, began + (slot + 1) * SLOT - loop.time()))
            await asyncio.sleep(settle)
        finally:
            await producer.stop()
            ticking.cancel()
        return count

    async def fill(self, events: int, window: int = 10_000) -> None:
        """One tick, then four documents for each of ``events / 4`` keys, as fast as can be; those of a key come within
        ``window`` keys.
        """
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap, acks="all", enable_idempotence=True, max_batch_size=1 << 18
        )
        await producer.start()
        tick = codec.pack(Now(WallClock().now()))
        for inbox in (self._topics.join, self._topics.count):
            for partition in range(self._partitions):
                await producer.send_and_wait(inbox, tick, TICK_KEY, partition)
        for begin in range(0, events // 4, window):
            keys = range(begin, min(begin + window, events // 4))
            rows = [(b"%012d" % key, document(kind, key)) for kind in range(4) for key in keys]
            for at in range(0, len(rows), 4096):
                await self._write(producer, rows[at : at + 4096])
        await producer.stop()

    async def _write(self, producer: AIOKafkaProducer, rows: Sequence[tuple[bytes, bytes]]) -> None:
        places: dict[int, list[tuple[bytes, bytes]]] = defaultdict(list)
        for row in rows:
            places[partition_of(row[0], self._partitions)].append(row)
        sent = []
        for partition, some in places.items():
            batch = producer.create_batch()
            for key, value in some:
                if batch.append(timestamp=None, key=key, value=value) is None:
                    batch.close()
                    sent.append(await producer.send_batch(batch, self._topics.join, partition=partition))
                    batch = producer.create_batch()
                    batch.append(timestamp=None, key=key, value=value)
            batch.close()
            sent.append(await producer.send_batch(batch, self._topics.join, partition=partition))
        await asyncio.gather(*sent)


SLOT = 0.05


def _schedule(seconds: float, rate: int, chance: random.Random, key: int) -> Iterator[list[tuple[bytes, bytes]]]:
    """(key, value) rows by slots of time; ``key`` is the first key."""
    slots: dict[int, list[tuple[bytes, bytes]]] = defaultdict(list)
    last = int((seconds + 10) / SLOT)
    for slot in range(last):
        if slot * SLOT < seconds:
            for _ in range(max(int(rate / 4 * SLOT), 1)):
                kinds = [0, 1, 2, 3]
                chance.shuffle(kinds)
                span = 9.0 if chance.random() < 0.05 else chance.choice((0.1, 1.0, 5.0))
                if chance.random() < 0.03:
                    kinds.pop()
                if chance.random() < 0.03:
                    kinds.append(chance.choice(kinds))
                name = b"%012d" % key
                for kind in kinds:
                    slots[slot + int(chance.random() * span / SLOT)].append((name, document(kind, key)))
                if chance.random() < 0.01:
                    slots[slot + int(chance.random() * span / SLOT)].append((name, POISON + b"%d" % key))
                key += 1
        yield slots.pop(slot, [])


# ---- comparing


@dataclass
class Verdict:
    """What differs; all zero but ``repeated`` where the runtime kept its promises."""

    events: int = 0
    outputs: int = 0
    repeated: int = 0
    letters: int = 0
    problems: dict[str, int] = field(default_factory=dict)

    def count(self, what: str, number: int) -> None:
        if number:
            self.problems[what] = self.problems.get(what, 0) + number


async def settled(bootstrap: str, topics: Topics, seconds: float) -> None:
    """Wait until both stages have worked off everything that changes anything; raises TimeoutError."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    for stage in (Join(topics), Count(topics)):
        while True:
            inbox, changelog = await read(bootstrap, stage.inbox), await read(bootstrap, f"changelog.{stage.name}")
            behind = {}
            for partition, records in inbox.items():
                position, _ = table(stage, changelog[partition])
                needed = replay(stage, partition, records).needed
                if needed and (position is None or position.next < needed):
                    behind[partition] = needed - (position.next if position else 0)
            if not behind:
                break
            if loop.time() > deadline:
                raise TimeoutError(f"{stage.name} is behind: {behind}")
            await asyncio.sleep(0.5)


async def compare(bootstrap: str, topics: Topics) -> Verdict:
    """Hold outputs, counts, states, snapshots and dead letters against the reference."""
    verdict = Verdict()
    join, count = Join(topics), Count(topics)
    middle = await read(bootstrap, topics.count)
    wanted: dict[bytes, tuple[bytes, bytes | None]] = {}
    for stage, inbox in ((join, await read(bootstrap, topics.join)), (count, middle)):
        letters: set[tuple[int, int]] = set()
        changelog = await read(bootstrap, f"changelog.{stage.name}")
        for partition, records in inbox.items():
            model = replay(stage, partition, records)
            verdict.events += len(records)
            letters |= {(partition, offset) for offset in model.letters}
            if stage is join:
                wanted |= {origin: (key, value) for origin, (_, key, value) in model.outputs.items()}
            _, states = table(stage, changelog[partition])
            keys = model.states.keys() | states.keys()
            verdict.count(f"states of {stage.name}", sum(model.states.get(k) != states.get(k) for k in keys))
        verdict.letters += len(letters)
        verdict.count(f"dead letters of {stage.name}", len(letters ^ await _letters(bootstrap, stage.name)))
    _compare_outputs(verdict, wanted, middle)
    await _compare_counts(verdict, bootstrap, topics, wanted)
    return verdict


def _compare_outputs(verdict: Verdict, wanted: dict[bytes, tuple[bytes, bytes | None]], middle: Log) -> None:
    found: dict[bytes, tuple[bytes, bytes | None]] = {}
    for partition, records in middle.items():
        for record in records:
            if record.key == TICK_KEY:
                continue
            upstream = origin_of(record.headers)
            assert upstream is not None
            origin, content = b"".join(upstream), (record.key, record.value)
            verdict.repeated += origin in found
            verdict.count("differing repetitions", found.get(origin, content) != content)
            verdict.count("outputs in the wrong partition", partition != partition_of(record.key, len(middle)))
            found[origin] = content
    verdict.outputs = len(wanted)
    verdict.count("lost outputs", len(wanted.keys() - found.keys()))
    verdict.count("outputs too many", len(found.keys() - wanted.keys()))
    verdict.count("differing outputs", sum(wanted.get(origin, content) != content for origin, content in found.items()))


async def _compare_counts(
    verdict: Verdict, bootstrap: str, topics: Topics, wanted: dict[bytes, tuple[bytes, bytes | None]]
) -> None:
    expected = Counter((key, (value or b"")[:4]) for key, value in wanted.values())
    count = Count(topics)
    final: dict[bytes, tuple[int, Counts]] = {}
    for records in (await read(bootstrap, f"changelog.{count.name}")).values():
        final |= {key: (applied, state) for key, (applied, _, _, state) in table(count, records)[1].items()}
    counted = Counter({(key, b"done"): state.done for key, (_, state) in final.items()})
    counted += Counter({(key, b"late"): state.late for key, (_, state) in final.items()})
    verdict.count("wrong counts", sum(((expected - counted) + (counted - expected)).values()))
    latest: dict[bytes, dict[int, bytes]] = defaultdict(dict)
    for records in (await read(bootstrap, topics.latest)).values():
        for record in records:
            applied = int(record.value.split()[0])
            same = latest[record.key].setdefault(applied, record.value)
            verdict.count("differing snapshots", same != record.value)
    for key, (applied, state) in final.items():
        wanted_value = b"%d %d %d" % (applied, state.done, state.late)
        verdict.count("snapshots not the last state", latest[key].get(max(latest[key], default=-1)) != wanted_value)


async def _letters(bootstrap: str, stage: str) -> set[tuple[int, int]]:
    found = set()
    for records in (await read(bootstrap, DEAD_LETTERS)).values():
        for record in records:
            # The topic is shared with tests of others, who put what is no letter of a stage; a lost letter of ours counts.
            try:
                letter = _letter(record.value)
            except msgspec.DecodeError:
                continue
            if letter.stage == stage:
                assert letter.error == "builtins.ValueError", letter.error
                assert letter.value.startswith(b"sealed "), "not sealed"
                found.add((letter.partition, letter.offset))
    return found

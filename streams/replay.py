"""What was set aside, sent again: dead letters to the inbox of their stage (of a key's due, that it is due), parked hand-overs to whoever they were for.

Each item is written to where it goes and then marked, so that doing it twice sends nothing twice; a crash between the two
repeats that item. Original records keep their bytes and headers, without the origin: a consumer that counts has long
passed it, and would take the record for a repetition.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, Protocol

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from hub.domain.deliveries import Redelivery
from hub.domain.events import HandOverOutcome
from hub.domain.faults import HubError
from hub.domain.subscriptions import subscription_of
from hub.ports import Publisher, Row
from hub.topics import DEAD_LETTERS, HAND_OVERS, REDELIVERIES, STAGES, SUBMISSIONS, inbox, out, partition_of
from streams.api import DUE_HEADER, REPLAY_HEADER
from streams.entries import ORIGIN_HEADER
from streams.limits import DeadLetter
from streams.sender import outcome_row

REQUEUED = "requeued"
TOPICS = (DEAD_LETTERS, HAND_OVERS)
_DELIVER = "deliver."
#: Headers of the way a record came, which another way replaces.
_ITS_WAY = (ORIGIN_HEADER, REPLAY_HEADER)
_letter = msgspec.msgpack.Decoder(DeadLetter).decode
_outcome = msgspec.json.Decoder(HandOverOutcome).decode


class Item(NamedTuple):
    """Something set aside. ``fields``: what it can be picked by and is shown with; ``at``: when, ms; ``place``: of the record here."""

    key: bytes
    at: int
    fields: Mapping[str, str]
    place: tuple[int, int]
    outcome: HandOverOutcome | None = None


class Log(Protocol):
    """Single records by their place."""

    async def record(self, topic: str, partition: int, offset: int) -> Any | None:  # Any: aiokafka's ConsumerRecord
        """The record at a place; None where it is gone."""


class Reading:
    """A consumer without a group; ``prefix`` stands before every topic's name on a broker that several hubs share."""

    def __init__(self, consumer: AIOKafkaConsumer, prefix: str) -> None:
        self._consumer, self._prefix = consumer, prefix

    async def all(self, topic: str) -> AsyncIterator[Any]:  # Any: aiokafka's ConsumerRecord
        """Every record of a topic up to where it ends now, each partition in order."""
        cluster = await self._consumer._client.fetch_all_metadata()
        for number in sorted(cluster.partitions_for_topic(self._prefix + topic) or ()):
            place = TopicPartition(self._prefix + topic, number)
            self._consumer.assign([place])
            end = (await self._consumer.end_offsets([place]))[place]
            await self._consumer.seek_to_beginning(place)
            while await self._consumer.position(place) < end:
                for record in (await self._consumer.getmany(place, timeout_ms=500)).get(place, ()):
                    yield record

    async def record(self, topic: str, partition: int, offset: int) -> Any | None:
        """The record at a place; None where retention has taken it."""
        place = TopicPartition(self._prefix + topic, partition)
        self._consumer.assign([place])
        begin = (await self._consumer.beginning_offsets([place]))[place]
        end = (await self._consumer.end_offsets([place]))[place]
        if not begin <= offset < end:
            return None
        self._consumer.seek(place, offset)
        found = await self._consumer.getone(place)
        return found if found.offset == offset else None


@asynccontextmanager
async def reading(bootstrap: str, prefix: str = "") -> AsyncIterator[Reading]:
    """A reader of whole topics."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest", max_partition_fetch_bytes=4 << 20)
    try:
        await consumer.start()
        await asyncio.sleep(0)  # stopped before its first step, a consumer without a group raises CancelledError
        yield Reading(consumer, prefix)
    finally:
        await consumer.stop()


async def set_aside(log: Reading, topic: str) -> list[Item]:
    """What of a topic is set aside and not sent again yet, the oldest first. Contents are not kept in memory."""
    found: dict[bytes, Item] = {}
    async for record in log.all(topic):
        key, item = (_dead_letter if topic == DEAD_LETTERS else _hand_over)(record)
        found.pop(key, None)
        if item is not None:
            found[key] = item
    return sorted(found.values(), key=lambda item: (item.at, item.place))


def _dead_letter(record: Any) -> tuple[bytes, Item | None]:
    if record.value is None:  # it was sent again
        return record.key, None
    letter = _letter(record.value)
    fields = {
        "stage": letter.stage, "partition": str(letter.partition), "offset": str(letter.offset), "error": letter.error,
        "frame": letter.frame, "fired": str(letter.fired).lower(), "origin": record.key.decode(),
    }  # fmt: skip
    return record.key, Item(record.key, letter.at, fields, (record.partition, record.offset))


def _hand_over(record: Any) -> tuple[bytes, Item | None]:
    said = _outcome(record.value)
    key = f"{said.recipient}\0{said.copmsg_id}".encode()
    if said.outcome != "parked":
        return key, None
    fields = {
        "recipient": said.recipient, "sender": said.sender, "message": said.message, "submission": said.submission,
        "id": said.copmsg_id, "note": said.note, "attempts": str(said.attempts),
    }  # fmt: skip
    return key, Item(key, said.at, fields, (record.partition, record.offset), said)


class Replay:
    """Sends items again; ``open_sealed`` opens what the dead letters hold, ``partitions`` are those of every topic."""

    def __init__(self, publisher: Publisher, log: Log, partitions: int, open_sealed: Callable[[bytes], bytes], prefix: str = "") -> None:
        self._publisher, self._log, self._partitions = publisher, log, partitions
        self._open, self._prefix = open_sealed, prefix

    async def send(self, item: Item, at: int) -> str:
        """Send one again and mark it so; why it cannot be, "" where it was. ``at``: now, ms. Raises Unavailable."""
        return await (self._letter(item) if item.outcome is None else self.parked(item.outcome, at))

    async def _letter(self, item: Item) -> str:
        record = await self._log.record(DEAD_LETTERS, *item.place)
        if record is None:
            return "the log no longer has it"
        letter = _letter(record.value)
        topic = self._home(letter.stage)
        if not topic:
            return f"there is no stage {letter.stage}"
        if letter.fired and topic == SUBMISSIONS:
            return "its inbox is the log of submissions, which holds nothing else; a submission's due only forgets it"
        row: Row = (letter.key, b"", [(DUE_HEADER, item.key)])
        if not letter.fired:
            try:
                value = self._open(letter.value)
            except HubError as error:
                return f"its content cannot be opened: {type(error).__name__}"
            first = await self._log.record(topic, letter.partition, letter.offset)
            kept = list(first.headers) if first is not None and (first.key or b"") == letter.key else []
            row = letter.key, value, [*[header for header in kept if header[0] not in _ITS_WAY], (REPLAY_HEADER, item.key)]
        await self._write((topic, letter.partition), row)
        # The mark of its key ends when the record succeeds; in the topic it counts as sent again from here on.
        await self._write((DEAD_LETTERS, record.partition), (item.key, None, ()))
        return ""

    def _home(self, stage: str) -> str:
        if stage.startswith(_DELIVER):
            return out(stage.removeprefix(_DELIVER))
        return inbox(stage) if stage in STAGES else ""

    async def parked(self, said: HandOverOutcome, at: int) -> str:
        """Send a parked hand-over again: an event to its subscription, a message to the authority under the same CopMsgId."""
        if not said.topic:
            return "it does not say where its record lies"
        subscription = subscription_of(said.recipient)
        if subscription:
            again = Redelivery(subscription, said.topic, said.partition, said.offset)
            key = subscription.encode()
            await self._write((REDELIVERIES, partition_of(key, self._partitions)), (key, msgspec.json.encode(again), ()))
        else:
            record = await self._log.record(said.topic, said.partition, said.offset)
            if record is None:
                return "the log no longer has it"
            await self._write((said.topic, said.partition), (record.key, record.value, list(record.headers)))
        row = outcome_row(msgspec.structs.replace(said, outcome=REQUEUED, at=at))
        await self._write((HAND_OVERS, partition_of(row[0], self._partitions)), row)
        return ""

    async def _write(self, place: tuple[str, int], row: Row) -> None:
        await self._publisher.send({(self._prefix + place[0], place[1]): [row]})



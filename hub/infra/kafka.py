"""Kafka from the hub's side: topics made and compared, and the one producer that writes in batches."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from hub.domain.faults import Misconfigured, Unavailable
from hub.ports import Row
from hub.topics import LARGE, TOPICS

#: Bytes of one record batch unless a single record is larger.
BATCH_BYTES = 1 << 20

_NAMES = frozenset(topic.name for topic in TOPICS)


async def ensure_topics(bootstrap: str, partitions: int, replication: int) -> list[str]:
    """Make the topics that are not there; the names of those made.

    Raises Misconfigured where one that is there has another number of partitions: keys would be looked for elsewhere.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        there = await _counts(admin)
        _same_count(there, partitions)
        wanted = [topic for topic in TOPICS if topic.name not in there]
        if not wanted:
            return []
        answer = await admin.create_topics(
            [
                NewTopic(topic.name, partitions, replication, topic_configs=topic.config())
                for topic in wanted
            ]
        )
        for name, code, *rest in answer.topic_errors:
            if code and for_code(code) is not TopicAlreadyExistsError:
                raise Unavailable(f"Kafka ({name}: {rest or for_code(code).__name__})")
        return [topic.name for topic in wanted]
    except (KafkaError, OSError) as error:
        raise Unavailable("Kafka") from error
    finally:
        await admin.close()


async def check_partitions(bootstrap: str, partitions: int) -> None:
    """Raise Misconfigured unless the topics that are there have so many partitions; Unavailable without a broker."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        _same_count(await _counts(admin), partitions)
    except (KafkaError, OSError) as error:
        raise Unavailable("Kafka") from error
    finally:
        await admin.close()


async def _counts(admin: AIOKafkaAdminClient) -> dict[str, int]:
    return {row["topic"]: len(row["partitions"]) for row in await admin.describe_topics() if not row["error_code"]}


def _same_count(there: Mapping[str, int], partitions: int) -> None:
    others = sorted({count for name, count in there.items() if name in _NAMES and count != partitions})
    if others:
        have = " or ".join(map(str, others))
        problem = (
            f"The topics have {have} partitions, the settings say {partitions}. The number is fixed when topics are made, "
            f"since keys are found by it: set HUB_PARTITIONS={others[0]}, or begin with other topics."
        )
        raise Misconfigured([problem])


async def topic_drift(bootstrap: str, partitions: int) -> list[tuple[str, str, str, str]]:
    """(topic, setting, wanted, found) wherever the broker differs from ``hub.topics``; found is "" for a missing topic."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    drift: list[tuple[str, str, str, str]] = []
    try:
        await admin.start()
        there = {row["topic"]: row for row in await admin.describe_topics() if not row["error_code"]}
        for topic in TOPICS:
            row = there.get(topic.name)
            if row is None:
                drift.append((topic.name, "topic", "present", ""))
                continue
            if len(row["partitions"]) != partitions:
                drift.append((topic.name, "partitions", str(partitions), str(len(row["partitions"]))))
            (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name)])
            found = {entry[0]: entry[1] for entry in answer.resources[0][4]}
            drift += [
                (topic.name, name, value, str(found.get(name, "")))
                for name, value in topic.config().items()
                if found.get(name) != value
            ]
    except (KafkaError, OSError) as error:
        raise Unavailable("Kafka") from error
    finally:
        await admin.close()
    return drift


class KafkaPublisher:
    """Writes batches with an idempotent producer and waits for every confirmation (``hub.ports.Publisher``)."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Connect; raises Unavailable."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            enable_idempotence=True,
            acks="all",
            max_batch_size=BATCH_BYTES,
            max_request_size=LARGE,
            request_timeout_ms=30_000,
        )
        try:
            await producer.start()
        except (KafkaError, OSError) as error:
            await producer.stop()
            raise Unavailable("Kafka") from error
        self._producer = producer

    async def stop(self) -> None:
        """Wait for what is under way and disconnect."""
        if self._producer is not None:
            await self._producer.stop()

    async def send(self, rows: Mapping[tuple[str, int], Sequence[Row]]) -> dict[tuple[str, int], list[int]]:
        """{(topic, partition): rows} → the offset of each row; raises Unavailable, the outcome then is unknown."""
        producer = self._producer
        if producer is None:
            raise Unavailable("Kafka")
        try:
            sent = []
            for (topic, partition), some in rows.items():
                sent += [
                    ((topic, partition), count, await producer.send_batch(batch, topic, partition=partition))
                    for batch, count in _batches(producer, some)
                ]
            # Every confirmation is awaited, also behind a failed one: none is left that nobody hears.
            answers = await asyncio.gather(*(future for _, _, future in sent), return_exceptions=True)
            offsets: dict[tuple[str, int], list[int]] = {}
            for (place, count, _), answer in zip(sent, answers, strict=True):
                if isinstance(answer, BaseException):
                    raise answer
                offsets.setdefault(place, []).extend(range(answer.offset, answer.offset + count))
        except (TimeoutError, KafkaError, OSError) as error:
            raise Unavailable("Kafka") from error
        return offsets


def _batches(producer: AIOKafkaProducer, rows: Sequence[Row]) -> list[tuple[object, int]]:
    """Closed record batches of the rows, in order, with the number of rows in each."""
    made: list[tuple[object, int]] = []
    batch, count = producer.create_batch(), 0
    for key, value, headers in rows:
        if batch.append(key=key, value=value, timestamp=None, headers=list(headers)) is None:
            batch.close()
            made.append((batch, count))
            batch, count = producer.create_batch(), 0
            # an empty batch takes a first record of any size
            if batch.append(key=key, value=value, timestamp=None, headers=list(headers)) is None:
                raise ValueError("a record that no batch can take")
        count += 1
    if count:
        batch.close()
        made.append((batch, count))
    return made

"""Idempotency claims and the door on a real Kafka: the first claim in the log wins, for every door and after a restart."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from adapters.door import Claimed
from hub import codec, topics
from hub.domain.faults import Refused
from hub.infra.claims import Claims
from hub.infra.kafka import KafkaPublisher
from tests.support.delivery import make_topics
from tests.support.door import a_door

PARTITIONS = 2


@pytest.fixture
async def bootstrap(kafka: str) -> str:
    await make_topics(kafka, [topics.SUBMISSIONS, topics.REFUSALS, topics.CLAIMS], PARTITIONS)
    return kafka


@asynccontextmanager
async def claims_of(bootstrap: str) -> AsyncIterator[tuple[Claims, KafkaPublisher]]:
    publisher = KafkaPublisher(bootstrap)
    await publisher.start()
    claims = Claims(bootstrap, publisher, PARTITIONS)
    try:
        await asyncio.wait_for(claims.start(), 30)
        yield claims, publisher
    finally:
        await claims.stop()
        await publisher.stop()


async def records(bootstrap: str, topic: str) -> list[tuple[bytes, bytes]]:
    """(key, value) of everything the topic holds now."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    try:
        places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        found = []
        async with asyncio.timeout(20):
            while any([await consumer.position(place) < ends[place] for place in places]):
                for rows in (await consumer.getmany(timeout_ms=200)).values():
                    found += [(row.key, row.value) for row in rows]
        return found
    finally:
        await consumer.stop()


async def test_of_two_doors_the_same_claim_wins_in_both_and_after_a_restart(bootstrap: str) -> None:
    id = secrets.token_hex(16)
    async with claims_of(bootstrap) as (one, _), claims_of(bootstrap) as (two, _):
        won = await asyncio.gather(one.claim(id, "a", b"first"), two.claim(id, "b", b"second"))
        assert won[0] == won[1]
        assert won[0] in (Claimed("a", b"first"), Claimed("b", b"second"))
    async with claims_of(bootstrap) as (again, _):
        assert again.known(id) == won[0]


async def test_a_key_repeated_at_another_door_gets_the_same_answer_and_completes_the_record(
    bootstrap: str, tmp_path: Path
) -> None:
    key = secrets.token_hex(8)
    async with claims_of(bootstrap) as (one, first), claims_of(bootstrap) as (two, second):
        doors = [
            a_door(tmp_path, publisher, claims, partitions=PARTITIONS)
            for claims, publisher in ((one, first), (two, second))
        ]
        sale = doors[0].sales()[0].body
        principal = doors[0].principal("platform")
        answers = [await made.door.submit(sale, "application/xml", principal, key=key) for made in doors]
        assert answers[0] == answers[1]
        with pytest.raises(Refused) as refused:
            await doors[1].door.submit(doors[0].sales(1)[0].body, "application/xml", principal, key=key)
        assert (refused.value.faults[0].code, refused.value.status) == ("transport.key_reused", 422)
        for made in doors:
            await made.door.stop()
    written = [
        codec.submission_record(value).acknowledgement
        for id, value in await records(bootstrap, topics.SUBMISSIONS)
        if id.decode() == answers[0].submission
    ]
    assert written == [answers[0].body] * 2  # split drops the second

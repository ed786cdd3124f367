"""The door on a real Kafka: what it acknowledged stands in the log, whatever was asked at the same time."""

from __future__ import annotations

import asyncio
import json
import secrets
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from adapters.door import Accepted
from hub import codec, topics
from hub.domain.faults import Refused, Unavailable
from hub.domain.keys import rfc3339
from hub.infra.claims import Claims
from hub.infra.embedded import EmbeddedKafka
from hub.infra.kafka import KafkaPublisher
from hub.settings import Settings, jars
from tests.support.delivery import make_topics
from tests.support.door import Log, Made, a_door, served

PARTITIONS = 2
NAMES = [topics.SUBMISSIONS, topics.REFUSALS, topics.CLAIMS]
XML = "application/xml"


@pytest.fixture
async def bootstrap(kafka: str) -> str:
    await make_topics(kafka, NAMES, PARTITIONS)
    return kafka


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys of the principals, made once: RSA keys take their time."""
    return tmp_path_factory.mktemp("door")


@asynccontextmanager
async def opened(bootstrap: str, folder: Path, **settings: Any) -> AsyncIterator[Made]:
    """A door of its own connections."""
    publisher = KafkaPublisher(bootstrap)
    await publisher.start()
    claims = Claims(bootstrap, publisher, PARTITIONS)
    try:
        await asyncio.wait_for(claims.start(), 30)
        made = a_door(folder, publisher, claims, partitions=PARTITIONS, **settings)
        yield made
        await made.door.stop()
    finally:
        await claims.stop()
        await publisher.stop()


async def records(bootstrap: str, topic: str) -> list[Any]:
    """Everything the topic holds now."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    try:
        places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        found: list[Any] = []
        async with asyncio.timeout(20):
            while any([await consumer.position(place) < ends[place] for place in places]):
                for rows in (await consumer.getmany(timeout_ms=200)).values():
                    found += rows
        return found
    finally:
        await consumer.stop()


async def test_what_was_acknowledged_stands_in_the_log_in_order_of_arrival(bootstrap: str, folder: Path) -> None:
    async with opened(bootstrap, folder) as made:
        bodies = [made.sales(number)[0].body for number in range(30)]
        principal = made.principal("platform")
        answers = await asyncio.gather(*[made.door.submit(body, XML, principal) for body in bodies])
        ids = [answer.submission for answer in answers]
        written = [row for row in await records(bootstrap, topics.SUBMISSIONS) if row.key.decode() in ids]
        assert [row.key.decode() for row in written] == ids
        for row, body, answer in zip(written, bodies, answers, strict=True):
            record = codec.submission_record(row.value)
            assert made.vault.open(record.received) == body
            assert record.acknowledgement == answer.body


async def test_a_repetition_has_the_same_id_and_a_refusal_is_kept(bootstrap: str, folder: Path) -> None:
    async with opened(bootstrap, folder) as made:
        body, principal = made.sales(100)[0].body, made.principal("platform")
        first, second = [await made.door.submit(body, XML, principal) for _ in range(2)]
        assert first.submission == second.submission
        with pytest.raises(Refused):
            await made.door.submit(b"<no" + secrets.token_bytes(8), XML, principal)
        kept = (await records(bootstrap, topics.REFUSALS))[-1]
        summary = codec.summary(dict(kept.headers)[codec.SUMMARY_HEADER])
        assert (summary.principal, summary.status) == ("platform", 400)


async def test_of_a_hundred_at_once_under_one_key_at_two_doors_all_get_one_answer(bootstrap: str, folder: Path) -> None:
    key = secrets.token_hex(8)
    async with opened(bootstrap, folder) as one, opened(bootstrap, folder) as two:
        body, other = one.sales(200)[0].body, one.sales(201)[0].body
        principal = one.principal("platform")
        asked = [
            made.door.submit(other if number % 10 == 9 else body, XML, principal, key=key)
            for number in range(50)
            for made in (one, two)
        ]
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
    taken = [found for found in outcomes if isinstance(found, Accepted)]
    refused = [found.faults[0].code for found in outcomes if isinstance(found, Refused)]
    assert len(taken) + len(refused) == 100
    assert len({(found.submission, found.body) for found in taken}) == 1
    assert len(taken) in (90, 10)  # whichever content came first
    assert Counter(refused) == {"transport.key_reused": 100 - len(taken)}
    acknowledged = {
        codec.submission_record(row.value).acknowledgement
        for row in await records(bootstrap, topics.SUBMISSIONS)
        if row.key.decode() == taken[0].submission
    }
    assert acknowledged == {taken[0].body}


async def test_what_a_door_left_unfinished_is_finished_as_of_when_it_was_claimed(bootstrap: str, folder: Path) -> None:
    key = secrets.token_hex(8)
    async with opened(bootstrap, folder) as made:
        body, principal = made.sales(300)[0].body, made.principal("platform")
        door, write = made.door, made.door._write

        async def dies(*_: Any) -> bytes:
            raise Unavailable("the log")

        door._write = dies  # type: ignore[method-assign]
        with pytest.raises(Unavailable):
            await door.submit(body, XML, principal, key=key)
        door._write = write  # type: ignore[method-assign]
        answer = await door.submit(body, XML, principal, key=key)
    (row,) = [r for r in await records(bootstrap, topics.SUBMISSIONS) if r.key.decode() == answer.submission]
    record = codec.submission_record(row.value)
    submission = codec.submission(made.vault.open(record.documents))
    assert record.acknowledgement == answer.body
    told = json.loads(answer.body)["received_at"]
    assert rfc3339(submission.received_at) == told


@pytest.mark.slow
async def test_while_the_broker_is_away_outcomes_are_unknown_and_then_the_same_bytes_are_taken(
    tmp_path: Path, folder: Path
) -> None:
    broker = EmbeddedKafka(tmp_path / "kafka", jars(Settings()))
    await broker.start()
    try:
        await make_topics(broker.bootstrap, NAMES, PARTITIONS)
        async with opened(broker.bootstrap, folder, commit_seconds=2) as made:
            body, principal = made.sales(400)[0].body, made.principal("platform")
            before = await made.door.submit(body, XML, principal)
            await broker.stop()
            for number in range(3):
                with pytest.raises(Unavailable):
                    await made.door.submit(made.sales(401 + number)[0].body, XML, principal)
            await broker.start()
            async with asyncio.timeout(60):
                while True:
                    try:
                        after = await made.door.submit(body, XML, principal)
                        break
                    except Unavailable:
                        continue
            assert after.submission == before.submission
    finally:
        await broker.stop()


async def test_endless_and_slow_bodies_hold_no_more_than_is_allowed(folder: Path) -> None:
    made = a_door(folder, Log(), max_bytes=1 << 20, max_unpacked=1 << 20, body_seconds=2)
    headers = {"Authorization": f"Bearer {made.entries['platform'].api_key}", "Content-Type": XML}

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(400):
            yield b"<" * 65_536

    async def slow() -> AsyncIterator[bytes]:
        for _ in range(400):
            yield b"<"
            await asyncio.sleep(0.05)

    async with served(made) as client:

        async def post(body: AsyncIterator[bytes]) -> int:
            try:
                async with client.post("/v1/messages", data=body, headers=headers) as response:
                    return response.status
            except OSError:  # the rest of an endless body is not read
                return 413

        tracemalloc.start()
        statuses = await asyncio.gather(*[post(endless()) for _ in range(40)], *[post(slow()) for _ in range(40)])
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert set(statuses) <= {408, 413, 429}
    assert 408 in statuses
    assert 413 in statuses
    assert peak < 64 << 20  # a gigabyte was offered

"""Assessments and what they were made of, out of a real Kafka: paired over hours, once each; then ``hub rules backtest``."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from click.testing import CliRunner, Result

from hub import codec, topics
from hub.cli import group
from hub.domain.faults import Misconfigured
from hub.infra.assessed import Assessed, assessed
from tests.support.delivery import WallClock, make_topics
from tests.support.month import Month, a_month

HOUR = topics.HOUR_MS
#: Records a month old are deleted by retention, so what is written is said to be of the last hours.
NOW = WallClock().now() // HOUR * HOUR


@pytest.fixture(scope="module")
def month() -> Month:
    return a_month(21, sales=15)


async def write(bootstrap: str, prefix: str, rows: list[tuple[str, int, bytes, int]]) -> None:
    """(topic, partition, value, time) as records."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    try:
        for topic, partition, value, at in rows:
            await producer.send_and_wait(prefix + topic, value, b"key", partition, timestamp_ms=at)
    finally:
        await producer.stop()


async def read(bootstrap: str, prefix: str, since: int) -> list[Assessed]:
    return [one async for one in assessed(bootstrap, since, NOW, prefix)]


async def test_each_assessment_comes_once_with_its_documents_whatever_the_partition_and_hour(kafka: str, month: Month) -> None:
    prefix = f"test-{secrets.token_hex(6)}-"
    inbox = topics.inbox("assess")
    await make_topics(kafka, [prefix + topics.ASSESSMENTS, prefix + inbox], 3)
    made = month.assessments[:6]
    at = [NOW - 5 * HOUR, NOW - 4 * HOUR - 5, NOW - 3 * HOUR, NOW - 2 * HOUR, NOW - HOUR, NOW - 2000]
    rows = []
    for number, (one, told) in enumerate(zip(made, at, strict=True)):
        # The second crosses an hour, the third is behind by two, the fourth's documents are gone.
        later = {1: 10, 2: 2 * HOUR}.get(number, 5)
        if number != 3:
            rows.append((inbox, number % 3, codec.pack(month.matched[one.id]), told))
        rows.append((topics.ASSESSMENTS, (number + 1) % 3, codec.to_json(one), told + later))
    rows.append((topics.ASSESSMENTS, 0, codec.to_json(made[4]), at[4] + 500))  # said twice
    await write(kafka, prefix, sorted(rows, key=lambda row: row[3]))
    found = await read(kafka, prefix, NOW - 6 * HOUR)
    assert {one.assessment.id for one in found} == {one.id for one in made}
    assert len(found) == 6
    for one in found:
        documents = None if one.assessment.id == made[3].id else month.matched[one.assessment.id]
        assert one.matched == documents
    since = await read(kafka, prefix, at[3] - 1)
    assert {one.assessment.id for one in since} == {one.id for one in made[3:]} | {made[2].id} - (
        {made[2].id} if at[2] + 2 * HOUR >= NOW else set()
    )
    assert await read(kafka, prefix, NOW - 1000) == []


async def test_a_broker_without_the_hubs_topics_is_told(kafka: str) -> None:
    with pytest.raises(Misconfigured, match="no topic"):
        await read(kafka, f"test-{secrets.token_hex(6)}-", NOW - HOUR)


def test_the_command_says_what_would_change(kafka: str, month: Month, tmp_path: Path) -> None:
    names = [topics.REFERENCE, topics.ASSESSMENTS, topics.inbox("assess")]
    asyncio.run(make_topics(kafka, names, 3))
    rows = [(topics.inbox("assess"), 0, codec.pack(month.matched[one.id]), NOW - 60_000) for one in month.assessments]
    rows += [(topics.ASSESSMENTS, 1, codec.to_json(one), NOW - 59_000) for one in month.assessments]
    asyncio.run(write(kafka, "", rows))
    run = CliRunner(env={"HUB_KAFKA": kafka, "HUB_DATA": str(tmp_path)}).invoke
    summary, changes = told(run(group, ["rules", "backtest", "--since", "2h", "--json"]))
    assert summary["compared"] >= len(month.assessments)
    assert not changes & {one.id for one in month.assessments}
    # One that its rules did not make: the installed rules say otherwise.
    id_ = f"declaration/{secrets.token_hex(6)}"
    forged = msgspec.structs.replace(month.assessments[0], id=f"{id_}@1.0", declaration=id_, score=99, level="red")
    matched = msgspec.structs.replace(month.matched[month.assessments[0].id], declaration_key=id_, revision=1, match="0")
    rows = [(topics.inbox("assess"), 0, codec.pack(matched), NOW - 50_000), (topics.ASSESSMENTS, 1, codec.to_json(forged), NOW - 49_000)]
    asyncio.run(write(kafka, "", rows))
    other = run(group, ["rules", "backtest", "--since", "2h", "--json"])
    assert other.exit_code == 1
    assert told(other)[1] - changes == {forged.id}
    text = run(group, ["rules", "backtest", "--since", "2h", "--show", "1000"])
    assert f"{id_}  {matched.declaration.office}  red → " in text.stdout
    assert "assessments compared, " in text.stdout


def told(result: Result) -> tuple[dict[str, Any], set[str]]:
    """The summary, and the ids of the assessments that change."""
    *changes, summary = [msgspec.json.decode(line) for line in result.stdout.splitlines()]
    return summary["summary"], {one["change"]["assessment"] for one in changes}

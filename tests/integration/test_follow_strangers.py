"""Programs that are not ours receive and resume: Apache Kafka's Java client reads ``out.<authority>``, curl reads a stream."""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from hub import topics
from hub.domain.cursor import Cursor
from hub.settings import Settings, jars
from streams.stages.cloud import raised
from tests.support.following import an_alert, followed
from tests.support.reading import PARTITIONS, feed, make_topics

JAVA = Path(__file__).parents[1] / "support" / "StockConsumer.java"


@pytest.fixture
async def prefix(kafka: str) -> str:
    made = f"test-{secrets.token_hex(6)}-"
    await make_topics(kafka, made, [topics.ALERTS, topics.inbox("desk"), *map(topics.out, topics.AUTHORITIES)])
    return made


async def _raise(kafka: str, prefix: str, numbers: range, agency: tuple[str, ...]) -> None:
    """As a stage says it."""
    said = [output for n in numbers for output in raised(an_alert(n, agency=agency), "9901A00001")]
    await feed(kafka, [(output.topic, output.key, output.value or b"", list(output.headers)) for output in said], prefix)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("javac") is None, reason="the Java client is compiled when it is run: that takes a JDK")
async def test_apache_kafkas_own_client_reads_an_authoritys_alerts_in_a_group_and_resumes(kafka: str, prefix: str) -> None:
    async def read(count: int) -> list[tuple[str, str]]:
        command = ["java", "-cp", f"{jars(Settings()).absolute()}/*", str(JAVA), kafka, f"{prefix}out.tax", f"{prefix}tax-office", str(count)]
        java = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)
        out, error = await java.communicate()
        assert java.returncode == 0, error.decode()
        lines = [line.partition("\t") for line in out.decode().splitlines()]
        return [(type_, json.loads(value)["id"]) for type_, _, value in lines]

    await _raise(kafka, prefix, range(3), ("tax",))
    await _raise(kafka, prefix, range(3, 5), ("customs",))
    first = await read(2)
    await _raise(kafka, prefix, range(5, 7), ("tax", "customs"))
    rest = await read(3)
    assert {type_ for type_, _ in first + rest} == {"hub.alert.raised.v1"}
    assert sorted(id_ for _, id_ in first + rest) == ["al-00000", "al-00001", "al-00002", "al-00005", "al-00006"]


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
async def test_curl_reads_a_stream_is_killed_and_resumes_with_its_last_id_without_loss(kafka: str, prefix: str) -> None:
    alerts, seen = 60, list[str]()
    async with followed(kafka, prefix, hubs=2, count=10) as house:
        last = Cursor(topics.ALERTS).text()

        async def curl(hub: int, most: int) -> None:
            nonlocal last
            command = ["curl", "-sN", "-H", "Authorization: Bearer key-tax", "-H", f"Last-Event-ID: {last}", f"{house.urls[hub]}/v1/alerts/stream"]
            process = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
            assert process.stdout is not None
            read, id_ = 0, ""
            async with asyncio.timeout(20):
                while read < most:
                    line = (await process.stdout.readline()).decode().strip()
                    if line.startswith("id: "):
                        id_ = line.removeprefix("id: ")
                    elif line.startswith("data: "):
                        seen.append(json.loads(line.removeprefix("data: "))["id"])
                        last, read = id_, read + 1
            process.kill()
            await process.communicate()

        await _raise(kafka, prefix, range(20), ("tax",))
        await curl(0, 7)
        await _raise(kafka, prefix, range(20, 40), ("tax",))
        await curl(1, 23)
        await _raise(kafka, prefix, range(40, alerts), ("tax",))
        await curl(0, 30)
    assert sorted(seen) == [f"al-{n:05d}" for n in range(alerts)]
    for partition in range(PARTITIONS):
        own = [id_ for id_ in seen if topics.partition_of(id_.encode(), PARTITIONS) == partition]
        assert own == sorted(own)

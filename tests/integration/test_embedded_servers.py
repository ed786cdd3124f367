"""Kafka and PostgreSQL as children: started, killed, back with everything, ended; topics made and their drift told."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import psutil
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from hub import topics
from hub.domain.faults import Misconfigured, Unavailable
from hub.infra import embedded
from hub.infra.embedded import EmbeddedKafka, EmbeddedPostgres, free_port, who_listens
from hub.infra.kafka import KafkaPublisher, check_partitions, ensure_topics, topic_drift
from hub.settings import Settings, jars
from tests.support.logs import whole

pytestmark = pytest.mark.slow


def killed(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[EmbeddedKafka]:
    made = EmbeddedKafka(tmp_path / "kafka", jars(Settings()))
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[EmbeddedPostgres]:
    made = EmbeddedPostgres(tmp_path / "postgres")
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def publisher(node: EmbeddedKafka) -> AsyncIterator[KafkaPublisher]:
    made = KafkaPublisher(node.bootstrap)
    await made.start()
    yield made
    await made.stop()


async def a_topic(bootstrap: str, name: str, partitions: int = 2, **config: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=config)])
    await admin.close()


# ---- Kafka ----------------------------------------------------------------------------------------------------------


async def test_a_killed_broker_is_back_with_every_confirmed_record_once_and_in_order(
    node: EmbeddedKafka, publisher: KafkaPublisher
) -> None:
    await a_topic(node.bootstrap, "numbers")
    confirmed = {0: [], 1: []}

    async def write(batches: int) -> None:
        for _ in range(batches):
            at = len(confirmed[0])
            numbers = range(at, at + 20)
            rows = {("numbers", p): [(b"k", str(n).encode(), []) for n in numbers] for p in (0, 1)}
            offsets = await publisher.send(rows)
            for p in (0, 1):
                confirmed[p] += offsets["numbers", p]

    await write(20)
    writing = asyncio.create_task(write(200))
    await asyncio.sleep(0)
    killed(node.pid)
    assert node.process is not None
    await node.process.wait()
    await node.start()
    await asyncio.wait_for(writing, 60)
    found = await whole(node.bootstrap, "numbers")
    for p in (0, 1):
        assert [int(record.value) for record in found if record.partition == p] == list(range(4400))
        assert confirmed[p] == [record.offset for record in found if record.partition == p]


async def test_a_broker_ended_cleanly_starts_again_with_shared_classes_and_the_same_records(tmp_path: Path) -> None:
    (tmp_path / "libs").symlink_to(jars(Settings()).absolute())
    first = EmbeddedKafka(tmp_path / "state" / "kafka", tmp_path / "libs")
    assert any("ArchiveClassesAtExit" in part for part in first.command())
    await first.start()
    await a_topic(first.bootstrap, "kept")
    await first.stop()
    assert who_listens(first.port) is None
    assert (tmp_path / "kafka.jsa").exists()
    second = EmbeddedKafka(tmp_path / "state" / "kafka", tmp_path / "libs")
    assert any("SharedArchiveFile" in part for part in second.command())
    await second.start()
    try:
        assert second.port != first.port
        assert await whole(second.bootstrap, "kept") == []
    finally:
        await second.stop()


async def test_records_of_twenty_megabytes_pass(node: EmbeddedKafka, publisher: KafkaPublisher) -> None:
    await a_topic(node.bootstrap, "large", 1, **{"max.message.bytes": str(topics.LARGE)})
    values = [b"small", secrets.token_bytes(20 << 20), b"small"]
    offsets = await publisher.send({("large", 0): [(b"k", value, [("h", b"v")]) for value in values]})
    assert offsets == {("large", 0): [0, 1, 2]}
    found = await whole(node.bootstrap, "large")
    assert [record.value for record in found] == values
    assert [record.headers for record in found] == [(("h", b"v"),)] * 3


async def test_a_record_the_broker_refuses_is_an_unknown_outcome_for_the_whole_batch(
    node: EmbeddedKafka, publisher: KafkaPublisher
) -> None:
    await a_topic(node.bootstrap, "narrow", 1, **{"max.message.bytes": "1000"})
    with pytest.raises(Unavailable):
        await publisher.send({("narrow", 0): [(b"k", secrets.token_bytes(2000), [])]})


async def test_topics_are_made_once_and_drift_is_told(node: EmbeddedKafka) -> None:
    made = await ensure_topics(node.bootstrap, 3, 1)
    assert sorted(made) == sorted(topic.name for topic in topics.TOPICS)
    assert await ensure_topics(node.bootstrap, 3, 1) == []
    assert await topic_drift(node.bootstrap, 3) == []
    await check_partitions(node.bootstrap, 3)
    for look in (ensure_topics(node.bootstrap, 4, 1), check_partitions(node.bootstrap, 4)):
        with pytest.raises(Misconfigured, match="HUB_PARTITIONS=3"):
            await look
    admin = AIOKafkaAdminClient(bootstrap_servers=node.bootstrap)
    await admin.start()
    await admin.delete_topics([topics.ALERTS])
    async with asyncio.timeout(20):
        while await ensure_topics(node.bootstrap, 3, 1) != [topics.ALERTS]:
            pass
    await admin.delete_topics([topics.ALERTS])
    await admin.create_partitions({topics.ANSWERS: NewPartitions(5)})
    change = ConfigResource(ConfigResourceType.TOPIC, topics.STATUSES, configs={"cleanup.policy": "delete"})
    await admin.alter_configs([change])
    await admin.close()
    told = {
        (topics.ALERTS, "topic", "present", ""),
        (topics.ANSWERS, "partitions", "3", "5"),
        (topics.STATUSES, "cleanup.policy", "compact", "delete"),
    }
    async with asyncio.timeout(20):  # a broker learns of changes a moment after they are confirmed
        while not told <= set(drift := await topic_drift(node.bootstrap, 3)):
            pass
    # Altering one setting puts a topic's others back to the broker's own.
    assert set(drift) >= told
    assert {row[0] for row in drift} == {topics.ALERTS, topics.ANSWERS, topics.STATUSES}
    with pytest.raises(Misconfigured, match="HUB_PARTITIONS=5"):
        await ensure_topics(node.bootstrap, 3, 1)


async def test_a_broker_that_is_away_is_unavailable() -> None:
    nobody = f"127.0.0.1:{free_port()}"
    with pytest.raises(Unavailable):
        await ensure_topics(nobody, 1, 1)
    with pytest.raises(Unavailable):
        await topic_drift(nobody, 1)
    with pytest.raises(Unavailable):
        await KafkaPublisher(nobody).start()


@pytest.mark.parametrize("server", ["kafka", "postgres"])
async def test_a_port_in_use_is_told_with_its_user(server: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        made = (
            EmbeddedKafka(tmp_path / "kafka", jars(Settings()), port=port)
            if server == "kafka"
            else EmbeddedPostgres(tmp_path / "postgres", port)
        )
        with pytest.raises(Misconfigured) as raised:
            await made.start()
    assert f"{made.name}: port {port} in use by" in str(raised.value)
    assert str(os.getpid()) in str(raised.value)


async def test_missing_jars_and_a_missing_java_say_what_to_do(tmp_path: Path) -> None:
    for broken in (
        EmbeddedKafka(tmp_path / "kafka", tmp_path / "none"),
        EmbeddedKafka(tmp_path / "kafka", jars(Settings()), "no-such-java"),
    ):
        with pytest.raises(Misconfigured) as raised:
            await broken.start()
        assert "HUB_KAFKA" in str(raised.value)


# ---- PostgreSQL -----------------------------------------------------------------------------------------------------


async def rows(dsn: str, *commands: str) -> list[int]:
    connection = await asyncpg.connect(dsn)
    try:
        for command in commands:
            await connection.execute(command)
        return [row[0] for row in await connection.fetch("SELECT n FROM t ORDER BY n")]
    finally:
        await connection.close()


async def test_a_killed_postgresql_is_back_with_what_was_committed(cluster: EmbeddedPostgres) -> None:
    durable = "SET synchronous_commit = on"
    assert await rows(cluster.dsn, durable, "CREATE TABLE t (n int)", "INSERT INTO t VALUES (1), (2)") == [1, 2]
    family = psutil.Process(cluster.pid).children(recursive=True)
    killed(cluster.pid)
    assert cluster.process is not None
    await cluster.process.wait()
    await cluster.start()
    assert await rows(cluster.dsn) == [1, 2]
    psutil.wait_procs(family, 5)
    assert not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in family)
    await cluster.stop()
    again = EmbeddedPostgres(cluster.folder)
    await again.start()
    try:
        assert await rows(again.dsn) == [1, 2]
    finally:
        await again.stop()


async def test_postgresql_asks_for_its_password(cluster: EmbeddedPostgres) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(f"postgresql://hub:guessed@127.0.0.1:{cluster.port}/postgres")
    secret = cluster.folder.with_name("postgres.password")
    assert secret.stat().st_mode & 0o077 == 0
    assert not (cluster.folder / "password").exists()


async def test_a_folder_of_a_running_postgresql_is_left_alone(
    cluster: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "_GONE_SECONDS", 0.2)
    with pytest.raises(Misconfigured) as raised:
        await EmbeddedPostgres(cluster.folder).start()
    assert "in use by process" in str(raised.value)
    assert cluster.pid


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
async def test_root_without_namespaces_runs_postgresql_as_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    nobody = ("setpriv", "--pdeathsig", "KILL", "--reuid=65534", "--regid=65534", "--clear-groups")
    monkeypatch.setattr(embedded, "_as_user", lambda: nobody)
    with pytest.raises(Misconfigured) as raised:  # pytest's folders are root's alone
        await EmbeddedPostgres(tmp_path / "postgres").start()
    assert "HUB_DATA" in str(raised.value)
    with tempfile.TemporaryDirectory() as open_to_all:
        Path(open_to_all).chmod(0o755)
        made = EmbeddedPostgres(Path(open_to_all) / "postgres")
        await made.start()
        try:
            assert await rows(made.dsn, "CREATE TABLE t (n int)") == []
            assert psutil.Process(made.pid).uids().real == 65534
        finally:
            await made.stop()

"""Participants on a real Kafka and PostgreSQL, changed by the commands an operator has."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import re
import secrets
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from click.testing import CliRunner

from hub import cli, codec, topics
from hub.domain.access import Access, Principal
from hub.domain.events import Answer
from hub.infra import key_uses
from hub.infra.certificates import ExpiryWatch, certificates_health
from hub.infra.database import migrate
from hub.infra.hosted import HostedKeys
from hub.infra.kafka import KafkaPublisher
from hub.infra.reading import PostgresReader
from hub.infra.reference import ReferenceReader
from hub.settings import Settings
from hub.wiring import signing
from tests.support.certificates import a_certificate
from tests.support.delivery import WallClock, make_topics


class Time:
    """The time, which a test may move."""

    def __init__(self) -> None:
        self.later = 0

    def now(self) -> int:
        return WallClock().now() + self.later


@pytest.fixture
async def bootstrap(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The broker of all test processes, which has one reference topic: no two of these tests are at it at a time."""
    await make_topics(kafka, [topics.REFERENCE, topics.EVIDENCE, topics.ANSWERS], 3)
    with (tmp_path_factory.getbasetemp().parent / "reference-topic.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield kafka


@asynccontextmanager
async def reading(kafka: str, clock: Time | None = None) -> AsyncIterator[ReferenceReader]:
    reader = ReferenceReader(kafka, clock or Time())
    await reader.start()
    await asyncio.wait_for(reader.ready(), 20)
    try:
        yield reader
    finally:
        await reader.stop()


class Operator:
    """Gives commands as an operator does."""

    def __init__(self, kafka: str, folder: Path, database: str) -> None:
        self.environ = {"HUB_KAFKA": kafka, "HUB_DATABASE": database, "HUB_DATA": str(folder / "data")}

    async def __call__(self, *command: str, fails: bool = False) -> str:
        done = await asyncio.to_thread(CliRunner().invoke, cli.group, ["participants", *command], env=self.environ)
        assert (done.exit_code != 0) == fails, done.output
        return done.output

    async def key(self, *command: str) -> str:
        """The API key a command shows."""
        return (await self(*command)).split()[-1]


async def answers_of(kafka: str, participant: str) -> list[Answer]:
    """Everything that participant was told."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    try:
        places = [TopicPartition(topics.ANSWERS, number) for number in range(3)]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        rows = []
        async with asyncio.timeout(20):
            while any([await consumer.position(place) < ends[place] for place in places]):
                for some in (await consumer.getmany(timeout_ms=200)).values():
                    rows += some
    finally:
        await consumer.stop()
    return [codec.answer(row.value) for row in rows if row.key == participant.encode()]


async def until(met: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not met():  # noqa: ASYNC110 - what is waited for happens in another thread or process
            await asyncio.sleep(0.02)


def named(principal: Principal | None) -> str:
    return principal.name if principal is not None else ""


async def test_a_key_is_rotated_with_overlap_and_revoked_in_every_process(bootstrap: str, tmp_path: Path, database: str) -> None:
    name, operator, time = f"p{secrets.token_hex(4)}", Operator(bootstrap, tmp_path, database), Time()
    async with reading(bootstrap, time) as one, reading(bootstrap) as two:
        first = await operator.key("add", name, "--role", "payer", "--code", name)
        await until(lambda: named(one.by_key(first)) == named(two.by_key(first)) == name)
        second = await operator.key("rotate", name, "--overlap", "2", "--label", "second")
        await until(lambda: named(one.by_key(second)) == named(two.by_key(second)) == name)
        assert named(one.by_key(first)) == name
        time.later = 2 * 3_600_000
        assert (one.by_key(first), one.why_not(first)) == (None, "access.expired_key")
        assert named(one.by_key(second)) == name
        time.later = 0
        shown = json.loads(await operator("show", name, "--json"))
        assert [(key["state"], key["label"]) for key in shown["keys"]] == [("active", ""), ("active", "second")]
        assert "hash" not in json.dumps(shown)
        await operator("revoke", name, shown["keys"][1]["id"])
        await until(lambda: one.by_key(second) is None and two.by_key(second) is None)
        assert (one.why_not(second), two.why_not("hub_x")) == ("access.revoked_key", "access.unknown_key")
        assert named(two.by_key(first)) == name
        assert "no key" in await operator("revoke", name, "k-none", fails=True)


async def test_the_last_use_of_a_key_is_kept_and_shown(bootstrap: str, database: str, tmp_path: Path) -> None:
    name, operator = f"p{secrets.token_hex(4)}", Operator(bootstrap, tmp_path, database)
    await migrate(database)
    async with reading(bootstrap) as reader:
        key = await operator.key("add", name, "--role", "payer", "--code", name)
        await until(lambda: reader.by_key(key) is not None)
        assert [use[0] for use in reader.used] == [name]
        keeping = asyncio.create_task(key_uses.keep(database, reader.used))
        await asyncio.sleep(0.05)
        keeping.cancel()
        await asyncio.wait({keeping})
        assert reader.used == {}
        [shown] = json.loads(await operator("show", name, "--json"))["keys"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:00(\.000)?Z", shown["last_used"])
        assert "last used" in await operator("show", name)


async def test_an_older_use_does_not_replace_a_newer_one_and_an_absent_database_loses_none(database: str) -> None:
    await migrate(database)
    await key_uses.flush(database, {("a", "k"): 600_001})
    await key_uses.flush(database, {("a", "k"): 300_000, ("b", "k"): 60_000})
    assert await key_uses.last_uses(database) == {("a", "k"): 600_000, ("b", "k"): 60_000}
    used = {("a", "k"): 700_000}
    away = database.rpartition("/")[0] + "/nowhere"
    await key_uses.flush(away, used)
    assert used == {("a", "k"): 700_000}
    assert await key_uses.last_uses(away) is None


async def test_certificates_are_added_shown_and_removed_and_each_belongs_to_one(bootstrap: str, tmp_path: Path, database: str) -> None:
    one, two, operator = f"p{secrets.token_hex(4)}", f"p{secrets.token_hex(4)}", Operator(bootstrap, tmp_path, database)
    made = a_certificate(one, datetime.now(UTC) + timedelta(days=90))
    (tmp_path / "c.der").write_bytes(made.der)
    (tmp_path / "old.pem").write_bytes(a_certificate("old", datetime.now(UTC) - timedelta(days=1)).pem)
    for name in (one, two):
        await operator("add", name, "--role", "payer", "--code", name)
    said = await operator("certificate", "add", one, str(tmp_path / "c.der"))
    assert f"{made.certificate.serial_number:x}" in said
    assert "89 days left" in said
    assert "belongs to" in await operator("certificate", "add", two, str(tmp_path / "c.der"), fails=True)
    assert "belongs to" in await operator("add", two, "--role", "payer", "--code", two, "--certificate", str(tmp_path / "c.der"), fails=True)
    assert "belongs to" in await operator("add", two, "--role", "payer", "--code", one, fails=True)
    assert "ended on" in await operator("certificate", "add", one, str(tmp_path / "old.pem"), fails=True)
    async with reading(bootstrap) as reader:
        assert [p.certificates for name in (one, two) if (p := reader.by_name(name))] == [(made.base64,), ()]
        [shown] = json.loads(await operator("show", one, "--json"))["certificates"]
        assert (shown["subject"], shown["days_left"]) == (f"CN={one}", 89)
        await operator("certificate", "remove", one, shown["fingerprint"])
        await until(lambda: bool((p := reader.by_name(one)) and not p.certificates))
        await operator("certificate", "add", two, str(tmp_path / "c.der"), "--tls")
        await until(lambda: bool((p := reader.by_name(two)) and p.tls_certificates == (shown["fingerprint"],)))
    assert "belongs to" in await operator("certificate", "add", one, str(tmp_path / "c.der"), fails=True)


async def test_of_two_who_are_given_one_certificate_at_the_same_moment_one_gets_it(bootstrap: str, tmp_path: Path, database: str) -> None:
    operator, names = Operator(bootstrap, tmp_path, database), [f"p{secrets.token_hex(4)}" for _ in range(4)]
    for name in names:
        await operator("add", name, "--role", "payer", "--code", name)
    file = tmp_path / "c.pem"
    file.write_bytes(a_certificate("one", datetime.now(UTC) + timedelta(days=200)).pem)

    async def added(name: str) -> bool:
        command = [sys.executable, "-m", "hub", "participants", "certificate", "add", name, str(file)]
        process = await asyncio.create_subprocess_exec(*command, env=os.environ | operator.environ, stderr=asyncio.subprocess.PIPE)
        _, said = await process.communicate()
        assert process.returncode == 0 or b"belongs to" in said, said.decode()
        return process.returncode == 0

    assert sum(await asyncio.gather(*map(added, names))) == 1


async def test_a_certificate_that_ends_is_told_once_a_stage_however_often_one_looks(bootstrap: str, database: str, tmp_path: Path) -> None:
    name, operator, time = f"p{secrets.token_hex(4)}", Operator(bootstrap, tmp_path, database), Time()
    (tmp_path / "c.pem").write_bytes(a_certificate(name, datetime.now(UTC) + timedelta(days=10)).pem)
    await operator("add", name, "--role", "payer", "--code", name, "--certificate", str(tmp_path / "c.pem"))
    await migrate(database)
    publisher, told = KafkaPublisher(bootstrap), PostgresReader(database)
    await publisher.start()
    try:
        async with reading(bootstrap, time) as reader:

            def watch() -> ExpiryWatch:
                return ExpiryWatch(
                    principals=lambda: [p for p in reader.principals() if p.name == name], own=None, told=told.told,
                    publisher=publisher, clock=time, partitions=3,
                )  # fmt: skip

            assert [await watch().look(), await watch().look()] == [1, 1]  # the read model has not seen it: said twice, one id
            assert len({one.id for one in await answers_of(bootstrap, name)}) == 1
            connection = await asyncpg.connect(database)
            for one in (await answers_of(bootstrap, name))[:1]:
                await connection.execute("INSERT INTO answers VALUES ($1, $2, 0, 0, '{}')", one.id, name)
            await connection.close()
            assert await watch().look() == 0
            time.later = 4 * 86_400_000
            assert await watch().look() == 1
            assert [one.numbers["days"] for one in await answers_of(bootstrap, name)] == ["9", "9", "5"]
            health = await certificates_health(Settings(kafka=bootstrap))
            assert health.state == "wrong"
            assert "hub participants certificate add" in health.remedy
    finally:
        await publisher.stop()
        await told.close()
    await operator("suspend", name)


async def test_a_key_is_hosted_under_a_mandate_and_destroyed_when_it_ends(bootstrap: str, tmp_path: Path, database: str) -> None:
    name, operator = f"p{secrets.token_hex(4)}", Operator(bootstrap, tmp_path, database)
    made = a_certificate(name, datetime.now(UTC) + timedelta(days=200))
    key, certificate, kek = tmp_path / "k.pem", tmp_path / "c.pem", tmp_path / "kek"
    key.write_bytes(made.key_pem)
    certificate.write_bytes(made.pem)
    kek.write_text("a passphrase of some length")
    kek.chmod(0o600)
    host = ("host", name, "--key", str(key), "--certificate", str(certificate), "--mandate", "letter 12", "--until", "2049-12-31")
    await operator("add", name, "--role", "payer", "--code", name)
    assert "HUB_HOSTED_KEY_FILE" in await operator(*host, fails=True)
    operator.environ["HUB_HOSTED_KEY_FILE"] = str(kek)
    assert "is over" in await operator(*host[:-1], "2020-01-01", fails=True)
    said = await operator(*host)
    assert "PRIVATE" not in said
    held = HostedKeys.of_settings(Settings(data=tmp_path / "data", hosted_key_file=kek))
    assert held is not None
    async with reading(bootstrap) as reader:
        found = reader.by_name(name)
        assert found is not None
        assert found.hosting is not None
        assert (found.hosted, found.hosting.document, found.certificates) == (True, "letter 12", (made.base64,))
        assert found.hosting.until == int(datetime(2049, 12, 31, 16, tzinfo=UTC).timestamp() * 1000)
        assert signing(held, "sm2")(found) is not None
        assert "letter 12" in await operator("show", name)
        await operator("unhost", name)
        await until(lambda: bool((p := reader.by_name(name)) and not p.hosted and p.hosting is None))
        assert held.get(name, "rsa") is None


async def test_a_mandate_lets_one_act_for_another_until_the_other_is_suspended(bootstrap: str, tmp_path: Path, database: str) -> None:
    shop, agent, operator = f"s{secrets.token_hex(4)}", f"a{secrets.token_hex(4)}", Operator(bootstrap, tmp_path, database)
    await operator("add", shop, "--role", "merchant", "--code", shop)
    await operator("add", agent, "--role", "declarant", "--code", agent)
    granted = ("mandate", agent, "--code", shop, "--until", "2049-12-31", "--granted-by", "letter 7", "--message")
    assert "may not hand in" in await operator(*granted, "CEB621", fails=True)
    assert "no participant" in await operator("mandate", agent, "--code", "none", "--message", "CEB311", *granted[4:8], fails=True)
    await operator(*granted, "CEB311")
    async with reading(bootstrap) as reader:

        def may(message: str) -> bool:
            found = reader.by_name(agent)
            return found is not None and Access(by_name=reader.by_name).may_send(found, message, (shop,), WallClock().now())

        assert (may("CEB311"), may("CEB303")) == (True, False)
        await operator("suspend", shop)
        await until(lambda: not may("CEB311"))
        await operator("suspend", shop, "--lift")
        await until(lambda: may("CEB311"))
        await operator("restrict", shop, "--message", "CEB303")
        await until(lambda: not may("CEB311"))
        await operator("restrict", shop)
        await until(lambda: may("CEB311"))
        await operator("mandate", agent, "--code", shop, "--end")
        await until(lambda: not may("CEB311"))

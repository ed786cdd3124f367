"""Participants on a real Kafka and PostgreSQL, changed by the commands an operator has."""

from __future__ import annotations

import asyncio
import fcntl
import json
import re
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from hub import cli, topics
from hub.domain.access import Principal
from hub.infra import key_uses
from hub.infra.database import migrate
from hub.infra.reference import ReferenceReader
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
    await make_topics(kafka, [topics.REFERENCE, topics.EVIDENCE], 3)
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

    def __init__(self, kafka: str, folder: Path, database: str = "") -> None:
        self.environ = {"HUB_KAFKA": kafka, "HUB_DATABASE": database, "HUB_DATA": str(folder)}

    async def __call__(self, *command: str, fails: bool = False) -> str:
        done = await asyncio.to_thread(CliRunner().invoke, cli.group, ["participants", *command], env=self.environ)
        assert (done.exit_code != 0) == fails, done.output
        return done.output

    async def key(self, *command: str) -> str:
        """The API key a command shows."""
        return (await self(*command)).split()[-1]


async def until(met: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not met():  # noqa: ASYNC110 - what is waited for happens in another thread or process
            await asyncio.sleep(0.02)


def named(principal: Principal | None) -> str:
    return principal.name if principal is not None else ""


async def test_a_key_is_rotated_with_overlap_and_revoked_in_every_process(bootstrap: str, tmp_path: Path) -> None:
    name, operator, time = f"p{secrets.token_hex(4)}", Operator(bootstrap, tmp_path), Time()
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

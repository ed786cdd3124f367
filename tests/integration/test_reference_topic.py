"""The reference topic on a real Kafka: published whole, followed by every process, asked by day, name and API key."""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from click.testing import CliRunner

from hub import cli, topics
from hub.domain import audit
from hub.domain.audit import Act
from hub.domain.faults import Misconfigured, Unavailable
from hub.domain.reference import Reference, ReferenceRecord
from hub.infra.database import one_writer
from hub.infra.participants import demo_principals, demo_records
from hub.infra.records import KafkaRecords
from hub.infra.reference import ReferenceReader, amending, publish, publish_anew
from tests.support.delivery import WallClock, make_topics


async def begun(environ: dict[str, str], *command: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "hub", *command, env=os.environ | environ)


@asynccontextmanager
async def reading(kafka: str) -> AsyncIterator[ReferenceReader]:
    reader = ReferenceReader(kafka, WallClock())
    await reader.start()
    await asyncio.wait_for(reader.ready(), 20)
    try:
        yield reader
    finally:
        await reader.stop()


@asynccontextmanager
async def logged(kafka: str) -> AsyncIterator[KafkaRecords]:
    records = KafkaRecords(kafka)
    try:
        yield records
    finally:
        await records.close()


@pytest.fixture
async def bootstrap(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The broker of all test processes, which has one reference topic: no two of these tests are at it at a time."""
    await make_topics(kafka, [topics.REFERENCE, topics.EVIDENCE], 3)
    with (tmp_path_factory.getbasetemp().parent / "reference-topic.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield kafka


async def test_demo_principals_are_published_once_and_found_by_their_keys(bootstrap: str, tmp_path: Path) -> None:
    made = demo_principals(tmp_path, tmp_path / "keys")
    assert demo_principals(tmp_path, tmp_path / "keys") == made
    assert (tmp_path / "demo" / "principals.json").stat().st_mode & 0o777 == 0o600
    await publish_anew(bootstrap, demo_records(made), WallClock())
    async with reading(bootstrap) as reader:
        before = reader.data.reached
        for entry in made:
            found = reader.by_key(entry.api_key)
            assert found is not None
            assert (found.name, list(found.roles), found.demo) == (entry.name, entry.roles, True)
        assert reader.by_key("hub_nobody") is None
        assert reader.owners()[made[0].codes[0]] == made[0].name
        assert await publish_anew(bootstrap, demo_records(made), WallClock()) == -1
        assert reader.data.reached == before


async def test_a_suspended_principal_is_known_as_such_as_soon_as_the_record_is_read(bootstrap: str) -> None:
    name = f"p{secrets.token_hex(4)}"
    value = {"roles": ["payer"], "codes": [name], "api_key_hash": "x" * 64}
    async with reading(bootstrap) as reader:
        seen: list[str] = []
        reader.callbacks.append(lambda records: seen.extend(record.id for record in records))
        first = await publish_anew(
            bootstrap, [ReferenceRecord("principal", name, 1, "2024-01-01", value=value)], WallClock()
        )
        await asyncio.wait_for(reader.reached(first), 10)
        before = reader.by_name(name)
        assert before is not None
        assert not before.suspended
        changed = ReferenceRecord("principal", name, 1, "2024-01-01", value={**value, "suspended": True})
        second = await publish_anew(bootstrap, [changed], WallClock())
        await asyncio.wait_for(reader.reached(second), 10)
        after = reader.by_name(name)
        assert after is not None
        assert after.suspended
        assert seen == [name, name]
        assert reader.data.find("principal", name, 20240601, first) == value, "what was known then stays known"


async def test_nothing_is_written_where_one_record_is_wrong(bootstrap: str) -> None:
    good = ReferenceRecord("parameter", "whole", 1, "2024-01-01")
    async with reading(bootstrap) as reader:
        with pytest.raises(Misconfigured) as refused:
            await publish(bootstrap, [good, msgspec.structs.replace(good, kind="nonsense")])
        assert "nonsense" in refused.value.problems[0]
        assert reader.data.versions("parameter", "whole") == []


async def test_a_published_version_is_not_changed(bootstrap: str) -> None:
    record = ReferenceRecord("parameter", f"l{secrets.token_hex(4)}", 1, "2024-01-01", value={"a": 1})
    await publish(bootstrap, [record])
    async with reading(bootstrap) as reader:
        with pytest.raises(Misconfigured):
            await publish(bootstrap, [msgspec.structs.replace(record, value={"a": 2})], reader.data)
        assert await publish(bootstrap, [record], reader.data) == -1


async def test_two_officers_at_the_same_moment_make_two_versions_and_both_are_read_on_return(bootstrap: str, database: str) -> None:
    id = f"{secrets.token_hex(5)}~decision"

    def said(number: int) -> ReferenceRecord:
        return ReferenceRecord("credit", id, 1, "2026-04-01", value={"class": str(number), "reason": "r", "recorded_by": f"officer {number}"})

    async with reading(bootstrap) as reader, logged(bootstrap) as log:
        amend = amending(bootstrap, reader, log, database)
        await asyncio.gather(amend(lambda _: [said(2)]), amend(lambda _: [said(4)]))
        assert [(r.version, r.value["class"]) for r in reader.data.versions("credit", id)] == [(2, "4"), (1, "2")]
        with pytest.raises(Misconfigured):
            await amend(lambda _: [said(7)])


async def test_officers_of_several_processes_at_the_same_moment_make_a_version_each(bootstrap: str, database: str) -> None:
    ids = [f"{secrets.token_hex(5)}~decision" for _ in range(4)]

    def saying(id: str, officer: int) -> Callable[[Reference], list[ReferenceRecord]]:
        value = {"class": "2", "reason": "r", "recorded_by": f"officer {officer}"}
        return lambda _: [ReferenceRecord("credit", id, 1, "2026-04-01", value=value)]

    async with reading(bootstrap) as one, reading(bootstrap) as other, reading(bootstrap) as third, logged(bootstrap) as log:
        writers = [amending(bootstrap, reader, log, database) for reader in (one, other, third)]
        for id in ids:
            await asyncio.gather(*(amend(saying(id, n)) for n, amend in enumerate(writers)))
        async with reading(bootstrap) as late:
            for id in ids:
                found = late.data.versions("credit", id)
                assert sorted(record.value["recorded_by"] for record in found) == ["officer 0", "officer 1", "officer 2"]
                assert [record.version for record in found] == [3, 2, 1]


async def test_without_the_database_an_officers_word_is_not_taken(bootstrap: str) -> None:
    record = ReferenceRecord("credit", f"{secrets.token_hex(5)}~decision", 1, "2026-04-01", value={"class": "2", "reason": "r", "recorded_by": "o"})
    async with reading(bootstrap) as reader, logged(bootstrap) as log:
        with pytest.raises(Unavailable):
            await amending(bootstrap, reader, log, "postgresql://nobody@127.0.0.1:1/none")(lambda _: [record])
        assert reader.data.versions("credit", record.id) == []


async def test_an_added_participants_codes_are_filed_and_a_filing_that_is_there_is_kept(bootstrap: str, database: str) -> None:
    name, old, new = (secrets.token_hex(5) for _ in range(3))
    await publish(bootstrap, [ReferenceRecord("enterprise", old, 1, "2026-01-01", value={"name": "kept", "also": [new]})])
    command = ["participants", "add", name, "--role", "declarant", "--code", old, "--code", new]
    done = await asyncio.to_thread(CliRunner().invoke, cli.group, command, env={"HUB_KAFKA": bootstrap, "HUB_DATABASE": database})
    assert done.exit_code == 0, done.output
    async with reading(bootstrap) as reader:
        assert [r.value["name"] for r in reader.data.versions("enterprise", old)] == ["kept"]
        assert [r.value["principal"] for r in reader.data.versions("enterprise", new)] == [name]


async def test_commands_at_the_same_moment_change_a_participant_one_after_the_other(bootstrap: str, database: str, tmp_path: Path) -> None:
    name, environ = f"both-{secrets.token_hex(4)}", {"HUB_KAFKA": bootstrap, "HUB_DATABASE": database}
    file = tmp_path / "rates.toml"
    file.write_text(f'[[record]]\nkind = "enterprise"\nid = "{name}"\nvalid_from = 2026-01-01\nvalue = {{ name = "n" }}\n')
    async with one_writer(database), reading(bootstrap) as reader:  # somebody else's turn
        waiting = [await begun(environ, *command) for command in (["participants", "add", name, "--role", "carrier"], ["reference", "load", str(file)])]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(waiting[0].wait(), 4)
        assert waiting[1].returncode is None
        assert reader.data.versions("principal", name) == reader.data.versions("enterprise", name) == []
    assert [await process.wait() for process in waiting] == [0, 0]
    changes = [["suspend", name], ["rate", name, "--messages", "5"], ["restrict", name, "--message", "CEB505"]]
    waiting = [await begun(environ, "participants", *change) for change in changes]
    assert [await process.wait() for process in waiting] == [0, 0, 0]
    async with reading(bootstrap) as reader:
        versions = reader.data.versions("principal", name)
    assert [record.version for record in versions] == [4, 3, 2, 1]
    value = versions[0].value
    assert (value["suspended"], value["rate_messages"], value["messages"]) == (True, 5, ["CEB505"]), "none of them is lost"


async def test_without_the_database_nothing_is_written_or_recorded(bootstrap: str) -> None:
    name = f"alone-{secrets.token_hex(4)}"
    done = await asyncio.to_thread(CliRunner().invoke, cli.group, ["participants", "add", name, "--role", "carrier"], env={"HUB_KAFKA": bootstrap})
    assert done.exit_code == 1
    assert "HUB_DATABASE" in done.output
    async with reading(bootstrap) as reader:
        assert reader.data.versions("principal", name) == []


async def test_what_an_operator_does_at_the_command_line_is_in_the_evidence(bootstrap: str, database: str) -> None:
    name = f"acts-{secrets.token_hex(4)}"
    for command in (["add", name, "--role", "carrier"], ["suspend", name], ["rotate", name]):
        done = await asyncio.to_thread(CliRunner().invoke, cli.group, ["participants", *command], env={"HUB_KAFKA": bootstrap, "HUB_DATABASE": database})
        assert done.exit_code == 0, done.output
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest", enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topics.EVIDENCE, 0)])
        found: list[Act] = []
        async with asyncio.timeout(10):
            while len(found) < 3:
                record = await consumer.getone()
                if record.key == audit.KEY and (act := msgspec.json.decode(record.value, type=Act)).subject == name:
                    found.append(act)
    finally:
        await consumer.stop()
    assert [act.what for act in found] == ["participant.added", "participant.suspended", "participant.rotated"]
    assert all(act.by.startswith("os:") and act.role == "operator" for act in found)

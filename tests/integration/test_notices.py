"""What authorities change of the reference data, on a real Kafka and PostgreSQL: one writer, nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from hub import codec, topics
from hub.domain import decrees
from hub.domain.notices import Notice
from hub.domain.reference import ReferenceRecord
from hub.infra.notices import Amend, NoticeBook
from hub.infra.reference import ReferenceReader, amending
from tests.integration.test_reference_topic import bootstrap, logged, reading  # noqa: F401 - a fixture
from tests.support.delivery import make_topics

DAY = 20_260_601


def decree(type_: str, **data: str) -> decrees.Decree:
    notice = Notice(secrets.token_hex(12), type_, 0, json.dumps(data).encode())
    found = decrees.decree_of(notice, DAY, "authority")
    assert found is not None
    return found


def permit(merchant: str, quantity: str) -> decrees.Decree:
    return decree("commerce.permit.granted.v1", merchant=merchant, control="6A002", number="XK1", quantity=quantity, unit="011")


@pytest.fixture
async def broker(bootstrap: str) -> str:  # noqa: F811 - the fixture
    await make_topics(bootstrap, [topics.NOTICES], 3)
    return bootstrap


async def write(bootstrap: str, *changes: decrees.Decree) -> None:  # noqa: F811 - a value
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await producer.start()
    try:
        for change in changes:
            await producer.send_and_wait(topics.NOTICES, key=change.key.encode(), value=codec.pack(change))
    finally:
        await producer.stop()


async def nobody(records: Sequence[ReferenceRecord]) -> None:
    del records


@asynccontextmanager
async def following(kafka: str, amend: Amend) -> AsyncIterator[None]:
    task = asyncio.create_task(NoticeBook(kafka, amend, nobody, pause=0.1).run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(reader: ReferenceReader, id_: str, quantities: list[str]) -> None:
    def found() -> list[str]:
        return [record.value["quantity"] for record in reversed(reader.data.versions("permit", id_))]

    for _ in range(600):
        if found() == quantities:
            break
        await asyncio.sleep(0.05)
    assert found() == quantities


async def test_changes_become_the_next_versions_in_their_order_beside_what_officers_write(broker: str, database: str) -> None:
    merchant = f"99{secrets.token_hex(4).upper()}"
    id_ = f"{merchant}~6A002"
    async with reading(broker) as reader, logged(broker) as log:
        async with following(broker, amending(broker, reader, log, database)):
            value = {"number": "XK0", "quantity": "1", "unit": "011"}
            await amending(broker, reader, log, database)(lambda _: [ReferenceRecord("permit", id_, 1, "2026-01-01", value=value)])
            await write(broker, permit(merchant, "2"), permit(merchant, "3"))
            await until(reader, id_, ["1", "2", "3"])
        assert [record.version for record in reader.data.versions("permit", id_)] == [3, 2, 1]
        assert reader.data.find("permit", id_, DAY - 1) == value


async def test_a_change_whose_writer_dies_before_it_is_committed_has_one_effect(broker: str, database: str) -> None:
    merchant = f"99{secrets.token_hex(4).upper()}"
    id_ = f"{merchant}~6A002"
    died = asyncio.Event()
    async with reading(broker) as reader, logged(broker) as log:
        amend = amending(broker, reader, log, database)

        async def dies(change: object) -> Sequence[ReferenceRecord]:
            await amend(change)  # type: ignore[arg-type]  # handed on as it comes
            died.set()
            await asyncio.Event().wait()  # killed here: published, not committed
            return ()

        await write(broker, permit(merchant, "2"), permit(merchant, "3"))
        async with following(broker, dies):
            await asyncio.wait_for(died.wait(), 30)
        async with following(broker, amend):
            await until(reader, id_, ["2", "3"])


async def test_changes_wait_while_the_database_is_away(broker: str, database: str) -> None:
    merchant = f"99{secrets.token_hex(4).upper()}"
    async with reading(broker) as reader, logged(broker) as log:
        there, away = amending(broker, reader, log, database), amending(broker, reader, log, "postgresql://nobody@127.0.0.1:1/none")
        tried = asyncio.Event()
        database_is_there = False

        async def amend(change: object) -> Sequence[ReferenceRecord]:
            tried.set()
            return await (there if database_is_there else away)(change)  # type: ignore[arg-type]  # handed on as it comes

        await write(broker, permit(merchant, "2"))
        async with following(broker, amend):
            await asyncio.wait_for(tried.wait(), 30)
            assert reader.data.versions("permit", f"{merchant}~6A002") == []
            database_is_there = True
            await until(reader, f"{merchant}~6A002", ["2"])


async def test_a_record_that_is_none_and_a_change_that_cannot_be_made_hold_nothing_up(broker: str, database: str) -> None:
    merchant = f"99{secrets.token_hex(4).upper()}"
    change, wrong = permit(merchant, "2"), permit(f"98{merchant[2:]}", "2")
    wrong = msgspec.structs.replace(wrong, act="enter", value={"name": "x"})
    producer = AIOKafkaProducer(bootstrap_servers=broker, acks="all")
    await producer.start()
    async with reading(broker) as reader, logged(broker) as log:
        broken = {"number": "XK0", "quantity": "1", "unit": "011", "entries": ["no entry"]}
        reader.data.put(ReferenceRecord("permit", wrong.id, 1, "2026-01-01", value=broken), reader.data.reached)
        try:
            for value in (b"none", None, codec.pack(wrong), codec.pack(change)):
                await producer.send_and_wait(topics.NOTICES, key=change.key.encode(), value=value, partition=0)
        finally:
            await producer.stop()
        async with following(broker, amending(broker, reader, log, database)):
            await until(reader, f"{merchant}~6A002", ["2"])
        assert [record.version for record in reader.data.versions("permit", wrong.id)] == [1]

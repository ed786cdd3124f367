"""The client: signs, hands in once however often it has to try, says refusals by their codes, follows streams across breaks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters import signature
from adapters.xml import parse
from hub import topics
from hub.client import HubClient, NotReached, Refusal, media_type_of, signed
from hub.demo import documents, rendered
from hub.infra.participants import hosted_key
from tests.support.delivery import WallClock
from tests.support.door import Log, Made, a_door, served


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def made(tmp_path: Path, log: Log) -> Made:
    return a_door(tmp_path, log)


@asynccontextmanager
async def client_of(made: Made, who: str, **options: Any) -> AsyncIterator[HubClient]:
    entry = made.entries[who]
    async with served(made) as server, HubClient(str(server.make_url("")), entry.api_key, **options) as client:
        yield client


async def test_an_unsigned_message_is_signed_and_acknowledged(made: Made) -> None:
    order = rendered("order", documents(WallClock().now())["order"])
    async with client_of(made, "platform", key=hosted_key(made.entries["platform"])) as client:
        taken = await client.submit(order)
    assert taken["submission"]
    assert taken["proof"]
    assert [document["status"] for document in taken["documents"]] == ["accepted"]


async def test_a_signed_message_stays_as_it_is(made: Made) -> None:
    order = made.sales()[0]
    assert signed(order.body, hosted_key(made.entries["agent"])) == order.body


async def test_what_is_no_message_stays_as_it_is_and_is_refused_by_its_code(made: Made) -> None:
    key = hosted_key(made.entries["platform"])
    assert signed(b"<a/>", key) == b"<a/>"
    async with client_of(made, "platform", key=key) as client:
        with pytest.raises(Refusal) as refused:
            await client.submit(b"<a/>")
    assert refused.value.status == 400
    assert [fault["code"] for fault in refused.value.faults] == ["schema.unknown_message"]


async def test_another_partys_message_is_refused(made: Made) -> None:
    async with client_of(made, "carrier") as client:
        with pytest.raises(Refusal) as refused:
            await client.submit(made.sales()[0].body)
    assert refused.value.status in (403, 422)
    assert refused.value.faults


async def test_the_same_key_gives_the_same_answer_and_other_content_is_refused(made: Made) -> None:
    first, second = (sale.body for sale in (made.sales(1)[0], made.sales(2)[0]))
    async with client_of(made, "platform") as client:
        once = await client.submit(first, idempotency_key="k-1")
        assert await client.submit(first, idempotency_key="k-1") == once
        with pytest.raises(Refusal) as refused:
            await client.submit(second, idempotency_key="k-1")
    assert refused.value.status == 422


async def test_an_outcome_that_stays_open_is_said_and_can_be_repeated(made: Made, log: Log) -> None:
    order = made.sales()[0].body
    log.away = True
    async with client_of(made, "platform", attempts=2) as client:
        with pytest.raises(NotReached) as open_:
            await client.submit(order)
        assert open_.value.status == 503
        log.away = False
        await client.submit(order)
    assert len(log.of(topics.SUBMISSIONS)) == 1


async def test_nobody_there_is_said() -> None:
    async with HubClient("http://127.0.0.1:9", "key", attempts=1) as client:
        with pytest.raises(NotReached) as open_:
            await client.submit(b"{}")
        assert open_.value.status == 0
        with pytest.raises(NotReached):
            await client.submission("x")


def test_a_twin_is_told_from_xml() -> None:
    assert media_type_of(b'  {"message": "CEB311"}') == "application/json"
    assert media_type_of(b"<?xml version='1.0'?>") == "application/xml"


def test_a_signature_by_the_client_verifies(made: Made) -> None:
    key = hosted_key(made.entries["platform"])
    parsed = parse(signed(rendered("order", documents(WallClock().now())["order"]), key))
    report = signature.verify(parsed.root, parsed.text, {key.fingerprint}, WallClock().now())
    assert report.fingerprint == key.fingerprint


class Stream:
    """A server that breaks off its stream after every second event, and in the middle of one."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.asked: list[str] = []

    async def events(self, request: web.Request) -> web.StreamResponse:
        last = request.headers.get("Last-Event-ID", "")
        self.asked.append(last)
        if len(self.asked) == 2:
            raise web.HTTPServiceUnavailable
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b": hello\nretry: 100\n\n")
        start = int(last or 0)
        for number in range(start + 1, min(start + 3, self.count + 1)):
            body = msgspec.json.encode({"id": f"r{number}"})
            await response.write(b"id: %d\nevent: receipt\ndata: %s\n\n" % (number, body))
        if start + 3 <= self.count:
            await response.write(b"id: %d\nevent: receipt\ndata: {" % (start + 3))
        else:
            await response.write(b": that was all\n\n")
        assert request.transport is not None
        request.transport.close()
        return response


async def test_a_stream_goes_on_from_the_last_event_across_breaks() -> None:
    stream = Stream(5)
    app = web.Application()
    app.add_routes([web.get("/v1/receipts/stream", stream.events)])
    async with TestServer(app) as server, HubClient(str(server.make_url("")), "key") as client:
        found = []
        async for receipt in client.follow_receipts():
            found.append((receipt["cursor"], receipt["id"]))
            if len(found) == 5:
                break
    assert found == [(str(n), f"r{n}") for n in range(1, 6)]
    assert stream.asked == ["", "2", "2", "4"]


async def test_where_only_the_place_moves_a_stream_goes_on_from_there_and_nothing_is_handed_on() -> None:
    asked: list[str] = []

    async def events(request: web.Request) -> web.StreamResponse:
        asked.append(request.headers.get("Last-Event-ID", ""))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"retry: 2000\nid: a\n\n: still here\nid: b\n\n" if len(asked) == 1 else b'id: c\nevent: alert\ndata: {"id":"1"}\n\n')
        return response

    app = web.Application()
    app.add_routes([web.get("/v1/alerts/stream", events)])
    async with TestServer(app) as server, HubClient(str(server.make_url("")), "key") as client:
        event = await anext(client.events("/v1/alerts/stream"))
    assert (event.cursor, event.type, event.data) == ("c", "alert", {"id": "1"})
    assert asked == ["", "b"], "what came between the connections is not missed"


async def test_a_stream_the_hub_ends_is_a_refusal_with_its_code() -> None:
    async def ended(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b'event: end\ndata: {"code":"access.suspended"}\n\n')
        return response

    app = web.Application()
    app.add_routes([web.get("/v1/receipts/stream", ended)])
    async with TestServer(app) as server, HubClient(str(server.make_url("")), "key") as client:
        with pytest.raises(Refusal) as refused:
            await anext(client.follow_receipts())
    assert [fault["code"] for fault in refused.value.faults] == ["access.suspended"]


async def test_a_stream_that_is_not_the_callers_ends_with_the_refusal() -> None:
    async with TestServer(web.Application()) as server, HubClient(str(server.make_url("")), "key") as client:
        with pytest.raises(Refusal) as refused:
            async for _ in client.events("/v1/alerts/stream"):
                pass
    assert refused.value.status == 404

"""Alerts followed over HTTP on a real Kafka: by stream and by page, cut anywhere, in any of two processes."""

from __future__ import annotations

import asyncio
import json
import os
import random
import secrets
import sys
from asyncio.subprocess import PIPE
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hub import codec, topics
from hub.domain.access import Principal
from hub.domain.cursor import Cursor
from hub.domain.events import Alert
from hub.domain.reading import AlertFilter
from hub.infra.embedded import EmbeddedKafka
from hub.settings import Settings, jars
from hub.web import follow
from tests.support.following import Followed, an_alert, followed, some
from tests.support.reading import PARTITIONS, feed, make_topics

NAMES = [topics.ALERTS, topics.ANSWERS, *map(topics.out, topics.AUTHORITIES)]
START = Cursor(topics.ALERTS).text()


@pytest.fixture
async def prefix(kafka: str) -> str:
    made = f"test-{secrets.token_hex(6)}-"
    await make_topics(kafka, made, NAMES)
    return made


def _in_order(ids: list[str]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for one in ids:
        found[topics.partition_of(one.encode(), PARTITIONS)].append(one)
    return found


@pytest.mark.parametrize("seed", range(6))
async def test_a_reader_cut_anywhere_gets_every_entitled_alert_in_order_and_no_other(kafka: str, prefix: str, seed: int) -> None:
    chance = random.Random(seed)
    alerts = [
        an_alert(n, agency=chance.choice([("customs",), ("tax",), (), ("customs", "market")]), severity=chance.choice(["red", "yellow"]))
        for n in range(400)
    ]
    entitled = [a.id for a in alerts if a.severity == "red" and (not a.agency or "customs" in a.agency)]
    async with followed(kafka, prefix, hubs=2, count=chance.choice([8, 40, 1000])) as house:

        async def written() -> None:
            left = alerts[:]
            while left:
                size = chance.randint(1, 60)
                await house.write(left[:size])
                del left[:size]
                await asyncio.sleep(chance.random() / 20)

        await house.write([])
        writing = asyncio.create_task(written())
        got, place = [], START
        async with asyncio.timeout(60):
            while len(set(got)) < len(entitled):
                hub = chance.randrange(2)
                if chance.random() < 0.5:
                    _, page = await house.get(f"/v1/alerts?severity=red&limit={chance.randint(1, 40)}&after={place}", hub=hub)
                    taken = page["items"][: chance.randint(0, 50)]
                    got += [one["id"] for one in taken]
                    place = page["after"] if len(taken) == len(page["items"]) else taken[-1]["cursor"] if taken else place
                    continue
                cut = chance.randint(1, 50)
                async with house.stream("/v1/alerts/stream?severity=red", last=place, hub=hub) as stream:
                    try:
                        for _ in range(cut):
                            async with asyncio.timeout(0.5):
                                event = await anext(stream)
                            place = event.id
                            if event.data is not None:
                                got.append(event.data["id"])
                    except TimeoutError:
                        pass
        await writing
    assert len(got) == len(set(got)), "resumed by what was really read, nothing comes twice"
    assert _in_order(got) == _in_order(entitled)


async def test_a_change_of_an_alert_and_a_new_one_are_told_apart(kafka: str, prefix: str) -> None:
    async with followed(kafka, prefix) as house, house.stream("/v1/alerts/stream") as stream:
        await anext(stream)
        await house.write([an_alert(1)])
        await house.write([an_alert(1, message="looked into")], "hub.alert.changed.v1")
        found = await some(stream, 2)
    assert [(event.event, event.data["message"]) for event in found] == [("alert", "made up"), ("change", "looked into")]


async def test_a_stream_without_a_cursor_begins_now_and_tells_its_cursor_at_once(kafka: str, prefix: str) -> None:
    async with followed(kafka, prefix) as house:
        await house.write([an_alert(n) for n in range(50)])
        async with house.stream("/v1/alerts/stream") as stream:
            first = await anext(stream)
            assert first.id
            assert first.data is None
            await house.write([an_alert(100)])
            assert [event.data["id"] for event in await some(stream, 1)] == ["al-00100"]
        _, page = await house.get(f"/v1/alerts?after={first.id}")
        assert [one["id"] for one in page["items"]] == ["al-00100"]


@pytest.mark.parametrize(
    ("callers", "code"),
    [
        ({"key-customs": Principal(name="customs", roles=("customs",), suspended=True)}, "access.suspended"),
        ({}, "access.unknown_key"),
        ({"key-new": Principal(name="customs", roles=("customs",))}, "access.unknown_key"),
        ({"key-customs": Principal(name="customs", roles=("declarant",))}, "access.not_found"),
    ],
    ids=["suspended", "removed", "key changed", "role lost"],
)
async def test_who_may_no_longer_gets_nothing_more(kafka: str, prefix: str, callers: dict[str, Any], code: str) -> None:
    async with followed(kafka, prefix) as house, house.stream("/v1/alerts/stream") as stream:
        await house.write([an_alert(1)])
        await some(stream, 1)
        house.callers.clear()
        house.callers.update(callers)
        await house.write([an_alert(2)])
        (last,) = await some(stream, 1)
        assert (last.event, last.data) == ("end", {"code": code})
        with pytest.raises(StopAsyncIteration):
            await anext(stream)


async def test_who_gets_another_role_gets_what_it_entitles_to_from_then_on(kafka: str, prefix: str) -> None:
    async with followed(kafka, prefix) as house, house.stream("/v1/alerts/stream", "key-tax") as stream:
        await anext(stream)
        house.callers["key-tax"] = msgspec.structs.replace(house.callers["key-tax"], roles=("market",))
        await house.write([an_alert(1, agency=("tax",)), an_alert(2, agency=("market",))])
        assert [event.data["id"] for event in await some(stream, 1)] == ["al-00002"]


async def test_enterprises_find_nothing_where_alerts_are(kafka: str, prefix: str) -> None:
    async with followed(kafka, prefix) as house:
        for key in ("key-agent", "key-platform", "key-operator"):
            for path in ("/v1/alerts/stream", f"/v1/alerts?after={START}", "/v1/out", "/v1/out/stream"):
                assert (await house.get(path, key))[0] == 404, (key, path)


async def test_streams_are_bounded_for_one_and_in_all(kafka: str, prefix: str) -> None:
    async with followed(kafka, prefix, streams_each=1, streams=2) as house:
        async with house.stream("/v1/alerts/stream"), house.stream("/v1/alerts/stream", "key-office"):
            status, problem = await house.get("/v1/alerts/stream")
            assert (status, problem["faults"][0]["code"]) == (429, "transport.too_many_streams")
            status, problem = await house.get("/v1/alerts/stream", "key-tax")
            assert (status, problem["faults"][0]["code"]) == (503, "transport.streams_full")
        assert await _comes(lambda: _opened(house))


async def _opened(house: Followed) -> bool:
    async with house.session.get(f"{house.urls[0]}/v1/alerts/stream", headers={"Authorization": "Bearer key-customs"}) as answer:
        return answer.status == 200


async def _comes(condition: Callable[[], Awaitable[bool]]) -> bool:
    for _ in range(100):
        if await condition():
            return True
        await asyncio.sleep(0.2)
    return False


async def test_a_wrong_cursor_is_refused(kafka: str, prefix: str) -> None:
    async with followed(kafka, prefix) as house:
        for path in ("/v1/alerts?after=", "/v1/alerts/stream?after=", "/v1/receipts?after=", "/v1/out?after="):
            for wrong in ("nonsense", "1-2", Cursor("statuses").text()):
                status, problem = await house.get(path + wrong)
                assert (status, problem["faults"][0]["code"]) == (400, "transport.bad_query"), (path, wrong)
        beyond = Cursor(topics.ALERTS, (1_000_000,)).text()
        for path in ("/v1/alerts?after=", "/v1/alerts/stream?after="):
            status, problem = await house.get(path + beyond)
            assert (status, problem["faults"][0]["code"]) == (400, "transport.cursor_ahead")


async def test_who_does_not_read_is_cut_off(kafka: str, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "SLOW", 0.5)
    async with followed(kafka, prefix) as house:
        host, _, port = house.urls[0].removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
        writer.write(f"GET /v1/alerts/stream?after={START} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer key-customs\r\n\r\n".encode())
        assert b"200" in await reader.readline()
        open_ = house.apps[0][follow.STREAMS]
        assert len(open_) == 1
        await house.write([an_alert(n, message="long " * 8000) for n in range(400)])

        async def alone() -> bool:
            return not open_

        assert await _comes(alone)
        assert await _opened(house)
        writer.close()


async def test_an_authority_reads_its_topic_by_page_and_stream_without_what_is_sealed(kafka: str, prefix: str) -> None:
    alert = an_alert(1)
    headers = [("ce_id", b"al-00001"), ("ce_type", b"hub.alert.raised.v1"), ("ce_time", b"2025-11-11T00:00:00Z"), ("ce_subject", b"enterprise/9901")]
    sealed = codec.pack(["submission", b"sealed"])
    rows = [(topics.out("customs"), b"k", sealed, []), (topics.out("customs"), b"k", codec.to_json(alert), headers), (topics.out("customs"), b"k", sealed, [])]
    async with followed(kafka, prefix) as house:
        house.callers["key-two"] = Principal(name="two", roles=("customs", "tax"))
        async with house.stream(f"/v1/out/stream?after={Cursor('out.customs').text()}") as stream:
            await feed(kafka, rows, prefix)
            (event,) = await some(stream, 1)
        _, page = await house.get("/v1/out")
        (item,) = page["items"]
        assert item.pop("cursor") == event.id
        assert item == event.data
        assert (event.event, item["id"], item["type"], item["subject"]) == ("alert", "al-00001", "hub.alert.raised.v1", "enterprise/9901")
        assert codec.alert(msgspec.json.encode(item["data"])) == alert
        assert (await house.get(f"/v1/out?after={page['after']}"))[1]["items"] == []
        assert (await house.get("/v1/out", "key-tax"))[1]["items"] == []
        assert (await house.get("/v1/out?authority=customs", "key-tax"))[0] == 404
        assert (await house.get("/v1/out", "key-office"))[0] == 404
        assert (await house.get("/v1/out", "key-two"))[0] == 400
        assert (await house.get("/v1/out?authority=customs", "key-two"))[1]["items"][0]["id"] == "al-00001"


def test_alerts_filters_say_the_same_in_memory_as_the_words_of_the_call() -> None:
    alert: Alert = an_alert(1, enterprises=("9901A",), office="2900", agency=("tax",), evidence={"unit": "quarantine"})
    for name, value in {"severity": "yellow", "family": "fraud", "rule": "R06", "enterprise": "9901A", "agency": "tax", "office": "2900",
                        "unit": "quarantine"}.items():  # fmt: skip
        assert AlertFilter(**{name: value}).takes(alert), name
        assert not AlertFilter(**{name: "x"}).takes(alert), name


async def test_a_record_that_nobody_can_read_does_not_stop_those_behind_it(kafka: str, prefix: str) -> None:
    broken = [(topics.ALERTS, b"al-00001", value, []) for value in (b"", b"{", b"\xff\xfe", b'{"id":1}', b"[]")]
    async with followed(kafka, prefix, count=2) as house, house.stream(f"/v1/alerts/stream?after={START}") as stream:
        await feed(kafka, broken, prefix)
        await house.write([an_alert(1)] * 5)
        assert [event.data["id"] for event in await some(stream, 5)] == ["al-00001"] * 5
        _, page = await house.get(f"/v1/alerts?after={START}")
        assert len(page["items"]) == 5


async def test_hub_alerts_follows_comes_again_when_cut_and_prints_every_alert_once(kafka: str, prefix: str) -> None:
    async with followed(kafka, prefix) as house:
        await house.write([an_alert(n, severity="red" if n % 2 else "yellow") for n in range(10)])
        command = [sys.executable, "-m", "hub", "alerts", "--follow", "--json", "--filter", "severity=red", "--after", START, "--url", house.urls[0]]
        environment = {**os.environ, "HUB_API_KEY": "key-customs"}
        following = await asyncio.create_subprocess_exec(*command, stdout=PIPE, env=environment)
        assert following.stdout is not None
        try:
            async with asyncio.timeout(60):
                first = [json.loads(await following.stdout.readline()) for _ in range(5)]
                assert await _comes(lambda: _open(house))
                await follow.close_streams(house.apps[0])
                await house.write([an_alert(n, severity="red") for n in range(10, 13)])
                rest = [json.loads(await following.stdout.readline()) for _ in range(3)]
        finally:
            following.kill()
            await following.communicate()
        _, page = await house.get(f"/v1/alerts?severity=red&after={rest[-1]['cursor']}")
    assert sorted(one["id"] for one in first + rest) == [f"al-{n:05d}" for n in (1, 3, 5, 7, 9, 10, 11, 12)]
    assert (rest[-1]["event"], page["items"]) == ("alert", [])


async def _open(house: Followed) -> bool:
    return len(house.apps[0][follow.STREAMS]) == 1


@pytest.mark.slow
async def test_streams_stay_open_while_the_broker_is_away_and_go_on_when_it_is_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "HEARTBEAT", 0.5)
    monkeypatch.setattr(follow, "LOOK", 0.5)
    broker = EmbeddedKafka(tmp_path / "kafka", jars(Settings()))
    await broker.start()
    try:
        await make_topics(broker.bootstrap, "", NAMES)
        async with followed(broker.bootstrap, "") as house, house.stream("/v1/alerts/stream") as stream:
            await anext(stream)
            await house.write([an_alert(1)])
            await some(stream, 1)
            await broker.stop()
            async with asyncio.timeout(10):
                for _ in range(3):
                    assert (await anext(stream)).data is None
            await broker.start()
            await house.write([an_alert(2), an_alert(3)])
            assert sorted([event.data["id"] for event in await some(stream, 2)]) == ["al-00002", "al-00003"]
    finally:
        await broker.stop()

"""What was set aside is sent again: once, to where it was for, with its bytes."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from hub import codec, topics
from hub.cli.replay import moment, picking
from hub.domain.deliveries import Redelivery
from hub.domain.events import HandOverOutcome
from streams.api import DUE_HEADER, REPLAY_HEADER
from streams.limits import DeadLetter
from streams.replay import Item, Replay, reading, set_aside
from streams.sender import outcome_row
from tests.support.delivery import PlainPublisher, make_topics

PARTITIONS = 2
INBOX = topics.inbox("match")


class Log:
    def __init__(self, bootstrap: str, prefix: str) -> None:
        self.bootstrap, self.prefix, self.publisher = bootstrap, prefix, PlainPublisher(bootstrap)

    async def put(self, topic: str, partition: int, key: bytes, value: bytes | None, headers: Sequence[tuple[str, bytes]] = ()) -> int:
        place = (self.prefix + topic, partition)
        return (await self.publisher.send({place: [(key, value, headers)]}))[place][0]

    async def all(self, topic: str) -> list[Any]:
        async with reading(self.bootstrap, self.prefix) as found:
            return [record async for record in found.all(topic)]

    async def items(self, topic: str) -> list[Item]:
        async with reading(self.bootstrap, self.prefix) as found:
            return await set_aside(found, topic)

    async def send(self, item: Item) -> str:
        async with reading(self.bootstrap, self.prefix) as found:
            return await Replay(self.publisher, found, PARTITIONS, lambda sealed: sealed.removeprefix(b"sealed:"), self.prefix).send(item, 9_000)


@pytest.fixture
async def log(kafka: str) -> Any:
    made = Log(kafka, f"test-{secrets.token_hex(4)}-")
    names = (INBOX, topics.OUT_CUSTOMS, topics.HAND_OVERS, topics.REDELIVERIES, topics.DEAD_LETTERS)
    await make_topics(kafka, [made.prefix + name for name in names], PARTITIONS)
    yield made
    await made.publisher.stop()


async def a_letter(log: Log, key: bytes, value: bytes, at: int, **values: Any) -> bytes:
    offset = await log.put(INBOX, 1, key, value, [("origin", b"register\x00\x00\x01x"), ("summary", b"kept")])
    letter = DeadLetter(**{"stage": "match", "partition": 1, "offset": offset, "key": key, "error": "builtins.ValueError",
                           "frame": "m:f:1", "value": b"sealed:" + value, "at": at, **values})  # fmt: skip
    origin = f"match/1/{offset}".encode()
    await log.put(topics.DEAD_LETTERS, 0, origin, codec.pack(letter))
    return origin


async def test_a_dead_letter_goes_to_the_inbox_of_its_stage_once_with_its_bytes_and_headers(log: Log) -> None:
    first = await a_letter(log, b"k1", b"poison", 2_000)
    await a_letter(log, b"k2", b"other", 1_000, error="builtins.KeyError")
    due = await a_letter(log, b"k3", b"", 3_000, fired=True)
    await a_letter(log, b"k4", b"x", 4_000, stage="nobody")
    await a_letter(log, b"k5", b"", 5_000, fired=True, stage="split")
    items = await log.items(topics.DEAD_LETTERS)
    assert [item.at for item in items] == [1_000, 2_000, 3_000, 4_000, 5_000]
    picked = picking(["error=builtins.ValueError", "fired=false", "stage=match"], moment("1970-01-01T00:00:01Z", "--from"), 0)
    (wanted,) = [item for item in items if picked(item)]
    assert await log.send(wanted) == ""
    record = (await log.all(INBOX))[-1]
    assert (record.partition, record.key, record.value) == (1, b"k1", b"poison")
    assert record.headers == (("summary", b"kept"), (REPLAY_HEADER, first)), "the origin would make it a repetition"
    left = await log.items(topics.DEAD_LETTERS)
    assert [item.fields["origin"] for item in left] == [item.fields["origin"] for item in items if item is not wanted]
    assert [await log.send(item) for item in left] == [
        "", "", "there is no stage nobody",
        "its inbox is the log of submissions, which holds nothing else; a submission's due only forgets it",
    ]  # fmt: skip
    record = (await log.all(INBOX))[-1]
    assert (record.partition, record.key, record.value, record.headers) == (1, b"k3", b"", ((DUE_HEADER, due),))
    assert len(await log.items(topics.DEAD_LETTERS)) == 2


async def test_a_parked_hand_over_is_queued_again_under_the_same_id_and_a_parked_event_for_its_subscription(log: Log) -> None:
    offset = await log.put(topics.OUT_CUSTOMS, 1, b"sender", b"\x81message", [("ce_id", b"x")])
    made = HandOverOutcome("sub1", "sub1", "customs", "sender", "CEB311", "parked", 10, 12, topic=topics.OUT_CUSTOMS, partition=1, offset=offset)
    hook = msgspec.structs.replace(made, submission="", copmsg_id="a1", recipient="subscription:s1", topic="alerts", partition=0, offset=7, at=11)
    done = msgspec.structs.replace(made, copmsg_id="sub2", outcome="delivered")
    old = msgspec.structs.replace(made, copmsg_id="sub3", topic="", partition=-1, offset=-1, at=12)
    gone = msgspec.structs.replace(made, copmsg_id="sub4", offset=99, at=13)
    for one in (made, hook, done, old, gone):
        key, value, headers = outcome_row(one)
        await log.put(topics.HAND_OVERS, 0, key, value, headers)
    items = await log.items(topics.HAND_OVERS)
    assert [item.fields["id"] for item in items] == ["sub1", "a1", "sub3", "sub4"]
    assert [await log.send(item) for item in items] == ["", "", "it does not say where its record lies", "the log no longer has it"]
    again = (await log.all(topics.OUT_CUSTOMS))[-1]
    assert (again.partition, again.offset > offset, again.key, again.value, again.headers) == (1, True, b"sender", b"\x81message", (("ce_id", b"x"),))
    (asked,) = await log.all(topics.REDELIVERIES)
    assert msgspec.json.decode(asked.value, type=Redelivery) == Redelivery("s1", "alerts", 0, 7)
    assert [item.fields["id"] for item in await log.items(topics.HAND_OVERS)] == ["sub3", "sub4"], "what was sent is not sent twice"

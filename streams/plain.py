"""The bench's yardstick: the same stages as a user of Faust would otherwise write them.

One agent a stage, one event at a time, a table with Faust's own changelog for the states, outputs by ``Topic.send``.
Nothing is held back to make it look bad: raw serializers, a memory store, no web server, no standby, uvloop.
What it lacks is what Faust lacks here: atomic commits, a lease, dead letters for one record, dues.
Its topics carry a prefix, so that it can read the same ``submissions`` beside the real thing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import faust
import mode.loop

from hub import codec
from hub.domain.events import TICK_KEY
from hub.topics import SUBMISSIONS, partition_of
from streams.api import Now, Record, Stage

PREFIX = "plain."


def name_of(topic: str) -> str:
    """The yardstick's own name of a topic; the log of submissions is read as it is."""
    return topic if topic == SUBMISSIONS else PREFIX + topic


def make(stages: Sequence[Stage[Any]], servers: str, partitions: int, data: str) -> faust.App:
    """A Faust application with one agent for each stage; topics ``plain.*`` must exist with ``partitions``."""
    app = faust.App(
        "plain",
        broker=f"kafka://{servers}",
        store="memory://",
        topic_partitions=partitions,
        topic_allow_declare=True,
        topic_disable_leader=True,
        table_standby_replicas=0,
        web_enabled=False,
        datadir=data,
        consumer_auto_offset_reset="earliest",
        producer_acks=-1,
    )
    for stage in stages:
        _add(app, stage, partitions)
    return app


def _add(app: faust.App, stage: Stage[Any], partitions: int) -> None:
    inbox = app.topic(
        name_of(stage.inbox), key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
    )
    table = app.Table(f"{stage.name}-states", key_type=bytes, value_type=bytes, partitions=partitions)
    topics: dict[str, Any] = {}
    clock = [Now(at=0, reference=0, rules="")]

    async def process(stream: Any) -> None:
        async for event in stream.noack().events():
            try:
                message = event.message
                if message.key == TICK_KEY:
                    tick = codec.tick(message.value)
                    clock[0] = Now(at=tick.at, reference=tick.reference, rules=tick.rules)
                    continue
                record = Record(
                    key=message.key,
                    value=message.value,
                    headers=message.headers or (),
                    offset=message.offset,
                    partition=message.partition,
                )
                await _apply(stage, table, record, clock[0], send)
            finally:
                event.ack()

    async def send(topic: str, key: bytes, value: bytes | None, route: bytes) -> None:
        target = topics.get(topic)
        if target is None:
            target = topics[topic] = app.topic(
                name_of(topic), key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
            )
        await target.send(key=key, value=value, partition=partition_of(route, partitions))

    app.agent(inbox, name=f"plain-{stage.name}")(process)


async def _apply(stage: Stage[Any], table: Any, record: Record, now: Now, send: Any) -> None:
    """One event: read the state, step, write the state, send the outputs."""
    old = table.get(record.key)
    step = stage.handle(stage.load(old) if old is not None else None, record, now)
    if step is None:
        return
    if step.state is not None:
        table[record.key] = stage.dump(step.state)
    elif old is not None:
        del table[record.key]
    for output in step.outputs:
        await send(output.topic, output.key, output.value, output.route or output.key)
    snapshot = getattr(stage, "snapshot", None)
    if snapshot is not None and step.state is not None:
        output = snapshot(record.key, step.state, record.offset)
        if output is not None:
            await send(output.topic, output.key, output.value, output.route or output.key)


def use_uvloop() -> None:
    """As the real stages do; before anything makes a loop."""
    mode.loop.use("uvloop")


def run(app: faust.App) -> None:
    """Run the application on this thread until it is ended."""
    faust.Worker(app, loglevel="WARN", quiet=True).execute_from_commandline()

"""Acts into the topic ``evidence``: there, or the caller hears that they are not."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable

from hub import codec, topics
from hub.domain import audit
from hub.domain.audit import Act
from hub.domain.cloud_events import headers
from hub.infra.kafka import KafkaPublisher
from hub.ports import Publisher


def recorder(publisher: Publisher) -> Callable[[Act], Awaitable[None]]:
    """What records acts; it returns when the broker has confirmed, and raises Unavailable."""

    async def record(act: Act) -> None:
        written = audit.bounded(act, secrets.token_hex(16))
        made = headers(audit.TYPE, written.id, written.subject, written.at)
        await publisher.send({(topics.EVIDENCE, audit.PARTITION): [(audit.KEY, codec.to_json(written), made)]})

    return record


async def record_once(bootstrap: str, act: Act) -> None:
    """Record one act with a connection of its own, for commands."""
    publisher = KafkaPublisher(bootstrap)
    await publisher.start()
    try:
        await recorder(publisher)(act)
    finally:
        await publisher.stop()

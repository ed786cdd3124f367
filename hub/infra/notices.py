"""Authorities' changes of reference data: from the topic ``notices`` to the next versions of the records.

A consumer group, so that one process works on a record's changes at a time and in their order. A change is worked out and
published under the lock of all who write reference data, and only then is its offset committed: a crash in between brings
the change again, which finds its versions there (``hub.domain.decrees.amended``) and writes those that are missing. While
the database (which holds the lock) or the broker is away, changes wait in the topic.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from hub import codec
from hub.domain.decrees import Decree, amended
from hub.domain.faults import Misconfigured, Unavailable
from hub.domain.reference import Reference, ReferenceRecord
from hub.ports import Amend
from hub.topics import NOTICES

_log = logging.getLogger(__name__)
_decree: Callable[[bytes], Decree] = codec.decoder(Decree)

#: Tells whom it concerns of records that were published.
Tell = Callable[[Sequence[ReferenceRecord]], Awaitable[None]]
#: Seconds between attempts while something outside is away.
_PAUSE = 1.0


class NoticeBook:
    """The loop; ``run`` until cancelled."""

    def __init__(self, bootstrap: str, amend: Amend, tell: Tell, pause: float = _PAUSE) -> None:
        self._bootstrap, self._amend, self._tell, self._pause = bootstrap, amend, tell, pause

    async def run(self) -> None:
        """Make the changes as they come."""
        while True:
            try:
                await self._follow()
            except (KafkaError, OSError, Unavailable):
                await asyncio.sleep(self._pause)

    async def _follow(self) -> None:
        consumer = AIOKafkaConsumer(
            NOTICES,
            bootstrap_servers=self._bootstrap,
            group_id="hub-notices",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=50,
        )
        try:
            await consumer.start()
            while True:
                batches: dict[Any, list[Any]] = await consumer.getmany(timeout_ms=1000)  # Any: aiokafka has no types
                for partition, rows in batches.items():
                    for row in rows:
                        decree = _read(row)
                        if decree is not None:
                            await self._made(decree)
                        await consumer.commit({partition: row.offset + 1})
        finally:
            with suppress(KafkaError, OSError):
                await consumer.stop()

    async def _made(self, decree: Decree) -> None:
        try:
            published = await self._amend(lambda known: _worked_out(known, decree))
        except Misconfigured as error:
            # The door has asked before (``hub.domain.decrees.wrong_with``); what an older door let through must not stop the others.
            _log.error("notice %s makes no record of %s: %s", decree.notice, decree.kind, error)
            return
        if published:
            await self._tell(published)


def _read(row: Any) -> Decree | None:  # Any: aiokafka's ConsumerRecord
    """The change in a record; None for what is none: this runs beside the door, and what one record holds must end neither."""
    try:
        return _decree(row.value or b"")
    except msgspec.DecodeError:
        _log.error("notices-%d@%d cannot be read", row.partition, row.offset)
        return None


def _worked_out(known: Reference, decree: Decree) -> Sequence[ReferenceRecord]:
    """What a change makes; Misconfigured where what is in force is of a shape that it cannot change."""
    try:
        return amended(known, decree)
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise Misconfigured([f"what is in force cannot be changed ({type(error).__name__})"]) from error

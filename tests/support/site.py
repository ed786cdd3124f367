"""The web of the hub over a read model of the test's own, served on a port of this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import ClientSession, web

from adapters.dialects import receipts
from hub.domain.reference import Reference, ReferenceRecord, checked
from hub.infra.reference import as_versions
from hub.ports import Amend
from hub.web.app import make_app
from hub.web.ports import Parts
from tests.support.reading import CALLERS, FixedClock, PlainSealer

SECRET = b"s" * 32


def parts_of(read: Any, clock: Any = None, **more: Any) -> Parts:  # Any: whatever of the read model a test needs
    """The parts of an app whose callers are those of the tests."""
    return Parts(
        read=read,
        records=None,  # type: ignore[arg-type]  # no test of these asks for records
        sealer=PlainSealer(),
        clock=clock or FixedClock(),
        session_secret=SECRET,
        receipt_xml=receipts.message,
        **{"by_key": CALLERS.get, "by_name": lambda name: CALLERS.get(f"key-{name}"), **more},
    )


@asynccontextmanager
async def served(parts: Parts) -> AsyncIterator[ClientSession]:
    """A session with the app."""
    runner = web.AppRunner(make_app(parts))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as session:
        yield session
    await runner.cleanup()


def amending(data: Reference) -> Amend:
    """What changes reference data, without a broker."""

    async def amend(change: Callable[[Reference], Sequence[ReferenceRecord]]) -> Sequence[ReferenceRecord]:
        records = as_versions(checked(list(change(data))), data)
        for record in records:
            data.put(record, data.reached + 1)
        return records

    return amend

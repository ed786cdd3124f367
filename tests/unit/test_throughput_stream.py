"""An open stream of figures ends when its caller may not call any more; who comes again is told why."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from hub.domain.faults import Unavailable
from tests.support.reading import CALLERS
from tests.support.site import parts_of, served

AWAY = b"event: away\ndata: {}\n\n"


class Away:
    """A read model that does not answer: the stream says so each second."""

    async def throughput(self, *_: Any) -> Any:
        raise Unavailable("PostgreSQL")


@pytest.mark.parametrize("how", ["suspended", "revoked"])
async def test_a_stream_is_ended_and_the_next_call_says_why(how: str) -> None:
    callers = dict(CALLERS)
    parts = parts_of(Away(), by_key=callers.get, why_not=lambda _: "access.revoked_key")
    async with served(parts) as session, asyncio.timeout(20):
        kept, ended = [
            await session.get("/v1/throughput/stream", headers={"Authorization": f"Bearer key-{name}"}) for name in ("office", "customs")
        ]
        assert [await response.content.readuntil(b"\n\n") for response in (kept, ended)] == [AWAY, AWAY]
        if how == "suspended":
            callers["key-customs"] = msgspec.structs.replace(CALLERS["key-customs"], suspended=True)
        else:
            del callers["key-customs"]
        assert (await ended.content.read()).replace(AWAY, b"") == b"event: end\ndata: {}\n\n"
        assert await kept.content.readuntil(b"\n\n") == AWAY
        again = await session.get("/v1/throughput/stream", headers={"Authorization": "Bearer key-customs"})
        expected = (403, "access.suspended") if how == "suspended" else (401, "access.revoked_key")
        assert (again.status, (await again.json(content_type=None))["faults"][0]["code"]) == expected
        kept.close()

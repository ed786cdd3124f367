"""What the hub rests on in aiohttp's server: ``keepalive_timeout`` bounds a connection before its first request too."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from hub.infra.embedded import free_port


@pytest.mark.parametrize("sent", [b"", b"POST /v1/messages HT", b"GET / HTTP/1.1\r\nHost: hub\r\n\r\n"], ids=["nothing", "half a head", "a request"])
async def test_a_connection_without_a_request_under_way_is_closed(sent: bytes) -> None:
    port = free_port()
    runner = web.AppRunner(web.Application(), keepalive_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        async with asyncio.timeout(60):
            while await reader.read(65_536):
                pass
        writer.close()
    finally:
        await runner.cleanup()

"""A subscriber's endpoint for tests: verifies with the library of Standard Webhooks, keeps what it got, fails when told to."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from standardwebhooks import Webhook


@dataclass
class Receiver:
    """``answers``: statuses to give next, then 204; ``refuse``: ids it answers with 400; ``down``: the status of everything."""

    secret: str = ""
    url: str = ""
    got: list[dict[str, Any]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    refuse: set[str] = field(default_factory=set)
    down: int = 0
    calls: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    last: dict[str, str] = field(default_factory=dict)

    async def take(self, request: web.Request) -> web.Response:
        self.calls += 1
        body = await request.read()
        self.last = dict(request.headers)
        assert request.headers["Content-Type"] == "application/cloudevents+json"
        event = Webhook(self.secret).verify(body, {name.lower(): value for name, value in request.headers.items()})
        assert event["id"] == request.headers["webhook-id"]
        status = self.down or (self.answers.pop(0) if self.answers else 400 if event["id"] in self.refuse else 204)
        if status < 300:
            self.got.append(json.loads(body))
        return web.Response(status=status, headers=self.headers, text="taken or not")

    @property
    def numbers(self) -> list[int]:
        return [event["data"]["n"] for event in self.got]

    @property
    def ids(self) -> list[str]:
        return [event["id"] for event in self.got]


@asynccontextmanager
async def receiving(secret: str, port: int = 0, routes: Sequence[web.RouteDef] = ()) -> AsyncIterator[Receiver]:
    """An endpoint on a free port, or on a given one; ``routes``: others beside it."""
    receiver = Receiver(secret)
    app = web.Application()
    app.add_routes([web.post("/hook", receiver.take), *routes])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield receiver
    finally:
        await runner.cleanup()

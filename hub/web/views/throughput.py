"""Live figures: what comes in, how fast it gets where, what is behind. Enterprises see their own, watchers all."""

from __future__ import annotations

import asyncio
from collections import defaultdict

import msgspec
from aiohttp import web

from hub import topics
from hub.domain.faults import Unavailable
from hub.domain.reading import EVERYTHING, Scope
from hub.web import sight, words
from hub.web.auth import require, viewer_of
from hub.web.follow import running
from hub.web.ports import Parts
from hub.web.views.common import Json, answer, number

routes = web.RouteTableDef()

#: Seconds of history, and of the rates by platform and office.
HISTORY, BREAKDOWN = 120, 10
#: The current second is not over, and the read model follows by a moment: figures end this many seconds ago.
SETTLED = 2
CACHED_SECONDS = 0.8


class Figures:
    """The figures of each scope, asked for once a second however many look on."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._kept: dict[Scope, tuple[float, Json]] = {}
        self._locks: dict[Scope, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def of(self, scope: Scope) -> Json:
        """Figures not older than a second."""
        loop = asyncio.get_running_loop()
        async with self._locks[scope]:
            kept = self._kept.get(scope)
            if kept is None or loop.time() - kept[0] > CACHED_SECONDS:
                kept = (loop.time(), await self._ask(scope))
                self._kept[scope] = kept
            return kept[1]

    async def _ask(self, scope: Scope) -> Json:
        until = self._parts.clock.now() // 1000 - SETTLED
        since = until - HISTORY
        found = await self._parts.read.throughput(scope, since, until, BREAKDOWN)
        needs = await self._parts.read.needs(scope, self._parts.clock.now())
        series = _series(found.seconds, since)
        waiting = needs.get("waiting", (0, 0))
        return {
            "at": words.rfc3339(until * 1000),
            "per_second": {name: _recent(values) for name, values in series.items()},
            "series": series,
            "since": since,
            "receipts": _receipts(found.seconds, until),
            "by": [
                {"kind": kind, "platform": platform, "office": office, "per_second": round(n / BREAKDOWN, 1)}
                for kind, platform, office, n in found.parts[:50]
            ],
            "latency_ms": {
                step: dict(zip(("p50", "p95", "p99"), (round(value) for value in values), strict=True))
                for step, values in found.latency.items()
            },
            "sample": found.sample,
            "backlog": {name: n for name, (n, _) in sorted(needs.items())},
            "oldest_waiting": words.rfc3339(waiting[1]),
            "lag": await self._lag() if scope == EVERYTHING else None,
        }

    async def _lag(self) -> Json | None:
        """Records of each topic the read model has not applied yet; None while the log does not answer."""
        try:
            applied = await self._parts.read.applied()
            ends = await self._parts.records.ends({topic for topic, _ in applied} or {topics.SUBMISSIONS})
        except Unavailable:
            return None
        lag: dict[str, int] = {}
        for partition, end in ends.items():
            lag[partition[0]] = lag.get(partition[0], 0) + max(0, end - applied.get(partition, 0))
        return dict(sorted(lag.items()))


def _series(rows: list[tuple[int, str, str, int]], since: int) -> dict[str, list[int]]:
    """Counts a second by name: ``documents``, ``declarations``, each kind, ``messages``, ``refusals``, …"""
    series: dict[str, list[int]] = {name: [0] * HISTORY for name in SERIES}
    for second, measure, kind, n in rows:
        for name in {measure, kind if measure == "documents" else measure}:
            if name in series:
                series[name][second - since] += n
    return series


SERIES = (
    "documents",
    "order",
    "payment",
    "waybill",
    "declaration",
    "messages",
    "flagged",
    "refusals",
    "assessments",
    "receipts",
)


def _recent(values: list[int]) -> float:
    """The mean of the last five whole seconds."""
    return round(sum(values[-5:]) / 5, 1)


def _receipts(rows: list[tuple[int, str, str, int]], until: int) -> dict[str, float]:
    """Receipts a second by code, of the last ten seconds."""
    counts: dict[str, int] = {}
    for second, measure, code, n in rows:
        if measure == "receipts" and second >= until - BREAKDOWN:
            counts[code] = counts.get(code, 0) + n
    return {code: round(n / BREAKDOWN, 1) for code, n in sorted(counts.items())}


FIGURES: web.AppKey[Figures] = web.AppKey("figures", Figures)


@routes.get("/v1/throughput")
async def throughput(request: web.Request) -> web.Response:
    """The figures of the last two minutes."""
    viewer = require(request)
    return answer(await request.app[FIGURES].of(sight.watched(viewer)))


@routes.get("/v1/throughput/stream")
async def stream(request: web.Request) -> web.StreamResponse:
    """The figures each second as Server-Sent Events; ``limit`` ends after so many."""
    require(request)
    left = number(request, "limit", 3600, 86_400, least=1)
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    await response.prepare(request)
    with running(request):
        while left:
            left -= 1
            now = viewer_of(request)
            if now is None:  # suspended, or its key is one no more
                await response.write(b"event: end\ndata: {}\n\n")
                break
            await response.write(await _event(request, sight.watched(now)))
            if left:
                await asyncio.sleep(1)
    return response


async def _event(request: web.Request, scope: Scope) -> bytes:
    try:
        figures = msgspec.json.encode(await request.app[FIGURES].of(scope))
    except Unavailable:
        return b"event: away\ndata: {}\n\n"
    return b"event: figures\ndata: " + figures + b"\n\n"

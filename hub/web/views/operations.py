"""For operators: alive, ready and why not, metrics."""

from __future__ import annotations

import time
from functools import lru_cache

import msgspec
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Histogram, generate_latest

from hub import topics
from hub.domain.faults import Unavailable
from hub.web.ports import PARTS
from hub.web.problems import Handler
from hub.web.views.common import answer

routes = web.RouteTableDef()

REQUESTS = Counter("hub_http_requests_total", "HTTP requests by route and status", ("method", "route", "status"))
SECONDS = Histogram(
    "hub_http_request_seconds",
    "Seconds of HTTP requests by route",
    ("route",),
    buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10),
)


@web.middleware
async def measured(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Counts by route, never by address: an address holds business keys."""
    began = time.perf_counter()
    resource = request.match_info.route.resource
    route = resource.canonical if resource is not None else "unknown"
    status = 500
    try:
        response = await handler(request)
        status = response.status
        return response
    finally:
        requests, seconds = _series(request.method, route, status)
        requests.inc()
        seconds.observe(time.perf_counter() - began)


@lru_cache(maxsize=1024)
def _series(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    """The two series of a request; looking them up by their labels costs more than counting."""
    return REQUESTS.labels(method, route, status), SECONDS.labels(route)


@routes.get("/healthz")
async def healthz(request: web.Request) -> web.Response:
    """The process answers."""
    return answer({"status": "alive", "version": request.app[PARTS].version})


@routes.get("/readyz")
async def readyz(request: web.Request) -> web.Response:
    """200 where calls can be taken; 503 with the reasons where not. Reading may be away while intake goes on."""
    parts = request.app[PARTS]
    reasons = list(await parts.ready())
    try:
        await parts.records.ends((topics.SUBMISSIONS,))
    except Unavailable:
        reasons.append("Kafka does not answer: nothing can be taken in")
    notes = []
    try:
        await parts.read.ping()
    except Unavailable:
        notes.append("PostgreSQL does not answer: intake goes on, reading waits")
    now = parts.clock.now()
    ends = [found.until for found in parts.certificates(None)]
    if over := sum(until <= now for until in ends):
        notes.append(f"{over} certificates are over: hub doctor names them")
    if soon := len(ends) - over:
        notes.append(f"{soon} certificates end within 30 days: hub doctor names them")
    return web.Response(
        status=503 if reasons else 200,
        body=_json({"ready": not reasons, "reasons": reasons, "notes": notes}),
        content_type="application/json",
    )


@routes.get("/metrics")
async def metrics(_request: web.Request) -> web.Response:
    """Prometheus' text form."""
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


@routes.get("/hub.pub")
async def hub_pub(request: web.Request) -> web.Response:
    """The public keys with which acknowledgements and packs are verified, PEM: the one in use first, then those before it."""
    prover = request.app[PARTS].prover
    if prover is None:
        raise web.HTTPServiceUnavailable
    return web.Response(body=prover.public_pem, content_type="application/x-pem-file")


def _json(value: object) -> bytes:
    return msgspec.json.encode(value)

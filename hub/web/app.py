"""The web application: API, console, descriptions. ``make_app`` gets its parts from ``hub.wiring``."""

from __future__ import annotations

from aiohttp import web

from hub.web import changes, console, console_desk, follow
from hub.web.pages import SECURITY_HEADERS
from hub.web.ports import PARTS, Parts
from hub.web.problems import answers_problems
from hub.web.views import (
    alerts,
    declarations,
    deliveries,
    describe,
    desk,
    enterprises,
    evidence,
    exports,
    operations,
    orders,
    out,
    receipts,
    reference,
    rules,
    submissions,
    subscriptions,
    summaries,
    throughput,
)
from hub.web.wrong_keys import WrongKeys

VIEWS = (
    submissions, summaries, declarations, receipts, throughput, alerts, desk, out, rules, orders, operations, describe, reference, enterprises, exports, subscriptions, deliveries, console, console_desk,
)  # fmt: skip


def make_app(parts: Parts) -> web.Application:
    """Everything under one roof; routes of others (the door's) come in by ``parts.routes``."""
    app = web.Application(middlewares=[operations.measured, WrongKeys(parts.clock.now).middleware, answers_problems], client_max_size=parts.max_body)
    app[PARTS] = parts
    app[throughput.FIGURES] = throughput.Figures(parts)
    app[follow.STREAMS] = follow.Streams()
    app[follow.SEATS] = follow.Seats(parts.streams_each, parts.streams)
    app[changes.CHANGES] = changes.Changes()
    app[evidence.PACKS] = evidence.Packs()
    app[receipts.RECEIPTS] = receipts.Receipts(parts)
    app.add_routes(evidence.routes)  # whose address that of declarations would take
    for view in VIEWS:
        app.add_routes(view.routes)
    app.add_routes(parts.routes)
    app.on_response_prepare.append(_secure)
    app.on_shutdown.append(follow.close_streams)
    return app


async def _secure(_request: web.Request, response: web.StreamResponse) -> None:
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)

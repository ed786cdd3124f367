"""The hub about itself: OpenAPI, AsyncAPI, a page for readers, a page for each fault code."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from hub.domain.faults import fault_kinds
from hub.web.asyncapi import asyncapi
from hub.web.openapi import OPERATIONS, openapi
from hub.web.pages import render
from hub.web.ports import PARTS
from hub.web.problems import unfilled
from hub.web.views.common import answer, path_text

routes = web.RouteTableDef()

_STATIC = {file.name: file for file in (Path(__file__).parent.parent / "static").iterdir() if file.is_file()}


@routes.get("/openapi.json")
async def openapi_json(request: web.Request) -> web.Response:
    """The HTTP interface."""
    return answer(openapi(request.app[PARTS].version))


@routes.get("/asyncapi.json")
async def asyncapi_json(request: web.Request) -> web.Response:
    """The topics."""
    return answer(asyncapi(request.app[PARTS].version))


@routes.get("/docs")
async def docs(request: web.Request) -> web.Response:
    """The calls on one page, and the fault codes."""
    calls = [
        ("post", "/v1/messages", "Hand in a CEB message, an envelope (DxpMsg, DxpMsgSv) or a JSON twin", "enterprises", (), ""),
        ("post", "/v1/webhooks/{map}", "A shop platform's webhook, read by a map of that name", "enterprises", (), ""),
    ]
    return render(request, "docs.html", calls=[*calls, *OPERATIONS], kinds=sorted(fault_kinds().items()))


@routes.get("/static/{name}")
async def static(request: web.Request) -> web.FileResponse:
    """A style sheet, script or picture of the pages; only what is among the package's files is looked at."""
    file = _STATIC.get(request.match_info["name"])
    if file is None:
        raise web.HTTPNotFound
    return web.FileResponse(file)


@routes.get("/problems/{code}")
async def problem_page(request: web.Request) -> web.Response:
    """What a code means and what to do."""
    code = path_text(request, "code")
    kind = fault_kinds().get(code)
    if kind is None:
        raise web.HTTPNotFound
    return render(request, "problem.html", fault_kind=unfilled(kind))

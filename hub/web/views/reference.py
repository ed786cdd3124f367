"""The reference of messages and fields, browsable and searchable; public, and without a script."""

from __future__ import annotations

from aiohttp import web

from hub.web import reference
from hub.web.pages import render
from hub.web.views.common import path_text, text
from schemas import catalog

routes = web.RouteTableDef()


@routes.get("/docs/messages")
async def messages(request: web.Request) -> web.Response:
    """All messages, and what a search finds."""
    asked = text(request, "q")
    return render(request, "messages.html", asked=asked, found=reference.search(asked), names=reference.by_name())


@routes.get("/docs/messages/{type}")
async def message(request: web.Request) -> web.Response:
    """One message: its parts, fields and an example."""
    try:
        mt = catalog.message(path_text(request, "type"))
    except KeyError:
        raise web.HTTPNotFound from None
    return render(request, "message.html", mt=mt, places=_of(mt), example=reference.example(mt), words=reference)


def _of(mt: catalog.MessageType) -> dict[str, list[reference.Place]]:
    found: dict[str, list[reference.Place]] = {part.element: [] for part in reference.parts(mt)}
    for one in reference.places():
        if one.mt is mt:
            found[one.part.element].append(one)
    return found


@routes.get("/docs/messages/{type}/{part}/{field}")
async def message_field(request: web.Request) -> web.Response:
    """One field of a message: what it is, what may stand there, every code it can be refused with."""
    one = reference.place(path_text(request, "type"), path_text(request, "part"), path_text(request, "field"))
    if one is None:
        raise web.HTTPNotFound
    return render(request, "field.html", one=one, name=one.field.name, places=(one,), words=reference)


@routes.get("/docs/fields/{name}")
async def field(request: web.Request) -> web.Response:
    """A field name: every message that has it, and how."""
    name = path_text(request, "name")
    places = reference.by_name().get(name)
    if places is None:
        raise web.HTTPNotFound
    return render(request, "field.html", one=None, name=name, places=places, words=reference)

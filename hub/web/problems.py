"""Errors as RFC 9457 problems, and the page each code has."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Sequence

import msgspec
from aiohttp import web

from hub.domain.faults import Fault, FaultKind, Refused, Unavailable, fault, kind_of
from hub.web.pages import render
from hub.web.story import faults_json

log = logging.getLogger(__name__)
PROBLEM_JSON = "application/problem+json"

#: What the web itself says of a request that is not a message.
CODES = {
    400: "transport.bad_query",
    401: "access.not_authenticated",
    403: "access.not_allowed",
    404: "access.not_found",
    405: "transport.method",
    406: "transport.not_acceptable",
    410: "transport.gone",
    503: "transport.unavailable",
}


def problem(status: int, detail: str = "", faults: Sequence[Fault] = (), instance: str = "") -> web.Response:
    """A problem document; its type names the first fault's page."""
    said = tuple(faults) or (fault(CODES.get(status, "transport.internal"), name=detail),)
    body = {
        "type": f"/problems/{said[0].code}",
        "title": kind_of(said[0].code).message if "{" not in kind_of(said[0].code).message else said[0].message,
        "status": status,
        "detail": detail or said[0].message,
        "instance": instance,
        "faults": faults_json(said),
    }
    headers = {"Retry-After": "2"} if status in (429, 503) else {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return web.Response(status=status, body=msgspec.json.encode(body), content_type=PROBLEM_JSON, headers=headers)


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def answers_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Whatever goes wrong below becomes a problem; what it said stays out of it (no content in error pages)."""
    try:
        return await handler(request)
    except Refused as refused:
        return _said(request, problem(refused.status, faults=refused.faults, instance=request.path), refused.faults[0])
    except Unavailable as away:
        return _said(request, _away(request, away))
    except web.HTTPException as error:
        if error.status < 400 or error.content_type == PROBLEM_JSON:
            raise
        return _said(request, problem(error.status, instance=request.path))
    except Exception:
        log.exception("a request failed: %s %s", request.method, request.match_info.route.resource)
        return _said(request, problem(500, instance=request.path))


def _away(request: web.Request, away: Unavailable) -> web.Response:
    return problem(503, f"{away.what.partition(' ')[0]} does not answer; try again", instance=request.path)


def _said(request: web.Request, answer: web.Response, first: Fault | None = None) -> web.Response:
    """The problem itself to programs; to a person at the console the page of its code."""
    if request.path.startswith("/v1/") or "text/html" not in request.headers.get("Accept", ""):
        return answer
    code = first.code if first is not None else CODES.get(answer.status, "transport.internal")
    kind = unfilled(kind_of(code))
    if first is not None:
        kind = msgspec.structs.replace(kind, message=first.message, message_zh=first.message_zh)
    return render(request, "away.html", status=answer.status, fault_kind=kind)


#: A blank of a sentence, of which some have a word for each language.
_BLANK = re.compile(r"\{\w+(?::\w+)?\}")


def unfilled(kind: FaultKind) -> FaultKind:
    """The sentences of a code with … where something is to be named."""
    return msgspec.structs.replace(kind, **{name: _BLANK.sub("…", getattr(kind, name)) for name in ("message", "message_zh")})


def bad_query(name: str) -> Refused:
    """A parameter that cannot be read."""
    return Refused([fault("transport.bad_query", name=name)])

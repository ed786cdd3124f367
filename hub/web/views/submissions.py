"""What was handed in: its state, its bytes, its acknowledgement."""

from __future__ import annotations

from aiohttp import web

from hub import codec, topics
from hub.domain.events import SubmissionSummary
from hub.domain.faults import Unavailable
from hub.domain.reading import Place
from hub.web import acting, sight, story
from hub.web.auth import require
from hub.web.ports import PARTS, Viewer
from hub.web.views.common import answer, eventually, path_text

routes = web.RouteTableDef()


async def locate(request: web.Request, viewer: Viewer) -> tuple[SubmissionSummary, Place, bool]:
    """(summary, place, refused) of a submission the viewer may see, else 404."""
    read, name = request.app[PARTS].read, path_text(request, "id")

    async def look() -> tuple[SubmissionSummary, Place, bool] | None:
        for found, refused in ((await read.submission(name), False), (await read.refusal(name), True)):
            if found is not None and sight.may_see_submission(viewer, found[0]):
                return (*found, refused)
        return None

    located = await eventually(look)
    if located is None:
        raise web.HTTPNotFound
    return located


@routes.get("/v1/submissions/{id}")
async def submission(request: web.Request) -> web.Response:
    """State and faults of each document."""
    viewer = require(request)
    summary, _, refused = await locate(request, viewer)
    keys = [f"{kind}/{key}" for _, kind, key, _ in summary.documents]
    statuses = await request.app[PARTS].read.statuses(keys)
    return answer(story.submission_json(viewer, summary, statuses, refused))


async def _record(request: web.Request, place: Place) -> codec.SubmissionRecord:
    value = await request.app[PARTS].records.read(topics.SUBMISSIONS, place)
    if value is None:
        raise web.HTTPGone
    return codec.submission_record(value)


async def _sealed(request: web.Request, place: Place, refused: bool) -> bytes:
    if not refused:
        return (await _record(request, place)).received
    value = await request.app[PARTS].records.read(topics.REFUSALS, place)
    if value is None:
        raise web.HTTPGone
    return value


@routes.get("/v1/submissions/{id}/original")
async def original(request: web.Request) -> web.Response:
    """The bytes as received, of what was refused their beginning: for the one who handed them in, and for customs with a
    purpose, which is recorded.
    """
    viewer = require(request)
    summary, place, refused = await locate(request, viewer)
    if not sight.may_read_bytes(viewer, summary.principal):
        if not sight.may_unmask(viewer):
            raise web.HTTPNotFound
        await acting.unmask(request, viewer, summary.id, summary.principal)
    sealed = await _sealed(request, place, refused)
    try:
        body = request.app[PARTS].sealer.open(sealed)
    except Unavailable:
        raise
    except Exception as error:
        # Its daily key was destroyed: erased for good, which is not a failure of the hub.
        raise web.HTTPGone from error
    headers = {
        "Content-Type": summary.media_type or "application/octet-stream",
        "Content-Disposition": f'attachment; filename="{_file_name(summary)}"',
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cache-Control": "no-store",
    }
    if len(body) < summary.size:
        headers["Hub-Size"] = str(summary.size)
    return web.Response(body=body, headers=headers)


def _file_name(summary: SubmissionSummary) -> str:
    name = "".join(letter for letter in summary.id if letter.isalnum() or letter in "-_")
    return f"{name}.{'json' if 'json' in summary.media_type else 'xml'}"


@routes.get("/v1/submissions/{id}/acknowledgement")
async def acknowledgement(request: web.Request) -> web.Response:
    """The acknowledgement as it was given, with its proofs."""
    viewer = require(request)
    _, place, refused = await locate(request, viewer)
    if refused:
        raise web.HTTPNotFound
    record = await _record(request, place)
    return web.Response(
        body=record.acknowledgement, content_type="application/json", headers={"Cache-Control": "no-store"}
    )

"""Acts in the web: whoever changes something, or reads what is not its own, is recorded first."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

from aiohttp import web

from hub.domain import audit
from hub.domain.audit import Act
from hub.domain.faults import Refused, fault
from hub.web.ports import PARTS, Viewer


async def record(
    request: web.Request, viewer: Viewer, what: str, subject: str, *, purpose: str = "", detail: Mapping[str, str] | None = None
) -> bool:
    """Record an act (a word of ``hub.domain.audit``) before it takes effect; False where this process records none.

    Raises Unavailable where the log does not take it: then it must not be done.
    """
    parts = request.app[PARTS]
    if parts.audit is None:
        return False
    role = ",".join(viewer.roles)
    act = Act(viewer.name, role, what, parts.clock.now(), subject=subject, purpose=purpose, detail=dict(detail or {}))
    await parts.audit(act)
    return True


#: Characters of a purpose: long enough to say something, and bounded.
PURPOSE = (4, 500)


def purpose_of(request: web.Request) -> str:
    """Why the caller reads what is not its own: the query's ``purpose`` or the header ``Hub-Purpose`` (percent-encoded).

    Refused with ``access.purpose_missing`` where it says nothing.
    """
    said = (request.query.get("purpose") or unquote(request.headers.get("Hub-Purpose", ""))).strip()
    if not PURPOSE[0] <= len(said) <= PURPOSE[1] or not said.isprintable():
        raise Refused([fault("access.purpose_missing")])
    return said


def has_purpose(request: web.Request) -> bool:
    """Whether the caller says why at all."""
    return bool(request.query.get("purpose") or request.headers.get("Hub-Purpose"))


async def unmask(request: web.Request, viewer: Viewer, subject: str, of: str) -> None:
    """Record that somebody reads unmasked what ``of`` handed in, before it is shown; refused without a purpose.

    Raises Unavailable where it cannot be recorded, HTTPServiceUnavailable where this process records nothing.
    """
    purpose = purpose_of(request)
    if not await record(request, viewer, audit.PERSONAL_READ, subject, purpose=purpose, detail={"principal": of}):
        raise web.HTTPServiceUnavailable

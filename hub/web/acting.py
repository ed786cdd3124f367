"""Acts in the web: whoever changes something, or reads what is not its own, is recorded first."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from hub.domain.audit import Act
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

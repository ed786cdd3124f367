"""Acts at the command line: recorded before they take effect, under the account of the machine."""

from __future__ import annotations

import getpass
from collections.abc import Mapping

from hub.domain.audit import Act
from hub.infra.audit import record_once
from hub.infra.process import WallClock
from hub.settings import Settings


async def recorded(settings: Settings, what: str, subject: str, detail: Mapping[str, str] | None = None, purpose: str = "") -> None:
    """Record an act (a word of ``hub.domain.audit``) in the hub's evidence; raises Unavailable, and then it must not be done."""
    try:
        account = getpass.getuser()
    except (OSError, KeyError):  # an account without a name, as in containers
        account = "unknown"
    act = Act(f"os:{account}", "operator", what, WallClock().now(), subject=subject, purpose=purpose, detail=dict(detail or {}))
    await record_once(settings.kafka, act)

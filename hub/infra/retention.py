"""Retention of what holds persons: daily keys older than the setting are destroyed, unless somebody holds them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import date, timedelta

from hub.domain import audit
from hub.domain.audit import Act
from hub.domain.faults import Refused, Unavailable
from hub.infra.vault import Vault, china_day
from hub.ports import Clock

log = logging.getLogger(__name__)

#: Seconds between looks: a day's key goes within the hour after its time.
EVERY = 3600.0
#: Who acts, where nobody does.
BY = "hub"


async def look(vault: Vault, days: int, now: int, record: Callable[[Act], Awaitable[None]]) -> list[date]:
    """Destroy what is due, and what a look that was ended half-way left; the days. ``days`` 0 only does the latter.

    Each is recorded before it is done; several processes may look at the same time. Raises Unavailable.
    """
    first = china_day(now) - timedelta(days=days) if days else date.min
    begun = set(vault.erased())
    gone = []
    for day in vault.days():
        if day not in begun and (day >= first or vault.held(day) is not None):
            continue
        if day not in begun:
            detail = {"personal_days": str(days)}
            await record(Act(BY, "operator", audit.KEY_ERASED, now, subject=day.isoformat(), purpose="retention", detail=detail))
        try:
            if await asyncio.to_thread(vault.erase, day):
                gone.append(day)
        except Refused:  # held since: it stays, and the next look passes it over
            log.warning("the key of %s is held since this look began", day)
    return gone


async def keep(vault: Vault, days: int, clock: Clock, record: Callable[[Act], Awaitable[None]]) -> None:
    """Look at the start and every hour, until cancelled."""
    while True:
        try:
            for day in await look(vault, days, clock.now(), record):
                log.info("the key of %s is destroyed: its %d days are over", day, days)
        except (Unavailable, OSError) as error:
            log.warning("retention waits: %s", error)
        await asyncio.sleep(EVERY)

"""A read model in memory, of the statuses of a zone: what the web asks for a story, without a database."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from hub.domain.events import Assessment, Status
from hub.domain.kinds import KINDS
from hub.domain.reading import HandOverRow, bill_of
from tests.support.zone import Zone


class Kept:
    """Answers as ``hub.infra.reading.PostgresReader`` does; of one moment of a zone."""

    def __init__(self, zone: Zone, senders: dict[str, str] | None = None) -> None:
        """``senders``: kind → principal, of the zone's one that hands in everything."""
        found = [zone.status(key) for key in zone.world.statuses()]
        self.by_key: dict[str, Status] = {s.key: _of(s, (senders or {}).get(s.kind, s.principal)) for s in found}
        self.rows: list[HandOverRow] = []

    async def keys_of(self, number: str) -> list[str]:
        names = {number, *(f"{kind}/{number}" for kind in KINDS)}
        return [
            key
            for key, status in self.by_key.items()
            if key in names
            or number in status.numbers.values()
            or number == status.order[1]
            or number == key.rpartition(":")[2]
            or (status.goods is not None and number in (status.facts.get("sumNo"), status.facts.get("entryId")))
        ]

    async def keys_about(self, numbers: Iterable[str], kinds: Iterable[str], limit: int) -> list[str]:
        wanted = set(kinds)
        return [key for n in numbers for key in await self.keys_of(n) if key.partition("/")[0] in wanted][:limit]

    async def statuses(self, keys: Iterable[str]) -> list[Status]:
        return [self.by_key[key] for key in sorted(set(keys)) if key in self.by_key]

    async def of_order(self, platform: str, order: str) -> list[Status]:
        return [status for status in self.by_key.values() if status.order == (platform, order)]

    async def of_bill(self, bill: str, kinds: Iterable[str], limit: int) -> list[Status]:
        return [s for s in self.by_key.values() if bill_of(s) == bill and s.kind in set(kinds)][:limit]

    async def hand_overs(self, submissions: Iterable[str]) -> list[HandOverRow]:
        wanted = set(submissions)
        return [row for row in self.rows if row.submission in wanted]

    async def assessment(self, declaration: str) -> Assessment | None:
        return None


def _of(status: Status, principal: str) -> Status:
    return msgspec.structs.replace(status, principal=principal)

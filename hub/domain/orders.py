"""Standing and targeting orders of authorities: reference data of the kind ``order``, which the hub carries out.

A record says who orders (``authority``; ``unit`` where it is addressed to a part of it), ``what``, about which declarations, and why (``reason``, ``officer``: never
shown to enterprises). Its days are the record's; a later version with ``revoked`` ends it from the moment it is known.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from hub.domain.access import UNITS
from hub.domain.credit import CLASSES
from hub.domain.kinds import EXPORT, IMPORT
from hub.domain.remembered import Remembered
from hub.domain.views import DeclarationView

if TYPE_CHECKING:
    from hub.domain.reference import Reference

#: What an order asks for: keep the message back until an officer decides, select for examination at a rate, or take no
#: messages of an enterprise.
HOLD, SELECT, REFUSE = "hold", "select", "refuse"
WHAT = (HOLD, SELECT, REFUSE)
AUTHORITIES = ("customs", "tax", "forex", "market", "commerce")
#: The levels of an assessment, the mildest first (``hub.rules.engine.LEVELS``).
LEVELS = ("green", "yellow", "orange", "red", "reject")
#: By what a declaration is selected where no order asks for it: the share of its control class, the zone's floor.
BY_CLASS, BY_FLOOR = "class", "floor"
#: Whole of a rate: rates are integers of 1/100,000.
WHOLE = 100_000
#: Hours a message is held where the order does not say; our own (P).
LIMIT_HOURS = 24
_MOST_HOURS = 30 * 24
_HOUR_MS = 3_600_000


class Order(msgspec.Struct, frozen=True, omit_defaults=True):
    """An order in force. Everything it says of a declaration has to hold; what is empty is not asked.

    ``office``, ``side``, ``enterprise`` (any named in the declaration) and ``hs`` (beginning of a line's code) are asked
    of the declaration; ``control_class`` (that class or a worse one), ``level`` (that one or a worse) and ``rule`` of
    its assessment. ``rate``: 1/100,000; ``limit``: ms.
    """

    id: str
    authority: str
    what: str
    office: str = ""
    side: str = ""
    enterprise: str = ""
    hs: str = ""
    control_class: int = 0
    level: str = ""
    rule: str = ""
    rate: int = 0
    limit: int = 0

    def concerns(self, of: DeclarationView) -> bool:
        """Whether it may be about a declaration, going by what the declaration itself says."""
        return (
            self.office in ("", of.office)
            and self.side in ("", of.side)
            and (not self.enterprise or self.enterprise in _named(of))
            and (not self.hs or any(line.gcode.startswith(self.hs) for line in of.lines))
        )

    def meets(self, control_class: int, level: str, rules: Collection[str]) -> bool:
        """Whether what an assessment found makes it apply to a declaration it ``concerns``."""
        return (
            control_class >= self.control_class
            and (not self.level or LEVELS.index(level) >= LEVELS.index(self.level))
            and (not self.rule or self.rule in rules)
        )


def _named(of: DeclarationView) -> tuple[str, ...]:
    return of.platform, of.merchant, of.declarant, of.carrier, of.guarantor, of.owner


def order_of(id: str, value: Mapping[str, Any]) -> Order | None:
    """The order a record says; None for one that is revoked."""
    if value.get("revoked"):
        return None
    return Order(
        id=id,
        authority=str(value["authority"]),
        what=str(value["what"]),
        office=str(value.get("office") or ""),
        side=str(value.get("side") or ""),
        enterprise=str(value.get("enterprise") or ""),
        hs=str(value.get("hs") or ""),
        control_class=int(value.get("class") or 0),
        level=str(value.get("level") or ""),
        rule=str(value.get("rule") or ""),
        rate=share(value.get("rate") or 0),
        limit=int(value.get("limit") or LIMIT_HOURS) * _HOUR_MS,
    )


def share(percent: Any) -> int:  # Any: a number or decimal text
    """A rate in percent as 1/100,000, rounded; ValueError for what is none of 0 to 100."""
    parts = round(float(percent) * 1000)
    if not 0 <= parts <= WHOLE:
        raise ValueError(f"{percent}: a rate is 0 to 100 percent")
    return parts


FIELDS = frozenset({
    "authority", "what", "office", "side", "enterprise", "hs", "class", "level", "rule", "rate", "limit", "reason", "officer",
    "revoked", "revoked_by", "revoked_at", "revoked_for", "made_at", "unit",
})  # fmt: skip


_SCOPE = frozenset({"office", "side", "enterprise", "hs", "class", "level", "rule", "rate"})


def problems(value: Mapping[str, Any]) -> list[str]:
    """What is wrong with the value of a record of the kind ``order``, a sentence each."""
    unknown = sorted(set(value) - FIELDS)
    found = [f"{name} is nothing an order says" for name in unknown]
    for name, known in (("authority", AUTHORITIES), ("what", WHAT)):
        if value.get(name) not in known:
            found.append(f"{name} is one of {', '.join(known)}")
    for name, may in (("level", LEVELS), ("side", (IMPORT, EXPORT))):
        if value.get(name) and value[name] not in may:
            found.append(f"{name} is one of {', '.join(may)}")
    if value.get("unit") and (value["unit"] not in UNITS or value.get("authority") != "customs"):
        found.append(f"unit is a part of customs: {', '.join(UNITS)}")
    if not value.get("reason"):
        found.append("reason is missing: the officers who act by an order read it")
    try:
        made = order_of("", {"authority": "", "what": "", **value})
    except (ValueError, TypeError):
        return [*found, "class and limit are whole numbers, rate is percent from 0 to 100"]
    if made is None:
        return found
    if made.control_class and made.control_class not in CLASSES:
        found.append("class is 1 to 5")
    if made.what == REFUSE and (not made.enterprise or set(value) & _SCOPE - {"enterprise"}):
        found.append("an order to refuse says an enterprise, and nothing else of its documents")
    if made.what == SELECT and not made.rate:
        found.append("an order to select says a rate, in percent")
    if not 0 < made.limit <= _MOST_HOURS * _HOUR_MS:
        found.append(f"limit is 1 to {_MOST_HOURS} hours")
    if made.hs and not made.hs.isdigit():
        found.append("hs is the beginning of a goods code: digits")
    return found


class Orders:
    """The orders of one view of the reference data, worked out once a day and change."""

    def __init__(self, references: Reference) -> None:
        self._days = Remembered(references, ("order",), lambda day, offset: _made(references, day, offset))

    def at(self, day: int, offset: int) -> tuple[Order, ...]:
        """The orders in force on ``day`` (yyyymmdd) by what is known at ``offset``, in the order of their ids."""
        return self._days.at(day, offset)

    def refusing(self, day: int, offset: int, codes: Collection[str]) -> str:
        """The authority that has the messages of one of these enterprises refused; empty for none."""
        for order in self.at(day, offset):
            if order.what == REFUSE and order.enterprise in codes:
                return order.authority
        return ""

    def holding(self, day: int, offset: int, of: DeclarationView) -> tuple[Order, ...]:
        """The orders to hold that may be about a declaration."""
        return tuple([order for order in self.at(day, offset) if order.what == HOLD and order.concerns(of)])


def _made(references: Reference, day: int, offset: int) -> tuple[Order, ...]:
    made = [order_of(id, value) for id, value in sorted(references.all("order", day, offset))]
    return tuple([order for order in made if order is not None])

"""What a buyer took of goods that are limited to a quantity a person and year (remarks of the positive list).

Kept in the buyer's state by assess, a declaration each, so that one that is rejected, withdrawn or given back frees what
it took; read by rule R08.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from hub.domain.money import bounded
from hub.domain.reference_kinds import number_of
from hub.domain.views import LineView

#: The parameter that says that a positive list is in force.
LIST = "positive-list"
#: Declarations of a buyer with limited goods that are kept apart; beyond it the oldest are folded into the year's sums.
MOST = 64
_NOTHING = (0, "")


class Taken(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a declaration takes: (tariff line, quantity as an amount in the list's unit)."""

    year: int
    lines: tuple[tuple[str, int], ...]


#: Declaration → what it takes.
Takings = dict[str, Taken]
#: ``year:line`` → sum of what is no longer kept apart.
Folded = dict[str, int]


def limit_of(listed: Mapping[str, Any] | None) -> tuple[int, str]:
    """The yearly quantity of a record of the list and its unit; 0 where there is none."""
    if listed is None or "yearly" not in listed:
        return _NOTHING
    return number_of(listed["yearly"]) or 0, str(listed.get("unit") or "")


def taken(lines: tuple[LineView, ...], listed: Callable[[str], Mapping[str, Any] | None]) -> tuple[tuple[str, int], ...]:
    """What lines of goods take of limited quantities; ``listed`` is the record of a tariff line."""
    found: dict[str, int] = {}
    for line in lines:
        hs8 = line.gcode[:8]
        limit, unit = limit_of(listed(hs8))
        if limit:
            found[hs8] = found.get(hs8, 0) + max(0, line.quantity(unit) or 0)
    return tuple(sorted(found.items()))


def used(takings: Takings, folded: Folded, year: int, but: str, frees: Callable[[str], bool]) -> dict[str, int]:
    """Tariff line → what the year's declarations take, one left out and those that ``frees`` says take nothing."""
    total: dict[str, int] = {}
    for key, one in takings.items():
        if one.year == year and key != but and not frees(key):
            for hs8, quantity in one.lines:
                total[hs8] = total.get(hs8, 0) + quantity
    for name, quantity in folded.items():
        of, _, hs8 = name.partition(":")
        if of == str(year):
            total[hs8] = total.get(hs8, 0) + quantity
    return total


def kept(takings: Takings, folded: Folded, key: str, new: Taken, frees: Callable[[str], bool]) -> tuple[Takings, Folded]:
    """With what a declaration takes now (nothing: without it); years before the last are dropped, the oldest folded."""
    since = max([new.year, *(one.year for one in takings.values())]) - 1
    kept_ = {other: one for other, one in takings.items() if other != key and one.year >= since}
    folded = {name: quantity for name, quantity in folded.items() if int(name.partition(":")[0]) >= since}
    if new.lines:
        kept_[key] = new
    while len(kept_) > MOST:
        oldest = next(iter(kept_))
        one = kept_.pop(oldest)
        if not frees(oldest):
            for hs8, quantity in one.lines:
                name = f"{one.year}:{hs8}"
                folded[name] = bounded(folded.get(name, 0) + quantity)
    return kept_, folded

"""The zone's register of retail exports.

Who exports without invoices is exempt from tax where the export's date and the goods' name, unit, quantity, unit price
and amount are registered on the zone's platform (Caishui 2018-103, from 2018-10-01). What is registered is what the
declaration says, each version of it; nothing registered is ever changed.
"""

from __future__ import annotations

from typing import NamedTuple

from hub.domain.events import Registered, RegisteredLine
from hub.domain.kinds import EXPORT
from hub.domain.money import text
from hub.domain.views import DeclarationView

#: Retail modes: exports to companies have invoices.
MODES = frozenset({"9610", "1210", "1239"})
FIRST_DAY = 20181001


def registered(of: DeclarationView, day: int, received_at: int) -> Registered | None:
    """What the register keeps of a declaration received on ``day`` (yyyymmdd); None of all but retail exports."""
    if of.side != EXPORT or of.mode not in MODES or day < FIRST_DAY:
        return None
    lines = tuple([
        RegisteredLine(line.name, line.unit, text(line.qty), text(line.price), text(line.total), line.currency)
        for line in of.lines
    ])  # fmt: skip
    return Registered(of.merchant, of.mode, received_at, of.date, lines)


class Entry(NamedTuple):
    """A line of the register as it is read; ``state`` and ``code`` are the declaration's today.

    ``current``: no later version of the declaration is registered.
    """

    declaration: str
    revision: int
    line: int
    merchant: str
    mode: str
    received_at: int
    date: str
    name: str
    unit: str
    qty: str
    price: str
    total: str
    currency: str
    current: bool
    state: str
    code: str


class Query(NamedTuple):
    """What is asked of the register: of these merchants (None: of all), received in ``first`` ≤ t < ``end`` (ms)."""

    merchants: tuple[str, ...] | None
    first: int
    end: int
    skip: int = 0
    limit: int = 1000

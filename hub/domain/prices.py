"""What a line costs beside what the same goods usually cost (reference data of the kind ``price``), in one measure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hub.domain.money import SCALE
from hub.domain.reference import CNY
from hub.domain.reference_kinds import number_of
from hub.domain.views import LineView

#: The parameter that is there where the zone keeps prices.
KEPT = "prices"


def compared(line: LineView, record: Mapping[str, Any], exchange: Callable[[str], Mapping[str, Any] | None]) -> tuple[int, int] | None:
    """What the line costs and what as much of it usually does; None where the two cannot be compared.

    The usual price's unit is looked for among the line's units and those of the same measure; ``exchange`` is the record of that kind
    for a currency.
    """
    usual, unit = number_of(record.get("median")), str(record.get("unit") or "")
    theirs, ours = str(record.get("currency") or CNY), line.currency or CNY
    # By its own unit a price is compared as it stands: no quantity can shift it.
    pieces, quantity = (SCALE, SCALE) if unit == line.unit else (line.qty, line.quantity(unit) or 0)
    if not usual or pieces <= 0 or quantity <= 0:
        return None
    rates = (SCALE, SCALE) if theirs == ours else (_yuan(ours, exchange), _yuan(theirs, exchange))
    return (line.price * pieces * rates[0], usual * quantity * rates[1]) if all(rates) else None


def _yuan(currency: str, exchange: Callable[[str], Mapping[str, Any] | None]) -> int:
    """What one unit of a currency is in yuan; 0 where that is not known."""
    if currency == CNY:
        return SCALE
    said = exchange(currency)
    return (number_of(said.get("cny")) or 0) if said is not None else 0

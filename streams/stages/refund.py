"""The data a refund is claimed with: told to tax when customs has closed an export, and again with each change of them.

They are a function of the declaration's state, so that nothing is kept beside it: what the turn leaves is held against
what it found. An export for statistics only (flag A) has no refund.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from hub import topics
from hub.domain import authority_views as views
from hub.domain.kinds import CANCELLATION, EXPORT
from hub.domain.money import text
from hub.domain.views import goods_of
from streams.stages import follow
from streams.stages.authorities import told

if TYPE_CHECKING:
    from streams.stages.register import Turn

#: Statistics only: without refund (rules E3 and E5).
_NO_REFUND = "A"
_CLOSED = "899"


def tell(turn: Turn) -> None:
    """The data of a closed export's refund, and each change of them."""
    old = turn.old
    if turn.get("code") != _CLOSED and old.code != _CLOSED:
        return  # nearly always
    before, after = _refund(turn.key, lambda name: getattr(old, name)), _refund(turn.key, turn.get)
    if after == before:
        return
    data = after or before
    assert data is not None
    data = msgspec.structs.replace(data, revision=turn.revision, void=after is None)
    id_ = f"refund:{turn.key}@{turn.revision}"
    turn.outputs.append(told(topics.out("tax"), turn.get("sender"), views.REFUND_DATA, id_, turn.key, turn.now, data))


def _refund(key: str, get: Callable[[str], Any]) -> views.RefundData | None:  # Any: fields of a register state
    """The data as a state has them; None where there is no refund to claim."""
    more: follow.More | None = get("more")
    if get("code") != _CLOSED or more is None or follow.SIDE_OF.get(get("message")) != EXPORT:
        return None
    facts = more.facts
    if facts.get("statisticsFlag") == _NO_REFUND or facts.get(CANCELLATION) == follow.ACCEPTED:
        return None
    # Unit and currency are known of goods that are to be summarised, by their code.
    by_code: dict[str, set[tuple[str, str]]] = {}
    for line in more.goods.lines if more.goods is not None else ():
        by_code.setdefault(line.gcode, set()).add((line.unit, line.currency))
    back = follow.returned_of(more)
    lines = []
    for gnum, gcode, quantity, total in goods_of(get("goods")) if get("goods") else ():
        ((unit, currency),) = found if len(found := by_code.get(gcode, set())) == 1 else {("", "")}
        returned = text(back[gnum]) if back.get(gnum) else ""
        lines.append(views.RefundLine(gnum, gcode, text(quantity), text(total), unit, currency, returned))
    merchant = get("merchant") or (more.goods.merchant if more.goods is not None else "")
    return views.RefundData(
        declaration=key,
        revision=0,
        inventory=get("numbers").get("invtNo", ""),
        merchant=merchant,
        office=get("office") or (more.goods.office if more.goods is not None else ""),
        mode=facts.get("mode", ""),
        closed_at=get("since"),
        lines=tuple(lines),
        order=get("order")[1],
        summary=facts.get("sumNo", ""),
        entry=facts.get("entryId", ""),
        returned=facts.get("returned", ""),
    )

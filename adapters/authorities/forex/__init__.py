"""The sandbox foreign-exchange authority (pure): what it can say. What goes out and comes in: ``docs/reference/authorities/forex.md``."""

from __future__ import annotations

from adapters.authorities.bureau.item import Data, Item, Words, receipts
from hub.domain.authority_views import YEAR_PASSED

#: Dollars of a year above which an enterprise needs its place in the directory.
_DIRECTORY = 200_000


def _placed(item: Item) -> tuple[str, Data] | None:
    if item.type != YEAR_PASSED or item.data["limit"] < _DIRECTORY:
        return None
    reason = f"exports of {item.data['year']} above {_DIRECTORY} dollars"
    return "forex.attention.placed.v1", {"enterprise": item.data["enterprise"], "level": "B", "reason": reason}


def _lifted(item: Item) -> tuple[str, Data] | None:
    if item.type != YEAR_PASSED or item.data["limit"] < _DIRECTORY:
        return None
    return "forex.attention.lifted.v1", {"enterprise": item.data["enterprise"], "reason": "registered in the directory"}


WORDS: Words = {**receipts("forex"), "place": _placed, "lift": _lifted}

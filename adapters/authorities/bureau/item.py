"""What a sandbox authority is told, and what it can say to it (pure)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

Data = dict[str, Any]  # Any: JSON
#: How alerts come; nobody answers them here.
ALERT = "hub.alert."


class Item(msgspec.Struct, frozen=True):
    """A record of the authority's topic as ``GET /v1/out`` gives it."""

    id: str
    type: str
    subject: str = ""
    data: Data = {}


#: A word of a scenario → what is said to an item (type, data); None where it has nothing to say to such an item.
Words = Mapping[str, Callable[[Item], tuple[str, Data] | None]]


def receipts(authority: str) -> Words:
    """``accept`` and ``refuse``, which every authority can say to anything."""

    def receipt(item: Item, outcome: str, **more: Any) -> tuple[str, Data]:  # Any: JSON
        about = {"document": item.subject} if item.subject.startswith("declaration/") else {}
        return f"{authority}.receipt.given.v1", {"item": item.id, "outcome": outcome, **about, **more}

    reasons = [{"code": "SANDBOX", "message": "refused by the scenario"}]
    return {
        "accept": lambda item: receipt(item, "accepted"),
        "refuse": lambda item: receipt(item, "refused", reasons=reasons),
    }

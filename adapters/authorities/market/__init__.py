"""The sandbox market supervision (pure): what it can say. What goes out and comes in: ``docs/reference/authorities/market.md``."""

from __future__ import annotations

from hashlib import sha256

from adapters.authorities.bureau.item import Data, Item, Words, receipts
from hub.domain.authority_views import GOODS_FOUND


def _examined(item: Item, finding: str) -> tuple[str, Data] | None:
    if item.type != GOODS_FOUND or item.data["list"] != "brands":
        return None
    about = {"document": item.data["declaration"], "enterprise": item.data["merchant"]}
    return "market.brand.found.v1", {"brand": item.data["entry"], "finding": finding, **about}


def _complaint(item: Item) -> tuple[str, Data] | None:
    if item.type != GOODS_FOUND:
        return None
    number = f"12315-{sha256(item.id.encode()).hexdigest()[:12]}"
    about = {"document": item.data["declaration"], "enterprise": item.data["merchant"]}
    return "market.complaint.received.v1", {"complaint": number, "matter": "safety", **about}


def _recalled(item: Item) -> tuple[str, Data] | None:
    """Goods found under one brand are recalled altogether."""
    if item.type != GOODS_FOUND or item.data["list"] != "brands":
        return None
    name = f"{item.data['entry']} ({item.data['goods_code']})"
    said = {"name": name[:200], "instrument": "sandbox recall", "codes": [item.data["goods_code"]]}
    return "market.recall.issued.v1", said


WORDS: Words = {
    **receipts("market"),
    "infringing": lambda item: _examined(item, "infringing"),
    "genuine": lambda item: _examined(item, "genuine"),
    "complain": _complaint,
    "recall": _recalled,
}

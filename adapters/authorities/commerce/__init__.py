"""The sandbox commerce authority (pure): what it can say. What goes out and comes in: ``docs/reference/authorities/commerce.md``."""

from __future__ import annotations

from adapters.authorities.bureau.item import Data, Item, Words, receipts
from hub.domain.authority_views import PERMIT_USED, RECLASSIFIED
from hub.domain.credit import RESTRICTED


def _revoked(item: Item) -> tuple[str, Data] | None:
    if item.type != PERMIT_USED:
        return None
    return "commerce.permit.revoked.v1", {"merchant": item.data["merchant"], "control": item.data["control"]}


def _listed(item: Item) -> tuple[str, Data] | None:
    if item.type != RECLASSIFIED or item.data["after"] != RESTRICTED:
        return None
    return "commerce.enterprise.listed.v1", {"enterprise": item.data["enterprise"], "instrument": "sandbox control list"}


WORDS: Words = {**receipts("commerce"), "revoke": _revoked, "list": _listed}

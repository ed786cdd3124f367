"""The sandbox tax authority (pure): what it can say. What goes out and comes in: ``docs/reference/authorities/tax.md``."""

from __future__ import annotations

from adapters.authorities.bureau.item import Data, Item, Words, receipts
from hub.domain.authority_views import REFUND_DATA, TAX_ISSUED
from hub.domain.money import amount, round_half_up, text

#: Percent of an export's value that the sandbox refunds.
_RATE = 13


def _paid(item: Item) -> tuple[str, Data] | None:
    if item.type != TAX_ISSUED:
        return None
    return "tax.bill.paid.v1", {"tax_no": item.data["tax_no"], "amount": item.data["total"], "document": item.data["declaration"]}


def _refund(item: Item, decision: str) -> tuple[str, Data] | None:
    if item.type != REFUND_DATA or item.data.get("void"):
        return None
    value = sum(amount(line["total"]) for line in item.data["lines"])
    paid = text(round_half_up(value * _RATE, 100)) if decision == "approved" else "0"
    reasons = [] if decision == "approved" else [{"code": "SANDBOX", "message": "refused by the scenario"}]
    return "tax.refund.decided.v1", {"decision": decision, "amount": paid, "document": item.data["declaration"], "reasons": reasons}


WORDS: Words = {
    **receipts("tax"),
    "pay": _paid,
    "approve": lambda item: _refund(item, "approved"),
    "deny": lambda item: _refund(item, "refused"),
}

"""Made-up documents that agree with each other: import sales, export sales, and what follows them.

Everything follows from a number and a moment, so the same call gives the same documents. Nobody here exists:
resident identity numbers have the reserved district 990000 (with a right check digit), enterprise codes the unused
customs district 9901.
"""

from __future__ import annotations

from schemas.samples import examples
from schemas.samples.afterwards import (
    arrival,
    cancellation,
    consolidation,
    departure,
    returned,
    summary,
    tally,
    warehouse_entry,
    waybill_status,
)
from schemas.samples.common import DEFAULT_AT, LIMIT_FEN, Parties, base_transfer, buyer, subscription
from schemas.samples.exports import NO_PLATFORM, ExportSet, export_set
from schemas.samples.imports import FLAWS, DeclarationSet, changed, declaration_set, invalid
from schemas.samples.uploads import document

__all__ = [
    "DEFAULT_AT",
    "FLAWS",
    "LIMIT_FEN",
    "NO_PLATFORM",
    "DeclarationSet",
    "ExportSet",
    "Parties",
    "arrival",
    "base_transfer",
    "buyer",
    "cancellation",
    "changed",
    "consolidation",
    "declaration_set",
    "departure",
    "document",
    "examples",
    "export_set",
    "invalid",
    "returned",
    "subscription",
    "summary",
    "tally",
    "warehouse_entry",
    "waybill_status",
]

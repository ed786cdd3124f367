"""What tax, foreign exchange, market supervision and commerce are told beside alerts: facts of documents, without persons.

Each struct is the JSON value of one CloudEvents type on the topic of its authority (``VIEWS``). Amounts and quantities are
decimal text, codes those of customs, moments ms since the epoch. Nothing of a person is in them but shortened keyed digests.
The same fact has the same ``ce_id`` however often it is said.
"""

from __future__ import annotations

from typing import Any

import msgspec

from hub.domain.events import RegisteredLine, StandingReason

# ---- tax -----------------------------------------------------------------------------------------------------------


class TaxBill(msgspec.Struct, frozen=True, omit_defaults=True):
    """Customs has issued an electronic tax bill (CEB816), or changed its status (CEB818).

    ``status``: 1 created, 2 summarised into a payment book (``payment_book``), 3 void. A change names no amounts.
    """

    declaration: str
    tax_no: str
    status: str
    at: int
    inventory: str = ""
    merchant: str = ""
    declarant: str = ""
    office: str = ""
    guarantor: str = ""
    payment_book: str = ""
    customs_tax: str = ""
    value_added_tax: str = ""
    consumption_tax: str = ""
    total: str = ""


class ExportEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """A retail export as the zone's register keeps it (Caishui 2018-103); a later ``revision`` takes the place of the one before."""

    declaration: str
    revision: int
    merchant: str
    mode: str
    received_at: int
    date: str
    lines: tuple[RegisteredLine, ...]


class RefundLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """Goods of a concluded export: number and code of the line, quantity in ``unit``, amount in ``currency``; how much came back."""

    number: str
    goods_code: str
    quantity: str
    total: str
    unit: str = ""
    currency: str = ""
    returned: str = ""


class RefundData(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a refund is claimed with, of an export that customs has closed (899); a higher ``revision`` takes the place of a lower.

    ``summary`` and ``entry`` are the numbers of the summary and of the entry it was merged into, once customs has said
    them; ``returned``: ``part`` or ``all`` of the goods came back; ``void``: customs took the closure back.
    """

    declaration: str
    revision: int
    inventory: str
    merchant: str
    office: str
    mode: str
    closed_at: int
    lines: tuple[RefundLine, ...]
    order: str = ""
    summary: str = ""
    entry: str = ""
    returned: str = ""
    void: bool = False


# ---- foreign exchange ------------------------------------------------------------------------------------------------


class Funds(msgspec.Struct, frozen=True, omit_defaults=True):
    """A payment (import) or collection (export) of a matched declaration above the threshold.

    ``institution``: who made the payment or collection; ``transaction``: its number there; ``payer``: a shortened keyed digest.
    """

    declaration: str
    revision: int
    side: str
    at: int
    merchant: str
    platform: str
    institution: str
    transaction: str
    amount: str
    currency: str
    payer: str = ""


class FundsCorrected(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was told about a payment or collection (``corrects``: its ``ce_id``) is not so any more.

    ``reason``: ``withdrawn`` by its sender, ``refused`` by customs, ``returned`` goods, or ``replaced`` by what ``by`` names.
    """

    declaration: str
    corrects: str
    reason: str
    at: int
    by: str = ""


class YearExports(msgspec.Struct, frozen=True):
    """An enterprise's exports of a calendar year have passed a limit; ``dollars`` are whole, by the rates of exchange known here."""

    enterprise: str
    year: int
    limit: int
    dollars: int
    at: int


# ---- market supervision --------------------------------------------------------------------------------------------------


class GoodsFound(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of a declaration meets an entry of a list: ``list`` is ``recalls`` or ``brands``, ``entry`` its name there.

    ``goods``: the name as declared; ``carrier`` and ``waybill``: where the parcel is to be looked for.
    """

    declaration: str
    revision: int
    at: int
    list: str
    entry: str
    side: str
    merchant: str
    platform: str
    declarant: str
    office: str
    carrier: str
    waybill: str
    line: str
    goods_code: str
    goods: str
    quantity: str
    unit: str
    country: str = ""
    instrument: str = ""


class Reclassified(msgspec.Struct, frozen=True, omit_defaults=True):
    """An enterprise's control class became another: 1 trusted, 2 good, 3 normal, 4 watch, 5 restricted; and why."""

    enterprise: str
    at: int
    before: int
    after: int
    new: tuple[StandingReason, ...] = ()
    gone: tuple[StandingReason, ...] = ()


# ---- commerce --------------------------------------------------------------------------------------------------------------


class PermitUsed(msgspec.Struct, frozen=True):
    """What is used of a permit so far, and how much of it a declaration uses now (0: nothing any more); in the permit's unit.

    ``revision`` rises with each change of the permit's use.
    """

    merchant: str
    control: str
    number: str
    declaration: str
    quantity: str
    used: str
    revision: int


TAX_ISSUED, TAX_CHANGED = "hub.tax-bill.issued.v1", "hub.tax-bill.changed.v1"
EXPORT_REGISTERED, REFUND_DATA = "hub.export.registered.v1", "hub.refund-data.compiled.v1"
PAYMENT_MATCHED, COLLECTION_MATCHED = "hub.payment.matched.v1", "hub.collection.matched.v1"
FUNDS_CORRECTED, YEAR_PASSED = "hub.funds.corrected.v1", "hub.year-limit.passed.v1"
GOODS_FOUND, RECLASSIFIED, PERMIT_USED = "hub.goods.found.v1", "hub.enterprise.reclassified.v1", "hub.permit.used.v1"

#: Authority → CloudEvents type → what a record of it holds. Alerts (``hub.alert.raised.v1``) come beside them.
VIEWS: dict[str, dict[str, Any]] = {  # Any: struct types
    "tax": {
        TAX_ISSUED: TaxBill,
        TAX_CHANGED: TaxBill,
        EXPORT_REGISTERED: ExportEntry,
        REFUND_DATA: RefundData,
    },
    "forex": {
        PAYMENT_MATCHED: Funds,
        COLLECTION_MATCHED: Funds,
        FUNDS_CORRECTED: FundsCorrected,
        YEAR_PASSED: YearExports,
    },
    "market": {GOODS_FOUND: GoodsFound, RECLASSIFIED: Reclassified},
    "commerce": {PERMIT_USED: PermitUsed, RECLASSIFIED: Reclassified},
}

"""What tax, foreign exchange, market supervision and commerce tell the hub: CloudEvents, a struct of the data for each type.

The first part of a type is the authority whose word it is (``tax.receipt.given.v1``): only that role may send it. What is told
about a document goes to its timeline; what is told about enterprises, goods and permits becomes reference data, as successors
that begin on the day they are told at the earliest: nothing that was assessed before is rewritten.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

#: The message of a submission of such events, and the kind of its documents.
MESSAGE, NOTICE = "CloudEvents", "notice"
#: Authorities that speak by CloudEvents; customs answers in its own messages.
TELLERS = ("tax", "forex", "market", "commerce")
#: Authorities whose words about a document its participant reads; what the others say of it would tell what they were told.
OPEN_WORDS = frozenset({"tax"})

Code = Annotated[str, Meta(pattern=r"^[0-9A-Za-z]{9,18}$", description="an enterprise code")]
Text = Annotated[str, Meta(min_length=1, max_length=200)]
#: A ``ce_id`` of the hub.
Item = Annotated[str, Meta(min_length=1, max_length=400)]
Words = Annotated[tuple[Text, ...], Meta(max_length=100)]
Number = Annotated[str, Meta(min_length=1, max_length=60)]
Amount = Annotated[str, Meta(pattern=r"^[0-9]{1,12}(\.[0-9]{1,5})?$", description="decimal text")]
Day = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", description="a day of China, YYYY-MM-DD")]
Document = Annotated[str, Meta(pattern=r"^declaration/.{1,180}$", description="register key: declaration/<agentCode>:<copNo>")]


class Reason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why something was refused."""

    code: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,40}$")]
    message: Text


Reasons = Annotated[tuple[Reason, ...], Meta(max_length=20)]


class Receipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the authority says to an item it was told (``item``: its ``ce_id``); of a document, its register key or its number at customs."""

    item: Item
    outcome: Literal["accepted", "refused"]
    document: Document = ""
    inventory: Number = ""
    reasons: Reasons = ()


class BillPaid(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An electronic tax bill has been paid."""

    tax_no: Number
    amount: Amount
    document: Document = ""
    inventory: Number = ""


class RefundDecided(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The refund of an export is decided; ``amount`` in yuan is what is refunded."""

    decision: Literal["approved", "refused"]
    amount: Amount = "0"
    document: Document = ""
    inventory: Number = ""
    reasons: Reasons = ()


class AttentionPlaced(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An enterprise is on the list of attention: its foreign-exchange class is B or C from a day on."""

    enterprise: Code
    level: Literal["B", "C"]
    reason: Text
    first: Day = ""
    until: Day = ""


class AttentionLifted(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An enterprise is off the list of attention: its class is A again."""

    enterprise: Code
    reason: Text
    first: Day = ""


class RecallIssued(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Goods are recalled: by words, beginnings of commodity codes and countries, each met by one of its values."""

    name: Text
    instrument: Text
    terms: Words = ()
    codes: Words = ()
    countries: Words = ()
    first: Day = ""
    until: Day = ""


class RecallWithdrawn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A recall of that name is over."""

    name: Text
    first: Day = ""


class ComplaintReceived(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Somebody has complained about an enterprise (12315): the complaint's number, its matter in a word, without persons."""

    complaint: Number
    enterprise: Code
    matter: Literal["quality", "counterfeit", "safety", "labelling", "delivery", "return", "other"]
    document: Document = ""


class BrandFound(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Goods of a declaration were examined for a brand."""

    document: Document
    brand: Text
    finding: Literal["infringing", "genuine"]
    enterprise: Code = ""


class PermitGiven(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A permit is granted, or what it says is changed: from ``first`` until before ``until``."""

    merchant: Code
    control: Annotated[str, Meta(pattern=r"^[^~/]{1,20}$")]
    number: Number
    quantity: Amount
    unit: Annotated[str, Meta(pattern=r"^[0-9]{3}$")]
    instrument: Text = ""
    first: Day = ""
    until: Day = ""


class PermitRevoked(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A permit is revoked: nothing may be taken of it from ``first`` on."""

    merchant: Code
    control: Annotated[str, Meta(pattern=r"^[^~/]{1,20}$")]
    first: Day = ""


class EnterpriseListed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An enterprise is on one of commerce's control lists (unreliable entities, export control)."""

    enterprise: Code
    instrument: Text
    first: Day = ""
    until: Day = ""


class EnterpriseDelisted(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An enterprise is on none of commerce's control lists any more."""

    enterprise: Code
    instrument: Text
    first: Day = ""


#: CloudEvents type → what its data are.
NOTICES: dict[str, Any] = {  # Any: struct types
    **{f"{authority}.receipt.given.v1": Receipt for authority in TELLERS},
    "tax.bill.paid.v1": BillPaid,
    "tax.refund.decided.v1": RefundDecided,
    "forex.attention.placed.v1": AttentionPlaced,
    "forex.attention.lifted.v1": AttentionLifted,
    "market.recall.issued.v1": RecallIssued,
    "market.recall.withdrawn.v1": RecallWithdrawn,
    "market.complaint.received.v1": ComplaintReceived,
    "market.brand.found.v1": BrandFound,
    "commerce.permit.granted.v1": PermitGiven,
    "commerce.permit.changed.v1": PermitGiven,
    "commerce.permit.revoked.v1": PermitRevoked,
    "commerce.enterprise.listed.v1": EnterpriseListed,
    "commerce.enterprise.delisted.v1": EnterpriseDelisted,
}


def authority_of(type_: str) -> str:
    """Whose word a type is."""
    return type_.partition(".")[0]


class Notice(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An event as the door understood it. ``id`` is a digest of who sent it, its source and its id: the same event has the same.

    ``time``: when the authority said it, ms; ``data``: of its type, as JSON.
    """

    id: str
    type: str
    time: int
    data: bytes


def data_of(notice: Notice) -> Any:  # Any: the struct of its type
    """The data of a notice."""
    return msgspec.json.decode(notice.data, type=NOTICES[notice.type])


class Complained(msgspec.Struct, frozen=True, tag="complained", array_like=True, gc=False):
    """Market supervision has a complaint about an enterprise; split → observe, key = the enterprise's code. ``notice``: its id."""

    at: int
    notice: str

"""Split: one event for each document of a submission, and the whole message on its way to customs.

The only stage that opens what the door sealed. It drops submissions it has seen before (a repeated POST, a producer's
retry across a restart), remembering ids longer than claims are kept.

A message is handed over whole, as its original bytes, drafts in it included: customs takes or refuses a message as one,
and tells drafts apart by appStatus itself. Only a message of nothing but drafts stays here, and what customs handed on to
the hub as a subscriber: it has that. Where an order of an authority may hold one of its declarations the gate gets it first.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec

from hub import codec, topics
from hub.domain import notices
from hub.domain.events import (
    HandedOver,
    Handing,
    HandOver,
    Lead,
    Link,
    Noted,
    ReceiptArrived,
    Received,
    Submission,
    Summarised,
    TaxBillArrived,
    Tick,
)
from hub.domain.faults import Erased
from hub.domain.keys import answered_key, china_day, possible_time, receipt_ms, register_key
from hub.domain.kinds import DECLARATION
from hub.domain.orders import Order, Orders
from hub.domain.reference import Reference
from hub.domain.views import DeclarationView
from schemas.documents import STRUCTS
from schemas.model import MessageType, message_types
from streams.api import Output, Record, Step
from streams.stages.follow import amount_of
from streams.stages.notices import told

_REGISTER, _RESOLVE, _GATE = topics.inbox("register"), topics.inbox("resolve"), topics.inbox("gate")
_declaration = codec.decoder(DeclarationView)

#: Characters that count of what a receipt says: receipts are taken whatever their schema says, but no code has more than 10
#: characters, no returnTime more than 17, no number more than 60, no returnInfo more than 5,000. What is longer stands in the
#: receipt itself.
_CODE, _TIME, _NUMBER, _KEY, _INFO = 10, 17, 60, 200, 5000

#: The state of an id: it was seen.
_SEEN = True


class SplitSettings(msgspec.Struct, frozen=True):
    """``keep``: ms an id is remembered, a day longer than claims (design §3.2)."""

    keep: int = 8 * topics.DAY_MS


class Split:
    """The stage. ``open_`` unseals what the door sealed (``Sealer.open``)."""

    name = "split"
    inbox = topics.inbox("split")

    def __init__(
        self, open_: Callable[[bytes], bytes], settings: SplitSettings | None = None, references: Reference | None = None
    ) -> None:
        """``references`` say which orders of authorities hold messages; without them none does."""
        self._open = open_
        self._orders = Orders(references) if references is not None else None
        self._settings = settings or SplitSettings()

    @staticmethod
    def dump(state: bool) -> bytes:  # noqa: ARG004 - the protocol's signature
        """A seen id is all the state there is."""
        return b"\x01"

    @staticmethod
    def load(value: bytes) -> bool:  # noqa: ARG004 - the protocol's signature
        """The reverse of ``dump``."""
        return True

    def handle(self, state: bool | None, record: Record, now: Tick) -> Step | None:
        """Take a submission apart; None for one seen before."""
        if state is not None:
            return None
        sealed = codec.submission_record(record.value)
        try:
            submission = codec.submission(self._open(sealed.documents))
        except Erased:  # it was read when it came, or nobody will ever read it: nothing is left to hand on
            return Step(_SEEN, now.at + self._settings.keep, [])
        if submission.message == notices.MESSAGE:
            outputs = told(submission)
        elif submission.authority:
            outputs = _receipts(submission)
        else:
            outputs = _documents(submission)
            outputs += _observed(submission) if submission.observed else self._going(submission, sealed, now)
        return Step(_SEEN, max(now.at, submission.received_at) + self._settings.keep, outputs)

    def _going(self, submission: Submission, sealed: codec.SubmissionRecord, now: Tick) -> list[Output]:
        """The hand-overs, or all of them to the gate where an order may hold a declaration of the message."""
        outputs = _hand_overs(submission, sealed)
        if self._orders is None or not outputs or not self._orders.at(china_day(submission.received_at), now.reference):
            return outputs
        holding = self._holding(submission, now)
        if not holding:
            return outputs
        parts = tuple([output.value or b"" for output in outputs if output.topic == topics.OUT_CUSTOMS])
        documents = [register_key(d.kind, d.key) for d in submission.documents if d.app_status != "1"]
        handing = Handing(
            submission.id, submission.sender, submission.principal, parts, tuple(dict.fromkeys(documents)), holding,
            submission.received_at, now.reference,
        )  # fmt: skip
        links = [output for output in outputs if output.topic != topics.OUT_CUSTOMS]
        return [*links, Output(_GATE, submission.id.encode(), codec.pack(handing))]

    def _holding(self, submission: Submission, now: Tick) -> dict[str, tuple[Order, ...]]:
        assert self._orders is not None
        day, found = china_day(submission.received_at), {}
        for document in submission.documents:
            if document.kind == DECLARATION and document.app_status != "1":
                orders = self._orders.holding(day, now.reference, _declaration(document.view))
                if orders:
                    found[register_key(document.kind, document.key)] = orders
        return found

    def fire(self, state: bool, key: bytes, now: Tick) -> Step:  # noqa: ARG002 - the protocol's signature
        """The id may be forgotten."""
        return Step(None, 0, [])


def _documents(submission: Submission) -> list[Output]:
    pack = codec.pack
    return [
        Output(
            _REGISTER,
            register_key(document.kind, document.key).encode(),
            pack(
                Received(
                    document,
                    submission.id,
                    submission.principal,
                    submission.sender,
                    submission.received_at,
                    submission.message,
                    submission.edition,
                    submission.dxp_id,
                    submission.subscribers,
                )
            ),
        )
        for document in submission.documents
    ]


def _observed(submission: Submission) -> list[Output]:
    """That customs has the documents already: they came from there, and must never go there again."""
    told = codec.pack(
        HandedOver(submission.id, "customs", "delivered", submission.received_at, note="by its sender")
    )
    return [Output(_REGISTER, register_key(d.kind, d.key).encode(), told) for d in submission.documents]


def _hand_overs(submission: Submission, sealed: codec.SubmissionRecord) -> list[Output]:
    """The message as it came, or those rendered from it, one for each document, and the links a CEB900 needs."""
    found = submission.documents
    if all(document.app_status == "1" for document in found):
        return []
    keys = tuple(register_key(document.kind, document.key) for document in found)
    parts: list[tuple[str, bytes, tuple[str, ...]]]
    if len(sealed.messages) > 1:
        parts = [
            (f"{submission.id}#{n}", message, (key,))
            for n, (message, key, document) in enumerate(zip(sealed.messages, keys, found, strict=False))
            if document.app_status != "1"
        ]
    else:
        parts = [(submission.id, sealed.messages[0] if sealed.messages else sealed.received, keys)]
    outputs = []
    for copmsg_id, message, about in parts:
        hand_over = HandOver(
            submission=submission.id,
            copmsg_id=copmsg_id,
            message=submission.message,
            sender=submission.sender,
            dxp_id=submission.dxp_id,
            sealed=message,
            documents=about,
            received_at=submission.received_at,
            subscribers=submission.subscribers,
        )
        outputs.append(Output(topics.OUT_CUSTOMS, submission.sender.encode(), codec.pack(hand_over)))
        link = Link(tuple(dict.fromkeys(about)), submission.received_at)
        outputs.append(Output(_RESOLVE, f"copmsg:{copmsg_id}".encode(), codec.pack(link)))
    return outputs


@cache
def _decoder(message: str) -> tuple[MessageType, Callable[[Any], Any]]:
    mt = message_types()[message]
    if mt.direction != "down":
        raise ValueError(f"not an authority's message: {message}")
    return mt, codec.decoder(STRUCTS[mt.struct])


def _receipts(submission: Submission) -> list[Output]:
    outputs = []
    for document in submission.documents:
        message = document.message or submission.message
        mt, decode = _decoder(message)
        outputs += _UNASKED.get(mt.kind, _receipt)(submission, message, decode(document.view))
    return outputs


def _receipt(submission: Submission, message: str, receipt: Any) -> list[Output]:  # Any: a receipt's struct
    head = receipt.head
    named = ((name, getattr(head, name, None)) for name in _NUMBERS)
    numbers = {name: value for name, value in named if value and len(value) <= _NUMBER}
    event = codec.pack(
        ReceiptArrived(
            authority=submission.authority,
            message=message,
            code=(head.returnStatus or "")[:_CODE],
            time=(head.returnTime or "")[:_TIME],
            info=(head.returnInfo or "")[:_INFO],
            received_at=submission.received_at,
            submission=submission.id,
            numbers=numbers,
            head=_said(head),
        )
    )
    key = answered_key(message, receipt)
    if key and len(key) <= _KEY:
        return [Output(_REGISTER, key.encode(), event)]
    return [_led(submission, event, _leads(message, head))]


#: Numbers of authorities that receipts name.
_NUMBERS = ("preNo", "invtNo", "sumNo", "rkdNo", "customsCode")


def _led(submission: Submission, event: bytes, leads: list[str]) -> Output:
    lead = Lead(msgspec.Raw(event), submission.received_at, tuple(leads[1:]))
    return Output(_RESOLVE, leads[0].encode(), codec.pack(lead))


def _said(head: Any) -> msgspec.Raw:  # Any: a head
    """Everything a receipt says, without the message a CEB900 quotes, persons and all: that stays where it was received."""
    if getattr(head, "oriBizMessage", None):
        head = msgspec.structs.replace(head, oriBizMessage="")
    said: dict[str, str | None] = msgspec.to_builtins(head)
    return msgspec.Raw(codec.pack({name: text[:_INFO] if text else text for name, text in said.items()}))


def _leads(message: str, head: Any) -> list[str]:  # Any: a receipt's head
    """The numbers a receipt without its document's key names; one that names nothing waits under its own guid."""
    if message == "CEB900" and head.oriCopMsgId and len(head.oriCopMsgId) <= _KEY:
        return [f"copmsg:{head.oriCopMsgId}"]
    named = [(name, getattr(head, name, None)) for name in ("invtNo", "preNo", "rkdNo", "sumNo", "guid")]
    found = [f"{name}:{value}" for name, value in named if value and len(value) <= _NUMBER]
    order = _ORDER.search(head.returnInfo or "") if message in ("CEB622", "CEB604") else None
    if order is not None and len(order[2]) <= _NUMBER:
        found.append(f"order:{order[1]}:{order[2]}")
    return found or ["guid:"]


#: How customs names a declaration that has no number yet: 清单[电商企业编码：X,订单编号：Y] (seen in practice).
_ORDER = re.compile(r"电商企业编码[：:]\s*([0-9A-Za-z]{1,18})\s*[,，]?\s*订单编号[：:]\s*([^\]，,]{1,60})")


def _tax_bill(submission: Submission, message: str, bill: Any) -> list[Output]:  # Any: a tax bill or its status
    head = bill.head
    amounts = [getattr(head, name, None) for name in ("customsTax", "valueAddedTax", "consumptionTax")]
    duty, added, consumption = [amount_of(value) for value in amounts]
    event = TaxBillArrived(
        authority=submission.authority,
        message=message,
        tax_no=(head.taxNo or "")[:_NUMBER],
        status=(head.status or "")[:_CODE],
        time=(head.returnTime or "")[:_TIME],
        received_at=submission.received_at,
        submission=submission.id,
        duty_no=(head.entDutyNo or "")[:_NUMBER],
        guarantor=(head.assureCode or "")[:_NUMBER],
        customs_tax=duty if any(value is not None for value in amounts) else None,
        value_added_tax=added,
        consumption_tax=consumption,
        head=_said(head),
    )
    # A bill's number is the declaration's with a suffix, where it names none.
    number = head.invtNo or (head.taxNo or "").rpartition("_")[0]
    return [_led(submission, codec.pack(event), [f"invtNo:{number[:_NUMBER]}"])]


def _summary_result(submission: Submission, message: str, result: Any) -> list[Output]:  # Any: a summary result
    head = result.head
    at = receipt_ms(possible_time(head.opDate or "", submission.received_at))
    number, entry = (head.sumNo or "")[:_NUMBER], (head.entryId or head.declSeqNo or "")[:_NUMBER]
    about = [f"invtNo:{line.invtNo[:_NUMBER]}" for line in result.list if line.invtNo]
    concluded = codec.pack(Summarised("", "concluded", at, number, entry))
    detail = " ".join([part for part in (entry, head.decState or "") if part])[:_NUMBER]
    names = ("sumNo", "declSeqNo", "entryId", "decState")
    numbers = {name: value[:_NUMBER] for name in names if (value := getattr(head, name))}
    fact = f"entry {head.declSeqNo or ''}"[:_NUMBER]
    noted = Noted("summary result", at, submission.authority, detail, fact, entry, message=message, numbers=numbers)
    outputs = [_led(submission, concluded, [lead]) for lead in dict.fromkeys(about)]
    return [*outputs, _led(submission, codec.pack(noted), [f"sumNo:{number}"])]


_UNASKED: dict[str, Callable[[Submission, str, Any], list[Output]]] = {
    "tax_bill": _tax_bill,
    "tax_bill_status": _tax_bill,
    "summary_result": _summary_result,
}

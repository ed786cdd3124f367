"""Split: one event for each document of a submission, and the whole message on its way to customs.

The only stage that opens what the door sealed. It drops submissions it has seen before (a repeated POST, a producer's
retry across a restart), remembering ids longer than claims are kept.

A message is handed over whole, as its original bytes, drafts in it included: customs takes or refuses a message as one,
and tells drafts apart by appStatus itself. Only a message of nothing but drafts stays here, and what customs handed on to
the hub as a subscriber: it has that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from hub import codec, topics
from hub.domain.events import (
    HandedOver,
    HandOver,
    Lead,
    Link,
    ReceiptArrived,
    Received,
    Submission,
    Tick,
)
from hub.domain.keys import answered_key, register_key
from schemas import documents
from streams.api import Output, Record, Step

_REGISTER, _RESOLVE = topics.inbox("register"), topics.inbox("resolve")

_RECEIPTS: dict[str, Callable[[Any], Any]] = {
    "CEB312": codec.decoder(documents.OrderReceipt),
    "CEB412": codec.decoder(documents.PaymentReceipt),
    "CEB512": codec.decoder(documents.WaybillReceipt),
    "CEB622": codec.decoder(documents.DeclarationReceipt),
    "CEB900": codec.decoder(documents.FormatReceipt),
}

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

    def __init__(self, open_: Callable[[bytes], bytes], settings: SplitSettings | None = None) -> None:
        self._open = open_
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
        submission = codec.submission(self._open(sealed.documents))
        if submission.authority:
            outputs = _receipts(submission)
        else:
            outputs = _documents(submission)
            outputs += _observed(submission) if submission.observed else _hand_overs(submission, sealed)
        return Step(_SEEN, max(now.at, submission.received_at) + self._settings.keep, outputs)

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


def _receipts(submission: Submission) -> list[Output]:
    outputs = []
    for document in submission.documents:
        message = document.message or submission.message
        decode = _RECEIPTS.get(message)
        if decode is None:
            raise ValueError(f"no receipt message: {message}")
        outputs.append(_receipt(submission, message, decode(document.view).head))
    return outputs


def _receipt(submission: Submission, message: str, head: Any) -> Output:  # Any: a receipt's head
    named = ((name, getattr(head, name, None)) for name in ("preNo", "invtNo", "customsCode"))
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
            head=msgspec.Raw(codec.pack(_without_message(head))),
        )
    )
    key = answered_key(message, head)
    if key and len(key) <= _KEY:
        return Output(_REGISTER, key.encode(), event)
    leads = _leads(message, head)
    lead = Lead(msgspec.Raw(event), submission.received_at, tuple(leads[1:]))
    return Output(_RESOLVE, leads[0].encode(), codec.pack(lead))


def _without_message(head: Any) -> Any:  # Any: a receipt's head
    """A CEB900 quotes what it is about, persons and all; that stays where it was received."""
    return msgspec.structs.replace(head, oriBizMessage="") if getattr(head, "oriBizMessage", None) else head


def _leads(message: str, head: Any) -> list[str]:  # Any: a receipt's head
    """The numbers a receipt without its document's key names; one that names nothing waits under its own guid."""
    if message == "CEB900" and head.oriCopMsgId and len(head.oriCopMsgId) <= _KEY:
        return [f"copmsg:{head.oriCopMsgId}"]
    named = [(name, getattr(head, name, None)) for name in ("invtNo", "preNo", "guid")]
    return [f"{name}:{value}" for name, value in named if value and len(value) <= _NUMBER] or ["guid:"]

"""Events ↔ bytes: msgpack inside, JSON on public topics. Encoders and decoders are made once."""

from __future__ import annotations

from typing import Any

import msgspec

from hub.domain import deliveries, desk, events
from hub.domain import evidence as evidence_

_encoder = msgspec.msgpack.Encoder()
_json = msgspec.json.Encoder()

#: msgpack of an internal event or state.
pack = _encoder.encode
#: JSON of a public value.
to_json = _json.encode

tick = msgspec.msgpack.Decoder(events.Tick).decode
submission = msgspec.msgpack.Decoder(events.Submission).decode
summary = msgspec.msgpack.Decoder(events.SubmissionSummary).decode
register_event = msgspec.msgpack.Decoder(events.RegisterEvent).decode
match_event = msgspec.msgpack.Decoder(events.MatchEvent).decode
assess_event = msgspec.msgpack.Decoder(events.AssessEvent).decode
bill_event = msgspec.msgpack.Decoder(events.BillEvent).decode
ledger_event = msgspec.msgpack.Decoder(events.Burden).decode
watch_event = msgspec.msgpack.Decoder(events.Seen).decode
gate_event = msgspec.msgpack.Decoder(events.GateEvent).decode
desk_event = msgspec.msgpack.Decoder(desk.DeskEvent).decode
observe_event = msgspec.msgpack.Decoder(events.ObserveEvent).decode
resolve_event = msgspec.msgpack.Decoder(events.ResolveEvent).decode
hand_over = msgspec.msgpack.Decoder(events.HandOver).decode
hold = msgspec.json.Decoder(events.Hold).decode
case = msgspec.json.Decoder(desk.Case).decode
status = msgspec.json.Decoder(events.Status).decode
assessment = msgspec.json.Decoder(events.Assessment).decode
alert = msgspec.json.Decoder(events.Alert).decode
answer = msgspec.json.Decoder(events.Answer).decode
delivery_report = msgspec.json.Decoder(deliveries.DeliveryReport).decode
profile = msgspec.json.Decoder(events.Profile).decode
evidence = msgspec.json.Decoder(evidence_.Record).decode

#: Header of ``submissions`` and ``refusals`` records that holds the SubmissionSummary (msgpack, no personal data).
SUMMARY_HEADER = "summary"


class SubmissionRecord(msgspec.Struct, frozen=True, array_like=True):
    """The value of a record in ``submissions``.

    ``documents`` is the sealed msgpack of a Submission; ``received`` the sealed bytes as received;
    ``messages`` the sealed CEB messages handed over where they are not the bytes received themselves
    (the message inside a DxpMsg; those rendered from JSON, one a document); ``acknowledgement`` its JSON, proof included.
    """

    documents: bytes
    received: bytes
    messages: tuple[bytes, ...]
    acknowledgement: bytes


submission_record = msgspec.msgpack.Decoder(SubmissionRecord).decode


def submission_content(value: bytes) -> str:
    """The content of a submission's leaf (``hub.domain.evidence``) from its record; what is no submission counts as its bytes."""
    try:
        return evidence_.content_of(submission_record(value).acknowledgement)
    except msgspec.DecodeError:
        return evidence_.hashed(value)


def decoder(type_: Any) -> Any:
    """A msgpack decoder of a type, for the states of stages and bodies of documents."""
    return msgspec.msgpack.Decoder(type_).decode

"""Customs on the exchange platform: its numbers, and envelopes from and to bytes; their format is ``adapters.dialects.dxp``.

Bytes in, bytes out: the message inside is neither opened nor changed.
"""

from __future__ import annotations

from adapters.dialects import dxp
from adapters.dialects.dxp import TAKEN, Answer, Envelope, china_time, write
from adapters.xml import AUTHORITY, ParsedXml, parse
from hub.domain.faults import Refused
from schemas.envelopes import DXP

__all__ = [
    "CUSTOMS_EXPORT",
    "CUSTOMS_IMPORT",
    "DXP",
    "TAKEN",
    "Answer",
    "Envelope",
    "UnreadableError",
    "china_time",
    "read",
    "read_answer",
    "write",
    "write_answer",
]

#: Customs' numbers on the exchange platform for import and for export.
CUSTOMS_IMPORT, CUSTOMS_EXPORT = "DXPEDCCEB0000002", "DXPEDCCEB0000003"


class UnreadableError(Exception):
    """Bytes that are no DxpMsg, DxpMsgSv or DxpRep; the sentence says why, without their content."""


def read(data: bytes) -> Envelope:
    """A DxpMsg or DxpMsgSv as the specification wants it; raises UnreadableError."""
    parsed = _parsed(data)
    if not dxp.is_envelope(parsed.root):
        raise UnreadableError("not a DxpMsg")
    try:
        return dxp.read(parsed).envelope
    except Refused as error:
        raise UnreadableError(error.faults[0].message) from None


def write_answer(receiver: str, answer: Answer, notice_day: str, about: Envelope | None = None) -> bytes:
    """The DxpRep of one answer; ``about`` fills OriHead."""
    return dxp.write_reply(receiver, (answer,), notice_day, about)


def read_answer(data: bytes) -> Answer:
    """The first refusal in a DxpRep, or that the message was taken; raises UnreadableError."""
    root = _parsed(data).root
    if root.tag != f"{{{DXP}}}DxpRep":
        raise UnreadableError("not a DxpRep")
    answers = dxp.read_reply(root)
    if not answers:
        raise UnreadableError("there is no Response")
    return next((answer for answer in answers if answer.code != TAKEN), answers[0])


def _parsed(data: bytes) -> ParsedXml:
    try:
        return parse(data, AUTHORITY)
    except Refused as error:
        raise UnreadableError(error.faults[0].code) from None

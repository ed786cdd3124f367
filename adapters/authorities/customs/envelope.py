"""DxpMsg and DxpRep, the envelopes between a terminal and customs (CEB specification, terminal node).

Bytes in, bytes out: the message inside is neither opened nor changed.
"""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from xml.sax.saxutils import escape

import msgspec
from lxml import etree

from adapters.xml import AUTHORITY, parse
from hub.domain.faults import Refused

DXP = "http://www.chinaport.gov.cn/dxp"
#: Customs' numbers on the exchange platform for import and for export.
CUSTOMS_IMPORT, CUSTOMS_EXPORT = "DXPEDCCEB0000002", "DXPEDCCEB0000003"
#: ResponseCode of a message that was taken; everything else is a refusal.
TAKEN = "0"

_NS = {"d": DXP}


class Envelope(msgspec.Struct, frozen=True):
    """A DxpMsg: who sends what to whom. ``content`` is the message inside, ``type`` its root's name."""

    id: str
    sender: str
    receivers: tuple[str, ...]
    type: str
    content: bytes
    at: int  # ms


class Answer(msgspec.Struct, frozen=True):
    """What a DxpRep says: ``0`` and nothing, or a code and why."""

    code: str
    info: str = ""


class UnreadableError(Exception):
    """Bytes that are no DxpMsg or DxpRep; the sentence says why, without their content."""


@lru_cache(maxsize=4)
def _second(at: int) -> str:
    return (datetime.fromtimestamp(at, UTC) + timedelta(hours=8)).strftime("%Y-%m-%dT%H:%M:%S")


def china_time(at: int) -> str:
    """A moment (ms) as ``yyyy-MM-ddTHH:mm:ss`` of China, as CreatTime is written."""
    return _second(at // 1000)


def write(envelope: Envelope) -> bytes:
    """The DxpMsg in UTF-8."""
    receivers = "".join(f"<ReceiverId>{escape(receiver)}</ReceiverId>" for receiver in envelope.receivers)
    head = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<DxpMsg xmlns="{DXP}" ver="1.0">'
        f"<TransInfo><CopMsgId>{escape(envelope.id)}</CopMsgId><SenderId>{escape(envelope.sender)}</SenderId>"
        f"<ReceiverIds>{receivers}</ReceiverIds><CreatTime>{china_time(envelope.at)}</CreatTime>"
        f"<MsgType>{escape(envelope.type)}</MsgType></TransInfo><Data>"
    )
    return head.encode() + base64.b64encode(envelope.content) + b"</Data></DxpMsg>"


def read(data: bytes) -> Envelope:
    """A DxpMsg; raises UnreadableError. Its time is not read: the receiver has its own clock."""
    root = _root(data, "DxpMsg")
    info = root.find("d:TransInfo", _NS)
    if info is None:
        raise UnreadableError("there is no TransInfo")
    try:
        content = base64.b64decode(root.findtext("d:Data", "", _NS), validate=False)
    except (binascii.Error, ValueError):
        raise UnreadableError("Data is not Base64") from None
    receivers = [element.text or "" for element in info.iterfind("d:ReceiverIds/d:ReceiverId", _NS)]
    envelope = Envelope(
        id=info.findtext("d:CopMsgId", "", _NS).strip(),
        sender=info.findtext("d:SenderId", "", _NS).strip(),
        receivers=tuple(receivers),
        type=info.findtext("d:MsgType", "", _NS).strip(),
        content=content,
        at=0,
    )
    if not envelope.id or not envelope.sender or not content:
        raise UnreadableError("CopMsgId, SenderId or Data is missing")
    return envelope


def write_answer(receiver: str, answer: Answer, notice_day: str, about: Envelope | None = None) -> bytes:
    """The DxpRep (element names as the specification spells them); ``about`` fills OriHead."""
    original = ""
    if about is not None:
        original = (
            f"<OriHead><CopMsgId>{escape(about.id)}</CopMsgId><SenderId>{escape(about.sender)}</SenderId>"
            f"<MsgType>{escape(about.type)}</MsgType></OriHead>"
        )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<DxpRep xmlns="{DXP}" ver="1.0">'
        f"<RecevierId>{escape(receiver or 'unknown')}</RecevierId>"
        f"<Response><ResponseCode>{escape(answer.code)}</ResponseCode>"
        f"<ResponseInfo>{escape(answer.info[:300])}</ResponseInfo></Response>"
        f"<NoticeTime>{notice_day}</NoticeTime>{original}</DxpRep>"
    ).encode()


def read_answer(data: bytes) -> Answer:
    """The first refusal in a DxpRep, or that the message was taken; raises UnreadableError."""
    root = _root(data, "DxpRep")
    answers = [
        Answer(found.findtext("d:ResponseCode", "", _NS).strip(), found.findtext("d:ResponseInfo", "", _NS).strip())
        for found in root.iterfind("d:Response", _NS)
    ]
    if not answers:
        raise UnreadableError("there is no Response")
    return next((answer for answer in answers if answer.code != TAKEN), answers[0])


def _root(data: bytes, name: str) -> etree._Element:
    try:
        root = parse(data, AUTHORITY).root
    except Refused as error:
        raise UnreadableError(error.faults[0].code) from None
    if root.tag != f"{{{DXP}}}{name}":
        raise UnreadableError(f"not a {name}")
    return root

"""The exchange platform's envelopes (pure): DxpMsg of a terminal, DxpMsgSv of a transport node, and the answer DxpRep.

CEB specification, terminal and transport node; ``schemas.envelopes`` judges their form. The message inside travels on
as it is: its bytes are what its sender signed. The character set that ``AddInfo/IsText`` may name is not heeded: the
message's own XML declaration says how it is written.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import NoReturn
from xml.sax.saxutils import escape

import msgspec
from lxml import etree

from adapters.signature_form import SIGNATURE
from adapters.xml import AUTHORITY, ENTERPRISE, ParsedXml, parse
from hub.domain.faults import Fault, Refused
from schemas import envelopes
from schemas.envelopes import DXP

ROOT = f"{{{DXP}}}DxpMsg"
SV_ROOT = f"{{{DXP}}}DxpMsgSv"
#: ResponseCode of a message that was taken; everything else is a refusal.
TAKEN = "0"
_BLANKS = dict.fromkeys(map(ord, " \t\r\n"))
#: Where OriHead must name what nobody could read.
_UNKNOWN = "unknown"


class Node(msgspec.Struct, frozen=True):
    """SvNo, what the platform's own nodes say: ``id`` its number there, from node ``start`` to node ``end``; ``at`` in ms."""

    id: str
    start: str
    end: str
    at: int = 0
    part: str = ""


class Envelope(msgspec.Struct, frozen=True):
    """Who sends what to whom: a DxpMsg, or with a ``node`` the DxpMsgSv around it.

    ``type`` is the root's name of the message inside, empty where the envelope does not say; ``at`` (ms) is when its
    sender says it was made, 0 where that cannot be read: an answer repeats it, nothing else looks at it.
    """

    id: str
    sender: str
    receivers: tuple[str, ...]
    type: str
    content: bytes
    at: int = 0
    node: Node | None = None

    @property
    def path(self) -> str:
        """Where the DxpMsg stands."""
        return "/DxpMsg" if self.node is None else "/DxpMsgSv/DxpMsg"


class Opened(msgspec.Struct, frozen=True):
    """An envelope as it came. ``signed``: (root, text) of each layer that carries a signature of its own (none need).

    ``deviations``: what its schema says against it, where it was read all the same.
    """

    envelope: Envelope
    signed: tuple[tuple[etree._Element, bytes], ...] = ()
    deviations: tuple[Fault, ...] = ()


class Answer(msgspec.Struct, frozen=True):
    """What a DxpRep says: ``0`` and nothing, or a code and why."""

    code: str
    info: str = ""


# ---- reading


def is_envelope(root: etree._Element, lenient: bool = False) -> bool:
    """Whether a root is a DxpMsg or DxpMsgSv; ``lenient`` also without any namespace."""
    return root.tag in (ROOT, SV_ROOT) or (lenient and root.tag in ("DxpMsg", "DxpMsgSv"))


def read(parsed: ParsedXml) -> Opened:
    """An envelope by its schema; raises Refused ``schema.envelope``, a fault for each place that is wrong.

    Stricter than libxml2's reading of the official schemas in two things: Data must not be empty, and must be Base64
    with no other character in it (libxml2 passes over those).
    """
    if not envelopes.valid(parsed.root):
        raise Refused(_wrong(parsed.root))
    opened = _read(parsed)
    if not opened.envelope.content:
        _refuse(f"{opened.envelope.path}/Data", "is empty", "为空")
    return opened


def read_leniently(parsed: ParsedXml) -> Opened:
    """An envelope of an authority: read as far as it can be, with what is against it; Refused only without a message."""
    opened = _read(parsed)
    if not opened.envelope.content:
        _refuse(f"{opened.envelope.path}/Data", "is empty", "为空")
    deviations = () if envelopes.valid(parsed.root) else tuple(_wrong(parsed.root))
    return msgspec.structs.replace(opened, deviations=deviations)


def _read(parsed: ParsedXml) -> Opened:
    """What stands there, by local names; without a message inside ``content`` is empty."""
    root = parsed.root
    outer = _local(root) == "DxpMsgSv"
    message = _child(root, "DxpMsg") if outer else root
    if message is None:
        _refuse("/DxpMsgSv/DxpMsg", "is missing", "缺失")
    info = _child(message, "TransInfo")
    receivers = _child(info, "ReceiverIds")
    envelope = Envelope(
        id=_text(info, "CopMsgId"),
        sender=_text(info, "SenderId"),
        receivers=tuple([_plain(e) for e in _children(receivers) if _local(e) == "ReceiverId"]),
        type=_text(info, "MsgType"),
        content=_content(message, "/DxpMsgSv/DxpMsg" if outer else "/DxpMsg"),
        at=_moment(_text(info, "CreatTime")),
        node=_node(_child(root, "SvNo")) if outer else None,
    )
    signed = [(root, parsed.text)] if root.find(SIGNATURE) is not None else []
    if outer and message.find(SIGNATURE) is not None:
        # Signed before it was put into the outer envelope: its signature speaks of it as a document of its own.
        alone = parse(etree.tostring(message, encoding="UTF-8", with_tail=False), ENTERPRISE)
        signed.append((alone.root, alone.text))
    return Opened(envelope, tuple(signed))


def _node(info: etree._Element | None) -> Node:
    return Node(_text(info, "MsgId"), _text(info, "StaNode"), _text(info, "EndNode"), part=_text(info, "SubMsgId"))


def _moment(text: str) -> int:
    """A time of China in ms, 0 where it is none that could be written again."""
    try:
        return max(0, int(datetime.strptime(text, _FORM).replace(tzinfo=_CHINA).timestamp()) * 1000)
    except ValueError:
        return 0


_FORM, _CHINA = "%Y-%m-%dT%H:%M:%S", timezone(timedelta(hours=8))


def _content(message: etree._Element, path: str) -> bytes:
    try:
        return base64.b64decode(_text(message, "Data").translate(_BLANKS), validate=True)
    except (binascii.Error, ValueError):
        _refuse(f"{path}/Data", "is not Base64", "不是 Base64")


def _local(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _children(parent: etree._Element | None) -> list[etree._Element]:
    return [] if parent is None else list(parent.iterchildren(etree.Element))


def _child(parent: etree._Element | None, name: str) -> etree._Element | None:
    return next((child for child in _children(parent) if _local(child) == name), None)


def _plain(element: etree._Element | None) -> str:
    return "" if element is None else (element.text or "").strip(" \t\r\n")


def _text(parent: etree._Element | None, name: str) -> str:
    return _plain(_child(parent, name))


def _wrong(root: etree._Element) -> list[Fault]:
    found = envelopes.wrong(root) or [(f"/{_local(root)}", 0, "cannot be read", "无法读取")]
    return [Fault("schema.envelope", p, n, f"{_SAID}{en}.", f"{_SAID_ZH}{zh}。") for p, n, en, zh in found]


def _refuse(path: str, why: str, why_zh: str) -> NoReturn:
    raise Refused([Fault("schema.envelope", path, 0, f"{_SAID}{path} {why}.", f"{_SAID_ZH}{path} {why_zh}。")])


_SAID, _SAID_ZH = "The envelope cannot be read: ", "信封无法读取："


# ---- writing


@lru_cache(maxsize=4)
def _second(at: int) -> str:
    return (datetime.fromtimestamp(at, UTC) + timedelta(hours=8)).strftime(_FORM)


def china_time(at: int) -> str:
    """A moment (ms) as ``yyyy-MM-ddTHH:mm:ss`` of China, as CreatTime is written."""
    return _second(at // 1000)


def write(envelope: Envelope) -> bytes:
    """The DxpMsg, or with a node the DxpMsgSv, in UTF-8; the texts are written as they are, whatever their length."""
    node = envelope.node
    before, after = f'<DxpMsg xmlns="{DXP}" ver="1.0">', "</DxpMsg>"
    if node is not None:
        part = f"<SubMsgId>{escape(node.part)}</SubMsgId>" if node.part else ""
        before = (
            f'<DxpMsgSv xmlns="{DXP}" ver="1.0"><SvNo Ver="1.0"><MsgId>{escape(node.id)}</MsgId>{part}'
            f"<SendTime>{china_time(node.at)}</SendTime><EndNode>{escape(node.end)}</EndNode>"
            f'<StaNode>{escape(node.start)}</StaNode></SvNo><DxpMsg ver="1.0">'
        )
        after += "</DxpMsgSv>"
    info = _trans_info(envelope, china_time(envelope.at))
    head = f'<?xml version="1.0" encoding="UTF-8"?>\n{before}<TransInfo>{info}</TransInfo><Data>'
    return head.encode() + base64.b64encode(envelope.content) + f"</Data>{after}".encode()


def _trans_info(envelope: Envelope, created: str) -> str:
    receivers = "".join(f"<ReceiverId>{escape(receiver)}</ReceiverId>" for receiver in envelope.receivers)
    return (
        f"<CopMsgId>{escape(envelope.id)}</CopMsgId><SenderId>{escape(envelope.sender)}</SenderId>"
        f"<ReceiverIds>{receivers}</ReceiverIds><CreatTime>{created}</CreatTime>"
        f"<MsgType>{escape(envelope.type)}</MsgType>"
    )


# ---- answers

#: Family of a fault → the platform's own code for it (specification, table 7-1).
_PLATFORM_CODES = {"xml": "0001", "json": "0001", "schema": "0002", "signature": "1001", "access": "2999"}
#: Where its code says more than its family does.
_PLATFORM_CODE = {
    "signature.digest": "1004",
    "signature.value": "1004",
    "transport.busy": "3999",
    "transport.share": "3999",
    "transport.rate": "3999",
    "transport.outcome_unknown": "3999",
}


def write_reply(receiver: str, answers: Sequence[Answer], day: str, about: Envelope | None = None) -> bytes:
    """The DxpRep (element names as the specification spells them), valid whatever is said.

    ``day``: yyyy-MM-dd of the answer. ``about`` is repeated in each OriHead, which must not be absent: of a message that
    nobody could read it says ``unknown``.
    """
    receivers = tuple([r[:16] for r in about.receivers if r][:5]) if about is not None else ()
    original = Envelope(
        id=(about.id[:255] if about is not None else "") or _UNKNOWN,
        sender=(about.sender[:16] if about is not None else "") or _UNKNOWN,
        receivers=receivers or (_UNKNOWN,),
        type=about.type[:30] if about is not None else "",
        content=b"",
    )
    created = china_time(about.at) if about is not None and about.at else f"{day}T00:00:00"
    head = f"<OriHead>{_trans_info(original, created)}</OriHead>"
    responses = "".join(
        f"<Response><ResponseCode>{escape(answer.code[:9] or TAKEN)}</ResponseCode>"
        f"<ResponseInfo>{escape(answer.info[:300])}</ResponseInfo><NoticeTime>{day}</NoticeTime>{head}</Response>"
        for answer in answers
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<DxpRep xmlns="{DXP}" ver="1.0">'
        f"<RecevierId>{escape(receiver[:16] or _UNKNOWN)}</RecevierId>{responses}</DxpRep>"
    ).encode()


def read_reply(root: etree._Element) -> tuple[Answer, ...]:
    """What a DxpRep says, each response and then what it says for single receivers; read leniently, empty for none."""
    answers = []
    for response in _children(root):
        if _local(response) != "Response":
            continue
        answers.append(Answer(_text(response, "ResponseCode"), _text(response, "ResponseInfo")))
        results = _child(response, "Results")
        answers += [Answer(_text(r, "Code"), _text(r, "Info")) for r in _children(results)]
    return tuple(answers)


def reply_to(data: bytes, faults: Sequence[Fault], day: str) -> bytes | None:
    """The DxpRep by which a sender of an envelope hears what became of it; None where the bytes are no envelope.

    Without faults it was taken. The codes are the exchange platform's; the sentence names ours.
    """
    try:
        parsed = parse(data, AUTHORITY)
        if not is_envelope(parsed.root, lenient=True):
            return None
        about = _read(parsed).envelope
    except Refused:
        return None
    answers = [Answer(_platform_code(f.code), f"{f.code} {f.path} {f.message}") for f in faults[:_MOST_ANSWERS]]
    return write_reply(about.sender, answers or [Answer(TAKEN)], day, about)


_MOST_ANSWERS = 25


def _platform_code(code: str) -> str:
    return _PLATFORM_CODE.get(code) or _PLATFORM_CODES.get(code.partition(".")[0], "0999")

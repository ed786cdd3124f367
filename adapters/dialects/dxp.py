"""DxpMsg, the envelope of the exchange platform, as the door takes it (pure; CEB specification, terminal node).

The message inside travels on as it is: its bytes are what its sender signed.
"""

from __future__ import annotations

import base64
import binascii
from typing import NoReturn

import msgspec
from lxml import etree

from adapters.signature_form import SIGNATURE
from adapters.xml import ParsedXml
from hub.domain.faults import Refused, fault

DXP = "http://www.chinaport.gov.cn/dxp"
ROOT = f"{{{DXP}}}DxpMsg"
_NS = {"d": DXP}
_BLANKS = dict.fromkeys(map(ord, " \t\r\n"))


class Envelope(msgspec.Struct, frozen=True):
    """Who sends what. ``type`` is the root's name of the message inside, empty where the envelope does not say.

    ``root`` and ``text`` are the envelope's own, for its signature where it has one.
    """

    id: str
    sender: str
    type: str
    content: bytes
    root: etree._Element
    text: bytes

    @property
    def signed(self) -> bool:
        """Whether the envelope itself carries a signature (it need not)."""
        return self.root.find(SIGNATURE) is not None


def read(parsed: ParsedXml) -> Envelope:
    """The envelope of a parsed DxpMsg; raises Refused ``schema.envelope``."""
    root = parsed.root
    if root.get("ver") != "1.0":
        _refuse("ver is not 1.0")
    found = {name: (root.findtext(f"d:TransInfo/d:{name}", "", _NS) or "").strip() for name in _LENGTHS}
    for name, (least, most) in _LENGTHS.items():
        if not least <= len(found[name]) <= most:
            _refuse(f"TransInfo/{name} has not {least} to {most} characters")
    receivers = len(root.findall("d:TransInfo/d:ReceiverIds/d:ReceiverId", _NS))
    if not 1 <= receivers <= _MOST_RECEIVERS:
        _refuse(f"there is not one to {_MOST_RECEIVERS} of TransInfo/ReceiverIds/ReceiverId")
    return Envelope(
        id=found["CopMsgId"],
        sender=found["SenderId"],
        type=found["MsgType"],
        content=_content(root),
        root=root,
        text=parsed.text,
    )


#: Lengths by the schema of the terminal node.
_LENGTHS = {"CopMsgId": (1, 255), "SenderId": (1, 16), "MsgType": (0, 30)}
_MOST_RECEIVERS = 5


def _content(root: etree._Element) -> bytes:
    try:
        content = base64.b64decode((root.findtext("d:Data", "", _NS) or "").translate(_BLANKS), validate=True)
    except (binascii.Error, ValueError):
        _refuse("Data is not Base64")
    if not content:
        _refuse("Data is empty")
    return content


def _refuse(why: str) -> NoReturn:
    raise Refused([fault("schema.envelope", path="/DxpMsg", why=why)])

"""The exchange platform's envelopes (DxpMsg, DxpMsgSv, DxpRep): their schema, and why it refuses one.

``dxp/envelopes.xsd`` is our own description of the terminal and transport nodes, held against the official schemas by
a differential test. Sentences name elements and rules, never what stood there.
"""

from __future__ import annotations

import re
import threading
from functools import cache
from importlib import resources
from typing import Any, cast

from lxml import etree

from schemas.model import DS
from schemas.xsd import compile_xsd

DXP = "http://www.chinaport.gov.cn/dxp"
_LIMIT = 5
_lock = threading.Lock()

#: What holds for an element or attribute, in words that need no translation.
_RULES = {
    "ver": "= 1.0", "Ver": "= 1.0", "CopMsgId": "C1..255", "SenderId": "C1..16", "ReceiverId": "C1..16, 1..5",
    "CreatTime": "yyyy-MM-ddTHH:mm:ss", "MsgType": "C0..30", "Data": "Base64", "MsgId": "C1..32", "SubMsgId": "C1",
    "SendTime": "yyyy-MM-ddTHH:mm:ss", "EndNode": "C1..8", "StaNode": "C1..8", "FileName": "C1..255",
    "IcCard": "C1..13", "Key": "C1..64, 1..5", "name": "C1..32", "Encode": "C0..50", "Id": "xs:ID",
}  # fmt: skip
#: Parts of libxml2's kinds of error → (English, Chinese).
_WORDS = (
    ("ELEMENT_CONTENT", ("is missing, too many or in the wrong place", "缺失、重复或位置不正确")),
    ("COMPLEX_TYPE_4", ("lacks an attribute", "缺少属性")),
    ("COMPLEX_TYPE_3_2", ("has an attribute that is not known", "含有未知属性")),
    ("COMPLEX_TYPE_2_3", ("holds text between its elements", "元素之间含有文字")),
    ("MISSING", ("is missing", "缺失")),
)  # fmt: skip
_OTHER = ("is not of the form demanded", "格式不符")
_ATTRIBUTE = re.compile(r"attribute '([^']*)'")
_EXPECTED = re.compile(r"Expected is (?:one of )?\( (.+?) \)")


@cache
def _schema() -> etree.XMLSchema:
    with _lock:
        return compile_xsd((resources.files("schemas") / "dxp" / "envelopes.xsd").read_text("utf-8"))


def valid(root: etree._Element) -> bool:
    """Whether the schema takes an envelope; from any thread."""
    return _schema()(root)


def wrong(root: etree._Element) -> list[tuple[str, int, str, str]]:
    """(path, line, English, Chinese) of what the schema refuses, at most five; empty where it takes the envelope."""
    schema = _schema()
    with _lock:  # the error log belongs to the schema object
        if schema(root):
            return []
        log = [(e.type_name, e.path, e.line, e.message) for e in cast("Any", schema.error_log)]  # stubs: no iteration
    return [_said(root, *entry) for entry in log[:_LIMIT]]


def _said(root: etree._Element, kind: str, path: str | None, line: int, message: str) -> tuple[str, int, str, str]:
    element = _element(root, path)
    place = _path(element)
    attribute = _ATTRIBUTE.search(message)
    name = place.rpartition("/")[2].partition("[")[0]
    if attribute is not None:
        name = attribute[1].rpartition("}")[2][:60]
        place = f"{place}/@{name}"
    english, chinese = next((words for part, words in _WORDS if part in kind), _OTHER)
    if attribute is not None and english == _WORDS[1][1][0]:
        english, chinese = _WORDS[-1][1]
    rule = _RULES.get(name, "")
    if kind.endswith("ELEMENT_CONTENT") and (expected := _EXPECTED.search(message)):
        # What libxml2 expects are names of the schema, never what the message holds.
        rule = " / ".join(part.rpartition("}")[2] for part in expected[1].split(", "))
        english, chinese = _expected(message)
    more = f" ({rule})" if rule else ""
    return place, line, f"{place} {english}{more}", f"{place} {chinese}{more.replace(' (', '（').replace(')', '）')}"


def _expected(message: str) -> tuple[str, str]:
    if "Missing child" in message:
        return "lacks what belongs there", "缺少应有的元素"
    return "stands where something else belongs", "所在位置应为其他元素"


def _element(root: etree._Element, path: str | None) -> etree._Element:
    """The element libxml2 speaks of (``/*/*[2]/…``, or with prefixes)."""
    try:
        found: Any = root.getroottree().xpath(path or ".", namespaces={p: u for p, u in root.nsmap.items() if p})
    except etree.XPathEvalError:  # a prefix that is declared further down
        return root
    return found[0] if isinstance(found, list) and found else root


def _path(element: etree._Element) -> str:
    steps = []
    for node in (element, *element.iterancestors()):
        uri, _, local = str(node.tag).rpartition("}")
        steps.append(f"ds:{local[:60]}" if uri == "{" + DS else local[:60])
    return "/" + "/".join(reversed(steps))

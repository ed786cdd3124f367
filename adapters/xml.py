"""The one hardened XML parser: every byte of XML from outside is parsed here, once.

What it refuses, and why:

* any DOCTYPE: no entities, no external subsets, nothing to expand;
* encodings other than UTF-8 (authorities may also use GBK, GB18030 and UTF-16): text is re-coded to UTF-8
  first, so
  that whoever looks at the bytes later (``adapters.canonical``) sees what the parser saw;
* processing instructions: they cut an element's text in two and nothing in CEB uses them;
* more depth, elements, attributes or namespaces than any real message has. libxml2's own limits stay on
  (``huge_tree`` is never set): a text of more than 10 MB is refused by them.

Comments are legal and the official schema ignores them, so they are dropped while parsing and the texts
around them joined: what is read is what canonicalisation without comments signs.
"""

from __future__ import annotations

import re
import threading
from functools import cache
from typing import NoReturn

import msgspec
from lxml import etree

from hub.domain.faults import Fault, Refused, fault


class Limits(msgspec.Struct, frozen=True):
    """How large a document may be inside; bytes are counted by the transport. ``instructions`` drops them
    silently.
    """

    depth: int = 64
    elements: int = 500_000
    attributes: int = 20_000
    namespaces: int = 1_000
    encodings: frozenset[str] = frozenset({"utf-8"})
    instructions: bool = False


#: Codecs by the name a declaration gives them; GB18030 holds all of GB2312 and GBK.
_CODECS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "utf-8",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "gb18030": "gb18030",
    "utf-16": "utf-16",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
}

ENTERPRISE = Limits()
AUTHORITY = Limits(encodings=frozenset({"utf-8", "gb18030", "utf-16", "utf-16-le", "utf-16-be"}))
#: For judging by the schema alone, which knows no processing instructions.
SCHEMA_ONLY = Limits(instructions=True)


class ParsedXml(msgspec.Struct, frozen=True):
    """``root`` belongs to the thread that parsed it; ``text`` is the document in UTF-8 without a byte-order
    mark.
    """

    root: etree._Element
    text: bytes
    encoding: str = "utf-8"


_DECLARATION = re.compile(
    r"""<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*["'](?P<version>[^"'<>]*)["']"""
    r"""(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*["'](?P<encoding>[^"'<>]*)["'])?[^<>]*\?>"""
)
_DECLARATION_BYTES = re.compile(_DECLARATION.pattern.encode())
_MISC = r"(?:[ \t\r\n]+|<!--.*?-->|<\?.*?\?>)*"
_DOCTYPE = re.compile(f"{_MISC}<!DOCTYPE".encode(), re.DOTALL)

#: libxml2's error codes that speak of the encoding, or of one of its limits.
_ENCODING_ERRORS = frozenset({6, 31, 32, 81})
_LIMIT_ERRORS = frozenset({110, 114, 116, 117})
_NO_ELEMENT = 4


def parse(data: bytes, limits: Limits = ENTERPRISE) -> ParsedXml:
    """Parse one document; raises Refused with a code of the family ``xml`` that names the first thing wrong."""
    text, encoding = _as_utf8(data, limits)
    if b"!" in text and b"<!DOCTYPE" in text and _DOCTYPE.match(text):
        _refuse("xml.doctype", line=text.count(b"\n", 0, text.index(b"<!DOCTYPE")) + 1)
    _count_marks(text, limits)
    try:
        root = etree.fromstring(text, _parser())  # noqa: TID251 - this is the one
    except etree.XMLSyntaxError as error:
        raise Refused([_syntax_fault(error)]) from None
    if root.getroottree().docinfo.internalDTD is not None:
        _refuse("xml.doctype")
    if _deeper_than(limits.depth)(root):
        _refuse("xml.depth", limit=limits.depth)
    after = text.find(b"?>") + 2 if text.startswith(b"<?xml") and text[5:6].isspace() else 0
    if text.find(b"?", after) >= 0 and text.find(b"<?", after) >= 0:
        root = _without_instructions(root, text, limits)
    return ParsedXml(root, text, encoding)


def _as_utf8(data: bytes, limits: Limits) -> tuple[bytes, str]:
    """The document as UTF-8 and the codec it came in."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _recode(data, "utf-16", limits), "utf-16"
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
    if data.startswith((b"<\x00", b"\x00<")):
        codec = "utf-16-le" if data[0] else "utf-16-be"
        return _recode(data, codec, limits), codec
    declared = _DECLARATION_BYTES.match(data, 0, 400)
    if declared is None:
        return data, "utf-8"
    if declared["version"] != b"1.0":
        _refuse("xml.version", line=1)
    name = (declared["encoding"] or b"utf-8").decode("ascii", "replace").lower()
    codec = _CODECS.get(name, "")
    if codec.startswith("utf-16") or not codec:  # UTF-16 would not have been readable up to here
        _refuse("xml.encoding", line=1)
    if name == "utf-8":
        return data, codec
    return _recode(data, codec, limits), codec


def _recode(data: bytes, codec: str, limits: Limits) -> bytes:
    if codec not in limits.encodings:
        _refuse("xml.encoding", line=1)
    try:
        return _declare_utf8(data.decode("utf-8" if codec == "gb18030" and _is_utf8(data) else codec))
    except UnicodeDecodeError:
        _refuse("xml.encoding", line=1)


def _is_utf8(data: bytes) -> bool:
    """Whether a text that says it is GB2312 is UTF-8: some middlemen re-code it and leave the declaration as it was.

    Chinese in UTF-8 has three bytes a character; what is short in GBK and could be UTF-8 by chance has two.
    """
    try:
        return max(data.decode("utf-8")) >= "\u0800"
    except UnicodeDecodeError:
        return False


def _declare_utf8(text: str) -> bytes:
    """``text`` in UTF-8 with a declaration that no longer names another encoding."""
    declared = _DECLARATION.match(text, 0, 400)
    if declared is not None:
        text = '<?xml version="1.0" encoding="UTF-8"?>' + text[declared.end() :]
    return text.encode("utf-8")


def _count_marks(text: bytes, limits: Limits) -> None:
    """Refuse what has too many parts before a tree is built; counts marks, which is an upper bound of the
    parts.
    """
    if len(text) > 4 * limits.elements and text.count(b"<") > 2 * limits.elements:
        _refuse("xml.elements", limit=limits.elements)
    if not _has_more(text, b"=", limits.namespaces):
        return
    if text.count(b"xmlns") > limits.namespaces:
        _refuse("xml.namespaces", limit=limits.namespaces)
    if text.count(b'="') + text.count(b"='") > limits.attributes:
        _refuse("xml.attributes", limit=limits.attributes)


def _has_more(text: bytes, mark: bytes, count: int) -> bool:
    """Whether a mark stands there more than ``count`` times; counting all of them costs ten times what a few finds do."""
    at = -1
    for _ in range(count + 1):
        at = text.find(mark, at + 1)
        if at < 0:
            return False
    return True


def _without_instructions(root: etree._Element, text: bytes, limits: Limits) -> etree._Element:
    """Refuse processing instructions, or drop them so that no text is cut in two."""
    found = root.xpath("//processing-instruction()")
    assert isinstance(found, list)
    if not found:
        return root
    if not limits.instructions:
        _refuse("xml.instruction", line=getattr(found[0], "sourceline", 0) or 0)
    return etree.fromstring(text, _new_parser(remove_pis=True))  # noqa: TID251 - this is the one


_thread = threading.local()


def _parser() -> etree.XMLParser:
    """The parser of the thread: parser objects are not safe to share."""
    try:
        parser: etree.XMLParser = _thread.parser
    except AttributeError:
        parser = _thread.parser = _new_parser(remove_pis=False)
    return parser


def _new_parser(remove_pis: bool) -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        recover=False,
        remove_comments=True,
        remove_pis=remove_pis,
        strip_cdata=True,
        collect_ids=False,
        encoding="utf-8",  # whatever is declared: the text is in UTF-8 by now
    )


@cache
def _deeper_than(depth: int) -> etree.XPath:
    return etree.XPath(f"boolean({'/*' * (depth + 1)})")


def _syntax_fault(error: etree.XMLSyntaxError) -> Fault:
    """What libxml2 found, by its own kind of error: its sentence could quote the document."""
    line, column = error.lineno or 0, error.offset or 0
    code = int(getattr(error, "code", 0))  # the stubs do not know it
    if code in _ENCODING_ERRORS:
        return fault("xml.encoding", line=line)
    if code in _LIMIT_ERRORS:
        return fault("xml.limit", line=line)
    name = _error_names().get(code, "ERR_INTERNAL_ERROR")
    # libxml2 calls everything empty that does not begin with an element.
    reason = "no XML" if code == _NO_ELEMENT else name.partition("ERR_")[2].replace("_", " ").lower() or "unreadable"
    return fault("xml.malformed", line=line, place=f"{line}:{column}", reason=reason)


@cache
def _error_names() -> dict[int, str]:
    """libxml2's numbers of errors and their names."""
    names = vars(etree.ErrorTypes).items()
    return {number: name for name, number in names if isinstance(number, int)}


def _refuse(code: str, line: int = 0, **values: int) -> NoReturn:
    raise Refused([fault(code, path="", line=line, document=-1, **values)])

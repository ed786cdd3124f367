"""Structs into messages: canonical XML, unsigned."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from lxml import etree

from schemas.documents import Document, Extension, Subscription, Transfer
from schemas.model import CEB, MessageType, Part, components

_SPECIAL = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_IN_ATTRIBUTE = str.maketrans({"&": "&amp;", "<": "&lt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"})
#: what XML 1.0 cannot carry
_UNSAYABLE = frozenset(map(chr, [*range(9), 11, 12, *range(14, 32), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF]))


def _leaves(out: list[str], part: Part, struct: object) -> None:
    for field in [f.name for f in part.fields]:
        value = getattr(struct, field)
        if value is None:
            continue
        if field == "Message" and part.struct == "Extension":
            value = _custom(value)
        elif not value.isalnum():  # quick: most values need no escaping
            if not _UNSAYABLE.isdisjoint(value):
                raise ValueError(f"{part.element}/{field} holds a character that XML cannot carry")
            value = value.translate(_SPECIAL)
        out.append(f"<ceb:{field}>{value}</ceb:{field}>")


def _custom(text: str) -> str:
    """Approve the XML of an extension: one well-formed element, no document type, written out anew."""
    if not text:
        return ""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        element = etree.fromstring(text.encode(), parser)  # noqa: TID251 - a fragment, hardened just above
    except (etree.XMLSyntaxError, ValueError) as error:
        raise ValueError("ExtendMessage/Message is not one well-formed element") from error
    if cast("Any", element.getroottree().docinfo).doctype:  # the stubs miss it
        raise ValueError("ExtendMessage/Message has a document type")
    return etree.tostring(element, encoding="unicode")


def _part(out: list[str], part: Part, struct: object) -> None:
    out.append(f"<ceb:{part.element}>")
    _leaves(out, part, struct)
    out.append(f"</ceb:{part.element}>")


def _document(out: list[str], mt: MessageType, document: Any) -> None:  # Any: a generated struct
    if mt.flat:
        _part(out, mt.head, document.head)
        return
    out.append(f"<ceb:{mt.document}>")
    _part(out, mt.head, document.head)
    if mt.list is not None:
        for line in document.list:
            _part(out, mt.list, line)
    out.append(f"</ceb:{mt.document}>")


def render(
    mt: MessageType,
    documents: Iterable[Document],
    *,
    guid: str,
    version: str = "1.0",
    transfer: Transfer | None = None,
    subscribe: Iterable[Subscription] = (),
    extend: Extension | None = None,
) -> bytes:
    """The message as canonical UTF-8 XML: prefix form, catalogue order, no blanks between elements, unsigned.

    Absent fields (None) are left out, empty ones stay empty. Raises ValueError for what XML cannot carry.
    """
    if not _UNSAYABLE.isdisjoint(guid + version):
        raise ValueError("guid or version holds a character that XML cannot carry")
    attributes = f'guid="{guid.translate(_IN_ATTRIBUTE)}" version="{version.translate(_IN_ATTRIBUTE)}"'
    out = [f'<?xml version="1.0" encoding="UTF-8"?>\n<ceb:{mt.root} xmlns:ceb="{CEB}" {attributes}>']
    for document in documents:
        _document(out, mt, document)
    frame = components(mt.side)
    given: dict[str, Iterable[object]] = {
        "BaseTransfer": [transfer] if transfer else (),
        "BaseSubscribe": subscribe,
        "ExtendMessage": [extend] if extend else (),
    }
    for name in mt.frame:
        for item in given.get(name, ()):
            _part(out, frame[name], item)
    out.append(f"</ceb:{mt.root}>")
    return "".join(out).encode()

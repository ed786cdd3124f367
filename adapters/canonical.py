"""Canonical XML 1.0 (inclusive, without comments) of a CEB message without its signature.

Most messages are already written in canonical form. ``plain_parts`` proves that from the text alone, at a
tenth of the cost of writing the tree out again, and then gives the text's own bytes; where it cannot prove
it, ``of_tree`` canonicalises the tree. Both give the same bytes.

The proof. The text is well-formed, in UTF-8 and without DOCTYPE (``adapters.xml``). Delete every character of
the body except ``< > / ! ? &`` and white space. If every ``<`` is then followed by ``>`` or ``/>``, the body
has no comments, CDATA, instructions, attributes or white space inside tags; as many ``</>`` as ``<>`` mean no
empty-element tags; as many ``>`` as ``<`` no bare ``>`` in texts; and without carriage returns and with no
references but ``&amp;``, ``&lt;``, ``&gt;``, canonicalisation has nothing left to change. Only the root's
start tag is rewritten.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from lxml import etree

from hub.domain.faults import Refused, fault

_KEPT = b"<>/!?& \t\n\r"
_DELETED = bytes(b for b in range(256) if b not in _KEPT)

_NAME = rb"[^\s<>/=\"'&!?]+"
_START_TAG = re.compile(
    rb"<(%s)((?:[ \t\r\n]+%s=(?:\"[^\"<>&\t\r\n]*\"|'[^'\"<>&\t\r\n]*'))*)[ \t\r\n]*>" % (_NAME, _NAME)
)
_ATTRIBUTE = re.compile(rb"(%s)=[\"']([^\"']*)[\"']" % _NAME)


class StartTag(NamedTuple):
    """The root's start tag: its name as written, its place in the text, its namespaces and its canonical
    form.
    """

    name: bytes
    begin: int
    end: int
    namespaces: Mapping[bytes, bytes]
    canonical: bytes


def start_tag(text: bytes) -> StartTag | None:
    """The root's start tag, or None where the text before or in it needs more than a look."""
    begin = 0
    if text.startswith(b"<?xml"):
        begin = text.find(b"?>") + 2
    while text[begin : begin + 1].isspace():
        begin += 1
    match = _START_TAG.match(text, begin)
    if match is None:
        return None
    namespaces: dict[bytes, bytes] = {}
    attributes: list[tuple[bytes, bytes]] = []
    for name, value in _ATTRIBUTE.findall(match[2]):
        if name == b"xmlns":
            namespaces[b""] = value
        elif name.startswith(b"xmlns:"):
            namespaces[name[6:]] = value
        else:
            attributes.append((name, value))
    if b"xml" in namespaces or any(b":" not in uri for uri in namespaces.values()):  # "": nothing; others: relative
        return None
    rendered = _attributes(attributes, namespaces)
    if rendered is None:
        return None
    canonical = b"<%s%s%s>" % (match[1], declarations(namespaces), rendered)
    return StartTag(match[1], begin, match.end(), namespaces, canonical)


def _attributes(attributes: list[tuple[bytes, bytes]], namespaces: Mapping[bytes, bytes]) -> bytes | None:
    """Attributes in canonical order: by namespace, then by local name."""
    ordered: list[tuple[bytes, bytes, bytes, bytes]] = []
    for name, value in attributes:
        prefix, colon, local = name.rpartition(b":")
        if colon and prefix not in namespaces:  # xml:…
            return None
        ordered.append((namespaces[prefix] if colon else b"", local, name, value))
    return b"".join(b' %s="%s"' % (name, value) for _, _, name, value in sorted(ordered))


def declarations(namespaces: Mapping[bytes, bytes]) -> bytes:
    """Namespace declarations in canonical order (by prefix, the default first); the URIs need no escaping."""
    return b"".join(
        b' xmlns:%s="%s"' % (prefix, namespaces[prefix]) if prefix else b' xmlns="%s"' % namespaces[prefix]
        for prefix in sorted(namespaces)
    )


def plain_parts(text: bytes, root: StartTag, cut: tuple[int, int]) -> tuple[bytes, ...] | None:
    """The canonical form of ``text`` without its bytes ``cut[0]:cut[1]``, in parts; None if it cannot be
    proven.

    The cut is the Signature element, or empty. The text must have been parsed (well-formed, no DOCTYPE).
    """
    end = len(text.rstrip(b" \t\n"))
    before, after = text[root.end : cut[0]], text[cut[1] : end]
    if not after.endswith(b"</%s>" % root.name):
        return None
    marks = (before + after).translate(None, _DELETED)
    tags, ends = marks.count(b"<"), marks.count(b"</>")
    if marks.count(b"<>") != ends - 1 or tags != 2 * ends - 1 or marks.count(b">") != tags or b"\r" in marks:
        return None
    if b"&" in marks and not (_plain_references(before) and _plain_references(after)):
        return None
    return (root.canonical, before, after)


def _plain_references(text: bytes) -> bool:
    """Whether every reference in the text is one that canonicalisation writes the same way."""
    return text.count(b"&") == text.count(b"&amp;") + text.count(b"&lt;") + text.count(b"&gt;")


def of_tree(root: etree._Element, signature: etree._Element | None, tail: bool = True) -> bytes:
    """The canonical form of the tree without ``signature``, which keeps its place in the tree.

    lxml's ``remove()`` would drop the text after the element and with it change the digest: it is moved to
    the element before, and everything is put back. Without ``tail`` that text is left out.
    """
    if signature is None:
        return _written(root)
    parent, before, after = signature.getparent(), signature.getprevious(), signature.tail
    assert parent is not None
    index, own = parent.index(signature), (parent.text if before is None else before.tail)
    joined = (own or "") + ((after or "") if tail else "")
    signature.tail = None
    parent.remove(signature)
    _set_text(parent, before, joined)
    try:
        return _written(root)
    finally:
        _set_text(parent, before, own)
        parent.insert(index, signature)
        signature.tail = after


def _written(root: etree._Element) -> bytes:
    try:
        return etree.tostring(root.getroottree(), method="c14n", with_comments=False)
    except etree.C14NError:  # C14N knows no relative namespace names
        raise Refused([fault("signature.namespace")]) from None


def _set_text(parent: etree._Element, before: etree._Element | None, text: str | None) -> None:
    if before is None:
        parent.text = text
    else:
        before.tail = text

"""CEB's XML (pure): which message a tree is, where in it something stands, and receipts read leniently."""

from __future__ import annotations

from typing import Any

import msgspec
from lxml import etree

from adapters.schema_faults import path, schema_fault
from hub.domain.faults import Fault, Refused, fault
from schemas import catalog
from schemas.documents import STRUCTS
from schemas.model import CEB, MessageType, Part

#: Deviations noted of one message of an authority.
_NOTED = 5


def message_of(root: etree._Element) -> MessageType:
    """The message a root element is; raises Refused where the catalogue does not know it."""
    mt = catalog.message_of(root)
    if mt is None:
        raise Refused([fault("schema.unknown_message", root=_local(root)[:60])])
    return mt


def with_namespace(root: etree._Element) -> etree._Element:
    """A message without any namespace (some authorities' middlemen strip it) put back into CEB's."""
    if str(root.tag).startswith("{"):
        return root
    for element in root.iter(etree.Element):
        if not element.tag.startswith("{"):
            element.tag = f"{{{CEB}}}{element.tag}"
    return root


def count(root: etree._Element, mt: MessageType) -> int:
    """How many documents there are."""
    return sum(1 for _ in root.iterchildren(f"{{{CEB}}}{mt.document}"))


# ---- places


def place(root: etree._Element, mt: MessageType, index: int, below: str) -> tuple[str, int]:
    """The path and the line of something; of what is not there, the line of the nearest thing above it."""
    element: etree._Element = root
    if index >= 0:
        element = next(e for n, e in enumerate(root.iterchildren(f"{{{CEB}}}{mt.document}")) if n == index)
    for step in below.split("/") if below else ():
        name, _, number = step.rstrip("]").partition("[")
        wanted = int(number or 1)
        found = next((e for n, e in enumerate(element.iterchildren(f"{{{CEB}}}{name}"), 1) if n == wanted), None)
        if found is None:
            break
        element = found
    line: int = getattr(element, "sourceline", 0) or 0  # the stubs know it as a property
    return path(mt, index, below), line


# ---- receipts


def receipts(root: etree._Element, mt: MessageType) -> list[Any]:  # Any: a receipt's struct
    """The receipts of a message by local names, whatever else is there left out: real ones deviate from the schema."""
    struct = STRUCTS[mt.struct]
    made = []
    for element in root.iterchildren(etree.Element):
        if _local(element) != mt.document:
            continue
        if mt.flat:
            made.append(msgspec.convert({"head": _leniently(element, mt.head)}, struct))
            continue
        parts: dict[str, list[etree._Element]] = {}
        for part in element.iterchildren(etree.Element):
            parts.setdefault(_local(part), []).append(part)
        heads = parts.get(mt.head.element, [])
        found: dict[str, Any] = {"head": _leniently(heads[0], mt.head) if heads else {}}
        if mt.list is not None:
            line = mt.list
            found["list"] = [_leniently(e, line) for e in parts.get(line.element, [])]
        made.append(msgspec.convert(found, struct))
    return made


def _leniently(element: etree._Element, part: Part) -> dict[str, str]:
    known = frozenset(f.name for f in part.fields)
    leaves = ((_local(leaf), leaf.text or "") for leaf in element.iterchildren(etree.Element))
    return {name: text.strip() for name, text in leaves if name in known}


def deviations(root: etree._Element, mt: MessageType) -> list[Fault]:
    """Where a receipt message is not as the schema wants it; a few are enough."""
    if catalog.edition_that_validates(root, mt) is not None:
        return []
    return [schema_fault(w) for w in catalog.explain(root, mt, limit=_NOTED)]


def _local(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]

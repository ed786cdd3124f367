"""CEB's XML (pure): which message a tree is, where in it something stands, and receipts read leniently."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

import msgspec
from lxml import etree

from adapters.schema_faults import path, schema_fault, shown
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
        raise Refused([_unknown(root)])
    return mt


def _unknown(root: etree._Element) -> Fault:
    """No message; one by its name in another namespace, or in none, is told which it has to be in."""
    local, namespace = shown(_local(root)), str(root.tag).rpartition("}")[0][1:][:100]
    found = fault("schema.unknown_message", root=local)
    if namespace == CEB or local not in {mt.root for mt in catalog.messages()}:
        return found
    return msgspec.structs.replace(
        found,
        line=root.sourceline or 0,
        message=f"The root element {local} is in the namespace '{namespace}', and has to be in '{CEB}'.",
        message_zh=f"根元素 {local} 的命名空间为“{namespace}”，应为“{CEB}”。",
    )


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
    """The receipts of a message, whatever else is there left out."""
    return [receipt for found, receipt in all_receipts(root, mt) if found is mt]


def all_receipts(root: etree._Element, mt: MessageType) -> list[tuple[MessageType, Any]]:  # Any: a receipt's struct
    """Every receipt by local names, each with the message it is of: real ones deviate from the schema.

    What is no receipt is left out. Documents of other messages stand among them where a middleman mixed them.
    """
    made = []
    for element in root.iterchildren(etree.Element):
        local = _local(element)
        found = mt if local == mt.document else _other(local, mt.side)
        if found is not None:
            made.append((found, _receipt(element, found)))
    return made


@lru_cache(maxsize=1024)
def _other(document: str, side: str) -> MessageType | None:
    """The message of an authority, of this side if there is one, whose document has this name."""
    found = [m for m in catalog.messages() if m.direction == "down" and m.document == document]
    return next((m for m in found if m.side in (side, "both")), found[0] if found else None)


def _receipt(element: etree._Element, mt: MessageType) -> Any:  # Any: a receipt's struct
    if mt.flat:
        return msgspec.convert({"head": _leaves(element, mt.head)}, STRUCTS[mt.struct])
    parts = list(element.iterchildren(etree.Element))
    head = next((p for p in parts if _local(p) == mt.head.element), None)
    made: dict[str, Any] = {"head": _leaves(head, mt.head) if head is not None else {}}  # Any: texts by name
    if mt.list is not None:
        made["list"] = [_leaves(p, mt.list) for p in parts if _local(p) == mt.list.element]
    return msgspec.convert(made, STRUCTS[mt.struct])


def _leaves(element: etree._Element, part: Part) -> dict[str, str]:
    known = _known(part.element, part.struct)
    leaves = ((known.get(_local(leaf), ""), leaf.text or "") for leaf in element.iterchildren(etree.Element))
    return {name: text.strip() for name, text in leaves if name}


@cache
def _known(element: str, struct: str) -> dict[str, str]:
    """How a field of a part may be called → its name: in any edition, and in practice."""
    parts = [p for m in catalog.messages() for p in m.parts if (p.element, p.struct) == (element, struct)]
    fields = [f.name for p in parts for edition in catalog.EDITIONS for f in (*p.in_edition(edition), *p.practice)]
    return {name: name for name in fields} | {other: name for p in parts for other, name in p.also.items()}


def deviations(root: etree._Element, mt: MessageType) -> list[Fault]:
    """Where a receipt message is not as the schema wants it; a few are enough."""
    if catalog.edition_that_validates(root, mt) is not None:
        return []
    return [schema_fault(w) for w in catalog.explain(root, mt, limit=_NOTED)]


def _local(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]

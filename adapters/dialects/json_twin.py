"""The JSON twin (pure): read strictly, judged as the XML it stands for, rendered as one message a document.

Paths are JSON pointers.
"""

from __future__ import annotations

from typing import Any

import msgspec
from lxml import etree

from adapters.schema_faults import schema_fault, schema_faults, shown
from adapters.signature_form import signature_of, signed_info_of
from adapters.strict_json import loads
from adapters.xml import parse
from hub.domain.faults import Fault, Refused, fault
from schemas import catalog, twin
from schemas.model import MessageType


def read(data: bytes, preferred: str = catalog.DEFAULT_EDITION) -> tuple[MessageType, twin.Twin]:
    """The message a body names and its content; raises Refused (families ``json`` and ``schema``).

    Where its shape is wrong, what the schema says of the rest is told too.
    """
    value = loads(data)
    name = value.get("message") if isinstance(value, dict) else None
    try:
        mt = catalog.message(name) if isinstance(name, str) else None
    except KeyError:
        mt = None
    if mt is None:
        # Never the content: what stands there may be anything.
        named = shown(name) if isinstance(name, str) else f"({'nothing' if name is None else type(name).__name__})"
        raise Refused([fault("schema.unknown_message", path="/message", root=named)])
    if mt.direction == "down":
        raise Refused([fault("access.receipt", path="/message")])
    found, wrong = twin.read(value, mt)
    if wrong:
        shape = [_pointed(schema_fault(w)) for w in wrong]
        whole = isinstance(value.get("documents"), list) and len(value["documents"]) == len(found.documents)
        rest = _beside(shape, mt, found, preferred) if whole and found.documents else []
        raise Refused([*shape, *rest][:_MOST_FAULTS])
    return mt, found


def _beside(shape: list[Fault], mt: MessageType, found: twin.Twin, preferred: str) -> list[Fault]:
    """The schema's faults of a twin without what its shape has wrong, and not those that come of that."""
    try:
        edition(mt, found, preferred)
    except Refused as refused:
        places = [wrong.path for wrong in shape]
        return [
            more
            for more in refused.faults
            if not any(more.path == place or more.path.startswith(f"{place}/") for place in places)
        ]
    return []


_MOST_FAULTS = 25


def edition(mt: MessageType, found: twin.Twin, preferred: str) -> str:
    """The edition whose schema approves the twin as one message; raises Refused with what the preferred one says."""
    root = parse(_render(mt, found, found.documents, found.guid, seal=True)).root
    valid = catalog.edition_that_validates(root, mt, preferred)
    if valid is None:
        raise Refused([_pointed(wrong) for wrong in schema_faults(root, mt, preferred)])
    return valid


def messages(mt: MessageType, found: twin.Twin) -> tuple[bytes, ...]:
    """One unsigned message for each document; alone, a document's message has the twin's own number."""
    if len(found.documents) == 1:
        return (_render(mt, found, found.documents, found.guid),)
    return tuple([_render(mt, found, [document], document.head.guid or found.guid) for document in found.documents])


def _render(mt: MessageType, found: twin.Twin, documents: list[Any], guid: str, seal: bool = False) -> bytes:
    try:
        rendered = catalog.render(
            mt, documents, guid=guid, version=found.version, transfer=found.transfer,
            subscribe=found.subscribe, extend=found.extend,
        )  # fmt: skip
    except (ValueError, etree.LxmlError):
        raise Refused([fault("json.characters")]) from None
    if not seal or mt.signature != "required":
        return rendered
    end = rendered.rindex(b"</")
    return rendered[:end] + _STAND_IN + rendered[end:]


#: Has the form of a signature, for a schema that demands one of a message that is signed only later.
_STAND_IN = signature_of(signed_info_of("urn:none", "urn:none", b"0"), b"0", "0", b"MA==")


# ---- paths

_PARTS = {"BaseTransfer": "transfer", "BaseSubscribe": "subscribe", "ExtendMessage": "extend"}


def pointer(path: str) -> str:
    """``/CEB311Message/Order[2]/OrderList[1]/qty`` → ``/documents/1/list/0/qty``: the twin's place for an XML path."""
    steps = path.split("/")[2:]
    if not steps:
        return ""
    name, _, number = steps[0].rstrip("]").partition("[")
    if name.startswith("@"):
        return f"/{name[1:]}"
    if name in _PARTS:
        place = f"/{_PARTS[name]}" + (f"/{int(number) - 1}" if number and name == "BaseSubscribe" else "")
        return "/".join([place, *steps[1:]])
    if not number:
        return "/" + "/".join(steps) if name[:1].islower() else "/documents"
    out = [f"/documents/{int(number) - 1}"]
    for step in steps[1:]:
        part, _, line = step.rstrip("]").partition("[")
        if part.endswith("Head"):
            out.append("head")
        elif part.endswith("List"):
            out.append(f"list/{int(line) - 1}" if line else "list")
        else:
            out.append(step)
    return "/".join(out)


def _pointed(found: Fault) -> Fault:
    return msgspec.structs.replace(found, path=pointer(found.path), line=0)

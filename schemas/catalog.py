"""The one way to a message: its type, schema, validator, codec, explanation.

Everything is read from ``schemas/ceb`` on first use; importing this module costs little, and compiles nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schemas.codec import business_key, documents, extension, subscribers, transfer
from schemas.model import CEB, DEFAULT_EDITION, DS, EDITIONS, Field, MessageType, Part, message_types
from schemas.render import render
from schemas.xsd import compiled, side_xsd, signature_xsd, xsd_of

if TYPE_CHECKING:
    from lxml import etree

    from schemas.explain import SchemaFault

__all__ = [
    "CEB",
    "DEFAULT_EDITION",
    "DS",
    "EDITIONS",
    "Field",
    "MessageType",
    "Part",
    "business_key",
    "documents",
    "edition_that_validates",
    "explain",
    "extension",
    "json_schema",
    "message",
    "message_of",
    "messages",
    "render",
    "side_xsd",
    "signature_xsd",
    "subscribers",
    "transfer",
    "validator",
    "xsd",
]


def message(name: str) -> MessageType:
    """The message called ``CEB311`` or ``CEB311Message``; KeyError if there is none."""
    return message_types()[name.removesuffix("Message")]


def message_of(root: etree._Element) -> MessageType | None:
    """The message of a root element, None where namespace or name is not the catalogue's."""
    start = f"{{{CEB}}}CEB"
    if not root.tag.startswith(start) or not root.tag.endswith("Message"):
        return None
    return message_types().get(root.tag[len(start) - 3 : -7])


def messages() -> tuple[MessageType, ...]:
    """Every message of the catalogue."""
    return tuple(message_types().values())


def _of(type_: str | MessageType) -> MessageType:
    return type_ if isinstance(type_, MessageType) else message(type_)


def xsd(type_: str | MessageType, edition: str = DEFAULT_EDITION) -> str:
    """The XML Schema of a message; where it may be signed it imports ``xmldsig.xsd`` = :func:`signature_xsd`."""
    return xsd_of(_of(type_), edition)


def validator(type_: str | MessageType, edition: str = DEFAULT_EDITION) -> etree.XMLSchema:
    """The compiled schema; call it with a root element or tree, from any thread, but leave its error_log alone.

    It judges the root element given: look at the root's name first (:func:`message_of`).
    """
    return compiled(_of(type_), edition)


def edition_that_validates(root: etree._Element, mt: MessageType, preferred: str = DEFAULT_EDITION) -> str | None:
    """``preferred`` where it approves, else the newest edition that does, else None."""
    for edition in (preferred, *(e for e in EDITIONS if e != preferred)):
        if edition in mt.editions and compiled(mt, edition)(root):
            return edition
    return None


def explain(
    root: etree._Element, type_: str | MessageType, edition: str = DEFAULT_EDITION, limit: int = 25
) -> list[SchemaFault]:
    """Why the schema refuses a message: at most ``limit`` faults, in document order; none where it does not."""
    from schemas.explain import explain as explain_

    return explain_(root, _of(type_), edition, limit)


def json_schema(type_: str | MessageType, edition: str = DEFAULT_EDITION) -> dict[str, Any]:  # Any: JSON
    """The JSON Schema (2020-12) of the message's JSON twin."""
    from schemas.twin import json_schema_of

    return json_schema_of(_of(type_), edition)

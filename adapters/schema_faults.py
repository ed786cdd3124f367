"""What a schema says against a message, as faults of published codes; paths in CEB's own names (pure)."""

from __future__ import annotations

import re

from lxml import etree

from hub.domain.faults import Fault, fault, kind_of
from schemas import catalog
from schemas.explain import SchemaFault
from schemas.model import MessageType


def shown(name: str) -> str:
    """A name a sender gave, as faults may repeat it: what has not the form of a name may be anything, a person's too."""
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]{0,59}", name) else "…"


def schema_fault(wrong: SchemaFault) -> Fault:
    """One place, as a fault of its published code."""
    return Fault(
        code=kind_of(f"schema.{wrong.reason}").code,
        path=wrong.path,
        line=wrong.line,
        message=wrong.message,
        message_zh=wrong.message_zh,
        document=wrong.document,
    )


def schema_faults(root: etree._Element, mt: MessageType, edition: str) -> list[Fault]:
    """Why the schema of an edition refuses a message: at least one fault, at most 25.

    A message that the edition does not have is held against the newest that has it.
    """
    edition = edition if edition in mt.editions else mt.editions[0]
    wrong = [schema_fault(w) for w in catalog.explain(root, mt, edition)]
    return wrong or [fault("schema.other", path=f"/{mt.root}")]


def path(mt: MessageType, index: int, below: str) -> str:
    """The whole path of something below a document, or below the root for the index -1."""
    parts = [f"/{mt.root}"]
    if index >= 0:
        parts.append(f"{mt.document}[{index + 1}]")
    if below:
        parts.append(below)
    return "/".join(parts)

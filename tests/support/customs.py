"""Complete CEB messages of made-up documents, signed where asked, in the envelope customs expects."""

from __future__ import annotations

from typing import Any

import msgspec

from adapters import signature
from adapters.authorities.customs.envelope import CUSTOMS_IMPORT, Envelope
from adapters.signature import SigningKey
from schemas import catalog
from schemas import documents as ceb
from schemas.model import Field, Part
from tests.support.documents import MESSAGES, kind_of

DXP_ID = "DXPENT0000990005"


def complete(document: Any) -> Any:
    """The document with every field its schema demands and that was not given."""
    mt = catalog.message(MESSAGES[kind_of(document)])
    filled = msgspec.structs.replace(document, head=_filled(mt.head, document.head))
    if mt.list is not None:
        filled = msgspec.structs.replace(filled, list=tuple(_filled(mt.list, line) for line in document.list))
    return filled


def _filled(part: Part, struct: Any) -> Any:
    values = {f.name: _value(f) for f in part.fields if f.required and not getattr(struct, f.name)}
    if struct.__class__.__name__.endswith("Head"):
        values["guid"] = f"{struct.guid or 'GUID':0<36}"[:36]
    return msgspec.structs.replace(struct, **values)


def _value(field: Field) -> str:
    if field.base != "string":
        return "1"
    if field.fixed:
        return field.fixed
    return "1" * max(1, field.min)


def message_of(*documents: Any, dxp_id: str = DXP_ID, key: SigningKey | None = None, guid: str = "") -> bytes:
    """The CEB message of documents of one kind; signed with ``key``."""
    mt = catalog.message(MESSAGES[kind_of(documents[0])])
    transfer = ceb.Transfer(copCode="3301000005", copName="示范", dxpMode="DXP", dxpId=dxp_id)
    number = f"{guid or documents[0].head.guid:0<36}"[:36]
    xml = catalog.render(mt, [complete(document) for document in documents], guid=number, transfer=transfer)
    return signature.sign(xml, key) if key is not None else xml


def envelope_of(
    *documents: Any, id: str, sender: str = DXP_ID, key: SigningKey | None = None, dxp_id: str = DXP_ID
) -> Envelope:
    """The message on its way to customs."""
    content = message_of(*documents, dxp_id=dxp_id, key=key)
    type_ = f"{MESSAGES[kind_of(documents[0])]}Message"
    return Envelope(id, sender, (CUSTOMS_IMPORT,), type_, content, 0)

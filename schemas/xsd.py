"""XML Schema out of the catalogue: one schema a message and edition, one a side and edition, and the compiled form.

Parts are global elements and types are anonymous, as in the official schemas; documents are global on the export
side only. This decides what is valid in the corners: a signature's lax wildcards check a global element they meet,
and ``xsi:type`` finds few types to name.
"""

from __future__ import annotations

import threading
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import quoteattr

from lxml import etree

from schemas.model import CEB, DS, Field, MessageType, Part, components, message_types, root_attributes

if TYPE_CHECKING:
    from collections.abc import Iterator

#: the name under which a message's schema imports the signature's
SIGNATURE_SCHEMA = "xmldsig.xsd"
_lock = threading.Lock()


@cache
def signature_xsd() -> str:
    """The schema of ``ds:Signature`` as the official packages narrow it."""
    return (resources.files("schemas") / "ceb" / SIGNATURE_SCHEMA).read_text("utf-8")


def _occurs(low: int, high: int | None) -> str:
    text = "" if low == 1 else f' minOccurs="{low}"'
    if high is None:
        return text + ' maxOccurs="unbounded"'
    return text if high == 1 else f'{text} maxOccurs="{high}"'


def _facets(field: Field) -> Iterator[tuple[str, object]]:
    if field.base == "string":
        if field.min == field.max:
            yield "length", field.min
        else:
            if field.min:
                yield "minLength", field.min
            if field.max is not None:
                yield "maxLength", field.max
    if field.digits:
        yield "totalDigits", field.digits
    if field.base == "decimal":
        yield "fractionDigits", field.fraction
    if field.pattern:
        yield "pattern", field.pattern
    if field.collapse:
        yield "whiteSpace", "collapse"


def _simple_type(field: Field) -> str:
    facets = "".join(f"<xs:{name} value={quoteattr(str(value))}/>" for name, value in _facets(field))
    return f'<xs:simpleType><xs:restriction base="xs:{field.base}">{facets}</xs:restriction></xs:simpleType>'


_ANY = (
    '  <xs:complexType name="XMLElement"><xs:sequence>'
    '<xs:any namespace="##any" processContents="skip" minOccurs="0"/></xs:sequence></xs:complexType>\n'
)


def _type(field: Field) -> tuple[str, str]:
    """The type as an attribute (where the official schema names one, so that xsi:type may too) and as a body."""
    if field.base == "xml":
        return ' type="ceb:XMLElement"', ""
    if field.base == "int" and not field.digits:
        return ' type="xs:int"', ""
    return "", _simple_type(field)


def _leaf(field: Field) -> str:
    named, body = _type(field)
    attributes = f'name="{field.name}"{named}' + _occurs(int(field.required), 1)
    if field.fixed:
        attributes += f" fixed={quoteattr(field.fixed)}"
    elif field.schema_default:
        attributes += f" default={quoteattr(field.schema_default)}"
    note = f"<xs:annotation><xs:documentation>{field.zh} · {field.en}</xs:documentation></xs:annotation>"
    return f"        <xs:element {attributes}>{note}{body}</xs:element>"


def _fields(part: Part, edition: str) -> str:
    leaves = "\n".join(_leaf(f) for f in part.in_edition(edition))
    return (
        f'  <xs:element name="{part.element}">\n    <xs:complexType>\n      <xs:sequence>\n'
        f"{leaves}\n      </xs:sequence>\n    </xs:complexType>\n  </xs:element>\n"
    )


def _document(mt: MessageType, edition: str) -> tuple[str, str]:
    """The document as a child of the root, and its global element where it has one beside its parts'."""
    occurs = _occurs(1, mt.max_documents)
    reference = f'        <xs:element ref="ceb:{mt.document}"{occurs}/>\n'
    if mt.flat:
        return reference, ""
    parts = "".join(f'<xs:element ref="ceb:{p.element}"{_occurs(*p.occurs(edition))}/>' for p in mt.parts)
    body = f"<xs:complexType><xs:sequence>{parts}</xs:sequence></xs:complexType></xs:element>\n"
    if mt.side == "export":
        return reference, f'  <xs:element name="{mt.document}">{body}'
    return f'        <xs:element name="{mt.document}"{occurs}>{body}', ""


def _frame(mt: MessageType, edition: str) -> str:
    lines = ""
    for name in mt.frame:
        if name == "Signature":
            lines += f'        <xs:element ref="ds:Signature"{_occurs(int(mt.signature == "required"), 1)}/>\n'
        else:
            low, high = components(mt.side)[name].occurs(edition)
            lines += f'        <xs:element ref="ceb:{name}"{_occurs(low, high)}/>\n'
    return lines


def _attributes() -> str:
    return "".join(
        f'      <xs:attribute name="{a.name}" use="{"required" if a.required else "optional"}">'
        f"{_simple_type(a)}</xs:attribute>\n"
        for a in root_attributes()
    )


def xsd_of(mt: MessageType, edition: str) -> str:
    """The schema of ``mt`` as text; it imports ``xmldsig.xsd`` (see :func:`signature_xsd`) where a signature may stand.

    Raises ValueError if the message is not part of ``edition``.
    """
    if edition not in mt.editions:
        raise ValueError(f"{mt.type} is not part of edition {edition}")
    return _schema([mt], mt.side, edition)


def side_xsd(side: str, edition: str) -> str:
    """The schema of every message of ``import`` or ``export``, for participants: one file, as the official ones are.

    Both sides call different things by the same names, so a schema of both cannot be. What is no side's own
    (CEB900) is in both. Raises ValueError for another side, or an edition nobody published.
    """
    messages = [mt for mt in message_types().values() if mt.side in (side, "both") and edition in mt.editions]
    if side not in ("import", "export") or not messages:
        raise ValueError(f"there is no schema of {side}, edition {edition}")
    return _schema(messages, side, edition)


def _schema(messages: list[MessageType], side: str, edition: str) -> str:
    names = dict.fromkeys(name for mt in messages for name in mt.frame)
    signed = "Signature" in names
    frame = [components(side)[name] for name in names if name != "Signature"]
    imports = f'  <xs:import namespace="{DS}" schemaLocation="{SIGNATURE_SCHEMA}"/>\n' if signed else ""
    documents = [_document(mt, edition) for mt in messages]
    roots = "".join(
        f'  <xs:element name="{mt.root}">\n    <xs:complexType>\n      <xs:sequence>\n'
        f"{child}{_frame(mt, edition)}      </xs:sequence>\n{_attributes()}"
        "    </xs:complexType>\n  </xs:element>\n"
        for mt, (child, _) in zip(messages, documents, strict=True)
    )
    parts = [*(part for mt in messages for part in mt.parts), *frame]
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:ceb="{CEB}" xmlns:ds="{DS}"'
        f' targetNamespace="{CEB}" elementFormDefault="qualified" version="{edition}">\n{imports}{roots}'
        + "".join(document for _, document in documents)
        + "".join(_fields(part, edition) for part in parts)
        + (_ANY if "ExtendMessage" in names else "")
        + "</xs:schema>\n"
    )


class _Imports(etree.Resolver):
    """Gives libxml2 the signature's schema from the package; nothing else can be reached."""

    def resolve(self, url: str, public_id: str, context: Any) -> Any:  # type: ignore[override]  # noqa: ARG002 - lxml
        if url.rsplit("/", 1)[-1] != SIGNATURE_SCHEMA:
            raise ValueError("a schema of the catalogue imports nothing but the signature")
        return self.resolve_string(signature_xsd(), context, base_url=SIGNATURE_SCHEMA)


def compile_xsd(text: str) -> etree.XMLSchema:
    """Compile a schema that :func:`xsd_of` made; a few milliseconds."""
    parser = etree.XMLParser(no_network=True, resolve_entities=False)
    parser.resolvers.add(_Imports())
    return etree.XMLSchema(etree.fromstring(text.encode(), parser))  # noqa: TID251 - our own text, own resolver


@cache
def _compiled(type_: str, edition: str) -> etree.XMLSchema:
    with _lock:
        return compile_xsd(xsd_of(message_types()[type_], edition))


def compiled(mt: MessageType, edition: str) -> etree.XMLSchema:
    """The compiled schema, made once. Validating is safe from many threads; its ``error_log`` is not: see explain."""
    return _compiled(mt.type, edition)

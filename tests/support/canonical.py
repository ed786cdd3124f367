"""Messages as they must be the same whatever way they were written: one prefix, C14N, no signature."""

from __future__ import annotations

from lxml import etree

from schemas.codec import collapse
from schemas.model import CEB, DS, Field, MessageType, components


def canonical(root: etree._Element, mt: MessageType, edition: str) -> bytes:
    """Exclusive C14N without comments, the signature and blanks between elements.

    Texts are as sent, but where the schema of the edition itself collapses blanks, or puts a value for an empty element.
    """
    parts = [*mt.parts, *(components(mt.side)[name] for name in mt.frame)]
    fields = {(p.element, f.name): f for p in parts for f in p.in_edition(edition)}
    made = etree.Element(root.tag, dict(root.attrib), nsmap={"ceb": CEB})
    _copy(root, made, fields)
    return etree.tostring(made, method="c14n", exclusive=True, with_comments=False)


def _copy(source: etree._Element, target: etree._Element, fields: dict[tuple[str, str], Field]) -> None:
    for child in source.iterchildren(etree.Element):
        name = etree.QName(child)
        if name.namespace == DS:
            continue
        copied = etree.SubElement(target, child.tag, dict(child.attrib))
        field = fields.get((etree.QName(source).localname, name.localname))
        if field is None:
            _copy(child, copied, fields)
        elif field.base == "xml":
            copied.extend(list(child.iterchildren(etree.Element)))
        else:
            text = str(child.xpath("string()"))
            text = collapse(text) if field.number or field.collapse else text
            copied.text = text or field.fixed or field.schema_default or None

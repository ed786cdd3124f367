"""The JSON twin of a message: the same names and rules, for those who would rather not write XML.

``{"message": "CEB311", "guid": …, "version": "1.0", "documents": [{"head": {…}, "list": [{…}]}], "transfer": {…},
"subscribe": […], "extend": {…}}``. Numbers with fractions are strings, whole numbers may be JSON integers.

Receipts have twins too. There and back (:func:`of`, :func:`read`, :func:`xml`) everything but the signature is the same,
but for blanks that the schema itself does not count, and empty elements for which it puts a value.

Reading a twin only settles its shape (names, types, what must be there to render it); lengths, order and obligation
are the XML schema's: render the twin and validate, so that both forms are judged by one schema.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec
from lxml import etree

from schemas import codec
from schemas.documents import STRUCTS, Document, Extension, Subscription, Transfer
from schemas.explain import SchemaFault
from schemas.model import Field, MessageType, Part, components, root_attributes
from schemas.reasons import Reason, sentences
from schemas.render import render

#: JSON values; Any because JSON is what the sender makes of it
Json = Any
_LIMIT = 25
_TOP = ("message", "guid", "version", "documents", "transfer", "subscribe", "extend")
_FRAME = {"BaseTransfer": "transfer", "BaseSubscribe": "subscribe", "ExtendMessage": "extend"}


class Twin(msgspec.Struct, frozen=True, kw_only=True):
    """A message read from its twin, ready for :func:`schemas.render.render`."""

    guid: str
    version: str
    documents: list[Document]
    transfer: Transfer | None
    subscribe: tuple[Subscription, ...]
    extend: Extension | None


class _Shape:
    """Walks a twin, turns whole numbers into texts and notes what does not fit."""

    def __init__(self) -> None:
        self.faults: list[SchemaFault] = []
        self._document = -1

    def note(self, reason: Reason, path: str, name: str, field: Field | None = None, rule: str = "") -> None:
        if len(self.faults) < _LIMIT:
            en, zh = (field.en, field.zh) if field else ("", "")
            english, chinese = sentences(reason, name[:60], en, zh, rule)
            self.faults.append(SchemaFault(
                path=path, line=0, reason=reason, message=english, message_zh=chinese, document=self._document,
            ))  # fmt: skip

    def part(self, value: Json, part: Part, path: str) -> dict[str, str]:
        if not isinstance(value, dict):
            self.note("type", path, path.rpartition("/")[2], rule="object")
            return {}
        fields = {f.name: f for f in part.fields}
        out = {}
        for name, leaf in value.items():
            field = fields.get(name)
            if field is None:
                self.note("unexpected", f"{path}/{name[:60]}", name)
            elif isinstance(leaf, str):
                out[name] = leaf
            elif field.base == "int" and isinstance(leaf, int) and not isinstance(leaf, bool):
                out[name] = str(leaf)
            elif leaf is not None:
                self.note("type", f"{path}/{name}", name, field, f"string ({field.type})")
        return out

    def items(self, value: Json, path: str, name: str) -> list[Json]:
        if isinstance(value, list | tuple):
            return list(value)
        self.note("type", path, name, rule="array")
        return []

    def document(self, value: Json, mt: MessageType, index: int) -> Document | None:
        self._document = index
        path = f"/{mt.root}/{mt.document}[{index + 1}]"
        if not isinstance(value, dict):
            self.note("type", path, mt.document, rule="object")
            return None
        known = ("head",) if mt.list is None else ("head", "list")
        for name in value.keys() - set(known):
            self.note("unexpected", f"{path}/{name[:60]}", name)
        if "head" not in value:
            self.note("missing", f"{path}/head", "head")
            return None
        head = path if mt.flat else f"{path}/{mt.head.element}"
        made: dict[str, Json] = {"head": self.part(value["head"], mt.head, head)}
        if mt.list is not None:
            place = f"{path}/{mt.list.element}"
            lines = self.items(value.get("list", []), place, "list")
            made["list"] = [self.part(line, mt.list, f"{place}[{n}]") for n, line in enumerate(lines, 1)]
        return cast("Document", msgspec.convert(made, STRUCTS[mt.struct]))

    def text(self, value: dict[str, Json], name: str, mt: MessageType, default: str) -> str:
        found = value.get(name, default)
        if isinstance(found, str):
            return found
        self.note("type", f"/{mt.root}/@{name}", name, rule="string")
        return default


def read(value: Json, mt: MessageType) -> tuple[Twin, list[SchemaFault]]:
    """A twin's content and what is wrong with its shape (at most 25 faults); to be used only if there are none."""
    shape = _Shape()
    root = f"/{mt.root}"
    if not isinstance(value, dict):
        shape.note("type", root, mt.root, rule="object")
        value = {}
    for name in value:
        if name not in _TOP:
            shape.note("unexpected", f"{root}/{name[:60]}", name)
    frame = components(mt.side)
    parts: dict[str, list[Any]] = {}  # Any: structs of the frame
    for element, name in _FRAME.items():
        given = value.get(name)
        if given is None:
            continue
        if element not in mt.frame:
            shape.note("unexpected", f"{root}/{name}", name)
            continue
        many = name == "subscribe"
        items = shape.items(given, f"{root}/{element}", name) if many else [given]
        texts = [shape.part(item, frame[element], f"{root}/{element}") for item in items]
        parts[name] = [msgspec.convert(text, STRUCTS[frame[element].struct]) for text in texts]
    found = [
        document
        for index, item in enumerate(shape.items(value.get("documents", []), f"{root}/{mt.document}", "documents"))
        if (document := shape.document(item, mt, index)) is not None
    ]
    shape._document = -1
    if not found and not shape.faults:
        shape.note("missing", f"{root}/{mt.document}", "documents")
    twin = Twin(
        guid=shape.text(value, "guid", mt, ""), version=shape.text(value, "version", mt, "1.0"), documents=found,
        transfer=next(iter(parts.get("transfer", ())), None), subscribe=tuple(parts.get("subscribe", ())),
        extend=next(iter(parts.get("extend", ())), None),
    )  # fmt: skip
    return twin, shape.faults


def write(
    mt: MessageType, documents: list[Document], *, guid: str, version: str = "1.0", transfer: Transfer | None = None,
    subscribe: tuple[Subscription, ...] = (), extend: Extension | None = None,
) -> dict[str, Json]:  # fmt: skip
    """The twin of a message as plain values; what is absent is left out."""
    given = {"transfer": transfer, "subscribe": subscribe, "extend": extend}
    return {
        "message": mt.type, "guid": guid, "version": version, "documents": msgspec.to_builtins(documents),
        **{name: msgspec.to_builtins(part) for name, part in given.items() if part},
    }  # fmt: skip


def of(root: etree._Element, mt: MessageType, edition: str = "") -> dict[str, Json]:
    """The twin of a message's tree, without the signature; ``edition``: the one by whose schema blanks count or not.

    KeyError or IndexError for what the catalogue does not know.
    """
    return write(
        mt, codec.documents(root, mt, edition=edition), guid=root.get("guid", ""), version=root.get("version", ""),
        transfer=codec.transfer(root), subscribe=codec.subscribers(root), extend=codec.extension(root),
    )  # fmt: skip


def xml(mt: MessageType, twin: Twin) -> bytes:
    """The unsigned message a twin stands for; ValueError for what XML cannot carry."""
    return render(
        mt, twin.documents, guid=twin.guid, version=twin.version, transfer=twin.transfer, subscribe=twin.subscribe,
        extend=twin.extend,
    )  # fmt: skip


def json_schema_of(mt: MessageType, edition: str) -> dict[str, Json]:
    """JSON Schema 2020-12 of the twin. Optional fields may be null, which means absent."""
    frame = components(mt.side)
    document: dict[str, Json] = {"head": _object(mt.head, edition)}
    if mt.list is not None:
        low, high = mt.list.occurs(edition)
        document["list"] = _array(_object(mt.list, edition), low, high)
    attributes = {a.name: _leaf(a) for a in root_attributes()}
    properties: dict[str, Json] = {
        "message": {"const": mt.type}, **attributes,
        "documents": _array(_closed(document, _required(mt, edition)), 1, mt.max_documents),
    }  # fmt: skip
    needed = ["message", "guid", "documents"]
    for element, name in _FRAME.items():
        if element not in mt.frame:
            continue
        low, high = frame[element].occurs(edition)
        shape = _object(frame[element], edition)
        properties[name] = _array(shape, low, high) if name == "subscribe" else shape
        needed += [name] if low else []
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{mt.type} {mt.en} · {mt.zh}, edition {edition}",
        **_closed(properties, needed),
    }


def _required(mt: MessageType, edition: str) -> list[str]:
    return ["head", "list"] if mt.list is not None and mt.list.occurs(edition)[0] else ["head"]


def _closed(properties: dict[str, Json], required: list[str]) -> dict[str, Json]:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _array(items: Json, low: int, high: int | None) -> dict[str, Json]:
    array = {"type": "array", "items": items, "minItems": low}
    return array if high is None else array | {"maxItems": high}


def _object(part: Part, edition: str) -> dict[str, Json]:
    fields = part.in_edition(edition)
    return _closed({f.name: _leaf(f) for f in fields}, [f.name for f in fields if f.required])


def _leaf(field: Field) -> dict[str, Json]:
    types = ["string"] + (["integer"] if field.base == "int" else []) + ([] if field.required else ["null"])
    leaf: dict[str, Json] = {"type": types if len(types) > 1 else "string", "description": f"{field.zh} · {field.en}"}
    if field.fixed:
        return leaf | {"enum": [field.fixed, "", *([] if field.required else [None])]}
    if field.base == "string":
        leaf |= {"minLength": field.min} if field.min and not field.schema_default else {}
        leaf |= {"maxLength": field.max} if field.max is not None else {}
        leaf |= {"pattern": f"^(?:{field.pattern})$"} if field.pattern else {}
    elif field.number:
        leaf["pattern"] = _number_pattern(field)
        if field.base == "int":
            most = 10**field.digits - 1 if field.digits else 2**31 - 1
            leaf |= {"minimum": -most, "maximum": most}
    return leaf


def _number_pattern(field: Field) -> str:
    """Digits are counted as the schema counts them: without zeros in front and behind."""
    if field.base == "int":
        digits = f"0*[0-9]{{1,{field.digits or 10}}}"
    else:
        whole, most = field.digits, field.fraction
        with_fraction = (f"[0-9]{{0,{whole - n}}}\\.[0-9]{{{n}}}0*" for n in range(1, most + 1))
        digits = "0*(?:" + "|".join((f"[0-9]{{1,{whole}}}(?:\\.0*)?", *with_fraction)) + ")"
    maybe = "|" if field.schema_default else ""
    return f"^(?:[ \\t\\r\\n]*[+-]?{digits}[ \\t\\r\\n]*{maybe})$"

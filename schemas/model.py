"""The catalogue's own vocabulary, and how it is read from ``schemas/ceb/*.toml``.

A message is described by one file: the repeating document, its parts (head, list), each part's fields in the
order of the schema, and the frame behind the documents. Field types are written as the specification writes them:

====================  =====================================================================
``C36``               text of exactly 36 characters
``C1..60`` ``C0..``   text of a length between the two, without an end
``N19,5``             decimal, at most 19 digits, 5 of them behind the point
``int`` ``int9``      32-bit integer, of at most 9 digits
``xml``               any one element (custom data only)
====================  =====================================================================

``formerly`` names pairs of fields that stood the other way round in the edition of 2016, or do so in printed tables.
``practice``, beside the fields of a part, lists what real messages have there and no schema knows: it is read where
messages are taken leniently (receipts), under its name or one of ``also``, and neither written nor part of XSD or twin.

An edition that differs says so beside the field: ``editions = { 2018 = { type = "C3" } }``, ``absent = true``
where it does not know the field; a shared part that differs on the export side says ``export = { … }`` likewise
(with ``editions`` of its own where needed). Nothing here reads anything but the package's own files.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources
from typing import Any, Literal

import msgspec

#: Newest first: the first is taken where a participant names none.
EDITIONS = ("202205", "2018")
DEFAULT_EDITION = EDITIONS[0]
CEB = "http://www.chinaport.gov.cn/ceb"
DS = "http://www.w3.org/2000/09/xmldsig#"

Base = Literal["string", "decimal", "int", "xml"]
Obligation = Literal["required", "declared", "optional", "never"]

_TEXT = re.compile(r"C(\d+)(?:(\.\.)(\d*))?")
_DECIMAL = re.compile(r"N(\d+),(\d+)")
_INTEGER = re.compile(r"int(\d*)")


class Field(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One leaf element. ``min``/``max`` are lengths of a text, ``digits``/``fraction`` those of a number (0: any)."""

    name: str
    type: str
    base: Base
    required: bool
    en: str
    zh: str
    min: int = 0
    max: int | None = None
    digits: int = 0
    fraction: int = 0
    pattern: str = ""
    collapse: bool = False
    #: the only value allowed, and what an empty element stands for
    fixed: str = ""
    #: what an empty element stands for by the schema
    schema_default: str = ""
    #: what the specification says to fill when nothing else is meant
    default: str = ""
    #: name of a list in ``schemas/codes``; advice, the official schemas do not check it
    codes: str = ""
    #: ``time14``, ``time17`` or ``date8``; advice likewise
    format: str = ""

    @property
    def number(self) -> bool:
        """Whether blanks around the value do not count (XML Schema collapses them)."""
        return self.base in ("decimal", "int")


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """An element with fields: head or list of a document, or a part of the frame. ``max`` None: without end."""

    element: str
    role: Literal["head", "list", "frame"]
    struct: str
    en: str
    zh: str
    min: int
    max: int | None
    fields: tuple[Field, ...]
    editions: dict[str, tuple[Field, ...]]
    bounds: dict[str, tuple[int, int | None]]
    practice: tuple[Field, ...] = ()
    #: other spelling → name, for fields of practice
    also: dict[str, str] = {}
    #: (a, b): a stood before b in the edition of 2016 or stands so in a printed table of the specification
    formerly: tuple[tuple[str, str], ...] = ()

    def in_edition(self, edition: str) -> tuple[Field, ...]:
        """The fields as ``edition`` has them, in schema order."""
        return self.editions.get(edition, self.fields)

    def occurs(self, edition: str) -> tuple[int, int | None]:
        """How often the part may stand, as ``edition`` says."""
        return self.bounds.get(edition, (self.min, self.max))


class MessageType(msgspec.Struct, frozen=True, kw_only=True):
    """One message. ``type`` is ``CEB311``; ``root`` the element; ``document`` the repeating element.

    ``flat`` documents hold their fields directly (receipts); the struct keeps them under ``head`` all the same.
    ``key``: the fields that make a document one and the same; ``key_fallback`` stands for the second where it is empty.
    ``senders``: the roles that may hand it in; one of ``own_codes``, fields of the head, must be a code of the sender's
    (specification, sender column; texts of the schemas).
    ``signature``: ``required`` by the schema, ``declared`` by the 2018 text when appStatus is 2, ``optional``, ``never``.
    """

    type: str
    root: str
    en: str
    zh: str
    kind: str
    struct: str
    side: Literal["import", "export", "both"]
    direction: Literal["up", "down"]
    signature: Obligation
    document: str
    max_documents: int | None
    flat: bool
    key: tuple[str, ...]
    key_fallback: str
    receipt: str
    receipt_of: str
    frame: tuple[str, ...]
    senders: tuple[str, ...]
    own_codes: tuple[str, ...]
    head: Part
    list: Part | None
    editions: tuple[str, ...] = EDITIONS

    @property
    def parts(self) -> tuple[Part, ...]:
        """Head, then list where there is one."""
        return (self.head,) if self.list is None else (self.head, self.list)

    @property
    def fields(self) -> tuple[Field, ...]:
        """Fields of the head in the default edition."""
        return self.head.fields


def _type(text: str) -> dict[str, Any]:  # Any: keyword arguments of Field
    if text == "xml":
        return {"base": "xml"}
    if m := _TEXT.fullmatch(text):
        low, dots, high = m.groups()
        end = (int(high) if high else None) if dots else int(low)
        return {"base": "string", "min": int(low), "max": end}
    if m := _DECIMAL.fullmatch(text):
        return {"base": "decimal", "digits": int(m[1]), "fraction": int(m[2])}
    if m := _INTEGER.fullmatch(text):
        return {"base": "int", "digits": int(m[1] or 0)}
    raise ValueError(f"unknown field type {text!r}")


def field(entry: dict[str, Any]) -> Field:  # Any: TOML
    """Read one line of a ``fields`` list."""
    known = {k: v for k, v in entry.items() if k not in ("need", "editions")}
    if entry["need"] not in ("M", "O"):
        raise ValueError(f"{entry['name']}: need is M or O")
    return Field(required=entry["need"] == "M", **known, **_type(entry["type"]))


def _fields(entries: list[dict[str, Any]], edition: str) -> tuple[Field, ...]:
    changed = [{**e, **e.get("editions", {}).get(edition, {})} for e in entries]
    return tuple(field({k: v for k, v in e.items() if k != "absent"}) for e in changed if not e.get("absent", False))


def _part(element: str, role: Literal["head", "list", "frame"], data: dict[str, Any]) -> Part:
    def bounds(entry: dict[str, Any]) -> tuple[int, int | None]:
        return entry.get("min", 1), entry.get("max", 1) or None  # max = 0 in a file: without end

    entries, changes = data["fields"], data.get("editions", {})
    default, older = EDITIONS[0], EDITIONS[1:]
    low, high = bounds(data)
    fields = _fields(entries, default)
    practice = data.get("practice", ())
    other = {e: _fields(entries, e) for e in older}
    return Part(
        element=element, role=role, struct=data.get("struct", ""), en=data["en"], zh=data["zh"], min=low, max=high,
        fields=fields,
        editions={e: f for e, f in other.items() if f != fields},
        bounds={e: bounds({**data, **changes[e]}) for e in older if e in changes},
        practice=tuple(field({k: v for k, v in entry.items() if k != "also"}) for entry in practice),
        also={other: entry["name"] for entry in practice for other in entry.get("also", ())},
        formerly=tuple([(before, after) for before, after in data.get("formerly", ())]),
    )  # fmt: skip


def _message(data: dict[str, Any]) -> MessageType:
    document = data["document"]
    parts = {p["role"]: _part(p["element"], p["role"], p) for p in data["part"]}
    return MessageType(
        type=data["type"], root=data["type"] + "Message", en=data["en"], zh=data["zh"], kind=data["kind"],
        struct=data["struct"], side=data["side"], direction=data["direction"], signature=data["signature"],
        document=document["element"], max_documents=document["max"] or None, flat=document.get("flat", False),
        key=tuple(data["key"]), key_fallback=data.get("key_fallback", ""),
        receipt=data.get("receipt", ""), receipt_of=data.get("receipt_of", ""), frame=tuple(data.get("frame", ())),
        senders=tuple(data.get("senders", ())), own_codes=tuple(data.get("own_codes", ())),
        head=parts["head"], list=parts.get("list"), editions=tuple(data.get("editions", EDITIONS)),
    )  # fmt: skip


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((resources.files("schemas") / "ceb" / name).read_text("utf-8"))


#: Who hands messages in, in both languages.
ROLE_NAMES: dict[str, tuple[str, str]] = {
    "platform": ("platform", "电商平台"),
    "merchant": ("merchant", "电商企业"),
    "payer": ("payment company", "支付企业"),
    "carrier": ("carrier", "物流企业"),
    "declarant": ("declarant", "申报企业"),
    "site": ("site operator", "监管场所经营人"),
    "customs": ("customs", "海关"),
}


def senders_of(mt: MessageType) -> tuple[str, str]:
    """The roles that may send a message, in English and in Chinese."""
    roles = [ROLE_NAMES[role] for role in mt.senders or ("customs",)]
    return ", ".join(en for en, _ in roles), "、".join(zh for _, zh in roles)


@cache
def components(side: str = "import") -> dict[str, Part]:
    """The frame's parts by element name (``BaseTransfer`` …), as messages of ``side`` have them."""
    return {
        name: _part(name, "frame", {**data, "fields": [_on_side(f, side) for f in data["fields"]]})
        for name, data in _read("components.toml").items()
        if name != "root"
    }


def _on_side(entry: dict[str, Any], side: str) -> dict[str, Any]:
    return {k: v for k, v in (entry | entry.get(side, {})).items() if k not in ("import", "export")}


@cache
def root_attributes() -> tuple[Field, ...]:
    """Attributes of every root element."""
    return _fields(_read("components.toml")["root"]["attributes"], DEFAULT_EDITION)


@cache
def message_types() -> dict[str, MessageType]:
    """Every message of the catalogue by type, in the order of the file names."""
    folder = resources.files("schemas") / "ceb"
    names = sorted(f.name for f in folder.iterdir() if f.name.startswith("CEB") and f.name.endswith(".toml"))
    return {data["type"]: _message(data) for data in map(_read, names)}

"""What can be wrong with a message by the catalogue alone, each with the fault the door answers it with.

A flaw is data: a kind, the code, the place, and the edition it is judged by. :func:`spoil` puts it into the tree of
a message that has every field and part (``schemas.made.flawed`` makes one). Flaws of meaning are accepted by the
schema, and the door flags them: a code no closed list has, a time no calendar has, a mandatory element of nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec
from lxml import etree

from schemas.codes import code_list
from schemas.model import CEB, DS, EDITIONS, Field, MessageType, Part, components, root_attributes

_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_IMPOSSIBLE = {"date8": "20260231", "time14": "20260231120000", "time17": "20260231120000000"}


class Flaw(msgspec.Struct, frozen=True, kw_only=True):
    """One way to be wrong. ``code`` and ``path`` are those of the first fault the door finds.

    ``part`` is the element it is in ("" for the root), ``field`` the leaf or attribute, ``value`` what stands there.
    """

    kind: str
    code: str
    path: str
    edition: str
    part: str = ""
    field: str = ""
    value: str = ""


class _Slot(NamedTuple):
    """A part where it stands: the path to it, how often it may stand, whether paths count it."""

    path: str
    low: int
    high: int | None
    counted: bool

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    def at(self, number: int) -> str:
        """The path of the ``number``-th."""
        return f"{self.path}[{number}]" if self.counted else self.path


# ---- values


def wrong_values(field: Field) -> Iterator[tuple[str, str]]:
    """(reason, text) for each way a text is no value of the field."""
    if field.number:
        yield "type", "x"
        yield from (("too_long", text) for text in _too_many_digits(field))
    elif field.base == "string":
        if field.min > 1:
            yield "too_short", "X" * (field.min - 1)
        if field.max is not None:
            yield "too_long", "X" * (field.max + 1)
        if field.pattern:
            yield "pattern", "!" * max(field.min, 1)
    if field.fixed:
        yield "not_allowed", ("X" if field.fixed[0] != "X" else "Y") * len(field.fixed)
    elif not field.schema_default and (field.number or field.min):
        yield "empty", ""


def _too_many_digits(field: Field) -> Iterator[str]:
    if field.base == "int":
        yield "1" * (field.digits + 1) if field.digits else "2147483648"
        return
    yield "1" * (field.digits + 1)
    yield "1." + "1" * (field.fraction + 1)


# ---- the list


def flaws(mt: MessageType, edition: str = "") -> tuple[Flaw, ...]:
    """Everything that can be wrong with a message of the edition (default: the newest that has it)."""
    edition = edition or mt.editions[0]
    return tuple(_listed(mt, edition))


def _listed(mt: MessageType, edition: str) -> Iterator[Flaw]:
    def said(kind: str, reason: str, path: str, **more: str) -> Flaw:
        return Flaw(kind=kind, code=f"schema.{reason}", path=path, edition=more.pop("edition", edition), **more)

    root = f"/{mt.root}"
    for kind in ("namespace", "name"):
        yield said(kind, "unknown_message", "")
    yield from (said("edition", "edition", root, edition=other) for other in EDITIONS if other not in mt.editions)
    yield said("attribute", "unexpected", f"{root}/@other", field="@other")
    for attribute in root_attributes():
        path, name = f"{root}/@{attribute.name}", f"@{attribute.name}"
        yield said("missing", "missing", path, field=name)
        yield from (said(reason, reason, path, field=name, value=text) for reason, text in wrong_values(attribute))
    if "BaseTransfer" not in mt.frame:
        yield said("frame", "unexpected", f"{root}/BaseTransfer")
    yield from _structure(mt, edition, said)
    for part, path in _parts(mt, edition):
        yield said("unknown", "unexpected", f"{path}/unknown", part=part.element)
        yield said("text", "not_allowed", path, part=part.element)
        fields = part.in_edition(edition)
        for n, field in enumerate(fields):
            where = {"part": part.element, "field": field.name}
            leaf = f"{path}/{field.name}"
            if field.required:
                yield said("missing", "missing", leaf, **where)
            yield said("doubled", "too_many", leaf, **where)
            if n + 1 < len(fields):
                following = fields[n + 1].name
                known = (following, field.name) in part.formerly
                yield said("swapped", "edition_2016" if known else "unexpected", leaf, value=following, **where)
            yield said("attribute", "unexpected", f"{leaf}/@other", **where)
            if field.base != "xml":
                yield said("child", "unexpected", f"{leaf}/unknown", **where)
                yield said("nil", "not_allowed", leaf, **where)
            yield from (said(reason, reason, leaf, value=text, **where) for reason, text in wrong_values(field))
        names = {f.name for f in fields}
        for other in (f for e in mt.editions for f in part.in_edition(e) if f.name not in names):
            yield said("unknown", "unexpected", f"{path}/{other.name}", part=part.element, field=other.name)


def _structure(mt: MessageType, edition: str, said: Callable[..., Flaw]) -> Iterator[Flaw]:
    """Parts that are missing, too many, or in the wrong order: below a document, then below the root."""
    for slots in ([] if mt.flat else _inner(mt, edition)), _outer(mt, edition):
        for n, slot in enumerate(slots):
            if slot.low:
                yield said("none", "missing", slot.path, part=slot.name)
            if slot.high is not None:
                yield said("too_many", "too_many", slot.at(slot.high + 1), part=slot.name)
            if n + 1 < len(slots):
                yield said("parts", "unexpected", slot.at(1), part=slot.name, value=slots[n + 1].name)


def _slot(path: str, low: int, high: int | None) -> _Slot:
    return _Slot(path, low, high, high != 1)


def _inner(mt: MessageType, edition: str) -> list[_Slot]:
    document = f"/{mt.root}/{mt.document}[1]"
    return [_slot(f"{document}/{p.element}", *p.occurs(edition)) for p in mt.parts]


def _outer(mt: MessageType, edition: str) -> list[_Slot]:
    # documents are counted even where there may be only one
    slots = [_Slot(f"/{mt.root}/{mt.document}", 1, mt.max_documents, counted=True)]
    for name in mt.frame:
        if name == "Signature":
            slots.append(_slot(f"/{mt.root}/ds:{name}", int(mt.signature == "required"), 1))
        else:
            slots.append(_slot(f"/{mt.root}/{name}", *components(mt.side)[name].occurs(edition)))
    return slots


def _parts(mt: MessageType, edition: str) -> Iterator[tuple[Part, str]]:
    """Parts with fields, and the path of the first of each."""
    document = f"/{mt.root}/{mt.document}[1]"
    if mt.flat:
        yield mt.head, document
    else:
        for part, slot in zip(mt.parts, _inner(mt, edition), strict=True):
            yield part, slot.at(1)
    for slot in _outer(mt, edition)[1:]:
        if not slot.name.startswith("ds:"):
            yield components(mt.side)[slot.name], slot.at(1)


def meaning_flaws(mt: MessageType, edition: str = "") -> tuple[Flaw, ...]:
    """What a schema accepts in a document and the door flags; nothing for what customs sends."""
    edition = edition or mt.editions[0]
    return tuple(_meant(mt, edition)) if mt.direction == "up" else ()


def _meant(mt: MessageType, edition: str) -> Iterator[Flaw]:
    for part, path in _parts(mt, edition):
        for field in part.in_edition(edition) if part.role != "frame" else ():
            found = []
            if field.codes and not field.fixed and (wrong := _unlisted(field)):
                found.append(("code", wrong))
            if field.format:
                found.append(("date", _IMPOSSIBLE[field.format]))
            if field.required and field.base == "string" and not field.min:
                found.append(("empty", ""))
            for kind, text in found:
                yield Flaw(
                    kind=kind, code=f"meaning.{kind}", path=f"{path}/{field.name}", edition=edition,
                    part=part.element, field=field.name, value=text,
                )  # fmt: skip


def _unlisted(field: Field) -> str:
    """A text of the right length outside a closed list; "" for open lists, and where there is none."""
    listed = code_list(field.codes)
    length = max(field.min, 1)
    return next((c * length for c in "Z98" if c * length not in listed.codes), "") if listed.closed else ""


# ---- into the tree


def spoil(root: etree._Element, mt: MessageType, flaw: Flaw) -> etree._Element:
    """Put the flaw into the tree of a whole message; returns the root, which may be another one."""
    if flaw.kind == "edition":
        return root
    if flaw.kind in ("namespace", "name"):
        root.tag = f"{{urn:x}}{mt.root}" if flaw.kind == "namespace" else f"{{{CEB}}}CEB000Message"
    elif flaw.kind == "frame":
        etree.SubElement(root, f"{{{CEB}}}BaseTransfer")
    elif flaw.field.startswith("@"):
        name = flaw.field[1:]
        if flaw.kind == "missing":
            del root.attrib[name]
        else:
            root.set(name, flaw.value)
    elif flaw.kind in _STRUCTURAL:
        _STRUCTURAL[flaw.kind](root, flaw)
    else:
        part = _found(root, flaw.part)[0]
        _LOCAL.get(flaw.kind, _set)(part, flaw)
    return root


def _tag(name: str) -> str:
    return f"{{{DS}}}{name[3:]}" if name.startswith("ds:") else f"{{{CEB}}}{name}"


def _found(root: etree._Element, name: str) -> list[etree._Element]:
    """The elements of that name beside the first: direct children of the root, or of the first document."""
    return root.findall(_tag(name)) or root[0].findall(_tag(name))


def _none(root: etree._Element, flaw: Flaw) -> None:
    for element in _found(root, flaw.part):
        _parent(element).remove(element)


def _too_many(root: etree._Element, flaw: Flaw) -> None:
    found = _found(root, flaw.part)
    most = int(flaw.path.rstrip("]").rpartition("[")[2]) if flaw.path.endswith("]") else 2
    for _ in range(most - len(found)):
        found[-1].addnext(copy.deepcopy(found[-1]))


def _reordered(root: etree._Element, flaw: Flaw) -> None:
    _found(root, flaw.part)[0].addprevious(_found(root, flaw.value)[0])


def _parent(element: etree._Element) -> Any:  # Any: every element here has one
    return element.getparent()


def _leaf(part: etree._Element, flaw: Flaw) -> Any:  # Any: the leaf is there in a whole message
    return part.find(_tag(flaw.field))


def _set(part: etree._Element, flaw: Flaw) -> None:
    _leaf(part, flaw).text = flaw.value or None


def _missing(part: etree._Element, flaw: Flaw) -> None:
    part.remove(_leaf(part, flaw))


def _doubled(part: etree._Element, flaw: Flaw) -> None:
    leaf = _leaf(part, flaw)
    leaf.addnext(copy.deepcopy(leaf))


def _swapped(part: etree._Element, flaw: Flaw) -> None:
    leaf = _leaf(part, flaw)
    leaf.getnext().addnext(leaf)


def _attribute(part: etree._Element, flaw: Flaw) -> None:
    _leaf(part, flaw).set("other", "1")


def _nil(part: etree._Element, flaw: Flaw) -> None:
    _leaf(part, flaw).set(_NIL, "false")


def _child(part: etree._Element, flaw: Flaw) -> None:
    etree.SubElement(_leaf(part, flaw), _tag("unknown"))


def _unknown(part: etree._Element, flaw: Flaw) -> None:
    etree.SubElement(part, _tag(flaw.field or "unknown")).text = "1"


def _text(part: etree._Element, _: Flaw) -> None:
    part[0].tail = "x"


_Spoil = Callable[[etree._Element, Flaw], None]
#: by kind: what changes a message's parts, and what changes the first of one part (everything else sets a value)
_STRUCTURAL: dict[str, _Spoil] = {"none": _none, "too_many": _too_many, "parts": _reordered}
_LOCAL: dict[str, _Spoil] = {
    "missing": _missing, "doubled": _doubled, "swapped": _swapped, "attribute": _attribute, "nil": _nil,
    "child": _child, "unknown": _unknown, "text": _text,
}  # fmt: skip

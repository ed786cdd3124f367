"""What the reference of messages says: facts of the catalogue, an example, and the codes a field can be refused with.

All of it is public: it follows from the specification and the published codes alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple, cast, get_args
from xml.sax.saxutils import escape

from lxml import etree

from hub.domain.exceptions import customs_code
from hub.domain.faults import FaultKind, fault_kinds, faults_at
from hub.domain.kinds import DECLARATION, IMPORT, ORDER, PAYMENT, WAYBILL
from schemas import catalog, made, twin
from schemas.codes import CodeList, code_list
from schemas.model import EDITIONS, Field, MessageType, Part, components
from schemas.reasons import Reason, sentences
from schemas.samples import examples

#: A text in English and in Chinese.
Pair = tuple[str, str]

_FORMATS: dict[str, Pair] = {
    "time14": ("a time in China, yyyyMMddHHmmss", "北京时间 yyyyMMddHHmmss"),
    "time17": ("a time in China, yyyyMMddHHmmssSSS", "北京时间 yyyyMMddHHmmssSSS"),
    "date8": ("a day in China, yyyyMMdd", "北京日期 yyyyMMdd"),
}


class Place(NamedTuple):
    """A field where it stands, as each edition has it (None: it does not)."""

    mt: MessageType
    part: Part
    field: Field
    editions: dict[str, Field | None]

    @property
    def address(self) -> str:
        return f"/docs/messages/{self.mt.type}/{self.part.element}/{self.field.name}"

    @property
    def versions(self) -> list[tuple[str, Field | None]]:
        """What the field is, and in which editions; editions that agree in one."""
        found: list[tuple[str, Field | None]] = []
        for edition, field in self.editions.items():
            if found and found[-1][1] == field:
                found[-1] = (f"{found[-1][0]}, {edition}", field)
            else:
                found.append((edition, field))
        return found


class Found(NamedTuple):
    """What a search found: messages, and for each field name the places."""

    messages: tuple[MessageType, ...]
    fields: dict[str, tuple[Place, ...]]


def parts(mt: MessageType) -> tuple[Part, ...]:
    """The parts of a message that have fields: the document's, then the frame's."""
    return (*mt.parts, *(components(mt.side)[name] for name in mt.frame if name != "Signature"))


@cache
def places() -> tuple[Place, ...]:
    """Every field of every message, in the order of the schemas."""
    return tuple(place for mt in catalog.messages() for part in parts(mt) for place in _of_part(mt, part))


def _of_part(mt: MessageType, part: Part) -> Iterator[Place]:
    by_edition = {e: {f.name: f for f in part.in_edition(e)} for e in EDITIONS if e in mt.editions}
    names = dict.fromkeys(name for fields in by_edition.values() for name in fields)
    for name in names:
        editions = {e: fields.get(name) for e, fields in by_edition.items()}
        field = next(f for f in editions.values() if f is not None)
        yield Place(mt, part, field, editions)


@cache
def _by_place() -> dict[tuple[str, str, str], Place]:
    return {(p.mt.type, p.part.element, p.field.name): p for p in places()}


def place(type_: str, element: str, name: str) -> Place | None:
    """A field of a part of a message, None if there is none."""
    return _by_place().get((type_, element, name))


def address_of(path: str) -> str:
    """The page of the field that a fault's path names, "" where there is none (JSON pointers name no message).

    ``/CEB621Message/Inventory[2]/InventoryList[1]/qty`` → ``/docs/messages/CEB621/InventoryList/qty``.
    """
    steps = re.sub(r"\[\d+\]", "", path).split("/")
    found = place(steps[1].removesuffix("Message"), steps[-2], steps[-1]) if len(steps) > 3 else None
    return found.address if found else ""


@cache
def by_name() -> dict[str, tuple[Place, ...]]:
    """Field name → where it occurs, names in alphabetical order."""
    found: dict[str, list[Place]] = {}
    for one in places():
        found.setdefault(one.field.name, []).append(one)
    return {name: tuple(found[name]) for name in sorted(found, key=str.lower)}


def search(text: str) -> Found:
    """Messages and fields whose name, Chinese or English meaning holds all the words; all messages for no words."""
    words = text.lower().split()

    def fits(*texts: str) -> bool:
        whole = " ".join(texts).lower()
        return all(word in whole for word in words)

    messages = tuple(mt for mt in catalog.messages() if fits(mt.type, mt.root, mt.zh, mt.en, mt.document))
    if not words:
        return Found(messages, {})
    fields = {}
    for name, where in by_name().items():
        if hits := tuple(p for p in where if fits(name, p.field.zh, p.field.en)):
            fields[name] = hits
    return Found(messages, fields)


def type_words(field: Field) -> Pair:
    """The type of a field in words."""
    if field.base == "xml":
        return "one XML element of any kind", "任意一个 XML 元素"
    if field.base == "decimal":
        return (
            f"a number of at most {field.digits} digits, {field.fraction} of them behind the point",
            f"数值，最多 {field.digits} 位，其中小数最多 {field.fraction} 位",
        )
    if field.base == "int":
        most = field.digits
        return (
            f"a whole number of at most {most} digits" if most else "a whole number of 32 bits",
            f"整数，最多 {most} 位" if most else "32 位整数",
        )
    if field.min == field.max:
        return f"exactly {field.min} characters", f"{field.min} 个字符"
    if field.max is None:
        return f"at least {field.min} characters", f"至少 {field.min} 个字符"
    if not field.min:
        return f"at most {field.max} characters", f"最多 {field.max} 个字符"
    return f"{field.min} to {field.max} characters", f"{field.min} 至 {field.max} 个字符"


def format_words(field: Field) -> Pair | None:
    """What form a text has that the schema does not check."""
    return _FORMATS.get(field.format)


def codes(field: Field) -> CodeList | None:
    """The list of a field's values with their meaning."""
    return code_list(field.codes) if field.codes else None


class Refusal(NamedTuple):
    """One code, said of a field: ``refuses`` the whole message, else the document is flagged and taken."""

    kind: FaultKind
    message: str
    message_zh: str
    #: what customs calls it in a document of this message
    ceb_code: str = ""

    @property
    def refuses(self) -> bool:
        return self.kind.status > 0


def refusals(one: Place) -> tuple[Refusal, ...]:
    """Every code a field can be told: by its own rules in some edition, then by its meaning."""
    published = fault_kinds()
    told = [published[code] for code in _told(one.mt.type).get((one.part.element, one.field.name), ())]
    if one.mt.direction == "up":
        told += [published[code] for code in _derived(one)]
        told += faults_at(one.field.name, one.mt.type, one.mt.side, one.part.element)
    return tuple(
        Refusal(kind, *_sentences(kind, one), customs_code(one.mt.type, kind.ceb_code) if kind.ceb_code else "")
        for kind in {kind.code: kind for kind in told}.values()
        if not kind.retired
    )


def _derived(one: Place) -> Iterator[str]:
    """What the door says of a field of an upload by the catalogue, beside the flaws the catalogue can make."""
    mt, fields = one.mt, [field for field in one.editions.values() if field is not None]
    if one.part.role == "frame":
        return
    for listed in (code_list(field.codes) for field in fields if field.codes):
        if listed.closed:
            yield "meaning.code"
        else:
            yield "meaning.unlisted"
            if any(code.iso for code in listed.codes.values()):
                yield "meaning.iso_code"
    # of the four import documents the fields that are looked at stand in the table
    of_four = mt.side == IMPORT and mt.kind in (ORDER, PAYMENT, WAYBILL, DECLARATION)
    if not of_four and any(field.base == "decimal" for field in fields):
        yield from ("meaning.negative", "meaning.too_large")
    if one.part.role == "head" and one.field.name in mt.own_codes:
        yield "access.own_code"


@cache
def _told(type_: str) -> dict[tuple[str, str], dict[str, None]]:
    """The codes of the flaws of each field, by part and name; those nobody has published yet left out."""
    mt, told = catalog.message(type_), dict[tuple[str, str], dict[str, None]]()
    for edition in mt.editions:
        for flaw in (*made.flaws(mt, edition), *made.meaning_flaws(mt, edition)):
            if flaw.code in fault_kinds():
                told.setdefault((flaw.part, flaw.field), {})[flaw.code] = None
    return told


def _sentences(kind: FaultKind, one: Place) -> Pair:
    """What is said of the field: by the rule it breaks where that is one of the schema's, else the code's own words."""
    family, _, reason = kind.code.partition(".")
    if family == "schema" and reason in get_args(Reason):
        types = " / ".join(dict.fromkeys(f.type for f in one.editions.values() if f is not None))
        rule = f"= {one.field.fixed}" if one.field.fixed else "xsi:nil, xsi:type"
        rule = {"too_many": "1", "not_allowed": rule}.get(reason, types)
        return sentences(cast("Reason", reason), one.field.name, one.field.en, one.field.zh, rule)
    return _filled(kind.message, one.field), _filled(kind.message_zh, one.field)


def _filled(sentence: str, field: Field) -> str:
    listed = codes(field)
    known = {"name": field.name, "allowed": ", ".join(listed.codes) if listed and len(listed.codes) < 20 else "…"}
    return re.sub(r"\{(\w+)(?::zh)?\}", lambda blank: known.get(blank[1], "…"), sentence)


def example(mt: MessageType) -> tuple[str, str]:
    """A made-up message as XML and as its JSON twin, both indented."""
    return _example(mt.type)


@cache
def _example(type_: str) -> tuple[str, str]:
    mt = catalog.message(type_)
    root = etree.fromstring(examples.message(mt))  # noqa: TID251 - our own text
    value = twin.of(root, mt)
    etree.indent(root)
    return etree.tostring(root, encoding="unicode"), json.dumps(value, ensure_ascii=False, indent=2)


def example_of(one: Place) -> tuple[str, str]:
    """The field alone as in the message's example, else with a value it might have, as XML and JSON; empty for custom data."""
    if one.field.base == "xml":
        return "", ""
    pattern = rf"<ceb:{one.part.element}>.*?(<ceb:{one.field.name}>[^<]*</ceb:{one.field.name}>)"
    found = re.search(pattern, example(one.mt)[0], re.DOTALL)
    if found is None:
        text, tag = examples.value(one.mt, one.field), f"ceb:{one.field.name}"
        return f"<{tag}>{escape(text)}</{tag}>", json.dumps({one.field.name: text}, ensure_ascii=False)
    text = etree.fromstring(found[1].replace("ceb:", "")).text or ""  # noqa: TID251 - our own text
    return found[1], json.dumps({one.field.name: text}, ensure_ascii=False)

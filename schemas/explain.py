"""Why a schema refuses a message, said so that its sender can mend it.

libxml2 judges and says where. At the first wrong child it gives up on the rest of that parent, so whatever it has
passed over is looked at again: children against the catalogue (every missing field, not only the first), values by
``xmlschema`` as a second reader.
"""

from __future__ import annotations

import re
import threading
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import msgspec
from lxml import etree

from schemas.model import CEB, DS, Field, MessageType, Part, components, root_attributes
from schemas.reasons import NO_MORE, More, Reason, allowed_in, belongs, sentences, value_fault
from schemas.xsd import compile_xsd, signature_xsd, xsd_of

if TYPE_CHECKING:
    import xmlschema

#: Parts looked at again after libxml2 has given up on their surroundings; bounds the time of an explanation.
_SECOND_LOOKS = 200
#: Children of such a part, many times those of any: xmlschema takes time by the square of the wrong ones.
_CHILDREN_READ = 1000
_NAME_SHOWN = 60
#: Elements named that may stand somewhere.
_BELONGING = 4
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_lock = threading.Lock()

_EXPECTED = re.compile(r"Expected is (?:one of )?\( (.+?) \)")
_ATTRIBUTE = re.compile(r"^Element '[^']*', attribute '([^']*)'")
_NAMED_ATTRIBUTE = re.compile(r"[Tt]he attribute '([^']*)'")


class SchemaFault(msgspec.Struct, frozen=True, kw_only=True):
    """One place the schema refuses. ``path`` in CEB names (``/CEB311Message/Order[2]/OrderHead/orderNo``).

    ``line`` counts from 1; ``document`` is the index of the document, -1 for the message as a whole.
    """

    path: str
    line: int
    reason: Reason
    message: str
    message_zh: str
    document: int = -1


class _Slot(NamedTuple):
    """A child that may stand in an element: how often, and what it is."""

    tag: str
    low: int
    high: int | None
    en: str
    zh: str


class _Spec:
    """What the catalogue says about one message and edition, ready to be looked up by tag."""

    def __init__(self, mt: MessageType, edition: str) -> None:
        ceb = f"{{{CEB}}}"
        frame = components(mt.side)
        parts = [*mt.parts, *(frame[n] for n in mt.frame if n != "Signature")]
        self.root = ceb + mt.root
        self.document = ceb + mt.document
        self.counted = {self.document, *(ceb + p.element for p in parts if p.occurs(edition)[1] != 1)}
        self.fields = {ceb + p.element: {ceb + f.name: f for f in p.in_edition(edition)} for p in parts}
        self.formerly = {
            ceb + p.element: frozenset([(ceb + a, ceb + b) for a, b in p.formerly]) for p in parts if p.formerly
        }
        self.slots: dict[str, list[_Slot]] = {
            tag: [_Slot(t, int(f.required), 1, f.en, f.zh) for t, f in fields.items()]
            for tag, fields in self.fields.items()
        }
        if not mt.flat:
            self.slots[self.document] = [self._slot(p, edition) for p in mt.parts]
        top = [_Slot(self.document, 1, mt.max_documents, mt.en, mt.zh)]
        for name in mt.frame:
            part = frame[name]
            if name == "Signature":
                top.append(_Slot(f"{{{DS}}}{name}", int(mt.signature == "required"), 1, part.en, part.zh))
            else:
                top.append(self._slot(part, edition))
        self.slots[self.root] = top
        self.attributes = {f.name: f for f in root_attributes()}

    @staticmethod
    def _slot(part: Part, edition: str) -> _Slot:
        return _Slot(f"{{{CEB}}}{part.element}", *part.occurs(edition), part.en, part.zh)

    def field(self, element: etree._Element) -> Field | None:
        parent = element.getparent()
        return None if parent is None else self.fields.get(parent.tag, {}).get(element.tag)


class _Reader:
    """The two schema processors for one message and edition, and what the catalogue says of it and of other editions."""

    def __init__(self, mt: MessageType, edition: str) -> None:
        self.text = xsd_of(mt, edition)
        self.schema = compile_xsd(self.text)
        self.spec = _Spec(mt, edition)
        self.others = {other: _Spec(mt, other) for other in mt.editions if other != edition}
        self._second: xmlschema.XMLSchema10 | None = None

    def second(self) -> xmlschema.XMLSchema10:
        if self._second is None:
            import xmlschema

            self._second = xmlschema.XMLSchema(self.text, locations={DS: signature_xsd()})
        return self._second


@cache
def _reader(mt_type: str, edition: str) -> _Reader:
    from schemas.catalog import message

    return _Reader(message(mt_type), edition)


def explain(root: etree._Element, mt: MessageType, edition: str, limit: int) -> list[SchemaFault]:
    """At most ``limit`` faults in document order; an empty list where the schema accepts ``root``."""
    with _lock:  # the error log belongs to the schema object
        reader = _reader(mt.type, edition)
        if reader.schema(root):
            return []
        log = [
            (e.type_name, e.path, e.line, e.message) for e in cast("Any", reader.schema.error_log)
        ]  # stubs: no iteration
        collected = _Collector(root, reader, limit)
        for entry in log:
            if collected.full:
                break
            collected.log(*entry)
    return collected.result()


class _Collector:
    """Gathers faults, each place and reason once."""

    def __init__(self, root: etree._Element, reader: _Reader, limit: int) -> None:
        self._root, self._reader, self._spec, self._limit = root, reader, reader.spec, limit
        self._found: dict[tuple[str, str], tuple[int, SchemaFault]] = {}
        self._looked_at: set[etree._Element] = set()
        self._looks = 0
        self._prefixes = {p: uri for p, uri in root.nsmap.items() if p}

    @property
    def full(self) -> bool:
        return len(self._found) >= self._limit

    def result(self) -> list[SchemaFault]:
        if not self._found:
            self._add("other", self._root)
        ordered = sorted(self._found.values(), key=lambda found: found[0])
        return [fault for _, fault in ordered[: self._limit]]

    def log(self, kind: str, path: str | None, line: int, message: str) -> None:
        """Take one entry of libxml2's log."""
        element = self._element(path)
        if element is None:
            self._add("other", self._root, line=line)
        elif kind == "SCHEMAV_ELEMENT_CONTENT":
            self._content(element, message)
        elif found := _ATTRIBUTE.match(message) or _NAMED_ATTRIBUTE.search(message):
            self._attribute(element, found[1], kind)
        else:
            self._value(element, kind)

    def _element(self, path: str | None) -> etree._Element | None:
        if not path:
            return None
        tree = self._root.getroottree()
        for _ in range(2):
            try:
                found: Any = tree.xpath(path, namespaces=self._prefixes)  # lxml: depends on the path
            except etree.XPathEvalError:  # a prefix that is declared further down
                for element in self._root.iter(etree.Element):
                    self._prefixes |= {p: uri for p, uri in element.nsmap.items() if p}
                continue
            return found[0] if isinstance(found, list) and found else None
        return None

    def _content(self, element: etree._Element, message: str) -> None:
        """A wrong child (``element`` is the child) or a missing last one (``element`` is the parent)."""
        owner = element if message.endswith("Missing child element(s).") or "Missing child" in message else None
        owner = element.getparent() if owner is None else owner
        before = len(self._found)
        if owner is not None and owner.tag in self._spec.slots:
            self._look_again(owner)
            for part in self._passed_over(owner):
                if self.full or self._looks >= _SECOND_LOOKS:
                    break
                self._looks += 1
                self._look_again(part)
        if len(self._found) == before:
            expected = _EXPECTED.search(message)
            if owner is element and expected:
                name = expected[1].split(", ")[0]
                self._add("missing", element, child=_shown(name))
            else:
                self._add("unexpected", element)

    def _passed_over(self, owner: etree._Element) -> Iterator[etree._Element]:
        if owner.tag in self._spec.fields:
            return
        for child in owner.iterchildren(etree.Element):
            if child.tag in self._spec.slots:
                yield child
                yield from self._passed_over(child)

    def _look_again(self, owner: etree._Element) -> None:
        if owner in self._looked_at:
            return
        self._looked_at.add(owner)
        self._children(owner, self._spec.slots[owner.tag])
        if owner.tag in self._spec.fields:
            self._values(owner)

    def _children(self, owner: etree._Element, slots: list[_Slot]) -> None:
        """Every child that is missing, too many, unknown or in the wrong place."""
        places = {slot.tag: i for i, slot in enumerate(slots)}
        children = list(owner.iterchildren(etree.Element))
        counts: Counter[int] = Counter()
        known = []  # as many of each as may be there
        for child in children:
            place = places.get(child.tag, -1)
            counts[place] += 1
            if place >= 0 and counts[place] <= (slots[place].high or counts[place]):
                known.append((child, place))
        kept = {known[i][0] for i in _longest_in_order([place for _, place in known])}
        fits = len(known) == len(children) and all(counts[i] >= slot.low for i, slot in enumerate(slots))
        seen: Counter[int] = Counter()
        last = -1
        for child in children:
            if self.full:
                return
            place = places.get(child.tag, -1)
            seen[place] += 1
            high = slots[place].high if place >= 0 else None
            if high is not None and seen[place] > high:
                if seen[place] == high + 1:
                    more = self._elsewhere(owner, child.tag, counts[place])
                    self._add("too_many", child, rule=f"{slots[place].low}..{high}", more=more)
            elif place < 0:
                more = self._elsewhere(owner, child.tag, 1)
                self._add("unexpected", child, more=more if any(more) else belongs(_belonging(slots, last)))
            elif child in kept:
                last = place
            else:
                here = [] if fits else _belonging(slots, last)
                before = next((slots[i].tag for i in range(place - 1, -1, -1) if counts[i]), "")
                reason: Reason = "edition_2016" if fits and self._formerly(owner, child) else "unexpected"
                self._add(reason, child, more=belongs(here, _shown(child.tag), _shown(before)))
        for i, slot in enumerate(slots):
            if counts[i] < slot.low:
                more = self._elsewhere(owner, slot.tag, counts[i])
                self._add("missing", owner, child=_shown(slot.tag), en=slot.en, zh=slot.zh, more=more)

    def _formerly(self, owner: etree._Element, child: etree._Element) -> bool:
        """Whether the child stands where an older edition or a printed table has it."""
        known = self._spec.formerly.get(owner.tag)
        if not known:
            return False
        before = {(other.tag, child.tag) for other in child.itersiblings(etree.Element, preceding=True)}
        after = {(child.tag, other.tag) for other in child.itersiblings(etree.Element)}
        return not known.isdisjoint(before | after)

    def _elsewhere(self, owner: etree._Element, tag: Any, count: int, text: str | None = None) -> More:  # Any: lxml's tag
        """That another edition has nothing against so many of them, or against the text."""
        for edition, spec in self._reader.others.items():
            slot = next((s for s in spec.slots.get(owner.tag, ()) if s.tag == tag), None)
            field = spec.fields.get(owner.tag, {}).get(tag)
            fits = count == 0 if slot is None else slot.low <= count <= (slot.high or count)
            if fits and (text is None or (field is not None and value_fault(field, text) is None)):
                return allowed_in(edition, field.type if field is not None else "")
        return NO_MORE

    def _values(self, part: etree._Element) -> None:
        """The values of a part, as xmlschema reads them."""
        declared = self._reader.second().elements.get(etree.QName(part).localname)
        if declared is None or len(part) > _CHILDREN_READ:
            return
        try:
            for error in declared.iter_errors(part):
                element = error.elem
                if element is not None and element is not part:
                    self._value(element, "")
        except Exception:  # xmlschema raises KeyError and others on odd xsi:type; libxml2 has judged
            return

    def _attribute(self, element: etree._Element, name: str, kind: str) -> None:
        field = self._spec.attributes.get(name) if element.tag == self._spec.root else None
        en, zh = (field.en, field.zh) if field else ("", "")
        child = f"@{_shown(name)}"
        if kind == "SCHEMAV_CVC_COMPLEX_TYPE_4":
            self._add("missing", element, child=child, en=en, zh=zh)
        elif field is not None and (wrong := value_fault(field, element.get(name, ""))):
            self._add(wrong[0], element, child=child, en=en, zh=zh, rule=wrong[1])
        elif kind.startswith(("SCHEMAV_CVC_COMPLEX_TYPE_3", "SCHEMAV_CVC_TYPE_3_1_1")):
            self._add("unexpected", element, child=child)
        else:
            self._add("other", element, child=child)

    def _value(self, element: etree._Element, kind: str) -> None:
        field = self._spec.field(element)
        en, zh = (field.en, field.zh) if field else ("", "")
        inside = next(element.iterchildren(etree.Element), None)
        if field is not None and any(name.startswith(f"{{{_XSI}}}") for name in map(str, element.attrib)):
            self._add("not_allowed", element, en=en, zh=zh, rule="xsi")
        elif field is not None and element.attrib:
            self._add("unexpected", element, child=f"@{_shown(next(iter(element.attrib)))}")
        elif field is not None and inside is not None:
            self._add("unexpected", inside)
        elif field is not None and (wrong := value_fault(field, text := str(element.xpath("string()")))):
            self._add(wrong[0], element, en=en, zh=zh, rule=wrong[1], more=self._allowed(element, text))
        elif kind == "SCHEMAV_CVC_COMPLEX_TYPE_2_3":
            self._add("not_allowed", element, rule="text between elements · 元素之间的文字")
        elif kind == "SCHEMAV_CVC_DATATYPE_VALID_1_2_1":
            self._add("type" if element.text else "empty", element, rule="base64, integer or URI")
        elif kind:
            self._add("other", element, en=en, zh=zh)

    def _allowed(self, element: etree._Element, text: str) -> More:
        owner = element.getparent()
        assert owner is not None
        return self._elsewhere(owner, element.tag, 1, text)

    def _add(
        self, reason: Reason, element: etree._Element, *, child: str = "", en: str = "", zh: str = "",
        rule: str = "", line: int = 0, more: More = NO_MORE,
    ) -> None:  # fmt: skip
        path, document = self._path(element)
        if child:
            path = f"{path}/{child}"
        if not en and not child and (slot := self._slot(element)):
            en, zh = slot.en, slot.zh
        english, chinese = sentences(reason, child or _shown(element.tag), en, zh, rule, more)
        at = line or int(cast("int | None", element.sourceline) or 0)
        fault = SchemaFault(
            path=path, line=at, reason=reason, message=english, message_zh=chinese, document=document
        )  # fmt: skip
        self._found.setdefault((path, reason), (at, fault))

    def _slot(self, element: etree._Element) -> _Slot | None:
        parent = element.getparent()
        slots = self._spec.slots.get(parent.tag, ()) if parent is not None else ()
        return next((slot for slot in slots if slot.tag == element.tag), None)

    def _path(self, element: etree._Element) -> tuple[str, int]:
        """The path in CEB names and the index of the document (-1: none)."""
        steps, document = [], -1
        for node in (element, *element.iterancestors()):
            step = _shown(node.tag)
            if node.tag in self._spec.counted:
                place = sum(1 for _ in node.itersiblings(node.tag, preceding=True))
                step = f"{step}[{place + 1}]"
                if node.tag == self._spec.document:
                    document = place
            steps.append(step)
        return "/" + "/".join(reversed(steps)), document


def _longest_in_order(places: Sequence[int]) -> list[int]:
    """Indices of a longest part of ``places`` that never falls; what is not in it was moved (the earlier of two)."""
    tails: list[int] = []  # values by which the parts of each length end
    ends: list[int] = []  # their indices
    before: list[int] = []
    for index, place in enumerate(places):
        at = bisect_right(tails, place)
        before.append(ends[at - 1] if at else -1)
        tails[at : at + 1] = [place]
        ends[at : at + 1] = [index]
    found = []
    index = ends[-1] if ends else -1
    while index >= 0:
        found.append(index)
        index = before[index]
    return found[::-1]


def _belonging(slots: list[_Slot], last: int) -> list[str]:
    """What may stand after the slot ``last``: all up to the first that must."""
    named = []
    for slot in slots[last + 1 :]:
        named.append(_shown(slot.tag))
        if slot.low or len(named) == _BELONGING:
            break
    return named


def _shown(tag: Any) -> str:  # Any: lxml's tag, a string for elements
    """A name as it appears in paths: CEB's bare, the signature's with ``ds:``, others' local name, bounded."""
    uri, _, local = str(tag).rpartition("}")
    name = local[:_NAME_SHOWN]
    return f"ds:{name}" if uri == "{" + DS else name

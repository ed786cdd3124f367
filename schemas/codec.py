"""Messages into structs: one walk over the tree, straight into frozen structs.

Reading a tag costs as much as reading a text, and a sender's documents mostly have the same fields. So for a tree
that the schema has *approved* the walk remembers, by the number of children, which fields were there, and checks
only the optional ones: required fields are there by the schema's word, in the schema's order, and if every optional
field of the guess is in its place and the number is right, no other can be there. A tree that nobody approved
(receipts are taken leniently) is read tag by tag.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from operator import attrgetter, itemgetter
from typing import Any, cast

import msgspec
from lxml import etree

from schemas.documents import STRUCTS, Document, Extension, Subscription, Transfer
from schemas.model import CEB, EDITIONS, MessageType, Part, components, message_types

_BLANKS = " \t\r\n"
_text_of = etree.XPath("string()")
_Read = Callable[[etree._Element], Any]  # Any: one of the generated structs


def collapse(text: str) -> str:
    """A text as XML Schema's ``whiteSpace`` collapse leaves it."""
    return " ".join([part for part in _RUN.split(text) if part])


_RUN = re.compile(f"[{_BLANKS}]+")


class _Guess:
    """Which fields an element with so many children had last time, what of it has to be checked, and how the texts
    become a struct: ``places`` of numbers, what ``empty`` ones stand for, ``pick`` the struct's fields from the texts
    and a last None.
    """

    __slots__ = ("checks", "collapsed", "empty", "numbers", "pick", "places")

    def __init__(self, leaves: list[etree._Element], shape: _Shape) -> None:
        names = [shape.names[leaf.tag] for leaf in leaves]
        self.checks = [(i, leaf.tag) for i, leaf in enumerate(leaves) if names[i] not in shape.sure]
        self.places = [i for i, name in enumerate(names) if name in shape.numbers]
        self.numbers: Callable[..., Any] | None = itemgetter(*self.places) if self.places else None  # Any: strings
        self.empty = [(i, shape.empty[name]) for i, name in enumerate(names) if name in shape.empty]
        self.collapsed = [i for i, name in enumerate(names) if name in shape.collapsed]
        place = {name: i for i, name in enumerate(names)}
        wanted = [place.get(name, -1) for name in shape.struct.__struct_fields__]
        # One field alone would come as itself, not as a tuple of one.
        self.pick: Callable[..., Any] = itemgetter(*wanted) if len(wanted) > 1 else (lambda texts: texts[:1])


class _Shape:
    """How one part is read: tag → field, and what an empty element stands for."""

    __slots__ = ("collapsed", "empty", "guesses", "names", "numbers", "struct", "sure", "tag")

    def __init__(self, part: Part, edition: str = "") -> None:
        editions = [part.in_edition(e) for e in EDITIONS]
        fields = {f.name: f for of in editions for f in of}
        self.tag = f"{{{CEB}}}{part.element}"
        self.struct = STRUCTS[part.struct]
        self.names = {f"{{{CEB}}}{name}": name for name in fields}
        self.numbers = frozenset(name for name, f in fields.items() if f.number)
        #: texts in which the schema of the edition (without one: of some edition) counts blanks as one, and none at the ends
        judging = [part.in_edition(edition)] if edition else editions
        self.collapsed = frozenset(f.name for fields in judging for f in fields if f.collapse)
        self.empty = {name: f.fixed or f.schema_default for name, f in fields.items() if f.fixed or f.schema_default}
        required = [[f.name for f in of if f.required] for of in editions]
        #: required in every edition, in the same order
        self.sure = frozenset(required[0]) if all(r == required[0] for r in required) else frozenset()
        self.guesses: dict[int, _Guess] = {}

    def read(self, element: etree._Element) -> Any:  # Any: the part's struct
        """The struct of any element without comments inside; KeyError for a field the part does not have."""
        names = self.names
        return self._finish({names[leaf.tag]: leaf.text or "" for leaf in element})

    def read_approved(self, element: etree._Element) -> Any:  # Any: the part's struct
        """The same for an element that the schema has approved."""
        texts: list[str | None] = [leaf.text or "" for leaf in element]
        guess = self.guesses.get(len(texts))
        if guess is not None:
            for i, tag in guess.checks:
                if element[i].tag != tag:
                    break
            else:
                return self._guessed(guess, texts)
        guess = self.guesses[len(texts)] = _Guess(list(element), self)
        return self._guessed(guess, texts)

    def _guessed(self, guess: _Guess, texts: list[str | None]) -> Any:  # Any: the part's struct
        for i, stands_for in guess.empty:
            texts[i] = texts[i] or stands_for
        if guess.numbers is not None and not "".join(guess.numbers(texts)).replace(".", "").isdecimal():
            for i in guess.places:
                texts[i] = (texts[i] or "").strip(_BLANKS)
        for i in guess.collapsed:
            texts[i] = collapse(texts[i] or "")
        texts.append(None)
        return self.struct(*guess.pick(texts))

    def read_carefully(self, element: etree._Element) -> Any:  # Any: the part's struct
        """The same where comments or processing instructions may stand between or inside the leaves."""
        leaves = element.iterchildren(tag=etree.Element)
        return self._finish({self.names[leaf.tag]: str(_text_of(leaf)) for leaf in leaves})

    def _finish(self, values: dict[str, str]) -> Any:  # Any: the part's struct
        for name, stands_for in self.empty.items():
            if values.get(name) == "":
                values[name] = stands_for
        for name in self.numbers & values.keys():
            values[name] = values[name].strip(_BLANKS)
        for name in self.collapsed & values.keys():
            values[name] = collapse(values[name])
        return msgspec.convert(values, self.struct)


class _Reader:
    """How the documents of one message are read."""

    __slots__ = ("document", "flat", "head", "line", "tag")

    def __init__(self, mt: MessageType, edition: str) -> None:
        self.tag = f"{{{CEB}}}{mt.document}"
        self.document: Callable[..., Any] = STRUCTS[mt.struct]  # Any: the document's struct
        self.flat = mt.flat
        self.head = _Shape(mt.head, edition)
        self.line = None if mt.list is None else _Shape(mt.list, edition)

    def read(self, root: etree._Element, head: _Read, line: _Read) -> list[Document]:
        document = self.document
        found = []
        for element in root.iterchildren(self.tag):
            if self.flat:
                found.append(document(head=head(element)))
                continue
            parts = list(element.iterchildren(etree.Element))
            if self.line is None:
                found.append(document(head=head(parts[0])))
            else:
                found.append(document(head=head(parts[0]), list=tuple([line(part) for part in parts[1:]])))
        return found


@cache
def _reader(type_: str, edition: str) -> _Reader:
    return _Reader(message_types()[type_], edition)


def documents(
    root: etree._Element, mt: MessageType, *, approved: bool = False, edition: str = ""
) -> list[Document]:
    """The documents of a message, in order; ``approved``: the schema has accepted this very tree (twice as fast).

    Texts are kept as sent, but for blanks the schema of ``edition`` (without one: of any edition) collapses; numbers
    lose the blanks around them, and an empty element with a fixed value gets it, because the schema says that this is
    what was sent. KeyError or IndexError for what the catalogue does not know.
    """
    reader = _reader(mt.type, edition)
    head, line = reader.head, reader.line or reader.head
    if next(root.iter(etree.Comment, etree.PI), None) is not None:
        # ``.text`` would end at a comment inside a leaf, and hide what follows from every check
        return reader.read(root, head.read_carefully, line.read_carefully)
    if approved:
        return reader.read(root, head.read_approved, line.read_approved)
    return reader.read(root, head.read, line.read)


@cache
def _key_getter(struct: type) -> tuple[Callable[[Any], tuple[str | None, ...]], str]:  # Any: a head
    mt = next(m for m in message_types().values() if STRUCTS[m.struct] is struct)
    getter: Callable[[Any], Any] = attrgetter(*mt.key)  # Any: one value, or a tuple of several
    if len(mt.key) == 1:
        return (lambda head: (getter(head),)), mt.key_fallback
    return getter, mt.key_fallback


def business_key(document: Document) -> str:
    """``ebpCode:ebcCode:orderNo`` and the like; without copNo (empty, or not there) it is ``agentCode:~guid``.

    Only the last part of a key may hold a colon: in a code, where none belongs, it is written ``%3A``.
    """
    getter, fallback = _key_getter(type(document))
    parts = getter(document.head)
    if fallback and not parts[1]:
        parts = (parts[0], "~" + (getattr(document.head, fallback) or ""), *parts[2:])
    joined = ":".join([part or "" for part in parts])
    if joined.count(":") >= len(parts) or "%" in joined:
        *codes, last = [part or "" for part in parts]
        return ":".join([*(code.replace("%", "%25").replace(":", "%3A") for code in codes), last])
    return joined


@cache
def _frame_shape(name: str) -> _Shape:
    return _Shape(components()[name])


def transfer(root: etree._Element) -> Transfer | None:
    """The transporting company, None in messages that have none."""
    shape = _frame_shape("BaseTransfer")
    found = root.find(shape.tag)
    if found is None:
        return None
    # ``.text`` would end at a comment
    plain = next(found.iter(etree.Comment, etree.PI), None) is None
    return cast("Transfer", shape.read(found) if plain else shape.read_carefully(found))


def subscribers(root: etree._Element) -> tuple[Subscription, ...]:
    """Who else wants data or receipts, in order."""
    shape = _frame_shape("BaseSubscribe")
    return tuple(shape.read_carefully(e) for e in root.iterchildren(shape.tag))


def extension(root: etree._Element) -> Extension | None:
    """Custom data; ``Message`` is the one element inside as XML text, "" where there is none inside."""
    found = root.find(f"{{{CEB}}}ExtendMessage")
    if found is None:
        return None
    texts = {n: str(_text_of(e)) for n in ("name", "version") if (e := found.find(f"{{{CEB}}}{n}")) is not None}
    custom = next(found.iterchildren(f"{{{CEB}}}Message"), None)
    if custom is None:
        return Extension(**texts)
    inner = next(custom.iterchildren(etree.Element), None)
    message = "" if inner is None else etree.tostring(inner, encoding="unicode", with_tail=False)
    return Extension(Message=message, **texts)

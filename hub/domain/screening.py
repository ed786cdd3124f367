"""Goods text, commodity code and country held against the zone's lists: forbidden, controlled, recalled, brands, names by code.

A list is reference data of the kind ``list`` with ``entries``; an entry names terms, codes (beginnings of a commodity code) and
countries, and is met where each criterion it has is met by one of its values. All terms of all lists are searched for
at once, in the text of a line as ``goods_text`` writes it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import ahocorasick_rs
import msgspec

from hub.domain.remembered import Remembered

if TYPE_CHECKING:
    from hub.domain.control import Finds
    from hub.domain.reference import Reference

#: The lists that lines of goods are held against.
FORBIDDEN, CONTROLLED, RECALLS, BRANDS, NAMES = "forbidden", "controlled", "recalls", "brands", "names"
LISTS = (FORBIDDEN, CONTROLLED, RECALLS, BRANDS, NAMES)
#: Of a line's text so much is looked at.
_LONGEST = 200
_BLANKS = {ord(c): None for c in " \t\r\n\u00a0\u3000"}
#: Lines whose answer is remembered.
_REMEMBERED = 20_000


class Entry(msgspec.Struct, frozen=True, gc=False):
    """An entry of a list. ``name`` is shown; ``terms`` are written as ``goods_text`` writes; the rest is the list's own.

    ``control``: a control code; ``licence``: it may pass with a permit; ``merchants``: who may sell the brand; ``instrument``.
    """

    name: str
    terms: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    control: str = ""
    licence: bool = False
    merchants: tuple[str, ...] = ()
    instrument: str = ""


class Hit(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Line ``line`` (from 1) meets an entry of a list."""

    line: int
    list: str
    entry: Entry


def goods_text(*parts: str | None) -> str:
    """Names and model of goods without width, case and blanks, as terms are searched for."""
    text = "".join([part for part in parts if part])
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return text.translate(_BLANKS).casefold()[:_LONGEST]


def texts(value: object) -> tuple[str, ...]:
    """A list of texts, or a cell of a CSV file (``1210, 1239``)."""
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, (list, tuple)):
        return ()
    return tuple([text.strip() for text in value if isinstance(text, str) and text.strip()])


def entry_of(value: Mapping[str, Any]) -> Entry:
    """An entry as reference data hold it."""
    return Entry(
        str(value.get("name", "")),
        tuple([goods_text(term) for term in texts(value.get("terms"))]),
        texts(value.get("codes")),
        texts(value.get("countries")),
        str(value.get("control", "")),
        value.get("licence") is True,
        texts(value.get("merchants")),
        str(value.get("instrument", "")),
    )


class Screen:
    """All lists of a day, ready to be searched."""

    def __init__(self, lists: Mapping[str, Iterable[Mapping[str, Any]]]) -> None:
        self._entries = [(name, entry_of(value)) for name, values in lists.items() for value in values]
        by_term: dict[str, list[int]] = {}
        for place, (_, entry) in enumerate(self._entries):
            for term in entry.terms:
                by_term.setdefault(term, []).append(place)
        self._by_term = list(by_term.values())
        self._automaton = ahocorasick_rs.AhoCorasick(list(by_term)) if by_term else None
        self._by_code = [
            place for place, (_, entry) in enumerate(self._entries) if not entry.terms and (entry.codes or entry.countries)
        ]
        self._known: dict[tuple[str, str, str], tuple[tuple[str, Entry], ...]] = {}

    def met(self, text: str, code: str, country: str) -> tuple[tuple[str, Entry], ...]:
        """The entries a line meets, in the order of the lists; of names those whose code is another."""
        key = text, code, country
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            found = self._known[key] = self._met(text, code, country)
        return found

    def _met(self, text: str, code: str, country: str) -> tuple[tuple[str, Entry], ...]:
        places = set(self._by_code)
        if self._automaton is not None:
            for term, _, _ in self._automaton.find_matches_as_indexes(text, overlapping=True):
                places.update(self._by_term[term])
        return tuple([self._entries[place] for place in sorted(places) if _meets(*self._entries[place], code, country)])


def _meets(name: str, entry: Entry, code: str, country: str) -> bool:
    if entry.countries and country not in entry.countries:
        return False
    if name == NAMES:  # what is called so is declared under these codes
        return bool(code) and not code.startswith(entry.codes)
    return not entry.codes or code.startswith(entry.codes)


#: Where the zone has no lists.
EMPTY = Screen({})


class Screens:
    """The screens of one view of the reference data, each made once while no list changes."""

    def __init__(self, references: Reference) -> None:
        self._days = Remembered(references, ("list",), lambda day, offset: screen_of(references, day, offset))

    def at(self, day: int, offset: int) -> Screen:
        """The lists on ``day`` by what is known at ``offset``."""
        return self._days.at(day, offset)


def screen_of(references: Finds, day: int, offset: int) -> Screen:
    """The lists of a day as they are in the reference data."""
    lists = {name: value["entries"] for name in LISTS if (value := references.find("list", name, day, offset)) is not None}
    return Screen(lists) if lists else EMPTY

"""Goods text, commodity code and country held against the zone's lists: forbidden, controlled, recalled, brands, names by code.

A list is reference data of the kind ``list`` with ``entries``; an entry names terms, codes (beginnings of a commodity code) and
countries, and is met where each criterion it has is met by one of its values. All terms of all lists are searched for
at once, in the text of a line as ``goods_text`` writes it.

A term in a script that is written without blanks (Chinese, Japanese, Korean, Thai …) is met anywhere; one in a script with words
(Latin, Cyrillic …) as whole words only: ``ham`` is no part of ``Shampoo``. Blanks and signs between the words of a term may be left out,
and between all of its letters they may be put in: ``h·a·m`` is ``ham``, ``g un`` is not ``gun``. A term lies within one field.
In a word that has Latin letters, letters of other scripts that look like them are them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import ahocorasick_rs
import msgspec

from hub.domain.normal import Signs
from hub.domain.remembered import Remembered
from hub.domain.words import words_of

if TYPE_CHECKING:
    from hub.domain.control import Finds
    from hub.domain.reference import Reference

#: The lists that lines of goods are held against.
FORBIDDEN, CONTROLLED, RECALLS, BRANDS, NAMES = "forbidden", "controlled", "recalls", "brands", "names"
LISTS = (FORBIDDEN, CONTROLLED, RECALLS, BRANDS, NAMES)
#: Between the fields of a text; no term has it.
_FIELD = "\n"
#: Signs that print nothing, though Unicode counts them among the letters (fillers of Hangul).
_INVISIBLE = "\u115f\u1160\u3164\uffa0"
#: Two signs that NFKC writes out as whole sentences: without them no text grows to more than a few times its length.
_SENTENCES = {0xFDFA: " ", 0xFDFB: " "}
#: Letters of other scripts that look like Latin ones, to whoever reads a parcel's papers: ``hаm`` with a Cyrillic а is ``ham``.
_LOOKALIKES = str.maketrans(
    "АВЕЅІЈКМНОРСТУХԌԚԜаеѕіјӏорсухһԁԛԝΑΒΕΖΗΙΚΜΝΟΡΤΥΧοɑɡı",
    "ABESIJKMHOPCTYXGQWaesijlopcyxhdqwABEZHIKMNOPTYXoagi",
)
#: A word of letters of these scripts, and one that has Latin letters: only there others stand for Latin ones.
_LETTERS = re.compile("[A-Za-z\u0131\u0251\u0261\u0370-\u03ff\u0400-\u052f]+")
_LATIN = re.compile("[A-Za-z]")
#: Scripts that are written without blanks between words, and Hangul, whose endings stick to the word.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3021-\u30ff\u3100-\u31ff\u3400-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff]"
)
#: A word of fewer letters is not looked for letter by letter.
_SPELLED = 3
#: Lines whose answer is remembered, and the longest text that is: so both take little memory whatever is handed in.
_REMEMBERED, _SHORT = 20_000, 300


def _searched(char: str) -> str | None:
    """Letters (Latin ones without accents), digits and vowel signs that take room stay, what prints nothing or is put over a letter
    goes, everything else is a blank.
    """
    kind = unicodedata.category(char)
    if kind in ("Cf", "Mn", "Me") or char in _INVISIBLE:
        return None
    bare = unicodedata.normalize("NFD", char)[0]
    kept = bare if bare.isascii() else char
    return kept if kind[0] in "LN" or kind == "Mc" else " "


_SIGNS = Signs(_searched)


class Entry(msgspec.Struct, frozen=True, gc=False):
    """An entry of a list. ``name`` is shown; ``terms`` are written as ``goods_text`` writes; the rest is the list's own.

    ``control``: a control code; ``licence``: it may pass with a permit; ``merchants``: who may sell the brand; ``instrument``; ``unit``: the
    part of customs that alerts are addressed to (``hub.domain.access.UNITS``).
    """

    name: str
    terms: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    control: str = ""
    licence: bool = False
    merchants: tuple[str, ...] = ()
    instrument: str = ""
    unit: str = ""

    @property
    def said(self) -> dict[str, str]:
        """Name, instrument, and whom at customs it is for, as a finding says them."""
        found = {"name": self.name, "instrument": self.instrument}
        return found | {"unit": self.unit} if self.unit else found


class Hit(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Line ``line`` (from 1) meets an entry of a list."""

    line: int
    list: str
    entry: Entry


def goods_text(*parts: str | None) -> str:
    """Names and model of goods as terms are searched for: words without width, case, accents and signs, a field a line.

    Nothing is cut off: the schema has bounded the fields.
    """
    return _FIELD.join([" ".join(_plain(part).split()) for part in parts if part])


def _plain(text: str) -> str:
    if text.isascii():
        return text.translate(_SIGNS).lower()
    plain = unicodedata.normalize("NFKC", text.translate(_SENTENCES)).translate(_SIGNS)
    return _LETTERS.sub(_latin, plain).casefold()


def _latin(word: re.Match[str]) -> str:
    return word[0].translate(_LOOKALIKES) if not word[0].isascii() and _LATIN.search(word[0]) else word[0]


class _Spelling:
    """A text without blanks, and where its words were apart."""

    def __init__(self, text: str) -> None:
        self.letters = text.replace(" ", "")
        self._blanks: set[int] = set()
        place = 0
        for word in text.split(" "):
            place += len(word)
            self._blanks.add(place)

    def _parted(self, place: int) -> bool:
        """Whether a word may begin here without a blank: at an end, beside an unspaced script, between letter and digit."""
        if not 0 < place < len(self.letters):
            return True
        before, after = self.letters[place - 1], self.letters[place]
        if _FIELD in (before, after) or before.isdigit() != after.isdigit():
            return True
        return _UNSPACED.match(before) is not None or _UNSPACED.match(after) is not None

    def bounds(self, start: int, end: int) -> bool:
        """Whether what lies between is whole words, or of an unspaced script."""
        return all(place in self._blanks or self._parted(place) for place in (start, end))

    def breaks(self, start: int, end: int) -> tuple[set[int], int]:
        """Where blanks part letters of one word's script, counted from ``start``; and how many could."""
        inner = [place for place in range(start + 1, end) if not self._parted(place)]
        return {place - start for place in inner if place in self._blanks}, len(inner)


def entry_of(value: Mapping[str, Any]) -> Entry:
    """An entry as reference data hold it."""
    return Entry(
        str(value.get("name", "")),
        tuple([goods_text(term) for term in words_of(value.get("terms"))]),
        words_of(value.get("codes")),
        words_of(value.get("countries")),
        str(value.get("control", "")),
        value.get("licence") is True,
        words_of(value.get("merchants")),
        str(value.get("instrument", "")),
        str(value.get("unit", "")),
    )


class Screen:
    """All lists of a day, ready to be searched."""

    def __init__(self, lists: Mapping[str, Iterable[Mapping[str, Any]]]) -> None:
        self._entries = [(name, entry_of(value)) for name, values in lists.items() for value in values]
        by_term: dict[str, list[tuple[int, set[int]]]] = {}
        for place, (_, entry) in enumerate(self._entries):
            for term in filter(None, entry.terms):
                spelling = _Spelling(term)
                breaks, _ = spelling.breaks(0, len(spelling.letters))
                by_term.setdefault(spelling.letters, []).append((place, breaks))
        #: letters of a term → the entries that have it, and where it may be parted
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
            found = self._met(text, code, country)
            if len(text) <= _SHORT:
                if len(self._known) >= _REMEMBERED:
                    self._known.clear()
                self._known[key] = found
        return found

    def _met(self, text: str, code: str, country: str) -> tuple[tuple[str, Entry], ...]:
        places = set(self._by_code)
        if self._automaton is not None:
            places.update(self._named(self._automaton, text))
        return tuple([self._entries[place] for place in sorted(places) if _meets(*self._entries[place], code, country)])

    def _named(self, automaton: ahocorasick_rs.AhoCorasick, text: str) -> Iterator[int]:
        """The entries with a term that the text has: its letters first, then whether they are whole words."""
        letters = text.replace(" ", "")
        found = automaton.find_matches_as_indexes(letters, overlapping=True)
        if not found:
            return
        spelling, done = _Spelling(text), set[int]()
        for term, start, end in found:
            if term in done or not spelling.bounds(start, end):
                continue  # said again and again a term costs no more than once
            breaks, most = spelling.breaks(start, end)
            spelled = len(breaks) == most and end - start >= _SPELLED
            places = [place for place, parted in self._by_term[term] if spelled or breaks <= parted]
            if len(places) == len(self._by_term[term]):
                done.add(term)
            yield from places


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

"""How much two names of firms resemble each other, in whichever script each is written.

A name is its own word, beside where the firm is and what it does (深圳市 · 宏达 · 贸易 · 有限公司). Only its own word is compared letter by
letter, in Latin letters; places and trades are known in both languages (``name_words.toml``), and a difference in them makes two
names less alike by so many percent. 宏达 and 宏大 are both Hongda: across scripts they cannot be told apart.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from typing import Any, NamedTuple

from anyascii import anyascii
from rapidfuzz import fuzz, process

#: Percent of the likeness that are left where trades or places differ, or one name does not say them; our own (P).
_OTHER_TRADE, _NO_TRADE, _OTHER_PLACE, _NO_PLACE = 80, 95, 70, 92
#: From so many letters on a place is known at the beginning of a longer word, a trade at its end (``Shenzhenhongdamaoyi``).
_JOINED_PLACE, _JOINED_TRADE = 7, 5

_DATA: Mapping[str, Any] = tomllib.loads((resources.files(__package__) / "name_words.toml").read_text("utf-8"))
_FORMS = frozenset(_DATA["forms"]["latin"])


class Likeness(NamedTuple):
    """A name, the listed one it resembles most, and how much, in percent."""

    name: str
    listed: str
    percent: int


class Parts(NamedTuple):
    """A name's own word in small Latin letters, where the firm is and what it does, as ``name_words.toml`` calls them."""

    own: str
    places: frozenset[str] = frozenset()
    trades: frozenset[str] = frozenset()


def _either(words: Iterable[str]) -> str:
    return "|".join(sorted(words, key=lambda word: (-len(word), word)))


def _chinese(table: Mapping[str, Any]) -> dict[str, str]:
    return {word: name for name, said in table.items() for word in said["zh"]}


def _latin(table: Mapping[str, Any]) -> dict[str, str]:
    """Latin words and phrases, and Chinese ones in pinyin, written together or apart."""
    found: dict[str, str] = {}
    for name, said in table.items():
        for word in said["zh"]:
            syllables = re.findall("[A-Z][a-z]*", anyascii(word))
            found |= {"".join(syllables).lower(): name, " ".join(syllables).lower(): name}
    return found | {word: name for name, said in table.items() for word in said.get("latin", ())}


_PLACES_ZH, _TRADES_ZH = _chinese(_DATA["places"]), _chinese(_DATA["trades"])
_PLACES, _TRADES = _latin(_DATA["places"]), _latin(_DATA["trades"])
#: A place where a Chinese name begins; 省 and 市 behind it say what it is.
_BEGINS_ZH = re.compile(f"^[ (]*({_either(_PLACES_ZH)})[省市]?")
_WITHIN_ZH = re.compile(f"[(（][^)）]*?({_either(_PLACES_ZH)})[^)）]*[)）]")
_TRADE_ZH = re.compile(_either(_TRADES_ZH))
_FORM_ZH = re.compile(_either(_DATA["forms"]["zh"]))
_BRACKETS = re.compile(r"[(（]([^)）]*)[)）]")
_WORDS = re.compile("[a-z0-9]+")
_TRADE = re.compile(rf"\b({_either(_TRADES)})\b|(?<=[a-z]{{3}})({_either(w for w in _TRADES if len(w) >= _JOINED_TRADE and ' ' not in w)})\b")
_PLACE = re.compile(rf"\b({_either(_PLACES)})\b|\b({_either(w for w in _PLACES if len(w) >= _JOINED_PLACE)})(?=[a-z]{{3}})")


def parts(name: str) -> Parts:
    """A name taken apart; where it has no word of its own its place and trade are that (上海国际贸易), else all of its words."""
    places = {_PLACES_ZH[found] for found in _WITHIN_ZH.findall(name)}
    in_brackets = " ".join(_letters(found) for found in _BRACKETS.findall(name))
    places |= {_PLACES[found] for pair in _PLACE.findall(in_brackets) for found in pair if found}
    text = _BRACKETS.sub(" ", name)
    trades: set[str] = set()
    while found := _BEGINS_ZH.match(text):
        places.add(_PLACES_ZH[found[1]])
        text = text[found.end() :]

    def noted(table: Mapping[str, str], into: set[str]) -> Any:  # Any: what re.sub takes
        def note(found: re.Match[str]) -> str:
            into.add(table[next(filter(None, found.groups()), found[0])])
            return " "

        return note

    text = _TRADE_ZH.sub(noted(_TRADES_ZH, trades), _FORM_ZH.sub(" ", text))
    own = _PLACE.sub(noted(_PLACES, places), _TRADE.sub(noted(_TRADES, trades), _letters(text)))
    own = " ".join(own.split()) or " ".join(sorted(places) + sorted(trades)) or plain(name)
    return Parts(own, frozenset(places), frozenset(trades))


def _letters(text: str) -> str:
    return " ".join(word for word in _WORDS.findall(anyascii(text).lower()) if word not in _FORMS)


def plain(name: str) -> str:
    """A name in small Latin letters, without the words of a firm's form and without what stands in brackets."""
    text = _BRACKETS.sub(" ", name)
    return _letters(_FORM_ZH.sub(" ", text)) or " ".join(_WORDS.findall(anyascii(text).lower()))


def resembling(names: Iterable[str], listed: Iterable[str], least: int) -> Iterator[Likeness]:
    """Each name that resembles a listed one by at least so much: words in any order, letters by edit distance."""
    words: dict[str, list[tuple[str, Parts]]] = {}
    for one in listed:
        known = parts(one)
        if known.own:
            words.setdefault(known.own, []).append((one, known))
    # A Chinese name has no blanks between its syllables, a listed one in Latin letters may have.
    joined: dict[str, list[tuple[str, Parts]]] = {}
    for own, found in words.items():
        joined.setdefault(own.replace(" ", ""), []).extend(found)
    choices = ((words, list(words), fuzz.token_sort_ratio), (joined, list(joined), fuzz.ratio))
    for name in names:
        asked = parts(name)
        if not asked.own:
            continue
        best = Likeness(name, "", 0)
        for table, keys, scorer in choices:
            query = asked.own if table is words else asked.own.replace(" ", "")
            for own, percent, _ in process.extract(query, keys, scorer=scorer, score_cutoff=least, limit=None):
                for one, known in table[own]:
                    best = max(best, Likeness(name, one, round(percent * _alike(asked, known))), key=lambda like: like.percent)
        if best.percent >= least:
            yield best


def _alike(one: Parts, other: Parts) -> float:
    """What is left of a likeness by what two names say beside their own words."""
    left = 1.0
    for ours, theirs, other_than, missing in (
        (one.trades, other.trades, _OTHER_TRADE, _NO_TRADE),
        (one.places, other.places, _OTHER_PLACE, _NO_PLACE),
    ):
        if ours != theirs:
            left *= (other_than if ours and theirs and not ours & theirs else missing) / 100
    return left

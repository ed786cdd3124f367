"""How much two names of firms resemble each other, in whichever script each is written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from anyascii import anyascii
from rapidfuzz import fuzz, process

#: Words of a firm's form: they make strangers look alike.
_FORMS = frozenset(
    ["co", "company", "ltd", "limited", "inc", "corp", "corporation", "llc", "plc", "gmbh", "sa", "ag", "bv", "group", "holding", "holdings", "youxiangongsi", "youxianzerengongsi", "gufenyouxiangongsi", "gongsi", "jituan"]
)
_CHINESE_FORMS = re.compile("(股份有限公司|有限责任公司|有限公司|集团|公司)")
_WORDS = re.compile(r"[a-z0-9]+")


class Likeness(NamedTuple):
    """A name, the listed one it resembles most, and how much, in percent."""

    name: str
    listed: str
    percent: int


def plain(name: str) -> str:
    """A name in small Latin letters, without the words of a firm's form and without what stands in brackets."""
    text = re.sub(r"[(（][^)）]*[)）]", " ", name)
    words = _WORDS.findall(anyascii(_CHINESE_FORMS.sub(" ", text)).lower())
    kept = [word for word in words if word not in _FORMS]
    return " ".join(kept or words)


def resembling(names: Iterable[str], listed: Iterable[str], least: int) -> Iterator[Likeness]:
    """Each name that resembles a listed one by at least so much: words in any order, letters by edit distance."""
    words = {plain(name): name for name in listed if plain(name)}
    joined = {text.replace(" ", ""): name for text, name in words.items()}
    for name in names:
        text = plain(name)
        if not text:
            continue
        # A Chinese name has no blanks between its syllables, a listed one in Latin letters may have.
        found = [
            (match, table)
            for table, query, scorer in ((words, text, fuzz.token_sort_ratio), (joined, text.replace(" ", ""), fuzz.ratio))
            if (match := process.extractOne(query, list(table), scorer=scorer, score_cutoff=least)) is not None
        ]
        if found:
            (listed_text, percent, _), table = max(found, key=lambda one: one[0][1])
            yield Likeness(name, table[listed_text], round(percent))

"""Which codes of a list somebody meant who wrote one that is not in it (pure, bounded, deterministic).

Looked for in this order, and the first that finds something ends the search: the same spelling but for width, case,
blanks and leading noughts; ISO's letters and numbers; names in both languages; one slip of the pen (a character too
many, too few, another one, or two neighbours swapped) in a code, then in a name. Every step is a look-up in an index
made once a list, so that a message full of wrong codes costs microseconds a code.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from typing import Literal, NamedTuple

from schemas.codes import code_list

By = Literal["spelling", "iso", "name", "slip"]

_MOST = 3
#: Longer than any name in a list.
_LONGEST = 80
#: Of one or two characters every other code is one slip away.
_SHORTEST_SLIP = 3


class Near(NamedTuple):
    """A right code, its names, and how it was found."""

    code: str
    en: str
    zh: str
    by: By


class _Index(NamedTuple):
    """Folded text → codes, a table a step."""

    spelling: dict[str, tuple[str, ...]]
    iso: dict[str, tuple[str, ...]]
    name: dict[str, tuple[str, ...]]
    code_slips: dict[str, tuple[str, ...]]
    name_slips: dict[str, tuple[str, ...]]


@lru_cache(maxsize=4096)
def nearest(name: str, wrong: str) -> tuple[Near, ...]:
    """At most three right codes of the list called ``name``, the likeliest first; none where nothing is near."""
    if len(wrong) > _LONGEST:
        return ()
    index, text = _index(name), _folded(wrong)
    steps: tuple[tuple[By, Iterable[str]], ...] = (
        ("spelling", index.spelling.get(text.lstrip("0"), ())),
        ("iso", index.iso.get(text.zfill(3) if text.isdigit() else text, ())),
        ("name", index.name.get(text, ())),
        ("slip", _slipped(index.code_slips, text)),
        ("slip", _slipped(index.name_slips, text)),
    )
    codes = code_list(name).codes
    for by, found in steps:
        if near := tuple(Near(code, codes[code].en, codes[code].zh, by) for code in found):
            return near[:_MOST]
    return ()


def iso_number(name: str, number: str) -> Near | None:
    """What ISO means by a number, by the list's own name for it: 116 is Cambodia (customs' 107)."""
    for code in _index(name).iso.get(number, ()) if number.isdigit() else ():
        entry = code_list(name).codes[code]
        return Near(code, entry.en, entry.zh, "iso")
    return None


@cache
def _index(name: str) -> _Index:
    spelling: list[tuple[str, str]] = []
    iso: list[tuple[str, str]] = []
    called: list[tuple[str, str]] = []
    for code, entry in code_list(name).codes.items():
        spelling.append((_folded(code).lstrip("0"), code))
        iso += [(_folded(text), code) for text in (entry.iso, entry.iso2, entry.number) if text]
        called += [(_folded(text), code) for text in (entry.zh, entry.en, *_parts(entry.en), *entry.also)]
    return _Index(
        _table(spelling), _table(iso), _table(called),
        _table((slip, code) for _, code in spelling for slip in _slips(_folded(code))),
        _table((slip, code) for text, code in called for slip in _slips(text)),
    )  # fmt: skip


def _table(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for text, code in pairs:
        found.setdefault(text, {})[code] = None
    return {text: tuple(codes) for text, codes in found.items()}


def _folded(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def _parts(name: str) -> Iterator[str]:
    """``item, piece (jian)`` is called item, and piece."""
    plain = name.partition("(")[0]
    if plain != name or "," in name:
        yield from (part for part in map(str.strip, plain.split(",")) if part)


def _slips(text: str) -> Iterator[str]:
    """The text, and the text without any one character: texts one slip apart have one of these in common."""
    if len(text) >= _SHORTEST_SLIP:
        yield text
        yield from (text[:place] + text[place + 1 :] for place in range(len(text)))


def _slipped(table: dict[str, tuple[str, ...]], text: str) -> tuple[str, ...]:
    found = dict.fromkeys(code for slip in _slips(text) for code in table.get(slip, ()))
    return tuple(sorted(found, key=lambda code: (not _swapped(code, text), -_common(code, text), code)))


def _swapped(code: str, text: str) -> bool:
    """Whether two neighbours changed places, the commonest slip."""
    at = _common(code, text)
    return code == text[:at] + text[at + 1 : at + 2] + text[at : at + 1] + text[at + 2 :]


def _common(code: str, text: str) -> int:
    same = (a == b for a, b in zip(code, text, strict=False))
    return next((place for place, equal in enumerate(same) if not equal), min(len(code), len(text)))

"""Code lists the catalogue's fields refer to by name (``codes = "appType"``), each with its source.

The official schemas do not check them: a value outside a list is a fault of meaning, never of form. Beside the lists of
fields there are those of customs' answers: ``importException``, ``exportException`` (returnStatus below zero, which mean
different things on the two sides), ``customsResult`` (``[Code:…]`` in a receipt's text), ``resultText`` (what such a text
holds), ``transportError`` (the exchange platform's answers) and ``advice`` (what to do next).

``code_list`` reads a list, ``codes_of`` gives its codes as a set for the hot path, ``knows`` judges one value in full.
"""

from __future__ import annotations

import re
import tomllib
from datetime import date
from functools import cache
from importlib import resources
from typing import Literal

import msgspec

#: How sure a list or code is: read in an official text; the gist of an official text that groups several codes; read
#: with third parties only; our own.
Certainty = Literal["official", "summary", "third party", "own"]


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """One code in both languages.

    ``iso``, ``iso2`` and ``number`` are what ISO calls the same country or currency: three letters, two letters, digits.
    ``also``: other names of the same. ``valid_from``: the first day it may be used, where known. ``advice``: a code of
    the list ``advice``. ``certainty``: where it differs from the list's.
    """

    en: str
    zh: str
    iso: str = ""
    iso2: str = ""
    number: str = ""
    also: tuple[str, ...] = ()
    valid_from: date | None = None
    advice: str = ""
    certainty: Certainty | None = None


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers from ``first`` to ``last``, both included, that mean the same; ``message`` whose they are."""

    first: int
    last: int
    en: str
    zh: str
    advice: str
    message: str = ""


class CodeList(msgspec.Struct, frozen=True, kw_only=True):
    """A list; ``en`` and ``zh`` say what of.

    ``closed``: the specification allows no other value; an open list may grow elsewhere. ``as_of``: the day of the
    source, where it has one; of what third parties carry, the day it was read. ``pattern``: other values that are right too. ``prefix``: any digits behind that many first
    ones of a listed code are right (of customs offices only part is known, but every region).
    """

    en: str
    zh: str
    source: str
    certainty: Certainty
    closed: bool
    codes: dict[str, Code]
    as_of: date | None = None
    iso_source: str = ""
    pattern: str = ""
    prefix: int = 0
    ranges: tuple[Range, ...] = ()

    def certainty_of(self, code: str) -> Certainty:
        """How sure the code is."""
        found = self.codes.get(code)
        return (found.certainty if found is not None else None) or self.certainty


@cache
def code_list(name: str) -> CodeList:
    """The list called ``name``; FileNotFoundError if there is none."""
    text = (resources.files(__package__) / f"{name}.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), CodeList)


@cache
def names() -> tuple[str, ...]:
    """Every list, in order."""
    files = (file.name for file in resources.files(__package__).iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml")))


@cache
def codes_of(name: str) -> frozenset[str]:
    """The codes of a list, those its ``prefix`` lets through included: what the hot path looks into."""
    found = code_list(name)
    codes = set(found.codes)
    if found.prefix:
        rest = len(next(iter(codes))) - found.prefix
        starts = {code[: found.prefix] for code in codes}
        codes |= {f"{start}{number:0{rest}d}" for start in starts for number in range(10**rest)}
    return frozenset(codes)


@cache
def pattern_of(name: str) -> re.Pattern[str] | None:
    """What else the list lets through, if anything."""
    text = code_list(name).pattern
    return re.compile(text) if text else None


def knows(name: str, code: str) -> bool:
    """Whether the value is right by the list."""
    if code in codes_of(name):
        return True
    pattern = pattern_of(name)
    return pattern is not None and pattern.fullmatch(code) is not None

"""Code lists the catalogue's fields refer to by name (``codes = "appType"``), each with its source.

The official schemas do not check them: a value outside a list is a fault of meaning, never of form.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources

import msgspec


class Code(msgspec.Struct, frozen=True):
    """One code in both languages; ``iso`` is what ISO calls the same country or currency."""

    en: str
    zh: str
    iso: str = ""


class CodeList(msgspec.Struct, frozen=True, kw_only=True):
    """A list. ``closed``: the specification allows no other value; an open list may grow elsewhere."""

    source: str
    closed: bool
    codes: dict[str, Code]


@cache
def code_list(name: str) -> CodeList:
    """The list called ``name``; FileNotFoundError if there is none."""
    text = (resources.files(__package__) / f"{name}.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), CodeList)

"""One text for what people write differently: the normal forms that are digested and compared.

``normal`` is that of names, numbers and addresses; a digest of it lasts (allowances, windows of what is watched), so it
does not change. A telephone has a form of its own. ``alike_name`` and ``alike_address`` go further: they are compared where the
normal texts differ, and what agrees only by them is told as such.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Callable
from functools import cache
from importlib import resources
from typing import NamedTuple

_BLANKS = {ord(c): None for c in " \t\r\n\u00a0\u3000-"}


def normal(text: str | None) -> str:
    """Text without its width, case and blanks: what two people mean when they write the same name differently."""
    if not text:
        return ""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return text.translate(_BLANKS).upper()


#: What is neither letter (转 before an extension), digit nor the + before a country's number: brackets, dashes, a comma at the end.
_PUNCTUATION = re.compile(r"[^\w+]|_")
_MOBILE = re.compile(r"1[3-9][0-9]{9}")
#: An area code without its 0 and a number. 400 and 800 are no area codes: those numbers are dialled as they are.
_LANDLINE = re.compile(r"(?!400|800)(?:10|2[0-9]|[3-9][0-9]{2})[0-9]{7,}")
#: 86 and the eleven digits of a mobile number.
_PREFIXED_MOBILE = re.compile(r"86(1[0-9]{10})")


def normal_telephone(text: str | None) -> str:
    """A telephone number as it is dialled within China: without its prefix (+86, 0086, 86 before a mobile number) and signs;
    a landline's area code gets back the 0 that the prefix took.
    """
    plain = _PUNCTUATION.sub("", normal(text))
    for prefix in ("+86", "0086"):
        if plain.startswith(prefix):
            rest = plain[len(prefix) :]
            return f"0{rest}" if _LANDLINE.fullmatch(rest) and not _MOBILE.fullmatch(rest) else rest
    prefixed = _PREFIXED_MOBILE.fullmatch(plain)
    return prefixed[1] if prefixed else plain


def is_mobile(telephone: str) -> bool:
    """Whether a normal telephone number is one of a mobile telephone of the mainland."""
    return _MOBILE.fullmatch(telephone) is not None


#: Version of ``alike_name`` and ``alike_address``: whenever either gives another text than before, this rises.
ALIKE = 1


class Signs(dict[int, str | int | None]):
    """What becomes of each character (``str.translate``), worked out when it is first met.

    Remembered is what people write; nobody fills the memory with the million characters that there may be.
    """

    def __init__(self, becomes: Callable[[str], str | int | None]) -> None:
        super().__init__()
        self._becomes = becomes

    def __missing__(self, code: int) -> str | int | None:
        found = self._becomes(chr(code))
        if code <= _COMMON:
            self[code] = found
        return found


#: The last character of the basic plane: rarer ones are looked up each time.
_COMMON = 0xFFFF
#: Everything stays but punctuation, blanks and what cannot be seen.
_KEPT = Signs(lambda char: None if unicodedata.category(char)[0] in "PZC" else char)


def alike_name(text: str | None) -> str:
    """A name without blanks, punctuation, width and case: what is left when two documents have the same name written differently."""
    return unicodedata.normalize("NFKC", text).upper().translate(_KEPT) if text else ""


def alike_address(text: str | None) -> str:
    """An address as ``alike_name`` has it, and without what the names of province and city end in (浙江省杭州市 → 浙江杭州).

    What parts two numbers keeps parting them: 3-201 is not 3201.
    """
    if not text:
        return ""
    plain = _BETWEEN_NUMBERS.sub("+", unicodedata.normalize("NFKC", text)).upper().translate(_KEPT).removeprefix("中国")
    places = _places()
    province, rest = _begins(plain, places.by_province)
    if not province:
        city, after = _begins(plain, places.by_city)
        if city:
            return city + after
        province, rest = _begins(plain, places.shortened)
    # A city that is a province is written twice by some (北京市北京市).
    for again in (f"{province}市", province):
        if again and f"{province}市" in places.provinces and rest.startswith(again):
            return province + rest[len(again) :]
    city, after = _begins(rest, places.by_city)
    return province + city + after


#: Blanks, commas, dashes … between two digits.
_BETWEEN_NUMBERS = re.compile(r"(?<=[0-9])[\W_]+(?=[0-9])")


#: The first two characters of names of places → (full name, what is left of it), the longest first.
_Names = dict[str, list[tuple[str, str]]]


class _Places(NamedTuple):
    """``shortened``: what is left of a province is a name of it too."""

    provinces: dict[str, str]
    by_province: _Names
    by_city: _Names
    shortened: _Names


@cache
def _places() -> _Places:
    data = tomllib.loads((resources.files(__package__) / "places.toml").read_text("utf-8"))
    provinces = data["provinces"]
    cities = {f"{name}市": name for name in data["cities"]["names"].split()} | data["others"]
    shortened = {short: short for short in provinces.values()}
    return _Places(provinces, _named(provinces), _named(cities), _named(shortened))


def _named(names: dict[str, str]) -> _Names:
    found: _Names = {}
    for full in sorted(names, key=len, reverse=True):
        found.setdefault(full[:2], []).append((full, names[full]))
    return found


def _begins(text: str, names: _Names) -> tuple[str, str]:
    """What is left of the longest name with which a text begins, and what follows it; empty and the text where it is none."""
    for full, short in names.get(text[:2], ()):
        if text.startswith(full):
            return short, text[len(full) :]
    return "", text

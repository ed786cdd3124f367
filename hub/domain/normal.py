"""One text for what people write differently: the normal forms that are digested and compared.

``normal`` is that of names, numbers and addresses; a digest of it lasts (allowances, windows of what is watched), so it
does not change. A telephone has a form of its own.
"""

from __future__ import annotations

import re
import unicodedata

_BLANKS = {ord(c): None for c in " \t\r\n\u00a0\u3000-"}


def normal(text: str | None) -> str:
    """Text without its width, case and blanks: what two people mean when they write the same name differently."""
    if not text:
        return ""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return text.translate(_BLANKS).upper()


#: Brackets, points, and the dashes that word processors put where a hyphen was typed (NFKC leaves U+2011 as U+2010).
_PUNCTUATION = {ord(c): None for c in "().\u2010\u2012\u2013\u2014\u2015\u2212"}
_MOBILE = re.compile(r"1[3-9][0-9]{9}")
#: An area code without its 0 and a number. 400 and 800 are no area codes: those numbers are dialled as they are.
_LANDLINE = re.compile(r"(?!400|800)(?:10|2[0-9]|[3-9][0-9]{2})[0-9]{7,}")
#: 86 and the eleven digits of a mobile number.
_PREFIXED_MOBILE = re.compile(r"86(1[0-9]{10})")


def normal_telephone(text: str | None) -> str:
    """A telephone number as it is dialled within China: without its prefix (+86, 0086, 86 before a mobile number), brackets,
    points and dashes; a landline's area code gets back the 0 that the prefix took.
    """
    plain = normal(text).translate(_PUNCTUATION)
    for prefix in ("+86", "0086"):
        if plain.startswith(prefix):
            rest = plain[len(prefix) :]
            return f"0{rest}" if _LANDLINE.fullmatch(rest) and not _MOBILE.fullmatch(rest) else rest
    prefixed = _PREFIXED_MOBILE.fullmatch(plain)
    return prefixed[1] if prefixed else plain


def is_mobile(telephone: str) -> bool:
    """Whether a normal telephone number is one of a mobile telephone of the mainland."""
    return _MOBILE.fullmatch(telephone) is not None

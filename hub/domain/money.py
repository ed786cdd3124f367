"""Amounts, quantities and weights as integers.

CEB writes them as N19,5: xs:decimal, at most 19 digits, 5 of them behind the point (schema 202205, every amount field).
Inside the hub they are integers of 1/100000, so that sums are exact and comparisons are cheap.
"""

from __future__ import annotations

from functools import lru_cache

SCALE = 100_000
_DIGITS = 5
#: No amount, quantity or weight of one field counts for more: a billion, so that sums of any documents stay in 64 bits. What is
#: written above it is flagged at the door (``meaning.too_large``).
MOST = 10**9 * SCALE
#: Longer texts of numbers are legal (leading zeros) but not worth remembering.
_SHORT = 24


def amount(text: str | None) -> int:
    """``"12.5"`` → 1250000; nothing or white space → 0. Raises ValueError on what is no N19,5."""
    if text is None:
        return 0
    whole, point, fraction = text.strip().partition(".")
    if not point:
        return int(whole or "0") * SCALE
    if len(fraction) > _DIGITS:
        if fraction[_DIGITS:].strip("0"):
            raise ValueError(f"more than {_DIGITS} digits behind the point")
        fraction = fraction[:_DIGITS]
    parts = int(fraction.ljust(_DIGITS, "0")) if fraction else 0
    units = int(whole) * SCALE if whole not in ("", "+", "-") else 0
    return units - parts if whole.startswith("-") else units + parts


def _bounded(text: str) -> int:
    return max(-MOST, min(MOST, amount(text)))


_remembered = lru_cache(maxsize=65_536)(_bounded)


def number(text: str | None) -> int:
    """An amount that the schema has approved, at most ``MOST``; the same few come again and again."""
    if text is None:
        return 0
    if len(text) <= _SHORT:
        return _remembered(text)
    sign = "-" if text.startswith("-") else ""
    digits = text.lstrip("+-").lstrip("0")
    if len(digits.partition(".")[0]) > _SHORT:
        return -MOST if sign else MOST
    return _bounded(sign + digits)


#: A sum of many documents ends here rather than outgrow what can be kept.
_MOST_SUM = 1 << 62


def bounded(total: int) -> int:
    """A running sum, kept within what a state can hold."""
    return max(-_MOST_SUM, min(_MOST_SUM, total))


def text(value: int) -> str:
    """The shortest decimal of an amount: 1250000 → ``"12.5"``."""
    if value < 0:
        return f"-{text(-value)}"
    whole, fraction = divmod(value, SCALE)
    return f"{whole}.{fraction:05d}".rstrip("0") if fraction else str(whole)


def round_half_up(numerator: int, denominator: int, places: int = 2) -> int:
    """``numerator / denominator`` rounded half up to ``places`` decimals, as an amount (scaled by 100000).

    ``numerator`` is an amount (scaled), ``denominator`` a plain positive integer.
    Half up to 0.01 for each tax line is the hub's choice: no official rounding rule was found.
    """
    unit: int = 10 ** (_DIGITS - places)
    step = unit * denominator
    quotient, rest = divmod(abs(numerator), step)
    rounded = (quotient + (2 * rest >= step)) * unit
    return -rounded if numerator < 0 else rounded

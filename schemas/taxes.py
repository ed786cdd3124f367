"""Import taxes of retail goods by simple rates, for samples and for the sandbox's tax bills. Not the tariff.

Within the limits of a transaction the duty is 0, and value-added and consumption tax are due at 70 %
(Caiguanshui 2016-18, 2018-49); a single piece beyond the limit is taxed in full (2018-49; its duty is left at 0 here).
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple


class Rates(NamedTuple):
    """Percent of value-added and of consumption tax."""

    vat: int
    consumption: int


_USUAL = Rates(13, 0)
#: The longest beginning of an HS code that is here decides.
_BY_CODE = {
    "3304100012": Rates(13, 15),  # high-end cosmetics for the lips
}


@lru_cache(maxsize=4096)
def rates_of(code: str) -> Rates:
    """The rates of an HS code."""
    return next((rates for length in (10, 8, 6, 4) if (rates := _BY_CODE.get(code[:length]))), _USUAL)


def taxes(value: int, rates: Rates, *, unit: int = 1, share: int = 70) -> tuple[int, int]:
    """Value-added and consumption tax of a dutiable value, in fen, each rounded half up.

    ``value`` counts ``unit`` parts of a fen; ``share`` is the percentage of the tax that is due.
    Both are computed on the value with the consumption tax in it.
    """
    rest = (100 - rates.consumption) * 100 * unit
    doubled = 2 * value * share
    return (doubled * rates.vat + rest) // (2 * rest), (doubled * rates.consumption + rest) // (2 * rest)

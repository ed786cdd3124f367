"""Quantities in other units of the same measure: what one document says in grams another says in kilograms.

Only units that are exactly so many of another by law or definition; pieces of different names (件, 只, 套) are not the same thing.
"""

from __future__ import annotations

from hub.domain.money import MOST

#: Measure by measure: customs' code of a unit → how many of a common small unit it is.
_MEASURES: tuple[dict[str, int], ...] = (
    # millionths of a milligram: gram, kilogram, quintal, tonne, jin, carat; pound, ounce, long and short ton of 0.45359237 kg a pound
    {
        "036": 10**9, "035": 10**12, "047": 10**14, "070": 10**15, "075": 500 * 10**9, "084": 2 * 10**8,
        "076": 453_592_370_000, "083": 28_349_523_125, "071": 2240 * 453_592_370_000, "072": 2000 * 453_592_370_000,
    },
    # millilitres: millilitre, litre, thousand litres, cubic metre
    {"096": 1, "095": 1000, "063": 10**6, "033": 10**6},
    # metres: metre, kilometre
    {"030": 1, "147": 1000},
    # pieces (个): one, a hundred, a thousand, ten thousand
    {"007": 1, "043": 100, "054": 1000, "038": 10_000},
)  # fmt: skip
_MEASURE_OF = {code: measure for measure in _MEASURES for code in measure}


def converted(quantity: int, unit: str, to: str) -> int | None:
    """A quantity in another unit, rounded half up to the last digit amounts have, and like every amount at most ``MOST``.

    None where the units measure different things.
    """
    measure = _MEASURE_OF.get(unit)
    if measure is None or to not in measure:
        return None
    size = measure[to]
    return max(-MOST, min(MOST, (2 * quantity * measure[unit] + size) // (2 * size)))

"""What an enterprise trades, day by day, and what of it rules are told (flags): sums only, no person.

A profile keeps 62 days and the exports of two calendar years. All numbers at which a flag is written are our own (P), save
those of foreign exchange: 180,000 and 200,000 dollars of a year (SAFE's monthly lists, press of 2021-03).
"""

from __future__ import annotations

import msgspec

#: Days kept.
DAYS = 62
_WEEK = 7
#: What a flag says: growth of an enterprise's trade, dollars received for exports in a year.
GROWTH, FX = "growth", "fx"
#: Declarations of a week from which growth is looked at, and of the week before: a shop that is new to the hub, or all of them when
#: the hub is new, grow out of nothing; so many times the week before; at least that percentage by new buyers.
LEAST, BEFORE, TIMES, NEW = 30, 2, 10, 60
#: Dollars of a calendar year.
FX_STEPS = (180_000, 200_000)


class Day(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A day: declarations, those assessed yellow and worse, those of buyers unknown before; ``day`` counts from 1970-01-01."""

    day: int
    declarations: int = 0
    doubtful: int = 0
    new: int = 0

    def plus(self, *, doubtful: bool, new: bool) -> Day:
        """With one more."""
        return Day(self.day, self.declarations + 1, self.doubtful + doubtful, self.new + new)


def with_one(days: tuple[Day, ...], day: int, *, doubtful: bool, new: bool) -> tuple[Day, ...]:
    """The days with one declaration more on ``day``, the newest last; what is too old is left out."""
    if days and days[-1].day == day:  # nearly always
        return (*days[:-1], days[-1].plus(doubtful=doubtful, new=new))
    by_day = {one.day: one for one in days}
    by_day[day] = by_day.get(day, Day(day)).plus(doubtful=doubtful, new=new)
    return tuple([by_day[number] for number in sorted(by_day)][-DAYS:])


def growth(days: tuple[Day, ...], day: int) -> tuple[int, int, int]:
    """Declarations of the week that ends on ``day``, of the week before, and the percentage of the first by new buyers."""
    week = [one for one in days if day - _WEEK < one.day <= day]
    before = sum(one.declarations for one in days if day - 2 * _WEEK < one.day <= day - _WEEK)
    now = sum(one.declarations for one in week)
    return now, before, sum(one.new for one in week) * 100 // now if now else 0


def grown(now: int, before: int, new: int) -> bool:
    """Whether a small shop has become a large one within a week, by people nobody knew."""
    return now >= LEAST and before >= BEFORE and now >= TIMES * before and new >= NEW

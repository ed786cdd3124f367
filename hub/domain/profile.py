"""What an enterprise trades, day by day, and what of it is remarkable: sums and shares only, no person.

A profile keeps 62 days and the exports of two calendar years. All numbers at which something is remarked are our own (P), save
those of foreign exchange: 180,000 and 200,000 dollars of a year (SAFE's monthly lists, press of 2021-03).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import exp, isqrt, log

import msgspec

#: Days kept; the days of a rate.
DAYS, MONTH = 62, 30
_WEEK = 7
#: What a flag says: growth of an enterprise's trade, dollars received for exports in a year, what is used of a licence.
GROWTH, FX, LICENCE = "growth", "fx", "licence"
#: Declarations of a week from which growth is looked at, and of the week before: a shop that is new to the hub, or all of them when
#: the hub is new, grow out of nothing; so many times the week before; at least that percentage by new buyers.
LEAST, BEFORE, TIMES, NEW = 30, 2, 10, 60
#: Dollars of a calendar year.
FX_STEPS = (180_000, 200_000)


class Day(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A day; ``day`` counts from 1970-01-01.

    Of the declarations that came: those assessed yellow and worse, of buyers unknown before, that their documents contradict, with
    a price far below the usual one. Of those on which customs' word came: released, refused, given back or sent abroad.
    """

    day: int
    declarations: int = 0
    doubtful: int = 0
    new: int = 0
    mismatched: int = 0
    undervalued: int = 0
    released: int = 0
    refused: int = 0
    returned: int = 0


def plus(day: Day, **more: bool) -> Day:
    """A day with one more of each that is true."""
    return msgspec.structs.replace(day, **{name: getattr(day, name) + 1 for name, one in more.items() if one})


def with_one(days: tuple[Day, ...], day: int, **more: bool) -> tuple[Day, ...]:
    """The days with one more of something on ``day``, the newest last; what is too old is left out."""
    if days and days[-1].day == day:  # nearly always
        return (*days[:-1], plus(days[-1], **more))
    by_day = {one.day: one for one in days}
    by_day[day] = plus(by_day.get(day, Day(day)), **more)
    return tuple([by_day[number] for number in sorted(by_day)][-DAYS:])


def week_of(day: int) -> int:
    """The week of a day, weeks beginning on Thursdays, as 1970-01-01 was one."""
    return day // _WEEK


def growth(days: tuple[Day, ...], day: int) -> tuple[int, int, int]:
    """Declarations of the week that ends on ``day``, of the week before, and the percentage of the first by new buyers.

    Where the shop was first seen within the week before, that week is reckoned up to seven days: every shop is new when the hub is.
    """
    week = [one for one in days if day - _WEEK < one.day <= day]
    before = sum(one.declarations for one in days if day - 2 * _WEEK < one.day <= day - _WEEK)
    seen = day - _WEEK - days[0].day + 1 if days else _WEEK
    if 0 < seen < _WEEK:
        before = -(-before * _WEEK // seen)
    now = sum(one.declarations for one in week)
    return now, before, sum(one.new for one in week) * 100 // now if now else 0


def grown(now: int, before: int, new: int) -> bool:
    """Whether a small shop has become a large one within a week, by people nobody knew."""
    return now >= LEAST and before >= BEFORE and now >= TIMES * before and new >= NEW


# ---- rates ---------------------------------------------------------------------------------------------------------


class Rate(msgspec.Struct, frozen=True, gc=False):
    """A share of 30 days: the fields of ``Day`` that are its parts and its whole, from how many of the whole it is looked at, and
    the percentage from which it is remarked.
    """

    part: str
    whole: tuple[str, ...]
    least: int
    percent: int


RATES: Mapping[str, Rate] = {
    "refusals": Rate("refused", ("released", "refused"), 20, 20),
    "returns": Rate("returned", ("released",), 20, 30),
    "mismatches": Rate("mismatched", ("declarations",), 30, 20),
    "undervaluation": Rate("undervalued", ("declarations",), 30, 20),
}


class Share(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """So many of so many."""

    part: int
    whole: int

    @property
    def percent(self) -> int:
        """Rounded down; 0 of nothing."""
        return self.part * 100 // self.whole if self.whole else 0


def rates(days: Iterable[Day], day: int) -> dict[str, Share]:
    """Each rate over the 30 days that end on ``day``."""
    month = [one for one in days if day - MONTH < one.day <= day]
    return {
        what: Share(
            sum(getattr(one, rate.part) for one in month), sum(getattr(one, name) for one in month for name in rate.whole)
        )
        for what, rate in RATES.items()
    }


def remarkable(what: str, share: Share) -> bool:
    """Whether a rate is remarked."""
    rate = RATES[what]
    return share.whole >= rate.least and share.percent >= rate.percent


# ---- concentration -------------------------------------------------------------------------------------------------

#: Whose share of a week is counted: the buyers', the payers', the addresses' delivered to.
CROWDS = ("buyers", "payers", "addresses")
#: Declarations of a week from which a share is looked at; the percentage of one buyer, payer, address from which it is remarked.
CROWD_LEAST, CROWD_PERCENT = 30, 50
#: Counters: whoever has more than a ninth of the whole is among them.
_COUNTERS = 8


class Crowd(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The commonest of a week, by Misra and Gries (1982): counters that never say more than there were, in bounded room."""

    week: int = 0
    whole: int = 0
    counts: dict[str, int] = {}

    def plus(self, week: int, who: str) -> Crowd:
        """With one more; another week begins anew, and one of a week that is over counts in the one that is open."""
        if week > self.week:
            return Crowd(week, 1, {who: 1})
        counts = dict(self.counts)
        if who in counts or len(counts) < _COUNTERS:
            counts[who] = counts.get(who, 0) + 1
        else:
            counts = {name: count - 1 for name, count in counts.items() if count > 1}
        return Crowd(self.week, self.whole + 1, counts)

    @property
    def share(self) -> Share:
        """At least so many are of one."""
        return Share(max(self.counts.values(), default=0), self.whole)

    @property
    def narrow(self) -> bool:
        """Whether the share of one is remarked."""
        return self.whole >= CROWD_LEAST and self.share.percent >= CROWD_PERCENT


# ---- prices --------------------------------------------------------------------------------------------------------

#: What odd prices are called.
PRICES = "prices"
#: Goods of which prices are kept, the commonest; lines of a declaration that are looked at.
GOODS, PRICED_LINES = 16, 4
#: Prices of a good in each window from which they are compared.
PRICE_LEAST = 20
#: Thousandths of a natural logarithm: the mean has doubled or halved; two thirds of the prices are only within 1.65 times of it.
_DOUBLED, _SPREAD = 693, 500


class Window(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Prices of a window: how many, and the sum and the sum of squares of 1000 · ln(price): whole numbers, so that it adds up the
    same everywhere.
    """

    count: int = 0
    total: int = 0
    squares: int = 0

    def plus(self, price: int) -> Window:
        """With a price, an amount above 0."""
        logged = round(1000 * log(price))
        return Window(self.count + 1, self.total + logged, self.squares + logged * logged)

    def halved(self, other: Window) -> Window:
        """Half of this and the other: what is old fades by the week."""
        return Window(self.count // 2 + other.count, self.total // 2 + other.total, self.squares // 2 + other.squares)

    @property
    def mean(self) -> int:
        """Of 1000 · ln(price)."""
        return self.total // self.count if self.count else 0

    @property
    def typical(self) -> int:
        """The geometric mean, an amount."""
        return round(exp(self.mean / 1000)) if self.count else 0

    @property
    def spread(self) -> int:
        """The standard deviation of 1000 · ln(price): 100 is about ten percent."""
        if not self.count:
            return 0
        return isqrt(max(0, self.count * self.squares - self.total * self.total)) // self.count


class Prices(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Prices of a good in a unit: this week's, and the weeks' before, which fade."""

    week: int = 0
    now: Window = Window()
    before: Window = Window()

    def plus(self, week: int, price: int) -> Prices:
        """With a price."""
        if week <= self.week:
            return Prices(self.week, self.now.plus(price), self.before)
        before = self.before.halved(self.now) if self.week else self.before
        return Prices(week, Window().plus(price), before)

    @property
    def odd(self) -> bool:
        """Whether the prices of the week are remarked: twice or half of what they were, or much more scattered."""
        now, before = self.now, self.before
        if now.count < PRICE_LEAST or before.count < PRICE_LEAST:
            return False
        return abs(now.mean - before.mean) >= _DOUBLED or (now.spread >= _SPREAD and now.spread >= 2 * before.spread)


def with_price(kept: Mapping[str, Prices], good: str, week: int, price: int) -> dict[str, Prices]:
    """The prices with one more; where there is no room, the good with the fewest prices makes room."""
    if price <= 0:
        return dict(kept)
    found = {**kept, good: kept.get(good, Prices()).plus(week, price)}
    if len(found) > GOODS:
        least = min((name for name in found if name != good), key=lambda name: (found[name].week, found[name].now.count, name))
        del found[least]
    return found


# ---- licences ------------------------------------------------------------------------------------------------------

#: Declarations whose use of a licence is kept apart, and those a flag tells apart; older ones are a sum.
_USES, _TOLD = 500, 32


def licence_id(merchant: str, control: str, number: str) -> str:
    """What the flag of a licence is about: merchant, control code and the permit's number."""
    written = number.replace("%", "%25").replace("/", "%2F")  # an id of reference data has no slash
    return f"{merchant}~{control}~{written}"


class Licence(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is used of a permit, amounts in its unit: declaration → quantity, and the sum of those no longer kept apart."""

    uses: dict[str, int] = {}
    folded: int = 0
    version: int = 0

    def used_by(self, declaration: str, quantity: int) -> Licence:
        """With what a declaration uses now: in place of what it used before, nothing for 0."""
        uses = {key: used for key, used in self.uses.items() if key != declaration}
        if quantity:
            uses[declaration] = quantity
        folded = self.folded
        while len(uses) > _USES:
            folded += uses.pop(next(iter(uses)))
        return Licence(uses, folded, self.version + 1)

    @property
    def told(self) -> dict[str, int]:
        """What the flag says: ``used`` in all, and by each of the newest declarations."""
        newest = dict(list(self.uses.items())[-_TOLD:])
        return {**newest, "used": self.folded + sum(self.uses.values())}


# ---- dimensions of the grade ---------------------------------------------------------------------------------------

#: Declarations, and words of customs, from which an enterprise's behaviour and performance are scored.
_SCORED = 20


def dimensions(days: tuple[Day, ...]) -> dict[str, int]:
    """Behaviour (how many of its declarations are doubtful or contradicted) and performance (how many customs refused, how many came
    back) of the days kept, from 0 to 1000; left out where too little is known. Our own (P).
    """
    found = {}
    came = sum(one.declarations for one in days)
    if came >= _SCORED:
        bad = sum(2 * one.doubtful + one.mismatched for one in days)
        found["behaviour"] = max(0, 1000 - bad * 1000 // came)
    released, refused = sum(one.released for one in days), sum(one.refused for one in days)
    if released + refused >= _SCORED:
        bad = 3 * refused + sum(one.returned for one in days)
        found["performance"] = max(0, 1000 - bad * 1000 // (released + refused))
    return found


# ---- what goes on ---------------------------------------------------------------------------------------------------

#: Days something may be quiet before it is over; days after which an alert is raised again, a step worse.
QUIET, WORSE = 7, 7
#: The steps.
SEVERITIES = ("yellow", "orange", "red")


class Episode(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Something remarked, for as long as it goes on; days count from 1970-01-01.

    ``version``: of the flag that says it, ``number``: the one it was written with, ``day``: the last it was seen on, ``began``: the
    first, ``severity``: the step officers were told last (0: none yet).
    """

    version: int = 0
    number: int = 0
    day: int = 0
    began: int = 0
    severity: int = 0

    def seen(self, day: int) -> Episode:
        """Seen on a day: goes on, or begins anew after it was quiet."""
        if self.began and day <= self.day + QUIET:
            return msgspec.structs.replace(self, day=max(day, self.day))
        return Episode(self.version, 0, day, day)

    @property
    def due(self) -> int:
        """The step officers are to be told of: 1 at first, one more for each week that it goes on."""
        return min(len(SEVERITIES), 1 + (self.day - self.began) // WORSE)

"""A month of a zone's retail trade, imports and some exports: honest people, and schemes planted among them; made up, the same for the same seed.

Nothing official is known of how often schemes occur or how large they are; all numbers here are our own (P). Honest
traffic has what makes rules err: households behind one address, pick-up points, presents, payers other than buyers,
sales days, promotions, people who order twice a day. What a scheme does follows published cases (sources at each).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple

import msgspec

from schemas import samples
from schemas.samples import DeclarationSet, ExportSet, Parties
from schemas.samples.common import GOODS, Buyer, Good, Sold, buyer, moment, yuan
from schemas.samples.imports import import_sale

DAY = 86_400_000
_HOUR = 3_600_000
#: Days of the month on which everybody buys.
_SALES_DAYS = (10, 17)


class Act(NamedTuple):
    """One sale: when it is ordered (ms), its documents, the scheme it is part of, and whose doing it is.

    ``pay_after``: ms by which it is paid after the order.
    """

    at: int
    made: DeclarationSet | ExportSet
    scheme: str
    actor: str
    pay_after: int


class Size(NamedTuple):
    """How much of everything there is; the defaults make some fourteen thousand declarations."""

    buyers: int = 5_000
    honest: int = 10_000
    exports: int = 1_500
    instances: int = 6


class _Deal(NamedTuple):
    """A sale before its documents are made; what is not said is as usual."""

    at: int
    person: Buyer
    sold: list[Sold]
    who: Parties
    scheme: str = ""
    actor: str = ""
    receiver: Buyer | None = None
    payer: Buyer | None = None
    waybill: str = ""
    pay_after: int = 40_000
    #: belongs to a scheme's doing and is none itself
    honest: bool = False


def month(seed: int, start: int, size: Size | None = None) -> list[Act]:
    """The month from ``start`` (ms), in the order in which declarations come."""
    size = size or Size()
    town = _Town(Random(f"{seed} town"), size)
    deals = list(_honest(Random(f"{seed} honest"), town, start, size.honest))
    for name, scheme in SCHEMES.items():
        for turn in range(size.instances):
            draw = Random(f"{seed} {name} {turn}")
            deals += [
                deal._replace(scheme="" if deal.honest else name, actor=f"{name} {turn}") for deal in scheme(draw, town, start, turn)
            ]
    deals.sort(key=lambda deal: deal.at)
    acts = [_act(number, deal) for number, deal in enumerate(deals, 1)]
    return sorted([*acts, *_exports(Random(f"{seed} exports"), start, size)], key=lambda act: act.at)


def _act(number: int, deal: _Deal) -> Act:
    made = import_sale(number, who=deal.who, person=deal.person, sold=deal.sold, at=deal.at)
    changes: dict[str, str | None] = {"payment.payTime": moment((deal.at + deal.pay_after) // 1000)[0]}
    if deal.receiver is not None:
        to = deal.receiver
        for field, value in (("consignee", to.name), ("consigneeTelephone", to.telephone), ("consigneeAddress", to.address)):
            changes |= {f"order.{field}": value, f"waybill.{field}": value}
        changes["declaration.consigneeAddress"] = to.address
    if deal.payer is not None:
        changes |= {"payment.payerName": deal.payer.name, "payment.payerIdNumber": deal.payer.identity}
    if deal.waybill:
        changes |= {"waybill.logisticsNo": deal.waybill, "declaration.logisticsNo": deal.waybill}
    actor = deal.actor or deal.person.identity
    return Act(deal.at, samples.changed(made, changes), deal.scheme, actor, deal.pay_after)


# ---- the town


class _Town:
    """Who lives, sells, pays out and delivers."""

    def __init__(self, draw: Random, size: Size) -> None:
        self.people: list[Buyer] = []
        index = 0
        while len(self.people) < size.buyers:
            first = buyer(index * 37)
            household = draw.choices((1, 2, 3, 4), (60, 25, 10, 5))[0]
            for member in range(household):
                person = buyer(index * 37 + member * 160 + member)
                phone = first.telephone if member and draw.random() < 0.2 else person.telephone
                self.people.append(person._replace(address=_home(index), telephone=phone))
            index += 1
        self.pick_up_points = [f"示范省示范市驿站{n}号" for n in range(1, 6)]
        self.merchants = [_code("M", n) for n in range(20)]
        self.platforms = [_code("P", n) for n in range(5)]
        self.payers = [_code("Z", n) for n in range(3)]
        self.carriers = [_code("L", n) for n in range(4)]
        self.agents = [_code("A", n) for n in range(4)]
        #: everybody has favourite shops
        self.shops = [Parties(
            platform=self.platforms[n % 5], merchant=merchant, payer=self.payers[n % 3], carrier=self.carriers[n % 4],
            agent=self.agents[n % 4],
        ) for n, merchant in enumerate(self.merchants)]  # fmt: skip
        self._strangers = 0

    def strangers(self, count: int, draw: Random) -> list[Buyer]:
        """People who buy nothing themselves: whose identities are used."""
        self._strangers += count
        found = [buyer(5_000_000 + 1_009 * (self._strangers - n)) for n in range(count)]
        return [person._replace(telephone=f"188{draw.randrange(10**8):08d}") for person in found]


def _home(index: int) -> str:
    return f"示范省示范市住宅路{index // 40 + 1}号{index % 40 + 1}室"


def _code(letter: str, number: int) -> str:
    return f"9901{letter}{number:05d}"


def enterprises(size: Size) -> list[str]:
    """The codes of all firms of the month: schemes have filed theirs too."""
    letters = {"M": 20, "P": 5, "Z": 3, "L": 4, "A": 4, "E": 100 + size.instances, "Q": 100 + size.instances, "N": 100 + size.instances}
    return [_code(letter, number) for letter, count in letters.items() for number in range(count)]


def _shop(number: int, **parties: str) -> Parties:
    """A shop of a scheme's own."""
    shop = Parties(platform=_code("Q", number), merchant=_code("N", number), payer=_code("Z", 0), carrier=_code("L", 0), agent=_code("A", 0))
    return msgspec.structs.replace(shop, **parties)


# ---- honest people


def _honest(draw: Random, town: _Town, start: int, count: int) -> Iterator[_Deal]:
    keen = [min(draw.paretovariate(1.6), 5) for _ in town.people]
    for person in draw.choices(town.people, keen, k=count):
        shop = draw.choice(town.shops)
        at = _moment(draw, start)
        receiver = None
        if draw.random() < 0.05:  # a present
            receiver = draw.choice(town.people)
        elif draw.random() < 0.06:
            receiver = person._replace(address=draw.choice(town.pick_up_points))
        payer = draw.choice(town.people) if draw.random() < 0.01 else None
        pay_after = draw.choice((8_000, 20_000, 45_000, 120_000, 900_000))
        deal = _Deal(at, person, _basket(draw), shop, receiver=receiver, payer=payer, pay_after=pay_after)
        yield deal
        if draw.random() < 0.04:  # what was forgotten is ordered an hour later
            yield deal._replace(at=at + draw.randrange(_HOUR), sold=_basket(draw))


def _moment(draw: Random, start: int) -> int:
    day = draw.choice(_SALES_DAYS) if draw.random() < 0.2 else draw.randrange(30)
    hour = draw.choices(range(24), (2, 1, 1, 1, 1, 1, 2, 3, 5, 6, 7, 7, 7, 6, 6, 6, 6, 6, 7, 8, 10, 11, 9, 5))[0]
    return start + day * DAY + hour * _HOUR + draw.randrange(_HOUR)


def _basket(draw: Random, most: int = 3) -> list[Sold]:
    """Goods at what they usually cost, a fifth of them in a promotion."""
    sold: list[Sold] = []
    value = 0
    for good in draw.sample(GOODS, draw.choice((1, 1, 1, 2, 2, 3))):
        price = _usual(draw, good)
        if draw.random() < 0.2:
            price = price * draw.choice((80, 85, 90)) // 100
        line = Sold(good, draw.choice((1, 1, 1, 2, most)), price)
        value += line.total * 13 // 10
        if value < 500_000 or not sold:
            sold.append(line)
    return sold


def _usual(draw: Random, good: Good) -> int:
    return good.fen * draw.randrange(97, 108) // 100


# ---- exports


def _exports(draw: Random, start: int, size: Size) -> Iterator[Act]:
    """Exporters, and some that sell at several times the price to nobody (refund of taxes never paid; rule R20)."""
    for number in range(1, size.exports + 1):
        shop = draw.randrange(8)
        yield _export(number, _exporter(shop), _moment(draw, start), 100, "", f"exporter {shop}")
    for turn in range(size.instances):
        for count in range(draw.randrange(25, 45)):
            at = start + (8 + count % 20) * DAY + draw.randrange(DAY)
            number = size.exports + 1_000 * (turn + 1) + count
            yield _export(number, _exporter(100 + turn), at, draw.randrange(300, 600), FALSE_EXPORT, f"{FALSE_EXPORT} {turn}")


def _exporter(number: int) -> Parties:
    return Parties(platform=_code("P", number % 5), merchant=_code("E", number), carrier=_code("L", 0), agent=_code("A", 0))


def _export(number: int, who: Parties, at: int, percent: int, scheme: str, actor: str) -> Act:
    made = samples.export_set(number, parties=who, at=at, collected=not scheme)
    return Act(at, _dearer(made, percent) if percent != 100 else made, scheme, actor, 0)


def _dearer(made: ExportSet, percent: int) -> ExportSet:
    """The same goods at that percentage of their price."""
    lines = [(int(line.qty or 1), _fen(line.price) * percent // 100) for line in made.order.list]
    prices = [{"price": yuan(fen), "totalPrice": yuan(fen * quantity)} for quantity, fen in lines]
    order = tuple(msgspec.structs.replace(line, **price) for line, price in zip(made.order.list, prices, strict=True))
    declared = tuple(msgspec.structs.replace(line, **price) for line, price in zip(made.declaration.list, prices, strict=True))
    head = msgspec.structs.replace(made.order.head, goodsValue=yuan(sum(quantity * fen for quantity, fen in lines)))
    return made._replace(
        order=msgspec.structs.replace(made.order, head=head, list=order),
        declaration=msgspec.structs.replace(made.declaration, list=declared),
    )


def _fen(text: str | None) -> int:
    whole, _, rest = (text or "0").partition(".")
    return int(whole) * 100 + int(rest.ljust(2, "0"))


# ---- schemes


def _stolen_identities(draw: Random, town: _Town, start: int, turn: int) -> Iterator[_Deal]:
    """Bought identity data, one telephone and a few addresses for all of them (Shenzhen 2021-01; a ring of 36)."""
    phones = [f"177{draw.randrange(10**8):08d}" for _ in range(draw.choice((1, 2)))]
    homes = [f"示范省示范市仓前街{turn * 10 + n}号" for n in range(draw.choice((1, 2, 3)))]
    begin = start + draw.randrange(20) * DAY
    for person in town.strangers(draw.randrange(20, 50), draw):
        used = person._replace(telephone=draw.choice(phones), address=draw.choice(homes))
        yield _Deal(begin + draw.randrange(8 * DAY), used, _basket(draw), draw.choice(town.shops))


def _split_orders(draw: Random, town: _Town, start: int, turn: int) -> Iterator[_Deal]:  # noqa: ARG001 - a scheme's shape
    """One purchase over the limit cut into orders of a day at one merchant."""
    for _ in range(4):
        person, shop = draw.choice(town.people), draw.choice(town.shops)
        at = start + draw.randrange(29) * DAY + 9 * _HOUR
        for part in range(draw.choice((2, 3))):
            good = draw.choice([g for g in GOODS if g.fen > 15_000])
            price = _usual(draw, good)
            yield _Deal(at + part * draw.randrange(60_000, _HOUR), person, [Sold(good, 420_000 // price, price)], shop)


def _many_buyers_one_receiver(draw: Random, town: _Town, start: int, turn: int) -> Iterator[_Deal]:
    """Many buyers whose parcels all go to one receiver (forwarders' notice of 2022-02: high-frequency receivers)."""
    receiver = buyer(9_000_000 + turn * 31 + draw.randrange(1000))._replace(address=f"示范省示范市集货街{turn}号")
    begin = start + draw.randrange(22) * DAY
    for person in town.strangers(draw.randrange(12, 40), draw):
        yield _Deal(begin + draw.randrange(6 * DAY), person, _basket(draw), draw.choice(town.shops), receiver=receiver)


def _push_orders(draw: Random, town: _Town, start: int, turn: int) -> Iterator[_Deal]:
    """Sales made elsewhere, pushed through a shop of one's own in bursts at night, paid within a second, amounts alike."""
    shop = _shop(turn)
    night = start + draw.randrange(2, 28) * DAY + 2 * _HOUR
    good = draw.choice(GOODS[2:6])
    for count, person in enumerate(town.strangers(draw.randrange(40, 80), draw)):
        sold = [Sold(good, 1, good.fen)]
        yield _Deal(night + count * draw.randrange(500, 3_000), person, sold, shop, pay_after=draw.randrange(200, 1_500))


def _undervalued(draw: Random, town: _Town, start: int, turn: int) -> Iterator[_Deal]:
    """Prices declared at 70 % of the real ones and less (court case of 2017)."""
    shop = _shop(100 + turn)
    for _ in range(draw.randrange(20, 40)):
        good = draw.choice(GOODS)
        price = _usual(draw, good) * draw.randrange(45, 70) // 100
        yield _Deal(_moment(draw, start), draw.choice(town.people), [Sold(good, draw.choice((1, 2)), price)], shop)


def _forged_payments(draw: Random, town: _Town, start: int, turn: int) -> Iterator[_Deal]:  # noqa: ARG001 - a scheme's shape
    """Payments in batches by one account for many buyers (court case of 2017; Gongbei 2020-01)."""
    account = town.strangers(1, draw)[0]
    begin = start + draw.randrange(25) * DAY + 10 * _HOUR
    shop = draw.choice(town.shops)
    for count, person in enumerate(town.strangers(draw.randrange(15, 40), draw)):
        yield _Deal(begin + count * 20_000, person, _basket(draw), shop, payer=account, pay_after=1_000)


def _waybill_reuse(draw: Random, town: _Town, start: int, turn: int) -> Iterator[_Deal]:
    """Numbers of waybills that carried other parcels before (Gongbei 2020-01: purchased waybill numbers)."""
    shop = draw.choice(town.shops)
    for count in range(10):
        number = f"CF{turn:04d}{count:010d}"
        at = start + draw.randrange(15) * DAY + 8 * _HOUR
        # The first parcel is a real one.
        yield _Deal(at, draw.choice(town.people), _basket(draw), shop, waybill=number, honest=True)
        for again in range(draw.choice((1, 2))):
            later = at + (again + 1) * draw.randrange(2, 6) * DAY
            yield _Deal(later, draw.choice(town.people), _basket(draw), shop, waybill=number)


def _resale(draw: Random, town: _Town, start: int, turn: int) -> Iterator[_Deal]:
    """A shop stocks up: the same goods again and again to one address, under the names of friends."""
    home = f"示范省示范市商铺街{turn}号"
    good = draw.choice(GOODS)
    friends = draw.sample(town.people, 4)
    for _ in range(draw.randrange(12, 20)):
        person = draw.choice(friends)
        receiver = person._replace(address=home)
        yield _Deal(_moment(draw, start), person, [Sold(good, draw.choice((2, 3, 4)), _usual(draw, good))], draw.choice(town.shops),
                    receiver=receiver)  # fmt: skip


def _allowance_abuse(draw: Random, town: _Town, start: int, turn: int) -> Iterator[_Deal]:  # noqa: ARG001 - a scheme's shape
    """An allowance used to its end and over it through several platforms."""
    for person in draw.sample(town.people, 3):
        good = draw.choice([g for g in GOODS if g.fen > 15_000])
        for number in range(draw.randrange(7, 10)):
            price = _usual(draw, good)
            at = start + number * 3 * DAY + draw.randrange(DAY)
            yield _Deal(at, person, [Sold(good, 400_000 // price, price)], draw.choice(town.shops))


FALSE_EXPORT = "false export"

#: Name → deals of one instance of an import scheme.
SCHEMES: dict[str, Callable[[Random, _Town, int, int], Iterator[_Deal]]] = {
    "stolen identities": _stolen_identities,
    "split orders": _split_orders,
    "many buyers, one receiver": _many_buyers_one_receiver,
    "push orders": _push_orders,
    "under-valuation": _undervalued,
    "forged payments": _forged_payments,
    "waybill reuse": _waybill_reuse,
    "resale": _resale,
    "allowance abuse": _allowance_abuse,
}

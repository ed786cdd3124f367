"""What the stage ``watch`` counts, and from which number on rules are told (a flag: reference data of the kind ``flag``).

A sighting is one declaration seen at one thing: a telephone, an address … Counted is what a rule asks about. The numbers
at which a flag is written are the hub's own (P); the rules hold dated numbers of theirs against what a flag says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from hub.domain.events import Matched, Sighting
from hub.domain.history import Purchase, delivered, short
from hub.domain.money import SCALE
from hub.domain.views import OrderView, PaymentView

HOUR_MS = 3_600_000
#: What is watched: a telephone a parcel goes to or a buyer names, an address delivered to, a payer who is not the buyer, goods at
#: an address, orders of a merchant and of one value that are paid the moment they are made.
TELEPHONE, ADDRESS, PAYER, STOCK, INSTANT = "telephone", "address", "payer", "stock", "instant"
#: A waybill number that was reported for another order; register, which keeps waybills for more than six months, tells of it.
REUSED = "waybill"
#: What the stage ledger flags: a guarantor whose guarantee is used up.
GUARANTOR = "guarantor"


class Watched(NamedTuple):
    """How a thing is watched: over how many hours, what is counted, at which numbers a flag is written, for which rule."""

    hours: int
    count: Callable[[tuple[Sighting, ...]], int]
    steps: tuple[int, ...]
    rule: str


def _people(seen: tuple[Sighting, ...]) -> int:
    return len({one.who for one in seen})


def _crowd(seen: tuple[Sighting, ...]) -> int:
    # At a pick-up point or in a block of flats everybody has a telephone; where identities are used they share a few.
    return _people(seen) - len({one.by for one in seen}) + 1


def _stock(seen: tuple[Sighting, ...]) -> int:
    # Many people who buy a piece or two each are a pick-up point; a stock comes through few.
    units = sum(one.units for one in seen)
    return units if units >= _EACH * _people(seen) else 0


#: Pieces a person, from which goods at an address are a stock.
_EACH = 3

WATCHED: dict[str, Watched] = {
    TELEPHONE: Watched(30 * 24, _people, (4, 5, 10, 20, 40), "R03"),
    ADDRESS: Watched(7 * 24, _crowd, (5, 10, 20, 40), "R04"),
    PAYER: Watched(7 * 24, _people, (5, 10, 20, 40), "R15"),
    STOCK: Watched(30 * 24, _stock, (15, 30, 60), "R17"),
    INSTANT: Watched(1, _people, (5, 10, 20, 40), "R05"),
    REUSED: Watched(180 * 24, _people, (1, 3, 10, 30), "R18"),
}
#: Pieces of a good that a buyer has to have bought, this time and before, to be counted at the address; an amount.
_WORTH_COUNTING = 2 * SCALE


def told(what: str, count: int) -> int:
    """The greatest of the numbers at which a flag is written that is reached; 0 for none."""
    return max((step for step in WATCHED[what].steps if step <= count), default=0)


def instant(order: OrderView | None, payment: PaymentView | None) -> bool:
    """Whether it was paid in the second it was ordered or the next: no person does (risk catalogue R05)."""
    if order is None or payment is None or len(order.time) != 14 or order.time[:12] != payment.time[:12]:
        return False
    ordered, paid = order.time[12:], payment.time[12:]
    return ordered.isdigit() and paid.isdigit() and 0 <= int(paid) - int(ordered) < 2


def sightings(event: Matched, history: tuple[Purchase, ...], new: Purchase) -> Iterator[tuple[str, Sighting]]:
    """(``what:id``, sighting) of what of a declaration is worth telling ``watch``; most buyers who come again tell nothing.

    ``history`` are the buyer's other purchases, ``new`` this one: what they have told of a telephone or an address is not
    told again, and who has bought here before is no invented buyer.
    """
    of, order, payment = event.declaration, event.order, event.payment
    who, key, at = short(event.buyer), event.declaration_key, event.received_at
    address, telephones = delivered(of, order)
    for telephone in telephones:
        if telephone and all(short(telephone) not in (one.telephone, one.reached) for one in history):
            yield f"{TELEPHONE}:{telephone}", Sighting(key, at, who)
    if address:
        if all((one.address, one.reached) != (new.address, new.reached) for one in history):
            yield f"{ADDRESS}:{address}", Sighting(key, at, who, new.reached)
        for code, qty in new.goods:
            before = sum(units for one in history if one.address == new.address for c, units in one.goods if c == code)
            if before + qty >= _WORTH_COUNTING:
                yield f"{STOCK}:{code}@{address}", Sighting(key, at, who, "", qty // SCALE)
    if payment is not None and payment.payer_id and payment.payer_id != of.buyer_id:
        yield f"{PAYER}:{payment.payer_id}", Sighting(key, at, who)
    if not history and instant(order, payment):
        yield instant_key(of.merchant, event.value), Sighting(key, at, who)


def instant_key(merchant: str, value: int) -> str:
    """Where orders of a merchant of the same value, paid at once, are counted."""
    return f"{INSTANT}:{merchant}@{value}"


def seen_with(seen: tuple[Sighting, ...], new: Sighting, hours: int, most: int) -> tuple[Sighting, ...]:
    """The window with a sighting (in place of an earlier version of its declaration's), the oldest beyond ``most`` dropped."""
    if not seen:  # nearly always
        return (new,)
    others = [one for one in seen if one.declaration != new.declaration]
    since = max(one.at for one in (*others, new)) - hours * HOUR_MS
    kept = sorted((one for one in (*others, new) if one.at > since), key=_by_time)
    return tuple(kept[-most:])


def _by_time(one: Sighting) -> tuple[int, str]:
    return one.at, one.declaration

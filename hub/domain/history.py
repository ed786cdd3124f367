"""What a buyer bought lately: kept in the buyer's state by assess, read by rules that look at more than one declaration."""

from __future__ import annotations

import msgspec

from hub.domain.events import Matched
from hub.domain.views import DeclarationView, OrderView, Spelling

#: A purchase is remembered for so long (ms), and at most so many of a buyer.
WINDOW = 30 * 86_400_000
MOST = 32
#: Goods remembered of a purchase, those with the most pieces.
_GOODS = 8


class Purchase(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An import declaration of a buyer. ``at``: received (ms); ``value``: dutiable value, an amount; the buyer's telephone, the
    address and telephone delivered to as shortened keyed digests; ``goods``: (commodity code, pieces of all its lines as an amount).
    """

    declaration: str
    at: int
    value: int
    platform: str
    merchant: str
    telephone: str
    address: str
    reached: str
    goods: tuple[tuple[str, int], ...]


def short(digest: str) -> str:
    """The last 16 hexadecimal digits of a keyed digest: enough to tell those of one person's purchases apart."""
    return digest[-16:]


def purchase(event: Matched) -> Purchase:
    """What is remembered of a declaration."""
    of = event.declaration
    address, telephones = delivered(of, event.order)
    return Purchase(
        event.declaration_key,
        event.received_at,
        event.value,
        of.platform,
        of.merchant,
        short(of.buyer_telephone),
        short(address),
        short(telephones[-1]),
        goods_of(of),
    )


def pieces_of(of: DeclarationView) -> dict[str, int]:
    """Commodity code → pieces of all lines that have it, an amount; a line of less than nothing takes nothing away."""
    pieces: dict[str, int] = {}
    for line in of.lines:
        pieces[line.gcode] = pieces.get(line.gcode, 0) + max(0, line.qty)
    return pieces


def goods_of(of: DeclarationView) -> tuple[tuple[str, int], ...]:
    """What is remembered of its goods, the same however they are cut into lines and whatever order these have."""
    return tuple(sorted(pieces_of(of).items(), key=_by_pieces)[:_GOODS])


def _by_pieces(good: tuple[str, int]) -> tuple[int, str]:
    return -good[1], good[0]


def delivered(of: DeclarationView, order: OrderView | None) -> tuple[str, tuple[str, ...]]:
    """The address a parcel goes to, and the telephones it names: the buyer's, then the consignee's where it is another.

    The address is the one in which differently written ones are alike: a comma makes no other house.
    """
    address = _alike(of.address, of.spelled.get("address"))
    telephones: tuple[str, ...] = (of.buyer_telephone,)
    if order is not None:
        address = _alike(order.consignee_address, order.spelled.get("consignee_address")) or address
        if order.consignee_telephone and order.consignee_telephone != of.buyer_telephone:
            telephones = (of.buyer_telephone, order.consignee_telephone)
    return address, telephones


def _alike(plain: str, spelled: Spelling | None) -> str:
    return spelled.alike or plain if spelled is not None and plain else plain


def remembered(history: tuple[Purchase, ...], new: Purchase) -> tuple[Purchase, ...]:
    """The history with a purchase (in place of an earlier version of it), without what is too old; the newest last."""
    since = new.at - WINDOW
    kept = [one for one in history if one.at > since and one.declaration != new.declaration]
    kept.append(new)
    kept.sort(key=_by_time)
    return tuple(kept[-MOST:])


def before(history: tuple[Purchase, ...], declaration: str, at: int) -> tuple[Purchase, ...]:
    """The buyer's other purchases of the window that ends at ``at``."""
    return tuple([one for one in history if one.declaration != declaration and at - WINDOW < one.at <= at])


def _by_time(one: Purchase) -> tuple[int, str]:
    return one.at, one.declaration

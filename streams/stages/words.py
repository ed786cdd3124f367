"""What tax, foreign exchange, market supervision and commerce say about a document: lines and facts beside its status.

Customs' status is never touched by another authority. The greatest time wins for each fact; what comes late is told and
changes nothing. Only what its participant may know is told to it (``OPEN_WORDS``): a word about what was told for an
officer's sake would tell that it was, so that stays among officers (``hub.web.sight`` leaves those lines out).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from hub.domain.events import ReceiptArrived
from hub.domain.keys import possible_time, receipt_ms
from hub.domain.notices import OPEN_WORDS, authority_of
from streams.stages import follow

if TYPE_CHECKING:
    from streams.stages.register import Turn

#: Items whose receipts are told apart, for each document.
_MOST_WORDS = 16
_PAID, _REFUND = "tax.bill.paid.v1", "tax.refund.decided.v1"


def said(turn: Turn, event: ReceiptArrived) -> None:
    """One word of an authority about a document that is here."""
    seen, receipts = f"{event.authority}:{event.numbers['event']}", turn.get("receipts")
    if seen in receipts:
        turn.note(event.authority, "receipt repeated", event.code, event.received_at)
        return
    turn.changes["receipts"] = (*receipts, seen)[-turn.settings.receipts :]
    if event.authority in OPEN_WORDS:
        _answer(turn, event)
    what, fact = _what(event)
    detail = " ".join([part for part in (event.numbers.get("detail", ""), event.info) if part])
    time = possible_time(event.time, event.received_at)
    kept = follow.more(turn)
    # Receipts are about items, each with words of its own; the fact is the last of all.
    about = f"{fact} {event.numbers.get('detail', '')}" if fact.endswith("Receipt") else fact
    if time < kept.words.get(about, ""):
        turn.note(event.authority, f"older: {what}", detail, turn.then(event.received_at))
        return
    words = {**kept.words, about: time}
    if len(words) > _MOST_WORDS:
        words.pop(next(name for name in words if name != about))
    facts = kept.facts
    if event.authority in OPEN_WORDS and time >= max([said for name, said in kept.words.items() if name.startswith(fact)], default=""):
        facts = {**facts, fact: str(receipt_ms(time)) if event.message == _PAID else event.code}
    turn.changes["more"] = msgspec.structs.replace(kept, words=words, facts=facts)
    turn.note(event.authority, what, detail, turn.then(event.received_at))


def _what(event: ReceiptArrived) -> tuple[str, str]:
    """The word of the timeline, and the name of the fact it sets."""
    if event.message == _PAID:
        return "tax bill paid", "taxPaid"
    if event.message == _REFUND:
        return f"refund {event.code}", "refund"
    return f"receipt {event.code}", f"{authority_of(event.message)}Receipt"


def _answer(turn: Turn, event: ReceiptArrived) -> None:
    """As of customs' receipts."""
    follow.told(
        turn, f"{turn.key}:{event.authority}:{event.numbers['event']}", event.received_at, event.authority, event.message,
        code=event.code, time=event.time, info=event.info, numbers={"detail": event.numbers.get("detail", "")},
    )  # fmt: skip

"""What a declaration burdens its guarantor's guarantee with; register keeps it and tells the ledger each time it moves.

The enterprise an import declaration names in ``assureCode`` guarantees its tax, which is paid between day 31 and 45 after
release (GACC 2018-194, Art. 12; I11). Until customs' tax bill says the amount, the tax to expect stands for it; a
void bill, a rejection, a withdrawal, an accepted cancellation and expiry free the guarantee. Whether a summarised bill
does is a setting (``RegisterSettings.summarised_frees``): the hub sees no payment. A bill that has not come by
day 45 is awaited no more.

What is told is absolute, and the register's state is the only place that holds it for each declaration.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from hub import codec, topics
from hub.domain import lifecycle
from hub.domain.events import BILLED, EXPECTED, FREED, REFUSED, AssessmentReport, Burden
from hub.domain.faults import Fault, fault
from hub.domain.lifecycle import EXPIRED
from streams.api import Output
from streams.stages import follow

if TYPE_CHECKING:
    from streams.stages.register import RegisterState, Turn

_LEDGER = topics.inbox("ledger")

#: Fact of a declaration whose tax does not fit into the guarantee, and its value.
FACT, EXHAUSTED = "guarantee", "exhausted"
#: Customs' refusal for want of guarantee, as its receipt says it (status 100).
_REFUSED = re.compile(r"\[Code[:：]\s*1311(?!\d)")

#: What the ledger was told last: guarantor, amount, stage.
Told = tuple[str, int, str]
_NOTHING: Told = ("", 0, FREED)


class Guaranteed(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Who guarantees, the tax the assessment expects, and what the ledger was told."""

    guarantor: str = ""
    expected: int = 0
    told: Told = _NOTHING


def assessed(turn: Turn, event: AssessmentReport) -> None:
    """The assessment names the guarantor and the tax to expect."""
    kept: Guaranteed | None = turn.get("guaranteed")
    turn.changes["guaranteed"] = Guaranteed(event.guarantor, event.tax, kept.told if kept is not None else _NOTHING)


def tell(turn: Turn, revision: int) -> None:
    """Tell the ledger where the burden moved with this turn."""
    kept: Guaranteed | None = turn.get("guaranteed")
    if kept is None:
        more = turn.get("more")
        if more is None or not more.taxes:
            return
        kept = Guaranteed()
    told, new = kept.told, _position(turn, kept)
    if new == told or (not told[0] and new[2] == FREED):
        return
    if told[0] and told[0] != new[0]:
        turn.tell(_LEDGER, told[0], Burden(turn.key, revision, 0, FREED, turn.now, told[1]))
        told = _NOTHING
    if new[0]:
        turn.tell(_LEDGER, new[0], Burden(turn.key, revision, new[1], new[2], turn.now, told[1]))
    turn.changes["guaranteed"] = msgspec.structs.replace(kept, told=new)


def forgotten(state: RegisterState, key: str, now: int) -> list[Output]:
    """Register forgets the declaration: whatever it still burdens its guarantor with is freed."""
    kept = state.guaranteed
    if kept is None or not kept.told[1]:
        return []
    burden = Burden(key, state.revision + 1, 0, FREED, now, kept.told[1])
    return [Output(_LEDGER, kept.told[0].encode(), codec.pack(burden))]


def differences(state: RegisterState) -> tuple[Fault, ...]:
    """What the declarant is shown: match's differences and, until customs has decided, that the guarantee is exhausted."""
    more, kept = state.more, state.guaranteed
    if more is None or more.facts.get(FACT) != EXHAUSTED:
        return state.differences
    code = lifecycle.meaning_of(state.code) if state.code else None
    if state.withdrawn or (code is not None and (code.ends or code.rejects)):
        return state.differences
    guarantor = more.facts.get("guarantor") or (kept.guarantor if kept is not None else "")
    return (*state.differences, fault("ledger.guarantee", path="assureCode", guarantor=guarantor))


def _position(turn: Turn, kept: Guaranteed) -> Told:
    more = follow.more(turn)
    guarantor = more.facts.get("guarantor") or kept.guarantor
    if not guarantor:
        return _NOTHING
    code = turn.get("code")
    effect = lifecycle.meaning_of(code).allowance if code else ""
    if effect == "free":
        refused = code == "100" and _REFUSED.search(turn.get("text"))
        return (guarantor, 0, REFUSED if refused else FREED)
    if effect == "return" or turn.get("withdrawn") or follow.cancelled(turn):
        return (guarantor, 0, FREED)
    if more.taxes:
        amount = _unpaid(turn, more)
        return (guarantor, amount, BILLED if amount else FREED)
    on_its_way = turn.get("joined") and turn.get("match") != EXPIRED
    stands = kept.expected and (not _over(turn, more) if effect == "count" else on_its_way)
    return (guarantor, kept.expected, EXPECTED) if stands else (guarantor, 0, FREED)


def _unpaid(turn: Turn, more: follow.More) -> int:
    """What the tax bills ask for that are neither void nor, as far as can be said, paid."""
    paid = turn.settings.summarised_frees or _over(turn, more)
    unpaid = 0
    for number, word in more.taxes.items():
        status = word.rpartition(":")[2]
        if status != "3" and not (status == "2" and paid):
            unpaid += more.owed.get(number, 0)
    return unpaid


def _over(turn: Turn, more: follow.More) -> bool:
    """Whether the last day of payment is over."""
    begin = int(more.facts.get("released") or more.facts.get("taxCreated") or 0)
    return bool(begin) and turn.now >= begin + turn.settings.tax_by_days * topics.DAY_MS

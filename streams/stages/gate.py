"""Gate: holds a message back while orders of authorities say so; one state for each submission.

Split brings a message here only where an order to hold may be about a declaration in it. Until the declaration is
assessed such an order holds it; then only if the assessment says so. A message stays whole and its bytes as they were
received (sealed), until each authority whose order holds it has released it, its order's limit is over or the order is
revoked; refused by one, it does not go at all. Assessment and message come in any order. Messages of the same sender
that came later are not kept back.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from hub import codec, topics
from hub.domain.events import (
    REFUSE,
    RELEASE,
    Decided,
    Decision,
    HandedOver,
    Handing,
    HeldBy,
    Hold,
    Judged,
    Tick,
)
from hub.domain.keys import china_day
from hub.domain.orders import Order, Orders
from hub.domain.reference import Reference
from streams.api import Output, Record, Step
from streams.stages.cloud import headers

_REGISTER = topics.inbox("register")

HELD, GONE, REFUSED = "held", "gone", "refused"
#: Why an order holds a message no more.
_DECIDED, _LIMIT, _REVOKED, _CLEAR = "decided", "limit", "revoked", "clear"


class GateSettings(msgspec.Struct, frozen=True):
    """``look``: ms after which it is looked again whether the orders are in force; ``keep``: ms what became of a message is
    remembered, as long as split remembers its id, and so long what assess says waits for the message.
    """

    look: int = 5 * 60_000
    keep: int = 8 * topics.DAY_MS


class Told(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the newest assessment of a declaration said: the ids of the orders that hold it."""

    revision: int
    at: int
    orders: tuple[str, ...]


class GateState(msgspec.Struct, frozen=True, array_like=True):
    """A message, or what was said of one that is not here.

    ``may``: declaration → ids of the orders that may be about it; ``told``: declaration → what assess said;
    ``orders``: every order named in either; ``ended``: order → why it holds no more; ``revision`` counts what was published.
    """

    state: str = ""
    submission: str = ""
    principal: str = ""
    sender: str = ""
    since: int = 0
    received_at: int = 0
    hand_overs: tuple[bytes, ...] = ()
    documents: tuple[str, ...] = ()
    may: dict[str, tuple[str, ...]] = {}
    told: dict[str, Told] = {}
    orders: dict[str, Order] = {}
    ended: dict[str, str] = {}
    decisions: tuple[Decision, ...] = ()
    revision: int = 0
    #: the log offset at which all of ``orders`` were known
    reference: int = 0

    def about(self) -> dict[str, tuple[str, ...]]:
        """Order → the declarations it is about, as far as is known."""
        found: dict[str, list[str]] = {}
        for declaration, may in self.may.items():
            told = self.told.get(declaration)
            for id in may if told is None else told.orders:
                found.setdefault(id, []).append(declaration)
        return {id: tuple(declarations) for id, declarations in sorted(found.items())}

    def certain(self, id: str) -> bool:
        """Whether an assessment says that an order holds the message."""
        return any(id in told.orders for told in self.told.values())


_NOTHING = GateState()


class Gate:
    """The stage. ``references`` say which orders are in force."""

    name = "gate"
    inbox = topics.inbox("gate")

    def __init__(self, references: Reference, settings: GateSettings | None = None) -> None:
        self._orders = Orders(references)
        self._settings = settings or GateSettings()

    dump = staticmethod(codec.pack)
    load = staticmethod(codec.decoder(GateState))

    def handle(self, state: GateState | None, record: Record, now: Tick) -> Step | None:
        """A message, what its assessment says, or a decision; None for what is known or comes too late."""
        event = codec.gate_event(record.value)
        old = state or _NOTHING
        if isinstance(event, Handing):
            return self._handing(old, event, now)
        if old.state in (GONE, REFUSED):
            return None
        if isinstance(event, Judged):
            return self._judged(old, event, now)
        return self._decided(old, event, now)

    def fire(self, state: GateState, key: bytes, now: Tick) -> Step:  # noqa: ARG002 - the protocol's signature
        """A limit is over, an order may be revoked, or it may all be forgotten."""
        if state.state == HELD:
            return self._settle(state, state, now)
        return Step(None, 0, [])

    def _handing(self, old: GateState, event: Handing, now: Tick) -> Step | None:
        if old.state:
            return None
        known = {order.id: order for orders in event.orders.values() for order in orders}
        at = max(now.at, event.received_at)
        state = msgspec.structs.replace(
            old,
            state=HELD,
            submission=event.submission,
            principal=event.principal,
            sender=event.sender,
            since=at,
            received_at=event.received_at,
            hand_overs=event.hand_overs,
            reference=max(old.reference, event.reference),
            documents=event.documents,
            may={
                declaration: tuple([order.id for order in orders])
                for declaration, orders in {**dict.fromkeys(old.told, ()), **event.orders}.items()
            },
            orders={**known, **old.orders},
        )
        return self._settle(old, state, now)

    def _judged(self, old: GateState, event: Judged, now: Tick) -> Step | None:
        before = old.told.get(event.declaration)
        told = Told(event.revision, event.at, tuple([order.id for order in event.orders]))
        if before is not None and (before == told or (before.revision, before.at) > (told.revision, told.at)):
            return None
        state = msgspec.structs.replace(
            old,
            told={**old.told, event.declaration: told},
            orders={**old.orders, **{order.id: order for order in event.orders}},
            ended={id: why for id, why in old.ended.items() if all(order.id != id or order == old.orders[id] for order in event.orders)},
            reference=max(old.reference, event.reference),
        )
        if not state.state:
            return Step(state, now.at + self._settings.keep, [])
        if event.declaration not in state.may:
            state = msgspec.structs.replace(state, may={**state.may, event.declaration: ()})
        return self._settle(old, state, now)

    def _decided(self, old: GateState, event: Decided, now: Tick) -> Step | None:
        if old.state != HELD or event.authority in {decision.authority for decision in old.decisions}:
            return None
        mine = any(old.orders[id].authority == event.authority and id not in old.ended for id in old.about())
        if not mine or event.decision not in (RELEASE, REFUSE):
            return None
        decision = Decision(event.authority, event.decision, event.by, event.reason, event.at)
        return self._settle(old, msgspec.structs.replace(old, decisions=(*old.decisions, decision)), now)

    # ---- what follows

    def _settle(self, old: GateState, state: GateState, now: Tick) -> Step:
        """Which orders still hold it, whether it goes, and what is told of it."""
        said = {decision.authority: decision.decision for decision in state.decisions}
        about = state.about()
        in_force = {order.id for order in self._orders.at(china_day(state.received_at), max(now.reference, state.reference))}
        ended = {id: why for id, why in state.ended.items() if why != _CLEAR}
        for id, order in state.orders.items():
            why = self._why(state, order, now, said, about, in_force)
            if why:
                ended.setdefault(id, why)
        holding = [id for id in about if id not in ended]
        new = state.state
        if REFUSE in said.values():
            new = REFUSED
        elif not holding:
            new = GONE
        at = max(now.at, state.since)
        due = at + self._settings.keep
        if new == HELD:
            limit = min(state.since + state.orders[id].limit for id in holding)
            due = min(limit, now.at + self._settings.look)
        going, kept = ((), state.hand_overs) if new == HELD else (state.hand_overs, ())
        state = msgspec.structs.replace(state, state=new, ended=ended, hand_overs=kept)
        if _same(old, state):
            return Step(old, due, [])
        if new == GONE and not old.state:
            return Step(state, due, _leaving(state, going))
        state = msgspec.structs.replace(state, revision=old.revision + 1)
        return Step(state, due, self._outputs(old, state, going, at))

    def _why(
        self,
        state: GateState,
        order: Order,
        now: Tick,
        said: Mapping[str, str],
        about: Mapping[str, tuple[str, ...]],
        in_force: set[str],
    ) -> str:
        if order.id not in about:
            return _CLEAR
        if said.get(order.authority) == RELEASE:
            return _DECIDED
        if state.since + order.limit <= now.at:
            return _LIMIT
        return "" if order.id in in_force else _REVOKED

    def _outputs(self, old: GateState, state: GateState, going: tuple[bytes, ...], at: int) -> list[Output]:
        outputs = [self._published(state, at)]
        if state.state == HELD:
            if old.state != HELD:
                names = ", ".join(dict.fromkeys(state.orders[id].authority for id in state.about() if id not in state.ended))
                outputs += _tell(state, HELD, f"by order of {names}", at)
            return outputs
        if state.state == REFUSED:
            refusal = next(decision for decision in state.decisions if decision.decision == REFUSE)
            return outputs + _tell(state, REFUSED, f"by order of {refusal.authority}: {refusal.reason}", at)
        return outputs + _tell(state, "passed on", "", at) + _leaving(state, going)

    def _published(self, state: GateState, at: int) -> Output:
        about = state.about()
        orders = tuple(
            HeldBy(
                id,
                order.authority,
                state.since + order.limit,
                about.get(id, ()),
                state.certain(id),
                state.ended.get(id, ""),
            )
            for id, order in sorted(state.orders.items())
        )
        hold = Hold(
            state.submission, state.revision, state.state, state.principal, state.sender, state.since, at,
            state.documents, orders, state.decisions,
        )  # fmt: skip
        made = headers(f"hub.hold.{state.state}.v1", f"{state.submission}@{state.revision}", state.submission, at)
        return Output(topics.HOLDS, state.submission.encode(), codec.to_json(hold), made)


def _same(old: GateState, new: GateState) -> bool:
    """Whether nothing is to be told or kept."""
    return old.state == new.state and old.ended == new.ended and old.told == new.told and old.decisions == new.decisions


def _leaving(state: GateState, going: tuple[bytes, ...]) -> list[Output]:
    return [Output(topics.OUT_CUSTOMS, state.sender.encode(), hand_over) for hand_over in going]


def _tell(state: GateState, outcome: str, note: str, at: int) -> list[Output]:
    """What register is told about each document of the message: by whose order, never why."""
    told = codec.pack(HandedOver(state.submission, "customs", outcome, at, note=note))
    return [Output(_REGISTER, key.encode(), told) for key in state.documents]

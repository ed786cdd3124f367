"""Resolve: leads what knows only a number (preNo, invtNo, guid, CopMsgId) to the register keys it belongs to.

A lead whose number is not linked yet waits; with further numbers to try it goes round them. What has found nothing in
the time set is parked and alarmed, and still delivered should the link come.
"""

from __future__ import annotations

import msgspec

from hub import codec, topics
from hub.domain.events import Alert, ApplicationAnswer, Inquiry, Lead, Link, Tick
from streams.api import Output, Record, Step
from streams.stages.cloud import raised

_REGISTER, _RESOLVE, _MATCH = topics.inbox("register"), topics.inbox("resolve"), topics.inbox("match")


class ResolveSettings(msgspec.Struct, frozen=True):
    """Times in ms and bounds (P). ``round``: how long a lead waits at one of several numbers before it tries the next."""

    round: int = 10_000
    park: int = 10 * 60_000
    keep: int = 90 * topics.DAY_MS
    leads: int = 256
    keys: int = 100


class ResolveState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A number: the register keys it belongs to, the leads that wait for them, and those given up (``parked``)."""

    keys: tuple[str, ...] = ()
    leads: tuple[Lead, ...] = ()
    parked: tuple[Lead, ...] = ()
    since: int = 0


_NOTHING = ResolveState()


class Resolve:
    """The stage."""

    name = "resolve"
    inbox = topics.inbox("resolve")

    def __init__(self, settings: ResolveSettings | None = None) -> None:
        self._settings = settings or ResolveSettings()

    dump = staticmethod(codec.pack)
    load = staticmethod(codec.decoder(ResolveState))

    def handle(self, state: ResolveState | None, record: Record, now: Tick) -> Step | None:
        """A link releases what waits; a lead goes on or waits."""
        event = codec.resolve_event(record.value)
        old = state or _NOTHING
        if isinstance(event, Link):
            return self._link(old, event, record.key.decode(), now.at)
        if old.keys:
            return Step(old, self._due(old), _released(old.keys, (event,)))
        leads = self._kept((*old.leads, event))
        state = msgspec.structs.replace(old, leads=leads, since=old.since or max(now.at, event.at))
        return Step(state, self._due(state), [])

    def fire(self, state: ResolveState, key: bytes, now: Tick) -> Step:
        """Send leads on to their next number, park and alarm those that have waited long enough, or forget."""
        settings, at = self._settings, now.at
        if state.since + settings.keep <= at:
            return Step(None, 0, [])
        outputs: list[Output] = []
        waiting, parked = [], list(state.parked)
        for lead in state.leads:
            if lead.at + settings.park <= at:
                parked.append(lead)
                outputs += self._not_found(key.decode(), lead, at)
            elif lead.alternatives:
                outputs += self._following(key.decode(), lead)
            else:
                waiting.append(lead)
        left = ResolveState(state.keys, tuple(waiting), tuple(parked[-settings.leads :]), state.since)
        if not left.keys and not left.leads and not left.parked:
            return Step(None, 0, outputs)
        return Step(left, self._due(left, at), outputs)

    def _link(self, old: ResolveState, event: Link, number: str, at: int) -> Step | None:
        if old.keys and number.startswith("guid:"):
            return None  # a guid is its first document's; who claims it later gets no receipts of another
        keys = tuple(dict.fromkeys((*old.keys, *event.keys)))[-self._settings.keys :]
        if keys == old.keys:
            return None
        state = ResolveState(keys, (), (), max(at, event.at))
        return Step(state, self._due(state), _released(keys, (*old.leads, *old.parked)))

    def _kept(self, leads: tuple[Lead, ...]) -> tuple[Lead, ...]:
        """The newest of each sort: who asks cannot push out what customs says."""
        if len(leads) <= self._settings.leads:
            return leads
        over = next((lead for lead in leads if lead.origin), leads[0])
        return tuple([lead for lead in leads if lead is not over])

    def _due(self, state: ResolveState, at: int = 0) -> int:
        settings = self._settings
        dues = [state.since + settings.keep]
        for lead in state.leads:
            if lead.alternatives:
                dues.append((at or max(state.since, lead.at)) + settings.round)
            dues.append(lead.at + settings.park)
        return min(dues)

    @staticmethod
    def _following(number: str, lead: Lead) -> list[Output]:
        """Try the next number; merchant and order number lead to match, which knows the declarations of an order."""
        first, *rest = lead.alternatives
        if first.startswith("order:"):
            _, merchant, order = first.split(":", 2)
            return [Output(_MATCH, order.encode(), codec.pack(Inquiry(merchant, lead.event, lead.at, number)))]
        following = msgspec.structs.replace(lead, alternatives=(*rest, number))
        return [Output(_RESOLVE, first.encode(), codec.pack(following))]

    def _not_found(self, number: str, lead: Lead, at: int) -> list[Output]:
        """Who asks is told; a receipt, which nobody asks for, is alarmed."""
        if lead.origin:
            answer = ApplicationAnswer(lead.revision, "", at, number=number.partition(":")[2])
            return [Output(_REGISTER, lead.origin.encode(), codec.pack(answer))]
        return self._alert(number, lead, at)

    def _alert(self, number: str, lead: Lead, at: int) -> list[Output]:
        alert = Alert(
            id=f"unmatched-receipt:{number}@{lead.at}",
            at=at,
            rule="hub.unmatched-receipt",
            severity="yellow",
            family="technical",
            agency=("customs", "office"),
            message="A receipt names a number that belongs to no document here.",
            message_zh="收到的回执所列编号无对应单证。",
            evidence={"number": number},
        )
        return raised(alert, number)


def _released(keys: tuple[str, ...], leads: tuple[Lead, ...]) -> list[Output]:
    return [Output(_REGISTER, key.encode(), bytes(lead.event)) for lead in leads for key in keys]

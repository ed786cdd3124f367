"""Ledger: watches the balance of tax guarantees; one state for each guarantor, by its enterprise code.

Register tells what each declaration burdens its guarantor with (``Burden``, absolute, of the highest revision); the burden
of a guarantee is the sum over its declarations. A guarantor may have a million of them unpaid at a time, more
than one record can hold, so only the last ones keep an entry of their own; an older one is in the sum alone, and the
event that moves it says what it was (``Burden.before``). That it moves once, whatever is repeated after a crash, is
known from the event's origin: what is not newer than the newest seen of its upstream partition is in the sum
already (decision 4).

The guarantee is reference data (kind ``guarantee``, in force on the day of the last tick). Without it nothing is watched,
but the burden is kept for the day it comes. Where the burden reaches a share of it, officers are alarmed, once for
each crossing; declarations whose tax no longer fits are told before customs refuses them (1311). Customs' refusal is
recorded as the guarantee being exhausted there, as 1313 is of the allowance, until it lets another one pass.
A guarantee that is used up is flagged (reference data of the kind ``flag``) for rule R24, and the flag is taken down once
it fits again, at most once a day: versions are never forgotten.
"""

from __future__ import annotations

import msgspec

from hub import codec, topics
from hub.domain.events import BILLED, EXPECTED, REFUSED, Alert, Burden, Noted, Tick
from hub.domain.keys import china_day, day_text
from hub.domain.money import bounded, text
from hub.domain.reference import guarantee_of
from hub.domain.watching import GUARANTOR
from hub.rules.api import ECONOMIC, References
from streams.api import Output, Record, Step
from streams.entries import origin_of
from streams.stages.cloud import raised
from streams.stages.flag import flag
from streams.stages.guarantee import EXHAUSTED, FACT

_REGISTER = topics.inbox("register")
#: Words of the timeline.
NO_LONGER, AGAIN = "guarantee exhausted", "guarantee sufficient"


class LedgerSettings(msgspec.Struct, frozen=True):
    """Shares in percent of the guarantee (P), bounds, ms.

    ``warn``: the first alert; the second comes at 100. ``slack``: so far below a share the burden has to fall before it
    can cross it again. ``entries``: declarations with an entry of their own. ``told``: of those that were told that their
    tax does not fit, how many are remembered, to be told when it does. ``keep``: a guarantor is remembered.
    """

    warn: int = 80
    slack: int = 5
    entries: int = 64
    told: int = 256
    keep: int = 400 * topics.DAY_MS


class LedgerState(msgspec.Struct, frozen=True, array_like=True):
    """A guarantor: ``burden`` is the sum over its declarations, ``declarations`` how many of them have a part in it.

    ``entries``: declaration → (revision, amount) of the last that moved, the oldest first; ``dropped``: some have none any more.
    ``seen``: upstream partition → the newest origin. ``level``: the shares crossed. ``refused``: the least tax
    customs has refused for want of guarantee since it let one pass, 0 for none; ``differed``: the day (yyyymmdd) that was alarmed last.
    """

    burden: int = 0
    declarations: int = 0
    entries: dict[str, tuple[int, int]] = {}
    dropped: bool = False
    seen: dict[bytes, bytes] = {}
    level: int = 0
    told: tuple[str, ...] = ()
    refused: int = 0
    differed: int = 0
    since: int = 0
    #: the newest version of the guarantor's flag, whether it stands, and the day (yyyymmdd) it was last taken down
    version: int = 0
    flagged: bool = False
    lowered: int = 0


_NOTHING = LedgerState()


class Ledger:
    """The stage. ``references`` is the process's view of the reference data."""

    name = "ledger"
    inbox = topics.inbox("ledger")

    def __init__(self, references: References, settings: LedgerSettings | None = None) -> None:
        self._references = references
        self._settings = settings or LedgerSettings()

    dump = staticmethod(codec.pack)
    load = staticmethod(codec.decoder(LedgerState))

    def handle(self, state: LedgerState | None, record: Record, now: Tick) -> Step | None:
        """Move a declaration's part of the burden and say what follows; None for what is known."""
        event = codec.ledger_event(record.value)
        old = state or _NOTHING
        upstream, rank = origin_of(record.headers) or (b"", b"")
        repeated = bool(rank) and rank <= old.seen.get(upstream, b"")
        held = old.entries.get(event.declaration)
        if held is None:
            if repeated:
                return None
            before = event.before if old.dropped else 0
        else:
            if event.revision <= held[0]:
                return None
            before = held[1]
        entries = {**old.entries}
        # The one that moved last goes to the end.
        entries.pop(event.declaration, None)
        entries[event.declaration] = (event.revision, event.amount)
        dropped = old.dropped
        if len(entries) > self._settings.entries:
            del entries[next(iter(entries))]
            dropped = True
        new = LedgerState(
            bounded(old.burden + event.amount - before),
            old.declarations + (event.amount > 0) - (before > 0),
            entries,
            dropped,
            {**old.seen, upstream: rank} if rank and not repeated else old.seen,
            old.level,
            old.told,
            old.refused,
            old.differed,
            max(now.at, event.at),
            old.version,
            old.flagged,
            old.lowered,
        )
        return self._step(_Watch(record.key.decode(), new, now, self._settings).look(self._references, event, before))

    def fire(self, state: LedgerState, key: bytes, now: Tick) -> Step:
        """The guarantor's last declaration moved long ago: forget, but not which versions of the flag there were."""
        if state.since + self._settings.keep > now.at:
            return self._step((state, []))
        if not state.version:
            return Step(None, 0, [])
        lowered, outputs = _flag(key.decode(), state, china_day(now.at), 0) if state.flagged else (state, [])
        return Step(LedgerState(version=lowered.version), 0, outputs)

    def _step(self, result: tuple[LedgerState, list[Output]]) -> Step:
        state, outputs = result
        return Step(state, state.since + self._settings.keep, outputs)


class _Watch:
    """A burden that has moved, held against the guarantee."""

    def __init__(self, guarantor: str, state: LedgerState, now: Tick, settings: LedgerSettings) -> None:
        self._guarantor, self._state, self._now, self._settings = guarantor, state, now, settings
        self._at = state.since
        self._outputs: list[Output] = []

    def look(self, references: References, event: Burden, before: int) -> tuple[LedgerState, list[Output]]:
        """The state with what is watched, and what is said."""
        state, day = self._state, china_day(self._now.at)
        record = references.find("guarantee", self._guarantor, day, self._now.reference)
        guarantee = guarantee_of(record) if record is not None else 0
        if record is None or not guarantee:
            if state.level or state.told or state.refused:
                state = msgspec.structs.replace(state, level=0, told=(), refused=0)
            return self._flagged(state, day)
        office = str(record.get("office", ""))
        refused, differed = state.refused, state.differed
        if event.stage == REFUSED:
            # What it burdened the guarantee with is freed by now, but was there when customs looked.
            if differed != day and state.burden + before <= guarantee:
                self._alarm(f"hub.guarantee-differs:{self._guarantor}:{day}", _DIFFERS, guarantee, event, office)
                differed = day
            refused = min(refused or before, before) or 1
        elif event.stage == BILLED:
            refused = 0
        told = self._notices(event, before, exhausted=state.burden > guarantee, refused=refused)
        level = self._level(guarantee)
        if level > state.level:
            id_ = f"hub.guarantee:{self._guarantor}:{event.declaration}@{event.revision}"
            self._alarm(id_, _CROSSED[level - 1], guarantee, event, office)
        if (level, told, refused, differed) != (state.level, state.told, state.refused, state.differed):
            state = msgspec.structs.replace(state, level=level, told=told, refused=refused, differed=differed)
        return self._flagged(state, day)

    def _flagged(self, state: LedgerState, day: int) -> tuple[LedgerState, list[Output]]:
        """The flag follows the level, and says how many declarations burden the guarantee."""
        up = state.level >= _USED_UP
        if up == state.flagged or (not up and state.lowered >= day):
            return state, self._outputs
        state, outputs = _flag(self._guarantor, state, day, max(1, state.declarations) if up else 0)
        return state, self._outputs + outputs

    def _notices(self, event: Burden, before: int, *, exhausted: bool, refused: int) -> tuple[str, ...]:
        """Tell a declaration whose tax does not fit, and those that were told so when all of it fits again."""
        told, key = self._state.told, event.declaration
        if event.stage != EXPECTED and key in told:
            told = tuple([other for other in told if other != key])
        if told and not exhausted and not refused:
            for other in told:
                self._note(other, AGAIN, "")
            return ()
        if not exhausted and not 0 < refused <= event.amount:
            return told
        if event.stage != EXPECTED or event.amount <= before or key in told:
            return told
        self._note(key, NO_LONGER, EXHAUSTED)
        return (*told, key)[-self._settings.told :]

    def _note(self, declaration: str, what: str, value: str) -> None:
        note = Noted(what, self._at, "hub", self._guarantor, FACT, value)
        self._outputs.append(Output(_REGISTER, declaration.encode(), codec.pack(note)))

    def _level(self, guarantee: int) -> int:
        """How many shares are crossed; one that was stays so until the burden has fallen below it by the slack."""
        settings, burden = self._settings, self._state.burden * 100
        shares = (settings.warn, 100)
        crossed = sum(burden >= share * guarantee for share in shares)
        kept = sum(burden >= (share - settings.slack) * guarantee for share in shares)
        return max(crossed, min(self._state.level, kept))

    def _alarm(self, id_: str, words: tuple[str, str, str, str], guarantee: int, event: Burden, office: str) -> None:
        rule, severity, message, message_zh = words
        burden = self._state.burden
        evidence = {
            "guarantor": self._guarantor,
            "burden": text(burden),
            "guarantee": text(guarantee),
            "percent": str(burden * 100 // guarantee),
            "declarations": str(self._state.declarations),
        }
        alert = Alert(
            id=id_,
            at=self._at,
            rule=rule,
            severity=severity,
            family=ECONOMIC,
            agency=("customs", "tax"),
            declaration=event.declaration,
            enterprises=(self._guarantor,),
            office=office,
            message=message,
            message_zh=message_zh,
            evidence=evidence,
        )
        self._outputs += raised(alert, self._guarantor)


#: The level at which the unpaid tax has reached the guarantee.
_USED_UP = 2


def _flag(guarantor: str, state: LedgerState, day: int, count: int) -> tuple[LedgerState, list[Output]]:
    """A version of the guarantor's flag; ``count`` 0 takes it down."""
    version = state.version + 1
    output = flag(f"{GUARANTOR}:{guarantor}", version, day_text(day), "", {"count": count, "since": day})
    lowered = state.lowered if count else day
    state = msgspec.structs.replace(state, version=version, flagged=bool(count), lowered=lowered)
    return state, [output]


#: (rule, severity, sentence, sentence in Chinese) of the shares' alerts (R24 of the risk catalogue), and of a difference.
_CROSSED = (
    (
        "hub.guarantee",
        "yellow",
        "The unpaid tax of a guarantor nears its guarantee.",
        "担保企业未缴税款接近担保额度。",
    ),
    (
        "hub.guarantee",
        "red",
        "The unpaid tax of a guarantor has reached its guarantee.",
        "担保企业未缴税款已达到担保额度。",
    ),
)
_DIFFERS = (
    "hub.guarantee-differs",
    "yellow",
    "Customs says that a guarantee is exhausted, the hub's account has room.",
    "海关称担保金额不足，而本平台账上仍有余额。",
)

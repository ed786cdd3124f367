"""Observe: what an enterprise trades; one state for each merchant, by its code.

Assess tells of each declaration once, after its first assessment. Sums are kept by day and by year (``hub.domain.profile``), so a hot
merchant costs what a small one does; that nothing counts twice is known from the event's origin, as in the ledger. Where a
number is reached a flag is written (reference data, kind ``flag``) which assess reads like everything else, and officers are alarmed once.
"""

from __future__ import annotations

import msgspec

from hub import codec, topics
from hub.domain.events import Alert, Tick, Traded
from hub.domain.keys import china_day, day_count, day_text
from hub.domain.kinds import EXPORT
from hub.domain.money import SCALE, bounded
from hub.domain.profile import FX, FX_STEPS, GROWTH, Day, grown, growth, with_one
from hub.domain.reference import CNY
from hub.domain.reference_kinds import number_of
from hub.rules.api import ECONOMIC, References
from streams.api import Output, Record, Step
from streams.entries import origin_of
from streams.stages.cloud import raised
from streams.stages.flag import flag

_DOLLAR = "502"


class ObserveSettings(msgspec.Struct, frozen=True):
    """``keep``: ms a merchant is remembered after its last declaration."""

    keep: int = 400 * topics.DAY_MS


class ObserveState(msgspec.Struct, frozen=True, array_like=True):
    """A merchant: its days, dollars of exports by year (amounts), the newest origin of each upstream partition.

    ``flags``: what → (version, number it was written at, day it was written on).
    """

    days: tuple[Day, ...] = ()
    exported: dict[int, int] = {}
    seen: dict[bytes, bytes] = {}
    flags: dict[str, tuple[int, int, int]] = {}
    since: int = 0
    #: exports whose currency had no rate
    unrated: int = 0


_NOTHING = ObserveState()


class Observe:
    """The stage. ``references`` is the process's view of the reference data: rates of exchange."""

    name = "observe"
    inbox = topics.inbox("observe")

    def __init__(self, references: References, settings: ObserveSettings | None = None) -> None:
        self._references = references
        self._settings = settings or ObserveSettings()

    dump = staticmethod(codec.pack)
    load = staticmethod(codec.decoder(ObserveState))

    def handle(self, state: ObserveState | None, record: Record, now: Tick) -> Step | None:
        """Add a declaration; None for what is known."""
        event = codec.observe_event(record.value)
        old = state or _NOTHING
        upstream, rank = origin_of(record.headers) or (b"", b"")
        if rank and rank <= old.seen.get(upstream, b""):
            return None
        number = day_count(event.at)
        days = with_one(old.days, number, doubtful=event.level != "green", new=event.new)
        exported, unrated = old.exported, old.unrated
        year = china_day(event.at) // 10_000
        if event.side == EXPORT:
            dollars = self._dollars(event, now)
            if dollars is None:
                unrated += 1
            else:
                kept = {y: total for y, total in exported.items() if y >= year - 1}
                exported = {**kept, year: bounded(kept.get(year, 0) + dollars)}
        seen = {**old.seen, upstream: rank} if rank else old.seen
        new = ObserveState(days, exported, seen, old.flags, max(old.since, event.at), unrated)
        flags, outputs = dict(old.flags), []
        for what, count, value, until in self._reached(new, number, year):
            output = _flag(flags, what, record.key.decode(), count, value, china_day(event.at), until)
            if output is not None:
                first = count > old.flags.get(what, (0, 0, 0))[1]
                outputs += [output, _alarm(what, record.key.decode(), event, count, flags[what][0])] if first else [output]
        return Step(msgspec.structs.replace(new, flags=flags) if outputs else new, new.since + self._settings.keep, outputs)

    def fire(self, state: ObserveState, key: bytes, now: Tick) -> Step:  # noqa: ARG002 - the protocol's signature
        """The merchant's last declaration is long ago: forget, but not which versions of a flag there were."""
        due = state.since + self._settings.keep
        if due > now.at:
            return Step(state, due, [])
        return Step(ObserveState(flags=state.flags) if state.flags else None, 0, [])

    def _dollars(self, event: Traded, now: Tick) -> int | None:
        """The value in dollars, an amount; None without a rate."""
        currency = event.currency or CNY
        if currency == _DOLLAR:
            return event.value
        day = china_day(event.at)
        rates = []
        for code in (currency, _DOLLAR):
            record = {"cny": "1"} if code == CNY else self._references.find("exchange", code, day, now.reference)
            rates.append(number_of(record.get("cny")) if record is not None else None)
        own, dollar = rates
        return event.value * own // dollar if own and dollar else None

    def _reached(self, state: ObserveState, number: int, year: int) -> list[tuple[str, int, dict[str, int], str]]:
        """(what, number, what the flag says, first day it is over) of everything that is to be flagged."""
        found = []
        now, before, new = growth(state.days, number)
        if grown(now, before, new):
            until = day_text(china_day((number + 8) * topics.DAY_MS))
            found.append((GROWTH, 1, {"count": now, "before": before, "new": new}, until))
        dollars = state.exported.get(year, 0) // SCALE
        step = max((one for one in FX_STEPS if one < dollars), default=0)
        if step:
            found.append((FX, step, {"count": dollars, "year": year}, f"{year + 1}-01-01"))
        return found


def _flag(
    flags: dict[str, tuple[int, int, int]], what: str, code: str, count: int, value: dict[str, int], day: int, until: str
) -> Output | None:
    """The flag as the next version, where its number is new or it has to go on: once a day."""
    version, step, last = flags.get(what, (0, 0, 0))
    goes_on = what == GROWTH and day > last
    if count <= step and not goes_on:
        return None
    flags[what] = (version + 1, count, day)
    return flag(f"{what}:{code}", version + 1, day_text(day), until, value)


def _alarm(what: str, code: str, event: Traded, count: int, version: int) -> Output:
    rule, agency, message, message_zh = _WORDS[what]
    alert = Alert(
        id=f"{rule}:{what}:{code}@{version}",
        at=event.at,
        rule=rule,
        severity="yellow",
        family=ECONOMIC,
        agency=agency,
        declaration=event.declaration,
        enterprises=tuple(dict.fromkeys(name for name in (code, event.platform) if name)),
        office=event.office,
        message=message.format(count=count),
        message_zh=message_zh.format(count=count),
        evidence={"flag": f"{what}:{code}"},
    )
    return raised(alert, alert.declaration)


#: What is flagged → rule, whom it concerns, what an alert says.
_WORDS = {
    GROWTH: (
        "R16",
        ("customs",),
        "An enterprise sells ten times what it sold the week before, mostly to buyers unknown here.",
        "企业一周销量达前一周的十倍以上，且订购人多为首次出现。",
    ),
    FX: (
        "R21",
        ("forex",),
        "An enterprise's exports of the year are worth more than {count} dollars.",
        "企业本年度出口额超过 {count} 美元。",
    ),
}

"""Observe: what an enterprise trades; one state for each merchant, by its code.

Assess tells of each declaration once, after its first assessment, and register of customs' word on it. Sums are kept by day and by
year (``hub.domain.profile``), so a hot merchant costs what a small one does; that nothing counts twice is known from the event's
origin, as in the ledger. What rules ask for is flagged at once (reference data, kind ``flag``); the rest is looked at a while
after something came, and daily: what is remarkable is alarmed, once for each step, suggested to the officers who confirm
standings, and published with the profile.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from hub import codec, topics
from hub.domain import profile
from hub.domain.events import REFUSED, WITHDRAWN, Alert, Concluded, Licensed, Reviewed, StandingChange, Tick, Traded
from hub.domain.keys import china_day, china_midnight, date_of, day_count, day_text
from hub.domain.kinds import EXPORT
from hub.domain.money import SCALE, bounded
from hub.domain.notices import Complained
from hub.domain.profile import (
    CROWDS,
    FX,
    FX_STEPS,
    GROWTH,
    LICENCE,
    PRICED_LINES,
    PRICES,
    SEVERITIES,
    Crowd,
    Day,
    Episode,
    Licence,
    Prices,
    licence_id,
)
from hub.domain.reference import CNY, Reference
from hub.domain.reference_kinds import number_of
from hub.domain.standing import Standing, Standings, changed, of_note
from hub.rules.api import ECONOMIC, TRADING
from streams.api import Output, Record, Step
from streams.entries import origin_of
from streams.stages import authorities, profiles
from streams.stages.cloud import headers, raised
from streams.stages.flag import flag

_DOLLAR = "502"
#: What is used of a permit counts on every day that a late declaration may be of.
_FIRST_DAY = "2020-01-01"
#: Changes of a standing that a profile tells; notices of complaints by which a repeated one is known.
_CHANGES, _COMPLAINTS = 10, 64
#: An officer's word about credit is looked at when the tick names the reference data it is in.
_SETTLED = 2000


class ObserveSettings(msgspec.Struct, frozen=True):
    """Times in ms. ``keep``: a merchant is remembered after its last declaration; ``look``: after what came it is looked at."""

    keep: int = 400 * topics.DAY_MS
    look: int = 10 * 60_000


class ObserveState(msgspec.Struct, frozen=True, array_like=True):
    """A merchant: its days, dollars of exports by year (amounts), the newest origin of each upstream partition.

    ``flags``: what is remarked → its episode.
    """

    days: tuple[Day, ...] = ()
    exported: dict[int, int] = {}
    seen: dict[bytes, bytes] = {}
    flags: dict[str, Episode] = {}
    since: int = 0
    #: exports whose currency had no rate
    unrated: int = 0
    crowds: dict[str, Crowd] = {}
    prices: dict[str, Prices] = {}
    #: when it is to be looked at, ms
    look: int = 0
    office: str = ""
    #: its standing as it was told last (a note of ``hub.domain.standing``), and how it changed, newest first
    standing: str = ""
    changes: tuple[StandingChange, ...] = ()
    suggested: profiles.Suggested = profiles.Suggested()
    #: (control code, number of the permit) → what is used of it
    licences: dict[tuple[str, str], Licence] = {}
    #: complaints there were, and the ids of the last notices of one
    complained: int = 0
    complaints: tuple[str, ...] = ()


_NOTHING = ObserveState()


class Observe:
    """The stage. ``references`` is the process's view of the reference data: rates of exchange, and what is known of credit."""

    name = "observe"
    inbox = topics.inbox("observe")

    def __init__(self, references: Reference, settings: ObserveSettings | None = None) -> None:
        self._references, self._standings = references, Standings(references)
        self._settings = settings or ObserveSettings()

    dump = staticmethod(codec.pack)
    load = staticmethod(codec.decoder(ObserveState))

    def handle(self, state: ObserveState | None, record: Record, now: Tick) -> Step | None:
        """Add a declaration, or customs' word on one; None for what is known."""
        event = codec.observe_event(record.value)
        old = state or _NOTHING
        if isinstance(event, Reviewed):
            since = old.since or event.at
            return self._step(msgspec.structs.replace(old, since=since, look=now.at + _SETTLED), [])
        if isinstance(event, Complained):
            return self._complained(old, event, now)
        upstream, rank = origin_of(record.headers) or (b"", b"")
        if rank and rank <= old.seen.get(upstream, b""):
            return None
        seen = {**old.seen, upstream: rank} if rank else old.seen
        since, look = max(old.since, event.at), _sooner(old.look, now.at + self._settings.look)
        changes = {"seen": seen, "since": since, "look": look}
        if isinstance(event, Licensed):
            uses = {(control, number): quantity for control, number, quantity in event.uses}
            return self._uses(msgspec.structs.replace(old, **changes), record.key.decode(), event.declaration, uses)
        if isinstance(event, Concluded):
            days = old.days
            if event.outcome != WITHDRAWN:
                days = profile.with_one(days, day_count(event.at), **{event.outcome: True})
            new = msgspec.structs.replace(old, days=days, **changes)
            if event.outcome in (REFUSED, WITHDRAWN):
                return self._uses(new, record.key.decode(), event.declaration, {})
            return self._step(new, [])
        return self._traded(old, event, now, record.key.decode(), changes)

    def fire(self, state: ObserveState, key: bytes, now: Tick) -> Step:
        """The merchant is to be looked at; or its last declaration is long ago: forget, but not which versions of a flag there were, nor permits."""
        if state.since + self._settings.keep <= now.at:
            kept = ObserveState(flags=state.flags, suggested=state.suggested, licences=state.licences)
            return Step(kept if kept != _NOTHING else None, 0, [])
        if state.look > now.at:
            return self._step(state, [])
        return self._step(*self._looked(state, key.decode(), now))

    def _step(self, state: ObserveState, outputs: list[Output]) -> Step:
        forget = state.since + self._settings.keep
        return Step(state, min(state.look, forget) if state.look else forget, outputs)

    def _complained(self, old: ObserveState, event: Complained, now: Tick) -> Step | None:
        """One more complaint; told again it is the same."""
        if event.notice in old.complaints:
            return None
        ids = (*old.complaints, event.notice)[-_COMPLAINTS:]
        look = _sooner(old.look, now.at + self._settings.look)
        since = max(old.since, event.at)
        return self._step(msgspec.structs.replace(old, since=since, look=look, complained=old.complained + 1, complaints=ids), [])

    def _traded(self, old: ObserveState, event: Traded, now: Tick, code: str, changes: dict[str, object]) -> Step:
        number, year = day_count(event.at), china_day(event.at) // 10_000
        days = profile.with_one(
            old.days,
            number,
            declarations=True,
            doubtful=event.level != "green",
            new=event.new,
            mismatched=event.mismatched,
            undervalued=event.undervalued,
        )
        exported, unrated = old.exported, old.unrated
        if event.side == EXPORT:
            dollars = self._dollars(event, now)
            if dollars is None:
                unrated += 1
            else:
                kept = {y: total for y, total in exported.items() if y >= year - 1}
                exported = {**kept, year: bounded(kept.get(year, 0) + dollars)}
        week = profile.week_of(number)
        crowds = old.crowds
        if any(event.who):
            crowds = crowds | {
                name: crowds.get(name, Crowd()).plus(week, who) for name, who in zip(CROWDS, event.who, strict=False) if who
            }
        prices = old.prices
        for good, price in event.prices[:PRICED_LINES]:
            prices = profile.with_price(prices, good, week, price)
        state = msgspec.structs.replace(
            old, days=days, exported=exported, unrated=unrated, crowds=crowds, prices=prices, office=event.office, **changes
        )
        flags, outputs = dict(old.flags), list[Output]()
        self._growth(flags, outputs, state, event, code)
        self._exports(flags, outputs, state, event, code)
        return self._step(msgspec.structs.replace(state, flags=flags) if outputs else state, outputs)

    def _uses(self, state: ObserveState, code: str, declaration: str, uses: Mapping[tuple[str, str], int]) -> Step:
        """What a declaration uses of permits now, and none of any other; what changed is flagged at once, until the permit's number does."""
        licences, outputs = dict(state.licences), list[Output]()
        for which in dict.fromkeys((*uses, *licences)):
            licence, quantity = licences.get(which, Licence()), uses.get(which, 0)
            if licence.uses.get(declaration, 0) != quantity:
                licences[which] = licence = licence.used_by(declaration, quantity)
                id = f"{LICENCE}:{licence_id(code, *which)}"
                outputs.append(flag(id, licence.version, _FIRST_DAY, "", licence.told))
                outputs.append(authorities.permit(code, which, licence, declaration, state.since))
        return self._step(msgspec.structs.replace(state, licences=licences) if outputs else state, outputs)

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

    # ---- what rules ask for: flagged at once -------------------------------------------------------------------------

    def _growth(self, flags: dict[str, Episode], outputs: list[Output], state: ObserveState, event: Traded, code: str) -> None:
        """The flag of growth, renewed once a day while it goes on."""
        number = day_count(event.at)
        now, before, new = profile.growth(state.days, number)
        if not profile.grown(now, before, new):
            return
        old = flags.get(GROWTH, Episode())
        episode = old.seen(number)
        if episode.number and episode.day == old.day:
            return  # said today
        episode = msgspec.structs.replace(episode, version=old.version + 1, number=1)
        until = day_text(date_of(number + 8))
        value = {"count": now, "before": before, "new": new}
        outputs.append(flag(f"{GROWTH}:{code}", episode.version, day_text(china_day(event.at)), until, value))
        flags[GROWTH] = _told(episode, outputs, GROWTH, code, state, event.at, now, (event.declaration, event.platform))

    def _exports(self, flags: dict[str, Episode], outputs: list[Output], state: ObserveState, event: Traded, code: str) -> None:
        """The flag of a year's exports, at each step of the year."""
        number, day = day_count(event.at), china_day(event.at)
        year = day // 10_000
        dollars = state.exported.get(year, 0) // SCALE
        reached = sum(step < dollars for step in FX_STEPS)
        if not reached:
            return
        old = flags.get(FX, Episode())
        told = date_of(old.day) // 10_000 if old.day else 0
        if told > year or (told == year and reached <= old.number):
            return
        began = old.began if told == year else number
        episode = Episode(old.version + 1, reached, max(number, began), began, old.severity if told == year else 0)
        value = {"count": dollars, "year": year}
        outputs.append(flag(f"{FX}:{code}", episode.version, day_text(day), f"{year + 1}-01-01", value))
        outputs.append(authorities.year_limit(code, year, FX_STEPS[reached - 1], dollars, event.at))
        flags[FX] = _told(episode, outputs, FX, code, state, event.at, dollars, (event.declaration, event.platform))

    # ---- the look ----------------------------------------------------------------------------------------------------

    def _looked(self, state: ObserveState, code: str, now: Tick) -> tuple[ObserveState, list[Output]]:
        """Alerts, suggestions, the standing where it changed, and the profile."""
        number = day_count(now.at)
        outputs: list[Output] = []
        flags = dict(state.flags)
        for what, count in _remarked(state, number).items():
            flags[what] = _told(flags.get(what, Episode()).seen(number), outputs, what, code, state, now.at, count)
        standing, _, note = self._standings.at(china_day(now.at), now.reference)[code]
        change = _change(state.standing, standing, now.at) if note != state.standing else None
        goes_on = {what: flags[what] for what in sorted(flags) if what != FX and flags[what].day + profile.QUIET >= number}
        suggestions, suggested, grade = profiles.suggestions(
            self._references, code, state.days, goes_on, standing, state.suggested, now
        )
        # What was suggested comes back as reference data, and with it another standing.
        again = now.at + self._settings.look if suggestions else china_midnight(now.at) + topics.DAY_MS + profiles.spread(code)
        state = msgspec.structs.replace(
            state,
            flags=flags,
            standing=note,
            changes=(change, *state.changes)[:_CHANGES] if change is not None else state.changes,
            suggested=suggested,
            look=again,
        )
        type_ = "hub.standing.changed.v1" if change is not None else "hub.profile.updated.v1"
        shown = codec.to_json(profiles.profile(code, state, standing, grade, now.at))
        made = headers(type_, f"{code}@{now.at}", code, now.at)
        told = authorities.reclassified(code, change) if change is not None else []
        return state, [*outputs, *suggestions, *told, Output(topics.PROFILES, code.encode(), shown, made)]


def _remarked(state: ObserveState, number: int) -> dict[str, int]:
    """What is remarkable today → the number that makes it so; growth and exports are told when they come."""
    found = {what: share.percent for what, share in profile.rates(state.days, number).items() if profile.remarkable(what, share)}
    week = profile.week_of(number)
    found |= {name: crowd.share.percent for name, crowd in state.crowds.items() if crowd.week == week and crowd.narrow}
    odd = sum(one.odd for one in state.prices.values() if one.week == week)
    return found | {PRICES: odd} if odd else found


def _sooner(look: int, at: int) -> int:
    """The earlier of two moments, the first of which may be none (0)."""
    return min(look, at) if look else at


def _change(before: str, standing: Standing, at: int) -> StandingChange | None:
    """What became of a standing that was told as ``before`` (empty: it was not)."""
    found = changed(of_note(before) if before else Standing(), standing)
    if found is None or not (found.new or found.gone or found.before != found.after):
        return None  # a filing came or went: nothing is said of it
    new, gone = ([profiles.reason(one) for one in reasons] for reasons in (found.new, found.gone))
    return StandingChange(at, found.before, found.after, found.suggested, tuple(new), tuple(gone))


def _told(
    episode: Episode,
    outputs: list[Output],
    what: str,
    code: str,
    state: ObserveState,
    at: int,
    count: int,
    seen_in: tuple[str, str] = ("", ""),
) -> Episode:
    """The episode, with officers told where it has come to its next step. ``seen_in``: declaration and platform."""
    due = episode.number if what == FX else episode.due
    if due <= episode.severity:
        return episode
    rule, family, agency, message, message_zh = _WORDS[what]
    declaration, platform = seen_in
    alert = Alert(
        id=f"{rule}:{what}:{code}@{episode.began}.{due}",
        at=at,
        rule=rule,
        severity=SEVERITIES[due - 1],
        family=family,
        agency=agency,
        declaration=declaration,
        enterprises=tuple(dict.fromkeys(name for name in (code, platform) if name)),
        office=state.office,
        message=message.format(count=count),
        message_zh=message_zh.format(count=count),
        evidence={"profile": code, "what": what, "since": day_text(date_of(episode.began))},
    )
    outputs += raised(alert, declaration or code)
    return msgspec.structs.replace(episode, severity=due)


#: What is remarked → rule, family, whom it concerns, what an alert says.
_WORDS: Mapping[str, tuple[str, str, tuple[str, ...], str, str]] = {
    GROWTH: (
        "R16",
        ECONOMIC,
        ("customs",),
        "An enterprise sells ten times what it sold the week before, mostly to buyers unknown here.",
        "企业一周销量达前一周的十倍以上，且订购人多为首次出现。",
    ),
    FX: (
        "R21",
        ECONOMIC,
        ("forex",),
        "An enterprise's exports of the year are worth more than {count} dollars.",
        "企业本年度出口额超过 {count} 美元。",
    ),
    "refusals": (
        "observe.refusals",
        ECONOMIC,
        ("customs",),
        "Customs refused {count} % of an enterprise's declarations of 30 days.",
        "企业近 30 日申报被海关退单的比例达 {count}%。",
    ),
    "returns": (
        "observe.returns",
        ECONOMIC,
        ("customs", "market"),
        "{count} % of what an enterprise sold in 30 days came back.",
        "企业近 30 日退货比例达 {count}%。",
    ),
    "mismatches": (
        "observe.mismatches",
        TRADING,
        ("customs",),
        "In {count} % of an enterprise's declarations of 30 days order, payment, waybill and declaration contradict each other.",
        "企业近 30 日有 {count}% 的清单与订单、支付单或运单不符。",
    ),
    "undervaluation": (
        "observe.undervaluation",
        TRADING,
        ("customs", "tax"),
        "In {count} % of an enterprise's declarations of 30 days a price is far below the usual one.",
        "企业近 30 日有 {count}% 的清单申报价格明显偏低。",
    ),
    "buyers": (
        "observe.buyers",
        ECONOMIC,
        ("customs",),
        "At least {count} % of an enterprise's declarations of this week are of one buyer.",
        "企业本周至少 {count}% 的清单为同一订购人。",
    ),
    "payers": (
        "observe.payers",
        ECONOMIC,
        ("customs", "forex"),
        "At least {count} % of an enterprise's sales of this week were paid by one payer.",
        "企业本周至少 {count}% 的订单由同一付款人支付。",
    ),
    "addresses": (
        "observe.addresses",
        ECONOMIC,
        ("customs",),
        "At least {count} % of an enterprise's parcels of this week go to one address.",
        "企业本周至少 {count}% 的包裹寄往同一地址。",
    ),
    PRICES: (
        "observe.prices",
        TRADING,
        ("customs", "tax"),
        "Prices of {count} of an enterprise's goods are this week twice or half of what they were, or all over the place.",
        "企业本周有 {count} 种商品的价格较此前翻倍、减半或波动剧烈。",
    ),
}

"""Watch: counts declarations at things people share; one state for each telephone, address, payer … (``what:digest``).

Assess tells it of a declaration what is worth counting (``hub.domain.watching``). Where a number is reached it writes a flag:
reference data of the kind ``flag``, in force from the day of the sighting for as long as the window, so that assess reads
it like everything else it reads, and an assessment can be recomputed. Declarations that were assessed before are
named in an alert. A flag is written once a number, and once a day while it has to go on; so flags are rare, whatever comes twice.
"""

from __future__ import annotations

import msgspec

from hub import codec, topics
from hub.domain.events import Alert, Seen, Sighting, Tick
from hub.domain.keys import china_day, day_text
from hub.domain.watching import WATCHED, seen_with, told
from hub.rules.api import TRADING
from streams.api import Output, Record, Step
from streams.stages.cloud import raised
from streams.stages.flag import flag


class WatchSettings(msgspec.Struct, frozen=True):
    """``entries``: declarations kept of a thing; ``named``: how many of them an alert names."""

    entries: int = 64
    named: int = 20


class WatchState(msgspec.Struct, frozen=True, array_like=True):
    """A thing: the declarations of its window, the oldest first; the flag's version, number and the day it was written on."""

    seen: tuple[Sighting, ...] = ()
    version: int = 0
    step: int = 0
    day: int = 0


_NOTHING = WatchState()


class Watch:
    """The stage."""

    name = "watch"
    inbox = topics.inbox("watch")

    def __init__(self, settings: WatchSettings | None = None) -> None:
        self._settings = settings or WatchSettings()

    dump = staticmethod(codec.pack)
    load = staticmethod(codec.decoder(WatchState))

    def handle(self, state: WatchState | None, record: Record, now: Tick) -> Step | None:  # noqa: ARG002 - the protocol's signature
        """Count a sighting; None for what is known."""
        event = codec.watch_event(record.value)
        new = event.sighting
        old = state or _NOTHING
        if new in old.seen:
            return None
        id_ = record.key.decode()
        what = id_.partition(":")[0]
        watched = WATCHED[what]
        seen = seen_with(old.seen, new, watched.hours, self._settings.entries)
        count = watched.count(seen)
        step, day = told(what, count), china_day(seen[-1].at)
        due = seen[-1].at + watched.hours * topics.HOUR_MS
        if not step or (step <= old.step and day <= old.day):
            # What was flagged stays flagged: only that it is over makes a flag of the same number new.
            return Step(WatchState(seen, old.version, old.step if step else 0, old.day), due, [])
        version, until = old.version + 1, china_day(due + topics.DAY_MS)
        value = {"count": count, "since": china_day(seen[0].at), "last": day}
        outputs = [flag(id_, version, day_text(day), day_text(until), value)]
        if step > old.step:
            outputs += self._alert(id_, what, event, seen, count, version)
        return Step(WatchState(seen, version, step, day), due, outputs)

    def fire(self, state: WatchState, key: bytes, now: Tick) -> Step:
        """Nothing was seen there for a whole window: forget, but not which versions of the flag there were."""
        hours = WATCHED[key.decode().partition(":")[0]].hours
        due = state.seen[-1].at + hours * topics.HOUR_MS if state.seen else 0
        if due > now.at:
            return Step(state, due, [])
        if not state.version:
            return Step(None, 0, [])
        return Step(WatchState((), state.version, 0, state.day), 0, [])

    def _alert(self, id_: str, what: str, event: Seen, seen: tuple[Sighting, ...], count: int, version: int) -> list[Output]:
        rule = WATCHED[what].rule
        message, message_zh = (text.format(count=count) for text in _WORDS[what])
        evidence = {
            "flag": id_,
            "count": str(count),
            "people": str(len({one.who for one in seen})),
            "declarations": ", ".join(one.declaration for one in seen[-self._settings.named :]),
        }
        alert = Alert(
            id=f"{rule}:{id_}@{version}",
            at=seen[-1].at,
            rule=rule,
            severity="yellow",
            family=TRADING,
            agency=("customs",),
            declaration=seen[-1].declaration,
            enterprises=tuple(dict.fromkeys(code for code in (event.platform, event.merchant) if code)),
            office=event.office,
            message=message,
            message_zh=message_zh,
            evidence=evidence,
        )
        return raised(alert, alert.declaration)


#: What is watched → what an alert says.
_WORDS = {
    "telephone": ("One telephone stands in the declarations of {count} buyers.", "同一电话出现在 {count} 名订购人的申报清单中。"),
    "address": (
        "At one address {count} more buyers than telephones receive parcels.",
        "同一收货地址的订购人数比电话数多 {count} 个，疑似冒用身份或集中收货。",
    ),
    "payer": ("One payer paid for {count} buyers.", "同一支付人为 {count} 名订购人付款。"),
    "stock": ("{count} pieces of one good went to one address through few buyers.", "同一商品 {count} 件由少数订购人寄往同一地址，疑似囤货转售。"),
    "waybill": (
        "A waybill number that carries a parcel already was reported for {count} other orders.",
        "已使用的运单号又被用于另外 {count} 个订单。",
    ),
    "instant": (
        "{count} new buyers paid orders of the same value at one merchant the moment they were made.",
        "同一商家 {count} 名新订购人的同额订单在下单瞬间即支付，疑似刷单。",
    ),
}

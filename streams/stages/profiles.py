"""What observe publishes of an enterprise: its profile, and what it suggests to those who confirm standings.

Suggestions are reference data of the kind ``credit`` that count for nothing until an officer confirms them
(``hub.domain.credit``): the grade as it would be computed today, and an open alert where something goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from zlib import crc32

import msgspec

from hub import topics
from hub.domain import profile as domain
from hub.domain.control import weights_of
from hub.domain.credit import id_of
from hub.domain.events import (
    Profile,
    ProfileDay,
    ProfilePrices,
    ProfileRemark,
    ProfileShare,
    StandingReason,
    Tick,
)
from hub.domain.grade import Grade, grade_of, known_dimensions
from hub.domain.keys import china_day, date_of, day_count, day_text
from hub.domain.money import text
from hub.domain.profile import GROWTH, SEVERITIES, Day, Episode, Share
from hub.domain.reference import Reference, ReferenceRecord
from hub.domain.standing import Reason, Standing
from streams.api import Output
from streams.stages.flag import recorded

if TYPE_CHECKING:
    from streams.stages.observe import ObserveState

#: Days a profile shows.
_SHOWN = 31
#: Days after which a grade is said again though it is the same; days an alert is open after it was last seen; renewed so long before.
_AGAIN, _OPEN, _RENEWED = 30, 30, 15
#: The step of an alert from which it is suggested to the officers; growth is from its first.
_SUGGESTED = 2
#: Daily looks are spread over so many ms of the night.
_NIGHT = 3 * topics.HOUR_MS


class Suggested(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What was suggested last: the grade, its version and day; the alert's version, the day it runs out, and what it is about."""

    grade: str = ""
    grade_version: int = 0
    grade_day: int = 0
    alert_version: int = 0
    alert_until: int = 0
    alert: tuple[str, ...] = ()


def spread(code: str) -> int:
    """ms after midnight at which an enterprise is looked at: not all of them at once."""
    return crc32(code.encode()) % _NIGHT


def reason(of: Reason) -> StandingReason:
    """A reason as it is published."""
    return StandingReason(of.source, of.level, of.control_class, of.state, of.via)


def suggestions(
    references: Reference,
    code: str,
    days: tuple[Day, ...],
    goes_on: Mapping[str, Episode],
    standing: Standing,
    before: Suggested,
    now: Tick,
) -> tuple[list[Output], Suggested, Grade | None]:
    """The records to write, what then was suggested, and the grade (None where too little is known)."""
    outputs, day, number = list[Output](), china_day(now.at), day_count(now.at)
    grade, dimensions = _grade(references, code, days, standing, now)
    after = before
    if grade is not None and number > before.grade_day and (grade.grade != before.grade or number >= before.grade_day + _AGAIN):
        version = _next(references, id_of(code, "computed"), before.grade_version, now)
        value = {"grade": grade.grade, "score": grade.score, "dimensions": dimensions}
        outputs.append(_credit(code, "computed", version, day_text(day), "", value))
        after = msgspec.structs.replace(after, grade=grade.grade, grade_version=version, grade_day=number)
    about = tuple(what for what, episode in goes_on.items() if what == GROWTH or episode.severity >= _SUGGESTED)
    renewed = number + _RENEWED > before.alert_until
    id = id_of(code, "alert")
    there = (references.find("credit", id, day, now.reference) if about else None) or {}
    confirmed = there.get("confirmed_by") if not there.get("ended_on") else None
    # An officer's confirmation holds while it goes on; what comes after it waits until that has run out.
    waits = confirmed and set(about).isdisjoint(before.alert)
    if about and not waits and (renewed or not set(about) <= set(before.alert)):
        version = _next(references, id, before.alert_version, now)
        until = number + _OPEN
        value = {"level": "open", "note": ", ".join(about)}
        value |= {"confirmed_by": confirmed} if confirmed else {}
        outputs.append(_credit(code, "alert", version, day_text(day), _day(until), value))
        after = msgspec.structs.replace(after, alert_version=version, alert_until=until, alert=about)
    elif number > before.alert_until and before.alert:
        after = msgspec.structs.replace(after, alert=())
    return outputs, after, grade


def _grade(
    references: Reference, code: str, days: tuple[Day, ...], standing: Standing, now: Tick
) -> tuple[Grade | None, dict[str, int]]:
    own = domain.dimensions(days)
    if not own:
        return None, {}
    day = china_day(now.at)
    known = known_dimensions(standing, references.find("enterprise", code, day, now.reference)) | own
    return grade_of(known, weights_of(references, day, now.reference)), known


def _next(references: Reference, id: str, before: int, now: Tick) -> int:
    """The next version: officers write these records too, and no version is written twice, be it in force or not."""
    return max(before, references.newest("credit", id, now.reference)) + 1


def _credit(code: str, source: str, version: int, first: str, until: str, value: dict[str, Any]) -> Output:
    said = {**value, "recorded_by": "hub", "recorded_on": first}
    return recorded(ReferenceRecord("credit", id_of(code, source), version, first, until, said))


def _day(number: int) -> str:
    return day_text(date_of(number))


def _share(of: Share) -> ProfileShare:
    return ProfileShare(of.part, of.whole, of.percent)


def _days(days: Iterable[Day], number: int) -> tuple[ProfileDay, ...]:
    shown = [one for one in days if one.day > number - _SHOWN]
    return tuple(ProfileDay(_day(one.day), *msgspec.structs.astuple(one)[1:]) for one in shown)


def profile(code: str, state: ObserveState, standing: Standing, grade: Grade | None, at: int) -> Profile:
    """What is published."""
    number = day_count(at)
    week = domain.week_of(number)
    rates = {what: share for what, share in domain.rates(state.days, number).items() if share.whole}
    crowds = {name: crowd for name, crowd in state.crowds.items() if crowd.week == week}
    dearest = sorted(state.prices.items(), key=lambda entry: -(entry[1].now.count + entry[1].before.count))
    remarks = [(what, one) for what, one in sorted(state.flags.items()) if one.severity and one.day + domain.QUIET >= number]
    return Profile(
        enterprise=code,
        at=at,
        control_class=standing.control_class,
        suggested=standing.suggested,
        days=_days(state.days, number),
        rates={what: _share(share) for what, share in rates.items()},
        shares={name: _share(crowd.share) for name, crowd in crowds.items()},
        prices=tuple(
            ProfilePrices(
                good,
                one.now.count,
                text(one.now.typical),
                one.now.spread,
                one.before.count,
                text(one.before.typical),
                one.before.spread,
            )
            for good, one in dearest
        ),
        exported={str(year): text(total) for year, total in sorted(state.exported.items())},
        unrated=state.unrated,
        remarks=tuple(ProfileRemark(what, _day(one.began), SEVERITIES[one.severity - 1]) for what, one in remarks),
        dimensions=domain.dimensions(state.days),
        grade=grade.grade if grade is not None else "",
        score=grade.score if grade is not None else 0,
        reasons=tuple(reason(one) for one in standing.reasons),
        changes=state.changes,
        complaints=state.complained,
    )

"""What an authority's notice does to reference data: a change from a day on, made to whatever is in force then.

A change is not a record. What it changes may be in several versions with days of their own, and officers write the same
records; so it is worked out under the writer's lock, on what the log holds then (``amended``), and makes successors only:
one for each stretch of days that what was in force has, none before the change's own first day.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, Literal

import msgspec

from hub.domain import notices
from hub.domain.credit import id_of
from hub.domain.keys import day_text
from hub.domain.reference import Reference, ReferenceRecord, day_number, problems
from hub.domain.screening import RECALLS

_END = 99_999_999
#: Stretches of days a change may touch at most: an authority's lists have a handful.
MOST = 200
Value = Mapping[str, Any]  # Any: JSON


class Decree(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A change of the record ``kind``/``id``, in force from ``first`` until before ``until`` (yyyymmdd; 0: open).

    ``act``: ``set`` puts ``value`` in place of what is in force; ``enter`` puts the entry ``value`` into a list, in place of one
    of that name; ``strike`` takes the entry of that name out; ``empty`` leaves a permit with the quantity 0. ``notice`` is the
    notice's id, by which a repetition is known.
    """

    kind: str
    id: str
    first: int
    until: int
    act: Literal["set", "enter", "strike", "empty"]
    value: dict[str, Any]  # Any: JSON
    notice: str

    @property
    def key(self) -> str:
        """What orders changes of one record."""
        return f"{self.kind}/{self.id}"


def decree_of(notice: notices.Notice, day: int, by: str) -> Decree | None:
    """What a notice received on ``day`` (yyyymmdd) changes, told by the principal ``by``; None where it changes nothing.

    ValueError for a day that is none, lies before ``day``, or an end that is not after the beginning.
    """
    found = _CHANGES.get(type(data := notices.data_of(notice)))
    if found is None:
        return None
    first = day_number(data.first, day)
    until = day_number(getattr(data, "until", ""), 0)
    if first < day:
        raise ValueError(f"{data.first} is over: what was in force then is not rewritten")
    if until and until <= first:
        raise ValueError(f"{data.until} is not after {day_text(first)}")
    kind, id_, act, value = found(data, by, day)
    return Decree(kind, id_, first, until, act, value, notice.id)


def wrong_with(decree: Decree) -> list[str]:
    """What would be wrong with the record a change makes, a sentence each."""
    value = decree.value
    if decree.act in ("strike", "empty"):
        return []
    if decree.act == "enter":
        value = {"entries": [value]}
    until = day_text(decree.until) if decree.until else ""
    return problems(ReferenceRecord(decree.kind, decree.id, 1, day_text(decree.first), until, dict(value)))


Change = tuple[str, str, Literal["set", "enter", "strike", "empty"], dict[str, Any]]


def _attention(data: notices.AttentionPlaced, by: str, day: int) -> Change:
    value = {"level": data.level, "note": data.reason, "recorded_by": by, "recorded_on": day_text(day)}
    return "credit", id_of(data.enterprise, "safe"), "set", value


def _no_attention(data: notices.AttentionLifted, by: str, day: int) -> Change:
    value = {"level": "A", "note": data.reason, "recorded_by": by, "recorded_on": day_text(day)}
    return "credit", id_of(data.enterprise, "safe"), "set", value


def _recall(data: notices.RecallIssued, by: str, day: int) -> Change:  # noqa: ARG001 - like the others
    criteria = {name: list(found) for name in ("terms", "codes", "countries") if (found := getattr(data, name))}
    return "list", RECALLS, "enter", {"name": data.name, "instrument": data.instrument, **criteria}


def _recall_over(data: notices.RecallWithdrawn, by: str, day: int) -> Change:  # noqa: ARG001 - like the others
    return "list", RECALLS, "strike", {"name": data.name}


def _permit(data: notices.PermitGiven, by: str, day: int) -> Change:  # noqa: ARG001 - like the others
    value = {"number": data.number, "quantity": data.quantity, "unit": data.unit}
    value |= {"instrument": data.instrument} if data.instrument else {}
    return "permit", f"{data.merchant}~{data.control}", "set", value


def _permit_over(data: notices.PermitRevoked, by: str, day: int) -> Change:  # noqa: ARG001 - like the others
    return "permit", f"{data.merchant}~{data.control}", "empty", {}


def _listed(data: notices.EnterpriseListed, by: str, day: int) -> Change:
    value = {"level": "listed", "note": data.instrument, "recorded_by": by, "recorded_on": day_text(day)}
    return "credit", id_of(data.enterprise, "screening"), "set", value


def _delisted(data: notices.EnterpriseDelisted, by: str, day: int) -> Change:
    value = {"level": "cleared", "note": data.instrument, "recorded_by": by, "recorded_on": day_text(day)}
    return "credit", id_of(data.enterprise, "screening"), "set", value


_CHANGES: dict[type, Callable[[Any, str, int], Change]] = {
    notices.AttentionPlaced: _attention,
    notices.AttentionLifted: _no_attention,
    notices.RecallIssued: _recall,
    notices.RecallWithdrawn: _recall_over,
    notices.PermitGiven: _permit,
    notices.PermitRevoked: _permit_over,
    notices.EnterpriseListed: _listed,
    notices.EnterpriseDelisted: _delisted,
}


def amended(data: Reference, decree: Decree) -> list[ReferenceRecord]:
    """The successors a change makes of what is known, in the order of their days; none for what it has made already.

    ``version`` is 1 throughout: who writes them numbers them (``hub.infra.reference.as_versions``).
    """
    versions = data.versions(decree.kind, decree.id)
    end = decree.until or _END
    days = {decree.first, end}
    for one in versions:
        days |= {day for day in (day_number(one.valid_from), day_number(one.valid_to, _END)) if decree.first < day < end}
    bounds = sorted(days)[: MOST + 1]
    made = []
    for first, until in pairwise(bounds):
        # Said already: this was interrupted, or the notice came again, and whatever was written after it stays.
        if any(
            one.value.get("notice") == decree.notice and day_number(one.valid_from) <= first and day_number(one.valid_to, _END) >= until
            for one in versions
        ):
            continue
        value = _changed(decree, data.find(decree.kind, decree.id, first))
        if value is not None:
            to = "" if until == _END else day_text(until)
            made.append(ReferenceRecord(decree.kind, decree.id, 1, day_text(first), to, {**value, "notice": decree.notice}))
    return made


def _changed(decree: Decree, before: Value | None) -> dict[str, Any] | None:
    """The value that takes the place of another; None where there is nothing to change."""
    if decree.act == "set":
        return dict(decree.value)
    if before is None and decree.act != "enter":
        return None
    old = dict(before or {})
    if decree.act == "empty":
        return {**old, "quantity": "0"}
    name = decree.value["name"]
    entries = [entry for entry in old.get("entries", ()) if entry.get("name") != name]
    if decree.act == "enter":
        entries.append(decree.value)
    elif len(entries) == len(old.get("entries", ())):
        return None
    return {**old, "entries": entries}

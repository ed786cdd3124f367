"""The standing of an enterprise: its control class from 1 (trusted) to 5 (restricted), and why.

The worst source wins; an authority's decision overrides all of them; a confirmed link to a restricted firm or person
lowers. What is computed or self-reported is a suggestion: it is shown, and counts from when an officer confirms it.
docs/explanation/standing.md explains the whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from hub.domain.control import Finds, linked_of
from hub.domain.credit import MOST_LINKS, NORMAL, SOURCES, class_of, id_of, passed, said
from hub.domain.reference import Reference
from hub.domain.remembered import Remembered

#: What a reason does.
ACTS, SUGGESTED, REPAIRED, ENDED, OVERRIDDEN = "acts", "suggested", "repaired", "ended", "overridden"


class Reason(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one source says: its level, the class that leads to (0: none), and what it does.

    ``state``: ``acts``, ``suggested``, ``repaired``, ``ended`` (withdrawn by who recorded it) or ``overridden``. ``via``: the linked firm or person of whom it is
    said, or the enterprise's other code under which it is; empty for the code itself. ``number``: the document that says it.
    """

    source: str
    level: str
    control_class: int
    state: str
    via: str = ""
    number: str = ""


class Standing(msgspec.Struct, frozen=True, array_like=True):
    """The class that acts, the one it would be with every suggestion confirmed, and the chain of reasons.

    ``known``: its filing is in force, or something is said of it.
    """

    control_class: int = NORMAL
    suggested: int = NORMAL
    reasons: tuple[Reason, ...] = ()
    known: bool = False

    @property
    def deciding(self) -> tuple[Reason, ...]:
        """The reasons for the class."""
        return tuple(r for r in self.reasons if r.state == ACTS and r.control_class == self.control_class)


_json = msgspec.json.Encoder().encode
#: A standing of what a case noted of it.
of_note = msgspec.json.Decoder(Standing).decode


def standing_of(references: Finds, code: str, day: int, offset: int) -> Standing:
    """The standing of ``code`` on ``day`` (yyyymmdd, China) by what is known at ``offset``; nothing known: class 3."""
    filing = references.find("enterprise", code, day, offset)
    filed = filing is not None and filing.get("state", "filed") == "filed"
    own = _own(references, code, filing, day, offset)
    reasons = (*own, *_linked(references, code, day, offset))
    if not reasons:
        return _FILED if filed else _UNKNOWN
    decision = next((r for r in own if r.source == "decision" and r.state == ACTS), None)
    if decision is not None:
        others = tuple(msgspec.structs.replace(r, state=OVERRIDDEN) if r.state == ACTS and r is not decision else r for r in reasons)
        return Standing(decision.control_class, decision.control_class, others, known=True)
    # A computed grade, once confirmed, takes the place of the one that was confirmed before.
    graded = any(r.source == "computed" and r.state == SUGGESTED for r in own)
    confirmed = tuple(r for r in reasons if r.source != "zone") if graded else reasons
    return Standing(_worst(reasons, (ACTS,)), _worst(confirmed, (ACTS, SUGGESTED)), reasons, known=True)


_UNKNOWN, _FILED = Standing(), Standing(known=True)


def _own(
    references: Finds, code: str, filing: Mapping[str, Any] | None, day: int, offset: int
) -> tuple[Reason, ...]:
    """What is said of an enterprise under the code, and under the other codes its filing names."""
    found = _under(references, code, "", day, offset)
    if filing is not None:
        for other in filing.get("also", ())[:MOST_CODES]:
            if other != code:
                found += _under(references, other, other, day, offset)
    return tuple(found)


#: Of the other codes of an enterprise (10 and 18 characters) no more are looked at.
MOST_CODES = 5


def _under(references: Finds, code: str, via: str, day: int, offset: int) -> list[Reason]:
    found = []
    for name in SOURCES:
        value = references.find("credit", id_of(code, name), day, offset)
        if value is not None:
            found.append(_reason(name, value, day, via))
    return found


def _reason(name: str, value: Mapping[str, Any], day: int, via: str) -> Reason:
    source, level = SOURCES[name], said(name, value)
    if passed(value, "ended_on", day):
        state = ENDED
    elif passed(value, "repaired_on", day):
        state = REPAIRED
    elif source.never or (source.computed and not value.get("confirmed_by")):
        state = SUGGESTED
    else:
        state = ACTS
    leads_to = 0 if name == "self_reported" else class_of(name, level)
    return Reason(name, level, leads_to, state, via, str(value.get("number") or ""))


def _linked(references: Finds, code: str, day: int, offset: int) -> list[Reason]:
    """What the firms and persons linked with ``code`` bring; only their own sources count, so that circles end."""
    found: list[Reason] = []
    for id, may_act in ((code, True), (id_of(code, "suggested"), False)):
        link = references.find("link", id, day, offset)
        if link is None:
            continue
        lowers = linked_of(references, day, offset)
        acts = may_act and link.get("confirmed") is True
        others = [*link.get("firms", ())[:MOST_LINKS], *link.get("persons", ())[:MOST_LINKS]]
        for other in others:
            if other == code:
                continue
            filing = references.find("enterprise", other, day, offset)
            own = _worst_of(_own(references, other, filing, day, offset))
            if own in lowers:
                state = ACTS if acts else SUGGESTED
                found.append(Reason("link", str(own), lowers[own], state, other, str(link.get("source") or "")))
    return found


def _worst_of(own: tuple[Reason, ...]) -> int:
    decision = next((r for r in own if r.source == "decision" and r.state == ACTS), None)
    return decision.control_class if decision is not None else _worst(own, (ACTS,))


def _worst(reasons: tuple[Reason, ...], states: tuple[str, ...]) -> int:
    """The worst class the reasons in these states lead to; nothing better than 3 where no source lifts."""
    counting = [r for r in reasons if r.state in states and r.control_class]
    lifted = any(r.source in SOURCES and SOURCES[r.source].lifts for r in counting)
    return max([r.control_class for r in counting], default=NORMAL) if lifted else max([NORMAL, *(r.control_class for r in counting)])


#: The kinds of reference data a standing is made of.
_KINDS = ("credit", "link", "enterprise", "parameter")


def about(kind: str, id: str) -> str:
    """The enterprise code whose standing a record of reference data may change; empty for none, or for a person's."""
    if kind not in ("credit", "link", "enterprise"):
        return ""
    code = id.rpartition("~")[0] if kind == "credit" else id.removesuffix("~suggested")
    return "" if ":" in code else code


class Kept(dict[str, tuple[Standing, str, str]]):
    """Code → standing, the name of its note and the note (``of_note`` makes the standing again); worked out when asked for."""

    def __init__(self, references: Finds, day: int, offset: int, most: int = 20_000) -> None:
        """``most``: so many are kept."""
        super().__init__()
        self._at = references, day, offset
        self._most = most

    def __missing__(self, code: str) -> tuple[Standing, str, str]:
        if len(self) >= self._most:
            self.clear()
        references, day, offset = self._at
        found = standing_of(references, code, day, offset)
        made = self[code] = (found, f"standing:{code}", _json(found).decode())
        return made


class Standings:
    """The standings of one view of the reference data, each worked out once and kept while nothing about credit changes."""

    def __init__(self, references: Reference, most: int = 20_000) -> None:
        """``most``: so many standings are kept of a day."""
        self._days = Remembered(references, _KINDS, lambda day, offset: Kept(references, day, offset, most))

    def at(self, day: int, offset: int) -> Kept:
        """The standings on ``day`` by what is known at ``offset``."""
        return self._days.at(day, offset)


#: What two firms' filings may share, as keyed digests, and what a link by it is called.
SHARED = {"legal_person": "one legal person", "address": "one address", "account": "one bank account"}


def shared_filings(filings: Iterable[tuple[str, Mapping[str, Any]]], code: str) -> dict[str, tuple[str, ...]]:
    """The firms whose filing shares a legal person, an address or a bank account with that of ``code`` → what they share.

    A suggestion: one address may be a business park's. ``filings`` are the records of the kind ``enterprise``. Where more than
    ``MOST_LINKS`` share a thing, it is left out: it links nobody.
    """
    kept = list(filings)
    own = next((value for name, value in kept if name == code), None)
    if own is None:
        return {}
    found: dict[str, tuple[str, ...]] = {}
    for field in SHARED:
        firms = [name for name, value in kept if own.get(field) and value.get(field) == own[field]]
        others = [name for name in firms if name != code and name not in own.get("also", ())]
        if len(others) <= MOST_LINKS:
            found |= {name: (*found.get(name, ()), field) for name in others}
    return dict(sorted(found.items()))


class Change(msgspec.Struct, frozen=True):
    """What became of a standing: the classes, and the reasons that are new and that are gone."""

    before: int
    after: int
    suggested: int
    new: tuple[Reason, ...]
    gone: tuple[Reason, ...]


def changed(before: Standing, after: Standing) -> Change | None:
    """What differs between two standings of an enterprise; None where nothing does."""
    if before == after:
        return None
    return Change(
        before.control_class,
        after.control_class,
        after.suggested,
        tuple(r for r in after.reasons if r not in before.reasons),
        tuple(r for r in before.reasons if r not in after.reasons),
    )

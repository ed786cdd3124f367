"""What another rule set would have made of assessments that were made: which change, both ways, before it goes live."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from hub.domain.events import Assessment, Finding
from hub.rules.engine import LEVELS
from hub.rules.recompute import differences

#: Declarations named for each rule and way.
_EXAMPLES = 5


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """How an assessment changes; findings are ``rule code path``.

    ``found``: would be found; ``gone``: no longer found; ``altered``: findings and fields that are there but not the same;
    ``missing``: what a rule asks for and the record does not have.
    """

    assessment: str
    declaration: str
    office: str
    level: tuple[str, str]
    score: tuple[int, int]
    recommendation: tuple[str, str]
    found: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    altered: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    #: ``rule error`` of the rules that raise, and did not when the assessment was made
    raised: tuple[str, ...] = ()


def change(before: Assessment, after: Assessment, missing: Sequence[str], office: str) -> Change | None:
    """The change, None where the same would be said; rule set and reads may differ without that."""
    differ = [d for d in differences(before, after) if d.what != "rules" and not d.what.startswith("read ")]
    found: list[str] = []
    gone: list[str] = []
    altered: list[str] = []
    for one in differ:
        (found if one.before == "–" else gone if one.after == "–" else altered).append(one.what)
    # What stands in the fields of the change itself is not told twice.
    told = {"level", "score", "recommendation"}
    if not differ and not missing:
        return None
    return Change(
        before.id,
        before.declaration,
        office,
        (before.level, after.level),
        (before.score, after.score),
        (before.recommendation, after.recommendation),
        tuple(found),
        tuple(gone),
        tuple(what for what in altered if what not in told),
        tuple(dict.fromkeys(missing)),
        tuple(sorted(set(_raised(after.findings)) - set(_raised(before.findings)))),
    )


def _raised(findings: Sequence[Finding]) -> Iterator[str]:
    return (f"{f.rule} {f.evidence.get('error', '')}" for f in findings if f.code == "rule.failed")


class RuleTally(msgspec.Struct):
    """Of one rule: findings that would be new, that would be gone, that would be others; some declarations of each."""

    found: int = 0
    gone: int = 0
    altered: int = 0
    found_in: list[str] = []
    gone_in: list[str] = []


class OfficeTally(msgspec.Struct):
    """Of one customs office: assessments compared, changed, with a graver and a milder level than before."""

    compared: int = 0
    changed: int = 0
    graver: int = 0
    milder: int = 0


class Tally(msgspec.Struct):
    """The sum of a backtest."""

    compared: int = 0
    changed: int = 0
    graver: int = 0
    milder: int = 0
    #: assessments of the time whose documents are no longer kept
    without_documents: int = 0
    rules: dict[str, RuleTally] = {}
    offices: dict[str, OfficeTally] = {}
    #: ``before → after`` of those that change it
    levels: dict[str, int] = {}
    recommendations: dict[str, int] = {}
    #: ``rule error`` of rules that raise → assessments
    raised: dict[str, int] = {}
    #: assessments nothing can be said of, and what was asked for in vain there, by kind (``history``) → assessments
    unjudged: int = 0
    unread: dict[str, int] = {}

    def add(self, office: str, one: Change | None) -> None:
        """Count an assessment that was compared; one whose record lacks what a rule asks for cannot be."""
        if one is not None and one.missing:
            self.unjudged += 1
            for kind in {name.partition(":")[0] for name in one.missing}:
                self.unread[kind] = self.unread.get(kind, 0) + 1
            return
        local = self.offices.setdefault(office, OfficeTally())
        self.compared += 1
        local.compared += 1
        if one is None:
            return
        self.changed += 1
        local.changed += 1
        before, after = (LEVELS.index(level) if level in LEVELS else 0 for level in one.level)
        for tally in (self, local):
            tally.graver += after > before
            tally.milder += after < before
        _count(self.levels, one.level)
        _count(self.recommendations, one.recommendation)
        for what in one.raised:
            self.raised[what] = self.raised.get(what, 0) + 1
        self._rules(one)

    def _rules(self, one: Change) -> None:
        for what in filter(_by_rule, one.found):
            tally = self._rule(what)
            tally.found += 1
            _example(tally.found_in, one.declaration)
        for what in filter(_by_rule, one.gone):
            tally = self._rule(what)
            tally.gone += 1
            _example(tally.gone_in, one.declaration)
        for what in filter(_by_rule, one.altered):
            self._rule(what).altered += 1

    def _rule(self, what: str) -> RuleTally:
        return self.rules.setdefault(what.partition(" ")[0], RuleTally())


def _by_rule(what: str) -> bool:
    """Whether this is a finding, which begins with its rule's code; the assessment's own fields (tax) have small letters."""
    return what[0].isupper()


def _example(held: list[str], declaration: str) -> None:
    if len(held) < _EXAMPLES and declaration not in held:
        held.append(declaration)


def _count(counts: dict[str, int], pair: tuple[str, str]) -> None:
    if pair[0] != pair[1]:
        name = f"{pair[0]} → {pair[1]}"
        counts[name] = counts.get(name, 0) + 1

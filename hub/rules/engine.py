"""Finds the rules, refuses a set that is not in order, and applies them to a case.

The level of an assessment (proposal P of the risk catalogue): green below 30, yellow below 60, orange below 80, red
from there or with any blocking finding; ``reject`` where a finding says that the channel or the law does not take it.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from functools import cache
from importlib import import_module, invalidate_caches, resources
from importlib.resources.abc import Traversable
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from hub.domain import prices, yearly
from hub.domain.credit import CLASSES
from hub.domain.events import Finding
from hub.domain.faults import Misconfigured
from hub.domain.kinds import EXPORT, IMPORT
from hub.domain.reference import ReferenceRecord
from hub.rules.api import REJECT, REVIEW, RISKS, Case, Rule, day_of

FAMILIES = ("trade", "risk", "credit", "routing")
#: Codes that were published once and must not come back with another meaning.
RETIRED: frozenset[str] = frozenset()

YELLOW, ORANGE, RED = 30, 60, 80
_MOST = 100
RELEASE, EXAMINE = "release", "examine"
#: What the hub advises at each level; authorities decide.
RECOMMENDATIONS = {
    "green": RELEASE,
    "yellow": REVIEW,
    "orange": EXAMINE,
    "red": "refer",
    "reject": "return",
}
LEVELS = tuple(RECOMMENDATIONS)
#: The least severe level that makes an alert.
ALERTING = frozenset(LEVELS[1:])

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_FILE = re.compile(r"([a-z]+\d+)_[a-z0-9_]+\.py")


class Verdict(msgspec.Struct, frozen=True):
    """What the rules in force found in a case."""

    findings: tuple[Finding, ...]
    score: int
    level: str
    recommendation: str


class RuleSet:
    """Rules in the order of their codes."""

    def __init__(self, rules: Iterable[Rule], digest: str) -> None:
        self.rules = tuple(sorted(rules, key=lambda rule: rule.code))
        self.digest = digest
        self._by_code = {rule.code: rule for rule in self.rules}
        self._in_force: dict[int, tuple[Rule, ...]] = {}
        self._plans: dict[tuple[int, str], Plan] = {}

    def in_force(self, day: int) -> tuple[Rule, ...]:
        """The rules in force on ``day`` (yyyymmdd)."""
        found = self._in_force.get(day)
        if found is None:
            if len(self._in_force) > _DAYS:
                self._in_force.clear()
            found = self._in_force[day] = tuple(rule for rule in self.rules if rule.in_force(day))
        return found

    def by_code(self, code: str) -> Rule:
        """The rule of ``code``; KeyError where there is none."""
        return self._by_code[code]

    def apply(self, case: Case) -> Verdict:
        """Every rule in force on the case's day, in the order of codes; one that raises becomes a finding itself."""
        shadow = named(case.reference("parameter", SHADOW))
        findings: list[Finding] = []
        for rule, check, on_trial in self._plan(case.day, case.declaration.side):
            try:
                found = list(check(case))
            except Exception as error:  # a rule must never stop an assessment: it is named and an officer looks
                found = [_failed(rule, case, error)]
            if found:
                mark = _SHADOWED if on_trial or rule.code in shadow else {}
                findings += [msgspec.structs.replace(f, rule=rule.code, source=rule.source, **mark) for f in found]
        return judge(tuple(findings)) if findings else _NOTHING

    def _plan(self, day: int, side: str) -> Plan:
        """What to ask about a declaration: each rule with its check, and whether it is on trial."""
        plan = self._plans.get((day, side))
        if plan is None:
            if len(self._plans) > _DAYS:
                self._plans.clear()
            plan = self._plans[day, side] = tuple(
                (rule, rule.module.check, day < rule.shadow_until) for rule in self.in_force(day) if side in rule.sides
            )
        return plan


Plan = tuple[tuple[Rule, Callable[[Case], Iterator[Finding]], bool], ...]
#: A year of days; a replay of more starts anew.
_DAYS = 400
#: The parameter that names the rules that count but do not act: ``{rules: [codes]}``.
SHADOW = "shadow-rules"
#: What is left of a finding of such a rule.
_SHADOWED = {"score": 0, "blocking": False, "action": "", "shadow": True}
_NONE: frozenset[str] = frozenset()


#: What records of the kind ``parameter`` are read for: by the hub itself and by the rules.
PARAMETERS = frozenset(
    ("linked", "grade", "selection", SHADOW, yearly.LIST, prices.KEPT, *(f"class~{number}" for number in CLASSES))
)


def unread(record: ReferenceRecord, rules: RuleSet) -> str:
    """What of a record nothing here reads, though it may be loaded: a rule nobody knows, a parameter nobody asks for; else empty."""
    if record.kind != "parameter":
        return ""
    if record.id not in PARAMETERS:
        near = get_close_matches(record.id, PARAMETERS, 1)
        return f"no parameter {record.id} is read" + (f"; {near[0]} is" if near else "")
    known = {rule.code for rule in rules.rules}
    unknown = [code for code in named(record.value) if code not in known] if record.id == SHADOW else []
    return f"there is no rule {', '.join(unknown)}" if unknown else ""


def named(value: Mapping[str, Any] | None) -> Collection[str]:
    """The codes a record of the parameter names; one without a list names none."""
    codes = value.get("rules") if value else None
    return codes if isinstance(codes, list) else _NONE


def _failed(rule: Rule, case: Case, error: Exception) -> Finding:
    # Only the kind of error: its text may quote the document.
    name = type(error).__name__
    evidence = {"rule": rule.code, "error": name}
    return case.finding("failed", score=YELLOW, action=REVIEW, evidence=evidence)


def judge(findings: tuple[Finding, ...]) -> Verdict:
    """Score, level and recommendation of findings."""
    score = min(_MOST, sum(finding.score for finding in findings))
    level = level_of(score, findings)
    return Verdict(findings, score, level, RECOMMENDATIONS[level])


def acting(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Findings without those of rules in shadow: what may be passed on and acted upon."""
    return tuple([finding for finding in findings if not finding.shadow]) if findings else ()


def level_of(score: int, findings: tuple[Finding, ...]) -> str:
    """The level of a score with its findings: an action or a blocking finding outweighs the number."""
    actions = {finding.action for finding in findings}
    if REJECT in actions:
        return "reject"
    if score >= RED or any(finding.blocking for finding in findings):
        return "red"
    if score >= ORANGE:
        return "orange"
    return "yellow" if score >= YELLOW or REVIEW in actions else "green"


#: What most declarations are told.
_NOTHING = judge(())


@cache
def ruleset() -> RuleSet:
    """The rules of this installation; Misconfigured with every fault of the set."""
    return discover()


def digest() -> str:
    """The digest of the rule set, for ticks: another digest, other rules."""
    return ruleset().digest


def discover(package: str = "hub.rules", cases: Path | None = None, folder: Path | None = None) -> RuleSet:
    """The rules in ``package``'s families; Misconfigured with every fault of the set.

    ``cases`` is the folder of case files each rule must have one in, if given. ``folder`` holds the families' files where
    it is not the installed ones that are meant: they are loaded beside them, and see each other instead of them.
    """
    if folder is None:
        return _discovered(package, resources.files(package), cases)
    missing = [family for family in FAMILIES if not (folder / family).is_dir()]
    if missing:
        raise Misconfigured([f"{folder}: no folder {family}; a rule set is whole, like hub/rules" for family in missing])
    with _instead_of_installed(package, folder):
        return _discovered(package, folder, cases)


def _discovered(package: str, root: Traversable, cases: Path | None) -> RuleSet:
    problems: list[str] = []
    rules: dict[str, Rule] = {}
    content = hashlib.sha256()
    for family in FAMILIES:
        files = [e for e in (root / family).iterdir() if e.name.endswith(".py") and e.name != "__init__.py"]
        for entry in sorted(files, key=lambda e: e.name):
            content.update(f"{family}/{entry.name}\0".encode() + entry.read_bytes() + b"\0")
            try:
                module = import_module(f"{package}.{family}.{entry.name[:-3]}")
            except Exception as error:  # whatever a file does when it is loaded: the set is refused, the file named
                problems.append(f"{family}/{entry.name}: {type(error).__name__}: {error}")
                continue
            rule, wrong = read_rule(module, family, entry.name)
            problems.extend(wrong)
            if rule is None:
                continue
            doubts = (
                (rule.code in rules, f"code {rule.code} is that of another rule too"),
                (cases is not None and not (cases / f"{rule.code}.toml").is_file(), f"no case file {rule.code}.toml"),
            )
            problems.extend(f"{family}/{entry.name}: {text}" for doubtful, text in doubts if doubtful)
            rules[rule.code] = rule
    if problems:
        raise Misconfigured(problems)
    return RuleSet(rules.values(), content.hexdigest()[:16])


@contextmanager
def _instead_of_installed(package: str, folder: Path) -> Iterator[None]:
    """The families' packages are those of ``folder`` for a while; modules loaded then keep what they imported."""
    prefixes = tuple(f"{package}.{family}" for family in FAMILIES)
    parent, writing = import_module(package), sys.dont_write_bytecode
    kept = {name: module for name, module in sys.modules.items() if name.startswith(prefixes)}
    held = {family: getattr(parent, family) for family in FAMILIES if hasattr(parent, family)}
    sys.dont_write_bytecode = True
    for name in kept:
        del sys.modules[name]
    for family in FAMILIES:
        made = sys.modules[f"{package}.{family}"] = ModuleType(f"{package}.{family}")
        made.__path__ = [str(folder / family)]
        setattr(parent, family, made)
    invalidate_caches()
    try:
        yield
    finally:
        sys.dont_write_bytecode = writing
        for name in [name for name in sys.modules if name.startswith(prefixes)]:
            del sys.modules[name]
        sys.modules.update(kept)
        for family in FAMILIES:
            if family in held:
                setattr(parent, family, held[family])
            else:
                delattr(parent, family)


def read_rule(module: ModuleType, family: str, file: str) -> tuple[Rule | None, list[str]]:
    """The rule a module describes, and what is wrong with it."""
    where = f"{family}/{file}"
    named = _FILE.fullmatch(file)
    code = getattr(module, "CODE", "")
    doc = (module.__doc__ or "").strip()
    checks = (
        (named is not None, "the file name does not begin with the rule's code"),
        (named is None or named[1].upper() == code, f"CODE is {code or 'missing'}, the file name says otherwise"),
        (code not in RETIRED, f"code {code} is retired"),
        (bool(doc), "no docstring"),
        (bool(getattr(module, "SOURCE", "")), "no SOURCE"),
        (bool(getattr(module, "VALID_FROM", "")), "no VALID_FROM"),
        *((_DAY.fullmatch(getattr(module, name, "") or "2000-01-01") is not None, f"{name} is no day") for name in ("VALID_FROM", "VALID_TO")),
        (_DAY.fullmatch(getattr(module, "SHADOW_UNTIL", "2000-01-01")) is not None, "SHADOW_UNTIL is no day"),
        (callable(getattr(module, "check", None)), "no check"),
        (set(getattr(module, "SIDES", (IMPORT, EXPORT))) <= {IMPORT, EXPORT}, "SIDES names something else than import and export"),
        (getattr(module, "RISK", "") in RISKS, "RISK is none of the three families"),
    )
    wrong = [f"{where}: {text}" for holds, text in checks if not holds]
    if wrong:
        return None, wrong
    rule = Rule(
        code=code,
        family=family,
        title=doc.splitlines()[0].rstrip("."),
        doc=doc,
        source=module.SOURCE,
        risk=module.RISK,
        agencies=tuple(getattr(module, "AGENCIES", ("customs",))),
        valid_from=day_of(module.VALID_FROM),
        valid_to=day_of(module.VALID_TO) if getattr(module, "VALID_TO", "") else 0,
        module=module,
        sides=tuple(getattr(module, "SIDES", (IMPORT, EXPORT))),
        shadow_until=day_of(getattr(module, "SHADOW_UNTIL", "") or "0"),
    )
    return rule, []

"""Prints the pages of the rules, the life cycle and the standing from the code: ``python -m hub.rules.docs [--check]``.

``--check`` writes nothing and exits 1, naming the pages that are not what the code says.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hub.domain import lifecycle
from hub.domain.checks import CHECKS
from hub.domain.keys import day_text
from hub.domain.money import text
from hub.rules.api import YUAN, Dated, Rule
from hub.rules.engine import ORANGE, RECOMMENDATIONS, RED, YELLOW, RuleSet, ruleset
from hub.rules.standing_page import standing_page

_ROOT = Path(__file__).parents[2] / "docs"
_GENERATED = "<!-- printed by `python -m hub.rules.docs`; do not edit -->"


def rules_page(rules: RuleSet) -> str:
    """``docs/reference/rules.md``."""
    out = [
        "# Rules",
        "",
        _GENERATED,
        "",
        "What assess looks for in a declaration, and what it makes of it. For officers; declarants do not see it.",
        "How a rule is written: `hub/rules/README.md`. A declaration is assessed by the rules and values in force on the",
        "day it was received (China time). Scores and levels are the hub's own numbers; no official ones were found.",
        "",
        "| level | from score | recommendation |",
        "|---|---|---|",
    ]
    scores = {"green": "0", "yellow": str(YELLOW), "orange": str(ORANGE), "red": f"{RED}, or a blocking finding"}
    out += [
        f"| {level} | {scores.get(level, 'any, when a finding asks for it')} | {advice} |"
        for level, advice in RECOMMENDATIONS.items()
    ]
    out += [
        "",
        "A certain rule follows a text with its numbers in it (*official*); of others the named parameters are the hub's own,",
        "because no official number is known. How much a finding weighs (…`SCORE`) is always the hub's own.",
        "",
        "| rule | what | family | risk | alerts go to | in force | source | numbers |",
        "|---|---|---|---|---|---|---|---|",
    ]
    out += [_line(rule) for rule in rules.rules]
    for rule in rules.rules:
        out += _rule(rule)
    return "\n".join(out) + "\n"


def _line(rule: Rule) -> str:
    until = f" to {day_text(rule.valid_to)}" if rule.valid_to else ""
    cells = (
        rule.code, rule.title, rule.family, rule.risk, ", ".join(rule.agencies), f"{day_text(rule.valid_from)}{until}",
        rule.source, certainty(rule),
    )  # fmt: skip
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _rule(rule: Rule) -> list[str]:
    title, _, rest = rule.doc.partition("\n")
    until = f" until {day_text(rule.valid_to)}" if rule.valid_to else ""
    return [
        "",
        f"## {rule.code} · {title.rstrip('.')}",
        "",
        rest.strip(),
        "",
        f"- family: {rule.family}; risk: {rule.risk}; alerts go to: {', '.join(rule.agencies)}",
        f"- about declarations of: {', '.join(rule.sides)}",
        f"- source: {rule.source}",
        f"- in force from {day_text(rule.valid_from)}{until}",
        *([f"- in shadow before {day_text(rule.shadow_until)}: counts, does not act"] if rule.shadow_until else []),
        *(f"- `{name}`: {_values(value)}" for name, value in rule.parameters().items()),
    ]


def certainty(rule: Rule) -> str:
    """Whether a rule's numbers are official: ``official``, or ``own numbers`` with the parameters that are the hub's."""
    own = rule.own_numbers()
    return f"own numbers: {', '.join(own)}" if own else "official"


def value_text(unit: str, value: object) -> str:
    """A parameter's value as an officer reads it: yuan with their decimals, everything else as it is."""
    return text(value) if unit == YUAN and isinstance(value, int) else str(value)


def facts(rule: Rule, day: int) -> dict[str, Any]:
    """A rule on a day (yyyymmdd) as JSON; values that were not in force then are left out."""
    values = {name: value for name, value in rule.parameters().items() if value.history()[0][0] <= day}
    return {
        "code": rule.code,
        "family": rule.family,
        "title": rule.title,
        "risk": rule.risk,
        "agencies": list(rule.agencies),
        "sides": list(rule.sides),
        "source": rule.source,
        "certainty": certainty(rule),
        "from": day_text(rule.valid_from),
        "until": day_text(rule.valid_to) if rule.valid_to else "",
        "shadow_until": day_text(rule.shadow_until) if rule.shadow_until else "",
        "in_force": rule.in_force(day),
        "values": {name: value_text(value.unit, value.on(day)) for name, value in values.items()},
        "units": {name: value.unit for name, value in values.items() if value.unit},
        "own": [name for name, value in values.items() if value.own],
    }


def _values(dated: Dated[Any]) -> str:
    unit = f" {dated.unit}" if dated.unit else ""
    values = [f"{value_text(dated.unit, value)}{unit} from {day_text(day)}" for day, value in reversed(dated.history())]
    return ", ".join(values) + (" (our own number)" if dated.own else "")


def life_cycle_page() -> str:
    """``docs/explanation/life-cycle.md``."""
    out = [
        "# The life cycle of a document",
        "",
        _GENERATED,
        "",
        "Flags, match, assessment and hand-over are facts side by side; the state shown is the most telling of them.",
        "From customs' first receipt its word wins: the receipt of the greatest returnTime is current, an older or",
        "repeated one only stands in the timeline, an unknown code is kept as it is (`other`).",
        "",
        "## Before customs speaks",
        "",
        "| state | 中文 | meaning | whose turn |",
        "|---|---|---|---|",
    ]
    out += [f"| {s.name} | {s.meaning_zh} | {s.meaning} | {s.turn or '–'} |" for s in lifecycle.HUB_STATES]
    out += [
        "",
        "While a document waits it is the turn of whoever has to send what is awaited: "
        + ", ".join(f"{kind} – {who}" for kind, who in lifecycle.AWAITED_FROM.items())
        + ".",
        "",
        "## Submitted documents that are not the current version of their key",
        "",
        "| state | 中文 | meaning |",
        "|---|---|---|",
    ]
    out += [f"| {s.name} | {s.meaning_zh} | {s.meaning} |" for s in lifecycle.VERSION_STATES]
    out += [
        "",
        "## Customs' codes",
        "",
        "| code | state | 中文 | whose turn | the buyer's allowance | may come again |",
        "|---|---|---|---|---|---|",
    ]
    effects = {"": "reserved", "free": "freed", "count": "counted", "return": "counted and returned"}
    codes = (*lifecycle.CODES, lifecycle.meaning_of("-1"), lifecycle.meaning_of("?"))
    out += [
        f"| {c.code} | {c.state} | {c.meaning_zh} | {c.turn or '–'} | {effects[c.allowance]} | "
        f"{'as attempt n + 1' if c.rejects else ''} |"
        for c in codes
    ]
    out += [
        "",
        "Orders, payments, collections, waybills and their statuses end at 120, declarations at 700, 800 and 899, others at 399 too.",
        "What follows a declaration stands beside its status as facts: [how](../how-to/follow-up-a-declaration.md).",
        "",
        "Notes, not transitions (customs has it already, or has a newer one): "
        + "; ".join(f"{side}: {', '.join(sorted(codes))}" for side, codes in lifecycle.NOTES.items() if side != "both")
        + ".",
        "",
        "## What may follow what",
        "",
        "Customs' states may follow every state; they are left out here.",
        "",
        "```mermaid",
        "stateDiagram-v2",
    ]
    customs = set(lifecycle.CUSTOMS_STATES)
    for before, followers in lifecycle.FOLLOWS.items():
        if before in customs:
            continue
        out += [f"    {_node(before)} --> {_node(after)}" for after in sorted(followers - customs - {before})]
    return "\n".join([*out, "```"]) + "\n"


def _node(state: str) -> str:
    return state.replace(" ", "_") or "[*]"


def checks_page() -> str:
    """The page of the checks between documents."""
    out = [
        "# Checks between documents",
        "",
        "<!-- printed by `python -m hub.rules.docs`; do not edit -->",
        "",
        "Customs holds order, payment, waybill and declaration against each other, and does not publish how. These are the checks that its",
        "texts and rejections show (basis S: stated in an official text, R: a real rejection has it, B: secondary descriptions only,",
        "T: third-party systems), and by which codes the hub tells what differs. Faults of the door and of match flag a document: it",
        "goes to customs all the same, and its sender knows what customs will say. Codes `rule.*` are for officers.",
        "How documents find each other, wait and are compared: [how documents are matched](../explanation/matching.md).",
        "",
        "| # | check | 核对内容 | CEB | basis | checked by | codes | |",
        "|---|---|---|---|---|---|---|---|",
    ]
    out += [
        f"| {c.number} | {c.what} | {c.what_zh} | {c.messages} | {c.basis} | {c.where} | {', '.join(f'`{code}`' for code in c.codes)} | {c.note} |"
        for c in CHECKS
    ]
    return "\n".join([*out, ""])


PAGES: dict[str, Callable[[], str]] = {
    "reference/rules.md": lambda: rules_page(ruleset()),
    "explanation/life-cycle.md": life_cycle_page,
    "reference/standing.md": standing_page,
    "reference/checks.md": checks_page,
}


def main(*, check: bool) -> int:
    """Write the pages, or compare them; the exit status."""
    wrong = 0
    for name, make in PAGES.items():
        path, page = _ROOT / name, make()
        if check:
            if not path.is_file() or path.read_text("utf-8") != page:
                print(f"{name} is not what the code says: run python -m hub.rules.docs", file=sys.stderr)
                wrong = 1
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, "utf-8")
    return wrong


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))

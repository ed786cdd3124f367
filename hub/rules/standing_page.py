"""Prints ``docs/reference/standing.md`` from the tables of credit and control classes."""

from __future__ import annotations

from hub.domain.control import DEFAULTS, LINKED, PRECHECKS, WEIGHTS
from hub.domain.credit import CLASSES, SOURCES, Instrument, Source
from hub.domain.grade import GRADES, UNKNOWN, grade_at

_END = 99_999_999


def standing_page() -> str:
    """Sources with their instruments, levels and repairs; the grade; what each class means."""
    out = [
        "# Sources of credit, levels and control classes",
        "",
        "<!-- printed by `python -m hub.rules.docs`; do not edit -->",
        "",
        "What it means and how it works together: [Standing](../explanation/standing.md).",
        "The customs orders with their days and levels are official. Which class a level leads to, the first days of the other",
        "authorities' instruments, and every number of the grade and the classes are the hub's own or uncertain.",
        "",
        "## Sources",
        "",
        "A record of the kind `credit` has the id `<code>~<source>`; `field` is where its value says the level.",
        "",
        "| source | 中文 | field | counts | recorded by (API) | the enterprise sees it |",
        "|---|---|---|---|---|---|",
        *(f"| `{name}` {s.title} | {s.title_zh} | `{s.field}` | {_counts(s)} | {_recorders(s)} | {'no' if s.hidden else 'yes'} |" for name, s in SOURCES.items()),
        "",
        "## Levels",
        "",
        "| source | instrument | in force | level → class |",
        "|---|---|---|---|",
        *(f"| `{name}` | {i.name} | {_days(i)} | {_levels(i)} |" for name, s in SOURCES.items() for i in s.instruments if i.levels),
        "",
        "–: neither lifts nor lowers. Better than 3 only where a source that lifts (`gacc`, `zone`) says so.",
        "",
        "## Repairs",
        "",
        "Months after `valid_from` before which no repair is taken, and after which the record must have ended.",
        "",
        "| instrument | cause | at the earliest | ends after |",
        "|---|---|---|---|",
        *dict.fromkeys(
            f"| {i.name} | {cause or 'any'} | {r.least} | {r.most or '–'} |" for s in SOURCES.values() for i in s.instruments for cause, r in i.repairs.items()
        ),
        "",
        "## The zone's grade",
        "",
        "| grade | from score | class |",
        "|---|---|---|",
        *(f"| {grade} | {_bound(grade)} | {SOURCES['zone'].instruments[0].levels[grade]} |" for grade in GRADES),
        "",
        "Weights in percent: " + ", ".join(f"{name} {weight}" for name, weight in WEIGHTS.items()) + f". A dimension of which nothing is known counts {UNKNOWN} of 1000.",
        "Other weights: a record of the kind `parameter` with the id `grade`.",
        "",
        "## What a class means",
        "",
        "A record of the kind `parameter` with the id `class~<n>` changes any of it from its day on.",
        "",
        "| class | `sampling` % of the base rate | `least` % of all | `release_below` score | `prechecks` |",
        "|---|---|---|---|---|",
        *(f"| {n} | {DEFAULTS[n].sampling} | {DEFAULTS[n].least} | {DEFAULTS[n].release_below} | {', '.join(DEFAULTS[n].prechecks)} |" for n in CLASSES),
        "",
        f"Words of `prechecks`: {', '.join(PRECHECKS)}.",
        "A confirmed link to a firm or person of class "
        + ", ".join(f"{of} lowers to at least {to}" for of, to in LINKED.items())
        + "; a record of the kind `parameter` with the id `linked` says otherwise.",
    ]
    return "\n".join(out) + "\n"


def _counts(source: Source) -> str:
    if source.never:
        return "never: a suggestion"
    return "once confirmed" if source.computed else "at once"


def _recorders(source: Source) -> str:
    return ", ".join(sorted(source.recorders)) or "–"


def _days(instrument: Instrument) -> str:
    first = _day(instrument.first) if instrument.first else "always"
    return first if instrument.end == _END else f"{first} until before {_day(instrument.end)}"


def _day(number: int) -> str:
    return f"{number // 10_000:04d}-{number // 100 % 100:02d}-{number % 100:02d}"


def _levels(instrument: Instrument) -> str:
    return ", ".join(f"{level} → {of or '–'}" for level, of in instrument.levels.items())


def _bound(grade: str) -> int:
    return next(score for score in range(1000, 2001) if grade_at(score) == grade)

"""The zone's credit grade: a score from 1000 to 2000 out of five dimensions (model of the Hangzhou zone).

The bounds of the grades are published (BB 1000–1300, BBB –1400, A –1500, AA –1600, AAA –2000); the weights of the
dimensions and to which grade a bound itself belongs are not: weights 15/25/25/25/10 and the lower bound included are the
hub's own. A record of the kind ``parameter`` with the id ``grade`` says other weights from its day on
(``hub.domain.control.weights_of``).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from typing import Any

import msgspec

from hub.domain.control import WEIGHTS
from hub.domain.credit import NORMAL
from hub.domain.standing import ACTS, OVERRIDDEN, SUGGESTED, Standing

#: A dimension is scored from 0 to this.
FULL = 1000
#: What counts for a dimension of which nothing is known: with nothing known at all the grade is BBB, class 3.
UNKNOWN = 300
_LOWEST = 1000
_BOUNDS = (1300, 1400, 1500, 1600)
GRADES = ("BB", "BBB", "A", "AA", "AAA")


class Grade(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A grade, its score, and the dimensions of which nothing was known."""

    grade: str
    score: int
    unknown: tuple[str, ...] = ()


def grade_of(dimensions: Mapping[str, int], weights: Mapping[str, int] = WEIGHTS) -> Grade:
    """The grade of dimensions scored from 0 to 1000; ValueError for another dimension or score.

    The score is rounded down: a bound is reached or it is not.
    """
    wrong = [f"{name} {score}" for name, score in dimensions.items() if name not in weights or not 0 <= score <= FULL]
    if wrong:
        raise ValueError(f"no dimension from 0 to {FULL}: {', '.join(wrong)}")
    total = sum(weight * dimensions.get(name, UNKNOWN) for name, weight in weights.items())
    score = _LOWEST + total // 100
    return Grade(grade_at(score), score, tuple(name for name in weights if name not in dimensions))


def grade_at(score: int) -> str:
    """The grade of a score; a bound belongs to the better grade."""
    return GRADES[bisect_right(_BOUNDS, score)]


#: Worst acting class of an enterprise's own sources → its credit history; our own (P).
_HISTORY = {1: 1000, 2: 800, 3: 600, 4: 200, 5: 0}


def known_dimensions(standing: Standing, filing: Mapping[str, Any] | None) -> dict[str, int]:
    """The three dimensions that reference data tell of: qualification, history, relations; our own scores (P).

    ``filing`` is the enterprise's record of the kind ``enterprise``. Behaviour and performance come from what it does.
    The grade itself is no input of its own: reasons of ``zone``, ``computed`` and ``link`` are left out of the history.
    """
    found: dict[str, int] = {}
    counts = [r for r in standing.reasons if r.state in (ACTS, OVERRIDDEN)]
    own = [r for r in counts if r.source not in ("zone", "computed", "link", "decision")]
    if filing is not None and filing.get("state", "filed") == "filed":
        certified = any(r.source == "gacc" and r.control_class < NORMAL for r in own)
        found["qualification"] = 900 if certified else 600
    if own:
        found["history"] = _HISTORY[max(r.control_class for r in own) or NORMAL]
    links = [r for r in standing.reasons if r.source == "link"]
    if links:
        found["relations"] = 0 if any(r.state != SUGGESTED for r in links) else UNKNOWN
    return found


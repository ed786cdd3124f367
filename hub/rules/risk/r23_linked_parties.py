"""An enterprise behind the declaration is linked with a restricted one.

Joint punishment of those whom customs holds for dishonest extends to their legal representative, directors, supervisors
and senior managers, and so to the firms these control: who shares a legal person, an address or a bank account with an
enterprise or person of class 5 is raised in class. Only links that an officer has confirmed count.
"""

from __future__ import annotations

from hub.domain.credit import WATCH
from hub.domain.standing import ACTS
from hub.rules.api import REVIEW, TRADING, Case, Dated, Findings

CODE = "R23"
SOURCE = "joint punishment of customs-dishonest firms, 33 bodies, 2017-03 (the month is known, the day is not)"
VALID_FROM = "2017-03-01"
RISK = TRADING
AGENCIES = ("customs",)

SCORE = Dated({"2017-03-01": 40}, own=True)


def check(case: Case) -> Findings:
    """Each such enterprise with whom it is linked."""
    for role, code, standing in case.behind():
        if standing.control_class < WATCH:
            continue
        links = [r for r in standing.reasons if r.source == "link" and r.state == ACTS]
        if links:
            yield case.finding(
                "linked_restricted",
                score=SCORE.on(case.day),
                action=REVIEW,
                evidence={
                    "role": role,
                    "enterprise": code,
                    "linked": ", ".join(r.via for r in links),
                    "sources": ", ".join(dict.fromkeys(r.number for r in links)),
                },
            )

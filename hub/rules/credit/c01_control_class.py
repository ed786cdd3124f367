"""An enterprise of control class 4 or 5 stands behind the declaration.

Customs supervises enterprises by their credit: who is dishonest is controlled strictly (examined at 80 % and more), who
is honest is eased. The class is the worst any source leads to, unless an authority has decided on it; what nobody has
confirmed does not count. That a class comes of a link to another enterprise only is R23's.
"""

from __future__ import annotations

from hub.domain.credit import RESTRICTED, WATCH
from hub.rules.api import REVIEW, TRADING, Case, Dated, Findings

CODE = "C01"
SOURCE = "GACC order 225 (2014), 237 (2018), 251 (2021), 282 (2026)"
VALID_FROM = "2014-12-01"
RISK = TRADING
AGENCIES = ("customs",)

WATCH_SCORE = Dated({"2014-12-01": 30}, own=True)
RESTRICTED_SCORE = Dated({"2014-12-01": 60}, own=True)


def check(case: Case) -> Findings:
    """Each such enterprise with the sources that make its class."""
    for role, code, standing in case.behind():
        if standing.control_class < WATCH:
            continue
        sources = [f"{r.source}:{r.level}" for r in standing.deciding if r.source != "link"]
        if not sources:
            continue
        score = RESTRICTED_SCORE if standing.control_class == RESTRICTED else WATCH_SCORE
        yield case.finding(
            "control_class",
            score=score.on(case.day),
            action=REVIEW,
            evidence={
                "role": role,
                "enterprise": code,
                "control_class": str(standing.control_class),
                "sources": ", ".join(sources),
                "documents": ", ".join(dict.fromkeys(r.number for r in standing.deciding if r.number and r.source != "link")),
            },
        )

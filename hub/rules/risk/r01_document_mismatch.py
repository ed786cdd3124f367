"""Order, payment and waybill do not agree with the declaration.

The declaration is checked against the order, the payment and the waybill that belong to it (three-document match).
A document that did not come in time, or that differs in number, name, amount, goods or company, makes the trade behind
the declaration doubtful. A document that reached customs directly is not missing. All numbers here are our own.
"""

from __future__ import annotations

from hub.rules.api import REVIEW, TRADING, Case, Dated, Findings

CODE = "R01"
SOURCE = "GACC announcement 2018-194; MOFCOM 486 of 2018-11-28"
VALID_FROM = "2016-04-08"
RISK = TRADING
AGENCIES = ("customs",)

MISSING_SCORE = Dated({"2016-04-08": 40}, own=True)
DIFFERENCE_SCORE = Dated({"2016-04-08": 30}, own=True)
#: Each further difference.
FURTHER_SCORE = Dated({"2016-04-08": 10}, own=True)
MOST = Dated({"2016-04-08": 60}, own=True)


def check(case: Case) -> Findings:
    """Each missing document is a finding; all differences together are one."""
    for kind in ("order", "payment", "waybill"):
        if case.states.get(kind) == "missing":
            yield case.finding(
                "document_missing",
                score=MISSING_SCORE.on(case.day),
                action=REVIEW,
                evidence={"kind": kind},
            )
    if case.differences:
        codes = ", ".join(sorted(set(case.differences)))
        score = DIFFERENCE_SCORE.on(case.day) + FURTHER_SCORE.on(case.day) * (len(case.differences) - 1)
        yield case.finding(
            "documents_differ",
            score=min(score, MOST.on(case.day)),
            action=REVIEW,
            evidence={"codes": codes, "count": str(len(case.differences))},
        )

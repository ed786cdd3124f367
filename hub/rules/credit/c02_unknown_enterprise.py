"""An enterprise behind the declaration is not known.

Whoever takes part in cross-border retail trade registers with customs: platforms, merchants or their agents, payment
companies, carriers. Where the zone keeps the filings (enrolment is closed), an enterprise with neither a filing nor
anything said of its credit is named, and an officer looks: nothing is known that would speak for it.
"""

from __future__ import annotations

from hub.rules.api import REVIEW, TRADING, Case, Dated, Findings

CODE = "C02"
SOURCE = "GACC announcement 2016-26; GACC announcement 2018-194"
VALID_FROM = "2016-04-08"
RISK = TRADING
AGENCIES = ("customs",)

SCORE = Dated({"2016-04-08": 10}, own=True)


def check(case: Case) -> Findings:
    """Each such enterprise."""
    if not case.setting("filings_kept", default=False):
        return
    for role, code, standing in case.behind():
        if not standing.known:
            yield case.finding(
                "enterprise_unknown", score=SCORE.on(case.day), action=REVIEW, evidence={"role": role, "enterprise": code}
            )

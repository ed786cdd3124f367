"""The trade is with a country or an enterprise under restriction.

Control and watch lists name importers and end users; some countries are closed to some goods. A record of the kind ``country`` says
that a country is closed or watched. An enterprise whose name resembles a listed one (``hub reference screen``) carries that in its
standing until an officer has cleared it.
"""

from __future__ import annotations

from hub.domain.standing import ACTS
from hub.rules.api import REVIEW, TRADING, Case, Dated, Findings

CODE = "R14"
SOURCE = "Export Control Law of 2020-12-01; dual-use regulations of 2024-12-01"
VALID_FROM = "2020-12-01"
RISK = TRADING
AGENCIES = ("customs", "commerce")

COUNTRY_SCORE = Dated({"2020-12-01": 60}, own=True)
NAME_SCORE = Dated({"2020-12-01": 40}, own=True)


def check(case: Case) -> Findings:
    """Countries of destination and origin; names that resemble listed ones."""
    day, of = case.day, case.declaration
    for country in dict.fromkeys((of.country, *[line.country for line in of.lines])):
        record = case.seldom("country", country) if country else None
        if record is not None:
            said = {"country": country, "state": str(record.get("state", "")), "instrument": str(record.get("instrument", ""))}
            closed = record.get("state") == "closed"
            yield case.finding(
                "country", score=COUNTRY_SCORE.on(day), path="InventoryHead/country", action=REVIEW, blocking=closed, evidence=said
            )
    for role, code, standing in case.behind():
        if any(r.source == "screening" and r.level != "cleared" and r.state == ACTS for r in standing.reasons):
            said = {"role": role, "enterprise": code}
            yield case.finding("listed_name", score=NAME_SCORE.on(day), action=REVIEW, evidence=said)

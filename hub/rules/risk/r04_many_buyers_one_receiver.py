"""The parcels of many buyers go to one receiver.

Retail imports are for the buyer's own use. Where many people's parcels reach one telephone, or one address at which there are
far fewer telephones than people, goods are collected. Customs look at addresses and telephones with different names and at
receivers of high frequency; no number is published, all numbers here are our own. A pick-up point, where everybody has a
telephone, is none.
"""

from __future__ import annotations

from hub.domain.history import delivered
from hub.domain.watching import ADDRESS, TELEPHONE
from hub.rules.api import REVIEW, TRADING, Case, Dated, Findings

CODE = "R04"
SOURCE = "GACC announcement 2018-194; MOFCOM 486 of 2018-11-28"
VALID_FROM = "2019-01-01"
RISK = TRADING
AGENCIES = ("customs",)
SIDES = ("import",)

#: People at the telephone delivered to, within 30 days.
PEOPLE = Dated({"2019-01-01": 5}, own=True, unit="people")
#: People more than telephones at an address, within 7 days.
CROWD = Dated({"2019-01-01": 5}, own=True, unit="people")
SCORE = Dated({"2019-01-01": 40}, own=True)


def check(case: Case) -> Findings:
    """What watch says of the telephone and the address the parcel goes to."""
    address, telephones = delivered(case.declaration, case.order)
    for what, digest, least in ((TELEPHONE, telephones[-1], PEOPLE), (ADDRESS, address, CROWD)):
        flag = case.flag(what, digest)
        if flag is not None and flag.get("count", 0) >= least.on(case.day):
            said = {"what": what, "count": str(flag["count"]), "flag": f"{what}:{digest}"}
            yield case.finding("many_buyers_one_receiver", score=SCORE.on(case.day), action=REVIEW, evidence=said)
            return

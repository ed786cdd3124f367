"""Identities are used that are not the orderers' own.

Stolen identities are handled as smuggling. What shows them: one telephone with several people, one person who has goods sent to
ever other addresses, or who buys on many platforms within a day. Platforms must watch for identity theft; no number is
published, all numbers here are our own.
"""

from __future__ import annotations

from hub.domain.history import delivered, short
from hub.domain.watching import TELEPHONE
from hub.rules.api import REVIEW, TRADING, Case, Dated, Findings

CODE = "R03"
SOURCE = "GACC announcement 2018-194; MOFCOM 486 of 2018-11-28"
VALID_FROM = "2019-01-01"
RISK = TRADING
AGENCIES = ("customs",)
SIDES = ("import",)

#: People at one telephone within 30 days.
PEOPLE = Dated({"2019-01-01": 4}, own=True, unit="people")
#: Addresses of one person within 30 days.
ADDRESSES = Dated({"2019-01-01": 5}, own=True, unit="addresses")
#: Platforms of one person within 24 hours.
PLATFORMS = Dated({"2019-01-01": 4}, own=True, unit="platforms")
TELEPHONE_SCORE = Dated({"2019-01-01": 40}, own=True)
ADDRESSES_SCORE = Dated({"2019-01-01": 30}, own=True)
PLATFORMS_SCORE = Dated({"2019-01-01": 30}, own=True)


def check(case: Case) -> Findings:
    """What watch says of the telephones; the buyer's own addresses and platforms."""
    day, of = case.day, case.declaration
    address, telephones = delivered(of, case.order)
    for telephone in telephones:
        flag = case.flag(TELEPHONE, telephone)
        if flag is not None and flag.get("count", 0) >= PEOPLE.on(day):
            said = {"count": str(flag["count"]), "flag": f"{TELEPHONE}:{telephone}"}
            yield case.finding("telephone_of_many", score=TELEPHONE_SCORE.on(day), action=REVIEW, evidence=said)
            break
    history = case.history()
    if not history:
        return
    addresses = len({one.address for one in history} | {short(address)})
    if addresses >= ADDRESSES.on(day):
        said = {"count": str(addresses)}
        yield case.finding("many_addresses", score=ADDRESSES_SCORE.on(day), action=REVIEW, evidence=said)
    platforms = len({one.platform for one in history if one.at > case.at - 86_400_000} | {of.platform})
    if platforms >= PLATFORMS.on(day):
        said = {"count": str(platforms)}
        yield case.finding("many_platforms", score=PLATFORMS_SCORE.on(day), action=REVIEW, evidence=said)

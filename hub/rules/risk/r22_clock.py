"""The clock of a sender is wrong.

A payment or an order from the future shows a system whose clock is wrong, or a document made ahead of what it is about. One
platform's interface allowed clocks to differ by twenty minutes. Wrong signatures, repeated bytes and numbers, and messages
against the schema are refused or noted before a declaration is assessed.
"""

from __future__ import annotations

from functools import lru_cache

from hub.domain.keys import china_stamp, receipt_ms
from hub.rules.api import TECHNICAL, Case, Dated, Findings

CODE = "R22"
SOURCE = "interface of the Ningbo platform of 2016 (twenty minutes)"
VALID_FROM = "2016-04-08"
RISK = TECHNICAL
AGENCIES = ("customs",)
SIDES = ("import",)

#: Minutes by which a document may be ahead of its reception.
MINUTES = Dated({"2016-04-08": 20}, own=True, unit="minutes")
SCORE = Dated({"2016-04-08": 10}, own=True)

#: As documents write it, to the second: documents of one moment are assessed together.
_stamp = lru_cache(maxsize=64)(lambda at: china_stamp(at)[:14])


def check(case: Case) -> Findings:
    """The times of order and payment against that at which the documents were put together."""
    latest = case.now + MINUTES.on(case.day) * 60_000
    written = _stamp(latest)
    for kind, view in (("order", case.order), ("payment", case.payment)):
        if view is not None and view.time > written and (at := receipt_ms(view.time)) > latest:
            said = {"kind": kind, "minutes": str((at - case.now) // 60_000)}
            yield case.finding("clock_ahead", score=SCORE.on(case.day), evidence=said)

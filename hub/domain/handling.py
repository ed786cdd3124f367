"""How far an alert has been dealt with: the last field of an alert, written by the stage ``desk`` only."""

from __future__ import annotations

import msgspec

#: What becomes of an alert, and of a case as its least advanced alert, in this order.
RAISED, ACKNOWLEDGED, ASSIGNED, DECIDED, CLOSED = STATES = ("raised", "acknowledged", "assigned", "decided", "closed")
#: Whether what the alert says was so.
TRUE, FALSE = VERDICTS = ("true", "false")


class Handling(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """``state``: raised, acknowledged, assigned, decided or closed; ``by`` did the last thing at ``at`` (ms; the hub where empty).

    ``case``: the case's id; ``verdict``: true, false, or empty where nobody has decided; ``revision`` only grows.
    ``escalated``: how often it was said that nobody acts; ``shared``: authorities that were invited into the case, or led it once.
    """

    state: str = RAISED
    case: str = ""
    assignee: str = ""
    verdict: str = ""
    by: str = ""
    at: int = 0
    revision: int = 0
    escalated: int = 0
    shared: tuple[str, ...] = ()


#: An alert nobody has touched.
UNTOUCHED = Handling()

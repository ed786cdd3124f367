"""The rules with how often they hit and how often they were right; for officers only."""

from __future__ import annotations

from aiohttp import web

from hub.domain.keys import china_day
from hub.domain.reading import RuleFigures
from hub.rules.docs import facts
from hub.rules.engine import SHADOW, named, ruleset
from hub.web import words
from hub.web.ports import PARTS
from hub.web.problems import bad_query
from hub.web.views.alerts import officer
from hub.web.views.common import Json, answer, moment
from hub.web.views.enterprises import reference_of

routes = web.RouteTableDef()

DAY_MS = 86_400_000
#: Days the figures are of where none are asked for, and at most.
USUAL, MOST = 7, 92


async def figures(request: web.Request) -> Json:
    """Every rule in force on the last of the days asked for, and every other that found something on them."""
    now = request.app[PARTS].clock.now()
    last = moment(request, "to", now)
    first = moment(request, "from", last - (USUAL - 1) * DAY_MS)
    if not 0 <= last - first < MOST * DAY_MS or first < 0:
        raise bad_query("from")
    found = await request.app[PARTS].read.rule_figures(first, last)
    rules, day = ruleset(), china_day(last)
    known = {rule.code: rule for rule in rules.rules}
    trial = {*named(reference_of(request).find("parameter", SHADOW, day))} | {r.code for r in rules.rules if day < r.shadow_until}
    hit = {*found.hits, *found.shadow}
    codes = sorted({rule.code for rule in rules.in_force(day)} | hit)
    drawn, stopped, passed = found.drawn
    return {
        "from": words.china_time(first)[:10],
        "to": words.china_time(last)[:10],
        "rules": rules.digest,
        "assessed": found.assessed,
        "drawn": {
            "declarations": drawn,
            "confirmed": stopped,
            "cleared": passed,
            "missed": round(stopped / (stopped + passed), 4) if stopped + passed else None,
        },
        "items": [{**(facts(known[c], day) if c in known else {"code": c}), "shadow": c in trial, **_counts(c, found)} for c in codes],
    }


def _counts(code: str, found: RuleFigures) -> Json:
    """Hits by assessments, outcomes by declarations, verdicts of officers by alerts; a rate of nothing is None."""
    confirmed, cleared = found.outcomes.get(code, (0, 0))
    true, false, undecided = found.verdicts.get(code, (0, 0, 0))
    hits, shadow, answered = found.hits.get(code, 0), found.shadow.get(code, 0), confirmed + cleared
    return {
        "hits": hits,
        "shadow_hits": shadow,
        "hit_rate": round((hits + shadow) / found.assessed, 6) if found.assessed else None,
        "confirmed": confirmed,
        "cleared": cleared,
        "precision": round(confirmed / answered, 4) if answered else None,
        "decided": true + false,
        "decided_true": true,
        "undecided": undecided,
    }


@routes.get("/v1/rules")
async def rules(request: web.Request) -> web.Response:
    """The rules with their figures of some days."""
    officer(request)
    return answer(await figures(request))

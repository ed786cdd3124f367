"""Enterprises: filing, standing with its reasons, what they submitted; officers confirm, record and decide.

An enterprise sees what the authorities say of it, with who said it; its control class, the hub's suggestions, links and
alerts are for officers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from aiohttp import web

from hub.domain import audit, credit
from hub.domain.control import parameters_of
from hub.domain.faults import Both, Refused, fault
from hub.domain.keys import china_day, day_text, rfc3339
from hub.domain.reading import Search
from hub.domain.reference import Reference, ReferenceRecord, problems
from hub.domain.standing import SHARED, Reason, Standing, shared_filings, standing_of
from hub.ports import Amend
from hub.web import acting, sight, story, words
from hub.web.auth import require
from hub.web.ports import PARTS, Viewer
from hub.web.problems import bad_query
from hub.web.views.common import Json, answer, body_of, by_key, number, path_text, text

routes = web.RouteTableDef()

#: What of a credit record everybody who sees the record sees; the rest is for officers.
_PROVENANCE = ("instrument", "number", "recorded_by", "recorded_on", "confirmed_by", "cause", "repaired_on", "ended_on", "score")
_OFFICERS_TOO = ("reason", "note", "dimensions")
#: Enterprises looked at for the list of those that stand out.
MOST_LOOKED_AT = 2000


class Recording(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an officer hands in: ``confirm`` a suggestion (zone, alert, link), or what a source says from when to when.

    ``repaired_on`` and ``ended_on`` without a level are about the record in force.
    """

    confirm: str = ""
    source: str = ""
    level: str | int = ""
    grade: str = ""
    class_: str | int = msgspec.field(default="", name="class")
    valid_from: str = ""
    valid_to: str = ""
    instrument: str = ""
    number: str = ""
    cause: str = ""
    repaired_on: str = ""
    ended_on: str = ""
    reason: str = ""
    note: str = ""


def reference_of(request: web.Request) -> Reference:
    """The reference data as this process has read them."""
    found = request.app[PARTS].reference
    return found if found is not None else Reference()


def amend_of(request: web.Request) -> Amend:
    """How reference data are changed; HTTPServiceUnavailable where this process does not change any."""
    found = request.app[PARTS].amend_reference
    if found is None:
        raise web.HTTPServiceUnavailable
    return found


def today(request: web.Request) -> int:
    """The day in China, yyyymmdd."""
    return china_day(request.app[PARTS].clock.now())


def may_see(viewer: Viewer, code: str) -> bool:
    """Officers see every enterprise, an enterprise itself."""
    return sight.is_officer(viewer) or code in viewer.codes


def _asked(request: web.Request) -> tuple[Viewer, str]:
    viewer, code = require(request), path_text(request, "code")
    if not may_see(viewer, code):
        raise web.HTTPNotFound
    return viewer, code


def _day(request: web.Request) -> int:
    said = text(request, "day")
    digits = said.replace("-", "")
    if said and not (len(said) == 10 and len(digits) == 8 and digits.isascii() and digits.isdigit()):
        raise bad_query("day")
    return int(digits) if said else today(request)


# ---- what is shown -----------------------------------------------------------------------------------------------


def _record_json(record: ReferenceRecord, officer: bool) -> Json:
    shown = _PROVENANCE + (_OFFICERS_TOO if officer else ())
    value = {name: record.value[name] for name in shown if record.value.get(name) not in (None, "")}
    return {**value, "valid_from": record.valid_from, "valid_to": record.valid_to, "version": record.version}


def _reason_json(data: Reference, code: str, reason: Reason, day: int, officer: bool) -> Json:
    source = credit.SOURCES.get(reason.source)
    said_of = reason.via or code
    record = data.record("credit", credit.id_of(said_of, reason.source), day) if source is not None else None
    title = (source.title, source.title_zh) if source is not None else words.LINKED
    shown: Json = {
        "source": reason.source,
        "title": title[0],
        "title_zh": title[1],
        "level": reason.level,
        "state": reason.state if officer or reason.state != "overridden" else "acts",
    }
    if officer:
        shown |= {"control_class": reason.control_class, "via": reason.via, "number": reason.number}
    return shown | (_record_json(record, officer) if record is not None else {})


def standing_json(request: web.Request, viewer: Viewer, code: str, day: int) -> Json:
    """Class, suggestion, reasons and parameters for officers; the authorities' levels for the enterprise itself."""
    data, officer = reference_of(request), sight.is_officer(viewer)
    found = standing_of(data, code, day, data.reached)
    reasons = [
        _reason_json(data, code, reason, day, officer)
        for reason in found.reasons
        if officer or (reason.source in credit.SOURCES and not credit.SOURCES[reason.source].hidden)
    ]
    shown: Json = {"code": code, "day": day_text(day), "reasons": reasons}
    if officer:
        parameters = parameters_of(data, found.control_class, day, data.reached)
        shown |= {
            "control_class": found.control_class,
            "suggested": found.suggested,
            "parameters": msgspec.to_builtins(parameters),
            "links": [
                {
                    "confirmed": confirmed,
                    "firms": list(link.get("firms", ())),
                    "persons": len(link.get("persons", ())),
                    "source": link.get("source", ""),
                }
                for link, confirmed in ((_confirmed_link(data, code, day), True), (suggested_link(data, code, day), False))
                if link
            ],
        }
    return shown


def _confirmed_link(data: Reference, code: str, day: int) -> Mapping[str, Any]:
    link = data.find("link", code, day) or {}
    return link if link.get("confirmed") is True else {}


def suggested_link(data: Reference, code: str, day: int) -> Mapping[str, Any]:
    """What nobody has confirmed yet: links that were recorded as such, and filings that share something; empty for none."""
    suggested, own = data.find("link", credit.id_of(code, "suggested"), day), data.find("link", code, day)
    links = [suggested] if suggested is not None else []
    if own is not None and own.get("confirmed") is not True:
        links.append(own)
    shared = shared_filings(data.all("enterprise", day), code)
    confirmed = _confirmed_link(data, code, day)
    firms = dict.fromkeys([firm for link in links for firm in link.get("firms", ())] + list(shared))
    persons = dict.fromkeys(person for link in links for person in link.get("persons", ()))
    new = {
        "firms": [firm for firm in firms if firm not in confirmed.get("firms", ())],
        "persons": [person for person in persons if person not in confirmed.get("persons", ())],
    }
    if not new["firms"] and not new["persons"]:
        return {}
    said = [str(link.get("source") or "") for link in links]
    said += [SHARED[field] for fields in shared.values() for field in fields]
    return {**new, "source": ", ".join(dict.fromkeys(text for text in said if text))}


def filing_json(request: web.Request, viewer: Viewer, code: str) -> Json:
    """The enterprise's filing (null where there is none) and its standing."""
    filing = reference_of(request).record("enterprise", code, today(request))
    return {
        "code": code,
        "filing": {**filing.value, "valid_from": filing.valid_from, "valid_to": filing.valid_to} if filing is not None else None,
        "standing": standing_json(request, viewer, code, today(request)),
    }


async def history_json(request: web.Request, viewer: Viewer, code: str) -> Json:
    """Every version of what was said of the enterprise, newest first, and the documents that name it."""
    data, officer = reference_of(request), sight.is_officer(viewer)
    said = [
        {"source": name, "title": source.title, "title_zh": source.title_zh, "level": credit.said(name, record.value)}
        | _record_json(record, officer)
        for name, source in credit.SOURCES.items()
        if officer or not source.hidden
        for record in data.versions("credit", credit.id_of(code, name))
    ]
    said.sort(key=lambda entry: (entry["valid_from"], entry["version"]), reverse=True)
    now = request.app[PARTS].clock.now()
    limit = number(request, "limit", 50, 200, least=1)
    wanted = Search(since=0, until=now + 86_400_000, enterprise=code, limit=limit, now=now)
    documents = await request.app[PARTS].read.search(wanted, sight.scope(viewer))
    return {"code": code, "records": said, "items": [story.line_json(viewer, status, now) for status in documents]}


#: What of its profile an enterprise sees itself; what is remarked, suggested and concentrated, and how it was assessed, is for officers.
_OWN = ("enterprise", "at", "exported", "unrated")
_OWN_DAYS = ("day", "declarations", "mismatched", "released", "refused", "returned")
_OWN_RATES = ("refusals", "returns", "mismatches")


async def profile_json(request: web.Request, viewer: Viewer, code: str) -> Json | None:
    """What observe knows of an enterprise; None where nothing is."""
    found = await request.app[PARTS].read.profile(code)
    if found is None:
        return None
    shown: Json = msgspec.to_builtins(found)
    shown["at"] = rfc3339(found.at)
    if not sight.is_officer(viewer):
        own: Json = {name: shown[name] for name in _OWN if name in shown}
        own["days"] = [{name: day[name] for name in _OWN_DAYS if name in day} for day in shown.get("days", ())]
        own["rates"] = {name: share for name, share in shown.get("rates", {}).items() if name in _OWN_RATES}
        return own
    shown["changes"] = [{**change, "at": rfc3339(change["at"])} for change in shown.get("changes", ())]
    return shown


def standing_out(data: Reference, day: int) -> list[tuple[str, Standing]]:
    """The enterprises whose class is not 3, or would not be with every suggestion confirmed; the worst first."""
    plain = (0, credit.NORMAL)
    codes: dict[str, None] = {}
    for id, value in data.all("credit", day):
        code, _, name = id.rpartition("~")
        if name in credit.SOURCES and credit.class_of(name, credit.said(name, value)) not in plain:
            codes[code] = None
    codes |= dict.fromkeys(id.removesuffix("~suggested") for id, _ in data.all("link", day))
    firms = [code for code in codes if ":" not in code]  # the keyed digests of persons have a colon
    found = [(code, standing_of(data, code, day, data.reached)) for code in firms[:MOST_LOOKED_AT]]
    chosen = [(code, s) for code, s in found if (s.control_class, s.suggested) != (credit.NORMAL, credit.NORMAL)]
    return sorted(chosen, key=lambda entry: (-max(entry[1].control_class, entry[1].suggested), entry[0]))


@routes.get("/v1/enterprises/{code}")
async def enterprise(request: web.Request) -> web.Response:
    """Filing and standing."""
    viewer, code = _asked(request)
    return answer(filing_json(request, viewer, code))


@routes.get("/v1/enterprises/{code}/standing")
async def standing(request: web.Request) -> web.Response:
    """The standing today, or on a ``day``."""
    viewer, code = _asked(request)
    return answer(standing_json(request, viewer, code, _day(request)))


@routes.get("/v1/enterprises/{code}/history")
async def history(request: web.Request) -> web.Response:
    """What was said of it, and what it submitted."""
    viewer, code = _asked(request)
    return answer(await history_json(request, viewer, code))


@routes.get("/v1/enterprises/{code}/profile")
async def profile(request: web.Request) -> web.Response:
    """What it trades by day, rates and shares; for officers what is remarked and suggested, too."""
    viewer, code = _asked(request)
    found = await profile_json(request, viewer, code)
    if found is None:
        raise web.HTTPNotFound
    return answer(found)


# ---- what officers do --------------------------------------------------------------------------------------------


@routes.post("/v1/enterprises/{code}/standing")
async def record(request: web.Request) -> web.Response:
    """Confirm a suggestion, record a level, or decide; the answer is the standing that follows."""
    by_key(request)
    viewer, code = _asked(request)
    if not sight.is_officer(viewer):
        raise web.HTTPForbidden
    wanted = await body_of(request, Recording, _wrong)
    await take(request, viewer, code, wanted)
    return answer(standing_json(request, viewer, code, today(request)))


async def take(request: web.Request, viewer: Viewer, code: str, wanted: Recording) -> None:
    """Publish what an officer says; raises Refused with ``meaning.standing``, HTTPForbidden."""
    data, day = reference_of(request), today(request)
    if bool(wanted.confirm) == bool(wanted.source):
        raise _wrong(Both("say either confirm or source", "confirm 与 source 须且只能填写其一"))
    if wanted.confirm:
        records = _confirmed(data, viewer, code, wanted.confirm, day)
    else:
        records = [_said(data, viewer, code, wanted, day)]
    for made in records:
        _check(made, day)
    amend = amend_of(request)
    for made in records:
        await acting.record(request, viewer, audit.REFERENCE_RECORDED, f"{made.kind}/{made.id}")
    await amend(lambda _: records)


def _check(made: ReferenceRecord, day: int) -> None:
    name = made.id.rpartition("~")[2]
    if made.kind == "credit" and name in credit.SOURCES:
        try:
            first, end = (int((text or "99999999").replace("-", "")) for text in (made.valid_from, made.valid_to))
        except ValueError:
            raise _wrong(Both("days are written YYYY-MM-DD", "日期应写作 YYYY-MM-DD")) from None
        if first > day and name != "decision":
            raise _wrong(Both("what is recorded is in force today or was before", "记录的生效日期不得晚于今日"))
        said = credit.problems(made.id, made.value, first, end)
    else:
        said = credit.link_problems(made.value)
    if said:
        raise Refused([fault("meaning.standing", why=why) for why in said])
    others = problems(made)
    if others:
        raise _wrong(Both(others[0], "记录的编号或日期有误"))


def _wrong(why: Both) -> Refused:
    return Refused([fault("meaning.standing", why=why)])


def _allowed(viewer: Viewer, recorders: Iterable[str]) -> None:
    if set(recorders).isdisjoint(viewer.roles):
        raise web.HTTPForbidden


def _said(data: Reference, viewer: Viewer, code: str, wanted: Recording, day: int) -> ReferenceRecord:
    source = credit.SOURCES.get(wanted.source)
    if source is None:
        names = ", ".join(credit.SOURCES)
        raise _wrong(Both(f"the source is one of {names}", f"来源应为 {names} 之一"))
    _allowed(viewer, source.recorders)
    id = credit.id_of(code, wanted.source)
    level = {"level": wanted.level, "grade": wanted.grade, "class": wanted.class_}[source.field]
    there = data.record("credit", id, day) if (wanted.repaired_on or wanted.ended_on) and not level else None
    value: dict[str, Any] = dict(there.value) if there is not None else {source.field: str(level)}
    given = msgspec.structs.asdict(wanted)
    value |= {name: given[name] for name in ("instrument", "number", "cause", "repaired_on", "ended_on", "reason", "note") if given[name]}
    value |= {"recorded_by": viewer.name, "recorded_on": day_text(day)}
    if source.computed:
        value["confirmed_by"] = viewer.name
    begins = wanted.valid_from or (there.valid_from if there is not None else day_text(day))
    ends = wanted.valid_to or (there.valid_to if there is not None else "")
    return ReferenceRecord("credit", id, 1, begins, ends, value)


#: What can be confirmed → the roles that may.
CONFIRMERS = {
    "zone": credit.SOURCES["zone"].recorders,
    "alert": credit.SOURCES["alert"].recorders,
    "link": frozenset({"office", "customs", "market"}),
}


def to_confirm(data: Reference, viewer: Viewer, code: str, day: int) -> list[str]:
    """The suggestions about an enterprise that are open and that the viewer may confirm."""
    alert = data.find("credit", credit.id_of(code, "alert"), day)
    there = {
        "zone": data.find("credit", credit.id_of(code, "computed"), day) is not None,
        "alert": alert is not None and not alert.get("confirmed_by") and not credit.passed(alert, "ended_on", day),
        "link": bool(suggested_link(data, code, day)),
    }
    return [what for what, roles in CONFIRMERS.items() if there[what] and not roles.isdisjoint(viewer.roles)]


def _confirmed(data: Reference, viewer: Viewer, code: str, what: str, day: int) -> list[ReferenceRecord]:
    roles = CONFIRMERS.get(what)
    if roles is None:
        raise _wrong(Both("confirm is one of zone, alert, link", "confirm 应为 zone、alert、link 之一"))
    _allowed(viewer, roles)
    if what == "link":
        return _confirmed_links(data, viewer, code, day)
    of = "computed" if what == "zone" else what
    there = data.record("credit", credit.id_of(code, of), day)
    if there is None:
        raise _wrong(_NOTHING_TO_CONFIRM)
    value = {**there.value, "confirmed_by": viewer.name, "recorded_on": day_text(day)}
    begins = day_text(day) if what == "zone" else there.valid_from
    return [ReferenceRecord("credit", credit.id_of(code, what), 1, begins, there.valid_to, value)]


_NOTHING_TO_CONFIRM = Both("there is nothing to confirm", "没有待确认的建议")


def _confirmed_links(data: Reference, viewer: Viewer, code: str, day: int) -> list[ReferenceRecord]:
    """The suggested link, confirmed, and its other end at each firm: who shares a legal person, shares it both ways."""
    suggested = suggested_link(data, code, day)
    if not suggested:
        raise _wrong(_NOTHING_TO_CONFIRM)
    source = str(suggested.get("source") or "")
    firms, persons = list(suggested.get("firms", ())), list(suggested.get("persons", ()))
    ends = [(code, firms, persons), *((firm, [code], persons) for firm in firms if firm != code)]
    return [_link(data, viewer, end, add_firms, add_persons, source, day) for end, add_firms, add_persons in ends]


def _link(
    data: Reference, viewer: Viewer, code: str, firms: list[str], persons: list[str], source: str, day: int
) -> ReferenceRecord:
    kept = _confirmed_link(data, code, day)
    value = {
        "firms": list(dict.fromkeys([*kept.get("firms", ()), *firms])),
        "persons": list(dict.fromkeys([*kept.get("persons", ()), *persons])),
        "confirmed": True,
        "confirmed_by": viewer.name,
        "source": source,
    }
    return ReferenceRecord("link", code, 1, day_text(day), "", value)

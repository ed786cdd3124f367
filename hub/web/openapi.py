"""What ``/openapi.json`` says: written by hand beside the routes, held to them by a test."""

from __future__ import annotations

from typing import Any

from hub import topics
from hub.domain.access import UNITS
from hub.domain.credit import SOURCES
from hub.domain.desk import ACTIONS, LEADERS
from hub.domain.handling import STATES
from hub.domain.kinds import KINDS
from hub.domain.notices import NOTICES
from hub.domain.orders import AUTHORITIES, LEVELS
from hub.domain.reading import OPEN, SEVERITIES
from hub.domain.subscriptions import FEEDS, FILTERS
from hub.rules.api import RISKS

Json = dict[str, Any]


def _query(name: str, about: str, kind: str = "string") -> Json:
    return {"name": name, "in": "query", "description": about, "schema": {"type": kind}}


_LIMIT = _query("limit", "how many at most", "integer")
_PROBLEM = {
    "description": "a problem (RFC 9457)",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_AFTER = _query("after", "a cursor: what lies behind it; the same for pages and streams")
_AUTHORITY = _query("authority", "whose topic, for a caller who acts for several: " + ", ".join(topics.AUTHORITIES))
_ALERTS = (
    _query("severity", f"one of {', '.join(SEVERITIES)}"),
    _query("family", f"one of {', '.join(RISKS)}"),
    *(_query(name, f"by {name}") for name in ("rule", "enterprise", "agency")),
    _query("office", "by customs office"),
    _query("state", f"what was done about it: one of {', '.join(STATES)}, or {OPEN} for all but closed"),
    _query("assignee", "who has it"),
    _query("unit", f"the part of customs they are addressed to: {', '.join(UNITS)}"),
    _AFTER,
)
_EVENTS = "text/event-stream"
_LAST = {"name": "Last-Event-ID", "in": "header", "description": "the id of the last event: what lies behind it", "schema": {"type": "string"}}

#: (method, path, what, tag, query parameters, schema of the answer or its media type)
OPERATIONS: tuple[tuple[str, str, str, str, tuple[Json, ...], str], ...] = (
    ("get", "/v1/submissions/{id}", "State and faults of each document handed in", "enterprises", (), "Submission"),
    (
        "get",
        "/v1/submissions/{id}/original",
        "The bytes as received: for whoever handed them in, and for customs with a purpose (or the header Hub-Purpose), which is recorded",
        "enterprises",
        (_query("purpose", "why customs reads what others handed in: 4 to 500 characters, no person's name"),),
        "application/octet-stream",
    ),
    ("get", "/v1/submissions/{id}/acknowledgement", "The acknowledgement with its proofs", "enterprises", (), "object"),
    (
        "get",
        "/v1/declarations/{key}",
        (
            "The whole story behind any number: agentCode:copNo, ebpCode:orderNo, preNo, invtNo, waybill number, "
            "submission id. Waits up to 2 s for what has just been submitted"
        ),
        "enterprises",
        (),
        "Declaration",
    ),
    (
        "get",
        "/v1/declarations/{key}/evidence",
        (
            "The evidence pack of a declaration, a zip that hub verify checks offline: acknowledgements, proofs and time stamps of the "
            "chain, statuses, for officers the assessment, and the messages the caller may read; those of others for customs with a "
            "purpose (or the header Hub-Purpose), which is recorded"
        ),
        "enterprises",
        (_query("purpose", "why customs reads what others handed in: 4 to 500 characters, no person's name"),),
        "application/zip",
    ),
    ("get", "/v1/worklist", "What needs doing, oldest first, with the next step", "enterprises", (_LIMIT,), "Worklist"),
    (
        "get",
        "/v1/worklist/summary",
        (
            "Which entries the exports (9610, statisticsFlag B) closed in a month become: a preview as JSON, as CSV with the "
            "numbers by entry, or the application itself (CEB701) as a JSON twin"
        ),
        "enterprises",
        (
            _query("month", "the month in which customs closed them, YYYY-MM, China time") | {"required": True},
            _query("declarant", "agentCode; needed for format=message where the caller sees several"),
            _query("by", "owner: production or sales units apart (default); consignor: not"),
            _query("format", "json (default), csv or message"),
        ),
        "Summary",
    ),
    (
        "get",
        "/v1/receipts",
        "The caller's receipts from authorities in order; CEB messages with Accept: application/xml",
        "enterprises",
        (_AFTER, _LIMIT),
        "Page",
    ),
    ("get", "/v1/receipts/stream", "The same as Server-Sent Events (receipt), from now on or behind Last-Event-ID or after", "enterprises", (_AFTER, _LAST), _EVENTS),
    (
        "get",
        "/v1/search",
        "Documents by number, enterprise, kind, status, office and time; says what range it covered",
        "enterprises",
        (
            _query("number", "any number"),
            _query("enterprise", "principal or enterprise code"),
            _query("kind", f"one of {', '.join(KINDS)}"),
            _query("status", "a state, a customs code, or a word of the worklist"),
            _query("office", "customs office"),
            _query("from", "RFC 3339 or a date in China time; seven days ago where absent"),
            _query("to", "RFC 3339 or a date in China time, excluded"),
            _LIMIT,
            _query("skip", "how many to pass over", "integer"),
        ),
        "List",
    ),
    ("get", "/v1/throughput", "Rates, latency, backlog, lag of the last two minutes", "office", (), "object"),
    (
        "get",
        "/v1/throughput/stream",
        "The same each second, Server-Sent Events",
        "office",
        (_LIMIT,),
        _EVENTS,
    ),
    (
        "get",
        "/v1/alerts",
        "Risk alerts the caller is entitled to: the newest, or those behind a cursor; officers only",
        "authorities",
        (*_ALERTS, _LIMIT),
        "Page",
    ),
    (
        "get",
        "/v1/alerts/stream",
        "The same as Server-Sent Events (alert, change), from now on or behind Last-Event-ID or after",
        "authorities",
        (*_ALERTS, _LAST),
        _EVENTS,
    ),
    (
        "get",
        "/v1/out",
        "What the topic out.<authority> holds for the caller's authority behind a cursor: {id, type, time, subject, data}",
        "authorities",
        (_AUTHORITY, _AFTER, _LIMIT),
        "Page",
    ),
    ("get", "/v1/out/stream", "The same as Server-Sent Events, from now on or behind Last-Event-ID or after", "authorities", (_AUTHORITY, _AFTER, _LAST), _EVENTS),
    (
        "get",
        "/v1/rules",
        "The rules in force, how often they hit and how often customs' answer confirmed them; officers only",
        "authorities",
        (
            _query("from", "first day, YYYY-MM-DD (China time); six days before the last where left out"),
            _query("to", "last day; today where left out; 92 days at most"),
        ),
        "Rules",
    ),
    (
        "get",
        "/v1/exports/register",
        "The zone's register of retail exports, never changed: for tax, customs and the office; an exporter reads its own",
        "authorities",
        (
            _query("merchant", "an enterprise code (ebcCode)"),
            _query("from", "first day of reception, YYYY-MM-DD (China time); 30 days before the last where left out"),
            _query("to", "last day; today where left out"),
            _query("skip", "lines to pass over: ``next`` of the page before"),
            _query("format", "json (default) or csv"),
            _LIMIT,
        ),
        "ExportRegister",
    ),
    (
        "get",
        "/v1/orders",
        "Orders of the caller's authority in force today or later; officers only",
        "authorities",
        (_query("all", "1: also those that are over or revoked"),),
        "Orders",
    ),
    ("get", "/v1/orders/{id}", "One order with every version of it: who said what when", "authorities", (), "Order"),
    (
        "get",
        "/v1/held",
        "Messages that orders of the caller's authority hold, the soonest to go on first; officers only",
        "authorities",
        (_query("state", "held (the default), gone or refused"), _LIMIT),
        "Holds",
    ),
    ("get", "/v1/held/{key}", "One of them by its submission or any number of a declaration in it", "authorities", (), "Held"),
    ("get", "/v1/alerts/{id}", "One alert with its evidence, its case and what was done about it", "authorities", (), "AlertHandled"),
    (
        "get",
        "/v1/cases",
        "What alerts are dealt with in, the gravest first, then the oldest; officers only",
        "authorities",
        (
            _query("state", f"of its least advanced alert: one of {', '.join(STATES)}, or {OPEN} for all but closed"),
            _query("assignee", "who has it"),
            _query("severity", f"one of {', '.join(SEVERITIES)}"),
            _query("authority", "that leads it"),
            _query("overdue", "1: it was said that nobody acts, or that the deadline is over"),
            _query("skip", "cases to pass over", "integer"),
            _LIMIT,
        ),
        "Cases",
    ),
    ("get", "/v1/cases/{id}", "A case with its alerts, their evidence, the decisions and its history", "authorities", (), "Case"),
    (
        "get",
        "/v1/enterprises/{code}",
        "An enterprise's filing and standing; an enterprise sees its own",
        "authorities",
        (),
        "Enterprise",
    ),
    (
        "get",
        "/v1/enterprises/{code}/standing",
        "What each source says of its credit and since when; for officers the control class and why",
        "authorities",
        (_query("day", "YYYY-MM-DD, China time; today where absent"),),
        "Standing",
    ),
    (
        "get",
        "/v1/enterprises/{code}/profile",
        "What it trades by day, rates of 30 days; for officers shares, prices, what is remarked and suggested, changes of standing",
        "authorities",
        (),
        "Profile",
    ),
    (
        "get",
        "/v1/enterprises/{code}/history",
        "Every version of what was recorded of its credit, and the documents that name it",
        "authorities",
        (_LIMIT,),
        "object",
    ),
    ("get", "/healthz", "The process is alive", "operators", (), "object"),
    ("get", "/readyz", "Calls can be taken, or the reasons why not", "operators", (), "object"),
    ("get", "/metrics", "Prometheus metrics", "operators", (), "text/plain"),
    ("get", "/hub.pub", "The keys that verify acknowledgements and packs, PEM: the one in use first", "everybody", (), "application/x-pem-file"),
    ("get", "/openapi.json", "This description", "operators", (), "object"),
    ("get", "/asyncapi.json", "The public topics", "operators", (), "object"),
    ("get", "/problems/{code}", "What a fault code means and what to do about it", "operators", (), "text/html"),
)

_OPEN = frozenset(("/healthz", "/readyz", "/metrics", "/hub.pub", "/openapi.json", "/asyncapi.json", "/problems/{code}"))

_FAULT: Json = {
    "type": "object",
    "required": ["code", "path", "line", "message", "message_zh"],
    "properties": {
        "code": {"type": "string"},
        "path": {"type": "string"},
        "line": {"type": "integer"},
        "message": {"type": "string"},
        "message_zh": {"type": "string"},
        "ceb_code": {"type": "string"},
    },
}
_FAULTS: Json = {"type": "array", "items": {"$ref": "#/components/schemas/Fault"}}
_TEXT: Json = {"type": "string"}
_NUMBER: Json = {"type": "integer"}
_TEXTS: Json = {"type": "object", "additionalProperties": {"type": "string"}}


def _object(required: tuple[str, ...], **properties: Json) -> Json:
    return {"type": "object", "required": list(required), "properties": properties}


_LIST_OF_OBJECTS: Json = {"type": "array", "items": {"type": "object"}}
#: What explains an answer of customs, in a status and in a hand-over.
_EXPLAINED: dict[str, Json] = {
    name: {"type": "string", "description": "only where customs' answer is known"}
    for name in ("explanation", "explanation_zh", "next", "next_zh")
}
#: What an order says.
_ORDER: Json = {
    "what": {"enum": ["hold", "select", "refuse"]},
    "reason": {"type": "string", "description": "for officers; enterprises never see it"},
    "office": {"type": "string", "description": "customs office; what is left out is not asked"},
    "side": {"enum": ["import", "export"]},
    "enterprise": {"type": "string", "description": "a code the declaration names"},
    "hs": {"type": "string", "description": "beginning of a goods code"},
    "class": {"type": "integer", "description": "this control class or a worse one"},
    "level": {"enum": list(LEVELS), "description": "this level of the assessment or a worse one"},
    "rule": {"type": "string", "description": "a rule that found something, and acts"},
    "rate": {"type": "number", "description": "of an order to select, in percent"},
    "unit": {"enum": list(UNITS), "description": "the part of customs it is addressed to"},
    "limit": {"type": "integer", "description": "hours a message is held at most; 24 where left out"},
    "valid_from": {"type": "string", "description": "YYYY-MM-DD; today where absent"},
    "valid_to": {"type": "string", "description": "first day it is no longer in force; empty: open"},
}

#: What an action says.
_ACTION: Json = {
    "action": {"enum": [*ACTIONS]},
    "to": {"type": "string", "description": "assign: a colleague, oneself where left out; join, transfer: an authority"},
    "text": {"type": "string", "maxLength": 500, "description": "of a comment"},
    "reason": {"type": "string", "maxLength": 500, "description": "of a decision, a closure with one, a reopening"},
    "verdict": {"enum": ["true", "false"], "description": "whether what the alert says was so; with close it decides first"},
    "deadline": {"type": "string", "description": "of join and deadline: RFC 3339, or a date in China time"},
    "id": {"type": "string", "maxLength": 255, "description": "as the header Idempotency-Key: repeated under it an action is done once"},
}
_HANDLING: Json = _object(
    ("state", "assignee", "verdict", "by", "at", "escalated", "shared", "revision"),
    state={"enum": [*STATES]},
    assignee=_TEXT,
    verdict={"enum": ["true", "false", None]},
    by=_TEXT,
    at={"type": ["string", "null"]},
    escalated={**_NUMBER, "description": "how often it was said that nobody acts"},
    shared={"type": "array", "items": _TEXT, "description": "authorities invited to the case, or that led it before"},
    revision=_NUMBER,
)
_CASE: Json = {
    **dict.fromkeys(("id", "about", "assignee", "opened_at", "at"), _TEXT),
    "kind": {"enum": ["watched", "enterprise", "declaration", "document", "alone"]},
    "state": {"enum": [*STATES]},
    "severity": {"enum": [*SEVERITIES]},
    "owner": {"enum": [*LEADERS], "description": "the authority that leads it"},
    **{name: {"type": "array", "items": _TEXT} for name in ("authorities", "joint", "enterprises", "declarations", "rules")},
    "deadline": {"type": ["string", "null"]},
    "overdue": {"type": "boolean"},
    "escalated": _NUMBER,
    "alerts": {**_NUMBER, "description": "how many"},
    "verdicts": {"type": "object", "additionalProperties": _TEXT, "description": "authority → its last verdict"},
    "revision": _NUMBER,
}
SCHEMAS: dict[str, Json] = {
    "SubscriptionMade": _object(
        ("feed",),
        feed={"enum": list(FEEDS), "description": "alerts and out (what goes to the caller's authority) for officers; answers: the caller's own"},
        kind={"enum": ["webhook", "file"]},
        url={"type": "string", "description": "https, port 443 or 8443, no user in it; of a webhook"},
        filter={
            "type": "object",
            "description": "of alerts: name to a value or several, any of which will do",
            "properties": {name: {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]} for name in FILTERS},
        },
        title=_TEXT,
    ),
    "Subscription": _object(
        ("id", "version", "feed", "kind", "url", "filter", "title", "state", "reason", "created_at", "secret_changed_at"),
        id=_TEXT,
        version={"type": "string", "description": "another after each change; the ETag, and what If-Match names"},
        feed={"enum": list(FEEDS)},
        kind={"enum": ["webhook", "file"]},
        url=_TEXT,
        filter={"type": "object", "additionalProperties": {"type": "array", "items": _TEXT}},
        title=_TEXT,
        state={"enum": ["active", "parked", "disabled"]},
        reason={"type": "string", "description": "the code of what parked or disabled it"},
        created_at=_TEXT,
        secret_changed_at=_TEXT,
        secret={"type": "string", "description": "whsec_…; only in the answer that makes or changes it"},
    ),
    "Subscriptions": _object(("items",), items={"type": "array", "items": {"$ref": "#/components/schemas/Subscription"}}),
    "Replayed": _object(("sent",), sent=_NUMBER),
    "Deliveries": _object(
        ("items",),
        items={
            "type": "array",
            "items": _object(
                (
                    "recipient", "id", "kind", "feed", "principal", "title", "url", "state", "reason", "version", "may_act", "processes", "delivered",
                    "attempts", "retried", "last_success", "last_failure", "note", "breaker", "next_try", "lag", "parked", "items",
                ),
                recipient=_TEXT,
                id=_TEXT,
                kind={"enum": ["authority", "webhook", "file"]},
                feed=_TEXT,
                principal=_TEXT,
                title=_TEXT,
                url={"type": "string", "description": "the caller's own only"},
                state={"enum": ["active", "parked", "disabled", "not entitled"]},
                reason={"type": "string", "description": "the code of what parked or disabled it"},
                version={"type": "string", "description": "of a subscription"},
                may_act={"type": "boolean", "description": "whether the caller may resume it and send again"},
                processes=_NUMBER | {"description": "how many deliver to it"},
                delivered=_NUMBER | {"description": "since these processes began, as attempts and retried"},
                attempts=_NUMBER,
                retried=_NUMBER,
                last_success={"anyOf": [_TEXT, {"type": "null"}]},
                last_failure={"anyOf": [_TEXT, {"type": "null"}]},
                note={"type": "string", "description": "the last failure: a code and an HTTP status"},
                breaker={"enum": ["closed", "open", "probing"]},
                next_try={"anyOf": [_TEXT, {"type": "null"}]},
                lag={"anyOf": [_NUMBER, {"type": "null"}], "description": "records not yet gone through; null before the first"},
                parked=_NUMBER,
                items={
                    "type": "array",
                    "description": "the oldest of what is parked",
                    "items": _object(("id", "type", "at", "attempts", "note"), id=_TEXT, type=_TEXT, at=_TEXT, attempts=_NUMBER, note=_TEXT),
                },
            ),
        },
    ),
    "SubscriptionTested": _object(
        ("id", "type", "delivered", "status", "code", "message", "message_zh", "milliseconds"),
        id=_TEXT,
        type=_TEXT,
        delivered={"type": "boolean"},
        status={"anyOf": [_NUMBER, {"type": "null"}], "description": "the HTTP status that came back"},
        code={"type": "string", "description": "why it was not delivered"},
        message=_TEXT,
        message_zh=_TEXT,
        milliseconds=_NUMBER,
    ),
    "Fault": _FAULT,
    "CloudEvent": _object(
        ("specversion", "id", "source", "type", "time", "data"),
        specversion={"const": "1.0"},
        id=_TEXT,
        source=_TEXT,
        type={"enum": sorted(NOTICES)},
        time=_TEXT | {"format": "date-time"},
        subject=_TEXT,
        datacontenttype={"const": "application/json"},
        dataschema=_TEXT,
        data={"type": "object", "description": "what the type's schema says (schemas/events)"},
    ),
    "Problem": _object(
        ("type", "title", "status", "detail", "instance", "faults"),
        type=_TEXT,
        title=_TEXT,
        status={"type": "integer"},
        detail=_TEXT,
        instance=_TEXT,
        faults=_FAULTS,
    ),
    "Page": _object(
        ("items", "after", "more"),
        items={"type": "array", "items": {"type": "object", "description": "behind a cursor each has the cursor behind it"}},
        after={"type": "string", "description": "the next call's after, or a stream's Last-Event-ID"},
        more={"type": "boolean", "description": "the next call brings something, or looks further, at once"},
    ),
    "Worklist": _object(
        ("items", "summaries", "certificates", "totals"),
        items=_LIST_OF_OBJECTS,
        certificates={
            "type": "array",
            "description": "the caller's certificates that are over or end within thirty days, the first to end first",
            "items": _object(
                ("serial", "fingerprint", "use", "until", "days_left", "code", "next_step", "next_step_zh"),
                serial=_TEXT,
                fingerprint=_TEXT,
                use=_TEXT,
                until=_TEXT,
                days_left=_NUMBER,
                code=_TEXT,
                next_step=_TEXT,
                next_step_zh=_TEXT,
            ),
        },
        summaries={
            "type": "array",
            "description": "closed exports to be summarised, by declarant and month",
            "items": _object(
                ("need", "declarant", "month", "count", "due", "days_left", "next_step", "next_step_zh", "preview"),
                need=_TEXT,
                declarant=_TEXT,
                month=_TEXT,
                count=_NUMBER,
                oldest=_TEXT,
                due=_TEXT,
                due_day=_TEXT,
                days_left=_NUMBER,
                send=_TEXT,
                next_step=_TEXT,
                next_step_zh=_TEXT,
                preview=_TEXT,
            ),
        },
        totals={"type": "object", "additionalProperties": {"type": "object"}},
    ),
    "Summary": _object(
        ("month", "due", "days_left", "by", "complete", "declarations", "entries"),
        month=_TEXT,
        due=_TEXT,
        due_day=_TEXT,
        days_left=_NUMBER,
        by={"enum": ["owner", "consignor"]},
        complete={"type": "boolean"},
        declarations=_NUMBER,
        entries={
            "type": "array",
            "items": _object(
                (
                    *("declarant", "customs_office", "ebcCode", "trafMode", "ownerCode", "country", "portCode"),
                    *("lines", "parts", "totals", "declarations"),
                ),
                lines={
                    "type": "array",
                    "items": _object(
                        ("gcode", "country", "currency", "quantities", "total"),
                        gcode=_TEXT,
                        country=_TEXT,
                        currency=_TEXT,
                        quantities=_TEXTS,
                        total=_TEXT,
                    ),
                },
                parts=_NUMBER,
                totals=_TEXTS,
                declarations={"type": "array", "items": _TEXT},
                **dict.fromkeys(
                    ("declarant", "customs_office", "ebcCode", "trafMode", "ownerCode", "country", "portCode"), _TEXT
                ),
            ),
        },
    ),
    "Standing": _object(
        ("code", "day", "reasons"),
        code=_TEXT,
        day=_TEXT,
        control_class={"type": "integer", "description": "1 trusted to 5 restricted; officers only"},
        suggested={"type": "integer", "description": "the class with every suggestion confirmed; officers only"},
        parameters={"type": "object", "description": "what the class means for a declaration; officers only"},
        links={**_LIST_OF_OBJECTS, "description": "officers only"},
        reasons={
            "type": "array",
            "items": _object(
                ("source", "title", "title_zh", "level", "state"),
                source={"enum": [*SOURCES, "link"]},
                title=_TEXT,
                title_zh=_TEXT,
                level=_TEXT,
                state={"enum": ["acts", "suggested", "repaired", "ended", "overridden"]},
                control_class={"type": "integer", "description": "the class it leads to, 0 for none; officers only"},
                via={"type": "string", "description": "the linked firm or person it is said of; officers only"},
                instrument=_TEXT,
                number={"type": "string", "description": "the document that says it"},
                recorded_by=_TEXT,
                recorded_on=_TEXT,
                confirmed_by=_TEXT,
                cause=_TEXT,
                repaired_on=_TEXT,
                ended_on=_TEXT,
                reason={"type": "string", "description": "officers only"},
                note={"type": "string", "description": "officers only"},
                valid_from=_TEXT,
                valid_to={"type": "string", "description": "first day it no longer counts; empty: open"},
            ),
        },
    ),
    "Profile": _object(
        ("enterprise", "at"),
        enterprise=_TEXT,
        at=_TEXT,
        days={**_LIST_OF_OBJECTS, "description": "by day: declarations, doubtful, new, mismatched, undervalued, released, refused, returned"},
        rates={"type": "object", "description": "of 30 days: refusals, returns, mismatches, undervaluation; part, whole, percent"},
        exported={"type": "object", "description": "dollars by year"},
        unrated={"type": "integer", "description": "exports not counted for want of a rate of exchange"},
        control_class={"type": "integer", "description": "officers only, as all that follows"},
        suggested={"type": "integer"},
        shares={"type": "object", "description": "at least so much of this week is of one buyer, payer, address"},
        prices=_LIST_OF_OBJECTS,
        remarks={**_LIST_OF_OBJECTS, "description": "what goes on, since when, and the severity told last"},
        dimensions={"type": "object"},
        grade=_TEXT,
        score={"type": "integer"},
        reasons=_LIST_OF_OBJECTS,
        changes={**_LIST_OF_OBJECTS, "description": "of the standing, newest first"},
    ),
    "Enterprise": _object(
        ("code", "filing", "standing"),
        code=_TEXT,
        filing={"type": ["object", "null"]},
        standing={"$ref": "#/components/schemas/Standing"},
    ),
    "Order": _object(
        ("id", "authority", "what", "valid_from", "valid_to", "version", "revoked"),
        id={"type": "string", "description": "authority~its own number"},
        authority={"enum": list(AUTHORITIES)},
        **_ORDER,
        version=_NUMBER,
        revoked={"type": "boolean"},
        officer={"type": "string", "description": "who made this version"},
        made_at=_TEXT,
        revoked_by=_TEXT,
        revoked_at=_TEXT,
        revoked_for=_TEXT,
        versions={"type": "array", "items": {"type": "object"}, "description": "every version, the newest first"},
    ),
    "Orders": _object(("items",), items={"type": "array", "items": {"$ref": "#/components/schemas/Order"}}),
    "OrderMade": _object(("id", "what", "reason"), id={"type": "string", "description": "the authority's own number"}, **_ORDER),
    "OrderRevoked": _object((), reason=_TEXT),
    "Decision": _object(
        ("decision",),
        decision={"enum": ["release", "refuse"]},
        reason={"type": "string", "description": "of a refusal: the sender reads it"},
    ),
    "Action": _object(("action",), **_ACTION),
    "ActionOnMany": _object(
        ("action",),
        ids={"type": "array", "items": _TEXT, "maxItems": 500, "description": "alerts; or of"},
        of={"type": "string", "description": "a colleague: all open alerts assigned to it, 500 at most, as at the end of a shift"},
        **_ACTION,
    ),
    "ActionOnCase": _object(
        ("action",), alerts={"type": "array", "items": _TEXT, "maxItems": 500, "description": "of the case; left out: all"}, **_ACTION
    ),
    "AlertHandled": _object(
        ("id", "at", "rule", "severity", "family", "agency", "message", "message_zh", "evidence", "case", "handling"),
        **dict.fromkeys(("id", "at", "rule", "family", "declaration", "office", "message", "message_zh"), _TEXT),
        severity={"enum": [*SEVERITIES]},
        agency={"type": "array", "items": _TEXT},
        enterprises={"type": "array", "items": _TEXT},
        evidence={"type": "object", "additionalProperties": _TEXT},
        case={"type": "string", "description": "the id of the case it is dealt with in"},
        handling=_HANDLING,
    ),
    "ActionResults": _object(
        ("items",),
        items={
            "type": "array",
            "items": _object(
                ("id", "status", "code"),
                id=_TEXT,
                status={**_NUMBER, "description": "200 done, 202 not dealt with yet: look at the case; else refused with the code"},
                code={"type": "string", "description": "of the fault, empty where it was done"},
                case=_TEXT,
                handling=_HANDLING,
            ),
        },
    ),
    "Cases": _object(("items",), items={"type": "array", "items": _object((), **_CASE)}),
    "Case": _object(
        ("id", "state", "severity", "owner", "alerts", "history", "decisions"),
        **_CASE
        | {
            "alerts": {"type": "array", "items": {"$ref": "#/components/schemas/AlertHandled"}},
            "counted": {**_NUMBER, "description": "further alerts: older ones, and those for other authorities only"},
            "decisions": {
                "type": "array",
                "items": _object((), **dict.fromkeys(("authority", "verdict", "reason", "by", "at"), _TEXT)),
                "description": "the last of each authority; that of the owner counts",
            },
            "history": {
                "type": "array",
                "items": _object(
                    ("at", "by", "what"),
                    **dict.fromkeys(("at", "by", "authority", "what", "text", "to"), _TEXT),
                    verdict={"type": ["string", "null"]},
                    until={"type": ["string", "null"]},
                    alerts={"type": "array", "items": _TEXT},
                    count=_NUMBER,
                ),
            },
            "earlier": {**_NUMBER, "description": "lines there were before the history begins"},
            "acting_for": {"type": "string", "description": "the authority the caller acts for in it"},
        },
    ),
    "Held": _object(
        ("submission", "state", "since", "until", "principal", "documents", "orders", "decisions", "yours"),
        submission=_TEXT,
        state={"enum": ["held", "gone", "refused"]},
        since=_TEXT,
        until={"type": ["string", "null"], "description": "when it goes on by itself"},
        principal=_TEXT,
        documents={"type": "array", "items": _TEXT},
        orders={
            "type": "array",
            "items": _object(
                ("order", "authority", "until", "declarations", "assessed", "ended", "reason"),
                order=_TEXT,
                authority=_TEXT,
                until=_TEXT,
                declarations={"type": "array", "items": _TEXT},
                assessed={"type": "boolean", "description": "an assessment says so; else it is awaited"},
                ended={"enum": ["", "decided", "limit", "revoked", "clear"], "description": "why it holds no more"},
                reason=_TEXT,
            ),
        },
        decisions={
            "type": "array",
            "items": _object(
                ("authority", "decision", "by", "reason", "at"), authority=_TEXT, decision=_TEXT, by=_TEXT, reason=_TEXT, at=_TEXT
            ),
        },
        yours={"type": "array", "items": _TEXT, "description": "the caller's authorities whose decision is awaited"},
    ),
    "Holds": _object(("items",), items={"type": "array", "items": {"$ref": "#/components/schemas/Held"}}),
    "StandingRecord": {
        "description": "either confirm, or source with its level, grade or class",
        **_object(
            (),
            confirm={"enum": ["zone", "alert", "link"]},
            source={"enum": [name for name, source in SOURCES.items() if source.recorders]},
            level=_TEXT,
            grade=_TEXT,
            **{"class": {"type": ["integer", "string"]}},
            valid_from={"type": "string", "description": "YYYY-MM-DD; today where absent"},
            valid_to={"type": "string", "description": "first day it no longer counts; empty: open"},
            instrument=_TEXT,
            number=_TEXT,
            cause=_TEXT,
            repaired_on={"type": "string", "description": "without a level: the record in force is repaired"},
            ended_on={"type": "string", "description": "without a level: the record in force is withdrawn"},
            reason={"type": "string", "description": "needed for a decision"},
            note=_TEXT,
        ),
    },
    "ExportRegister": _object(
        ("items", "next"),
        items={
            "type": "array",
            "items": _object(
                ("declaration", "version", "line", "merchant", "export_date", "name", "unit", "quantity", "unit_price", "amount"),
                **dict.fromkeys(
                    ("declaration", "merchant", "mode", "received_at", "name", "unit", "quantity", "unit_price", "amount", "currency"),
                    _TEXT,
                ),
                export_date={"type": "string", "description": "yyyyMMdd"},
                version={"type": "integer"},
                line={"type": "integer"},
                current={"type": "boolean", "description": "no later version of the declaration is registered"},
                state={"type": "string", "description": "the declaration's state today"},
                code={"type": "string", "description": "customs' status today; 899: closed"},
            ),
        },
        next={"anyOf": [{"type": "integer"}, {"type": "null"}], "description": "skip of the next page"},
    ),
    "Rules": _object(
        ("from", "to", "rules", "assessed", "drawn", "items"),
        **{"from": _TEXT, "to": _TEXT},
        rules={"type": "string", "description": "digest of the rule set"},
        assessed={"type": "integer", "description": "assessments on these days"},
        drawn=_object(
            ("declarations", "confirmed", "cleared", "missed"),
            declarations={"type": "integer", "description": "green ones that were selected by lot"},
            confirmed={"type": "integer", "description": "those that customs returned or detained; an examination alone says nothing"},
            cleared={"type": "integer", "description": "those that customs released or closed"},
            missed={"type": ["number", "null"], "description": "confirmed of those that were answered: what the rules miss"},
        ),
        items={
            "type": "array",
            "items": _object(
                ("code", "hits", "shadow_hits", "hit_rate", "confirmed", "cleared", "precision", "decided", "decided_true", "undecided"),
                **dict.fromkeys(("code", "family", "title", "risk", "source"), _TEXT),
                agencies={"type": "array", "items": _TEXT},
                sides={"type": "array", "items": _TEXT},
                certainty={"type": "string", "description": "official, or which parameters are the hub's own numbers"},
                **{"from": _TEXT, "until": _TEXT, "shadow_until": _TEXT},
                in_force={"type": "boolean"},
                shadow={"type": "boolean", "description": "on the last day it counts and does not act"},
                values={**_TEXTS, "description": "parameters on the last day"},
                units={**_TEXTS, "description": "what each parameter counts"},
                own={"type": "array", "items": _TEXT, "description": "parameters without an official number"},
                hits={"type": "integer", "description": "assessments in which it found something"},
                shadow_hits={"type": "integer", "description": "the same while it was in shadow"},
                hit_rate={"type": ["number", "null"], "description": "both, of all assessments"},
                confirmed={"type": "integer", "description": "declarations with a hit that customs returned, examined or detained"},
                cleared={"type": "integer", "description": "those that customs released or closed"},
                precision={"type": ["number", "null"], "description": "confirmed of those customs has answered"},
                decided={**_NUMBER, "description": "alerts of those days that officers decided about"},
                decided_true={**_NUMBER, "description": "of them those found true"},
                undecided={**_NUMBER, "description": "alerts of those days nobody has decided about"},
            ),
        },
    ),
    "List": _object(("items",), items=_LIST_OF_OBJECTS),
    "Acknowledgement": _object(
        ("submission", "message", "principal", "received_at", "digest", "documents", "proof"),
        submission=_TEXT,
        message={"type": "object"},
        principal=_TEXT,
        received_at=_TEXT,
        digest={"type": "object"},
        documents=_LIST_OF_OBJECTS,
        proof={"type": "object"},
    ),
    "Submission": _object(
        ("submission", "message", "principal", "received_at", "digest", "status", "documents"),
        submission=_TEXT,
        message=_object(("type", "guid", "edition"), type=_TEXT, guid=_TEXT, edition=_TEXT),
        principal=_TEXT,
        received_at=_TEXT,
        digest=_object(("algorithm", "value"), algorithm=_TEXT, value=_TEXT),
        size=_NUMBER,
        media_type=_TEXT,
        status={"enum": ["accepted", "flagged", "refused"]},
        faults=_FAULTS,
        documents={
            "type": "array",
            "items": _object(
                ("index", "kind", "key", "status", "state", "faults"),
                index={"type": "integer"},
                kind=_TEXT,
                key=_TEXT,
                status={"enum": ["accepted", "flagged", "refused"], "description": "what the door said"},
                state=_TEXT,
                code=_TEXT,
                faults={**_FAULTS, "description": "the door's, and duplicates found after it"},
                differences={**_FAULTS, "description": "what other documents say against it"},
                text=_TEXT,
                text_zh=_TEXT,
                explanation=_TEXT,
                explanation_zh=_TEXT,
                next=_TEXT,
                next_zh=_TEXT,
            ),
        },
    ),
    "Document": _object(
        ("kind", "key", "submission", "state", "faults"),
        kind={"enum": list(KINDS)},
        key=_TEXT,
        submission={"type": "string", "description": "empty for another's document"},
        state=_TEXT,
        code={"type": "string", "description": "customs' last code"},
        awaited={"type": "array", "items": _TEXT, "description": "kinds of documents that have not come"},
        due={"type": "string", "description": "when they are waited for no longer"},
        message={"type": "string", "description": "CEB number; empty for another's document"},
        faults=_FAULTS,
        differences={**_FAULTS, "description": "what does not agree with other documents"},
        notes={**_FAULTS, "description": "what match has to say that is no difference"},
    ),
    "Declaration": _object(
        ("key", "keys", "documents", "match", "status", "turn", "timeline", "handovers"),
        key=_TEXT,
        kind={"enum": list(KINDS)},
        message={"type": "string", "description": "CEB number"},
        keys={"type": "object", "additionalProperties": {"type": "string"}},
        documents={"type": "array", "items": {"$ref": "#/components/schemas/Document"}},
        match=_object(
            ("state", "differences"),
            state=_TEXT,
            awaited={"type": "array", "items": _TEXT},
            due=_TEXT,
            differences=_FAULTS,
            notes={**_FAULTS, "description": "what agrees only once normalised; that it expires soon"},
        ),
        status=_object(
            ("state", "code", "since", "text"),
            state=_TEXT,
            code=_TEXT,
            since=_TEXT,
            text=_TEXT,
            text_zh=_TEXT,
            **_EXPLAINED,
        ),
        facts={"type": "object", "description": "beside the status; times RFC 3339", "additionalProperties": _TEXT},
        days_left={"type": "object", "description": "whole days to a deadline", "additionalProperties": _NUMBER},
        attempt={"type": "integer", "description": "which submission to customs this is, from 1"},
        customs_office=_TEXT,
        need={"type": "string", "description": "a word of the worklist; empty where nothing is to be done"},
        parcels={
            "description": "of a bill document or a summary",
            **_object(
                ("count", "complete", "states", "items"),
                count=_NUMBER,
                complete={"type": "boolean"},
                states={"type": "object", "additionalProperties": _NUMBER},
                items={
                    "type": "array",
                    "items": _object(("kind", "key", "state"), kind=_TEXT, key=_TEXT, state=_TEXT, code=_TEXT),
                },
            ),
        },
        others={"type": "array", "items": _TEXT, "description": "keys of further documents the number leads to"},
        turn=_TEXT,
        timeline={
            "type": "array",
            "items": _object(
                ("at", "by", "what"), at=_TEXT, by=_TEXT, what=_TEXT, detail=_TEXT, document=_TEXT, key=_TEXT
            ),
        },
        handovers={
            "type": "array",
            "items": _object(
                ("document", "recipient", "outcome"),
                document=_TEXT,
                recipient=_TEXT,
                outcome=_TEXT,
                at=_TEXT,
                attempts=_NUMBER,
                note=_TEXT,
                **_EXPLAINED,
            ),
        },
        findings={
            "type": "array",
            "description": "officers only",
            "items": _object(
                ("code", "message", "message_zh"),
                code=_TEXT,
                rule={"type": "string", "description": "its code, as in /v1/rules"},
                path=_TEXT,
                message=_TEXT,
                message_zh=_TEXT,
                source={"type": "string", "description": "the instrument the rule follows"},
                evidence=_TEXTS,
                score=_NUMBER,
                blocking={"type": "boolean"},
                shadow={"type": "boolean", "description": "of a rule that counts but does not act"},
            ),
        },
        score={"type": ["integer", "null"], "description": "officers only"},
        level={"type": "string", "description": "officers only"},
        recommendation={
            "type": ["string", "null"],
            "enum": ["release", "review", "examine", "refer", "return", None],
            "description": "officers only",
        },
        route={"type": "array", "items": _TEXT, "description": "officers only: the authorities the declaration is for"},
        selection={
            "description": "officers only: whether a lot selected it for examination (by class, floor or an order's id), and the rate in percent",
            "anyOf": [_object(("by", "rate"), by=_TEXT, rate={"type": "number"}), {"type": "null"}],
        },
        held_by={"type": "array", "items": _TEXT, "description": "officers only: the orders by which its message is held"},
        assessment={
            "description": "officers only: by which rules and reference data",
            **_object(("id", "at"), id=_TEXT, at=_TEXT, rules=_TEXT, reference=_NUMBER, tax=_TEXTS),
        },
    ),
}


def openapi(version: str) -> Json:
    """OpenAPI 3.1 of the HTTP interface."""
    paths: Json = {"/v1/messages": {"post": _hand_in()}, "/v1/webhooks/{map}": {"post": _webhook()}}
    paths["/v1/webhooks/{map}/{principal}"] = {"post": _webhook(signed=True)}
    for method, path, what, tag, parameters, answer in OPERATIONS:
        paths.setdefault(path, {})[method] = _operation(path, what, tag, parameters, answer)
    paths["/v1/enterprises/{code}/standing"]["post"] = _record_standing()
    paths["/v1/orders"]["post"] = _acted("/v1/orders", "Make an order, or change it under the same id", "OrderMade", "Order")
    paths["/v1/orders/{id}/revoke"] = {
        "post": _acted("/v1/orders/{id}/revoke", "Revoke an order; what it held goes on within minutes", "OrderRevoked", "Order")
    }
    paths["/v1/held/{key}/decision"] = {
        "post": _acted("/v1/held/{key}/decision", "Release a held message or refuse it; the first decision counts", "Decision", "Held")
    }
    for path, what, body, answer in _DESK:
        paths.setdefault(path, {})["post"] = _desk(path, what, body, answer)
    _subscribing(paths)
    _delivering(paths)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Cross-border e-commerce single window",
            "version": version,
            "description": "Hand in once; see what is stuck, why, and whose turn it is.",
        },
        "security": [{"apiKey": []}, {"clientCertificate": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"apiKey": {"type": "http", "scheme": "bearer"}, "clientCertificate": {"type": "mutualTLS"}},
            "schemas": SCHEMAS,
        },
    }


_IF_MATCH = "the version that is to be changed, in quotes; at another one 412 webhook.changed"


def _subscribing(paths: Json) -> None:
    """The calls by which a caller has events pushed to it, and its own only."""
    root, one = "/v1/subscriptions", "/v1/subscriptions/{id}"
    paths[root] = {
        "get": _operation(root, "The caller's subscriptions", "subscribers", (), "Subscriptions"),
        "post": _called("post", root, "Have events pushed; the answer shows the signing secret, once", "Subscription", "SubscriptionMade"),
    }
    paths[one] = {
        "get": _operation(one, "One of the caller's subscriptions", "subscribers", (), "Subscription"),
        "delete": _called("delete", one, "End a subscription", "Subscription"),
    }
    paths[one]["delete"]["responses"] = {"204": {"description": "nothing more is sent"}, "default": _PROBLEM}
    paths[root]["post"]["responses"]["201"] = paths[root]["post"]["responses"].pop("200")
    calls = [paths[one]["delete"]]
    for name, what, schema in (
        ("resume", "Go on from where a parked or disabled subscription stands; of an active one the endpoint is tried at once", "Subscription"),
        ("rotate", "A new signing secret, shown once; for a while hooks are signed with the old one too", "Subscription"),
        ("test", "Send a hub.subscription.tested.v1 event now, and tell what came back", "SubscriptionTested"),
    ):
        paths[f"{one}/{name}"] = {"post": _called("post", f"{one}/{name}", what, schema)}
        calls += [paths[f"{one}/{name}"]["post"]] if name != "test" else []
    for call in calls:
        call["parameters"].append({"name": "If-Match", "in": "header", "description": _IF_MATCH, "schema": {"type": "string"}})


def _delivering(paths: Json) -> None:
    root = "/v1/deliveries"
    paths[root] = {"get": _operation(root, "How each recipient the caller sees stands: lag, attempts, breaker, parked items", "subscribers", (), "Deliveries")}
    again = f"{root}/{{recipient}}/replay"
    what = "Send what is parked for a subscription (or, operators, for customs) again, a thousand items at most"
    paths[again] = {"post": _called("post", again, what, "Replayed")}


def _called(method: str, path: str, what: str, answer: str, body: str = "") -> Json:
    operation = _operation(path, what, "subscribers", (), answer)
    operation["operationId"] = method + operation["operationId"].removeprefix("get")
    if body:
        content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{body}"}}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _operation(path: str, what: str, tag: str, parameters: tuple[Json, ...], answer: str) -> Json:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    in_path = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
    operation: Json = {
        "operationId": "get" + "".join(part.strip("{}").title() for part in path.replace(".", "/").split("/")),
        "summary": what,
        "tags": [tag],
        "parameters": in_path + list(parameters),
        "responses": {"200": {"description": what, "content": _content(answer)}, "default": _PROBLEM},
    }
    return operation | ({"security": []} if path in _OPEN else {})


def _content(answer: str) -> Json:
    if "/" in answer:
        return {answer: {"schema": {"type": "string"}}}
    schema = {"type": "object"} if answer == "object" else {"$ref": f"#/components/schemas/{answer}"}
    return {"application/json": {"schema": schema}}


def _hand_in() -> Json:
    bodies: Json = {kind: {"schema": {"type": "string"}} for kind in ("application/xml", "application/json")}
    # Of tax, foreign exchange, market supervision and commerce.
    bodies["application/cloudevents+json"] = {"schema": {"$ref": "#/components/schemas/CloudEvent"}}
    bodies["application/cloudevents-batch+json"] = {
        "schema": {"type": "array", "minItems": 1, "maxItems": 100, "items": {"$ref": "#/components/schemas/CloudEvent"}}
    }
    header = {"in": "header", "schema": {"type": "string"}}
    return {
        "operationId": "postMessages",
        "summary": "Hand in a CEB message, bare or in a DxpMsg or DxpMsgSv, or a JSON twin, one document to a hundred; authorities: CloudEvents",
        "tags": ["enterprises"],
        "parameters": [
            {"name": "Idempotency-Key", **header},
            {"name": "Prefer", "description": "handling=strict", **header},
            {
                "name": "Accept",
                "description": "application/xml: an envelope is answered with a DxpRep, the status being the same",
                **header,
            },
        ],
        "requestBody": {"required": True, "content": bodies},
        "responses": {
            "202": {
                "description": "kept for good; the acknowledgement proves it",
                "content": {
                    "application/json": {"schema": {"$ref": "#/components/schemas/Acknowledgement"}},
                    "application/xml": {"schema": {"type": "string"}},
                },
            },
            "429": _PROBLEM
            | {
                "description": "too many at a time, or more a second than agreed: repeat the same bytes after Retry-After",
                "headers": {name: {"schema": {"type": "string"}} for name in ("Retry-After", "RateLimit-Policy", "RateLimit")},
            },
            "503": _PROBLEM | {"description": "outcome unknown: repeat the same bytes after Retry-After"},
            "default": _PROBLEM,
        },
    }


def _record_standing() -> Json:
    operation = _operation(
        "/v1/enterprises/{code}/standing",
        "Officers: confirm a suggestion, record what a source says, or decide on the class; answers the standing that follows",
        "authorities",
        (),
        "Standing",
    )
    body = {"application/json": {"schema": {"$ref": "#/components/schemas/StandingRecord"}}}
    return operation | {"operationId": "postV1EnterprisesCodeStanding", "requestBody": {"required": True, "content": body}}


def _acted(path: str, what: str, body: str, answer: str) -> Json:
    """What an officer does: a JSON body, and what follows of it."""
    operation = _operation(path, f"Officers: {what[0].lower()}{what[1:]}", "authorities", (), answer)
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{body}"}}}
    return operation | {
        "operationId": "post" + operation["operationId"].removeprefix("get"),
        "requestBody": {"required": True, "content": content},
    }


#: (path, what, body, answer) of what officers do about alerts.
_DESK = (
    ("/v1/alerts/{id}/actions", "Act on an alert; whoever may see it may comment, the authority that leads its case does the rest", "Action", "AlertHandled"),
    ("/v1/alerts/actions", "The same for up to 500 alerts; each has its own result", "ActionOnMany", "ActionResults"),
    ("/v1/cases/{id}/actions", "Act on a case, or on some of its alerts", "ActionOnCase", "Case"),
)


def _desk(path: str, what: str, body: str, answer: str) -> Json:
    """An action, done once under a key; 202 where the desk has not dealt with it in two seconds."""
    operation = _acted(path, what, body, answer)
    key = {"name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "maxLength": 255}}
    taken = {"description": "taken, and dealt with in a moment: ``look`` is where it shows", "content": _content("object")}
    return operation | {"parameters": [*operation["parameters"], key], "responses": {**operation["responses"], "202": taken}}


def _webhook(signed: bool = False) -> Json:
    """As a message, but JSON only and by a map; ``signed`` by the principal instead of sent with its key."""
    call = _hand_in()
    kept = [parameter for parameter in call["parameters"] if parameter["name"] != "Accept"]
    names = ("map", "principal") if signed else ("map",)
    in_path = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
    headers = ("webhook-id", "webhook-timestamp", "webhook-signature") if signed else ()
    in_header = [{"name": name, "in": "header", "required": True, "schema": {"type": "string"}} for name in headers]
    return call | {
        "operationId": "postSignedWebhooks" if signed else "postWebhooks",
        "summary": "A shop platform's webhook, read by a map of that name" + (", signed" if signed else ""),
        "parameters": [*in_path, *in_header, *kept],
        "requestBody": {"required": True, "content": {"application/json": {"schema": {}}}},
        **({"security": []} if signed else {}),
    }

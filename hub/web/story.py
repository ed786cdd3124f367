"""The whole story of a declaration, put together for one viewer, and its JSON (interfaces §4)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hub.domain.events import Assessment, Status, SubmissionSummary
from hub.domain.exceptions import Explanation, explain, explain_transport
from hub.domain.faults import Fault
from hub.domain.kinds import (
    APPLICATION_KINDS,
    BILL_KINDS,
    CANCELLATION,
    DECLARATION,
    RETURN,
    SUMMARY,
    WAYBILL,
    WAYBILL_STATUS,
)
from hub.domain.lifecycle import RECEIVED
from hub.domain.notices import NOTICE
from hub.domain.reading import OVERDUE, HandOverRow, bill_of, need_at
from hub.web import sight, words
from hub.web.ports import ReadModel, Viewer

#: Documents of others that are followed from a number to the viewer's own.
MOST_FOREIGN = 20
#: Documents about a declaration, or about its bill, that its story tells; parcels that a bill document's page lists.
MOST_ABOUT, MOST_PARCELS = 50, 200
#: Kinds about other documents: asked for, they tell their own story, not their declaration's.
_ABOUT_OTHERS = frozenset({*APPLICATION_KINDS, *BILL_KINDS, SUMMARY, WAYBILL_STATUS})
_APPLICATIONS = frozenset({*APPLICATION_KINDS, SUMMARY})
_PARCEL_KINDS = (DECLARATION, WAYBILL)


@dataclass(frozen=True)
class Story:
    """A document the viewer asked for with everything around it. ``subject`` is the declaration, where there is one."""

    subject: Status
    documents: tuple[Status, ...]
    hand_overs: tuple[HandOverRow, ...] = ()
    assessment: Assessment | None = None
    #: Further declarations (or documents) the number leads to.
    others: tuple[str, ...] = ()
    #: Of a bill document or a summary: what it speaks of, as far as it is here and the viewer's to read.
    parcels: tuple[Status, ...] = ()
    #: there may be more of them than were looked at
    cut: bool = False


async def find(read: ReadModel, viewer: Viewer, number: str) -> Story | None:
    """The story any number leads to, as far as the viewer may know it; None is also the answer to a stranger."""
    known = await read.statuses(await read.keys_of(number))
    candidates = [status for status in known if sight.may_read(viewer, status)]
    if not candidates:
        candidates = await _bound_to(read, viewer, known[:MOST_FOREIGN])
    if not candidates:
        return None
    candidates.sort(
        key=lambda status: (
            status.principal != viewer.name,
            status.goods is not None and number not in status.numbers.values() and number in status.facts.values(),
            status.kind != DECLARATION,
        )
    )
    return await _told(read, viewer, candidates[0], await _around(read, candidates[0]), candidates)


async def _bound_to(read: ReadModel, viewer: Viewer, foreign: list[Status]) -> list[Status]:
    """The viewer's declarations bound to one of these: a declarant may ask by the waybill's number."""
    keys = {key for status in foreign for key in status.counterparts.values()}
    near = await read.statuses(keys) if keys else []
    names = {status.key for status in foreign}
    return [
        status
        for status in near
        if status.kind == DECLARATION
        and names.intersection(status.counterparts.values())
        and sight.may_read(viewer, status)
    ]


async def _around(read: ReadModel, document: Status) -> list[Status]:
    """The documents of the same order: those that name it, and those that match has bound to one of them."""
    platform, order = document.order
    found = {document.key: document}
    if platform and order:
        found |= {status.key: status for status in await read.of_order(platform, order)}
    for _ in range(2):  # a waybill names no platform: it is reached by what it is bound to, and so is what lies behind
        missing = {key for status in found.values() for key in status.counterparts.values()} - found.keys()
        if not missing:
            break
        found |= {status.key: status for status in await read.statuses(missing)}
    found |= {status.key: status for status in await _about(read, document, found.values())}
    return sorted(found.values(), key=lambda status: (_RANK.get(status.kind, 9), status.received_at, status.key))


async def _about(read: ReadModel, document: Status, around: Iterable[Status]) -> list[Status]:
    """Applications that name one of the declarations' numbers, and the documents about their bill."""
    declarations = [status for status in around if status.kind == DECLARATION]
    bills = {bill_of(status) for status in (*declarations, document)} - {""}
    about: list[Status] = []
    for bill in sorted(bills):
        about += await read.of_bill(bill, BILL_KINDS, MOST_ABOUT)
    if document.kind in BILL_KINDS:
        return about
    numbers = {status.numbers.get("invtNo", "") for status in declarations} - {""}
    numbers |= {status.facts.get("sumNo", "") for status in declarations} - {""}
    keys = await read.keys_about(numbers, _APPLICATIONS, MOST_ABOUT) if numbers else []
    return about + (await read.statuses(keys) if keys else [])


_RANK = {
    "order": 0, "payment": 1, "collection": 1, "waybill": 2, "waybill_status": 3, "declaration": 4,
    "warehouse_entry": 5, "consolidation": 5, "arrival": 6, "departure": 7, "cancellation": 8, "return": 8,
    "return_tally": 9, "summary": 10,
}  # fmt: skip


async def _spoken_of(read: ReadModel, viewer: Viewer, subject: Status) -> tuple[tuple[Status, ...], bool]:
    """What a bill document or a summary speaks of: declarations, and waybills of which no declaration is the viewer's."""
    if subject.kind in BILL_KINDS:
        bill = bill_of(subject)
        found = await read.of_bill(bill, _PARCEL_KINDS, MOST_PARCELS) if bill else []
    elif subject.kind == SUMMARY and "sumNo" in subject.numbers:
        found = await read.statuses(await read.keys_about([subject.numbers["sumNo"]], _PARCEL_KINDS, MOST_PARCELS))
    else:
        return (), False
    mine = [status for status in found if sight.may_read(viewer, status)]
    declared = {key for status in mine if status.kind == DECLARATION for key in status.counterparts.values()}
    parcels = [status for status in mine if status.kind in _PARCEL_KINDS and status.key not in declared]
    return tuple(parcels), len(found) >= MOST_PARCELS


async def _told(
    read: ReadModel, viewer: Viewer, asked: Status, documents: list[Status], candidates: list[Status]
) -> Story:
    readable = [document for document in documents if sight.may_read(viewer, document)]
    subject = _subject(asked, readable)
    bound = {key for document in readable for key in document.counterparts.values()}
    # Of a document that is not the viewer's only what its own documents are bound to is shown.
    shown = [document for document in documents if document in readable or document.key in bound]
    assessed = sight.is_officer(viewer) and subject.kind == DECLARATION
    inside = {document.key for document in documents}
    parcels, cut = await _spoken_of(read, viewer, subject)
    return Story(
        subject=subject,
        documents=tuple(shown),
        hand_overs=tuple(await read.hand_overs(document.submission for document in readable)),
        assessment=await read.assessment(subject.key) if assessed else None,
        parcels=parcels,
        cut=cut,
        others=tuple(
            business(status.key) for status in candidates if status.key not in inside and status.kind == asked.kind
        ),
    )


def _subject(asked: Status, readable: Iterable[Status]) -> Status:
    """The declaration asked for, or the one behind the document asked for, the newest if there are several."""
    if asked.kind == DECLARATION or asked.kind in _ABOUT_OTHERS:
        return asked
    declarations = [status for status in readable if status.kind == DECLARATION]
    bound = [status for status in declarations if asked.key in status.counterparts.values()]
    return max(bound or declarations or [asked], key=lambda status: status.received_at)


def business(register_key: str) -> str:
    """``declaration/AGENT:COP`` → ``AGENT:COP``."""
    return register_key.partition("/")[2]


# ---- JSON --------------------------------------------------------------------------------------------------------


def fault_json(fault: Fault) -> dict[str, Any]:
    """A fault as the interfaces name its fields."""
    shown: dict[str, Any] = {
        "code": fault.code,
        "path": fault.path,
        "line": fault.line,
        "message": fault.message,
        "message_zh": fault.message_zh,
    }
    return shown | ({"ceb_code": fault.ceb_code} if fault.ceb_code else {})


def faults_json(faults: Iterable[Fault]) -> list[dict[str, Any]]:
    """All of them."""
    return [fault_json(fault) for fault in faults]


def status_json(status: Status) -> dict[str, Any]:
    """``{"state", "code", "since", "text", "text_zh"}``; the text is customs' own where it gave one.

    Where customs' answer is known: ``explanation``, ``next`` and both in Chinese.
    """
    return {
        "state": status.state,
        "code": status.code,
        "since": words.rfc3339(status.since or status.received_at),
        "text": status.text or _state_text(status, "en"),
        "text_zh": status.text or _state_text(status, "zh"),
        **_explained(explain(status.message, status.code, status.text) if status.code else None),
    }


def _explained(said: Explanation | None) -> dict[str, str]:
    if said is None:
        return {}
    return {
        "explanation": said.message,
        "explanation_zh": said.message_zh,
        "next": said.remedy,
        "next_zh": said.remedy_zh,
    }


def facts_json(status: Status, now: int) -> dict[str, Any]:
    """``facts``: what is known beside the status, times as RFC 3339; ``days_left`` where a deadline counts."""
    left = {name: (int(status.facts[name]) - now) // _DAY_MS for name in _counting(status, now)}
    return {
        "facts": {name: words.fact_value(name, value) for name, value in status.facts.items()},
        "days_left": left,
    }


_DAY_MS = 86_400_000


def _counting(status: Status, now: int) -> list[str]:
    """The deadlines that still mean something: whole days are left, or of tax, are owed."""
    facts = status.facts
    if not now or facts.get(CANCELLATION) == "accepted" or facts.get("returned") == "all":
        return []
    counting = [name for name in ("taxBy",) if name in facts]
    if "returnBy" in facts and now < int(facts["returnBy"]):
        counting.append("returnBy")
    if "goodsBackBy" in facts and facts.get(RETURN) == "applied":
        counting.append("goodsBackBy")
    return counting


def _state_text(status: Status, language: str) -> str:
    if status.code:
        return words.code_text(status.code, language)
    return words.say(words.STATES, status.state, language)


def document_json(viewer: Viewer, status: Status) -> dict[str, Any]:
    """One document of a story; of another's document only that it is there and in which state."""
    own = sight.may_read(viewer, status)
    return {
        "kind": status.kind,
        "key": business(status.key),
        "submission": status.submission if own else "",
        "state": status.state,
        "code": status.code,
        "awaited": list(status.awaited),
        "due": words.rfc3339(status.due),
        "message": status.message if own else "",
        "faults": faults_json(sight.faults_for(viewer, status)),
        "differences": faults_json(sight.shown_faults(viewer, status.differences)) if own else [],
        "notes": faults_json(sight.shown_faults(viewer, status.notes)) if own else [],
    }


def declaration_json(viewer: Viewer, story: Story, now: int = 0) -> dict[str, Any]:
    """The declaration of the interfaces; findings, score and recommendation only for officers.

    ``now`` is the reader's time, by which days are counted; 0 counts none.
    """
    subject = story.subject
    body: dict[str, Any] = {
        "key": business(subject.key),
        "kind": subject.kind,
        "message": subject.message,
        "keys": _keys(story),
        "documents": [document_json(viewer, document) for document in story.documents],
        "match": {
            "state": subject.match,
            "awaited": list(subject.awaited),
            "due": words.rfc3339(subject.due),
            "differences": faults_json(sight.shown_faults(viewer, subject.differences)),
            "notes": faults_json(sight.shown_faults(viewer, subject.notes)),
        },
        "status": status_json(subject),
        **facts_json(subject, now),
        "attempt": subject.attempt,
        "customs_office": subject.customs_office,
        "need": need_at(subject, now),
        "turn": turn(subject, now),
        "timeline": timeline_json(viewer, story.documents),
        "handovers": _hand_overs(viewer, story),
    }
    if story.parcels or subject.kind in BILL_KINDS:
        body["parcels"] = parcels_json(story.parcels, story.cut)
    if story.others:
        body["others"] = list(story.others)
    if sight.is_officer(viewer) and subject.kind == DECLARATION:
        body |= assessment_json(story.assessment)
    return body


def parcels_json(parcels: Sequence[Status], cut: bool) -> dict[str, Any]:
    """``{"count", "complete", "states": {state: n}, "items"}``: how what a bill document or a summary speaks of stands."""
    return {
        "count": len(parcels),
        "complete": not cut,
        "states": dict(sorted(Counter(status.state for status in parcels).items())),
        "items": [
            {"kind": status.kind, "key": business(status.key), "state": status.state, "code": status.code}
            for status in parcels
        ],
    }


def turn(status: Status, now: int = 0) -> str:
    """Whose turn it is: register's word, or what follows from the need."""
    word = need_at(status, now).removesuffix(OVERDUE)
    if status.turn and word not in _OWN_TURNS:
        return status.turn
    return _TURNS.get(word, "nobody")


#: Needs that say whose turn it is whatever the state does.
_OWN_TURNS = frozenset({"doubtful", "not named"})
_TURNS = {
    "rejected": "declarant",
    "not handed over": "sender",
    "flagged": "declarant",
    "doubtful": "declarant",
    "parts missing": "sender",
    "not named": "declarant",
    "held": "officer",
    "examined": "customs",
    "tax": "declarant",
    "goods back": "declarant",
    "summary": "declarant",
}


def _keys(story: Story) -> dict[str, str]:
    keys: dict[str, str] = {}
    for document in story.documents:
        keys.setdefault(document.kind, business(document.key))
    platform, order = story.subject.order
    if order:
        keys["orderNo"] = order
    if platform:
        keys["ebpCode"] = platform
    keys["submission"] = story.subject.submission
    keys |= {name: value for name, value in story.subject.numbers.items() if value}
    return keys


def timeline_json(viewer: Viewer, documents: Iterable[Status]) -> list[dict[str, Any]]:
    """The documents' stories as one, in order of time."""
    lines = [
        (entry.at, _RANK.get(document.kind, 9), place, document, entry)
        for document in documents
        for place, entry in enumerate(sight.timeline_for(viewer, document))
    ]
    lines.sort(key=lambda line: line[:3])
    return [
        {
            "at": words.rfc3339(entry.at),
            "by": entry.by,
            "what": entry.what,
            "detail": entry.detail,
            "document": document.kind,
            "key": business(document.key),
        }
        for _, _, _, document, entry in lines
    ]


def _hand_overs(viewer: Viewer, story: Story) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for document in story.documents:
        if not sight.may_read(viewer, document):
            continue
        known = [row for row in story.hand_overs if row.submission == document.submission]
        told = {row.recipient for row in known}
        rows += [
            {
                "document": document.kind,
                "recipient": row.recipient,
                "outcome": row.outcome,
                "at": words.rfc3339(row.at),
                "attempts": row.attempts,
                "note": row.note,
                **_explained(_transport(row.note)),
            }
            for row in known
        ]
        rows += [
            {"document": document.kind, "recipient": recipient, "outcome": outcome, "at": "", "attempts": 0, "note": ""}
            for recipient, outcome in document.handed_over.items()
            if recipient not in told
        ]
    return rows


#: How a note begins where the recipient's answer (DxpRep) names a code: ``2001 …``, ``HTTP 400 0002 …``.
_ANSWER = re.compile(r"(?:HTTP [0-9]{3} )?([0-9]{4})(?![0-9])")


def _transport(note: str) -> Explanation | None:
    match = _ANSWER.match(note)
    return explain_transport(match[1]) if match else None


def assessment_json(assessment: Assessment | None) -> dict[str, Any]:
    """What officers see more."""
    if assessment is None:
        return {"findings": [], "score": None, "recommendation": None}
    return {
        "findings": [
            {
                "code": finding.code,
                "rule": finding.rule,
                "path": finding.path,
                "message": finding.message,
                "message_zh": finding.message_zh,
                "source": finding.source,
                "evidence": finding.evidence,
                "score": finding.score,
                "blocking": finding.blocking,
                "shadow": finding.shadow,
            }
            for finding in assessment.findings
        ],
        "score": assessment.score,
        "level": assessment.level,
        "recommendation": assessment.recommendation,
        "route": list(assessment.route),
        "selection": {"by": assessment.selected, "rate": assessment.rate / 1000} if assessment.rate else None,
        "held_by": list(assessment.held),
        "assessment": {
            "id": assessment.id,
            "at": words.rfc3339(assessment.at),
            "rules": assessment.rules,
            "reference": assessment.reference,
            "tax": assessment.tax,
        },
    }


def line_json(viewer: Viewer, status: Status, now: int = 0) -> dict[str, Any]:
    """A document in a list: worklist, search."""
    return {
        "kind": status.kind,
        "key": business(status.key),
        "order": list(status.order),
        "received_at": words.rfc3339(status.received_at),
        "submission": status.submission,
        "status": status_json(status),
        "match": status.match,
        "awaited": list(status.awaited),
        "due": words.rfc3339(status.due),
        "turn": turn(status, now),
        "need": need_at(status, now),
        "days_left": {name: (int(status.facts[name]) - now) // _DAY_MS for name in _counting(status, now)},
        "faults": faults_json(sight.faults_for(viewer, status)),
        "differences": faults_json(sight.shown_faults(viewer, status.differences)),
        "customs_office": status.customs_office,
    }


def work_json(viewer: Viewer, status: Status, now: int = 0) -> dict[str, Any]:
    """A line of the worklist, with the next step: what customs' answer asks for, else what the need does."""
    line = line_json(viewer, status, now)
    step = words.NEEDS.get(line["need"], (("", ""), ("", "")))[1]
    said = line["status"] if line["need"] in ("rejected", "examined") else {}
    deadline = _DEADLINES.get(line["need"])
    return line | {
        "days_left": {name: n for name, n in line["days_left"].items() if name == deadline},
        "next_step": said.get("next", step[0]),
        "next_step_zh": said.get("next_zh", step[1]),
    }


#: Need → the deadline whose days count for it; one that is over has none left.
_DEADLINES = {"tax": "taxBy", "goods back": "goodsBackBy"}


def submission_json(
    viewer: Viewer, summary: SubmissionSummary, statuses: Sequence[Status], refused: bool
) -> dict[str, Any]:
    """A submission with the state of each document."""
    by_key = {status.key: status for status in statuses}
    flagged = any(faults for _, _, _, faults in summary.documents)
    return {
        "submission": summary.id,
        "message": {"type": summary.message, "guid": summary.guid, "edition": summary.edition},
        "principal": summary.principal,
        "received_at": words.rfc3339(summary.received_at),
        "digest": {"algorithm": "sha-256", "value": summary.digest},
        "size": summary.size,
        "media_type": summary.media_type,
        "status": "refused" if refused else "flagged" if flagged else "accepted",
        "faults": faults_json(summary.faults),
        "documents": [
            _submitted(viewer, summary, entry, by_key.get(f"{entry[1]}/{entry[2]}"), refused)
            for entry in summary.documents
        ],
    }


def _submitted(
    viewer: Viewer,
    summary: SubmissionSummary,
    entry: tuple[int, str, str, tuple[Fault, ...]],
    status: Status | None,
    refused: bool,
) -> dict[str, Any]:
    """A document of a submission: what the door said of it, and what has become of it."""
    index, kind, key, faults = entry
    current = status is not None and (status.submission, status.index) == (summary.id, index)
    state, later = ("refused", ()) if refused else fate(summary.id, index, summary.received_at, status)
    if kind == NOTICE and not refused:
        state = RECEIVED  # what an authority says ends here; what becomes of it is told of what it is about
    return {
        "index": index,
        "kind": kind,
        "key": key,
        "status": "refused" if refused else "flagged" if faults else "accepted",
        "state": state,
        "code": status.code if status is not None and current else "",
        "faults": faults_json(sight.shown_faults(viewer, tuple(dict.fromkeys((*faults, *later))))),
        **(_become(viewer, status) if status is not None and current and not refused else {"differences": []}),
    }


def _become(viewer: Viewer, status: Status) -> dict[str, Any]:
    """What the hub found beyond the door, and customs' answer in words where there is one."""
    said = status_json(status) if status.code else {}
    return {
        "differences": faults_json(sight.shown_faults(viewer, status.differences)),
        **{name: value for name, value in said.items() if name not in ("state", "code", "since")},
    }


def fate(submission: str, index: int, received_at: int, status: Status | None) -> tuple[str, tuple[Fault, ...]]:
    """(state, faults found after the door) of a submitted document; register remembers a bounded number of versions.

    A version that came after all the status knows of is not in it yet.
    """
    if status is None:
        return "pending", ()
    if (status.submission, status.index) == (submission, index):
        return status.state, status.faults
    for version in reversed(status.versions):
        if (version.submission, version.index) == (submission, index):
            return version.state, version.faults
    known = max([status.received_at, *[version.at for version in status.versions]])
    return ("pending" if received_at > known else "superseded"), ()

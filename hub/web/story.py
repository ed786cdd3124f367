"""The whole story of a declaration, put together for one viewer, and its JSON (interfaces §4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hub.domain.events import Assessment, Status, SubmissionSummary
from hub.domain.faults import Fault
from hub.domain.kinds import DECLARATION
from hub.domain.reading import HandOverRow, need
from hub.web import sight, words
from hub.web.ports import ReadModel, Viewer

#: Documents of others that are followed from a number to the viewer's own.
MOST_FOREIGN = 20


@dataclass(frozen=True)
class Story:
    """A document the viewer asked for with everything around it. ``subject`` is the declaration, where there is one."""

    subject: Status
    documents: tuple[Status, ...]
    hand_overs: tuple[HandOverRow, ...] = ()
    assessment: Assessment | None = None
    #: Further declarations (or documents) the number leads to.
    others: tuple[str, ...] = ()


async def find(read: ReadModel, viewer: Viewer, number: str) -> Story | None:
    """The story any number leads to, as far as the viewer may know it; None is also the answer to a stranger."""
    known = await read.statuses(await read.keys_of(number))
    candidates = [status for status in known if sight.may_read(viewer, status)]
    if not candidates:
        candidates = await _bound_to(read, viewer, known[:MOST_FOREIGN])
    if not candidates:
        return None
    candidates.sort(key=lambda status: (status.principal != viewer.name, status.kind != DECLARATION))
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
    return sorted(found.values(), key=lambda status: (_RANK.get(status.kind, 9), status.received_at, status.key))


_RANK = {"order": 0, "payment": 1, "waybill": 2, "declaration": 3}


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
    return Story(
        subject=subject,
        documents=tuple(shown),
        hand_overs=tuple(await read.hand_overs(document.submission for document in readable)),
        assessment=await read.assessment(subject.key) if assessed else None,
        others=tuple(
            business(status.key) for status in candidates if status.key not in inside and status.kind == asked.kind
        ),
    )


def _subject(asked: Status, readable: Iterable[Status]) -> Status:
    """The declaration asked for, or the one behind the document asked for, the newest if there are several."""
    if asked.kind == DECLARATION:
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
    """``{"state", "code", "since", "text", "text_zh"}``; the text is customs' own where it gave one."""
    return {
        "state": status.state,
        "code": status.code,
        "since": words.rfc3339(status.since or status.received_at),
        "text": status.text or _state_text(status, "en"),
        "text_zh": status.text or _state_text(status, "zh"),
    }


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
        "faults": faults_json(sight.faults_for(viewer, status)),
    }


def declaration_json(viewer: Viewer, story: Story) -> dict[str, Any]:
    """The declaration of the interfaces; findings, score and recommendation only for officers."""
    subject = story.subject
    body: dict[str, Any] = {
        "key": business(subject.key),
        "kind": subject.kind,
        "keys": _keys(story),
        "documents": [document_json(viewer, document) for document in story.documents],
        "match": {
            "state": subject.match,
            "awaited": list(subject.awaited),
            "due": words.rfc3339(subject.due),
            "differences": faults_json(subject.differences),
        },
        "status": status_json(subject),
        "attempt": subject.attempt,
        "customs_office": subject.customs_office,
        "need": need(subject),
        "turn": turn(subject),
        "timeline": timeline_json(viewer, story.documents),
        "handovers": _hand_overs(viewer, story),
    }
    if story.others:
        body["others"] = list(story.others)
    if sight.is_officer(viewer) and subject.kind == DECLARATION:
        body |= assessment_json(story.assessment)
    return body


def turn(status: Status) -> str:
    """Whose turn it is: register's word, or what follows from the need."""
    if status.turn:
        return status.turn
    return {"rejected": "declarant", "flagged": "declarant", "held": "officer", "examined": "customs"}.get(
        need(status), "nobody"
    )


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
            }
            for row in known
        ]
        rows += [
            {"document": document.kind, "recipient": recipient, "outcome": outcome, "at": "", "attempts": 0, "note": ""}
            for recipient, outcome in document.handed_over.items()
            if recipient not in told
        ]
    return rows


def assessment_json(assessment: Assessment | None) -> dict[str, Any]:
    """What officers see more."""
    if assessment is None:
        return {"findings": [], "score": None, "recommendation": None}
    return {
        "findings": [
            {
                "code": finding.code,
                "path": finding.path,
                "message": finding.message,
                "message_zh": finding.message_zh,
                "source": finding.source,
                "evidence": finding.evidence,
                "score": finding.score,
                "blocking": finding.blocking,
            }
            for finding in assessment.findings
        ],
        "score": assessment.score,
        "level": assessment.level,
        "recommendation": assessment.recommendation,
        "assessment": {
            "id": assessment.id,
            "at": words.rfc3339(assessment.at),
            "rules": assessment.rules,
            "reference": assessment.reference,
            "tax": assessment.tax,
        },
    }


def line_json(viewer: Viewer, status: Status) -> dict[str, Any]:
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
        "turn": turn(status),
        "need": need(status),
        "faults": faults_json(sight.faults_for(viewer, status)),
        "customs_office": status.customs_office,
    }


def work_json(viewer: Viewer, status: Status) -> dict[str, Any]:
    """A line of the worklist, with the next step."""
    step = words.NEEDS.get(need(status), (("", ""), ("", "")))[1]
    return line_json(viewer, status) | {"next_step": step[0], "next_step_zh": step[1]}


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
    return {
        "index": index,
        "kind": kind,
        "key": key,
        "status": "refused" if refused else "flagged" if faults else "accepted",
        "state": state,
        "code": status.code if status is not None and current else "",
        "faults": faults_json(sight.shown_faults(viewer, tuple(dict.fromkeys((*faults, *later))))),
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

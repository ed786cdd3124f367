"""Records of a topic → rows of the read model. Pure: no clock, no I/O; a rebuild makes the same rows.

Every handler takes the records of one partition in order, adds rows to the batch and returns how many it could not read.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Protocol

import msgspec

from hub import codec, topics
from hub.domain import lifecycle
from hub.domain.desk import rank
from hub.domain.events import TICK_KEY, Assessment, Registered, Status, SubmissionSummary, TimelineEntry
from hub.domain.keys import china_day, china_midnight
from hub.domain.orders import BY_CLASS, BY_FLOOR, LEVELS
from hub.domain.reading import (
    ASSESSED_OF_DAY,
    DRAWN,
    HITS_OF_DAY,
    SHADOW_OF_DAY,
    SUMMARISE,
    Batch,
    bill_of,
    later,
    need,
)

log = logging.getLogger(__name__)


class Record(Protocol):
    """What is used of a consumer's record."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Iterable[tuple[str, bytes]]: ...


class HandOverSeen(msgspec.Struct, frozen=True):
    """What the read model takes of a record of ``hand-overs``; further fields are ignored."""

    submission: str
    recipient: str
    outcome: str
    at: int
    attempts: int = 1
    note: str = ""
    copmsg_id: str = ""
    sender: str = ""
    message: str = ""
    topic: str = ""
    partition: int = -1
    offset: int = -1


class _Version(msgspec.Struct):
    revision: int


_MOST = (1 << 63) - 1
#: Characters of a text in an index, whose entries have 2,704 bytes at most; two such texts may stand side by side.
_LONGEST = 320
_version = msgspec.json.Decoder(_Version).decode
_hand_over = msgspec.json.Decoder(HandOverSeen).decode

#: Words of the timeline → the step whose time they give; the first of each counts. What is closed was released, though the
#: word of it may have come late.
_STEPS = {lifecycle.MATCHED: 0, lifecycle.HANDED_OVER: 1, "800": 2, "899": 2}


def _text(value: bytes | str) -> str:
    """Text as PostgreSQL can hold it: a NUL can stand in JSON but in no text column."""
    text = value if isinstance(value, str) else value.decode("utf-8")
    return text.replace("\x00", "\ufffd") if "\x00" in text else text


def _storable(row: tuple[object, ...], unindexed: int = 1) -> tuple[object, ...]:
    """A row PostgreSQL can hold: one number too large would keep the whole batch out, for ever, and so would a text too long
    for an index. The last column of each table is in none, of ``documents`` the last two.
    """
    for value in row[:-unindexed]:
        if isinstance(value, int):
            if not -_MOST <= value <= _MOST:
                raise ValueError("a number too large")
        elif isinstance(value, str) and len(value) > _LONGEST:
            raise ValueError("a text too long")
    return row


def _unreadable(record: Record, error: Exception) -> int:
    # The place only, never the content: a log line is no place for what a message says.
    log.error("cannot read %s-%d@%d: %s", record.topic, record.partition, record.offset, type(error).__name__)
    return 1


_BAD = (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, ValueError)


def _rows(batch: Batch, table: str) -> list[tuple[object, ...]]:
    return batch.rows.setdefault(table, [])


def _summary(record: Record) -> SubmissionSummary | None:
    """The summary in a record's headers; None for ticks and foreign records."""
    if record.key == TICK_KEY:
        return None
    for name, value in record.headers:
        if name == codec.SUMMARY_HEADER:
            return codec.summary(value)
    raise ValueError("no summary")


def submissions(records: Iterable[Record], batch: Batch) -> int:
    """Only the header is read: the value is sealed, and stays so."""
    bad, rows = 0, _rows(batch, "submissions")
    for record in records:
        try:
            summary = _summary(record)
            if summary is None:
                continue
            rows.append(
                _storable(
                    (
                        _text(summary.id),
                        _text(summary.principal),
                        _text(summary.sender),
                        summary.received_at,
                        _text(summary.message),
                        summary.digest,
                        record.partition,
                        record.offset,
                        _text(codec.to_json(summary)),
                    )
                )
            )
        except _BAD as error:
            bad += _unreadable(record, error)
            continue
        batch.counts.setdefault(("submissions", summary.id), _counted(summary))
    return bad


def _counted(summary: SubmissionSummary) -> dict[tuple[int, str, str, str], int]:
    second, principal = summary.received_at // 1000, summary.principal
    counts = {(second, principal, "messages", summary.message): 1}
    for _, kind, _, faults in summary.documents:
        for measure in ("documents", "flagged") if faults else ("documents",):
            counter = (second, principal, measure, kind)
            counts[counter] = counts.get(counter, 0) + 1
    return counts


def refusals(records: Iterable[Record], batch: Batch) -> int:
    """What the door refused; again only the header."""
    bad, rows = 0, _rows(batch, "refusals")
    for record in records:
        try:
            summary = _summary(record)
            if summary is None:
                continue
            first = _first_code(summary)
            rows.append(
                _storable(
                    (
                        record.partition,
                        record.offset,
                        _text(summary.id),
                        _text(summary.principal),
                        summary.received_at,
                        summary.status,
                        first,
                        _text(codec.to_json(summary)),
                    )
                )
            )
        except _BAD as error:
            bad += _unreadable(record, error)
            continue
        counter = (summary.received_at // 1000, summary.principal, "refusals", first.partition(".")[0])
        batch.counts["refusals", f"{record.partition}:{record.offset}"] = {counter: 1}
    return bad


def _first_code(summary: SubmissionSummary) -> str:
    faults = summary.faults or next((entry[3] for entry in summary.documents if entry[3]), ())
    return faults[0].code if faults else ""


def statuses(records: Iterable[Record], batch: Batch) -> int:
    """The newest revision of each key; a late record of a frozen worker may stand behind a newer one."""
    bad = 0
    newest: dict[bytes, tuple[int, Record]] = {}
    for record in records:
        if record.key is None or record.value is None:
            continue
        try:
            revision = _version(record.value).revision
        except _BAD as error:
            bad += _unreadable(record, error)
            continue
        held = newest.get(record.key)
        if held is None or revision > held[0]:
            newest[record.key] = (revision, record)
    documents, numbers = _rows(batch, "documents"), _rows(batch, "numbers")
    for _, record in newest.values():
        try:
            row, others = _document(record)
            _storable(row, 2)
        except _BAD as error:
            bad += _unreadable(record, error)
            continue
        documents.append(row)
        numbers.extend(others)
    return bad


def _document(record: Record) -> tuple[tuple[object, ...], list[tuple[str, str]]]:
    value = record.value or b""
    status = codec.status(value)
    key = _text(status.key)
    matched, handed, released = _times(status.timeline, status.received_at)
    row = (
        key,
        status.kind,
        status.revision,
        _text(status.submission),
        _text(status.principal),
        _text(status.sender),
        status.received_at,
        status.state,
        _text(status.code),
        status.since,
        _text(status.order[0]),
        _text(status.order[1]),
        _text(status.customs_office),
        status.due,
        need(status),
        matched,
        status.assessed_at,
        handed,
        released,
        *_beside(status),
        _text(status.merchant),
        _text(value),
    )
    business = key.partition("/")[2]
    # The last part of the key itself has an index of its own.
    others = set(map(_text, status.numbers.values()))
    if status.goods is not None:  # an export's summary and entry lead to it too
        others |= {_text(status.facts[name]) for name in ("sumNo", "entryId") if name in status.facts}
    others -= {"", business, business.rpartition(":")[2], key, _text(status.order[1]), status.submission}
    return row, [(number, key) for number in sorted(others) if len(number) <= _LONGEST]


_NOTHING_BESIDE = ("", 0, 0, "", "")


def _beside(status: Status) -> tuple[str, int, int, str, str]:
    """What time makes a need of, the bill, and the goods where they are to be summarised; most documents have none of it."""
    if not status.facts and not status.numbers:
        return _NOTHING_BESIDE
    coming, bill = later(status), _text(bill_of(status))
    if coming is None:
        return ("", 0, 0, bill, "")
    goods = ""
    if coming.need == SUMMARISE and status.goods is not None:
        goods = _text(codec.to_json((status.numbers.get("invtNo", ""), status.goods)))
    return (*coming, bill, goods)


def _times(timeline: tuple[TimelineEntry, ...], received_at: int) -> tuple[int, int, int]:
    """When the current version was matched, handed over, released; what came before it was another version's."""
    times = [0, 0, 0]
    for entry in timeline:
        step = _STEPS.get(entry.what)
        if step is not None and not times[step] and entry.at >= received_at:
            times[step] = entry.at
    return times[0], times[1], times[2]


def assessments(records: Iterable[Record], batch: Batch) -> int:
    """Every assessment is kept; which is current is asked when reading."""
    bad, rows, hits, register = 0, _rows(batch, "assessments"), _rows(batch, "rule_hits"), _rows(batch, "export_register")
    for record in records:
        try:
            found = codec.assessment(record.value or b"")
            rows.append(
                _storable(
                    (
                        _text(found.id),
                        _text(found.declaration),
                        found.revision,
                        found.at,
                        found.score,
                        found.level,
                        found.recommendation,
                        record.offset,
                        _text(record.value or b""),
                    )
                )
            )
            if found.registered is not None:
                register += _registered(found, found.registered)
        except _BAD as error:
            bad += _unreadable(record, error)
            continue
        day = china_midnight(found.at) // 1000
        counts = {(found.at // 1000, "", "assessments", ""): 1, (day, "", ASSESSED_OF_DAY, ""): 1}
        if found.findings:
            for finding in found.findings:
                counts[day, "", SHADOW_OF_DAY if finding.shadow else HITS_OF_DAY, finding.rule] = 1
            date, rules = china_day(found.at), dict.fromkeys(finding.rule for finding in found.findings)
            hits.extend((found.declaration, rule, date) for rule in rules)
        if found.level == LEVELS[0] and found.selected in (BY_CLASS, BY_FLOOR):
            hits.append((found.declaration, DRAWN, china_day(found.at)))
        batch.counts.setdefault(("assessments", found.id), counts)
    return bad


def _registered(found: Assessment, export: Registered) -> list[tuple[object, ...]]:
    """A row a line; a version of a declaration that is registered already keeps its rows."""
    head = (_text(export.merchant), export.mode, export.received_at, _text(export.date))
    return [
        _storable((
            _text(found.declaration), found.revision, number, *head, line.unit, line.qty, line.price, line.total,
            line.currency, _text(line.name),
        ))
        for number, line in enumerate(export.lines, 1)
    ]  # fmt: skip


def alerts(records: Iterable[Record], batch: Batch) -> int:
    """The newest word about each alert; a repeated one says the same."""

    def row(record: Record) -> tuple[str, int, tuple[object, ...]]:
        found = codec.alert(record.value or b"")
        done = found.handling
        return found.id, done.revision, (
            _text(found.id),
            found.at,
            found.rule,
            found.severity,
            found.family,
            _text(codec.to_json(found.agency)),
            _text(codec.to_json(found.enterprises)),
            _text(found.declaration),
            record.partition,
            record.offset,
            done.state,
            _text(done.assignee),
            done.verdict,
            done.escalated,
            _text(codec.to_json(done.shared)),
            china_day(found.at),
            done.revision,
            _text(record.value or b""),
        )

    return _newest(records, batch, "alerts", row)


def cases(records: Iterable[Record], batch: Batch) -> int:
    """The newest word about each case."""

    def row(record: Record) -> tuple[str, int, tuple[object, ...]]:
        found = codec.case(record.value or b"")
        return found.id, found.revision, (
            _text(found.id),
            found.revision,
            found.state,
            found.owner,
            _text(codec.to_json(found.authorities)),
            _text(found.assignee),
            found.severity,
            rank(found.severity),
            found.late,
            found.opened_at,
            _text(record.value or b""),
        )

    return _newest(records, batch, "cases", row)


def answers(records: Iterable[Record], batch: Batch) -> int:
    """Receipts and notices; a repeated id (a stage that was killed says it again) counts once."""
    bad, rows = 0, _rows(batch, "answers")
    for record in records:
        try:
            found = codec.answer(record.value or b"")
            rows.append(
                _storable(
                    (
                        _text(found.id),
                        _text(found.participant),
                        record.partition,
                        record.offset,
                        _text(record.value or b""),
                    )
                )
            )
        except _BAD as error:
            bad += _unreadable(record, error)
            continue
        counter = (found.at // 1000, found.participant, "receipts", found.code)
        batch.counts.setdefault(("answers", found.id), {counter: 1})
    return bad


def hand_overs(records: Iterable[Record], batch: Batch) -> int:
    """The newest word about each hand-over."""
    bad = 0
    newest: dict[tuple[str, str, str], tuple[object, ...]] = {}
    for record in records:
        try:
            found = _hand_over(record.value or b"")
        except _BAD as error:
            bad += _unreadable(record, error)
            continue
        key = (_text(found.submission), _text(found.recipient), _text(found.copmsg_id or found.submission))
        lies = _text(found.topic), found.partition, found.offset
        row = (*key, found.outcome, found.at, found.attempts, _text(found.note), _text(found.sender), _text(found.message), *lies)
        held = newest.get(key)
        if held is None or (held[4], held[5]) <= (found.at, found.attempts):
            newest[key] = row
    _rows(batch, "hand_overs").extend(newest.values())
    return bad


def deliveries(records: Iterable[Record], batch: Batch) -> int:
    """The newest word of each process about each recipient."""

    def row(record: Record) -> tuple[str, int, tuple[object, ...]]:
        found = codec.delivery_report(record.value or b"")
        told = _text(found.recipient), _text(found.instance), found.at, _text(record.value or b"")
        return f"{found.recipient}\x00{found.instance}", found.at, told

    return _newest(records, batch, "deliveries", row)


def holds(records: Iterable[Record], batch: Batch) -> int:
    """The newest word about each held message."""

    def row(record: Record) -> tuple[str, int, tuple[object, ...]]:
        found = codec.hold(record.value or b"")
        authorities = sorted({order.authority for order in found.orders})
        until = max([order.until for order in found.orders if not order.ended], default=0)
        told = found.state, _text(codec.to_json(authorities)), found.since, until
        return found.submission, found.revision, (_text(found.submission), found.revision, *told, _text(record.value or b""))

    return _newest(records, batch, "holds", row)


def profiles(records: Iterable[Record], batch: Batch) -> int:
    """The newest word about each enterprise."""

    def row(record: Record) -> tuple[str, int, tuple[object, ...]]:
        found = codec.profile(record.value or b"")
        return found.enterprise, found.at, (_text(found.enterprise), found.at, _text(record.value or b""))

    return _newest(records, batch, "profiles", row)


def _newest(
    records: Iterable[Record], batch: Batch, table: str, row_of: Callable[[Record], tuple[str, int, tuple[object, ...]]]
) -> int:
    """Of the records about one thing the newest only. ``row_of`` says what a record is about, how new it is, and its row."""
    bad = 0
    newest: dict[str, tuple[int, tuple[object, ...]]] = {}
    for record in records:
        try:
            about, age, row = row_of(record)
            row = _storable(row)
        except _BAD as error:
            bad += _unreadable(record, error)
            continue
        if about not in newest or newest[about][0] < age:
            newest[about] = age, row
    _rows(batch, table).extend(row for _, row in newest.values())
    return bad


HANDLERS: dict[str, Callable[[Iterable[Record], Batch], int]] = {
    topics.SUBMISSIONS: submissions,
    topics.REFUSALS: refusals,
    topics.STATUSES: statuses,
    topics.ASSESSMENTS: assessments,
    topics.ALERTS: alerts,
    topics.ANSWERS: answers,
    topics.HAND_OVERS: hand_overs,
    topics.DELIVERIES: deliveries,
    topics.HOLDS: holds,
    topics.CASES: cases,
    topics.PROFILES: profiles,
}

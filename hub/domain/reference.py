"""Reference data: principals, enterprises, rates, lists, orders of authorities; dated, and no version ever forgotten.

A declaration is assessed by what was in force on the day it was received and known at the log offset its tick names,
so that it can be recomputed later (design §3.5–3.6). One record of the topic ``reference`` is one version; a version
once published is not changed, it gets a successor.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from hub.domain import control, credit, orders, reference_kinds
from hub.domain.faults import Misconfigured
from hub.domain.money import amount

#: What may be kept as reference data, and what each is about.
KINDS = {
    "principal": "an identity that calls: roles, codes, keys and certificates",
    "enterprise": "an enterprise's filing: names, roles, state, also (its other codes); legal_person, address, account (keyed digests)",
    "rate": "tax rates of a tariff line (8 or 10 digits): vat, ct, duty (shares: 0.13); ct_specific, duty_specific (yuan a unit), unit",
    "positive": "a tariff line (8 digits) of the positive list of retail import: listed (false: no more), remark, product, modes, yearly (a person), unit",
    "export": "a tariff line (8 digits) as it is exported: licence, duty, inspection (true or false)",
    "exchange": "what one unit of a currency (customs' code) is in yuan: cny",
    "list": "what goods are held against: forbidden, controlled, recalls, brands, names; entries of terms, codes, countries (hub.domain.screening)",
    "price": "what goods usually cost, by <side>:<commodity code>: median, unit, currency (142)",
    "goods": "how a commodity code is counted: units",
    "country": "a country that is closed or watched, by customs' number: state, instrument",
    "permit": "a permit, by <merchant>~<control code>: number, quantity (of a declaration), unit",
    "guarantee": "the tax guarantee of an enterprise, by its code: amount (yuan, decimal text), currency (142), office, note",
    "order": "a standing or targeting order of an authority: what, about which declarations, why; hub.domain.orders",
    "flag": "what the stage watch noticed of a telephone, address, payer … (keyed digest): count, since, last; written by the hub",
    "identity": "the outcome of checking an identity (keyed digest) with its authority",
    "parameter": "a setting of the zone that has dates",
    "responder": "where a platform opens its payment data to customs, by its code: url, certificate (PEM)",
    "credit": "what one source says of an enterprise's credit, id <code>~<source>: level, grade or class, recorded_by; hub.domain.credit",
    "subscription": "who wants which events pushed where; written by the hub (hub.domain.subscriptions)",
    "endpoint": "what the sender found about a subscription's endpoint: dead or gone; written by the hub",
    "link": "firms and persons (keyed digests) linked with an enterprise, by its code: firms, persons, confirmed, source",
}

_END = 99_999_999
#: Customs' code of the yuan.
CNY = "142"


class ReferenceRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """One version. In force from ``valid_from`` until before ``valid_to`` (days of China, ``YYYY-MM-DD``; "" = open).

    ``demo`` marks made-up data that came with the sandbox.
    """

    kind: str
    id: str
    version: int
    valid_from: str
    valid_to: str = ""
    value: dict[str, Any] = {}  # Any: JSON, by kind
    demo: bool = False

    @property
    def key(self) -> bytes:
        """The record's key in the topic ``reference``: ``kind/id/version``."""
        return f"{self.kind}/{self.id}/{self.version}".encode()


encode = msgspec.json.Encoder(order="sorted").encode
decode = msgspec.json.Decoder(ReferenceRecord).decode


def day_number(text: str, default: int = 0) -> int:
    """``"2024-05-31"`` → 20240531; ValueError for what is no day."""
    if not text:
        return default
    year, month, day = text.split("-")
    number = int(year) * 10_000 + int(month) * 100 + int(day)
    if len(text) != 10 or not 1 <= int(month) <= 12 or not 1 <= int(day) <= 31:
        raise ValueError(text)
    return number


class _Version(NamedTuple):
    version: int
    offset: int
    first: int
    end: int
    record: ReferenceRecord


#: Versions of a flag that are kept in any case, and the records of the log a stage may be behind: a permit's flag has a version for
#: each declaration that uses it. Assessments that were made note what they read, and need no older one.
_FLAGS, _BEHIND = 64, 200_000
#: Kinds of which only the newest version says anything: they have no days, and everybody may write one as often as it likes.
HUBS_OWN = _NEWEST_ONLY = frozenset({"subscription", "endpoint"})
#: Bytes of a record at most: the topic takes a mebibyte, with its frame. A list that grew beyond could not be written by anybody, and
#: who tries again until it can would hold up all that comes behind.
MOST_BYTES = 900_000


class Reference:
    """Every version of every record a process has read, and how far it has read.

    Of the versions in force on a day the one with the highest number counts: a correction is a successor that covers
    the same days.
    """

    def __init__(self) -> None:
        self._versions: dict[str, dict[str, list[_Version]]] = {}
        #: Offset of the last record taken in; -1 before the first.
        self.reached = -1
        #: Kind → offset of the last record that said something new.
        self.changed: dict[str, int] = {}

    def put(self, record: ReferenceRecord, offset: int) -> None:
        """Take in the record found at ``offset``; a version that is there already keeps the offset it became known at."""
        ids = self._versions.setdefault(record.kind, {})
        versions = ids.get(record.id, [])
        newest = not versions or record.version > versions[0].version  # nearly always, and some have thousands
        known = None if newest else next((entry for entry in versions if entry.version == record.version), None)
        if known is None or known.record != record:
            first, end = day_number(record.valid_from), day_number(record.valid_to, _END)
            made = _Version(record.version, offset, first, end, record)
            # A list of its own, put in place whole: stages read in another thread, and a list being sorted looks empty.
            if newest:
                ids[record.id] = [made, *versions]
            else:
                others = [entry for entry in versions if entry is not known]
                ids[record.id] = sorted([*others, made], key=lambda entry: -entry.version)
            if record.kind == "flag" and len(ids[record.id]) > 2 * _FLAGS:
                ids[record.id] = [
                    entry for n, entry in enumerate(ids[record.id]) if n < _FLAGS or entry.offset > offset - _BEHIND
                ]
            if record.kind in _NEWEST_ONLY:
                ids[record.id] = ids[record.id][:1]
            self.changed[record.kind] = max(offset, self.changed.get(record.kind, -1))
        self.reached = max(self.reached, offset)

    def record(self, kind: str, id: str, day: int, offset: int | None = None) -> ReferenceRecord | None:
        """The version in force on ``day`` (yyyymmdd, China) among those known at log offset ``offset`` (None: all read)."""
        for entry in self._versions.get(kind, {}).get(id, ()):
            if entry.first <= day < entry.end and (offset is None or entry.offset <= offset):
                return entry.record
        return None

    def find(self, kind: str, id: str, day: int, offset: int | None = None) -> Mapping[str, Any] | None:
        """The value of ``record``."""
        versions = self._versions.get(kind)
        if versions is None or (entries := versions.get(id)) is None:
            return None  # nearly everything a rule asks for is not there
        for entry in entries:
            if entry.first <= day < entry.end and (offset is None or entry.offset <= offset):
                return entry.record.value
        return None

    def newest(self, kind: str, id: str, offset: int | None = None) -> int:
        """The number of the newest version known at ``offset``, whatever its days; 0 where there is none."""
        versions = self._versions.get(kind, {}).get(id, ())
        return next((entry.version for entry in versions if offset is None or entry.offset <= offset), 0)

    def all(self, kind: str, day: int, offset: int | None = None) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """(id, value) of everything of a kind in force on ``day``."""
        for id in list(self._versions.get(kind, {})):
            value = self.find(kind, id, day, offset)
            if value is not None:
                yield id, value

    def ids(self, kind: str) -> list[str]:
        """The ids of a kind that any version was ever of."""
        return list(self._versions.get(kind, {}))

    def versions(self, kind: str, id: str) -> list[ReferenceRecord]:
        """Every version of a record, newest first."""
        return [entry.record for entry in self._versions.get(kind, {}).get(id, ())]


def guarantee_of(value: Mapping[str, Any]) -> int:
    """The amount of a record of the kind ``guarantee``; 0 for one that says none, or not in yuan: nothing is watched by it."""
    if str(value.get("currency") or CNY) != CNY:
        return 0
    try:
        return max(0, amount(str(value.get("amount") or "0")))
    except ValueError:
        return 0


def problems(record: ReferenceRecord) -> list[str]:
    """What is wrong with a record, a sentence each; empty where it may be published."""
    found = []
    if record.kind not in KINDS:
        found.append(f"kind {record.kind!r} is unknown; one of {', '.join(KINDS)}")
    if not record.id or "/" in record.id:
        found.append(f"id {record.id!r} is empty or has a slash")
    if record.version < 1:
        found.append("version counts from 1")
    try:
        first, end = day_number(record.valid_from), day_number(record.valid_to, _END)
    except ValueError:
        return [*found, f"{record.valid_from!r} to {record.valid_to!r}: days are written YYYY-MM-DD"]
    if not first:
        found.append("valid_from is missing")
    if end <= first:
        found.append("valid_to is not after valid_from: it is the first day on which the record is no longer in force")
    found += reference_kinds.day_problems(record.valid_from, record.valid_to)
    found += reference_kinds.problems(record.kind, record.id, record.value)
    if record.kind == "guarantee" and not guarantee_of(record.value):
        found.append("a guarantee has an amount above 0 in yuan (decimal text), currency 142")
    if record.kind == "credit":
        found += [said.en for said in credit.problems(record.id, record.value, first, end)]
    if record.kind == "link":
        found += [said.en for said in credit.link_problems(record.value)]
    if record.kind == "order":
        found += orders.problems(record.value)
    if record.kind == "parameter":
        found += control.problems(record.id, record.value)
    if (record.kind, record.id) == ("parameter", "shadow-rules") and not _texts(record.value.get("rules")):
        found.append("shadow-rules has rules: a list of the codes of rules (R06); an empty one for none")
    return found


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) and text for text in value)


def checked(records: list[ReferenceRecord]) -> list[ReferenceRecord]:
    """The records, or Misconfigured with every problem of all of them."""
    found = [f"{record.kind}/{record.id}: {problem}" for record in records for problem in problems(record)]
    if not found:
        sizes = [(record, len(encode(record))) for record in records]
        found = [
            f"{record.kind}/{record.id}: it has {size} bytes, and a record may have {MOST_BYTES}: take out what is over"
            for record, size in sizes
            if size > MOST_BYTES
        ]
    if found:
        raise Misconfigured(found)
    return records

"""Files of reference data: TOML or CSV, taken whole or refused whole with the line of every fault.

TOML: ``[[record]]`` tables with ``kind``, ``id``, ``valid_from``, optionally ``valid_to``, and ``[record.value]``.
CSV: columns ``kind``, ``id``, ``valid_from``, ``valid_to``; every other column is a field of the value, empty ones are
left out.
"""

from __future__ import annotations

import csv
import re
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from hub.domain.faults import Misconfigured
from hub.domain.reference import HUBS_OWN, ReferenceRecord, day_number, problems

_OWN = ("kind", "id", "version", "valid_from", "valid_to", "demo")
_KEYS = ("kind", "id", "valid_from", "valid_to")
_END = 99_999_999


def read(file: Path) -> list[ReferenceRecord]:
    """The records of a file; raises Misconfigured with ``file:line: what is wrong`` for each fault."""
    try:
        text = file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Misconfigured([f"{file}: not UTF-8"]) from error
    found = _csv(text, file) if file.suffix.lower() == ".csv" else _toml(text, file)
    wrong = [f"{file}:{line}: {why}" for line, record in found for why in problems(record)]
    # A subscription from a file would send what one account may see to wherever another likes.
    wrong += [f"{file}:{line}: records of the kind {one.kind} are written by the hub alone" for line, one in found if one.kind in HUBS_OWN]
    if not wrong:
        wrong = [f"{file}:{line}: {why}" for line, why in _overlaps(found)]
    if wrong:
        raise Misconfigured(wrong)
    return [record for _, record in found]


def _toml(text: str, file: Path) -> list[tuple[int, ReferenceRecord]]:
    try:
        entries = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # no TOML, a number of thousands of digits, brackets within brackets
        raise Misconfigured([f"{file}: {error}"]) from error
    lines = [
        text.count("\n", 0, found.start()) + 1
        for found in re.finditer(r"^[ \t]*\[\[\s*record\s*\]\]", text, re.MULTILINE)
    ]
    records = entries.pop("record", [])
    if entries:
        raise Misconfigured([f"{file}: unknown {', '.join(entries)}; a file holds [[record]] tables"])
    if len(lines) != len(records):
        raise Misconfigured([f"{file}: each record is written as a [[record]] table of its own"])
    return _made(list(zip(lines, records, strict=True)), file)


def _csv(text: str, file: Path) -> list[tuple[int, ReferenceRecord]]:
    rows = csv.DictReader(text.splitlines(), strict=True)
    entries: list[tuple[int, dict[str, Any]]] = []  # Any: as below
    try:
        columns = rows.fieldnames or ()
        twice = sorted({name for name in columns if columns.count(name) > 1})
        if twice:
            raise Misconfigured([f"{file}:1: two columns are called {', '.join(twice)}"])
        for row in rows:
            if None in row or None in row.values():
                raise Misconfigured([f"{file}:{rows.line_num}: not as many columns as the first line has"])
            value: dict[str, str] = {name: text for name, text in row.items() if name not in _OWN and text}
            entry: dict[str, Any] = {name: row[name] for name in _KEYS if name in row}
            entries.append((rows.line_num, {**entry, "value": value}))
    except csv.Error as error:
        raise Misconfigured([f"{file}:{rows.line_num}: {error}"]) from error
    return _made(entries, file)


def _made(entries: list[tuple[int, dict[str, Any]]], file: Path) -> list[tuple[int, ReferenceRecord]]:  # Any: TOML
    made: list[tuple[int, ReferenceRecord]] = []
    wrong: list[str] = []
    for line, entry in entries:
        unknown = entry.keys() - {*_OWN, "value"}
        if unknown:
            wrong.append(f"{file}:{line}: unknown {', '.join(sorted(unknown))}")
            continue
        days = {name: str(entry[name]) for name in ("valid_from", "valid_to") if name in entry}
        try:
            fields: dict[str, Any] = {"valid_from": ""} | entry | days | {"version": 1}
            record = msgspec.convert(fields, ReferenceRecord)
        except msgspec.ValidationError as error:
            wrong.append(f"{file}:{line}: {error}")
            continue
        made.append((line, record))
    if wrong:
        raise Misconfigured(wrong)
    return made


def _overlaps(found: list[tuple[int, ReferenceRecord]]) -> list[tuple[int, str]]:
    """Two records of a file for the same thing and the same day: the file would contradict itself."""
    by_id: dict[tuple[str, str], list[tuple[int, int, int]]] = {}
    for line, record in found:
        span = (day_number(record.valid_from), day_number(record.valid_to, _END), line)
        by_id.setdefault((record.kind, record.id), []).append(span)
    wrong = []
    for (kind, id), spans in by_id.items():
        for (_, end, earlier), (start, _, line) in pairwise(sorted(spans)):
            if start < end:
                wrong.append((line, f"{kind}/{id} overlaps with line {earlier}"))
    return wrong

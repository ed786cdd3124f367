"""The summary of export declarations into entries (清单核放、汇总申报)."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from adapters.authorities.customs import receipts
from adapters.authorities.customs.afterwards import declared
from adapters.authorities.customs.case import Case, stands
from adapters.authorities.customs.exports import completed, wrong_part
from adapters.authorities.customs.facts import Facts
from adapters.authorities.customs.receipts import Planned
from adapters.authorities.customs.store import NOTED, SUMMED, TAKEN, Row
from adapters.authorities.customs.uploads import SUMMARY_RESULT
from hub.domain.kinds import DECLARATION
from hub.domain.money import number as amount
from hub.domain.money import text

#: Declarations are summarised where these are alike: consignor, transport, country, port (rules of summaries, E2).
_ALIKE = ("ebcCode", "trafMode", "country", "portCode")
#: ``summaryFlag`` 2: by producing or selling company too.
_BY_OWNER = "2"
_SUMMARISED = "B"
#: Lines of an entry; a further entry takes the rest (forms of entries have room for so many).
_MOST_LINES = 50
_NAMED = ("customsCode", "agentCode", "agentName", "ebcCode", "ebcName", "declAgentCode", "declAgentName")


def part(case: Case) -> list[Row]:
    """A part of an application: concluded with the last one, and the entries follow."""
    wrong = wrong_part(case)
    if wrong:
        return case.refuse(case.codes.parameter, wrong)
    if not _period(case.found):
        for inventory in case.found.members:
            why = _unfit(case, declared(case, inventory))
            if why:
                return case.refuse(case.codes.unknown, f"清单编号[{inventory}]{why}")
    rows = completed(case, case.wait())
    if rows[0].phase != TAKEN:
        return rows
    first = min(row.number for row in rows)
    sum_no = receipts.customs_number("S", first, case.now, case.found.head.get("customsCode", ""))
    for row in rows:
        case.store.complete(row, msgspec.structs.replace(row.facts, head=row.facts.head | {"sumNo": sum_no}))
    if not all(stands(row) for row in rows):
        return rows
    moment = max([p.at for row in rows for p in row.plan], default=case.now) + case.scenario.times.summary_result
    return [*rows, *_entries(case, rows, sum_no, moment)]


def _period(found: Facts) -> tuple[str, str] | None:
    start, end = found.head.get("startTime"), found.head.get("endTime")
    return (start, end) if start and end else None


def _unfit(case: Case, row: Row | None) -> str:
    """Why a declaration cannot be summarised; empty where it can."""
    if row is None:
        return "不存在"
    if row.facts.head.get("statisticsFlag") != _SUMMARISED:
        return "不是汇总申报清单"
    if row.phase != TAKEN or "899" not in row.reached(case.now):
        return "未结关或已汇总"
    return ""


def _applied_for(case: Case, rows: list[Row]) -> list[Row]:
    """The declarations of an application: those it lists, or (a period counts alone) those closed in its period."""
    period = _period(case.found)
    if period is None:
        numbers = {inventory for row in rows for inventory in row.facts.members}
        found = [declared(case, inventory) for inventory in sorted(numbers)]
        return [row for row in found if row is not None and not _unfit(case, row)]
    start, end = period
    head = case.found.head
    every = case.store.beginning(f"E{DECLARATION}/{head.get('agentCode', '')}:")
    return [
        row
        for row in every
        if not _unfit(case, row)
        and row.facts.head.get("ebcCode") == head.get("ebcCode")
        and start <= receipts.return_time(row.reached(case.now)["899"])[:14] <= end
    ]


def _entries(case: Case, rows: list[Row], sum_no: str, moment: int) -> list[Row]:
    """One result an entry, and the declarations that are in one."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    names = (*_ALIKE, "ownerCode") if case.found.head.get("summaryFlag") == _BY_OWNER else _ALIKE
    for row in _applied_for(case, rows):
        groups.setdefault(tuple(row.facts.head.get(name, "") for name in names), []).append(row)
    entries = [declarations for group in groups.values() for declarations in _by_lines(group)]
    made = [_entry(case, declarations, sum_no, moment, n) for n, declarations in enumerate(entries, 1)]
    for row in (row for group in groups.values() for row in group):
        row.phase = SUMMED
        case.store.move(row)
        made.append(row)
    return made


def _lines(row: Row) -> Iterable[tuple[str, str, tuple[str, str]]]:
    """Number, HS code, and what must be alike, of each line."""
    for line, code, merge in zip(row.facts.lines, row.facts.codes, row.facts.merges, strict=True):
        yield line.number, code, (code, merge)


def _by_lines(group: list[Row]) -> Iterable[list[Row]]:
    """Cut so that no entry has more lines than its form has room for."""
    taken: list[Row] = []
    alike: set[tuple[str, str]] = set()
    for row in group:
        further = {key for _, _, key in _lines(row)}
        if taken and len(alike | further) > _MOST_LINES:
            yield taken
            taken, alike = [], set()
        taken.append(row)
        alike |= further
    yield taken


def _entry(case: Case, declarations: list[Row], sum_no: str, moment: int, count: int) -> Row:
    places: dict[tuple[str, str], int] = {}
    members = []
    for row in declarations:
        inventory = receipts.inventory_number(row.facts, row.number, row.arrived)
        for line, code, alike in _lines(row):
            place = places.setdefault(alike, len(places) + 1)
            members.append(receipts.summary_line(inventory, row.facts.head.get("logisticsNo", ""), place, line, code))
    head = {name: case.found.head.get(name, "") for name in _NAMED} | {"sumNo": sum_no}
    for name in ("grossWeight", "netWeight"):
        head[name] = text(sum(amount(row.facts.head.get(name)) for row in declarations))
    key = f"Esummary_result/{sum_no}:{count}"
    # to the declarant of the declarations
    to = declarations[0].facts.receivers[:1]
    facts = Facts("summary_result", key, "", "1", "", "2", to, head, SUMMARY_RESULT, members=tuple(members))
    return case.store.put(facts, NOTED, case.now, [Planned("1", moment, moment, "", 1, SUMMARY_RESULT)])

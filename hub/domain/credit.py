"""What is known about an enterprise's credit: who says it, in which words, under which instrument, how it is repaired.

A reference record of the kind ``credit`` has the id ``<code>~<source>`` and says one thing of one source; its days are
those of the level. ``code`` is an enterprise code, or the keyed digest of a person. Tables here are data: a level of an
instrument that was not in force on the record's first day is refused (``problems``).

Certainty: the customs orders and their levels are official; of the other authorities' instruments only the levels are
sure, their first days are from knowledge; the classes behind every level are the hub's own proposal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from hub.domain.access import OFFICERS
from hub.domain.faults import Both

#: Control classes, best first (proposal of the hub; no authority uses these numbers).
TRUSTED, GOOD, NORMAL, WATCH, RESTRICTED = 1, 2, 3, 4, 5
CLASSES = (TRUSTED, GOOD, NORMAL, WATCH, RESTRICTED)
#: A level that says nothing about the class: it neither lifts nor lowers it.
_NOTHING = 0
_END = 99_999_999


class Repair(msgspec.Struct, frozen=True, gc=False):
    """After how many months at the earliest a bad level can be repaired, and after how many it ends anyway (0: never)."""

    least: int
    most: int = 0


class Instrument(msgspec.Struct, frozen=True, gc=False):
    """A rule an authority grades by: in force from ``first`` until before ``end`` (yyyymmdd), level → control class.

    ``repairs``: what a record's ``cause`` may be, and the months of its repair; ``""`` stands for every cause.
    """

    name: str
    first: int
    end: int
    levels: Mapping[str, int]
    repairs: Mapping[str, Repair] = {}

    def in_force(self, day: int) -> bool:
        """Whether it is in force on ``day``."""
        return self.first <= day < self.end


class Source(msgspec.Struct, frozen=True, gc=False):
    """One who says something about an enterprise. ``field``: where a record says it.

    ``computed``: not an authority's word; it counts only once an officer has confirmed it. ``never``: not even then.
    ``lifts``: its good levels lead to a class better than 3; others can only lower. ``recorders``: the roles that may
    record it by the API. ``hidden``: not even the enterprise itself sees it.
    """

    title: str
    title_zh: str
    instruments: tuple[Instrument, ...]
    recorders: frozenset[str]
    field: str = "level"
    computed: bool = False
    never: bool = False
    lifts: bool = False
    hidden: bool = False


_OFFICE = frozenset({"office"})
_GACC_OLD = {"advanced_certified": TRUSTED, "general_certified": GOOD, "general_credit": NORMAL, "dishonest": RESTRICTED}
#: National rules of credit repair (NDRC), from 2026-04-01, taken over by GACC 282.
_REPAIRS_2026 = {"minor": Repair(0, 3), "general": Repair(3, 12), "serious": Repair(12, 36)}
_GRADES = {"AAA": TRUSTED, "AA": GOOD, "A": NORMAL, "BBB": NORMAL, "BB": WATCH}
_TAX = {"A": _NOTHING, "B": _NOTHING, "C": NORMAL, "D": WATCH}
_SAFE = {"A": _NOTHING, "B": NORMAL, "C": WATCH}

SOURCES: dict[str, Source] = {
    "gacc": Source(
        "customs' credit level",
        "海关信用等级",
        (
            Instrument("GACC 225", 20141201, 20180501, _GACC_OLD, {"": Repair(12)}),
            # two years without a new trigger: from knowledge
            Instrument("GACC 237", 20180501, 20211101, _GACC_OLD, {"": Repair(24)}),
            Instrument(
                "GACC 251",
                20211101,
                20260401,
                {"advanced_certified": TRUSTED, "other_filed": NORMAL, "dishonest": RESTRICTED},
                {"smuggling": Repair(12), "obstruction": Repair(12), "violations": Repair(6), "overdue": Repair(3)},
            ),
            Instrument(
                "GACC 282",
                20260401,
                _END,
                {
                    "advanced_certified": TRUSTED,
                    "certified": GOOD,
                    "regular": NORMAL,
                    "dishonest": RESTRICTED,
                    "seriously_dishonest": RESTRICTED,
                },
                _REPAIRS_2026,
            ),
        ),
        frozenset({"customs"}),
        lifts=True,
    ),
    "zone": Source(
        "the zone's credit grade, confirmed",
        "综试区信用评级（已确认）",
        (Instrument("zone", 0, _END, _GRADES),),
        _OFFICE,
        field="grade",
        computed=True,
        lifts=True,
    ),
    "computed": Source(
        "the zone's credit grade as computed",
        "综试区信用评级（系统测算）",
        (Instrument("zone", 0, _END, _GRADES),),
        frozenset(),
        field="grade",
        computed=True,
        never=True,
        lifts=True,
        hidden=True,
    ),
    "safe": Source(
        "the foreign-exchange class",
        "外汇管理分类",
        (Instrument("Huifa 2012-38", 20120801, 20200828, _SAFE), Instrument("Huifa 2020-14", 20200828, _END, _SAFE)),
        frozenset({"forex"}),
    ),
    "tax": Source(
        "the tax credit level",
        "纳税信用级别",
        (
            Instrument("STA 2014-40", 20141001, 20180401, _TAX),
            Instrument("STA 2018-8", 20180401, 20250701, {**_TAX, "M": NORMAL}),
            Instrument("STA 2025-12", 20250701, _END, {**_TAX, "M": NORMAL}),
        ),
        frozenset({"tax"}),
    ),
    "refund": Source(
        "the export-refund class",
        "出口退税管理类别",
        (Instrument("STA 2016-46", 20160901, _END, {"1": _NOTHING, "2": _NOTHING, "3": NORMAL, "4": WATCH}),),
        frozenset({"tax"}),
        field="class",
    ),
    "court": Source(
        "the courts' list of those who do not obey judgments",
        "失信被执行人名单",
        (Instrument("SPC 2013-17", 20131001, _END, {"listed": WATCH}),),
        frozenset({"office", "market"}),
    ),
    "negative": Source(
        "the zone's negative-list pool",
        "综试区负面清单",
        (Instrument("zone", 0, _END, {"listed": RESTRICTED}),),
        _OFFICE,
    ),
    "publication": Source(
        "published bad conduct",
        "失信信息公示",
        (
            Instrument(
                "NDRC 2026", 20260401, _END, {"minor": NORMAL, "general": WATCH, "serious": RESTRICTED}, _REPAIRS_2026
            ),
        ),
        frozenset({"office", "market", "commerce"}),
    ),
    "case": Source(
        "a case that is open at an authority",
        "在办案件",
        (Instrument("zone", 0, _END, {"open": GOOD}),),
        OFFICERS,
        hidden=True,
    ),
    "alert": Source(
        "an open alert about the enterprise",
        "企业预警（未关闭）",
        (Instrument("zone", 0, _END, {"open": WATCH}),),
        _OFFICE,
        computed=True,
        hidden=True,
    ),
    "screening": Source(
        "a name that resembles one on a control list",
        "名称与管制名单相近",
        (Instrument("zone", 0, _END, {"listed": RESTRICTED, "resembles": _NOTHING, "cleared": _NOTHING}),),
        frozenset({"customs", "commerce", "office"}),
        hidden=True,
    ),
    "self_reported": Source(
        "what the enterprise says of itself",
        "企业自报",
        (Instrument("none", 0, _END, {}),),
        frozenset(),
        computed=True,
        never=True,
    ),
    "decision": Source(
        "an authority's decision on the class",
        "主管部门决定",
        (Instrument("zone", 0, _END, {str(number): number for number in CLASSES}),),
        OFFICERS,
        field="class",
        hidden=True,
    ),
}


def id_of(code: str, source: str) -> str:
    """The id of the ``credit`` record in which ``source`` speaks of ``code``."""
    return f"{code}~{source}"


def said(source: str, value: Mapping[str, Any]) -> str:
    """The level, grade or class a record of ``source`` says, as text; empty where it says none."""
    return str(value.get(SOURCES[source].field) or "")


def class_of(source: str, level: str) -> int:
    """The control class a level leads to, 0 for none; a word no instrument knows counts as 3, the class of the unknown.

    A level given under an older order stays what it meant until its record ends or has a successor.
    """
    for instrument in reversed(SOURCES[source].instruments):
        if level in instrument.levels:
            return instrument.levels[level]
    return NORMAL


def passed(value: Mapping[str, Any], field: str, day: int) -> bool:
    """Whether the day a record names (``repaired_on``, ``ended_on``) has come by ``day``."""
    text = str(value.get(field) or "")
    return bool(text) and int(text.replace("-", "")) <= day


def problems(id: str, value: Mapping[str, Any], first: int, end: int) -> list[Both]:
    """What is wrong with a ``credit`` record in force from ``first`` until before ``end`` (yyyymmdd), a sentence each."""
    code, _, name = id.rpartition("~")
    source = SOURCES.get(name)
    if not code or source is None:
        names = ", ".join(SOURCES)
        return [Both(f"the id of a credit record is <code>~<source>, the source one of {names}", f"信用记录的编号为 <代码>~<来源>，来源应为 {names} 之一")]
    found = []
    if not value.get("recorded_by"):
        found.append(Both("a credit record says recorded_by", "信用记录应注明 recorded_by"))
    if name == "decision" and not value.get("reason"):
        found.append(Both("a decision has a reason", "决定应说明理由（reason）"))
    level = said(name, value)
    if not level:
        found.append(Both(f"{name} says its {source.field}", f"来源 {name} 应注明 {source.field}"))
    if name == "self_reported":
        return found
    instrument = next((one for one in source.instruments if one.in_force(first)), None)
    if instrument is None:
        return [*found, Both(f"no instrument of {name} was in force on {first}", f"{first} 尚无适用于 {name} 的规定")]
    named = str(value.get("instrument") or instrument.name)
    if named != instrument.name:
        found.append(
            Both(f"{named} was not in force on {first}: {instrument.name} was", f"{first} 有效的规定是 {instrument.name}，不是 {named}")
        )
    if level and level not in instrument.levels:
        levels = ", ".join(instrument.levels)
        found.append(
            Both(f"{level} is no {source.field} of {instrument.name}; one of {levels}", f"{instrument.name} 没有等级 {level}；应为 {levels} 之一")
        )
    return [*found, *_repair_problems(level, value, instrument, first, end)]


def _repair_problems(level: str, value: Mapping[str, Any], instrument: Instrument, first: int, end: int) -> list[Both]:
    cause = str(value.get("cause") or (level if level in instrument.repairs else ""))
    repair = instrument.repairs.get(cause) or instrument.repairs.get("")
    causes = ", ".join(instrument.repairs)
    if value.get("cause") and repair is None:
        return [Both(f"{cause} is no cause of {instrument.name}; one of {causes}", f"{instrument.name} 没有事由 {cause}；应为 {causes} 之一")]
    wrong_days = [
        Both(f"{field} {value[field]!r}: days are written YYYY-MM-DD", f"{field} 的日期应写作 YYYY-MM-DD")
        for field in ("repaired_on", "ended_on")
        if value.get(field) and not _is_day(str(value[field]))
    ]
    if wrong_days:
        return wrong_days
    found = []
    if repair is not None and repair.most and cause and end > later(first, repair.most):
        found.append(
            Both(
                f"{cause} of {instrument.name} ends after {repair.most} months: valid_to is missing or too late",
                f"{instrument.name} 的 {cause} 最长 {repair.most} 个月：缺少 valid_to 或过晚",
            )
        )
    if value.get("repaired_on"):
        if instrument.repairs and repair is None:
            found.append(Both(f"a repair under {instrument.name} names its cause: {causes}", f"依 {instrument.name} 修复应注明事由（cause）：{causes}"))
        least = repair.least if repair is not None else 0
        if int(str(value["repaired_on"]).replace("-", "")) < later(first, least):
            found.append(
                Both(f"{instrument.name} allows no repair of this before {least} months have passed", f"依 {instrument.name}，满 {least} 个月方可修复")
            )
    return found


def _is_day(text: str) -> bool:
    digits = text.replace("-", "")
    return len(text) == 10 and len(digits) == 8 and digits.isascii() and digits.isdigit() and text[4] == text[7] == "-"


def later(day: int, months: int) -> int:
    """``day`` (yyyymmdd) some months later, for comparing: 20260131 and one month are 20260231."""
    year, month = divmod(day // 100 % 100 - 1 + months, 12)
    return (day // 10_000 + year) * 10_000 + (month + 1) * 100 + day % 100


def link_problems(value: Mapping[str, Any]) -> list[Both]:
    """What is wrong with a ``link`` record."""
    found = []
    for field in ("firms", "persons"):
        names = value.get(field, [])
        if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
            found.append(Both(f"{field} is a list of texts", f"{field} 应为文本列表"))
        elif len(names) > MOST_LINKS:
            found.append(Both(f"{field} are {MOST_LINKS} at most", f"{field} 最多 {MOST_LINKS} 个"))
    if not value.get("firms") and not value.get("persons"):
        found.append(Both("a link names firms or persons", "关联记录应列出企业（firms）或人员（persons）"))
    if not isinstance(value.get("confirmed", False), bool):
        found.append(Both("confirmed is true or false", "confirmed 应为 true 或 false"))
    if not value.get("source"):
        found.append(Both("a link says its source", "关联记录应注明来源（source）"))
    return found


#: A link record names no more than so many firms and persons: what a standing costs is bounded.
MOST_LINKS = 50

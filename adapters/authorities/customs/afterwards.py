"""What comes after a declaration: its cancellation, returns of its goods, their tally, the tax bill's end."""

from __future__ import annotations

import msgspec

from adapters.authorities.customs import checks, receipts
from adapters.authorities.customs.case import Case, stands, tax_plan
from adapters.authorities.customs.facts import Facts
from adapters.authorities.customs.receipts import Planned
from adapters.authorities.customs.store import CANCELLED, NOTED, STORED, THERE, Row
from adapters.authorities.customs.uploads import TAX_BILL_STATUS
from hub.domain.kinds import DECLARATION, RETURN

#: Customs has it and has neither begun to examine nor let it go.
_CANCELLABLE = frozenset({"120", "300", "399"})
_RELEASED = ("800", "899")
#: A bill is void this many ms after the return's last receipt.
_VOID_AFTER = 4
_OTHER_MERCHANT = "电商企业与原清单不一致"
#: Table 7-2: differs from the record.
_QUANTITY_DIFFERS = "-625010"


def cancellation(case: Case) -> list[Row]:
    """Granted while customs has the declaration and has not let it go; it then frees what it took of the limit."""
    row = declared(case, case.found.head.get("invtNo", ""))
    if row is None:
        return case.refuse(case.codes.unknown, "未找到对应清单编号的清单")
    if _merchant(case.found) != _merchant(row.facts):
        return case.refuse(case.codes.parameter, _OTHER_MERCHANT)
    current = _current(row, case.now)
    if row.phase not in THERE or current not in _CANCELLABLE:
        return case.refuse(case.codes.unfit, f"清单当前状态[{current}]不允许撤销")
    application = case.take()
    if not case.flow.grants():
        return [application]
    row.phase = CANCELLED
    row.plan = [p for p in row.plan if p.at <= case.now]
    case.store.move(row)
    _set_limit(case, row)
    return [application, row]


def give_back(case: Case) -> list[Row]:
    """A return: of lines the declaration has, no more than is left, after release, and (import) in time.

    Of the days an export return has nothing was found.
    """
    found = case.found
    row = declared(case, found.head.get("invtNo", ""))
    if row is None:
        return case.refuse(case.codes.unknown, "未找到对应清单编号的清单")
    if _merchant(found) != _merchant(row.facts):
        return case.refuse(case.codes.parameter, _OTHER_MERCHANT)
    reached = row.reached(case.now)
    released = min((reached[status] for status in _RELEASED if status in reached), default=0)
    if row.phase not in STORED or not released:
        return case.refuse(case.codes.unfit, f"清单当前状态[{_current(row, case.now)}]不允许退货")
    if not found.export and case.now > released + case.scenario.times.return_within:
        return case.refuse(case.codes.unfit, "已超过放行后可申请退货的期限")
    unknown = checks.unknown_line(found, row.facts)
    if unknown:
        return case.refuse(case.codes.line, unknown)
    too_much = checks.too_much(found, row.facts, _taken(case, found.place, but=found.key))
    if too_much:
        return case.refuse(case.codes.line if found.export else _QUANTITY_DIFFERS, too_much)
    application = case.take()
    if found.export or not case.flow.grants():
        return [application]
    _set_limit(case, row)
    return [application, *_void(case, row, max(p.at for p in application.plan) + _VOID_AFTER)]


def taken_back(case: Case) -> None:
    """A return was withdrawn: its buyer's limit is used again."""
    row = declared(case, case.found.head.get("invtNo", ""))
    if row is not None and case.found.kind == RETURN and not case.found.export:
        _set_limit(case, row)


def tally(case: Case) -> list[Row]:
    """A tally list: of a declaration customs knows, where it names one."""
    number = case.found.head.get("invtNo")
    if number and declared(case, number) is None:
        return case.refuse(case.codes.unknown or case.codes.parameter, "未找到对应清单编号的清单")
    return [case.take()]


def declared(case: Case, inventory: str) -> Row | None:
    """The declaration of a customs number on the side of the application; one that was not told yet is not known."""
    row = case.store.numbered(receipts.row_number(inventory))
    if row is None or row.facts.kind != DECLARATION or row.facts.export != case.found.export:
        return None
    known = receipts.inventory_number(row.facts, row.number, row.arrived) == inventory
    return row if known and any(receipts.numbered(status) for status in row.reached(case.now)) else None


def _merchant(facts: Facts) -> str:
    return facts.head.get("ebcCode", "")


def _current(row: Row, now: int) -> str:
    """The status that holds: the one with the greatest time."""
    reached = row.reached(now)
    return max(reached, key=lambda status: reached[status], default="")


def _returns(case: Case, place: str, but: str = "") -> list[Facts]:
    rows = case.store.at(place)
    return [
        r.facts
        for r in rows
        if r.facts.kind == RETURN and r.key != but and stands(r) and case.flow_of(r.facts).grants()
    ]


def _taken(case: Case, place: str, but: str = "") -> dict[str, int]:
    return checks.quantities(_returns(case, place, but))


def _set_limit(case: Case, row: Row) -> None:
    """What the declaration takes of its buyer's limit: nothing once cancelled, else what is not returned."""
    value = 0
    if row.phase in THERE:
        taken = _taken(case, f"invtNo/{receipts.inventory_number(row.facts, row.number, row.arrived)}")
        value = row.facts.value - sum(
            line.total * back // line.quantity for line in row.facts.lines if (back := taken.get(line.number, 0))
        )
    case.store.free(row.facts.persons.get("number", ""), row.facts.key, max(value, 0))


def _void(case: Case, row: Row, at: int) -> list[Row]:
    """The declaration's tax bill, where it is not summarised yet, is void; what is left gets a new one.

    That bills of one declaration are counted ``_0``, ``_1`` is read off real numbers, why there are several is not.
    """
    inventory = receipts.inventory_number(row.facts, row.number, row.arrived)
    bill, count = row, 0
    while (later := case.store.find(f"tax_bill/{inventory}_{count + 1}")) is not None:
        bill, count = later, count + 1
    if not any(p.form == TAX_BILL_STATUS and p.status == "2" and p.at > case.now for p in bill.plan):
        return []
    bill.plan = [p for p in bill.plan if p.form != TAX_BILL_STATUS]
    bill.plan.append(Planned("3", at, at, "", 1, TAX_BILL_STATUS))
    case.store.move(bill)
    rest = _rest(row.facts, _taken(case, case.found.place))
    if not rest.lines:
        return [bill]
    number = f"{inventory}_{count + 1}"
    facts = msgspec.structs.replace(rest, head=rest.head | {"invtNo": inventory, "taxNo": number})
    plan = tax_plan(at + 1, at + 1, case.scenario.times.tax_summarised)
    return [bill, case.store.put(facts, NOTED, row.arrived, plan, f"tax_bill/{number}")]


def _rest(facts: Facts, taken: dict[str, int]) -> Facts:
    """A declaration without what was returned, freight in proportion."""
    lines, codes, goods = [], [], sum(line.total for line in facts.lines)
    for line, code in zip(facts.lines, facts.codes, strict=True):
        left = line.quantity - taken.get(line.number, 0)
        if left > 0:
            lines.append(msgspec.structs.replace(line, quantity=left, total=line.total * left // line.quantity))
            codes.append(code)
    kept = sum(line.total for line in lines)
    extra = (facts.value - goods) * kept // goods if goods else 0
    return msgspec.structs.replace(facts, lines=tuple(lines), codes=tuple(codes), value=kept + extra)

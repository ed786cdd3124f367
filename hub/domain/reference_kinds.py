"""What the values of reference data must be, kind by kind: one entry of ``CHECKS`` each.

A fault is a published code ``reference.<name>`` (``hub/domain/fault_codes/reference.toml``). Values come from TOML or
CSV: what is text in one may be a number or a list in the other. A kind without an entry may say anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any

from hub.domain.access import UNITS
from hub.domain.faults import fault
from hub.domain.money import MOST, SCALE, amount
from hub.domain.screening import CONTROLLED, LISTS, NAMES, Entry, entry_of, goods_text
from hub.domain.words import are_words, words_of
from schemas.codes import code_list

#: Field, value and kind → the faults, a sentence with its code each.
Check = Callable[[str, Any, str], Iterator[str]]

#: No share of a kind reaches this. The general tariff goes to 270 %.
_SHARE, _TARIFF = SCALE, 3 * SCALE


def said(code: str, **values: Any) -> str:  # Any: str, beside the typed arguments of fault
    """The sentence of ``reference.<code>`` with the code behind it."""
    return f"{fault(f'reference.{code}', **values).message} (reference.{code})"


def number_of(value: object) -> int | None:
    """The amount of decimal text or a whole number from 0 to ``MOST``; None for what is none."""
    if not isinstance(value, str | int) or isinstance(value, bool) or not _DECIMAL.fullmatch(str(value)):
        return None
    try:
        made = amount(str(value))
    except ValueError:
        return None
    return made if made <= MOST else None


_DECIMAL = re.compile(r"[0-9]{1,12}(\.[0-9]+)?")


def yes(value: object) -> bool:
    """Whether something is true, as TOML or a cell of a CSV file says it."""
    return value is True or value == "true"


def no(value: object) -> bool:
    """Whether something is said not to be so."""
    return value is False or value == "false"


def _share(most: int) -> Check:
    def check(field: str, value: Any, kind: str) -> Iterator[str]:  # noqa: ARG001 - of every check
        made = number_of(value)
        if made is None or made >= most:
            yield said("share", field=field, most=str(most // SCALE), value=f"{value!r}")

    return check


def _number(field: str, value: Any, kind: str) -> Iterator[str]:  # noqa: ARG001 - of every check
    if number_of(value) is None:
        yield said("number", field=field, value=f"{value!r}")


def _above_zero(field: str, value: Any, kind: str) -> Iterator[str]:
    yield from _number(field, value, kind)
    if number_of(value) == 0:
        yield said("above_zero", field=field)


def _coded(name: str, *, many: bool = False) -> Check:
    def check(field: str, value: Any, kind: str) -> Iterator[str]:
        if many:
            yield from _words(field, value, kind)
        for word in (words_of(value) or ("",)) if many else (value if isinstance(value, str) else "",):
            if word not in code_list(name).codes:
                yield said("code", field=field, value=word or f"{value!r}", list=name)

    return check


def _like(form: str, good: Callable[[Any], bool]) -> Check:
    def check(field: str, value: Any, kind: str) -> Iterator[str]:  # noqa: ARG001 - of every check
        if not good(value):
            yield said("form", field=field, form=form, value=f"{value!r}")

    return check


_words = _like("a list of texts", are_words)
_text = _like("text", lambda value: isinstance(value, str))
_yes_no = _like("true or false", lambda value: isinstance(value, bool))
_mark = _like("true or false", lambda value: isinstance(value, bool) or value in ("true", "false"))
_unit, _modes, _country = _coded("unit"), _coded("tradeMode", many=True), _coded("country")

#: A control code is part of a permit's id.
_control = _like("text without ~ and slash", lambda value: isinstance(value, str) and not {*value} & {*"~/"})


#: The fields of an entry, each with its check.
_ENTRY: dict[str, Check] = {
    "name": _text, "terms": _words, "codes": _words, "countries": _words, "control": _control, "licence": _yes_no, "merchants": _words,
    "instrument": _text, "unit": _like("a part of customs", lambda value: value in UNITS),
}  # fmt: skip
#: List → what its entries say besides: without it one would be met by everything, or by what no permit can be asked for.
_ENTRY_NEEDS = {NAMES: ("terms", "codes"), CONTROLLED: ("control",)}


def _needed(id: str, value: Mapping[str, Any]) -> Iterator[str]:
    """What the entries of the list ``id`` lack."""
    tables = value.get("entries")
    for number, table in enumerate(tables if isinstance(tables, list) else (), 1):
        entry = entry_of(table) if isinstance(table, dict) else Entry("")
        for field in _ENTRY_NEEDS.get(id, ()):
            if not getattr(entry, field):
                yield said("missing_field", kind=f"entry {number} ({entry.name})", field=field)


def _entries(field: str, value: Any, kind: str) -> Iterator[str]:
    """The entries of a list (``hub.domain.screening``)."""
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        yield said("form", field=field, form="tables", value=type(value).__name__)
        return
    for number, table in enumerate(value, 1):
        entry = entry_of(table)
        unknown = sorted(table.keys() - set(Entry.__struct_fields__))
        if unknown:
            yield said("unknown_field", kind="entry", field=f"{', '.join(unknown)} ({number})", fields=", ".join(Entry.__struct_fields__))
        for name, check in _ENTRY.items():
            if name in table:
                yield from check(f"{name} ({number})", table[name], kind)
        if not entry.name:
            yield said("missing_field", kind=f"entry {number}", field="name")
        if not all(entry.terms):
            empty = [term for term in words_of(table.get("terms")) if not goods_text(term)]
            yield said("form", field=f"terms ({number})", form="words with a letter or digit", value=", ".join(empty))
        if not (entry.terms or entry.codes or entry.countries):
            yield said("missing_field", kind=f"entry {number} ({entry.name})", field="terms, codes or countries")
        for code in entry.codes:
            if not (code.isascii() and code.isdigit() and len(code) <= 10):
                yield said("tariff_line", value=code, digits="2 to 10")
        for country in entry.countries:
            yield from _country(f"countries ({entry.name})", country, kind)


class Kind:
    """The fields of a kind with their checks, which of them must be there, and how long a tariff line its id is."""

    def __init__(
        self,
        fields: Mapping[str, Check],
        *,
        needs: tuple[str, ...] = (),
        digits: tuple[int, ...] = (),
        with_unit: tuple[str, ...] = (),
        id_of: str = "",
        form: str = "",
        whole: Callable[[str, Mapping[str, Any]], Iterator[str]] | None = None,
    ) -> None:
        """``with_unit``: fields that count by quantity and mean nothing without ``unit``; ``id_of``: the list of the id; ``form``:
        what the id looks like; ``whole``: what is wrong with the value under that id.
        """
        self.form, self.whole = form, whole
        self.fields, self.needs, self.digits, self.with_unit, self.id_of = fields, needs, digits, with_unit, id_of

    def problems(self, kind: str, id: str, value: Mapping[str, Any]) -> Iterator[str]:
        """What is wrong with a record of the kind."""
        if self.digits and not (id.isascii() and id.isdigit() and len(id) in self.digits):
            yield said("tariff_line", value=id, digits=" or ".join(map(str, self.digits)))
        if self.id_of and id not in code_list(self.id_of).codes:
            yield said("code", field="id", value=id, list=self.id_of)
        if self.form and not re.fullmatch(self.form, id):
            yield said("form", field="id", form=self.form, value=id)
        for field in self.needs:
            if field not in value:
                yield said("missing_field", kind=kind, field=field)
        for field, content in value.items():
            check = self.fields.get(field)
            if check is None:
                yield said("unknown_field", kind=kind, field=field, fields=", ".join(self.fields))
            else:
                yield from check(field, content, kind)
        for field in self.with_unit:
            if number_of(value.get(field)) and "unit" not in value:
                yield said("unit_missing", field=field)
        if self.whole is not None:
            yield from self.whole(id, value)


CHECKS: dict[str, Kind] = {
    "rate": Kind(
        {
            "vat": _share(_SHARE), "ct": _share(_SHARE), "duty": _share(_TARIFF), "ct_specific": _number,
            "duty_specific": _number, "unit": _unit, "note": _text,
        },
        needs=("vat",),
        digits=(8, 10),
        with_unit=("ct_specific", "duty_specific"),
    ),
    "positive": Kind(
        {
            "listed": _mark, "remark": _text, "product": _text, "modes": _modes, "yearly": _number, "unit": _unit, "note": _text,
        },
        digits=(8,),
        with_unit=("yearly",),
    ),
    "export": Kind({"licence": _mark, "duty": _mark, "inspection": _mark, "note": _text}, digits=(8,)),
    "exchange": Kind({"cny": _above_zero, "note": _text}, needs=("cny",), id_of="currency"),
    "identity": Kind({"verified": _yes_no}, needs=("verified",)),
    "price": Kind(
        {"median": _above_zero, "unit": _unit, "currency": _coded("currency"), "note": _text},
        needs=("median", "unit"),
        form="(import|export):[0-9]{10}",
    ),
    "goods": Kind({"units": _coded("unit", many=True), "note": _text}, needs=("units",), digits=(10,)),
    "country": Kind(
        {"state": _like("closed or watched", lambda value: value in ("closed", "watched")), "instrument": _text, "note": _text},
        needs=("state",),
        id_of="country",
    ),
    "permit": Kind(
        {"number": _text, "quantity": _number, "unit": _unit, "instrument": _text, "note": _text, "notice": _text},
        needs=("quantity", "unit"),
        form="[^~]+~[^~]+",
    ),
    "list": Kind({"entries": _entries, "source": _text, "notice": _text}, needs=("entries",), form="|".join(LISTS), whole=_needed),
}  # fmt: skip


def problems(kind: str, id: str, value: Mapping[str, Any]) -> list[str]:
    """What is wrong with a value by its kind, a sentence each with its code."""
    known = CHECKS.get(kind)
    return [] if known is None else list(known.problems(kind, id, value))


def day_problems(*days: str) -> list[str]:
    """Days written as days that no calendar has (31 June)."""
    found = []
    for text in days:
        try:
            if text:
                date.fromisoformat(text)
        except ValueError:
            found.append(said("day", value=text))
    return found

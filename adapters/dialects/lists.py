"""Values outside their code lists: every field of any message for which the catalogue names one (pure).

A closed list gives ``meaning.code``; an open one, of which only part may be known, ``meaning.unlisted`` with the codes
that come near, or ``meaning.iso_code`` where ISO's code of the same thing was written. Empty and absent fields are not
looked at. The check itself is a look into a set; sentences are made only of what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

from schemas.codes import code_list, codes_of, pattern_of
from schemas.codes.nearest import Near, nearest
from schemas.model import Field, message_types

#: Field, code of the fault, values of its sentence.
Wrong = tuple[str, str, dict[str, Any]]
#: What is shown of a wrong value.
_SHOWN = 20
#: An open list of so few codes is told whole where nothing is near.
_SHORT = 20


class Found(NamedTuple):
    """A fault before it is said: code, path below the document (``OrderHead/currency``), values of its sentence."""

    code: str
    path: str
    values: dict[str, Any]


class Coded:
    """Those fields of a part that have a list, ready to be checked: make it once, a part and edition.

    Lines of a message mostly say the same: the values of a part are judged together and the judgement is remembered.
    """

    def __init__(self, fields: Iterable[Field]) -> None:
        self._fields = tuple((field.name, field.codes, codes_of(field.codes)) for field in fields if field.codes)
        names = [name for name, _, _ in self._fields]
        # Of one name attrgetter gives no tuple: ask for it twice, zip below stops at the fields.
        self._values: Callable[[Any], Any] = attrgetter(*names, names[0]) if names else lambda _: ()
        self._judged = lru_cache(maxsize=1024)(self._judge)

    def wrong(self, struct: Any) -> tuple[Wrong, ...]:
        """Field, code and values of each that is outside its list (Any: the part's struct); empty mostly."""
        return self._judged(self._values(struct))

    def _judge(self, values: tuple[str | None, ...]) -> tuple[Wrong, ...]:
        return tuple(
            (name, *said)
            for (name, codes_name, codes), value in zip(self._fields, values, strict=False)
            if value and value not in codes and (said := _fault(codes_name, value))
        )


def check(fields: Coded, struct: Any, where: str) -> list[Found]:
    """What is wrong in one part (Any: its struct); ``where`` is the part's path below the document, empty for its own."""
    prefix = f"{where}/" if where else ""
    return [Found(code, prefix + name, {"name": name, **values}) for name, code, values in fields.wrong(struct)]


def check_document(message: str, edition: str, document: Any) -> list[Found]:
    """What is wrong in a document of a message of the catalogue (``CEB621``), head and lines (Any: its struct)."""
    where, head, element, lines = _plan(message, edition)
    found = check(head, document.head, where) if head.wrong(document.head) else []
    if lines is not None:
        for place, line in enumerate(document.list, 1):
            if lines.wrong(line):
                found += check(lines, line, f"{element}[{place}]")
    return found


@cache
def _plan(message: str, edition: str) -> tuple[str, Coded, str, Coded | None]:
    mt = message_types()[message]
    head = Coded(mt.head.in_edition(edition))
    where = "" if mt.flat else mt.head.element
    return (
        (where, head, "", None)
        if mt.list is None
        else (where, head, mt.list.element, Coded(mt.list.in_edition(edition)))
    )


def _fault(name: str, value: str) -> tuple[str, dict[str, Any]] | None:
    pattern = pattern_of(name)
    if pattern is not None and pattern.fullmatch(value):
        return None
    known = code_list(name)
    if known.closed:
        return "meaning.code", {"allowed": ", ".join(known.codes)}
    near = nearest(name, value)
    if not near and len(known.codes) <= _SHORT:
        near = tuple(Near(code, entry.en, entry.zh, "name") for code, entry in known.codes.items())
    values = {"value": value[:_SHOWN], "list": name, "nearest": _said(near)}
    return ("meaning.iso_code" if near and near[0].by == "iso" else "meaning.unlisted"), values


def _said(near: tuple[Near, ...]) -> str:
    """``142 (人民币 Yuan Renminbi)``: both names, for both sentences take the same values."""
    return ", ".join(f"{one.code} ({one.zh if one.zh == one.en else f'{one.zh} {one.en}'})" for one in near) or "-"

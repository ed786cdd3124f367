"""Values outside their code lists: every field of any message for which the catalogue names one (pure).

A closed list gives ``meaning.code``; an open one, of which only part may be known, ``meaning.unlisted`` with the codes
that come near, or ``meaning.iso_code`` where ISO's code of the same thing was written. Empty and absent fields are not
looked at. The check itself is a look into a set; sentences are made only of what is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple

from schemas.codes import code_list, codes_of, pattern_of
from schemas.codes.nearest import Near, nearest
from schemas.model import Field, message_types

#: What is shown of a wrong value.
_SHOWN = 20


class Found(NamedTuple):
    """A fault before it is said: code, path below the document (``OrderHead/currency``), values of its sentence."""

    code: str
    path: str
    values: dict[str, Any]


class Coded(NamedTuple):
    """A field with a list: its name, the list's, and the list's codes."""

    field: str
    list: str
    codes: frozenset[str]


def coded(fields: Iterable[Field]) -> tuple[Coded, ...]:
    """Those of the fields that have a list, ready to be checked: make it once, a part and edition."""
    return tuple(Coded(field.name, field.codes, codes_of(field.codes)) for field in fields if field.codes)


def check(fields: tuple[Coded, ...], struct: Any, where: str) -> list[Found]:
    """What is wrong in one part (Any: its struct); ``where`` is the part's path below the document, empty for its own."""
    found: list[Found] = []
    for name, codes_name, codes in fields:
        value = getattr(struct, name)
        if value and value not in codes and (wrong := _fault(codes_name, value)):
            code, values = wrong
            found.append(Found(code, f"{where}/{name}" if where else name, {"name": name, **values}))
    return found


def check_document(message: str, edition: str, document: Any) -> list[Found]:
    """What is wrong in a document of a message of the catalogue (``CEB621``), head and lines (Any: its struct)."""
    where, head, element, lines = _plan(message, edition)
    found = check(head, document.head, where)
    if lines:
        for place, line in enumerate(document.list, 1):
            for name, codes_name, codes in lines:
                value = getattr(line, name)
                if value and value not in codes and (wrong := _fault(codes_name, value)):
                    found.append(Found(wrong[0], f"{element}[{place}]/{name}", {"name": name, **wrong[1]}))
    return found


@cache
def _plan(message: str, edition: str) -> tuple[str, tuple[Coded, ...], str, tuple[Coded, ...]]:
    mt = message_types()[message]
    head = coded(mt.head.in_edition(edition))
    where = "" if mt.flat else mt.head.element
    return (where, head, "", ()) if mt.list is None else (where, head, mt.list.element, coded(mt.list.in_edition(edition)))


def _fault(name: str, value: str) -> tuple[str, dict[str, Any]] | None:
    pattern = pattern_of(name)
    if pattern is not None and pattern.fullmatch(value):
        return None
    known = code_list(name)
    if known.closed:
        return "meaning.code", {"allowed": ", ".join(known.codes)}
    near = nearest(name, value)
    values = {"value": value[:_SHOWN], "list": name, "nearest": _said(near)}
    return ("meaning.iso_code" if near and near[0].by == "iso" else "meaning.unlisted"), values


def _said(near: tuple[Near, ...]) -> str:
    """``142 (人民币 Yuan Renminbi)``: both names, for both sentences take the same values."""
    return ", ".join(f"{one.code} ({one.zh if one.zh == one.en else f'{one.zh} {one.en}'})" for one in near) or "-"

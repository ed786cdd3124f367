"""A document of any message an enterprise sends, as enterprises send it: all of one number belong to one sale."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from schemas.samples.afterwards import (
    arrival,
    cancellation,
    consolidation,
    departure,
    returned,
    summary,
    tally,
    warehouse_entry,
    waybill_status,
)
from schemas.samples.exports import ExportSet, export_set
from schemas.samples.imports import DeclarationSet, declaration_set

#: Parcels of a bill, and declarations of a summary, where nothing is said.
PARCELS = 200


def document(type_: str, number: int, at: int, parcels: int = PARCELS) -> Any:  # Any: a document of the type
    """The document of an upload message (``CEB603``) that belongs to sale ``number``; KeyError for other messages.

    ``at``: the moment in ms. ``parcels``: how many a document about a bill lists.
    """
    return _MADE[type_](number, at, parcels)


@lru_cache(maxsize=2048)
def _imported(number: int, at: int) -> DeclarationSet:
    return declaration_set(number, at=at)


@lru_cache(maxsize=2048)
def _exported(number: int, at: int) -> ExportSet:
    return export_set(number, at=at, collected=True)


def _returned(number: int, at: int) -> Any:  # Any: an export return, to the type checker either side's
    return returned(_exported(number, at).declaration, _number(number, "E"), at=at)


def _sold(number: int, at: int, parcels: int) -> list[Any]:  # Any: declarations
    return [_exported(n, at).declaration for n in _bill(number, parcels)]


def _bill(number: int, parcels: int) -> range:
    """The sales of a bill."""
    return range(parcels * number, parcels * number + parcels)


def _number(number: int, flag: str) -> str:
    return f"29212026{flag}{number:09d}"


_MADE: dict[str, Callable[[int, int, int], Any]] = {  # Any: documents of many kinds
    "CEB311": lambda n, at, _: _imported(n, at).order,
    "CEB411": lambda n, at, _: _imported(n, at).payment,
    "CEB511": lambda n, at, _: _imported(n, at).waybill,
    "CEB621": lambda n, at, _: _imported(n, at).declaration,
    "CEB513": lambda n, at, _: waybill_status(_imported(n, at).waybill, at=at),
    "CEB623": lambda n, at, _: cancellation(_imported(n, at).declaration, _number(n, "I"), at=at),
    "CEB625": lambda n, at, _: returned(_imported(n, at).declaration, _number(n, "I"), at=at),
    "CEB711": lambda n, at, p: warehouse_entry([_imported(m, at).declaration for m in _bill(n, p)], at=at),
    "CEB303": lambda n, at, _: _exported(n, at).order,
    "CEB403": lambda n, at, _: _exported(n, at).collection,
    "CEB505": lambda n, at, _: _exported(n, at).waybill,
    "CEB603": lambda n, at, _: _exported(n, at).declaration,
    "CEB605": lambda n, at, _: cancellation(_exported(n, at).declaration, _number(n, "E"), at=at),
    "CEB213": lambda n, at, _: _returned(n, at),
    "CEB215": lambda n, at, _: tally(_returned(n, at), at=at),
    "CEB507": lambda n, at, p: arrival(_sold(n, at, p), at=at)[0],
    "CEB509": lambda n, at, p: departure(_sold(n, at, p), at=at)[0],
    "CEB607": lambda n, at, p: consolidation(_sold(n, at, p), at=at)[0],
    "CEB701": lambda n, at, p: summary([_number(m, "E") for m in range(n, n + p)], number=n, at=at)[0],
}  # fmt: skip
#: The messages :func:`document` knows.
BUILT = frozenset(_MADE)

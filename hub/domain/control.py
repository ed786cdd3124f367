"""What a control class means for a declaration: how often it is selected, how far it goes by itself, what is checked before.

Every number is the hub's own proposal (no authority has published any for these classes; the dishonest firms' 80 % is
customs' order 237). They are dated reference data: a record of the kind ``parameter`` with the id ``class~<n>`` says
what differs from ``DEFAULTS``; ``selection`` says the zone's ``base`` rate and its ``floor``, ``linked`` says what a confirmed link does, ``grade`` what the dimensions weigh.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from hub.domain.credit import CLASSES, GOOD, NORMAL, RESTRICTED, TRUSTED, WATCH
from hub.domain.orders import share
from hub.domain.words import words_of


class Finds(Protocol):
    """Reference data, asked for one record."""

    def find(self, kind: str, id: str, day: int, offset: int) -> Mapping[str, Any] | None:
        """The value in force on ``day`` among what is known at ``offset``."""


class ClassParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """``sampling``: the share of declarations selected for examination, in percent of the zone's base rate; ``least``: in
    percent of all declarations, where that is more. ``release_below``: the score below which release may be
    recommended without a review (0: never). ``prechecks``: what is done about each declaration, a word each.
    """

    sampling: int = 100
    least: int = 0
    release_below: int = 30
    prechecks: tuple[str, ...] = ()


#: Our own numbers (P), class by class.
DEFAULTS: dict[int, ClassParameters] = {
    TRUSTED: ClassParameters(20, 0, 60, ("post_audit",)),
    GOOD: ClassParameters(50, 0, 30, ("standard",)),
    NORMAL: ClassParameters(100, 0, 30, ("standard",)),
    WATCH: ClassParameters(300, 0, 15, ("document_hold",)),
    RESTRICTED: ClassParameters(100, 80, 0, ("full_guarantee", "manual")),
}
#: Class of a linked firm or person → the class it lowers the enterprise to at least; our own (P).
LINKED = {RESTRICTED: WATCH}
#: Dimension of the zone's credit grade → its weight in percent; our own (P).
WEIGHTS: dict[str, int] = {"qualification": 15, "behaviour": 25, "history": 25, "performance": 25, "relations": 10}
#: The words of ``prechecks``.
PRECHECKS = ("post_audit", "standard", "document_hold", "full_guarantee", "manual")
#: Percent of the zone's declarations that are selected for examination whatever their standing and level; our own (P).
#: ``floor`` is drawn even where everything is green: by it the rules are measured.
BASE, FLOOR = 2.0, 0.1
_MOST = {"sampling": 10_000, "least": 100, "release_below": 101}


def parameters_of(references: Finds, control_class: int, day: int, offset: int) -> ClassParameters:
    """What a class means on ``day`` (yyyymmdd); where no record says otherwise, ``DEFAULTS``."""
    return class_parameters(control_class, references.find("parameter", f"class~{control_class}", day, offset))


def class_parameters(control_class: int, value: Mapping[str, Any] | None) -> ClassParameters:
    """What a class means by its record; without one, ``DEFAULTS``."""
    default = DEFAULTS[control_class]
    return default if value is None else _over(default, value)


def selection_of(value: Mapping[str, Any] | None) -> tuple[int, int]:
    """The zone's base rate and its floor (1/100,000) by the record ``selection``: base and floor in percent."""
    if value is None:
        return _SELECTION
    said = value
    return share(said.get("base", BASE)), share(said.get("floor", FLOOR))


_SELECTION = share(BASE), share(FLOOR)


def linked_of(references: Finds, day: int, offset: int) -> Mapping[int, int]:
    """Which class a link to a firm or person of a class lowers to at least; classes left out do nothing."""
    value = references.find("parameter", "linked", day, offset)
    return LINKED if value is None else {int(of): int(to) for of, to in value.items() if int(to)}


def weights_of(references: Finds, day: int, offset: int) -> Mapping[str, int]:
    """The weights of the grade's dimensions in force on ``day`` (yyyymmdd)."""
    value = references.find("parameter", "grade", day, offset)
    return WEIGHTS if value is None else {name: int(value[name]) for name in WEIGHTS}


def _over(default: ClassParameters, value: Mapping[str, Any]) -> ClassParameters:
    fields = {**msgspec.structs.asdict(default), **value}
    words = fields["prechecks"]
    if isinstance(words, str):  # a cell of a CSV file
        fields["prechecks"] = words_of(words)
    return msgspec.convert(fields, ClassParameters, strict=False)


def problems(id: str, value: Mapping[str, Any]) -> list[str]:
    """What is wrong with a ``parameter`` record of this module's; nothing is said of others."""
    if id == "linked":
        classes = {str(number) for number in CLASSES}
        good = all(str(of) in classes and str(to) in {*classes, "0"} for of, to in value.items())
        return [] if good else ["linked says class = class, 1 to 5, or 0 for nothing"]
    if id == "grade":
        return _weight_problems(value)
    if id == "selection":
        return _selection_problems(value)
    if not id.startswith("class~"):
        return []
    if id not in {f"class~{number}" for number in CLASSES}:
        return ["the control classes are 1 to 5"]
    try:
        made = _over(DEFAULTS[int(id[-1])], value)
    except (msgspec.ValidationError, AttributeError) as error:
        return [f"{error}"]
    found = [
        f"{name} is a whole number from 0 to {most}" for name, most in _MOST.items() if not 0 <= getattr(made, name) <= most
    ]
    unknown = [word for word in made.prechecks if word not in PRECHECKS]
    return found + [f"{word} is no precheck; one of {', '.join(PRECHECKS)}" for word in unknown]


def _selection_problems(value: Mapping[str, Any]) -> list[str]:
    found = [f"{name} is nothing the selection says: base and floor, in percent" for name in value if name not in ("base", "floor")]
    try:
        selection_of(value)
    except (ValueError, TypeError):
        found.append("base and floor are 0 to 100 percent")
    return found


def _weight_problems(value: Mapping[str, Any]) -> list[str]:
    try:
        weights = [int(value[name]) for name in WEIGHTS]
    except (KeyError, ValueError, TypeError):
        return [f"the weights are whole numbers for {', '.join(WEIGHTS)}"]
    if len(value) != len(WEIGHTS) or min(weights) < 0 or sum(weights) != 100:
        return ["the weights of the five dimensions are together 100"]
    return []

"""What a rule sees and says.

A rule is a module ``hub/rules/<family>/<code>_<what it catches>.py`` with ``CODE``, ``SOURCE``, ``VALID_FROM`` (and
``VALID_TO``), ``AGENCIES``, ``RISK``, ``SIDES`` where it is about one side only, a docstring in the law's words, dated parameters, and ``check(case)``,
which yields findings. README.md beside this file shows one whole.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from hub.domain.events import Finding
from hub.domain.faults import fault
from hub.domain.history import Purchase
from hub.domain.kinds import EXPORT, IMPORT
from hub.domain.orders import REFUSE, Order, Orders
from hub.domain.reference import KINDS
from hub.domain.screening import EMPTY, Hit, Screens, screen_of
from hub.domain.standing import Kept, Standing, Standings
from hub.domain.views import DeclarationView, OrderView, PaymentView, WaybillView

#: What a finding asks for whatever the score says.
REVIEW, REJECT = "review", "reject"
#: The three families of risk (Hangzhou regulation, Art. 7(6)).
RISKS = ECONOMIC, TECHNICAL, TRADING = "economic", "technical", "trading"

_json = msgspec.json.Encoder(order="sorted").encode


class References(Protocol):
    """Effective-dated reference data, all versions (``hub.domain.reference``)."""

    def find(self, kind: str, id: str, day: int, offset: int) -> Mapping[str, Any] | None:
        """The version of ``kind``/``id`` in force on ``day`` (yyyymmdd) among those at or below ``offset``."""


class _Nothing:
    """Reference data that hold nothing."""

    def find(self, kind: str, id: str, day: int, offset: int) -> None:  # noqa: ARG002 - the protocol's signature
        return None


T = TypeVar("T")


#: The unit of parameters that are amounts.
YUAN = "yuan"


class Dated(Generic[T]):
    """A parameter with the days (``yyyy-mm-dd``) from which each value is in force.

    ``own``: no official value is known, the number is the hub's proposal; pages say so. ``unit``: what a number counts; ``yuan``
    are amounts (``hub.domain.money``), everything else is as it is written.
    """

    __slots__ = ("_days", "_last", "_values", "own", "unit")

    def __init__(self, values: Mapping[str, T], *, own: bool = False, unit: str = "") -> None:
        self.own, self.unit = own, unit
        self._days = sorted(day_of(text) for text in values)
        by_day = {day_of(text): value for text, value in values.items()}
        self._values = [by_day[day] for day in self._days]
        #: the day asked last and its value: declarations of one day come together, and rules ask twenty times each
        self._last: tuple[int, T] | None = None

    def on(self, day: int) -> T:
        """The value in force on ``day`` (yyyymmdd); before the first day LookupError: the rule was not in force."""
        last = self._last
        if last is not None and last[0] == day:
            return last[1]
        at = bisect_right(self._days, day)
        if not at:
            raise LookupError(f"no value on {day}")
        value = self._values[at - 1]
        self._last = (day, value)
        return value

    def history(self) -> list[tuple[int, T]]:
        """Every (day, value), oldest first."""
        return list(zip(self._days, self._values, strict=True))


def day_of(text: str) -> int:
    """``"2019-01-01"`` → 20190101."""
    return int(text.replace("-", ""))


class Rule(msgspec.Struct, frozen=True):
    """A rule as discovery found it. ``valid_to`` is the first day on which it is no longer in force, 0 for none.

    ``sides``: whether it is about import declarations, export declarations or both. ``shadow_until``: the first day on
    which it acts, 0 for from the first; before it the rule counts but does nothing.
    """

    code: str
    family: str
    title: str
    doc: str
    source: str
    risk: str
    agencies: tuple[str, ...]
    valid_from: int
    valid_to: int
    module: ModuleType
    sides: tuple[str, ...] = (IMPORT, EXPORT)
    shadow_until: int = 0

    def in_force(self, day: int) -> bool:
        """Whether the rule is in force on ``day``."""
        return self.valid_from <= day and (not self.valid_to or day < self.valid_to)

    def parameters(self) -> dict[str, Dated[Any]]:  # Any: of whatever type each is
        """Its dated parameters, by name."""
        return {name: value for name, value in sorted(vars(self.module).items()) if isinstance(value, Dated)}

    def own_numbers(self) -> tuple[str, ...]:
        """The parameters for which no official value is known, scores aside: those are always the hub's own."""
        return tuple(name for name, value in self.parameters().items() if value.own and not name.endswith("SCORE"))


class Case:
    """A declaration with all that is known about it on the day it was received.

    What a rule asks for beyond the documents it asks through methods, each of which goes through ``known``: it notes
    what was read, and an assessment can be recomputed from the documents and these notes alone
    (``hub.rules.recompute``). Amounts are integers (``hub.domain.money``).
    """

    __slots__ = (
        "_allowance_used",
        "_behind",
        "_draw",
        "_history",
        "_known",
        "_noted",
        "_offset",
        "_orders",
        "_quantities",
        "_references",
        "_screens",
        "_settings",
        "_standing",
        "at",
        "buyer",
        "day",
        "declaration",
        "differences",
        "key",
        "now",
        "order",
        "payment",
        "states",
        "tax",
        "value",
        "waybill",
        "year",
    )

    def __init__(
        self,
        *,
        declaration: DeclarationView,
        day: int,
        value: int,
        order: OrderView | None = None,
        payment: PaymentView | None = None,
        waybill: WaybillView | None = None,
        states: Mapping[str, str] | None = None,
        differences: tuple[str, ...] = (),
        buyer: str = "",
        allowance_used: int | None = 0,
        references: References | None = None,
        offset: int = 0,
        settings: Mapping[str, bool] | None = None,
        standings: Standings | None = None,
        orders: Orders | None = None,
        draw: Callable[[str], int] | None = None,
        at: int = 0,
        history: tuple[Purchase, ...] = (),
        quantities: Mapping[str, int] | None = None,
        screens: Screens | None = None,
        now: int = 0,
        key: str = "",
    ) -> None:
        """``key``: of the declaration; ``at``: received (ms); ``now``: its documents put together (ms); ``history``: what the buyer bought lately; ``buyer`` is the buyer's keyed digest; ``differences`` are the match's fault codes; ``allowance_used`` is None where no buyer is named."""
        self.declaration, self.order, self.payment, self.waybill = declaration, order, payment, waybill
        self.day, self.year, self.value, self.at = day, day // 10_000, value, at
        self.now, self.key = now or at, key
        self.states = states or {}
        self.buyer = buyer
        self.differences = differences
        self._allowance_used = allowance_used
        self._history = history or None
        self._quantities = quantities or {}
        self._screens = screens
        self._references, self._offset = references, offset
        self._settings = settings or {}
        self._orders, self._draw = orders, draw
        self._standing = standings.at(day, offset) if standings is not None else Kept(references or _Nothing(), day, offset)
        self._behind: tuple[tuple[str, str, Standing], ...] | None = None
        self._noted: dict[str, str] = {}
        self._known: dict[str, Any] = {}  # Any: by name, the type that its reader gives
        #: what the tax rule computed, for the record: ``duty``, ``consumption``, ``vat``, ``total``
        self.tax: dict[str, str] = {}

    def known(self, name: str, type_: Any, find: Callable[..., Any], *about: Any) -> Any:  # noqa: ARG002 - for recomputing
        """What ``find(*about)`` says, noted as ``name``; None for nothing. Each reader of a case is one call of this.

        ``name`` says all that was asked (``kind:id``), ``type_`` is what JSON of the value decodes to. A name is asked
        once a case. Where an assessment is recomputed its own note answers instead of ``find``. Any: of ``type_`` or None.
        """
        known = self._known
        if name in known:
            return known[name]
        found = known[name] = find(*about)
        return found

    @property
    def read(self) -> dict[str, str]:
        """Everything that was read so far, by name: JSON, empty where nothing was found."""
        read = {name: "" if value is None else _json(value).decode() for name, value in self._known.items()}
        return {**read, **self._noted} if self._noted else read

    def reference(self, kind: str, id: str) -> Mapping[str, Any] | None:
        """The reference record in force on the day of the case; what was found, or that nothing was, is noted."""
        found: Mapping[str, Any] | None = self.known(f"{kind}:{id}", dict[str, Any], self._find, kind, id)
        return found

    def seldom(self, kind: str, id: str) -> Mapping[str, Any] | None:
        """A record that is hardly ever there: that none was found is noted once a kind (``flag:*``), not of every id."""
        self._noted[_EVERY[kind]] = ""
        found = None if self._references is None else self._references.find(kind, id, self.day, self._offset)
        if found is not None:
            self._known[f"{kind}:{id}"] = found
        return found

    def _find(self, kind: str, id: str) -> Mapping[str, Any] | None:
        """Reference data as known at the case's offset: the one source that can be asked again later."""
        return None if self._references is None else self._references.find(kind, id, self.day, self._offset)

    def standing(self, code: str) -> Standing:
        """The standing of an enterprise on the day of the case: its control class and why; unknown: class 3."""
        found, name, note = self._standing[code]
        self._noted[name] = note
        return found

    def behind(self) -> tuple[tuple[str, str, Standing], ...]:
        """The enterprises the declaration and its order name: (role, code, standing), each code once.

        Of several roles of a code the first of merchant, platform, declarant, carrier, guarantor, owner, payer.
        """
        found = self._behind
        if found is None:
            of, order, payment = self.declaration, self.order, self.payment
            payer = order.pay_code if order is not None else payment.pay_code if payment is not None else ""
            roles = {
                payer: "payer",
                of.owner: "owner",
                of.guarantor: "guarantor",
                of.carrier: "carrier",
                of.declarant: "declarant",
                of.platform: "platform",
                of.merchant: "merchant",
            }
            kept, read, behind = self._standing, self._noted, []
            for code, role in roles.items():
                if code:
                    standing, name, read[name] = kept[code]
                    behind.append((role, code, standing))
            found = self._behind = tuple(behind)
        return found

    def allowance_used(self) -> int | None:
        """What the buyer's other declarations of the year use of the allowance here; None where no buyer is named."""
        used: int | None = self.known(f"allowance:{self.year}", int, lambda: self._allowance_used)
        return used

    def quantity_used(self, hs8: str) -> int:
        """What the buyer's other declarations of the year take of a tariff line with a yearly quantity, an amount."""
        used: int | None = self.known(f"quantity:{self.year}:{hs8}", int, self._quantities.get, hs8)
        return used or 0

    def history(self) -> tuple[Purchase, ...]:
        """The buyer's other purchases of the last 30 days known here, the oldest first."""
        found: tuple[Purchase, ...] | None = self.known("history", tuple[Purchase, ...], lambda: self._history)
        return found or ()

    def flag(self, what: str, digest: str) -> Mapping[str, Any] | None:
        """What the stage ``watch`` says of a telephone, address, payer … (``hub.domain.watching``); None nearly always."""
        return self.seldom("flag", f"{what}:{digest}") if digest else None

    def screened(self, list_: str) -> list[Hit]:
        """The entries of one of the zone's lists that the declaration's lines meet (``hub.domain.screening``)."""
        found: tuple[Hit, ...] | None = self.known("screened", tuple[Hit, ...], self._goods)
        return [hit for hit in found if hit.list == list_] if found else []

    def _goods(self) -> tuple[Hit, ...] | None:
        """The lists as known at the case's offset."""
        if self._references is None:
            return None
        screen = (
            self._screens.at(self.day, self._offset)
            if self._screens is not None
            else screen_of(self._references, self.day, self._offset)
        )
        if screen is EMPTY:
            return None
        country = self.declaration.country
        hits = [
            Hit(number, name, entry)
            for number, line in enumerate(self.declaration.lines, 1)
            for name, entry in screen.met(line.text, line.gcode, line.country or country)
        ]
        return tuple(hits) or None

    def orders(self) -> tuple[Order, ...]:
        """The orders of authorities in force that may be about the declaration, going by what it says itself."""
        found: tuple[Order, ...] | None = self.known("orders", tuple[Order, ...], self._ordered)
        return found or ()

    def _ordered(self) -> tuple[Order, ...] | None:
        if self._orders is None:
            return None
        made = self._orders.at(self.day, self._offset)
        return tuple([order for order in made if order.what != REFUSE and order.concerns(self.declaration)]) or None if made else None

    def draw(self, about: str) -> int | None:
        """The lot of a declaration (its key), 0 to 99,999: the same whenever it is drawn; None where none are drawn."""
        if self._draw is None:
            return None
        lot: int = self.known("draw", int, self._draw, about)
        return lot

    def setting(self, name: str, *, default: bool) -> bool:
        """A switch of this installation, where the law leaves a question open."""
        value: bool = self.known(f"setting:{name}", bool, self._settings.get, name, default)
        return value

    def single_item(self) -> bool:
        """Whether the order has exactly one piece of goods (the declaration's lines stand for an order elsewhere)."""
        lines = self.order.lines if self.order is not None else self.declaration.lines
        return len(lines) == 1 and lines[0].qty == ONE

    def finding(
        self,
        name: str,
        *,
        score: int,
        path: str = "",
        action: str = "",
        blocking: bool = False,
        evidence: Mapping[str, str] | None = None,
    ) -> Finding:
        """A finding of the published code ``rule.<name>``; the evidence fills its sentences and may name no person."""
        values: dict[str, Any] = dict(evidence or {})  # Any: str, beside the typed arguments of fault
        said = fault(f"rule.{name}", path=path, **values)
        return Finding(
            code=said.code,
            path=path,
            message=said.message,
            message_zh=said.message_zh,
            evidence=dict(evidence or {}),
            score=score,
            blocking=blocking,
            action=action,
        )


#: Kind of reference data → the note that a record of it was looked for.
_EVERY = {kind: f"{kind}:*" for kind in KINDS}
#: One piece, as an amount.
ONE = 100_000

Findings = Iterator[Finding]

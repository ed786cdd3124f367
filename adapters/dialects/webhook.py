"""A shop platform's order webhook (pure): JSON of any shape, turned into a JSON twin by a map that is data.

A map is a TOML file (``adapters/dialects/webhooks/*.toml``, docs/how-to/add-a-dialect.md): target field ← where in the
body it stands, a constant, a code list, a date, a sum over the lines. There is no expression language: what needs one
is a dialect of its own. Everything behind the twin is the door's usual way: judged as the XML it stands for, rendered
and signed under the enterprise's mandate. Faults name the place in the webhook (a JSON pointer), or ``map:…`` where a
constant of the map is wrong.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, uuid5

import msgspec

from adapters.schema_faults import schema_fault
from adapters.strict_json import loads
from hub.domain import money
from hub.domain.access import Principal
from hub.domain.faults import Fault, Misconfigured, Refused, fault
from schemas import catalog, twin
from schemas.codes import code_list
from schemas.model import Field, MessageType, Part, components

_CHINA = timezone(timedelta(hours=8))
_NUMBER = re.compile(r"[+-]?[0-9]{1,19}(?:\.[0-9]+)?", re.ASCII)
_FORMS = {"time14": "%Y%m%d%H%M%S", "time17": "%Y%m%d%H%M%S000", "date8": "%Y%m%d"}
_DATES = ("iso", "seconds", "milliseconds")
_OWN = ("code", "dxp_id", "title")
_MOST_FAULTS = 25
#: A place in the twin (a JSON pointer) → the place in the webhook.
Where = Callable[[str], str]


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"source": "from"}):
    """Where one field comes from: exactly one of ``from``, ``value``, ``sum``, ``guid``, ``line``, ``principal``.

    ``from`` (``customer.name``, ``$.currency`` from a line to its order) may have a ``default`` and be converted: by the
    ``table``, by a list of ``codes`` (ISO to customs'), or as a ``date`` (``iso``, ``seconds``, ``milliseconds``).
    """

    source: str = ""
    default: str | None = None
    table: dict[str, str] = {}
    codes: str = ""
    date: str = ""
    value: str | None = None
    #: of all lines, what stands there
    sum: str = ""
    #: a number that is the same whenever these are the same
    guid: tuple[str, ...] = ()
    #: the number of the line, from 1
    line: bool = False
    #: of the principal that sends: ``code``, ``dxp_id`` or ``title``
    principal: str = ""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"lines": "list"}):
    """A map as it is written; an entry that is a text stands for ``{ from = … }``."""

    message: str
    head: dict[str, str | Rule]
    documents: str = ""
    lines: dict[str, str | Rule] = {}
    lines_from: str = ""
    transfer: dict[str, str | Rule] = {}


class Map(msgspec.Struct, frozen=True):
    """A map that was found sound. ``documents`` and ``lines`` are where orders and lines stand."""

    name: str
    mt: MessageType
    documents: str
    lines: str
    head: dict[str, Rule]
    list: dict[str, Rule]
    transfer: dict[str, Rule]


def read_map(name: str, text: str) -> Map:
    """The map of a TOML file; raises Misconfigured with every problem."""
    try:
        found = msgspec.convert(tomllib.loads(text), _File)
        mt = catalog.message(found.message)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise Misconfigured([f"map {name}: {error}"]) from None
    except KeyError:
        raise Misconfigured([f"map {name}: no message {found.message}"]) from None
    made = Map(name, mt, found.documents, found.lines_from, *map(_rules, (found.head, found.lines, found.transfer)))
    problems = [] if mt.direction == "up" else [f"{mt.type} is an answer"]
    frame = components(mt.side)
    parts = [(mt.head, made.head, "head"), (mt.list, made.list, "list"), (frame["BaseTransfer"], made.transfer, "transfer")]
    for part, rules, section in parts:
        problems += _problems(part, rules, section)
    if problems:
        raise Misconfigured([f"map {name}: {problem}" for problem in problems])
    return made


def _rules(entries: Mapping[str, str | Rule]) -> dict[str, Rule]:
    return {name: Rule(source=entry) if isinstance(entry, str) else entry for name, entry in entries.items()}


def _problems(part: Part | None, rules: Mapping[str, Rule], section: str) -> list[str]:
    fields = {f.name: f for f in part.fields} if part is not None else {}
    problems = [f"[{section}] {n} is no field of the message" for n in rules if n not in fields]
    problems += [f"[{section}] {n} is needed" for n, f in fields.items() if f.required and n not in rules]
    for name, rule in rules.items():
        chosen = (rule.source, rule.value is not None, rule.sum, rule.guid, rule.line, rule.principal)
        if sum(map(bool, chosen)) != 1:
            problems.append(f"[{section}] {name}: one of from, value, sum, guid, line, principal")
        if rule.date and (rule.date not in _DATES or name not in fields or fields[name].format not in _FORMS):
            problems.append(f"[{section}] {name}: no date, or none of {', '.join(_DATES)}")
        if rule.principal and rule.principal not in _OWN:
            problems.append(f"[{section}] {name}: principal is one of {', '.join(_OWN)}")
        if rule.line and section != "list":
            problems.append(f"[{section}] {name}: line is for [list]")
        if rule.sum and section != "head":
            problems.append(f"[{section}] {name}: sum is for [head]")
        if rule.codes and not _has_codes(rule.codes):
            problems.append(f"[{section}] {name}: no list of codes {rule.codes}")
    return problems


def _has_codes(name: str) -> bool:
    try:
        return bool(_by_iso(name))
    except FileNotFoundError:
        return False


@cache
def _by_iso(name: str) -> dict[str, str]:
    """ISO's code, of three letters or two → customs'."""
    found: dict[str, str] = {}
    for code, entry in code_list(name).codes.items():
        for iso in filter(None, (entry.iso, entry.iso2)):
            found.setdefault(iso, code)
    return found


# ---- reading a webhook


def read(data: bytes, by: Map, principal: Principal) -> tuple[MessageType, twin.Twin, Where]:
    """The twin of a webhook, and where in the webhook what of it stands; raises Refused (family ``json``)."""
    reader = _Reader(by, principal)
    value = reader.message(loads(data, texts=True))
    if reader.faults:
        raise Refused(reader.faults)
    found, wrong = twin.read(value, by.mt)
    if wrong:
        raise Refused([schema_fault(w) for w in wrong])
    return by.mt, found, reader.where


class _Place(NamedTuple):
    """What a rule looks at: an order or one of its lines, where it stands, and the order."""

    value: Any  # Any: JSON
    pointer: str
    order: Any
    order_pointer: str
    document: int


class _Reader:
    def __init__(self, by: Map, principal: Principal) -> None:
        self.faults: list[Fault] = []
        self._by = by
        self._own = {
            "code": next(iter(principal.codes), ""),
            "dxp_id": next(iter(principal.dxp_ids), ""),
            "title": principal.title or principal.name,
        }
        self._sources: dict[str, str] = {}

    def where(self, pointer: str) -> str:
        """The place in the webhook of a place in the twin, or of the nearest thing above it."""
        while pointer and pointer not in self._sources:
            pointer = pointer.rpartition("/")[0]
        return self._sources.get(pointer, "")

    def message(self, body: Any) -> dict[str, Any]:
        by = self._by
        orders, pointer = self._many(_Place(body, "", body, "", -1), by.documents) if by.documents else ([body], "")
        documents = []
        for index, order in enumerate(orders):
            place = f"{pointer}/{index}" if by.documents else ""
            documents.append(self._document(_Place(order, place, order, place, index), f"/documents/{index}"))
        nothing = _Place(None, "", None, "", -1)
        transfer = self._part(nothing, by.transfer, components(by.mt.side)["BaseTransfer"], "/transfer", 0, [])
        guid = str(uuid5(NAMESPACE_URL, " ".join([by.name, *(d["head"].get("guid", "") for d in documents)]))).upper()
        return {
            "message": by.mt.type,
            "guid": guid if len(documents) != 1 else documents[0]["head"].get("guid", guid),
            "documents": documents,
            "transfer": transfer,
        }

    def _document(self, place: _Place, target: str) -> dict[str, Any]:
        by = self._by
        self._sources[target] = self._sources[f"{target}/head"] = place.pointer
        lines: list[_Place] = []
        if by.lines:
            found, pointer = self._many(place, by.lines)
            self._sources[f"{target}/list"] = pointer
            lines = [place._replace(value=line, pointer=f"{pointer}/{n}") for n, line in enumerate(found)]
        made: dict[str, Any] = {"head": self._part(place, by.head, by.mt.head, f"{target}/head", 0, lines)}
        if by.mt.list is not None:
            made["list"] = []
            for n, line in enumerate(lines):
                self._sources[f"{target}/list/{n}"] = line.pointer
                made["list"].append(self._part(line, by.list, by.mt.list, f"{target}/list/{n}", n + 1, []))
        return made

    def _part(
        self, place: _Place, rules: Mapping[str, Rule], part: Part, target: str, number: int, lines: list[_Place]
    ) -> dict[str, str]:
        made = {}
        for field in part.fields:
            rule = rules.get(field.name)
            if rule is None:
                continue
            at = f"{target}/{field.name}"
            self._sources[at] = f"map:{self._by.name}{at}"
            text = self._value(rule, field, place, at, number, lines)
            if text is not None:
                made[field.name] = text
        return made

    def _value(
        self, rule: Rule, field: Field, place: _Place, target: str, number: int, lines: list[_Place]
    ) -> str | None:
        if rule.value is not None:
            return rule.value
        if rule.line:
            return str(number)
        if rule.principal:
            return self._own[rule.principal]
        if rule.guid:
            texts = [self._text(place, path, field, needed=True)[0] or "" for path in rule.guid]
            return str(uuid5(NAMESPACE_URL, " ".join([self._by.name, *texts]))).upper()
        if rule.sum:
            self._sources[target] = lines[0].pointer.rpartition("/")[0] if lines else place.pointer
            return self._sum(rule.sum, field, lines)
        text, pointer = self._text(place, rule.source, field, needed=field.required and rule.default is None)
        self._sources[target] = pointer
        if not text:
            return rule.default
        return self._converted(text, rule, field, pointer, place.document)

    def _sum(self, path: str, field: Field, lines: list[_Place]) -> str:
        total = 0
        for line in lines:
            text, pointer = self._text(line, path, field, needed=True)
            if text and _NUMBER.fullmatch(text):
                try:
                    total += money.amount(text)
                except ValueError:
                    self._note("json.source_value", pointer, field, line.document)
            elif text:
                self._note("json.source_value", pointer, field, line.document)
        return money.text(total)

    def _converted(self, text: str, rule: Rule, field: Field, pointer: str, document: int) -> str | None:
        if text in rule.table:
            return rule.table[text]
        found: str | None = text
        if rule.codes:
            found = _by_iso(rule.codes).get(text.upper())
        elif rule.table:
            found = None
        elif rule.date:
            found = _date(text, rule.date, _FORMS[field.format])
        if found is None:
            self._note("json.source_value", pointer, field, document)
        return found

    def _text(self, place: _Place, path: str, field: Field, *, needed: bool) -> tuple[str | None, str]:
        found, pointer = _at(place, path)
        if isinstance(found, bool):
            found = "true" if found else "false"
        if isinstance(found, str):
            found = found.strip()
        elif found is not None:
            self._note("json.source_value", pointer, field, place.document)
            return None, pointer
        if needed and not found:
            self._note("json.source_missing", pointer, field, place.document)
        return found, pointer

    def _many(self, place: _Place, path: str) -> tuple[list[Any], str]:
        found, pointer = _at(place, path)
        if isinstance(found, list) and found:
            return found, pointer
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append(fault("json.source_missing", path=pointer, document=place.document, name=path))
        return [], pointer

    def _note(self, code: str, pointer: str, field: Field, document: int) -> None:
        if len(self.faults) < _MOST_FAULTS and not any((f.code, f.path) == (code, pointer) for f in self.faults):
            self.faults.append(fault(code, path=pointer, document=document, name=field.name))


def _at(place: _Place, path: str) -> tuple[Any, str]:
    """What stands at a path, None where nothing does, and its JSON pointer."""
    value, pointer = place.value, place.pointer
    if path.startswith("$."):
        value, pointer, path = place.order, place.order_pointer, path[2:]
    for step in path.split("."):
        pointer += "/" + step.replace("~", "~0").replace("/", "~1")
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and len(step) < 6 and int(step) < len(value):
            value = value[int(step)]
        else:
            value = None
    return value, pointer


def _date(text: str, form: str, wanted: str) -> str | None:
    """A moment as CEB writes it, China time; without a zone it is China's already."""
    try:
        if form == "iso":
            at = datetime.fromisoformat(text)
            at = at.replace(tzinfo=_CHINA) if at.tzinfo is None else at
        else:
            at = datetime.fromtimestamp(int(text) / (1 if form == "seconds" else 1000), UTC)
        return at.astimezone(_CHINA).strftime(wanted)
    except (ValueError, OverflowError, OSError):
        return None


def at_source(refused: Refused, where: Where) -> Refused:
    """A refusal of the twin, with the places in the webhook."""
    return Refused([msgspec.structs.replace(f, path=where(f.path)) for f in refused.faults], refused.status)

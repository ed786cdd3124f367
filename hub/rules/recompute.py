"""An assessment again, from its own record: what it was made of and what its rules read give the same bytes (design 3.5).

The documents are those match put together (``Matched``), everything else is answered by ``Assessment.read``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from hub.domain.events import Assessment, Finding
from hub.domain.standing import Kept, Standing, of_note
from hub.rules.api import Case

#: Behind every offset.
_LATEST = 1 << 62


class UnreadError(LookupError):
    """A rule asks for what the record does not have; the name of what it asked for is its text."""


class Recalled(Case):
    """A case whose readers are answered by ``record``; what it lacks is added to ``missing``.

    Reference data can be asked again where there are ``references``; what a state held then cannot.
    """

    __slots__ = ("_missing", "_record")

    def __init__(self, record: Mapping[str, str], missing: list[str], **known: Any) -> None:  # Any: as ``Case``'s
        super().__init__(**known)
        self._record, self._missing = record, missing
        self._standing = _Standings(self._stood)

    def known(self, name: str, type_: Any, find: Callable[..., Any], *about: Any) -> Any:
        """What the record says of ``name``."""
        known = self._known
        if name not in known:
            known[name] = self._answer(name, type_, find, *about)
        return known[name]

    def seldom(self, kind: str, id: str) -> Mapping[str, Any] | None:
        """A record that was found; or none, where the record says that none was."""
        name, every = f"{kind}:{id}", f"{kind}:*"
        self._noted[every] = ""
        if name not in self._record and every in self._record:
            return None
        found: Mapping[str, Any] | None = self.known(name, dict[str, Any], self._find, kind, id)
        if found is None:
            del self._known[name]  # noted once for its kind
        return found

    def _answer(self, name: str, type_: Any, find: Callable[..., Any], *about: Any) -> Any:
        text = self._record.get(name)
        if text is not None:
            return msgspec.json.decode(text, type=type_) if text else None
        if find in (self._find, self._goods) and self._references is not None:
            # As known today: the question is what the rules would find, whose lists may be as new as they are.
            then, self._offset = self._offset, _LATEST
            try:
                return find(*about)
            finally:
                self._offset = then
        self._missing.append(name)
        raise UnreadError(name)

    def draw(self, about: str) -> int | None:
        """The lot that was drawn; None where none was."""
        if "draw" not in self._record:
            return None
        lot: int = self.known("draw", int, self._nothing, about)
        return lot

    def _nothing(self, about: str) -> None:
        """The record answers."""

    def _stood(self, code: str) -> tuple[Standing, str, str]:
        name = f"standing:{code}"
        note = self._record.get(name)
        if note is not None:
            return of_note(note), name, note
        if self._references is not None:
            return Kept(self._references, self.day, _LATEST)[code]
        self._missing.append(name)
        raise UnreadError(name)


class _Standings(Kept):
    """Standings by an assessment's own notes."""

    def __init__(self, stood: Callable[[str], tuple[Standing, str, str]]) -> None:
        dict.__init__(self)
        self._stood = stood

    def __missing__(self, code: str) -> tuple[Standing, str, str]:
        found = self[code] = self._stood(code)
        return found


class Difference(NamedTuple):
    """What is not as it was: a field, a finding (``rule code path``) or a read, with both sides as text."""

    what: str
    before: str
    after: str


def differences(before: Assessment, after: Assessment) -> list[Difference]:
    """How two assessments of the same declaration differ; empty where they are the same bytes."""
    found = []
    for field in Assessment.__struct_fields__:
        was, now = getattr(before, field), getattr(after, field)
        if field == "findings":
            found += _between(_by_place(was), _by_place(now), "")
        elif isinstance(was, dict):
            found += _between(was, now, f"{field} ")
        elif was != now:
            found.append(Difference(field, str(was), str(now)))
    encode = msgspec.json.encode
    if not found and encode(before) != encode(after):
        found.append(Difference("order", "of findings or reads", "another"))
    return found


def _by_place(findings: tuple[Finding, ...]) -> dict[str, str]:
    """What was found, by ``rule code path``, numbered where that is not unique."""
    found: dict[str, str] = {}
    for finding in findings:
        place = f"{finding.rule} {finding.code} {finding.path}".strip()
        while place in found:
            place += "+"
        found[place] = msgspec.json.encode(finding).decode()
    return found


def _between(before: Mapping[str, str], after: Mapping[str, str], prefix: str) -> list[Difference]:
    names = dict.fromkeys((*before, *after))
    return [
        Difference(f"{prefix}{name}", before.get(name, "–"), after.get(name, "–"))
        for name in names
        if before.get(name) != after.get(name)
    ]

"""What can be wrong, and how it is said.

The tree of errors::

    HubError
    ├── Refused       the message is wrong; carries faults, the sender can mend it
    ├── Erased        sealed content whose key was destroyed; whoever meets it goes on
    ├── Unavailable   something outside is away; repeat later, outcome unknown
    └── Misconfigured settings or reference data are wrong; the process does not start

A fault is a stable code, a path, a line and a sentence in two languages (RFC 9457 ``faults``).
The codes are data: one file a family in ``fault_codes/``. A published code never changes its meaning;
a retired one stays in its file, marked so.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

import msgspec

#: The steps that can find a fault, in the order they run; a code is ``<family>.<name>``.
FAMILIES = (
    "transport",
    "xml",
    "json",
    "schema",
    "signature",
    "access",
    "identity",
    "meaning",
    "application",
    "duplicate",
    "match",
    "ledger",
    "rule",
    "payment_data",
    "reference",
    "webhook",
    "desk",
)


class Fault(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One thing that is wrong. ``path`` is an XPath-like path in CEB's own names, ``line`` counts from 1 (0: unknown).

    ``ceb_code`` is the exception code by which customs would say the same (CEB specification, table 7-2), if any.
    ``document`` is the index of the document in its message, -1 for the message as a whole.
    """

    code: str
    path: str = ""
    line: int = 0
    message: str = ""
    message_zh: str = ""
    ceb_code: str = ""
    document: int = -1


class FaultKind(msgspec.Struct, frozen=True, kw_only=True):
    """A published code: the HTTP status it refuses with (0: it only flags), its sentences and what to do about it."""

    code: str
    status: int
    message: str
    message_zh: str
    remedy: str = ""
    remedy_zh: str = ""
    ceb_code: str = ""
    retired: bool = False


class HubError(Exception):
    """Root of everything the hub raises on purpose."""


class Erased(HubError):  # noqa: N818 - reads as what happened
    """Sealed content whose key was destroyed: nobody can read it any more, and whoever meets it goes on."""


class Refused(HubError):  # noqa: N818 - reads as what happened
    """The message cannot be taken; ``status`` is the HTTP status, ``faults`` say why (at least one)."""

    def __init__(self, faults: list[Fault] | tuple[Fault, ...], status: int | None = None) -> None:
        self.faults = tuple(faults)
        self.status = status if status is not None else kind_of(self.faults[0].code).status
        super().__init__("; ".join(f"{f.code} {f.path}".strip() for f in self.faults))


class Unavailable(HubError):  # noqa: N818 - reads as what happened
    """``what`` is away for the moment; try again after ``retry_after`` seconds. Says nothing about the outcome."""

    def __init__(self, what: str, retry_after: int = 2) -> None:
        self.what = what
        self.retry_after = retry_after
        super().__init__(f"{what} is not available")


class Misconfigured(HubError):  # noqa: N818 - reads as what happened
    """Settings or reference data that cannot work; every problem found, not only the first."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


@cache
def fault_kinds() -> dict[str, FaultKind]:
    """Every published code, read from the families' files."""
    kinds: dict[str, FaultKind] = {}
    folder = resources.files(__package__) / "fault_codes"
    for family in FAMILIES:
        for name, entry in tomllib.loads((folder / f"{family}.toml").read_text("utf-8")).items():
            code = f"{family}.{name}"
            kinds[code] = FaultKind(code=code, **entry)
    return kinds


@cache
def fields_of_faults() -> dict[str, list[dict[str, list[str]]]]:
    """Code → where it can be found, by ``fault_fields.toml``: ``fields``, and perhaps ``messages``, ``sides``, ``parts``."""
    text = (resources.files(__package__) / "fault_fields.toml").read_text("utf-8")
    return {
        f"{family}.{name}": entry if isinstance(entry, list) else [entry]
        for family, entries in tomllib.loads(text).items()
        for name, entry in entries.items()
    }


@cache
def faults_at(field: str, message: str, side: str, part: str) -> tuple[FaultKind, ...]:
    """What a field of an upload can be told that does not follow from the catalogue, by ``fault_fields.toml``."""
    at = {"fields": field, "messages": message, "sides": side, "parts": part}
    return tuple(
        fault_kinds()[code]
        for code, entries in fields_of_faults().items()
        if any(all(at[name] in named for name, named in entry.items()) for entry in entries)
    )


def kind_of(code: str) -> FaultKind:
    """The published kind of ``code``; an unpublished code is a bug and raises KeyError."""
    return fault_kinds()[code]


class Both(NamedTuple):
    """A value of a fault that has a word in each language: ``{name}`` in the English sentence, ``{name:zh}`` in the Chinese."""

    en: str
    zh: str

    def __format__(self, spec: str) -> str:
        return self.zh if spec == "zh" else self.en


def fault(code: str, *, path: str = "", line: int = 0, document: int = -1, **values: Any) -> Fault:
    """Make a fault of a published code; ``values`` fill the sentences' ``{placeholders}``."""
    kind = kind_of(code)
    return Fault(
        code=code,
        path=path,
        line=line,
        message=kind.message.format(**values),
        message_zh=kind.message_zh.format(**values),
        ceb_code=kind.ceb_code,
        document=document,
    )

"""Flags: what stages that count tell assess, as reference data of the kind ``flag``."""

from __future__ import annotations

from collections.abc import Mapping

from hub import topics
from hub.domain.reference import ReferenceRecord, encode
from streams.api import Output

#: Reference data are in one order, in partition 0: the CRC-32 of nothing is 0.
_FIRST = b""


def flag(id: str, version: int, first: str, until: str, value: Mapping[str, int]) -> Output:
    """A version of a flag (``what:id``), in force from ``first`` until before ``until`` (``yyyy-mm-dd``, empty for open)."""
    record = ReferenceRecord("flag", id, version, first, until, dict(value))
    return Output(topics.REFERENCE, record.key, encode(record), route=_FIRST)

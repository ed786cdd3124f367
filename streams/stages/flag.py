"""Reference data that stages write: flags, by which those that count tell assess, and what is suggested to officers."""

from __future__ import annotations

from collections.abc import Mapping

from hub import topics
from hub.domain.reference import ReferenceRecord, encode
from streams.api import Output

#: Reference data are in one order, in partition 0: the CRC-32 of nothing is 0.
_FIRST = b""


def flag(id: str, version: int, first: str, until: str, value: Mapping[str, int]) -> Output:
    """A version of a flag (``what:id``), in force from ``first`` until before ``until`` (``yyyy-mm-dd``, empty for open)."""
    return recorded(ReferenceRecord("flag", id, version, first, until, dict(value)))


def recorded(record: ReferenceRecord) -> Output:
    """A record of reference data."""
    return Output(topics.REFERENCE, record.key, encode(record), route=_FIRST)

"""Keys: the register key, the keys a receipt names, the numbers that lead to one, and China's calendar.

Which fields make a document one and the same is the catalogue's business (``schemas.catalog.business_key``).
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any, NamedTuple

from schemas.codec import business_key
from schemas.model import MessageType, message_types

_CHINA_MS = 8 * 3_600_000
_DAY_MS = 86_400_000


def waybill_key(carrier: str, number: str) -> str:
    """``logisticsCode:logisticsNo``."""
    return f"{code_part(carrier)}:{number}"


def code_part(code: str) -> str:
    """A code as a part of a key that another part follows: two documents share no key by colons in the wrong place."""
    return code.replace("%", "%25").replace(":", "%3A") if ":" in code or "%" in code else code


def register_key(kind: str, business: str) -> str:
    """``kind/businesskey``: the key of ``inbox.register`` and ``statuses``."""
    return f"{kind}/{business}"


def answered_key(message: str, receipt: Any) -> str:
    """The register key a receipt speaks of, empty where the receipt does not name it whole (Any: a receipt's struct)."""
    answered = _answered(message)
    if answered is None:
        return ""
    head = receipt.head
    if not all(getattr(head, name) for name in answered.needed):
        return ""
    return register_key(answered.kind, business_key(receipt))


class _Answered(NamedTuple):
    """The kind of document a receipt answers, and the parts of its key that cannot be empty."""

    kind: str
    needed: tuple[str, ...]


@cache
def _answered(message: str) -> _Answered | None:
    types = message_types()
    receipt = types[message]
    if not receipt.receipt_of:
        return None
    upload = types[receipt.receipt_of]
    return _Answered(upload.kind, tuple([name for name in upload.key if not _may_be_empty(upload, name)]))


def _may_be_empty(upload: MessageType, name: str) -> bool:
    # Where a fallback stands for an empty number, the receipt cannot know it; else what is optional may be missing in both.
    return not upload.key_fallback and any(field.name == name and not field.required for field in upload.fields)


def china_day(at: int) -> int:
    """The day of law of a moment (ms since the epoch), China time, as yyyymmdd."""
    return date_of(day_count(at))


@lru_cache(64)
def date_of(days: int) -> int:
    """The date of a day counted from 1970-01-01, as yyyymmdd."""
    # Civil date from days since 1970 by whole 400-year eras, March first: no calendar tables, exact for every date.
    shifted = days + 719_468
    era, day_of_era = divmod(shifted, 146_097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * month + 2) // 5 + 1
    month = month + 3 if month < 10 else month - 9
    year = year_of_era + era * 400 + (month <= 2)
    return year * 10_000 + month * 100 + day


def day_text(day: int) -> str:
    """20260601 → ``2026-06-01``."""
    return f"{day // 10_000:04d}-{day // 100 % 100:02d}-{day % 100:02d}"


def day_count(at: int) -> int:
    """The day of law of a moment (ms since the epoch), China time, counted from 1970-01-01."""
    return (at + _CHINA_MS) // _DAY_MS


def china_midnight(at: int) -> int:
    """When the day of a moment began, China time; both ms since the epoch."""
    return day_count(at) * _DAY_MS - _CHINA_MS


def china_year(at: int) -> int:
    """The calendar year, China time, in which a moment lies."""
    return china_day(at) // 10_000


def possible_time(text: str, received_at: int) -> str:
    """A receipt's time (yyyyMMddHHmmssSSS); where it is none, or lies more than a day after its receipt (ms), that of its receipt.

    The greatest time wins: one that cannot be would shut out all that follow.
    """
    padded = text.ljust(17, "0")
    at = receipt_ms(padded)
    if at and at <= received_at + _DAY_MS and china_stamp(at) == padded:
        return padded
    return china_stamp(received_at)


def china_stamp(at: int) -> str:
    """A moment (ms since the epoch) as customs writes it: yyyyMMddHHmmssSSS, China time."""
    day = rfc3339(at + _CHINA_MS)
    return "".join([c for c in day if c.isdigit()])


def receipt_ms(text: str) -> int:
    """A receipt's time (yyyyMMddHHmmss, with or without SSS; China time) as ms since the epoch; 0 where it is none."""
    if len(text) < 14 or not text.isascii() or not text.isdigit():
        return 0
    year, month, day = int(text[:4]), int(text[4:6]), int(text[6:8])
    if month <= 2:
        year -= 1
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    days = era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719_468
    seconds = int(text[8:10]) * 3600 + int(text[10:12]) * 60 + int(text[12:14])
    return days * _DAY_MS + seconds * 1000 + int(text[14:17] or 0) - _CHINA_MS


def rfc3339(at: int) -> str:
    """A moment (ms since the epoch) as RFC 3339 in UTC, to the millisecond."""
    day = china_day(at - _CHINA_MS)
    rest = at % _DAY_MS
    hours, rest = divmod(rest, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    seconds, ms = divmod(rest, 1000)
    return (
        f"{day // 10_000:04d}-{day // 100 % 100:02d}-{day % 100:02d}T{hours:02d}:{minutes:02d}:{seconds:02d}.{ms:03d}Z"
    )

"""Keys: the register key, the keys a receipt names, the numbers that lead to one, and China's calendar.

Which fields make a document one and the same is the catalogue's business (``schemas.catalog.business_key``).
"""

from __future__ import annotations

from typing import Any

from hub.domain.events import DECLARATION, ORDER, PAYMENT, WAYBILL

#: Import document message → kind.
KIND_OF_MESSAGE = {"CEB311": ORDER, "CEB411": PAYMENT, "CEB511": WAYBILL, "CEB621": DECLARATION}
#: Receipt message → kind of the document it answers; CEB900 answers a whole message.
KIND_OF_RECEIPT = {"CEB312": ORDER, "CEB412": PAYMENT, "CEB512": WAYBILL, "CEB622": DECLARATION}

_CHINA_MS = 8 * 3_600_000
_DAY_MS = 86_400_000


def order_key(platform: str, merchant: str, number: str) -> str:
    """``ebpCode:ebcCode:orderNo``."""
    return f"{code_part(platform)}:{code_part(merchant)}:{number}"


def payment_key(company: str, transaction: str) -> str:
    """``payCode:payTransactionId``."""
    return f"{code_part(company)}:{transaction}"


def waybill_key(carrier: str, number: str) -> str:
    """``logisticsCode:logisticsNo``."""
    return f"{code_part(carrier)}:{number}"


def declaration_key(declarant: str, number: str | None, guid: str) -> str:
    """``agentCode:copNo``; without a copNo ``agentCode:~guid``."""
    declarant = code_part(declarant)
    return f"{declarant}:{number}" if number else f"{declarant}:~{guid}"


def code_part(code: str) -> str:
    """A code as a part of a key that another part follows: two documents share no key by colons in the wrong place."""
    return code.replace("%", "%25").replace(":", "%3A") if ":" in code or "%" in code else code


def register_key(kind: str, business: str) -> str:
    """``kind/businesskey``: the key of ``inbox.register`` and ``statuses``."""
    return f"{kind}/{business}"


def answered_key(message: str, head: Any) -> str:
    """The register key a receipt speaks of, empty where the receipt does not name it (Any: a receipt's head)."""
    if message == "CEB312" and head.ebpCode and head.ebcCode and head.orderNo:
        return register_key(ORDER, order_key(head.ebpCode, head.ebcCode, head.orderNo))
    if message == "CEB412" and head.payCode and head.payTransactionId:
        return register_key(PAYMENT, payment_key(head.payCode, head.payTransactionId))
    if message == "CEB512" and head.logisticsCode and head.logisticsNo:
        return register_key(WAYBILL, waybill_key(head.logisticsCode, head.logisticsNo))
    if message == "CEB622" and head.agentCode and head.copNo:
        return register_key(DECLARATION, declaration_key(head.agentCode, head.copNo, ""))
    return ""


def china_day(at: int) -> int:
    """The day of law of a moment (ms since the epoch), China time, as yyyymmdd."""
    days = (at + _CHINA_MS) // _DAY_MS
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

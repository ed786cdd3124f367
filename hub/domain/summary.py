"""Summary declaration of exports: which closed declarations become which entries (pure).

Trade mode 9610 with statisticsFlag B: what customs closed in a month is merged into entries and declared by the 15th of the
next (rule E1). Merged is what has the same consignor, transport mode, production or sales unit, destination country and
exit customs; of it, lines with the same final destination, the same ten-digit code and the same currency (rule E2). One
application (CEB701) names one customs office, hence the office parts entries too. What customs makes of it, customs
decides: this is a preview.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from hub.domain.keys import china_day, china_stamp, receipt_ms
from hub.domain.kinds import EXPORT
from hub.domain.money import text
from hub.domain.views import DeclarationView

MODE, FLAG = "9610", "B"
#: The day of the next month by which it is declared.
DUE_DAY = 15
#: Declarations named in one part of an application: the 2018 schema's limit, and our own for the other.
MOST_2018, MOST = 100, 1000
#: Lines an entry holds; what has more is split by customs.
ENTRY_LINES = 50


class Line(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Goods of a declaration: ten-digit code, final destination, currency, unit; quantity and value of 1/100000."""

    gcode: str
    country: str
    currency: str
    unit: str
    qty: int
    total: int


class Goods(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What of a declaration decides where it is merged: the header's key, the office, and its lines."""

    merchant: str = ""
    traffic: str = ""
    owner: str = ""
    country: str = ""
    port: str = ""
    office: str = ""
    lines: tuple[Line, ...] = ()


class Closed(NamedTuple):
    """A closed declaration that no summary names: its declarant, its number at customs, its goods."""

    declarant: str
    number: str
    goods: Goods


class EntryLine(msgspec.Struct, frozen=True):
    """A line of an entry; ``quantities`` by unit."""

    gcode: str
    country: str
    currency: str
    quantities: dict[str, int]
    total: int


class Entry(msgspec.Struct, frozen=True):
    """An entry as customs is likely to make it, and the declarations behind it."""

    declarant: str
    office: str
    merchant: str
    traffic: str
    owner: str
    country: str
    port: str
    lines: tuple[EntryLine, ...]
    declarations: tuple[str, ...]

    @property
    def parts(self) -> int:
        """How many entries it takes for its lines."""
        return -(-len(self.lines) // ENTRY_LINES)

    def totals(self) -> dict[str, int]:
        """Value by currency."""
        found: dict[str, int] = {}
        for line in self.lines:
            found[line.currency] = found.get(line.currency, 0) + line.total
        return found


def goods_of(view: DeclarationView) -> Goods | None:
    """What is kept of an export declaration that is to be summarised, None of every other."""
    if (view.side, view.flag, view.mode) != (EXPORT, FLAG, MODE):
        return None
    sums: dict[tuple[str, str, str, str], list[int]] = {}
    for line in view.lines:
        held = sums.setdefault((line.gcode, line.country, line.currency, line.unit), [0, 0])
        held[0] += line.qty
        held[1] += line.total
    lines = tuple([Line(*key, *sums[key]) for key in sorted(sums)])
    return Goods(view.merchant, view.traffic, view.owner, view.country, view.port, view.office, lines)


def entries(closed: Iterable[Closed], *, by_owner: bool = True) -> list[Entry]:
    """The entries these declarations become, in order of their keys; a number that comes twice counts once.

    ``by_owner`` false: production or sales units are not told apart (summaryFlag 1).
    """
    gathered: dict[tuple[str, str, str, str, str, str, str], dict[str, Goods]] = {}
    for declarant, number, goods in closed:
        owner = goods.owner if by_owner else ""
        key = (declarant, goods.office, goods.merchant, goods.traffic, owner, goods.country, goods.port)
        gathered.setdefault(key, {})[number] = goods
    return [
        Entry(*key, _merged(members.values()), tuple(sorted(members)))
        for key, members in sorted(gathered.items())
    ]


def _merged(members: Iterable[Goods]) -> tuple[EntryLine, ...]:
    quantities: dict[tuple[str, str, str], dict[str, int]] = {}
    totals: dict[tuple[str, str, str], int] = {}
    for goods in members:
        for line in goods.lines:
            key = (line.gcode, line.country, line.currency)
            units = quantities.setdefault(key, {})
            units[line.unit] = units.get(line.unit, 0) + line.qty
            totals[key] = totals.get(key, 0) + line.total
    return tuple([EntryLine(*key, dict(sorted(quantities[key].items())), totals[key]) for key in sorted(totals)])


# ---- the calendar --------------------------------------------------------------------------------------------------


def month_of(at: int) -> str:
    """The month of a moment (ms) in China: ``2026-06``."""
    day = china_day(at)
    return f"{day // 10_000:04d}-{day // 100 % 100:02d}"


def due_of(month: str) -> int:
    """The end (ms) of the last day on which a month's declarations are summarised; ValueError where it is no month."""
    year, dash, number = month.partition("-")
    if len(month) != 7 or not dash or not (year + number).isascii() or not (year + number).isdigit():
        raise ValueError(month)
    following = int(year) * 12 + int(number)
    if not 1 <= int(number) <= 12 or not 1970 <= int(year) <= 9000:
        raise ValueError(month)
    return receipt_ms(f"{following // 12:04d}{following % 12 + 1:02d}{DUE_DAY + 1:02d}000000")


def month_due(by: int) -> str:
    """The month whose summary is due then."""
    return month_of(by - (DUE_DAY + 1) * 86_400_000)


# ---- the application -----------------------------------------------------------------------------------------------


def application(
    found: Sequence[Entry], month: str, at: int, *, names: dict[str, str], dxp_id: str, by_owner: bool, most: int = MOST
) -> dict[str, Any] | None:
    """The JSON twin of a CEB701 for one declarant's entries, a document for each merchant and office; None for nothing.

    ``names`` are those of the companies by code; a company without one is called by its code. Ids are made of the content:
    the same declarations make the same documents.
    """
    gathered: dict[tuple[str, str, str], list[str]] = {}
    for entry in found:
        gathered.setdefault((entry.declarant, entry.merchant, entry.office), []).extend(entry.declarations)
    if not gathered:
        return None
    declarant = found[0].declarant
    documents = [
        document
        for key, numbers in sorted(gathered.items())
        for document in _documents(key, sorted(numbers), month, at, names, "2" if by_owner else "1", most)
    ]
    transfer = {"copCode": declarant, "copName": names.get(declarant, declarant), "dxpMode": "DXP", "dxpId": dxp_id}
    guid = _guid(*[document["head"]["guid"] for document in documents])
    return {"message": "CEB701", "guid": guid, "version": "1.0", "documents": documents, "transfer": transfer}


def _documents(
    key: tuple[str, str, str], numbers: list[str], month: str, at: int, names: dict[str, str], flag: str, most: int
) -> Iterable[dict[str, Any]]:
    declarant, merchant, office = key
    parts = [numbers[n : n + most] for n in range(0, len(numbers), most)]
    whole = _guid(*key, *numbers)
    for number, part in enumerate(parts, 1):
        yield {
            "head": {
                "guid": _guid(whole, str(number)), "appType": "1", "appTime": china_stamp(at)[:14], "appStatus": "2",
                "customsCode": office, "copNo": f"SUM{month.replace('-', '')}{whole[:8]}",
                "agentCode": declarant, "agentName": names.get(declarant, declarant),
                "ebcCode": merchant, "ebcName": names.get(merchant, merchant),
                "declAgentCode": declarant, "declAgentName": names.get(declarant, declarant),
                "summaryFlag": flag, "itemNameFlag": "1", "msgCount": str(len(parts)), "msgSeqNo": str(number),
            },
            "list": [{"invtNo": invt_no} for invt_no in part],
        }  # fmt: skip


def _guid(*parts: str) -> str:
    digest = sha256("\x00".join(parts).encode()).hexdigest()[:32].upper()
    return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:]}"


def entry_values(entry: Entry) -> dict[str, Any]:
    """An entry as plain values, amounts as decimal texts."""
    return {
        "declarant": entry.declarant, "customs_office": entry.office, "ebcCode": entry.merchant,
        "trafMode": entry.traffic, "ownerCode": entry.owner, "country": entry.country, "portCode": entry.port,
        "lines": [
            {
                "gcode": line.gcode, "country": line.country, "currency": line.currency,
                "quantities": {unit: text(qty) for unit, qty in line.quantities.items()}, "total": text(line.total),
            }
            for line in entry.lines
        ],
        "parts": entry.parts,
        "totals": {currency: text(total) for currency, total in sorted(entry.totals().items())},
        "declarations": list(entry.declarations),
    }  # fmt: skip

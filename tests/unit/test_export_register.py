"""The zone's register of retail exports: what is kept of a declaration, projected once a version, shown to whom it concerns."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from aiohttp import ClientSession

from hub import codec, topics
from hub.domain.exports import Entry, Query, registered
from hub.domain.reading import COLUMNS, Batch
from hub.rules.cases import case_of
from schemas import samples
from streams.projection import HANDLERS
from tests.support.reading import CALLERS, FixedClock
from tests.support.site import parts_of, served
from tests.support.zone import Zone

#: 2026-06-01 12:00 in China.
NOW = 1_780_286_400_000


def exported(**fields: Any) -> Any:
    said = {"side": "export", "mode": "9610", "date": "20260603", **fields}
    lines = [{"name": "毛巾", "unit": "011", "qty": "3", "price": "2.5", "total": "7.5", "currency": "502"}]
    return case_of({"name": "", "day": 20260601, "declaration": said, "lines": lines}).declaration


def test_the_six_fields_of_a_retail_export_are_kept() -> None:
    found = registered(exported(), 20260601, NOW)
    assert found is not None
    assert (found.merchant, found.mode, found.date) == ("M", "9610", "20260603")
    assert [msgspec.structs.astuple(line) for line in found.lines] == [("毛巾", "011", "3", "2.5", "7.5", "502")]


@pytest.mark.parametrize("fields", [{"side": "import"}, {"mode": "9710"}, {"mode": "9810"}])
def test_nothing_is_kept_of_other_declarations(fields: dict[str, str]) -> None:
    assert registered(exported(**fields), 20260601, NOW) is None


def test_the_register_begins_with_its_law() -> None:
    assert registered(exported(), 20180930, NOW) is None
    assert registered(exported(), 20181001, NOW) is not None


def handed_in() -> tuple[Zone, Any]:
    zone = Zone("silence")
    made = samples.export_set(1, at=zone.now)
    for type_, document in (("CEB303", made.order), ("CEB505", made.waybill), ("CEB603", made.declaration)):
        zone.send(type_, document)
    zone.tick(1000)
    return zone, made


def rows(zone: Zone, times: int = 1) -> list[dict[str, Any]]:
    batch = Batch()
    for made in zone.world.assessments() * times:
        record = SimpleNamespace(topic=topics.ASSESSMENTS, partition=0, offset=1, key=b"k", value=codec.to_json(made), headers=())
        assert HANDLERS[topics.ASSESSMENTS]([record], batch) == 0
    names = [name for name, _ in COLUMNS["export_register"]]
    return [dict(zip(names, row, strict=True)) for row in batch.rows["export_register"]]


def test_what_is_declared_comes_into_the_register_line_by_line() -> None:
    zone, made = handed_in()
    found = rows(zone)
    assert [(row["line"], row["name"], row["total"]) for row in found] == [
        (number, line.gname, line.totalPrice) for number, line in enumerate(made.declaration.list, 1)
    ]
    head = made.declaration.head
    assert {(row["merchant"], row["date"], row["mode"]) for row in found} == {(head.ebcCode, head.ieDate, "9610")}
    assert len({(row["declaration"], row["revision"], row["line"]) for row in rows(zone, 3)}) == len(found), "one key a line"


def test_an_import_has_no_part_in_it() -> None:
    zone = Zone("silence")
    made = samples.declaration_set(1, at=zone.now)
    for type_, document in zip(("CEB311", "CEB411", "CEB511", "CEB621"), made, strict=True):
        zone.send(type_, document)
    zone.tick(1000)
    assert zone.world.assessments()
    assert rows(zone) == []


class Register:
    """A read model of one line more than the page."""

    asked: Query

    async def export_register(self, wanted: Query) -> list[Entry]:
        self.asked = wanted
        made = Entry("declaration/A:1", 3, 1, "M", "9610", NOW, "20260603", "=毛巾", "011", "3", "2.5", "7.5", "502", True, "closed", "899")
        return [made._replace(line=number) for number in range(1, wanted.limit + 1)]


@pytest.fixture
async def hub() -> AsyncIterator[tuple[ClientSession, Register]]:
    read = Register()
    async with served(parts_of(read, FixedClock(NOW))) as session:
        yield session, read


async def asked(hub: tuple[ClientSession, Register], caller: str, query: str = "") -> tuple[int, str]:
    headers = {"Authorization": f"Bearer key-{caller}"}
    async with hub[0].get(f"/v1/exports/register{query}", headers=headers) as response:
        return response.status, await response.text()


async def test_tax_reads_all_of_it_page_by_page(hub: tuple[ClientSession, Register]) -> None:
    status, body = await asked(hub, "tax", "?from=2026-06-01&to=2026-06-02&limit=2")
    found = msgspec.json.decode(body)
    assert (status, hub[1].asked.merchants, found["next"], len(found["items"])) == (200, None, 2, 2)
    assert hub[1].asked.end - hub[1].asked.first == 2 * 86_400_000
    assert found["items"][0] == {
        "declaration": "A:1", "version": 3, "line": 1, "merchant": "M", "mode": "9610", "received_at": "2026-06-01T04:00:00.000Z",
        "export_date": "20260603", "name": "=毛巾", "unit": "011", "quantity": "3", "unit_price": "2.5", "amount": "7.5",
        "currency": "502", "current": True, "state": "closed", "code": "899",
    }  # fmt: skip


async def test_a_spreadsheet_takes_no_name_for_a_formula(hub: tuple[ClientSession, Register]) -> None:
    _, body = await asked(hub, "tax", "?format=csv&limit=1")
    assert ",'=毛巾," in body


async def test_an_exporter_reads_its_own_and_nobody_elses(hub: tuple[ClientSession, Register]) -> None:
    own = CALLERS["key-agent"].codes
    assert (await asked(hub, "agent"))[0] == 200
    assert set(hub[1].asked.merchants or ()) == set(own)
    await asked(hub, "agent", "?merchant=M")
    assert hub[1].asked.merchants == ()


async def test_other_authorities_find_nothing_there(hub: tuple[ClientSession, Register]) -> None:
    assert (await asked(hub, "market"))[0] == 404


@pytest.mark.parametrize("query", ["?from=2026-06-03&to=2026-06-01", "?format=xml", "?from=never", "?limit=x"])
async def test_a_question_it_does_not_understand_is_refused(hub: tuple[ClientSession, Register], query: str) -> None:
    assert (await asked(hub, "tax", query))[0] == 400

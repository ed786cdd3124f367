"""Every upload message against the sandbox customs: handed in with ``hub submit``, seen with ``hub trace``.

Import and export in every mode, and what follows: statuses, warehouse entry, cancellation, return, tax bills,
consolidation, arrival, departure, collection, summary, the goods' return with their tally.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from hub.cli.submit import fitting_for
from schemas import catalog, samples
from schemas.documents import Document
from tests.support.hub_up import HubUp, environment, until, word

pytestmark = pytest.mark.slow

#: Declarations of the office 2901 are stored and no more: they can be cancelled.
SCENARIO = """
about = "Released at once, but for office 2901."

[flow.release]
steps = [
    { status = "2" }, { status = "120", after = 10 }, { status = "800", after = 60 }, { status = "899", after = 120 },
]

[flow.stored]
steps = [{ status = "2" }, { status = "120", after = 10 }]

[[choose]]
flow = "stored"
where = { customsCode = "2901" }

[[choose]]
flow = "release"

[times]
tax_summarised = 1500
summary_result = 200
"""
DXP_IDS = {"platform": 1, "payer": 3, "carrier": 4, "agent": 5, "site": 6}
CODES = samples.Parties()
COP_CODES = {"platform": CODES.platform, "payer": CODES.payer, "carrier": CODES.carrier, "agent": CODES.agent, "site": CODES.site}


@pytest.fixture(scope="module")
def zone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    folder = tmp_path_factory.mktemp("uploads")
    scenario = folder / "scenario.toml"
    scenario.write_text(SCENARIO)
    up = HubUp(folder / "data", scenario=scenario)
    try:
        up.wait_ready()
        yield Hub(up, folder)
    finally:
        up.end()


class Hub:
    """A running hub at the command line."""

    def __init__(self, up: HubUp, folder: Path) -> None:
        self.up, self.folder = up, folder
        self.started = time.time_ns() // 1_000_000
        self._count = 0

    @property
    def now(self) -> int:
        return time.time_ns() // 1_000_000

    def run(self, *arguments: str) -> list[dict[str, Any]]:
        """A command; the JSON objects it printed."""
        command = [sys.executable, "-m", "hub", *arguments, "--json"]
        env = environment(data=self.up.data, listen=f"127.0.0.1:{self.up.port}")
        done = subprocess.run(command, env=env, check=False, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def submit(self, *messages: tuple[str, Document]) -> list[str]:
        """Hand in messages of one document each, unsigned as a new user has them; the keys."""
        self._count += 1
        folder = self.folder / f"in-{self._count}"
        folder.mkdir()
        for number, (type_, document) in enumerate(messages):
            mt = catalog.message(type_)
            who = fitting_for(mt)
            transfer = samples.base_transfer(COP_CODES[who], dxp_id=f"DXPENT000099000{DXP_IDS[who]}")
            text = catalog.render(mt, [document], guid=f"{self._count:018d}{number:018d}", transfer=transfer)
            (folder / f"{number:02d}-{type_}.xml").write_bytes(text)
        rows = self.run("submit", str(folder))
        assert [row["faults"] for row in rows] == [[] for _ in messages], rows
        return [row["key"] for row in rows]

    def trace(self, key: str) -> dict[str, Any]:
        """What ``hub trace`` says of a number."""
        [story] = self.run("trace", key)
        return story

    def story(self, key: str) -> dict[str, Any]:
        return dict(self.up.get(f"/v1/declarations/{quote(key, safe=':')}"))

    def reach(self, key: str, *words: str) -> None:
        """Wait until a document's own timeline holds these words."""
        until(lambda: set(words) <= self.words(key), lambda: f"{words} of {key}:\n{self.lines(key)}\n{self.up.troubles()}", 90)

    def words(self, key: str) -> set[str]:
        try:
            return {word(line) for line in self.story(key)["timeline"] if line["key"] == key}
        except OSError:
            return set()

    def lines(self, key: str) -> str:
        """A document's whole timeline, to be read."""
        try:
            return "\n".join([f"{line['at']} {line['by']} {line['what']} {line['detail']}" for line in self.story(key)["timeline"]])
        except OSError as error:
            return str(error)

    def told(self, key: str) -> list[str]:
        """A document's own words as ``hub trace`` has them."""
        return [line["what"] for line in self.trace(key)["timeline"] if line["key"] == key]

    def number(self, key: str) -> str:
        return str(self.story(key)["keys"]["invtNo"])


IMPORT = ("CEB311", "CEB411", "CEB511", "CEB621")


def import_sale(zone: Hub, number: int, mode: str, parties: samples.Parties | None = None) -> tuple[samples.DeclarationSet, list[str]]:
    made = samples.declaration_set(number, at=zone.now, trade_mode=mode, parties=parties)
    return made, zone.submit(*zip(IMPORT, made, strict=True))


def export_sale(zone: Hub, number: int, mode: str, **options: Any) -> tuple[samples.ExportSet, list[str]]:
    made = samples.export_set(number, at=zone.now, trade_mode=mode, **options)
    types = ("CEB303", "CEB505", "CEB603", "CEB403")
    return made, zone.submit(*((t, d) for t, d in zip(types, made, strict=True) if d is not None))


@pytest.mark.parametrize(("number", "mode"), [(101, "9610"), (102, "1210"), (103, "1239")])
def test_an_import_sale_to_its_tax_bill(zone: Hub, number: int, mode: str) -> None:
    made, keys = import_sale(zone, number, mode)
    zone.reach(keys[3], "800", "899", "tax bill created", "tax bill summarised")
    for key in keys[:3]:
        zone.reach(key, "2", "120")
    told = zone.told(keys[3])
    assert {"matched", "assessed"} <= set(told)
    codes = [what for what in told if what in ("120", "800", "899")]
    assert codes == sorted(codes, key=int), "what was said earlier takes nothing back"
    assert codes[-1] == "899"
    bills = [what for what in told if what in ("tax bill created", "tax bill summarised")]  # and paid, once tax says so
    assert bills[-1] == "tax bill summarised"
    status = zone.submit(("CEB513", samples.waybill_status(made.waybill, at=zone.now)))
    zone.reach(keys[3], "signed for")
    zone.reach(status[0], "2", "120")


def test_a_warehouse_entry(zone: Hub) -> None:
    sales = [import_sale(zone, number, "9610") for number in (111, 112)]
    entry = zone.submit(("CEB711", samples.warehouse_entry([made.declaration for made, _ in sales], at=zone.now)))
    zone.reach(entry[0], "assembled", "2", "120", "399")
    for _, keys in sales:
        zone.reach(keys[3], "in the warehouse", "in the warehouse: concluded")


def test_an_import_cancellation(zone: Hub) -> None:
    made, keys = import_sale(zone, 121, "9610", samples.Parties(customs="2901"))
    zone.reach(keys[3], "120")
    application = zone.submit(("CEB623", samples.cancellation(made.declaration, zone.number(keys[3]), at=zone.now)))
    zone.reach(application[0], "declaration found", "2", "120", "399")
    zone.reach(keys[3], "cancellation applied", "cancellation accepted")
    assert "cancellation accepted" in zone.told(keys[3])


def test_an_import_return_voids_its_tax_bill(zone: Hub) -> None:
    made, keys = import_sale(zone, 131, "9610")
    zone.reach(keys[3], "tax bill created")
    application = zone.submit(("CEB625", samples.returned(made.declaration, zone.number(keys[3]), at=zone.now)))
    zone.reach(application[0], "declaration found", "2", "120", "800")
    zone.reach(keys[3], "return applied", "return accepted")


@pytest.mark.parametrize(
    ("number", "mode", "foreign"), [(201, "9610", False), (401, "1210", False), (601, "9710", False), (801, "9810", True)]
)
def test_an_export_sale_to_its_closure(zone: Hub, number: int, mode: str, foreign: bool) -> None:
    sales = [
        export_sale(zone, n, mode, foreign_platform=foreign, collected=mode == "9610") for n in (number, number + 1)
    ]
    declared = [keys[2] for _, keys in sales]
    for _, keys in sales:
        for key in keys:
            zone.reach(key, "matched", "2", "120")
    declarations = [made.declaration for made, _ in sales]
    parts = zone.submit(*(("CEB607", part) for part in samples.consolidation(declarations, parts=2, at=zone.now)))
    arrived = zone.submit(*(("CEB507", part) for part in samples.arrival(declarations, at=zone.now)))
    for key in (*parts, *arrived):
        zone.reach(key, "assembled", "2", "399")
    for key in declared:
        zone.reach(key, "consolidated", "arrived at the site", "800")
    left = zone.submit(*(("CEB509", part) for part in samples.departure(declarations, at=zone.now)))
    zone.reach(left[0], "assembled", "2", "399")
    for key in declared:
        zone.reach(key, "left the country", "899")
        assert zone.trace(key)["status"]["code"] == "899"
    assert zone.trace(sales[0][1][0])["status"]["code"] == "899", "an order leads to its declaration"


def test_an_export_cancellation(zone: Hub) -> None:
    made, keys = export_sale(zone, 1001, "9610", parties=samples.Parties(customs="2901"))
    zone.reach(keys[2], "120")
    application = zone.submit(("CEB605", samples.cancellation(made.declaration, zone.number(keys[2]), at=zone.now)))
    zone.reach(application[0], "declaration found", "2", "399")
    zone.reach(keys[2], "cancellation applied", "cancellation accepted")


def test_an_export_summary_and_a_return(zone: Hub) -> None:
    made, keys = export_sale(zone, 1201, "9610")
    zone.reach(keys[2], "120")
    for type_, documents in (
        ("CEB607", samples.consolidation([made.declaration], at=zone.now)),
        ("CEB507", samples.arrival([made.declaration], at=zone.now)),
        ("CEB509", samples.departure([made.declaration], at=zone.now)),
    ):
        [key] = zone.submit((type_, documents[0]))
        zone.reach(key, "399")
    zone.reach(keys[2], "899")
    number = zone.number(keys[2])
    [summary] = zone.submit(("CEB701", samples.summary([number], at=zone.now)[0]))
    zone.reach(summary, "2", "399", "summary result")
    zone.reach(keys[2], "summary applied", "summary accepted", "summary concluded")
    application = samples.returned(made.declaration, number, at=zone.now)
    [returned] = zone.submit(("CEB213", application))
    zone.reach(returned, "declaration found", "2", "120", "800")
    [tally] = zone.submit(("CEB215", samples.tally(application, at=zone.now)))
    zone.reach(tally, "declaration found", "2", "399")
    zone.reach(keys[2], "return applied", "return accepted", "return_tally applied", "return_tally accepted")
    by_customs = [what for what in zone.told(keys[2]) if what != "refund approved"]  # tax says that whenever it has decided
    assert by_customs[-1] == "return_tally accepted"

"""A message nobody has heard of, by data alone: two files and ``python -m schemas.generate``."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

_ROOT = Path(__file__).parent.parent.parent
_MESSAGE = """\
type = "CEB999"
en = "Pallet booking"
zh = "托盘预约单"
kind = "pallet_booking"
struct = "PalletBooking"
side = "export"
direction = "up"
senders = ["declarant"]
own_codes = ["agentCode"]
signature = "optional"
receipt = "CEB998"
key = ["agentCode", "copNo"]
frame = ["BaseTransfer", "BaseSubscribe", "Signature", "ExtendMessage"]

[document]
element = "Pallet"
max = 20

[[part]]
element = "PalletHead"
role = "head"
struct = "PalletHead"
en = "Pallet booking head"
zh = "托盘预约单表头"
fields = [
  { name = "guid", type = "C36", need = "M", en = "Number", zh = "序号" },
  { name = "appType", type = "C1", need = "M", codes = "appType", en = "Submission type", zh = "报送类型" },
  { name = "appTime", type = "C14", need = "M", format = "time14", en = "Submission time", zh = "报送时间" },
  { name = "appStatus", type = "C1", need = "M", codes = "appStatus", en = "Submission status", zh = "报送状态" },
  { name = "agentCode", type = "C1..18", need = "M", en = "Declaring company code", zh = "申报企业代码" },
  { name = "copNo", type = "C1..30", need = "M", en = "Company number", zh = "企业内部编号" },
  { name = "palletDay", type = "C8", need = "M", format = "date8", en = "Day of the pallet", zh = "托盘日期" },
  { name = "palletHeight", type = "N19,5", need = "O", en = "Height of the pallet", zh = "托盘高度", editions = { 2018 = { absent = true } } },
]

[[part]]
element = "PalletList"
role = "list"
struct = "PalletLine"
en = "Pallet booking line"
zh = "托盘预约单表体"
min = 0
max = 5
fields = [
  { name = "gnum", type = "int3", need = "M", en = "Line number", zh = "序号" },
  { name = "palletMark", type = "C2..4", need = "M", en = "Mark of the pallet", zh = "托盘标记" },
]
"""
_RECEIPT = """\
type = "CEB998"
en = "Pallet booking receipt"
zh = "托盘预约单回执"
kind = "receipt"
struct = "PalletReceipt"
side = "export"
direction = "down"
signature = "never"
receipt_of = "CEB999"
key = ["agentCode", "copNo"]

[document]
element = "PalletReturn"
max = 100
flat = true

[[part]]
element = "PalletReturn"
role = "head"
struct = "PalletReceiptHead"
en = "Pallet booking receipt"
zh = "托盘预约单回执"
fields = [
  { name = "guid", type = "C36", need = "M", en = "Number", zh = "序号" },
  { name = "agentCode", type = "C1..18", need = "M", en = "Declaring company code", zh = "申报企业代码" },
  { name = "copNo", type = "C1..30", need = "M", en = "Company number", zh = "企业内部编号" },
  { name = "returnStatus", type = "C1..10", need = "M", codes = "returnStatus", en = "Status", zh = "回执状态" },
  { name = "returnTime", type = "C17", need = "M", format = "time17", en = "Receipt time", zh = "回执时间" },
  { name = "returnInfo", type = "C1..1000", need = "M", en = "Receipt text", zh = "回执信息" },
]
"""
_TWINS = """
import json
from lxml import etree
from schemas import catalog, made, twin
for mt in map(catalog.message, ("CEB999", "CEB998")):
    for seed in range(50):
        root = etree.fromstring(made.message(mt, seed=seed, documents=3))
        value = twin.of(root, mt)
        read, faults = twin.read(json.loads(json.dumps(value)), mt)
        assert not faults
        back = etree.fromstring(twin.xml(mt, read))
        assert etree.tostring(back, method="c14n") == etree.tostring(root, method="c14n")
    assert catalog.business_key(read.documents[0]).startswith("9901D00005:")
print(json.dumps(catalog.json_schema("CEB999")))
"""
_PAGES = """
import asyncio
from aiohttp.test_utils import TestClient, TestServer
from hub.infra.process import WallClock
from hub.web.app import make_app
from hub.web.ports import Parts
nobody = lambda _: None
parts = Parts(read=None, records=None, sealer=None, clock=WallClock(), by_key=nobody, by_name=nobody, session_secret=b"s", receipt_xml=None)
async def main():
    async with TestClient(TestServer(make_app(parts))) as client:
        for address in ("/docs/messages?q=托盘", "/docs/messages/CEB999", "/docs/messages/CEB998",
                        "/docs/messages/CEB999/PalletHead/palletHeight", "/docs/fields/palletMark"):
            answer = await client.get(address, headers={"Accept-Language": "zh"})
            text = await answer.text()
            assert answer.status == 200, address
            assert "托盘" in text or "CEB998" in text
        text = await (await client.get("/docs/messages/CEB999/PalletHead/palletHeight?lang=en")).text()
        assert "not in this edition" in text and "schema.too_long" in text
asyncio.run(main())
"""
_PIPELINE = """
from schemas import catalog, samples
from schemas.documents import PalletBooking, PalletHead, PalletLine
from tests.support.zone import Zone
def booking(**changes):
    head = dict(guid="9" * 36, appType="1", appTime="20260601120000", appStatus="2", agentCode="9901D00005",
                copNo="P1", palletDay="20260602")
    return PalletBooking(head=PalletHead(**head | changes), list=(PalletLine(gnum="1", palletMark="AB"),))
zone = Zone()
[key] = zone.send("CEB999", booking())
assert key == "pallet_booking/9901D00005:P1", key
zone.settle()
print(zone.status(key).code, [entry.what for entry in zone.status(key).timeline])
[key] = zone.send("CEB999", booking(palletDay="20260231", appTime="20260601120001", appType="2"))
assert [fault.code for fault in zone.status(key).faults] == ["meaning.date"]
[key] = zone.send("CEB999", booking(copNo="P2", appType="9"))
assert [fault.code for fault in zone.status(key).faults] == ["meaning.code"]
"""


def _run(folder: Path, *arguments: str, status: int = 0) -> str:
    ran = subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert ran.returncode == status, ran.stdout[-2000:] + ran.stderr[-4000:]
    return ran.stdout


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages in a folder of their own, with one more message in the catalogue."""
    folder = tmp_path_factory.mktemp("house")
    for package in ("hub", "adapters", "streams", "schemas", "tests/support"):
        shutil.copytree(_ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "schemas" / "ceb" / "CEB999.toml").write_text(_MESSAGE, "utf-8")
    (folder / "schemas" / "ceb" / "CEB998.toml").write_text(_RECEIPT, "utf-8")
    assert _run(folder, "-c", "import schemas; print(schemas.__file__)").startswith(str(folder))
    written = _run(folder, "-m", "schemas.generate")
    assert "docs/reference/messages/CEB999.md" in written
    assert "schemas/documents.py" in written
    _run(folder, "-m", "schemas.generate", "--check")
    return folder


def test_messages_of_it_are_accepted_and_each_flaw_is_refused_with_its_code(house: Path) -> None:
    _run(house, "-m", "hub", "samples", "--message", "CEB999", "good")
    _run(house, "-m", "hub", "samples", "--message", "CEB998", "good")
    rows = [json.loads(line) for line in _run(house, "-m", "hub", "check", "--schema-only", "--json", "good").splitlines()]
    assert [(row["message"], row["status"]) for row in rows] == [("CEB998", "accepted"), ("CEB999", "accepted")]
    _run(house, "-m", "hub", "samples", "--message", "CEB999", "--invalid", "wrong")
    told = _run(house, "-m", "hub", "check", "--schema-only", "--json", "wrong", status=1)
    rows = [json.loads(line) for line in told.splitlines()]
    assert len(rows) > 100
    for row in rows:
        code = Path(row["file"]).name.split("-")[2]
        assert code.startswith("meaning.") or row["faults"][0]["code"] == code, row
    older = _run(house, "-m", "hub", "samples", "--message", "CEB999", "--edition", "2018", "older")
    assert "palletHeight" not in (house / older.strip()).read_text("utf-8")


def test_its_twin_comes_back_the_same_and_has_a_schema(house: Path) -> None:
    schema = json.loads(_run(house, "-c", _TWINS))
    line = schema["properties"]["documents"]["items"]["properties"]["list"]["items"]
    assert line["properties"]["palletMark"]["maxLength"] == 4


def test_it_goes_from_the_door_through_the_stages_to_customs_and_its_receipts_come_home(house: Path) -> None:
    """Who may send it, its key, its faults of meaning, its receipt: all from the two files."""
    told = _run(house, "-c", _PIPELINE)
    assert told.startswith("120 "), told
    assert "'handed over', '2', '120'" in told


def test_it_has_pages_and_a_place_in_the_schema_of_its_side(house: Path) -> None:
    _run(house, "-c", _PAGES)
    assert "托盘预约单" in (house / "docs" / "reference" / "messages" / "CEB999.md").read_text("utf-8")
    _run(house, "-m", "hub", "schemas", "--side", "export", "published")
    assert 'name="CEB999Message"' in (house / "published" / "2018" / "export.xsd").read_text("utf-8")

"""Five authorities answering a running hub: import and export to the end, with repeats, wrong order, silence, forgery and a kill."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from hub.domain.reference import ReferenceRecord
from hub.infra.process import WallClock
from hub.infra.reference import publish_anew
from schemas import samples
from tests.e2e.test_every_upload import IMPORT, SCENARIO, Hub
from tests.support.hub_up import HubUp, until

pytestmark = pytest.mark.slow

#: Tax repeats and is forged, and its word about a refund comes in the wrong order; market supervision complains; commerce says nothing.
ANSWERS = """
[[tax]]
to = ["hub.tax-bill.issued.v1"]
say = [{ what = "accept", after = 20, times = 3, forge = "key" }, { what = "pay", after = 300, forge = "role" }]

[[tax]]
to = ["hub.refund-data.compiled.v1"]
say = [{ what = "deny", after = 20, late = 3000 }, { what = "approve", after = 300 }]

[[tax]]
say = [{ what = "accept" }]

[[forex]]
say = [{ what = "accept", after = 20, times = 2 }]

[[market]]
to = ["hub.goods.found.v1"]
say = [{ what = "accept" }, { what = "complain", times = 2 }]

[[commerce]]
say = []
"""
GOODS = samples.declaration_set(71, at=time.time_ns() // 1_000_000).declaration.list[0].gname


@pytest.fixture(scope="module")
def zone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    folder = tmp_path_factory.mktemp("authorities")
    (folder / "customs.toml").write_text(SCENARIO)
    (folder / "answers.toml").write_text(ANSWERS)
    up = HubUp(
        folder / "data", scenario=folder / "customs.toml", authority_scenario=folder / "answers.toml", forex_threshold="0"
    )
    try:
        up.wait_ready()
        yield Hub(up, folder)
    finally:
        up.end()


def post(zone: Hub, who: str, *events: dict[str, Any], key: str = "") -> int:
    """HTTP status of a batch handed in by an authority."""
    headers = {
        "Content-Type": "application/cloudevents-batch+json",
        "Authorization": f"Bearer {key or zone.up.principal(who)['api_key']}",
    }
    request = Request(f"{zone.up.url}/v1/messages", data=json.dumps(events).encode(), headers=headers)
    try:
        with urlopen(request, timeout=20) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


def event(type_: str, id_: str, **data: Any) -> dict[str, Any]:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {"specversion": "1.0", "id": id_, "source": "/test", "type": type_, "time": now, "data": data}


def health(zone: Hub) -> dict[str, dict[str, int]]:
    """What the sandbox counts, by authority."""
    said = "".join(file.read_text() for file in sorted((zone.up.data / "logs").glob("sandbox*.log")))
    address = re.findall(r"sandbox customs on (http://\S+)/dxp", said)[-1]
    with urlopen(f"{address}/healthz", timeout=5) as answer:
        return dict(json.load(answer)["authorities"])


def told(zone: Hub, key: str, by: str, who: str = "office") -> list[dict[str, str]]:
    """An authority's lines in a document's own timeline."""
    try:
        story = zone.up.get(f"/v1/declarations/{key}", who)
    except OSError:
        return []
    return [line for line in story["timeline"] if line["key"] == key and line["by"] == by]


def lines(zone: Hub, key: str, by: str, who: str = "office") -> list[str]:
    """Their words."""
    return [line["what"] for line in told(zone, key, by, who)]


def came(zone: Hub, key: str, by: str, *words: str) -> None:
    until(lambda: set(words) <= set(lines(zone, key, by)), lambda: f"{words} of {by} about {key}: {lines(zone, key, by)}", 90)


def test_a_recall_of_market_supervision_comes_into_force_and_finds_the_goods(zone: Hub) -> None:
    recall = event("market.recall.issued.v1", "r1", name="recalled", instrument="SAMR 1", terms=[GOODS])
    assert post(zone, "market", recall) == 202
    assert post(zone, "market", recall) == 202  # the same bytes
    assert post(zone, "tax", recall) == 403
    assert post(zone, "agent", recall) == 403
    assert post(zone, "market", recall, key="hub_nobody") == 401

    def listed() -> bool:
        story = zone.up.get("/v1/alerts?rule=R19", "market")
        if story["items"]:
            return True
        made = samples.declaration_set(71 + zone._count, at=zone.now)
        zone.submit(*zip(IMPORT, made, strict=True))
        return False

    until(listed, "an alert about recalled goods", 90)
    until(lambda: bool(zone.up.get("/v1/alerts?rule=market.complaint", "market")["items"]), "the sandbox's complaint", 90)


def test_an_import_is_taxed_and_its_bill_answered_once_whatever_is_repeated_or_forged(zone: Hub) -> None:
    made = samples.declaration_set(7, at=zone.now)
    _, _, _, key = zone.submit(*zip(IMPORT, made, strict=True))
    zone.reach(key, "800", "tax bill created", "899")
    came(zone, key, "tax", "receipt accepted", "tax bill paid")
    came(zone, key, "forex", "receipt accepted")
    time.sleep(3)  # whatever is repeated has come by now
    said = Counter((line["what"], line.get("detail", "")) for line in told(zone, key, "tax"))
    assert set(said.values()) == {1}, said
    assert {what for what, _ in said} == {"receipt accepted", "tax bill paid"}
    story = zone.story(key)
    assert (story["status"]["code"], story["facts"]["taxReceipt"]) == ("899", "accepted")
    assert story["facts"]["taxPaid"]
    assert lines(zone, key, "forex", "agent") == [], "what foreign exchange says tells what it was told"
    assert lines(zone, key, "tax", "agent") == lines(zone, key, "tax")
    receipts = [one for one in zone.up.get("/v1/receipts?limit=500", "agent")["items"] if one["key"] == key]
    of_tax = [one for one in receipts if one["authority"] == "tax"]
    assert {one["message"] for one in of_tax} == {"tax.receipt.given.v1", "tax.bill.paid.v1"}
    assert len(of_tax) == len(said), "each word is told once"
    counted = health(zone)["tax"]
    assert counted["forged"] >= 2
    assert (counted["forged_taken"], counted["refused"]) == (0, 0)


def test_an_export_is_closed_and_its_refund_decided_though_the_sandbox_is_killed(zone: Hub) -> None:
    made = samples.export_set(8, at=zone.now, collected=True)
    types = ("CEB303", "CEB505", "CEB603", "CEB403")
    keys = dict(zip(types, zone.submit(*((t, d) for t, d in zip(types, made, strict=True) if d is not None)), strict=True))
    key = keys["CEB603"]
    zone.reach(key, "120")
    for type_, documents in (
        ("CEB607", samples.consolidation([made.declaration], at=zone.now)),
        ("CEB507", samples.arrival([made.declaration], at=zone.now)),
        ("CEB509", samples.departure([made.declaration], at=zone.now)),
    ):
        zone.submit(*((type_, document) for document in documents))
    zone.reach(key, "899")
    former = zone.up.kill("sandbox")
    zone.up.back("sandbox", former)
    came(zone, key, "tax", "refund approved", "older: refund refused")
    came(zone, key, "forex", "receipt accepted")
    said = Counter(lines(zone, key, "tax"))
    assert (said["refund approved"], said["older: refund refused"]) == (1, 1)
    story = zone.story(key)
    assert (story["status"]["code"], story["facts"]["refund"]) == ("899", "approved")
    counted = health(zone)
    assert set(counted) == {"tax", "forex", "market", "commerce"}
    assert counted["forex"]["items"] >= 1


def test_a_word_about_what_is_not_here_is_taken_and_waits(zone: Hub) -> None:
    nowhere = event("tax.receipt.given.v1", "n1", item="x", outcome="accepted", document="declaration/9901D00005:NOWHERE")
    assert post(zone, "tax", nowhere) == 202
    until(lambda: lines(zone, "9901D00005:NOWHERE", "tax") != [] or _kept(zone), "the word that waits", 60)


def _kept(zone: Hub) -> bool:
    """It is in the read model as a document that is not here."""
    try:
        return bool(zone.up.get("/v1/declarations/9901D00005:NOWHERE", "office"))
    except OSError:
        return False


def test_a_permit_of_commerce_covers_controlled_goods_and_its_use_is_told(zone: Hub) -> None:
    merchant = samples.Parties().merchant
    made = samples.declaration_set(9, at=zone.now)
    line = made.declaration.list[0]
    entry = {"name": "a sensor", "terms": [line.gname], "control": "6A002", "licence": True, "instrument": "MOFCOM 51 of 2024"}
    listed = ReferenceRecord("list", "controlled", 1, "2026-01-01", value={"entries": [entry]})
    asyncio.run(publish_anew(zone.up.kafka, [listed], WallClock()))
    permit = {"merchant": merchant, "control": "6A002", "number": "XK1", "quantity": "100000", "unit": line.unit}
    assert post(zone, "commerce", event("commerce.permit.granted.v1", "p1", **permit)) == 202

    def covered() -> bool:
        one = samples.declaration_set(9 + 62 * zone._count, at=zone.now)
        mine = next((goods for goods in one.declaration.list if goods.gname == line.gname), None)
        if mine is not None:
            zone.submit(*zip(IMPORT, one, strict=True))
        else:
            zone._count += 1
        return health(zone)["commerce"]["items"] >= 1

    until(covered, "the use of a permit told to commerce", 90)

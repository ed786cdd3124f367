"""A whole hub and marked persons: found in no topic in clear, no log, no metric, no error page; what is read of them is recorded."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from hub import codec, topics
from hub.demo import documents
from hub.domain.audit import Act
from hub.domain.evidence import Root
from hub.infra.crypto import PublicKeys
from hub.verify_pack import verify_pack
from schemas import catalog, twin
from tests.e2e.test_door import post, signed, transfer
from tests.support.documents import identity
from tests.support.hub_up import HubUp, until

pytestmark = pytest.mark.slow

NAME, PHONE, ADDRESS = "欧阳标记甲", "13977990017", "标记省标记市标记路七十七弄"
IDENTITY = identity(777)
#: What must be nowhere: in the order of a message's fields.
MARKS = [NAME, IDENTITY, PHONE, ADDRESS]


def marked(document: Any, **other: str) -> Any:
    """A document whose persons are the marked one."""
    fields = {}
    for name in type(document.head).__struct_fields__:
        if name in ("buyerName", "payerName", "consignee", "consigneeName"):
            fields[name] = NAME
        elif name in ("buyerIdNumber", "payerIdNumber", "consigneeIdNumber"):
            fields[name] = IDENTITY
        elif name in ("buyerTelephone", "consigneeTelephone", "telephone"):
            fields[name] = PHONE
        elif name in ("consigneeAddress", "buyerAddress", "address"):
            fields[name] = ADDRESS
    return msgspec.structs.replace(document, head=msgspec.structs.replace(document.head, **fields, **other))


def fetch(hub: HubUp, who: str, path: str) -> tuple[int, bytes]:
    request = Request(hub.url + path, headers={"Authorization": f"Bearer {hub.principal(who)['api_key']}"})
    try:
        with urlopen(request, timeout=20) as answer:
            return int(answer.status), answer.read()
    except HTTPError as error:
        with error:
            return error.code, error.read()


async def everything(bootstrap: str) -> dict[str, list[tuple[bytes, bytes, bytes]]]:
    """(key, value, headers) of every record of every topic."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    found: dict[str, list[tuple[bytes, bytes, bytes]]] = {}
    try:
        names = [topic.name for topic in topics.TOPICS]
        cluster = await consumer._client.fetch_all_metadata()
        places = [TopicPartition(name, number) for name in names for number in cluster.partitions_for_topic(name) or ()]
        ends = await consumer.end_offsets(places)
        for place in places:
            consumer.assign([place])
            consumer.seek(place, 0)
            while await consumer.position(place) < ends[place]:
                for record in (await consumer.getmany(place, timeout_ms=1000)).get(place, ()):
                    headers = b"".join(name.encode() + value for name, value in record.headers)
                    found.setdefault(place.topic, []).append((record.key or b"", record.value or b"", headers))
    finally:
        await consumer.stop()
    return found


def spelt(mark: str) -> set[bytes]:
    """A value as text, in JSON's escapes and in a URL."""
    return {mark.encode(), json.dumps(mark)[1:-1].encode(), quote(mark).encode(), mark.encode("gb18030"), mark.encode("utf-16-le")}


def marks_in(content: bytes) -> list[str]:
    return [mark for mark in MARKS if any(form in content for form in spelt(mark))]


def test_no_value_of_a_person_is_in_any_topic_log_metric_or_error_page(hub_up: HubUp) -> None:
    sale = {kind: marked(document) for kind, document in documents(time.time_ns() // 1_000_000 + 11_000_000).items()}
    for kind, who in (("order", "platform"), ("payment", "payer"), ("waybill", "carrier")):
        status, answer = post(hub_up, who, signed(hub_up, kind, sale[kind]))
        assert status == 202
        assert marks_in(json.dumps(answer, ensure_ascii=False).encode()) == []
    declared = sale["declaration"]
    told = twin.write(catalog.message("CEB621"), [declared], guid=declared.head.guid, transfer=transfer(hub_up, "agent"))
    assert any(mark in json.dumps(told, ensure_ascii=False) for mark in MARKS), "the marks are in what is handed in"
    status, ack = post(hub_up, "agent", json.dumps(told).encode(), "application/json")
    assert status == 202
    key = catalog.business_key(declared)

    pages = []
    # Wrong in every way a person's field can be: refused by schema, flagged for its meaning, not even a message.
    wrong = documents(time.time_ns() // 1_000_000 + 12_000_000)["order"]
    for changes in ({"buyerName": NAME * 40}, {"buyerIdType": IDENTITY}, {"buyerTelephone": PHONE * 9}, {"consigneeAddress": ADDRESS * 50}):
        status, page = post(hub_up, "platform", _changed(hub_up, wrong, changes))
        assert status == 422
        pages.append(page)
    flagged = marked(documents(time.time_ns() // 1_000_000 + 13_000_000)["order"])
    bad = IDENTITY[:-1] + ("0" if IDENTITY[-1] != "0" else "1")
    flagged = msgspec.structs.replace(flagged, head=msgspec.structs.replace(flagged.head, buyerIdNumber=bad))
    status, answer = post(hub_up, "platform", signed(hub_up, "order", flagged))
    assert (status, answer["documents"][0]["status"]) == (202, "flagged")
    pages.append(answer)
    pages.append(post(hub_up, "platform", f"<x>{NAME}{IDENTITY}</y>".encode())[1])
    pages.append(post(hub_up, "platform", json.dumps({"message": NAME, IDENTITY: PHONE}).encode(), "application/json")[1])
    for page in pages:
        assert marks_in(json.dumps(page, ensure_ascii=False).encode()) == [], page
    MARKS.append(bad)

    until(lambda: hub_up.get(f"/v1/declarations/{key}")["status"]["code"] in ("800", "899"), "release of the declaration")
    assert marks_in(fetch(hub_up, "customs", f"/v1/declarations/{key}")[1]) == []

    # Read unmasked: with a purpose, recorded; the record names no person.
    name = ack["submission"]
    status, body = fetch(hub_up, "customs", f"/v1/submissions/{name}/original")
    assert (status, json.loads(body)["faults"][0]["code"]) == (403, "access.purpose_missing")
    status, body = fetch(hub_up, "customs", f"/v1/submissions/{name}/original?purpose=case+7")
    assert (status, json.loads(body)) == (200, json.loads(json.dumps(told)))

    def chained() -> bool:
        rows = asyncio.run(everything(hub_up.kafka))[topics.EVIDENCE]
        records = [codec.evidence(value) for _, value, _ in rows]
        roots = [root for root in records if isinstance(root, Root) and root.topic == topics.EVIDENCE]
        reads = [act for act in records if isinstance(act, Act) and act.what == "personal.read" and act.subject == name]
        assert [(act.by, act.purpose) for act in reads] == [("customs", "case 7")]
        return bool(roots)

    until(chained, "a root over the act")

    # The pack verifies offline, and holds the person for its own declarant only.
    def packed() -> bool:
        status, data = fetch(hub_up, "agent", f"/v1/declarations/{key}/evidence")
        assert status == 200
        verdict = verify_pack(data, PublicKeys.from_pem((hub_up.data / "keys" / "hub.pub").read_bytes()))
        assert verdict.genuine, verdict.steps[-1]
        return verdict.steps[-1].step == "covered"

    until(packed, "the declaration under a root")
    assert fetch(hub_up, "carrier", f"/v1/declarations/{key}/evidence")[0] == 404

    for topic, rows in asyncio.run(everything(hub_up.kafka)).items():
        for row in rows:
            for part in row:
                assert marks_in(part) == [], f"{topic}: {row[0]!r}"
    for log in (*(hub_up.data / "logs").rglob("*"), hub_up.output):
        if log.is_file():
            assert marks_in(log.read_bytes()) == [], log.name
    assert marks_in(fetch(hub_up, "operator", "/metrics")[1]) == []


def _changed(hub: HubUp, document: Any, changes: dict[str, str]) -> bytes:
    """A message with values that its struct's own form would not take: put into the bytes, after signing."""
    xml = signed(hub, "order", marked(document))
    for name, value in changes.items():
        before, _, rest = xml.partition(f"<ceb:{name}>".encode())
        _, _, after = rest.partition(f"</ceb:{name}>".encode())
        assert after, name
        xml = before + f"<ceb:{name}>{value}</ceb:{name}>".encode() + after
    return xml

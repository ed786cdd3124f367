"""The door of a whole hub: every form a message may come in, and what was refused read back."""

from __future__ import annotations

import gzip
import json
import time
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import msgspec
import pytest

from adapters import signature
from adapters.authorities.customs.envelope import CUSTOMS_IMPORT, Envelope, write
from hub.demo import MESSAGES, documents
from hub.infra.crypto import HostedKey
from schemas import catalog, twin
from schemas.documents import Transfer
from tests.support.hub_up import HubUp, until

pytestmark = pytest.mark.slow


def transfer(hub: HubUp, who: str) -> Transfer:
    entry = hub.principal(who)
    return Transfer(copCode=entry["codes"][0], copName="示范", dxpMode="DXP", dxpId=entry["dxp_id"])


def signed(hub: HubUp, kind: str, document: Any) -> bytes:
    type_, who = MESSAGES[kind]
    entry = hub.principal(who)
    xml = catalog.render(
        catalog.message(type_), [document], guid=document.head.guid, transfer=transfer(hub, who)
    )
    return signature.sign(xml, HostedKey.from_pem(entry["key"].encode(), entry["certificate"].encode()))


def post(hub: HubUp, who: str, body: bytes, media_type: str = "application/xml", **headers: str) -> tuple[int, Any]:
    given = {"Authorization": f"Bearer {hub.principal(who)['api_key']}", "Content-Type": media_type}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    request = Request(f"{hub.url}/v1/messages", data=body, headers=given, method="POST")
    try:
        with urlopen(request, timeout=30) as answer:
            return int(answer.status), json.load(answer)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_a_sale_in_four_forms_is_followed_to_release(hub_up: HubUp) -> None:
    sale = documents(time.time_ns() // 1_000_000 + 7_000_000)
    order = signed(hub_up, "order", sale["order"])
    assert post(hub_up, "platform", gzip.compress(order), Content_Encoding="gzip")[0] == 202
    payment = signed(hub_up, "payment", sale["payment"])
    sender = hub_up.principal("payer")["dxp_id"]
    envelope = Envelope("E-1", sender, (CUSTOMS_IMPORT,), "CEB411Message", payment, time.time_ns() // 1_000_000)
    assert post(hub_up, "payer", write(envelope))[0] == 202
    assert post(hub_up, "carrier", signed(hub_up, "waybill", sale["waybill"]))[0] == 202
    declared = sale["declaration"]
    told = twin.write(
        catalog.message("CEB621"), [declared], guid=declared.head.guid, transfer=transfer(hub_up, "agent")
    )
    status, ack = post(hub_up, "agent", json.dumps(told).encode(), "application/json")
    assert status == 202
    key = catalog.business_key(declared)
    assert [(d["key"], d["status"]) for d in ack["documents"]] == [(key, "accepted")]
    until(
        lambda: hub_up.get(f"/v1/declarations/{key}")["status"]["code"] in ("800", "899"), "release of the declaration"
    )


def test_what_is_refused_can_be_read_where_the_problem_says(hub_up: HubUp) -> None:
    order = documents(time.time_ns() // 1_000_000 + 8_000_000)["order"]
    spoilt = msgspec.structs.replace(order, head=msgspec.structs.replace(order.head, acturalPaid="0.01"))
    body = signed(hub_up, "order", spoilt)
    status, problem = post(hub_up, "platform", body, Prefer="handling=strict")
    assert (status, problem["faults"][0]["code"]) == (422, "transport.strict")
    kept = hub_up.get(problem["instance"], "platform")
    assert {fault["code"] for fault in kept["faults"]} >= {"transport.strict", "meaning.paid_total"}
    status, ack = post(hub_up, "platform", body)
    assert (status, ack["documents"][0]["status"]) == (202, "flagged")
    assert f"/v1/submissions/{ack['submission']}" == problem["instance"]


def test_an_idempotency_key_answers_the_same_bytes_after_the_door_was_killed(hub_up: HubUp) -> None:
    body = signed(hub_up, "order", documents(time.time_ns() // 1_000_000 + 9_000_000)["order"])
    first = post(hub_up, "platform", body, Idempotency_Key="e2e-1")
    assert first[0] == 202
    former = hub_up.kill("serve")
    hub_up.back("serve", former)
    until(lambda: hub_up.status("/readyz") == 200, "readiness after the kill")
    assert post(hub_up, "platform", body, Idempotency_Key="e2e-1") == first
    assert post(hub_up, "platform", body + b"\n", Idempotency_Key="e2e-1")[0] == 422

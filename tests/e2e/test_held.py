"""A declaration held by an order on a whole hub: seen, kept over the death of its stage, released to customs by an officer."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psutil
import pytest

from hub.demo import documents
from schemas import catalog
from tests.e2e.test_door import post, signed
from tests.support.hub_up import HubUp, until

pytestmark = pytest.mark.slow


def say(hub: HubUp, who: str, path: str, body: Any) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {hub.principal(who)['api_key']}", "Content-Type": "application/json"}
    request = Request(hub.url + path, data=json.dumps(body).encode(), headers=headers, method="POST")
    try:
        with urlopen(request, timeout=20) as answer:
            return int(answer.status), json.load(answer)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)


def declared(hub: HubUp, later: int) -> str:
    """A sale handed in; the declaration's key."""
    sale = documents(time.time_ns() // 1_000_000 + later)
    for kind, who in (("order", "platform"), ("payment", "payer"), ("waybill", "carrier"), ("declaration", "agent")):
        assert post(hub, who, signed(hub, kind, sale[kind]))[0] == 202
    return catalog.business_key(sale["declaration"])


def state(hub: HubUp, key: str, who: str = "agent") -> str:
    return str(hub.get(f"/v1/declarations/{key}", who)["status"]["state"])


def first_held(hub: HubUp, later: int) -> str:
    """The key of the first declaration that an order holds; what is handed in before the stages know the order goes."""
    keys: list[str] = []

    def holds() -> bool:
        keys.append(declared(hub, later))
        until(lambda: state(hub, keys[-1]) == "held" or "handed over" in words(hub, keys[-1]), "its way")
        return state(hub, keys[-1]) == "held"

    until(holds, "the hold")
    return keys[-1]


def words(hub: HubUp, key: str) -> list[str]:
    """What a declaration's timeline tells its sender."""
    return [line["what"] for line in hub.get(f"/v1/declarations/{key}", "agent")["timeline"]]


@pytest.fixture
def held(hub_up: HubUp) -> Iterator[str]:
    """The key of a declaration that an order of customs holds."""
    order = {"id": "e2e", "what": "hold", "reason": "kept from the declarant", "limit": 2}
    assert say(hub_up, "customs", "/v1/orders", order)[0] == 200
    yield first_held(hub_up, 9_000_000)
    say(hub_up, "customs", "/v1/orders/customs~e2e/revoke", {})


def test_a_held_declaration_goes_on_after_the_officers_decision(hub_up: HubUp, held: str) -> None:
    seen = hub_up.get(f"/v1/declarations/{held}", "agent")
    assert seen["turn"] == "customs"
    assert "kept from the declarant" not in json.dumps(seen)
    assert say(hub_up, "agent", f"/v1/held/{held}/decision", {"decision": "release"})[0] == 404
    assert say(hub_up, "tax", f"/v1/held/{held}/decision", {"decision": "release"})[0] == 404

    carrying = [p for p in psutil.Process(hub_up.process.pid).children(recursive=True) if "stream" in p.cmdline()]
    assert carrying
    for process in carrying:
        os.kill(process.pid, signal.SIGKILL)

    until(lambda: hub_up.status("/readyz") == 200, "readiness")
    (item,) = [i for i in hub_up.get("/v1/held", "customs")["items"] if held in i["documents"]]
    assert item["yours"] == ["customs"]

    def released() -> bool:
        status, answer = say(hub_up, "customs", f"/v1/held/{held}/decision", {"decision": "release", "reason": "looked at"})
        assert status in (200, 503), answer
        return status == 200

    until(released, "the decision")
    assert hub_up.get(f"/v1/held/{held}", "customs")["state"] == "gone"
    until(lambda: hub_up.get(f"/v1/declarations/{held}", "agent")["status"]["code"] in ("800", "899"), "release of the declaration")
    told = words(hub_up, held)
    assert told.index("hand-over held") < told.index("hand-over passed on") < told.index("handed over")
    assert told.count("handed over") == 1
    assert say(hub_up, "customs", f"/v1/held/{held}/decision", {"decision": "refuse", "reason": "late"})[0] == 409

"""An alert on a whole hub: acted on by an officer over the death of the stages, each action once, and seen by whom it is for."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import msgspec
import psutil
import pytest

from hub.demo import documents
from schemas import catalog
from tests.e2e.test_door import post, signed
from tests.support.hub_up import HubUp, until

pytestmark = pytest.mark.slow


def act(hub: HubUp, who: str, path: str, key: str, body: dict[str, Any]) -> tuple[int, Any]:
    """POST as a principal of the sandbox, under a key."""
    headers = {"Authorization": f"Bearer {hub.principal(who)['api_key']}", "Content-Type": "application/json", "Idempotency-Key": key}
    request = Request(hub.url + path, data=json.dumps(body).encode(), headers=headers, method="POST")
    try:
        with urlopen(request, timeout=20) as answer:
            return int(answer.status), json.load(answer)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)


def alarming(hub: HubUp) -> str:
    """A sale handed in whose parcel goes to someone else than was ordered; the declaration's key.

    Not one that customs compares too: a declaration that it has returned before its documents are together is not assessed.
    """
    sale = documents(time.time_ns() // 1_000_000 + 12_000_000)
    head = msgspec.structs.replace(sale["waybill"].head, consignee="区外人")
    sale["waybill"] = msgspec.structs.replace(sale["waybill"], head=head)
    for kind, who in (("order", "platform"), ("payment", "payer"), ("waybill", "carrier"), ("declaration", "agent")):
        assert post(hub, who, signed(hub, kind, sale[kind]))[0] == 202
    return catalog.business_key(sale["declaration"])


def test_an_alert_is_dealt_with_once_whatever_dies_meanwhile(hub_up: HubUp) -> None:
    declaration = alarming(hub_up)

    def found() -> list[Any]:
        return [one for one in hub_up.get("/v1/alerts?rule=R01&limit=500", "customs")["items"] if one["declaration"] == declaration]

    def where() -> str:
        """How far the declaration has come, and what the hub says of itself."""
        way = hub_up.get(f"/v1/declarations/{quote(declaration, safe='')}", "agent")
        return f"the alert: {way}\n{hub_up.troubles()}"

    until(lambda: bool(found()), where)
    (alert,) = found()
    actions = f"/v1/alerts/{quote(alert['id'], safe='')}/actions"
    for who in ("agent", "platform"):
        assert act(hub_up, who, actions, "k0", {"action": "acknowledge"})[0] == 404

    carrying = [p for p in psutil.Process(hub_up.process.pid).children(recursive=True) if "stream" in p.cmdline()]
    assert carrying
    for process in carrying:
        os.kill(process.pid, signal.SIGKILL)

    def done(key: str, body: dict[str, Any]) -> Any:
        """The answer once the desk has dealt with it: repeated under its key it is done once."""
        answers: list[Any] = []

        def dealt() -> bool:
            status, answer = act(hub_up, "customs", actions, key, body)
            assert status in (200, 202), answer
            answers.append(answer)
            return status == 200

        until(dealt, "the desk")
        return answers[-1]

    assert done("k1", {"action": "acknowledge"})["handling"]["state"] == "acknowledged"
    done("k2", {"action": "comment", "text": "the payer was asked"})
    assert act(hub_up, "customs", actions, "k3", {"action": "close"})[1]["faults"][0]["code"] == "desk.undecided"
    shown = done("k4", {"action": "close", "verdict": "true", "reason": "the carrier was asked"})
    assert (shown["handling"]["state"], shown["handling"]["verdict"]) == ("closed", "true")
    done("k2", {"action": "comment", "text": "the payer was asked"})

    case = hub_up.get(f"/v1/cases/{shown['case']}", "customs")
    said = [line["what"] for line in case["history"] if line["by"] == "customs"]
    assert said == ["acknowledge", "comment", "close"]
    until(lambda: found()[0]["handling"]["state"] == "closed", "the alert's own record")
    figures = {rule["code"]: rule for rule in hub_up.get("/v1/rules", "customs")["items"]}
    assert figures["R01"]["decided_true"] >= 1

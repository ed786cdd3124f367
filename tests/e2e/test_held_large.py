"""A held message as large as the door takes fits the topics and the states of the gate on a real broker."""

from __future__ import annotations

import random
import time
from typing import Any

import msgspec
import pytest

from adapters import signature
from hub.demo import documents
from hub.infra.crypto import HostedKey
from schemas import catalog
from tests.e2e.test_door import post, transfer
from tests.e2e.test_held import first_held, say, words
from tests.support.hub_up import HubUp, until

pytestmark = pytest.mark.slow

#: More than the bound of other stages' states (3 MB) once it is compressed and sealed, less than the door's limit (16 MB).
DOCUMENTS, LINES, CHARACTERS = 100, 80, 220


def large(hub: HubUp) -> tuple[bytes, str]:
    """A signed message of declarations whose goods have random names; the key of the first."""
    chance, made = random.Random(5), []
    for number in range(DOCUMENTS):
        declared = documents(time.time_ns() // 1_000_000 + 60_000_000 + number * 1000)["declaration"]
        line = declared.list[0]
        lines = [
            msgspec.structs.replace(line, gnum=str(n), gname="".join(chr(chance.randrange(0x4E00, 0x9FA5)) for _ in range(CHARACTERS)))
            for n in range(1, LINES + 1)
        ]
        made.append(msgspec.structs.replace(declared, list=lines))
    entry = hub.principal("agent")
    message: Any = catalog.render(catalog.message("CEB621"), made, guid=made[0].head.guid, transfer=transfer(hub, "agent"))
    key = HostedKey.from_pem(entry["key"].encode(), entry["certificate"].encode())
    return signature.sign(message, key), catalog.business_key(made[0])


def test_a_large_message_is_held_and_goes_on(hub_up: HubUp) -> None:
    assert say(hub_up, "customs", "/v1/orders", {"id": "large", "what": "hold", "reason": "tested"})[0] == 200
    first_held(hub_up, 9_000_000)
    body, key = large(hub_up)
    assert 9 << 20 < len(body) < 16 << 20
    status, answer = post(hub_up, "agent", body)
    assert status == 202, answer
    name = answer["submission"]
    until(lambda: any(i["submission"] == name for i in hub_up.get("/v1/held", "customs")["items"]), "the hold")
    assert say(hub_up, "customs", f"/v1/held/{name}/decision", {"decision": "release"})[0] == 200

    def answered() -> bool:
        """The sandbox customs, which has a limit of its own, has said what it thinks of it."""
        told = words(hub_up, key)
        return "hand-over passed on" in told and ("handed over" in told or "hand-over refused" in told)

    until(answered, "customs' answer to the message")

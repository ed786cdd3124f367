"""Quarantine is a part of customs: orders and alerts can be addressed to it, and its officers act on what is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from hub.domain.access import Principal
from hub.domain.faults import Misconfigured
from hub.domain.orders import problems
from hub.domain.reference import Reference, ReferenceRecord
from hub.domain.reference import problems as wrong_with
from hub.domain.subscriptions import Subscription, is_for
from hub.infra.participants import principal_value
from schemas import samples
from tests.support.reading import CALLERS, FixedClock
from tests.support.site import amending, parts_of, served
from tests.support.stage_harness import NOON
from tests.support.zone import Zone
from tests.unit.test_web_orders import NOW, Hub, Model, held
from tests.unit.test_zone_import import FOUR

OFFICER = Principal("quarantine officer", ("customs",), unit="quarantine")
ORDER = {"id": "1", "what": "hold", "hs": "0406", "reason": "an outbreak", "limit": 12}


@pytest.fixture
async def hub(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    monkeypatch.setitem(CALLERS, "key-quarantine", OFFICER)
    data, read = Reference(), Model()
    parts = parts_of(
        read, FixedClock(NOW), reference=data, amend_reference=amending(data), decide=read.decide
    )
    async with served(parts) as session:
        yield Hub(session, data, read)


async def test_an_order_of_quarantine_is_addressed_to_it_and_its_officer_decides(hub: Hub) -> None:
    made = await hub.post("/v1/orders", "quarantine", ORDER)
    assert (made["authority"], made["unit"]) == ("customs", "quarantine")
    hub.read.holds_by["s1"] = held("customs")
    assert (await hub.get("/v1/held/s1", "quarantine"))["orders"][0]["unit"] == "quarantine"
    assert (await hub.get("/v1/held/s1", "quarantine"))["yours"] == ["customs"]
    done = await hub.post("/v1/held/s1/decision", "quarantine", {"decision": "release"})
    assert done["state"] == "gone"


async def test_what_is_addressed_to_all_of_customs_is_not_quarantines_to_decide(hub: Hub) -> None:
    made = await hub.post("/v1/orders", "customs", ORDER)
    assert "unit" not in made
    hub.read.holds_by["s1"] = held("customs")
    assert (await hub.get("/v1/held/s1", "quarantine"))["yours"] == []
    await hub.post("/v1/held/s1/decision", "quarantine", {"decision": "release"}, 403)
    assert hub.read.decided == []
    assert (await hub.get("/v1/held/s1", "customs"))["yours"] == ["customs"]


async def test_customs_decides_what_it_has_addressed_to_quarantine_too(hub: Hub) -> None:
    await hub.post("/v1/orders", "customs", ORDER | {"unit": "quarantine"})
    hub.read.holds_by["s1"] = held("customs")
    assert (await hub.get("/v1/held/s1", "customs"))["yours"] == ["customs"]
    assert (await hub.get("/v1/held/s1", "quarantine"))["yours"] == ["customs"]


async def test_quarantine_neither_changes_nor_revokes_an_order_of_all_of_customs_and_customs_does_either(hub: Hub) -> None:
    made = await hub.post("/v1/orders", "customs", ORDER)
    await hub.post("/v1/orders", "quarantine", ORDER | {"reason": "mine now"}, 403)
    await hub.post("/v1/orders/customs~1/revoke", "quarantine", {}, 403)
    assert (await hub.get("/v1/orders/customs~1", "customs"))["version"] == made["version"]
    await hub.post("/v1/orders", "quarantine", ORDER | {"id": "2"})
    assert (await hub.post("/v1/orders/customs~2/revoke", "quarantine", {}))["revoked"]
    await hub.post("/v1/orders", "quarantine", ORDER | {"id": "3"})
    assert (await hub.post("/v1/orders/customs~3/revoke", "customs", {}))["revoked"]


@pytest.mark.parametrize(("changes", "wrong"), [({"unit": "kennel"}, True), ({"authority": "tax"}, True), ({}, False)])
def test_a_unit_is_a_part_of_customs(changes: dict[str, Any], *, wrong: bool) -> None:
    value = {"authority": "customs", "what": "hold", "reason": "r", "unit": "quarantine"} | changes
    assert bool([one for one in problems(value) if "unit" in one]) == wrong


def test_an_alert_about_goods_that_quarantine_lists_bears_its_mark() -> None:
    name = samples.declaration_set(1, at=NOON).declaration.list[0].gname
    reference = Reference()
    entry = {"name": "cheese", "terms": [name], "instrument": "GACC 1", "unit": "quarantine"}
    listed = ReferenceRecord("list", "recalls", 1, "2026-01-01", value={"entries": [entry]})
    assert wrong_with(listed) == []
    unknown = msgspec.structs.replace(listed, value={"entries": [entry | {"unit": "kennel"}]})
    assert [one for one in wrong_with(unknown) if "unit" in one]
    reference.put(listed, 0)
    zone = Zone("silence", references=reference)
    zone.tick(1000)
    for type_, document in zip(FOUR, samples.declaration_set(1, at=zone.now), strict=True):
        zone.send(type_, document)
    zone.tick(1000)
    (alert, *_) = [one for one in zone.world.alerts() if one.rule == "R19"]
    assert alert.evidence["unit"] == "quarantine"
    assert "customs" in alert.agency


def test_a_principal_of_a_unit_is_customs() -> None:
    made = principal_value(roles=("customs",), codes=(), dxp_ids=(), key_hash="x", unit="quarantine")
    assert made["unit"] == "quarantine"
    for roles, unit in ((("tax",), "quarantine"), (("customs",), "kennel")):
        with pytest.raises(Misconfigured):
            principal_value(roles=roles, codes=(), dxp_ids=(), key_hash="x", unit=unit)


def test_a_subscription_picks_what_is_addressed_to_quarantine() -> None:
    mine = Subscription("s", OFFICER.name, "alerts", 1, filter={"unit": ("quarantine",)})
    for evidence, picked in (({"unit": "quarantine"}, True), ({"unit": "kennel"}, False), ({}, False), (None, False)):
        assert is_for(mine, OFFICER, b"", {"agency": ["customs"], "evidence": evidence}) is picked

"""Deliveries in the web: who sees whose, and what may be sent again."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

import pytest
from aiohttp import ClientSession

from hub.domain.deliveries import DeliveryReport
from hub.domain.events import HandOverOutcome
from hub.domain.faults import Refused, fault
from hub.domain.reference import Reference, ReferenceRecord
from hub.domain.subscriptions import ALWAYS, ENDPOINT, SUBSCRIPTION, Subscription, value_of
from hub.web.auth import SESSION_COOKIE, session_token
from hub.web.ports import Delivering
from tests.support.reading import MIDNIGHT, FixedClock
from tests.support.site import amending, parts_of, served

CUSTOMS = HandOverOutcome("sub1", "sub1", "customs", "DXP1", "CEB311", "parked", MIDNIGHT, 12, "busy", topic="out.customs", partition=1, offset=5)
EVENT = HandOverOutcome("", "a4", "subscription:s1", "tax", "hub.alert.raised.v1", "parked", MIDNIGHT, 8, "webhook.answered 400", topic="alerts", partition=0, offset=7)
SUBSCRIPTIONS = (
    Subscription("s1", "tax", "alerts", MIDNIGHT, url="https://tax.example/secret-path", title="red ones"),
    Subscription("s2", "agent", "answers", MIDNIGHT, url="https://agent.example/hook"),
    Subscription("s3", "suspended", "alerts", MIDNIGHT, url="https://gone.example/hook"),
)


class Model:
    """A read model of deliveries; what is sent again is noted and no longer parked."""

    def __init__(self) -> None:
        self.items = [CUSTOMS, EVENT]
        self.sent: list[HandOverOutcome] = []

    async def delivery_reports(self, recipients: Iterable[str]) -> list[DeliveryReport]:
        made = [
            DeliveryReport("subscription:s1", "a", MIDNIGHT, 1, delivered=5, attempts=20, retried=9, last_success=MIDNIGHT - 1000),
            DeliveryReport("subscription:s1", "b", MIDNIGHT, 1, delivered=2, attempts=3, retried=1, last_failure=MIDNIGHT, note="webhook.busy 503",
                           breaker="open", next_try=MIDNIGHT + 5000),
            DeliveryReport("subscription:s1", "c", MIDNIGHT, 1, delivered=100, running=False),
            DeliveryReport("subscription:s1", "killed", MIDNIGHT - 200_000, 1, delivered=100, breaker="open"),
            DeliveryReport("customs", "a", MIDNIGHT, 1, delivered=40),
        ]  # fmt: skip
        return [one for one in made if one.recipient in set(recipients)]

    async def parked(self, recipients: Iterable[str], each: int) -> list[HandOverOutcome]:
        return [one for one in self.items if one.recipient in set(recipients)]

    async def parked_counts(self, recipients: Iterable[str]) -> dict[str, int]:
        return {one.recipient: 1 for one in await self.parked(recipients, 1)}

    async def replay(self, items: Sequence[HandOverOutcome]) -> int:
        self.sent += items
        self.items = [one for one in self.items if one not in items]
        return len(items)


class Hub:
    def __init__(self, session: ClientSession, data: Reference, read: Model) -> None:
        self.session, self.data, self.read = session, data, read

    async def call(self, method: str, path: str, caller: str, status: int = 200) -> Any:
        async with self.session.request(method, path, headers={"Authorization": f"Bearer key-{caller}"}) as response:
            assert response.status == status, await response.text()
            return await response.json()

    async def seen(self, caller: str) -> dict[str, Any]:
        return {one["id"]: one for one in (await self.call("GET", "/v1/deliveries", caller))["items"]}

    def signed_in(self, name: str) -> dict[str, str]:
        return {"Cookie": f"{SESSION_COOKIE}={session_token(b's' * 32, name, MIDNIGHT)}"}


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    data, read = Reference(), Model()
    for one in SUBSCRIPTIONS:
        data.put(ReferenceRecord(SUBSCRIPTION, one.id, 1, ALWAYS, value=value_of(one)), data.reached + 1)
    data.put(ReferenceRecord(ENDPOINT, "s2", 1, ALWAYS, value={"state": "parked", "reason": "webhook.dead", "at": 1, "resumed": 0}), 9)

    async def check(url: str) -> None:
        if "gone" in url:
            raise Refused([fault("webhook.name")])

    async def lags(wanted: Mapping[str, tuple[str, str]]) -> dict[str, int | None]:
        places = {("deliver.customs", "out.customs"): 3, ("deliver.s1", "alerts"): 17}
        return {name: places.get(place) for name, place in wanted.items()}

    async def test(_: Subscription) -> dict[str, object]:
        return {}

    delivering = Delivering(check=check, test=test, secret=lambda *_: "", lags=lags, replay=read.replay, drop=False, each=9)
    parts = parts_of(read, FixedClock(), reference=data, amend_reference=amending(data), delivering=delivering)
    async with served(parts) as session:
        yield Hub(session, data, read)


async def test_everybody_sees_its_own_operators_and_the_office_all_an_authority_its_hand_over(hub: Hub) -> None:
    seen = {caller: [*await hub.seen(caller)] for caller in ("operator", "office", "customs", "tax", "agent", "stranger", "market")}
    assert {caller: set(ids) for caller, ids in seen.items()} == {
        "operator": {"customs", "s1", "s2", "s3"}, "office": {"customs", "s1", "s2", "s3"}, "customs": {"customs"}, "tax": {"s1"},
        "agent": {"s2"}, "stranger": set(), "market": set(),
    }  # fmt: skip
    assert seen["operator"][:2] == ["customs", "s2"], "who is in trouble comes first"
    mine, theirs = (await hub.seen("tax"))["s1"], (await hub.seen("office"))["s1"]
    assert (mine["url"], theirs["url"]) == ("https://tax.example/secret-path", "")
    assert (mine["may_act"], theirs["may_act"]) == (True, False)
    assert (mine["lag"], mine["parked"], mine["processes"], mine["delivered"], mine["attempts"], mine["retried"]) == (17, 1, 2, 7, 23, 10)
    assert (mine["breaker"], mine["note"], mine["items"][0]["id"]) == ("open", "webhook.busy 503", "a4")
    assert (await hub.seen("operator"))["s3"]["state"] == "not entitled"
    assert (await hub.seen("customs"))["customs"]["items"][0]["id"] == "sub1"


async def test_only_operators_and_owners_send_again(hub: Hub) -> None:
    for caller, path in (("customs", "customs"), ("office", "customs"), ("agent", "s1"), ("office", "s1"), ("operator", "s9"), ("agent", "customs")):
        await hub.call("POST", f"/v1/deliveries/{path}/replay", caller, 404)
    assert hub.read.sent == []
    assert await hub.call("POST", "/v1/deliveries/subscription:s1/replay", "tax") == {"sent": 1}
    assert await hub.call("POST", "/v1/deliveries/customs/replay", "operator") == {"sent": 1}
    assert hub.read.sent == [EVENT, CUSTOMS]
    assert await hub.call("POST", "/v1/deliveries/s1/replay", "tax") == {"sent": 0}
    for caller, status in (("tax", 404), ("operator", 200)):
        await hub.call("POST", "/v1/subscriptions/s2/resume", caller, status)
    assert (await hub.seen("agent"))["s2"]["state"] == "active"


async def test_the_page_says_it_in_both_languages_and_its_buttons_act(hub: Hub) -> None:
    async with hub.session.get("/deliveries?lang=zh", headers=hub.signed_in("operator")) as response:
        page = await response.text()
    assert response.status == 200
    for said in ("推送", "已搁置", "断开", "webhook.dead", "重新推送", "无权限"):
        assert said in page
    assert "secret-path" not in page
    async with hub.session.get("/deliveries?lang=en", headers=hub.signed_in("agent")) as response:
        page = await response.text()
    assert "red ones" not in page
    assert page.count("<tr data-recipient") == 1
    token = re.search(r'name="csrf" value="(\w+)"', page)
    assert token is not None

    async def post(path: str, name: str, csrf: str, **more: str) -> int:
        data = {"csrf": csrf, **more}
        async with hub.session.post(path, headers=hub.signed_in(name), data=data, allow_redirects=False) as response:
            return response.status

    assert await post("/deliveries/s2/resume", "agent", "x") == 403
    assert await post("/deliveries/s1/replay", "agent", token[1]) in (403, 404)
    version = re.search(r'name="version" value="([^"]+)"', page)
    assert version is not None
    assert await post("/deliveries/s2/resume", "agent", token[1], version="0.0") == 412, "another has changed it since the page was shown"
    assert await post("/deliveries/s2/resume", "agent", token[1]) == 412
    assert await post("/deliveries/s2/resume", "agent", token[1], version=version[1]) == 303
    assert (await hub.seen("agent"))["s2"]["state"] == "active"
    async with hub.session.get("/deliveries?lang=en", headers=hub.signed_in("tax")) as response:
        page = await response.text()
    token = re.search(r'name="csrf" value="(\w+)"', page)
    assert token is not None
    again = re.search(r'action="/deliveries/s1/resume".*?name="version" value="([^"]+)"><button>Try now</button>', page)
    assert again is not None, "its breaker is open"
    assert await post("/deliveries/s1/resume", "tax", token[1], version=again[1]) == 303
    assert await post("/deliveries/s1/replay", "tax", token[1]) == 303
    assert hub.read.sent == [EVENT]

"""Orders and held messages in the web: officers of the authority act, everybody else finds nothing."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

import pytest
from aiohttp import ClientSession
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.access import ROLES, Principal
from hub.domain.events import Decided, Decision, HeldBy, Hold, Status
from hub.domain.orders import AUTHORITIES
from hub.domain.reference import Reference
from hub.web.auth import SESSION_COOKIE, session_token
from hub.web.views.orders import may_see, sees
from tests.support.reading import FixedClock
from tests.support.site import amending, parts_of, served

#: 2026-06-01 12:00 in China.
NOW = 1_780_286_400_000


def held(*authorities: str, submission: str = "s1", state: str = "held", decisions: tuple[Decision, ...] = ()) -> Hold:
    decided = {decision.authority for decision in decisions}
    orders = tuple(
        HeldBy(f"{name}~1", name, NOW + 3_600_000, ("declaration/AGT0000001:C1",), True, "decided" if name in decided else "")
        for name in authorities
    )
    return Hold(submission, 1 + len(decisions), state, "agent", "DXP", NOW, NOW, ("declaration/AGT0000001:C1",), orders, decisions)


class Model:
    """A read model of held messages; a decision is applied as the gate would."""

    def __init__(self) -> None:
        self.holds_by: dict[str, Hold] = {}
        self.decided: list[tuple[str, Decided]] = []

    async def hold(self, submission: str) -> Hold | None:
        return self.holds_by.get(submission)

    async def holds(self, state: str, authorities: Sequence[str] | None, limit: int) -> list[Hold]:
        found = [hold for hold in self.holds_by.values() if hold.state == state]
        mine = [h for h in found if authorities is None or any(o.authority in authorities for o in h.orders)]
        return mine[:limit]

    async def keys_of(self, number: str) -> list[str]:
        return ["declaration/AGT0000001:C1"] if number == "AGT0000001:C1" else []

    async def statuses(self, keys: Iterable[str]) -> list[Status]:
        return [Status(key, "declaration", 1, "s1", 0, "agent", "DXP", NOW, "held") for key in keys]

    async def decide(self, submission: str, decided: Decided) -> None:
        self.decided.append((submission, decided))
        hold = self.holds_by[submission]
        made = Decision(decided.authority, decided.decision, decided.by, decided.reason, decided.at)
        names = tuple(order.authority for order in hold.orders)
        decisions = (*hold.decisions, made)
        over = decided.decision == "refuse" or {d.authority for d in decisions} >= set(names)
        state = "held" if not over else "refused" if decided.decision == "refuse" else "gone"
        self.holds_by[submission] = held(*names, submission=submission, state=state, decisions=decisions)


class Hub:
    """The web over a model and reference data in memory."""

    def __init__(self, session: ClientSession, data: Reference, read: Model) -> None:
        self.session, self.data, self.read = session, data, read

    async def call(self, method: str, path: str, caller: str, status: int = 200, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer key-{caller}"}
        async with self.session.request(method, path, headers=headers, json=body) as response:
            assert response.status == status, await response.text()
            return await response.json()

    async def get(self, path: str, caller: str, status: int = 200) -> Any:
        return await self.call("GET", path, caller, status)

    async def post(self, path: str, caller: str, body: Any, status: int = 200) -> Any:
        return await self.call("POST", path, caller, status, body)


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    data, read = Reference(), Model()
    parts = parts_of(
        read, FixedClock(NOW), reference=data, amend_reference=amending(data), decide=read.decide
    )
    async with served(parts) as session:
        yield Hub(session, data, read)


ORDER = {"id": "2026-7", "what": "hold", "level": "red", "office": "2900", "reason": "planned control", "limit": 12}


async def test_an_order_is_made_seen_changed_and_revoked_with_who_did_it(hub: Hub) -> None:
    made = await hub.post("/v1/orders", "customs", ORDER)
    assert (made["id"], made["authority"], made["officer"], made["version"]) == ("customs~2026-7", "customs", "customs", 1)
    assert (made["valid_from"], made["level"], made["limit"], made["revoked"]) == ("2026-06-01", "red", 12, False)
    assert await hub.post("/v1/orders", "customs", ORDER) == made, "the same again changes nothing"
    changed = await hub.post("/v1/orders", "customs", {**ORDER, "level": "orange"})
    assert (changed["version"], changed["level"]) == (2, "orange")
    assert (await hub.get("/v1/orders", "customs"))["items"] == [changed]
    over = await hub.post("/v1/orders/customs~2026-7/revoke", "customs", {"reason": "done"})
    assert (over["revoked"], over["revoked_by"], over["revoked_for"], over["version"]) == (True, "customs", "done", 3)
    assert await hub.post("/v1/orders/customs~2026-7/revoke", "customs", {}) == over
    assert (await hub.get("/v1/orders", "customs"))["items"] == []
    assert [one["id"] for one in (await hub.get("/v1/orders?all=1", "office"))["items"]] == ["customs~2026-7"]
    story = await hub.get("/v1/orders/customs~2026-7", "customs")
    assert [one["version"] for one in story["versions"]] == [3, 2, 1]


@pytest.mark.parametrize(
    "changes",
    [
        {"what": "burn"}, {"reason": ""}, {"level": "pink"}, {"valid_from": "2026-05-31"}, {"valid_from": "soon"}, {"id": ""},
        {"what": "select"}, {"limit": 9999}, {"id": "a/b"}, {"unknown": 1}, {"class": 7},
    ],
)  # fmt: skip
async def test_an_order_that_is_not_in_order_is_refused_with_what_is_wrong(hub: Hub, changes: dict[str, Any]) -> None:
    said = await hub.post("/v1/orders", "customs", {**ORDER, **changes}, 422)
    assert said["faults"][0]["code"] == "meaning.order"
    assert hub.data.ids("order") == []


async def test_orders_are_their_authoritys_and_nothing_to_others(hub: Hub) -> None:
    await hub.post("/v1/orders", "customs", ORDER)
    assert (await hub.get("/v1/orders", "tax"))["items"] == []
    await hub.get("/v1/orders/customs~2026-7", "tax", 404)
    await hub.post("/v1/orders/customs~2026-7/revoke", "tax", {}, 404)
    await hub.post("/v1/orders/customs~2026-7/revoke", "office", {}, 403)
    await hub.post("/v1/orders", "office", ORDER, 403)
    for caller in ("agent", "platform", "operator"):
        await hub.get("/v1/orders", caller, 404)
        await hub.get("/v1/orders/customs~2026-7", caller, 404)
        await hub.post("/v1/orders", caller, ORDER, 404)
    await hub.get("/v1/orders", "suspended", 403)
    await hub.get("/v1/orders", "nobody", 401)


async def test_what_is_held_is_listed_with_its_deadline_for_its_authority_only(hub: Hub) -> None:
    hub.read.holds_by["s1"] = held("customs", "market")
    await hub.post("/v1/orders", "customs", {**ORDER, "id": "1"})
    (item,) = (await hub.get("/v1/held", "customs"))["items"]
    assert (item["submission"], item["until"], item["yours"]) == ("s1", "2026-06-01T05:00:00.000Z", ["customs"])
    assert [(o["order"], o["reason"]) for o in item["orders"]] == [("customs~1", "planned control")]
    assert [o["authority"] for o in (await hub.get("/v1/held/s1", "office"))["orders"]] == ["customs", "market"]
    assert (await hub.get("/v1/held/AGT0000001:C1", "customs"))["submission"] == "s1"
    assert (await hub.get("/v1/held", "tax"))["items"] == []
    for caller in ("tax", "agent", "platform", "operator"):
        await hub.get("/v1/held/s1", caller, 404)
        await hub.post("/v1/held/s1/decision", caller, {"decision": "release"}, 404)
    await hub.post("/v1/held/s1/decision", "office", {"decision": "release"}, 403)
    await hub.get("/v1/held/unknown", "customs", 404)
    await hub.get("/v1/held?state=lost", "customs", 400)


async def test_the_first_decision_counts_and_the_same_again_changes_nothing(hub: Hub) -> None:
    hub.read.holds_by["s1"] = held("customs")
    first = await hub.post("/v1/held/s1/decision", "customs", {"decision": "release", "reason": "looked at"})
    assert (first["state"], first["decisions"][0]["by"], first["decisions"][0]["reason"]) == ("gone", "customs", "looked at")
    assert await hub.post("/v1/held/s1/decision", "customs", {"decision": "release"}) == first
    said = await hub.post("/v1/held/s1/decision", "customs", {"decision": "refuse", "reason": "late"}, 409)
    assert said["faults"][0]["code"] == "duplicate.decided"
    assert len(hub.read.decided) == 1


async def test_what_went_by_itself_cannot_be_decided(hub: Hub) -> None:
    hub.read.holds_by["s1"] = held("customs", state="gone")
    await hub.post("/v1/held/s1/decision", "customs", {"decision": "refuse", "reason": "x"}, 409)
    assert hub.read.decided == []


@pytest.mark.parametrize("body", [{"decision": "burn"}, {"decision": "refuse"}, {"decision": "refuse", "reason": "x" * 501}, {"decision": "refuse", "reason": "\x1b[2J"}, {}, []])
async def test_a_decision_says_what_and_a_refusal_why(hub: Hub, body: Any) -> None:
    hub.read.holds_by["s1"] = held("customs")
    await hub.post("/v1/held/s1/decision", "customs", body, 422)
    assert hub.read.decided == []


@given(st.sets(st.sampled_from(ROLES), max_size=3), st.sets(st.sampled_from(AUTHORITIES), min_size=1), st.booleans())
def test_random_principals_see_only_what_their_office_gives_them(roles: set[str], names: set[str], suspended: bool) -> None:
    viewer = Principal("somebody", tuple(sorted(roles)), suspended=suspended)
    may = not suspended and ("office" in roles or bool(roles & names))
    assert may_see(viewer, held(*sorted(names))) is may
    for name in AUTHORITIES:
        assert sees(viewer, name) is (not suspended and ("office" in roles or name in roles))


async def test_the_console_shows_officers_what_is_held_and_takes_their_decision(hub: Hub) -> None:
    hub.read.holds_by["s1"] = held("customs")
    await hub.post("/v1/orders", "customs", {**ORDER, "id": "1"})

    def signed_in(name: str) -> dict[str, str]:
        return {"Cookie": f"{SESSION_COOKIE}={session_token(b's' * 32, name, NOW)}"}

    async with hub.session.get("/held", headers=signed_in("customs")) as response:
        page = await response.text()
    assert response.status == 200, page
    assert "customs~1" in page
    assert "planned control" in page
    token = re.search(r'name="csrf" value="(\w+)"', page)
    assert token is not None
    form = {"decision": "refuse", "reason": "prohibited", "csrf": token[1]}
    for name, sent, status in (("agent", form, 403), ("customs", {**form, "csrf": "x"}, 403), ("customs", {**form, "reason": ""}, 422)):
        async with hub.session.post("/held/s1", headers=signed_in(name), data=sent) as response:
            assert response.status == status
    assert hub.read.decided == []
    async with hub.session.post("/held/s1", headers=signed_in("customs"), data=form, allow_redirects=False) as response:
        assert response.status == 303
    assert [(d.decision, d.reason) for _, d in hub.read.decided] == [("refuse", "prohibited")]
    async with hub.session.get("/held?state=refused", headers=signed_in("office")) as response:
        assert "prohibited" in await response.text()
    for name in ("agent", "operator"):
        async with hub.session.get("/held", headers=signed_in(name)) as response:
            assert response.status == 404


async def test_the_console_takes_orders_of_officers_and_revokes_them(hub: Hub) -> None:
    def signed_in(name: str) -> dict[str, str]:
        return {"Cookie": f"{SESSION_COOKIE}={session_token(b's' * 32, name, NOW)}"}

    async def post(path: str, name: str, status: int, **form: str) -> str:
        async with hub.session.post(path, headers=signed_in(name), data=form, allow_redirects=False) as response:
            assert response.status == status, await response.text()
            return await response.text()

    async def tokens(name: str) -> str:
        async with hub.session.get("/held", headers=signed_in(name)) as response:
            page = await response.text()
        found = re.search(r'name="csrf" value="(\w+)"', page)
        return found[1] if found else ""

    form = {"id": "7", "what": "select", "reason": "toys", "hs": "9503", "rate": "2.5", "enterprise": "", "level": ""}
    token = await tokens("customs")
    await post("/orders", "customs", 403, **form, csrf="x")
    await post("/orders", "agent", 403, **form, csrf=token)
    assert "rate" in await post("/orders", "customs", 422, **{**form, "rate": "many"}, csrf=token)
    assert "meaning.order" in await post("/orders", "customs", 422, **{**form, "hs": "", "what": "lose"}, csrf=token)
    assert "R99" in await post("/orders", "customs", 422, **form, rule="R99", csrf=token)
    await post("/orders", "customs", 303, **form, csrf=token)
    (order,) = (await hub.get("/v1/orders", "customs"))["items"]
    assert (order["id"], order["what"], order["hs"], order["rate"]) == ("customs~7", "select", "9503", 2.5)
    assert "enterprise" not in order
    await post("/orders/customs~7/revoke", "customs", 303, csrf=token)
    assert (await hub.get("/v1/orders", "customs"))["items"] == []
    await post("/orders/customs~8/revoke", "customs", 404, csrf=token)
    for name, makes in (("customs", True), ("office", False)):  # the office sees orders and makes none
        async with hub.session.get("/held", headers=signed_in(name)) as response:
            assert ('action="/orders"' in await response.text()) == makes

"""Subscriptions in the web: everybody its own, officers' feeds for officers, nothing that leads inside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from aiohttp import ClientSession
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.access import ROLES, Principal, is_officer
from hub.domain.audit import Act
from hub.domain.faults import Refused
from hub.domain.reference import Reference, ReferenceRecord
from hub.domain.subscriptions import ALWAYS, ENDPOINT, FEEDS, Subscription, every, find, is_for, topic_of
from hub.settings import Settings
from hub.topics import ALERTS, ANSWERS, AUTHORITIES, out
from hub.web import changes
from hub.web.views import subscriptions as view
from hub.wiring import GroupLags, HookClient, Vault, delivering
from tests.support.delivery import PlainPublisher, WallClock
from tests.support.receiver import receiving
from tests.support.site import amending, parts_of, served


class Hub:
    """The web over reference data in memory and a client that may call private addresses only where told."""

    def __init__(self, session: ClientSession, data: Reference) -> None:
        self.session, self.data = session, data
        self.acts: list[Act] = []
        #: Calls of others that are made and answered while the next change waits for its turn.
        self.before: list[Coroutine[Any, Any, Any]] = []

    async def call(self, method: str, path: str, caller: str, status: int = 200, body: Any = None) -> Any:
        async with self.session.request(method, path, headers={"Authorization": f"Bearer key-{caller}"}, json=body) as response:
            assert response.status == status, await response.text()
            return await response.json() if status != 204 else None

    async def codes(self, caller: str, body: Any, status: int = 422) -> str:
        return str((await self.call("POST", "/v1/subscriptions", caller, status, body))["faults"][0]["code"])


async def site(tmp_path: Any, *, private: bool) -> AsyncIterator[Hub]:
    data, clock = Reference(), WallClock()
    settings = Settings(data=tmp_path, subscriptions_each=3, webhook_private=private, drop_folder=tmp_path / "drop" if private else None)
    hooks = HookClient(private=private, timeout=2)
    made = delivering(settings, Vault(settings.keys_folder), clock, hooks, PlainPublisher(""), GroupLags(""))
    acts: list[Act] = []

    async def note(act: Act) -> None:
        acts.append(act)

    async def amend(change: Callable[[Reference], Sequence[ReferenceRecord]]) -> Sequence[ReferenceRecord]:
        while found.before:
            await found.before.pop()
        return await amending(data)(change)

    parts = replace(parts_of(None, clock, reference=data, amend_reference=amend), delivering=made, audit=note)
    async with served(parts) as session:
        found = Hub(session, data)
        found.acts = acts
        yield found
    await hooks.close()


@pytest.fixture
async def hub(tmp_path: Any) -> AsyncIterator[Hub]:
    async for made in site(tmp_path, private=True):
        yield made


@pytest.fixture
async def strict(tmp_path: Any) -> AsyncIterator[Hub]:
    async for made in site(tmp_path, private=False):
        yield made


HOOK = {"feed": "alerts", "url": "http://127.0.0.1:9/hook", "filter": {"severity": ["red"], "office": "2900"}, "title": "red ones"}


async def test_a_subscription_is_made_shown_without_its_secret_rotated_and_deleted(hub: Hub) -> None:
    made = await hub.call("POST", "/v1/subscriptions", "customs", 201, HOOK)
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert (made["state"], made["filter"]) == ("active", {"severity": ["red"], "office": ["2900"]})
    path = f"/v1/subscriptions/{made['id']}"
    assert await hub.call("GET", path, "customs") == made
    assert (await hub.call("GET", "/v1/subscriptions", "customs"))["items"] == [made]
    changed = await hub.call("POST", f"{path}/rotate", "customs")
    assert changed.pop("secret") not in ("", secret)
    for method, call in (("GET", path), ("DELETE", path), ("POST", f"{path}/resume"), ("POST", f"{path}/rotate"), ("POST", f"{path}/test")):
        await hub.call(method, call, "tax", 404)
        await hub.call(method, call, "suspended", 403)
    await hub.call("DELETE", path, "customs", 204)
    await hub.call("GET", path, "customs", 404)
    assert (await hub.call("GET", "/v1/subscriptions", "customs"))["items"] == []
    assert [act.what for act in hub.acts] == ["subscription.made", "subscription.rotated", "subscription.ended"]
    assert hub.acts[0].detail == {"feed": "alerts", "kind": "webhook", "host": "127.0.0.1"}
    assert secret not in str(hub.acts)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"feed": "everything"}, "webhook.subscription"), ({}, "webhook.subscription"), ([], "webhook.subscription"),
        ({**HOOK, "secret": "x"}, "webhook.subscription"), ({**HOOK, "kind": "fax"}, "webhook.subscription"),
        ({**HOOK, "filter": {"severity": "pink"}}, "webhook.subscription"), ({**HOOK, "filter": {"colour": "red"}}, "webhook.subscription"),
        ({**HOOK, "filter": {"rule": []}}, "webhook.subscription"), ({**HOOK, "filter": {"rule": "x" * 101}}, "webhook.subscription"),
        ({**HOOK, "feed": "answers"}, "webhook.subscription"), ({**HOOK, "title": "a\nb"}, "webhook.subscription"),
        ({**HOOK, "kind": "file"}, "webhook.subscription"), ({**HOOK, "url": ""}, "webhook.url"),
    ],
)  # fmt: skip
async def test_what_cannot_be_subscribed_to_is_refused_by_a_code(hub: Hub, body: Any, code: str) -> None:
    assert await hub.codes("customs", body) == code


@pytest.mark.parametrize(
    ("url", "code"),
    {
        "http://example.com/": "webhook.url", "https://10.0.0.1/": "webhook.address", "https://localhost/": "webhook.address",
        "https://169.254.169.254/latest/meta-data": "webhook.address", "https://[fd00:ec2::254]/": "webhook.address",
        "https://example.com:6379/": "webhook.port", "https://u:p@example.com/": "webhook.url", "https://does-not-exist.invalid/": "webhook.name",
    }.items(),
)  # fmt: skip
async def test_addresses_that_lead_inside_are_refused_at_creation(strict: Hub, url: str, code: str) -> None:
    assert await strict.codes("customs", {**HOOK, "url": url}) == code
    assert await strict.codes("customs", {"feed": "alerts", "kind": "file"}) == "webhook.no_drop_folder"


async def test_feeds_are_for_those_they_are_for_and_subscriptions_are_counted(hub: Hub) -> None:
    for feed in ("alerts", "out"):
        for caller in ("agent", "operator"):
            await hub.call("POST", "/v1/subscriptions", caller, 404, {**HOOK, "feed": feed})
    assert await hub.codes("office", {**HOOK, "feed": "out"}) == "webhook.subscription"
    for _ in range(3):
        await hub.call("POST", "/v1/subscriptions", "agent", 201, {"feed": "answers", "kind": "file"})
    assert await hub.codes("agent", {"feed": "answers", "kind": "file"}, 409) == "webhook.too_many"
    async with hub.session.post("/v1/subscriptions", json=HOOK) as response:
        assert response.status == 401


async def test_many_calls_at_a_time_find_no_more_room_than_one_after_the_other(hub: Hub) -> None:
    body = {"feed": "answers", "url": "http://127.0.0.1:9/hook"}
    calls = [hub.session.post("/v1/subscriptions", headers={"Authorization": "Bearer key-agent"}, json=body) for _ in range(20)]
    assert sorted([answer.status for answer in await asyncio.gather(*calls)]) == [201] * 3 + [409] * 17


async def test_changes_are_counted_by_the_hour_but_to_end_one_is_never_refused(hub: Hub) -> None:
    made = await hub.call("POST", "/v1/subscriptions", "customs", 201, HOOK)
    path = f"/v1/subscriptions/{made['id']}"
    for _ in range(changes.MOST - 1):
        await hub.call("POST", f"{path}/rotate", "customs")
    for what in ("rotate", "test"):
        told = await hub.call("POST", f"{path}/{what}", "customs", 429)
        assert told["faults"][0]["code"] == "webhook.too_often"
    assert await hub.codes("customs", HOOK, 429) == "webhook.too_often"
    await hub.call("POST", "/v1/subscriptions", "office", 201, HOOK)
    # Of what everybody may write as often as it likes only the newest stays in memory.
    assert len(hub.data.versions("subscription", made["id"])) == 1
    await hub.call("DELETE", path, "customs", 204)
    await hub.call("GET", path, "customs", 404)


async def test_changes_at_the_same_moment_are_made_one_after_the_other_and_none_is_lost(hub: Hub) -> None:
    made = await hub.call("POST", "/v1/subscriptions", "customs", 201, HOOK)
    path = f"/v1/subscriptions/{made['id']}"
    changed = await asyncio.gather(*(hub.call("POST", f"{path}/rotate", "customs") for _ in range(5)))
    assert len({made["secret"], *(one["secret"] for one in changed)}) == 6, "each was told a secret of its own"
    found = find(hub.data, made["id"])
    assert found is not None
    assert found.secret == 6


async def test_a_rotation_that_meets_a_deletion_does_not_bring_the_subscription_back(hub: Hub) -> None:
    made = await hub.call("POST", "/v1/subscriptions", "customs", 201, HOOK)
    path = f"/v1/subscriptions/{made['id']}"
    hub.before = [hub.call("DELETE", path, "customs", 204)]
    await hub.call("POST", f"{path}/rotate", "customs", 404)
    await hub.call("GET", path, "customs", 404)


async def test_whoever_names_a_version_changes_that_one_only(hub: Hub) -> None:
    made = await hub.call("POST", "/v1/subscriptions", "customs", 201, HOOK)
    path = f"/v1/subscriptions/{made['id']}"

    async def status(method: str, call: str, version: str) -> tuple[int, str]:
        headers = {"Authorization": "Bearer key-customs", "If-Match": version}
        async with hub.session.request(method, call, headers=headers) as response:
            return response.status, response.headers.get("ETag", "") if response.status < 400 else (await response.json())["faults"][0]["code"]

    first = f'"{made["version"]}"'
    assert await status("GET", path, "") == (200, first)
    second = (await status("POST", f"{path}/rotate", first))[1]
    assert second not in ("", first)
    for method, call in (("POST", f"{path}/rotate"), ("POST", f"{path}/resume"), ("DELETE", path)):
        for version in (first, f"W/{second}", "1", ""):
            assert await status(method, call, version) == (412, "webhook.changed"), (call, version)
    tried = (await status("POST", f"{path}/resume", f"{first}, {second}"))[1]
    assert tried not in ("", first, second), "an active one is sent to anew"
    second = tried
    hub.data.put(ReferenceRecord(ENDPOINT, made["id"], 1, ALWAYS, value={"state": "parked", "reason": "webhook.dead", "at": 1}), hub.data.reached + 1)
    assert await status("DELETE", path, second) == (412, "webhook.changed"), "the sender has said something of it since"
    third = (await status("GET", path, ""))[1]
    hub.before = [hub.call("POST", f"{path}/rotate", "customs")]
    assert await status("POST", f"{path}/resume", third) == (412, "webhook.changed"), "changed while this call was on its way"
    assert (await status("POST", f"{path}/resume", "*"))[0] == 200
    assert (await status("DELETE", path, (await status("GET", path, ""))[1]))[0] == 204


async def test_an_operator_resumes_anybodys_and_is_not_told_where_it_leads_or_what_it_looks_for(hub: Hub) -> None:
    made = await hub.call("POST", "/v1/subscriptions", "customs", 201, HOOK)
    path = f"/v1/subscriptions/{made['id']}/resume"
    told = await hub.call("POST", path, "operator")
    assert (told["id"], told["url"], told["filter"]) == (made["id"], "", {})
    assert (await hub.call("POST", path, "customs"))["url"] == HOOK["url"]


def test_a_subscription_that_is_none_is_in_nobodys_way() -> None:
    data = Reference()
    data.put(ReferenceRecord("subscription", "s1", 1, ALWAYS, value={"principal": 7}), 0)
    data.put(ReferenceRecord("subscription", "s2", 1, ALWAYS, value={"principal": "a", "feed": "answers", "created_at": 1}), 1)
    assert [one.id for one in every(data)] == ["s2"]
    assert find(data, "s1") is None


async def test_there_is_room_left_for_officers_when_others_have_taken_theirs(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view, "MOST", 4)
    monkeypatch.setattr(view, "MOST_OF_OTHERS", 2)
    answers = {"feed": "answers", "url": HOOK["url"]}
    for who, status in (("agent", 201), ("agent", 201), ("platform", 409), ("customs", 201), ("customs", 201), ("customs", 409)):
        await hub.call("POST", "/v1/subscriptions", who, status, answers)


def test_an_hour_later_there_is_room_again() -> None:
    made = changes.Changes()
    for _ in range(changes.MOST):
        made.take("a", 0)
    made.take("b", 0)
    with pytest.raises(Refused):
        made.take("a", changes.HOUR - 1)
    made.take("a", changes.HOUR)


async def test_a_test_event_tells_what_came_back(hub: Hub) -> None:
    async with receiving("") as receiver:
        made = await hub.call("POST", "/v1/subscriptions", "customs", 201, {**HOOK, "url": receiver.url})
        receiver.secret, path = made["secret"], f"/v1/subscriptions/{made['id']}/test"
        told = await hub.call("POST", path, "customs")
        assert (told["delivered"], told["status"], told["code"]) == (True, 204, "")
        assert receiver.got[0]["type"] == told["type"] == "hub.subscription.tested.v1"
        receiver.down = 500
        told = await hub.call("POST", path, "customs")
        assert (told["delivered"], told["status"], told["code"], told["message_zh"] != "") == (False, 500, "webhook.answered", True)
    told = await hub.call("POST", path, "customs")
    assert (told["delivered"], told["status"], told["code"]) == (False, None, "webhook.unreachable")
    dropped = await hub.call("POST", "/v1/subscriptions", "agent", 201, {"feed": "answers", "kind": "file"})
    assert "secret" not in dropped
    assert (await hub.call("POST", f"/v1/subscriptions/{dropped['id']}/test", "agent"))["delivered"]


async def test_what_the_sender_found_holds_until_the_subscription_is_resumed(hub: Hub) -> None:
    made = await hub.call("POST", "/v1/subscriptions", "customs", 201, HOOK)
    path = f"/v1/subscriptions/{made['id']}"

    def found(version: int, resumed: int) -> None:
        value = {"state": "parked", "reason": "webhook.dead", "at": 1, "resumed": resumed}
        hub.data.put(ReferenceRecord(ENDPOINT, made["id"], version, ALWAYS, value=value), hub.data.reached + 1)

    found(1, 0)
    assert (await hub.call("GET", path, "customs"))["reason"] == "webhook.dead"
    assert (await hub.call("POST", f"{path}/rotate", "customs"))["state"] == "parked"
    assert (await hub.call("POST", f"{path}/resume", "customs"))["state"] == "active"
    found(2, 0)
    assert (await hub.call("GET", path, "customs"))["state"] == "active", "a late word about what was before"
    found(3, 1)
    assert (await hub.call("GET", path, "customs"))["state"] == "parked"
    await hub.call("DELETE", path, "customs", 204)
    assert find(hub.data, made["id"]) is None


async def test_what_its_owner_changes_while_an_address_is_looked_at_is_not_undone_by_resuming(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await hub.call("POST", "/v1/subscriptions", "customs", 201, HOOK)
    path, calls = f"/v1/subscriptions/{made['id']}", list[tuple[str, str, int]]()

    async def resolved(_: HookClient, url: str) -> str:
        if calls:
            method, call, status = calls.pop()
            await hub.call(method, path + call, "customs", status)
        return url

    def parked(resumed: int) -> None:
        value = {"state": "parked", "reason": "webhook.dead", "at": 1, "resumed": resumed}
        hub.data.put(ReferenceRecord(ENDPOINT, made["id"], resumed + 1, ALWAYS, value=value), hub.data.reached + 1)

    monkeypatch.setattr(HookClient, "resolved", resolved)
    parked(0)
    calls.append(("POST", "/rotate", 200))
    assert (await hub.call("POST", f"{path}/resume", "customs"))["state"] == "active"
    now = find(hub.data, made["id"])
    assert now is not None
    assert now.secret == 2
    parked(1)
    calls.append(("DELETE", "", 204))
    await hub.call("POST", f"{path}/resume", "customs", 404)
    assert find(hub.data, made["id"]) is None


@given(st.sets(st.sampled_from(ROLES), min_size=1), st.sampled_from(FEEDS), st.booleans())
def test_nobody_is_pushed_what_the_access_table_does_not_give(roles: set[str], feed: str, suspended: bool) -> None:
    principal = Principal(name="p", roles=tuple(sorted(roles)), suspended=suspended)
    subscription = Subscription("s", "p", feed, 0)
    topic = topic_of(subscription, principal)
    assert not (suspended and topic)
    assert topic in ("", ALERTS, ANSWERS, *(out(role) for role in roles if role in AUTHORITIES))
    assert is_officer(principal) or topic in ("", ANSWERS)
    assert topic_of(subscription, None) == topic_of(subscription, msgspec.structs.replace(principal, name="q")) == ""
    if feed == "alerts" and topic:
        for agencies in ([], ["tax"], ["customs", "market"]):
            wanted = not agencies or bool({*agencies, "office"} & roles)
            assert is_for(subscription, principal, b"", {"agency": agencies}) == wanted
    if feed == "answers":
        assert is_for(subscription, principal, b"p", {"participant": "p"})
        assert not is_for(subscription, principal, b"q", {"participant": "q"})
        assert not is_for(subscription, principal, b"p", {"participant": "q"})

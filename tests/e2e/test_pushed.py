"""Events pushed from a whole hub to an endpoint and a folder, through the death of what delivers; seen, parked and sent again."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.settings import Settings
from tests.e2e.test_held import declared, say
from tests.support.hub_up import HubUp, environment, until
from tests.support.receiver import Receiver, receiving

pytestmark = pytest.mark.slow


class Endpoint:
    """A receiver on a loop and thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._ready, self._over = threading.Event(), asyncio.Event()
        self.receiver = Receiver()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    async def _serve(self) -> None:
        async with receiving("") as self.receiver:
            self._ready.set()
            await self._over.wait()

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(10)
        self._loop.close()


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubUp]:
    data = tmp_path_factory.mktemp("pushed")
    made = HubUp(data, webhook_private="true", webhook_attempts=2, webhook_retry_ms=100, drop_folder=data / "drop")
    try:
        made.wait_ready()
        yield made
    finally:
        made.end()


@pytest.fixture
def endpoint() -> Iterator[Receiver]:
    made = Endpoint()
    yield made.receiver
    made.end()


def command(hub: HubUp, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    """A command beside the running hub: its exit status and the JSON it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "hub", *arguments], env=environment(data=hub.data, partitions=Settings().partitions), check=False, capture_output=True, text=True, timeout=90
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def test_an_enterprise_gets_its_answers_pushed_and_dropped_over_a_killed_sender_and_what_was_parked_again(hub: HubUp, endpoint: Receiver) -> None:
    status, made = say(hub, "agent", "/v1/subscriptions", {"feed": "answers", "url": endpoint.url, "title": "answers"})
    assert status == 201, made
    endpoint.secret = made["secret"]
    status, dropped = say(hub, "agent", "/v1/subscriptions", {"feed": "answers", "kind": "file"})
    assert status == 201, dropped
    assert say(hub, "agent", f"/v1/subscriptions/{made['id']}/test", {})[1]["delivered"]
    declared(hub, 0)
    until(lambda: len(endpoint.got) > 3, "answers of customs")
    former = hub.kill("deliver")
    hub.back("deliver", former)
    before = len(endpoint.got)
    declared(hub, 1000)
    until(lambda: len(endpoint.got) > before + 3, "more of them")
    assert all(event["data"]["participant"] == "agent" for event in endpoint.got if "participant" in event["data"])
    folder = hub.data / "drop" / "agent" / dropped["id"]

    def same() -> bool:
        files = {json.loads(file.read_bytes())["id"] for file in Path(folder).glob("answers-*.json")}
        return bool(files) and files == {event["id"] for event in endpoint.got if event["type"] != "hub.subscription.tested.v1"}

    until(same, "the same events as files")

    endpoint.down = 400
    declared(hub, 2000)
    until(lambda: seen(hub, made["id"])["parked"] > 0, "a parked event")
    assert seen(hub, made["id"], "operator")["url"] == ""
    assert made["id"] not in [one["id"] for one in hub.get("/v1/deliveries", "customs")["items"]]
    endpoint.down = 0
    where = f"recipient=subscription:{made['id']}"
    status, would = command(hub, "replay", "--topic", "hand-overs", "--where", where, "--dry-run", "--json")
    assert status == 0
    assert {one["note"] for one in would} == {"webhook.answered 400"}
    before = len(endpoint.got)
    status, did = command(hub, "replay", "--topic", "hand-overs", "--where", where, "--yes", "--json")
    assert status == 0
    assert {one["id"] for one in would} <= {one["id"] for one in did if one["outcome"] == "sent"}
    until(lambda: {one["id"] for one in did} <= {event["id"] for event in endpoint.got}, "what was parked")
    until(lambda: seen(hub, made["id"])["parked"] == 0, "nothing parked")
    until(lambda: seen(hub, made["id"])["lag"] == 0, "no lag")
    assert command(hub, "replay", "--topic", "dead-letters", "--dry-run", "--json") == (0, [])

    endpoint.down = 410
    declared(hub, 3000)
    until(lambda: seen(hub, made["id"])["reason"] == "webhook.gone", "a disabled subscription")
    _, healths = command(hub, "doctor", "--json")
    (said,) = [one for one in healths if one["name"] == "deliveries"]
    assert said["state"] == "wrong"
    assert made["id"] in said["found"]
    endpoint.down, before = 0, len(endpoint.got)
    assert say(hub, "agent", f"/v1/subscriptions/{made['id']}/resume", {})[1]["state"] == "active"
    until(lambda: len(endpoint.got) > before, "on from where it stood")


def seen(hub: HubUp, id: str, who: str = "agent") -> dict[str, Any]:
    return next(one for one in hub.get("/v1/deliveries", who)["items"] if one["id"] == id)

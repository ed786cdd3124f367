"""``hub up``: every part comes up, is killed and comes back, and nothing is left running at the end."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from click import unstyle

from hub.infra.child import who_listens
from hub.infra.embedded import EmbeddedKafka
from hub.settings import Settings, jars
from tests.support.hub_up import HubUp, environment, until

pytestmark = pytest.mark.slow

#: What runs with the sandbox, beside ``hub up`` itself.
PARTS = {"kafka", "postgresql", "serve", "project", "deliver", "evidence", "sandbox"}


def hub(*arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    """A command of the command line, to its end."""
    command = [sys.executable, "-m", "hub", *arguments]
    return subprocess.run(command, env=environment(**settings), check=False, capture_output=True, text=True, timeout=120)


def test_every_part_runs_under_its_name_and_its_readers_find_it(hub_up: HubUp) -> None:
    pids = hub_up.pids()
    assert pids.keys() >= PARTS
    assert any(name.startswith("stream") for name in pids)
    assert all(psutil.pid_exists(pid) for pid in pids.values())
    told = [json.loads(line) for line in hub("config", "--json", data=hub_up.data).stdout.splitlines()]
    values = {entry["setting"]: (entry["value"], entry["source"]) for entry in told}
    assert values["kafka"] == (hub_up.run()["kafka"], "hub up")
    assert values["listen"] == (f"127.0.0.1:{hub_up.port}", "hub up")
    secret = (hub_up.data / "postgres.password").read_text()
    assert secret not in json.dumps(told)
    assert secret not in hub_up.output.read_text()


def test_a_second_hub_is_told_what_stands_in_its_way(hub_up: HubUp, tmp_path: Path) -> None:
    same_port = hub("up", "--data", str(tmp_path), "--port", str(hub_up.port))
    assert same_port.returncode == 1
    assert f"port {hub_up.port} in use by python" in same_port.stderr
    same_folder = hub("up", "--data", str(hub_up.data), "--port", "1")
    assert same_folder.returncode == 1
    assert str(hub_up.pids()["up"]) in same_folder.stderr


def test_the_doctor_finds_a_sound_hub_sound_and_a_projector_that_does_not_move(hub_up: HubUp) -> None:
    last: dict[str, dict[str, str]] = {}

    def doctor() -> dict[str, str]:
        found = hub("doctor", "--json", data=hub_up.data, listen=f"127.0.0.1:{hub_up.port}").stdout
        last.update({line["name"]: line for line in map(json.loads, found.splitlines())})
        return {name: line["state"] for name, line in last.items()}

    def sound() -> bool:
        states = doctor()
        wrong = [line for line in last.values() if line["state"] == "wrong"]
        print(*wrong, sep="\n")  # shown where it does not become sound
        return states["read model"] == "ok" and not wrong

    until(sound, "a hub with nothing wrong", 60)
    hub_up.kill("project", signal.SIGSTOP)
    try:
        until(lambda: doctor()["read model"] == "wrong", "what stands still is found", 60)
    finally:
        hub_up.kill("project", signal.SIGCONT)


def test_every_part_that_is_killed_comes_back_and_the_hub_works_on(hub_up: HubUp) -> None:
    for name in sorted(hub_up.pids().keys() - {"up"}):
        former = hub_up.kill(name)
        hub_up.back(name, former)
    until(lambda: hub_up.status("/readyz") == 200, "readiness after kills")
    reading = "/v1/throughput"
    until(lambda: hub_up.status("/healthz") == 200, "life")
    assert hub_up.get(reading)


def test_it_ends_on_sigterm_with_nothing_left(tmp_path: Path) -> None:
    one = HubUp(tmp_path / "hub")
    try:
        one.wait_ready()
        kafka = int(one.run()["kafka"].rpartition(":")[2])
    finally:
        code = one.end(signal.SIGTERM)
    assert code == 0
    assert who_listens(one.port) is None
    assert who_listens(kafka) is None
    assert not (one.data / "run.json").exists()


def test_after_sigkill_of_the_supervisor_nothing_is_left_and_it_starts_again(tmp_path: Path) -> None:
    first = HubUp(tmp_path / "hub")
    first.wait_ready()
    assert first.end(signal.SIGKILL) == -signal.SIGKILL
    second = HubUp(tmp_path / "hub")
    try:
        second.wait_ready()
    finally:
        assert second.end(signal.SIGINT) == 0


def test_the_demo_is_released_and_ends_by_itself(tmp_path: Path) -> None:
    demo = HubUp(tmp_path / "hub", ["--demo", "--once"])
    family: list[psutil.Process] = []

    def over() -> bool:
        family[:] = demo.family() or family
        return demo.process.poll() is not None

    try:
        until(over, "the end of the demo", 180)
    finally:
        code = demo.end()
    told = demo.output.read_text()
    assert code == 0, told
    assert told == unstyle(told)
    assert re.search(r"declaration .* (closed 899|released 800)", told)
    assert not [process for process in family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


async def test_servers_of_its_own_are_used_when_they_are_named(database: str, tmp_path: Path) -> None:
    node = EmbeddedKafka(tmp_path / "own" / "kafka", jars(Settings()))
    await node.start()
    named = {"kafka": node.bootstrap, "database": database, "processes": "serve;project", "customs_url": "http://127.0.0.1:9"}
    one = HubUp(tmp_path / "hub", **named)
    try:
        await asyncio.to_thread(one.wait_ready)
        assert one.pids().keys() == {"up", "serve", "project"}
        assert one.run()["kafka"] == node.bootstrap
        assert not (one.data / "kafka").exists()
    finally:
        code = await asyncio.to_thread(one.end)
        await node.stop()
    assert code == 0

"""The supervisor's own parts, with small processes instead of servers."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from hub.domain.faults import Misconfigured
from hub.infra import child, health, supervisor
from hub.infra.child import Child, free_port, who_listens
from hub.infra.health import processes_health
from hub.infra.supervisor import RunFile, Supervisor, running
from hub.settings import Settings

LISTEN = "import socket,sys,time; s=socket.create_server(('127.0.0.1', int(sys.argv[1]))); print('up', flush=True); time.sleep(600)"


class Listener(Child):
    """A server that only listens."""

    name = "Listener"

    def command(self) -> list[str]:
        return [sys.executable, "-c", LISTEN, str(self.port)]


async def until(condition, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come"
        await asyncio.sleep(0.02)


async def test_a_server_is_ready_when_it_serves_and_gone_when_stopped(tmp_path: Path) -> None:
    server = Listener(tmp_path / "logs" / "x.log", free_port())
    await server.start()
    assert who_listens(server.port) == f"{psutil.Process(server.pid).name()} (pid {server.pid})"
    await server.stop()
    assert server.pid == 0
    assert who_listens(server.port) is None


async def test_a_port_in_use_is_said_with_who_uses_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(Misconfigured) as raised:
            await Listener(tmp_path / "x.log", port).start()
    assert f"port {port} in use by" in str(raised.value)
    assert f"pid {os.getpid()}" in str(raised.value)


async def test_a_server_that_ends_at_once_is_said_with_the_end_of_its_log(tmp_path: Path) -> None:
    class Broken(Listener):
        def command(self) -> list[str]:
            return [sys.executable, "-c", "raise SystemExit('no such luck')"]

    with pytest.raises(Misconfigured) as raised:
        await Broken(tmp_path / "x.log", free_port()).start()
    assert "no such luck" in str(raised.value)


async def test_a_killed_server_is_started_again_under_a_new_id(tmp_path: Path) -> None:
    run_file = RunFile(tmp_path / "run.json")
    keeper = Supervisor(run_file, tmp_path / "logs")
    server = Listener(tmp_path / "logs" / "x.log", free_port())
    try:
        await keeper.serve(server)
        first = running(tmp_path)["processes"]["listener"]
        os.kill(first, signal.SIGKILL)
        await until(lambda: running(tmp_path)["processes"].get("listener", first) != first)
        assert who_listens(server.port) is not None
    finally:
        await keeper.stop()
    assert who_listens(server.port) is None
    assert running(tmp_path) == {}


async def test_a_process_that_keeps_failing_is_tried_ever_more_slowly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "PAUSES", (0.0, 0.0, 600.0))
    keeper = Supervisor(RunFile(tmp_path / "run.json"), tmp_path / "logs")
    keeper.run("wrong", ["no-such-command"], dict(os.environ))
    log = tmp_path / "logs" / "wrong.log"
    await until(lambda: log.exists() and log.read_text().count("No such command") == 2)
    await until(lambda: "wrong" not in running(tmp_path)["processes"])
    began = time.monotonic()
    await keeper.stop()
    assert time.monotonic() - began < 5


def test_only_one_hub_runs_on_a_state_folder(tmp_path: Path) -> None:
    first = RunFile(tmp_path / "run.json", listen="127.0.0.1:1")
    assert running(tmp_path)["listen"] == "127.0.0.1:1"
    assert (tmp_path / "run.json").stat().st_mode & 0o077 == 0
    with pytest.raises(Misconfigured) as raised:
        RunFile(tmp_path / "run.json")
    assert str(os.getpid()) in str(raised.value)
    first.remove()
    RunFile(tmp_path / "run.json").remove()


def test_what_a_dead_hub_left_behind_is_nothing_that_runs(tmp_path: Path) -> None:
    assert running(tmp_path) == {}
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (tmp_path / "run.json").write_text(json.dumps({"processes": {"up": ended.pid}, "kafka": "x"}))
    assert running(tmp_path) == {}


def test_children_die_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    code = textwrap.dedent(
        f"""
        import asyncio
        from pathlib import Path
        from hub.infra.child import spawn
        async def main():
            child = await spawn(["sleep", "600"], Path({str(tmp_path / "log")!r}))
            print(child.pid, flush=True)
            await asyncio.sleep(600)
        asyncio.run(main())
        """
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        orphan = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    psutil.wait_procs([orphan], 10)
    assert not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE


def test_a_free_port_is_never_one_the_kernel_gives_to_clients() -> None:
    assert all(free_port() < child._first_ephemeral() for _ in range(20))


def test_a_long_log_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "LOG_BYTES", 3)
    log = tmp_path / "x.log"
    log.write_text("long")
    os.close(child.opened_log(log))
    assert log.read_text() == ""
    assert (tmp_path / "x.log.1").read_text() == "long"


async def test_a_process_that_keeps_dying_is_told_with_its_last_words(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "PAUSES", (0.01,))
    run_file = RunFile(tmp_path / "run.json", listen="127.0.0.1:9")
    keeper = Supervisor(run_file, tmp_path / "logs")
    keeper.run("serve", ["no-such-command"], dict(os.environ))
    said = ""

    def told() -> bool:
        nonlocal said
        said += capfd.readouterr().err
        return "No such command" in said

    await until(told, 60)
    assert str(tmp_path / "logs" / "serve.log") in said
    await keeper.stop()


async def test_the_doctor_does_not_call_a_part_wrong_that_is_started_again_while_he_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "SECOND_LOOK", 0.2)
    door = await asyncio.start_server(_yes, "127.0.0.1")
    listen = f"127.0.0.1:{door.sockets[0].getsockname()[1]}"
    run_file = RunFile(tmp_path / "run.json", listen=listen)
    run_file.expect("serve")
    asyncio.get_running_loop().call_later(0.05, run_file.set, "serve", os.getpid())
    async with door:
        assert (await processes_health(Settings(data=tmp_path, listen=listen))).state == "ok"


async def _yes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    await writer.drain()
    writer.close()


async def test_the_doctor_names_the_log_of_a_dead_process_and_of_a_silent_door(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "SECOND_LOOK", 0.01)
    settings = Settings(data=tmp_path, listen=f"127.0.0.1:{free_port()}")
    assert (await processes_health(settings)).state == "off"
    run_file = RunFile(tmp_path / "run.json", listen=settings.listen)
    run_file.expect("serve")
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "serve.log").write_text("Traceback\nValueError: made up\n\n")
    dead = await processes_health(settings)
    assert dead.state == "wrong"
    assert "ValueError: made up" in dead.found
    assert str(tmp_path / "logs" / "serve.log") in dead.remedy
    run_file.set("serve", os.getpid())
    silent = await processes_health(settings)
    assert (silent.state, settings.listen in silent.found) == ("wrong", True)
    run_file.set("up", 2**22 + 1)
    gone = await processes_health(settings)
    assert (gone.state, "not alive" in gone.found) == ("wrong", True)
    run_file.remove()

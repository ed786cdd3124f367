"""One Kafka and one PostgreSQL for a whole test run, shared by its worker processes.

Whoever first needs them starts a keeper, ``python -m tests.support.servers FOLDER PID``; it holds both servers, writes
their addresses to ``FOLDER/servers.json``, and ends when it is told to or when the run (PID) is gone.
An own Kafka or PostgreSQL of ``HUB_KAFKA``, ``HUB_DATABASE`` is taken instead of an embedded one.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from hub.infra.embedded import EmbeddedKafka, EmbeddedPostgres
from hub.settings import Settings, jars

SECONDS = 120.0


def shared(folder: Path, run: int, environ: Mapping[str, str]) -> dict[str, Any]:
    """``{"kafka": bootstrap, "database": dsn, "keeper": pid}`` of this run; starts them where nobody has yet."""
    with (folder / "servers.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        told = folder / "servers.json"
        if not told.exists():
            _start(folder, run, environ)
        return dict(json.loads(told.read_text("utf-8")))


def _start(folder: Path, run: int, environ: Mapping[str, str]) -> None:
    command = [sys.executable, "-m", "tests.support.servers", str(folder), str(run)]
    with (folder / "servers.log").open("ab") as log:
        keeper = subprocess.Popen(command, stdout=log, stderr=log, env=dict(environ), start_new_session=True)
    deadline = time.monotonic() + SECONDS
    while not (folder / "servers.json").exists():
        if keeper.poll() is not None or time.monotonic() > deadline:
            keeper.kill()
            raise RuntimeError(f"Kafka and PostgreSQL did not start:\n{(folder / 'servers.log').read_text()[-2000:]}")
        time.sleep(0.05)
    # It is not waited for: it outlives the worker that started it.
    keeper.returncode = 0


def end(folder: Path) -> None:
    """End the servers of the run, if they were started."""
    try:
        keeper = int(json.loads((folder / "servers.json").read_text("utf-8"))["keeper"])
    except FileNotFoundError:
        return
    with suppress(ProcessLookupError):
        os.kill(keeper, signal.SIGTERM)
    deadline = time.monotonic() + SECONDS
    while _alive(keeper) and time.monotonic() < deadline:
        time.sleep(0.05)


def _alive(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG) == (0, 0)
    except ChildProcessError:  # somebody else's child
        with suppress(OSError):
            # state: third field, after the name in parentheses
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        return False


async def keep(folder: Path, run: int) -> None:
    """Hold the servers until told to end."""
    ending = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
    kafka = EmbeddedKafka(folder / "kafka", jars(Settings()))
    postgres = EmbeddedPostgres(folder / "postgres")
    named = {"kafka": os.environ.get("HUB_KAFKA", ""), "database": os.environ.get("HUB_DATABASE", "")}
    servers = [server for server, own in ((kafka, named["kafka"]), (postgres, named["database"])) if not own]
    try:
        await asyncio.gather(*(server.start() for server in servers))
        told = {
            "kafka": named["kafka"] or kafka.bootstrap,
            "database": named["database"] or postgres.dsn,
            "keeper": os.getpid(),
        }
        fresh = folder / "servers.new"
        fresh.write_text(json.dumps(told), "utf-8")
        fresh.replace(folder / "servers.json")
        while not ending.is_set() and _alive(run):
            with suppress(TimeoutError):
                await asyncio.wait_for(ending.wait(), 1)
    finally:
        await asyncio.gather(*(server.stop() for server in servers))


if __name__ == "__main__":
    asyncio.run(keep(Path(sys.argv[1]), int(sys.argv[2])))

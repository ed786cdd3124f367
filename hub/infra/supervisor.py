"""Keeps the hub's processes alive on one machine: what dies is started again, what is told to end ends together."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from hub.domain.faults import Misconfigured
from hub.infra.child import Child, spawn

#: Seconds before a process that died is started again: quick at first, slower when it keeps dying.
PAUSES = (0.1, 0.5, 1.0, 2.0, 5.0)
#: Alive for so long, and the next end counts as the first again.
STEADY_SECONDS = 30.0
END_SECONDS = 20.0


class RunFile:
    """``run.json``: address and process id of every part by name, written anew at each change, whole or not at all.

    Only one process can hold a folder's file; it holds the database's password, so only its user may read it.
    """

    def __init__(self, path: Path, **facts: object) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._facts = facts
        self._processes: dict[str, int] = {"up": os.getpid()}
        self._parts: list[str] = []
        self._lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            holder = running(path.parent).get("processes", {}).get("up", "?")
            raise Misconfigured([f"{path.parent} is in use by another hub up (pid {holder})"]) from error
        self._write()

    def set(self, name: str, pid: int) -> None:
        """A part runs under this id, or no longer (0)."""
        if pid:
            self._processes[name] = pid
        else:
            self._processes.pop(name, None)
        self._write()

    def expect(self, name: str) -> None:
        """A part that is to run from now on; its log has its name."""
        self._parts.append(name)
        self._write()

    def say(self, **facts: object) -> None:
        """Add facts: where the servers are."""
        self._facts |= facts
        self._write()

    def remove(self) -> None:
        """Nothing runs any more."""
        self._path.unlink(missing_ok=True)
        os.close(self._lock)

    def _write(self) -> None:
        fresh = self._path.with_suffix(".new")
        fresh.touch(0o600)
        fresh.write_text(json.dumps({"processes": self._processes, "parts": self._parts, **self._facts}, indent=1), "utf-8")
        fresh.replace(self._path)


def running(data: Path) -> dict[str, Any]:  # Any: JSON
    """What ``hub up`` wrote about itself in this folder; empty where none runs."""
    try:
        found = json.loads((data / "run.json").read_text("utf-8"))
        os.kill(found["processes"]["up"], 0)
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return dict(found)


def left_behind(data: Path) -> dict[str, Any]:  # Any: JSON
    """What the folder's ``run.json`` says, whether or not its ``hub up`` still runs; empty where there is none."""
    try:
        found = json.loads((data / "run.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and isinstance(found.get("processes"), dict) else {}


def is_alive(pid: object) -> bool:
    """Whether a process of this id runs."""
    try:
        os.kill(pid if isinstance(pid, int) and pid > 0 else -1 << 30, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def last_line(log: Path, most: int = 300) -> str:
    """The last line of a log, where a process that died says why."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 16_384))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return next((line.strip()[:most] for line in reversed(lines) if line.strip()), "")


class Supervisor:
    """Runs servers (``Child``) and processes of the hub; ``stop`` ends the processes first, the servers after them."""

    def __init__(self, run_file: RunFile, logs: Path) -> None:
        self.run_file = run_file
        self._logs = logs
        self._tasks: list[asyncio.Task[None]] = []
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._servers: list[Child] = []
        self._stopping = False

    async def serve(self, child: Child) -> None:
        """Start a server, return when it is ready, and keep it alive."""
        self._servers.append(child)
        await child.start()
        self.run_file.set(child.name.lower(), child.pid)
        self._tasks.append(asyncio.create_task(self._keep_server(child), name=child.name))

    def run(self, name: str, argv: Sequence[str], environ: Mapping[str, str]) -> None:
        """Start ``python -m hub …`` and keep it alive; its output goes to ``<logs>/<name>.log``."""
        self.run_file.expect(name)
        self._tasks.append(asyncio.create_task(self._keep(name, argv, environ), name=name))

    async def _keep_server(self, child: Child) -> None:
        while True:
            assert child.process is not None
            await child.process.wait()
            self.run_file.set(child.name.lower(), 0)
            if self._stopping:
                return
            _say(f"{child.name} ended and is started again")
            await self._start_again(child)
            self.run_file.set(child.name.lower(), child.pid)

    async def _start_again(self, child: Child) -> None:
        for attempt in range(sys.maxsize):
            try:
                await child.start()
            except (Misconfigured, OSError) as error:  # its port or its lock may be held for another moment
                _say(f"{child.name}: {error}")
                await child.stop()
                await asyncio.sleep(PAUSES[min(attempt + 1, len(PAUSES) - 1)])
            else:
                return

    async def _keep(self, name: str, argv: Sequence[str], environ: Mapping[str, str]) -> None:
        ends = 0
        loop = asyncio.get_running_loop()
        while not self._stopping:
            began = loop.time()
            process = await spawn([sys.executable, "-m", "hub", *argv], self._logs / f"{name}.log", dict(environ))
            self._processes[name] = process
            self.run_file.set(name, process.pid)
            code = await process.wait()
            self.run_file.set(name, 0)
            if self._stopping:
                return
            ends = 0 if loop.time() - began > STEADY_SECONDS else ends + 1
            log = self._logs / f"{name}.log"
            said = f"{name} ended with {code} and is started again; see {log}"
            _say(f"{said}: {last_line(log)}" if code and ends > 1 else said)
            await asyncio.sleep(PAUSES[min(ends, len(PAUSES) - 1)])

    async def stop(self) -> None:
        """End everything: processes by SIGTERM, by force after a while, then the servers in the reverse of their start."""
        self._stopping = True
        await asyncio.gather(*(_end(process) for process in self._processes.values()))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for child in reversed(self._servers):
            await child.stop()
        self.run_file.remove()


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), END_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)

"""Keeps the hub's processes alive on one machine: what dies is started again, what is told to end ends together."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from hub.infra.embedded import Child, die_with_parent

#: Seconds before a process that died is started again: quick at first, slower when it keeps dying.
PAUSES = (0.1, 0.5, 1.0, 2.0, 5.0)
#: Alive for so long, and the next end counts as the first again.
STEADY_SECONDS = 30.0
END_SECONDS = 20.0


class RunFile:
    """``run.json``: the process id of every part by name, written anew at each change, whole or not at all."""

    def __init__(self, path: Path, **facts: object) -> None:
        self._path = path
        self._facts = facts
        self._processes: dict[str, int] = {"up": os.getpid()}
        path.parent.mkdir(parents=True, exist_ok=True)
        self._write()

    def set(self, name: str, pid: int) -> None:
        """A part runs under this id, or no longer (0)."""
        if pid:
            self._processes[name] = pid
        else:
            self._processes.pop(name, None)
        self._write()

    def remove(self) -> None:
        """Nothing runs any more."""
        self._path.unlink(missing_ok=True)

    def _write(self) -> None:
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps({"processes": self._processes, **self._facts}, indent=1), "utf-8")
        fresh.replace(self._path)


class Supervisor:
    """Runs servers (``Child``) and processes of the hub; ``stop`` ends the processes first, the servers after them."""

    def __init__(self, run_file: RunFile, logs: Path) -> None:
        self._run_file = run_file
        self._logs = logs
        self._tasks: list[asyncio.Task[None]] = []
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._servers: list[Child] = []
        self._stopping = False

    async def serve(self, child: Child) -> None:
        """Start a server, return when it is ready, and keep it alive."""
        await child.start()
        self._servers.append(child)
        self._run_file.set(child.name.lower(), child.pid)
        self._tasks.append(asyncio.create_task(self._keep_server(child), name=child.name))

    def run(self, name: str, argv: Sequence[str], environ: Mapping[str, str]) -> None:
        """Start ``python -m hub …`` and keep it alive; its output goes to ``<logs>/<name>.log``."""
        self._tasks.append(asyncio.create_task(self._keep(name, argv, environ), name=name))

    async def _keep_server(self, child: Child) -> None:
        while True:
            assert child.process is not None
            await child.process.wait()
            self._run_file.set(child.name.lower(), 0)
            if self._stopping:
                return
            _say(f"{child.name} ended and is started again")
            while not self._stopping:
                try:
                    await child.start()
                    break
                except Exception as error:  # its port or its lock may be held for another moment
                    _say(f"{child.name}: {error}")
                    await child.stop(1.0)
                    await asyncio.sleep(1.0)
            self._run_file.set(child.name.lower(), child.pid)

    async def _keep(self, name: str, argv: Sequence[str], environ: Mapping[str, str]) -> None:
        ends = 0
        loop = asyncio.get_running_loop()
        self._logs.mkdir(parents=True, exist_ok=True)
        while not self._stopping:
            began = loop.time()
            with (self._logs / f"{name}.log").open("ab") as log:
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "hub", *argv, env=dict(environ), stdin=subprocess.DEVNULL,
                    stdout=log, stderr=log, preexec_fn=die_with_parent, start_new_session=True,
                )  # fmt: skip
            self._processes[name] = process
            self._run_file.set(name, process.pid)
            code = await process.wait()
            self._run_file.set(name, 0)
            if self._stopping:
                return
            ends = 0 if loop.time() - began > STEADY_SECONDS else ends + 1
            _say(f"{name} ended with {code} and is started again; see {self._logs / name}.log")
            await asyncio.sleep(PAUSES[min(ends, len(PAUSES) - 1)])

    async def stop(self) -> None:
        """End everything: processes by SIGTERM, by force after a while, then the servers in the reverse of their start."""
        self._stopping = True
        running = [process for process in self._processes.values() if process.returncode is None]
        for process in running:
            process.send_signal(signal.SIGTERM)
        _, late = await asyncio.wait([asyncio.create_task(p.wait()) for p in running], timeout=END_SECONDS) if running else (None, ())
        for process in running if late else ():
            if process.returncode is None:
                process.kill()
        for child in reversed(self._servers):
            await child.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._run_file.remove()


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)

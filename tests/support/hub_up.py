"""A whole hub under test: ``python -m hub up`` with everything below a folder of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import psutil

from hub.infra.embedded import free_port
from hub.settings import Settings, jars

READY_SECONDS = 120.0
END_SECONDS = 60.0


def until(condition: Callable[[], bool], what: str | Callable[[], str], seconds: float = 180.0) -> None:
    """Wait until it holds; fails the test, saying what did not come (called only then: what has come by the end)."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            said = what if isinstance(what, str) else what()
            raise AssertionError(f"did not come within {seconds:.0f} s: {said}")
        time.sleep(0.05)


def word(line: dict[str, str]) -> str:
    """What a line of a timeline says, also where it came late: an authority's receipts are spread over the log's partitions, and
    count by their own time.
    """
    if line["what"] == "older receipt":
        return line["detail"].partition(" ")[0]
    return line["what"].removeprefix("older: ")


def environment(**settings: object) -> dict[str, str]:
    """This process's environment with nothing of the hub in it but these settings."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    given = {"kafka_jars": jars(Settings()).absolute()} | settings
    return clean | {f"HUB_{name.upper()}": str(value) for name, value in given.items()}


class HubUp:
    """``hub up`` as a child; ``settings`` go to its environment."""

    def __init__(self, data: Path, arguments: Sequence[str] = (), **settings: object) -> None:
        self.data = data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        data.mkdir(parents=True, exist_ok=True)
        self.output = data / "up.out"
        command = [sys.executable, "-m", "hub", "up", "--data", str(data), "--port", str(self.port), *arguments]
        with self.output.open("ab") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out, env=environment(**settings))

    def wait_ready(self) -> None:
        """Until /readyz says yes and every part that it means to run has been started."""

        def ready() -> bool:
            assert self.process.poll() is None, f"hub up ended:\n{self.output.read_text()}"
            return self.status("/readyz") == 200 and all(self.pids().get(part) for part in self.run()["parts"])

        until(ready, "readiness", READY_SECONDS)

    def status(self, path: str) -> int:
        """HTTP status of a call, 0 where nobody answers."""
        try:
            with urlopen(self.url + path, timeout=5) as answer:
                return int(answer.status)
        except URLError as error:
            return int(getattr(error, "code", 0))
        except OSError:
            return 0

    def get(self, path: str, who: str = "office") -> Any:
        """The JSON of a call as a principal of the sandbox."""
        request = Request(self.url + path, headers={"Authorization": f"Bearer {self.principal(who)['api_key']}"})
        with urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def principal(self, name: str) -> dict[str, Any]:
        """A principal of the sandbox."""
        known = json.loads((self.data / "demo" / "principals.json").read_text("utf-8"))
        return next(entry for entry in known if entry["name"] == name)

    def run(self) -> dict[str, Any]:
        """What it wrote about itself."""
        return dict(json.loads((self.data / "run.json").read_text("utf-8")))

    def pids(self) -> dict[str, int]:
        """Process id of each part."""
        return dict(self.run()["processes"])

    @property
    def kafka(self) -> str:
        """Where its broker listens, as the broker's own settings say."""
        properties = (self.data / "kafka" / "server.properties").read_text("utf-8")
        line = next(line for line in properties.splitlines() if line.startswith("advertised.listeners="))
        return line.rpartition("//")[2]

    def kill(self, name: str, number: int = signal.SIGKILL) -> int:
        """Send a part a signal; its process id."""
        pid = self.pids()[name]
        os.kill(pid, number)
        return pid

    def back(self, name: str, former: int) -> None:
        """Wait until the part runs under another process id."""
        until(lambda: self.pids().get(name, former) != former, f"{name} started again")

    def troubles(self) -> str:
        """What its parts have logged that is no mere information."""
        lines = [line for log in sorted((self.data / "logs").glob("*.log")) for line in log.read_text("utf-8").splitlines()]
        return "\n".join([line for line in lines if '"level": "info"' not in line][-20:])

    def family(self) -> list[psutil.Process]:
        """It and everything it started."""
        with suppress(psutil.NoSuchProcess):
            parent = psutil.Process(self.process.pid)
            return [parent, *parent.children(recursive=True)]
        return []

    def end(self, number: int = signal.SIGTERM) -> int:
        """End it; its exit code, after everything it started is gone."""
        family = self.family()
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            code = self.process.wait(END_SECONDS)
        finally:
            self.process.kill()
        _, alive = psutil.wait_procs(family, 10)
        for process in alive:
            process.kill()
        assert not alive, f"left running: {alive}"
        return code

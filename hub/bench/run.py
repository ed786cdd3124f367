"""One run of the benchmark: a hub of its own, messages made beforehand, open-loop load, readings, a result."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import aiohttp
import msgspec

from hub.bench import floor, load, memory, messages, meter
from hub.bench.watch import ASSESSMENTS, STATUSES, Watch
from hub.infra.embedded import free_port
from hub.infra.participants import load_demo
from hub.settings import Settings

#: Connections of the load, each with one message under way. With 48 there were never enough in hand to fill the door's group commits
#: at 1,500 single messages a second; enterprises have more.
CONNECTIONS, BATCH_CONNECTIONS = 160, 16
#: Declarations sent before the measurement, so that caches, code and connections are warm.
WARM_UP_SECONDS = 5.0
DRAIN_SECONDS = 120.0
REPORT_SECONDS = 15.0
#: A shorter run is not worth the time it takes to touch all memory.
TOUCH_SECONDS = 30.0


class Scenario(msgspec.Struct, frozen=True):
    """``each`` documents a message; ``rate`` declarations a second unless told otherwise; ``release``: the full loop;
    ``doors``: processes that take messages in, unless ``HUB_SERVE_PROCESSES`` names more. ``burst``: the share of the time,
    its first, in which it is twice the rate. ``sm2``: signed with SM2, not RSA.
    """

    each: int
    rate: float
    release: bool = False
    doors: int = 1
    burst: float = 0.0
    about: str = ""
    sm2: bool = False


SCENARIOS = {
    "batched": Scenario(50, 1417, about="50 documents a message, signed"),
    "single": Scenario(1, 375, doors=2, about="one document a message, signed: 1,500 messages a second"),
    "sm2": Scenario(1, 300, doors=2, about="single, signed with SM2: 1,200 messages a second", sm2=True),
    "burst": Scenario(50, 1000, burst=0.1, about="batched, for the first tenth of the time at twice the rate"),
    "release": Scenario(50, 400, release=True, about="batched, followed to release by the sandbox customs"),
}


class Result(msgspec.Struct, kw_only=True):
    """What ``hub bench --json`` ends with."""

    scenario: str
    seconds: float
    declarations_per_s: float
    documents_per_s: float
    latency_ms: dict[str, dict[str, float]]
    cpu_us_per_declaration: dict[str, float]
    rss_mb: dict[str, list[float]]
    floor_us: float
    plain_faust_us: float | None
    lost: int
    doubled: int
    machine: dict[str, str]
    rate: float
    offered_per_s: float
    refused: int
    drain_s: float
    sample: str = ""


def percentiles(values: list[float]) -> dict[str, float]:
    """p50, p95, p99 and max in ms, rounded to 0.1."""
    if not values:
        return {}
    ordered = sorted(values)
    pick: Callable[[float], float] = lambda share: round(ordered[min(int(len(ordered) * share), len(ordered) - 1)], 1)  # noqa: E731
    return {"p50": pick(0.50), "p95": pick(0.95), "p99": pick(0.99), "max": round(ordered[-1], 1)}


async def run(
    settings: Settings,
    name: str,
    seconds: float,
    rate: float | None,
    say: Callable[[str], None],
    *,
    plain: bool = True,
    touch: bool = True,
) -> Result:
    """Run a scenario; ``rate`` in declarations a second, 0 for as fast as it goes; ``plain``: measure the yardstick too;
    ``touch``: memory first (``hub.bench.memory``).
    """
    scenario = SCENARIOS[name]
    per_second = scenario.rate if rate is None else rate
    folder = Path(tempfile.mkdtemp(prefix="hub-bench-"))
    port = free_port()
    environ = {k: v for k, v in os.environ.items() if not k.startswith("HUB_")} | {
        "HUB_KAFKA_JARS": str(settings.kafka_jars.absolute()),
        "HUB_PROCESSES": "serve;stream;project" + (";deliver;sandbox" if scenario.release else ""),
        "HUB_PARTITIONS": str(settings.partitions),
        "HUB_SANDBOX_AUTHORITIES": "none",  # what they would answer is no part of what is measured
        "HUB_SERVE_PROCESSES": str(max(settings.serve_processes, scenario.doors)),
        "HUB_STAGE_GROUPS": ";".join(settings.stage_groups),
    }
    hub = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hub", "up", "--data", str(folder / "data"), "--port", str(port), env=environ,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await ready(port, hub)
        return await _measure(
            folder, port, name, scenario, seconds, per_second, settings.partitions, say,
            plain=plain, touch=touch and seconds >= TOUCH_SECONDS,
        )  # fmt: skip
    finally:
        if hub.returncode is None:
            hub.send_signal(signal.SIGINT)
            await hub.wait()
        shutil.rmtree(folder, ignore_errors=True)


async def ready(port: int, hub: asyncio.subprocess.Process) -> None:
    deadline = time.monotonic() + 90
    async with aiohttp.ClientSession() as http:
        while True:
            try:
                async with http.get(f"http://127.0.0.1:{port}/readyz") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            if hub.returncode is not None or time.monotonic() > deadline:
                raise RuntimeError("the hub under test did not become ready")
            await asyncio.sleep(0.2)


async def _measure(
    folder: Path, port: int, name: str, scenario: Scenario, seconds: float, rate: float, partitions: int,
    say: Callable[[str], None], *, plain: bool, touch: bool,
) -> Result:  # fmt: skip
    data = folder / "data"
    principals = load_demo(data)
    expected = rate or 4000.0
    burst = seconds * scenario.burst
    wanted = int(expected * (seconds + WARM_UP_SECONDS + burst)) // scenario.each * scenario.each or scenario.each
    say(f"making and signing {wanted * 4:,} documents in {wanted * 4 // scenario.each:,} messages …")
    files = await asyncio.to_thread(
        messages.prepare, folder / "load", principals, wanted, scenario.each, time.time_ns() // 1_000_000, sm2=scenario.sm2
    )
    touched = 0.0
    if touch:
        say(f"touching {memory.free() / 1e9:,.1f} GB of free memory …")
        touched = await asyncio.to_thread(memory.touch, folder)
    kafka = bootstrap(data)
    watch = Watch(kafka, STATUSES if scenario.release else ASSESSMENTS, partitions)
    assessed = watch if not scenario.release else Watch(kafka, ASSESSMENTS, partitions)
    await watch.start()
    if assessed is not watch:
        await assessed.start()
    plan = load.Plan(
        files=files,
        keys=[principals[who].api_key for who in ("platform", "payer", "carrier", "agent")],
        host="127.0.0.1",
        port=port,
        rate=rate * 4 / scenario.each,
        connections=CONNECTIONS if scenario.each == 1 else BATCH_CONNECTIONS,
        seconds=seconds + WARM_UP_SECONDS,
        result=str(folder / "tally.json"),
        start_at=time.time() + 1.0,
        burst_at=WARM_UP_SECONDS,
        burst=burst,
    )
    (folder / "plan.json").write_bytes(msgspec.json.encode(plan))
    say(f"sending for {seconds:.0f} s after {WARM_UP_SECONDS:.0f} s of warming up …")
    sender = await asyncio.create_subprocess_exec(sys.executable, "-m", "hub.bench.load", str(folder / "plan.json"))
    await asyncio.sleep(1.0 + WARM_UP_SECONDS)
    pids = meter.processes(data / "run.json") | {"load": sender.pid, "bench": os.getpid()}
    first, first_seen, began = meter.read(pids), len(assessed.seen), time.time()
    early = first
    said, said_seen, said_at = first, first_seen, began
    while time.time() - began < seconds and sender.returncode is None:
        await asyncio.sleep(1.0)
        if early is first and time.time() - began >= min(60.0, seconds / 2):
            early = meter.read(pids)
        if time.time() - said_at >= REPORT_SECONDS:
            reading, seen, at = meter.read(pids), len(assessed.seen), time.time()
            say(_progress(at - began, meter.used(said, reading), seen - said_seen, at - said_at))
            said, said_seen, said_at = reading, seen, at
    last, last_seen, ended = meter.read(pids), len(assessed.seen), time.time()
    await sender.wait()
    tally = msgspec.json.decode((folder / "tally.json").read_bytes(), type=load.Tally)
    promised = acknowledged(tally, scenario.each)
    missing, drained = promised - watch.seen.keys(), time.time()
    while missing and time.time() - drained < DRAIN_SECONDS:
        await asyncio.sleep(0.1)
        missing = {number for number in missing if number not in watch.seen}
    drain = max([*assessed.seen.values(), tally.ended_at]) - tally.ended_at
    await watch.stop()
    if assessed is not watch:
        await assessed.stop()
    count = max(last_seen - first_seen, 1)
    span = ended - began
    sample = [body for _, (_, body) in zip(range(80 if scenario.each > 1 else 400), load.messages(files), strict=False)]
    return Result(
        scenario=name,
        seconds=round(span, 1),
        declarations_per_s=round(count / span, 1),
        documents_per_s=round(4 * count / span, 1),
        latency_ms={
            "accept": percentiles(tally.latencies),
            "assessment": percentiles(_latencies(assessed, tally, scenario.each, plan)),
            "release": percentiles(_latencies(watch, tally, scenario.each, plan)) if scenario.release else {},
        },
        cpu_us_per_declaration={
            who: round(used / count * 1e6, 1) for who, used in sorted(meter.used(first, last).items())
        },
        rss_mb={
            who: [round(early.rss.get(who, 0) / 2**20, 1), round(size / 2**20, 1)] for who, size in last.rss.items()
        },
        floor_us=round(floor.floor_us(sample, len(sample) * scenario.each // 4, of_sm2=scenario.sm2), 1),
        plain_faust_us=await _plain(folder, kafka, partitions, min(len(promised), 6000)) if plain else None,
        lost=len(missing),
        doubled=assessed.doubled,
        machine=machine() | {"page_touch_us": f"{touched:.2f}"},
        rate=rate,
        offered_per_s=round(tally.sent * scenario.each / 4 / max(tally.ended_at - tally.started_at, 1e-9), 1),
        refused=tally.refused + tally.failed,
        drain_s=round(drain, 2),
        sample=tally.sample,
    )


def acknowledged(tally: load.Tally, each: int) -> set[int]:
    """The numbers of the declarations all four of whose messages, of ``each`` documents, were acknowledged: those the hub owes."""
    broken = {message // 4 for message in tally.open}
    whole = [number for number in range(tally.sent // 4) if number not in broken]
    return {number * each + one for number in whole for one in range(each)}


def _progress(at: float, used: dict[str, float], count: int, span: float) -> str:
    shares = "  ".join(f"{who} {cpu / max(count, 1) * 1e6:.0f}" for who, cpu in used.items() if cpu / span > 0.02)
    return f"  {at:4.0f} s  {count / span:6,.0f}/s  µs CPU: {shares}"


async def _plain(folder: Path, kafka: str, partitions: int, declarations: int) -> float | None:
    """The same stages in plain Faust on the same log, µs of CPU a declaration; None where it did not get through."""
    job = plain_job(folder, kafka, partitions, declarations)
    runner = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hub.bench.plain", str(job), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    await runner.wait()
    result = folder / "plain.txt"
    return float(result.read_text("utf-8")) if result.exists() else None


def plain_job(folder: Path, kafka: str, partitions: int, declarations: int) -> Path:
    """The yardstick's job as a file."""
    path = folder / "plain.json"
    job = {
        "bootstrap": kafka,
        "partitions": partitions,
        "keys": str(folder / "data" / "keys"),
        "data": str(folder / "plain"),
        "declarations": declarations,
        "warm": declarations // 3,
        "result": str(folder / "plain.txt"),
    }
    path.write_text(json.dumps(job), "utf-8")
    return path


def _latencies(watch: Watch, tally: load.Tally, each: int, plan: load.Plan) -> list[float]:
    """ms from the moment a declaration's own message was due to its record; warm-up left out."""
    if not plan.rate:
        return []
    warm = int(plan.rate * WARM_UP_SECONDS) // 4 * each
    return [
        (at - (tally.started_at + plan.due(number // each * 4 + 3))) * 1000
        for number, at in watch.seen.items()
        if number >= warm
    ]


def bootstrap(data: Path) -> str:
    """The embedded broker's address, from its own settings."""
    for line in (data / "kafka" / "server.properties").read_text("utf-8").splitlines():
        if line.startswith("advertised.listeners="):
            return line.rpartition("//")[2]
    raise RuntimeError("the embedded broker has no settings")


def machine() -> dict[str, str]:
    """Where the run was made."""
    model = next(
        (line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines() if "model name" in line),
        platform.processor(),
    )
    return {
        "cpu": model,
        "cores": str(os.cpu_count()),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def keep(result: Result, folder: Path) -> Path:
    """Write the result beside the earlier ones."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result.machine['at'].replace(':', '')}-{result.scenario}.json"
    path.write_text(json.dumps(msgspec.to_builtins(result), indent=1) + "\n", "utf-8")
    return path

"""``python -m hub.bench.streams``: alerts to many streams at a time, from written to received.

A hub of its own (broker, database, ``hub serve``, ``hub project``); alerts are written to the topic as the stages do; another
process holds the subscribers' connections and reads the moment of writing out of each event.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
from aiokafka import AIOKafkaProducer

from hub import codec, topics
from hub.bench import meter
from hub.bench.run import bootstrap, percentiles, ready
from hub.domain.events import Alert
from hub.infra.embedded import free_port
from hub.infra.participants import load_demo
from hub.settings import Settings, jars

WARM_UP_SECONDS = 3.0
#: Writes a second; the alerts of one go together, as those of a stage's batch do.
_WRITES = 50
_WHO = ("customs", "office", "tax", "market")
_WRITTEN = re.compile(rb'"written_ns":"(\d+)"')


class Plan(msgspec.Struct, frozen=True):
    """What the subscribers' process is told: where, with which keys, until when (s), and where the tally goes."""

    port: int
    keys: list[str]
    subscribers: int
    since: float
    until: float
    result: str


class Tally(msgspec.Struct):
    """What it saw: ms of each event written after ``since`` and the events of each subscriber."""

    ms: list[float]
    events: list[int]


class _Subscriber(asyncio.Protocol):
    """Reads a stream without a parser: each write of the hub is whole events."""

    def __init__(self, plan: Plan, number: int, tally: Tally) -> None:
        self._plan, self._number, self._tally = plan, number, tally
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        key = self._plan.keys[self._number % len(self._plan.keys)]
        transport.write(f"GET /v1/alerts/stream HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {key}\r\n\r\n".encode())

    def data_received(self, data: bytes) -> None:
        now = time.time_ns()
        whole, _, self._rest = (self._rest + data).rpartition(b"\n\n")
        for found in _WRITTEN.findall(whole):
            written = int(found)
            if written >= self._plan.since * 1e9:
                self._tally.ms.append((now - written) / 1e6)
                self._tally.events[self._number] += 1


async def _subscribe(plan: Plan) -> None:
    tally = Tally([], [0] * plan.subscribers)
    loop = asyncio.get_running_loop()
    for number in range(plan.subscribers):
        await loop.create_connection(lambda n=number: _Subscriber(plan, n, tally), "127.0.0.1", plan.port)  # type: ignore[misc]
    await asyncio.sleep(max(0.0, plan.until - time.time()))
    Path(plan.result).write_bytes(msgspec.json.encode(tally))


async def _write(kafka: str, partitions: int, rate: float, since: float, until: float) -> int:
    """Alerts at an even rate; how many of them after ``since``."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all", linger_ms=2)
    await producer.start()
    written, counted, began = 0, 0, time.time()
    headers = [("ce_type", b"hub.alert.raised.v1"), ("ce_specversion", b"1.0"), ("ce_source", b"/hub")]
    try:
        while time.time() < until:
            due = int((time.time() - began) * rate)
            for number in range(written, due):
                now = time.time_ns()
                alert = Alert(
                    f"bench-{number:08d}", now // 1_000_000, f"R{number % 20:02d}", ("yellow", "orange", "red")[number % 3], "fraud", (),
                    declaration=f"declaration/9901D00005:COP{number:08d}", enterprises=("9901A00001", "9901D00005"), office="2900",
                    message="A person has bought from three platforms what one law allows once, and pays for none of it",
                    message_zh="同一订购人通过三个平台购买限购商品，且均未由本人支付",
                    evidence={"count": "3", "limit": "1", "written_ns": str(now)},
                )  # fmt: skip
                key = alert.id.encode()
                partition = topics.partition_of(key, partitions)
                await producer.send(topics.ALERTS, codec.to_json(alert), key=key, partition=partition, headers=headers)
                counted += now >= since * 1e9
            written = due
            await asyncio.sleep(1 / _WRITES)
    finally:
        await producer.stop()
    return counted


async def measure(subscribers: int, rate: float, seconds: float) -> None:
    """Run and print."""
    folder, port, settings = Path(tempfile.mkdtemp(prefix="hub-streams-")), free_port(), Settings()
    environ = {k: v for k, v in os.environ.items() if not k.startswith("HUB_")} | {
        "HUB_KAFKA_JARS": str(jars(settings).absolute()),
        "HUB_PROCESSES": "serve;project",
        "HUB_STREAMS": str(subscribers + 1),
        "HUB_STREAMS_EACH": str(subscribers),
    }
    data = folder / "data"
    hub = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hub", "up", "--data", str(data), "--port", str(port), env=environ, stdout=subprocess.DEVNULL
    )
    try:
        await ready(port, hub)
        known = load_demo(data)
        since = time.time() + 2 + WARM_UP_SECONDS + subscribers / 200
        until = since + seconds
        plan = Plan(port, [known[name].api_key for name in _WHO], subscribers, since, until + 5, str(folder / "tally.json"))
        (folder / "plan.json").write_bytes(msgspec.json.encode(plan))
        reader = await asyncio.create_subprocess_exec(sys.executable, "-m", "hub.bench.streams", "--plan", str(folder / "plan.json"))
        await asyncio.sleep(since - WARM_UP_SECONDS - time.time())
        writing = asyncio.create_task(_write(bootstrap(data), settings.partitions, rate, since, until))
        await asyncio.sleep(since - time.time())
        pids = meter.processes(data / "run.json") | {"subscribers": reader.pid, "bench": os.getpid()}
        first = meter.read(pids)
        await asyncio.sleep(until - time.time())
        last = meter.read(pids)
        counted = await writing
        await reader.wait()
        tally = msgspec.json.decode((folder / "tally.json").read_bytes(), type=Tally)
        missing = sum(counted - n for n in tally.events)
        print(f"{subscribers} subscribers, {counted / seconds:.0f} alerts/s for {seconds:.0f} s: {len(tally.ms) / seconds:,.0f} events/s")
        print("from written to received, ms: " + "  ".join(f"{name} {value:.0f}" for name, value in percentiles(tally.ms).items()))
        print(f"not received: {missing}")
        print("CPU, share of a core: " + "  ".join(f"{name} {n / seconds:.0%}" for name, n in sorted(meter.used(first, last).items())))
        print("memory, MB at the start and the end: " + "  ".join(f"{n} {first.rss[n] >> 20} {last.rss[n] >> 20}" for n in sorted(last.rss)))
    finally:
        if hub.returncode is None:
            hub.send_signal(signal.SIGINT)
            await hub.wait()
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscribers", type=int, default=200)
    parser.add_argument("--rate", type=float, default=200, help="alerts a second")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--plan", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.plan:
        asyncio.run(_subscribe(msgspec.json.decode(Path(given.plan).read_bytes(), type=Plan)))
    else:
        asyncio.run(measure(given.subscribers, given.rate, given.seconds))


if __name__ == "__main__":
    main()

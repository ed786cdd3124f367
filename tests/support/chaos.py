"""Disturbs workers under a live feed, lets them settle, and holds what Kafka then has against the reference.

``python -m tests.support.chaos SCENARIO… [--rounds N] [--rate R] [--seed S] [--jars DIR]``, scenarios of ``SCENARIOS`` or ``all``;
starts a broker of its own. Exit 1 where anything differs.

kill: SIGKILL at random moments · points: SIGKILL at exact points · stop: SIGSTOP beyond the session, another takes over ·
freeze: the same at exact points, between the lease's check and the socket too · join: a second worker comes and goes ·
broker: SIGKILL of the broker.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil

from hub.infra.embedded import EmbeddedKafka, free_port
from tests.support.stream_checker import Feeder, Verdict, compare, make_topics, settled
from tests.support.stream_stages import Topics
from tests.support.stream_worker import POINTS

STAGES = "join,count"
#: What a worker says when one of the runtime's rules has worked.
SIGNS = ("late batch", "another has written", "is over", "gaps in", "does not fit", "lost the lease", "Traceback")


class Workers:
    """Worker processes by instance, under a supervisor that starts anew whoever ended."""

    def __init__(self, bootstrap: str, topics: Topics, folder: Path) -> None:
        self._bootstrap = bootstrap
        self._topics = topics
        self._folder = folder
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.restarts = 0

    def start(self, name: str, trap: str = "") -> subprocess.Popen[bytes]:
        """Start an instance; ``trap`` is a point of its own death."""
        command = [
            sys.executable, "-m", "tests.support.stream_worker", self._bootstrap, self._topics.suffix, name, STAGES,
            str(self._folder / "states"), *([trap] if trap else []),
        ]  # fmt: skip
        with (self._folder / "workers.log").open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        self._processes[name] = process
        return process

    def __getitem__(self, name: str) -> subprocess.Popen[bytes]:
        return self._processes[name]

    def __contains__(self, name: str) -> bool:
        return name in self._processes

    def names(self) -> list[str]:
        return list(self._processes)

    def keep(self) -> None:
        """Start anew whoever ended."""
        for name, process in list(self._processes.items()):
            if process.poll() is not None:
                self.restarts += 1
                self.start(name)

    def kill(self, name: str) -> None:
        process = self._processes.pop(name)
        process.kill()
        process.wait()

    def end(self, name: str) -> int:
        """SIGTERM; its exit code."""
        process = self._processes.pop(name)
        process.terminate()
        return process.wait(20)

    def close(self) -> None:
        for name in self.names():
            self.kill(name)

    def signs(self) -> Counter[str]:
        """What the workers' log tells."""
        log = self._folder / "workers.log"
        text = log.read_text("utf-8", "replace") if log.exists() else ""
        return Counter({sign: text.count(sign) for sign in (*SIGNS, "TRAP") if sign in text})


async def until(condition: Callable[[], bool | Awaitable[bool]], seconds: float) -> bool:
    """Whether it came true in time."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found if isinstance(found, bool) else await found:
            return True
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.05)
    return True


class Chaos:
    """One run: topics, workers, chance; each scenario is one round of disturbance."""

    def __init__(self, bootstrap: str, folder: Path, seed: int, broker: EmbeddedKafka | None = None) -> None:
        self.bootstrap = bootstrap
        self.chance = random.Random(seed)
        self.topics = Topics(f"{seed % 10_000}-{time.time_ns() // 1_000_000 % 10_000_000}")
        self.workers = Workers(bootstrap, self.topics, folder)
        self.exits: list[int | None] = []
        self._broker = broker

    async def run(self, scenarios: list[str], rounds: int, rate: int, settle: float = 16.0) -> Verdict:
        """Feed while each scenario plays its rounds; then compare."""
        await make_topics(self.bootstrap, self.topics)
        self.workers.start("a")
        feeder = Feeder(self.bootstrap, self.topics)
        stop = asyncio.Event()
        feeding = asyncio.create_task(feeder.live(3600, rate, settle, stop=stop))
        try:
            await asyncio.sleep(4)
            for scenario in scenarios:
                for _ in range(rounds):
                    await SCENARIOS[scenario](self)
                    self.workers.keep()
            stop.set()
            await feeding
            self.workers.keep()
            keeping = asyncio.create_task(self._keep())
            await settled(self.bootstrap, self.topics, 90)
            keeping.cancel()
            return await compare(self.bootstrap, self.topics)
        finally:
            feeding.cancel()
            self.workers.close()

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(1)
            self.workers.keep()

    async def kill(self) -> None:
        await asyncio.sleep(2 + self.chance.random() * 3)
        self.workers.kill("a")
        self.workers.start("a")

    async def points(self) -> None:
        point = self.chance.choice([name for name in POINTS if name != "at-socket"])
        self.workers.kill("a")
        process = self.workers.start("a", f"{point}:{self.chance.randint(3, 40)}:SIGKILL")
        if not await until(lambda: process.poll() is not None, 20):
            print("never reached", point)
        self.workers.keep()
        await asyncio.sleep(0.5 + self.chance.random() * 2)

    async def stop(self) -> None:
        await self._second()
        name = self.chance.choice("ab")
        process = self.workers[name]
        process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(8 + self.chance.random() * 3)
        process.send_signal(signal.SIGCONT)
        await asyncio.sleep(3)

    async def freeze(self) -> None:
        await self._second()
        point = self.chance.choice(("before-outputs", "before-changelog", "at-socket"))
        self.workers.kill("a")
        process = self.workers.start("a", f"{point}:{self.chance.randint(20, 80)}:SIGSTOP")
        frozen = psutil.Process(process.pid)
        if not await until(lambda: process.poll() is not None or frozen.status() == psutil.STATUS_STOPPED, 25):
            print("never reached", point)
        await asyncio.sleep(8 + self.chance.random() * 3)
        process.send_signal(signal.SIGCONT)
        await until(lambda: process.poll() is not None, 6)
        self.exits.append(process.poll())

    async def join(self) -> None:
        self.workers.start("c")
        await asyncio.sleep(5 + self.chance.random() * 3)
        if self.chance.random() < 0.5:
            self.workers.kill("c")
        elif (code := self.workers.end("c")) != 0:
            raise AssertionError(f"a graceful end gave {code}")
        await asyncio.sleep(7 + self.chance.random() * 2)

    async def broker(self) -> None:
        assert self._broker is not None, "this scenario needs a broker of its own"
        await asyncio.sleep(2 + self.chance.random() * 3)
        psutil.Process(self._broker.pid).kill()
        await asyncio.sleep(0.5 + self.chance.random())
        await self._broker.start()
        await asyncio.sleep(8)

    async def _second(self) -> None:
        if "b" not in self.workers:
            self.workers.start("b")
            await asyncio.sleep(6)


SCENARIOS: dict[str, Callable[[Chaos], Awaitable[None]]] = {
    "kill": Chaos.kill,
    "points": Chaos.points,
    "join": Chaos.join,
    "stop": Chaos.stop,
    "freeze": Chaos.freeze,
    "broker": Chaos.broker,
}


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenarios", nargs="+", choices=[*SCENARIOS, "all"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rate", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--jars", type=Path, default=Path(".kafka/libs"))
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    options = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a broker that is away is meant
    scenarios = list(SCENARIOS) if "all" in options.scenarios else options.scenarios
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    broker = EmbeddedKafka(folder / "kafka", options.jars, "java", free_port(), free_port())
    failed = False
    try:
        await broker.start()
        for scenario in scenarios:
            place = folder / scenario
            place.mkdir()
            began = time.monotonic()
            chaos = Chaos(broker.bootstrap, place, options.seed, broker)
            verdict = await chaos.run([scenario], options.rounds, options.rate)
            failed |= bool(verdict.problems)
            print(
                f"{'FAILED' if verdict.problems else 'ok'} {scenario} x{options.rounds} seed={options.seed} "
                f"{time.monotonic() - began:.0f} s, {chaos.workers.restarts} restarts: {verdict} {dict(chaos.workers.signs())}",
                flush=True,
            )
    finally:
        if broker.pid:
            psutil.Process(broker.pid).kill()
        if failed or options.keep:
            print("kept", folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

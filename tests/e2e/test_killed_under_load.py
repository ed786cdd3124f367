"""Every process is killed, and frozen, in turn while messages come in; a checker reads what is left (I1, I2, I4, I5, I9, I11)."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Self

import aiohttp
import msgspec
import pytest

from hub.bench import messages
from hub.bench.load import messages as framed
from hub.domain.money import amount
from hub.infra.embedded import free_port
from hub.infra.participants import load_demo
from schemas import samples
from schemas.documents import Declaration
from tests.support.history import Acknowledged, acknowledged, check

pytestmark = pytest.mark.slow

DECLARATIONS = 600
EACH = 5
#: Longer than the session of a stage's group: its partitions go to whoever comes next.
FROZEN_SECONDS = 8.0


def dutiable(declaration: Declaration) -> int:
    """What a declaration uses of its buyer's allowance: goods, freight and insurance."""
    head = declaration.head
    return sum(amount(line.totalPrice) for line in declaration.list) + amount(head.freight) + amount(head.insuredFee)


class Hub:
    """``hub up`` in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.port = free_port()
        self.process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        environ = {k: v for k, v in os.environ.items() if not k.startswith("HUB_")}
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "hub", "up", "--data", str(self.data), "--port", str(self.port), env=environ
        )
        await self.ready()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGINT)
            await asyncio.wait_for(self.process.wait(), 60)

    async def ready(self) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as http:
            async with asyncio.timeout(120):
                while True:
                    try:
                        async with http.get(f"http://127.0.0.1:{self.port}/readyz") as response:
                            if response.status == 200:
                                return
                    except (aiohttp.ClientError, TimeoutError):
                        pass
                    await asyncio.sleep(0.2)

    def running(self) -> dict[str, int]:
        return {n: p for n, p in json.loads((self.data / "run.json").read_text())["processes"].items() if n != "up"}

    @property
    def kafka(self) -> str:
        properties = (self.data / "kafka" / "server.properties").read_text()
        line = next(line for line in properties.splitlines() if line.startswith("advertised.listeners="))
        return line.rpartition("//")[2]


async def hand_in(hub: Hub, files: list[str], keys: list[str], seconds: float) -> list[Acknowledged]:
    """Send every message, spread over the time, each again until it is acknowledged."""
    todo = list(framed(files))
    pause = seconds / len(todo)
    promised: list[Acknowledged] = []
    timeout = aiohttp.ClientTimeout(total=20)

    async with aiohttp.ClientSession(timeout=timeout) as http:

        async def one(key: int, body: bytes) -> None:
            headers = {"Authorization": f"Bearer {keys[key]}", "Content-Type": "application/xml"}
            while True:
                try:
                    async with http.post(f"http://127.0.0.1:{hub.port}/v1/messages", data=body, headers=headers) as r:
                        answer = await r.read()
                        assert r.status in (202, 429, 503), answer
                        if r.status == 202:
                            promised.append(acknowledged(answer))
                            return
                except (aiohttp.ClientError, TimeoutError):
                    pass
                await asyncio.sleep(0.3)

        tasks = []
        for key, body in todo:
            tasks.append(asyncio.create_task(one(key, body)))
            await asyncio.sleep(pause)
        await asyncio.gather(*tasks)
    return promised


async def disturb(hub: Hub, how: signal.Signals) -> list[str]:
    """Each process in turn: killed, or frozen and woken."""
    disturbed = []
    for name in sorted(hub.running()):
        pid = hub.running().get(name)
        if pid is None:
            continue
        os.kill(pid, how)
        disturbed.append(name)
        if how is signal.SIGSTOP:
            await asyncio.sleep(FROZEN_SECONDS)
            os.kill(pid, signal.SIGCONT)
        await asyncio.sleep(2.5)
    return disturbed


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
async def test_nothing_is_lost_or_doubled_when_every_process_is_disturbed_in_turn(
    tmp_path: Path, how: signal.Signals
) -> None:
    async with Hub(tmp_path) as hub:
        principals = load_demo(hub.data)
        at = time.time_ns() // 1_000_000
        files = await asyncio.to_thread(messages.prepare, tmp_path / "load", principals, DECLARATIONS, EACH, at)
        keys = [principals[name].api_key for name in ("platform", "payer", "carrier", "agent")]
        seconds = 40.0 if how is signal.SIGKILL else 90.0
        sending = asyncio.create_task(hand_in(hub, files, keys, seconds))
        await asyncio.sleep(2)
        disturbed = await disturb(hub, how)
        promised = await asyncio.wait_for(sending, 180)
        assert len(disturbed) >= 8
        assert len(promised) == DECLARATIONS * 4 // EACH
        await hub.ready()
        value = sum(dutiable(samples.declaration_set(n, at=at).declaration) for n in range(DECLARATIONS))
        deadline = time.monotonic() + 120
        verdict = await check(hub.kafka, promised, value)
        while not verdict.good and time.monotonic() < deadline:
            await asyncio.sleep(3)
            verdict = await check(hub.kafka, promised, value)
    assert verdict.good, msgspec.to_builtins(verdict)
    assert verdict.counts["assessed declarations"] == DECLARATIONS

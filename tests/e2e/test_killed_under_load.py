"""Every process is killed, and frozen, in turn while messages come in; a checker reads what is left (I1, I2, I4, I5, I9, I11)."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import aiohttp
import msgspec
import pytest

from hub.bench import messages
from hub.bench.load import messages as framed
from hub.domain.money import amount
from hub.infra.participants import load_demo
from schemas import samples
from schemas.documents import Declaration
from tests.support.history import Acknowledged, acknowledged, check
from tests.support.hub_up import HubUp

pytestmark = pytest.mark.slow

DECLARATIONS = 600
EACH = 5
#: Longer than the session of a stage's group: its partitions go to whoever comes next.
FROZEN_SECONDS = 8.0


def dutiable(declaration: Declaration) -> int:
    """What a declaration uses of its buyer's allowance: goods, freight and insurance."""
    head = declaration.head
    return sum(amount(line.totalPrice) for line in declaration.list) + amount(head.freight) + amount(head.insuredFee)


async def hand_in(hub: HubUp, files: list[str], keys: list[str], seconds: float) -> list[Acknowledged]:
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
                    async with http.post(f"{hub.url}/v1/messages", data=body, headers=headers) as r:
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


async def disturb(hub: HubUp, how: signal.Signals) -> list[str]:
    """Each process in turn: killed, or frozen and woken."""
    disturbed = []
    for name in sorted(hub.pids().keys() - {"up"}):
        if name not in hub.pids():
            continue
        pid = hub.kill(name, how)
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
    hub = HubUp(tmp_path / "data")
    try:
        await asyncio.to_thread(hub.wait_ready)
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
        await asyncio.to_thread(hub.wait_ready)
        value = sum(dutiable(samples.declaration_set(n, at=at).declaration) for n in range(DECLARATIONS))
        deadline = time.monotonic() + 120
        verdict = await check(hub.kafka, promised, value)
        while not verdict.good and time.monotonic() < deadline:
            await asyncio.sleep(3)
            verdict = await check(hub.kafka, promised, value)
    finally:
        await asyncio.to_thread(hub.end, signal.SIGINT)
    assert verdict.good, msgspec.to_builtins(verdict)
    assert verdict.counts["assessed declarations"] == DECLARATIONS

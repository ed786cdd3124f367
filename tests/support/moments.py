"""Kills and freezes the hub's processes at random moments under load, then holds what is left against what was promised.

``python -m tests.support.moments [--moments N] [--declarations N] [--seed S]``: a whole hub of its own; each moment is a
SIGKILL, or a SIGSTOP beyond the session of a stage's group, of whichever process chance says, the broker and the
database too. The checker is that of the test of every process in turn: nothing lost, nothing doubled, allowance totals exact (I5),
no assessment ever changed by what came again (I6). Exit 1 where anything differs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import msgspec

from hub.bench import messages
from hub.infra.participants import load_demo
from schemas import samples
from tests.e2e.test_killed_under_load import FROZEN_SECONDS, dutiable, hand_in
from tests.support.history import check
from tests.support.hub_up import HubUp

EACH = 5


async def disturb(hub: HubUp, chance: random.Random, moments: int) -> Counter[str]:
    """So many moments; what was done to whom."""
    done: Counter[str] = Counter()
    while sum(done.values()) < moments:
        await asyncio.sleep(chance.uniform(0.2, 4.0))
        there = sorted(hub.pids().keys() - {"up"})
        if not there:
            continue
        name = chance.choice(there)
        how = chance.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGSTOP))
        pid = hub.kill(name, how)
        done[f"{how.name} {name}"] += 1
        if how is signal.SIGSTOP:
            await asyncio.sleep(chance.uniform(0.1, FROZEN_SECONDS))
            os.kill(pid, signal.SIGCONT)
    return done


async def run(folder: Path, moments: int, declarations: int, seed: int) -> int:
    """The whole; the exit code."""
    chance = random.Random(seed)
    hub = HubUp(folder / "data")
    try:
        await asyncio.to_thread(hub.wait_ready)
        principals = load_demo(hub.data)
        at = time.time_ns() // 1_000_000
        files = await asyncio.to_thread(messages.prepare, folder / "load", principals, declarations, EACH, at)
        keys = [principals[name].api_key for name in ("platform", "payer", "carrier", "agent")]
        sending = asyncio.create_task(hand_in(hub, files, keys, 4.5 * moments))
        done = await disturb(hub, chance, moments)
        promised = await asyncio.wait_for(sending, 10 * moments + 300)
        await asyncio.to_thread(hub.wait_ready)
        value = sum(dutiable(samples.declaration_set(n, at=at).declaration) for n in range(declarations))
        deadline = time.monotonic() + 240
        verdict = await check(hub.kafka, promised, value)
        while not verdict.good and time.monotonic() < deadline:
            await asyncio.sleep(3)
            verdict = await check(hub.kafka, promised, value)
    finally:
        await asyncio.to_thread(hub.end, signal.SIGINT)
    print(json.dumps({"seed": seed, "moments": dict(sorted(done.items())), "good": verdict.good, **msgspec.to_builtins(verdict)}))
    return 0 if verdict.good and verdict.counts["assessed declarations"] == declarations else 1


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moments", type=int, default=50)
    parser.add_argument("--declarations", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(run(Path(folder), chosen.moments, chosen.declarations, chosen.seed))


if __name__ == "__main__":
    sys.exit(main())

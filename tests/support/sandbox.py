"""A sandbox customs as a process of its own, to be killed (``python -m tests.support.sandbox FOLDER PORT HUB_URL``)."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from aiohttp import web

from adapters.authorities.customs import scenario
from adapters.authorities.customs.desk import Desk
from adapters.authorities.customs.simulator import Simulator
from adapters.authorities.customs.store import Store


def now() -> int:
    return int(time.time() * 1000)


def a_simulator(folder: Path, hub_url: str, plan: str = "release") -> tuple[Simulator, Store]:
    """A sandbox customs that takes every genuine signature."""
    store = Store(folder / "customs.db")
    desk = Desk(store, scenario.load(plan))
    return Simulator(desk=desk, store=store, now=now, hub_url=hub_url, api_key=lambda: "key-of-customs"), store


async def _main(folder: str, port: str, hub_url: str) -> None:
    simulator, _ = a_simulator(Path(folder), hub_url)
    runner = web.AppRunner(simulator.app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(port)).start()
    await simulator.run()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))

"""What tests share: one Kafka and one PostgreSQL a run, a fresh database a test, a whole hub a module."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from hypothesis import HealthCheck, settings

from tests.support import servers
from tests.support.hub_up import HubUp

# How long something takes says more about the machine than about the code: no test fails of it.
settings.register_profile("hub", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("hub")

#: The process that began the run; its workers inherit the name.
_RUN = "PYTEST_RUN_PID"
_FOLDER = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        os.environ[_RUN] = str(os.getpid())


def pytest_unconfigure(config: pytest.Config) -> None:
    factory = getattr(config, "_tmp_path_factory", None)
    if not hasattr(config, "workerinput") and factory is not None and factory._basetemp is not None:
        servers.end(factory.getbasetemp())


@pytest.fixture(scope="session")
def _servers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    base = tmp_path_factory.getbasetemp()
    folder = base.parent if hasattr(request.config, "workerinput") else base
    return servers.shared(folder, int(os.environ[_RUN]), os.environ)


@pytest.fixture(scope="session")
def kafka(_servers: dict[str, str]) -> str:
    """Bootstrap servers of the run's Kafka; tests name their topics ``test-<random>``."""
    return _servers["kafka"]


@pytest.fixture
async def database(_servers: dict[str, str]) -> AsyncIterator[str]:
    """DSN of an empty database that is dropped afterwards."""
    server = _servers["database"]
    name = f"test_{secrets.token_hex(6)}"
    await _ask(server, f"CREATE DATABASE {name}")
    yield f"{server.rpartition('/')[0]}/{name}"
    await _ask(server, f"DROP DATABASE {name} WITH (FORCE)")


async def _ask(dsn: str, command: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(command)
    finally:
        await connection.close()


@pytest.fixture(scope="module")
def hub_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubUp]:
    """A whole hub with the sandbox, ready; shared by the tests of a module."""
    hub = HubUp(tmp_path_factory.mktemp("hub"))
    try:
        hub.wait_ready()
        yield hub
    finally:
        hub.end()

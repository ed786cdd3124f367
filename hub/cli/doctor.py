"""``hub doctor``: what is wrong with this installation, and what to do about it."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Awaitable, Callable

import click
import msgspec

from hub.cli import loaded
from hub.cli.reach import language
from hub.cli.running import run
from hub.infra.certificates import certificates_health
from hub.infra.health import (
    Health,
    database_health,
    deliveries_health,
    evidence_health,
    jars_health,
    java_health,
    kafka_health,
    keys_health,
    lag_health,
    port_health,
    processes_health,
    python_health,
    reading_health,
    topics_health,
)
from hub.settings import Settings

#: In the order in which one needs the other.
CHECKS: tuple[Callable[[Settings], Awaitable[Health]], ...] = (
    python_health,
    java_health,
    jars_health,
    port_health,
    processes_health,
    keys_health,
    kafka_health,
    topics_health,
    lag_health,
    evidence_health,
    deliveries_health,
    database_health,
    reading_health,
    certificates_health,
)
_SECONDS = 20
_MARKS = {"ok": "✓", "off": "·", "wrong": "✗"}


@click.command("doctor")
@click.option("--language", "tongue", type=click.Choice(["en", "zh"]), help="Default: the terminal's.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def command(ctx: click.Context, *, tongue: str | None, as_json: bool) -> None:
    """Look at what the hub needs, one line each with what to do; exit 1 if anything is wrong.

    Example: hub doctor --json
    """
    settings, speaks = loaded(ctx).settings, tongue or language()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # an absent broker is one line of ours

    async def main() -> int:
        wrong = 0
        for check in CHECKS:
            health = await _checked(check, settings)
            wrong += health.state == "wrong"
            if as_json:
                click.echo(json.dumps(msgspec.to_builtins(health), ensure_ascii=False))
            else:
                _print(health, speaks)
        sys.stdout.flush()
        return 1 if wrong else 0

    run(main())


async def _checked(check: Callable[[Settings], Awaitable[Health]], settings: Settings) -> Health:
    """The outcome of a check; one that hangs or breaks is itself something wrong."""
    name = check.__name__.removesuffix("_health")
    try:
        return await asyncio.wait_for(check(settings), _SECONDS)
    except TimeoutError:
        return Health(name, "wrong", f"no answer in {_SECONDS} s", f"{_SECONDS} 秒内无应答")
    except Exception as error:  # a doctor who dies of one patient helps none
        return Health(name, "wrong", f"{type(error).__name__}: {error}", f"{type(error).__name__}：{error}")


def _print(health: Health, speaks: str) -> None:
    chinese = speaks == "zh"
    click.echo(f"{_MARKS[health.state]} {health.name:12} {health.found_zh if chinese else health.found}")
    if remedy := health.remedy_zh if chinese else health.remedy:
        click.echo(f"{'':15}→ {remedy}")

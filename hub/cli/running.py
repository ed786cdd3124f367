"""Running a command's coroutine: what is misconfigured or away is said in a sentence, not as a traceback."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any

import click
import uvloop

from hub.domain.faults import HubError, Misconfigured, Refused
from hub.settings import Settings


def require_kafka(settings: Settings, why: str = "") -> None:
    """Misconfigured where the command is not told which Kafka is the hub's."""
    if not settings.kafka:
        raise Misconfigured(["set HUB_KAFKA to the hub's Kafka (hub up prints it)" + (f": {why}" if why else "")])


def run(main: Coroutine[Any, Any, int | None]) -> None:
    """Run to the end; the process ends with what it returns."""
    try:
        code = uvloop.run(main)
    except Misconfigured as error:
        raise click.ClickException("\n".join(error.problems)) from error
    except Refused as error:
        said = [f"{fault.code}: {fault.message} {fault.message_zh}" for fault in error.faults]
        raise click.ClickException("\n".join(said)) from error
    except HubError as error:
        raise click.ClickException(str(error)) from error
    except (KeyboardInterrupt, asyncio.CancelledError):
        code = 130
    sys.exit(code or 0)

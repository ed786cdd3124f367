"""``hub project``: one process of the hub, for production; ``hub up`` runs them all."""

from __future__ import annotations

import click

from hub import wiring
from hub.cli import loaded
from hub.cli.running import run


@click.command("project")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Keep the read model in PostgreSQL up with the topics until ended.

    Example: HUB_KAFKA=127.0.0.1:9092 HUB_DATABASE=postgresql://… hub project
    """
    run(wiring.project(loaded(ctx).settings))

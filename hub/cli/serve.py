"""``hub serve``: one process of the hub, for production; ``hub up`` runs them all."""

from __future__ import annotations

import click

from hub import wiring
from hub.cli import loaded
from hub.cli.running import run


@click.command("serve")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Serve the door, the API and the console until ended.

    Example: HUB_KAFKA=127.0.0.1:9092 HUB_DATABASE=postgresql://… hub serve
    """
    run(wiring.serve(loaded(ctx).settings))

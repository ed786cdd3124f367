"""``hub stream``: the stages, one process of the hub for production; ``hub up`` runs them all."""

from __future__ import annotations

import click

from hub import topics, wiring
from hub.cli import loaded


@click.command("stream")
@click.option("--stages", default=",".join(topics.STAGES), show_default=True, help="Which stages this process carries.")
@click.pass_context
def command(ctx: click.Context, stages: str) -> None:
    """Carry stages until ended.

    Example: HUB_KAFKA=127.0.0.1:9092 hub stream --stages register,match
    """
    names = [name.strip() for name in stages.split(",") if name.strip()]
    unknown = [name for name in names if name not in topics.STAGES]
    if unknown:
        raise click.BadParameter(f"no stage {', '.join(unknown)}; there are {', '.join(topics.STAGES)}")
    wiring.stream(loaded(ctx).settings, names)

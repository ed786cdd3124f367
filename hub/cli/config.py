"""``hub config``: the settings in force and where each comes from."""

from __future__ import annotations

import json

import click

from hub.cli import loaded
from hub.settings import shown


@click.command("config")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def command(ctx: click.Context, *, as_json: bool) -> None:
    """Print the settings in force and from where; secrets are hidden.

    Example: HUB_PARTITIONS=24 hub config
    """
    found = loaded(ctx)
    for name, source in found.sources.items():
        value = shown(name, getattr(found.settings, name))
        if as_json:
            click.echo(json.dumps({"setting": name, "value": value, "source": source}))
        else:
            click.echo(f"{name:24} {value:40} {source}")

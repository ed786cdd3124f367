"""``hub reference``: reference data from files: filings, lists, rates, standing, permits."""

from __future__ import annotations

from pathlib import Path

import click

from hub.cli import loaded
from hub.cli.running import run
from hub.domain.faults import Misconfigured
from hub.infra.process import WallClock
from hub.infra.reference import publish_anew
from hub.infra.reference_files import read


@click.group("reference")
def command() -> None:
    """Load reference data.

    Example: hub reference load rates.toml
    """


@command.command("load")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only check the file.")
@click.pass_context
def load(ctx: click.Context, file: Path, *, dry_run: bool) -> None:
    """Publish every record of a TOML or CSV file, or none: a file with a fault is refused whole, with its lines.

    What says the same as the version in force is left out; everything else becomes the next version.

    Example: hub reference load rates.csv --dry-run
    """
    settings = loaded(ctx).settings

    async def main() -> None:
        records = read(file)
        if dry_run:
            click.echo(f"{file}: {len(records)} records, no fault")
            return
        if not settings.kafka:
            raise Misconfigured(["set HUB_KAFKA to the hub's Kafka (hub up prints it)"])
        offset = await publish_anew(settings.kafka, records, WallClock())
        click.echo(
            f"{file}: {len(records)} record{'s' * (len(records) != 1)}" + (f", in force with offset {offset}" if offset >= 0 else ", nothing new")
        )

    run(main())

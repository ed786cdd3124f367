"""``hub reference``: reference data from files: filings, lists, rates, standing, permits."""

from __future__ import annotations

import json
from pathlib import Path

import click

from hub.cli import loaded
from hub.cli.principals import amend
from hub.cli.running import require_kafka, run
from hub.domain import audit
from hub.domain.keys import china_day, day_text
from hub.domain.names import resembling
from hub.infra.process import WallClock
from hub.infra.reference import ReferenceReader
from hub.infra.reference_files import read
from hub.rules.engine import ruleset, unread


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
        rules = ruleset()
        for said in filter(None, (unread(record, rules) for record in records)):
            click.echo(f"warning: {said}", err=True)
        if dry_run:
            click.echo(f"{file}: {len(records)} record{'s' * (len(records) != 1)}, no fault")
            return
        kinds = ", ".join(sorted({record.kind for record in records}))
        offset = await amend(settings, lambda _: records, audit.REFERENCE_LOADED, file.name, {"records": str(len(records)), "kinds": kinds})
        click.echo(
            f"{file}: {len(records)} record{'s' * (len(records) != 1)}" + (f", in force with offset {offset}" if offset >= 0 else ", nothing new")
        )

    run(main())


@command.command("screen")
@click.argument("names", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--least", type=click.IntRange(50, 100), help="Percent from which a name resembles; default: the setting resembles_percent.")
@click.option("--write", "target", type=click.Path(dir_okay=False, path_type=Path), help="Write records to load after a look.")
@click.pass_context
def screen(ctx: click.Context, names: Path, *, least: int | None, target: Path | None) -> None:
    """Hold the names of all filed enterprises against a list of names (UTF-8, a name a line); exit 1 where any resembles.

    A firm's own word is compared in Latin letters by edit distance; places and trades are known in both languages, words of a
    firm's form count for nothing. What is written with --write
    says of each such enterprise that its name resembles a listed one (source screening): take out who is not meant, then
    hub reference load. Declarations behind which such an enterprise stands are reviewed (rule R14) until it is cleared.

    Example: hub reference screen control-list.txt --write screening.toml
    """
    settings = loaded(ctx, resembles_percent=least).settings
    listed = [line.strip() for line in names.read_text("utf-8-sig").splitlines() if line.strip()]

    async def main() -> int:
        require_kafka(settings)
        clock = WallClock()
        reader = ReferenceReader(settings.kafka, clock)
        await reader.start()
        try:
            await reader.ready()
            day = china_day(clock.now())
            filed = {code: str(value.get("name") or "") for code, value in reader.data.all("enterprise", day)}
        finally:
            await reader.stop()
        found = {one.name: one for one in resembling(filter(None, set(filed.values())), listed, settings.resembles_percent)}
        hits = [(code, found[name]) for code, name in sorted(filed.items()) if name in found]
        for code, one in hits:
            click.echo(f"{code}  {one.name}  resembles {one.listed}  {one.percent} %")
        click.echo(f"{len(filed)} enterprises, {len(listed)} names, {len(hits)} resemble", err=True)
        if target is not None:
            target.write_text("\n".join(_screened(code, one.listed, one.percent, day_text(day)) for code, one in hits), "utf-8")
        return int(bool(hits))

    run(main())


def _screened(code: str, listed: str, percent: int, first: str) -> str:
    """A record that says so, as TOML: its texts are JSON's, which TOML takes too."""
    note = json.dumps(f"{listed} ({percent} %)", ensure_ascii=False)
    return (
        f"[[record]]\nkind = \"credit\"\nid = {json.dumps(f'{code}~screening')}\nvalid_from = {first}\n"
        f'value = {{ level = "resembles", recorded_by = "hub reference screen", number = {note} }}\n'
    )

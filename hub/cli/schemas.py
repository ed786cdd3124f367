"""``hub schemas``: XML Schemas and JSON Schemas of the messages, as files."""

from __future__ import annotations

import json
from pathlib import Path

import click

from schemas import catalog

SIDES = ("import", "export")


@click.command("schemas")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--edition", type=click.Choice(catalog.EDITIONS), help="Only this edition (default: all).")
@click.option("--side", type=click.Choice(SIDES), help="Only import or export (default: both).")
def command(folder: Path, edition: str | None, side: str | None) -> None:
    """Write the schemas of all messages: FOLDER/EDITION/import.xsd, export.xsd, xmldsig.xsd and json/CEBnnn.json.

    One XML Schema has all messages of a side; JSON Schemas are of the JSON twins. Files that are there are overwritten.

    Example: hub schemas --edition 202205 --side export schemas/
    """
    for of in (edition,) if edition else catalog.EDITIONS:
        try:
            _write(folder / of, of, (side,) if side else SIDES)
        except OSError as error:
            raise click.ClickException(f"{error.filename}: {error.strerror}") from error


def _write(folder: Path, edition: str, sides: tuple[str, ...]) -> None:
    (folder / "json").mkdir(parents=True, exist_ok=True)
    texts = {f"{side}.xsd": catalog.side_xsd(side, edition) for side in sides} | {"xmldsig.xsd": catalog.signature_xsd()}
    for mt in catalog.messages():
        if edition in mt.editions and mt.side in (*sides, "both"):
            schema = catalog.json_schema(mt, edition)
            texts[f"json/{mt.type}.json"] = json.dumps(schema, ensure_ascii=False, indent=1) + "\n"
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8")
        click.echo(folder / name)

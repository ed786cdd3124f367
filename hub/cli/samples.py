"""``hub samples``: messages to begin with."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click

from hub import demo


@click.command("samples")
@click.argument("folder", default=".", type=click.Path(file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="JSON twins instead of XML.")
def command(folder: Path, *, as_json: bool) -> None:
    """Write an order, a payment, a waybill and a declaration that belong together, unsigned, of the demo's enterprises.

    Each call makes a new sale with made-up people and numbers of its own. Files that are there are overwritten.

    Example: hub samples mine/ && hub submit mine/ --wait 10
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.ClickException(f"{folder}: {error.strerror}") from error
    for kind, document in demo.documents(time.time_ns() // 1_000_000).items():
        if as_json:
            file = folder / f"{kind}.json"
            text = json.dumps(demo.twin_of(kind, document), ensure_ascii=False, indent=1).encode()
        else:
            file, text = folder / f"{kind}.xml", demo.rendered(kind, document)
        file.write_bytes(text + b"\n")
        click.echo(file)

"""``hub samples``: messages to begin with."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import click
from lxml import etree

from hub import demo
from schemas import catalog, made, twin


class _Message(click.ParamType):
    name = "CEBnnn"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> catalog.MessageType:
        try:
            return catalog.message(value.upper())
        except KeyError:
            self.fail(f"{value} is no message of the catalogue (CEB311, CEB607 …)", param, ctx)


@click.command("samples")
@click.argument("folder", default=".", type=click.Path(file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="JSON twins instead of XML.")
@click.option("--message", "mt", type=_Message(), help="This message, of right form but without sense, instead of a sale.")
@click.option("--invalid", is_flag=True, help="With --message: one file for each way it can be wrong.")
@click.option("--edition", type=click.Choice(catalog.EDITIONS), help="With --message: as this edition wants it.")
def command(
    folder: Path, mt: catalog.MessageType | None, edition: str | None, *, as_json: bool, invalid: bool
) -> None:
    """Write an order, a payment, a waybill and a declaration that belong together, unsigned, of the demo's enterprises.

    Each call makes a new sale with made-up people and numbers of its own. Files that are there are overwritten.
    --message makes any message of the catalogue; with --invalid once for each fault the schema or the door finds
    in it, the code expected in the file's name; these have a mark in the signature's place where there must be one.
    They are wrong by one edition, the newest or that of --edition: name it to hub check too, for without it hub check
    accepts what any edition does.

    Example: hub samples mine/ && hub submit mine/ --wait 10

    Example: hub samples --message CEB607 --invalid wrong/ && hub check --schema-only --edition 202205 wrong/
    """
    if mt is None and (invalid or edition):
        raise click.UsageError("--invalid and --edition go with --message")
    if mt is not None and edition and edition not in mt.editions:
        raise click.UsageError(f"{mt.type} is not part of edition {edition}")
    if invalid and as_json:
        raise click.UsageError("--invalid writes XML: most of it no JSON could say")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in _sale(as_json) if mt is None else _made(mt, edition or "", as_json, invalid):
            (folder / name).write_bytes(text + b"\n")
            click.echo(folder / name)
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from error


def _sale(as_json: bool) -> Iterator[tuple[str, bytes]]:
    for kind, document in demo.documents(time.time_ns() // 1_000_000).items():
        if as_json:
            yield f"{kind}.json", _json(demo.twin_of(kind, document))
        else:
            yield f"{kind}.xml", demo.rendered(kind, document)


def _made(mt: catalog.MessageType, edition: str, as_json: bool, invalid: bool) -> Iterator[tuple[str, bytes]]:
    seed = time.time_ns()
    if invalid:
        edition = edition or mt.editions[0]
        flaws = (*made.flaws(mt, edition), *made.meaning_flaws(mt, edition))
        # what is wrong by another edition only is right here
        for number, flaw in enumerate((flaw for flaw in flaws if flaw.edition == edition), 1):
            where = "-".join(filter(None, (flaw.part, flaw.field))).replace("@", "").replace(":", "-") or "root"
            yield f"{mt.type}-{number:03d}-{flaw.code}-{where}.xml", made.flawed(mt, flaw, seed)
        return
    xml = made.message(mt, seed=seed, edition=edition)
    if as_json:
        yield f"{mt.type}.json", _json(twin.of(etree.fromstring(xml), mt, edition or mt.editions[0]))
    else:
        yield f"{mt.type}.xml", xml


def _json(value: dict[str, object]) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode()

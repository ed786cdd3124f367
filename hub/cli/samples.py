"""``hub samples``: messages to begin with."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from lxml import etree

from hub import demo, made_up
from hub.cli.submit import fitting_for
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
@click.option(
    "--message", "mt", type=_Message(), help="This message, of right form but without sense, instead of a sale."
)
@click.option("--invalid", is_flag=True, help="With --message: one file for each way it can be wrong.")
@click.option("--of", "files", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="With --message: the one that follows this declaration (CEB513: this waybill); a bill's may name several.")  # fmt: skip
@click.option(
    "--invt-no", "invt_nos", multiple=True, help="With --of: customs' number of the declaration (hub trace prints it)."
)
@click.option(
    "--export",
    "mode",
    type=click.Choice(["9610", "1210", "9710", "9810"]),
    help="A sale abroad in this trade mode instead.",
)
@click.option(
    "--flag",
    type=click.Choice(["A", "B"]),
    help="With --export: statisticsFlag, A statistics or B (default) summarised.",
)
@click.option("--collection", is_flag=True, help="With --export: the collection too.")
@click.option("--edition", type=click.Choice(catalog.EDITIONS), help="With --message: as this edition wants it.")
def command(
    folder: Path,
    mt: catalog.MessageType | None,
    edition: str | None,
    files: tuple[Path, ...],
    invt_nos: tuple[str, ...],
    mode: str | None,
    flag: str | None,
    *,
    as_json: bool,
    invalid: bool,
    collection: bool,
) -> None:
    """Write an order, a payment, a waybill and a declaration that belong together, unsigned, of the demo's enterprises.

    Each call makes a new sale with made-up people and numbers of its own. Files that are there are overwritten.
    --export makes a sale abroad with its consolidation, arrival and departure (hand these in once customs has stored
    the declaration). --message with --of makes what follows a declaration. --message alone makes any message of the
    catalogue without sense; with --invalid once for each fault the schema or the door finds in it, the code expected
    in the file's name; these have a mark in the signature's place where there must be one. They are wrong by one
    edition, the newest or that of --edition: name it to hub check too, which accepts what any edition does.

    Example: hub samples mine/ && hub submit mine/ --wait 10

    Example: hub samples --export 9610 abroad/

    Example: hub samples --message CEB625 --of mine/declaration.xml --invt-no 29212026I000000001 mine/

    Example: hub samples --message CEB607 --invalid wrong/ && hub check --schema-only --edition 202205 wrong/
    """
    _together(mt, edition, files, invt_nos, mode, flag, as_json=as_json, invalid=invalid, collection=collection)
    now = time.time_ns() // 1_000_000
    try:
        if mode is not None:
            made = _of_demo(made_up.export_sale(now, mode, flag or "B", collected=collection), as_json)
        elif mt is not None and files:
            made = _of_demo({mt.type: (mt, made_up.follow_up(mt, files, invt_nos, now))}, as_json)
        else:
            made = _sale(now, as_json) if mt is None else _made(mt, edition or "", as_json, invalid)
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in made:
            (folder / name).write_bytes(text + b"\n")
            click.echo(folder / name)
    except made_up.SenselessError as error:
        raise click.UsageError(str(error)) from error
    except BrokenPipeError:
        raise  # whoever reads has had enough
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from error


def _together(
    mt: catalog.MessageType | None,
    edition: str | None,
    files: tuple[Path, ...],
    invt_nos: tuple[str, ...],
    mode: str | None,
    flag: str | None,
    *,
    as_json: bool,
    invalid: bool,
    collection: bool,
) -> None:
    """UsageError for options that do not go together."""
    wrong = {
        "--invalid, --edition and --of go with --message": mt is None and (invalid or edition or files),
        "--flag and --collection go with --export": mode is None and (flag or collection),
        "--export and --message do not go together": mode is not None and mt is not None,
        "--of says what the message follows: it goes neither with --invalid nor with --edition": files
        and (invalid or edition),
        "--invt-no goes with --of": invt_nos and not files,
        "--invalid writes XML: most of it no JSON could say": invalid and as_json,
    }
    for said, so in wrong.items():
        if so:
            raise click.UsageError(said)
    if mt is not None and edition and edition not in mt.editions:
        raise click.UsageError(f"{mt.type} is not part of edition {edition}")


def _of_demo(made: dict[str, tuple[catalog.MessageType, Any]], as_json: bool) -> Iterator[tuple[str, bytes]]:
    """Messages of the demo's enterprises, each by the one that hands it in."""
    for name, (mt, document) in made.items():
        if as_json:
            yield f"{name}.json", _json(made_up.twin_of(mt, document, fitting_for(mt)))
        else:
            yield f"{name}.xml", made_up.rendered(mt, document, fitting_for(mt))


def _sale(now: int, as_json: bool) -> Iterator[tuple[str, bytes]]:
    made = {kind: (catalog.message(demo.MESSAGES[kind][0]), doc) for kind, doc in demo.documents(now).items()}
    return _of_demo(made, as_json)


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
        yield f"{mt.type}.xml", made_up.indented(xml)


def _json(value: dict[str, object]) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode()

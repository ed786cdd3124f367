"""``hub participants``: who may call, with which roles, enterprise codes, certificates and keys."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from hub.cli import loaded
from hub.cli.acting import recorded
from hub.cli.running import run
from hub.domain import audit
from hub.domain.access import ROLES
from hub.domain.faults import Misconfigured
from hub.domain.keys import china_day
from hub.domain.reference import ReferenceRecord, day_number
from hub.infra.crypto import api_key_hash, new_api_key
from hub.infra.participants import principal_value, shown, shown_secret, webhook_secret
from hub.infra.process import WallClock
from hub.infra.reference import ReferenceReader, as_versions, publish
from hub.infra.vault import Vault
from hub.settings import Settings


@click.group("participants")
def command() -> None:
    """Add, list, rotate and suspend participants.

    Example: hub participants list
    """


async def _reading(settings: Settings) -> ReferenceReader:
    if not settings.kafka:
        raise Misconfigured(["set HUB_KAFKA to the hub's Kafka (hub up prints it)"])
    reader = ReferenceReader(settings.kafka, WallClock())
    await reader.start()
    await reader.ready()
    return reader


def today() -> str:
    """The day in China, ``YYYY-MM-DD``."""
    moment = datetime.fromtimestamp(WallClock().now() / 1000, UTC) + timedelta(hours=8)
    return moment.strftime("%Y-%m-%d")


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def list_(ctx: click.Context, *, as_json: bool) -> None:
    """Print every principal in force today; no secrets.

    Example: hub participants list --json
    """
    settings = loaded(ctx).settings

    async def main() -> None:
        reader = await _reading(settings)
        try:
            for name, value in sorted(reader.data.all("principal", china_day(WallClock().now()))):
                entry = shown(name, value)
                if as_json:
                    click.echo(json.dumps(entry, ensure_ascii=False))
                else:
                    notes = [note for note in ("suspended", "demo") if entry[note]]
                    roles, codes = ",".join(entry.get("roles", [])), ",".join(entry.get("codes", []))
                    click.echo(f"{name:16} {roles:24} {codes:32} {' '.join(notes)}".rstrip())
        finally:
            await reader.stop()

    run(main())


def _pem(path: Path) -> str:
    try:
        return path.read_text("ascii")
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{path} is no certificate in PEM") from error


@command.command("add")
@click.argument("name")
@click.option(
    "--role", "roles", multiple=True, required=True, type=click.Choice(ROLES), help="May be given more than once."
)
@click.option("--code", "codes", multiple=True, help="An enterprise code it acts for.")
@click.option("--dxp-id", "dxp_ids", multiple=True, help="Its number on the data-exchange platform.")
@click.option("--certificate", "certificates", multiple=True, type=click.Path(exists=True, path_type=Path), help="PEM.")
@click.option("--edition", type=click.Choice(["202205", "2018"]), default="202205", show_default=True)
@click.option("--title", default="", help="Its name for people.")
@click.pass_context
def add(
    ctx: click.Context,
    name: str,
    *,
    roles: tuple[str, ...],
    codes: tuple[str, ...],
    dxp_ids: tuple[str, ...],
    certificates: tuple[Path, ...],
    edition: str,
    title: str,
) -> None:
    """Add a principal, or change one: its next version is in force from today; the API key is shown this once.

    A code that has no filing gets one, so that the enterprise is known.

    Example: hub participants add acme --role declarant --code 3301960001 --dxp-id DXPENT0000011951
    """
    settings = loaded(ctx).settings
    key = new_api_key()

    async def main() -> None:
        value = principal_value(
            roles=roles,
            codes=codes,
            dxp_ids=dxp_ids,
            key_hash=api_key_hash(key),
            certificates=tuple(map(_pem, certificates)),
            edition=edition,
            title=title,
        )
        filing = {"name": title or name, "roles": list(roles), "principal": name, "state": "filed"}
        filings = [ReferenceRecord("enterprise", code, 1, today(), value=filing) for code in codes]
        record = ReferenceRecord("principal", name, 1, today(), value=value)
        await recorded(settings, audit.PARTICIPANT_ADDED, name, {"roles": ",".join(roles), "codes": ",".join(codes)})
        await _publish(settings, record, where_none=filings)
        click.echo(f"{name}: API key {key}")

    run(main())


@command.command("rotate")
@click.argument("name")
@click.pass_context
def rotate(ctx: click.Context, name: str) -> None:
    """Give a principal a new API key; the old one ends at once.

    Example: hub participants rotate acme
    """
    key = new_api_key()
    _change(ctx, name, {"api_key_hash": api_key_hash(key)}, audit.PARTICIPANT_ROTATED)
    click.echo(f"{name}: API key {key}")


@command.command("webhook-secret")
@click.argument("name")
@click.pass_context
def webhook_secret_(ctx: click.Context, name: str) -> None:
    """Print the secret a principal's shop platform signs its webhooks with; a new API key makes it a new one.

    Example: hub participants webhook-secret acme
    """
    settings = loaded(ctx).settings

    async def main() -> None:
        reader = await _reading(settings)
        try:
            found = reader.by_name(name)
        finally:
            await reader.stop()
        if found is None:
            raise Misconfigured([f"there is no principal {name!r}"])
        click.echo(shown_secret(webhook_secret(Vault(settings.keys_folder).digest, found)))

    run(main())


@command.command("suspend")
@click.argument("name")
@click.option("--lift", is_flag=True, help="End the suspension.")
@click.pass_context
def suspend(ctx: click.Context, name: str, *, lift: bool) -> None:
    """Take nothing from a principal any more, until lifted.

    Example: hub participants suspend acme
    """
    _change(ctx, name, {"suspended": not lift}, audit.PARTICIPANT_LIFTED if lift else audit.PARTICIPANT_SUSPENDED)
    click.echo(f"{name}: {'active' if lift else 'suspended'}")


def _change(ctx: click.Context, name: str, changes: dict[str, object], what: str) -> None:
    settings = loaded(ctx).settings

    async def main() -> None:
        reader = await _reading(settings)
        try:
            found = reader.data.find("principal", name, china_day(WallClock().now()))
        finally:
            await reader.stop()
        if found is None:
            raise Misconfigured([f"there is no principal {name!r}"])
        await recorded(settings, what, name)
        await _publish(settings, ReferenceRecord("principal", name, 1, today(), value={**found, **changes}))

    try:
        run(main())
    except SystemExit as end:
        if end.code:
            raise


async def _publish(settings: Settings, record: ReferenceRecord, where_none: Sequence[ReferenceRecord] = ()) -> None:
    """Publish a record as the next version; those of ``where_none`` only where none is in force on their first day."""
    reader = await _reading(settings)
    try:
        missing = [one for one in where_none if reader.data.find(one.kind, one.id, day_number(one.valid_from)) is None]
        offset = await publish(settings.kafka, as_versions([record, *missing], reader.data))
        if offset >= 0:
            await reader.reached(offset)
    finally:
        await reader.stop()

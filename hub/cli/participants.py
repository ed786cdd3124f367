"""``hub participants``: who may call, with which roles, enterprise codes, certificates and keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from hub.cli import certificates as certificate_commands
from hub.cli import hosting, loaded
from hub.cli.principals import amend, change, found, nobody_elses, reading, today
from hub.cli.running import run
from hub.domain import audit, credentials
from hub.domain.access import ROLES, UNITS
from hub.domain.faults import Misconfigured
from hub.domain.keys import china_day
from hub.domain.reference import Reference, ReferenceRecord, day_number
from hub.infra import key_uses
from hub.infra.certificates import read_certificate
from hub.infra.crypto import api_key_hash, new_api_key
from hub.infra.participants import principal_value, shown, shown_secret, webhook_secret
from hub.infra.process import WallClock
from hub.infra.vault import Vault
from hub.settings import Settings


@click.group("participants")
def command() -> None:
    """Who may call: add, show and suspend participants, and their keys.

    Example: hub participants list
    """


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def list_(ctx: click.Context, *, as_json: bool) -> None:
    """Print every principal in force today; no secrets.

    Example: hub participants list --json
    """
    settings = loaded(ctx).settings

    async def main() -> None:
        reader = await reading(settings)
        uses = await _last_uses(settings)
        try:
            for name, value in sorted(reader.data.all("principal", china_day(WallClock().now()))):
                entry = shown(name, value, WallClock().now(), uses)
                if as_json:
                    click.echo(json.dumps(entry, ensure_ascii=False))
                else:
                    notes = [note for note in ("suspended", "demo") if entry[note]]
                    roles, codes = ",".join(entry.get("roles", [])), ",".join(entry.get("codes", []))
                    click.echo(f"{name:16} {roles:24} {codes:32} {' '.join(notes)}".rstrip())
        finally:
            await reader.stop()

    run(main())


async def _last_uses(settings: Settings) -> key_uses.Uses | None:
    return await key_uses.last_uses(settings.database) if settings.database else None


@command.command("show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_context
def show(ctx: click.Context, name: str, *, as_json: bool) -> None:
    """Print all there is about a principal, with each of its keys and when it was used last; no secrets.

    Example: hub participants show acme
    """
    settings = loaded(ctx).settings

    async def main() -> None:
        value = await found(settings, name)
        uses = await _last_uses(settings)
        entry = shown(name, value, WallClock().now(), uses)
        if as_json:
            click.echo(json.dumps(entry, ensure_ascii=False))
            return
        for field, value in entry.items():
            if field not in ("keys", "certificates") and value not in ([], "", False, None):
                click.echo(f"{field:14} {', '.join(map(str, value)) if isinstance(value, list) else value}")
        for held in entry["certificates"]:
            click.echo(
                f"{'certificate':14} {held['subject']}, serial {held['serial']}, fingerprint {held['fingerprint']}, "
                f"until {held['until']} ({held['days_left']} days left)"
            )
        for key in entry["keys"]:
            until = f" until {key['until']}" if key["until"] else ""
            used = f"last used {key['last_used']}" if key["last_used"] else "no use known" if uses is not None else "last use not known"
            click.echo(f"{'key':14} {key['id']} {key['state']}{until}, {used} {key['label']}".rstrip())

    run(main())


@command.command("add")
@click.argument("name")
@click.option(
    "--role", "roles", multiple=True, required=True, type=click.Choice(ROLES), help="May be given more than once."
)
@click.option("--code", "codes", multiple=True, help="An enterprise code it acts for.")
@click.option("--dxp-id", "dxp_ids", multiple=True, help="Its number on the data-exchange platform.")
@click.option("--certificate", "certificates", multiple=True, type=click.Path(exists=True, path_type=Path), help="PEM or DER.")
@click.option("--edition", type=click.Choice(["202205", "2018"]), default="202205", show_default=True)
@click.option("--title", default="", help="Its name for people.")
@click.option("--unit", default="", help=f"Of a customs officer: {', '.join(UNITS)}.")
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
    unit: str,
) -> None:
    """Add a principal, or change one: its next version is in force from today; the API key is shown this once.

    A code that has no filing gets one, so that the enterprise is known.

    Example: hub participants add acme --role declarant --code 3301960001 --dxp-id DXPENT0000011951
    """
    settings = loaded(ctx).settings
    key = new_api_key()
    read = [read_certificate(file) for file in certificates]

    async def main() -> None:
        value = principal_value(
            roles=roles,
            codes=codes,
            dxp_ids=dxp_ids,
            key_hash=api_key_hash(key),
            edition=edition,
            title=title,
            unit=unit,
        )
        value["certificates"] = [found.der for found in read]
        filing = {"name": title or name, "roles": list(roles), "principal": name, "state": "filed"}

        def added(data: Reference) -> list[ReferenceRecord]:
            first = today()
            nobody_elses(data, name, codes=codes, dxp_ids=dxp_ids, fingerprints=[found.fingerprint for found in read])
            new = [code for code in codes if data.find("enterprise", code, day_number(first)) is None]
            filings = [ReferenceRecord("enterprise", code, 1, first, value=filing) for code in new]
            return [ReferenceRecord("principal", name, 1, first, value=value), *filings]

        await amend(settings, added, audit.PARTICIPANT_ADDED, name, {"roles": ",".join(roles), "codes": ",".join(codes)})
        click.echo(f"{name}: API key {key}")

    run(main())


@command.command("rotate")
@click.argument("name")
@click.option("--overlap", type=click.FloatRange(0, 8760), default=0.0, metavar="HOURS", help="So long the keys before it go on.")
@click.option("--label", default="", help="What the new key is for.")
@click.pass_context
def rotate(ctx: click.Context, name: str, *, overlap: float, label: str) -> None:
    """Give a principal a new API key; the old ones end after the overlap, without one at once.

    Example: hub participants rotate acme --overlap 24
    """
    key = new_api_key()

    def rotated(value: dict[str, Any], now: int) -> dict[str, Any]:
        return credentials.rotated(value, api_key_hash(key), now, overlap=int(overlap * credentials.HOUR_MS), label=label[:80])

    change(ctx, name, rotated, audit.PARTICIPANT_ROTATED)
    click.echo(f"{name}: API key {key}")


@command.command("revoke")
@click.argument("name")
@click.argument("key_id")
@click.pass_context
def revoke(ctx: click.Context, name: str, key_id: str) -> None:
    """End one API key at once; hub participants show names them.

    Example: hub participants revoke acme k-0123456789
    """

    def revoked(value: dict[str, Any], now: int) -> dict[str, Any]:
        try:
            return credentials.revoked(value, key_id, now)
        except KeyError as error:
            raise Misconfigured([f"{name} has no key {key_id!r}; hub participants show {name} names them"]) from error

    change(ctx, name, revoked, audit.PARTICIPANT_KEY_REVOKED, {"key": key_id})
    click.echo(f"{name}: {key_id} revoked")


@command.command("rate")
@click.argument("name")
@click.option("--messages", type=click.FloatRange(0), help="A second; 0: as the settings say.")
@click.option("--documents", type=click.FloatRange(0), help="A second; 0: as the settings say.")
@click.option("--burst", type=click.FloatRange(0), help="Seconds of the rate at once; 0: as the settings say.")
@click.pass_context
def rate(ctx: click.Context, name: str, *, messages: float | None, documents: float | None, burst: float | None) -> None:
    """Agree how much a principal may send a second to each door process; it goes before the settings.

    Example: hub participants rate acme --messages 50 --documents 500
    """
    given = {"rate_messages": messages, "rate_documents": documents, "rate_burst": burst}
    said = {field: value for field, value in given.items() if value is not None}
    if not said:
        raise click.UsageError("say --messages, --documents or --burst")
    change(ctx, name, lambda value, _: {**value, **said}, audit.PARTICIPANT_CHANGED, {field: f"{value:g}" for field, value in said.items()})
    click.echo(f"{name}: " + ", ".join(f"{field} {value:g}" for field, value in said.items()))


@command.command("webhook-secret")
@click.argument("name")
@click.pass_context
def webhook_secret_(ctx: click.Context, name: str) -> None:
    """Print the secret a principal's shop platform signs its webhooks with: that of its newest API key.

    The secrets of older keys go on as long as those keys.

    Example: hub participants webhook-secret acme
    """
    settings = loaded(ctx).settings

    async def main() -> None:
        newest = (await found(settings, name)).get("api_key_hash")
        if not newest:
            raise Misconfigured([f"{name} has no API key in force: hub participants rotate {name}"])
        click.echo(shown_secret(webhook_secret(Vault(settings.keys_folder).digest, name, newest)))

    run(main())


@command.command("suspend")
@click.argument("name")
@click.option("--lift", is_flag=True, help="End the suspension.")
@click.pass_context
def suspend(ctx: click.Context, name: str, *, lift: bool) -> None:
    """Take nothing from a principal any more, until lifted.

    Example: hub participants suspend acme
    """
    change(ctx, name, lambda value, _: {**value, "suspended": not lift}, audit.PARTICIPANT_LIFTED if lift else audit.PARTICIPANT_SUSPENDED)
    click.echo(f"{name}: {'active' if lift else 'suspended'}")


for one in (certificate_commands.command, hosting.host, hosting.unhost, hosting.mandate, hosting.restrict):
    command.add_command(one)

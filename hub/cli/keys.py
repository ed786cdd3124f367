"""``hub keys``: the daily keys of what was received: erased for good, or held; and the key the hub signs with: rotated."""

from __future__ import annotations

import json
from datetime import date

import click

from hub.cli import loaded
from hub.cli.acting import recorded
from hub.cli.running import require_kafka, run
from hub.domain import audit
from hub.domain.faults import Misconfigured, Refused, fault
from hub.infra.crypto import HubKey
from hub.infra.process import WallClock
from hub.infra.vault import Vault, china_day
from hub.settings import Settings


class Day(click.ParamType):
    """A day, ``YYYY-MM-DD``, in China."""

    name = "day"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The day, or a word on what it should be."""
        try:
            return value if isinstance(value, date) else date.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value} is no day, YYYY-MM-DD", param, ctx)


DAY = Day()


@click.group("keys")
def command() -> None:
    """List, erase, hold and release the daily keys of what was received; rotate the key the hub signs with.

    Without its key nothing of a day can be read again, wherever copies of it lie; what the chain of evidence proves stays proven.

    Example: hub keys list
    """


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def list_(ctx: click.Context, *, as_json: bool) -> None:
    """Print each day with its state: kept, held and why, erased.

    Example: hub keys list --json
    """
    vault = Vault(loaded(ctx).settings.keys_folder)
    gone = set(vault.erased())
    for day in sorted({*vault.days(), *gone}):
        why = vault.held(day)
        state = "erased" if day in gone else "held" if why is not None else "kept"
        if as_json:
            click.echo(json.dumps({"day": day.isoformat(), "state": state, "reason": why}, ensure_ascii=False))
        else:
            click.echo(f"{day}  {state:7} {why or ''}".rstrip())


@command.command("erase")
@click.argument("day", type=DAY)
@click.option("--reason", required=True, help="Why; it is recorded.")
@click.confirmation_option(prompt="What was received that day can never be read again. Go on?")
@click.pass_context
def erase(ctx: click.Context, day: date, reason: str) -> None:
    """Destroy the key of a day for good.

    Example: hub keys erase 2026-01-31 --reason "request 7 of the data subject" --yes
    """
    settings = loaded(ctx).settings

    async def main() -> None:
        vault = _vault(settings)
        if day >= china_day(WallClock().now()):
            raise Refused([fault("access.key_in_use", day=day.isoformat())])
        if vault.held(day) is not None:
            raise Refused([fault("access.key_held", day=day.isoformat())])
        if day not in vault.days():
            raise Refused([fault("access.key_gone", day=day.isoformat())])
        await recorded(settings, audit.KEY_ERASED, day.isoformat(), purpose=reason)
        vault.erase(day)
        click.echo(f"{day}: erased")

    run(main())


@command.command("hold")
@click.argument("day", type=DAY)
@click.option("--reason", required=True, help="Why; whoever lists the keys reads it.")
@click.pass_context
def hold(ctx: click.Context, day: date, reason: str) -> None:
    """Keep the key of a day from being erased, by anybody or by its age, until released.

    Example: hub keys hold 2026-01-31 --reason "investigation 12"
    """
    settings = loaded(ctx).settings

    async def main() -> None:
        vault = _vault(settings)
        if day not in vault.days():
            raise Refused([fault("access.key_gone", day=day.isoformat())])
        await recorded(settings, audit.KEY_HELD, day.isoformat(), purpose=reason)
        vault.hold(day, reason)
        click.echo(f"{day}: held")

    run(main())


@command.command("release")
@click.argument("day", type=DAY)
@click.option("--reason", default="", help="Why; it is recorded.")
@click.pass_context
def release(ctx: click.Context, day: date, reason: str) -> None:
    """End the hold of a day.

    Example: hub keys release 2026-01-31
    """
    settings = loaded(ctx).settings

    async def main() -> None:
        vault = _vault(settings)
        if vault.held(day) is None:
            raise Misconfigured([f"{day} is not held"])
        await recorded(settings, audit.KEY_RELEASED, day.isoformat(), purpose=reason)
        vault.release(day)
        click.echo(f"{day}: released")

    run(main())


@command.command("rotate")
@click.option("--reason", default="", help="Why; it is recorded.")
@click.pass_context
def rotate(ctx: click.Context, reason: str) -> None:
    """Have acknowledgements and roots of evidence signed by a new key from now on.

    The key before stays in hub.pub, so that what it signed stays genuine. Processes sign with the new one, and know it, once they
    are started anew: hub serve and hub evidence one after the other; nothing is lost in between. A rotation that was broken off
    is given again.

    Example: hub keys rotate --reason "yearly"
    """
    settings = loaded(ctx).settings

    async def main() -> None:
        _recording(settings)
        former = HubKey.present(settings.keys_folder).id
        await recorded(settings, audit.KEY_ROTATED, former, purpose=reason)
        key = HubKey.renewed(settings.keys_folder)
        click.echo(f"{key.id} in the place of {former}; start hub serve and hub evidence anew, and give out {settings.keys_folder / 'hub.pub'}")

    run(main())


def _recording(settings: Settings) -> None:
    require_kafka(settings, "what is done is recorded there first")


def _vault(settings: Settings) -> Vault:
    _recording(settings)
    return Vault(settings.keys_folder)

"""``hub participants host``, ``unhost``, ``mandate``: what participants grant, the hub or each other."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import cache, partial
from pathlib import Path
from typing import Any

import click
import msgspec

from hub.cli import loaded
from hub.cli.principals import change, principals
from hub.domain import audit, mandates
from hub.domain.access import SENDERS, messages_of
from hub.domain.faults import Misconfigured
from hub.domain.keys import rfc3339
from hub.domain.mandates import Hosting, Mandate
from hub.infra.certificates import read_certificate
from hub.infra.hosted import HostedKeys, read_pair
from hub.infra.process import WallClock

_CHINA = timezone(timedelta(hours=8))


class _LastDay(click.ParamType):
    """A day, which counts whole in China; becomes the first moment behind it, ms."""

    name = "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            day = date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value} is no day YYYY-MM-DD", param, ctx)
        end = int((datetime.combine(day, time(), _CHINA) + timedelta(days=1)).astimezone(UTC).timestamp() * 1000)
        if end <= WallClock().now():
            self.fail(f"{value} is over", param, ctx)
        return end


def _held(ctx: click.Context) -> HostedKeys:
    keys = HostedKeys.of_settings(loaded(ctx).settings)
    if keys is None:
        raise click.ClickException("set HUB_HOSTED_KEY_FILE to the file with the key that hosted keys are encrypted with")
    return keys


@click.command("host")
@click.argument("name")
@click.option("--key", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Private key, PKCS 8 PEM, RSA or SM2.")
@click.option("--certificate", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Its certificate, PEM.")
@click.option("--mandate", required=True, help="The text or reference by which the participant granted it.")
@click.option("--granted-by", default="", help="Who granted it.")
@click.option("--until", required=True, type=_LastDay(), help="The last day of the mandate, China time.")
@click.pass_context
def host(ctx: click.Context, name: str, *, key: Path, certificate: Path, mandate: str, granted_by: str, until: int) -> None:
    """Keep a participant's key, encrypted, and sign its unsigned documents until the mandate ends.

    The certificate is registered for the participant. Remove the file of the key afterwards.

    Example: hub participants host acme --key acme.key --certificate acme.pem --mandate "contract 2026-17" --until 2027-06-30
    """
    if not mandate.strip():
        raise click.UsageError("--mandate says by what it was granted")
    keys = _held(ctx)
    key_pem, pem = key.read_bytes(), certificate.read_bytes()
    try:
        kind, made = read_pair(key_pem, pem)
        described = read_certificate(certificate)
    except Misconfigured as error:
        raise click.ClickException(str(error)) from error
    der = b64encode(made.certificate).decode()
    keep = cache(partial(keys.put, name, kind, key_pem, pem))  # a change is asked for twice

    def hosted(value: dict[str, Any], now: int) -> dict[str, Any]:
        keep()  # the key first: a mandate without one would sign nothing
        granted = Hosting(mandate[:500], until, granted_by[:200], now)
        certificates = [*dict.fromkeys([*value.get("certificates", ()), der])]
        return {**value, "hosted": True, "hosting": msgspec.to_builtins(granted), "certificates": certificates}

    change(ctx, name, hosted, audit.PARTICIPANT_HOSTED, {"mandate": mandate, "until": rfc3339(until), "kind": kind}, fingerprint=described.fingerprint)
    click.echo(f"{name}: {kind} key kept, certificate {described.fingerprint}, signs until {rfc3339(until)}")


@click.command("unhost")
@click.argument("name")
@click.pass_context
def unhost(ctx: click.Context, name: str) -> None:
    """End the mandate at once and destroy the participant's key here.

    Example: hub participants unhost acme
    """
    change(
        ctx, name, lambda value, _: {field: kept for field, kept in value.items() if field != "hosting"} | {"hosted": False},
        audit.PARTICIPANT_UNHOSTED,
    )  # fmt: skip
    click.echo(f"{name}: {_held(ctx).remove(name)} keys destroyed")


@click.command("mandate")
@click.argument("name")
@click.option("--code", required=True, help="The enterprise code it may act for.")
@click.option("--message", "messages", multiple=True, type=click.Choice(sorted(SENDERS)), help="What it may hand in, for each message.")
@click.option("--until", type=_LastDay(), help="The last day, China time.")
@click.option("--granted-by", default="", help="Who granted it: the text or reference.")
@click.option("--end", "ended", is_flag=True, help="End what was granted for that code.")
@click.pass_context
def mandate(
    ctx: click.Context, name: str, code: str, messages: tuple[str, ...], until: int | None, granted_by: str, *, ended: bool
) -> None:
    """Let a participant hand in messages of another's enterprise code, in the other's role, until a day.

    It ends with that day, when it is ended, and while the other is suspended.

    Example: hub participants mandate agent --code 3301960002 --message CEB311 --until 2027-06-30 --granted-by "letter 12"
    """
    if not ended and (not messages or until is None or not granted_by.strip()):
        raise click.UsageError("say --message, --until and --granted-by, or --end")
    all_ = asyncio.run(principals(loaded(ctx).settings))
    grantor = next((one for one in all_ if code in one.codes), None)
    if grantor is None:
        raise click.ClickException(f"no participant has the enterprise code {code}")
    if grantor.name == name:
        raise click.ClickException(f"{code} is {name}'s own")
    if wrong := sorted(set(messages) - messages_of(grantor)):
        raise click.ClickException(f"{grantor.name} may not hand in {', '.join(wrong)} itself")

    def granted(value: dict[str, Any], now: int) -> dict[str, Any]:
        kept = [one for one in value.get("mandates", ()) if one["code"] != code]
        if not ended and until is not None:
            new = Mandate(grantor.name, code, messages, until, granted_by[:500], now)
            kept.append(msgspec.to_builtins(new))
        if len(kept) > mandates.MOST:
            raise Misconfigured([f"{name} has {mandates.MOST} mandates already: end one first"])
        return {**value, "mandates": kept}

    what = audit.PARTICIPANT_MANDATE_ENDED if ended else audit.PARTICIPANT_MANDATED
    change(ctx, name, granted, what, {"code": code, "grantor": grantor.name, "messages": ",".join(messages), "by": granted_by})
    click.echo(f"{name}: {'no longer acts' if ended else 'acts'} for {code} of {grantor.name}" + ("" if ended or until is None else f" until {rfc3339(until)}"))


@click.command("restrict")
@click.argument("name")
@click.option("--message", "messages", multiple=True, type=click.Choice(sorted(SENDERS)), help="What it may still hand in; none: all its roles allow.")
@click.pass_context
def restrict(ctx: click.Context, name: str, messages: tuple[str, ...]) -> None:
    """Restrict what a participant may hand in to some of the messages its roles allow.

    Example: hub participants restrict acme --message CEB621 --message CEB623
    """
    change(ctx, name, lambda value, _: {**value, "messages": list(messages)}, audit.PARTICIPANT_CHANGED, {"messages": ",".join(messages)})
    click.echo(f"{name}: {', '.join(messages) or 'all that its roles allow'}")

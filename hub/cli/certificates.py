"""``hub participants certificate``: with which certificates a participant signs, and with which it opens a TLS connection."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from adapters import certificates
from hub.cli.principals import change
from hub.domain import audit
from hub.domain.expiry import days_left
from hub.domain.faults import Misconfigured
from hub.domain.keys import rfc3339
from hub.infra.certificates import Described, described, read_certificate
from hub.infra.process import WallClock

#: Certificates a principal may have at a time, those over among them.
MOST = 16


@click.group("certificate")
def command() -> None:
    """Register and remove certificates; each belongs to one participant only.

    Example: hub participants certificate add acme acme.pem
    """


def line(found: Described, now: int) -> str:
    """A certificate for people."""
    return (
        f"{found.subject}, serial {found.serial}, fingerprint {found.fingerprint}, "
        f"until {rfc3339(found.until)} ({days_left(found.until, now)} days left)"
    )


@command.command("add")
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--tls", is_flag=True, help="It opens a TLS connection instead of signing messages.")
@click.pass_context
def add(ctx: click.Context, name: str, file: Path, *, tls: bool) -> None:
    """Register a certificate, PEM or DER, with an RSA or SM2 key; those registered before go on.

    Example: hub participants certificate add acme acme.pem
    """
    found, now = read_certificate(file), WallClock().now()
    if not tls:
        _may_sign(found, file)
    if found.until <= now:
        raise click.ClickException(f"{file} ended on {rfc3339(found.until)}")

    def with_it(value: dict[str, Any], _: int) -> dict[str, Any]:
        field, entry = ("tls_certificates", found.fingerprint) if tls else ("certificates", found.der)
        entries = [*dict.fromkeys([*value.get(field, ()), entry])]
        if len(entries) > MOST:
            raise Misconfigured([f"{name} has {MOST} certificates already: remove one first"])
        return {**value, field: entries}

    change(ctx, name, with_it, audit.PARTICIPANT_CHANGED, {"certificate added": found.fingerprint}, fingerprint=found.fingerprint)
    click.echo(f"{name}: {line(found, now)}")


def _may_sign(found: Described, file: Path) -> None:
    """Refuse what no signature could be checked with."""
    read = certificates.certificate(found.raw)
    if read.key is None and read.sm2_key is None:
        raise click.ClickException(f"{file} has neither an RSA nor an SM2 key")
    if not read.may_sign:
        raise click.ClickException(f"{file} is not for signatures (key usage)")


@command.command("remove")
@click.argument("name")
@click.argument("certificate", metavar="FILE|FINGERPRINT")
@click.pass_context
def remove(ctx: click.Context, name: str, certificate: str) -> None:
    """Take a certificate away: nothing signed with it is accepted any more. A fingerprint is as hub participants show prints it.

    Example: hub participants certificate remove acme acme.pem
    """
    fingerprint = read_certificate(Path(certificate)).fingerprint if Path(certificate).exists() else certificate.lower()

    def without(value: dict[str, Any], _: int) -> dict[str, Any]:
        signing = [der for der in value.get("certificates", ()) if (one := described(der)) is None or one.fingerprint != fingerprint]
        tls = [one for one in value.get("tls_certificates", ()) if one != fingerprint]
        if len(signing) + len(tls) == len(value.get("certificates", ())) + len(value.get("tls_certificates", ())):
            raise Misconfigured([f"{name} has no certificate {fingerprint}"])
        return {**value, "certificates": signing, "tls_certificates": tls}

    change(ctx, name, without, audit.PARTICIPANT_CHANGED, {"certificate removed": fingerprint})
    click.echo(f"{name}: {fingerprint} removed")

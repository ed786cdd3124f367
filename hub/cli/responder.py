"""``hub responder``: a platform opens its original payment data to customs (支付原始数据), on its own host."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from contextlib import suppress
from pathlib import Path

import aiohttp
import click
import msgspec
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from adapters.authorities.customs import payment_data as customs
from adapters.certificates import Certificate, certificate
from adapters.payment_data import form
from adapters.payment_data.checks import check_upload
from adapters.payment_data.journal import Journal
from adapters.payment_data.records import Records, a_recent_order
from adapters.payment_data.responder import CUSTOMS, TAKEN, Limits, Responder, parameter
from adapters.signature import SigningKey
from hub import client
from hub.cli.running import run
from hub.domain.faults import Fault, Refused
from hub.infra import telemetry
from hub.infra.process import WallClock, collect_seldom, until_told

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group("responder")
def command() -> None:
    """Open original payment data to customs (announcement 179 of 2018) · 支付原始数据实时获取.

    Runs at the platform, with the platform's own data and key; it needs no hub, and no hub sees the data.

    Example: hub responder serve --records /data/payments --key key.pem --certificate certificate.pem --customs test
    """


# ---- serve


@command.command("serve")
@click.option("--records", required=True, type=_FOLDER, help="Folder with the payment requests: .jsonl, .json.")
@click.option("--key", "key_file", required=True, type=_FILE, help="The platform's private key, PEM: RSA or SM2.")
@click.option("--certificate", "certificate_file", required=True, type=_FILE, help="Its certificate, PEM.")
@click.option("--customs", "address", required=True, help="Where to upload: production, test, or an address.")
@click.option(
    "--data", type=click.Path(path_type=Path), default=".responder", show_default=True, help="Index and journal."
)
@click.option("--listen", default="127.0.0.1:8179", show_default=True, help="host:port; customs needs http on port 80.")
@click.option("--path", default="/platDataOpen", show_default=True, help="Path of the registered address.")
@click.option("--cert-no", default="", help="certNo where the card shows another than the certificate's serial.")
@click.option(
    "--window", type=click.FloatRange(1, 86_400), default=120.0, show_default=True, help="Seconds of retries."
)
@click.option("--at-once", type=click.IntRange(1, 256), default=16, show_default=True, help="Uploads at one time.")
@click.option(
    "--most-open", type=click.IntRange(1, 100_000), default=10_000, show_default=True, help="Sessions that may wait."
)
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info", show_default=True
)
def serve(
    records: Path,
    key_file: Path,
    certificate_file: Path,
    address: str,
    data: Path,
    listen: str,
    path: str,
    cert_no: str,
    window: float,
    at_once: int,
    most_open: int,
    log_level: str,
) -> None:
    """Take customs' platDataOpen, answer at once, upload the data signed, until told to end.

    Killed at any moment, it goes on where it stopped with the next start.

    Example: hub responder serve --records /data/payments --key key.pem --certificate certificate.pem --customs production
    """
    telemetry.configure("responder", log_level)
    upload = CUSTOMS.get(address, address)
    if not upload.startswith(("https://", "http://")):
        raise click.UsageError("--customs is production, test, or an address that begins with https://")
    host, _, port = listen.rpartition(":")
    if not port.isdigit() or not path.startswith("/"):
        raise click.UsageError("--listen is host:port, --path begins with /")
    key = signing_key(key_file, certificate_file)
    limits = Limits(window=window, at_once=at_once, most_open=most_open)
    run(_serve(records, data, key, upload, (host, int(port)), path, cert_no, limits))


async def _serve(
    folder: Path,
    data: Path,
    key: SigningKey,
    upload: str,
    listen: tuple[str, int],
    path: str,
    number: str,
    limits: Limits,
) -> None:
    records, journal = Records(folder, data / "index.db"), Journal(data / "journal.db")
    responder = Responder(
        records=records, journal=journal, key=key, customs=upload, now=WallClock().now, path=path, number=number,
        limits=limits,
    )  # fmt: skip
    runner = web.AppRunner(responder.app, access_log=None)
    await runner.setup()
    collect_seldom()
    working = asyncio.create_task(responder.run())
    try:
        await web.TCPSite(runner, *listen).start()
        click.echo(f"responder on http://{listen[0]}:{listen[1]}{path}, uploads to {upload}", err=True)
        told = asyncio.create_task(until_told())
        await asyncio.wait({working, told}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
    finally:
        await runner.cleanup()
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working
        await journal.close()
        records.close()


def signing_key(key: Path, certificate_file: Path) -> SigningKey:
    """The key in these PEM files, RSA or SM2; raises ClickException where they are none or do not belong together."""
    try:
        return client.signing_key(key.read_bytes(), certificate_file.read_bytes())
    except ValueError as error:
        what = f"{key} and {certificate_file} are no RSA or SM2 key (PEM, not encrypted) with its certificate"
        raise click.ClickException(f"{what}: {error}") from None


# ---- check


@command.command("check")
@click.argument("files", nargs=-1, required=True, type=_FILE)
@click.option(
    "--certificate", "certificate_file", type=_FILE, help="The platform's certificate, PEM: checks signatures."
)
@click.option("--at", "at", type=int, help="Milliseconds when the certificate must be valid (default: now).")
@click.option("--text", is_flag=True, help="Print the text that must be signed (it holds the data).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a record or upload.")
def check(files: tuple[Path, ...], certificate_file: Path | None, at: int | None, *, text: bool, as_json: bool) -> None:
    """Judge payment requests (.json, .jsonl) or uploads (payExInfoStr, as JSON or as a form), offline.

    Exit 0: customs can be answered with all of them. 1: otherwise.

    Example: hub responder check payments.jsonl

    Example: hub responder check upload.json --certificate certificate.pem
    """
    signer = _certificate(certificate_file) if certificate_file is not None else None
    moment = at if at is not None else WallClock().now()
    worst = 0
    for file in files:
        for line, data in _entries(file):
            kind, faults, signed = _judged(data, signer, moment)
            refused = bool(form.refusing(faults))
            worst |= refused
            _print(f"{file}:{line}", kind, faults, refused=refused, as_json=as_json)
            if text and signed:
                click.echo(signed)
    sys.exit(worst)


def _certificate(path: Path) -> Certificate:
    try:
        der = x509.load_pem_x509_certificate(path.read_bytes()).public_bytes(Encoding.DER)
        return certificate(der)
    except (ValueError, Refused):
        raise click.UsageError(f"{path} holds no certificate in PEM.") from None


def _entries(file: Path) -> list[tuple[int, bytes]]:
    """(line, bytes) of each entry: the lines of a ``.jsonl``, else the whole file."""
    data = file.read_bytes()
    if file.suffix == ".jsonl":
        return [(number, line) for number, line in enumerate(data.splitlines(), 1) if line.strip()]
    return [(1, data.strip())]


def _judged(data: bytes, signer: Certificate | None, at: int) -> tuple[str, tuple[Fault, ...], str]:
    """(Kind, faults, signed text) of an entry."""
    if data.startswith(b"payExInfoStr="):
        data = parameter(data, "payExInfoStr")
    try:
        value = form.parse(data)
    except Refused as refused:
        return "", refused.faults, ""
    if isinstance(value, dict) and value.keys() & {"sessionID", "signValue"}:
        found = check_upload(data, signer, at)
        return "upload", found.faults, found.text
    return "record", form.record(value).faults, ""


def _print(place: str, kind: str, faults: tuple[Fault, ...], *, refused: bool, as_json: bool) -> None:
    status = "refused" if refused else "flagged" if faults else "accepted"
    if as_json:
        row = {"file": place, "kind": kind, "status": status, "faults": msgspec.to_builtins(faults)}
        click.echo(json.dumps(row, ensure_ascii=False))
        return
    click.echo(f"{status:9} {kind:7} {place}")
    for found in faults:
        click.echo(f"          {found.code} {found.path}  {found.message} · {found.message_zh}")


# ---- probe


@command.command("probe")
@click.argument("url")
@click.option("--order", help="The order to ask for (default: one of the newest in --records).")
@click.option("--records", type=_FOLDER, help="The platform's folder of payment requests.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def probe(url: str, order: str | None, records: Path | None, *, as_json: bool) -> None:
    """Ask a responder as customs does when an address is registered: an order of the day, at its address.

    Exit 0: it took the request. 1: it did not. Customs knows nothing of the session, so the upload that follows is
    turned down: probe a responder that uploads to the test system or to the sandbox customs.

    Example: hub responder probe http://127.0.0.1:8179/platDataOpen --records /data/payments
    """
    asked = order or (a_recent_order(records, random.random()) if records is not None else None)
    if asked is None:
        raise click.UsageError("Name an order with --order, or a folder that holds one with --records.")
    clock = WallClock()
    session, began = customs.new_session(), clock.now()

    async def main() -> str:
        async with aiohttp.ClientSession() as http:
            return await customs.ask(http, url, asked, session, began)

    code = asyncio.run(main())
    took = clock.now() - began
    if as_json:
        click.echo(json.dumps({"session": session, "code": code, "ready": code == TAKEN, "ms": took}))
    else:
        said = "ready 就绪" if code == TAKEN else "NOT ready 未就绪"
        click.echo(f"{said}  code {code}  {took} ms  session {session}")
    sys.exit(0 if code == TAKEN else 1)

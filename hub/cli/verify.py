"""``hub verify``: is this acknowledgement, or this signed message, genuine? Needs no hub and no network."""

from __future__ import annotations

import sys
import time
from datetime import datetime
from pathlib import Path
from typing import NoReturn

import click
import msgspec
from cryptography import x509

from adapters.trust import Trust
from adapters.trust_files import TrustFiles
from hub import verify as verifying
from hub import verify_evidence, verify_pack
from hub.cli import loaded
from hub.domain.faults import Misconfigured
from hub.infra.crypto import PublicKeys

_PLACE = click.Path(exists=True, path_type=Path)
#: Exit status where nothing is wrong and the proof is not at hand; 2 is click's.
_UNKNOWN = 3
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("verify")
@click.argument("file", metavar="ACKNOWLEDGEMENT|MESSAGE|PACK", required=False, type=_FILE)
@click.argument("message", required=False, type=_FILE)
@click.option("--evidence", type=_FILE, help="A file of evidence (hub export evidence): is the acknowledged submission under its roots?")
@click.option("--chain", type=_FILE, help="A file of evidence, to be checked by itself.")
@click.option("--tsa", type=_FILE, help="Certificates (PEM) of who may have issued the time-stamping authority's.")
@click.option("--key", type=_FILE, help="The hub's public keys, PEM (default: hub.pub in the keys folder).")
@click.option("--ca", type=_PLACE, help="Certificates of the authorities a signer's must lead to: a file or folder, PEM or DER.")
@click.option("--crl", type=_PLACE, help="Their revocation lists, likewise: was the certificate revoked at that time?")
@click.option("--at", help="When the signer's certificate must have been valid, RFC 3339 (default: now).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_context
def command(
    ctx: click.Context,
    file: Path | None,
    message: Path | None,
    evidence: Path | None,
    chain: Path | None,
    tsa: Path | None,
    key: Path | None,
    ca: Path | None,
    crl: Path | None,
    at: str | None,
    as_json: bool,
) -> None:
    """Check an acknowledgement, with its message and the chain of evidence; a signed message, RSA or SM2; a chain; an evidence pack.

    Exit 0: genuine. 1: not, with the step that failed. 2: cannot be checked. 3: not known yet, since the evidence holds no proof.

    Example: hub verify acknowledgement.json order.xml --key hub.pub

    Example: hub verify order.xml --ca authorities.pem --crl lists/

    Example: hub verify pack.zip --key hub.pub

    Example: hub verify --chain evidence.jsonl --key hub.pub
    """
    if (file is None) == (chain is None):
        raise click.UsageError("Name an acknowledgement, a message or a pack, or a file of evidence with --chain.")
    issuers = _certificates(tsa)
    if file is None:
        assert chain is not None
        with chain.open("rb") as lines:
            _end(verify_evidence.verify_chain(lines, _public_keys(key or _default_key(ctx)), issuers), as_json=as_json)
    data = file.read_bytes()
    if verify_pack.is_pack(data):
        _end(verify_pack.verify_pack(data, _public_keys(key or _default_key(ctx)), issuers), as_json=as_json)
    if verifying.is_message(data):
        if message is not None:
            raise click.UsageError("The acknowledgement comes first, then its message.")
        verdict = verifying.verify_message(data, _moment(at), _trust(ca, crl))
    else:
        public = _public_keys(key or _default_key(ctx))
        verdict = verifying.verify_acknowledgement(data, public, message.read_bytes() if message else None)
        if evidence is not None and verdict.genuine:
            verdict = _covered(verdict, data, evidence, public, issuers)
    _end(verdict, as_json=as_json)


def _covered(
    verdict: verifying.Verdict, data: bytes, evidence: Path, public: PublicKeys, issuers: list[x509.Certificate]
) -> verifying.Verdict:
    """The verdict on an acknowledgement with that on the chain over it."""
    with evidence.open("rb") as lines:
        walked = verify_evidence.walk_file(lines, public, issuers, data)
    steps = verify_evidence.steps_of(walked)
    if not walked.broken:
        steps = (*steps, verify_evidence.verify_covered(data, walked))
    notes = (*verdict.notes, *verify_evidence.notes_of(walked))
    return verifying.Verdict(verdict.subject, steps[-1].ok, (*verdict.steps, *steps), notes, verify_evidence.is_unknown(steps))


def _end(verdict: verifying.Verdict, *, as_json: bool) -> NoReturn:
    click.echo(msgspec.json.encode(verdict).decode() if as_json else _told(verdict))
    sys.exit(0 if verdict.genuine else _UNKNOWN if verdict.unknown else 1)


def _told(verdict: verifying.Verdict) -> str:
    """The verdict for a person: a line a step, in both languages."""
    lines = []
    for step in verdict.steps:
        lines.append(f"{'ok  ' if step.ok else '?   ' if verdict.unknown else 'FAIL'}  {step.step:16}{step.message} {step.message_zh}")
        if step.detail:
            lines.append(f"      {'':16}{step.detail}")
    lines += [f"note  {'':16}{english} {chinese}" for english, chinese in verdict.notes]
    if verdict.genuine:
        lines.append("genuine 真实")
    else:
        lines.append(f"{'not known yet 尚不能确定' if verdict.unknown else 'NOT genuine 不真实'}: {verdict.steps[-1].step}")
    return "\n".join(lines)


def _default_key(ctx: click.Context) -> Path:
    """``hub.pub`` in the keys folder of the settings in force."""
    path = loaded(ctx).settings.keys_folder / "hub.pub"
    if not path.is_file():
        raise click.UsageError(f"No public key at {path}; name one with --key.")
    return path


def _public_keys(path: Path) -> PublicKeys:
    try:
        return PublicKeys.from_pem(path.read_bytes())
    except (ValueError, TypeError):
        raise click.UsageError(f"{path} holds no Ed25519 public key in PEM.") from None


def _certificates(path: Path | None) -> list[x509.Certificate]:
    if path is None:
        return []
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except ValueError:
        raise click.UsageError(f"{path} holds no certificates in PEM.") from None


def _trust(ca: Path | None, crl: Path | None) -> Trust | None:
    if ca is None:
        if crl is not None:
            raise click.UsageError("--crl goes with --ca: a list counts only if its authority has signed it.")
        return None
    try:
        return TrustFiles(ca, crl, sha1=True, refuse_stale=True).trust
    except Misconfigured as error:
        raise click.UsageError(f"--ca: {error}") from None


def _moment(at: str | None) -> int:
    """Milliseconds of a time given by the user, or of now."""
    if at is None:
        return time.time_ns() // 1_000_000
    try:
        return int(datetime.fromisoformat(at).astimezone().timestamp() * 1000)
    except ValueError:
        raise click.UsageError(f"{at} is not a time as RFC 3339 writes it.") from None

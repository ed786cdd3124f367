"""``hub submit``: hand in files, folders and zips of messages, signed where they are not yet."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple

import click

from adapters import xml
from adapters.authorities.customs import envelope
from adapters.signature import ALGORITHMS, SM2_SM3, SigningKey
from hub.cli import loaded
from hub.cli.check import messages
from hub.cli.reach import UNREACHABLE, away
from hub.client import MOVING, HubClient, NotReached, Refusal, media_type_of, settled, signing_key
from hub.domain.faults import Misconfigured, Refused
from hub.domain.lifecycle import EXPIRED, WITHDRAWN, meaning_of
from hub.infra.participants import DemoPrincipal, hosted_key, load_demo, sm2_key
from hub.sm2 import PrivateKey
from schemas import catalog

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)

Row = dict[str, Any]  # Any: JSON

#: Role → the sandbox's principal that has it.
_OF_ROLE = {
    "platform": "platform",
    "merchant": "platform",
    "payer": "payer",
    "carrier": "carrier",
    "declarant": "agent",
    "site": "site",
}
#: Who hands in what cannot be read: its refusal is the hub's to say.
_ANYONE = "agent"


@click.command("submit")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--as", "who", help="Principal of the sandbox (default: HUB_API_KEY, else the one whose message it is).")
@click.option("--url", help="Address of the hub (default: where this machine's hub listens).")
@click.option(
    "--wait",
    type=float,
    default=0,
    metavar="SECONDS",
    help="Wait, at most so long, until no document moves on by itself: customs' answer included.",
)
@click.option("--key", "key_file", type=_FILE, help="With HUB_API_KEY: the enterprise's private key, PEM, RSA or SM2.")
@click.option("--certificate", "certificate_file", type=_FILE, help="Its certificate, PEM (default: in the file of the key).")
@click.option("--algorithm", type=click.Choice(list(ALGORITHMS)), help="How to sign (default: the best for the key; the sandbox's principals have RSA and SM2).")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON object a document.")
@click.pass_context
def command(
    ctx: click.Context,
    files: tuple[Path, ...],
    *,
    who: str | None,
    url: str | None,
    wait: float,
    key_file: Path | None,
    certificate_file: Path | None,
    algorithm: str | None,
    as_json: bool,
) -> None:
    """Hand in XML, JSON, folders or zips of them; print a line a document. What is not signed is signed: with the key of the
    sandbox's principal, or, where HUB_API_KEY says who hands in, with --key.

    With --wait all documents are handed in first and waited for together. A line then says what has become of the
    document (accepted, flagged, refused, expired) with its last state and customs' code; customs' refusal and what the
    hub found after the door stand below it. A state with three dots still moved when the time was over.

    Exit status: 0 all accepted, 1 some flagged or refused (with --wait: by customs too, or expired), 2 the hub could
    not be reached.

    Example: hub submit order.xml payments/ --wait 10

    Example: HUB_API_KEY=… hub submit order.xml --key sm2.pem --certificate sm2.crt
    """
    settings = loaded(ctx).settings
    given = os.environ.get("HUB_API_KEY", "") if who is None else ""
    if (key_file or certificate_file) and not given:
        raise click.UsageError("--key and --certificate go with HUB_API_KEY: the sandbox's principals have their own")
    key = _own_key(key_file, certificate_file, algorithm or "")
    try:
        known = {} if given else load_demo(settings.data)
    except Misconfigured as error:
        raise click.ClickException(
            f"no API key: set HUB_API_KEY, or HUB_DATA where a running hub keeps its data elsewhere ({error})"
        ) from error
    if who is not None and who not in known:
        raise click.ClickException(f"the sandbox knows no principal {who}; it knows {', '.join(known)}")
    address = url or f"http://{settings.listen}"
    sys.exit(asyncio.run(_all(files, address, known, who, given, wait, key, algorithm or "", as_json=as_json)))


def _own_key(key_file: Path | None, certificate_file: Path | None, algorithm: str) -> SigningKey | None:
    """The key of whoever hands in, None where none is named; ClickException where it cannot sign that way."""
    if key_file is None:
        if certificate_file is not None:
            raise click.UsageError("--certificate goes with --key")
        return None
    try:
        key = signing_key(key_file.read_bytes(), (certificate_file or key_file).read_bytes())
    except ValueError as error:
        raise click.ClickException(f"{key_file} is no RSA or SM2 key (PEM, not encrypted) with its certificate: {error}") from None
    if algorithm and ALGORITHMS[algorithm].sm2 != isinstance(key, PrivateKey):
        raise click.ClickException(f"{key_file} does not sign with {algorithm}")
    return key


class _HandedIn(NamedTuple):
    """A message at the door: its file, who asks for it further, its submission (empty: not taken), a row a document."""

    file: str
    api_key: str
    submission: str
    rows: list[Row]


async def _all(
    files: tuple[Path, ...],
    url: str,
    known: dict[str, DemoPrincipal],
    who: str | None,
    api_key: str,
    wait: float,
    key: SigningKey | None,
    algorithm: str,
    *,
    as_json: bool,
) -> int:
    """Hand everything in, in order; the exit status."""
    worst, seen = 0, False
    async with AsyncExitStack() as opened:
        clients: dict[str, HubClient] = {}
        taken: list[_HandedIn] = []
        for name, data in messages(files):
            seen = True
            media_type = media_type_of(data)
            entry = None if api_key else known[who or fitting(data, media_type)]
            asks = entry.api_key if entry else api_key
            if asks not in clients:
                own = key_of(entry, algorithm) if entry is not None else key
                clients[asks] = await opened.enter_async_context(HubClient(url, asks, key=own, algorithm=algorithm))
            try:
                found = await clients[asks].submit(data, media_type=media_type)
                one = _HandedIn(name, asks, found["submission"], [{"submission": found["submission"], **row} for row in found["documents"]])
            except Refusal as error:
                one = _HandedIn(name, asks, "", [_not_taken(error.status, "refused", error.faults)])
            except NotReached as error:
                worst = UNREACHABLE
                if not error.status:
                    away(url)
                    break
                one = _HandedIn(name, asks, "", [_not_taken(error.status, "unknown", [])])
            taken.append(one)
            if wait <= 0:
                worst = max(worst, _printed(taken.pop(), as_json=as_json))
            if worst == UNREACHABLE:
                break
        if wait > 0:
            taken = await _waited(taken, clients, wait)
        for one in taken:
            worst = max(worst, _printed(one, as_json=as_json))
    if not seen:
        raise click.ClickException(f"no messages in {', '.join(map(str, files))}")
    return worst


def _not_taken(http: int, status: str, faults: Sequence[Any]) -> Row:  # Any: JSON
    """The row of a message that was not taken."""
    return {"index": -1, "kind": "", "key": "", "status": status, "http": http, "faults": list(faults)}


async def _waited(taken: list[_HandedIn], clients: dict[str, HubClient], seconds: float) -> list[_HandedIn]:
    """The same with what has become of each document."""
    asked = [one for one in taken if one.submission]
    found = await settled([(clients[one.api_key], one.submission) for one in asked], seconds)
    later = {
        one.submission: [{"submission": one.submission, **become(dict(document))} for document in reply["documents"]]
        for one, reply in zip(asked, found, strict=True)
        if reply is not None
    }
    return [one._replace(rows=later.get(one.submission, one.rows)) for one in taken]


def become(document: Row) -> Row:
    """A document with ``status`` as it stands now: refused by customs, expired and flagged later included."""
    status, code = document["status"], document.get("code", "")
    if code and meaning_of(code).rejects and document["state"] != WITHDRAWN:
        status = "refused"
    elif document["state"] == EXPIRED:
        status = EXPIRED
    elif status == "accepted" and (document["faults"] or document.get("differences")):
        status = "flagged"
    return {**document, "status": status, "moving": document["state"] in MOVING}


def fitting(data: bytes, media_type: str) -> str:
    """The sandbox's principal whose message this is."""
    try:
        if media_type == "application/json":
            return fitting_for(catalog.message(str(json.loads(data)["message"])))
        root = xml.parse(data, xml.SCHEMA_ONLY).root
        if catalog.message_of(root) is None:
            root = xml.parse(envelope.read(data).content, xml.SCHEMA_ONLY).root
        mt = catalog.message_of(root)
    except (Refused, envelope.UnreadableError, ValueError, KeyError, TypeError):
        return _ANYONE
    return _ANYONE if mt is None else fitting_for(mt)


def fitting_for(mt: catalog.MessageType) -> str:
    """The sandbox's principal whose message it is."""
    return _OF_ROLE[mt.senders[0]] if mt.direction == "up" else "customs"


def key_of(entry: DemoPrincipal, algorithm: str) -> SigningKey | None:
    """The sandbox principal's key for an algorithm, None where it has none."""
    if algorithm == SM2_SM3.name:
        return sm2_key(entry) if entry.sm2_key else None
    return hosted_key(entry) if entry.key else None


def _printed(one: _HandedIn, *, as_json: bool) -> int:
    """Print what there is to say about a message; 1 where not all of it is accepted."""
    for row in one.rows:
        _print({"file": one.file, **row}, as_json=as_json)
    return int(any(row["status"] != "accepted" for row in one.rows))


def _print(row: Row, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(row, ensure_ascii=False))
        return
    code = row.get("code", "")
    state = " ".join(filter(None, (row.get("state", ""), code))) + (" …" if row.get("moving") else "")
    click.echo(f"{row['status']:9} {row['kind']:12} {row['key']:44} {row['file']} {state}".rstrip())
    if code and meaning_of(code).rejects:
        said = [row.get("text", "")] if row.get("text") != row.get("explanation") else []
        said += [f"{row['explanation']} · {row['explanation_zh']}"] if "explanation" in row else []
        said += [f"→ {row['next']} · {row['next_zh']}"] if "next" in row else []
        for line in filter(None, said):
            click.echo(f"          {line}")
    for fault in (*row["faults"], *row.get("differences", ())):
        click.echo(f"          {fault['code']} {fault.get('path', '')}  {fault['message']} · {fault['message_zh']}")

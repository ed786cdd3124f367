"""``hub submit``: hand in files, folders and zips of messages, signed where they are not yet."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import click

from adapters import signature, xml
from adapters.authorities.customs import envelope
from hub.cli import loaded
from hub.cli.check import messages
from hub.cli.reach import UNREACHABLE
from hub.client import HubClient, Reply
from hub.domain.faults import Misconfigured, Refused
from hub.infra.participants import DemoPrincipal, hosted_key, load_demo
from schemas import catalog

#: Role → the sandbox's principal of that role.
_PRINCIPALS = {"platform": "platform", "payer": "payer", "carrier": "carrier", "declarant": "agent", "site": "site"}
#: Kind of document → the sandbox's principal that hands it in: the first who may by the catalogue.
FITTING = {
    mt.kind: _PRINCIPALS[mt.senders[0]] if mt.direction == "up" else "customs" for mt in catalog.messages()
}
#: Who hands in what cannot be read: its refusal is the hub's to say.
_ANYONE = "agent"


@click.command("submit")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--as", "who", help="Principal of the sandbox (default: HUB_API_KEY, else the one whose message it is).")
@click.option("--url", help="Address of the hub (default: where this machine's hub listens).")
@click.option("--wait", type=float, default=0, metavar="SECONDS", help="Wait for what the hub says beyond the door.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a document.")
@click.pass_context
def command(
    ctx: click.Context, files: tuple[Path, ...], *, who: str | None, url: str | None, wait: float, as_json: bool
) -> None:
    """Hand in XML, JSON, folders or zips of them; print a line a document. What is not signed is signed with the key of the
    sandbox's principal (not with HUB_API_KEY, which comes without one).

    Exit status: 0 all accepted, 1 some flagged or refused, 2 the hub could not be reached.

    Example: hub submit order.xml payments/ --wait 10
    """
    settings = loaded(ctx).settings
    given = os.environ.get("HUB_API_KEY", "") if who is None else ""
    try:
        known = {} if given else load_demo(settings.data)
    except Misconfigured as error:
        raise click.ClickException(f"no API key: set HUB_API_KEY ({error})") from error
    if who is not None and who not in known:
        raise click.ClickException(f"the sandbox knows no principal {who}; it knows {', '.join(known)}")
    address = url or f"http://{settings.listen}"
    sys.exit(asyncio.run(_all(files, address, known, who, given, wait, as_json=as_json)))


async def _all(
    files: tuple[Path, ...],
    url: str,
    known: dict[str, DemoPrincipal],
    who: str | None,
    api_key: str,
    wait: float,
    *,
    as_json: bool,
) -> int:
    """Hand everything in, in order; the exit status."""
    worst, seen = 0, False
    for name, data in messages(files):
        seen = True
        media_type = "application/json" if data.lstrip()[:1] in (b"{", b"[") else "application/xml"
        entry = None if api_key else known[who or fitting(data, media_type)]
        async with HubClient(url, entry.api_key if entry else api_key) as client:
            body = signed(data, entry) if entry is not None and media_type == "application/xml" else data
            reply = await client.submit(body, media_type)
            if reply.status == 0:
                click.echo(f"{url} does not answer", err=True)
                return UNREACHABLE
            rows = await _rows(client, reply, wait)
        for row in rows:
            worst |= row["status"] != "accepted"
            _print({"file": name, **row}, as_json=as_json)
        if reply.status in (429, 503):
            return UNREACHABLE
    if not seen:
        raise click.ClickException(f"no messages in {', '.join(map(str, files))}")
    return worst


async def _rows(client: HubClient, reply: Reply, wait: float) -> list[dict[str, Any]]:
    """A row a document, or one for a message that was not taken."""
    if not reply.accepted:
        faults = reply.body.get("faults", [])
        status = "unknown" if reply.status in (429, 503) else "refused"
        row = {"index": -1, "kind": "", "key": "", "status": status, "http": reply.status, "faults": faults}
        return [row]
    id = str(reply.body["submission"])
    documents: list[dict[str, Any]] = reply.body["documents"]
    if wait > 0:
        later = await client.wait(id, wait)
        documents = later.body.get("documents", documents) if later.status == 200 else documents
    return [{"submission": id, **document} for document in documents]


def fitting(data: bytes, media_type: str) -> str:
    """The sandbox's principal whose message this is."""
    try:
        if media_type == "application/json":
            return FITTING.get(catalog.message(str(json.loads(data)["message"])).kind, _ANYONE)
        root = xml.parse(data, xml.SCHEMA_ONLY).root
        if catalog.message_of(root) is None:
            root = xml.parse(envelope.read(data).content, xml.SCHEMA_ONLY).root
        mt = catalog.message_of(root)
    except (Refused, envelope.UnreadableError, ValueError, KeyError, TypeError):
        return _ANYONE
    return _ANYONE if mt is None else FITTING.get(mt.kind, _ANYONE)


def signed(data: bytes, entry: DemoPrincipal) -> bytes:
    """The message with the principal's signature, where it is one that is signed and is not yet."""
    if not entry.key:
        return data
    try:
        parsed = xml.parse(data, xml.SCHEMA_ONLY)
        mt = catalog.message_of(parsed.root)
        if mt is None or mt.direction == "down" or signature.find(parsed.root) is not None:
            return data
        return signature.sign(parsed.text, hosted_key(entry))
    except (Refused, ValueError):
        return data


def _print(row: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(row, ensure_ascii=False))
        return
    state = f" {row['state']}" if row.get("state") else ""
    click.echo(f"{row['status']:9} {row['kind']:12} {row['key']:44} {row['file']}{state}")
    for fault in row["faults"]:
        click.echo(f"          {fault['code']} {fault.get('path', '')}  {fault['message']} · {fault['message_zh']}")

"""``hub export``: what the hub can prove, as files."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import click

from hub.cli import loaded
from hub.cli.reach import Reach
from hub.cli.running import require_kafka, run
from hub.domain.faults import Misconfigured
from hub.infra.crypto import HubKey
from hub.infra.evidence import EvidenceReader


@click.group("export")
def command() -> None:
    """Write what the hub can prove to files.

    Example: hub export evidence --from 2026-06-01 --to 2026-06-02 --output evidence.jsonl
    """


@command.command("evidence")
@click.argument("key", required=False)
@click.option("--from", "since", help="From this time on, RFC 3339 or a day in China; without KEY.")
@click.option("--to", "until", help="Up to this time (default: now).")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Where to; must not be there yet (default: standard output).")
@click.option("--purpose", default="", help="Why content of others is read; it is recorded.")
@click.option("--url", help="Address of the hub (default: where this machine's hub listens).")
@click.option("--as", "who", help="Principal of the sandbox that asks (default: HUB_API_KEY, else customs).")
@click.pass_context
def evidence(
    ctx: click.Context, key: str | None, *, since: str | None, until: str | None, output: Path | None, purpose: str, url: str | None, who: str | None
) -> None:
    """Write the pack of one declaration (KEY: any of its numbers), or the chain of evidence between two times.

    The chain has a proof for each submission and act; hub verify --chain checks it. A pack is checked by hub verify.

    Example: hub export evidence AGT0000001:C1 --output pack.zip
    """
    if (key is None) == (since is None):
        raise click.UsageError("Name a declaration, or a time with --from.")
    if key is not None:
        if output is None:
            raise click.UsageError("A pack is a zip: name a file with --output.")
        _not_there_yet(output)
        _pack(Reach(ctx, url, who, "customs"), key, purpose, output)
        return
    settings = loaded(ctx).settings
    first, last = _moment(since or ""), _moment(until) if until else 1 << 53
    _not_there_yet(output)

    async def main() -> None:
        require_kafka(settings)
        reader = EvidenceReader(settings.kafka, HubKey.load(settings.keys_folder).public)
        out = output.open("xb") if output is not None else sys.stdout.buffer
        try:
            async for line in reader.lines(first, last):
                out.write(line + b"\n")
        except ValueError as error:
            raise Misconfigured([f"the log does not fit its chain: {error}"]) from error
        finally:
            if output is not None:
                out.close()

    run(main())


def _pack(reach: Reach, key: str, purpose: str, output: Path) -> None:
    status, body = reach.download(f"/v1/declarations/{quote(key, safe=':')}/evidence", {"Hub-Purpose": quote(purpose)} if purpose else {})
    if status != 200:
        raise click.ClickException(f"{status} {body.decode('utf-8', 'replace')}".strip())
    with output.open("xb") as file:
        file.write(body)


def _not_there_yet(output: Path | None) -> None:
    """Ends the command, before anything is asked for and recorded, where the file is there already: evidence is not overwritten."""
    if output is not None and output.exists():
        raise click.ClickException(f"{output} is there already, and evidence is not overwritten: name another file with --output")


def _moment(text: str) -> int:
    """Milliseconds of a time, or of the beginning of a day in China."""
    try:
        parsed = datetime.fromisoformat(text if "T" in text else f"{text}T00:00:00+08:00")
    except ValueError:
        raise click.UsageError(f"{text} is not a time as RFC 3339 writes it.") from None
    return int(parsed.astimezone().timestamp() * 1000)

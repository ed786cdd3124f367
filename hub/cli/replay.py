"""``hub replay``: sends again what was set aside, dead letters and parked hand-overs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from hub.cli import loaded
from hub.cli.acting import recorded
from hub.cli.running import run
from hub.domain import audit
from hub.domain.faults import Misconfigured
from hub.infra.kafka import KafkaPublisher, check_partitions
from hub.infra.process import WallClock
from hub.infra.vault import Vault
from hub.settings import Settings
from hub.web import words
from streams.replay import TOPICS, Item, Replay, reading, set_aside


@click.command("replay")
@click.option("--topic", type=click.Choice(TOPICS), required=True, help="What was set aside: dead letters, or parked hand-overs.")
@click.option("--from", "since", default="", help="Set aside at or after: RFC 3339, or a day of China.")
@click.option("--to", "until", default="", help="Set aside before.")
@click.option("--where", "wheres", multiple=True, metavar="FIELD=VALUE", help="Only those; may be repeated, then all must hold.")
@click.option("--dry-run", is_flag=True, help="Print what would be sent, send nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def command(
    ctx: click.Context, *, topic: str, since: str, until: str, wheres: tuple[str, ...], dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Send dead letters to their stage again, or parked hand-overs to their recipient; what was sent is not sent twice.

    Fields of dead letters: stage, partition, offset, error, frame, fired, origin; of hand-overs: recipient, sender, message,
    submission, id, note, attempts.

    Example: hub replay --topic hand-overs --where recipient=customs --dry-run
    """
    picked = picking(wheres, moment(since, "--from"), moment(until, "--to"))

    def agreed(items: Sequence[Item]) -> bool:
        return yes or click.confirm(f"Send {len(items)} again?", err=True)

    run(replay(loaded(ctx).settings, topic, picked, None if dry_run else agreed, as_json=as_json))


def moment(text: str, option: str) -> int:
    """A time in ms, 0 for none; BadParameter for what is no time."""
    if not text:
        return 0
    try:
        parsed = datetime.fromisoformat(text if "T" in text else f"{text}T00:00:00+08:00")
        at = int(parsed.timestamp() * 1000) if parsed.tzinfo is not None else 0
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(f"{option} {text}: RFC 3339 with a zone, or YYYY-MM-DD") from error
    if not at:
        raise click.BadParameter(f"{option} {text}: a time has a zone")
    return at


def picking(wheres: Sequence[str], since: int, until: int) -> Callable[[Item], bool]:
    """Which items; BadParameter for a condition that is none."""
    wanted: list[tuple[str, str]] = []
    for text in wheres:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"--where {text}: FIELD=VALUE")
        wanted.append((name, value))

    def picked(item: Item) -> bool:
        for name, _ in wanted:
            if name not in item.fields:
                raise click.BadParameter(f"--where {name}: one of {', '.join(item.fields)}")
        return since <= item.at and (not until or item.at < until) and all(item.fields[name] == value for name, value in wanted)

    return picked


async def replay(
    settings: Settings, topic: str, picked: Callable[[Item], bool], agreed: Callable[[Sequence[Item]], bool] | None, *, as_json: bool
) -> int:
    """Send what is picked again, or with ``agreed`` None print it only; 1 where something could not be sent."""
    if not settings.kafka:
        raise Misconfigured(["HUB_KAFKA is not set", "hub up starts everything on one machine"])
    await check_partitions(settings.kafka, settings.partitions)
    vault, clock, publisher = Vault(settings.keys_folder), WallClock(), KafkaPublisher(settings.kafka)
    async with reading(settings.kafka) as log:
        items = [item for item in await set_aside(log, topic) if picked(item)]
        if agreed is None or not items or not agreed(items):
            if not items and not as_json:
                click.echo(f"nothing to send again: {topic} holds nothing set aside that fits")
            for item in items:
                click.echo(line(item, "would be sent" if agreed is None else "not sent", as_json=as_json))
            return 0
        await recorded(settings, audit.REPLAYED, topic, {"items": str(len(items))})
        await publisher.start()
        failed = 0
        try:
            again = Replay(publisher, log, settings.partitions, vault.open)
            for item in items:
                why = await again.send(item, clock.now())
                failed += bool(why)
                click.echo(line(item, why or "sent", as_json=as_json, problem=bool(why)))
        finally:
            await publisher.stop()
        return 1 if failed else 0


def line(item: Item, what: str, *, as_json: bool, problem: bool = False) -> str:
    """``time  what  field=value …``; as JSON the same in one object."""
    at = words.rfc3339(item.at)
    fields: Mapping[str, Any] = item.fields
    if as_json:
        return json.dumps({"at": at, **fields, "outcome": "failed" if problem else what, "reason": what if problem else ""}, ensure_ascii=False)
    return f"{at}  {what}  " + " ".join(f"{name}={value}" for name, value in fields.items() if value)

"""``hub topics``: every Kafka topic of the hub, and where the broker differs from it."""

from __future__ import annotations

import json
from pathlib import Path

import click
import msgspec

from hub.cli import loaded
from hub.cli.running import run
from hub.domain.faults import Unavailable
from hub.topics import DAY_MS, TOPICS, Topic

_DRIFTED = 1


@click.command("topics")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--schemas", type=click.Path(file_okay=False, path_type=Path), help="Write the public records' JSON Schemas.")
@click.pass_context
def command(ctx: click.Context, *, as_json: bool, schemas: Path | None) -> None:
    """Print the topics; where a broker is known, also how it differs from them (exit 1).

    Example: HUB_KAFKA=broker:9092 hub topics
    """
    if schemas is not None:
        _write(schemas)
        return
    settings = loaded(ctx).settings
    for topic in TOPICS:
        click.echo(json.dumps({"topic": msgspec.to_builtins(topic)}) if as_json else _line(topic))

    async def main() -> int:
        from hub.infra.kafka import topic_drift

        if not settings.kafka:
            click.echo("no broker to compare with: set HUB_KAFKA or start hub up", err=True)
            return 0
        try:
            drift = await topic_drift(settings.kafka, settings.partitions)
        except Unavailable as error:
            click.echo(f"not compared: {error}", err=True)
            return 0
        for topic, name, wanted, found in drift:
            if as_json:
                click.echo(json.dumps({"drift": {"topic": topic, "setting": name, "wanted": wanted, "found": found}}))
            else:
                click.echo(f"drift: {topic}: {name} should be {wanted}, is {found or 'missing'}")
        if not drift:
            click.echo(f"the broker agrees ({settings.partitions} partitions each)", err=True)
        return _DRIFTED if drift else 0

    run(main())


def _line(topic: Topic) -> str:
    kept = "compacted" if topic.cleanup == "compact" else "for ever"
    if topic.retention_ms > 0:
        kept = f"{topic.retention_ms // DAY_MS} days"
    return f"{topic.name:20} {kept:10} {topic.key:34} {topic.holds}"


def page() -> str:
    """The topics as a page: what each holds, and for how long."""
    lines = [
        "# Topics",
        "",
        "Printed from `hub/topics.py` (`hub topics --schemas FOLDER`). What is encrypted is so under the daily key of its day: it ends with",
        "its topic's time or with its key, whichever is first ([privacy](../../docs/how-to/privacy.md)). Files `*.json` beside this page are the",
        "JSON Schemas of public records.",
        "",
        "| topic | key | holds | kept |",
        "|---|---|---|---|",
        *(f"| `{topic.name}` | {topic.key} | {topic.holds} | {_kept(topic)} |" for topic in TOPICS),
    ]
    return "\n".join(lines) + "\n"


def _kept(topic: Topic) -> str:
    if topic.cleanup == "compact":
        return "the newest of each key"
    return f"{topic.retention_ms // DAY_MS} days" if topic.retention_ms > 0 else "for ever"


def _write(folder: Path) -> None:
    from hub.web.asyncapi import event_schemas

    folder.mkdir(parents=True, exist_ok=True)
    for topic, schema in event_schemas().items():
        file = folder / f"{topic}.json"
        file.write_text(json.dumps(schema, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        click.echo(file)
    (folder / "README.md").write_text(page(), encoding="utf-8")

"""``hub alerts``: what a regulator sees, in a terminal."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import click

from hub.cli.reach import Reach, language, refused
from hub.cli.running import run
from hub.client import HubClient, Refusal
from hub.web import words

_COLOURS = {"high": "red", "critical": "red", "medium": "yellow", "low": "cyan"}
FILTERS = ("severity", "family", "rule", "enterprise", "agency", "office", "state", "assignee", "unit")


@click.command("alerts")
@click.option("--follow", is_flag=True, help="Stay, and print alerts as they come.")
@click.option("--filter", "filters", multiple=True, help=f"NAME=VALUE; NAME is one of {', '.join(FILTERS)}.")
@click.option("--after", help="Cursor: print what comes behind it (the field cursor of --json).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--url", help="Address of the hub (default: where this machine's hub listens).")
@click.option("--as", "who", help="Principal of the sandbox that asks (default: HUB_API_KEY, else customs).")
@click.pass_context
def command(
    ctx: click.Context,
    *,
    follow: bool,
    filters: tuple[str, ...],
    after: str | None,
    as_json: bool,
    url: str | None,
    who: str | None,
) -> None:
    """Print risk alerts, oldest first; for officers only.

    The newest, or with --after everything behind a cursor. With --follow it stays: when the connection or the hub goes, it
    comes again with the last id, and nothing is lost.

    Example: hub alerts --follow --filter severity=red
    """
    wanted, reach, speaks = _wanted(filters), Reach(ctx, url, who, "customs"), language()

    def show(alert: dict[str, Any]) -> None:
        click.echo(json.dumps(alert, ensure_ascii=False) if as_json else line(alert, speaks))

    more = True
    while more:
        status, body = reach.get(f"/v1/alerts?{urlencode({**wanted, 'after': after or ''})}")
        if status != 200:
            raise click.ClickException(f"{status} {body.get('detail', '')}".strip())
        for alert in body["items"]:
            show(alert)
        after, more = body["after"], body["more"]
    if follow:
        run(_follow(reach, f"/v1/alerts/stream?{urlencode(wanted)}", str(after), show))


async def _follow(reach: Reach, path: str, after: str, show: Callable[[dict[str, Any]], None]) -> None:
    """Alerts behind a cursor as they come, for ever; ends where the hub refuses them."""
    try:
        async with HubClient(reach.url, reach.key) as hub:
            async for event in hub.events(path, after):
                show({**event.data, "cursor": event.cursor, "event": event.type})
    except Refusal as no:
        raise refused(no.status, no.problem) from no


def _wanted(filters: tuple[str, ...]) -> dict[str, str]:
    wanted: dict[str, str] = {}
    for text in filters:
        name, equals, value = text.partition("=")
        if not equals or name not in FILTERS:
            raise click.BadParameter(f"{text}: NAME=VALUE with NAME one of {', '.join(FILTERS)}")
        wanted[name] = value
    return wanted


def line(alert: dict[str, Any], speaks: str) -> str:
    """``time  severity  state, who has it and that nobody acts  rule  declaration  sentence  case``."""
    said = alert["message_zh"] if speaks == "zh" and alert["message_zh"] else alert["message"]
    severity = click.style(f"{alert['severity']:<8}", fg=_COLOURS.get(alert["severity"], "white"))
    handling = alert["handling"]
    state = words.say(words.HANDLING, handling["state"], speaks) + (f" {handling['assignee']}" if handling["assignee"] else "")
    if handling["escalated"]:
        state += f" ({words.say(words.DESK_LINES, 'escalated', speaks)} ×{handling['escalated']})"
    return f"{words.in_china(alert['at'])}  {severity} {state:<12} {alert['rule']:<6} {alert['declaration']}  {said}  {alert['case']}"

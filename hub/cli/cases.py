"""``hub cases``: what alerts are dealt with in, and acting on it, in a terminal."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import click

from hub.cli.reach import Reach, language, path_of, refused
from hub.domain.desk import ACTIONS
from hub.domain.handling import STATES, VERDICTS
from hub.domain.reading import OPEN, SEVERITIES
from hub.web import words

_url = click.option("--url", help="Address of the hub (default: where this machine's hub listens).")
_who = click.option("--as", "who", help="Principal of the sandbox that asks (default: HUB_API_KEY, else customs).")
_json = click.option("--json", "as_json", is_flag=True, help="JSON, one object a line.")


@click.group("cases")
def command() -> None:
    """Cases of alerts: list, show, act; for officers only.

    Example: hub cases list --severity red
    """


@command.command("list")
@click.option("--state", type=click.Choice([OPEN, *STATES]), default=OPEN, show_default=True)
@click.option("--severity", type=click.Choice(SEVERITIES))
@click.option("--assignee", help="Who has it.")
@click.option("--authority", help="Who leads it.")
@click.option("--overdue", is_flag=True, help="Only those on which nobody acts in time.")
@_json
@_url
@_who
@click.pass_context
def list_(ctx: click.Context, /, *, as_json: bool, url: str | None, who: str | None, overdue: bool, **filters: str | None) -> None:
    """Print cases, the gravest first, then the oldest."""
    asked = {name: value for name, value in filters.items() if value} | ({"overdue": "1"} if overdue else {})
    found = _answered(*Reach(ctx, url, who, "customs").get(f"/v1/cases?{urlencode({**asked, 'limit': 500})}"))
    for case in found["items"]:
        click.echo(json.dumps(case, ensure_ascii=False) if as_json else line(case, language()))


@command.command("show")
@click.argument("id")
@_json
@_url
@_who
@click.pass_context
def show(ctx: click.Context, id: str, *, as_json: bool, url: str | None, who: str | None) -> None:
    """Print a case with its alerts and what was done."""
    _print(_answered(*Reach(ctx, url, who, "customs").get(f"/v1/cases/{path_of(id)}")), as_json=as_json)


@command.command("act")
@click.argument("id")
@click.argument("action", type=click.Choice(ACTIONS))
@click.option("--to", default="", help="A colleague (assign; nobody: yourself) or an authority (join, transfer).")
@click.option("--verdict", type=click.Choice(VERDICTS), help="Whether what the alerts say was so.")
@click.option("--reason", default="", help="Why; of a comment: its text.")
@click.option("--deadline", default="", help="RFC 3339, or a date in China time.")
@_json
@_url
@_who
@click.pass_context
def act(ctx: click.Context, /, id: str, action: str, *, as_json: bool, url: str | None, who: str | None, **said: str | None) -> None:
    """Do something about a case.

    Example: hub cases act declaration-7e3ab8808ddbb50a close --verdict false --reason "a gift"
    """
    body = {"action": action, **{name: value for name, value in said.items() if value}}
    _print(_answered(*Reach(ctx, url, who, "customs").post(f"/v1/cases/{path_of(id)}/actions", body)), as_json=as_json)


def _answered(status: int, body: Any) -> Any:
    """What the hub says; ends the command where it refuses."""
    if status >= 400:
        raise refused(status, body)
    return body


def _print(case: dict[str, Any], *, as_json: bool) -> None:
    if as_json or "history" not in case:  # taken, and not dealt with yet
        click.echo(json.dumps(case, ensure_ascii=False))
        return
    speaks = language()
    click.echo(line({**case, "alerts": len(case["alerts"]) + case["counted"]}, speaks))
    for alert in case["alerts"]:
        click.echo(f"  {alert['rule']:<8} {words.say(words.HANDLING, alert['handling']['state'], speaks):<12} {alert['id']}")
    for entry in case["history"]:
        said = " ".join(filter(None, (entry["to"], entry["verdict"], entry["text"])))
        who = f"{entry['authority']} {entry['by']}" if entry["authority"] else entry["by"]
        click.echo(f"  {words.in_china(entry['at'])}  {who}  {words.say(words.DESK_LINES, entry['what'], speaks)}  {said}".rstrip())


def line(case: dict[str, Any], speaks: str) -> str:
    """``opened  severity  state  who has it  alerts  id  what it is about``."""
    late = " !" if case["overdue"] else ""
    state = words.say(words.HANDLING, case["state"], speaks)
    return f"{words.in_china(case['opened_at'])}  {case['severity']:<7}{late:<2} {state:<12} {case['assignee'] or '–':<10} {case['alerts']:>3}  {case['id']}  {case['about']}"

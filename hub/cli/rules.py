"""``hub rules``: the rules of this installation and the values in force on a day. For officers."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta, timezone

import click

from hub.domain.faults import Misconfigured
from hub.domain.money import text
from hub.rules.api import Dated, Rule
from hub.rules.engine import RuleSet, ruleset

#: The day of law is China's.
_CHINA = timezone(timedelta(hours=8))


@click.group("rules")
def command() -> None:
    """What declarations are assessed by.

    Example: hub rules list --on 2026-01-01
    """


_ON = click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="The day, China time (default: today).")
_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")


@command.command("list")
@_ON
@_JSON
def list_(*, on: datetime | None, as_json: bool) -> None:
    """Print the rules in force on a day.

    Example: hub rules list --on 2026-01-01
    """
    day = _day(on)
    rules = _ruleset()
    for rule in rules.in_force(day):
        if as_json:
            click.echo(json.dumps(_facts(rule, day), ensure_ascii=False))
        else:
            click.echo(f"{rule.code:6} {rule.family:8} {rule.risk:24} {rule.title}")
    if not as_json:
        click.echo(f"in force on {_text(day)}; rule set {rules.digest}", err=True)


@command.command("show")
@click.argument("code")
@_ON
@_JSON
def show(code: str, *, on: datetime | None, as_json: bool) -> None:
    """Print one rule: what it looks for, its source, and its values on a day.

    Example: hub rules show T05 --on 2018-12-31
    """
    day = _day(on)
    try:
        rule = _ruleset().by_code(code.upper())
    except KeyError as error:
        raise click.ClickException(f"there is no rule {code}; hub rules list names those there are") from error
    facts = _facts(rule, day)
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False))
        return
    click.echo(f"{rule.code} · {rule.doc.strip()}\n")
    click.echo(f"source      {rule.source}")
    click.echo(f"alerts to   {', '.join(rule.agencies)}")
    click.echo(f"about       {', '.join(rule.sides)}")
    click.echo(f"in force    {facts['from']} to {facts['until'] or 'further notice'}")
    click.echo(f"on {_text(day)}: {'in force' if rule.in_force(day) else 'NOT in force'}")
    for name, value in facts["values"].items():  # type: ignore[attr-defined]  # a dict, see _facts
        click.echo(f"  {name} = {value}")


def _ruleset() -> RuleSet:
    try:
        return ruleset()
    except Misconfigured as error:
        raise click.ClickException("\n".join(error.problems)) from error


def _facts(rule: Rule, day: int) -> dict[str, object]:
    """A rule as JSON; values that were not in force on the day are left out."""
    values = {
        name: _value(name, value.on(day))
        for name, value in sorted(vars(rule.module).items())
        if isinstance(value, Dated) and value.history()[0][0] <= day
    }
    return {
        "code": rule.code,
        "family": rule.family,
        "title": rule.title,
        "risk": rule.risk,
        "agencies": list(rule.agencies),
        "sides": list(rule.sides),
        "source": rule.source,
        "from": _text(rule.valid_from),
        "until": _text(rule.valid_to) if rule.valid_to else "",
        "in_force": rule.in_force(day),
        "values": values,
    }


def _value(name: str, value: object) -> str:
    """As an officer reads it: amounts with their decimals, scores as they are."""
    scores = name.endswith("SCORE") or name in {"SHARE", "MOST"}
    return str(value) if scores or not isinstance(value, int) else text(value)


def _day(on: datetime | None) -> int:
    from hub.infra.process import WallClock

    moment = on or datetime.fromtimestamp(WallClock().now() / 1000, _CHINA)
    return int(moment.strftime("%Y%m%d"))


def _text(day: int) -> str:
    return date(day // 10_000, day // 100 % 100, day % 100).isoformat()

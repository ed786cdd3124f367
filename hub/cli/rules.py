"""``hub rules``: the rules of this installation, their cases, and what other rules would have found. For officers."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import click
import msgspec

from hub.cli import loaded
from hub.cli.reach import Reach
from hub.cli.running import run
from hub.domain.faults import Misconfigured
from hub.domain.keys import day_text
from hub.rules.api import Rule
from hub.rules.backtest import Change, Tally, change
from hub.rules.cases import lacking, wrong
from hub.rules.docs import certainty
from hub.rules.docs import facts as facts_of
from hub.rules.engine import RuleSet, discover, ruleset
from hub.topics import DAY_MS, HOUR_MS

#: The day of law is China's.
_CHINA = timezone(timedelta(hours=8))


@click.group("rules")
def command() -> None:
    """What declarations are assessed by.

    Example: hub rules list --on 2026-01-01
    """


_ON = click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="The day, China time (default: today).")
_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_RULES = click.option("--rules", "folder", type=_FOLDER, help="A changed copy of hub/rules (default: the installed rules).")
#: Case files are part of the repository, not of what is installed.
_CASES = Path(__file__).parents[2] / "tests" / "rules" / "cases"
_CASE_FILES = click.option("--cases", type=_FOLDER, help="The folder of case files (default: the repository's).")


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
            click.echo(f"{rule.code:6} {rule.family:8} {rule.risk:10} {rule.title} · {rule.source} · {certainty(rule)}")
    if not as_json:
        click.echo(f"in force on {day_text(day)}; rule set {rules.digest}", err=True)


@command.command("show")
@click.argument("code")
@_ON
@click.option("--hits", is_flag=True, help="Ask the hub how often it hit in the week before, and was confirmed.")
@click.option("--url", help="Address of the hub (default: where this machine's hub listens).")
@click.option("--as", "who", help="Principal of the sandbox that asks (default: HUB_API_KEY, else customs).")
@_JSON
@click.pass_context
def show(
    ctx: click.Context, code: str, *, on: datetime | None, hits: bool, url: str | None, who: str | None, as_json: bool
) -> None:
    """Print one rule, by its code or that of a finding: what it looks for, its source, its values on a day, its cases.

    Example: hub rules show T05 --on 2018-12-31
    """
    day = _day(on)
    rule = _named(code)
    facts = _facts(rule, day) | (_hits(Reach(ctx, url, who, "customs"), rule.code, day) if hits else {})
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False))
        return
    click.echo(f"{rule.code} · {rule.doc.strip()}\n")
    click.echo(f"source      {rule.source}")
    click.echo(f"alerts to   {', '.join(rule.agencies)}")
    click.echo(f"about       {', '.join(rule.sides)}")
    click.echo(f"in force    {facts['from']} to {facts['until'] or 'further notice'}")
    click.echo(f"on {day_text(day)}: {'in force' if rule.in_force(day) else 'NOT in force'}")
    if rule.shadow_until:
        click.echo(f"in shadow before {day_text(rule.shadow_until)}: counts, does not act")
    for name, value in facts["values"].items():
        unit = f" {facts['units'][name]}" if name in facts["units"] else ""
        click.echo(f"  {name} = {value}{unit}{'  (our own number)' if name in facts['own'] else ''}")
    if hits:
        rate, precision = (f"{value:.2%}" if value is not None else "none" for value in (facts["hit_rate"], facts["precision"]))
        click.echo(f"hits        {facts['hits']}, in shadow {facts['shadow_hits']}; of all assessments {rate}")
        click.echo(f"customs     confirmed {facts['confirmed']}, cleared {facts['cleared']}; precision {precision}")
        click.echo(f"officers    of {facts['decided']} alerts decided {facts['decided_true']} were true; {facts['undecided']} undecided")
    if facts["cases"]:
        click.echo("cases")
    for case in facts["cases"]:
        click.echo(f"  {'hit ' if case['finds'] else 'miss'}  {day_text(case['day'])}  {case['name']}")


@command.command("test")
@click.argument("codes", nargs=-1)
@_RULES
@_CASE_FILES
@_JSON
def test(codes: tuple[str, ...], *, folder: Path | None, cases: Path | None, as_json: bool) -> None:
    """Run the case files against the rules; exit 1 where a rule does otherwise than its cases say, or lacks cases.

    Example: hub rules test T05 --rules changed
    """
    rules = _ruleset(folder)
    wanted = {code.upper() for code in codes} or {rule.code for rule in rules.rules}
    unknown = wanted - {rule.code for rule in rules.rules}
    if unknown:
        raise click.ClickException(f"there is no rule {', '.join(sorted(unknown))}; hub rules list names those there are")
    if cases is None and not _CASES.is_dir():
        raise click.ClickException("no case files here: name their folder with --cases")
    failed = 0
    for rule in rules.rules:
        if rule.code not in wanted:
            continue
        tables = _tables(rule.code, cases)
        failures = [{"case": table.get("name", ""), "wrong": text} for table in tables for text in _wrong(rule, table)]
        lacks = lacking(rule, tables) if tables else ["no case file"]
        hits = sum(bool(table.get("finds")) for table in tables)
        failed += bool(failures or lacks)
        if as_json:
            facts = {"rule": rule.code, "cases": len(tables), "hits": hits, "failures": failures, "lacks": lacks}
            click.echo(json.dumps(facts, ensure_ascii=False))
            continue
        state = "FAILS" if failures or lacks else "ok"
        click.echo(f"{rule.code:6} {len(tables):3} cases: {hits} hit, {len(tables) - hits} miss  {state}")
        for failure in failures:
            click.echo(f"       {failure['case']}: {failure['wrong']}")
        for text in lacks:
            click.echo(f"       {text}")
    sys.exit(1 if failed else 0)


def _wrong(rule: Rule, table: dict[str, Any]) -> list[str]:
    try:
        return wrong(rule, table)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return [f"is no case: {type(error).__name__}: {error}"]


def _tables(code: str, cases: Path | None) -> list[dict[str, Any]]:
    file = (cases or _CASES) / f"{code}.toml"
    try:
        found: list[dict[str, Any]] = tomllib.loads(file.read_text("utf-8"))["case"]
    except FileNotFoundError:
        return []
    except (tomllib.TOMLDecodeError, KeyError) as error:
        raise click.ClickException(f"{file}: {error}") from error
    return found


@command.command("backtest")
@click.option("--since", default="3d", show_default=True, help="How far back (3d, 12h, 30m), or a day, China time.")
@_RULES
@click.option("--show", default=20, show_default=True, help="How many changed assessments to print.")
@_JSON
@click.pass_context
def backtest(ctx: click.Context, *, since: str, folder: Path | None, show: int, as_json: bool) -> None:
    """Replay what was assessed against changed rules: which assessments change, both ways, before the rules go live.

    Each assessment is made again of the documents it was made of and of what its record says was read; what the changed
    rules read beyond that they get as reference data stand today. The stage's events are kept 3 days. Without --rules the
    installed rules are taken: every assessment they made has to come out the same. Exit 1 where one does not, or where a
    rule raises.

    Example: hub rules backtest --since 3d --rules changed
    """
    rules, now = _ruleset(folder), _now()
    begin = _since(since, now)
    if begin >= now:
        raise click.ClickException(f"{since} is not before now: nothing was assessed since")
    settings = loaded(ctx).settings
    if not settings.kafka:
        raise click.ClickException("set HUB_KAFKA to the hub's Kafka (hub up prints it)")

    async def main() -> int:
        from hub.infra.assessed import assessed
        from hub.infra.process import WallClock
        from hub.infra.reference import ReferenceReader
        from streams.stages.assess import again

        tally, shown = Tally(), 0
        reader = ReferenceReader(settings.kafka, WallClock())
        await reader.start()
        try:
            await reader.ready()
            async for one, matched in assessed(settings.kafka, begin, now):
                if matched is None:
                    tally.without_documents += 1
                    continue
                made, missing = again(one, matched, rules, reader.data)
                found = change(one, made, missing, matched.declaration.office)
                tally.add(matched.declaration.office, found)
                if found is not None and as_json:
                    click.echo(msgspec.json.encode({"change": found}).decode())
                elif found is not None and shown < show:
                    shown += 1
                    click.echo("\n".join(_changed(found)))
                if tally.compared % 10_000 == 0 and sys.stderr.isatty():
                    click.echo(f"{tally.compared} compared, {tally.changed} would change", err=True)
        finally:
            await reader.stop()
        lines = [msgspec.json.encode({"summary": tally}).decode()] if as_json else list(_summed(tally))
        click.echo("\n".join(lines))
        return int(bool(tally.raised) or (folder is None and tally.changed > 0))

    run(main())


def _changed(one: Change) -> Iterator[str]:
    yield f"{one.declaration}  {one.office}  {_arrow(one.level)} {_arrow(one.score)}  {_arrow(one.recommendation)}"
    if one.missing:
        yield f"  cannot be judged, not kept: {', '.join(one.missing)}"
        return
    for sign, found in (("+", one.found), ("-", one.gone), ("~", one.altered)):
        yield from (f"  {sign} {what}" for what in found)


def _arrow(pair: tuple[object, object]) -> str:
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]} → {pair[1]}"


def _summed(tally: Tally) -> Iterator[str]:
    yield f"{tally.compared} assessments compared, {tally.changed} would change: {tally.graver} graver, {tally.milder} milder"
    for what, counts in (("level", tally.levels), ("recommendation", tally.recommendations)):
        yield from (f"  {what} {name}: {number}" for name, number in sorted(counts.items()))
    for code, rule in sorted(tally.rules.items()):
        yield f"  {code:6} would be found {rule.found}, no longer found {rule.gone}, otherwise {rule.altered}"
    for office, local in sorted(tally.offices.items()):
        yield f"  office {office}: {local.changed} of {local.compared} change, {local.graver} graver, {local.milder} milder"
    yield from (f"  RAISES {what}: {number} assessments" for what, number in sorted(tally.raised.items()))
    if tally.unjudged:
        unread = ", ".join(f"{kind} ({number})" for kind, number in sorted(tally.unread.items()))
        yield f"  {tally.unjudged} cannot be judged, their records lack what a rule asks for: {unread}"
    if tally.without_documents:
        yield f"  {tally.without_documents} more are too old: their documents are no longer in inbox.assess"


_SINCE = re.compile(r"([0-9]{1,5})([dhm])")
_UNITS = {"d": DAY_MS, "h": HOUR_MS, "m": 60_000}


def _since(text: str, now: int) -> int:
    """The moment (ms) a duration before now, or at which a day begins in China."""
    matched = _SINCE.fullmatch(text)
    if matched is not None:
        return now - int(matched[1]) * _UNITS[matched[2]]
    try:
        return int(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=_CHINA).timestamp() * 1000)
    except ValueError as error:
        raise click.BadParameter(f"{text}: a number with d, h or m (3d), or a day (2026-06-01)", param_hint="--since") from error


def _now() -> int:
    from hub.infra.process import WallClock

    return WallClock().now()


def _ruleset(folder: Path | None = None) -> RuleSet:
    try:
        return ruleset() if folder is None else discover(folder=folder)
    except Misconfigured as error:
        raise click.ClickException("\n".join(error.problems)) from error


def _named(code: str) -> Rule:
    """The rule of a code, or the one that makes findings of the code, as its cases say."""
    rules = _ruleset()
    try:
        return rules.by_code(code.upper())
    except KeyError as error:
        for rule in rules.rules:
            if any(code in case.get("finds", ()) for case in _tables(rule.code, None)):
                return rule
        raise click.ClickException(f"there is no rule {code}; hub rules list names those there are") from error


def _facts(rule: Rule, day: int) -> dict[str, Any]:
    """A rule as JSON, with its cases."""
    cases = [{"name": case["name"], "day": case["day"], "finds": case.get("finds", [])} for case in _tables(rule.code, None)]
    return {**facts_of(rule, day), "cases": cases}


def _hits(reach: Reach, code: str, day: int) -> dict[str, Any]:
    """A rule's figures as the hub's API gives them; none where it was not in force and found nothing."""
    status, told = reach.get(f"/v1/rules?to={day_text(day)}")
    if status != 200:
        raise click.ClickException(f"{status} {told.get('detail', '')}".strip())
    names = ("hits", "shadow_hits", "hit_rate", "confirmed", "cleared", "precision", "decided", "decided_true", "undecided")
    item: dict[str, Any] = next((item for item in told["items"] if item["code"] == code), {})
    return {name: item.get(name, None if name in ("hit_rate", "precision") else 0) for name in names}


def _day(on: datetime | None) -> int:
    moment = on or datetime.fromtimestamp(_now() / 1000, _CHINA)
    return int(moment.strftime("%Y%m%d"))

"""``hub worklist``: what needs doing, and the summary declaration that is due, in a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import click

from hub.cli.reach import Reach, language
from hub.web import words

Json = dict[str, Any]


@click.command("worklist")
@click.option("--summary", "month", metavar="YYYY-MM", help="Preview the summary declaration of what was closed in that month.")
@click.option("--declarant", help="With --summary: of this declarant only.")
@click.option("--by", type=click.Choice(["owner", "consignor"]), default="owner", show_default=True,
              help="With --summary: tell production or sales units apart, or not (summaryFlag 2 or 1).")  # fmt: skip
@click.option("--write", "file", type=click.Path(path_type=Path), help="With --summary: write the application (CEB701) as JSON, to look through and send.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--url", help="Address of the hub (default: where this machine's hub listens).")
@click.option("--as", "who", help="Principal of the sandbox that asks (default: HUB_API_KEY, else agent).")
@click.option("--language", "tongue", type=click.Choice(["en", "zh"]), help="Default: the terminal's.")
@click.pass_context
def command(
    ctx: click.Context,
    *,
    month: str | None,
    declarant: str | None,
    by: str,
    file: Path | None,
    as_json: bool,
    url: str | None,
    who: str | None,
    tongue: str | None,
) -> None:
    """Print what needs doing, oldest first, each with its next step; or which entries a month's exports become.

    Example: hub worklist --summary 2026-06 --write summary.json && hub submit summary.json
    """
    if file is not None and month is None:
        raise click.BadOptionUsage("file", "--write goes with --summary")
    reach, speaks = Reach(ctx, url, who, "agent"), tongue or language()
    if month is None:
        body = _asked(reach, "/v1/worklist?limit=500")
        lines = _as_json(body) if as_json else told(body, speaks)
        for line in lines:
            click.echo(line)
        return
    query = urlencode({"month": month, "declarant": declarant or "", "by": by})
    shown = _asked(reach, f"/v1/worklist/summary?{query}")
    for line in [json.dumps(shown, ensure_ascii=False)] if as_json else told_summary(shown, speaks):
        click.echo(line)
    if file is not None and not shown["declarations"]:
        raise click.ClickException((f"{file} is not written", f"未写入 {file}")[words.index(speaks)])
    if file is not None:
        made = _asked(reach, f"/v1/worklist/summary?{query}&format=message")
        file.write_text(json.dumps(made, ensure_ascii=False, indent=1) + "\n", "utf-8")
        click.echo(f"{file}  CEB701", err=True)


def _asked(reach: Reach, path: str) -> Json:
    status, body = reach.get(path)
    if status != 200:
        raise click.ClickException(f"{status} {body.get('detail', '')}".strip())
    return dict(body)


def _as_json(body: Json) -> Iterator[str]:
    for item in (*body["summaries"], *body["items"]):
        yield json.dumps(item, ensure_ascii=False)


def told(body: Json, speaks: str) -> Iterator[str]:
    """The worklist as lines for a terminal."""
    at = words.index(speaks)
    step = ("next_step", "next_step_zh")[at]
    for group in body["summaries"]:
        need = words.NEEDS[group["need"]][0][at]
        what = (f"{_counted(group['count'], 'declaration')} closed in {group['month']}", f"{group['month']} 结关 {group['count']} 份")[at]
        days = _days(group["days_left"], at)
        yield f"{click.style(need, fg='yellow')}  {group['declarant']}  {what}  {days}"
        yield f"    {group[step]}  hub worklist --summary {group['month']}"
    for item in body["items"]:
        need = words.NEEDS[item["need"]][0][at] if item["need"] in words.NEEDS else item["need"]
        kind = words.say(words.KINDS, item["kind"], speaks)
        left = "".join(f"  {_days(n, at)}" for n in item["days_left"].values())
        yield f"{click.style(need, fg='yellow')}  {kind} {item['key']}  {item['status']['code']}{left}".rstrip()
        if item["need"] == "rejected" and item["status"]["text"]:
            yield f"    {item['status']['text']}"
        yield f"    {item[step]}"
    if not body["items"] and not body["summaries"]:
        yield ("nothing needs doing", "没有待办")[at]


def _days(left: int, at: int) -> str:
    return "" if left < 0 else (f"{_counted(left, 'day')} left", f"剩余 {left} 天")[at]


def _counted(n: int, one: str, many: str = "") -> str:
    return f"{n} {one if n == 1 else many or one + 's'}"


def told_summary(shown: Json, speaks: str) -> Iterator[str]:
    """The preview as lines for a terminal."""
    at = words.index(speaks)
    entries = shown["entries"]
    parts = sum(entry["parts"] for entry in entries)
    if not entries:
        yield (
            f"nothing to summarise: no 9610 export (statisticsFlag B) that was closed in {shown['month']} waits for it",
            f"无需汇总：{shown['month']} 结关的 9610 出口清单（简化申报标志 B）中没有待汇总的",
        )[at]
        return
    what = (
        f"{_counted(shown['declarations'], 'declaration')} closed in {shown['month']} → {_counted(parts, 'entry', 'entries')}",
        f"{shown['month']} 结关 {shown['declarations']} 份清单 → {parts} 份报关单",
    )[at]
    yield f"{what}  {shown['due_day']}  {_days(shown['days_left'], at)}".rstrip()
    if not shown["complete"]:
        yield ("not all of them: name one declarant", "未全部列出：请指定申报企业")[at]
    for number, entry in enumerate(entries, 1):
        totals = ", ".join(f"{total} {words.listed('currency', c, speaks)}" for c, total in entry["totals"].items())
        key = " ".join(entry[name] or "-" for name in ("ebcCode", "trafMode", "ownerCode", "country", "portCode"))
        n = len(entry["declarations"])
        yield f"{number}. {key}  {(_counted(n, 'declaration'), f'{n} 份清单')[at]}  {totals}"
        for line in entry["lines"]:
            amounts = ", ".join(f"{n} {words.listed('unit', unit, speaks)}" for unit, n in line["quantities"].items())
            yield f"     {line['gcode']} → {words.listed('country', line['country'], speaks)}  {amounts}  {line['total']}"

"""``hub held``: what orders of one's authority hold, and the decision about it, in a terminal."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import click

from hub.cli.reach import Reach, language, refused
from hub.web import words


@click.command("held")
@click.option("--state", type=click.Choice(["held", "gone", "refused"]), default="held", show_default=True)
@click.option("--release", metavar="KEY", help="Release the held message of a submission or declaration.")
@click.option("--refuse", metavar="KEY", help="Refuse it; needs --reason, which the sender reads.")
@click.option("--reason", default="", help="Why.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--url", help="Address of the hub (default: where this machine's hub listens).")
@click.option("--as", "who", help="Principal of the sandbox that asks (default: HUB_API_KEY, else customs).")
@click.pass_context
def command(
    ctx: click.Context, *, state: str, release: str | None, refuse: str | None, reason: str, as_json: bool, url: str | None, who: str | None
) -> None:
    """Print what is held, the soonest to go on first, or decide about one; for officers only.

    Example: hub held --release AGT0000001:C1 --reason "documents seen"
    """
    if release is not None and refuse is not None:
        raise click.BadOptionUsage("refuse", "either --release or --refuse")
    reach, speaks, key = Reach(ctx, url, who, "customs"), language(), release if release is not None else refuse
    if key is None:
        status, body = reach.get(f"/v1/held?limit=1000&state={state}")
        items = body.get("items", [])
    else:
        decision = {"decision": "release" if release is not None else "refuse", "reason": reason}
        status, body = reach.post(f"/v1/held/{quote(key, safe=':')}/decision", decision)
        items = [body]
    if status != 200:
        raise refused(status, body)
    for item in items:
        click.echo(json.dumps(item, ensure_ascii=False) if as_json else line(item, speaks))


def line(item: dict[str, Any], speaks: str) -> str:
    """``until  submission  declarations  orders that hold it, or what became of it``."""
    until = words.in_china(item["until"]) if item["until"] else "–"
    orders = ", ".join(
        order["order"] + ("" if order["assessed"] else (" (assessment awaited)", "（待研判）")[words.index(speaks)])
        for order in item["orders"]
        if not order["ended"]
    )
    state = {"held": orders, "gone": ("handed over", "已移交"), "refused": ("refused", "已拒绝")}[item["state"]]
    said = state if isinstance(state, str) else state[words.index(speaks)]
    return f"{until}  {item['submission']}  {', '.join(item['documents'])}  {said}"

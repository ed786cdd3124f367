"""``hub bench``: how fast, at which cost, on this machine."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click
import msgspec

from hub.bench import run as bench
from hub.cli import loaded

#: The bench's own processes, which remember what they sent and saw.
OWN = ("bench", "load")


@click.command("bench")
@click.option("--scenario", type=click.Choice(list(bench.SCENARIOS)), default="batched", show_default=True)
@click.option("--seconds", type=float, default=60.0, show_default=True, help="Length of the measurement.")
@click.option("--rate", help="Declarations a second, or max (default: the scenario's).")
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object.")
@click.option("--plain/--no-plain", default=True, help="Measure the same stages in plain Faust too (up to 3 minutes).")
@click.option("--touch/--no-touch", default=True, help="Use free memory once first; runs below 30 s never do.")
@click.option("--keep/--no-keep", default=True, help="Write the result to bench/results.")
@click.pass_context
def command(
    ctx: click.Context, scenario: str, seconds: float, rate: str | None, *, as_json: bool, plain: bool, touch: bool, keep: bool
) -> None:
    """Measure a hub of its own on this machine, load generator, broker and database included.

    Example: hub bench --scenario single --seconds 60
    """
    per_second = None if rate is None else 0.0 if rate == "max" else float(rate)

    def say(text: str) -> None:
        click.echo(text, err=True)

    result = asyncio.run(bench.run(loaded(ctx).settings, scenario, seconds, per_second, say, plain=plain, touch=touch))
    _table(result)
    if keep:
        say(f"kept in {bench.keep(result, Path('bench/results'))}")
    if as_json:
        click.echo(msgspec.json.encode(result))
    sys.exit(1 if result.lost or result.doubled else 0)


def _table(result: bench.Result) -> None:
    click.echo(f"{result.scenario}: {result.declarations_per_s:,} declarations/s ({result.documents_per_s:,} documents/s)")
    click.echo(f"  offered {result.offered_per_s:,}/s  refused {result.refused}  lost {result.lost}  doubled {result.doubled}  drained after {result.drain_s} s")
    for step, values in result.latency_ms.items():
        if values:
            click.echo(f"  {step:11}" + "".join(f"  {name} {value:,} ms" for name, value in values.items()))
    total = before = after = 0.0
    for name, micro in result.cpu_us_per_declaration.items():
        first, last = result.rss_mb.get(name, [0, 0])
        total += micro
        if name not in OWN:
            before, after = before + first, after + last
        click.echo(f"  {name:24} {micro:8.1f} µs CPU a declaration   {first:7.1f} → {last:7.1f} MB")
    click.echo(f"  {'all (memory: the hub)':24} {total:8.1f} µs CPU a declaration   {before:7.1f} → {after:7.1f} MB")
    click.echo(f"  native floor {result.floor_us} µs; plain Faust {result.plain_faust_us or '–'} µs")

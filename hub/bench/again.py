"""Makes all assessments of the made-up month again from their records, by the same rules or by a changed set.

``python -m hub.bench.again --seed 7``: the month of :mod:`hub.bench.traffic` is played, then each assessment is made again
of what match put together and of what its record says was read; every one has to be the same bytes. With ``--rules
FOLDER`` (a changed copy of ``hub/rules``) only findings of the rules whose files differ may differ, and what follows from
them: level, score, recommendation. Exit 1 where anything else does.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import click

import hub.rules
from hub import codec
from hub.bench.month import START, Rehearsal, known, play
from hub.bench.traffic import Size, month
from hub.domain.events import Assessment
from hub.rules.backtest import Tally, change
from hub.rules.engine import FAMILIES, RuleSet, discover, ruleset
from hub.rules.recompute import differences
from streams.stages.assess import again

#: What follows from findings; ``rules`` is the digest of the set.
_FOLLOWING = frozenset({"rules", "level", "score", "recommendation"})
#: What cannot be explained is named so often.
_SHOWN = 20


class Replay(NamedTuple):
    """How a replay went: assessments made, those of the same bytes, the changes by rule, and what nothing explains."""

    made: int
    same: int
    tally: Tally
    unexplained: tuple[str, ...]


def replay(rehearsal: Rehearsal, rules: RuleSet, changed: Iterable[str] = ()) -> Replay:
    """Make every assessment of the month again by ``rules``, of which ``changed`` are not those it was made by."""
    tally, explained = Tally(), set(changed)
    same, unexplained = 0, []
    for _, event in rehearsal.matched:
        one = rehearsal.made.get(f"{event.declaration_key}@{event.revision}.{event.match}")
        if one is None:
            unexplained.append(f"{event.declaration_key}: put together, never assessed")
            continue
        made, missing = again(one, event, rules, rehearsal.references)
        same += codec.to_json(made) == codec.to_json(one)
        tally.add(event.declaration.office, change(one, made, missing, event.declaration.office))
        unexplained += [f"{one.id}: {what}" for what in _beside(one, made, explained)]
        unexplained += [f"{one.id}: not in its record: {name}" for name in missing]
    return Replay(len(rehearsal.made), same, tally, tuple(unexplained))


def _beside(before: Assessment, after: Assessment, changed: set[str]) -> list[str]:
    """What differs without coming from a changed rule; what a changed rule reads or computes may differ too."""
    found = [one.what for one in differences(before, after)]
    if not changed:
        return found
    beside = [what for what in found if what not in _FOLLOWING and what.split(" ")[0] not in {*changed, "read", "tax"}]
    told = {what.split(" ")[0] for what in found}
    return beside if told & changed or not told & _FOLLOWING - {"rules"} else [*beside, "another level without another finding"]


def rules_that_differ(folder: Path) -> tuple[str, ...]:
    """The codes of the rules whose files in ``folder`` are not the installed ones, and of those that import these."""
    sides = [
        {file.stem: file.read_text("utf-8") for family in FAMILIES for file in (root / family).glob("[a-z]*[0-9]_*.py")}
        for root in (Path(hub.rules.__file__).parent, folder)
    ]
    texts = sides[0] | sides[1]
    differ = {stem for stem in texts if sides[0].get(stem) != sides[1].get(stem)}
    while more := {stem for stem, text in texts.items() if any(other in text for other in differ)} - differ:
        differ |= more
    return tuple(sorted(stem.partition("_")[0].upper() for stem in differ))


@click.command()
@click.option("--seed", default=7, show_default=True, help="another seed, another month")
@click.option("--honest", default=Size().honest, show_default=True, help="honest sales")
@click.option("--instances", default=Size().instances, show_default=True, help="doings of each scheme")
@click.option(
    "--rules", "folder", type=click.Path(exists=True, file_okay=False, path_type=Path), help="a changed copy of hub/rules"
)
def main(seed: int, honest: int, instances: int, folder: Path | None) -> None:
    """Make all assessments of a made-up month again and compare."""
    size = Size(honest=honest, instances=instances)
    changed = rules_that_differ(folder) if folder is not None else ()
    rules = discover(folder=folder) if folder is not None else ruleset()
    rehearsal = play(month(seed, START, size), known(size))
    began = time.process_time()
    told = replay(rehearsal, rules, changed)
    spent = time.process_time() - began
    click.echo(f"seed {seed}: {told.made} assessments made again in {spent:.1f} s of CPU, {told.same} of them the same bytes")
    if folder is not None:
        click.echo(f"changed rules: {', '.join(changed) or 'none'}; rule set {ruleset().digest} → {rules.digest}")
        tally = told.tally
        click.echo(f"{tally.changed} of {tally.compared} say something else: {tally.graver} graver, {tally.milder} milder")
        for code, rule in sorted(tally.rules.items()):
            if code in changed:
                click.echo(f"  {code}: {rule.found} would be found, {rule.gone} no longer found, {rule.altered} otherwise")
    click.echo(f"unexplained: {len(told.unexplained)}")
    for what in told.unexplained[:_SHOWN]:
        click.echo(f"  {what}")
    sys.exit(1 if told.unexplained else 0)


if __name__ == "__main__":
    main()

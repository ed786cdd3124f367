"""The made-up month by which the rules are measured: the same for the same seed, all of it assessed, every scheme in it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from hub.bench import month as bench
from hub.bench.traffic import FALSE_EXPORT, SCHEMES, Size, month

SMALL = Size(buyers=300, honest=200, exports=40, instances=1)


@pytest.fixture(scope="module")
def played() -> bench.Rehearsal:
    return bench.play(month(1, bench.START, SMALL), bench.known(SMALL))


def test_the_same_seed_is_the_same_month_and_another_is_another() -> None:
    assert month(1, bench.START, SMALL) == month(1, bench.START, SMALL)
    assert month(1, bench.START, SMALL) != month(2, bench.START, SMALL)


def test_every_declaration_of_the_month_is_assessed(played: bench.Rehearsal) -> None:
    acts = month(1, bench.START, SMALL)
    assert len({bench._key(act) for act in acts}) == len(acts) == len(played.assessments)


def test_a_second_time_gives_the_same_assessments_to_the_byte(played: bench.Rehearsal) -> None:
    again = bench.play(month(1, bench.START, SMALL), bench.known(SMALL))
    assert again.assessments == played.assessments


def test_each_scheme_has_its_line_and_rules_meant_for_it(played: bench.Rehearsal) -> None:
    acts = month(1, bench.START, SMALL)
    assert set(bench.MEANT) == {*SCHEMES, FALSE_EXPORT} == {act.scheme for act in acts} - {""}
    lines = [bench.figures(acts, played.assessments, of) for of in (0, 1)]
    for scheme in ("", *bench.MEANT):
        assert sum(line[scheme].declarations for line in lines) == sum(act.scheme == scheme for act in acts)
    assert all(line.found <= line.declarations and line.rightly <= line.hit for line in lines[0].values())


def test_honest_people_are_seldom_suspected(played: bench.Rehearsal) -> None:
    acts = [act for act in month(1, bench.START, SMALL) if not act.scheme]
    suspected = [act for act in acts if played.assessments[bench._key(act)].level != "green"]
    assert len(suspected) < len(acts) // 10


def test_the_command_tells_seed_rules_and_figures() -> None:
    said = CliRunner().invoke(bench.main, ["--honest", "50", "--instances", "1", "--json"])
    assert said.exit_code == 0, said.output
    told = json.loads(said.output)
    assert (told["seed"], told["half"], told["declarations"] > 100) == (7, 1, True)
    assert set(told["schemes"]) == {"honest", *bench.MEANT}

"""Made-up messages: valid ones of every type and edition, and each way the catalogue knows to be wrong."""

from collections import Counter

import pytest
from lxml import etree

from adapters.intake import judge_schema
from adapters.schema_faults import schema_faults
from hub.domain.faults import Refused, fault_kinds
from schemas import catalog, made

_SEEDS = range(12)
_EDITIONS = [(mt, edition) for mt in catalog.messages() for edition in mt.editions]


def _name(value: object) -> str:
    return str(getattr(value, "type", value))


@pytest.mark.parametrize(("mt", "edition"), _EDITIONS, ids=_name)
def test_what_is_made_is_accepted_and_the_same_for_the_same_seed(mt: catalog.MessageType, edition: str) -> None:
    for seed in _SEEDS:
        count = 1 if mt.max_documents == 1 else 1 + seed % 3
        text = made.message(mt, seed=seed, documents=count, edition=edition, sealed=True, whole=seed % 4 == 3)
        assert judge_schema(text, edition) == (mt, edition, count)
    assert text == made.message(mt, seed=seed, documents=count, edition=edition, sealed=True, whole=True)
    assert text != made.message(mt, seed=seed + 1, documents=count, edition=edition, sealed=True, whole=True)


@pytest.mark.parametrize("mt", catalog.messages(), ids=_name)
def test_a_hundred_documents_and_the_whole_of_one_are_made(mt: catalog.MessageType) -> None:
    root = etree.fromstring(made.message(mt, seed=1, documents=mt.max_documents or 100, sealed=True))
    assert catalog.validator(mt)(root)
    whole = etree.fromstring(made.message(mt, seed=1, whole=True))
    there = {str(etree.QName(e).localname) for e in whole.iter(etree.Element)}
    assert there >= {f.name for part in mt.parts for f in part.fields}
    assert there >= set(mt.frame)


@pytest.mark.parametrize(("mt", "edition"), _EDITIONS, ids=_name)
def test_each_flaw_is_refused_with_its_code_at_its_place(mt: catalog.MessageType, edition: str) -> None:
    flaws = made.flaws(mt, edition)
    assert len({(f.kind, f.path, f.value) for f in flaws}) == len(flaws)
    for seed, flaw in enumerate(flaws):
        with pytest.raises(Refused) as refused:
            judge_schema(made.flawed(mt, flaw, seed % 5), flaw.edition)
        first = refused.value.faults[0]
        assert first.code == flaw.code, flaw
        if flaw.kind in ("swapped", "parts"):  # of two in each other's place either may be told where it belongs
            assert {_last(flaw.path), flaw.value} >= {_last(first.path)}, flaw
        else:
            assert first.path == flaw.path, flaw


def _last(path: str) -> str:
    return path.rsplit("/", maxsplit=1)[-1].partition("[")[0]


def test_every_way_to_be_wrong_is_made_for_some_message() -> None:
    kinds = Counter(flaw.kind for mt in catalog.messages() for flaw in made.flaws(mt))
    assert set(kinds) == {
        "namespace", "name", "edition", "attribute", "missing", "too_short", "too_long", "empty", "type", "not_allowed",
        "none", "too_many", "parts", "unknown", "text", "doubled", "swapped", "child", "nil", "frame",
    }  # fmt: skip
    told = {flaw.code for mt in catalog.messages() for flaw in made.flaws(mt)}
    assert told <= set(fault_kinds())
    # no field demands a pattern, and what no sentence fits is not made on purpose
    assert {code for code in fault_kinds() if code.startswith("schema.")} - told == {
        "schema.envelope", "schema.message_type", "schema.pattern", "schema.other",
    }  # fmt: skip


@pytest.mark.parametrize("mt", [mt for mt in catalog.messages() if mt.direction == "up"], ids=_name)
def test_flaws_of_meaning_are_none_to_the_schema(mt: catalog.MessageType) -> None:
    flaws = made.meaning_flaws(mt)
    assert {"meaning.code", "meaning.date"} <= {flaw.code for flaw in flaws}
    assert any(flaw.kind == "empty" for flaw in flaws) == any(
        f.required and f.base == "string" and not f.min for part in mt.parts for f in part.fields
    )
    for flaw in flaws:
        text = made.flawed(mt, flaw, 1)
        assert judge_schema(text, flaw.edition)[0] is mt
        part = etree.fromstring(text).find(f".//{{{catalog.CEB}}}{flaw.part}")
        assert part.findtext(f"{{{catalog.CEB}}}{flaw.field}") == flaw.value


@pytest.mark.parametrize("mt", [mt for mt in catalog.messages() if mt.direction == "down"], ids=_name)
def test_nobody_checks_the_meaning_of_what_customs_says(mt: catalog.MessageType) -> None:
    assert made.meaning_flaws(mt) == ()


def test_a_wrong_message_that_the_edition_does_not_have_is_held_against_the_newer_one() -> None:
    mt = catalog.message("CEB213")
    flaw = next(flaw for flaw in made.flaws(mt) if flaw.kind == "too_long")
    [fault] = schema_faults(etree.fromstring(made.flawed(mt, flaw, 1)), mt, "2018")
    assert (fault.code, fault.path) == (flaw.code, flaw.path)

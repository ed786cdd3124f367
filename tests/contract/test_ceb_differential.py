"""The catalogue's 2018 schemas judge as the official ones do: on the official samples, and on spoilt ones."""

import os
from collections import Counter
from pathlib import Path

import pytest
from lxml import etree

from schemas import catalog, made, mutations
from schemas.xsd import compile_xsd

_DATA = os.environ.get("HUB_TEST_DATA")
#: Messages with an official sample of 2018; 213 to 216 are newer, 816, 818 and 900 have a schema but no sample.
_SAMPLED = {
    "import": (311, 312, 411, 412, 511, 512, 513, 514, 621, 622, 623, 624, 625, 626, 711, 712),
    "export": (303, 304, 403, 404, 505, 506, 507, 508, 509, 510, 603, 604, 605, 606, 607, 608, 701, 702, 792),
}
_SAMPLES = [(side, f"CEB{number}") for side, numbers in _SAMPLED.items() for number in numbers]
_GENERATED = ("CEB816", "CEB818", "CEB900")
_PER_MESSAGE = int(os.environ.get("HUB_TEST_MUTATIONS", "600"))

pytestmark = pytest.mark.skipif(not _DATA, reason="HUB_TEST_DATA is not set: the official schemas are not at hand")


@pytest.fixture(scope="module")
def folder() -> Path:
    return Path(_DATA or "") / "ceb-2018"


@pytest.fixture(scope="module")
def official(folder: Path) -> dict[str, etree.XMLSchema]:
    return {side: etree.XMLSchema(etree.parse(folder / "xsd" / f"{side}.xsd")) for side in _SAMPLED}


def _whole(folder: Path, side: str, type_: str) -> etree._Element:
    return etree.parse(folder / "samples" / side / f"{type_}Message.xml").getroot()


def _sample(folder: Path, side: str, type_: str) -> etree._Element:
    """The official sample without all but its first three documents: mutations then reach every part."""
    root = _whole(folder, side, type_)
    mt = catalog.message(type_)
    for document in list(root.iterchildren(f"{{{catalog.CEB}}}{mt.document}"))[3:]:
        root.remove(document)
    return root


def test_the_samples_are_those_of_the_official_package(folder: Path) -> None:
    there = {(f.parent.name, f.stem.removesuffix("Message")) for f in (folder / "samples").rglob("*.xml")}
    assert there == set(_SAMPLES)
    assert len(there) == 35


@pytest.mark.parametrize(("side", "type_"), _SAMPLES)
@pytest.mark.parametrize("edition", catalog.EDITIONS)
def test_official_samples_are_accepted_in_both_editions(
    folder: Path, official: dict[str, etree.XMLSchema], side: str, type_: str, edition: str
) -> None:
    root = _whole(folder, side, type_)
    assert official[side](root)
    assert catalog.message_of(root) is catalog.message(type_)
    # gseqno came with 202205, and no sample of 792 has it (not the official one of 202205 either).
    assert catalog.validator(type_, edition)(root) is ((type_, edition) != ("CEB792", "202205"))


@pytest.mark.parametrize(("side", "type_"), _SAMPLES)
def test_spoilt_samples_are_judged_as_the_official_schema_judges_them(
    folder: Path, official: dict[str, etree.XMLSchema], side: str, type_: str
) -> None:
    root = _sample(folder, side, type_)
    ours = catalog.validator(type_, "2018")
    verdicts: Counter[bool] = Counter()
    for seed in range(_PER_MESSAGE):
        spoilt, done = mutations.mutated(root, seed)
        # as bytes and back: what a sender can really send
        spoilt = etree.fromstring(etree.tostring(spoilt))
        if catalog.message_of(spoilt) is None:
            continue
        verdict = official[side](spoilt)
        assert ours(spoilt) == verdict, f"{type_}, seed {seed}, {done}: the official schema says {verdict}"
        verdicts[verdict] += 1
    assert min(verdicts[True], verdicts[False]) > _PER_MESSAGE // 20, verdicts


@pytest.mark.parametrize(("side", "type_"), _SAMPLES)
def test_every_refusal_is_explained(folder: Path, side: str, type_: str) -> None:
    root = _sample(folder, side, type_)
    for seed in range(0, _PER_MESSAGE, 5):
        spoilt, done = mutations.mutated(root, seed)
        spoilt = etree.fromstring(etree.tostring(spoilt))
        faults = catalog.explain(spoilt, type_, "2018")
        assert bool(faults) != catalog.validator(type_, "2018")(spoilt), f"seed {seed}, {done}"
        assert len(faults) <= 25
        for fault in faults:
            assert fault.path.startswith("/")
            assert fault.line > 0
            assert fault.message
            assert fault.message_zh


@pytest.mark.parametrize(("side", "type_"), _SAMPLES)
def test_the_quick_walk_reads_what_the_plain_walk_reads(folder: Path, side: str, type_: str) -> None:
    mt, root = catalog.message(type_), _sample(folder, side, type_)
    read = 0
    for seed in range(_PER_MESSAGE):
        spoilt = etree.fromstring(etree.tostring(mutations.mutated(root, seed)[0]))
        if catalog.validator(mt, "2018")(spoilt):
            assert catalog.documents(spoilt, mt, approved=True) == catalog.documents(spoilt, mt)
            read += 1
    assert read > _PER_MESSAGE // 20


@pytest.mark.parametrize("type_", _GENERATED)
def test_messages_without_a_sample_agree_with_the_official_schema(
    official: dict[str, etree.XMLSchema], type_: str
) -> None:
    mt = catalog.message(type_)
    root = etree.fromstring(made.message(mt, seed=1, documents=min(2, mt.max_documents or 2)))
    ours = catalog.validator(mt, "2018")
    assert ours(root)
    for seed in range(_PER_MESSAGE):
        spoilt, done = mutations.mutated(root, seed)
        spoilt = etree.fromstring(etree.tostring(spoilt))
        assert ours(spoilt) == official["import"](spoilt), f"seed {seed}, {done}"


@pytest.mark.parametrize("mt", [mt for mt in catalog.messages() if "2018" in mt.editions], ids=lambda mt: mt.type)
def test_made_messages_are_accepted_and_flawed_ones_refused_by_the_official_schema(
    official: dict[str, etree.XMLSchema], mt: catalog.MessageType
) -> None:
    judge = official["export" if mt.side == "export" else "import"]
    for seed in range(40):
        count = min(mt.max_documents or 3, 1 + seed % 3)
        text = made.message(mt, seed=seed, documents=count, edition="2018", sealed=True, whole=seed % 4 == 3)
        assert judge(etree.fromstring(text)), seed
    for flaw in made.flaws(mt, "2018"):
        assert not judge(etree.fromstring(made.flawed(mt, flaw, 1))), flaw
    for flaw in made.meaning_flaws(mt, "2018"):
        assert judge(etree.fromstring(made.flawed(mt, flaw, 1))), flaw


@pytest.mark.parametrize("side", _SAMPLED)
def test_one_schema_of_a_side_judges_as_the_official_one(
    folder: Path, official: dict[str, etree.XMLSchema], side: str
) -> None:
    ours, theirs = compile_xsd(catalog.side_xsd(side, "2018")), official[side]
    verdicts: Counter[bool] = Counter()
    for number in _SAMPLED[side]:
        assert ours(_whole(folder, side, f"CEB{number}"))
        root = _sample(folder, side, f"CEB{number}")
        for seed in range(_PER_MESSAGE // 4):
            spoilt, done = mutations.mutated(root, seed)
            spoilt = etree.fromstring(etree.tostring(spoilt))
            verdict = theirs(spoilt)
            assert ours(spoilt) == verdict, f"{number}, seed {seed}, {done}: the official schema says {verdict}"
            verdicts[verdict] += 1
    assert min(verdicts.values()) > 100

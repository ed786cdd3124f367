"""The catalogue's 2018 schemas judge as the official ones do: on the official samples, and on spoilt ones."""

import os
from collections import Counter
from pathlib import Path

import pytest
from lxml import etree

from schemas import catalog, mutations

_DATA = os.environ.get("HUB_TEST_DATA")
_SAMPLED = ("CEB311", "CEB411", "CEB511", "CEB621", "CEB312", "CEB412", "CEB512", "CEB622")
_PER_MESSAGE = int(os.environ.get("HUB_TEST_MUTATIONS", "600"))

pytestmark = pytest.mark.skipif(not _DATA, reason="HUB_TEST_DATA is not set: the official schemas are not at hand")


@pytest.fixture(scope="module")
def folder() -> Path:
    return Path(_DATA or "") / "ceb-2018"


@pytest.fixture(scope="module")
def official(folder: Path) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(folder / "xsd" / "import.xsd"))


def _sample(folder: Path, type_: str) -> etree._Element:
    """The official sample without all but its first three documents: mutations then reach every part."""
    root = etree.parse(folder / "samples" / "import" / f"{type_}Message.xml").getroot()
    mt = catalog.message(type_)
    for document in list(root.iterchildren(f"{{{catalog.CEB}}}{mt.document}"))[3:]:
        root.remove(document)
    return root


@pytest.mark.parametrize("type_", _SAMPLED)
@pytest.mark.parametrize("edition", catalog.EDITIONS)
def test_official_samples_are_accepted_in_both_editions(folder: Path, type_: str, edition: str) -> None:
    root = etree.parse(folder / "samples" / "import" / f"{type_}Message.xml").getroot()
    assert catalog.message_of(root) is catalog.message(type_)
    assert catalog.validator(type_, edition)(root)


@pytest.mark.parametrize("type_", _SAMPLED)
def test_spoilt_samples_are_judged_as_the_official_schema_judges_them(
    folder: Path, official: etree.XMLSchema, type_: str
) -> None:
    root = _sample(folder, type_)
    ours = catalog.validator(type_, "2018")
    verdicts: Counter[bool] = Counter()
    for seed in range(_PER_MESSAGE):
        spoilt, done = mutations.mutated(root, seed)
        # as bytes and back: what a sender can really send
        spoilt = etree.fromstring(etree.tostring(spoilt))
        if catalog.message_of(spoilt) is None:
            continue
        verdict = official(spoilt)
        assert ours(spoilt) == verdict, f"{type_}, seed {seed}, {done}: the official schema says {verdict}"
        verdicts[verdict] += 1
    assert min(verdicts[True], verdicts[False]) > _PER_MESSAGE // 20, verdicts


@pytest.mark.parametrize("type_", _SAMPLED)
def test_every_refusal_is_explained(folder: Path, type_: str) -> None:
    root = _sample(folder, type_)
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


@pytest.mark.parametrize("type_", _SAMPLED)
def test_the_quick_walk_reads_what_the_plain_walk_reads(folder: Path, type_: str) -> None:
    mt, root = catalog.message(type_), _sample(folder, type_)
    read = 0
    for seed in range(_PER_MESSAGE):
        spoilt = etree.fromstring(etree.tostring(mutations.mutated(root, seed)[0]))
        if catalog.validator(mt, "2018")(spoilt):
            assert catalog.documents(spoilt, mt, approved=True) == catalog.documents(spoilt, mt)
            read += 1
    assert read > _PER_MESSAGE // 20


def test_the_format_receipt_agrees_with_the_official_schema(official: etree.XMLSchema) -> None:
    mt = catalog.message("CEB900")
    from schemas.documents import FormatReceipt, FormatReceiptHead

    head = FormatReceiptHead(
        guid="9" * 36,
        returnStatus="-1",
        returnInfo="",
        returnTime="2" * 17,
        oriCopMsgId="",
        oriMessageType="Unknown",
        oriBizMessage="<x>",
    )
    root = etree.fromstring(catalog.render(mt, [FormatReceipt(head=head)], guid="9" * 36))
    ours = catalog.validator(mt, "2018")
    for seed in range(_PER_MESSAGE):
        spoilt, done = mutations.mutated(root, seed)
        spoilt = etree.fromstring(etree.tostring(spoilt))
        assert ours(spoilt) == official(spoilt), f"seed {seed}, {done}"

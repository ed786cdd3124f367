"""XML → JSON twin → XML loses nothing, and the twin's JSON Schema says what the XML Schema says."""

import json
import os
from itertools import count
from pathlib import Path

import pytest
from lxml import etree

from adapters.dialects import json_twin
from schemas import catalog, made, twin
from tests.support.canonical import canonical
from tests.support.json_schema import accepts

_DATA = Path(os.environ.get("HUB_TEST_DATA", "none")) / "ceb-2018" / "samples"
_SAMPLES = sorted(_DATA.rglob("*.xml"))
#: So many documents for each of the 42 messages are more than 10,000 in all.
_EACH = 240
#: Flaws that a JSON Schema can see in a twin made of the flawed message.
_SEEN = ("missing", "empty", "too_long", "too_short", "type", "not_allowed", "none", "too_many")


def _twin(text: bytes, mt: catalog.MessageType, edition: str) -> dict:
    return json.loads(json.dumps(twin.of(etree.fromstring(text), mt, edition)))


def _there_and_back(root: etree._Element, mt: catalog.MessageType, edition: str) -> bytes:
    text = json.dumps(twin.of(root, mt, edition), ensure_ascii=False).encode()
    if mt.direction == "up":  # as the door reads it
        named, read = json_twin.read(text)
        assert named is mt
    else:
        read, faults = twin.read(json.loads(text), mt)
        assert faults == []
    return twin.xml(mt, read)


@pytest.mark.skipif(not _DATA.exists(), reason="HUB_TEST_DATA is not set: the official samples are not at hand")
def test_every_official_sample_comes_back_the_same() -> None:
    assert len(_SAMPLES) == 35
    for file in _SAMPLES:
        root = etree.parse(file).getroot()
        mt = catalog.message_of(root)
        back = etree.fromstring(_there_and_back(root, mt, "2018"))
        assert canonical(back, mt, "2018") == canonical(root, mt, "2018"), file.name


@pytest.mark.parametrize("mt", catalog.messages(), ids=lambda mt: mt.type)
def test_made_messages_come_back_the_same_in_both_editions(mt: catalog.MessageType) -> None:
    assert _EACH * len(catalog.messages()) > 10_000
    seen = 0
    for seed in count():
        documents = min(mt.max_documents or 4, 1 + seed % 4)
        edition = mt.editions[seed % len(mt.editions)]
        text = made.message(mt, seed=seed, documents=documents, edition=edition, whole=seed % 5 == 0)
        root = etree.fromstring(text)
        back = etree.fromstring(_there_and_back(root, mt, edition))
        assert canonical(back, mt, edition) == canonical(root, mt, edition), seed
        seen += documents
        if seen >= _EACH:
            return


@pytest.mark.parametrize(
    ("mt", "edition"), [(m, e) for m in catalog.messages() for e in m.editions], ids=lambda x: getattr(x, "type", x)
)
def test_the_json_schema_accepts_twins_and_refuses_flawed_ones(mt: catalog.MessageType, edition: str) -> None:
    schema = catalog.json_schema(mt, edition)
    for seed in range(20):
        documents = min(mt.max_documents or 3, 1 + seed % 3)
        text = made.message(mt, seed=seed, documents=documents, edition=edition, whole=seed % 5 == 0)
        value = _twin(text, mt, edition)
        assert accepts(schema, value), seed
    assert not accepts(schema, value | {"other": "1"})
    assert not accepts(schema, value | {"message": "CEB000"})
    refused = 0
    for flaw in made.flaws(mt, edition):
        structure = flaw.part in (mt.head.element, "ds:Signature", "BaseTransfer", "ExtendMessage") and flaw.kind in ("none", "too_many")
        one_of = flaw.part == mt.document and flaw.kind == "none" and mt.flat
        if flaw.kind not in _SEEN or (structure and not one_of) or flaw.value == "2147483648":
            continue
        value = _twin(made.flawed(mt, flaw, 1), mt, edition)
        assert not accepts(schema, value), flaw
        refused += 1
    assert refused > 10

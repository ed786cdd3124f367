"""Our schema of the envelopes judges as the official terminal and transport schemas do, and what we write passes theirs."""

import os
from collections import Counter
from pathlib import Path

import pytest
from lxml import etree

from adapters.dialects.dxp import Answer, Envelope, Node, write, write_reply
from schemas import envelopes, mutations

_DATA = os.environ.get("HUB_TEST_DATA")
_MUTATIONS = int(os.environ.get("HUB_TEST_MUTATIONS", "600")) * 5

pytestmark = pytest.mark.skipif(not _DATA, reason="HUB_TEST_DATA is not set: the official schemas are not at hand")

_PLAIN = Envelope("ID-1", "DXPENT0000990001", ("DXPEDCCEB0000002",), "CEB311Message", b"<a/>", 1_780_000_000_000)
_NODE = Node("00000002202606011200000000000001", "00000002", "46000002", 1_780_000_000_000, "1")
_ADDED = (
    "<AddInfo><FileName>a.xml</FileName><IcCard>1</IcCard><BizKey><Key name='SignFlag'>1</Key><Key>2</Key></BizKey>"
    "<IsText Encode='UTF-8'/><RecMapId>1</RecMapId></AddInfo>"
)


@pytest.fixture(scope="module")
def official() -> etree.XMLSchema:
    # The transport schema includes the terminal's, so it knows all three roots.
    return etree.XMLSchema(etree.parse(Path(_DATA or "") / "ceb-2018" / "xsd" / "transport.xsd"))


@pytest.fixture(scope="module")
def signature() -> str:
    sample = etree.parse(Path(_DATA or "") / "ceb-2018" / "samples" / "import" / "CEB621Message.xml").getroot()
    return etree.tostring(sample[-1], encoding="unicode", with_tail=False)


def _written(envelope: Envelope, signature: str) -> etree._Element:
    """What ``write`` gives, with everything else that may stand in it."""
    text = write(envelope).decode().replace("</Data>", f"</Data>{_ADDED}{signature}")
    return etree.fromstring(text.replace("</DxpMsgSv>", f"{signature}</DxpMsgSv>").encode())


def _reply(signature: str) -> etree._Element:
    text = write_reply("DXPENT0000990001", [Answer("0"), Answer("2001", "why")], "2026-06-01", _PLAIN).decode()
    results = "<Results><Result><RecId>1</RecId><Code>1</Code><Info>x</Info><Note>x</Note></Result></Results>"
    text = text.replace("<NoticeTime>", f"{results}<NoticeTime>", 1).replace("<OriHead>", "<Note>n</Note><OriHead>", 1)
    return etree.fromstring(text.replace("</DxpRep>", f"{signature}</DxpRep>").encode())


def _seeds(signature: str) -> dict[str, etree._Element]:
    routed = Envelope("1", "D" * 16, ("A", "B", "C", "D", "E"), "", b"x" * 100, 0, _NODE)
    return {"DxpMsg": _written(_PLAIN, signature), "DxpMsgSv": _written(routed, signature), "DxpRep": _reply(signature)}


@pytest.mark.parametrize("name", ["DxpMsg", "DxpMsgSv", "DxpRep"])
def test_spoilt_envelopes_are_judged_as_the_official_schema_judges_them(
    official: etree.XMLSchema, signature: str, name: str
) -> None:
    root = _seeds(signature)[name]
    assert official(root), official.error_log
    assert envelopes.valid(root)
    verdicts: Counter[bool] = Counter()
    for seed in range(_MUTATIONS):
        spoilt, done = mutations.mutated(root, seed)
        spoilt = etree.fromstring(etree.tostring(spoilt))
        verdict = official(spoilt)
        assert envelopes.valid(spoilt) == verdict, f"seed {seed}, {done}: the official schema says {verdict}"
        said = envelopes.wrong(spoilt)
        assert bool(said) != verdict
        assert all(path.startswith("/Dxp") and english and chinese for path, _, english, chinese in said)
        verdicts[verdict] += 1
    assert min(verdicts[True], verdicts[False]) > _MUTATIONS // 20, verdicts


@pytest.mark.parametrize(
    "data",
    [
        write(_PLAIN),
        write(Envelope("1", "D" * 16, ("A",), "", b"x", 0, Node("1", "2", "3"))),
        write_reply("", [Answer("-1", "w" * 400)], "2026-06-01"),
        write_reply("R" * 20, [Answer("0"), Answer("9" * 12)], "2026-06-01", _PLAIN),
        write_reply("R", [Answer("")], "2026-06-01", Envelope("", "", ("", "x" * 30), "t" * 40, b"")),
    ],
)
def test_what_we_write_is_valid_by_the_official_schemas(official: etree.XMLSchema, data: bytes) -> None:
    assert official(etree.fromstring(data)), official.error_log

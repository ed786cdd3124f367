"""The envelope carries any bytes to customs and back unchanged, and its answers are read for what they say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from adapters.authorities.customs.envelope import (
    CUSTOMS_IMPORT,
    DXP,
    Answer,
    Envelope,
    UnreadableError,
    read,
    read_answer,
    write,
    write_answer,
)
from adapters.authorities.customs.outgoing import render
from hub.domain.events import HandOver

plain = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x9FFF, exclude_categories=("Cs", "Cc", "Z")), min_size=1, max_size=16
)


@given(plain, plain, st.lists(plain, min_size=1, max_size=5), st.binary(min_size=1, max_size=500))
def test_an_envelope_comes_back_as_it_was(id: str, sender: str, receivers: list[str], content: bytes) -> None:
    sent = Envelope(id, sender, tuple(receivers), "CEB311Message", content, 0)
    assert read(write(sent)) == sent


def test_a_hand_over_names_submission_sender_and_customs_in_the_specified_order() -> None:
    item = HandOver("sub", "sub#2", "CEB621", "s", "DXPENT0000000001", b"", (), 1)
    root = etree.fromstring(render(item, b"<a/>", 1_717_214_400_123))
    assert [child.tag.rpartition("}")[2] for child in root] == ["TransInfo", "Data"]
    info = [(child.tag.removeprefix(f"{{{DXP}}}"), child.text) for child in root[0]]
    assert info == [
        ("CopMsgId", "sub#2"),
        ("SenderId", "DXPENT0000000001"),
        ("ReceiverIds", None),
        ("CreatTime", "2024-06-01T12:00:00"),
        ("MsgType", "CEB621Message"),
    ]
    assert root[0][2][0].text == CUSTOMS_IMPORT
    assert root.get("ver") == "1.0"


@given(
    plain, st.text(st.characters(min_codepoint=32, max_codepoint=0x9FFF, exclude_categories=("Cs", "Cc")), max_size=300)
)
def test_an_answer_comes_back_as_it_was(code: str, info: str) -> None:
    found = read_answer(write_answer("x", Answer(code, info), "2024-06-01"))
    assert found == Answer(code, info.strip())


@pytest.mark.parametrize(
    "data",
    [b"", b"no xml", b"<DxpMsg/>", f'<DxpMsg xmlns="{DXP}"/>'.encode(), b"<!DOCTYPE x><x/>"],
)
def test_what_is_no_envelope_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(UnreadableError):
        read(data)


def test_an_answer_with_one_refusal_among_several_responses_is_a_refusal() -> None:
    body = f'<DxpRep xmlns="{DXP}"><Response><ResponseCode>0</ResponseCode></Response><Response><ResponseCode>-9</ResponseCode><ResponseInfo>why</ResponseInfo></Response></DxpRep>'
    assert read_answer(body.encode()) == Answer("-9", "why")

"""The envelope carries any bytes to customs and back unchanged, and its answers are read for what they say."""

from __future__ import annotations

import msgspec
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
from adapters.dialects.dxp import Node
from hub.domain.events import HandOver

plain = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x9FFF, exclude_categories=("Cs", "Cc", "Z")), min_size=1, max_size=16
)


@given(plain, plain, st.lists(plain, min_size=1, max_size=5), st.binary(min_size=1, max_size=500))
def test_an_envelope_comes_back_as_it_was(id: str, sender: str, receivers: list[str], content: bytes) -> None:
    sent = Envelope(id, sender, tuple(receivers), "CEB311Message", content, 0)
    assert read(write(sent)) == sent
    routed = msgspec.structs.replace(sent, node=Node(id, sender[:8], receivers[0][:8], part="2"))
    assert read(write(routed)) == routed


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
    plain.map(lambda code: code[:9]),
    st.text(st.characters(min_codepoint=32, max_codepoint=0x9FFF, exclude_categories=("Cs", "Cc")), max_size=300),
)
def test_an_answer_comes_back_as_it_was(code: str, info: str) -> None:
    found = read_answer(write_answer("x", Answer(code, info), "2024-06-01"))
    assert found == Answer(code, info.strip(" "))


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


def test_what_is_refused_for_one_receiver_is_a_refusal() -> None:
    body = (
        f'<DxpRep xmlns="{DXP}"><Response><ResponseCode>0</ResponseCode><Results><Result><RecId>X</RecId>'
        "<Code>2001</Code><Info>no such receiver</Info></Result></Results></Response></DxpRep>"
    )
    assert read_answer(body.encode()) == Answer("2001", "no such receiver")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("<MsgType>", "<CreatTime>", "xml.malformed"),
        ("<CopMsgId>1</CopMsgId>", "", "/DxpMsg/TransInfo/SenderId stands where something else belongs (CopMsgId)"),
        ("<CopMsgId>1<", "<CopMsgId><", "/DxpMsg/TransInfo/CopMsgId is not of the form demanded (C1..255)"),
        ("<SenderId>1<", f"<SenderId>{'1' * 17}<", "/DxpMsg/TransInfo/SenderId is not of the form demanded (C1..16)"),
        ("1970-01-01T08:00:00", "yesterday", "CreatTime is not of the form demanded (yyyy-MM-ddTHH:mm:ss)"),
        ('ver="1.0"><T', 'ver="1.1"><T', "/DxpMsg/@ver is not of the form demanded (= 1.0)"),
        (' ver="1.0"><T', "><T", "/DxpMsg/@ver is missing"),
        ("</Data>", "</Data><Data>AAAA</Data>", "/DxpMsg/Data stands where something else belongs"),
        ("</Data>", "*</Data>", "/DxpMsg/Data is not Base64"),
        ("<Data>", "<Data><!-- --><x/>", "/DxpMsg/Data"),
        ("</TransInfo>", "</TransInfo>text", "/DxpMsg holds text between its elements"),
        ("<TransInfo>", '<TransInfo x="1">', "/DxpMsg/TransInfo/@x"),
    ],
)
def test_what_is_wrong_with_an_envelope_is_named(old: str, new: str, said: str) -> None:
    sound = write(Envelope("1", "1", ("1",), "CEB311Message", b"<a/>", 0)).decode()
    assert read(sound.encode())
    assert old in sound
    with pytest.raises(UnreadableError) as found:
        read(sound.replace(old, new, 1).encode())
    assert said in str(found.value)

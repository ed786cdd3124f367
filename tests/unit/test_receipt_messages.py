"""Receipts handed on as CEB messages."""

import pytest
from lxml import etree

from adapters.dialects import ceb, receipts
from hub import codec
from hub.domain.events import Answer, ReceiptArrived
from schemas import catalog
from schemas.model import EDITIONS

_SAID = {"returnStatus": "2", "returnTime": "20241111000000123", "returnInfo": "新增申报成功 <&>"}
_GUID = {"guid": "4CDE1CFD-EDED-46B1-946C-B8022E42FC94"}
_HEADS = {
    "CEB312": {**_GUID, "ebpCode": "3301960X01", "ebcCode": "3301960X02", "orderNo": "T:1"},
    "CEB412": {**_GUID, "payCode": "3301960X03", "payTransactionId": "P-1"},
    "CEB512": {**_GUID, "logisticsCode": "3301960X04", "logisticsNo": "L-1"},
    "CEB622": {**_GUID, "agentCode": "3301960X05", "copNo": "C-1", "preNo": "B20241111000000001"},
    "CEB900": {**_GUID, "oriCopMsgId": "m-1", "oriMessageType": "CEB621Message", "oriBizMessage": ""},
}


def _answer(message: str, number: int = 0) -> Answer:
    return Answer(
        id=f"{message}-{number}", participant="agent", at=1, authority="customs", message=message, document="declaration/x",
        submission="s", code="2", time=_SAID["returnTime"], info="", receipt={**_HEADS[message], **_SAID},
    )  # fmt: skip


def _notice() -> Answer:
    return Answer("n", "agent", 1, "hub", "", "declaration/x", "s", "", "", "held")


@pytest.mark.parametrize("message", sorted(_HEADS))
def test_a_receipt_is_the_message_customs_would_have_sent(message: str) -> None:
    body, count = receipts.message([_answer(message)])
    assert body is not None
    root = etree.fromstring(body)
    mt = catalog.message(message)
    for edition in EDITIONS:
        validator = catalog.validator(mt, edition)
        assert validator.validate(root), validator.error_log
    (said,) = ceb.receipts(root, mt)
    assert count == 1
    assert {name: getattr(said.head, name) for name in said.head.__struct_fields__ if getattr(said.head, name) is not None} == {
        **_HEADS[message],
        **_SAID,
    }


def test_a_message_holds_what_follows_of_one_type_and_the_rest_comes_with_the_next() -> None:
    answers = [*(_answer("CEB622", n) for n in range(130)), _answer("CEB312"), _answer("CEB622", 130)]
    counts = []
    while answers:
        _, count = receipts.message(answers)
        counts.append(count)
        answers = answers[count:]
    assert counts == [100, 30, 1, 1]


def test_notices_of_the_hub_have_no_such_form_and_are_passed_over() -> None:
    assert receipts.message([]) == (None, 0)
    assert receipts.message([_notice(), _notice()]) == (None, 2)
    body, count = receipts.message([_notice(), _answer("CEB412"), _notice()])
    assert count == 2
    assert body is not None
    assert b"CEB412Message" in body


def test_the_same_receipts_are_the_same_bytes() -> None:
    assert receipts.message([_answer("CEB512")]) == receipts.message([_answer("CEB512")])
    assert receipts.message([_answer("CEB512", 1)]) != receipts.message([_answer("CEB512", 2)])


def test_a_receipt_parked_before_it_had_a_head_is_still_read() -> None:
    event = ReceiptArrived("customs", "CEB622", "2", "20241111000000", "", 1, "s", {})
    older = codec.pack(list(codec.decoder(list)(codec.pack(event))[:-1]))
    again = codec.decoder(ReceiptArrived)(older)
    assert codec.decoder(dict[str, str])(again.head) == {}
    assert codec.decoder(ReceiptArrived)(codec.pack(again)) == again

"""What an authority sends is never turned away: odd messages seen in practice are read, noted and lead to their documents."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import pytest

from adapters.intake import Judged
from hub.domain.events import Submission
from hub.domain.kinds import DECLARATION, ORDER
from schemas import catalog
from schemas import documents as ceb
from tests.support.documents import four, key_of, receipt_for, submission
from tests.support.intake import CUSTOMS, XML, a_judge, codes
from tests.support.signing import NOW
from tests.support.stage_harness import NOON, World, timeline

NS = 'xmlns="http://www.chinaport.gov.cn/ceb"'
_ids = itertools.count()


def taken(data: bytes | str, encoding: str = "utf-8") -> Judged:
    return a_judge()(data if isinstance(data, bytes) else data.encode(encoding), XML, CUSTOMS, NOW)


def submitted(judged: Judged) -> Submission:
    """What the door makes of it."""
    return Submission(
        id=f"odd{next(_ids)}", principal="customs", sender=judged.sender, received_at=NOON, message=judged.message,
        guid=judged.guid, edition=judged.edition, documents=judged.documents, authority=judged.authority,
    )  # fmt: skip


def heads(judged: Judged, struct: Any = ceb.DeclarationReceipt) -> list[Any]:
    return [msgspec.msgpack.decode(document.view, type=struct).head for document in judged.documents]


def message(*returns: str, type_: str = "CEB622", namespace: str = NS, declared: str = "UTF-8") -> str:
    body = "".join(returns)
    return f'<?xml version="1.0" encoding="{declared}"?><{type_}Message {namespace} guid="{"R" * 36}" version="1.0">{body}</{type_}Message>'


def inventory(*, code: str = "2", time: str = "20260601120001000", info: str = "新增申报成功", **fields: str) -> str:
    given = {
        "guid": "g" * 36, "customsCode": "2900", "agentCode": "3301000005", "copNo": "CNO1", **fields,
        "returnStatus": code, "returnTime": time, "returnInfo": info,
    }  # fmt: skip
    return "<InventoryReturn>" + "".join(f"<{k}>{v}</{k}>" for k, v in given.items() if v) + "</InventoryReturn>"


@pytest.fixture
def world() -> World:
    world = World()
    for document in four().values():
        world.submit(submission(document))
    world.run()
    world.deliver()
    return world


def test_an_error_without_copno_and_preno_finds_its_declaration_by_the_guid_that_was_sent(world: World) -> None:
    declaration = four()[DECLARATION]
    bare = inventory(code="-621001", info="参数校验失败", copNo="", agentCode="", customsCode="", guid=declaration.head.guid)
    found = taken(message(bare))
    assert {"schema.missing"} <= set(codes(found.documents[0].faults))
    world.submit(submitted(found))
    world.run()
    world.tick(60_000)
    assert world.status(key_of(declaration)).code == "-621001"


def test_a_receipt_without_any_namespace_is_read_and_noted_nowhere_but_where_it_deviates(world: World) -> None:
    found = taken(message(inventory(ebpCode="3301000001", ebcCode="3301000002", preNo="B" * 18), namespace=""))
    assert found.documents[0].key == "3301000005:CNO1"
    world.submit(submitted(found))
    world.run()
    assert world.status(key_of(four()[DECLARATION])).code == "2"


@pytest.mark.parametrize("declared", ["gb2312", "GBK", "gb18030", "GB2312"])
def test_a_receipt_in_chinese_encodings_is_read(declared: str) -> None:
    text = message(inventory(info="[Code:2600;Desc:放行]"), declared=declared)
    assert heads(taken(text, "gb18030"))[0].returnInfo == "[Code:2600;Desc:放行]"


def test_a_receipt_that_declares_gb2312_and_is_utf_8_is_read() -> None:
    for info in ("清单新增申报成功", "清单新增申报成功，x", "退"):
        assert heads(taken(message(inventory(info=info), declared="gb2312")))[0].returnInfo == info
        assert heads(taken(message(inventory(info=info), declared="gb2312"), "gb18030"))[0].returnInfo == info


@pytest.mark.parametrize("spelling", ["logisticsNo", "logisticNo"])
def test_a_tax_bill_with_fields_that_no_schema_knows_is_read_with_them_and_its_lines(spelling: str) -> None:
    tax = (
        f"<Tax><TaxHeadRd><guid>{'g' * 36}</guid><returnTime>20260601120000000</returnTime><invtNo>29002026I000000001</invtNo>"
        "<taxNo>29002026I000000001_0</taxNo><customsTax>0</customsTax><valueAddedTax>9.1</valueAddedTax>"
        "<consumptionTax>0</consumptionTax><status>1</status><customsCode>2900</customsCode><orderNo>NO1</orderNo>"
        f"<{spelling}>WNO1</{spelling}></TaxHeadRd><TaxListRd><gnum>1</gnum><gcode>1901101000</gcode><taxPrice>100</taxPrice>"
        "<customsTax>0</customsTax><valueAddedTax>9.1</valueAddedTax><consumptionTax>0</consumptionTax></TaxListRd></Tax>"
    )
    found = taken(message(tax, type_="CEB816"))
    bill = msgspec.msgpack.decode(found.documents[0].view, type=ceb.TaxBill)
    assert (bill.head.orderNo, bill.head.logisticsNo, bill.head.taxNo) == ("NO1", "WNO1", "29002026I000000001_0")
    assert [(line.gcode, line.valueAddedTax) for line in bill.list] == [("1901101000", "9.1")]
    assert set(codes(found.documents[0].faults)) == {"schema.unexpected"}
    # What practice adds is neither in the schemas nor in what is written or wanted of a twin.
    mt = catalog.message("CEB816")
    for edition in catalog.EDITIONS:
        assert "logisticsNo" not in catalog.xsd(mt, edition)
        assert "logisticsNo" not in str(catalog.json_schema(mt, edition))
    assert b"NO1" not in catalog.render(mt, [bill], guid="R" * 36)


def test_documents_of_another_message_mixed_in_are_read_as_what_they_are(world: World) -> None:
    order = four()[ORDER]
    other = (
        f"<OrderReturn><guid>{'o' * 36}</guid><ebpCode>{order.head.ebpCode}</ebpCode><ebcCode>{order.head.ebcCode}</ebcCode>"
        "<orderNo>NO1</orderNo><returnStatus>120</returnStatus><returnTime>20260601120002000</returnTime>"
        "<returnInfo>x</returnInfo></OrderReturn>"
    )
    found = taken(message(inventory(), other, "<Unheard>1</Unheard>", inventory(code="120", time="20260601120003000")))
    assert [(d.index, d.message) for d in found.documents] == [(0, ""), (1, "CEB312"), (2, "")]
    assert all("schema.unexpected" in codes(d.faults) for d in found.documents)
    world.submit(submitted(found))
    world.run()
    assert world.status(key_of(order)).code == "120"
    assert world.status(key_of(four()[DECLARATION])).code == "120"
    assert [a.message for a in world.answers() if a.receipt].count("CEB312") == 1


def test_a_message_of_nothing_but_other_documents_is_taken_too() -> None:
    found = taken(message(inventory(), type_="CEB312"))
    assert [(found.message, d.message, d.key) for d in found.documents] == [("CEB312", "CEB622", "3301000005:CNO1")]


def test_a_message_that_repeats_the_same_return_has_one_effect(world: World) -> None:
    declaration = four()[DECLARATION]
    world.submit(submitted(taken(message(inventory(), inventory(), inventory(code="120", time="20260601120003000")))))
    world.run()
    status = world.status(key_of(declaration))
    assert (status.code, timeline(status).count("120"), timeline(status).count("2")) == ("120", 1, 1)
    assert len([a for a in world.answers() if a.document == key_of(declaration)]) == 2
    again = receipt_for(declaration, "120", "20260601120003000")
    world.submit(again)
    world.run()
    assert len([a for a in world.answers() if a.document == key_of(declaration)]) == 2

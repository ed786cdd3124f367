"""What each message's own text demands beyond its schema: one wrong field, one fault at its place."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from schemas import samples
from tests.support.zone import Zone

AT = samples.DEFAULT_AT
IMPORT, EXPORT = samples.declaration_set(1, at=AT), samples.export_set(1, at=AT, collected=True)
ZONE = samples.export_set(1, at=AT, trade_mode="1210")
I_NO, E_NO = "29212026I000000001", "29212026E000000001"
BONDED = samples.declaration_set(1, at=AT, trade_mode="1210")
DOCUMENTS: dict[str, tuple[str, Any]] = {
    "621": ("CEB621", IMPORT.declaration),
    "621 bonded": ("CEB621", BONDED.declaration),
    "623": ("CEB623", samples.cancellation(IMPORT.declaration, I_NO, at=AT)),
    "625": ("CEB625", samples.returned(IMPORT.declaration, I_NO, at=AT)),
    "711": ("CEB711", samples.warehouse_entry([IMPORT.declaration], at=AT)),
    "303": ("CEB303", EXPORT.order),
    "403": ("CEB403", EXPORT.collection),
    "505": ("CEB505", EXPORT.waybill),
    "603": ("CEB603", EXPORT.declaration),
    "603 zone": ("CEB603", ZONE.declaration),
    "603 B2B": ("CEB603", samples.export_set(1, at=AT, trade_mode="9710").declaration),
    "605": ("CEB605", samples.cancellation(EXPORT.declaration, E_NO, at=AT)),
    "213": ("CEB213", samples.returned(EXPORT.declaration, E_NO, at=AT)),
    "215": ("CEB215", samples.tally(samples.returned(EXPORT.declaration, E_NO, at=AT), at=AT)),  # type: ignore[arg-type]
    "507": ("CEB507", samples.arrival([EXPORT.declaration], at=AT)[0]),
    "509": ("CEB509", samples.departure([EXPORT.declaration], at=AT)[0]),
    "607": ("CEB607", samples.consolidation([EXPORT.declaration], at=AT)[0]),
    "701": ("CEB701", samples.summary([E_NO], at=AT)[0]),
}
#: document, field (of the head, or ``list.`` of the first line), value, code told there
WRONG = [
    ("621", "copNo", None, "meaning.empty"), ("621", "assureCode", "9901D00099", "meaning.guarantor"),
    ("621", "country", "142", "meaning.home_country"), ("621", "list.gcode", "7700000000", "identity.tariff_code"),
    ("621", "list.gcode", "ABCDEFGHIJ", "identity.tariff_code"), ("621", "preNo", "X", "identity.pre_number"),
    ("621", "invtNo", "29212026E000000001", "meaning.declaration_number"),
    ("621 bonded", "emsNo", None, "meaning.needed"), ("621 bonded", "list.itemRecordNo", None, "meaning.needed"),
    ("621 bonded", "billNo", "B", "meaning.not_used"), ("621 bonded", "country", "116", "meaning.fixed"),
    ("623", "copNo", None, "meaning.empty"), ("623", "appType", "2", "meaning.fixed"),
    ("623", "invtNo", E_NO, "meaning.declaration_number"), ("625", "copNo", "", "meaning.empty"),
    ("625", "list.gnum", "0", "meaning.line_repeated"), ("625", "list.qty", "0", "meaning.not_positive"),
    ("711", "copNo", None, "meaning.empty"), ("711", "ieFlag", "E", "meaning.fixed"),
    ("303", "orderType", "I", "meaning.code"), ("303", "list.currency", "300", "meaning.other_currency"),
    ("303", "goodsValue", "1", "meaning.goods_value"), ("303", "list.totalPrice", "1", "meaning.line_total"),
    ("303", "orderNo", "", "meaning.empty"), ("303", "ebcCode", "无", "identity.company_code"),
    ("303", "list.gnum", "7", "meaning.line_number"), ("303", "guid", " " * 36, "identity.guid"),
    ("403", "charge", "0", "meaning.not_positive"), ("505", "grossWeight", "0", "meaning.not_positive"),
    ("505", "packNo", "0", "meaning.not_positive"), ("603", "packNo", "0", "meaning.not_positive"),
    ("603", "country", "142", "meaning.home_country"), ("603", "ieFlag", "I", "meaning.code"),
    ("603", "ebcCode", "NO", "identity.company_code"), ("603", "netWeight", "9999", "meaning.weight"),
    ("603", "list.gcode", "123456789X", "identity.tariff_code"), ("603", "list.qty2", "1", "meaning.second_unit"),
    ("603", "invtNo", I_NO, "meaning.declaration_number"), ("603", "tradeMode", "0110", "meaning.code"),
    ("603 zone", "iacCode", "", "meaning.needed"), ("603 zone", "emsNo", None, "meaning.needed"),
    ("603 zone", "list.itemRecordNo", None, "meaning.needed"),
    ("603 B2B", "licenseNo", "L1", "meaning.licensed"),
    ("605", "invtNo", I_NO, "meaning.declaration_number"), ("605", "reason", "", "meaning.empty"),
    ("213", "tradeMode", None, "meaning.empty"), ("213", "tradeMode", "9610", "meaning.code"),
    ("213", "ieFlag", "E", "meaning.code"), ("213", "country", "142", "meaning.home_country"),
    ("213", "list.qty1", "0", "meaning.not_positive"), ("213", "list.qty2", "1", "meaning.second_unit"),
    ("213", "list.gcode", "9619", "identity.tariff_code"), ("213", "list.gnum", "0", "meaning.line_repeated"),
    ("215", "ieFlag", "E", "meaning.code"), ("507", "billNo", None, "meaning.needed_unless_mail"),
    ("507", "msgSeqNo", "3", "meaning.part"), ("509", "trafName", None, "meaning.needed_unless_mail"),
    ("509", "voyageNo", "", "meaning.needed_unless_mail"), ("509", "leaveTime", "20260231120000", "meaning.date"),
    ("607", "grossWeight", "0", "meaning.not_positive"), ("607", "list.invtNo", "X", "meaning.declaration_number"),
    ("607", "msgCount", "0", "meaning.not_positive"), ("701", "list.invtNo", "X", "meaning.declaration_number"),
    ("701", "summaryFlag", "9", "meaning.code"),
]  # fmt: skip


@pytest.fixture(scope="module")
def zone() -> Zone:
    return Zone("silence")


def told(zone: Zone, type_: str, document: Any) -> list[tuple[str, str]]:
    _, judged = zone.judged(type_, [document])
    return [(fault.code, fault.path) for fault in judged.documents[0].faults]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_right_document_is_told_nothing(zone: Zone, name: str) -> None:
    assert told(zone, *DOCUMENTS[name]) == []


def changed(document: Any, field: str, value: str | None) -> Any:
    if not field.startswith("list."):
        return msgspec.structs.replace(document, head=msgspec.structs.replace(document.head, **{field: value}))
    first = msgspec.structs.replace(document.list[0], **{field.removeprefix("list."): value})
    return msgspec.structs.replace(document, list=(first, *document.list[1:]))


@pytest.mark.parametrize(("name", "field", "value", "code"), WRONG)
def test_one_wrong_field_is_told_at_its_place(zone: Zone, name: str, field: str, value: str | None, code: str) -> None:
    type_, document = DOCUMENTS[name]
    found = told(zone, type_, changed(document, field, value))
    assert any(c == code and path.endswith("/" + field.removeprefix("list.")) for c, path in found), found


def test_lines_named_twice_are_told(zone: Zone) -> None:
    for name, code in (("625", "meaning.line_repeated"), ("213", "meaning.line_repeated"), ("701", "meaning.repeated"),
                       ("607", "meaning.repeated"), ("711", "meaning.repeated")):  # fmt: skip
        type_, document = DOCUMENTS[name]
        twice = msgspec.structs.replace(document, list=(document.list[0], document.list[0]))
        assert code in [c for c, _ in told(zone, type_, twice)], name


def test_a_period_has_a_beginning_and_an_end_in_this_order(zone: Zone) -> None:
    type_, document = DOCUMENTS["701"]
    for start, end, field in (
        ("20260601000000", None, "endTime"), (None, "20260601000000", "startTime"),
        ("20260602000000", "20260601000000", "endTime"), ("20260601000000", "20260602000000", ""),
    ):  # fmt: skip
        head = msgspec.structs.replace(document.head, startTime=start, endTime=end)
        found = told(zone, type_, msgspec.structs.replace(document, head=head))
        assert [path.rpartition("/")[2] for code, path in found if code == "meaning.period"] == ([field] if field else [])


def test_mail_needs_no_bill(zone: Zone) -> None:
    type_, document = DOCUMENTS["509"]
    head = msgspec.structs.replace(document.head, trafMode="6", billNo=None, trafName=None, voyageNo=None)
    assert told(zone, type_, msgspec.structs.replace(document, head=head)) == []


@pytest.mark.parametrize(("mode", "flag", "value", "code"), [
    ("9710", "B", "5000", ""), ("9710", "B", "5000.01", "meaning.full_entry"), ("9810", "A", "6000", "meaning.full_entry"),
    ("9610", "B", "6000", ""),
])  # fmt: skip
def test_a_list_of_b2b_exports_has_a_limit(zone: Zone, mode: str, flag: str, value: str, code: str) -> None:
    made = samples.export_set(1, at=AT, trade_mode=mode, statistics=flag).declaration
    line = msgspec.structs.replace(made.list[0], currency="142", qty="1", qty1=made.list[0].qty1, price=value, totalPrice=value)
    found = [c for c, _ in told(zone, "CEB603", msgspec.structs.replace(made, list=(line,)))]
    assert found == ([code] if code else [])


def test_simplified_declarations_carry_no_licence(zone: Zone) -> None:
    made = samples.export_set(1, at=AT, statistics="A").declaration
    head = msgspec.structs.replace(made.head, licenseNo="L1")
    assert [c for c, _ in told(zone, "CEB603", msgspec.structs.replace(made, head=head))] == ["meaning.licensed"]


def test_special_values_stand_where_the_text_allows_them(zone: Zone) -> None:
    made = samples.export_set(1, at=AT, foreign_platform=True)
    assert told(zone, "CEB303", made.order) == []
    owner = msgspec.structs.replace(made.declaration, head=msgspec.structs.replace(made.declaration.head, ownerCode="NO"))
    assert told(zone, "CEB603", owner) == []

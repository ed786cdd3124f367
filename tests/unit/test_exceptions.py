"""Customs' answers explained: every published code has its sentence, unknown ones have none."""

from __future__ import annotations

import re

import pytest

from hub.domain.exceptions import customs_code, explain, explain_transport
from hub.domain.lifecycle import CEB_CODES, CODES, NOTES
from schemas.codes import code_list

IMPORT = [
    *range(10101, 10103), *range(301001, 301016), *range(401001, 401014),
    504000, *range(504010, 504017), 505000, *range(505010, 505018),
    *range(621000, 621007), *range(621008, 621031), *range(623000, 623030),
    *range(625001, 625034), 625110, 625113, 625114, 625116, *range(625200, 625210), *range(800000, 800007),
    301020, 621049, 621999, 623999, 999999, 451,
]  # fmt: skip
RESULTS = "1200 1300 1301 1311 1313 1320 1322 1327 1332 13035 13127 130126 1800 2300 2600 22001 22007".split()  # noqa: SIM905
TRANSPORT = "0001 0002 0999 1001 1002 1003 1004 1999 2001 2002 2999 3001 3002 3003 3999".split()  # noqa: SIM905
#: Table 7-3: message, thousand of its four steps.
EXPORT = {
    "CEB303": (301, 302, 303, 304),
    "CEB403": (401, 402, 403, 404),
    "CEB505": (501, 502, 503, 504),
    "CEB509": (505, 506, 507, 508),
    "CEB603": (601, 602, 603, 604),
    "CEB605": (605, 606, 607, 608),
    "CEB701": (701, 702, 703, 704),
    "CEB507": (801, 802, 803, 804),
    "CEB607": (901, 902, 903, 904),
}


def remedy_of(message: str, status: str, info: str = "") -> str:
    """The advice's name: tests assert codes, not prose."""
    said = explain(message, status, info)
    assert said is not None
    return next(name for name, entry in code_list("advice").codes.items() if entry.en == said.remedy)


@pytest.mark.parametrize("number", IMPORT)
def test_every_published_code_of_the_import_side_is_explained(number: int) -> None:
    said = explain("CEB622", f"-{number}")
    assert said is not None
    assert said.code == f"-{number}"
    assert re.search("[\u4e00-\u9fff]", said.message_zh)
    assert said.message
    assert said.remedy
    assert said.remedy_zh


def test_no_other_code_of_the_import_side_is_made_up() -> None:
    assert {f"-{number}" for number in IMPORT} == set(code_list("importException").codes)


@pytest.mark.parametrize("number", RESULTS)
def test_every_result_code_is_explained(number: str) -> None:
    said = explain("CEB622", "100", f"[Code:{number};Desc:…]")
    assert said is not None
    assert said.code == number
    assert said.certainty == "third party"


@pytest.mark.parametrize("number", TRANSPORT)
def test_every_answer_of_the_exchange_platform_is_explained(number: str) -> None:
    said = explain_transport(number)
    assert said is not None
    assert said.certainty == "official"


def test_users_own_answers_are_not_explained() -> None:
    assert explain_transport("4000") is None
    assert explain_transport("") is None


@pytest.mark.parametrize(("message", "thousands"), EXPORT.items())
def test_the_ranges_of_the_export_side_tell_the_step(message: str, thousands: tuple[int, ...]) -> None:
    for thousand, step in zip(thousands, ("sign", "mend", "mend", "repeat"), strict=True):
        spans = [s for s in code_list("exportException").ranges if s.last == -thousand * 1000 - 1]
        assert [(s.message, s.first) for s in spans] == [(message, -(thousand + 1) * 1000)]
        assert remedy_of("CEB304", f"-{thousand}002") == step
        assert remedy_of("CEB304", f"-{thousand + 1}000") == step


def test_the_same_number_means_different_things_on_the_two_sides() -> None:
    assert remedy_of("CEB312", "-301001") == "mend"  # no goods lines
    assert remedy_of("CEB304", "-301001") == "sign"  # signature not accepted
    assert remedy_of("CEB311", "-301001") == "mend"  # named by the message it answers


def test_a_receipt_of_both_sides_explains_only_what_means_the_same_on_both() -> None:
    assert remedy_of("CEB900", "-999999") == "mend"
    assert remedy_of("CEB900", "-621004") == "exists"  # of one side only
    assert explain("CEB900", "-301001") is None


def test_company_errors_are_known_on_both_sides() -> None:
    for message in ("CEB622", "CEB604"):
        assert remedy_of(message, "-10102") == "register"
    assert remedy_of("CEB604", "-10150") == "register"
    assert explain("CEB622", "-10150") is None


@pytest.mark.parametrize("code", [code.code for code in CODES])
def test_every_state_of_the_life_cycle_is_explained(code: str) -> None:
    said = explain("CEB622", code)
    assert said is not None
    assert said.remedy_zh


@pytest.mark.parametrize("code", sorted({*NOTES["both"], *CEB_CODES.values()}))
def test_the_codes_the_hub_knows_by_meaning_are_explained_alike(code: str) -> None:
    side = "CEB304" if code == "-304001" else "CEB622"
    expected = {"exists", "stale"} if code in NOTES["both"] else {"exists", "stale", "mend", "state"}
    assert remedy_of(side, code) in expected


@pytest.mark.parametrize(
    ("status", "info", "advice"),
    [
        ("100", "[Code:1313;Desc:订购人购买超过年度限额]", "year_limit"),
        ("100", "[Code:1332;Desc:…][OrderHead.acturalPaid:1.00,PaymentHead.amountPaid2.00]", "compare"),
        ("100", "[Code:9999;Desc:…][Code:1301;Desc:…]", "repeat"),  # the first that is known
        ("100", "订单中的订购人姓名和身份证不匹配！", "buyer"),
        ("2", "清单新增申报成功[…]; 对应电商平台为[9901D00001]订单号为[1]支付信息不存在", "missing"),
        ("2", "新增申报成功[4CDE1CFD-0000-0000-0000-000000000000]", "wait"),
        ("-301008", "senderId与传输节点dxpId信息不一致", "mend"),
        ("-621001", "电商平台[9901D00001]未对接海关总署179号公告数据实时抓取业务", "register"),
        ("800", "[Code:2600;Desc:放行]", "done"),
        ("120", "", "stored"),
    ],
)
def test_the_text_of_a_receipt_tells_more_than_its_status(status: str, info: str, advice: str) -> None:
    assert remedy_of("CEB622", status, info) == advice


@pytest.mark.parametrize(
    ("message", "status", "info"),
    [
        ("CEB622", "400", ""),
        ("CEB622", "", ""),
        ("CEB622", "-", ""),
        ("CEB622", "-٣", ""),
        ("CEB622", "-" + "9" * 5000, ""),
        ("CEB604", "-" + "9" * 5000, ""),
        ("CEB622", "-302001", ""),  # of the export side only
        ("CEB604", "-999001", ""),
        ("CEB999", "-301001", ""),
        ("CEB622", "x", "[Code:1371;Desc:]"),
    ],
)
def test_what_nobody_published_stays_as_it_is(message: str, status: str, info: str) -> None:
    assert explain(message, status, info) is None


def test_a_gist_says_that_it_is_one() -> None:
    said = explain("CEB626", "-625016")
    assert said is not None
    assert said.certainty == "summary"


@pytest.mark.parametrize(
    ("message", "code", "said"),
    [
        ("CEB311", "-301008", "-301008"), ("CEB411", "-301008", "-401009"), ("CEB621", "-301008", "-621001"),
        ("CEB603", "-621001", "-603001"), ("CEB303", "-301002", "-303001"), ("CEB621", "-301002", "-621027"),
        ("CEB621", "-625009", "-625009"), ("CEB603", "-625009", "-603001"), ("CEB621", "1332", "1332"),
        ("CEB603", "1320", "1320"), ("CEB213", "-301008", ""),
    ],
)  # fmt: skip
def test_a_fault_has_the_code_customs_has_for_that_message(message: str, code: str, said: str) -> None:
    assert customs_code(message, code) == said

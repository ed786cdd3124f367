"""Code lists: their sources, who is near a wrong code, and the check of whole documents against them."""

from __future__ import annotations

import re
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.dialects import lists
from hub.domain.faults import fault
from schemas import made
from schemas.codes import code_list, codes_of, knows, names
from schemas.codes.nearest import iso_number, nearest
from schemas.codes.page import codes_page
from schemas.documents import STRUCTS
from schemas.model import EDITIONS, MessageType, message_types

LISTS = names()


@pytest.mark.parametrize("name", LISTS)
def test_a_list_names_its_source_and_both_languages(name: str) -> None:
    found = code_list(name)
    assert found.source
    assert found.en
    assert re.search("[\u4e00-\u9fff]", found.zh)
    assert all(code.en and code.zh for code in found.codes.values())
    assert not found.closed or found.certainty == "official"


def test_every_list_of_a_field_says_of_which_day_it_is() -> None:
    used = {field.codes for mt in message_types().values() for part in mt.parts for field in part.fields} - {""}
    assert [name for name in sorted({*used, "importException", "exportException"}) if code_list(name).as_of is None] == []
    assert f"read {code_list('country').as_of}" in codes_page()


@pytest.mark.parametrize("name", LISTS)
def test_what_to_do_next_is_published(name: str) -> None:
    found = code_list(name)
    advised = {code.advice for code in found.codes.values()} | {span.advice for span in found.ranges}
    assert advised - {""} <= set(code_list("advice").codes)


def test_every_advice_is_somebodys() -> None:
    given = {entry.advice for name in LISTS for entry in (*code_list(name).codes.values(), *code_list(name).ranges)}
    assert set(code_list("advice").codes) == given - {""}


@pytest.mark.parametrize("name", ["country", "currency"])
def test_iso_names_one_code_each_way(name: str) -> None:
    with_iso = {code: entry for code, entry in code_list(name).codes.items() if entry.iso}
    assert len(with_iso) > 20
    for code, entry in with_iso.items():
        assert re.fullmatch("[A-Z]{3}", entry.iso)
        assert re.fullmatch("[0-9]{3}", entry.number)
        assert code in [near.code for near in nearest(name, entry.iso)]
        # Where ISO's number is customs' number of something else it is a right code, and nobody can tell.
        assert code in [near.code for near in nearest(name, entry.number)] or entry.number in codes_of(name)


@pytest.mark.parametrize(
    ("name", "wrong", "right", "by"),
    [
        ("currency", "CNY", "142", "iso"),
        ("currency", "156", "142", "iso"),
        ("currency", "RMB", "142", "name"),
        ("currency", "840", "502", "iso"),
        ("currency", "36", "601", "iso"),  # 036 without its nought
        ("country", "JPN", "116", "iso"),
        ("country", "JP", "116", "iso"),
        ("country", "392", "116", "iso"),
        ("country", "USA", "502", "iso"),
        ("country", "usa", "502", "iso"),
        ("country", "日本", "116", "name"),
        ("country", "Japan", "116", "name"),
        ("country", "Jpan", "116", "slip"),
        ("country", "100", "316", "iso"),  # a continent's heading at customs, Bulgaria in ISO
        ("unit", "千克", "035", "name"),
        ("unit", "公斤", "035", "name"),
        ("unit", "kg", "035", "name"),
        ("unit", "KGM", "035", "name"),
        ("unit", "35", "035", "spelling"),
        ("unit", "０３５", "035", "spelling"),
        ("unit", " 035", "035", "spelling"),
        ("trafMode", "y", "Y", "spelling"),
        ("customs", "29288", "2928", "slip"),
    ],
)
def test_the_nearest_right_code_is_found(name: str, wrong: str, right: str, by: str) -> None:
    first = nearest(name, wrong)[0]
    assert (first.code, first.by) == (right, by)


def test_nothing_is_near_what_is_like_nothing() -> None:
    assert nearest("currency", "?") == ()
    assert nearest("country", "x" * 1000) == ()
    assert nearest("country", "SSD") == ()  # a younger state than the list


def test_a_number_that_is_right_at_customs_can_be_another_in_iso() -> None:
    found = iso_number("country", "116")
    assert found is not None
    assert (found.code, found.en) == ("107", "Cambodia")
    assert iso_number("country", "JPN") is None


@given(st.sampled_from(LISTS), st.text(max_size=90))
def test_nearest_codes_are_few_right_and_the_same_each_time(name: str, wrong: str) -> None:
    found = nearest(name, wrong)
    assert len(found) <= 3
    assert {near.code for near in found} <= set(code_list(name).codes)
    assert nearest.__wrapped__(name, wrong) == found


@pytest.mark.parametrize("name", ["country", "currency", "customs", "unit"])
def test_two_swapped_digits_lead_back_to_the_code(name: str) -> None:
    for right in code_list(name).codes:
        for place in range(len(right) - 1):
            wrong = right[:place] + right[place + 1] + right[place] + right[place + 2 :]
            found = nearest(name, wrong)
            assert knows(name, wrong) or right in [near.code for near in found] or found[0].by in ("iso", "spelling")


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("customs", "2928", True),
        ("customs", "2999", True),  # an office that is not here, of a region that is
        ("customs", "9700", False),
        ("customs", "29", False),
        ("returnStatus", "-621004", True),
        ("returnStatus", "-", False),
        ("itemNameFlag", "0", True),
        ("transportError", "4711", True),
        ("transportError", "0003", False),
        ("tradeMode", "0110", False),
    ],
)
def test_lists_let_through_what_they_say(name: str, value: str, right: bool) -> None:
    assert knows(name, value) is right


# ---- documents


def with_values(message: str, **values: str) -> msgspec.Struct:
    """A document whose head and one line have nothing but the values."""
    mt = message_types()[message]
    head = {f.name: values[f.name] for f in mt.head.fields if f.name in values}
    line = {f.name: values[f.name] for f in mt.list.fields if f.name in values} if mt.list else {}
    whole = {"head": head, "list": [line, line]} if mt.list else {"head": head}
    return msgspec.convert(whole, STRUCTS[mt.struct])


def found(message: str, **values: str) -> list[tuple[str, str]]:
    said = lists.check_document(message, EDITIONS[0], with_values(message, **values))
    for one in said:
        assert fault(one.code, **one.values).message
    return [(one.code, one.path) for one in said]


def test_a_document_within_its_lists_has_no_fault() -> None:
    assert (
        found("CEB621", appType="1", currency="142", country="116", unit="007", customsCode="2928", tradeMode="9610")
        == []
    )


def test_empty_and_absent_fields_are_not_looked_at() -> None:
    assert found("CEB621", trafMode="", unit2="") == []


def test_each_kind_of_list_has_its_fault_and_its_path() -> None:
    assert found("CEB621", appType="9") == [("meaning.code", "InventoryHead/appType")]
    assert found("CEB621", country="392")[0] == ("meaning.iso_code", "InventoryHead/country")
    assert found("CEB621", unit="0077") == [
        ("meaning.unlisted", "InventoryList[1]/unit"),
        ("meaning.unlisted", "InventoryList[2]/unit"),
    ]


def test_flat_documents_have_no_part_in_the_path() -> None:
    assert found("CEB622", returnStatus="released") == [("meaning.unlisted", "returnStatus")]
    assert found("CEB622", returnStatus="-621004") == []


def test_a_sentence_names_the_nearest_code_in_both_languages() -> None:
    one = lists.check_document("CEB621", EDITIONS[0], with_values("CEB621", country="JPN"))[0]
    said = fault(one.code, **one.values)
    assert "116" in said.message
    assert "116" in said.message_zh
    assert "日本" in said.message


@pytest.mark.parametrize(("name", "wrong"), [("trafMode", "Q"), ("wrapType", "9Z")])
def test_a_short_list_is_told_whole_where_nothing_is_near(name: str, wrong: str) -> None:
    one = lists.check_document("CEB621", EDITIONS[0], with_values("CEB621", **{name: wrong}))[0]
    assert one.code == "meaning.unlisted"
    said = fault(one.code, **one.values)
    for code, entry in code_list(name).codes.items():
        assert f"{code} ({entry.zh}" in said.message_zh
    unit = lists.check_document("CEB621", EDITIONS[0], with_values("CEB621", unit="???"))[0]
    assert unit.values["nearest"] == "-"  # a long list is not


def test_a_part_is_checked_alone_too() -> None:
    part = message_types()["CEB303"].head
    struct = STRUCTS[part.struct](orderType="X")  # type: ignore[call-arg]
    said = lists.check(lists.Coded(part.fields), struct, "OrderHead")
    assert [(one.code, one.path) for one in said] == [("meaning.code", "OrderHead/orderType")]


@pytest.mark.parametrize(
    ("mt", "edition"), [(mt, edition) for mt in message_types().values() for edition in mt.editions]
)
def test_made_up_messages_of_any_type_keep_to_their_lists(mt: MessageType, edition: str) -> None:
    for seed in range(5):
        assert lists.check_document(mt.type, edition, made.document(mt, Random(seed), edition)) == []


def test_every_field_with_a_list_is_checked_in_every_message() -> None:
    for mt in message_types().values():
        document = made.document(mt, Random(1))
        for part, struct in zip(mt.parts, (document.head, *getattr(document, "list", ())[:1]), strict=False):
            for field in part.fields:
                if field.codes and field.codes != "itemNameFlag":
                    wrong = msgspec.structs.replace(struct, **{field.name: "\u7121"})
                    said = lists.check(lists.Coded(part.fields), wrong, part.element)
                    assert [one.path for one in said] == [f"{part.element}/{field.name}"]


def test_the_page_of_lists_shows_every_code() -> None:
    page = codes_page()
    for name in LISTS:
        assert f"\n## {name}\n" in page
        assert all(f"| `{code}` |" in page for code in code_list(name).codes)

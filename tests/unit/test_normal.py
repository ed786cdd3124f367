"""Names and addresses that are the same however they are written, and those that are not."""

from __future__ import annotations

import pytest

from hub.domain.normal import _places, alike_address, alike_name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("浙江省杭州市西湖区文一路1号", "浙江杭州西湖区文一路1号"),
        ("浙江省 杭州市 西湖区，文一路１号（东）", "浙江杭州市西湖区文一路1号东"),
        ("中国浙江省杭州市文一路1号", "浙江省杭州文一路1号"),
        ("新疆维吾尔自治区乌鲁木齐市友好路1号", "新疆乌鲁木齐友好路1号"),
        ("新疆伊犁哈萨克自治州伊宁市", "新疆维吾尔自治区伊犁伊宁市"),
        ("内蒙古自治区锡林郭勒盟某路", "内蒙古锡林郭勒某路"),
        ("香港特别行政区中西区某道1号", "香港中西区某道1号"),
        ("北京市北京市朝阳区某路1号", "北京市朝阳区某路1号"),
        ("北京北京市朝阳区某路1号", "北京朝阳区某路1号"),
        ("吉林省吉林市丰满区", "吉林吉林丰满区"),
        ("吉林市丰满区", "吉林丰满区"),
        ("杭州市西湖区文一路1号", "杭州西湖区文一路1号"),
        ("文一路3-201室", "文一路3 － 201室"),
        ("Some Rd. 5, Room 7b", "SOME RD 5 ROOM 7B"),
    ],
)
def test_one_address_written_twice_is_alike(one: str, other: str) -> None:
    assert alike_address(one) == alike_address(other) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("浙江省杭州市文一路1号", "江苏省杭州市文一路1号"),
        ("浙江省杭州市文一路1号", "浙江省杭州市文一路11号"),
        ("浙江省朝阳市某路", "浙江省朝阳区某路"),
        ("文一路3-201室", "文一路3201室"),
        ("海南省海口市某路", "青海省海南藏族自治州某路"),
    ],
)
def test_two_addresses_are_not_alike(one: str, other: str) -> None:
    assert alike_address(one) != alike_address(other)


def test_names_are_alike_without_punctuation_width_and_case() -> None:
    assert alike_name("买买提·吐尔逊") == alike_name("买买提•吐尔逊") == alike_name("买买提 吐尔逊")
    assert alike_name("O’Neill, Ann") == alike_name("ＯＮＥＩＬＬ ann") == "ONEILLANN"
    assert alike_name("张三") != alike_name("张三丰")
    assert alike_name(None) == alike_address(None) == alike_address("") == ""


def test_every_place_keeps_something_of_its_name() -> None:
    places = _places()
    assert len(places.provinces) == 34
    names = [entry for table in (places.by_province, places.by_city) for entries in table.values() for entry in entries]
    for full, short in names:
        assert full.startswith(short), full
        assert 2 <= len(short) < len(full), full

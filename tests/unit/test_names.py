"""Names of firms resemble each other across scripts and spellings; strangers do not."""

from __future__ import annotations

import pytest

from hub.domain.names import parts, plain, resembling


@pytest.mark.parametrize(
    ("name", "listed"),
    [
        ("示范贸易有限公司", "Shi Fan Mao Yi Co., Ltd."),
        ("SHIFAN TRADING COMPANY LIMITED", "Shifan Trading Ltd"),
        ("Trading Shifan", "Shifan Trading"),
        ("Shifann Trading", "Shifan Trading"),
        ("示范贸易（杭州）有限公司", "示范贸易股份有限公司"),
        ("深圳市宏达贸易有限公司", "Shenzhen Hongda Trading Co., Ltd"),
        ("深圳市宏达贸易有限公司", "HONG DA TRADING (SHENZHEN) LIMITED"),
        ("深圳市宏达贸易有限公司", "Shenzhen Hongda Import & Export Trading Co., Ltd."),
        ("深圳市宏达贸易有限公司", "Shenzhenhongdamaoyi Youxian Gongsi"),
        ("深圳市宏達貿易有限公司", "Shenzhen Hongda"),
        ("广东省深圳市宏达科技股份有限公司", "Shenzhen Hongda Technology Corp"),
        ("重庆宏达进出口有限公司", "Chongqing Hongda Imp. & Exp. Co., Ltd."),
        ("上海市宏达供应链管理有限公司", "Shanghai Hongda Supply Chain Management Co"),
        ("上海国际贸易有限公司", "Shanghai International Trade Corporation"),
    ],
)
def test_what_resembles(name: str, listed: str) -> None:
    (found,) = resembling([name], [listed, "something else"], 85)
    assert (found.name, found.listed) == (name, listed)
    assert found.percent >= 85


@pytest.mark.parametrize(
    ("name", "listed"),
    [
        ("示范贸易有限公司", "样板物流有限公司"), ("Alpha Company Limited", "Omega Company Limited"), ("", "x"), ("x", ""),
        ("广州宏达贸易有限公司", "Shenzhen Hongda Trading Co., Ltd"), ("杭州宏达贸易有限公司", "广州宏达贸易有限公司"),
        ("深圳市宏大科技有限公司", "Shenzhen Hongda Trading Co., Ltd"), ("深圳市宏远贸易有限公司", "Shenzhen Hongda Trading Co., Ltd"),
        ("深圳贸易有限公司", "Shenzhen Hongda Trading Co., Ltd"),
    ],
)
def test_what_does_not(name: str, listed: str) -> None:
    assert list(resembling([name], [listed], 85)) == []


def test_a_name_of_nothing_but_forms_keeps_them() -> None:
    assert plain("Holding Group Ltd") == "holding group ltd"


def test_what_differs_beside_the_own_word_costs_so_much() -> None:
    """The same word elsewhere is less alike than the same word in another trade; one that says neither is nearly alike."""
    asked = "深圳市宏达贸易有限公司"
    others = ("Shenzhen Hongda Trading", "Shenzhen Hongda Technology", "Guangzhou Hongda Trading", "Shenzhen Hongda", "Hongda")
    assert [like.percent for other in others for like in resembling([asked], [other], 50)] == [100, 80, 70, 95, 87]


def test_of_several_listed_names_with_one_word_the_likest_is_named() -> None:
    (found,) = resembling(["深圳宏达贸易"], ["Guangzhou Hongda Trading", "Shenzhen Hongda Trading", "Hongda"], 60)
    assert (found.listed, found.percent) == ("Shenzhen Hongda Trading", 100)


@pytest.mark.parametrize(
    ("name", "own"),
    [("向阳贸易", "xiangyang"), ("Xiangyang Trading", "xiangyang"), ("家乐超市有限公司", "jialechaoshi"), ("Hainan Trading", "hainan trading")],
)
def test_a_word_that_begins_like_a_place_is_whole_and_a_name_is_never_empty(name: str, own: str) -> None:
    assert parts(name).own == own

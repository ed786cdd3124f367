"""Names of firms resemble each other across scripts and spellings; strangers do not."""

from __future__ import annotations

import pytest

from hub.domain.names import plain, resembling


@pytest.mark.parametrize(
    ("name", "listed"),
    [
        ("示范贸易有限公司", "Shi Fan Mao Yi Co., Ltd."),
        ("SHIFAN TRADING COMPANY LIMITED", "Shifan Trading Ltd"),
        ("Trading Shifan", "Shifan Trading"),
        ("Shifann Trading", "Shifan Trading"),
        ("示范贸易（杭州）有限公司", "示范贸易股份有限公司"),
    ],
)
def test_what_resembles(name: str, listed: str) -> None:
    (found,) = resembling([name], [listed, "something else"], 85)
    assert (found.name, found.listed) == (name, listed)
    assert found.percent >= 85


@pytest.mark.parametrize(
    ("name", "listed"),
    [("示范贸易有限公司", "样板物流有限公司"), ("Alpha Company Limited", "Omega Company Limited"), ("", "x"), ("x", "")],
)
def test_what_does_not(name: str, listed: str) -> None:
    assert list(resembling([name], [listed], 85)) == []


def test_a_name_of_nothing_but_forms_keeps_them() -> None:
    assert plain("Holding Group Ltd") == "holding group ltd"

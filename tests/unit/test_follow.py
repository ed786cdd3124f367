"""Cursors callers give back: no longer than the topic has partitions."""

from __future__ import annotations

from typing import Any

import pytest

from hub.domain.cursor import Cursor
from tests.support.reading import FixedClock
from tests.support.site import parts_of, served


class Model:
    """A read model without receipts."""

    async def answers(self, *_: Any) -> list[Any]:
        return []

    async def applied(self) -> dict[tuple[str, int], int]:
        return {}


@pytest.mark.parametrize("path", ["/v1/receipts", "/v1/receipts/stream"])
async def test_a_cursor_of_more_partitions_than_there_are_is_refused(path: str) -> None:
    parts = parts_of(Model(), FixedClock())
    headers = {"Authorization": "Bearer key-agent"}
    async with served(parts) as session:
        for more, status in ((0, 200), (1, 400), (4000, 400)):
            after = Cursor("answers", (0,) * (parts.partitions + more)).text()
            async with session.get(path, params={"after": after}, headers=headers) as answer:
                assert answer.status == status
                if status == 400:
                    assert (await answer.json())["faults"][0]["code"] == "transport.bad_query"

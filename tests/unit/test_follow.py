"""Cursors callers give back: no longer than the topic has partitions, no further on than the log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from hub.domain.cursor import Cursor
from hub.topics import ANSWERS, partition_of
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


class Log:
    """A log that ends at 7 in every partition; ``asked`` how often."""

    asked = 0

    async def read(self, *_: Any) -> None:
        return None

    async def ends(self, names: Iterable[str]) -> dict[tuple[str, int], int]:
        self.asked += 1
        return {(name, number): 7 for name in names for number in range(64)}


class Behind(Model):
    """A read model that has got to 5 of each partition."""

    async def applied(self) -> dict[tuple[str, int], int]:
        return {(ANSWERS, number): 5 for number in range(64)}


@pytest.mark.parametrize("path", ["/v1/receipts", "/v1/receipts/stream"])
async def test_a_cursor_of_receipts_further_on_than_the_log_is_refused_and_one_the_read_model_has_not_come_to_is_not(path: str) -> None:
    log = Log()
    parts = replace(parts_of(Behind(), FixedClock()), records=log)
    mine = partition_of(b"agent", parts.partitions)
    async with served(parts) as session:
        for at, status in ((5, 200), (6, 200), (7, 200), (8, 400), (10**15, 400)):
            after = Cursor(ANSWERS, (0,) * mine + (at,)).text()
            async with session.get(path, params={"after": after}, headers={"Authorization": "Bearer key-agent"}) as answer:
                assert answer.status == status, at
                assert (log.asked > 0) == (at > 5), "the log is asked only where the read model may be behind"
                if status == 400:
                    assert (await answer.json())["faults"][0]["code"] == "transport.cursor_ahead"

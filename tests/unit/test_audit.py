"""Acts: bounded, said before they take effect, and not done where they cannot be recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import topics
from hub.domain import audit
from hub.domain.audit import Act, bounded
from hub.domain.events import Decided
from hub.domain.faults import Unavailable
from hub.domain.reference import Reference, ReferenceRecord
from hub.infra.audit import recorder
from hub.ports import Row
from tests.support.reading import FixedClock
from tests.support.site import amending, parts_of, served
from tests.unit.test_web_orders import NOW, ORDER, Hub, Model, held


class Log:
    """What was sent."""

    def __init__(self) -> None:
        self.rows: list[tuple[tuple[str, int], Row]] = []

    async def send(self, rows: Mapping[tuple[str, int], Sequence[Row]]) -> dict[tuple[str, int], list[int]]:
        self.rows += [(place, row) for place, some in rows.items() for row in some]
        return {place: list(range(len(some))) for place, some in rows.items()}


async def test_an_act_is_a_cloud_event_in_the_one_order_of_acts() -> None:
    log = Log()
    await recorder(log)(Act("acme", "declarant", audit.PERSONAL_READ, NOW, subject="s1", purpose="complaint 7"))
    [(place, (key, value, headers))] = log.rows
    assert place == (topics.EVIDENCE, 0)
    assert key == b"acts"
    act = msgspec.json.decode(value or b"", type=Act)
    assert (act.by, act.what, act.purpose) == ("acme", "personal.read", "complaint 7")
    said = dict(headers)
    assert (said["ce_type"], said["ce_id"], said["ce_subject"]) == (b"hub.act.recorded.v1", act.id.encode(), b"s1")
    assert len(act.id) == 32


@given(st.text(max_size=2000), st.dictionaries(st.text(max_size=600), st.text(max_size=2000), max_size=4))
def test_no_text_of_an_act_is_longer_than_its_bound(text: str, detail: dict[str, str]) -> None:
    act = bounded(Act("a", "operator", audit.KEY_ERASED, 0, subject=text, purpose=text, detail=detail), "id")
    longest = max(map(len, (act.subject, act.purpose, *act.detail, *act.detail.values())))
    assert longest <= audit.MOST_TEXT
    assert msgspec.json.decode(msgspec.json.encode(act), type=Act) == act


def test_every_word_for_an_act_is_one_of_a_kind() -> None:
    words = [value for name, value in vars(audit).items() if name.isupper() and isinstance(value, str) and name != "TYPE"]
    assert len(set(words)) == len(words)
    assert all(word.count(".") == 1 for word in words)


async def test_orders_and_decisions_are_recorded_with_who_did_them_before_they_take_effect() -> None:
    data, read = Reference(), Model()
    done: list[str] = []

    async def record(act: Act) -> None:
        done.append(f"{act.what} {act.subject} by {act.by} as {act.role}")

    async def amend(change: Callable[[Reference], Sequence[ReferenceRecord]]) -> Sequence[ReferenceRecord]:
        done.append("published")
        return await amending(data)(change)

    async def decide(submission: str, decided: Decided) -> None:
        done.append("decided")
        await read.decide(submission, decided)

    parts = parts_of(read, FixedClock(NOW), reference=data, amend_reference=amend, decide=decide, audit=record)
    async with served(parts) as session:
        hub = Hub(session, data, read)
        await hub.post("/v1/orders", "customs", ORDER)
        await hub.post("/v1/orders/customs~2026-7/revoke", "customs", {"reason": "done"})
        read.holds_by["s1"] = held("customs")
        await hub.post("/v1/held/s1/decision", "customs", {"decision": "release"})
    assert done == [
        "order.recorded customs~2026-7 by customs as customs", "published",
        "order.revoked customs~2026-7 by customs as customs", "published",
        "held.released s1 by customs as customs", "decided",
    ]  # fmt: skip


@pytest.mark.parametrize("path", ["/v1/orders", "/v1/held/s1/decision"])
async def test_what_cannot_be_recorded_is_not_done(path: str) -> None:
    data, read = Reference(), Model()
    read.holds_by["s1"] = held("customs")

    async def away(_: Act) -> None:
        raise Unavailable("Kafka")

    parts = parts_of(
        read, FixedClock(NOW), reference=data, amend_reference=amending(data), decide=read.decide, audit=away
    )
    async with served(parts) as session:
        hub = Hub(session, data, read)
        body = ORDER if path == "/v1/orders" else {"decision": "release"}
        await hub.post(path, "customs", body, status=503)
    assert list(data.ids("order")) == []
    assert read.decided == []

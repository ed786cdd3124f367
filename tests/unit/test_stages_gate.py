"""The gate: messages with declarations that orders of authorities hold, whole, in their bytes, once, in any order."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from hub import codec, topics
from hub.domain.events import REFUSE, RELEASE, Decided, Hold, Tick
from hub.domain.kinds import IMPORT_KINDS
from hub.domain.reading import need
from hub.domain.reference import Reference, ReferenceRecord, checked
from schemas import samples
from streams.limits import FRAME, WIDE, largest
from tests.support.documents import four, key_of, submission, with_head
from tests.support.stage_harness import World, timeline
from tests.support.zone import Zone

GATE, HOUR = topics.inbox("gate"), 3_600_000
FOUR = ("CEB311", "CEB411", "CEB511", "CEB621")


def ordered(data: Reference, id: str = "2900~1", version: int = 1, **value: Any) -> None:
    """Publish an order of customs to hold."""
    said = {"authority": "customs", "what": "hold", "reason": "planned control", **value}
    [record] = checked([ReferenceRecord("order", id, version, "2026-01-01", value=said)])
    data.put(record, data.reached + 1)


def world_with(*orders: dict[str, Any]) -> World:
    """A world in which the orders are known."""
    world = World()
    for n, order in enumerate(orders):
        ordered(world.references, **{"id": f"2900~{n}", **order})
    world.tick(0)
    return world


def send(world: World, sale: dict[str, Any], *kinds: str) -> list[str]:
    """Hand in documents of a sale, a message each; the submissions' ids."""
    made = [submission(sale[kind], at=world.now.at) for kind in kinds]
    for one in made:
        world.submit(one)
    world.run()
    return [one.id for one in made]


def gone(world: World) -> list[str]:
    """The submissions that went to customs, in order."""
    return [item.submission for item in world.hand_overs()]


def holds(world: World) -> dict[str, Hold]:
    """The newest word about each held submission."""
    found: dict[str, Hold] = {}
    for _, value, _ in world.published.get(topics.HOLDS, ()):
        hold = codec.hold(value)
        if hold.submission not in found or found[hold.submission].revision < hold.revision:
            found[hold.submission] = hold
    return found


def decide(world: World, id: str, decision: str, authority: str = "customs", reason: str = "looked at") -> None:
    """An officer decides."""
    event = Decided(authority, decision, f"officer of {authority}", reason, world.now.at)
    world.queue(GATE, id.encode(), codec.pack(event))
    world.run()


def state(world: World, sale: dict[str, Any]) -> str:
    """What a declarant sees of the declaration."""
    return world.status(key_of(sale["declaration"])).state


def test_without_an_order_messages_go_as_they_come_and_the_gate_hears_nothing() -> None:
    world = World()
    ids = send(world, four("A"), *IMPORT_KINDS)
    assert gone(world) == ids
    assert world.states["gate"] == {}


def test_an_order_about_others_delays_nobody() -> None:
    world = world_with({"office": "1111"}, {"enterprise": "9901D00099"}, {"what": "select", "rate": 100})
    ids = send(world, four("A"), *IMPORT_KINDS)
    assert gone(world) == ids
    assert world.states["gate"] == {}


def test_a_message_an_order_holds_waits_whole_for_the_officer_and_later_ones_pass() -> None:
    world = world_with({})
    sale, other = four("A"), four("B")
    *before, held = send(world, sale, "order", "payment", "waybill", "declaration")
    later = send(world, other, "order")
    assert gone(world) == [*before, *later]
    assert state(world, sale) == "held"
    assert holds(world)[held].state == "held"
    [bytes_] = world.states["gate"][held.encode()][0].hand_overs
    decide(world, held, RELEASE)
    assert gone(world) == [*before, *later, held]
    assert codec.pack(world.hand_overs()[-1]) == bytes_
    assert world.hand_overs()[-1].sealed == b"sealed bytes"
    assert state(world, sale) == "assessed"
    world.deliver()
    assert state(world, sale) == "handed over"


def test_what_the_assessment_clears_goes_at_once() -> None:
    world = world_with({"rule": "T05"})
    sale = four("A")
    send(world, sale, "order", "payment", "waybill")
    [held] = send(world, sale, "declaration")
    assert holds(world)[held].orders[0].ended == "clear"
    assert gone(world)[-1] == held
    assert "hand-over passed on" in timeline(world.status(key_of(sale["declaration"])))


def test_until_it_is_assessed_an_order_holds_it() -> None:
    world = world_with({"rule": "T05"})
    sale = four("A")
    [held] = send(world, sale, "declaration")
    assert gone(world) == []
    send(world, sale, "order", "payment", "waybill")
    assert held in gone(world)


def test_a_graver_level_is_held_after_its_assessment() -> None:
    world = world_with({"rule": "T05"})
    sale = four("A", price="9000")
    send(world, sale, "order", "payment", "waybill")
    [held] = send(world, sale, "declaration")
    assert held not in gone(world)
    assert holds(world)[held].orders[0].certain
    assert world.assessments()[-1].held == ("2900~0",)


def test_refused_it_never_goes_and_its_sender_learns_by_whom_and_the_reason() -> None:
    world = world_with({})
    sale = four("A")
    [held] = send(world, sale, "declaration")
    decide(world, held, REFUSE, reason="goods are prohibited")
    decide(world, held, RELEASE)
    world.tick(40 * 24 * HOUR)
    assert gone(world) == []
    last = world.status(key_of(sale["declaration"]))
    assert any(e.what == "hand-over refused" and "goods are prohibited" in e.detail for e in last.timeline)


def test_a_refused_declaration_frees_the_allowance_is_to_be_done_and_may_come_again() -> None:
    world = world_with({})
    sale = four("A")
    send(world, sale, "order", "payment", "waybill")
    [held] = send(world, sale, "declaration")
    buyer = world.assessments()[-1].buyer
    assert world.buyer(buyer).used(2026) > 0
    decide(world, held, REFUSE, reason="prohibited")
    assert world.buyer(buyer).used(2026) == 0
    status = world.status(key_of(sale["declaration"]))
    assert (status.state, status.turn, need(status)) == ("not handed over", "sender", "not handed over")
    again = submission(with_head(sale["declaration"], appTime="20260601130000", note="mended", guid="g2"), at=world.now.at)
    world.submit(again)
    world.run()
    assert world.status(key_of(sale["declaration"])).attempt == 2
    assert world.buyer(buyer).used(2026) > 0


def test_the_limit_is_over_exactly_after_the_hours_of_the_order() -> None:
    world = world_with({"limit": 2})
    [held] = send(world, four("A"), "declaration")
    world.tick(2 * HOUR - 1)
    assert gone(world) == []
    world.tick(1)
    assert gone(world) == [held]
    assert holds(world)[held].orders[0].ended == "limit"


def test_a_revoked_order_lets_go_of_what_it_held() -> None:
    world = world_with({})
    [held] = send(world, four("A"), "declaration")
    ordered(world.references, "2900~0", 2, revoked=True)
    world.tick(5 * 60_000)
    assert gone(world) == [held]
    assert holds(world)[held].orders[0].ended == "revoked"


def test_an_order_that_is_changed_still_holds_what_it_held() -> None:
    world = world_with({})
    [held] = send(world, four("A"), "declaration")
    ordered(world.references, "2900~0", 2, office="1111")
    world.tick(6 * 60_000)
    assert gone(world) == []
    decide(world, held, RELEASE)
    assert gone(world) == [held]


def test_each_authority_whose_order_holds_it_has_to_release_it() -> None:
    world = world_with({}, {"authority": "market"})
    [held] = send(world, four("A"), "declaration")
    decide(world, held, RELEASE, "tax")  # nothing of theirs
    decide(world, held, RELEASE)
    assert gone(world) == []
    decide(world, held, RELEASE, "market")
    assert gone(world) == [held]
    assert [d.authority for d in holds(world)[held].decisions] == ["customs", "market"]


def test_the_enterprise_is_not_told_why_it_was_held() -> None:
    world = world_with({"rule": "T05", "reason": "secret suspicion"})
    sale = four("A", price="9000")
    send(world, sale, *IMPORT_KINDS)
    said = msgspec.json.encode(world.status(key_of(sale["declaration"]))).decode()
    assert "by order of customs" in said
    assert "secret suspicion" not in said
    assert "2900~0" not in said


def test_what_came_again_changes_nothing() -> None:
    world = world_with({"rule": "T05"}, {"authority": "market"})
    seen: list[tuple[bytes, bytes]] = []
    handle = world.handle

    def kept(stage: str, key: bytes, value: bytes) -> None:
        if stage == "gate":
            seen.append((key, value))
        handle(stage, key, value)

    world.handle = kept  # type: ignore[method-assign]
    [held] = send(world, four("A"), "declaration")
    for decision in ((RELEASE, "customs"), (RELEASE, "market")):
        decide(world, held, *decision)
        for key, value in seen:
            handle("gate", key, value)
    assert gone(world) == [held]


def test_an_assessment_may_come_before_its_message() -> None:
    """A tick of gate may be older than the order that holds: it must not take it for revoked."""
    for clear in (True, False):
        world = world_with({"rule": "T05"})
        events: list[tuple[bytes, bytes]] = []
        handle = world.handle
        world.handle = lambda stage, key, value, e=events, h=handle: (  # type: ignore[method-assign, misc]
            e.append((key, value)) if stage == "gate" else h(stage, key, value)
        )
        sale = four("A", price="100" if clear else "9000")
        send(world, sale, "order", "payment", "waybill")
        [held] = send(world, sale, "declaration")
        assert len(events) == 2
        world.now = Tick(world.now.at, -1, "test")
        for key, value in reversed(events):
            handle("gate", key, value)
        assert (held in gone(world)) is clear
        assert (held in holds(world)) is not clear, "what never waited leaves no record"


def test_what_is_said_of_messages_that_went_is_forgotten() -> None:
    world = World()
    sale = four("A")
    send(world, sale, "declaration")
    ordered(world.references)
    world.tick(1000)
    send(world, sale, "order", "payment", "waybill")
    assert len(world.states["gate"]) == 1
    world.tick(9 * 24 * HOUR)
    assert world.states["gate"] == {}


def test_a_message_goes_to_customs_as_the_bytes_the_sender_signed() -> None:
    zone = Zone()
    ordered(zone.world.references, limit=1)
    zone.tick(1000)
    made = samples.declaration_set(1, at=zone.now)
    keys = [zone.send(type_, document)[0] for type_, document in zip(FOUR, made, strict=True)]
    zone.settle()
    assert zone.status(keys[3]).state == "held"
    zone.tick(HOUR)
    zone.settle()
    assert zone.status(keys[3]).state == "closed"


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.sampled_from(IMPORT_KINDS), st.integers(0, 1)),
        st.tuples(st.just("decide"), st.sampled_from([RELEASE, REFUSE]), st.sampled_from(["customs", "market", "tax"]), st.integers(0, 1)),
        st.tuples(st.just("revoke"), st.integers(0, 1)),
        st.tuples(st.just("again"), st.integers(0, 30)),
        st.tuples(st.just("tick"), st.sampled_from([1000, HOUR, 5 * HOUR])),
    ),
    max_size=14,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(EVENTS, st.data())
def test_whatever_happens_a_message_goes_once_and_whole_or_was_refused(events: list[tuple[Any, ...]], data: st.DataObject) -> None:
    world = world_with({"rule": "T05", "limit": 3}, {"authority": "market", "limit": 6})
    seen: list[tuple[bytes, bytes]] = []
    handle = world.handle

    def kept(stage: str, key: bytes, value: bytes) -> None:
        if stage == "gate":
            seen.append((key, value))
        handle(stage, key, value)

    world.handle = kept  # type: ignore[method-assign]
    sales, sent, began = [four("A"), four("B", price="9000")], {}, {}
    for event in events:
        name, *rest = event
        if name == "send":
            one = submission(sales[rest[1]][rest[0]], at=world.now.at)
            if rest[:2] not in sent.values():
                sent[one.id], began[one.id] = rest[:2], world.now.at
                world.submit(one)
        elif name == "decide":
            id_ = next((i for i, what in sent.items() if what == ["declaration", rest[2]]), None)
            if id_ is not None:
                world.queue(GATE, id_.encode(), codec.pack(Decided(rest[1], rest[0], "x", "y", world.now.at)))
        elif name == "revoke":
            ordered(world.references, f"2900~{rest[0]}", 2, authority=("customs", "market")[rest[0]], revoked=True)
        elif name == "again" and seen:
            world.queue(GATE, *seen[rest[0] % len(seen)])
        elif name == "tick":
            world.tick(rest[0])
        for _ in range(data.draw(st.integers(0, 6))):
            world.step(lambda count: data.draw(st.integers(0, count - 1)))
    world.run()
    world.tick(7 * HOUR)
    world.tick(7 * HOUR)
    refused = {id_ for id_, hold in holds(world).items() if hold.state == "refused"}
    assert sorted([*gone(world), *refused]) == sorted(sent), "each once: gone or refused"
    assert not refused & set(gone(world))
    assert all(item.sealed == b"sealed bytes" for item in world.hand_overs())


def test_a_held_message_fits_the_bounds_of_its_topics() -> None:
    assert WIDE.entry < WIDE.changelog <= topics.changelog_batch("gate") - FRAME
    assert largest(GATE) > WIDE.entry

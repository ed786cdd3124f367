"""Laws of the stages under any interleaving: I3, I4, I5, one assessment for each set of versions, no state off the table."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hub import codec, topics
from hub.domain import lifecycle
from hub.domain.events import Matched, Tick
from hub.domain.keys import china_year
from hub.domain.kinds import DECLARATION, IMPORT_KINDS, ORDER, PAYMENT, WAYBILL
from hub.domain.money import amount
from hub.domain.reference import Reference, ReferenceRecord
from hub.rules.engine import ruleset
from streams.stages.assess import assess
from tests.support.documents import four, identity, key_of, receipt_for, submission, with_head
from tests.support.stage_harness import World, digest

CODES = ["1", "2", "3", "4", "100", "120", "300", "399", "500", "700", "800", "899", "-621001", "-621004", "430"]
HOUR = 3_600_000

#: What may happen to one of two sales of one buyer.
ACTIONS = st.one_of(
    st.tuples(st.just("send"), st.integers(0, 1), st.sampled_from(IMPORT_KINDS)),
    st.tuples(st.just("send"), st.integers(0, 1), st.sampled_from(IMPORT_KINDS)),
    st.tuples(st.just("change"), st.integers(0, 1), st.sampled_from(IMPORT_KINDS)),
    st.tuples(st.just("again"), st.integers(0, 1), st.sampled_from(IMPORT_KINDS)),
    st.tuples(st.just("delete"), st.integers(0, 1), st.sampled_from(IMPORT_KINDS)),
    st.tuples(st.just("draft"), st.integers(0, 1), st.sampled_from(IMPORT_KINDS)),
    st.tuples(st.just("receipt"), st.integers(0, 1), st.sampled_from(IMPORT_KINDS), st.sampled_from(CODES), st.integers(0, 2)),
    st.tuples(st.just("receipt"), st.integers(0, 1), st.just(DECLARATION), st.sampled_from(CODES), st.integers(0, 2)),
    st.tuples(st.just("deliver"), st.sampled_from(["delivered", "refused", "parked"])),
    st.tuples(st.just("tick"), st.sampled_from([1000, 3000, HOUR, 3 * HOUR, 25 * HOUR])),
    st.tuples(st.just("steps"), st.integers(1, 8)),
)


def act(world: World, sales: list[dict[str, Any]], action: tuple[Any, ...], n: int, data: st.DataObject) -> None:
    """One action; whatever is in the queues may be handled at any time and in any order between keys."""
    name, *rest = action
    if name in ("send", "change", "again", "delete", "draft"):
        document = sales[rest[0]][rest[1]]
        fields = {"appTime": f"2026060112{n // 60:02d}{n % 60:02d}", "guid": f"g{n}"}
        changed = {
            "send": {},
            "change": fields | {"appType": "2", "note": str(n)},
            "again": fields,
            "delete": fields | {"appType": "3"},
            "draft": fields | {"appStatus": "1"},
        }[name]
        world.submit(submission(with_head(document, **changed), at=world.now.at))
    elif name == "receipt":
        world.submit(receipt_for(sales[rest[0]][rest[1]], rest[2], f"2026060113000{rest[3]}000"))
    elif name == "deliver":
        world.deliver(rest[0])
    elif name == "tick":
        world.tick(rest[0])
    else:
        for _ in range(rest[0]):
            world.step(lambda count: data.draw(st.integers(0, count - 1)))


@settings(max_examples=120, deadline=None)
@given(st.data(), st.lists(ACTIONS, max_size=25))
def test_whatever_happens_the_invariants_hold(data: st.DataObject, actions: list[tuple[Any, ...]]) -> None:
    world = World()
    sales = [four("A", price="100"), four("B", price="200")]
    for n, action in enumerate(actions, 1):
        act(world, sales, action, n, data)
    world.run()
    world.tick(1000)
    world.tick(30 * HOUR)  # a standstill: the warning comes before the expiry
    world.tick(30 * HOUR)
    check_one_assessment_a_set(world)
    check_nothing_waits_unseen(world)
    check_one_status_by_the_rule(world)
    check_the_total_is_the_sum(world)
    check_no_status_leaves_the_table(world)


def check_one_assessment_a_set(world: World) -> None:
    counts = Counter(a.id for a in world.assessments())
    assert all(count == 1 for count in counts.values()), counts


def check_nothing_waits_unseen(world: World) -> None:
    """I3: once all times are over, whatever takes part is matched, or expired and alarmed."""
    alarmed = {a.evidence["document"] for a in world.alerts() if a.rule == "hub.expired"}
    for key, state in world.register_states().items():
        if state.joined:
            assert state.match in ("matched", "expired"), (key, state.match)
            assert state.match == "matched" or key in alarmed


def check_one_status_by_the_rule(world: World) -> None:
    """I4: the greatest (time, rank) of the receipts of the current attempt is current; none is dropped."""
    for key, state in world.register_states().items():
        if not state.code:
            continue
        times = [seen.partition(":") for seen in state.receipts]
        best = max((t, lifecycle.rank(c)) for t, _, c in times if not lifecycle.is_note("import", c))
        assert (state.time, lifecycle.rank(state.code)) == best, key


def check_the_total_is_the_sum(world: World) -> None:
    """I5: assess' total of the buyer is what register's documents say, each for itself."""
    expected = 0
    for key, state in world.register_states().items():
        if not key.startswith(DECLARATION) or not state.version:
            continue
        effect = lifecycle.meaning_of(state.code).allowance if state.code else ""
        counted = effect == "count"
        turned_away = not state.code and state.handed_over.get("customs") == "refused"
        reserved = effect == "" and state.joined and state.match != "expired" and not turned_away
        expected += state.value if counted or reserved else 0
    assert world.buyer(digest(identity(1))).used(2026) == expected


def check_no_status_leaves_the_table(world: World) -> None:
    for key, statuses in world.statuses().items():
        states = ["", *(status.state for status in statuses)]
        for before, after in pairwise(states):
            assert after in lifecycle.FOLLOWS[before] or after == before, (key, before, after)
        assert [s.revision for s in statuses] == sorted({s.revision for s in statuses})


@settings(max_examples=80, deadline=None)
@given(st.permutations([(kind, copy) for kind in IMPORT_KINDS for copy in range(2)]), st.data())
def test_any_interleaving_with_repeats_gives_one_assessment(order: list[tuple[str, int]], data: st.DataObject) -> None:
    world, documents = World(), four()
    for kind, _ in order:
        world.submit(submission(documents[kind]))
        for _ in range(data.draw(st.integers(0, 4))):
            world.step(lambda count: data.draw(st.integers(0, count - 1)))
    world.run(lambda count: data.draw(st.integers(0, count - 1)))
    assert len(world.assessments()) == 1
    assert {world.status(key_of(d)).match for d in documents.values()} == {"matched"}
    assert sum(len(world.status(key_of(d)).versions) for d in documents.values()) == len(IMPORT_KINDS)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_parallel_sales_through_different_platforms_never_pass_the_yearly_limit_unnoticed(data: st.DataObject) -> None:
    """Seven sales of 4,000 of one buyer on as many platforms (26,000 a year): what is found harmless fits, in any interleaving."""
    world = World()
    sales = [four(f"NO{n}", price="4000", tax="364") for n in range(7)]
    for n, sale in enumerate(sales):
        platform = f"EBP00000{n:02d}"
        for kind in (ORDER, PAYMENT, DECLARATION):
            sale[kind] = with_head(sale[kind], ebpCode=platform)
    left = [(n, kind) for n in range(7) for kind in IMPORT_KINDS]
    for n, kind in data.draw(st.permutations(left)):
        world.submit(submission(sales[n][kind], at=world.now.at))
        for _ in range(data.draw(st.integers(0, 3))):
            world.step(lambda count: data.draw(st.integers(0, count - 1)))
    world.run(lambda count: data.draw(st.integers(0, count - 1)))
    last = {one.declaration: one for one in world.assessments()}
    assert len(last) == 7
    over = {key for key, one in last.items() if any(finding.rule == "T07" for finding in one.findings)}
    assert over
    assert (7 - len(over)) * 4000 <= 26_000
    (buyer,) = {one.buyer for one in last.values()}
    assert world.buyer(buyer).used(2026) == 7 * amount("4000")


#: What a sender may do with one document: each step is a version; a deleted one may come again.
STEPS = {
    "change": {"appType": "2"},
    "wrong": {"appType": "2"},
    "move": {"appType": "2", "orderNo": "OTHER"},
    "delete": {"appType": "3"},
}
#: What a wrong version says wrongly.
WRONG = {
    ORDER: {"acturalPaid": "1", "consignee": "别人"},
    PAYMENT: {"payerName": "别人"},
    WAYBILL: {"consigneeAddress": "别处"},
    DECLARATION: {"buyerTelephone": "1"},
}


def versions(document: Any, steps: list[str]) -> list[Any]:
    """The document and what its sender makes of it afterwards, each newer than the one before."""
    kind, found, deleted = key_of(document).partition("/")[0], [document], False
    for n, step in enumerate(steps, 1):
        fields = {"appTime": f"20260601130{n:03d}", "guid": f"{document.head.guid}-{n}", **STEPS[step]}
        if step == "wrong":
            fields |= WRONG[kind]
        if deleted and step != "delete":
            fields["appType"] = "1"
        deleted = step == "delete"
        found.append(with_head(document, **fields))
    return found


def a_strange_sale() -> list[Any]:
    """Four documents, a second payment, another merchant's order on the platform, and the order on a second platform."""
    documents = four(payment_payTime="20260601115500", order_payTransactionId="")
    second = four(payment_payTransactionId="T2", payment_payTime="20260601115900", payment_amountPaid="1")[PAYMENT]
    stranger = four(order_ebcCode="3301000066", order_acturalPaid="7")[ORDER]
    twin = four(order_ebpCode="3301000077")[ORDER]
    return [*documents.values(), second, stranger, twin]


def result(world: World, documents: list[Any]) -> dict[str, Any]:
    """What match says in the end of each document, and assess of the declaration."""
    found: dict[str, Any] = {}
    for document in documents:
        status = world.status(key_of(document))
        differences, notes = ([(f.code, f.path, f.message) for f in told] for told in (status.differences, status.notes))
        found[status.key] = (status.state, status.match, status.awaited, status.counterparts, differences, notes)
    declaration = world.register_states()[key_of(documents[3])]
    if declaration.match == "matched":
        found["assessed"] = [(f.code, f.evidence) for f in world.assessments()[-1].findings]
    return found


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.sampled_from([*STEPS]), max_size=3), min_size=7, max_size=7), st.data())
def test_versions_and_deletions_in_any_order_of_arrival_end_in_one_result(steps: list[list[str]], data: st.DataObject) -> None:
    documents = a_strange_sale()
    histories = [versions(document, made) for document, made in zip(documents, steps, strict=True)]
    turns = [index for index, history in enumerate(histories) for _ in history]
    ends = []
    for order in (turns, data.draw(st.permutations(turns))):
        world, left = World(), [list(history) for history in histories]
        for index in order:
            world.submit(submission(left[index].pop(0)))
            world.split()
            for _ in range(data.draw(st.integers(0, 4)) if order is not turns else 0):
                world.step(lambda count: data.draw(st.integers(0, count - 1)))
            if order is turns:
                world.run()
        world.run()
        world.tick(5_000)
        ends.append(result(world, documents))
    assert ends[0] == ends[1]


def test_an_assessment_recomputes_to_the_same_bytes_from_what_it_notes() -> None:
    """I6: with the reference data as they are later, the tick's offset gives what was known then."""
    reference = Reference()
    rate = {"vat": "0.13", "ct": "0", "duty": "0.15"}
    reference.put(ReferenceRecord("rate", "19011010", 1, "2016-04-08", value=rate), 0)
    world, seen = World(references=reference), []
    world.now = Tick(world.now.at, 0, "test")
    queue = world.queue

    def watch(topic: str, key: bytes, value: bytes) -> None:
        if topic == topics.inbox("assess") and isinstance(event := codec.assess_event(value), Matched):
            seen.append(event)
        queue(topic, key, value)

    world.queue = watch  # type: ignore[method-assign]
    for document in four(tax="5").values():
        world.submit(submission(document))
    world.run()
    (first,) = world.assessments()
    reference.put(ReferenceRecord("rate", "19011010", 2, "2016-04-08", value=rate | {"vat": "0.09"}), 7)
    used = int(first.read[f"allowance:{china_year(seen[0].received_at)}"])
    again = assess(seen[0], Tick(first.at, first.reference, first.rules), used, reference, ruleset())
    assert codec.to_json(again) == codec.to_json(first)
    later = assess(seen[0], Tick(first.at, 7, first.rules), used, reference, ruleset())
    assert codec.to_json(later) != codec.to_json(first)


def test_every_code_of_customs_has_a_state_on_the_table() -> None:
    for code in (*lifecycle.BY_CODE, "-1", "430", "x"):
        assert lifecycle.meaning_of(code).state in lifecycle.FOLLOWS
    for followers in lifecycle.FOLLOWS.values():
        assert followers <= set(lifecycle.FOLLOWS)


@given(st.lists(st.sampled_from(CODES), min_size=1, max_size=6))
def test_the_rank_of_codes_is_total(codes: list[str]) -> None:
    known = [code for code in codes if not lifecycle.is_error(code)]
    assert len({lifecycle.rank(code) for code in set(known)}) == len(set(known))


def test_orders_end_at_120_and_declarations_at_release() -> None:
    assert lifecycle.ends(ORDER, "120")
    assert not lifecycle.ends(DECLARATION, "120")
    assert lifecycle.ends(DECLARATION, "800")

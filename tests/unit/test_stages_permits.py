"""What declarations use of a permit goes back when they come to nothing, each time."""

from __future__ import annotations

from typing import Any

from hub.domain.kinds import DECLARATION
from hub.domain.reference import Reference, ReferenceRecord
from tests.support.documents import MERCHANT, four, key_of, receipt_for, submission, with_head
from tests.support.stage_harness import World

OTHER = "3301000099"


def a_world() -> World:
    """One whose milk powder is controlled, with a permit for two pieces of each of two merchants."""
    entry = {"name": "milk powder", "terms": ["奶粉"], "control": "6A002", "licence": True}
    reference = Reference()
    reference.put(ReferenceRecord("list", "controlled", 1, "2026-01-01", value={"entries": [entry]}), 0)
    for offset, merchant in enumerate((MERCHANT, OTHER), 1):
        permit = {"number": "XK1", "quantity": "2", "unit": "011"}
        reference.put(ReferenceRecord("permit", f"{merchant}~6A002", 1, "2026-01-01", value=permit), offset)
    world = World(references=reference)
    world.tick()
    return world


def used(world: World, merchant: str = MERCHANT) -> int:
    """What the merchant's declarations use of its permit, in hundred-thousandths."""
    state, _ = world.states["observe"].get(merchant.encode(), (None, 0))
    return sum(licence.told["used"] for licence in state.licences.values()) if state is not None else 0


def hand_in(world: World, *documents: Any) -> None:
    for document in documents:
        world.submit(submission(document))
    world.run()


def test_each_refusal_gives_back_what_the_declaration_used() -> None:
    world, documents = a_world(), four()
    hand_in(world, *documents.values())
    assert used(world) == 100_000
    for time in ("20260601120100", "20260601120300", "20260601120500"):
        world.submit(receipt_for(documents[DECLARATION], "100", time))
        world.run()
        assert used(world) == 0
        again = with_head(documents[DECLARATION], appTime=f"{time[:11]}{int(time[11]) + 1}00", guid=f"G{time}")
        documents[DECLARATION] = again
        hand_in(world, again)
        assert used(world) == 100_000
    days = world.states["observe"][MERCHANT.encode()][0].days
    assert [(day.declarations, day.refused) for day in days] == [(1, 3)]


def test_each_withdrawal_gives_back_what_the_declaration_used() -> None:
    world, documents = a_world(), four()
    hand_in(world, *documents.values())
    declaration = documents[DECLARATION]
    for minute in range(1, 6, 2):
        assert used(world) == 100_000
        hand_in(world, with_head(declaration, appType="3", appTime=f"202606011201{minute:02d}", guid=f"A{minute}"))
        assert used(world) == 0
        hand_in(world, with_head(declaration, appTime=f"202606011201{minute + 1:02d}", guid=f"B{minute}"))


def test_what_is_declared_for_another_merchant_after_all_uses_nothing_of_the_firsts_permit() -> None:
    world, documents = a_world(), four()
    hand_in(world, *documents.values())
    assert (used(world), used(world, OTHER)) == (100_000, 0)
    hand_in(world, with_head(documents[DECLARATION], appType="2", ebcCode=OTHER, appTime="20260601120100"))
    assert (used(world), used(world, OTHER)) == (0, 100_000)


def test_what_expires_uses_nothing_until_the_rest_comes() -> None:
    world, documents = a_world(), four()
    declaration = documents.pop(DECLARATION)
    hand_in(world, declaration)
    for _ in range(25):
        world.tick(3_600_000)
    assert (world.status(key_of(declaration)).match, len(world.assessments()), used(world)) == ("expired", 1, 0)
    hand_in(world, *documents.values())
    assert (world.status(key_of(declaration)).match, used(world)) == ("matched", 100_000)


def test_what_never_reaches_customs_uses_nothing() -> None:
    world, documents = a_world(), four()
    hand_in(world, *documents.values())
    world.deliver("refused")
    world.run()
    assert used(world) == 0
    hand_in(world, with_head(documents[DECLARATION], appTime="20260601120100", guid="G2"))
    assert used(world) == 100_000

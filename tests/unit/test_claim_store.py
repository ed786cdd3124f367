"""Claims on disk: the first counts, for a week, through restarts."""

from __future__ import annotations

from pathlib import Path

import msgspec

from hub.domain.claims import Claimed
from hub.infra.claims import KEEP_MS, ClaimStore

WEEK = KEEP_MS
NOW = 1_780_286_400_000


def a_row(id: bytes, at: int, answer: bytes) -> tuple[bytes, int, bytes]:
    return id, at, msgspec.msgpack.encode(Claimed("f", answer))


def test_the_first_claim_of_an_id_counts_within_a_batch_and_after_it(tmp_path: Path) -> None:
    store = ClaimStore(tmp_path / "claims")
    store.take(0, 2, [a_row(b"id", NOW, b"first"), a_row(b"id", NOW, b"second")])
    store.take(0, 3, [a_row(b"id", NOW + 1, b"third")])
    assert store.find(b"id") == Claimed("f", b"first")
    assert store.find(b"other") is None
    store.close()


def test_claims_and_places_are_there_after_a_restart(tmp_path: Path) -> None:
    store = ClaimStore(tmp_path / "claims")
    store.take(3, 17, [a_row(b"id", NOW, b"first")])
    store.close()
    again = ClaimStore(tmp_path / "claims")
    assert (again.place(3), again.place(4)) == (17, 0)
    assert again.find(b"id") == Claimed("f", b"first")
    again.close()


def test_a_claim_is_kept_for_a_week_and_then_forgotten(tmp_path: Path) -> None:
    store = ClaimStore(tmp_path / "claims")
    store.take(0, 1, [a_row(b"old", NOW, b"first")])
    store.take(0, 2, [a_row(b"younger", NOW + WEEK, b"x")])
    assert store.find(b"old") == Claimed("f", b"first")
    store.take(0, 3, [a_row(b"youngest", NOW + WEEK + 1, b"x")])
    assert store.find(b"old") is None
    store.take(0, 4, [a_row(b"old", NOW + WEEK + 2, b"anew")])
    assert store.find(b"old") == Claimed("f", b"anew")
    store.close()

"""Merkle trees: every leaf is provable, nothing else is."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.merkle import build, leaf_hash, node_hash, root_of, root_of_hash

LEAVES = st.lists(st.binary(max_size=40), min_size=1, max_size=70)


def reference_root(leaves: list[bytes]) -> bytes:
    """RFC 6962's own definition: split at the largest power of two below the number of leaves."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return hashlib.sha256(b"\x01" + reference_root(leaves[:split]) + reference_root(leaves[split:])).digest()


@given(LEAVES)
def test_the_root_is_that_of_rfc_6962(leaves: list[bytes]) -> None:
    assert build(leaves)[0] == reference_root(leaves)


@given(LEAVES)
def test_every_leaf_leads_to_the_root(leaves: list[bytes]) -> None:
    root, paths = build(leaves)
    assert [root_of(leaf, path) for leaf, path in zip(leaves, paths, strict=True)] == [root] * len(leaves)
    assert max(len(path) for path in paths) <= len(leaves).bit_length()


@given(LEAVES, st.data())
def test_no_other_leaf_and_no_changed_path_leads_to_the_root(leaves: list[bytes], data: st.DataObject) -> None:
    root, paths = build(leaves)
    index = data.draw(st.integers(0, len(leaves) - 1))
    assert root_of(leaves[index] + b"!", paths[index]) != root
    if paths[index]:
        step = data.draw(st.integers(0, len(paths[index]) - 1))
        side, sibling = paths[index][step]
        changed = list(paths[index])
        changed[step] = (side, bytes([sibling[0] ^ 1]) + sibling[1:])
        assert root_of(leaves[index], changed) != root
        assert root_of(leaves[index], paths[index][:step]) != root


def test_a_node_does_not_pass_for_a_leaf() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert root_of(left + right, ()) != node_hash(left, right)


def test_one_leaf_is_its_own_root() -> None:
    assert build([b"a"]) == (leaf_hash(b"a"), [()])


def test_there_is_no_tree_without_leaves() -> None:
    with pytest.raises(ValueError, match="at least one"):
        build([])


def test_a_side_is_left_or_right() -> None:
    with pytest.raises(ValueError, match="side"):
        root_of_hash(bytes(32), [("up", bytes(32))])

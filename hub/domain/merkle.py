"""Merkle trees: one signature for many leaves, each provable alone (shape and prefixes of RFC 6962).

A leaf is SHA-256 of 0x00 and its bytes, a node SHA-256 of 0x01 and both its children; a node without a
sibling goes up as it is. The prefixes keep a node from being passed off as a leaf.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

#: One step from a leaf to the root: the side on which the other hash stands (``left`` or ``right``), and that
#: hash.
Step = tuple[str, bytes]


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of a leaf's bytes."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two neighbouring hashes."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def build(leaves: Sequence[bytes]) -> tuple[bytes, list[tuple[Step, ...]]]:
    """(root, the path of each leaf, from the leaf up); at least one leaf."""
    return build_hashed([leaf_hash(leaf) for leaf in leaves])


def build_hashed(hashes: Sequence[bytes], *, paths: bool = True) -> tuple[bytes, list[tuple[Step, ...]]]:
    """The same from the leaves' hashes; without ``paths`` only the root."""
    if not hashes:
        raise ValueError("a tree needs at least one leaf")
    level = list(hashes)
    levels = []
    while len(level) > 1:
        levels.append(level)
        pairs = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = pairs + level[len(pairs) * 2 :]
    return level[0], [tuple(_path(levels, index)) for index in range(len(hashes))] if paths else []


def _path(levels: list[list[bytes]], index: int) -> Iterable[Step]:
    for level in levels:
        sibling = index ^ 1
        if sibling < len(level):
            yield ("left" if index & 1 else "right", level[sibling])
        index >>= 1


def root_of(leaf: bytes, path: Iterable[Step]) -> bytes:
    """The root that a leaf's bytes and its path lead to."""
    return root_of_hash(leaf_hash(leaf), path)


def root_of_hash(hashed: bytes, path: Iterable[Step]) -> bytes:
    """The same from the leaf's hash; raises ValueError for a side that is neither left nor right."""
    for side, sibling in path:
        if side not in ("left", "right"):
            raise ValueError(f"no such side: {side!r}")
        hashed = node_hash(sibling, hashed) if side == "left" else node_hash(hashed, sibling)
    return hashed

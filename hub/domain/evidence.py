"""The chain of evidence: signed Merkle roots over what is in clear in ``submissions`` and over acts, and how anyone checks it.

A **leaf** stands for one record: its place, whose it is, and the SHA-256 of its content: the canonical acknowledgement of a
submission (``hub.domain.acknowledgement.leaf_bytes``, which holds the message's digest), or the bytes of an act. A **root**
covers a range of offsets of one partition, names the root before it by its hash, and is signed. Of several roots that claim
the same place in a chain the first in the log counts; the others are refused by every reader alike. So writers need no
agreement among themselves, and one that comes too late does no harm.
"""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence

import msgspec

from hub.domain.acknowledgement import PathStep, Signers
from hub.domain.audit import Act
from hub.domain.merkle import Step, build_hashed, leaf_hash, root_of_hash

#: What the first root of a chain names as the one before it.
GENESIS = "0" * 64
#: Leaves of one root at most: bounds what a proof of one of them has to read.
MOST_LEAVES = 8192
ROOT_TYPE, STAMP_TYPE = "hub.root.chained.v1", "hub.root.stamped.v1"
_SIGNED = b"hub.root.v1\0"
_PROOF = b',"proof":'
_encode = msgspec.json.encode


class Root(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="root", tag_field="kind"):
    """A root of a chain: the chain is that of a topic's partition, ``number`` counts from 1.

    It covers the offsets ``first`` to ``last``; ``leaves`` of them are submissions or acts. ``root`` and ``previous`` (the hash
    of the root before, ``record_hash``) are hexadecimal, ``signature`` Base64, ``at`` ms since the epoch.
    """

    topic: str
    partition: int
    number: int
    first: int
    last: int
    leaves: int
    root: str
    previous: str
    at: int
    key: str
    signature: str = ""


class Stamped(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="stamp", tag_field="kind"):
    """An authority's time stamp (RFC 3161) of a root: ``record`` is the root's hash, ``token`` the authority's response (DER,
    Base64). It proves that the root, and all before it in its chain, was there at the time in the token.
    """

    topic: str
    partition: int
    number: int
    record: str
    token: str
    at: int


#: What a record of the topic ``evidence`` is.
Record = Act | Root | Stamped
#: Whether a root is the hub's own.
Genuine = Callable[[Root], bool]


class Head(msgspec.Struct, frozen=True):
    """Where a chain stands: its last root's number, the last offset it covers, and its hash."""

    number: int = 0
    last: int = -1
    hash: str = GENESIS


class Inclusion(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="inclusion", tag_field="kind"):
    """That a record is covered by a root: the leaf's parts, and the path from it to the root's ``root``."""

    topic: str
    partition: int
    offset: int
    subject: str
    content: str
    number: int
    path: tuple[PathStep, ...]


# ---- leaves


def leaf(topic: str, partition: int, offset: int, subject: str, content: str) -> bytes:
    """The hash of a leaf: of its place, whose it is, and the hexadecimal SHA-256 of its content."""
    return leaf_hash(f"{topic}/{partition}/{offset}/{subject}/{content}".encode())


def content_of(acknowledgement: bytes) -> str:
    """The content of a submission's leaf from the acknowledgement as the hub wrote it: its hash without the proof.

    The proof is the last member and holds no member of that name, so it need not be parsed.
    """
    end = acknowledgement.rfind(_PROOF)
    if end < 0:
        return hashlib.sha256(acknowledgement).hexdigest()
    whole = hashlib.sha256(acknowledgement[:end])
    whole.update(b"}")
    return whole.hexdigest()


def hashed(content: bytes) -> str:
    """The content of a leaf from bytes."""
    return hashlib.sha256(content).hexdigest()


def subject_of(key: bytes | None) -> str:
    """Whose a record is, by its key: a submission's id, or ``acts``."""
    return (key or b"").decode("ascii", "backslashreplace")


# ---- roots


def make(
    head: Head, topic: str, partition: int, leaves: Sequence[tuple[int, bytes]], at: int, sign: Callable[[bytes], bytes], key: str
) -> Root:
    """The next root of a chain over (offset, leaf hash) of at least one leaf; ``sign`` makes an Ed25519 signature."""
    root, _ = build_hashed([one for _, one in leaves], paths=False)
    made = Root(topic, partition, head.number + 1, head.last + 1, leaves[-1][0], len(leaves), root.hex(), head.hash, at, key)
    return msgspec.structs.replace(made, signature=b64encode(sign(signed_bytes(made))).decode())


def signed_bytes(root: Root) -> bytes:
    """What the hub signs of a root: everything but the signature."""
    return _SIGNED + _encode(msgspec.structs.replace(root, signature=""))


def genuine(keys: Signers) -> Genuine:
    """Whether one of the hub's keys signed a root: none other counts, wherever it is read."""
    return lambda root: signature_holds(root, keys)


def signature_holds(root: Root, keys: Signers) -> bool:
    """Whether the signature of a root is by the key it names, and that is one of these."""
    return keys.signed(root.key, base64(root.signature), signed_bytes(root))


def base64(text: str) -> bytes:
    """The bytes; none for what is not Base64, or spelt in another way than the one."""
    try:
        raw = b64decode(text, validate=True)
    except ValueError:
        return b""
    return raw if b64encode(raw).decode() == text else b""


def record_hash(root: Root) -> str:
    """The hash of a root's record, by which the next root names it and authorities stamp it."""
    return hashlib.sha256(_encode(root)).hexdigest()


def breaks(head: Head, root: Root) -> str:
    """Why a root is not the next of its chain (``number``, ``range``, ``leaves``, ``previous``), or empty."""
    if root.number != head.number + 1:
        return "number"
    if root.first != head.last + 1 or root.last < root.first:
        return "range"
    if not 0 < root.leaves <= root.last - root.first + 1:
        return "leaves"
    return "" if root.previous == head.hash else "previous"


def after(root: Root) -> Head:
    """Where the chain stands once a root is its last."""
    return Head(root.number, root.last, record_hash(root))


def before(root: Root) -> Head:
    """Where the chain stood before a root, by what that root says itself."""
    return Head(root.number - 1, root.first - 1, root.previous)


class Follower:
    """Follows a chain from anywhere in the log: ``next`` takes its roots in the order of the log.

    Nothing says of the first whether it counts; the one after it does, since no writer builds on a root that does not.
    """

    def __init__(self, genuine: Genuine) -> None:
        self._genuine = genuine
        self._first: Root | None = None
        self._head: Head | None = None

    def next(self, root: Root) -> list[Root]:
        """The roots that are known to count now: none, the root, or the one before it too."""
        if not self._genuine(root):
            return []
        if self._head is not None:
            if breaks(self._head, root):
                return []
            self._head = after(root)
            return [root]
        first = self._first
        if root.number == 1 or (first is not None and not breaks(after(first), root)):
            self._head = after(root)
            return [root] if root.number == 1 else [one for one in (first, root) if one is not None]
        if first is None or root.number > first.number:
            self._first = root
        return []

    def rest(self) -> list[Root]:
        """What the log ended with before it was known to count: the first that came, if it stands alone."""
        return [self._first] if self._head is None and self._first is not None else []


# ---- inclusion


def include(root: Root, leaves: Sequence[tuple[int, str, str]], wanted: frozenset[int] | None = None) -> list[Inclusion]:
    """Proofs for the leaves of a root, (offset, subject, content) each, in the order of the log; ``wanted``: only of these offsets.

    Raises ValueError where the leaves are not those the root was made of.
    """
    made, paths = build_hashed([leaf(root.topic, root.partition, *one) for one in leaves]) if leaves else (b"", [])
    if made.hex() != root.root:
        raise ValueError(f"root {root.number} of {root.topic}-{root.partition} is not that of the log's records")
    return [
        Inclusion(root.topic, root.partition, offset, subject, content, root.number, _steps(path))
        for (offset, subject, content), path in zip(leaves, paths, strict=True)
        if wanted is None or offset in wanted
    ]


def _steps(path: Sequence[Step]) -> tuple[PathStep, ...]:
    return tuple(PathStep(side, sibling.hex()) for side, sibling in path)


def included(inclusion: Inclusion, root: Root) -> bool:
    """Whether a proof leads to a root."""
    if (inclusion.topic, inclusion.partition, inclusion.number) != (root.topic, root.partition, root.number):
        return False
    if not root.first <= inclusion.offset <= root.last:
        return False
    leaf_ = leaf(inclusion.topic, inclusion.partition, inclusion.offset, inclusion.subject, inclusion.content)
    try:
        return root_of_hash(leaf_, [(step.side, digest(step.hash)) for step in inclusion.path]).hex() == root.root
    except ValueError:
        return False


def digest(text: str) -> bytes:
    """The 32 bytes of a digest in lower-case hexadecimal digits; raises ValueError for any other spelling."""
    raw = bytes.fromhex(text)
    if len(raw) != 32 or raw.hex() != text:
        raise ValueError("a digest is 64 lower-case hexadecimal digits")
    return raw

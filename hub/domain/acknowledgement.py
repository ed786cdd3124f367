"""The acknowledgement: what the hub signs about a submission, and how anyone checks it.

The leaf of an acknowledgement is its canonical JSON without ``proof``: members sorted, no white space, UTF-8.
A batch of leaves makes a Merkle tree (``hub.domain.merkle``); the hub signs the 32 bytes of the root with
Ed25519. ``proof`` carries leaf hash, path, root, signature and the id of the key, so that a copy of the
acknowledgement and the hub's public key are all that is needed.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec
import orjson

from hub.domain.merkle import build, leaf_hash, root_of

#: The one way of proving there is; its name stands in every proof.
ALGORITHM = "ed25519-merkle-sha256"
_MAX_PATH = 64


class Signers(Protocol):
    """The hub's public keys by their ids: the one in use, and those before it."""

    def __contains__(self, key_id: object) -> bool: ...
    def signed(self, key_id: str, signature: bytes, data: bytes) -> bool:
        """Whether the key of this id is one of them and signed."""


class PathStep(msgspec.Struct, frozen=True):
    """A neighbour on the way up: on which side it stands, and its hash (hexadecimal)."""

    side: str
    hash: str


class Proof(msgspec.Struct, frozen=True):
    """The member ``proof`` of an acknowledgement; ``leaf`` and ``root`` hexadecimal, ``signature`` Base64."""

    algorithm: str
    leaf: str
    path: tuple[PathStep, ...]
    root: str
    signature: str
    key: str


class Step(msgspec.Struct, frozen=True):
    """One step of a check: ``format``, ``leaf``, ``path``, ``signature``; whether it held, and what was
    compared.
    """

    name: str
    ok: bool
    detail: str = ""


def leaf_bytes(ack: dict[str, Any]) -> bytes:
    """The canonical JSON of an acknowledgement without its proof."""
    if "proof" in ack:
        ack = {name: value for name, value in ack.items() if name != "proof"}
    return orjson.dumps(ack, option=orjson.OPT_SORT_KEYS)


def attach_proofs(acks: Sequence[dict[str, Any]], sign: Callable[[bytes], bytes], key_id: str) -> list[bytes]:
    """The JSON of each acknowledgement with its proof; one signature for all of them."""
    leaves = [leaf_bytes(ack) for ack in acks]
    if not leaves:
        return []
    root, paths = build(leaves)
    signature = base64.b64encode(sign(root)).decode()
    done = []
    for leaf, path in zip(leaves, paths, strict=True):
        proof = {
            "algorithm": ALGORITHM,
            "leaf": leaf_hash(leaf).hex(),
            "path": [{"side": side, "hash": hashed.hex()} for side, hashed in path],
            "root": root.hex(),
            "signature": signature,
            "key": key_id,
        }
        done.append(b'%s%s"proof":%s}' % (leaf[:-1], b"," if len(leaf) > 2 else b"", orjson.dumps(proof)))
    return done


def check(ack: dict[str, Any], keys: Signers) -> list[Step]:
    """Check an acknowledgement step by step; the last step is the one that failed, if any did."""
    try:
        proof = msgspec.convert(ack.get("proof"), Proof)
        path = [(step.side, _hash(step.hash)) for step in proof.path]
        leaf, root = _hash(proof.leaf), _hash(proof.root)
        signature = base64.b64decode(proof.signature, validate=True)
    except (msgspec.ValidationError, ValueError, binascii.Error) as error:
        return [Step("format", ok=False, detail=f"proof: {error}")]
    if proof.algorithm != ALGORITHM or len(path) > _MAX_PATH:
        return [Step("format", ok=False, detail=f"algorithm {proof.algorithm!r}, {len(path)} steps")]
    content = leaf_bytes(ack)
    steps = [Step("format", ok=True, detail=proof.algorithm)]
    steps.append(Step("leaf", ok=leaf_hash(content) == leaf, detail=leaf_hash(content).hex()))
    if steps[-1].ok:
        steps.append(_path_step(content, path, root))
    if steps[-1].ok:
        steps.append(Step("signature", ok=keys.signed(proof.key, signature, root), detail=proof.key))
    return steps


def _path_step(content: bytes, path: list[tuple[str, bytes]], root: bytes) -> Step:
    try:
        reached = root_of(content, path)
    except ValueError as error:
        return Step("path", ok=False, detail=str(error))
    return Step("path", ok=reached == root, detail=f"{len(path)} steps to {reached.hex()}")


def _hash(text: str) -> bytes:
    hashed = bytes.fromhex(text)
    if len(hashed) != 32 or hashed.hex() != text:
        raise ValueError("a hash is 64 lower-case hexadecimal digits")
    return hashed

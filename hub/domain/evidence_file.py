"""A file of evidence: a line of JSON for each root, proof of inclusion, act and time stamp, and the walk that checks it.

The first line is the header. A chain's roots are in order; proofs and stamps come anywhere after their root, an act after its proof. What comes before
the first root of a chain in the file is not asked for, unless that root says that it is the chain's first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from hub.domain import audit
from hub.domain.acknowledgement import Signers
from hub.domain.audit import Act
from hub.domain.evidence import (
    Head,
    Inclusion,
    Root,
    Stamped,
    after,
    base64,
    before,
    breaks,
    hashed,
    included,
    record_hash,
    signature_holds,
)

FORMAT = "hub-evidence-v1"
#: Bytes of one line at most: a path has some twenty steps, a time stamp a few certificates.
MOST_LINE = 65_536
_ACTS = audit.KEY.decode()
_Chain = tuple[str, int]


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="header", tag_field="kind"):
    """The first line: the form of the file, and the id of the hub's key that was in use when it was written."""

    format: str
    key: str


_decode = msgspec.json.Decoder(Header | Root | Inclusion | Act | Stamped).decode


class Walk(msgspec.Struct):
    """What a walk found. ``broken``: what did not hold (``format``, ``key``, ``chain``, ``root_signature``, ``inclusion``,
    ``stamp``), empty where all of it does; ``where`` and ``why`` say more. ``newest``: when the newest root was made, ms.
    ``proof``: of the content that was wanted.
    """

    broken: str = ""
    where: str = ""
    why: str = ""
    roots: int = 0
    stamps: int = 0
    unchecked_stamps: int = 0
    included: int = 0
    acts: int = 0
    newest: int = 0
    heads: dict[_Chain, Head] = {}
    firsts: dict[_Chain, Root] = {}
    proof: Inclusion | None = None


class _Broken(Exception):  # noqa: N818 - ends a walk
    def __init__(self, what: str, why: str) -> None:
        self.what, self.why = what, why


#: Why a token does not stamp data, empty where it does.
CheckStamp = Callable[[bytes, bytes], str]


def walk(lines: Iterable[bytes], keys: Signers, check_stamp: CheckStamp | None = None, wanted: str = "") -> Walk:
    """Check a file line by line, up to the first that does not hold.

    ``keys``: the hub's. Without ``check_stamp`` nobody is trusted to have stamped, and only what is stamped is
    compared. ``wanted``: the content of the leaf of which the proof is to be found.
    """
    walker = _Walker(keys, check_stamp, wanted)
    number = 0
    try:
        for number, line in enumerate(lines, 1):
            walker.line(number, line)
        walker.end(number)
    except _Broken as broken:
        walker.found.broken, walker.found.where, walker.found.why = broken.what, f"line {number}", broken.why
    return walker.found


class _Walker:
    def __init__(self, keys: Signers, check_stamp: CheckStamp | None, wanted: str) -> None:
        self._keys, self._check_stamp, self._wanted = keys, check_stamp, wanted
        self._roots: dict[tuple[str, int, int], Root] = {}
        self._acts: set[str] = set()
        self.found = Walk()

    def line(self, number: int, line: bytes) -> None:
        if len(line) > MOST_LINE:
            raise _Broken("format", "a line is too long")
        try:
            item = _decode(line)
        except (msgspec.DecodeError, RecursionError) as error:
            raise _Broken("format", str(error)) from None
        if (number == 1) != isinstance(item, Header):
            raise _Broken("format", "the header is the first line, and only that")
        if isinstance(item, Header):
            self._header(item)
        elif isinstance(item, Root):
            self._root(item)
        elif isinstance(item, Inclusion):
            self._inclusion(item)
        elif isinstance(item, Act):
            self._act(item)
        else:
            self._stamp(item)

    def end(self, lines: int) -> None:
        if not lines:
            raise _Broken("format", "the file is empty")

    def _header(self, header: Header) -> None:
        if header.format != FORMAT:
            raise _Broken("format", f"{header.format!r}: an unknown form")
        if header.key not in self._keys:
            raise _Broken("key", header.key)

    def _root(self, root: Root) -> None:
        found, chain = self.found, (root.topic, root.partition)
        place = f"{root.topic}-{root.partition} root {root.number}"
        head = found.heads.get(chain) or (before(root) if root.number > 1 else Head())
        if why := breaks(head, root):
            raise _Broken("chain", f"{place}: {why}")
        if root.key not in self._keys:
            raise _Broken("key", f"{place}: {root.key}")
        if not signature_holds(root, self._keys):
            raise _Broken("root_signature", place)
        found.heads[chain] = after(root)
        found.firsts.setdefault(chain, root)
        found.roots += 1
        found.newest = max(found.newest, root.at)
        self._roots[root.topic, root.partition, root.number] = root

    def _inclusion(self, inclusion: Inclusion) -> None:
        root = self._roots.get((inclusion.topic, inclusion.partition, inclusion.number))
        if root is None or not included(inclusion, root):
            raise _Broken("inclusion", f"{inclusion.subject}: " + ("leads to another root" if root else "its root is not before it"))
        self.found.included += 1
        if inclusion.subject == _ACTS:
            self._acts.add(inclusion.content)
        if inclusion.content == self._wanted:
            self.found.proof = inclusion

    def _act(self, act: Act) -> None:
        if hashed(msgspec.json.encode(act)) not in self._acts:
            raise _Broken("inclusion", f"act {act.id}: nothing before it proves it")
        self.found.acts += 1

    def _stamp(self, stamp: Stamped) -> None:
        root = self._roots.get((stamp.topic, stamp.partition, stamp.number))
        place = f"{stamp.topic}-{stamp.partition} root {stamp.number}"
        if root is None or record_hash(root) != stamp.record:
            raise _Broken("stamp", f"{place}: stamps another root")
        if self._check_stamp is None:
            self.found.unchecked_stamps += 1
            return
        if why := self._check_stamp(base64(stamp.token), msgspec.json.encode(root)):
            raise _Broken("stamp", f"{place}: {why}")
        self.found.stamps += 1

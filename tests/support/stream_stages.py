"""Two stages to try the runtime with: a join of four documents with a time limit, and a count with origins and snapshots."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from streams.api import Headers, Now, Output, Record, Step
from streams.entries import origin_of

TIMEOUT, KEEP = 6_000, 8_000
GROUPS = 40
CLOSED = 16
#: A document of this type makes the join raise, in handle, dump or fire.
POISON = b"!"


class Topics(NamedTuple):
    """The topics of one test; stages are named after it, so that their groups and changelogs are its own."""

    suffix: str

    @property
    def join(self) -> str:
        return f"inbox.join-{self.suffix}"

    @property
    def count(self) -> str:
        return f"inbox.count-{self.suffix}"

    @property
    def latest(self) -> str:
        return f"latest-{self.suffix}"

    @property
    def changelogs(self) -> tuple[str, str]:
        return f"changelog.join-{self.suffix}", f"changelog.count-{self.suffix}"


class Join:
    """Documents ``<type 0-3><rest>`` of a key → one ``done``; ``late`` for what is not complete after TIMEOUT.

    State: a byte of the types seen (16: closed), then 60 bytes a document. Closed keys are dropped after KEEP.
    """

    def __init__(self, topics: Topics) -> None:
        self.name = f"join-{topics.suffix}"
        self.inbox = topics.join
        self._out = topics.count

    @staticmethod
    def dump(state: bytes) -> bytes:
        return state

    @staticmethod
    def load(data: bytes) -> bytes:
        return data

    def handle(self, state: bytes | None, record: Record, now: Now) -> Step | None:
        value = record.value
        if value[:1] == POISON:
            raise ValueError("the content must not be shown")
        bit = 1 << (value[0] - 48)
        if state is None:
            return Step(bytes((bit,)) + value[:60], now.at + TIMEOUT, ())
        mask = state[0] | bit
        if state[0] & CLOSED:
            return None
        if mask == 15:
            return self._close(record.key, state[1:] + value[:60], b"done", now)
        return Step(bytes((mask,)) + state[1:] + value[:60], now.at + TIMEOUT, ())

    def fire(self, state: bytes, key: bytes, now: Now) -> Step:
        if state[0] & CLOSED:
            return Step(None, 0, ())
        return self._close(key, state, b"late", now)

    def _close(self, key: bytes, body: bytes, what: bytes, now: Now) -> Step:
        group = int(key) % GROUPS
        return Step(b"\x10", now.at + KEEP, (Output(self._out, b"g%02d" % group, what + key + body),))


class Counts(msgspec.Struct, frozen=True, array_like=True):
    """``done``, ``late``, and the greatest origin counted of each upstream partition."""

    done: int = 0
    late: int = 0
    seen: dict[bytes, bytes] = {}


class Count:
    """Done and late of a group, each output of the join once."""

    def __init__(self, topics: Topics) -> None:
        self.name = f"count-{topics.suffix}"
        self.inbox = topics.count
        self._latest = topics.latest

    dump = staticmethod(msgspec.msgpack.Encoder().encode)
    load = staticmethod(msgspec.msgpack.Decoder(Counts).decode)

    def handle(self, state: Counts | None, record: Record, now: Now) -> Step | None:
        old = state or Counts()
        upstream, rank = counted(record.headers)
        if rank <= old.seen.get(upstream, b""):
            return None
        late = record.value[:4] == b"late"
        return Step(Counts(old.done + (not late), old.late + late, {**old.seen, upstream: rank}), 0, ())

    def fire(self, state: Counts, key: bytes, now: Now) -> Step:
        raise AssertionError("a count is never due")

    def snapshot(self, key: bytes, state: Counts, applied: int) -> Output | None:
        return Output(self._latest, key, b"%d %d %d" % (applied, state.done, state.late))


def counted(headers: Headers) -> tuple[bytes, bytes]:
    """The origin of an output; every one has one."""
    found = origin_of(headers)
    assert found is not None
    return found

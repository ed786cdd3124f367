"""Where a recipient stands in a topic: the same for push, pull and Server-Sent Events, and opaque to who holds it.

A cursor names a topic and, partition by partition, the offset of the next record; written as base64url of msgpack.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from typing import Annotated, Any

import msgspec

#: More partitions than any topic has, and more text than any cursor is.
_PARTITIONS, _TEXT = 4096, 65_536


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """``offsets``: of each partition the offset of the next record; partitions beyond it begin at 0."""

    topic: Annotated[str, msgspec.Meta(max_length=200)]
    offsets: Annotated[tuple[Annotated[int, msgspec.Meta(ge=0, lt=1 << 62)], ...], msgspec.Meta(max_length=_PARTITIONS)] = ()

    def at(self, partition: int) -> int:
        """The offset of the next record of a partition."""
        return self.offsets[partition] if partition < len(self.offsets) else 0

    def past(self, partition: int, offset: int) -> Cursor:
        """Behind a record too; a cursor never goes back."""
        if offset < self.at(partition):
            return self
        moved = [*self.offsets, *[0] * (partition + 1 - len(self.offsets))]
        moved[partition] = offset + 1
        return Cursor(self.topic, tuple(moved))

    def text(self) -> str:
        """As recipients keep it."""
        return urlsafe_b64encode(_encode(self)).rstrip(b"=").decode()


_encode = msgspec.msgpack.Encoder().encode
_decode: Any = msgspec.msgpack.Decoder(Cursor).decode  # Any: msgspec has no type for it


def cursor(text: str, topic: str) -> Cursor:
    """The cursor a recipient gives back; ValueError for what is none of this topic."""
    if len(text) > _TEXT or not text.isascii():
        raise ValueError("cursor")
    try:
        found: Cursor = _decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (Error, msgspec.DecodeError) as error:
        raise ValueError("cursor") from error
    if found.topic != topic or found.text() != text:
        raise ValueError("cursor")
    return found

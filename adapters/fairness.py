"""No sender locks out the others: shares of what is bounded, and rates a second. No I/O, no clock, microseconds a message.

**Shares.** Of something bounded (messages in hand, bytes of bodies) a sender may hold at most ``GREED`` times what is free at the
moment. One that is alone gets three quarters; two, three sevenths each; and somebody who holds nothing yet finds a place as long
as there is one, however hard the others push; who is over its share is told so and comes again. (A. K. Choudhury, E. L. Hahne:
Dynamic queue length thresholds for shared-memory packet switches, 1998.) Where no place is free at all, a message whose sender holds
less than an equal part waits for the next one that is let go: whoever holds more gets none as long as others wait.

**Rates.** A bucket for messages and one for documents, a sender each; both fill with the rate and hold ``burst`` seconds of it.
Documents are counted when the message has been read, so that their bucket may fall below empty: the next message waits for it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from math import ceil
from typing import Protocol

from hub.domain.access import Principal
from hub.domain.faults import Both, Refused, fault

#: How many times what is free a sender may hold.
GREED = 3


class Shares:
    """Places that senders hold of ``most``."""

    __slots__ = ("_held", "_most", "_now")

    def __init__(self, most: int) -> None:
        self._most, self._now = most, 0
        self._held: dict[str, int] = {}

    def take(self, sender: str, size: int = 1) -> None:
        """Hold so many more; Refused (429) where there are none left, or not for this sender: then it holds no more than before."""
        free = self._most - self._now
        if size > free:
            raise Refused([fault("transport.busy")])
        held = self._held.get(sender, 0)
        if held and held + size > GREED * (free - size) + size:
            raise Refused([fault("transport.share")])
        self._held[sender] = held + size
        self._now += size

    def give(self, sender: str, size: int = 1) -> None:
        """Let go of so many."""
        self._now -= size
        left = self._held.get(sender, 0) - size
        if left > 0:
            self._held[sender] = left
        else:
            self._held.pop(sender, None)

    def held(self, sender: str) -> int:
        """What a sender holds."""
        return self._held.get(sender, 0)


class Places(Shares):
    """Shares of places for one message each, and a queue of those who hold less than an equal part."""

    __slots__ = ("_queue", "_waits")

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self._queue: deque[tuple[str, asyncio.Future[None]]] = deque()
        self._waits: dict[str, int] = {}

    async def come(self, sender: str) -> None:
        """Hold one more, perhaps after a wait (who waits too long is to be cancelled); Refused as ``take``."""
        if self._now < self._most:  # nobody waits where there are free ones: they are handed on
            self.take(sender)
            return
        claimed = self._held.get(sender, 0) + self._waits.get(sender, 0)
        if claimed and claimed >= self._most // len(self._held.keys() | self._waits.keys()):
            raise Refused([fault("transport.busy")])
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((sender, future))
        self._waits[sender] = self._waits.get(sender, 0) + 1
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self.give(sender)  # it was handed a place as it gave up
            raise

    def give(self, sender: str, size: int = 1) -> None:
        """Let go of so many; the next who waits is handed each."""
        super().give(sender, size)
        while self._queue and self._now < self._most:
            name, future = self._queue.popleft()
            waits = self._waits.pop(name) - 1
            if waits:
                self._waits[name] = waits
            if not future.done():
                self._now += 1
                self._held[name] = self._held.get(name, 0) + 1
                future.set_result(None)


class RateSettings(Protocol):
    """What of the settings says how fast a sender may be; 0 is as fast as it likes."""

    @property
    def rate_messages(self) -> float: ...
    @property
    def rate_documents(self) -> float: ...
    @property
    def rate_burst(self) -> float: ...


class TooFast(Refused):
    """More a second than agreed; ``retry_after`` in whole seconds, ``headers`` those of RateLimit."""

    def __init__(self, what: Both, rate: float, retry_after: int, headers: dict[str, str]) -> None:
        self.retry_after, self.headers = retry_after, headers
        super().__init__([fault("transport.rate", what=what, limit=f"{rate:g}")])


class _Bucket:
    """What a sender may still send: tokens as of ``at`` (ms)."""

    __slots__ = ("at", "documents", "messages")

    def __init__(self, messages: float, documents: float, at: int) -> None:
        self.messages, self.documents, self.at = messages, documents, at


_MESSAGES, _DOCUMENTS = Both("messages", "报文"), Both("documents", "单证")


class Rates:
    """The buckets of all senders of a process."""

    def __init__(self, settings: RateSettings) -> None:
        self._messages, self._documents, self._burst = settings.rate_messages, settings.rate_documents, settings.rate_burst
        self._buckets: dict[str, _Bucket] = {}

    def take(self, who: Principal, now: int) -> None:
        """A message comes in at ``now`` (ms); TooFast where it comes too early."""
        messages, documents = who.rate_messages or self._messages, who.rate_documents or self._documents
        if not messages and not documents:
            return
        bucket = self._filled(who, messages, documents, now)
        if messages and bucket.messages < 1:
            raise self._too_fast(who, _MESSAGES, messages, 1 - bucket.messages)
        if documents and bucket.documents < 1:
            raise self._too_fast(who, _DOCUMENTS, documents, 1 - bucket.documents)
        bucket.messages -= 1

    def took(self, who: Principal, documents: int) -> None:
        """The message had so many documents."""
        bucket = self._buckets.get(who.name)
        if bucket is not None:
            bucket.documents -= documents

    def headers(self, who: Principal) -> dict[str, str]:
        """``RateLimit-Policy`` and ``RateLimit`` (draft-ietf-httpapi-ratelimit-headers-10); empty where nothing is agreed.

        ``q`` may be sent in ``w`` seconds, ``r`` is left; ``t`` seconds fill the bucket again.
        """
        bucket = self._buckets.get(who.name)
        if bucket is None:
            return {}
        burst = who.rate_burst or self._burst
        policies, limits = [], []
        for name, rate, left in (
            ("messages", who.rate_messages or self._messages, bucket.messages),
            ("documents", who.rate_documents or self._documents, bucket.documents),
        ):
            if rate:
                most = max(1.0, rate * burst)
                policies.append(f'"{name}";q={int(most)};w={ceil(most / rate)}')
                limits.append(f'"{name}";r={max(0, int(left))};t={ceil((most - left) / rate)}')
        return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(limits)} if limits else {}

    def _filled(self, who: Principal, messages: float, documents: float, now: int) -> _Bucket:
        burst = who.rate_burst or self._burst
        most_messages, most_documents = max(1.0, messages * burst), max(1.0, documents * burst)
        bucket = self._buckets.get(who.name)
        if bucket is None:
            bucket = self._buckets[who.name] = _Bucket(most_messages, most_documents, now)
            return bucket
        seconds = max(0, now - bucket.at) / 1000
        bucket.messages = min(most_messages, bucket.messages + seconds * messages)
        bucket.documents = min(most_documents, bucket.documents + seconds * documents)
        bucket.at = now
        return bucket

    def _too_fast(self, who: Principal, what: Both, rate: float, lacking: float) -> TooFast:
        return TooFast(what, rate, max(1, ceil(lacking / rate)), self.headers(who))

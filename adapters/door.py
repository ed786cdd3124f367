"""The door: judged messages become records and acknowledgements; what is refused is kept too.

The commit point is one record in ``submissions`` (acks=all): 202 only after it, anything else is *outcome unknown*.
Submissions are gathered for milliseconds; a batch has one Merkle tree, one signature and one write, and only one write is
under way at a time, so that the log keeps the order of arrival.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any, Protocol

import msgspec

from adapters.collector import Collector
from adapters.fairness import Places
from adapters.intake import Judge, Judged, Postponed
from hub import codec
from hub.codec import SubmissionRecord
from hub.domain.access import Principal
from hub.domain.acknowledgement import attach_proofs
from hub.domain.claims import Claimed
from hub.domain.events import Submission, SubmissionSummary
from hub.domain.faults import Fault, Refused, Unavailable, fault
from hub.domain.keys import rfc3339
from hub.ports import Clock, Publisher, Row, Sealer
from hub.topics import REFUSALS, SUBMISSIONS, partition_of

#: Bodies above this are judged on a thread, so that the others need not wait for them.
ON_A_THREAD = 256 << 10
#: Faults kept in clear of one refusal.
MOST_FAULTS = 200
#: What is kept of a refused body.
REFUSED_BYTES = 1 << 20


class ClaimBook(Protocol):
    """Claims on Idempotency-Keys (``hub.infra.claims``)."""

    def known(self, submission: str) -> Claimed | None:
        """The claim that won, as far as the own tail has read."""

    async def claim(self, submission: str, fingerprint: str, answer: bytes) -> Claimed:
        """Append a claim and wait for the log's word: the claim that won, whoever's it is."""


class DoorSettings(Protocol):
    """What of the settings the door heeds."""

    @property
    def partitions(self) -> int: ...
    @property
    def collect_ms(self) -> int: ...
    @property
    def commit_seconds(self) -> int: ...
    @property
    def max_in_flight(self) -> int: ...


class Accepted(msgspec.Struct, frozen=True):
    """What a sender is told: the acknowledgement's bytes and the submission's id; how many documents were taken."""

    submission: str
    body: bytes
    documents: int = 0


class Kept(Refused):
    """A refusal that is kept, under the id of the submission it would have been."""

    def __init__(self, submission: str, refused: Refused) -> None:
        self.submission = submission
        super().__init__(refused.faults, refused.status)


class Door:
    """Takes messages of principals; one instance a process."""

    def __init__(
        self,
        *,
        judge: Judge,
        publisher: Publisher,
        sealer: Sealer,
        sign: Callable[[bytes], bytes],
        key_id: str,
        claims: ClaimBook,
        clock: Clock,
        settings: DoorSettings,
    ) -> None:
        self._judge, self._sealer = judge, sealer
        self._sign, self._key_id = sign, key_id
        self._collector = Collector(publisher, sign, key_id, settings.collect_ms / 1000, settings.commit_seconds)
        self._claims, self._clock, self._settings = claims, clock, settings
        self._in_hand = Places(settings.max_in_flight)
        self._keys: dict[str, asyncio.Lock] = {}
        #: Principals of which a large message is being judged: their lock, and how many wait for it or hold it.
        self._slow: dict[str, tuple[asyncio.Lock, int]] = {}

    async def stop(self) -> None:
        """End writing; what waits hears nothing, and its senders repeat."""
        await self._collector.stop()

    async def submit(
        self, data: bytes, media_type: str, principal: Principal, *, key: str = "", strict: bool = False
    ) -> Accepted:
        """Judge, commit, acknowledge. Raises Refused, Unavailable (outcome unknown: repeat the same bytes)."""
        async with self._bounded(principal.name):
            return await self._submit(data, media_type, principal, key, strict)

    async def refuse(self, data: bytes, media_type: str, principal: Principal, refused: Refused) -> Kept:
        """Keep what was refused before it could be judged (too large, cut short …): the refusal, to be raised."""
        digest = hashlib.sha256(data).hexdigest()
        submission = _id(principal, "", digest)
        async with self._bounded(principal.name):
            now = self._clock.now()
            return await self._keep(submission, digest, data, media_type, principal, now, refused)

    @asynccontextmanager
    async def _bounded(self, sender: str) -> AsyncIterator[None]:
        """In number and time: Refused where too many are in hand or the sender has its share, Unavailable where the log does not
        confirm.
        """
        held = False
        try:
            async with asyncio.timeout(self._settings.commit_seconds):
                await self._in_hand.come(sender)
                held = True
                yield
        except TimeoutError as error:
            raise (Unavailable("the log") if held else Refused([fault("transport.busy")])) from error
        finally:
            if held:
                self._in_hand.give(sender)

    async def _submit(self, data: bytes, media_type: str, principal: Principal, key: str, strict: bool) -> Accepted:
        received_at = self._clock.now()
        digest = hashlib.sha256(data).hexdigest()
        submission = _id(principal, key, digest)
        try:
            if key:
                return await self._keyed(submission, digest, data, media_type, principal, received_at, strict)
            judged = await self._judged(data, media_type, principal, received_at, strict)
        except Refused as refused:
            raise await self._keep(submission, digest, data, media_type, principal, received_at, refused) from None
        ack = _acknowledgement(submission, digest, judged, principal, received_at)
        body = await self._write(submission, digest, data, media_type, principal, received_at, judged, ack)
        return Accepted(submission, body, len(judged.documents))

    async def _keyed(
        self, submission: str, digest: str, data: bytes, media_type: str, principal: Principal, received_at: int,
        strict: bool,
    ) -> Accepted:  # fmt: skip
        """With an Idempotency-Key: the first claim in the log wins, its answer is everybody's."""
        lock = self._keys.setdefault(submission, asyncio.Lock())
        try:
            async with asyncio.timeout(10):
                await lock.acquire()
        except TimeoutError:
            raise Refused([fault("transport.key_in_progress")]) from None
        try:
            known = self._claims.known(submission)
            if known is not None and known.fingerprint != digest:
                raise Refused([fault("transport.key_reused")])
            judged = await self._judged(data, media_type, principal, received_at, strict)
            ack = _acknowledgement(submission, digest, judged, principal, received_at)
            (answer,) = attach_proofs([ack], self._sign, self._key_id)
            won = known or await self._claims.claim(submission, digest, answer)
            if won.fingerprint != digest:
                raise Refused([fault("transport.key_reused")])
            # Whoever comes second completes the first's claim, as of the time it was made: split drops the repetition.
            since = received_at if won.answer == answer else _received_at(won.answer)
            await self._write(submission, digest, data, media_type, principal, since, judged, None, won.answer)
            return Accepted(submission, won.answer, len(judged.documents))
        finally:
            lock.release()
            if not lock.locked() and self._keys.get(submission) is lock and not lock._waiters:
                self._keys.pop(submission, None)

    async def _judged(
        self, data: bytes, media_type: str, principal: Principal, received_at: int, strict: bool
    ) -> Judged:
        """Judge at once, or, what takes its time, aside."""
        judged: Judged | None = None
        if len(data) <= ON_A_THREAD and principal.name not in self._slow:
            with suppress(Postponed):
                judged = self._judge(data, media_type, principal, received_at, quick=True)
        if judged is None:
            judged = await self._judged_aside(data, media_type, principal, received_at)
        if strict and (faults := tuple(f for d in judged.documents for f in d.faults)):
            raise Refused([fault("transport.strict"), *faults], 422)
        return judged

    async def _judged_aside(self, data: bytes, media_type: str, principal: Principal, received_at: int) -> Judged:
        """On a thread; a small message of the same sender must not overtake a large one that is still being judged."""
        lock, waiting = self._slow.get(principal.name, (asyncio.Lock(), 0))
        self._slow[principal.name] = lock, waiting + 1
        try:
            async with lock:
                return await asyncio.to_thread(self._judge, data, media_type, principal, received_at)
        finally:
            lock, waiting = self._slow.pop(principal.name)
            if waiting > 1:
                self._slow[principal.name] = lock, waiting - 1

    async def _keep(
        self, submission: str, digest: str, data: bytes, media_type: str, principal: Principal, received_at: int,
        refused: Refused,
    ) -> Kept:  # fmt: skip
        """Everything refused is kept, with its faults and a bounded part of its bytes; the refusal, to be raised then."""
        head = SubmissionSummary(
            id=submission, principal=principal.name, sender=principal.name, received_at=received_at, message="",
            guid="", edition="", digest=digest, size=len(data), media_type=media_type, faults=refused.faults[:MOST_FAULTS],
            status=refused.status,
        )  # fmt: skip
        sealed = self._sealer.seal(data[:REFUSED_BYTES], received_at)
        row: Row = (submission.encode(), sealed, [(codec.SUMMARY_HEADER, codec.pack(head))])
        place = REFUSALS, partition_of(principal.name.encode(), self._settings.partitions)
        await self._collector.put(None, lambda _: row, place, len(sealed))
        return Kept(submission, refused)

    async def _write(
        self, submission: str, digest: str, data: bytes, media_type: str, principal: Principal, received_at: int,
        judged: Judged, ack: dict[str, Any] | None, answer: bytes = b"",
    ) -> bytes:  # fmt: skip
        """Into the next batch; the acknowledgement's bytes once it is in the log."""
        owner = judged.owner or principal.name
        whole = codec.pack(
            Submission(
                id=submission, principal=owner, sender=judged.sender, received_at=received_at,
                message=judged.message, guid=judged.guid, edition=judged.edition, documents=judged.documents,
                authority=judged.authority, dxp_id=judged.dxp_id, copmsg_id=judged.copmsg_id,
                subscribers=judged.subscribers, observed=judged.observed,
            )
        )  # fmt: skip
        head = SubmissionSummary(
            id=submission, principal=owner, sender=judged.sender, received_at=received_at,
            message=judged.message, guid=judged.guid, edition=judged.edition, digest=digest, size=len(data),
            media_type=media_type,
            documents=tuple([(d.index, d.kind, d.key, d.faults) for d in judged.documents]),
        )  # fmt: skip
        headers = [(codec.SUMMARY_HEADER, codec.pack(head))]
        contents = (whole, data, *judged.messages)
        if len(data) > ON_A_THREAD:
            documents, received, *rendered = await asyncio.to_thread(self._sealed, contents, received_at)
        else:
            documents, received, *rendered = self._sealed(contents, received_at)
        messages = tuple(rendered)

        def row(proven: bytes) -> Row:
            record = SubmissionRecord(documents, received, messages, proven)
            return submission.encode(), codec.pack(record), headers

        # An authority's receipts are spread: they count by their returnTime, not by their place in the log.
        spread = submission if judged.authority else judged.sender
        place = SUBMISSIONS, partition_of(spread.encode(), self._settings.partitions)
        size = len(documents) + len(received) + sum(map(len, messages))
        if ack is None:
            made = row(answer)
            await self._collector.put(None, lambda _: made, place, size)
            return answer
        return await self._collector.put(ack, row, place, size)

    def _sealed(self, contents: Sequence[bytes], received_at: int) -> list[bytes]:
        return [self._sealer.seal(content, received_at) for content in contents]


def _id(principal: Principal, key: str, digest: str) -> str:
    """Of principal and Idempotency-Key, or of principal and content: 32 hexadecimal digits."""
    mark = f"\x00k{key}" if key else f"\x00c{digest}"
    return hashlib.sha256(f"{principal.name}{mark}".encode()).hexdigest()[:32]


class _Dated(msgspec.Struct):
    received_at: datetime


def _received_at(answer: bytes) -> int:
    """When the message was received that an acknowledgement speaks of, ms."""
    return round(msgspec.json.decode(answer, type=_Dated).received_at.timestamp() * 1000)


def _acknowledgement(
    submission: str, digest: str, judged: Judged, principal: Principal, received_at: int
) -> dict[str, Any]:
    """The acknowledgement without its proof."""
    return {
        "submission": submission,
        "message": {"type": judged.message, "guid": judged.guid, "edition": judged.edition},
        "principal": principal.name,
        "received_at": rfc3339(received_at),
        "digest": {"algorithm": "sha-256", "value": digest},
        "documents": [
            {
                "index": d.index,
                "kind": d.kind,
                "key": d.key,
                "status": "flagged" if d.faults else "accepted",
                "faults": [told(f) for f in (*judged.notes, *d.faults)],
            }
            for d in judged.documents
        ],
    }


def told(wrong: Fault) -> dict[str, Any]:
    """A fault as senders read it."""
    said: dict[str, Any] = {
        "code": wrong.code,
        "path": wrong.path,
        "line": wrong.line,
        "message": wrong.message,
        "message_zh": wrong.message_zh,
    }
    if wrong.ceb_code:
        said["ceb_code"] = wrong.ceb_code
    if wrong.document >= 0:
        said["document"] = wrong.document
    return said

"""The door: judged messages become records and acknowledgements; what is refused is kept too.

The commit point is one record in ``submissions`` (acks=all): 202 only after it, anything else is *outcome unknown*.
Submissions are gathered for milliseconds; a batch has one Merkle tree, one signature and one write, and only one write is
under way at a time, so that the log keeps the order of arrival.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

import msgspec

from adapters.intake import Judge, Judged
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

#: Submissions of one batch, and the bytes of bodies after which no more is added.
MOST = 256
MOST_BYTES = 8 << 20
#: Bodies above this are judged on a thread, so that the others need not wait for them.
ON_A_THREAD = 1 << 20
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
    """What a sender is told: the acknowledgement's bytes and the submission's id."""

    submission: str
    body: bytes


class _Waiting(msgspec.Struct):
    """Something to be written: an acknowledgement still without proof (None for a refusal), and how to make the row."""

    ack: dict[str, Any] | None
    row: Callable[[bytes], Row]
    place: tuple[str, int]
    size: int
    done: asyncio.Future[bytes]


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
        self._judge, self._publisher, self._sealer = judge, publisher, sealer
        self._sign, self._key_id = sign, key_id
        self._claims, self._clock, self._settings = claims, clock, settings
        self._queue: list[_Waiting] = []
        self._came = asyncio.Event()
        self._collector: asyncio.Task[None] | None = None
        self._in_flight = 0
        self._keys: dict[str, asyncio.Lock] = {}
        #: Principals of which a large message is being judged: their lock, and how many wait for it or hold it.
        self._slow: dict[str, tuple[asyncio.Lock, int]] = {}

    async def stop(self) -> None:
        """End the collector; what waits hears nothing, and its senders repeat."""
        if self._collector is not None:
            self._collector.cancel()
            with suppress(asyncio.CancelledError):
                await self._collector

    async def submit(
        self, data: bytes, media_type: str, principal: Principal, *, key: str = "", strict: bool = False
    ) -> Accepted:
        """Judge, commit, acknowledge. Raises Refused, Unavailable (outcome unknown: repeat the same bytes)."""
        if self._in_flight >= self._settings.max_in_flight:
            raise Refused([fault("transport.busy")])
        self._in_flight += 1
        try:
            async with asyncio.timeout(self._settings.commit_seconds):
                return await self._submit(data, media_type, principal, key, strict)
        except TimeoutError as error:
            raise Unavailable("the log") from error
        finally:
            self._in_flight -= 1

    async def _submit(self, data: bytes, media_type: str, principal: Principal, key: str, strict: bool) -> Accepted:
        received_at = self._clock.now()
        digest = hashlib.sha256(data).hexdigest()
        mark = f"\x00k{key}" if key else f"\x00c{digest}"
        submission = hashlib.sha256(f"{principal.name}{mark}".encode()).hexdigest()[:32]
        if key:
            return await self._keyed(submission, digest, data, media_type, principal, received_at, strict)
        judged = await self._judged(submission, digest, data, media_type, principal, received_at, strict)
        ack = _acknowledgement(submission, digest, judged, principal, received_at)
        body = await self._write(submission, digest, data, media_type, principal, received_at, judged, ack)
        return Accepted(submission, body)

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
            judged = await self._judged(submission, digest, data, media_type, principal, received_at, strict)
            ack = _acknowledgement(submission, digest, judged, principal, received_at)
            (answer,) = attach_proofs([ack], self._sign, self._key_id)
            won = known or await self._claims.claim(submission, digest, answer)
            if won.fingerprint != digest:
                raise Refused([fault("transport.key_reused")])
            # whoever comes second completes the first's claim: split drops the repetition
            await self._write(
                submission, digest, data, media_type, principal, received_at, judged, None, won.answer
            )
            return Accepted(submission, won.answer)
        finally:
            lock.release()
            if not lock.locked() and self._keys.get(submission) is lock and not lock._waiters:
                self._keys.pop(submission, None)

    async def _judged(
        self, submission: str, digest: str, data: bytes, media_type: str, principal: Principal, received_at: int,
        strict: bool,
    ) -> Judged:  # fmt: skip
        try:
            if len(data) <= ON_A_THREAD and principal.name not in self._slow:
                judged = self._judge(data, media_type, principal, received_at)
            else:
                judged = await self._judged_aside(data, media_type, principal, received_at)
            if strict and (faults := tuple(f for d in judged.documents for f in d.faults)):
                raise Refused([fault("transport.strict"), *faults], 422)  # noqa: TRY301 - kept with the others below
        except Refused as refused:
            await self._keep(submission, digest, data, media_type, principal, received_at, refused)
            raise
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
    ) -> None:  # fmt: skip
        """Everything refused is kept, with its faults and a bounded part of its bytes."""
        head = SubmissionSummary(
            id=submission, principal=principal.name, sender=principal.name, received_at=received_at, message="",
            guid="", edition="", digest=digest, size=len(data), media_type=media_type, faults=refused.faults,
            status=refused.status,
        )  # fmt: skip
        sealed = self._sealer.seal(data[:REFUSED_BYTES], received_at)
        row: Row = (submission.encode(), sealed, [(codec.SUMMARY_HEADER, codec.pack(head))])
        place = REFUSALS, partition_of(principal.name.encode(), self._settings.partitions)
        await self._enqueue(None, lambda _: row, place, len(sealed))

    async def _write(
        self, submission: str, digest: str, data: bytes, media_type: str, principal: Principal, received_at: int,
        judged: Judged, ack: dict[str, Any] | None, answer: bytes = b"",
    ) -> bytes:  # fmt: skip
        """Into the next batch; the acknowledgement's bytes once it is in the log."""
        seal = self._sealer.seal
        documents = seal(
            codec.pack(
                Submission(
                    id=submission, principal=principal.name, sender=judged.sender, received_at=received_at,
                    message=judged.message, guid=judged.guid, edition=judged.edition, documents=judged.documents,
                    authority=judged.authority, dxp_id=judged.dxp_id, copmsg_id=judged.copmsg_id,
                    subscribers=judged.subscribers,
                )
            ),
            received_at,
        )  # fmt: skip
        head = SubmissionSummary(
            id=submission, principal=principal.name, sender=judged.sender, received_at=received_at,
            message=judged.message, guid=judged.guid, edition=judged.edition, digest=digest, size=len(data),
            media_type=media_type,
            documents=tuple([(d.index, d.kind, d.key, d.faults) for d in judged.documents]),
        )  # fmt: skip
        headers = [(codec.SUMMARY_HEADER, codec.pack(head))]
        received = seal(data, received_at)
        messages = tuple([seal(message, received_at) for message in judged.messages])

        def row(proven: bytes) -> Row:
            record = SubmissionRecord(documents, received, messages, proven)
            return submission.encode(), codec.pack(record), headers

        place = SUBMISSIONS, partition_of(judged.sender.encode(), self._settings.partitions)
        size = len(documents) + len(received) + sum(map(len, messages))
        if ack is None:
            made = row(answer)
            await self._enqueue(None, lambda _: made, place, size)
            return answer
        return await self._enqueue(ack, row, place, size)

    async def _enqueue(
        self, ack: dict[str, Any] | None, row: Callable[[bytes], Row], place: tuple[str, int], size: int
    ) -> bytes:
        if self._collector is None or self._collector.done():
            self._collector = asyncio.create_task(self._collect(), name="collector")
        done: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(ack, row, place, size, done))
        self._came.set()
        return await done

    async def _collect(self) -> None:
        while True:
            await self._came.wait()
            await asyncio.sleep(self._settings.collect_ms / 1000)
            batch = self._take()
            try:
                proven = attach_proofs([w.ack for w in batch if w.ack is not None], self._sign, self._key_id)
                answers = iter(proven)
                rows: dict[tuple[str, int], list[Row]] = {}
                told = [next(answers) if waiting.ack is not None else b"" for waiting in batch]
                for waiting, body in zip(batch, told, strict=True):
                    rows.setdefault(waiting.place, []).append(waiting.row(body))
                async with asyncio.timeout(self._settings.commit_seconds):
                    await self._publisher.send(rows)
            except TimeoutError:
                _fail(batch, Unavailable("the log"))
                continue
            except Exception as error:
                # whatever it is, each sender hears of it; only the log being away is Unavailable
                _fail(batch, error)
                continue
            for waiting, body in zip(batch, told, strict=True):
                if not waiting.done.done():
                    waiting.done.set_result(body)

    def _take(self) -> list[_Waiting]:
        """The next batch, in order of arrival, bounded by number and bytes."""
        size = 0
        for count, waiting in enumerate(self._queue, 1):
            size += waiting.size
            if count == MOST or size >= MOST_BYTES:
                batch, self._queue = self._queue[:count], self._queue[count:]
                break
        else:
            batch, self._queue = self._queue, []
        if not self._queue:
            self._came.clear()
        return batch


def _fail(batch: list[_Waiting], error: Exception) -> None:
    for waiting in batch:
        if not waiting.done.done():
            waiting.done.set_exception(error)


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
                "faults": [told(f) for f in d.faults],
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

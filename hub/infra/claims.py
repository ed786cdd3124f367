"""Claims on Idempotency-Keys: the topic ``claims`` is the arbiter, the first claim in the log wins (design §3.2).

Every door follows the topic with a consumer of its own. A claim is appended, and the own tail passing its offset says
who won. What was read is kept in a RocksDB of bounded memory for at least a week; it may be lost, the topic has it all.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from rocksdict import BlockBasedOptions, Cache, Options, Rdict, WriteBatch, WriteOptions

from hub import codec
from hub.domain.claims import Claimed
from hub.domain.faults import Misconfigured, Unavailable
from hub.ports import Publisher
from hub.topics import CLAIMS, DAY_MS, partition_of

KEEP_MS = 7 * DAY_MS
#: Claims forgotten at most with one batch, and bytes of RocksDB's cache and of its write buffer.
_FORGET = 2_000
_MEMORY = 8 << 20

_decode = msgspec.msgpack.Decoder(Claimed).decode

#: A claim as read: submission id, time in ms, value.
_Row = tuple[bytes, int, bytes]


class Claims:
    """The claims as this process knows them."""

    def __init__(
        self, bootstrap: str, publisher: Publisher, partitions: int, folder: Path | None = None, topic: str = CLAIMS
    ) -> None:
        """``folder`` keeps what was read from one start to the next; without one all is read anew at every start."""
        self._bootstrap, self._publisher, self._partitions, self._topic = bootstrap, publisher, partitions, topic
        self._passing = folder is None
        self._folder = folder or Path(tempfile.mkdtemp(prefix="hub-claims-"))
        self._kept = ClaimStore(self._folder)
        self._read = [self._kept.place(number) - 1 for number in range(partitions)]
        self._moved = asyncio.Condition()
        self._ready = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Follow the topic; returns when what it holds is known."""
        self._task = asyncio.create_task(self._follow(), name="claims")
        ready = asyncio.create_task(self._ready.wait())
        await asyncio.wait({ready, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            ready.cancel()
            self._task.result()  # raises what ended it

    async def stop(self) -> None:
        """End; what nobody will ask for again is removed."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self._kept.close()
        if self._passing:
            shutil.rmtree(self._folder, ignore_errors=True)

    def known(self, submission: str) -> Claimed | None:
        """The claim that won, as far as this process has read."""
        return self._kept.find(submission.encode())

    async def claim(self, submission: str, fingerprint: str, answer: bytes) -> Claimed:
        """Append a claim, wait until the own tail has passed it; the claim that won."""
        place = self._topic, partition_of(submission.encode(), self._partitions)
        value = codec.pack(Claimed(fingerprint, answer))
        (offset,) = (await self._publisher.send({place: [(submission.encode(), value, [])]}))[place]
        async with self._moved:
            await self._moved.wait_for(lambda: self._read[place[1]] >= offset)
        won = self.known(submission)
        if won is None:  # its retention ended while we waited: the clock of the broker is far off
            raise Unavailable("the log")
        return won

    async def _follow(self) -> None:
        while True:
            try:
                await self._follow_on()
            except (KafkaError, OSError):  # the broker is away; those who wait have a deadline of their own
                await asyncio.sleep(0.5)

    async def _follow_on(self) -> None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        try:
            await consumer.start()
            places = [TopicPartition(self._topic, number) for number in range(self._partitions)]
            ends = await consumer.end_offsets(places)
            begins = await consumer.beginning_offsets(places)
            consumer.assign(places)
            for place in places:
                # What was kept may be of a log that has since lost its beginning, or its end.
                start = max(begins[place], min(self._read[place.partition] + 1, ends[place]))
                self._read[place.partition] = start - 1
                consumer.seek(place, start)
            while True:
                if not self._ready.is_set():
                    positions = [await consumer.position(place) >= ends[place] for place in places]
                    if all(positions):
                        self._ready.set()
                batches = await consumer.getmany(timeout_ms=500, max_records=5_000)
                for place, records in batches.items():
                    rows = [(r.key, r.timestamp, r.value) for r in records if r.key and r.value]
                    self._kept.take(place.partition, records[-1].offset + 1, rows)
                    self._read[place.partition] = records[-1].offset
                async with self._moved:
                    self._moved.notify_all()
        finally:
            await consumer.stop()


class ClaimStore:
    """Claims on disk: ``c`` id → claim, ``t`` time id, ``p`` partition → the offset after the last one read."""

    def __init__(self, folder: Path) -> None:
        table = BlockBasedOptions()
        table.set_block_cache(Cache(_MEMORY))
        options = Options(raw_mode=True)
        options.create_if_missing(create_if_missing=True)
        options.set_block_based_table_factory(table)
        options.set_write_buffer_size(_MEMORY)
        options.set_max_open_files(64)
        options.set_keep_log_file_num(1)
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._database = Rdict(str(folder), options)
        except Exception as error:  # rocksdict raises nothing narrower
            if "lock" in str(error).lower():
                raise Misconfigured([f"another process has {folder} open: give each its own HUB_INSTANCE"]) from error
            # Unreadable, as after a power cut: the topic has it all.
            shutil.rmtree(folder)
            self._database = Rdict(str(folder), options)
        self._write = WriteOptions()
        self._write.disable_wal = True

    def find(self, id: bytes) -> Claimed | None:
        """The first claim of a submission id."""
        found: bytes | None = self._database.get(b"c" + id)
        return None if found is None else _decode(found)

    def place(self, partition: int) -> int:
        """Where to read on."""
        found: bytes | None = self._database.get(b"p" + partition.to_bytes(2, "big"))
        return 0 if found is None else int.from_bytes(found, "big")

    def take(self, partition: int, place: int, rows: Iterable[_Row]) -> None:
        """Take in rows of a partition in their order, ``place`` the offset after them; forget what is too old.

        Too old by the latest row, not by a clock: what one door still knows another does too.
        """
        new: dict[bytes, tuple[int, bytes]] = {}
        latest = 0
        for id, at, value in rows:
            latest = max(latest, at)
            if id not in new and self._database.get(b"c" + id) is None:
                new[id] = at, value
        batch = WriteBatch(raw_mode=True)
        for id, (at, value) in new.items():
            batch.put(b"c" + id, value)
            batch.put(b"t" + at.to_bytes(8, "big") + id, b"")
        batch.put(b"p" + partition.to_bytes(2, "big"), place.to_bytes(8, "big"))
        for age in self._older(latest - KEEP_MS):
            batch.delete(age)
            batch.delete(b"c" + age[9:])
        self._database.write(batch, self._write)

    def _older(self, limit: int) -> list[bytes]:
        """The oldest entries from before ``limit`` (ms)."""
        found: list[bytes] = []
        if limit <= 0:
            return found
        items = self._database.iter()
        items.seek(b"t")
        while items.valid() and len(found) < _FORGET:
            key: bytes = items.key()
            if not key.startswith(b"t") or int.from_bytes(key[1:9], "big") >= limit:
                break
            found.append(key)
            items.next()
        return found

    def close(self) -> None:
        """Keep it."""
        self._database.flush()
        self._database.close()

"""The topic ``reference`` in memory: read by every process with a consumer of its own, written by the few that may.

Everything lies in partition 0, whatever the number of partitions: the offset a tick names is one number.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from hub.domain import reference as domain
from hub.domain.access import Principal, principal_of
from hub.domain.credentials import ApiKey, state
from hub.domain.faults import Misconfigured, Unavailable
from hub.domain.keys import china_day
from hub.domain.reference import Reference, ReferenceRecord
from hub.infra.crypto import api_key_hash
from hub.infra.database import one_writer
from hub.infra.records import KafkaRecords
from hub.ports import Amend, Clock
from hub.topics import REFERENCE

_PARTITION = TopicPartition(REFERENCE, 0)
#: A known key's state → the code of the fault; one that is in force came into force between two questions.
_WHY_NOT = {"active": "access.unknown_key", "expired": "access.expired_key", "revoked": "access.revoked_key"}


class ReferenceReader:
    """Follows the topic and keeps ``data`` up to date; principals can be looked up by API key and by name."""

    def __init__(self, bootstrap: str, clock: Clock) -> None:
        self.data = Reference()
        self._bootstrap, self._clock = bootstrap, clock
        self._task: asyncio.Task[None] | None = None
        self._moved = asyncio.Condition()
        self._end: int | None = None
        #: Called after each batch with the records that came.
        self.callbacks: list[Callable[[list[ReferenceRecord]], None]] = []
        self._principals: dict[str, Principal] = {}
        self._by_hash: dict[str, tuple[Principal, ApiKey]] = {}
        #: (principal, id of a key) → when it opened last, ms. Who keeps them takes them out.
        self.used: dict[tuple[str, str], int] = {}
        self._by_certificate: dict[str, Principal] = {}
        self._owners: dict[str, str] = {}
        self._day = 0

    async def start(self) -> None:
        """Begin to follow; returns at once (``ready`` waits)."""
        self._task = asyncio.create_task(self._follow(), name="reference")

    async def stop(self) -> None:
        """End the consumer."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def ready(self) -> None:
        """Wait until what the topic held when reading began is here."""
        await self._wait(lambda: self._end is not None and self.data.reached >= self._end)

    async def reached(self, offset: int) -> None:
        """Wait until the record at ``offset`` is here."""
        await self._wait(lambda: self.data.reached >= offset)

    def by_key(self, key: str) -> Principal | None:
        """The principal of an API key that is in force now, suspended ones too: they are told that they are."""
        now = self._refresh()
        found = self._by_hash.get(api_key_hash(key))
        if found is None:
            return None
        principal, kept = found
        if kept.revoked or 0 < kept.until <= now:
            return None
        self.used[principal.name, kept.id] = now
        return principal

    def why_not(self, key: str) -> str:
        """The code of the fault for a key that ``by_key`` has nobody for: over, revoked, or not known."""
        now = self._refresh()
        found = self._by_hash.get(api_key_hash(key))
        return "access.unknown_key" if found is None else _WHY_NOT[state(found[1], now)]

    def by_certificate(self, fingerprint: str) -> Principal | None:
        """The principal for whom a certificate is registered that opens TLS connections, suspended ones too."""
        self._refresh()
        return self._by_certificate.get(fingerprint)

    def by_name(self, name: str) -> Principal | None:
        """The principal of that name in force today, suspended ones too."""
        self._refresh()
        return self._principals.get(name)

    def principals(self) -> list[Principal]:
        """Every principal in force today, suspended ones too."""
        self._refresh()
        return list(self._principals.values())

    def owners(self) -> Mapping[str, str]:
        """Enterprise code or number on the exchange platform → the principal it belongs to."""
        self._refresh()
        return self._owners

    def filed(self, code: str) -> bool:
        """Whether an enterprise code is known: a principal acts for it, or its filing (kind ``enterprise``) is in force."""
        if code in self.owners():
            return True
        filing = self.data.find("enterprise", code, self._day)
        return filing is not None and filing.get("state", "filed") == "filed"

    def _refresh(self) -> int:
        """Work out who may call where the day or the records have changed; the time now, ms."""
        now = self._clock.now()
        day = china_day(now)
        if day == self._day:
            return now
        self._principals = {name: principal_of(name, dict(value)) for name, value in self.data.all("principal", day)}
        self._by_hash = {key.hash: (p, key) for p in self._principals.values() for key in p.keys}
        self._by_certificate = {fingerprint: p for p in self._principals.values() for fingerprint in p.tls_certificates}
        self._owners.clear()
        self._owners.update((code, p.name) for p in self._principals.values() for code in (*p.codes, *p.dxp_ids))
        self._day = day
        return now

    async def _wait(self, met: Callable[[], bool]) -> None:
        if self._task is None:
            raise RuntimeError("the reference reader was not started")
        waiting = asyncio.ensure_future(self._until(met))
        done, _ = await asyncio.wait({waiting, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if waiting not in done:
            waiting.cancel()
            self._task.result()  # raises what ended it
            raise Unavailable("the reference data")

    async def _until(self, met: Callable[[], bool]) -> None:
        async with self._moved:
            await self._moved.wait_for(met)

    async def _follow(self) -> None:
        while True:
            try:
                await self._read_on()
            except (KafkaError, OSError):  # the broker is away: what is known stays known
                await asyncio.sleep(1)

    async def _read_on(self) -> None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=200,
        )
        try:
            # inside the try: a consumer whose start fails leaves its connections open otherwise
            await consumer.start()
            consumer.assign([_PARTITION])
            consumer.seek(_PARTITION, self.data.reached + 1)
            if self._end is None:
                self._end = (await consumer.end_offsets([_PARTITION]))[_PARTITION] - 1
            await self._tell()
            while True:
                batches = await consumer.getmany(timeout_ms=1000)
                rows = batches.get(_PARTITION, [])
                self._take([(row.value, row.offset) for row in rows])
                if rows:
                    await self._tell()
                elif self._end > self.data.reached:
                    # compacted away or control records: nothing is left below the position
                    position = await consumer.position(_PARTITION)
                    self.data.reached = max(self.data.reached, position - 1)
                    await self._tell()
        finally:
            await consumer.stop()

    def _take(self, rows: list[tuple[bytes | None, int]]) -> None:
        records = []
        for value, offset in rows:
            self.data.reached = max(self.data.reached, offset)
            if value:
                record = domain.decode(value)
                self.data.put(record, offset)
                records.append(record)
        if any(record.kind == "principal" for record in records):
            self._day = 0  # who calls is worked out anew; flags come by the second and say nothing of it
        if records:
            for callback in self.callbacks:
                callback(records)

    async def _tell(self) -> None:
        async with self._moved:
            self._moved.notify_all()


async def publish(bootstrap: str, records: Iterable[ReferenceRecord], known: Reference | None = None) -> int:
    """Write records (all or none is checked before the first is sent); the offset of the last one written.

    With ``known`` what is there already is not written again (-1 where nothing was), and a version that would change
    is refused: a correction is a new version. Raises Misconfigured, Unavailable.
    """
    wanted = domain.checked(list(records))
    if known is not None:
        wanted = _news(wanted, known)
    if not wanted:
        return -1
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, linger_ms=5)
    try:
        await producer.start()
        futures = [
            await producer.send(REFERENCE, key=record.key, value=domain.encode(record), partition=0)
            for record in wanted
        ]
        written = await asyncio.gather(*futures)
    except (KafkaError, OSError) as error:
        raise Unavailable("the broker") from error
    finally:
        await producer.stop()
    return int(written[-1].offset)


def _news(records: list[ReferenceRecord], known: Reference) -> list[ReferenceRecord]:
    news, changed = [], []
    for record in records:
        there = next((r for r in known.versions(record.kind, record.id) if r.version == record.version), None)
        if there is None:
            news.append(record)
        elif there != record:
            changed.append(f"{record.key.decode()} is published already and differs: give it the next version")
    if changed:
        raise Misconfigured(changed)
    return news


def as_versions(records: Iterable[ReferenceRecord], known: Reference) -> list[ReferenceRecord]:
    """Records as the next versions of what is known.

    One that says what the newest version for the same days says is left out.
    """
    wanted = []
    numbers: dict[tuple[str, str], int] = {}
    for record in records:
        versions = known.versions(record.kind, record.id)
        days = (record.valid_from, record.valid_to)
        newest = next((r for r in versions if (r.valid_from, r.valid_to) == days), None)
        if newest is not None and msgspec.structs.replace(record, version=newest.version) == newest:
            continue
        key = (record.kind, record.id)
        numbers[key] = numbers.get(key, versions[0].version if versions else 0) + 1
        wanted.append(msgspec.structs.replace(record, version=numbers[key]))
    return wanted


def amending(bootstrap: str, reference: ReferenceReader, log: KafkaRecords, dsn: str) -> Amend:
    """Publishes records as the next versions of what the log holds, one call of all processes after the other, and waits until they
    are read.
    """
    in_turn = asyncio.Lock()  # those of one process keep the order they came in, on one connection

    async def amend(change: Callable[[Reference], Sequence[ReferenceRecord]]) -> Sequence[ReferenceRecord]:
        async with in_turn, one_writer(dsn):
            ends = await log.ends((REFERENCE,))
            await reference.reached(ends.get((REFERENCE, 0), 0) - 1)
            records = as_versions(change(reference.data), reference.data)
            offset = await publish(bootstrap, records)
            if offset >= 0:
                await reference.reached(offset)
        return records

    return amend


async def publish_anew(bootstrap: str, records: Iterable[ReferenceRecord], clock: Clock) -> int:
    """Publish records as the next versions of what the topic holds, as far as they say something new; the last one's offset, or -1.

    For what is made up with the sandbox, where whoever writes at the same time writes the same; everything else takes turns (``amending``).
    """
    reader = ReferenceReader(bootstrap, clock)
    await reader.start()
    try:
        await reader.ready()
        return await publish(bootstrap, as_versions(records, reader.data))
    finally:
        await reader.stop()

"""The evidence loop on a real Kafka: one chain without a gap over kills, freezes and two processes at once."""

from __future__ import annotations

import asyncio
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from adapters.timestamps import Authority
from hub import codec
from hub.domain import audit, evidence
from hub.domain.audit import Act
from hub.domain.events import TICK_KEY, Tick
from hub.domain.evidence import Head, Root
from hub.domain.evidence_file import walk
from hub.domain.reading import Place
from hub.infra.crypto import HubKey
from hub.infra.evidence import EvidenceReader, newest
from hub.verify_evidence import verify_chain
from streams.evidence import Evidence
from tests.support.authority import TestAuthority, answering
from tests.support.chaos import until
from tests.support.delivery import PlainPublisher, WallClock, make_topics
from tests.support.evidence import a_loop, submissions

PARTITIONS = 2


class Log:
    """Topics of one test, and what they hold."""

    def __init__(self, bootstrap: str, keys: Path) -> None:
        self.bootstrap, self.keys, self.name = bootstrap, keys, f"test-{secrets.token_hex(5)}"
        self.key = HubKey.load(keys)
        self.publisher = PlainPublisher(bootstrap)
        self._next = 0

    async def submit(self, count: int) -> None:
        """So many submissions, spread over the partitions, with ticks among them."""
        rows = submissions(self.key, range(self._next, self._next + count))
        self._next += count
        tick = (TICK_KEY, codec.pack(Tick(1, 0, "")), ())
        await self.publisher.send({
            (f"{self.name}-submissions", number): [tick, *[(key, value, ()) for key, value in rows[number::PARTITIONS]], tick]
            for number in range(PARTITIONS)
        })

    async def act(self, subject: str) -> None:
        act = Act("operator", "operator", audit.KEY_ERASED, 1, id=subject, subject=subject)
        await self.publisher.send({(f"{self.name}-evidence", 0): [(audit.KEY, codec.to_json(act), ())]})

    async def records(self, topic: str) -> dict[int, list[tuple[int, bytes, bytes]]]:
        """(offset, key, value) by partition, as far as the topic goes now."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, enable_auto_commit=False)
        await consumer.start()
        places = [TopicPartition(f"{self.name}-{topic}", number) for number in range(PARTITIONS)]
        found: dict[int, list[tuple[int, bytes, bytes]]] = {place.partition: [] for place in places}
        try:
            consumer.assign(places)
            await consumer.seek_to_beginning(*places)
            ends = await consumer.end_offsets(places)
            for place in places:
                while await consumer.position(place) < ends[place]:
                    for record in (await consumer.getmany(place, timeout_ms=1000)).get(place, ()):
                        found[place.partition].append((record.offset, record.key, record.value))
        finally:
            await consumer.stop()
        return found

    async def chained(self) -> int:
        """How many submissions and acts are under roots that count; fails where a chain does not hold or a leaf is wrong."""
        log, said, covered = await self.records("submissions"), await self.records("evidence"), 0
        for number, rows in said.items():
            leaves = {
                f"{self.name}-submissions": [
                    (offset, key.decode(), codec.submission_content(value)) for offset, key, value in log[number] if key != TICK_KEY
                ],
                f"{self.name}-evidence": [(offset, "acts", evidence.hashed(value)) for offset, key, value in rows if key == audit.KEY],
            }
            heads = dict.fromkeys(leaves, Head())
            for _, key, value in rows:
                if key == audit.KEY or not isinstance(root := codec.evidence(value), Root) or evidence.breaks(heads[root.topic], root):
                    continue
                heads[root.topic] = evidence.after(root)
                mine = [leaf for leaf in leaves[root.topic] if root.first <= leaf[0] <= root.last]
                assert len(evidence.include(root, mine)) == root.leaves, "every record of the range, in order, is a leaf"
                assert self.key.public.signed(root.key, evidence.base64(root.signature), evidence.signed_bytes(root))
                covered += root.leaves
        return covered

    async def until_chained(self, count: int, seconds: float = 40) -> None:
        assert await until(lambda: _least(self.chained(), count), seconds), f"{await self.chained()} of {count}"
        assert await self.chained() == count, "nothing is chained twice"

    async def doubled(self) -> int:
        """Roots that do not count."""
        refused = 0
        for rows in (await self.records("evidence")).values():
            heads: dict[str, Head] = {}
            for _, key, value in rows:
                if key != audit.KEY and isinstance(root := codec.evidence(value), Root):
                    if evidence.breaks(heads.get(root.topic, Head()), root):
                        refused += 1
                    else:
                        heads[root.topic] = evidence.after(root)
        return refused


async def _least(counted: Awaitable[int], least: int) -> bool:
    return await counted >= least


@pytest.fixture
async def log(kafka: str, tmp_path: Path) -> AsyncIterator[Log]:
    made = Log(kafka, tmp_path / "keys")
    await make_topics(kafka, [f"{made.name}-submissions", f"{made.name}-evidence"], PARTITIONS)
    yield made
    await made.publisher.stop()


@asynccontextmanager
async def chaining(log: Log) -> AsyncIterator[Evidence]:
    publisher = PlainPublisher(log.bootstrap)
    loop = a_loop(log.bootstrap, log.keys, log.name, publisher)
    running = asyncio.create_task(loop.run())
    try:
        yield loop
    finally:
        loop.stop()
        await running
        await publisher.stop()


async def process(log: Log) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.evidence", log.bootstrap, str(log.keys), log.name, cwd=Path(__file__).parents[2]
    )


async def test_every_submission_and_every_act_comes_under_one_root_and_a_second_run_reads_on(log: Log) -> None:
    await log.submit(50)
    await log.act("a")
    async with chaining(log):
        await log.until_chained(51)
        await log.submit(9)
        await log.until_chained(60)
    await log.act("b")
    await log.submit(11)
    async with chaining(log) as again:
        await log.until_chained(72)
        assert (await log.doubled(), again.refused) == (0, 0)


@pytest.mark.slow
async def test_the_chain_has_no_gap_and_nothing_twice_however_often_the_process_is_killed(log: Log) -> None:
    total = 0
    for turn in range(6):
        running = await process(log)
        await log.submit(400)
        await log.act(str(turn))
        total += 401
        if turn:
            before = await log.chained()
            least = before + 1
            assert await until(lambda least=least: _least(log.chained(), least), 40)  # type: ignore[misc]
        running.send_signal(signal.SIGKILL)
        await running.wait()
    async with chaining(log):
        await log.until_chained(total)


@pytest.mark.slow
async def test_a_process_that_was_frozen_and_wakes_does_no_harm(log: Log) -> None:
    first = await process(log)
    try:
        await log.submit(100)
        await log.until_chained(100)
        first.send_signal(signal.SIGSTOP)
        await log.submit(300)
        await log.act("while frozen")
        async with chaining(log):
            await log.until_chained(401, 60)
            first.send_signal(signal.SIGCONT)
            await log.submit(100)
            await log.until_chained(501, 60)
    finally:
        first.kill()
        await first.wait()


async def test_two_writers_that_know_nothing_of_each_other_make_one_chain(log: Log) -> None:
    """Groups of their own: each believes that every partition is its."""
    handed_in = 0

    async def both_wrote_for_one_place() -> bool:
        nonlocal handed_in
        await log.submit(20)
        handed_in += 20
        return await log.doubled() > 0

    async with chaining(log), _stranger(log):
        assert await until(both_wrote_for_one_place, 40)
        await log.until_chained(handed_in)


@asynccontextmanager
async def _stranger(log: Log) -> AsyncIterator[None]:
    publisher = PlainPublisher(log.bootstrap)
    loop = a_loop(log.bootstrap, log.keys, log.name, publisher)
    loop._group = f"{log.name}-stranger"
    running = asyncio.create_task(loop.run())
    try:
        yield
    finally:
        loop.stop()
        await running
        await publisher.stop()


async def test_a_chain_goes_on_with_a_new_key_of_the_hub(log: Log) -> None:
    await log.submit(20)
    async with chaining(log):
        await log.until_chained(20)
    former, log.key = log.key, HubKey.renewed(log.keys)
    await log.submit(20)
    async with chaining(log):
        await log.until_chained(40)
    reader = EvidenceReader(log.bootstrap, log.key.public, f"{log.name}-submissions", f"{log.name}-evidence")
    lines = [line async for line in reader.lines(0, 1 << 53)]
    whole = walk(lines, log.key.public)
    assert (whole.broken, whole.included) == ("", 40)
    signers = {root.key for line in lines if line.startswith(b'{"kind":"root"') and isinstance(root := codec.evidence(line), Root)}
    assert signers == {former.id, log.key.id}
    assert await log.doubled() == 0, "the chain was not begun anew"
    proof = await reader.proof(Place(0, 1), WallClock().now())
    assert walk(proof, log.key.public).broken == "", "what the key before signed is proven still"


async def test_what_is_exported_verifies_offline_and_one_submission_has_its_own_proof(log: Log) -> None:
    await log.submit(30)
    await log.act("a")
    async with chaining(log), _stranger(log):
        await log.until_chained(31)
        await log.submit(30)
        await log.until_chained(61)
    reader = EvidenceReader(log.bootstrap, log.key.public, f"{log.name}-submissions", f"{log.name}-evidence")
    whole = walk([line async for line in reader.lines(0, 1 << 53)], log.key.public)
    assert (whole.broken, whole.included, whole.acts) == ("", 61, 1)
    later = walk([line async for line in reader.lines(WallClock().now() + 60_000, 1 << 53)], log.key.public)
    assert (later.broken, later.included) == ("", 0)
    for number, rows in (await log.records("submissions")).items():
        for offset, key, value in rows:
            if key != TICK_KEY:
                lines = await reader.proof(Place(number, offset), WallClock().now())
                one = walk(lines, log.key.public, wanted=codec.submission_content(value))
                assert one.broken == ""
                assert one.included == 1
                assert one.proof is not None
                assert one.proof.subject == key.decode()
    assert await reader.proof(Place(0, 1 << 40), WallClock().now()) == []
    found = await newest(log.bootstrap, log.key.public, f"{log.name}-submissions", f"{log.name}-evidence")
    assert (found.chains, found.waiting) == (3, {})
    await log.submit(1)
    await log.act("b")
    found = await newest(log.bootstrap, log.key.public, f"{log.name}-submissions", f"{log.name}-evidence")
    assert set(found.waiting) == {f"{log.name}-submissions-0", f"{log.name}-evidence-0"}


async def test_roots_are_stamped_and_an_authority_that_is_away_delays_nothing(log: Log, tmp_path: Path) -> None:
    tsa = await asyncio.to_thread(TestAuthority, tmp_path / "tsa")
    tsa.away = True
    async with answering(tsa) as url:
        authority, publisher = Authority(url, tsa.issuers), PlainPublisher(log.bootstrap)
        loop = a_loop(log.bootstrap, log.keys, log.name, publisher)
        loop._stamp, loop._stamp_seconds = authority.stamp, 0.2
        running = asyncio.create_task(loop.run())
        try:
            await log.submit(20)
            await log.until_chained(20)
            assert await until(lambda: tsa.asked > 2, 20)
            names = (f"{log.name}-submissions", f"{log.name}-evidence")
            assert set((await newest(log.bootstrap, log.key.public, *names)).unstamped) == {f"{names[0]}-0", f"{names[0]}-1"}
            tsa.away = False
            assert await until(lambda: _none_unstamped(log), 20)
        finally:
            loop.stop()
            await running
            await authority.close()
            await publisher.stop()
    reader = EvidenceReader(log.bootstrap, log.key.public, *names)
    verdict = verify_chain([line async for line in reader.lines(0, 1 << 53)], log.key.public, tsa.issuers)
    assert verdict.genuine
    assert verdict.steps[-1].step == "stamp"
    assert verdict.steps[-1].detail == "2 stamps"


async def _none_unstamped(log: Log) -> bool:
    return not (await newest(log.bootstrap, log.key.public, f"{log.name}-submissions", f"{log.name}-evidence")).unstamped

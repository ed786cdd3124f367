"""The runtime on a real broker, killed, frozen and joined by others under a live feed with poison in it; short.

The long version is a command: ``python -m tests.support.chaos all``.
"""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.lease import EXIT_LOST
from streams.store import RocksStore
from tests.support.chaos import Chaos, Workers, until
from tests.support.stream_checker import Feeder, compare, make_topics, settled
from tests.support.stream_stages import Topics


@pytest.mark.slow
async def test_nothing_is_lost_or_counted_twice_whoever_is_killed_or_frozen_whenever(
    kafka: str, tmp_path: Path
) -> None:
    chaos = Chaos(kafka, tmp_path, seed=secrets.randbelow(10_000))
    verdict = await chaos.run(["points", "kill", "points", "join", "freeze"], rounds=1, rate=1500)
    assert verdict.problems == {}, (chaos.seed, tmp_path)
    assert verdict.letters > 10
    assert verdict.outputs > 1000
    assert chaos.workers.signs()["TRAP"] >= 2
    # Whoever wakes up without its lease goes.
    assert chaos.exits == [EXIT_LOST]


@pytest.mark.slow
async def test_states_survive_a_graceful_end_and_are_caught_up_from_where_they_were(kafka: str, tmp_path: Path) -> None:
    topics = Topics(secrets.token_hex(4))
    await make_topics(kafka, topics)
    workers = Workers(kafka, topics, tmp_path)
    feeder = Feeder(kafka, topics)
    try:
        workers.start("a")
        await feeder.live(4, 500, settle=0)
        await settled(kafka, topics, 30)
        assert workers.end("a") == 0
        (tmp_path / "workers.log").unlink()
        workers.start("a")
        await feeder.live(2, 200, settle=16, seed=2, first=100_000)
        await settled(kafka, topics, 30)
        assert workers.end("a") == 0
        assert (await compare(kafka, topics)).problems == {}
        # What was read of the changelogs is the last record of each store, to see that they belong together.
        log = (tmp_path / "workers.log").read_text("utf-8")
        loaded = [int(line.split("], ")[1].split()[0]) for line in log.splitlines() if "changelog records" in line]
        assert len(loaded) == 2
        assert max(loaded) <= 8
    finally:
        workers.close()


@pytest.mark.slow
async def test_a_worker_that_cannot_load_ends_with_a_code_that_has_it_restarted(kafka: str, tmp_path: Path) -> None:
    topics = Topics(secrets.token_hex(4))
    await make_topics(kafka, topics)
    # Another process has the folder of its states open: this one.
    held = RocksStore(tmp_path / "states" / f"a-join-{topics.suffix}")
    workers = Workers(kafka, topics, tmp_path)
    try:
        process = workers.start("a")
        assert await until(lambda: process.poll() is not None, 30)
        assert process.returncode == EXIT_LOST
        assert "loading failed" in (tmp_path / "workers.log").read_text("utf-8")
    finally:
        workers.close()
        held.close()


@pytest.mark.slow
async def test_what_is_committed_to_the_group_is_where_the_stage_is(kafka: str, tmp_path: Path) -> None:
    topics = Topics(secrets.token_hex(4))
    await make_topics(kafka, topics)
    workers = Workers(kafka, topics, tmp_path)
    workers.start("a")
    try:
        await Feeder(kafka, topics).live(2, 400, settle=1)
        await settled(kafka, topics, 30)
        assert workers.end("a") == 0
    finally:
        workers.close()
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, group_id=f"hub-join-{topics.suffix}", enable_auto_commit=False)
    await consumer.start()
    try:
        places = [TopicPartition(topics.join, number) for number in range(8)]
        ends = await consumer.end_offsets(places)
        assert {place: await consumer.committed(place) for place in places} == ends
    finally:
        await consumer.stop()

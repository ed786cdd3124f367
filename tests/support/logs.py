"""Reads a topic whole, past any group: what tests compare with what was written."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

SECONDS = 60.0


async def whole(bootstrap: str, topic: str) -> list[ConsumerRecord]:
    """Every record of the topic up to its end of now; each partition's in order."""
    # "earliest": a reset to the end that is under way already would win over the seek.
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest", fetch_max_bytes=64 << 20,
        max_partition_fetch_bytes=64 << 20,
    )  # fmt: skip
    await consumer.start()
    try:
        async with asyncio.timeout(SECONDS):
            await consumer._client.force_metadata_update()
            while not consumer.partitions_for_topic(topic):
                await consumer._client.add_topic(topic)
            places = [TopicPartition(topic, partition) for partition in sorted(consumer.partitions_for_topic(topic))]
            consumer.assign(places)
            ends = await consumer.end_offsets(places)
            await consumer.seek_to_beginning(*places)
            found: list[ConsumerRecord] = []
            for place in places:
                while await consumer.position(place) < ends[place]:
                    found += (await consumer.getmany(place, timeout_ms=500)).get(place, [])
            return found
    finally:
        await consumer.stop()

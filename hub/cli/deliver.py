"""``hub deliver``: hands accepted messages over to the authorities."""

from __future__ import annotations

import asyncio

import click

from adapters.authorities.customs.outgoing import CustomsGateway
from hub import topics
from hub.cli import loaded
from hub.cli.running import run
from hub.domain.faults import Misconfigured
from hub.infra.kafka import KafkaPublisher, check_partitions
from hub.infra.process import WallClock, collect_seldom, until_told
from hub.infra.vault import Vault
from hub.settings import Settings
from streams.deliver import Deliver, Reply, Retry


async def serve(settings: Settings) -> None:
    """Hand over to customs until told to end."""
    missing = [
        f"hub deliver needs HUB_{name}" for name in ("KAFKA", "CUSTOMS_URL") if not getattr(settings, name.lower())
    ]
    if missing:
        raise Misconfigured(missing)
    vault, clock = Vault(settings.keys_folder), WallClock()
    publisher = KafkaPublisher(settings.kafka)
    gateway = CustomsGateway(settings.customs_url, Reply, timeout=settings.customs_timeout_ms / 1000)
    deliver = Deliver(
        bootstrap=settings.kafka,
        topic=topics.OUT_CUSTOMS,
        recipient="customs",
        partitions=settings.partitions,
        publisher=publisher,
        gateway=gateway,
        seal=lambda data: vault.seal(data, clock.now()),
        open_sealed=vault.open,
        clock=clock,
        retry=Retry(attempts=settings.customs_attempts),
        session_ms=settings.session_ms,
    )
    await check_partitions(settings.kafka, settings.partitions)
    await publisher.start()
    collect_seldom()
    delivering = asyncio.create_task(deliver.run())
    told = asyncio.create_task(until_told())
    try:
        await asyncio.wait({delivering, told}, return_when=asyncio.FIRST_COMPLETED)
        await deliver.stop()
        await delivering
    finally:
        told.cancel()
        await gateway.close()
        await publisher.stop()


@click.command("deliver")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Hand accepted messages over to customs, in order for each sender, until ended.

    Example: HUB_CUSTOMS_URL=http://127.0.0.1:8081 hub deliver
    """
    run(serve(loaded(ctx).settings))

"""``hub evidence``: chains what was taken in and what was done, and has it stamped."""

from __future__ import annotations

import asyncio

import click
from cryptography import x509

from adapters.timestamps import Authority
from hub.cli import loaded
from hub.cli.running import run
from hub.domain.faults import Misconfigured
from hub.infra.audit import recorder
from hub.infra.crypto import HubKey
from hub.infra.kafka import KafkaPublisher, check_partitions
from hub.infra.process import WallClock, collect_seldom, run_in_batches, until_told
from hub.infra.retention import keep
from hub.infra.vault import Vault
from hub.settings import Settings
from streams.evidence import Evidence


async def serve(settings: Settings) -> None:
    """Chain until told to end."""
    if not settings.kafka:
        raise Misconfigured(["hub evidence needs HUB_KAFKA"])
    key, publisher = HubKey.load(settings.keys_folder), KafkaPublisher(settings.kafka)
    authority = Authority(settings.timestamp_url, _issuers(settings)) if settings.timestamp_url else None
    run_in_batches()
    chaining = Evidence(
        bootstrap=settings.kafka,
        publisher=publisher,
        sign=key.sign,
        keys=key.public,
        key_id=key.id,
        clock=WallClock(),
        stamp=authority.stamp if authority is not None else None,
        stamp_seconds=settings.timestamp_seconds,
        every=settings.evidence_seconds,
        session_ms=settings.session_ms,
    )
    await check_partitions(settings.kafka, settings.partitions)
    await publisher.start()
    collect_seldom()
    keeping = asyncio.create_task(keep(Vault(settings.keys_folder), settings.personal_days, WallClock(), recorder(publisher)))
    running = asyncio.create_task(chaining.run())
    told = asyncio.create_task(until_told())
    try:
        await asyncio.wait({running, told, keeping}, return_when=asyncio.FIRST_COMPLETED)
        if keeping.done():
            keeping.result()
        chaining.stop()
        await running
    finally:
        told.cancel()
        keeping.cancel()
        if authority is not None:
            await authority.close()
        await publisher.stop()


def _issuers(settings: Settings) -> list[x509.Certificate]:
    assert settings.timestamp_ca is not None
    try:
        return x509.load_pem_x509_certificates(settings.timestamp_ca.read_bytes())
    except (OSError, ValueError) as error:
        raise Misconfigured([f"timestamp_ca: {settings.timestamp_ca} holds no certificates in PEM"]) from error


@click.command("evidence")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Chain submissions and acts under signed roots, and have these stamped where an authority is named, until ended.

    Example: HUB_KAFKA=127.0.0.1:9092 hub evidence
    """
    run(serve(loaded(ctx).settings))

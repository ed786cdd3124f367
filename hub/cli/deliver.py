"""``hub deliver``: hands accepted messages over to the authorities, and events to their subscribers."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import click

from adapters.authorities.customs.outgoing import CustomsGateway
from adapters.transports.file_drop import FileDrop
from adapters.transports.hook import HookClient
from adapters.ways import Ways
from hub import topics
from hub.cli import loaded
from hub.cli.running import run
from hub.domain.deliveries import DeliveryReport
from hub.domain.faults import Misconfigured
from hub.domain.reference import ReferenceRecord
from hub.domain.subscriptions import ALWAYS, ENDPOINT, Subscription, Verdict, every
from hub.infra.kafka import KafkaPublisher, check_partitions
from hub.infra.participants import hook_secrets
from hub.infra.process import WallClock, collect_seldom, until_told
from hub.infra.reference import ReferenceReader, as_versions, publish
from hub.infra.vault import Vault
from hub.settings import Settings
from streams.deliver import Deliver, Reply, Retry
from streams.sender import Sender, Terms
from streams.subscribers import Subscribers

_LONGEST_RETRY = 300.0


async def serve(settings: Settings) -> None:
    """Hand over to customs, where its address is known, and to subscribers, until told to end."""
    if not settings.kafka:
        raise Misconfigured(["hub deliver needs HUB_KAFKA"])
    vault, clock = Vault(settings.keys_folder), WallClock()
    publisher, reference = KafkaPublisher(settings.kafka), ReferenceReader(settings.kafka, clock)
    instance = settings.instance or f"{socket.gethostname()}-deliver"
    gateway = CustomsGateway(settings.customs_url, Reply, timeout=settings.customs_timeout_ms / 1000) if settings.customs_url else None
    deliver = _customs(settings, vault, clock, publisher, gateway) if gateway is not None else None
    hooks = HookClient(private=settings.webhook_private, timeout=settings.webhook_timeout_ms / 1000)
    drop = FileDrop(settings.drop_folder, settings.drop_backlog) if settings.drop_folder is not None else None
    ways = Ways(hooks, drop, hook_secrets(vault.digest, settings.webhook_rotation_hours), clock, Reply)
    terms = Terms(
        Retry(settings.webhook_retry_ms / 1000, _LONGEST_RETRY, settings.webhook_attempts),
        settings.webhook_dead_hours * 3600,
        session_ms=settings.session_ms,
    )

    def sender(subscription: Subscription, topic: str) -> Sender:
        return Sender(
            subscription,
            topic,
            bootstrap=settings.kafka,
            principal=reference.by_name,
            ways=ways,
            publisher=publisher,
            partitions=settings.partitions,
            clock=clock,
            judge=_judging(settings.kafka, reference),
            terms=terms,
            instance=instance,
        )

    began = clock.now()
    subscribers = Subscribers(
        wanted=lambda: every(reference.data),
        principal=reference.by_name,
        make=sender,
        publisher=publisher,
        partitions=settings.partitions,
        others=lambda: [_report(deliver, instance, began, clock.now())] if deliver is not None else [],
    )
    await check_partitions(settings.kafka, settings.partitions)
    await asyncio.gather(publisher.start(), reference.start())
    await reference.ready()
    collect_seldom()
    working = [asyncio.create_task(subscribers.run()), *([asyncio.create_task(deliver.run())] if deliver is not None else [])]
    told = asyncio.create_task(until_told())
    try:
        await asyncio.wait({*working, told}, return_when=asyncio.FIRST_COMPLETED)
        subscribers.stop()
        if deliver is not None:
            await deliver.stop()
        await asyncio.gather(*working)
    finally:
        told.cancel()
        await hooks.close()
        if gateway is not None:
            await gateway.close()
        await reference.stop()
        await publisher.stop()


def _customs(settings: Settings, vault: Vault, clock: WallClock, publisher: KafkaPublisher, gateway: CustomsGateway[Reply]) -> Deliver:
    return Deliver(
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


def _judging(bootstrap: str, reference: ReferenceReader) -> Callable[[str, Verdict], Awaitable[None]]:
    """Publishes what the sender found about an endpoint; read by this process when it returns."""

    async def judge(id: str, verdict: Verdict) -> None:
        value = {"state": verdict.state, "reason": verdict.reason, "at": verdict.at, "resumed": verdict.resumed}
        record = ReferenceRecord(ENDPOINT, id, 1, ALWAYS, value=value)
        offset = await publish(bootstrap, as_versions([record], reference.data))
        if offset >= 0:
            await reference.reached(offset)

    return judge


def _report(deliver: Deliver, instance: str, since: int, now: int) -> DeliveryReport:
    counts = deliver.counts
    return DeliveryReport(
        "customs",
        instance,
        now,
        since,
        delivered=counts["delivered"] + counts["refused"],
        retried=counts["retried"],
        parked=counts["parked"],
        last_success=deliver.last_success,
        last_failure=deliver.last_failure,
    )


@click.command("deliver")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Hand accepted messages over to customs, in order for each sender, and events to their subscribers, until ended.

    Example: HUB_CUSTOMS_URL=http://127.0.0.1:8081 hub deliver
    """
    run(serve(loaded(ctx).settings))

"""What the commands about participants share: a principal's record read, changed and published as its next version."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from hub.cli import loaded
from hub.cli.acting import recorded
from hub.cli.running import run
from hub.domain.access import Principal
from hub.domain.faults import Misconfigured
from hub.domain.keys import china_day
from hub.domain.reference import ReferenceRecord, day_number
from hub.infra.process import WallClock
from hub.infra.reference import ReferenceReader, as_versions, publish
from hub.settings import Settings

#: A principal's record and the time (ms) → the record as it is to be.
Change = Callable[[dict[str, Any], int], dict[str, Any]]


async def reading(settings: Settings) -> ReferenceReader:
    """The reference data, read to their end; Misconfigured where no Kafka is named."""
    if not settings.kafka:
        raise Misconfigured(["set HUB_KAFKA to the hub's Kafka (hub up prints it)"])
    reader = ReferenceReader(settings.kafka, WallClock())
    await reader.start()
    await reader.ready()
    return reader


def today() -> str:
    """The day in China, ``YYYY-MM-DD``."""
    moment = datetime.fromtimestamp(WallClock().now() / 1000, UTC) + timedelta(hours=8)
    return moment.strftime("%Y-%m-%d")


async def found(settings: Settings, name: str) -> dict[str, Any]:
    """The record of a principal in force today; Misconfigured where there is none."""
    reader = await reading(settings)
    try:
        value = reader.data.find("principal", name, china_day(WallClock().now()))
    finally:
        await reader.stop()
    if value is None:
        raise Misconfigured([f"there is no principal {name!r}"])
    return dict(value)


def change(ctx: click.Context, name: str, to: Change, what: str, detail: Mapping[str, str] | None = None) -> None:
    """Change a principal's record and record the act (a word of ``hub.domain.audit``); ``to`` may raise Misconfigured or ValueError."""
    settings = loaded(ctx).settings

    async def main() -> None:
        former = await found(settings, name)
        try:
            value = to(former, WallClock().now())
        except ValueError as error:
            raise Misconfigured([str(error)]) from error
        await recorded(settings, what, name, detail)
        await publish_next(settings, ReferenceRecord("principal", name, 1, today(), value=value))

    try:
        run(main())
    except SystemExit as end:
        if end.code:
            raise


async def principals(settings: Settings) -> list[Principal]:
    """Every principal in force today."""
    reader = await reading(settings)
    try:
        return reader.principals()
    finally:
        await reader.stop()


async def publish_next(settings: Settings, record: ReferenceRecord, where_none: Sequence[ReferenceRecord] = ()) -> None:
    """Publish a record as the next version; those of ``where_none`` only where none is in force on their first day."""
    reader = await reading(settings)
    try:
        missing = [one for one in where_none if reader.data.find(one.kind, one.id, day_number(one.valid_from)) is None]
        offset = await publish(settings.kafka, as_versions([record, *missing], reader.data))
        if offset >= 0:
            await reader.reached(offset)
    finally:
        await reader.stop()

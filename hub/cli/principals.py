"""What the commands that write reference data share: a record read, changed and published as its next version, one writer at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from hub.cli import loaded
from hub.cli.acting import recorded
from hub.cli.running import require_kafka, run
from hub.domain.access import Principal, principal_of
from hub.domain.faults import Misconfigured
from hub.domain.keys import china_day
from hub.domain.reference import Reference, ReferenceRecord
from hub.infra.certificates import owner_of
from hub.infra.process import WallClock
from hub.infra.records import KafkaRecords
from hub.infra.reference import ReferenceReader, amending
from hub.settings import Settings

#: A principal's record and the time (ms) → the record as it is to be.
Change = Callable[[dict[str, Any], int], dict[str, Any]]


async def amend(
    settings: Settings, to: Callable[[Reference], Sequence[ReferenceRecord]], what: str, subject: str, detail: Mapping[str, str] | None = None
) -> int:
    """Record an act (a word of ``hub.domain.audit``) and publish what ``to`` makes of all that is known, in turn with the doors and all
    other commands: of two that chose the same next version only one would be left. The offset then in force, -1 where nothing was new.

    ``to`` is asked twice, before the act is recorded and when it is this command's turn; it may raise Misconfigured.
    """
    if settings.kafka and not settings.database:
        raise Misconfigured(["set HUB_DATABASE to the hub's database (hub up knows it): who writes reference data takes turns there"])
    reader, log = await reading(settings), KafkaRecords(settings.kafka)
    try:
        to(reader.data)
        await recorded(settings, what, subject, detail)
        published = await amending(settings.kafka, reader, log, settings.database)(to)
        return reader.data.reached if published else -1
    finally:
        await log.close()
        await reader.stop()


async def reading(settings: Settings) -> ReferenceReader:
    """The reference data, read to their end; Misconfigured where no Kafka is named."""
    require_kafka(settings)
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
        return _found(reader.data, name)
    finally:
        await reader.stop()


def _found(data: Reference, name: str) -> dict[str, Any]:
    value = data.find("principal", name, china_day(WallClock().now()))
    if value is None:
        raise Misconfigured([f"there is no principal {name!r}"])
    return dict(value)


def nobody_elses(
    data: Reference, name: str, *, codes: Sequence[str] = (), dxp_ids: Sequence[str] = (), fingerprints: Sequence[str] = ()
) -> None:
    """Misconfigured where a code, a number or a certificate is another principal's than ``name``'s."""
    others = [principal_of(one, dict(held)) for one, held in data.all("principal", china_day(WallClock().now())) if one != name]
    held = {code: one.name for one in others for code in (*one.codes, *one.dxp_ids)}
    held |= {fingerprint: owner for fingerprint in fingerprints if (owner := owner_of(fingerprint, others))}
    if taken := [f"{what} belongs to {held[what]}" for what in (*codes, *dxp_ids, *fingerprints) if what in held]:
        raise Misconfigured(taken)


def change(
    ctx: click.Context, name: str, to: Change, what: str, detail: Mapping[str, str] | None = None, *, fingerprint: str = ""
) -> None:
    """Change a principal's record and record the act, as ``amend`` does; ``to`` may raise Misconfigured or ValueError.

    ``fingerprint``: of a certificate that has to be nobody else's.
    """
    settings = loaded(ctx).settings

    def changed(data: Reference) -> list[ReferenceRecord]:
        if fingerprint:
            nobody_elses(data, name, fingerprints=[fingerprint])
        try:
            value = to(_found(data, name), WallClock().now())
        except ValueError as error:
            raise Misconfigured([str(error)]) from error
        return [ReferenceRecord("principal", name, 1, today(), value=value)]

    async def main() -> None:
        await amend(settings, changed, what, name, detail)

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

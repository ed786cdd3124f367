"""Certificates of participants as operators handle them, and the daily look for those that end."""

from __future__ import annotations

import asyncio
import logging
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from hub import codec, topics
from hub.domain.access import Principal, is_operator
from hub.domain.cloud_events import headers
from hub.domain.events import Answer
from hub.domain.expiry import HUB, Expiring, notice, stage
from hub.domain.faults import Misconfigured, Unavailable
from hub.domain.keys import china_day, rfc3339
from hub.infra.health import Health
from hub.infra.process import WallClock
from hub.infra.reference import ReferenceReader
from hub.ports import Clock, Publisher, Row
from hub.settings import Settings

log = logging.getLogger(__name__)
#: Seconds between two looks whether a new day has begun.
_PAUSE = 600


class Described(msgspec.Struct, frozen=True):
    """A certificate for people. ``until``, ``since``: ms."""

    subject: str
    serial: str
    fingerprint: str
    since: int
    until: int
    der: str  # base64

    @property
    def raw(self) -> bytes:
        """The DER itself."""
        return b64decode(self.der)


@lru_cache(maxsize=4096)
def described(der: str) -> Described | None:
    """The certificate in this base64 DER; None where it is none."""
    try:
        data = b64decode(der, validate=True)
        found = x509.load_der_x509_certificate(data)
        return Described(
            subject=found.subject.rfc4514_string(),
            serial=f"{found.serial_number:x}",
            fingerprint=sha256(data).hexdigest(),
            since=int(found.not_valid_before_utc.timestamp() * 1000),
            until=int(found.not_valid_after_utc.timestamp() * 1000),
            der=der,
        )
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None


def read_certificate(path: Path) -> Described:
    """A certificate in PEM (the first of the file) or DER; Misconfigured where the file holds none."""
    data = path.read_bytes()
    try:
        found = x509.load_pem_x509_certificate(data) if b"-----BEGIN" in data else x509.load_der_x509_certificate(data)
        made = described(b64encode(found.public_bytes(Encoding.DER)).decode())
    except (ValueError, UnsupportedAlgorithm):
        made = None
    if made is None:
        raise Misconfigured([f"{path} holds no certificate in PEM or DER"])
    return made


def owner_of(fingerprint: str, principals: Iterable[Principal]) -> str:
    """The name of the principal a certificate belongs to, empty where it is nobody's."""
    for principal in principals:
        signing = (found.fingerprint for found in map(described, principal.certificates) if found is not None)
        if fingerprint in signing or fingerprint in principal.tls_certificates:
            return principal.name
    return ""


def ending(principals: Iterable[Principal], own: Path | None, now: int) -> list[Expiring]:
    """Every certificate that is over or ends within thirty days, the first to end first; ``own``: the hub's for TLS (PEM)."""
    found = [
        Expiring(principal.name, "sign", one.fingerprint, one.serial, one.until)
        for principal in principals
        if not principal.suspended
        for one in map(described, principal.certificates)
        if one is not None
    ]
    if own is not None:
        with suppress(Misconfigured, OSError):  # a file that cannot be read is told where it is used
            one = read_certificate(own)
            found.append(Expiring(HUB, "tls", one.fingerprint, one.serial, one.until))
    return sorted((one for one in found if stage(one.until, now) is not None), key=lambda one: one.until)


def notices(found: Iterable[Expiring], principals: Sequence[Principal], now: int) -> list[Answer]:
    """What is to be said today: to whom a certificate belongs, of the hub's own to every operator."""
    operators = [principal.name for principal in principals if is_operator(principal)]
    told = [
        notice(one, name, now) for one in found for name in (operators if one.owner == HUB else (one.owner,))
    ]
    return [one for one in told if one is not None]


async def certificates_health(settings: Settings) -> Health:
    """No certificate of a participant, nor the hub's own, is over or ends within thirty days."""
    if not settings.kafka:
        return Health("certificates", "off", "none named, none running: hub up brings its own", "未指定且未运行：hub up 自带")
    clock = WallClock()
    reader = ReferenceReader(settings.kafka, clock)
    await reader.start()
    try:
        async with asyncio.timeout(10):
            await reader.ready()
        found, now = ending(reader.principals(), settings.tls_certificate, clock.now()), clock.now()
    except (Unavailable, TimeoutError):
        return Health("certificates", "off", "not looked at: no broker", "未检查：Kafka 无应答")
    finally:
        await reader.stop()
    if not found:
        return Health("certificates", "ok", "none ends within 30 days", "30 天内无证书到期")
    first = found[0]
    when = rfc3339(first.until)
    over = sum(one.until <= now for one in found)
    return Health(
        "certificates", "wrong",
        f"{len(found)} end within 30 days or are over ({over}), first: {first.serial} of {first.owner} ({first.use}), {when}",
        f"{len(found)} 份证书 30 天内到期或已过期（{over}），首份：{first.owner} 的 {first.serial}（{first.use}），{when}",
        "get its successor and register it: hub participants certificate add", "请申领新证书并登记：hub participants certificate add",
    )  # fmt: skip


class ExpiryWatch:
    """Looks once a day, and when the process starts. What was said before is not said again (the notice's id is in the read model);
    where two processes look at the same moment both say it, and the read model counts it once.
    """

    def __init__(
        self,
        *,
        principals: Callable[[], list[Principal]],
        own: Path | None,
        told: Callable[[list[str]], Awaitable[set[str]]],
        publisher: Publisher,
        clock: Clock,
        partitions: int,
    ) -> None:
        """``told``: which of these ids participants have been told already; raises Unavailable."""
        self._principals, self._own, self._told = principals, own, told
        self._publisher, self._clock, self._partitions = publisher, clock, partitions

    async def run(self) -> None:
        """Look each day until cancelled; what is away is waited for."""
        looked = 0
        while True:
            day = china_day(self._clock.now())
            if day != looked:
                try:
                    await self.look()
                    looked = day
                except Unavailable:
                    pass
                except Misconfigured as wrong:
                    log.warning("certificates: %s", wrong)
                    looked = day
            await asyncio.sleep(_PAUSE if looked == day else 10)

    async def look(self) -> int:
        """Say what has not been said; how many notices that were. Raises Unavailable."""
        now, principals = self._clock.now(), self._principals()
        due = notices(ending(principals, self._own, now), principals, now)
        known = await self._told([one.id for one in due]) if due else set()
        rows: dict[tuple[str, int], list[Row]] = {}
        for one in due:
            if one.id not in known:
                key = one.participant.encode()
                made = headers("hub.answer.received.v1", one.id, one.participant, one.at)
                rows.setdefault((topics.ANSWERS, topics.partition_of(key, self._partitions)), []).append((key, codec.to_json(one), made))
        if rows:
            await self._publisher.send(rows)
        return sum(map(len, rows.values()))

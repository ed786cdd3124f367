"""A door in this process: the real judge, vault and key; the publisher is whatever the test gives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from ssl import PEM_cert_to_DER_cert

import msgspec
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from adapters.dialects import dxp
from adapters.door import Claimed, Door
from adapters.intake import Judge
from adapters.transports import http
from hub.demo import Signed, messages
from hub.domain.access import Access, Principal
from hub.domain.faults import Unavailable
from hub.infra.crypto import HubKey
from hub.infra.participants import DemoPrincipal, demo_principals, hosted_key
from hub.infra.vault import Vault
from hub.ports import Publisher, Row
from hub.settings import Settings
from tests.support.delivery import WallClock

#: What every principal signs webhooks with.
SECRET = b"s" * 32


class Log:
    """Keeps what it is sent in order; ``away`` makes it unavailable, ``hold`` keeps it from confirming."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, int, Row]] = []
        self.away = False
        self.sends = 0
        self.go = asyncio.Event()
        self.go.set()

    async def send(self, rows: Mapping[tuple[str, int], Sequence[Row]]) -> dict[tuple[str, int], list[int]]:
        self.sends += 1
        await self.go.wait()
        if self.away:
            raise Unavailable("Kafka")
        offsets: dict[tuple[str, int], list[int]] = {}
        for (topic, partition), some in rows.items():
            for row in some:
                offsets.setdefault((topic, partition), []).append(len(self.rows))
                self.rows.append((topic, partition, row))
        return offsets

    def of(self, topic: str) -> list[Row]:
        return [row for name, _, row in self.rows if name == topic]


class FirstWins:
    """Claims of one process without a log."""

    def __init__(self) -> None:
        self.held: dict[str, Claimed] = {}

    def known(self, submission: str) -> Claimed | None:
        return self.held.get(submission)

    async def claim(self, submission: str, fingerprint: str, answer: bytes) -> Claimed:
        return self.held.setdefault(submission, Claimed(fingerprint, answer))


class Made(msgspec.Struct):
    """Everything a test needs of a door."""

    door: Door
    vault: Vault
    key: HubKey
    entries: dict[str, DemoPrincipal]
    settings: Settings
    suspended: tuple[str, ...] = ()

    def sales(self, number: int = 0) -> list[Signed]:
        """The four signed messages of one sale."""
        return messages(self.entries, WallClock().now() + number * 1000)

    def by_key(self, key: str) -> Principal | None:
        found = next((e for e in self.entries.values() if e.api_key == key), None)
        return None if found is None else self.principal(found.name)

    def principal(self, name: str) -> Principal:
        e = self.entries[name]
        return Principal(
            name=name,
            roles=tuple(e.roles),
            codes=tuple(e.codes),
            dxp_ids=(e.dxp_id,),
            hosted=bool(e.key),
            demo=True,
            certificates=tuple(filter(None, (e.certificate, e.sm2_certificate))),
            suspended=name in self.suspended,
        )


def a_door(folder: Path, publisher: Publisher, claims: object = None, **settings: object) -> Made:
    """A door over the given publisher; settings as an operator would give them."""
    entries = {e.name: e for e in demo_principals(folder, folder / "keys")}
    vault, key = Vault(folder / "keys"), HubKey.load(folder / "keys")
    chosen = Settings(**{"data": folder, "enrolment": "open", **settings})  # type: ignore[arg-type]
    filed = {code: e.name for e in entries.values() for code in e.codes}
    judge = Judge(
        access=lambda: Access(open_enrolment=True, filed=filed),
        signatures="required",
        digest=vault.digest,
        signing_key=lambda p: hosted_key(entries[p.name]) if p.hosted else None,
        certificates=lambda p: {sha256(PEM_cert_to_DER_cert(text)).hexdigest() for text in p.certificates},
    )
    door = Door(
        judge=judge,
        publisher=publisher,
        sealer=vault,
        sign=key.sign,
        key_id=key.id,
        claims=claims or FirstWins(),  # type: ignore[arg-type]
        clock=WallClock(),
        settings=chosen,
    )
    return Made(door, vault, key, entries, chosen)


@asynccontextmanager
async def served(made: Made) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    """The door over HTTP, on a server that leaves packed bodies as they are."""
    app = web.Application()
    app.add_routes(
        http.routes(
            made.door,
            made.by_key,
            made.settings,
            lambda *what: dxp.reply_to(*what, "2026-06-01"),
            lambda name: (made.principal(name), (SECRET,)) if name in made.entries else None,
            WallClock().now,
        )
    )
    server = TestServer(app)
    await server.start_server(auto_decompress=False)  # the door unpacks itself, within bounds
    async with TestClient(server) as client:
        yield client
    await made.door.stop()

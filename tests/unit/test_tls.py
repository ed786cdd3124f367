"""TLS with clients' certificates on a real connection: who is let in, as whom, and a new certificate while it runs."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiohttp import ClientConnectorError, ClientError, ClientSession, TCPConnector, web

from adapters.transports import http
from hub.domain.access import Principal
from hub.domain.faults import Misconfigured
from hub.infra.tls import TlsFiles
from hub.settings import SettingsError, load
from hub.web.app import make_app
from tests.support.certificates import Made, a_certificate
from tests.support.door import Log, a_door
from tests.support.site import parts_of

SOON = datetime.now(UTC) + timedelta(days=300)
CA = a_certificate("test authority", SOON, ca=True)
STRANGE = a_certificate("another authority", SOON, ca=True)
PAYER = a_certificate("payer", SOON, by="test authority")
CARRIER = a_certificate("carrier", SOON, by="test authority")
NOBODY = a_certificate("nobody", SOON, by="test authority")
STRANGER = a_certificate("stranger", SOON, by="another authority")
OVER = a_certificate("over", datetime.now(UTC) - timedelta(days=1), by="test authority")


def print_of(made: Made) -> str:
    return sha256(made.der).hexdigest()


class Site(NamedTuple):
    """A served hub: its address, its files, its principals by certificate."""

    port: int
    files: TlsFiles
    folder: Path
    bound: dict[str, Principal]
    made: Any


def write(folder: Path, made: Made) -> None:
    (folder / "hub.pem").write_bytes(made.pem)
    (folder / "hub.key").write_bytes(made.key_pem)


@asynccontextmanager
async def opened(folder: Path, *, required: bool = False) -> AsyncIterator[Site]:
    write(folder, a_certificate("hub", SOON, by="test authority", host="localhost"))
    (folder / "clients.pem").write_bytes(CA.pem)
    files = TlsFiles(folder / "hub.pem", folder / "hub.key", folder / "clients.pem", required=required)
    made = a_door(folder, Log())
    bound = {print_of(PAYER): made.principal("payer"), print_of(CARRIER): made.principal("carrier")}
    parts = parts_of(
        None, by_certificate=bound.get, routes=http.routes(made.door, made.by_key, made.settings, by_certificate=bound.get)
    )
    runner = web.AppRunner(make_app(parts), auto_decompress=False)
    await runner.setup()
    await web.TCPSite(runner, "localhost", 0, ssl_context=files.context).start()
    try:
        yield Site(runner.addresses[0][1], files, folder, bound, made)
    finally:
        await runner.cleanup()
        await made.door.stop()


def client(folder: Path, made: Made | None, *, trusts: Made = CA) -> ClientSession:
    context = ssl.create_default_context(cadata=trusts.pem.decode())
    if made is not None:
        (folder / "client.pem").write_bytes(made.pem + made.key_pem)
        context.load_cert_chain(folder / "client.pem")
    return ClientSession(connector=TCPConnector(ssl=context))


async def post(site: Site, made: Made | None, name: str, key: str = "") -> tuple[int, Any]:
    """A right message of a participant, over a connection with that certificate and perhaps a key."""
    signed = next(one for one in site.made.sales() if one.principal.name == name)
    headers = {"Content-Type": "application/xml"} | ({"Authorization": f"Bearer {key}"} if key else {})
    async with client(site.folder, made) as session:
        response = await session.post(f"https://localhost:{site.port}/v1/messages", data=signed.body, headers=headers)
        body = await response.json(content_type=None)
        return response.status, body.get("principal") or body["faults"][0]["code"]


async def test_a_registered_certificate_opens_the_door_without_a_key(tmp_path: Path) -> None:
    async with opened(tmp_path) as site:
        keys = {name: site.made.entries[name].api_key for name in ("payer", "carrier")}
        assert await post(site, PAYER, "payer") == (202, "payer")
        assert await post(site, PAYER, "payer", keys["payer"]) == (202, "payer")
        assert await post(site, None, "payer", keys["payer"]) == (202, "payer")
        assert await post(site, PAYER, "payer", keys["carrier"]) == (401, "access.certificate_mismatch")
        assert await post(site, PAYER, "payer", "hub_wrong") == (401, "access.unknown_key")
        assert await post(site, NOBODY, "payer") == (401, "access.unknown_certificate")
        assert await post(site, NOBODY, "payer", keys["payer"]) == (401, "access.unknown_certificate")
        assert await post(site, None, "payer") == (401, "access.no_key")
        site.made.suspended = ("payer",)
        site.bound[print_of(PAYER)] = site.made.principal("payer")
        assert await post(site, PAYER, "payer") == (403, "access.suspended")


@pytest.mark.parametrize("made", [STRANGER, OVER])
async def test_a_certificate_of_another_authority_or_over_opens_no_connection(tmp_path: Path, made: Made) -> None:
    async with opened(tmp_path) as site:
        with pytest.raises((ClientError, OSError)):
            await post(site, made, "payer")


async def test_where_one_is_required_nobody_connects_without(tmp_path: Path) -> None:
    async with opened(tmp_path, required=True) as site:
        with pytest.raises((ClientError, OSError)):
            await post(site, None, "payer", site.made.entries["payer"].api_key)
        assert await post(site, PAYER, "payer") == (202, "payer")


async def test_the_api_knows_the_caller_by_certificate_and_pages_do_not(tmp_path: Path) -> None:
    async with opened(tmp_path) as site, client(tmp_path, NOBODY) as session:
        told = await session.get(f"https://localhost:{site.port}/v1/worklist")
        assert (await told.json(content_type=None))["faults"][0]["code"] == "access.unknown_certificate"
        page = await session.get(f"https://localhost:{site.port}/login")
        assert page.status == 200
        assert "Secure" not in page.headers.get("Set-Cookie", "")


async def test_a_new_certificate_counts_for_the_next_connection_and_cuts_none(tmp_path: Path) -> None:
    async with opened(tmp_path) as site, client(tmp_path, None) as before:
        address = f"https://localhost:{site.port}/healthz"
        first = await before.get(address)
        assert first.status == 200
        await first.read()
        assert not site.files.look()
        write(tmp_path, a_certificate("hub anew", SOON, by="another authority", host="localhost"))
        assert site.files.look()
        assert (await before.get(address)).status == 200
        async with client(tmp_path, None, trusts=STRANGE) as after:
            assert (await after.get(address)).status == 200
        async with client(tmp_path, None) as late:
            with pytest.raises(ClientConnectorError):
                await late.get(address)


async def test_a_pair_that_does_not_fit_leaves_the_former_in_force(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with opened(tmp_path) as site:
        (tmp_path / "hub.key").write_bytes(a_certificate("other", SOON).key_pem)
        assert not site.files.look()
        assert "the former certificate goes on" in caplog.text
        assert "PRIVATE" not in caplog.text
        async with client(tmp_path, None) as session:
            assert (await session.get(f"https://localhost:{site.port}/healthz")).status == 200
    with pytest.raises(Misconfigured):
        TlsFiles(tmp_path / "hub.pem", tmp_path / "hub.key")


def test_settings_that_do_not_go_together_are_told() -> None:
    with pytest.raises(SettingsError) as told:
        load({"HUB_TLS_KEY": "k", "HUB_TLS_CLIENTS": "c", "HUB_TLS_REQUIRED": "true"}, None)
    assert len(told.value.problems) == 2

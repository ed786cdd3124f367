"""A platform's responder as a process and the sandbox customs, over HTTP; killed between request and upload."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters.authorities.customs.payment_data import UPLOAD, Opened, PaymentDesk, Platform
from adapters.certificates import certificate
from hub.infra.embedded import free_port
from tests.support.payments import PLATFORM, RSA, SM2, a_key, a_record, append, files_of

ROOT = Path(__file__).parents[2]


class Site:
    """The sandbox customs' desk behind a door that can be shut, and the responder's process."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder, self.kind = folder, kind
        self.port = free_port()
        self.shut = False
        self.knocks = 0
        self.customs = ""
        self.process: asyncio.subprocess.Process | None = None
        own = a_key(kind).certificate
        self.url = f"http://127.0.0.1:{self.port}/platDataOpen"
        # A moment at which a certificate is valid that the outside made just now.
        self.now = max(certificate(own).not_before + 1, time.time_ns() // 1_000_000)
        self.desk = PaymentDesk(None, lambda code: Platform(self.url, own) if code == PLATFORM else None, lambda: self.now)
        for name, text in zip(("key.pem", "certificate.pem"), files_of(kind), strict=True):
            (folder / name).write_bytes(text)
        (folder / "records").mkdir()

    @web.middleware
    async def door(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self.knocks += request.path == UPLOAD
        return web.Response(status=503) if self.shut else await handler(request)

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "hub", "responder", "serve", "--records", str(self.folder / "records"),
            "--key", str(self.folder / "key.pem"), "--certificate", str(self.folder / "certificate.pem"),
            "--customs", self.customs + UPLOAD, "--data", str(self.folder / "data"), "--listen", f"127.0.0.1:{self.port}",
            cwd=ROOT,
        )  # fmt: skip
        async with aiohttp.ClientSession() as http:
            deadline = time.monotonic() + 30
            while True:
                with suppress(aiohttp.ClientError):
                    async with http.get(f"http://127.0.0.1:{self.port}/healthz"):
                        return
                assert time.monotonic() < deadline
                await asyncio.sleep(0.05)

    async def end(self, number: signal.Signals = signal.SIGKILL) -> int:
        assert self.process is not None
        with suppress(ProcessLookupError):
            self.process.send_signal(number)
        return await self.process.wait()

    async def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline, "the condition did not come"
            await asyncio.sleep(0.02)

    def outcome(self, opened: Opened) -> Opened:
        found = self.desk._find(opened.session)
        assert found is not None
        return found


@asynccontextmanager
async def a_site(folder: Path, kind: str) -> AsyncIterator[Site]:
    site = Site(folder, kind)
    app = web.Application(middlewares=[site.door])
    app.add_routes(site.desk.routes())
    async with TestServer(app) as server:
        site.customs = str(server.make_url("/")).rstrip("/")
        await site.start()
        try:
            yield site
        finally:
            await site.end()
            await site.desk.close()


@pytest.mark.parametrize("kind", [RSA, SM2])
async def test_customs_asks_and_gets_the_whole_payment_request_signed(tmp_path: Path, kind: str) -> None:
    async with a_site(tmp_path, kind) as site:
        append(tmp_path / "records", a_record("A", "B"), a_record("C"))
        opened = await site.desk.open(PLATFORM, "B")
        await site.until(lambda: site.outcome(opened).uploads == 1)
        kept = site.outcome(opened)
        assert (kept.code, kept.outcome, kept.orders, kept.faults) == ("10000", "uploaded", 2, ())
        unknown = await site.desk.open(PLATFORM, "Z")
        assert (unknown.code, unknown.outcome) == ("20000", "refused")
        assert await site.end(signal.SIGTERM) == 0


async def test_what_was_taken_before_a_kill_is_uploaded_after_it(tmp_path: Path) -> None:
    async with a_site(tmp_path, RSA) as site:
        append(tmp_path / "records", *(a_record(f"A{n}", f"B{n}") for n in range(30)))
        site.shut = True
        opened = [await site.desk.open(PLATFORM, f"B{number}") for number in range(15)]
        assert {session.code for session in opened} == {"10000"}
        await site.until(lambda: site.knocks > 0)
        await site.end()
        site.shut = False
        assert {site.outcome(session).uploads for session in opened} == {0}
        await site.start()
        opened += [await site.desk.open(PLATFORM, f"A{number}") for number in range(15, 30)]
        await site.end()  # some uploaded, some not, some under way
        await site.start()
        await site.until(lambda: all(site.outcome(session).uploads for session in opened))
        assert {site.outcome(session).outcome for session in opened} == {"uploaded"}


async def test_a_probe_asks_as_customs_does(tmp_path: Path) -> None:
    async with a_site(tmp_path, RSA) as site:
        append(tmp_path / "records", a_record("A"))
        probe = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "hub", "responder", "probe", site.url, "--records", str(tmp_path / "records"), "--json",
            cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        output, _ = await probe.communicate()
        said = json.loads(output)
        assert (probe.returncode, said["ready"], said["code"]) == (0, True, "10000")
        await site.until(lambda: site.knocks > 0)  # customs knows no such session: it is the upload that is tried

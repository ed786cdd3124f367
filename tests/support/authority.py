"""A time-stamping authority of the test's own: ``openssl ts`` behind a small HTTP server."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from cryptography import x509

_CONFIG = """
[ req ]
distinguished_name = dn
prompt = no
x509_extensions = ca
[ dn ]
CN = Made-up authority of a test
[ ca ]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
[ leaf ]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[ tsa ]
default_tsa = config
[ config ]
dir = {folder}
serial = $dir/serial
crypto_device = builtin
signer_cert = $dir/tsa.pem
signer_key = $dir/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ordering = no
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


class TestAuthority:
    """Its issuer's certificate, and what it is told to do: ``away`` answers 503, ``wrong`` stamps something else."""

    __test__ = False

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        (folder / "openssl.cnf").write_text(_CONFIG.format(folder=folder), "utf-8")
        (folder / "serial").write_text("01\n", "utf-8")
        new = ("-newkey", "rsa:2048", "-nodes", "-config", "openssl.cnf")
        _openssl(folder, "req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.pem", "-days", "10")
        _openssl(folder, "req", *new, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=Made-up stamps")
        signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "openssl.cnf", "-extensions", "leaf")
        _openssl(folder, "x509", "-req", "-in", "tsa.csr", "-out", "tsa.pem", "-days", "10", *signed)
        self.pem = folder / "ca.pem"
        self.issuers = x509.load_pem_x509_certificates(self.pem.read_bytes())
        self.away = self.wrong = False
        self.asked = 0

    async def answer(self, request: web.Request) -> web.Response:
        """A response to a request (RFC 3161, 3.4)."""
        self.asked += 1
        if self.away:
            return web.Response(status=503)
        query = self._folder / f"query-{self.asked}"
        if self.wrong:
            await asyncio.to_thread(_openssl, self._folder, "ts", "-query", "-sha256", "-cert", "-digest", "00" * 32, "-out", str(query))
        else:
            query.write_bytes(await request.read())
        reply = query.with_suffix(".reply")
        command = ("ts", "-reply", "-config", "openssl.cnf", "-queryfile", str(query), "-out", str(reply))
        await asyncio.to_thread(_openssl, self._folder, *command)
        return web.Response(body=reply.read_bytes(), content_type="application/timestamp-reply")


@asynccontextmanager
async def answering(authority: TestAuthority) -> AsyncIterator[str]:
    """The address at which it answers."""
    app = web.Application()
    app.router.add_post("/", authority.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()

"""TLS for the door, the API and the console: the hub's certificate, and those of clients. Read again when the files change."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

from hub.domain.faults import Misconfigured

log = logging.getLogger(__name__)


class TlsFiles:
    """The context of the server. A new certificate counts for the next connection, and nobody's is cut.

    ``clients``: certificates of the authorities whose clients are let in by certificate (PEM), None: nobody is asked for one.
    ``required``: no connection without one. An authority that is taken out of the file is trusted until the process starts anew.
    """

    def __init__(self, certificate: Path, key: Path, clients: Path | None = None, *, required: bool = False) -> None:
        """Raises Misconfigured where the files do not fit."""
        self._certificate, self._key, self._clients = certificate, key, clients
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.set_alpn_protocols(["http/1.1"])
        if clients is not None:
            self.context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL
        self._seen = self._changed()
        self._load()

    def look(self) -> bool:
        """Read the files again if one has changed; whether they were. What does not fit is left alone, and said once."""
        changed = self._changed()
        if changed == self._seen:
            return False
        self._seen = changed
        try:
            self._load()
        except Misconfigured as wrong:
            log.error("TLS: %s; the former certificate goes on", wrong)  # noqa: TRY400 - its trace says nothing more
            return False
        log.info("TLS: the certificate was read anew")
        return True

    def _load(self) -> None:
        try:
            # tried on a context of its own: one that fails half-way would leave ours with a key that does not fit
            for context in (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), self.context):
                context.load_cert_chain(self._certificate, self._key, password=_no_password)
                if self._clients is not None:
                    context.load_verify_locations(self._clients)
        except (OSError, ValueError) as error:
            raise Misconfigured([f"tls_certificate, tls_key or tls_clients: {type(error).__name__}, {getattr(error, 'reason', None) or getattr(error, 'strerror', '')}"]) from None

    def _changed(self) -> tuple[int, ...]:
        """When each file was written, 0 where it is not there."""
        return tuple(_written(path) for path in (self._certificate, self._key, self._clients) if path is not None)


def _written(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _no_password() -> str:
    """An encrypted key fails instead of asking the terminal."""
    return ""

"""The client's certificate of a connection, for whoever asks who calls."""

from __future__ import annotations

import ssl
from hashlib import sha256

from aiohttp import web


def fingerprint_of(request: web.Request) -> str:
    """SHA-256 of the DER of the certificate the client showed, hexadecimal; empty without TLS or where it showed none.

    The connection has checked that it leads to an authority of ``tls_clients`` and that the client has its key.
    """
    transport = request.transport
    connection = transport.get_extra_info("ssl_object") if transport is not None else None
    if not isinstance(connection, ssl.SSLObject):
        return ""
    der = connection.getpeercert(binary_form=True)
    return sha256(der).hexdigest() if der else ""

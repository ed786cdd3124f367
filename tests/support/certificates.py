"""Certificates for tests: of one's own making, ending when a test wants."""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime, timedelta
from functools import cache
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID


class Made(NamedTuple):
    """A certificate signed by its own key, or by another's."""

    pem: bytes
    der: bytes
    key_pem: bytes
    certificate: x509.Certificate

    @property
    def base64(self) -> str:
        """The DER as principals' records have it."""
        return b64encode(self.der).decode()


@cache
def a_key(name: str) -> rsa.RSAPrivateKey:
    """An RSA key, the same for the same name."""
    del name
    return rsa.generate_private_key(65537, 2048)


def a_certificate(name: str, until: datetime, *, by: str = "", ca: bool = False, host: str = "", since: datetime | None = None) -> Made:
    """A certificate of ``name``; ``by`` another name: signed with that one's key. ``host``: a name or address it is for."""
    key, signer = a_key(name), a_key(by or name)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, by or name)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since or until - timedelta(days=365))
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if host:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
    made = builder.sign(signer, hashes.SHA256())
    encoding = serialization.Encoding
    return Made(
        made.public_bytes(encoding.PEM),
        made.public_bytes(encoding.DER),
        key.private_bytes(encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
        made,
    )

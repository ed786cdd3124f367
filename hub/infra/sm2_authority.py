"""SM2 certificates of made-up participants, by an authority of their own.

``cryptography`` writes X.509, but not for SM2. So it writes the certificate for a throw-away key on P-256, whose names in
DER have the same length as SM2's: they are exchanged, with the public key, and the result is signed with SM2.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hub import sm2
from hub.infra.keyfiles import read_or_create

#: Object identifiers in DER: ecdsa-with-SHA256 and SM2-with-SM3.
ECDSA_SHA256, SM2_SM3 = bytes.fromhex("06082a8648ce3d040302"), bytes.fromhex("06082a811ccf55018375")

_VALID = timedelta(days=3652)

#: What is to be certified: a builder that lacks only the public key.
Builder = Callable[[ec.EllipticCurvePublicKey], x509.CertificateBuilder]


class Sm2Pair(NamedTuple):
    """A private key and its certificate, both PEM."""

    key: str
    certificate: str


def certify(build: Builder, key: sm2.SecretKey, signer: sm2.SecretKey) -> bytes:
    """The certificate (DER) of an SM2 key, signed by an SM2 key (its own: self-signed)."""
    other = _throw_away()
    made = build(other.public_key()).sign(other, hashes.SHA256())
    named = other.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    content = made.tbs_certificate_bytes.replace(named, key.public_der(), 1).replace(ECDSA_SHA256, SM2_SM3, 1)
    algorithm = b"\x30" + bytes([len(SM2_SM3)]) + SM2_SM3
    value = b"\x00" + signer.sign_der(content)
    return tlv(0x30, content + algorithm + tlv(0x03, value))


@cache
def _throw_away() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def tlv(tag: int, content: bytes) -> bytes:
    """A value in DER: tag, length, content."""
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(length)]) + length + content


def pem(der: bytes) -> str:
    """A certificate in PEM."""
    return x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM).decode()


class Sm2Authority:
    """A local SM2 authority (``<keys>/ca/sm2.pem``), made at first use; no one outside this hub has a reason to trust it."""

    def __init__(self, keys: Path) -> None:
        self._keys = keys
        held = read_or_create(keys / "ca" / "sm2.pem", _new_root)
        self._key = sm2.SecretKey.load(held)
        self.certificate = x509.load_pem_x509_certificate(held)

    def hosted(self, principal: str, organization: str = "Made-up Ltd") -> Sm2Pair:
        """The SM2 key of a principal with its certificate, issued at first use (ten years)."""
        held = read_or_create(self._keys / "made-up" / f"{principal}.sm2.pem", lambda: self._issue(principal, organization))
        key, mark, certificate = held.decode().partition("-----BEGIN CERTIFICATE-----")
        return Sm2Pair(key, mark + certificate)

    def _issue(self, principal: str, organization: str) -> bytes:
        key = sm2.SecretKey.generate()
        build = _build(_name(principal, organization), self.certificate.subject, authority=False)
        return key.pem() + pem(certify(build, key, self._key)).encode()


def _new_root() -> bytes:
    key, name = sm2.SecretKey.generate(), _name("Demo SM2 CA of the single window (made up)", "Demo")
    return key.pem() + pem(certify(_build(name, name, authority=True), key, key)).encode()


def _name(common: str, organization: str) -> x509.Name:
    parts = ((NameOID.COUNTRY_NAME, "CN"), (NameOID.ORGANIZATION_NAME, organization), (NameOID.COMMON_NAME, common))
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])


def _build(subject: x509.Name, issuer: x509.Name, *, authority: bool) -> Builder:
    """A certificate from yesterday on, since clocks differ, for ten years."""
    now = datetime.now(UTC)  # noqa: TID251 - keys are made at the edge, once
    usage = x509.KeyUsage(not authority, not authority, False, False, False, authority, authority, False, False)  # noqa: FBT003
    return lambda key: (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(secrets.randbits(63) | 1 << 62)  # 16 hexadecimal digits, as customs' cards show them
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _VALID)
        .add_extension(usage, critical=True)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=0 if authority else None), critical=True)
    )

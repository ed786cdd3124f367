"""Keys, certificates and messages for tests of signatures; every name in them is made up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from hub import sm2
from hub.infra.crypto import HostedKey
from hub.infra.sm2_authority import certify, pem

CEB = "http://www.chinaport.gov.cn/ceb"
DS = "http://www.w3.org/2000/09/xmldsig#"

#: A moment at which the certificates made here are valid by default, in milliseconds.
NOW = int(datetime(2024, 6, 1, 4, 0, tzinfo=UTC).timestamp() * 1000)


@cache
def an_rsa_key(bits: int = 2048, which: int = 0) -> rsa.RSAPrivateKey:
    """An RSA key, made once a run for each size and number."""
    assert which >= 0
    return rsa.generate_private_key(65537, bits)


@cache
def a_certificate(
    bits: int = 2048,
    which: int = 0,
    begins: str = "2024-01-01",
    ends: str = "2025-01-01",
    serial: int = 0x03000000000CDE01,
    signs: bool | None = None,
) -> x509.Certificate:
    """A self-signed certificate; ``signs`` sets its key usage (None: it has none)."""
    key = an_rsa_key(bits, which)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"made up {which}")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(datetime.fromisoformat(begins))
        .not_valid_after(datetime.fromisoformat(ends))
    )
    if signs is not None:
        usage = x509.KeyUsage(signs, False, not signs, False, False, False, False, False, False)
        builder = builder.add_extension(usage, critical=True)
    return builder.sign(key, hashes.SHA256())


def a_signer(bits: int = 2048, which: int = 0, **certificate: object) -> HostedKey:
    """A key with its certificate."""
    return HostedKey(an_rsa_key(bits, which), a_certificate(bits, which, **certificate))  # type: ignore[arg-type]


@cache
def an_elliptic_certificate() -> bytes:
    """DER of a certificate whose key is not RSA."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "made up")])
    now = datetime(2024, 1, 1, tzinfo=UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=366))
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.DER)
    )


def an_sm2_key(which: int = 0) -> sm2.SecretKey:
    """An SM2 key, made once a run for each number."""
    return _sm2_key(which)


@cache
def _sm2_key(which: int) -> sm2.SecretKey:
    assert which >= 0
    return sm2.SecretKey.generate()


@cache
def an_sm2_signer(
    which: int = 0,
    begins: str = "2024-01-01",
    ends: str = "2025-01-01",
    serial: int = 0x03000000000CDE02,
    signs: bool | None = None,
) -> sm2.PrivateKey:
    """An SM2 key with a self-signed certificate."""
    key = an_sm2_key(which)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"made up sm2 {which}")])

    def build(public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(public)
            .serial_number(serial)
            .not_valid_before(datetime.fromisoformat(begins))
            .not_valid_after(datetime.fromisoformat(ends))
        )
        if signs is None:
            return builder
        usage = x509.KeyUsage(signs, False, not signs, False, False, False, False, False, False)
        return builder.add_extension(usage, critical=True)

    return sm2.PrivateKey.from_pem(key.pem(), pem(certify(build, key, key)).encode())


def a_message(
    documents: int = 1,
    message: str = "CEB311",
    root: str = "",
    text: str = "one &amp; two",
    pretty: bool = False,
    extend: bool = False,
    end: str = "",
) -> bytes:
    """An unsigned message of simple documents; ``root`` goes into the root's start tag, ``end`` behind its end tag."""
    gap = "\n  " if pretty else ""
    body = "".join(
        f"{gap}<ceb:Order><ceb:OrderHead><ceb:orderNo>{text}{number}</ceb:orderNo></ceb:OrderHead></ceb:Order>"
        for number in range(documents)
    )
    body += f"{gap}<ceb:BaseTransfer><ceb:copCode>9900000001</ceb:copCode></ceb:BaseTransfer>"
    if extend:
        body += f"{gap}<ceb:ExtendMessage><ceb:name>n</ceb:name></ceb:ExtendMessage>"
    newline = "\n" if pretty else ""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{newline}<ceb:{message}Message guid="G-1" version="1.0"'
        f' xmlns:ceb="{CEB}"{root}>{body}{newline}</ceb:{message}Message>{end}'
    ).encode()

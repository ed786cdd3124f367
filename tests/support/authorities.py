"""Authorities of certificates, RSA and SM2, with what they issue and revoke; every name in them is made up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.x509.oid import NameOID

from adapters.signature import SigningKey
from hub import sm2
from hub.infra.crypto import HostedKey
from hub.infra.sm2_authority import ECDSA_SHA256, SM2_SM3, certify, pem, tlv
from tests.support.signing import an_rsa_key, an_sm2_key

DER = serialization.Encoding.DER
BEGINS, ENDS = "2024-01-01", "2034-01-01"
RSA, SM2 = "rsa", "sm2"
KINDS = (RSA, SM2)


def moment(text: str) -> int:
    """Milliseconds of a day or time, UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def _with_sha1(made: x509.Certificate, key: Any) -> bytes:
    """The same certificate signed with SHA-1, which ``cryptography`` no longer does."""
    sha256, sha1 = bytes.fromhex("06092a864886f70d01010b"), bytes.fromhex("06092a864886f70d010105")
    content = made.tbs_certificate_bytes.replace(sha256, sha1, 1)
    value = b"\x00" + key.sign(content, padding.PKCS1v15(), hashes.SHA1())
    return tlv(0x30, content + tlv(0x30, sha1 + b"\x05\x00") + tlv(0x03, value))


def usage(*, sign: bool = False, certify: bool = False, lists: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(sign, False, False, False, False, certify, lists, False, False)


class Authority:
    """An authority; ``parent`` None: its certificate is self-signed. ``which`` numbers its key."""

    def __init__(
        self,
        name: str = "root",
        parent: Authority | None = None,
        *,
        kind: str = "",
        which: int = 10,
        begins: str = BEGINS,
        ends: str = ENDS,
        ca: bool | None = True,
        path_length: int | None = None,
        key_usage: x509.KeyUsage | None = usage(certify=True, lists=True),  # noqa: B008 - a value
        extension: x509.ExtensionType | None = None,
        hashed: hashes.HashAlgorithm = hashes.SHA256(),  # noqa: B008 - a value
        bits: int = 2048,
    ) -> None:
        self.kind = kind or (parent.kind if parent else RSA)
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"made up {name}")])
        self.key: Any = an_sm2_key(which) if self.kind == SM2 else an_rsa_key(bits, which)
        self.serial = which + 1000
        extensions: list[tuple[x509.ExtensionType, bool]] = []
        if ca is not None:
            extensions.append((x509.BasicConstraints(ca, path_length if ca else None), True))
        if key_usage is not None:
            extensions.append((key_usage, True))
        if extension is not None:
            extensions.append((extension, True))
        signer = parent or self
        self.der = signer.certified(self.name, self.key, self.serial, begins, ends, extensions, hashed)

    @property
    def pem(self) -> bytes:
        return pem(self.der).encode()

    def certified(
        self,
        subject: x509.Name,
        key: Any,
        serial: int,
        begins: str,
        ends: str,
        extensions: list[tuple[x509.ExtensionType, bool]],
        hashed: hashes.HashAlgorithm = hashes.SHA256(),  # noqa: B008 - a value
    ) -> bytes:
        """A certificate in DER, signed by this authority."""

        def build(public: Any) -> x509.CertificateBuilder:
            builder = (
                x509.CertificateBuilder()
                .subject_name(subject)
                .issuer_name(self.name)
                .public_key(public)
                .serial_number(serial)
                .not_valid_before(datetime.fromisoformat(begins))
                .not_valid_after(datetime.fromisoformat(ends))
            )
            for extension, critical in extensions:
                builder = builder.add_extension(extension, critical=critical)
            return builder

        if self.kind == SM2 and isinstance(key, sm2.SecretKey):
            return certify(build, key, self.key)
        if self.kind == SM2:
            raise NotImplementedError("an SM2 authority here certifies SM2 keys only")
        if isinstance(key, sm2.SecretKey):
            raise NotImplementedError("an RSA authority here certifies RSA keys only")
        if isinstance(hashed, hashes.SHA1):
            return _with_sha1(build(key.public_key()).sign(self.key, hashes.SHA256()), self.key)
        return build(key.public_key()).sign(self.key, hashed).public_bytes(DER)

    def issue(
        self,
        name: str = "signer",
        *,
        which: int = 0,
        serial: int = 0x03000000000CDE77,
        begins: str = BEGINS,
        ends: str = ENDS,
        ca: bool = False,
        key_usage: x509.KeyUsage | None = usage(sign=True),  # noqa: B008 - a value
        extension: x509.ExtensionType | None = None,
        hashed: hashes.HashAlgorithm = hashes.SHA256(),  # noqa: B008 - a value
    ) -> SigningKey:
        """A signer with a certificate of this authority."""
        key: Any = an_sm2_key(which) if self.kind == SM2 else an_rsa_key(2048, which)
        extensions: list[tuple[x509.ExtensionType, bool]] = [(x509.BasicConstraints(ca, None), True)]
        if key_usage is not None:
            extensions.append((key_usage, True))
        if extension is not None:
            extensions.append((extension, not isinstance(extension, x509.CRLDistributionPoints)))
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"made up {name}")])
        der = self.certified(subject, key, serial, begins, ends, extensions, hashed)
        if self.kind == SM2:
            return sm2.PrivateKey.from_pem(key.pem(), pem(der).encode())
        return HostedKey(key, x509.load_der_x509_certificate(der))

    def revokes(
        self,
        revoked: Mapping[int, str] | None = None,
        *,
        issued: str = "2024-05-01",
        next_due: str = "2024-07-01",
        extension: x509.ExtensionType | None = None,
        key: Any = None,
    ) -> bytes:
        """A revocation list in DER (serial → when); ``key``: another's that signs it in this authority's name."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.name)
            .last_update(datetime.fromisoformat(issued))
            .next_update(datetime.fromisoformat(next_due))
        )
        for serial, when in (revoked or {}).items():
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(datetime.fromisoformat(when))
            builder = builder.add_revoked_certificate(entry.build())
        if extension is not None:
            builder = builder.add_extension(extension, critical=True)
        if self.kind == RSA:
            return builder.sign(key or self.key, hashes.SHA256()).public_bytes(DER)
        made = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
        content = made.tbs_certlist_bytes.replace(ECDSA_SHA256, SM2_SM3, 1)
        value = b"\x00" + (key or self.key).sign_der(content)
        return tlv(0x30, content + tlv(0x30, SM2_SM3) + tlv(0x03, value))





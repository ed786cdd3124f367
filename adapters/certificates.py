"""X.509 certificates as signatures use them: parsed once, kept by their bytes."""

from __future__ import annotations

import hashlib
from functools import lru_cache

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from hub import sm2
from hub.domain.faults import Refused, fault

#: Certificates are one or two kilobytes; this bounds what is kept of them.
MAX_BYTES = 8 << 10
_KEPT = 4096

#: What reading a certificate or a list that is spoilt or made to harm may end with.
UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)

_PADDING = padding.PKCS1v15()
SM2_BITS = 256
_HASHES: dict[str, hashes.HashAlgorithm] = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256()}  # noqa: S303 - CEB allows it


class Certificate(msgspec.Struct, frozen=True, gc=False):
    """What a signature needs of a certificate. Times in milliseconds; ``serial`` hexadecimal, lower case."""

    fingerprint: str  # SHA-256 of the DER, hexadecimal
    serial: str
    subject: str  # may name a person: not for logs
    not_before: int
    not_after: int
    bits: int  # 0: neither an RSA nor an SM2 key
    may_sign: bool
    key: rsa.RSAPublicKey | None  # None: not an RSA key
    sm2_key: sm2.PublicKey | None = None  # None: not an SM2 key
    der: bytes = b""
    issuer: str = ""


def fingerprint(der: bytes) -> str:
    """SHA-256 of the certificate's DER bytes, hexadecimal."""
    return hashlib.sha256(der).hexdigest()


@lru_cache(maxsize=_KEPT)
def certificate(der: bytes) -> Certificate:
    """The certificate in these DER bytes; raises Refused ``signature.certificate`` where there is none."""
    if len(der) > MAX_BYTES:
        raise _unreadable()
    try:
        parsed = x509.load_der_x509_certificate(der)
        key, sm2_key = _keys(parsed, der)
        return Certificate(
            fingerprint=fingerprint(der),
            serial=f"{parsed.serial_number:x}",
            subject=parsed.subject.rfc4514_string(),
            not_before=int(parsed.not_valid_before_utc.timestamp() * 1000),
            not_after=int(parsed.not_valid_after_utc.timestamp() * 1000),
            bits=key.key_size if key is not None else SM2_BITS if sm2_key is not None else 0,
            may_sign=_may_sign(parsed),
            key=key,
            sm2_key=sm2_key,
            der=der,
            issuer=parsed.issuer.rfc4514_string(),
        )
    except UNREADABLE:
        raise _unreadable() from None


def _unreadable() -> Refused:
    return Refused([fault("signature.certificate", path="ds:Signature/ds:KeyInfo")])


def _keys(parsed: x509.Certificate, der: bytes) -> tuple[rsa.RSAPublicKey | None, sm2.PublicKey | None]:
    """The RSA key or the SM2 key of a certificate, neither where it has another."""
    try:
        key = parsed.public_key()
    except UnsupportedAlgorithm:
        return None, sm2.public_key(der)
    return (key if isinstance(key, rsa.RSAPublicKey) else None), None


def _may_sign(parsed: x509.Certificate) -> bool:
    """Key usage, where the certificate limits it, allows signatures."""
    try:
        usage = parsed.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return usage.digital_signature or usage.content_commitment


def is_signed_by(key: rsa.RSAPublicKey, value: bytes, data: bytes, hash_name: str) -> bool:
    """Whether ``value`` is the RSASSA-PKCS1-v1_5 signature of ``data``."""
    try:
        key.verify(value, data, _PADDING, _HASHES[hash_name])
    except InvalidSignature:
        return False
    return True


def same_serial(written: str, serial: str) -> bool:
    """Whether a KeyName is this serial number, however its hexadecimal digits are written."""
    return written.lower().removeprefix("0x").replace(" ", "").replace(":", "").lstrip("0") == serial.lstrip("0")

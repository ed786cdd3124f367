"""Keys the hub holds: its own signing key, the hosted keys of participants, and what API keys are kept as.

The folder ``<keys>``: ``hub.key`` (Ed25519, PEM), ``hub.pub`` (its public key, and after it those of the keys before),
``ca/`` (the local authority that issues the hosted certificates), ``made-up/<name>.pem`` (private key and certificate
of made-up participants; what the hub signs with is in ``hosted/``, encrypted: ``hub.infra.hosted``). Everything is made where it is
missing.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.x509.oid import NameOID

from hub.domain.faults import Misconfigured
from hub.infra.keyfiles import one_at_a_time, read_or_create, replace

_PEM = serialization.Encoding.PEM
_HASHES: dict[str, hashes.HashAlgorithm] = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256()}  # noqa: S303 - CEB allows it
_VALID = timedelta(days=3652)
_PUBLIC = re.compile(rb"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----", re.DOTALL)


# ---- the hub's own key
# ------------------------------------------------------------------------------------------


class PublicKeys:
    """The hub's public keys by their ids: the one in use first, then those before it, so that what they signed stays genuine."""

    def __init__(self, keys: Sequence[Ed25519PublicKey]) -> None:
        self._keys = {hub_key_id(key): key for key in keys}
        self.ids = tuple(self._keys)

    def __contains__(self, key_id: object) -> bool:
        return key_id in self._keys

    def signed(self, key_id: str, signature: bytes, data: bytes) -> bool:
        """Whether the hub's key of this id signed."""
        key = self._keys.get(key_id)
        if key is None:
            return False
        try:
            key.verify(signature, data)
        except InvalidSignature:
            return False
        return True

    def led_by(self, key: Ed25519PublicKey) -> PublicKeys:
        """The same with this key as the one in use."""
        return PublicKeys([key, *self._keys.values()])

    @classmethod
    def from_pem(cls, text: bytes) -> PublicKeys:
        """From PEM blocks, one after the other; raises TypeError or ValueError where they are something else, or one is cut short."""
        found = [serialization.load_pem_public_key(block) for block in _PUBLIC.findall(text)]
        keys = [key for key in found if isinstance(key, Ed25519PublicKey)]
        if not keys or len(keys) != text.count(b"-----BEGIN"):
            raise TypeError("not Ed25519 public keys")
        return cls(keys)

    def pem(self) -> bytes:
        """The keys in PEM, in their order."""
        return b"".join([key.public_bytes(_PEM, serialization.PublicFormat.SubjectPublicKeyInfo) for key in self._keys.values()])


class HubKey:
    """The Ed25519 key that signs acknowledgements; ``id`` names it in them. ``public``: it, and those before it."""

    def __init__(self, private: Ed25519PrivateKey, former: PublicKeys | None = None) -> None:
        self._private = private
        self.public = (former or PublicKeys([])).led_by(private.public_key())
        self.id = self.public.ids[0]

    def sign(self, data: bytes) -> bytes:
        """The Ed25519 signature (64 bytes)."""
        return self._private.sign(data)

    @classmethod
    def load(cls, keys: Path) -> HubKey:
        """The key in this folder, made at first use; ``hub.pub`` beside it, for those who verify, begins with it."""
        key, published = cls._read(keys)
        if key.public.pem() != published:
            with one_at_a_time(keys):
                key, _ = cls._read(keys)
                replace(keys / "hub.pub", key.public.pem())
        return key

    @classmethod
    def present(cls, keys: Path) -> HubKey:
        """The key in this folder; raises Misconfigured where there is none."""
        if not (keys / "hub.key").exists():
            raise Misconfigured([f"{keys} holds no hub.key: name the hub's folder with HUB_KEYS or HUB_DATA"])
        return cls.load(keys)

    @classmethod
    def renewed(cls, keys: Path) -> HubKey:
        """A new key in the place of the one in this folder, whose public key stays in ``hub.pub``.

        Published before it is used: a crash in between leaves a public key of which nothing is signed. Raises Misconfigured where
        there is no key yet, which is not the hub's folder, and where the folder cannot be written.
        """
        cls.present(keys)
        private = Ed25519PrivateKey.generate()
        try:
            with one_at_a_time(keys):
                former, _ = cls._read(keys)
                key = cls(private, former.public)
                replace(keys / "hub.pub", key.public.pem())
                replace(keys / "hub.key", _private_pem(private))
        except OSError as error:
            raise Misconfigured([f"{keys} cannot be written ({error.strerror}): let this account write there and rotate again"]) from error
        return key

    @classmethod
    def _read(cls, keys: Path) -> tuple[HubKey, bytes]:
        """The key, and ``hub.pub`` as it is; each is made where it is missing."""
        secret, public = keys / "hub.key", keys / "hub.pub"
        try:
            private = serialization.load_pem_private_key(read_or_create(secret, _new_ed25519), None)
        except (TypeError, ValueError) as error:
            raise Misconfigured([f"{secret} holds no private key in PEM: put back what it was"]) from error
        if not isinstance(private, Ed25519PrivateKey):
            raise Misconfigured([f"{secret} is not an Ed25519 key: put back what it was"])
        text = read_or_create(public, lambda: PublicKeys([private.public_key()]).pem())
        try:
            return cls(private, PublicKeys.from_pem(text)), text
        except (TypeError, ValueError) as error:
            wrong = f"{public} holds something else than Ed25519 public keys in PEM: put back what it was, or remove it (then only the key in use is known)"
            raise Misconfigured([wrong]) from error


def _new_ed25519() -> bytes:
    return _private_pem(Ed25519PrivateKey.generate())


def hub_key_id(public: Ed25519PublicKey) -> str:
    """``ed25519-`` and the first 16 hexadecimal digits of the SHA-256 of the raw public key."""
    return f"ed25519-{hashlib.sha256(public.public_bytes_raw()).hexdigest()[:16]}"


# ---- hosted keys
# ------------------------------------------------------------------------------------------------


class HostedKey:
    """A participant's RSA key and certificate, kept by the hub under its mandate (or used by ``hub submit``)."""

    def __init__(self, private: rsa.RSAPrivateKey, certificate: x509.Certificate) -> None:
        self._private = private
        self.certificate = certificate.public_bytes(serialization.Encoding.DER)
        self.fingerprint = hashlib.sha256(self.certificate).hexdigest()
        self.serial = f"{certificate.serial_number:x}"
        self._padding = padding.PKCS1v15()

    def sign(self, data: bytes, hash_name: str) -> bytes:
        """RSASSA-PKCS1-v1_5 with ``sha1`` or ``sha256``."""
        return self._private.sign(data, self._padding, _HASHES[hash_name])

    def certificate_pem(self) -> str:
        """The certificate in PEM."""
        return x509.load_der_x509_certificate(self.certificate).public_bytes(_PEM).decode()

    def private_pem(self) -> str:
        """The private key in PEM (PKCS 8, not encrypted)."""
        return _private_pem(self._private).decode()

    @classmethod
    def from_pem(cls, key: bytes, certificate: bytes) -> HostedKey:
        """From PEM texts; both may be the same file. Raises TypeError or ValueError where they are not an RSA key and
        certificate.
        """
        private = serialization.load_pem_private_key(key, None)
        if not isinstance(private, rsa.RSAPrivateKey):
            raise TypeError("not an RSA private key")
        return cls(private, x509.load_pem_x509_certificate(certificate))


class DemoAuthority:
    """A local certificate authority for made-up participants. No one outside this hub has a reason to trust
    it.
    """

    def __init__(self, keys: Path) -> None:
        self._keys = keys
        pem = read_or_create(keys / "ca" / "ca.pem", self._new_root)
        private = serialization.load_pem_private_key(pem, None)
        if not isinstance(private, rsa.RSAPrivateKey):
            raise TypeError("ca.pem is not an RSA key")
        self._private = private
        self.certificate = x509.load_pem_x509_certificate(pem)

    @staticmethod
    def _new_root() -> bytes:
        private = rsa.generate_private_key(65537, 2048)
        name = _name("Demo CA of the single window (made up)", "Demo")
        usage = _key_usage(signatures=False)
        builder = _builder(name, name, private.public_key(), _today(), usage)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        return _pem(private, builder.sign(private, hashes.SHA256()))

    def hosted(self, principal: str, organization: str = "Made-up Ltd") -> HostedKey:
        """The hosted key of a principal, issued at first use (RSA 2048, ten years)."""
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", principal):
            raise ValueError(f"not a name for a key: {principal!r}")
        pem = read_or_create(self._keys / "made-up" / f"{principal}.pem", lambda: self._issue(principal, organization))
        return HostedKey.from_pem(pem, pem)

    def _issue(self, principal: str, organization: str) -> bytes:
        private = rsa.generate_private_key(65537, 2048)
        subject, usage = _name(principal, organization), _key_usage(signatures=True)
        builder = _builder(subject, self.certificate.subject, private.public_key(), _today(), usage)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        return _pem(private, builder.sign(self._private, hashes.SHA256()))


def _today() -> datetime:
    """Now: keys are made at the edge, once, and their certificates begin when they are made."""
    return datetime.now(UTC)  # noqa: TID251


def _builder(
    subject: x509.Name, issuer: x509.Name, public: rsa.RSAPublicKey, now: datetime, usage: x509.KeyUsage
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(secrets.randbits(63) | 1 << 62)  # 16 hexadecimal digits, as customs' cards show them
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _VALID)
        .add_extension(usage, critical=True)
    )


def _key_usage(signatures: bool) -> x509.KeyUsage:
    """A participant's key signs messages, the authority's signs certificates."""
    return x509.KeyUsage(
        digital_signature=signatures,
        content_commitment=signatures,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=not signatures,
        crl_sign=not signatures,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str, organization: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _pem(private: rsa.RSAPrivateKey, certificate: x509.Certificate) -> bytes:
    return _private_pem(private) + certificate.public_bytes(_PEM)


def _private_pem(private: rsa.RSAPrivateKey | Ed25519PrivateKey) -> bytes:
    return private.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


# ---- API keys
# ---------------------------------------------------------------------------------------------------

#: Prefix of API keys, so that scanners for leaked secrets recognise them.
API_KEY_PREFIX = "hub_"


def new_api_key() -> str:
    """A new API key: 256 random bits."""
    return API_KEY_PREFIX + secrets.token_urlsafe(32)


def api_key_hash(key: str) -> str:
    """What is kept of an API key: SHA-256, hexadecimal. Keys are random, so a fast hash gives nothing away."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def is_api_key(key: str, kept: str) -> bool:
    """Whether ``key`` is the one whose hash was kept; takes the same time either way."""
    return hmac.compare_digest(api_key_hash(key), kept)

"""Signing keys the hub holds under mandates, encrypted at rest.

A file ``<keys>/hosted/<name>.<kind>.key``, ``kind`` rsa or sm2: ``mark (8) · how (1) · salt (16) · nonce (12) · AES-256-GCM`` of the
private key and the certificate, both PEM; everything before the nonce, and the name and kind, are authenticated. The key they
are encrypted with lies elsewhere (``HUB_HOSTED_KEY_FILE``): 32 bytes (raw, or 64 hexadecimal digits; ``how`` 0), or a passphrase,
of which scrypt makes one (``how`` 1). Who has a copy of the keys' folder alone can sign for nobody.
"""

from __future__ import annotations

import os
import re
import secrets
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from hub import sm2
from hub.domain.faults import Misconfigured
from hub.infra.crypto import HostedKey
from hub.infra.keyfiles import read_or_create, replace, sync_folder
from hub.settings import Settings

RSA, SM2 = "rsa", "sm2"
_MARK = b"hubkey1\n"
_RAW, _PASSPHRASE = b"\x00", b"\x01"
_SALT, _NONCE = 16, 12
#: A passphrase shorter than this is no secret.
LEAST = 16
#: scrypt: 64 MB and about a fifth of a second a key.
_COST = {"n": 1 << 16, "r": 8, "p": 1}
_OTHERS = 0o077

#: A key that signs (``adapters.signature.SigningKey``).
Key = HostedKey | sm2.PrivateKey


class _Pair(msgspec.Struct, array_like=True):
    """What is encrypted."""

    key: bytes
    certificate: bytes


class Encryption:
    """The key hosted keys are encrypted with."""

    def __init__(self, secret: bytes, how: bytes) -> None:
        self._secret, self._how = secret, how
        self._cipher = lru_cache(maxsize=256)(self._made)

    @classmethod
    def of_file(cls, path: Path) -> Encryption:
        """Of a file that only its owner can read; Misconfigured where it is none. Errors never say what the file holds."""
        try:
            data, mode = path.read_bytes(), path.stat().st_mode
        except OSError as error:
            raise Misconfigured([f"hosted_key_file {path}: {error.strerror}"]) from None
        if mode & _OTHERS:
            raise Misconfigured([f"others can read {path}: chmod go= {path}"])
        if len(data) == 32:
            return cls(data, _RAW)
        text = data.strip()
        if re.fullmatch(rb"[0-9A-Fa-f]{64}", text):
            return cls(bytes.fromhex(text.decode()), _RAW)
        if len(text) < LEAST:
            raise Misconfigured([f"{path}: 32 bytes, 64 hexadecimal digits, or a passphrase of {LEAST} characters and more"])
        return cls(text, _PASSPHRASE)

    @classmethod
    def made_up(cls, path: Path) -> Encryption:
        """Of a file that is made where it is missing: for the keys of made-up principals, which lie beside it anyway."""
        return cls(read_or_create(path, lambda: secrets.token_bytes(32)), _RAW)

    def seal(self, data: bytes, about: bytes) -> bytes:
        """``data`` encrypted; ``about`` is authenticated with it."""
        head = _MARK + self._how + os.urandom(_SALT)
        nonce = os.urandom(_NONCE)
        return head + nonce + self._cipher(head[-_SALT:]).encrypt(nonce, data, head + about)

    def open(self, sealed: bytes, about: bytes) -> bytes | None:
        """What was sealed; None where it was with another key, about something else, or changed since."""
        head, rest = sealed[: len(_MARK) + 1 + _SALT], sealed[len(_MARK) + 1 + _SALT :]
        if not head.startswith(_MARK + self._how):
            return None
        try:
            return self._cipher(head[-_SALT:]).decrypt(rest[:_NONCE], rest[_NONCE:], head + about)
        except (InvalidTag, ValueError):
            return None

    def _made(self, salt: bytes) -> AESGCM:
        if self._how == _RAW:
            return AESGCM(self._secret)
        return AESGCM(Scrypt(salt=salt, length=32, **_COST).derive(self._secret))


def made_up_file(data: Path) -> Path:
    """Where the key is that the keys of made-up principals are encrypted with, unless a setting names another."""
    return data / "demo" / "hosted.kek"


class _Held(NamedTuple):
    """A key in memory, as long as its file is the same."""

    changed: int
    key: Key


class HostedKeys:
    """The keys in a folder; several processes may share it. A key that is removed signs nothing any more, in any of them."""

    def __init__(self, keys: Path, encryption: Encryption) -> None:
        self._folder, self._encryption = keys / "hosted", encryption
        self._held: dict[tuple[str, str], _Held] = {}

    @classmethod
    def of_settings(cls, settings: Settings) -> HostedKeys | None:
        """Those of this hub: encrypted as the settings say, else with the key made for the demo's; None where there is neither."""
        if settings.hosted_key_file is not None:
            return cls(settings.keys_folder, Encryption.of_file(settings.hosted_key_file))
        made_up = made_up_file(settings.data)
        return cls(settings.keys_folder, Encryption.made_up(made_up)) if made_up.exists() else None

    def put(self, name: str, kind: str, key: bytes, certificate: bytes) -> None:
        """Keep a pair (PEM), in place of what there was."""
        path = self._path(name, kind)
        replace(path, self._encryption.seal(msgspec.msgpack.encode(_Pair(key, certificate)), path.name.encode()))

    def get(self, name: str, kind: str) -> Key | None:
        """The key, None where there is none of the kind; Misconfigured where it cannot be opened."""
        path = self._path(name, kind)
        try:
            changed = path.stat().st_mtime_ns
        except FileNotFoundError:
            self._held.pop((name, kind), None)
            return None
        held = self._held.get((name, kind))
        if held is None or held.changed != changed:
            opened = self._encryption.open(path.read_bytes(), path.name.encode())
            if opened is None:
                raise Misconfigured([f"{path} was encrypted with another key than that of hosted_key_file, or was changed"])
            pair = msgspec.msgpack.decode(opened, type=_Pair)
            held = self._held[name, kind] = _Held(changed, read_pair(pair.key, pair.certificate)[1])
        return held.key

    def opens(self, name: str, kind: str) -> bool:
        """Whether there is a key of the kind that can be opened."""
        try:
            return self.get(name, kind) is not None
        except Misconfigured:
            return False

    def remove(self, name: str) -> int:
        """Destroy a principal's keys; how many there were."""
        gone = 0
        for kind in (RSA, SM2):
            path = self._path(name, kind)
            if path.exists():
                with path.open("r+b") as file:
                    file.write(bytes(path.stat().st_size))
                    os.fsync(file.fileno())
                path.unlink()
                sync_folder(self._folder)
                gone += 1
        return gone

    def _path(self, name: str, kind: str) -> Path:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
            raise Misconfigured([f"not a name for a key: {name!r}"])
        return self._folder / f"{name}.{kind}.key"


def read_pair(key: bytes, certificate: bytes) -> tuple[str, Key]:
    """(kind, key) of PEM texts; Misconfigured where they are no RSA or SM2 key and its certificate. Says nothing of the key."""
    try:
        found = x509.load_pem_x509_certificate(certificate)
    except ValueError:
        raise Misconfigured(["the certificate is not PEM"]) from None
    try:
        private = load_pem_private_key(key, None)
        own = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        made = HostedKey.from_pem(key, certificate)
        if own == found.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo):
            return RSA, made
        raise Misconfigured(["the certificate is not that of the key"]) from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        pass
    try:
        return SM2, sm2.PrivateKey.from_pem(key, certificate)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Misconfigured(["no unencrypted RSA or SM2 key in PEM (PKCS 8) and its certificate"]) from None

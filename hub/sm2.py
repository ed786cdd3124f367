"""SM2 signatures (GB/T 32918.2, digest SM3) through the libcrypto that Python itself runs on.

``cryptography`` knows SM3 but no SM2 curve. A message's signature is the raw 64 bytes r‖s as China E-port writes it, a
certificate's is DER; Z is computed with the default user ID. ctypes lets go of the interpreter during a call, so signing
may go to a thread.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, byref, c_char_p, c_int, c_long, c_size_t, c_ubyte, c_void_p
from functools import cache, lru_cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding

#: GM/T 0009: the user ID where none was agreed on.
DEFAULT_ID = b"1234567812345678"
#: User IDs with which signers are known to sign by mistake: none, and that of the standard's example.
OTHER_IDS = (b"", b"ALICE123@YAHOO.COM")
#: r and s, 32 bytes each.
SIZE = 64
#: The order of the curve sm2p256v1: r and s are between 1 and one less.
ORDER = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
_DER_MOST = 72

#: name → (result, arguments); in this order as libcrypto declares them.
_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {  # Any: ctypes has no common type of its types
    "BIO_new_mem_buf": (c_void_p, (c_char_p, c_int)),
    "BIO_free": (c_int, (c_void_p,)),
    "PEM_read_bio_PrivateKey": (c_void_p, (c_void_p, c_void_p, c_void_p, c_char_p)),
    "d2i_X509": (c_void_p, (c_void_p, POINTER(c_char_p), c_long)),
    "X509_get_pubkey": (c_void_p, (c_void_p,)),
    "X509_free": (None, (c_void_p,)),
    "EVP_PKEY_is_a": (c_int, (c_void_p, c_char_p)),
    "EVP_PKEY_eq": (c_int, (c_void_p, c_void_p)),
    "EVP_PKEY_free": (None, (c_void_p,)),
    "BIO_new": (c_void_p, (c_void_p,)),
    "BIO_s_mem": (c_void_p, ()),
    "BIO_read": (c_int, (c_void_p, c_void_p, c_int)),
    "PEM_write_bio_PKCS8PrivateKey": (
        c_int,
        (c_void_p, c_void_p, c_void_p, c_char_p, c_int, c_void_p, c_void_p),
    ),
    "i2d_PUBKEY": (c_int, (c_void_p, POINTER(c_void_p))),
    "EVP_PKEY_CTX_new_from_name": (c_void_p, (c_void_p, c_char_p, c_char_p)),
    "EVP_PKEY_keygen_init": (c_int, (c_void_p,)),
    "EVP_PKEY_generate": (c_int, (c_void_p, POINTER(c_void_p))),
    "EVP_PKEY_CTX_new": (c_void_p, (c_void_p, c_void_p)),
    "EVP_PKEY_CTX_set1_id": (c_int, (c_void_p, c_char_p, c_int)),
    "EVP_PKEY_CTX_free": (None, (c_void_p,)),
    "EVP_MD_CTX_new": (c_void_p, ()),
    "EVP_MD_CTX_set_pkey_ctx": (None, (c_void_p, c_void_p)),
    "EVP_MD_CTX_free": (None, (c_void_p,)),
    "EVP_sm3": (c_void_p, ()),
    "EVP_DigestSignInit": (c_int, (c_void_p, c_void_p, c_void_p, c_void_p, c_void_p)),
    "EVP_DigestSign": (c_int, (c_void_p, POINTER(c_ubyte), POINTER(c_size_t), c_char_p, c_size_t)),
    "EVP_DigestVerifyInit": (c_int, (c_void_p, c_void_p, c_void_p, c_void_p, c_void_p)),
    "EVP_DigestVerify": (c_int, (c_void_p, c_char_p, c_size_t, c_char_p, c_size_t)),
    "ERR_clear_error": (None, ()),
}


@cache
def _crypto() -> Any:  # Any: ctypes
    import _hashlib  # what it was linked with is the libcrypto of this Python

    library = ctypes.CDLL(_hashlib.__file__)
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class _Key:
    """An EVP_PKEY of the kind SM2; freed with the object. Raises ValueError where ``pointer`` is none."""

    def __init__(self, pointer: int | None) -> None:
        self._pointer = pointer
        self._free = _crypto().EVP_PKEY_free  # at the end of the interpreter the module may go before the key
        if not pointer or _crypto().EVP_PKEY_is_a(pointer, b"SM2") != 1:
            _crypto().ERR_clear_error()
            raise ValueError("not an SM2 key")

    def __del__(self) -> None:
        if self._pointer:
            self._free(self._pointer)

    def is_pair_of(self, other: _Key) -> bool:
        """Whether both are of one key pair."""
        return bool(_crypto().EVP_PKEY_eq(self._pointer, other._pointer) == 1)


class PublicKey(_Key):
    """The key of an SM2 certificate."""

    def is_signed_by(self, value: bytes, data: bytes, user_id: bytes = DEFAULT_ID) -> bool:
        """Whether ``value`` (64 bytes r‖s) is this key's signature of ``data``."""
        return is_value(value) and self.is_signed_by_der(der(value), data, user_id)

    def is_signed_by_der(self, value: bytes, data: bytes, user_id: bytes = DEFAULT_ID) -> bool:
        """The same of a value in DER, as certificates and revocation lists have it."""
        lib = _crypto()
        with _Digesting(self, user_id) as context:
            begun = lib.EVP_DigestVerifyInit(context, None, lib.EVP_sm3(), None, self._pointer) == 1
            holds = begun and lib.EVP_DigestVerify(context, value, len(value), data, len(data)) == 1
            lib.ERR_clear_error()
            return bool(holds)


class SecretKey(_Key):
    """An SM2 private key."""

    def sign_der(self, data: bytes, user_id: bytes = DEFAULT_ID) -> bytes:
        """The signature over ``data`` in DER; another one each time."""
        lib = _crypto()
        with _Digesting(self, user_id) as context:
            room, size = (c_ubyte * _DER_MOST)(), c_size_t(_DER_MOST)
            begun = lib.EVP_DigestSignInit(context, None, lib.EVP_sm3(), None, self._pointer) == 1
            if not begun or lib.EVP_DigestSign(context, room, byref(size), data, len(data)) != 1:
                lib.ERR_clear_error()
                raise ValueError("libcrypto could not sign with this SM2 key")
        return bytes(room[: size.value])

    @classmethod
    def generate(cls) -> SecretKey:
        """A new key."""
        lib = _crypto()
        context = lib.EVP_PKEY_CTX_new_from_name(None, b"SM2", None)
        made = c_void_p()
        try:
            if not context or lib.EVP_PKEY_keygen_init(context) != 1 or lib.EVP_PKEY_generate(context, byref(made)) != 1:
                lib.ERR_clear_error()
                raise ValueError("libcrypto makes no SM2 keys")
        finally:
            lib.EVP_PKEY_CTX_free(context)
        return cls(made.value)

    @classmethod
    def load(cls, pem: bytes) -> SecretKey:
        """From PEM, not encrypted; raises ValueError where it is no SM2 key."""
        return cls(_read_pem(pem))

    def pem(self) -> bytes:
        """The key in PEM (PKCS 8, not encrypted)."""
        lib = _crypto()
        memory = lib.BIO_new(lib.BIO_s_mem())
        try:
            if lib.PEM_write_bio_PKCS8PrivateKey(memory, self._pointer, None, None, 0, None, None) != 1:
                raise ValueError("libcrypto could not write this SM2 key")
            room = (c_ubyte * 1024)()
            return bytes(room[: lib.BIO_read(memory, room, len(room))])
        finally:
            lib.BIO_free(memory)

    def public_der(self) -> bytes:
        """The public key as a certificate has it (SubjectPublicKeyInfo, DER)."""
        lib = _crypto()
        room = (c_ubyte * lib.i2d_PUBKEY(self._pointer, None))()
        lib.i2d_PUBKEY(self._pointer, byref(ctypes.cast(room, c_void_p)))
        return bytes(room)


class PrivateKey(SecretKey):
    """An SM2 private key with its certificate (DER); a ``SigningKey`` for the hash ``sm3``."""

    def __init__(self, pointer: int | None, certificate: bytes) -> None:
        super().__init__(pointer)
        self.certificate = certificate

    def sign(self, data: bytes, hash_name: str = "sm3") -> bytes:
        """The raw 64 bytes r‖s over ``data``; another one each time."""
        if hash_name != "sm3":
            raise ValueError("SM2 signs with SM3 only")
        return raw(self.sign_der(data))

    @classmethod
    def from_pem(cls, key: bytes, certificate: bytes) -> PrivateKey:
        """From PEM texts, not encrypted; raises ValueError where they are not an SM2 key and its certificate."""
        der = x509.load_pem_x509_certificate(certificate).public_bytes(Encoding.DER)
        made = cls(_read_pem(key), der)
        if not made.is_pair_of(public_key(der)):
            raise ValueError("the certificate is not that of the key")
        return made


def _read_pem(pem: bytes) -> int | None:
    lib = _crypto()
    memory = lib.BIO_new_mem_buf(pem, len(pem))
    try:
        # An empty passphrase is given so that an encrypted key fails instead of asking the terminal.
        found: int | None = lib.PEM_read_bio_PrivateKey(memory, None, None, b"")
        return found
    finally:
        lib.BIO_free(memory)


class _Digesting:
    """An EVP_MD_CTX that knows the user ID, for one signature."""

    def __init__(self, key: _Key, user_id: bytes) -> None:
        lib = _crypto()
        self._context = lib.EVP_MD_CTX_new()
        self._key_context = lib.EVP_PKEY_CTX_new(key._pointer, None)
        lib.EVP_PKEY_CTX_set1_id(self._key_context, user_id, len(user_id))
        lib.EVP_MD_CTX_set_pkey_ctx(self._context, self._key_context)

    def __enter__(self) -> int:
        return int(self._context)

    def __exit__(self, *_: object) -> None:
        _crypto().EVP_MD_CTX_free(self._context)
        _crypto().EVP_PKEY_CTX_free(self._key_context)


@lru_cache(maxsize=1024)
def public_key(der: bytes) -> PublicKey:
    """The key of a certificate in DER; raises ValueError where it is not SM2's."""
    lib = _crypto()
    begin = c_char_p(der)
    certificate = lib.d2i_X509(None, byref(begin), len(der))
    if not certificate:
        lib.ERR_clear_error()
        raise ValueError("not a certificate")
    try:
        return PublicKey(lib.X509_get_pubkey(certificate))
    finally:
        lib.X509_free(certificate)


def raw(der: bytes) -> bytes:
    """r‖s of a signature in DER; raises ValueError for what is none."""
    r, s = decode_dss_signature(der)
    if max(r, s) >> 256:
        raise ValueError("not an SM2 signature")
    return r.to_bytes(32) + s.to_bytes(32)


def der(value: bytes) -> bytes:
    """A signature in DER from its 64 bytes r‖s."""
    return encode_dss_signature(int.from_bytes(value[:32]), int.from_bytes(value[32:]))


def is_value(value: bytes) -> bool:
    """Whether these bytes can be r‖s at all: 64 of them, both numbers between 1 and the order less one."""
    return len(value) == SIZE and all(0 < int.from_bytes(part) < ORDER for part in (value[:32], value[32:]))


def is_der(value: bytes) -> bool:
    """Whether these bytes are r and s in DER."""
    try:
        raw(value)
    except (ValueError, OverflowError):
        return False
    return True

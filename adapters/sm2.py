"""SM2 signatures (GB/T 32918.2, digest SM3) through the libcrypto that Python itself runs on.

``cryptography`` knows SM3 but no SM2 curve. A signature is the raw 64 bytes r‖s as China E-port writes it, not DER; Z is
computed with the default user ID. ctypes lets go of the interpreter during a call, so signing may go to a thread.
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
#: r and s, 32 bytes each.
SIZE = 64
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

    def is_signed_by(self, value: bytes, data: bytes) -> bool:
        """Whether ``value`` (64 bytes r‖s) is this key's signature of ``data``."""
        if len(value) != SIZE:
            return False
        der = encode_dss_signature(int.from_bytes(value[:32]), int.from_bytes(value[32:]))
        lib = _crypto()
        with _Digesting(self) as context:
            begun = lib.EVP_DigestVerifyInit(context, None, lib.EVP_sm3(), None, self._pointer) == 1
            holds = begun and lib.EVP_DigestVerify(context, der, len(der), data, len(data)) == 1
            lib.ERR_clear_error()
            return bool(holds)


class PrivateKey(_Key):
    """An SM2 private key with its certificate; a ``SigningKey`` for the hash ``sm3``."""

    def __init__(self, pointer: int | None, certificate: bytes) -> None:
        super().__init__(pointer)
        self.certificate = certificate

    def sign(self, data: bytes, hash_name: str = "sm3") -> bytes:
        """The raw 64 bytes r‖s over ``data``; another one each time."""
        if hash_name != "sm3":
            raise ValueError("SM2 signs with SM3 only")
        lib = _crypto()
        with _Digesting(self) as context:
            room, size = (c_ubyte * _DER_MOST)(), c_size_t(_DER_MOST)
            begun = lib.EVP_DigestSignInit(context, None, lib.EVP_sm3(), None, self._pointer) == 1
            if not begun or lib.EVP_DigestSign(context, room, byref(size), data, len(data)) != 1:
                lib.ERR_clear_error()
                raise ValueError("libcrypto could not sign with this SM2 key")
        return raw(bytes(room[: size.value]))

    @classmethod
    def from_pem(cls, key: bytes, certificate: bytes) -> PrivateKey:
        """From PEM texts, not encrypted; raises ValueError where they are not an SM2 key and its certificate."""
        der = x509.load_pem_x509_certificate(certificate).public_bytes(Encoding.DER)
        lib = _crypto()
        memory = lib.BIO_new_mem_buf(key, len(key))
        try:
            # An empty passphrase is given so that an encrypted key fails instead of asking the terminal.
            made = cls(lib.PEM_read_bio_PrivateKey(memory, None, None, b""), der)
        finally:
            lib.BIO_free(memory)
        if not made.is_pair_of(public_key(der)):
            raise ValueError("the certificate is not that of the key")
        return made


class _Digesting:
    """An EVP_MD_CTX that knows the user ID, for one signature."""

    def __init__(self, key: _Key) -> None:
        lib = _crypto()
        self._context = lib.EVP_MD_CTX_new()
        self._key_context = lib.EVP_PKEY_CTX_new(key._pointer, None)
        lib.EVP_PKEY_CTX_set1_id(self._key_context, DEFAULT_ID, len(DEFAULT_ID))
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

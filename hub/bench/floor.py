"""The native floor: calls that no program in this language can avoid for the same messages.

Parse (libxml2), compiled XSD, canonicalise and digest, one verification a message, RSA or SM2. Nothing of the hub.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree

from hub import sm2
from hub.infra.sm2_authority import Sm2Authority
from schemas import catalog

_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)


def floor_us(messages: Sequence[bytes], declarations: int, *, of_sm2: bool = False) -> float:
    """µs of CPU a declaration for the native calls on ``messages``, which hold ``declarations`` of them."""
    verify, hash_name = (_sm2(), "sm3") if of_sm2 else (_rsa(), "sha256")
    for message in messages[:4]:
        _native(message, hash_name)
    start = time.process_time()
    for message in messages:
        _native(message, hash_name)
        verify()
    return (time.process_time() - start) / declarations * 1e6


def _rsa() -> Callable[[], object]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key()
    signature = key.sign(b"floor", padding.PKCS1v15(), hashes.SHA256())
    return lambda: public.verify(signature, b"floor", padding.PKCS1v15(), hashes.SHA256())


def _sm2() -> Callable[[], object]:
    with TemporaryDirectory() as folder:
        key, certificate = Sm2Authority(Path(folder)).hosted("floor")
    private = sm2.PrivateKey.from_pem(key.encode(), certificate.encode())
    public, signature = sm2.public_key(private.certificate), private.sign(b"floor")
    return lambda: public.is_signed_by(signature, b"floor")


def _native(message: bytes, hash_name: str) -> None:
    root = etree.fromstring(message, _PARSER)
    found = catalog.message_of(root)
    assert found is not None
    catalog.validator(found)(root)
    hashlib.new(hash_name, etree.tostring(root, method="c14n")).digest()

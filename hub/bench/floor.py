"""The native floor: calls that no program in this language can avoid for the same messages.

Parse (libxml2), compiled XSD, canonicalise and digest, one RSA verification a message. Nothing of the hub.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree

from schemas import catalog

_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)


def floor_us(messages: Sequence[bytes], declarations: int) -> float:
    """µs of CPU a declaration for the native calls on ``messages``, which hold ``declarations`` of them."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key()
    signature = key.sign(b"floor", padding.PKCS1v15(), hashes.SHA256())
    for message in messages[:4]:
        _native(message)
    start = time.process_time()
    for message in messages:
        _native(message)
        public.verify(signature, b"floor", padding.PKCS1v15(), hashes.SHA256())
    return (time.process_time() - start) / declarations * 1e6


def _native(message: bytes) -> None:
    root = etree.fromstring(message, _PARSER)
    found = catalog.message_of(root)
    assert found is not None
    catalog.validator(found)(root)
    hashlib.sha256(etree.tostring(root, method="c14n")).digest()

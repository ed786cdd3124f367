"""XML signatures of CEB messages and DXP envelopes: signing and verifying (CEB specification, chapter 6).

A signature covers the whole document but itself: ``verify`` accepts it only at its one place below the root,
so what was signed is what is read. Every refusal names its step by a code of the family ``signature``.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Container, Mapping
from functools import lru_cache
from typing import NamedTuple, NoReturn, Protocol

import msgspec
from lxml import etree

from adapters import canonical
from adapters.certificates import Certificate, certificate, is_signed_by, same_serial
from adapters.signature_form import (
    C14N,
    DS,
    ENVELOPED,
    PATH,
    SIGNATURE,
    SignatureParts,
    inherited_attributes,
    read_text,
    read_tree,
    signature_of,
    signed_info_of,
    to_be_signed,
)
from adapters.xml import AUTHORITY, parse
from hub.domain.faults import Fault, Refused, fault


class Algorithm(msgspec.Struct, frozen=True):
    """A way to sign: its name, its two URIs, the hash, and the least number of bits of a key (0: not offered
    yet).
    """

    name: str
    method: str
    digest_method: str
    hash: str
    min_bits: int


RSA_SHA1 = Algorithm("rsa-sha1", DS + "rsa-sha1", DS + "sha1", "sha1", 1024)
RSA_SHA256 = Algorithm(
    "rsa-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    "http://www.w3.org/2001/04/xmlenc#sha256",
    "sha256",
    2048,
)
_CHINAPORT = "http://www.chinaport.gov.cn/2022/04/xmldsig#"
SM2_SM3 = Algorithm("sm2-sm3", _CHINAPORT + "sm2-sm3", _CHINAPORT + "sm3", "sm3", 0)

#: By name, for signing and settings.
ALGORITHMS = {algorithm.name: algorithm for algorithm in (RSA_SHA1, RSA_SHA256, SM2_SM3)}
#: By the URI of the SignatureMethod; the second URI of SM2 is in use too.
_BY_METHOD = {a.method: a for a in ALGORITHMS.values()} | {DS + "sm2-sm3": SM2_SM3}
#: A larger key costs more to verify than it is worth.
MAX_BITS = 8192

#: Export messages hold their signature before ExtendMessage, all others have it last.
_EXPORT = frozenset(f"CEB{n}Message" for n in (213, 215, 303, 403, 505, 507, 509, 603, 605, 607, 701))


class SignatureReport(msgspec.Struct, frozen=True):
    """A signature that holds: by whom, how, and what is odd about it (``faults``, which only flag)."""

    algorithm: str
    fingerprint: str
    serial: str
    subject: str
    faults: tuple[Fault, ...] = ()


class SigningKey(Protocol):
    """A private RSA key with its certificate, wherever it is kept."""

    @property
    def certificate(self) -> bytes:
        """The certificate in DER."""

    def sign(self, data: bytes, hash_name: str) -> bytes:
        """RSASSA-PKCS1-v1_5 over ``data`` with ``sha1`` or ``sha256``."""


# ---- verifying
# --------------------------------------------------------------------------------------------------


def find(root: etree._Element) -> etree._Element | None:
    """The Signature at its place below the root, None where the document is unsigned.

    Raises Refused ``signature.multiple`` or ``signature.place``.
    """
    found = list(root.iterchildren(SIGNATURE))
    if not found:
        return None
    if len(found) > 1:
        _refuse("signature.multiple", line=_line(found[1]))
    after = [child.tag for child in found[0].itersiblings()]
    extend = f"{{{etree.QName(root).namespace}}}ExtendMessage"
    if after and not (after == [extend] and etree.QName(root).localname in _EXPORT):
        _refuse("signature.place", line=_line(found[0]))
    return found[0]


def verify(
    root: etree._Element,
    text: bytes | None,
    trusted: Container[str] | None,
    at: int,
    algorithms: Container[str] = ("rsa-sha1", "rsa-sha256"),
) -> SignatureReport:
    """Verify the signature of a parsed document.

    ``text``: ``ParsedXml.text`` (None: by the tree alone, slower). ``trusted``: SHA-256 fingerprints of the
    certificates the enterprise may sign with; None does not ask. ``at``: milliseconds when it was received,
    for which the certificate must be valid. Raises Refused with the code of the step that failed.
    """
    signature = find(root)
    if signature is None:
        _refuse("signature.place" if _is_elsewhere(root) else "signature.missing")
    plain = _plain(text, signature) if text is not None else None
    parts = read_text(plain.signature, plain.tag.namespaces) if plain is not None else None
    if parts is None:
        parts = read_tree(signature)
    algorithm = _algorithm(parts, algorithms)
    signer = certificate(parts.certificate)
    _check_signer(signer, algorithm, trusted, at)
    flags = _check_digest(root, plain, signature, parts.digest, algorithm.hash)
    if signer.key is None or not is_signed_by(signer.key, parts.value, parts.signed_info, algorithm.hash):
        _refuse("signature.value")
    if not same_serial(parts.key_name, signer.serial):
        flags = (*flags, fault("signature.key_name", path=f"{PATH}/ds:KeyInfo/ds:KeyName"))
    return SignatureReport(algorithm.name, signer.fingerprint, signer.serial, signer.subject, flags)


def certificate_of(root: etree._Element) -> bytes:
    """The certificate (DER) a document's signature carries; the document must have been verified."""
    signature = find(root)
    if signature is None:
        _refuse("signature.missing")
    return read_tree(signature).certificate


def _is_elsewhere(root: etree._Element) -> bool:
    return next(root.iter(SIGNATURE), None) is not None


def _algorithm(parts: SignatureParts, allowed: Container[str]) -> Algorithm:
    """The algorithm of a signature whose every URI is one of the profile's."""
    if parts.uri != "":
        _refuse("signature.reference")
    if parts.transforms != (ENVELOPED,) or parts.canonicalization != C14N:
        _refuse("signature.transform")
    algorithm = _BY_METHOD.get(parts.method)
    if algorithm is not None and algorithm.min_bits == 0:
        _refuse("signature.sm2")
    if algorithm is None or algorithm.digest_method != parts.digest_method or algorithm.name not in allowed:
        _refuse("signature.algorithm")
    return algorithm


def _check_signer(signer: Certificate, algorithm: Algorithm, trusted: Container[str] | None, at: int) -> None:
    if trusted is not None and signer.fingerprint not in trusted:
        _refuse("signature.untrusted")
    if at < signer.not_before:
        _refuse("signature.not_yet_valid")
    if at > signer.not_after:
        _refuse("signature.expired")
    if signer.key is None:
        _refuse("signature.algorithm")
    if not algorithm.min_bits <= signer.bits <= MAX_BITS:
        _refuse("signature.key_size", bits=signer.bits, least=algorithm.min_bits)
    if not signer.may_sign:
        _refuse("signature.key_usage")


def _check_digest(
    root: etree._Element, plain: _Plain | None, signature: etree._Element, digest: bytes, hash_name: str
) -> tuple[Fault, ...]:
    """Compare the digest of the document without the signature.

    Signers are known that break the line after the signature without counting it; customs accept that, so do
    we, with a flag: white space after the signature says nothing.
    """
    canonical_parts = plain.document if plain is not None else None
    if _digest(canonical_parts or (canonical.of_tree(root, signature),), hash_name) == digest:
        return ()
    blank_tail = bool(signature.tail) and not str(signature.tail).strip(" \t\r\n")
    if blank_tail and _digest((canonical.of_tree(root, signature, tail=False),), hash_name) == digest:
        return (fault("signature.line_feed", path=PATH),)
    return _refuse("signature.digest")


def _digest(parts: tuple[bytes, ...], hash_name: str) -> bytes:
    hashed = hashlib.new(hash_name, usedforsecurity=False)
    for part in parts:
        hashed.update(part)
    return hashed.digest()


class _Plain(NamedTuple):
    """What the text alone tells: the root's start tag, the Signature, the rest in canonical form (None: not
    proven).
    """

    tag: canonical.StartTag
    signature: bytes
    document: tuple[bytes, ...] | None


def _plain(text: bytes, signature: etree._Element) -> _Plain | None:
    """The Signature in the text, if it is the last thing in the root; None where that is not plain to see.

    The last end tag before the root's is the signature's; the last start tag of its name before that begins
    it, since signatures do not nest (their form is checked) and in an element without ``<!`` and ``<?`` every
    ``<`` is a tag.
    """
    tag = canonical.start_tag(text)
    if tag is None or signature.getnext() is not None:
        return None
    name = (signature.prefix.encode() + b":" if signature.prefix else b"") + b"Signature"
    close, end = b"</%s>" % name, len(text.rstrip(b" \t\n")) - len(tag.name) - 3
    body = text[:end].rstrip(b" \t\n")
    if not body.endswith(close) or not text.startswith(b"</%s>" % tag.name, end):
        return None
    begin = _last_start_tag(body, name)
    region = body[begin:]
    if begin < tag.end or b"<!" in region or b"<?" in region:
        return None
    return _Plain(tag, region, canonical.plain_parts(text, tag, (begin, len(body))))


def _last_start_tag(text: bytes, name: bytes) -> int:
    """Where the last start tag of exactly this name begins, -1 if nowhere."""
    begin, mark = len(text), b"<" + name
    while begin >= 0:
        begin = text.rfind(mark, 0, begin)
        if text[begin + len(mark) : begin + len(mark) + 1] in (b">", b" ", b"\t", b"\n", b"\r", b"/"):
            return begin
    return -1


# ---- signing
# ----------------------------------------------------------------------------------------------------


def sign(xml: bytes, key: SigningKey, algorithm: str = "rsa-sha256") -> bytes:
    """Put a signature at its place in an unsigned document in UTF-8; all other bytes stay as they are.

    Raises Refused (``xml.…``, ``signature.multiple``) if the document cannot be signed.
    """
    form = ALGORITHMS[algorithm]
    if form.min_bits == 0:
        _refuse("signature.sm2")
    prepared = _prepared(xml, form.hash)
    content = signed_info_of(form.method, form.digest_method, prepared.digest)
    value = key.sign(to_be_signed(content, prepared.namespaces, prepared.inherited), form.hash)
    place = prepared.place
    serial, encoded = _key_info(key.certificate)
    return b"%s%s%s" % (xml[:place], signature_of(content, value, serial, encoded), xml[place:])


class _Prepared(NamedTuple):
    """Where the signature goes, the namespaces in scope there, the document's digest, its ``xml:`` attributes."""

    place: int
    namespaces: Mapping[bytes, bytes]
    digest: bytes
    inherited: bytes = b""


def _prepared(xml: bytes, hash_name: str) -> _Prepared:
    """From the text alone where that is plain to see."""
    tag = canonical.start_tag(xml)
    if tag is not None and not (tag.name.endswith(_EXPORT_NAMES) and b"ExtendMessage" in xml):
        place = len(xml.rstrip(b" \t\n")) - len(tag.name) - 3
        plain = canonical.plain_parts(xml, tag, (place, place))
        if plain is not None and not re.search(rb"<(?:[^\s<>/:]+:)?Signature>", xml):
            return _Prepared(place, tag.namespaces, _digest(plain, hash_name))
    return _prepared_tree(xml, hash_name)


_EXPORT_NAMES = tuple(name.encode() for name in _EXPORT)


def _prepared_tree(xml: bytes, hash_name: str) -> _Prepared:
    """The same for any document, by way of its tree."""
    parsed = parse(xml, AUTHORITY)
    root = parsed.root
    if parsed.text != xml or _is_elsewhere(root):
        _refuse("signature.multiple" if parsed.text == xml else "xml.encoding")
    name = (f"{root.prefix}:" if root.prefix else "") + etree.QName(root).localname
    place = xml.rfind(f"</{name}".encode())
    if etree.QName(root).localname in _EXPORT and len(root) and str(root[-1].tag).endswith("}ExtendMessage"):
        place = xml.rfind(f"<{root[-1].prefix}:ExtendMessage".encode() if root[-1].prefix else b"<ExtendMessage")
    namespaces = {(prefix or "").encode(): uri.encode() for prefix, uri in root.nsmap.items()}
    digest = _digest((canonical.of_tree(root, None),), hash_name)
    return _Prepared(place, namespaces, digest, inherited_attributes(root))


@lru_cache(maxsize=1024)
def _key_info(der: bytes) -> tuple[str, bytes]:
    """(KeyName, the certificate in Base64)."""
    return certificate(der).serial, base64.b64encode(der)


def _line(element: etree._Element) -> int:
    return int(getattr(element, "sourceline", 0) or 0)


def _refuse(code: str, line: int = 0, **values: int) -> NoReturn:
    raise Refused([fault(code, path=PATH, line=line, document=-1, **values)])
